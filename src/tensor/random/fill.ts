/** Writing random numbers into tensors: order of elements, dtypes, in-place bookkeeping. */
import type { DType } from '../../base/dtype.ts';
import { bool } from '../../base/dtype.ts';
import { RuntimeError } from '../../base/errors.ts';
import { toBfloat16, toFloat16 } from '../../base/float16.ts';
import type { TypedArray } from '../../ops/runtime.ts';
import { runtime } from '../../ops/runtime.ts';
import { empty } from '../allocate.ts';
import { memory } from '../memory.ts';
import { copyInto } from '../pointwise.ts';
import { zerosLike } from '../create.ts';
import { Tensor } from '../tensor.ts';
import { defaultGenerator, Generator } from './generator.ts';

/** The generator of a call: the global one where none is given. Throws for anything else. */
export function generatorOf(given: Generator | null | undefined): Generator {
  if (given === null || given === undefined) return defaultGenerator;
  if (given instanceof Generator) return given;
  throw new RuntimeError(`generator: expected a torch.Generator, but got ${typeof given}`);
}

/** Throws PyTorch's error unless the dtype is a floating-point one. */
export function requireFloat(dtype: DType, kernel: string): void {
  if (!dtype.isFloatingPoint) throw new RuntimeError(`"${kernel}" not implemented for '${dtype.scalarName}'`);
}

/** Stores drawn numbers in the dtype: 16-bit floats as their bits. */
export function store(data: TypedArray, dtype: DType, draw: () => number | bigint): void {
  const { length } = data;
  if (data instanceof BigInt64Array) for (let i = 0; i < length; i++) data[i] = BigInt(draw());
  else if (dtype.name === 'float16') for (let i = 0; i < length; i++) data[i] = toFloat16(Number(draw()));
  else if (dtype.name === 'bfloat16') for (let i = 0; i < length; i++) data[i] = toBfloat16(Number(draw()));
  else if (dtype === bool) for (let i = 0; i < length; i++) data[i] = Number(draw()) === 0 ? 0 : 1;
  else for (let i = 0; i < length; i++) data[i] = Number(draw());
}

/**
 * Overwrites `target` in place: `write` gets memory for all elements, in the order in which they lie in the target's memory. The gradient of what
 * was there is zero.
 */
export function overwrite(target: Tensor, name: string, write: (data: TypedArray) => void): Tensor {
  runtime.checkInplace(target);
  if (target.numel() > 0) {
    if (target.isContiguous()) write(memory(target));
    else {
      // The dimension with the smallest stride varies fastest.
      const order = target.sizes
        .map((_, d) => d)
        .sort((a, b) => target.strides[b] - target.strides[a] || a - b);
      const sizes = order.map((d) => target.sizes[d]);
      const dense = empty(sizes, target.dtype, target.storage.device);
      write(memory(dense));
      const strides = order.map((d) => target.strides[d]);
      copyInto(new Tensor(target.storage, target.dtype, sizes, strides, target.offset), dense);
    }
  }
  const differentiable = target.dtype.isFloatingPoint && runtime.needsGrad([target, target.base]);
  return runtime.recordInplace(
    target,
    differentiable
      ? {
          name,
          inputs: [target],
          saved: [],
          backward: ([grad]) => [grad === null || grad === undefined ? null : zerosLike(grad)],
        }
      : null,
  );
}
