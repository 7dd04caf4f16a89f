/** What a workload is: the same programs, side by side, for TypeTorch, PyTorch and the peers in JavaScript. */
import type { Koffi } from './openblas.ts';

/** The part that is timed. It returns when its result is there, or a promise of that. */
export type Step = () => unknown;

/** Prepares a step; this part is not timed. */
export type Cases = Record<string, () => Step | Promise<Step>>;

/** The largest ratio of TypeTorch's time to PyTorch's that counts as reached. */
export interface Target {
  readonly wasm: number;
  readonly blas: number;
}

export interface Workload {
  readonly title: string;
  typetorch(torch: typeof import('typetorch')): Cases;
  /** Python text that defines a dictionary `cases` of functions that return the step, under the same names; `null`: not compared. */
  readonly pytorch: string | null;
  /** The program, or the reason why there is none. */
  readonly jax: ((jax: typeof import('@jax-js/jax')) => Cases) | string;
  readonly tfjs: ((tf: typeof import('@tensorflow/tfjs')) => Cases) | string;
  /** The backend that can do this workload; `wasm` unless said. */
  readonly tfjsBackend?: 'cpu' | 'wasm';
  /** Cases that call OpenBLAS with nothing in between. */
  openblas?(blas: Koffi): Cases;
  /** Cases that measure the machine itself, on one core. */
  probe?(): Cases;
  target?(name: string): Target | null;
  /** Floating-point operations of a step, where a rate says more than a time. */
  operations?(name: string): number | null;
  /** The least share of the machine's rate on all threads (wasm), and of OpenBLAS called directly (BLAS), that counts as reached. */
  rateTarget?(name: string): Target | null;
}

/** Numbers that look like data, the same in every run: uniform in [-1, 1). */
export function numbers(count: number, seed = 1): Float32Array<ArrayBuffer> {
  const values = new Float32Array(count);
  let state = seed >>> 0;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[i] = state / 2 ** 31 - 1;
  }
  return values;
}
