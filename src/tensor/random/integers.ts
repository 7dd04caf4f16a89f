/** Random whole numbers. */
import { bool, type DType, int64 } from '../../base/dtype.ts';
import { RuntimeError } from '../../base/errors.ts';
import { iinfo } from '../../base/typeinfo.ts';
import type { Tensor } from '../tensor.ts';
import { bits64 } from './draws.ts';
import { overwrite, store } from './fill.ts';
import type { Generator } from './generator.ts';

/** Whole numbers in [from, from + range). */
export function integerDraw(g: Generator, from: bigint, range: bigint): () => number | bigint {
  if (range >= 2n ** 32n) return () => (bits64(g) % range) + from;
  const [low, width] = [Number(from), Number(range)];
  return () => (g.engine.draw() % width) + low;
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
  return overwrite(input, 'Random', (data) => store(data, input.dtype, integerDraw(g, from, to - from)));
}
