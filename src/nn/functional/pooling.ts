/** Pooling. https://pytorch.org/docs/stable/nn.functional.html#pooling-functions */
import { notImplementedFor } from '../../ops/refuse.ts';
import { float64, int64 } from '../../base/dtype.ts';
import { RuntimeError, ValueError } from '../../base/errors.ts';
import { product, showSizes } from '../../base/shape.ts';
import { define, type FreeCall } from '../../ops/define.ts';
import { pair } from '../../ops/reduction/pair.ts';
import { runtime } from '../../ops/runtime.ts';
import { avgPool, checkWindows, gatherFlat, maxPool, type PoolGeometry } from '../../ops/window/pooling.ts';
import { scatterView } from '../../ops/movement/family.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { constantPad } from '../../ops/movement/padding.ts';

type Sizes = number | readonly number[];

function each(size: Sizes, rank: number, name: string): readonly number[] {
  if (typeof size === 'number') return new Array<number>(rank).fill(size);
  if (size.length === 1) return new Array<number>(rank).fill(size[0]);
  if (size.length !== rank) {
    throw new RuntimeError(`${name} must either be a single int, or a tuple of ${rank} ints`);
  }
  return size;
}

interface MaxPoolOptions {
  kernelSize?: Sizes;
  stride?: Sizes | null;
  padding?: Sizes;
  dilation?: Sizes;
  ceilMode?: boolean;
  returnIndices?: boolean;
}

type MaxPoolArguments = [
  input: Tensor,
  kernelSize: Sizes,
  stride?: Sizes | null,
  padding?: Sizes,
  dilation?: Sizes,
  ceilMode?: boolean,
];
type ValuesAndIndices = readonly [Tensor, Tensor] & { values: Tensor; indices: Tensor };

/** A tensor; with `returnIndices` the pair of values and indices. */
type MaxPoolCall = FreeCall<MaxPoolArguments, MaxPoolOptions & { returnIndices?: false }, Tensor> &
  FreeCall<MaxPoolArguments, MaxPoolOptions & { returnIndices: true }, ValuesAndIndices> &
  FreeCall<[...MaxPoolArguments, returnIndices?: boolean], MaxPoolOptions, Tensor | ValuesAndIndices>;

/** PyTorch accepts an empty stride for "as the kernel". */
function strideOr(stride: Sizes | null, kernel: readonly number[], rank: number): readonly number[] {
  if (stride === null || (Array.isArray(stride) && stride.length === 0)) return kernel;
  return each(stride, rank, 'stride');
}

/** The kernels behind the poolings, as PyTorch names them where it lacks one for a dtype. */
const kernels: Readonly<Record<string, string>> = {
  max_pool1d: 'max_pool1d_impl',
  max_pool3d: 'max_pool3d_with_indices_cpu',
  avg_pool1d: 'avg_pool2d',
  avg_pool3d: 'avg_pool3d_out_frame',
};

/** Throws PyTorch's errors for an input that cannot be pooled: its rank, the windows, empty dimensions, the dtype. */
function checkInput(input: Tensor, name: string, geometry: PoolGeometry): void {
  const rank = geometry.kernel.length;
  const { sizes, dtype } = input;
  const dims = sizes.length;
  const ranked = dims === rank + 1 || dims === rank + 2;
  const optional = 'tensor with optional 0 dim batch size for input, but got:';
  const first = name.startsWith('max_pool1d');
  if (!ranked && !first) {
    throw new RuntimeError(
      rank === 1
        ? `Expected 2 to 3 dimensions, but got ${dims}-dimensional tensor for argument #1 'self' (while checking arguments for ${name})`
        : `non-empty ${rank + 1}D or ${rank + 2}D (batch mode) tensor expected for input`,
    );
  }
  if (name === 'max_pool1d' && ranked && !runtime.needsGrad([input]) && geometry.dilation[0] <= 0) {
    throw new RuntimeError(
      `max_pool1d() dilation must be greater than zero, but got ${geometry.dilation[0]}`,
    );
  }
  if (ranked) checkWindows(geometry);
  if (name === 'max_pool3d' && sizes.slice(-4).includes(0)) {
    throw new RuntimeError(
      `max_pool3d_with_indices_out_cpu_template(): Expected input's non-batch dimensions to have positive length, but input has a shape of ${showSizes(sizes)} and non-batch dimension 0 has length zero!`,
    );
  }
  if (!ranked || sizes.slice(-rank - 1).includes(0)) {
    // PyTorch averages one dimension as two.
    const shown = rank === 1 && !first ? [...sizes.slice(0, -1), 1, sizes[dims - 1]] : sizes;
    const planes = first ? 1 : Math.max(rank, 2);
    throw new RuntimeError(
      `${first ? 'max_pool1d: ' : ''}Expected ${planes + 1}D or ${planes + 2}D (batch mode) ${optional}${showSizes(shown)}`,
    );
  }
  if (dtype.isFloatingPoint || (dtype === int64 && name.startsWith('avg'))) return;
  throw notImplementedFor(kernels[name] ?? name, dtype);
}

function defineMaxPool(rank: number): MaxPoolCall {
  const name = `max_pool${rank}d`;
  const gradName = rank === 1 ? 'Squeeze' : `MaxPool${rank}DWithIndices`;
  return define(
    `${name}(input, kernelSize, stride=None, padding=0, dilation=1, ceilMode=False, returnIndices=False)`,
    (
      input: Tensor,
      kernelSize: Sizes,
      stride: Sizes | null = null,
      padding: Sizes = 0,
      dilation: Sizes = 1,
      ceilMode = false,
      returnIndices = false,
    ) => {
      const kernel = each(kernelSize, rank, 'kernel_size');
      const geometry: PoolGeometry = {
        kernel,
        stride: strideOr(stride, kernel, rank),
        padding: each(padding, rank, 'padding'),
        dilation: each(dilation, rank, 'dilation'),
        ceilMode,
      };
      checkInput(input, name, geometry);
      const { values, indices } = maxPool(gradName, input, geometry, returnIndices);
      return returnIndices && indices !== null ? pair(name, values, indices) : values;
    },
    { functionOnly: true },
  );
}

/** The largest element of each window of (N, C, L). https://pytorch.org/docs/stable/generated/torch.nn.functional.max_pool1d.html */
export const maxPool1d: MaxPoolCall = defineMaxPool(1);
/** The largest element of each window of (N, C, H, W). https://pytorch.org/docs/stable/generated/torch.nn.functional.max_pool2d.html */
export const maxPool2d: MaxPoolCall = defineMaxPool(2);
/** The largest element of each window of (N, C, D, H, W). https://pytorch.org/docs/stable/generated/torch.nn.functional.max_pool3d.html */
export const maxPool3d: MaxPoolCall = defineMaxPool(3);

type AvgPoolCall = FreeCall<
  [
    input: Tensor,
    kernelSize: Sizes,
    stride?: Sizes | null,
    padding?: Sizes,
    ceilMode?: boolean,
    countIncludePad?: boolean,
    divisorOverride?: number | null,
  ],
  {
    kernelSize?: Sizes;
    stride?: Sizes | null;
    padding?: Sizes;
    ceilMode?: boolean;
    countIncludePad?: boolean;
    divisorOverride?: number | null;
  },
  Tensor
>;

function defineAvgPool(rank: number): AvgPoolCall {
  const name = `avg_pool${rank}d`;
  return define(
    `${name}(input, kernelSize, stride=None, padding=0, ceilMode=False, countIncludePad=True, divisorOverride=None)`,
    (
      input: Tensor,
      kernelSize: Sizes,
      stride: Sizes | null = null,
      padding: Sizes = 0,
      ceilMode = false,
      countIncludePad = true,
      divisorOverride: number | null = null,
    ) => {
      if (divisorOverride === 0) throw new RuntimeError('divisor must be not zero');
      const kernel = each(kernelSize, rank, 'kernel_size');
      const geometry: PoolGeometry = {
        kernel,
        stride: strideOr(stride, kernel, rank),
        padding: each(padding, rank, 'padding'),
        dilation: kernel.map(() => 1),
        ceilMode,
      };
      checkInput(input, name, geometry);
      return avgPool(`AvgPool${rank}D`, input, geometry, countIncludePad, divisorOverride);
    },
    { functionOnly: true, shownAs: `AvgPool${rank}D` },
  );
}

/** The mean of each window of (N, C, L). https://pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool1d.html */
export const avgPool1d: AvgPoolCall = defineAvgPool(1);
/** The mean of each window of (N, C, H, W). https://pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool2d.html */
export const avgPool2d: AvgPoolCall = defineAvgPool(2);
/** The mean of each window of (N, C, D, H, W). https://pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool3d.html */
export const avgPool3d: AvgPoolCall = defineAvgPool(3);

type AdaptiveSize = number | readonly (number | null)[];
type AdaptiveCall = FreeCall<
  [input: Tensor, outputSize: AdaptiveSize],
  { outputSize?: AdaptiveSize },
  Tensor
>;

function targetSizes(input: Tensor, outputSize: AdaptiveSize, rank: number): number[] {
  const list = typeof outputSize === 'number' ? new Array<number>(rank).fill(outputSize) : outputSize;
  if (list.length > input.sizes.length) {
    throw new ValueError(`Input dimension should be at least ${list.length + 1}`);
  }
  const wanted = list.length === 1 ? new Array<number | null>(rank).fill(list[0]) : list;
  return wanted.map((s, d) => s ?? input.sizes[input.sizes.length - rank + d]);
}

function checkAdaptive(input: Tensor, rank: number, name: string): void {
  const dims = input.sizes.length;
  if (dims !== rank + 1 && dims !== rank + 2) {
    throw new RuntimeError(
      `${name}(): Expected ${rank + 1}D or ${rank + 2}D tensor, but got ${showSizes(input.sizes)}`,
    );
  }
  input.sizes.slice(1).forEach((s, i) => {
    if (s === 0 && i + 1 >= dims - rank) {
      throw new RuntimeError(
        `${name}(): Expected input to have non-zero size for non-batch dimensions, but input has sizes ${showSizes(input.sizes)} with dimension ${i + 1} being empty`,
      );
    }
  });
}

/** Where window `i` of `count` starts and ends along a dimension of `size`. */
function span(i: number, size: number, count: number): [start: number, end: number] {
  return [Math.floor((i * size) / count), Math.ceil(((i + 1) * size) / count)];
}

/** Means over windows along one dimension, as a product with the matrix of weights. */
function averageAlong(x: Tensor, dim: number, count: number): Tensor {
  const size = x.sizes[dim];
  if (size === count) return x;
  const weights = new Float64Array(size * count);
  for (let i = 0; i < count; i++) {
    const [start, end] = span(i, size, count);
    for (let k = start; k < end; k++) weights[k * count + i] = 1 / (end - start);
  }
  const matrix = runtime.fromArray(weights, [size, count], float64, x).to(x.dtype);
  return x.transpose(dim, -1).matmul(matrix).transpose(dim, -1);
}

function adaptiveAvg(rank: number): AdaptiveCall {
  const name = `adaptive_avg_pool${rank}d`;
  return define(
    `${name}(input, outputSize)`,
    (input: Tensor, outputSize: AdaptiveSize) => {
      checkAdaptive(input, rank, name);
      const target = targetSizes(input, outputSize, rank);
      const lead = input.sizes.length - rank;
      const space = input.sizes.slice(lead);
      if (target.every((t, d) => t > 0 && space[d] % t === 0)) {
        // Windows of one size: plain average pooling.
        const kernel = target.map((t, d) => space[d] / t);
        const geometry = {
          kernel,
          stride: kernel,
          padding: kernel.map(() => 0),
          dilation: kernel.map(() => 1),
          ceilMode: false,
        };
        return avgPool(`AdaptiveAvgPool${rank}D`, input, geometry, true, null);
      }
      let out = input;
      target.forEach((t, d) => {
        out = averageAlong(out, lead + d, t);
      });
      return out === input ? input.clone() : out;
    },
    { functionOnly: true, shownAs: `AdaptiveAvgPool${rank}D` },
  );
}

/** Means over `outputSize` windows. https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_avg_pool1d.html */
export const adaptiveAvgPool1d: AdaptiveCall = adaptiveAvg(1);
/** https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_avg_pool2d.html */
export const adaptiveAvgPool2d: AdaptiveCall = adaptiveAvg(2);
/** https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_avg_pool3d.html */
export const adaptiveAvgPool3d: AdaptiveCall = adaptiveAvg(3);

type AdaptiveMaxCall = FreeCall<
  [input: Tensor, outputSize: AdaptiveSize, returnIndices?: boolean],
  { outputSize?: AdaptiveSize; returnIndices?: boolean },
  Tensor | (readonly [Tensor, Tensor] & { values: Tensor; indices: Tensor })
>;

/** The position of the largest element of every adaptive window. */
function adaptiveArgmax(x: Tensor, target: readonly number[], rank: number): Tensor {
  const lead = x.sizes.length - rank;
  const space = x.sizes.slice(lead);
  const images = product(x.sizes.slice(0, lead));
  const perImage = product(space);
  const outs = product(target);
  const data = x.double().toTypedArray() as Float64Array;
  const indices = new BigInt64Array(images * outs);
  const window = (out: number): [number, number][] => {
    let rest = out;
    const spans: [number, number][] = new Array(rank);
    for (let d = rank - 1; d >= 0; d--) {
      spans[d] = span(rest % target[d], space[d], target[d]);
      rest = Math.floor(rest / target[d]);
    }
    return spans;
  };
  for (let o = 0; o < outs; o++) {
    let candidates = [0];
    for (const [d, [start, end]] of window(o).entries()) {
      candidates = candidates.flatMap((c) =>
        Array.from({ length: end - start }, (_, k) => c * space[d] + start + k),
      );
    }
    for (let i = 0; i < images; i++) {
      let best = candidates[0];
      for (const c of candidates) {
        const v = data[i * perImage + c];
        if (v > data[i * perImage + best] || (Number.isNaN(v) && !Number.isNaN(data[i * perImage + best])))
          best = c;
      }
      indices[i * outs + o] = BigInt(best);
    }
  }
  return runtime.fromArray(indices, [...x.sizes.slice(0, lead), ...target], int64, x);
}

function adaptiveMax(rank: number): AdaptiveMaxCall {
  const name = `adaptive_max_pool${rank}d`;
  return define(
    `${name}(input, outputSize, returnIndices=False)`,
    (input: Tensor, outputSize: AdaptiveSize, returnIndices = false) => {
      checkAdaptive(input, rank, name);
      const target = targetSizes(input, outputSize, rank);
      const indices = runtime.noGrad(() => adaptiveArgmax(input, target, rank));
      const values = gatherFlat(`AdaptiveMaxPool${rank}D`, input, indices, input.sizes.length - rank);
      return returnIndices ? pair(name, values, indices) : values;
    },
    { functionOnly: true },
  );
}

/** https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_max_pool1d.html */
export const adaptiveMaxPool1d: AdaptiveMaxCall = adaptiveMax(1);
/** https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_max_pool2d.html */
export const adaptiveMaxPool2d: AdaptiveMaxCall = adaptiveMax(2);
/** https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_max_pool3d.html */
export const adaptiveMaxPool3d: AdaptiveMaxCall = adaptiveMax(3);

/** (Σ xᵖ)^(1/p) over windows. https://pytorch.org/docs/stable/generated/torch.nn.functional.lp_pool2d.html */
function lpPool(
  rank: number,
): FreeCall<
  [input: Tensor, normType: number, kernelSize: Sizes, stride?: Sizes | null, ceilMode?: boolean],
  { kernelSize?: Sizes; stride?: Sizes | null; ceilMode?: boolean },
  Tensor
> {
  return define(
    `lp_pool${rank}d(input, normType, kernelSize, stride=None, ceilMode=False)`,
    (input: Tensor, p: number, kernelSize: Sizes, stride: Sizes | null = null, ceilMode = false) => {
      const kernel = each(kernelSize, rank, 'kernel_size');
      const geometry = {
        kernel,
        stride: strideOr(stride, kernel, rank),
        padding: kernel.map(() => 0),
        dilation: kernel.map(() => 1),
        ceilMode,
      };
      checkInput(input, `avg_pool${rank}d`, geometry);
      const mean = avgPool('AvgPool', input.pow(p), geometry, true, null);
      return mean
        .sign()
        .mul(mean.abs())
        .mul(product(kernel))
        .pow(1 / p);
    },
    { functionOnly: true },
  );
}
export const lpPool1d: ReturnType<typeof lpPool> = lpPool(1);
export const lpPool2d: ReturnType<typeof lpPool> = lpPool(2);

function blockGeometry(kernelSize: Sizes, dilation: Sizes, padding: Sizes, stride: Sizes): PoolGeometry {
  return {
    kernel: each(kernelSize, 2, 'kernel_size'),
    dilation: each(dilation, 2, 'dilation'),
    padding: each(padding, 2, 'padding'),
    stride: each(stride, 2, 'stride'),
    ceilMode: false,
  };
}

function blockCounts(space: readonly number[], g: PoolGeometry): number[] {
  return space.map(
    (s, d) => Math.floor((s + 2 * g.padding[d] - g.dilation[d] * (g.kernel[d] - 1) - 1) / g.stride[d]) + 1,
  );
}

/** Sliding blocks of a padded [N, C, H, W] image as [N, C, kh, kw, oh, ow]. */
function blockStrides(t: Tensor, g: PoolGeometry): number[] {
  const [n, c, h, w] = t.strides;
  return [n, c, h * g.dilation[0], w * g.dilation[1], h * g.stride[0], w * g.stride[1]];
}

type BlockOptions = { kernelSize?: Sizes; dilation?: Sizes; padding?: Sizes; stride?: Sizes };

/** Sliding blocks as columns: (N, C·kh·kw, blocks). https://pytorch.org/docs/stable/generated/torch.nn.functional.unfold.html */
export const unfold: FreeCall<
  [input: Tensor, kernelSize: Sizes, dilation?: Sizes, padding?: Sizes, stride?: Sizes],
  BlockOptions,
  Tensor
> = define(
  'unfold(input, kernelSize, dilation=1, padding=0, stride=1)',
  (input: Tensor, kernelSize: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1) => {
    const g = blockGeometry(kernelSize, dilation, padding, stride);
    const single = input.sizes.length === 3;
    const x = single ? input.unsqueeze(0) : input;
    if (x.sizes.length !== 4) {
      throw new RuntimeError(
        `Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, but got: ${showSizes(input.sizes)}`,
      );
    }
    const [batch, channels, ...space] = x.sizes;
    const out = blockCounts(space, g);
    if (out.some((o) => o < 1)) {
      throw new RuntimeError(
        `Given input with spatial size (${space.join(', ')}), kernel_size=(${g.kernel.join(', ')}), dilation=(${g.dilation.join(', ')}), padding=(${g.padding.join(', ')}), calculated shape of the array of sliding blocks as (${out.join(', ')}), but its components must be at least one.`,
      );
    }
    const padded = constantPad(x, [g.padding[1], g.padding[1], g.padding[0], g.padding[0]], 0).contiguous();
    const blocks = padded.asStrided(
      [batch, channels, ...g.kernel, ...out],
      blockStrides(padded, g),
      padded.offset,
    );
    const columns = blocks.reshape([batch, channels * product(g.kernel), product(out)]);
    return single ? columns.squeeze(0) : columns;
  },
  { functionOnly: true, shownAs: 'Im2Col' },
);

/** Columns summed into an image: the gradient of `unfold`. https://pytorch.org/docs/stable/generated/torch.nn.functional.fold.html */
export const fold: FreeCall<
  [input: Tensor, outputSize: Sizes, kernelSize: Sizes, dilation?: Sizes, padding?: Sizes, stride?: Sizes],
  BlockOptions & { outputSize?: Sizes },
  Tensor
> = define(
  'fold(input, outputSize, kernelSize, dilation=1, padding=0, stride=1)',
  (
    input: Tensor,
    outputSize: Sizes,
    kernelSize: Sizes,
    dilation: Sizes = 1,
    padding: Sizes = 0,
    stride: Sizes = 1,
  ) => {
    const g = blockGeometry(kernelSize, dilation, padding, stride);
    const space = each(outputSize, 2, 'output_size');
    const single = input.sizes.length === 2;
    const x = single ? input.unsqueeze(0) : input;
    const [batch, columns, blocks] = x.sizes;
    const area = product(g.kernel);
    if (columns % area !== 0) {
      throw new RuntimeError(
        `Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got input.size(1)=${columns} and kernel_size=(${g.kernel.join(', ')}).`,
      );
    }
    const out = blockCounts(space, g);
    if (product(out) !== blocks) {
      throw new RuntimeError(
        `Given output_size=(${space.join(', ')}), kernel_size=(${g.kernel.join(', ')}), dilation=(${g.dilation.join(', ')}), padding=(${g.padding.join(', ')}), stride=(${g.stride.join(', ')}), expected size of input's dimension 2 to match the calculated number of sliding blocks ${out.join(' * ')} = ${product(out)}, but got input.size(2)=${blocks}.`,
      );
    }
    const channels = columns / area;
    const values = x.reshape([batch, channels, ...g.kernel, ...out]);
    const padded = space.map((s, d) => s + 2 * g.padding[d]);
    const whole = scatterView(values, [batch, channels, ...padded], (t) =>
      t.asStrided([batch, channels, ...g.kernel, ...out], blockStrides(t, g), t.offset),
    );
    const image = whole.narrow(2, g.padding[0], space[0]).narrow(3, g.padding[1], space[1]);
    return single ? image.squeeze(0) : image;
  },
  { functionOnly: true, shownAs: 'Col2Im' },
);
