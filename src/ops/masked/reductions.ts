/** Masked reductions. https://pytorch.org/docs/stable/masked.html */
import { type DType, int64 } from '../../base/dtype.ts';
import { ValueError } from '../../base/errors.ts';
import { wrapDim } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { define, type Dims, type FreeCall } from '../define.ts';
import { vectorNorm } from '../reduction/statistics.ts';
import { runtime } from '../runtime.ts';
import {
  extremeOf,
  listed,
  type MaskedOptions,
  type MaskedReduction,
  maskFor,
  meanDtype,
  replaced,
  totalDtype,
} from './family.ts';

type Implementation = (
  input: Tensor,
  dim: Dims,
  keepdim: boolean,
  dtype: DType | null,
  mask: Tensor | null,
) => Tensor;

function reduction(name: string, implementation: Implementation): MaskedReduction {
  return define(
    `masked_${name}(input, dim=None, *, keepdim=False, dtype=None, mask: Tensor=None)`,
    (
      input: Tensor,
      dim: Dims = null,
      keepdim = false,
      dtype: DType | null = null,
      mask: Tensor | null = null,
    ) => implementation(input, dim, keepdim, dtype, mask),
    { functionOnly: true },
  );
}

const total: Implementation = (input, dim, keepdim, dtype, mask) => {
  const to = totalDtype(input, dtype);
  return replaced(input.to(to), mask, 0).sum(listed(input, dim), keepdim, { dtype: to });
};

/** How many elements count, as int64. */
function countOf(input: Tensor, dim: Dims, keepdim: boolean, mask: Tensor | null): Tensor {
  const ones = runtime.full(input.sizes, 1, int64, input);
  return total(ones, dim, keepdim, null, mask);
}

/** The sum of what the mask keeps. */
export const sum: MaskedReduction = reduction('sum', total);
/** The product of what the mask keeps. */
export const prod: MaskedReduction = reduction('prod', (input, dim, keepdim, dtype, mask) =>
  // One dimension after the other.
  [...listed(input, dim)]
    .map((d) => wrapDim(d, input.sizes.length))
    .sort((a, b) => b - a)
    .reduce((x, d) => x.prod(d, keepdim), replaced(input.to(totalDtype(input, dtype)), mask, 1)),
);
/** The mean of what the mask keeps; NaN of nothing. */
export const mean: MaskedReduction = reduction('mean', (input, dim, keepdim, dtype, mask) => {
  // The sum has the dtype of the input, also where that is bool, as in PyTorch.
  return total(input, dim, keepdim, dtype ?? input.dtype, mask).div(countOf(input, dim, keepdim, mask));
});

function extreme(name: 'amax' | 'amin', sign: 1 | -1): MaskedReduction {
  return reduction(name, (input, dim, keepdim, dtype, mask) =>
    replaced(input, mask, extremeOf(input.dtype, sign))
      [name](listed(input, dim), keepdim)
      .to(dtype ?? input.dtype),
  );
}

/** The largest element that the mask keeps. */
export const amax: MaskedReduction = extreme('amax', -1);
/** The smallest element that the mask keeps. */
export const amin: MaskedReduction = extreme('amin', 1);

type MaskedPosition = FreeCall<[input: Tensor, dim?: number | null], MaskedOptions, Tensor>;

function position(name: 'argmax' | 'argmin', sign: 1 | -1): MaskedPosition {
  return reduction(name, (input, dim, keepdim, dtype, mask) =>
    // The position has the dtype of the input, as in PyTorch.
    replaced(input, mask, extremeOf(input.dtype, sign))
      [name](dim as number | null, keepdim)
      .to(dtype ?? input.dtype),
  ) as unknown as MaskedPosition;
}

/** The position of the largest element that the mask keeps. */
export const argmax: MaskedPosition = position('argmax', -1);
/** The position of the smallest element that the mask keeps. */
export const argmin: MaskedPosition = position('argmin', 1);

/** log Σ exp of what the mask keeps. */
export const logsumexp: MaskedReduction = reduction('logsumexp', (input, dim, keepdim, dtype, mask) =>
  replaced(input, mask, extremeOf(input.dtype, -1))
    .logsumexp(listed(input, dim), keepdim)
    .to(dtype ?? input.dtype),
);

/** The p-norm of what the mask keeps. */
export const norm: FreeCall<
  [input: Tensor, ord?: number, dim?: Dims],
  MaskedOptions & { ord?: number },
  Tensor
> = define(
  'masked_norm(input, ord=2, dim=None, *, keepdim=False, dtype=None, mask: Tensor=None)',
  (
    input: Tensor,
    ord = 2,
    dim: Dims = null,
    keepdim = false,
    dtype: DType | null = null,
    mask: Tensor | null = null,
  ) => maskedNorm(input, Number(ord), dim, keepdim, dtype, mask),
  { functionOnly: true },
);

function maskedNorm(
  input: Tensor,
  ord: number,
  dim: Dims,
  keepdim: boolean,
  dtype: DType | null,
  mask: Tensor | null,
): Tensor {
  const identity = ord === Number.NEGATIVE_INFINITY ? Number.POSITIVE_INFINITY : 0;
  return vectorNorm(replaced(input, mask, identity), ord, listed(input, dim), keepdim, dtype);
}

type MaskedVariance = FreeCall<
  [input: Tensor, dim?: Dims, unbiased?: boolean],
  MaskedOptions & { unbiased?: boolean },
  Tensor
>;

function variance(name: 'var' | 'std'): MaskedVariance {
  return define(
    `masked_${name}(input, dim=None, unbiased=False, *, keepdim=False, dtype=None, mask: Tensor=None)`,
    (
      input: Tensor,
      dim: Dims = null,
      unbiased: boolean | null = false,
      keepdim = false,
      dtype: DType | null = null,
      mask: Tensor | null = null,
    ) => {
      const to = meanDtype(input, dtype);
      const x = input.to(to);
      const average = total(x, dim, true, to, mask).div(countOf(input, dim, true, mask));
      const away = x.sub(average);
      const count = countOf(input, dim, keepdim, mask);
      const divisor = unbiased ? count.sub(1).clamp({ min: 0 }) : count;
      const result = total(away.mul(away), dim, keepdim, to, mask).div(divisor);
      return name === 'std' ? result.sqrt() : result;
    },
    { functionOnly: true },
  );
}

const varianceFn: MaskedVariance = variance('var');
/** The variance of what the mask keeps; divided by n unless `unbiased`. */
export { varianceFn as var };
/** The standard deviation of what the mask keeps; see `var`. */
export const std: MaskedVariance = variance('std');

/** The median of what the mask keeps; NaN of nothing. Throws a ValueError where nothing is left of a row of integers. */
export const median: FreeCall<[input: Tensor, dim?: number], MaskedOptions, Tensor> = define(
  'masked_median(input, dim=-1, *, keepdim=False, dtype=None, mask: Tensor=None)',
  (input: Tensor, dim = -1, keepdim = false, dtype: DType | null = null, mask: Tensor | null = null) => {
    if (mask !== null && !input.dtype.isFloatingPoint) {
      const left = maskFor(input, mask).any(dim, true).all().item();
      if (!left) {
        throw new ValueError('masked median expects no fully masked out rows if dtype is not floating point');
      }
    }
    const x = input.to(meanDtype(input, null));
    return replaced(x, mask, Number.NaN)
      .nanmedian(dim, keepdim)
      .values.to(dtype ?? input.dtype);
  },
  { functionOnly: true },
);

/** x/max(‖x‖, eps) along `dim`, of what the mask keeps; 0 where it keeps nothing. */
export const normalize: FreeCall<
  [input: Tensor, ord: number, dim: number],
  { ord?: number; dim?: number; eps?: number; dtype?: DType | null; mask?: Tensor | null },
  Tensor
> = define(
  'masked_normalize(input, ord, dim, *, eps=1e-12, dtype=None, mask: Tensor=None)',
  (
    input: Tensor,
    ord: number,
    dim: number,
    eps = 1e-12,
    dtype: DType | null = null,
    mask: Tensor | null = null,
  ) => {
    const length = maskedNorm(input, Number(ord), dim, true, dtype, mask);
    return replaced(input, mask, 0).div(length.clamp({ min: Number(eps) }));
  },
  { functionOnly: true },
);
