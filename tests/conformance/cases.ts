/** The conformance folder: its JSON, as types, and how its groups are found and read. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** The content of a `$tensor`. */
export interface TensorSpec {
  dtype: string;
  shape: number[];
  /** Absent when only dtype and shape are known. */
  data?: (number | string | boolean)[];
  strides?: number[];
  offset?: number;
  requires_grad?: boolean;
  parameter?: boolean;
}

export interface ExpectedError {
  type: string;
  message: string;
  pattern?: string;
}

/** What all cases have; the rest depends on the suite. */
export interface Case extends JsonObject {
  id: string;
}

export interface Group {
  suite: string;
  name: string;
  op?: string;
  tier?: number;
  cases: Case[];
}

export const suites = [
  'ops',
  'modules',
  'optim',
  'random',
  'autograd',
  'indexing',
  'promotion',
  'printing',
  'serialization',
  'training',
] as const;

export type SuiteName = (typeof suites)[number];

export interface GroupFile {
  suite: SuiteName;
  /** File name without `.json.gz`. */
  name: string;
  path: string;
}

/** Every group of a conformance folder, in the order of the suites, then by name. */
export function listGroups(folder: string): GroupFile[] {
  return suites.flatMap((suite) => {
    let names: string[];
    try {
      names = readdirSync(join(folder, suite));
    } catch {
      return [];
    }
    const endings = names.filter((n) => n.endsWith('.json.gz')).sort();
    return endings.map((file) => ({
      suite,
      name: file.slice(0, -'.json.gz'.length),
      path: join(folder, suite, file),
    }));
  });
}

export function readGroup(path: string): Group {
  return JSON.parse(gunzipSync(readFileSync(path)).toString('utf8')) as Group;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The content of `{"$tag": content}`, or undefined. */
export function tagged(value: Json | undefined, tag: string): Json | undefined {
  return isObject(value) && Object.hasOwn(value, tag) ? value[tag] : undefined;
}

export function tensorSpec(value: Json | undefined): TensorSpec | undefined {
  return tagged(value, '$tensor') as unknown as TensorSpec | undefined;
}

export function tagsOf(testCase: Case): readonly string[] {
  return (testCase.tags as string[] | undefined) ?? [];
}

export function errorOf(holder: JsonObject): ExpectedError | undefined {
  return holder.error as unknown as ExpectedError | undefined;
}

/** Does complex arithmetic occur anywhere in the case: an argument, a result, or a dtype that is asked for? */
export function usesComplex(value: Json): boolean {
  if (Array.isArray(value)) return value.some((v) => typeof v === 'object' && usesComplex(v));
  if (!isObject(value)) return false;
  if (Object.hasOwn(value, '$complex')) return true;
  const dtype = value.$dtype ?? (value.$tensor as JsonObject | undefined)?.dtype ?? value.dtype;
  if (typeof dtype === 'string' && dtype.startsWith('complex')) return true;
  return Object.values(value).some((v) => typeof v === 'object' && usesComplex(v));
}

/** Visits every tensor of a value in reading order. */
export function forEachTensor(value: Json, visit: (spec: TensorSpec) => void): void {
  const spec = tensorSpec(value);
  if (spec !== undefined) visit(spec);
  else if (Array.isArray(value)) for (const item of value) forEachTensor(item, visit);
  else if (isObject(value)) for (const item of Object.values(value)) forEachTensor(item, visit);
}
