/** `torch.testing.assert_close`: are two values equal up to the rounding that their dtypes allow? */
import type { DType, DTypeName } from '../base/dtype.ts';
import { isOptions, pythonType } from '../base/arguments.ts';
import { ArgumentTypeError, AssertionError, ValueError } from '../base/errors.ts';
import { showFloat, showNumber } from '../base/numbers.ts';
import { sameSizes } from '../base/shape.ts';
import { Size } from '../tensor/size.ts';
import { Tensor } from '../tensor/tensor.ts';
import { promoteTypes } from '../base/dtype.ts';

/** Keyword arguments of `assertClose`. */
export interface AssertCloseOptions {
  /** Relative tolerance. Give both tolerances or neither; the default depends on the dtypes. */
  rtol?: number | null;
  /** Absolute tolerance. */
  atol?: number | null;
  /** Two NaN in the same place are equal. */
  equalNan?: boolean;
  checkDevice?: boolean;
  /** Otherwise the values are compared in the promoted dtype. */
  checkDtype?: boolean;
  checkStride?: boolean;
  /** Replaces the message of the error, or makes one of it. */
  msg?: string | ((message: string) => string) | null;
}

interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

/** PyTorch's defaults: about the square root of the machine epsilon for half of the digits, exact for integers. */
const tolerances: Readonly<Partial<Record<DTypeName, Tolerance>>> = {
  float16: { rtol: 1e-3, atol: 1e-5 },
  bfloat16: { rtol: 1.6e-2, atol: 1e-5 },
  float32: { rtol: 1.3e-6, atol: 1e-5 },
  float64: { rtol: 1e-7, atol: 1e-7 },
};
const exact: Tolerance = { rtol: 0, atol: 0 };

/** The tolerance that `assertClose` uses between tensors of these dtypes. */
export function defaultTolerance(...dtypes: readonly DType[]): Tolerance {
  const all = dtypes.map((d) => tolerances[d.name] ?? exact);
  return { rtol: Math.max(...all.map((t) => t.rtol)), atol: Math.max(...all.map((t) => t.atol)) };
}

/**
 * Throws an AssertionError unless `actual` and `expected` are close: |actual − expected| ≤ atol + rtol·|expected| for every element,
 * with the same shape, dtype and device. Arrays, maps and plain objects are compared item by item; a number counts as a float64,
 * a bigint as an int64.
 * Throws a ValueError where only one tolerance is given, a TypeError for values of other kinds.
 * https://pytorch.org/docs/stable/testing.html
 *
 * @example
 * ```ts
 * torch.testing.assertClose(torch.tensor([1, 2]).exp().log(), torch.tensor([1, 2]));
 * try {
 *   torch.testing.assertClose(torch.tensor([1, 2]), torch.tensor([1, 3]));
 * } catch (error) {
 *   console.log((error as Error).message.split('\n')[0]); // => Tensor-likes are not close!
 * }
 * ```
 */
export function assertClose(actual: unknown, expected: unknown, options: AssertCloseOptions = {}): void {
  const { rtol = null, atol = null, msg = null } = options;
  if ((rtol === null) !== (atol === null)) {
    const missing = rtol === null ? 'rtol' : 'atol';
    throw new ValueError(
      `Both 'rtol' and 'atol' must be either specified or omitted, but got no ${missing}.`,
    );
  }
  const given = rtol === null || atol === null ? null : { rtol, atol };
  const problem = difference(actual, expected, { ...options, given }, '');
  if (problem === null) return;
  throw new AssertionError(typeof msg === 'function' ? msg(problem) : (msg ?? problem));
}

interface Settings extends AssertCloseOptions {
  readonly given: Tolerance | null;
}

/** What differs, in words; null where nothing does. `path` is where in a nested value we are: `[0]['a']`. */
function difference(actual: unknown, expected: unknown, settings: Settings, path: string): string | null {
  const problem = differenceHere(actual, expected, settings, path);
  if (problem === null || path === '' || problem.nested) return problem?.text ?? null;
  return `${problem.text}\n\nThe failure occurred for item ${path}`;
}

interface Problem {
  readonly text: string;
  /** Found deeper inside: the item is named already. */
  readonly nested: boolean;
}

function here(text: string | null): Problem | null {
  return text === null ? null : { text, nested: false };
}

function differenceHere(
  actual: unknown,
  expected: unknown,
  settings: Settings,
  path: string,
): Problem | null {
  if (actual instanceof Tensor && expected instanceof Tensor)
    return here(tensorsDiffer(actual, expected, settings));
  if (isNull(actual) || isNull(expected)) {
    if (isNull(actual) && isNull(expected)) return null;
    return here(`None mismatch: ${show(actual)} is not ${show(expected)}`);
  }
  if (typeof actual === 'boolean' && typeof expected === 'boolean') {
    return here(actual === expected ? null : `Booleans mismatch: ${show(actual)} is not ${show(expected)}`);
  }
  if (isNumber(actual) && isNumber(expected)) return here(numbersDiffer(actual, expected, settings));
  if (isSequence(actual) && isSequence(expected)) return sequencesDiffer(actual, expected, settings, path);
  const [left, right] = [entriesOf(actual), entriesOf(expected)];
  if (left !== null && right !== null) return mappingsDiffer(left, right, settings, path);
  throw new ArgumentTypeError(
    `No comparison pair was able to handle inputs of type <class '${typeName(actual)}'> and <class '${typeName(expected)}'>.`,
  );
}

function sequencesDiffer(
  actual: ArrayLike<unknown>,
  expected: ArrayLike<unknown>,
  settings: Settings,
  path: string,
): Problem | null {
  if (actual.length !== expected.length) {
    return here(`The length of the sequences mismatch: ${actual.length} != ${expected.length}`);
  }
  for (let i = 0; i < actual.length; i++) {
    const text = difference(actual[i], expected[i], settings, `${path}[${i}]`);
    if (text !== null) return { text, nested: true };
  }
  return null;
}

function mappingsDiffer(
  actual: ReadonlyMap<unknown, unknown>,
  expected: ReadonlyMap<unknown, unknown>,
  settings: Settings,
  path: string,
): Problem | null {
  const missing = [...expected.keys()].filter((k) => !actual.has(k));
  const additional = [...actual.keys()].filter((k) => !expected.has(k));
  if (missing.length > 0 || additional.length > 0) {
    const lines = ['The keys of the mappings do not match:'];
    if (missing.length > 0)
      lines.push(`Missing keys in the actual mapping: [${missing.map(show).join(', ')}]`);
    if (additional.length > 0)
      lines.push(`Additional keys in the actual mapping: [${additional.map(show).join(', ')}]`);
    return here(lines.join('\n'));
  }
  for (const [key, value] of expected) {
    const text = difference(actual.get(key), value, settings, `${path}[${show(key)}]`);
    if (text !== null) return { text, nested: true };
  }
  return null;
}

function tensorsDiffer(actual: Tensor, expected: Tensor, settings: Settings): string | null {
  const { checkDevice = true, checkDtype = true, checkStride = false, equalNan = false, given } = settings;
  const attribute = (name: string, a: string, b: string): string =>
    `The values for attribute '${name}' do not match: ${a} != ${b}.`;
  if (!sameSizes(actual.sizes, expected.sizes)) {
    return attribute('shape', String(Size.from(actual.sizes)), String(Size.from(expected.sizes)));
  }
  const devices = [actual, expected].map((t) => t.storage.device.name);
  if (checkDevice && devices[0] !== devices[1]) return attribute('device', devices[0], devices[1]);
  if (checkDtype && actual.dtype !== expected.dtype) {
    return attribute('dtype', String(actual.dtype), String(expected.dtype));
  }
  if (checkStride && !sameSizes(actual.strides, expected.strides)) {
    const [a, b] = [actual, expected].map(
      (t) => `(${t.strides.join(', ')}${t.strides.length === 1 ? ',' : ''})`,
    );
    return attribute('stride()', a, b);
  }
  const tolerance = given ?? defaultTolerance(actual.dtype, expected.dtype);
  const common = promoteTypes(actual.dtype, expected.dtype);
  const [a, b] = [actual, expected].map((t) => t.detach().to(common).toTypedArray());
  return elementsDiffer(a, b, expected.sizes, common.isFloatingPoint, tolerance, equalNan);
}

function elementsDiffer(
  actual: ArrayLike<number | bigint>,
  expected: ArrayLike<number | bigint>,
  sizes: readonly number[],
  floating: boolean,
  tolerance: Tolerance,
  equalNan: boolean,
): string | null {
  let mismatches = 0;
  let absolute = { value: -1, at: 0 };
  let relative = { value: -1, at: 0 };
  for (let i = 0; i < actual.length; i++) {
    const [x, y] = [actual[i], expected[i]];
    if (close(x, y, tolerance, equalNan)) continue;
    mismatches++;
    const gap = distance(x, y);
    const share = floating ? gap / Math.abs(Number(y)) : Math.fround(gap / Math.abs(Number(y)));
    if (beats(gap, absolute.value)) absolute = { value: gap, at: i };
    if (beats(share, relative.value)) relative = { value: share, at: i };
  }
  if (mismatches === 0) return null;
  const percent = ((100 * mismatches) / actual.length).toFixed(1);
  const index = (at: number): string => indexText(at, sizes);
  const gap = floating ? showFloat(absolute.value) : showNumber(absolute.value);
  return [
    `Tensor-likes are not ${wording(tolerance)}!`,
    '',
    `Mismatched elements: ${mismatches} / ${actual.length} (${percent}%)`,
    `Greatest absolute difference: ${gap} at index ${index(absolute.at)}${allowed(tolerance, tolerance.atol)}`,
    `Greatest relative difference: ${showFloat(relative.value)} at index ${index(relative.at)}${allowed(tolerance, tolerance.rtol)}`,
  ].join('\n');
}

function numbersDiffer(
  actual: number | bigint,
  expected: number | bigint,
  settings: Settings,
): string | null {
  const floating = typeof actual === 'number' || typeof expected === 'number';
  const tolerance = settings.given ?? (floating ? (tolerances.float64 as Tolerance) : exact);
  if (close(actual, expected, tolerance, settings.equalNan ?? false)) return null;
  const gap = distance(actual, expected);
  return [
    `Scalars are not ${wording(tolerance)}!`,
    '',
    `Absolute difference: ${floating ? showFloat(gap) : showNumber(gap)}${allowed(tolerance, tolerance.atol)}`,
    `Relative difference: ${showFloat(gap / Math.abs(Number(expected)))}${allowed(tolerance, tolerance.rtol)}`,
  ].join('\n');
}

/** A NaN is the greatest difference of all. */
function beats(x: number, best: number): boolean {
  return !Number.isNaN(best) && (Number.isNaN(x) || x > best);
}

function close(
  x: number | bigint,
  y: number | bigint,
  { rtol, atol }: Tolerance,
  equalNan: boolean,
): boolean {
  if (x === y) return true;
  if (typeof x === 'bigint' && typeof y === 'bigint' && rtol === 0 && atol === 0) return false;
  const [a, b] = [Number(x), Number(y)];
  if (Number.isNaN(a) || Number.isNaN(b)) return equalNan && Number.isNaN(a) && Number.isNaN(b);
  if (!Number.isFinite(a) || !Number.isFinite(b)) return a === b;
  return distance(x, y) <= atol + rtol * Math.abs(b);
}

function distance(x: number | bigint, y: number | bigint): number {
  if (typeof x === 'bigint' && typeof y === 'bigint') return Number(x > y ? x - y : y - x);
  return Math.abs(Number(x) - Number(y));
}

function wording({ rtol, atol }: Tolerance): string {
  return rtol === 0 && atol === 0 ? 'equal' : 'close';
}

function allowed({ rtol, atol }: Tolerance, limit: number): string {
  return rtol === 0 && atol === 0 ? '' : ` (up to ${showNumber(limit)} allowed)`;
}

/** A position in row-major order as a Python tuple of indices. */
function indexText(at: number, sizes: readonly number[]): string {
  const index: number[] = [];
  for (let d = sizes.length - 1; d >= 0; d--) {
    index.unshift(at % sizes[d]);
    at = Math.floor(at / sizes[d]);
  }
  return `(${index.join(', ')}${index.length === 1 ? ',' : ''})`;
}

function isNull(x: unknown): x is null | undefined {
  return x === null || x === undefined;
}

function isNumber(x: unknown): x is number | bigint {
  return typeof x === 'number' || typeof x === 'bigint';
}

function isSequence(x: unknown): x is ArrayLike<unknown> {
  return Array.isArray(x) || (ArrayBuffer.isView(x) && !(x instanceof DataView));
}

function entriesOf(x: unknown): ReadonlyMap<unknown, unknown> | null {
  if (x instanceof Map) return x;
  return isOptions(x) ? new Map(Object.entries(x)) : null;
}

function typeName(x: unknown): string {
  return x instanceof Tensor ? 'torch.Tensor' : pythonType(x);
}

function show(x: unknown): string {
  if (isNull(x)) return 'None';
  if (typeof x === 'boolean') return x ? 'True' : 'False';
  if (typeof x === 'string') return `'${x}'`;
  return typeof x === 'number' ? showNumber(x) : String(x);
}
