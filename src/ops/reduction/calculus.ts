/** Differences, slopes and integrals along a dimension. */
import { bool, getDefaultDtype } from '../../base/dtype.ts';
import { IndexError, RuntimeError } from '../../base/errors.ts';
import { wrapDim } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define } from '../define.ts';
import { cat } from '../movement/joining.ts';
import { slice } from '../movement/views.ts';
import { runtime } from '../runtime.ts';

/** `input` with tensors in front and behind, as `diff` accepts them. */
function extended(input: Tensor, dim: number, before: Tensor | null, after: Tensor | null): Tensor {
  for (const t of [before, after]) {
    if (t === null) continue;
    if (t.sizes.length !== input.sizes.length) {
      throw new RuntimeError('diff expects prepend or append to be the same dimension as input');
    }
    input.sizes.forEach((size, d) => {
      if (d === dim || t.sizes[d] === size) return;
      throw new RuntimeError(
        `diff expects the shape of tensor to prepend or append to match that of input except along the differencing dimension; input.size(${d}) = ${size}, but got tensor.size(${d}) = ${t.sizes[d]}`,
      );
    });
  }
  const parts = [before, input, after].filter((t): t is Tensor => t !== null);
  return parts.length === 1 ? input : cat(parts, dim);
}

/**
 * The n-th differences of neighbours along `dim`; of bools where they differ.
 * https://pytorch.org/docs/stable/generated/torch.diff.html
 *
 * @example
 * ```ts
 * console.log(torch.diff(torch.tensor([1, 3, 6]))); // => tensor([2., 3.])
 * ```
 */
export const diff: Call<
  [input: Tensor, n?: number, dim?: number, prepend?: Tensor | null, append?: Tensor | null],
  { n?: number; dim?: number; prepend?: Tensor | null; append?: Tensor | null; out?: Tensor },
  Tensor
> = define(
  'diff(input, n=1, dim=-1, prepend: Tensor=None, append: Tensor=None, *, out=None)',
  (input: Tensor, n = 1, dim = -1, prepend: Tensor | null = null, append: Tensor | null = null) => {
    if (input.sizes.length === 0) {
      throw new RuntimeError('diff expects input to be at least one-dimensional');
    }
    const d = wrapDim(dim, input.sizes.length);
    let out = extended(input, d, prepend, append);
    if (n <= 0) return input.clone();
    const times = Math.min(n, out.sizes[d]);
    for (let k = 0; k < times; k++) {
      const right = slice(out, d, 1, null);
      const left = slice(out, d, 0, -1);
      out = out.dtype === bool ? right.logicalXor(left) : right.sub(left);
    }
    return out;
  },
);

/** Sample points as a tensor that broadcasts against `y` along `dim`. */
function samplePoints(y: Tensor, x: Tensor, dim: number, name: string): Tensor {
  if (x.sizes.length === 1) {
    if (x.sizes[0] !== y.sizes[dim]) {
      throw new RuntimeError(`${name}: There must be one \`x\` value for each sample point`);
    }
    return x.view(y.sizes.map((_, d) => (d === dim ? -1 : 1)));
  }
  const missing = y.sizes.length - x.sizes.length;
  return missing > 0 ? x.view([...new Array<number>(missing).fill(1), ...x.sizes]) : x;
}

/** The trapezoids between neighbours, twice their areas where `x` gives the widths. */
function trapezoids(y: Tensor, x: Tensor | null, dim: number, name: string): Tensor {
  if (y.dtype === bool || x?.dtype === bool) {
    throw new RuntimeError(
      `${name}: received a bool input for ${x === null ? '`y`' : '`x` or `y`'}, but bool is not supported`,
    );
  }
  const heights = slice(y, dim, 0, -1).add(slice(y, dim, 1, null));
  if (x === null) return heights;
  const points = samplePoints(y, x, dim, name);
  return heights.mul(slice(points, dim, 1, null).sub(slice(points, dim, 0, -1)));
}

function checkDim(y: Tensor, dim: number): number {
  if (y.sizes.length === 0) {
    throw new IndexError(`Dimension specified as ${dim} but tensor has no dimensions`);
  }
  return wrapDim(dim, y.sizes.length);
}

type IntegralCall = Call<
  [y: Tensor, x?: Tensor | null],
  { x?: Tensor | null; dx?: number | null; dim?: number },
  Tensor
>;

/** The integral along `dim` by the trapezoidal rule, at points `x` or `dx` apart. https://pytorch.org/docs/stable/generated/torch.trapezoid.html */
export const trapezoid: IntegralCall & { readonly functionOnly: true } = define(
  'trapezoid(y: Tensor, x: Tensor=None, *, dx=None, dim=-1)',
  (y: Tensor, x: Tensor | null = null, dx: number | null = null, dim = -1) => {
    const d = checkDim(y, dim);
    if (y.sizes[d] === 0) {
      return runtime.full(
        y.sizes.filter((_, i) => i !== d),
        0,
        y.dtype,
        y,
      );
    }
    const areas = trapezoids(y, x, d, 'trapezoid').sum(d);
    return x === null ? scaled(areas, dx) : areas.div(2);
  },
  { functionOnly: true },
);

/** Times dx/2; halves of whole numbers are floats. */
function scaled(heights: Tensor, dx: number | null): Tensor {
  const float = heights.dtype.isFloatingPoint ? heights : heights.to(getDefaultDtype());
  return float.mul((dx ?? 1) / 2);
}

/** Another name for `trapezoid`. */
export const trapz: IntegralCall & { readonly functionOnly: true } = trapezoid;

/** The running integral along `dim`. https://pytorch.org/docs/stable/generated/torch.cumulative_trapezoid.html */
export const cumulativeTrapezoid: IntegralCall & { readonly functionOnly: true } = define(
  'cumulative_trapezoid(y: Tensor, x: Tensor=None, *, dx=None, dim=-1)',
  (y: Tensor, x: Tensor | null = null, dx: number | null = null, dim = -1) => {
    const d = checkDim(y, dim);
    const areas = trapezoids(y, x, d, 'cumulative_trapezoid');
    return x === null ? scaled(areas, dx).cumsum(d) : areas.cumsum(d).div(2);
  },
  { functionOnly: true },
);

type Spacing = number | readonly (number | Tensor)[] | null;

/** The slope along one dimension at points `step` apart. */
function slopeEven(f: Tensor, dim: number, step: number, order: number): Tensor {
  const at = (i: number): Tensor => slice(f, dim, i, i === -1 ? null : i + 1);
  const centre = slice(f, dim, 2, null)
    .sub(slice(f, dim, 0, -2))
    .div(2 * step);
  const [first, last] =
    order === 1
      ? [at(1).sub(at(0)).div(step), at(-1).sub(at(-2)).div(step)]
      : [
          at(0).mul(-1.5).add(at(1).mul(2)).sub(at(2).mul(0.5)).div(step),
          at(-3).mul(0.5).sub(at(-2).mul(2)).add(at(-1).mul(1.5)).div(step),
        ];
  return cat([first, centre, last], dim);
}

/** The weights of three neighbours in the slope at one of them, from the gaps between them. */
function threePoint(
  before: Tensor,
  after: Tensor,
  place: 'first' | 'middle' | 'last',
): [Tensor, Tensor, Tensor] {
  const both = before.add(after);
  switch (place) {
    case 'first':
      return [
        both.add(before).neg().div(before.mul(both)),
        both.div(before.mul(after)),
        before.neg().div(after.mul(both)),
      ];
    case 'middle':
      return [
        after.neg().div(before.mul(both)),
        after.sub(before).div(before.mul(after)),
        before.div(after.mul(both)),
      ];
    case 'last':
      return [
        after.div(before.mul(both)),
        both.neg().div(before.mul(after)),
        both.add(after).div(after.mul(both)),
      ];
    default:
      return place satisfies never;
  }
}

/** The slope along one dimension at points with coordinates. */
function slopeUneven(f: Tensor, dim: number, points: Tensor, order: number): Tensor {
  const shape = f.sizes.map((_, d) => (d === dim ? -1 : 1));
  const gaps = diff(points).reshape(shape);
  const gap = (i: number): Tensor => slice(gaps, dim, i, i === -1 ? null : i + 1);
  const at = (i: number): Tensor => slice(f, dim, i, i === -1 ? null : i + 1);
  const weighted = (w: readonly Tensor[], values: readonly Tensor[]): Tensor =>
    w[0].mul(values[0]).add(w[1].mul(values[1])).add(w[2].mul(values[2]));
  const centre = weighted(threePoint(slice(gaps, dim, 0, -1), slice(gaps, dim, 1, null), 'middle'), [
    slice(f, dim, 0, -2),
    slice(f, dim, 1, -1),
    slice(f, dim, 2, null),
  ]);
  const [first, last] =
    order === 1
      ? [at(1).sub(at(0)).div(gap(0)), at(-1).sub(at(-2)).div(gap(-1))]
      : [
          weighted(threePoint(gap(0), gap(1), 'first'), [at(0), at(1), at(2)]),
          weighted(threePoint(gap(-2), gap(-1), 'last'), [at(-3), at(-2), at(-1)]),
        ];
  return cat([first, centre, last], dim);
}

/**
 * The slope of a sampled function along each dimension of `dim` (all), from central differences inside and one-sided ones of `edgeOrder`
 * at the ends. `spacing`: the distance of the samples, one for each dimension, or their coordinates.
 * https://pytorch.org/docs/stable/generated/torch.gradient.html
 */
export const gradient: Call<
  [input: Tensor],
  { spacing?: Spacing; dim?: number | readonly number[] | null; edgeOrder?: number },
  Tensor[]
> & { readonly functionOnly: true } = define(
  'gradient(input, *, spacing=None, dim=None, edgeOrder=1)',
  (input: Tensor, spacing: Spacing = null, dim: number | readonly number[] | null = null, edgeOrder = 1) => {
    if (input.dtype.name === 'uint8') throw new RuntimeError('torch.gradient does not support uint8 input.');
    const rank = input.sizes.length;
    const dims =
      dim === null ? input.sizes.map((_, d) => d) : ([dim].flat() as number[]).map((d) => wrapDim(d, rank));
    dims.forEach((d, i) => {
      if (dims.indexOf(d) !== i)
        throw new RuntimeError(`dim ${d} appears multiple times in the list of dims`);
    });
    const steps = typeof spacing === 'object' && spacing !== null ? spacing : dims.map(() => spacing ?? 1);
    if (steps.length !== dims.length) {
      throw new RuntimeError(
        `torch.gradient expected spacing to be unspecified, a scalar or a list of length ${dims.length} but got a list of length ${steps.length}`,
      );
    }
    if (edgeOrder !== 1 && edgeOrder !== 2) {
      throw new RuntimeError('torch.gradient only supports edge_order=1 and edge_order=2.');
    }
    if (dims.some((d) => input.sizes[d] < edgeOrder + 1)) {
      throw new RuntimeError('torch.gradient expected each dimension size to be at least edge_order+1');
    }
    return dims.map((d, i) => {
      const step = steps[i];
      if (!runtime.isTensor(step)) return slopeEven(input, d, Number(step), edgeOrder);
      if (step.sizes.length !== 1) {
        throw new RuntimeError(
          `torch.gradient expected each element of spacing to have one dimension, but got an element with ${step.sizes.length} dimensions!`,
        );
      }
      return slopeUneven(input, d, step, edgeOrder);
    });
  },
  { functionOnly: true },
);
