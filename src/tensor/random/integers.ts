/** Random whole numbers. */
import { bool, cppName, type DType, float16, float64, int64 } from '../../base/dtype.ts';
import { RuntimeError } from '../../base/errors.ts';
import { finfo, iinfo } from '../../base/typeinfo.ts';
import type { Tensor } from '../tensor.ts';
import { bits64, CHUNK, drawWhole, nextBits } from './draws.ts';
import { deviceDraws, fillWhole, fillWith, overwrite } from './fill.ts';
import type { Generator } from './generator.ts';
import { roundTo, significand } from './rounding.ts';

/** Fills a contiguous tensor with whole numbers in [from, from + range): 32 bits a draw where they suffice. No checks. */
export function writeIntegers(dense: Tensor, g: Generator, from: bigint, range: bigint): void {
  const exact = BigInt(Number.MAX_SAFE_INTEGER) - range;
  if (range >= 2n ** 32n) fillWhole(dense, () => (bits64(g) % range) + from);
  else if (from > -exact && from < exact) {
    const [low, width] = [Number(from), Number(range)];
    if (deviceDraws(dense, g, { kind: 'integers', low, range: width })) return;
    fillWith(dense, (chunk) => drawWhole(chunk, g, width, low));
  } else fillWhole(dense, () => (BigInt(g.engine.draw()) % range) + from);
}

/** The smallest and the greatest number of the dtype, the latter of floats 2 to the number of bits they hold exactly. */
function limitsOf(dtype: DType): readonly [low: bigint, high: bigint] {
  if (dtype === bool) return [0n, 1n];
  if (dtype.isFloatingPoint) {
    const high = 1n << BigInt(significand[dtype.name]);
    return [-high, high];
  }
  if (dtype === int64) return [-(2n ** 63n), 2n ** 63n - 1n];
  return [BigInt(iinfo(dtype).min), BigInt(iinfo(dtype).max)];
}

/** Throws PyTorch's errors for first and last numbers that the dtype cannot hold. */
function checkBounds(dtype: DType, first: bigint, last: bigint): void {
  const [low, high] = dtype.isFloatingPoint ? [-finfo(dtype).max, finfo(dtype).max] : limitsOf(dtype);
  const name = cppName(dtype);
  if (first < low || first > high) throw new RuntimeError(`from is out of bounds for ${name}`);
  if (last < low || last > high) throw new RuntimeError(`to - 1 is out of bounds for ${name}`);
}

/** The distance of floats with `digits` bits where `x` lies. */
function spacing(x: bigint, digits: number): bigint {
  const bits = (x < 0n ? -x : x).toString(2).length;
  return 1n << BigInt(Math.max(bits - digits, 0));
}

/** The bounds moved inwards to where rounding to the dtype does not lead out of them. */
function inwards(dtype: DType, from: bigint, to: bigint): readonly [from: bigint, to: bigint] {
  if (!dtype.isFloatingPoint) return [from, to];
  const round = roundTo(dtype);
  const digits = significand[dtype.name];
  const rounded = (x: bigint): bigint => {
    const y = round(Number(x));
    return Number.isFinite(y) ? BigInt(y) : x;
  };
  const [first, last] = [rounded(from + 1n), rounded(to - 1n)];
  return [
    first < from ? first + spacing(from + 1n, digits) : from,
    last >= to ? last - spacing(to - 1n, digits) : to,
  ];
}

/** Fills with whole numbers from [from, to). Throws a RuntimeError for bounds in the wrong order or beyond the dtype. */
export function fillIntegers(input: Tensor, from: bigint, to: bigint, g: Generator): Tensor {
  if (from >= to) {
    throw new RuntimeError(`random_ expects 'from' to be less than 'to', but got from=${from} >= to=${to}`);
  }
  const [first, end] = inwards(input.dtype, from, to);
  if (first >= end) {
    throw new RuntimeError(
      `random_ expects 'from' casted to dtype to be less than 'to' casted to dtype, but got from=${first} >= to=${end}`,
    );
  }
  checkBounds(input.dtype, first, end - 1n);
  return overwrite(input, 'Random', (dense) => writeIntegers(dense, g, first, end - first));
}

/** Fills with whole numbers from `from` up to the greatest of the dtype (of floats: up to where all of them are exact). */
export function fillUpwards(input: Tensor, from: bigint, g: Generator): Tensor {
  const { dtype } = input;
  if (from === -(2n ** 63n)) return fillAll64(input, g);
  const [, last] = limitsOf(dtype);
  const [first] = inwards(dtype, from, last);
  if (dtype.isFloatingPoint && first >= last) {
    throw new RuntimeError(
      `random_ expects 'from' casted to dtype to be less than or equal to 'to_inc' casted to dtype, but got from=${first} > to_inc=${last}`,
    );
  }
  checkBounds(dtype, first, last);
  return overwrite(input, 'Random', (dense) => writeIntegers(dense, g, first, last - first + 1n));
}

/** Fills with 64 bits each: all numbers of int64. Throws a RuntimeError for dtypes that PyTorch does not do that with. */
function fillAll64(input: Tensor, g: Generator): Tensor {
  const { dtype } = input;
  if (dtype !== int64 && (!dtype.isFloatingPoint || dtype === float16)) {
    throw new RuntimeError(
      'random_full_64_bits_range_kernel_cpu handles only int64, double, float and bfloat16',
    );
  }
  return overwrite(input, 'Random', (dense) => fillWhole(dense, () => bits64(g)));
}

/** Fills with whole numbers from 0 up to the greatest of the dtype. 64-bit types take 64 bits, whatever the range is. */
export function fillDefault(input: Tensor, g: Generator): Tensor {
  const { dtype } = input;
  const range = limitsOf(dtype)[1] + 1n;
  return overwrite(input, 'Random', (dense) => {
    if (dtype === int64 || dtype === float64) fillWhole(dense, () => bits64(g) % range);
    else writeIntegers(dense, g, 0n, range);
  });
}

/** From this many numbers on, 32 bits a draw would favour some of them noticeably. */
export const WIDE: number = Math.floor((2 ** 32 - 1) / 20);

/** The numbers 0 … n − 1 in random order, by Fisher and Yates's shuffle (Durstenfeld 1964). */
export function permutation(n: number, g: Generator): Uint32Array | Float64Array {
  const order = n < 2 ** 32 ? new Uint32Array(n) : new Float64Array(n);
  if (n >= WIDE) {
    // "Inside out": what stands at a random place up to i moves to i.
    for (let i = 0; i < n; i++) {
      const z = Number(bits64(g) % BigInt(i + 1));
      order[i] = order[z];
      order[z] = i;
    }
    return order;
  }
  for (let i = 0; i < n; i++) order[i] = i;
  for (let i = 0; i < n - 1; i += CHUNK) {
    const count = Math.min(CHUNK, n - 1 - i);
    const drawn = nextBits(g, count);
    for (let j = 0; j < count; j++) {
      const z = i + j + (drawn[j] % ((n - i - j) >>> 0));
      const held = order[i + j];
      order[i + j] = order[z];
      order[z] = held;
    }
  }
  return order;
}
