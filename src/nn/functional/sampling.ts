/** Images sampled at given places. https://pytorch.org/docs/stable/generated/torch.nn.functional.grid_sample.html */
import { float64, int64 } from '../../base/dtype.ts';
import { NotImplementedError, RuntimeError, ValueError } from '../../base/errors.ts';
import { product, showSizes } from '../../base/shape.ts';
import { define, type FreeCall } from '../../ops/define.ts';
import { stack } from '../../ops/movement/joining.ts';
import { where } from '../../ops/pointwise/ternary.ts';
import { runtime } from '../../ops/runtime.ts';
import type { Tensor } from '../../tensor/tensor.ts';

/** n coordinates from −1 to 1: of the corners, or (without `alignCorners`) of the pixels' centres. */
function coordinates(n: number, alignCorners: boolean, like: Tensor): Tensor {
  const span = alignCorners ? 1 : (n - 1) / n;
  const values = Float64Array.from({ length: n }, (_, i) => (n === 1 ? 0 : (2 * i) / (n - 1) - 1) * span);
  return runtime.fromArray(values, [n], float64, like).to(like.dtype);
}

/**
 * The grid of an affine map, for `gridSample`: theta [N, 2, 3] and size (N, C, H, W) give [N, H, W, 2]; [N, 3, 4] and (N, C, D, H, W) give
 * [N, D, H, W, 3]. https://pytorch.org/docs/stable/generated/torch.nn.functional.affine_grid.html
 */
export const affineGrid: FreeCall<
  [theta: Tensor, size: readonly number[], alignCorners?: boolean | null],
  { size?: readonly number[]; alignCorners?: boolean | null },
  Tensor
> = define(
  'affine_grid(theta: Tensor, size, alignCorners=None)',
  (theta: Tensor, size: readonly number[], alignCorners: boolean | null = null) => {
    const shown = `(${size.join(', ')})`;
    if (!theta.dtype.isFloatingPoint) {
      throw new ValueError(`Expected theta to have floating point type, but got ${theta.dtype}`);
    }
    if (size.length !== 4 && size.length !== 5) {
      throw new NotImplementedError(
        `affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. Got size ${shown}.`,
      );
    }
    const space = size.slice(2);
    const n = space.length;
    if (theta.sizes.length !== 3 || theta.sizes[1] !== n || theta.sizes[2] !== n + 1) {
      throw new ValueError(
        `Expected a batch of ${n}D affine matrices of shape Nx${n}x${n + 1} for size ${shown}. Got ${String(theta.shape)}.`,
      );
    }
    if (size.some((s) => s <= 0))
      throw new ValueError(`Expected non-zero, positive output size. Got ${shown}`);
    // The points (x, y, …, 1): the last dimension of space comes first.
    const axes = [...space].reverse().map((length, i) => {
      const d = n - 1 - i;
      const along = coordinates(length, alignCorners ?? false, theta);
      return along.reshape(space.map((_, k) => (k === d ? -1 : 1))).expand(space);
    });
    const ones = runtime.full(space, 1, theta.dtype, theta);
    const points = stack([...axes, ones], -1).reshape([1, product(space), n + 1]);
    const grid = points.matmul(theta.transpose(1, 2));
    return grid.reshape([size[0], ...space, n]);
  },
  { functionOnly: true, shownAs: 'AffineGridGenerator' },
);

export type GridMode = 'bilinear' | 'nearest' | 'bicubic';
export type GridPadding = 'zeros' | 'border' | 'reflection';

/** How positions along one spatial dimension are found. */
interface Axis {
  readonly size: number;
  readonly padding: GridPadding;
  readonly alignCorners: boolean;
}

/** From −1 … 1 to 0 … size − 1. */
function toPixels(x: Tensor, { size, alignCorners }: Axis): Tensor {
  return alignCorners ? x.add(1).mul((size - 1) / 2) : x.add(1).mul(size).sub(1).div(2);
}

/** Mirrored at the edges until it is inside: at the outer pixels' centres, or half a pixel beyond. */
function reflected(x: Tensor, { size, alignCorners }: Axis): Tensor {
  const low = alignCorners ? 0 : -0.5;
  const span = alignCorners ? size - 1 : size;
  if (span === 0) return x.mul(0);
  const away = x.sub(low).abs();
  const extra = away.fmod(span);
  const odd = away.div(span).floor().remainder(2).eq(1);
  return where(odd, extra.neg().add(span + low), extra.add(low));
}

/** The position as the padding has it; zeros are dealt with where the image is read. */
function padded(x: Tensor, axis: Axis): Tensor {
  if (axis.padding === 'zeros') return x;
  const inside = axis.padding === 'reflection' ? reflected(x, axis) : x;
  return inside.clamp(0, axis.size - 1);
}

/** A sample along one axis: which pixel, how much of it, and (null: everywhere) where it is in the image. */
interface Tap {
  readonly index: Tensor;
  readonly weight: Tensor | null;
  readonly valid: Tensor | null;
}

function tap(position: Tensor, weight: Tensor | null, axis: Axis): Tap {
  const at = position.detach();
  const valid = axis.padding === 'zeros' ? at.ge(0).logicalAnd(at.le(axis.size - 1)) : null;
  return { index: at.clamp(0, axis.size - 1).to(int64), weight, valid };
}

/** The weights of four neighbours in cubic convolution with A = −0.75, by the distance t from the second one. */
function cubicWeights(t: Tensor): readonly Tensor[] {
  const A = -0.75;
  const near = (d: Tensor): Tensor =>
    d
      .mul(A + 2)
      .sub(A + 3)
      .mul(d)
      .mul(d)
      .add(1);
  const far = (d: Tensor): Tensor =>
    d
      .mul(A)
      .sub(5 * A)
      .mul(d)
      .add(8 * A)
      .mul(d)
      .sub(4 * A);
  return [far(t.add(1)), near(t), near(t.neg().add(1)), far(t.neg().add(2))];
}

function taps(grid: Tensor, axis: Axis, mode: GridMode): Tap[] {
  const pixel = toPixels(grid, axis);
  switch (mode) {
    case 'nearest':
      return [tap(padded(pixel, axis).round(), null, axis)];
    case 'bilinear': {
      const x = padded(pixel, axis);
      const left = x.detach().floor();
      const part = x.sub(left);
      return [tap(left, part.neg().add(1), axis), tap(left.add(1), part, axis)];
    }
    case 'bicubic': {
      // Each of the four neighbours is padded for itself.
      const left = pixel.detach().floor();
      return cubicWeights(pixel.sub(left)).map((w, k) => tap(padded(left.add(k - 1), axis), w, axis));
    }
    default:
      return mode satisfies never;
  }
}

/** All combinations of one tap for each axis. */
function combinations(axes: readonly (readonly Tap[])[]): Tap[][] {
  return axes.reduce<Tap[][]>((all, axis) => all.flatMap((c) => axis.map((t) => [...c, t])), [[]]);
}

function checkGrid(input: Tensor, grid: Tensor, mode: GridMode): void {
  const fail = (text: string): RuntimeError => new RuntimeError(`grid_sampler(): ${text}`);
  const rank = input.sizes.length;
  if (input.sizes[0] !== grid.sizes[0]) {
    throw fail(
      `expected grid and input to have same batch size, but got input with sizes ${showSizes(input.sizes)} and grid with sizes ${showSizes(grid.sizes)}`,
    );
  }
  if (grid.sizes[grid.sizes.length - 1] !== rank - 2) {
    throw fail(
      `expected grid to have size ${rank - 2} in last dimension, but got grid with sizes ${showSizes(grid.sizes)}`,
    );
  }
  if ((rank !== 4 && rank !== 5) || grid.sizes.length !== rank) {
    throw fail(
      `expected ${rank === 5 ? 5 : 4}D input and grid with same number of dimensions, but got input with sizes ${showSizes(input.sizes)} and grid with sizes ${showSizes(grid.sizes)}`,
    );
  }
  const empty = input.sizes.findIndex((s, d) => d >= 2 && s === 0);
  if (empty >= 0) {
    throw fail(
      `expected input to have non-empty spatial dimensions, but input has sizes ${showSizes(input.sizes)} with dimension ${empty} being empty`,
    );
  }
  if (mode === 'bicubic' && rank !== 4) throw fail('bicubic interpolation only supports 4D input');
  if (input.dtype !== grid.dtype) {
    throw new RuntimeError(
      `expected scalar type ${input.dtype.scalarName} but found ${grid.dtype.scalarName}`,
    );
  }
  if (!input.dtype.isFloatingPoint) {
    throw new RuntimeError(`grid_sampler_${rank - 2}d_cpu not implemented for ${input.dtype.scalarName}`);
  }
}

/** The image read at the taps: [N, C, …] at [N, …] gives [N, C, …]. */
function sampled(input: Tensor, choice: readonly Tap[], out: readonly number[]): Tensor {
  const [batch, channels, ...space] = input.sizes;
  const count = product(out);
  let at = choice[0].index;
  for (let d = 1; d < choice.length; d++) at = at.mul(space[d]).add(choice[d].index);
  const index = at.reshape([batch, 1, count]).expand([batch, channels, count]);
  let values = input
    .reshape([batch, channels, product(space)])
    .gather(2, index)
    .reshape([batch, channels, ...out]);
  for (const { valid, weight } of choice) {
    if (weight !== null) values = values.mul(weight.unsqueeze(1));
    if (valid !== null) values = values.maskedFill(valid.logicalNot().unsqueeze(1), 0);
  }
  return values;
}

/**
 * `input` [N, C, H, W] at the points of `grid` [N, Hout, Wout, 2], whose (x, y) run from −1 (left, top) to 1; volumes [N, C, D, H, W] at
 * [N, Dout, Hout, Wout, 3]. Outside the image are zeros, its border, or its reflection.
 */
export const gridSample: FreeCall<
  [input: Tensor, grid: Tensor, mode?: GridMode, paddingMode?: GridPadding, alignCorners?: boolean | null],
  { grid?: Tensor; mode?: GridMode; paddingMode?: GridPadding; alignCorners?: boolean | null },
  Tensor
> = define(
  "grid_sample(input, grid: Tensor, mode='bilinear', paddingMode='zeros', alignCorners=None)",
  (
    input: Tensor,
    grid: Tensor,
    mode: GridMode = 'bilinear',
    padding: GridPadding = 'zeros',
    alignCorners: boolean | null = null,
  ) => {
    if (!['bilinear', 'nearest', 'bicubic'].includes(mode)) {
      throw new ValueError(
        `nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '${mode}'`,
      );
    }
    if (!['zeros', 'border', 'reflection'].includes(padding)) {
      throw new ValueError(
        `nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', but got: '${padding}'`,
      );
    }
    checkGrid(input, grid, mode);
    const space = input.sizes.slice(2);
    const out = grid.sizes.slice(1, -1);
    const axes = space.map((size, d) =>
      taps(
        grid.select(-1, space.length - 1 - d),
        { size, padding, alignCorners: alignCorners ?? false },
        mode,
      ),
    );
    const sum = combinations(axes)
      .map((choice) => sampled(input, choice, out))
      .reduce((a, b) => a.add(b));
    // Where nothing depends on the grid (nearest) its gradient is zero, not absent.
    return mode === 'nearest' ? sum.add(grid.select(-1, 0).mul(0).unsqueeze(1)) : sum;
  },
  { functionOnly: true },
);
