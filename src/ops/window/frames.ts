/** The geometry of pooling windows, and images inside a frame that is large enough for all of them. */
import { contiguousStrides } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { runtime } from '../runtime.ts';

/** One number per spatial dimension. */
export interface PoolGeometry {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly ceilMode: boolean;
}

/** The spatial sizes of an image of `sizes` with its frame. */
export function framedSpace(sizes: readonly number[], g: PoolGeometry, out: readonly number[]): number[] {
  const lead = sizes.length - out.length;
  return out.map((o, d) =>
    Math.max((o - 1) * g.stride[d] + g.dilation[d] * (g.kernel[d] - 1) + 1, sizes[lead + d] + g.padding[d]),
  );
}

/** `x` inside a frame of `value`, large enough for all windows. A plain copy: nothing is recorded. */
export function framed(x: Tensor, g: PoolGeometry, out: readonly number[], value: number): Tensor {
  const lead = x.sizes.length - g.kernel.length;
  const space = framedSpace(x.sizes, g, out);
  if (space.every((s, d) => s === x.sizes[lead + d]) && g.padding.every((p) => p === 0)) return x;
  const sizes = [...x.sizes.slice(0, lead), ...space];
  const whole = runtime.full(sizes, value, x.dtype, x);
  const strides = contiguousStrides(sizes);
  const offset = g.padding.reduce((sum, p, d) => sum + p * strides[lead + d], 0);
  runtime.copyInto(runtime.alias(whole, x.sizes, strides, offset), x);
  return whole;
}
