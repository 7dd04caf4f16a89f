/** Max unpooling: maxima put back where they were, zeros elsewhere. */
import { int64 } from '../../base/dtype.ts';
import { RuntimeError, ValueError } from '../../base/errors.ts';
import { product, sameSizes, showSizes } from '../../base/shape.ts';
import { define, type FreeCall } from '../../ops/define.ts';
import { runtime } from '../../ops/runtime.ts';
import type { Tensor } from '../../tensor/tensor.ts';

type Sizes = number | readonly number[];

type UnpoolCall = FreeCall<
  [
    input: Tensor,
    indices: Tensor,
    kernelSize: Sizes,
    stride?: Sizes | null,
    padding?: Sizes,
    outputSize?: readonly number[] | null,
  ],
  {
    indices?: Tensor;
    kernelSize?: Sizes;
    stride?: Sizes | null;
    padding?: Sizes;
    outputSize?: readonly number[] | null;
  },
  Tensor
>;

function each(size: Sizes, rank: number): readonly number[] {
  return typeof size === 'number' ? new Array<number>(rank).fill(size) : size;
}

/** The spatial sizes before pooling: several are possible, `wanted` chooses. Throws a ValueError where it cannot be. */
function sizesBefore(
  pooled: readonly number[],
  kernel: readonly number[],
  stride: readonly number[],
  padding: readonly number[],
  wanted: readonly number[] | null,
): readonly number[] {
  const rank = kernel.length;
  const least = pooled.map((s, d) => (s - 1) * stride[d] + kernel[d] - 2 * padding[d]);
  if (wanted === null) return least;
  const sizes = wanted.length === rank + 2 ? wanted.slice(2) : wanted;
  if (sizes.length !== rank) {
    throw new ValueError(
      `output_size should be a sequence containing ${rank} or ${rank + 2} elements, but it has a length of '${sizes.length}'`,
    );
  }
  sizes.forEach((s, d) => {
    const [low, high] = [least[d] - stride[d], least[d] + stride[d]];
    if (low < s && s < high) return;
    throw new ValueError(
      `invalid output_size "${showSizes(sizes)}" (dim ${d} must be between ${low} and ${high})`,
    );
  });
  return sizes;
}

function checkOperands(input: Tensor, indices: Tensor, rank: number): void {
  if (indices.dtype !== int64) {
    throw new RuntimeError(`elements in indices should be type int64 but got: ${indices.dtype.scalarName}`);
  }
  if (input.sizes.length !== rank + 1 && input.sizes.length !== rank + 2) {
    throw new RuntimeError(
      `Input to max_unpooling${rank}d should be a ${rank + 1}d or ${rank + 2}d Tensor, but got a tensor with ${input.sizes.length} dimensions.`,
    );
  }
  if (!sameSizes(input.sizes, indices.sizes)) {
    throw new RuntimeError(
      `Expected shape of indices to be same as that of the input tensor (${showSizes(input.sizes)}) but got indices tensor with shape: ${showSizes(indices.sizes)}`,
    );
  }
}

function checkIndices(indices: Tensor, space: readonly number[]): void {
  if (indices.numel() === 0) return;
  const outside = runtime.noGrad(() => indices.lt(0).logicalOr(indices.ge(product(space))));
  if (!outside.any().item()) return;
  const [first] = indices.maskedSelect(outside).tolist() as number[];
  throw new RuntimeError(
    `Found an invalid max index: ${first} (output volumes are of size ${space.join('x')}`,
  );
}

function defineUnpool(rank: number): UnpoolCall {
  return define(
    `max_unpool${rank}d(input, indices: Tensor, kernelSize, stride=None, padding=0, outputSize=None)`,
    (
      input: Tensor,
      indices: Tensor,
      kernelSize: Sizes,
      stride: Sizes | null = null,
      padding: Sizes = 0,
      outputSize: readonly number[] | null = null,
    ) => {
      checkOperands(input, indices, rank);
      const kernel = each(kernelSize, rank);
      const space = sizesBefore(
        input.sizes.slice(-rank),
        kernel,
        stride === null ? kernel : each(stride, rank),
        each(padding, rank),
        outputSize,
      );
      checkIndices(indices, space);
      const lead = input.sizes.slice(0, -rank);
      const planes = product(lead);
      const empty = runtime.full([planes, product(space)], 0, input.dtype, input);
      const placed = empty.scatter(1, indices.reshape([planes, -1]), input.reshape([planes, -1]));
      return placed.reshape([...lead, ...space]);
    },
    { functionOnly: true, shownAs: `MaxUnpool${Math.max(rank, 2)}D` },
  );
}

/** https://pytorch.org/docs/stable/generated/torch.nn.functional.max_unpool1d.html */
export const maxUnpool1d: UnpoolCall = defineUnpool(1);
/** https://pytorch.org/docs/stable/generated/torch.nn.functional.max_unpool2d.html */
export const maxUnpool2d: UnpoolCall = defineUnpool(2);
/** https://pytorch.org/docs/stable/generated/torch.nn.functional.max_unpool3d.html */
export const maxUnpool3d: UnpoolCall = defineUnpool(3);
