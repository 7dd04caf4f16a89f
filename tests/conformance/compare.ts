/** Comparison of what the library gave with what PyTorch gave. Every function throws Mismatch where they differ. */
import { type ExpectedError, isObject, type Json, type TensorSpec, tensorSpec } from './cases.ts';
import { element } from './decode.ts';
import { describe, Inexpressible, type Library, Mismatch, type TensorLike, Unsupported } from './library.ts';

export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

export const exact: Tolerance = { rtol: 0, atol: 0 };

export function toleranceOf(holder: { [key: string]: Json }, prefix = ''): Tolerance {
  const rtol = holder[`${prefix}rtol`] ?? holder.rtol ?? 0;
  const atol = holder[`${prefix}atol`] ?? holder.atol ?? 0;
  return { rtol: rtol as number, atol: atol as number };
}

/** `|got - expected| <= atol + rtol * |expected|`; NaN equals NaN, and infinities equal only themselves. */
export function isClose(got: number, expected: number, { rtol, atol }: Tolerance): boolean {
  if (got === expected) return true;
  if (Number.isNaN(expected)) return Number.isNaN(got);
  if (!Number.isFinite(expected) || !Number.isFinite(got)) return false;
  return Math.abs(got - expected) <= atol + rtol * Math.abs(expected);
}

export function expectNumber(
  got: unknown,
  expected: number | bigint,
  tolerance: Tolerance,
  where: string,
): void {
  if (typeof got === 'boolean' || (typeof got !== 'number' && typeof got !== 'bigint')) {
    throw new Mismatch(`${where}: expected the number ${expected}, got ${describe(got)}`);
  }
  const same =
    typeof got === 'bigint' || typeof expected === 'bigint'
      ? // biome-ignore lint/suspicious/noDoubleEquals: 2 == 2n is the comparison that is meant
        got == expected
      : isClose(got, expected, tolerance);
  if (!same) throw new Mismatch(`${where}: expected ${expected}, got ${got}`);
}

export function expectEqual(got: unknown, expected: unknown, where: string): void {
  if (got !== expected) throw new Mismatch(`${where}: expected ${String(expected)}, got ${String(got)}`);
}

const shapeText = (shape: readonly number[]): string => `[${[...shape].join(', ')}]`;

const sameNumbers = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((v, i) => v === b[i]);

/** Compares the elements in C order with a tensor's. */
export function expectElements(got: TensorLike, spec: TensorSpec, tolerance: Tolerance, where: string): void {
  const data = spec.data ?? [];
  const values = got.toTypedArray();
  if (values.length !== data.length) {
    throw new Mismatch(`${where}: expected ${data.length} elements, got ${values.length}`);
  }
  const floating = spec.dtype.includes('float');
  // float32 and narrower are written as the shortest decimal that names the float32.
  const rounded = floating && spec.dtype !== 'float64';
  let wrong = 0;
  let first = '';
  for (let i = 0; i < data.length; i++) {
    let expected = element(spec.dtype, data[i]);
    if (rounded) expected = Math.fround(expected as number);
    const same = floating
      ? isClose(values[i] as number, expected as number, tolerance)
      : values[i] === expected;
    if (!same && wrong++ === 0) first = `element ${i} is ${values[i]}, expected ${expected}`;
  }
  if (wrong > 0) throw new Mismatch(`${where}: ${wrong} of ${data.length} elements differ; ${first}`);
}

export function expectTensor(
  library: Library,
  got: unknown,
  spec: TensorSpec,
  tolerance: Tolerance,
  where: string,
): void {
  expectKind(library, got, spec, where);
  if (spec.data !== undefined) expectElements(got, spec, tolerance, where);
}

/** dtype and shape. */
export function expectKind(
  library: Library,
  got: unknown,
  spec: TensorSpec,
  where: string,
): asserts got is TensorLike {
  if (!library.isTensor(got)) throw new Mismatch(`${where}: expected a tensor, got ${describe(got)}`);
  const dtype = library.dtypeName(got);
  if (dtype !== spec.dtype) throw new Mismatch(`${where}: expected dtype ${spec.dtype}, got ${dtype}`);
  if (!sameNumbers(got.shape, spec.shape)) {
    throw new Mismatch(`${where}: expected shape ${shapeText(spec.shape)}, got ${shapeText(got.shape)}`);
  }
}

/** Several results as an array: arrays, iterable named tuples, or plain objects in the order of their fields. */
export function asList(library: Library, got: unknown): readonly unknown[] | undefined {
  if (Array.isArray(got)) return got;
  if (got === null || typeof got !== 'object' || library.isTensor(got)) return undefined;
  if (Symbol.iterator in got) return [...(got as Iterable<unknown>)];
  return Object.values(got);
}

/** The tensors of a result in reading order. */
export function flatten(library: Library, got: unknown): TensorLike[] {
  if (library.isTensor(got)) return [got];
  return (asList(library, got) ?? []).flatMap((v) => flatten(library, v));
}

/** Compares a result of any kind with its JSON. */
export function expectValue(
  library: Library,
  got: unknown,
  expected: Json,
  tolerance: Tolerance,
  where = 'out',
): void {
  if (expected === null) {
    if (got !== null && got !== undefined)
      throw new Mismatch(`${where}: expected null, got ${describe(got)}`);
    return;
  }
  if (typeof expected === 'boolean' || typeof expected === 'string') expectEqual(got, expected, where);
  else if (typeof expected === 'number') expectNumber(got, expected, tolerance, where);
  else if (!Array.isArray(expected)) expectTagged(library, got, expected, tolerance, where);
  else {
    const items = asList(library, got);
    if (items === undefined) {
      throw new Mismatch(`${where}: expected ${expected.length} values, got ${describe(got)}`);
    }
    if (items.length !== expected.length) {
      throw new Mismatch(`${where}: expected ${expected.length} values, got ${items.length}`);
    }
    expected.forEach((e, i) => {
      expectValue(library, items[i], e, tolerance, `${where}[${i}]`);
    });
  }
}

function expectTagged(
  library: Library,
  got: unknown,
  expected: { [key: string]: Json },
  tolerance: Tolerance,
  where: string,
): void {
  const spec = tensorSpec(expected);
  if (spec !== undefined) {
    expectTensor(library, got, spec, tolerance, where);
    return;
  }
  const [tag] = Object.keys(expected);
  const content = expected[tag];
  switch (tag) {
    case '$float':
      expectNumber(got, Number(content), tolerance, where);
      return;
    case '$int':
      expectNumber(got, BigInt(content as string), tolerance, where);
      return;
    case '$dtype':
      expectEqual(String(got).replace(/^torch\./, ''), content, where);
      return;
    case '$device':
      expectEqual(String(got), content, where);
      return;
    case '$packed_sequence': {
      const fields = content as { [key: string]: Json };
      for (const name of ['data', 'batch_sizes', 'sorted_indices', 'unsorted_indices']) {
        expectValue(library, library.send(got, name), fields[name] ?? null, tolerance, `${where}.${name}`);
      }
      return;
    }
    default:
      throw new Error(`unknown result ${tag}`);
  }
}

/** The flags of `out_shares`: which output tensors view the memory of an argument, and with which strides. */
export function expectShares(
  library: Library,
  outputs: readonly TensorLike[],
  args: readonly TensorLike[],
  flags: readonly boolean[],
  expected: Json,
): void {
  const specs: TensorSpec[] = [];
  const collect = (value: Json): void => {
    const spec = tensorSpec(value);
    if (spec !== undefined) specs.push(spec);
    else if (Array.isArray(value)) value.forEach(collect);
  };
  collect(expected);
  outputs.forEach((output, i) => {
    const numel = output.shape.reduce((a, b) => a * b, 1);
    const shares = numel > 0 && args.some((arg) => library.sharesStorage(arg, output));
    const wanted = flags[i] ?? false;
    if (shares !== wanted) {
      const text = wanted
        ? 'should view an argument and is a copy'
        : 'should be a copy and views an argument';
      throw new Mismatch(`out_shares[${i}]: the output ${text}`);
    }
    const strides = specs[i]?.strides;
    if (!wanted || strides === undefined) return;
    const got = library.send(output, 'stride') as number[];
    // The stride of a dimension of size 1 is free.
    const differs = strides.some((s, d) => output.shape[d] > 1 && got[d] !== s);
    if (differs) throw new Mismatch(`strides[${i}]: expected ${shapeText(strides)}, got ${shapeText(got)}`);
  });
}

const withoutHint = (message: string): string => message.split(' Hint:')[0].trim();

/** What a WebAssembly trap throws; the type library of the harness need not know WebAssembly. */
const trap: unknown = (globalThis as { WebAssembly?: { RuntimeError: unknown } }).WebAssembly?.RuntimeError;

/** Native errors of the engine speak of a defect of the library, whatever they are called. */
export function isNativeError(error: unknown): boolean {
  const natives: readonly unknown[] = [
    Error,
    RangeError,
    ReferenceError,
    SyntaxError,
    TypeError,
    // A WebAssembly trap has the name 'RuntimeError', as PyTorch's error has.
    trap,
  ];
  return natives.includes((error as object | null)?.constructor);
}

/** Compares a thrown error: its type by name, and its message unless that is free. */
export function expectError(error: unknown, expected: ExpectedError, messageFree: boolean): void {
  const { name, message } = error as Error;
  if (isNativeError(error)) {
    throw new Mismatch(`expected ${expected.type}, got a native ${name}: ${message}`);
  }
  const type = expected.type.replace(/^_/, '').split('.').at(-1);
  if (name !== type) throw new Mismatch(`expected ${type}, got ${name}: ${message}`);
  if (messageFree) return;
  if (withoutHint(message) !== withoutHint(expected.message)) {
    throw new Mismatch(
      `expected the message "${withoutHint(expected.message)}", got "${withoutHint(message)}"`,
    );
  }
}

/** Runs a call that must raise. */
export function expectThrows(call: () => unknown, expected: ExpectedError, messageFree: boolean): void {
  let result: unknown;
  try {
    result = call();
  } catch (error) {
    if (isUnsupported(error) && expected.type !== 'NotImplementedError') throw error;
    if (error instanceof Unsupported || error instanceof Inexpressible) throw error;
    expectError(error, expected, messageFree);
    return;
  }
  throw new Mismatch(
    `expected ${expected.type} "${expected.message}", but the call returned ${describe(result)}`,
  );
}

/** Thrown where something is missing: by the harness (no such function) or by the library. */
export function isUnsupported(error: unknown): boolean {
  const name = (error as Error | null)?.name;
  return name === 'Unsupported' || name === 'NotImplementedError';
}

/**
 * Compares nested state (optimizer and scheduler state dicts): `$dict` with a Map or a plain object, keys as Python names them. Private keys
 * of the library's own (`_name`) are free.
 */
export function expectState(
  library: Library,
  got: unknown,
  expected: Json,
  tolerance: Tolerance,
  where: string,
): void {
  if (Array.isArray(expected)) {
    if (!Array.isArray(got) || got.length !== expected.length) {
      throw new Mismatch(`${where}: expected a list of ${expected.length}, got ${describe(got)}`);
    }
    expected.forEach((e, i) => {
      expectState(library, got[i], e, tolerance, `${where}[${i}]`);
    });
    return;
  }
  if (!isObject(expected) || !Object.hasOwn(expected, '$dict')) {
    expectValue(library, got, expected, tolerance, where);
    return;
  }
  const entries = entriesOf(got, where);
  const pairs = expected.$dict as [Json, Json][];
  for (const [key, value] of pairs) {
    const name = String(key);
    if (!entries.has(name)) throw new Mismatch(`${where}: the key ${name} is missing`);
    expectState(library, entries.get(name), value, tolerance, `${where}.${name}`);
  }
  for (const name of entries.keys()) {
    const known = pairs.some(([key]) => String(key) === name);
    if (!known && !name.startsWith('_')) throw new Mismatch(`${where}: unexpected key ${name}`);
  }
}

/** The entries of a Map or a plain object, by the text of their keys. */
export function entriesOf(value: unknown, where: string): Map<string, unknown> {
  if (value instanceof Map) return new Map([...value].map(([k, v]) => [String(k), v]));
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new Mismatch(`${where}: expected a dict, got ${describe(value)}`);
  }
  return new Map(Object.entries(value));
}
