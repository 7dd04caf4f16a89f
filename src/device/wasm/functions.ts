/** Elementary functions as vector code. Those without a form here are called lane by lane in JavaScript. */
import type { ComputeType } from '../../base/dtype.ts';
import type { Lanes, Vec } from './lanes.ts';

type Emit = (lanes: Lanes, args: readonly Vec[]) => Vec;

const forms: Readonly<Record<string, Emit>> = {};

export function hasVectorForm(op: string, type: ComputeType): boolean {
  return `${op}:${type}` in forms;
}

export function emitFunction(lanes: Lanes, op: string, type: ComputeType, args: readonly Vec[]): Vec {
  return forms[`${op}:${type}`](lanes, args);
}
