/** Random whole numbers. */
import { bool, type DType, int64 } from '../../base/dtype.ts';
import { RuntimeError } from '../../base/errors.ts';
import { iinfo } from '../../base/typeinfo.ts';
import type { TypedArray } from '../../ops/runtime.ts';
import type { Tensor } from '../tensor.ts';
import { bits64, CHUNK, fillWhole, nextBits } from './draws.ts';
import { overwrite, store, storeWhole } from './fill.ts';
import type { Generator } from './generator.ts';

/** Fills with whole numbers in [from, from + range): 32 bits a draw where they suffice. No checks. */
export function writeIntegers(
  data: TypedArray,
  dtype: DType,
  g: Generator,
  from: bigint,
  range: bigint,
): void {
  const exact = BigInt(Number.MAX_SAFE_INTEGER) - range;
  if (range >= 2n ** 32n) storeWhole(data, dtype, () => (bits64(g) % range) + from);
  else if (from > -exact && from < exact) {
    const [low, width] = [Number(from), Number(range)];
    store(data, dtype, (chunk) => fillWhole(chunk, g, width, low));
  } else storeWhole(data, dtype, () => (BigInt(g.engine.draw()) % range) + from);
}

/** Throws PyTorch's errors for bounds that the dtype cannot hold. */
function checkBounds(dtype: DType, from: bigint, to: bigint): void {
  if (from >= to) {
    throw new RuntimeError(`random_ expects 'from' to be less than 'to', but got from=${from} >= to=${to}`);
  }
  if (dtype === bool || !dtype.isFloatingPoint) {
    const [low, high] = dtype === bool ? [0n, 1n] : [BigInt(iinfo(dtype).min), BigInt(iinfo(dtype).max)];
    const exact = dtype === int64 ? [-(2n ** 63n), 2n ** 63n - 1n] : [low, high];
    const name = {
      bool: 'bool',
      uint8: 'unsigned char',
      int8: 'signed char',
      int16: 'short',
      int32: 'int',
      int64: 'long',
    }[dtype.name as 'bool'];
    if (from < exact[0] || from > exact[1]) throw new RuntimeError(`from is out of bounds for ${name}`);
    if (to - 1n < exact[0] || to - 1n > exact[1])
      throw new RuntimeError(`to - 1 is out of bounds for ${name}`);
  }
}

/** Fills with whole numbers from [from, to). */
export function fillIntegers(input: Tensor, from: bigint, to: bigint, g: Generator): Tensor {
  checkBounds(input.dtype, from, to);
  return overwrite(input, 'Random', (data) => writeIntegers(data, input.dtype, g, from, to - from));
}

/** From this many numbers on, 32 bits a draw would favour some of them noticeably. */
const WIDE = Math.floor((2 ** 32 - 1) / 20);

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
