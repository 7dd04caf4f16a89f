/** Quantiles. https://pytorch.org/docs/stable/generated/torch.quantile.html */
import { int64 } from '../../base/dtype.ts';
import { RuntimeError } from '../../base/errors.ts';
import { wrapDim } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define } from '../define.ts';
import { runtime } from '../runtime.ts';
import { sort } from './sort.ts';

/** What is taken where a quantile lies between two elements. */
export type QuantileInterpolation = 'linear' | 'lower' | 'higher' | 'midpoint' | 'nearest';
const interpolations: readonly string[] = ['linear', 'lower', 'higher', 'midpoint', 'nearest'];

function checkArguments(input: Tensor, q: number | Tensor, interpolation: string, name: string): void {
  const fail = (text: string): RuntimeError => new RuntimeError(`${name}() ${text}`);
  const isTensor = runtime.isTensor(q);
  if (input.numel() === 0) throw fail('input tensor must be non-empty');
  if (isTensor && q.sizes.length > 1) throw fail('q must be a scalar or 1D tensor');
  if (input.dtype.name !== 'float32' && input.dtype.name !== 'float64') {
    throw fail('input tensor must be either float or double dtype');
  }
  if (isTensor && q.dtype !== input.dtype) throw fail('q tensor must be same dtype as the input tensor');
  if (!interpolations.includes(interpolation)) {
    throw fail(
      `interpolation must be one of linear, lower, higher, midpoint or nearest, but got ${interpolation}`,
    );
  }
  if (!isTensor) {
    if (!(q >= 0 && q <= 1)) throw fail(`q must be in the range [0, 1] but got ${q}`);
    return;
  }
  const inside = q.ge(0).logicalAnd(q.le(1)).all().item();
  if (!inside) throw fail('q values must be in the range [0, 1]');
}

/** Quantiles along the last dimension; those of one row are along a new last dimension. */
function alongLast(
  rows: Tensor,
  q: Tensor,
  interpolation: QuantileInterpolation,
  ignoreNan: boolean,
): Tensor {
  const sorted = sort(rows, -1).values;
  const size = rows.sizes[rows.sizes.length - 1];
  // NaN are sorted to the end: with one of them the last element is the answer, unless they are ignored.
  const nan = sorted.detach().isnan();
  const last = nan.logicalNot().sum(-1, true).sub(1).to(q.dtype);
  const ranks = ignoreNan
    ? q.mul(last).clamp({ min: 0 })
    : q
        .mul(size - 1)
        .expand([...rows.sizes.slice(0, -1), q.sizes[0]])
        .maskedFill(nan.any(-1, true), size - 1);
  const at = (r: Tensor): Tensor => sorted.gather(-1, r.to(int64));
  switch (interpolation) {
    case 'lower':
      return at(ranks.floor());
    case 'higher':
      return at(ranks.ceil());
    case 'nearest':
      return at(ranks.round());
    case 'midpoint':
      return at(ranks.floor()).lerp(at(ranks.ceil()), 0.5);
    case 'linear':
      return at(ranks.floor()).lerp(at(ranks.ceil()), ranks.sub(ranks.floor()));
    default:
      return interpolation satisfies never;
  }
}

type QuantileCall = Call<
  [input: Tensor, q: number | Tensor, dim?: number | null, keepdim?: boolean],
  {
    q?: number | Tensor;
    dim?: number | null;
    keepdim?: boolean;
    interpolation?: QuantileInterpolation;
    out?: Tensor;
  },
  Tensor
>;

function quantiles(name: string, ignoreNan: boolean): QuantileCall {
  return define(
    `${name}(input, q, dim=None, keepdim=False, *, interpolation='linear', out=None)`,
    (
      input: Tensor,
      q: number | Tensor,
      dim: number | null = null,
      keepdim = false,
      interpolation: QuantileInterpolation = 'linear',
    ) => {
      checkArguments(input, q, interpolation, name);
      const rank = input.sizes.length;
      const d = dim === null ? 0 : wrapDim(dim, rank);
      const rows = dim === null || rank === 0 ? input.reshape([-1]) : input.movedim(d, -1);
      const several = runtime.isTensor(q) && q.sizes.length === 1;
      const levels = runtime.isTensor(q) ? q.reshape([-1]) : runtime.full([1], q, input.dtype, input);
      const found = alongLast(rows, levels, interpolation, ignoreNan);
      // The quantiles come first, then what is left of the input's dimensions.
      const first = found.movedim(-1, 0);
      const kept = dim === null ? input.sizes.map(() => 1) : input.sizes.map((s, i) => (i === d ? 1 : s));
      const shaped = keepdim ? first.reshape([levels.sizes[0], ...kept]) : first;
      return several ? shaped : shaped.squeeze(0);
    },
  );
}

/**
 * The value below which a fraction `q` of the elements lies, along `dim` or of all; several quantiles come first in the result.
 *
 * @example
 * ```ts
 * console.log(torch.quantile(torch.tensor([1, 2, 3, 4]), 0.5)); // => tensor(2.5000)
 * ```
 */
export const quantile: QuantileCall = quantiles('quantile', false);
/** As `quantile`, without the NaN. https://pytorch.org/docs/stable/generated/torch.nanquantile.html */
export const nanquantile: QuantileCall = quantiles('nanquantile', true);
