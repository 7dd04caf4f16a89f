/** From a list of samples to a batch. https://pytorch.org/docs/stable/data.html#working-with-collate-fn */
import { isOptions, pythonType } from '../base/arguments.ts';
import { ArgumentTypeError, IndexError, KeyError, RuntimeError } from '../base/errors.ts';
import { stack } from '../ops/index.ts';
import type { TypedArray } from '../ops/runtime.ts';
import { tensor } from '../tensor/create.ts';
import { Tensor } from '../tensor/tensor.ts';

/** What `defaultCollate` makes of samples of type T. */
export type Collated<T> = T extends Tensor | TypedArray | number | bigint | boolean
  ? Tensor
  : T extends string
    ? string[]
    : T extends ReadonlyMap<infer K, infer V>
      ? Map<K, Collated<V>>
      : T extends readonly unknown[]
        ? { -readonly [K in keyof T]: Collated<T[K]> }
        : T extends object
          ? { -readonly [K in keyof T]: Collated<T[K]> }
          : unknown;

/** What `defaultConvert` makes of a sample of type T. */
export type Converted<T> = T extends Tensor
  ? T
  : T extends TypedArray
    ? Tensor
    : T extends ReadonlyMap<infer K, infer V>
      ? Map<K, Converted<V>>
      : T extends readonly unknown[]
        ? { -readonly [K in keyof T]: Converted<T[K]> }
        : T;

function isTypedArray(x: unknown): x is TypedArray {
  return ArrayBuffer.isView(x) && !(x instanceof DataView);
}

/** Samples that are mappings: the values of each key of the first, collated. */
function collateKeys<K>(
  keys: Iterable<K>,
  read: (sample: number, key: K) => unknown,
  count: number,
): [K, unknown][] {
  return Array.from(keys, (key): [K, unknown] => [
    key,
    defaultCollate(Array.from({ length: count }, (_, i) => read(i, key))),
  ]);
}

function missingKey(key: unknown): never {
  throw new KeyError(typeof key === 'string' ? `'${key}'` : String(key));
}

function collateMaps(samples: readonly ReadonlyMap<unknown, unknown>[]): Map<unknown, unknown> {
  const read = (i: number, key: unknown) => (samples[i].has(key) ? samples[i].get(key) : missingKey(key));
  return new Map(collateKeys(samples[0].keys(), read, samples.length));
}

function collateObjects(samples: readonly Record<string, unknown>[]): Record<string, unknown> {
  const read = (i: number, key: string) =>
    Object.hasOwn(samples[i], key) ? samples[i][key] : missingKey(key);
  return Object.fromEntries(collateKeys(Object.keys(samples[0]), read, samples.length));
}

function collateLists(samples: readonly (readonly unknown[])[]): unknown[] {
  const { length } = samples[0];
  if (samples.some((s) => s.length !== length)) {
    throw new RuntimeError('each element in list of batch should be of equal size');
  }
  return samples[0].map((_, i) => defaultCollate(samples.map((s) => s[i])));
}

function refuse(x: unknown): never {
  const isClass = typeof x === 'object' && x !== null && !isOptions(x);
  const type = isClass ? (x.constructor?.name ?? 'object') : pythonType(x);
  throw new ArgumentTypeError(
    `default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found <class '${type}'>`,
  );
}

/**
 * Puts samples together to a batch: tensors are stacked along a new first dimension, numbers become tensors, strings stay a list, and arrays,
 * plain objects and Maps are collated entry by entry.
 *
 * Numbers become what `torch.tensor` makes of them: the default dtype from numbers, int64 from bigints, bool from booleans. (PyTorch makes
 * float64 of Python's floats and int64 of its ints, which JavaScript's numbers do not tell apart.) So a class label is best given as a
 * bigint, `3n`. Typed arrays count as tensors.
 *
 * Throws a TypeError for anything else, a RuntimeError for arrays of different lengths.
 * https://pytorch.org/docs/stable/data.html#torch.utils.data.default_collate
 *
 * @example
 * ```ts
 * console.log(torch.data.defaultCollate([[0, 1n], [2, 3n]])); // => [ tensor([0., 2.]), tensor([1, 3]) ]
 * console.log(torch.data.defaultCollate([{ a: true }, { a: false }])); // => { a: tensor([ True, False]) }
 * ```
 */
export function defaultCollate<T>(batch: readonly T[]): Collated<T> {
  return collate(batch) as Collated<T>;
}

function collate(batch: readonly unknown[]): unknown {
  if (batch.length === 0) throw new IndexError('list index out of range: a batch has no samples');
  const first = batch[0];
  if (first instanceof Tensor) return stack(batch as readonly Tensor[], 0);
  switch (typeof first) {
    case 'number':
    case 'bigint':
    case 'boolean':
      return tensor(batch as readonly number[]);
    case 'string':
      return batch;
    default:
      break;
  }
  if (Array.isArray(first)) return collateLists(batch as readonly (readonly unknown[])[]);
  if (isTypedArray(first))
    return stack(
      (batch as readonly TypedArray[]).map((array) => tensor(array)),
      0,
    );
  if (first instanceof Map) return collateMaps(batch as readonly ReadonlyMap<unknown, unknown>[]);
  if (isOptions(first)) return collateObjects(batch as readonly Record<string, unknown>[]);
  return refuse(first);
}

/**
 * What a loader does to a single sample where it makes no batches (`batchSize: null`): typed arrays become tensors, also inside arrays, plain
 * objects and Maps; everything else stays as it is.
 * https://pytorch.org/docs/stable/data.html#torch.utils.data.default_convert
 */
export function defaultConvert<T>(data: T): Converted<T> {
  return convert(data) as Converted<T>;
}

function convert(data: unknown): unknown {
  if (data instanceof Tensor) return data;
  if (isTypedArray(data)) return tensor(data);
  if (Array.isArray(data)) return data.map(convert);
  if (data instanceof Map) return new Map(Array.from(data, ([key, value]) => [key, convert(value)]));
  if (isOptions(data))
    return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, convert(value)]));
  return data;
}
