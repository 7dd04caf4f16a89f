/**
 * Resizing by interpolation. Every mode is separable: along each spatial dimension an output is a weighted sum of a few inputs ("taps"),
 * read by `indexSelect`, so that gradients of any order follow.
 * https://pytorch.org/docs/stable/nn.functional.html#vision-functions
 */
import { notImplementedFor } from '../../ops/refuse.ts';
import { float64, int64 } from '../../base/dtype.ts';
import { NotImplementedError, RuntimeError, ValueError } from '../../base/errors.ts';
import { define, type FreeCall } from '../../ops/define.ts';
import { runtime } from '../../ops/runtime.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { adaptiveAvgPool1d, adaptiveAvgPool2d, adaptiveAvgPool3d } from './pooling.ts';

type Sizes = number | readonly number[];
/** How values between the elements are found. */
export type InterpolationMode =
  | 'nearest'
  | 'nearest-exact'
  | 'linear'
  | 'bilinear'
  | 'bicubic'
  | 'trilinear'
  | 'area';

/** For every output position which input is read, and with what weight (null: 1). */
interface Tap {
  readonly index: number[];
  readonly weight: number[] | null;
}

/** One dimension: its sizes, and by what PyTorch multiplies output coordinates to get input coordinates. */
interface Axis {
  readonly from: number;
  readonly to: number;
  /** The factor the user gave, where it decides; else the sizes do. */
  readonly factor: number | null;
}

/** float32 coordinates are computed in float32: positions that fall on an edge depend on it. */
type Rounding = (x: number) => number;

const positions = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const limit = (i: number, size: number): number => Math.min(Math.max(i, 0), size - 1);

function scaleOf({ from, to, factor }: Axis, alignCorners: boolean, round: Rounding): number {
  if (alignCorners) return to > 1 ? round((from - 1) / (to - 1)) : 0;
  return factor === null ? round(from / to) : round(1 / factor);
}

function nearestTaps(axis: Axis, exact: boolean): Tap[] {
  // PyTorch computes these in float32 whatever the dtype is.
  const scale = scaleOf(axis, false, Math.fround);
  const index = positions(axis.to).map((i) =>
    Math.min(Math.floor(Math.fround((exact ? i + 0.5 : i) * scale)), axis.from - 1),
  );
  return [{ index, weight: null }];
}

/** The input coordinate of every output position. */
function sources(axis: Axis, alignCorners: boolean, round: Rounding): number[] {
  const scale = scaleOf(axis, alignCorners, round);
  return positions(axis.to).map((i) =>
    alignCorners ? round(scale * i) : round(round(scale * (i + 0.5)) - 0.5),
  );
}

function linearTaps(axis: Axis, alignCorners: boolean, round: Rounding): Tap[] {
  const at = sources(axis, alignCorners, round).map((x) => Math.max(x, 0));
  const left = at.map((x) => Math.min(Math.floor(x), axis.from - 1));
  const share = at.map((x, i) => Math.min(round(x - left[i]), 1));
  return [
    { index: left, weight: share.map((s) => round(1 - s)) },
    { index: left.map((i) => limit(i + 1, axis.from)), weight: share },
  ];
}

/** Keys 1981, "Cubic convolution interpolation for digital image processing": the kernel at |x| ≤ 1 and at 1 < |x| < 2. */
const nearCubic = (x: number, a: number): number => ((a + 2) * x - (a + 3)) * x * x + 1;
const farCubic = (x: number, a: number): number => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;

function cubicTaps(axis: Axis, alignCorners: boolean, round: Rounding): Tap[] {
  const A = -0.75;
  const at = sources(axis, alignCorners, round);
  const base = at.map(Math.floor);
  const t = at.map((x, i) => round(x - base[i]));
  const weights = [
    t.map((x) => farCubic(x + 1, A)),
    t.map((x) => nearCubic(x, A)),
    t.map((x) => nearCubic(1 - x, A)),
    t.map((x) => farCubic(2 - x, A)),
  ];
  return weights.map((weight, k) => ({ index: base.map((i) => limit(i + k - 1, axis.from)), weight }));
}

/** With antialiasing the kernel is as wide as the input pixels that fall on one output pixel. */
function antialiasedTaps(axis: Axis, alignCorners: boolean, cubic: boolean, round: Rounding): Tap[] {
  const scale = scaleOf(axis, alignCorners, round);
  const stretch = Math.max(scale, 1);
  const support = (cubic ? 2 : 1) * stretch;
  const kernel = (x: number): number => {
    const d = Math.abs(x);
    if (!cubic) return Math.max(1 - d, 0);
    return d < 1 ? nearCubic(d, -0.5) : d < 2 ? farCubic(d, -0.5) : 0;
  };
  const spans = positions(axis.to).map((i) => {
    const center = scale * (i + 0.5);
    const first = Math.max(Math.trunc(center - support + 0.5), 0);
    const end = Math.min(Math.trunc(center + support + 0.5), axis.from);
    const weights = positions(end - first).map((k) => kernel((k + first - center + 0.5) / stretch));
    const total = weights.reduce((a, b) => a + b, 0);
    return { first, weights: weights.map((w) => (total === 0 ? w : w / total)) };
  });
  const width = Math.max(...spans.map((s) => s.weights.length));
  return positions(width).map((k) => ({
    index: spans.map((s) => limit(s.first + k, axis.from)),
    weight: spans.map((s) => s.weights[k] ?? 0),
  }));
}

/** The weighted sum of the taps along one dimension. */
function applyTaps(x: Tensor, dim: number, taps: readonly Tap[]): Tensor {
  const terms = taps.map(({ index, weight }) => {
    const positionsOf = runtime.fromArray(BigInt64Array.from(index, BigInt), [index.length], int64, x);
    const read = x.indexSelect(dim, positionsOf);
    if (weight === null) return read;
    const shape = x.sizes.map((_, i) => (i === dim ? weight.length : 1));
    const w = runtime.fromArray(Float64Array.from(weight), [weight.length], float64, x).to(x.dtype);
    return read.mul(w.reshape(shape));
  });
  return terms.reduce((sum, term) => sum.add(term));
}

const pools = [adaptiveAvgPool1d, adaptiveAvgPool2d, adaptiveAvgPool3d];
/** Which ranks (of the input) a mode is for. */
const modesByRank: Readonly<Record<string, readonly number[]>> = {
  nearest: [3, 4, 5],
  'nearest-exact': [3, 4, 5],
  area: [3, 4, 5],
  linear: [3],
  bilinear: [4],
  bicubic: [4],
  trilinear: [5],
};

function gradName(mode: InterpolationMode, rank: number): string {
  const base = {
    nearest: 'Nearest',
    'nearest-exact': 'NearestExact',
    linear: 'Linear',
    bilinear: 'Bilinear',
  };
  const name = base[mode as 'nearest'] ?? (mode === 'bicubic' ? 'Bicubic' : 'Trilinear');
  return `Upsample${name}${rank - 2}D`;
}

/** The input's spatial dimensions with the sizes and factors that were asked for. Throws PyTorch's errors. */
function axesOf(input: Tensor, size: Sizes | null, scaleFactor: Sizes | null, recompute: boolean): Axis[] {
  const space = input.sizes.slice(2);
  const listed = (given: Sizes, what: string, letter: string): readonly number[] => {
    if (typeof given === 'number') return space.map(() => given);
    if (given.length === space.length) return given;
    const article =
      what === 'size'
        ? `output size of [${given.join(', ')}]`
        : `scale_factor of shape [${given.join(', ')}]`;
    throw new ValueError(
      `Input and ${what === 'size' ? 'output' : 'scale_factor'} must have the same number of spatial dimensions, but got input with spatial dimensions of [${space.join(', ')}] and ${article}. Please provide input tensor in (N, C, d1, d2, ...,dK) format and ${what === 'size' ? 'output size' : 'scale_factor'} in (${letter}1, ${letter}2, ...,${letter}K) format.`,
    );
  };
  if (size !== null && scaleFactor !== null)
    throw new ValueError('only one of size or scale_factor should be defined');
  if (size !== null) {
    if (recompute) throw new ValueError('recompute_scale_factor is not meaningful with an explicit size.');
    return listed(size, 'size', 'o').map((to, d) => ({ from: space[d], to, factor: null }));
  }
  if (scaleFactor === null) throw new ValueError('either size or scale_factor should be defined');
  return listed(scaleFactor, 'scale', 's').map((factor, d) => ({
    from: space[d],
    to: Math.floor(space[d] * factor),
    factor: recompute ? null : factor,
  }));
}

function checkMode(input: Tensor, mode: InterpolationMode): void {
  const rank = input.sizes.length;
  const ranks = modesByRank[mode];
  if (ranks?.includes(rank)) return;
  if (ranks !== undefined && rank >= 3 && rank <= 5 && mode !== 'bicubic') {
    throw new NotImplementedError(`Got ${rank}D input, but ${mode} mode needs ${ranks[0]}D input`);
  }
  throw new NotImplementedError(
    `Input Error: Only 3D, 4D and 5D input Tensors supported (got ${rank}D) for the modes: nearest | linear | bilinear | bicubic | trilinear | area | nearest-exact (got ${mode})`,
  );
}

function checkSizes(axes: readonly Axis[]): void {
  if (axes.every((a) => a.from > 0 && a.to > 0)) return;
  const letters = ['D', 'H', 'W'].slice(3 - axes.length);
  const show = (part: (a: Axis) => number): string =>
    axes.map((a, i) => `${letters[i]}: ${part(a)}`).join(', ');
  throw new RuntimeError(
    `Input and output sizes should be greater than 0, but got input (${show((a) => a.from)}) output (${show((a) => a.to)})`,
  );
}

interface InterpolateOptions {
  size?: Sizes | null;
  scaleFactor?: Sizes | null;
  mode?: InterpolationMode;
  alignCorners?: boolean | null;
  recomputeScaleFactor?: boolean | null;
  antialias?: boolean;
}

/**
 * Enlarges or shrinks (N, C, L), (N, C, H, W) or (N, C, D, H, W) to `size` or by `scaleFactor`.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.interpolate.html
 *
 * @example
 * ```ts
 * const x = torch.tensor([[[1, 2]]]);
 * console.log(nn.functional.interpolate(x, { scaleFactor: 2, mode: 'linear' })); // => tensor([[[1.0000, 1.2500, 1.7500, 2.0000]]])
 * ```
 */
export const interpolate: FreeCall<
  [
    input: Tensor,
    size?: Sizes | null,
    scaleFactor?: Sizes | null,
    mode?: InterpolationMode,
    alignCorners?: boolean | null,
    recomputeScaleFactor?: boolean | null,
    antialias?: boolean,
  ],
  InterpolateOptions,
  Tensor
> = define(
  "interpolate(input, size=None, scaleFactor=None, mode='nearest', alignCorners=None, recomputeScaleFactor=None, antialias=False)",
  (
    input: Tensor,
    size: Sizes | null = null,
    scaleFactor: Sizes | null = null,
    mode: InterpolationMode = 'nearest',
    alignCorners: boolean | null = null,
    recomputeScaleFactor: boolean | null = null,
    antialias = false,
  ) => {
    const simple = mode === 'nearest' || mode === 'area' || mode === 'nearest-exact';
    if (simple && alignCorners !== null) {
      throw new ValueError(
        'align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | trilinear',
      );
    }
    const rank = input.sizes.length;
    const axes = axesOf(input, size, scaleFactor, recomputeScaleFactor ?? false);
    if (antialias && !((mode === 'bilinear' || mode === 'bicubic') && rank === 4)) {
      throw new ValueError('Anti-alias option is only supported for bilinear and bicubic modes');
    }
    checkMode(input, mode);
    checkSizes(axes);
    if (mode === 'area') {
      return pools[rank - 3](
        input,
        axes.map((a) => a.to),
      );
    }
    if (!simple && !input.dtype.isFloatingPoint) {
      throw notImplementedFor(`upsample_${mode}`, input.dtype);
    }
    const round: Rounding = input.dtype.itemSize === 8 ? (x) => x : Math.fround;
    const align = alignCorners ?? false;
    const tapsOf = (axis: Axis): Tap[] => {
      if (mode === 'nearest' || mode === 'nearest-exact') return nearestTaps(axis, mode !== 'nearest');
      if (antialias) return antialiasedTaps(axis, align, mode === 'bicubic', round);
      return mode === 'bicubic' ? cubicTaps(axis, align, round) : linearTaps(axis, align, round);
    };
    // The last dimension first: a row is interpolated before rows are combined, as in PyTorch.
    const out = axes.reduceRight((x, axis, d) => applyTaps(x, d + 2, tapsOf(axis)), input);
    return runtime.showAs(gradName(mode, rank), out);
  },
  { functionOnly: true },
);

type UpsampleCall = FreeCall<
  [input: Tensor, size?: Sizes | null, scaleFactor?: Sizes | null],
  { size?: Sizes | null; scaleFactor?: Sizes | null },
  Tensor
>;

/** The older name of `interpolate`. */
export const upsample: FreeCall<
  [
    input: Tensor,
    size?: Sizes | null,
    scaleFactor?: Sizes | null,
    mode?: InterpolationMode,
    alignCorners?: boolean | null,
  ],
  Omit<InterpolateOptions, 'recomputeScaleFactor' | 'antialias'>,
  Tensor
> = define(
  "upsample(input, size=None, scaleFactor=None, mode='nearest', alignCorners=None)",
  (
    input: Tensor,
    size: Sizes | null = null,
    scaleFactor: Sizes | null = null,
    mode: InterpolationMode = 'nearest',
    alignCorners: boolean | null = null,
  ) => interpolate(input, size, scaleFactor, mode, alignCorners),
  { functionOnly: true },
);

/** `interpolate` by the nearest element. */
export const upsampleNearest: UpsampleCall = define(
  'upsample_nearest(input, size=None, scaleFactor=None)',
  (input: Tensor, size: Sizes | null = null, scaleFactor: Sizes | null = null) =>
    interpolate(input, size, scaleFactor),
  { functionOnly: true },
);

/** Bilinear `interpolate` with aligned corners. */
export const upsampleBilinear: UpsampleCall = define(
  'upsample_bilinear(input, size=None, scaleFactor=None)',
  (input: Tensor, size: Sizes | null = null, scaleFactor: Sizes | null = null) =>
    interpolate(input, size, scaleFactor, 'bilinear', true),
  { functionOnly: true },
);
