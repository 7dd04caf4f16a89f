/** Convolutions. https://pytorch.org/docs/stable/nn.functional.html#convolution-functions */
import { RuntimeError } from '../../base/errors.ts';
import { showSizes } from '../../base/shape.ts';
import { define, type FreeCall } from '../../ops/define.ts';
import { checkShapes, convolve, convolveTransposed, type Geometry } from '../../ops/window/convolution.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { pad } from './padding.ts';

type Sizes = number | readonly number[];

interface ConvOptions {
  weight?: Tensor;
  bias?: Tensor | null;
  stride?: Sizes;
  padding?: Sizes | string;
  dilation?: Sizes;
  groups?: number;
}

type ConvCall = FreeCall<
  [
    input: Tensor,
    weight: Tensor,
    bias?: Tensor | null,
    stride?: Sizes,
    padding?: Sizes | string,
    dilation?: Sizes,
    groups?: number,
  ],
  ConvOptions,
  Tensor
>;

/** One number per spatial dimension. Throws PyTorch's RuntimeError for a wrong count. */
function each(size: Sizes, rank: number, name: string): readonly number[] {
  if (typeof size === 'number') return new Array<number>(rank).fill(size);
  if (size.length === 1) return new Array<number>(rank).fill(size[0]);
  if (size.length !== rank) {
    throw new RuntimeError(
      `expected ${name} to be a single integer value or a list of ${rank} values to match the convolution dimensions, but got ${name}=${showSizes(size)}`,
    );
  }
  return size;
}

/** The input with a batch dimension, and whether one was added. */
function batched(input: Tensor, weight: Tensor, rank: number, name: string): [x: Tensor, added: boolean] {
  const dims = input.sizes.length;
  if (weight.sizes.length !== rank + 2) {
    throw new RuntimeError(
      `Expected ${rank + 2}-dimensional weight for ${name}, but got weight of size: ${showSizes(weight.sizes)}`,
    );
  }
  if (dims !== rank + 1 && dims !== rank + 2) {
    throw new RuntimeError(
      `Expected ${rank + 1}D (unbatched) or ${rank + 2}D (batched) input to ${name}, but got input of size: ${showSizes(input.sizes)}`,
    );
  }
  return dims === rank + 1 ? [input.unsqueeze(0), true] : [input, false];
}

function conv(rank: number): ConvCall {
  const name = `conv${rank}d`;
  return define(
    `${name}(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1)`,
    (
      input: Tensor,
      weight: Tensor,
      bias: Tensor | null = null,
      stride: Sizes = 1,
      padding: Sizes | string = 0,
      dilation: Sizes = 1,
      groups = 1,
    ) => {
      const [given, added] = batched(input, weight, rank, name);
      const steps = each(stride, rank, 'stride');
      const spacing = each(dilation, rank, 'dilation');
      let x = given;
      let amounts: readonly number[];
      if (typeof padding === 'string') {
        [x, amounts] = namedPadding(given, weight, padding, steps, spacing);
      } else amounts = each(padding, rank, 'padding');
      const geometry: Geometry = { stride: steps, padding: amounts, dilation: spacing, groups };
      checkShapes(x, weight, bias, geometry, false);
      const out = convolve(x, weight, bias, geometry);
      return added ? out.squeeze(0) : out;
    },
    { functionOnly: true },
  );
}

/** 'same' and 'valid'. An uneven 'same' puts the extra zero at the end. */
function namedPadding(
  x: Tensor,
  weight: Tensor,
  padding: string,
  stride: readonly number[],
  dilation: readonly number[],
): [x: Tensor, padding: readonly number[]] {
  if (padding === 'valid') return [x, stride.map(() => 0)];
  if (padding !== 'same') {
    throw new RuntimeError(`Invalid padding string: '${padding}'`);
  }
  if (stride.some((s) => s !== 1)) {
    throw new RuntimeError("padding='same' is not supported for strided convolutions");
  }
  const total = dilation.map((d, i) => d * (weight.sizes[i + 2] - 1));
  const amounts = total.map((t) => Math.floor(t / 2));
  if (total.every((t) => t % 2 === 0)) return [x, amounts];
  const extra: number[] = [];
  for (let i = total.length - 1; i >= 0; i--) extra.push(0, total[i] % 2);
  return [pad(x, extra), amounts];
}

/** Convolution of (N, C, L). https://pytorch.org/docs/stable/generated/torch.nn.functional.conv1d.html */
export const conv1d: ConvCall = conv(1);
/**
 * Convolution of (N, C, H, W). https://pytorch.org/docs/stable/generated/torch.nn.functional.conv2d.html
 *
 * @example
 * ```ts
 * const y = torch.nn.functional.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2));
 * console.log(y); // => tensor([[[[4., 4.], [4., 4.]]]])
 * ```
 */
export const conv2d: ConvCall = conv(2);
/** Convolution of (N, C, D, H, W). https://pytorch.org/docs/stable/generated/torch.nn.functional.conv3d.html */
export const conv3d: ConvCall = conv(3);

type TransposeCall = FreeCall<
  [
    input: Tensor,
    weight: Tensor,
    bias?: Tensor | null,
    stride?: Sizes,
    padding?: Sizes,
    outputPadding?: Sizes,
    groups?: number,
    dilation?: Sizes,
  ],
  Omit<ConvOptions, 'padding'> & { padding?: Sizes; outputPadding?: Sizes },
  Tensor
>;

function convTranspose(rank: number): TransposeCall {
  const name = `conv_transpose${rank}d`;
  return define(
    `${name}(input, weight, bias=None, stride=1, padding=0, outputPadding=0, groups=1, dilation=1)`,
    (
      input: Tensor,
      weight: Tensor,
      bias: Tensor | null = null,
      stride: Sizes = 1,
      padding: Sizes = 0,
      outputPadding: Sizes = 0,
      groups = 1,
      dilation: Sizes = 1,
    ) => {
      const [x, added] = batched(input, weight, rank, name);
      const geometry: Geometry = {
        stride: each(stride, rank, 'stride'),
        padding: each(padding, rank, 'padding'),
        dilation: each(dilation, rank, 'dilation'),
        groups,
      };
      const extra = each(outputPadding, rank, 'output_padding');
      checkShapes(x, weight, bias, geometry, true);
      extra.forEach((p, d) => {
        if (p >= geometry.stride[d] && p >= geometry.dilation[d]) {
          throw new RuntimeError(
            `output padding must be smaller than either stride or dilation, but got output_padding=${p}, stride=${geometry.stride[d]}, dilation=${geometry.dilation[d]}`,
          );
        }
      });
      // PyTorch convolves one dimension as two.
      const planes = (sizes: readonly number[]): readonly number[] => (rank === 1 ? [1, ...sizes] : sizes);
      const inner = x.sizes.slice(2);
      if (inner.includes(0)) {
        throw new RuntimeError(
          `Only zero batch or zero channel inputs are supported, but got input shape: [${[...x.sizes.slice(0, 2), ...planes(inner)].join(', ')}]`,
        );
      }
      const space = extra.map((p, d) => {
        const kernel = weight.sizes[d + 2];
        const g = geometry;
        return (x.sizes[d + 2] - 1) * g.stride[d] - 2 * g.padding[d] + g.dilation[d] * (kernel - 1) + p + 1;
      });
      if (space.some((n) => n < 1)) {
        throw new RuntimeError(
          `Given input size per channel: (${planes(inner).join(' x ')}). Calculated output size per channel: (${planes(space).join(' x ')}). Output size is too small`,
        );
      }
      const out = convolveTransposed(x, weight, bias, geometry, space);
      return added ? out.squeeze(0) : out;
    },
    { functionOnly: true },
  );
}

/** The input gradient of conv1d as an op. https://pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose1d.html */
export const convTranspose1d: TransposeCall = convTranspose(1);
/** The input gradient of conv2d as an op. https://pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose2d.html */
export const convTranspose2d: TransposeCall = convTranspose(2);
/** The input gradient of conv3d as an op. https://pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose3d.html */
export const convTranspose3d: TransposeCall = convTranspose(3);
