/** Sums, means and products. https://pytorch.org/docs/stable/torch.html#reduction-ops */
import { notImplementedFor } from '../refuse.ts';
import { type DType, getDefaultDtype, int64 } from '../../base/dtype.ts';
import { RuntimeError } from '../../base/errors.ts';
import { dimsToMask, product, sameSizes, showSizes } from '../../base/shape.ts';
import * as E from '../../expr/expr.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define, type Dims } from '../define.ts';
import { runtime } from '../runtime.ts';
import { byDim, ReductionOp } from './family.ts';

/** `name(input, dim, keepdim, { dtype })`. */
export type SumCall = Call<
  [input: Tensor, dim?: Dims, keepdim?: boolean],
  { dim?: Dims; keepdim?: boolean; dtype?: DType | null; out?: Tensor },
  Tensor
>;

const sumOp = new ReductionOp('sum', {
  combine: 'sum',
  gradName: 'Sum',
  backward: (grad, { sizes }) => grad.expand(sizes),
});

/** Integers and bools sum as int64. */
export function sumDtype(input: Tensor, dtype: DType | null | undefined): DType {
  return dtype ?? (input.dtype.isFloatingPoint ? input.dtype : int64);
}

/**
 * The sum over `dim` (one, several, or all dimensions). Integers and bools give int64.
 * https://pytorch.org/docs/stable/generated/torch.sum.html
 *
 * @example
 * ```ts
 * console.log(torch.ones(2, 3).sum(1)); // => tensor([3., 3.])
 * ```
 */
export const sum: SumCall = define(
  'sum(input, dim=None, keepdim=False, *, dtype=None, out=None)',
  (input: Tensor, dim: Dims = null, keepdim = false, dtype: DType | null = null) =>
    runtime.reduce(
      sumOp,
      input,
      dimsToMask(dim, input.sizes.length),
      keepdim,
      sumDtype(input, dtype),
      [],
      byDim('Sum', dim),
    ),
);

const nansumOp = new ReductionOp('nansum', {
  combine: 'sum',
  map: (x) => (E.isFloat(x.type) ? E.select(E.isNaNExpr(x), E.constant(0, x.type), x) : x),
  gradName: 'Nansum',
  saves: ['input'],
  backward: (grad, { input, sizes }) => grad.expand(sizes).mul(input.isnan().logicalNot()),
});

/** The sum, NaN counting as 0. https://pytorch.org/docs/stable/generated/torch.nansum.html */
export const nansum: SumCall = define(
  'nansum(input, dim=None, keepdim=False, *, dtype=None, out=None)',
  (input: Tensor, dim: Dims = null, keepdim = false, dtype: DType | null = null) => {
    const target = sumDtype(input, dtype);
    // Integers hold no NaN: they are summed; but floats are not summed as integers.
    if (input.dtype.isFloatingPoint && !target.isFloatingPoint) {
      throw notImplementedFor('nansum_cpu', target);
    }
    return runtime.reduce(nansumOp, input, dimsToMask(dim, input.sizes.length), keepdim, target);
  },
);

const meanOp = new ReductionOp('mean', {
  combine: 'sum',
  // The attribute is the number of elements.
  finish: (total, [count]) => E.div(total, count),
  gradName: 'Mean',
  backward: (grad, { sizes, attributes }) => grad.div(attributes[0]).expand(sizes),
});

/** How many elements each result combines. */
export function countReduced(sizes: readonly number[], mask: readonly boolean[]): number {
  return product(sizes.filter((_, i) => mask[i]));
}

/** The mean. Throws a RuntimeError for integers unless a float dtype is given. https://pytorch.org/docs/stable/generated/torch.mean.html */
export const mean: SumCall = define(
  'mean(input, dim=None, keepdim=False, *, dtype=None, out=None)',
  (input: Tensor, dim: Dims = null, keepdim = false, dtype: DType | null = null) => {
    const target = dtype ?? input.dtype;
    if (!target.isFloatingPoint) {
      const name = target.scalarName;
      throw new RuntimeError(
        dtype === null
          ? `mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: ${name}`
          : `mean(): could not infer output dtype. Optional dtype must be either a floating point or complex dtype. Got: ${name}`,
      );
    }
    const mask = dimsToMask(dim, input.sizes.length);
    return runtime.reduce(
      meanOp,
      input,
      mask,
      keepdim,
      target,
      [countReduced(input.sizes, mask)],
      byDim('Mean', dim),
    );
  },
  { out: 'cast' },
);

/** Sums the dimensions that broadcasting added or stretched, back to `sizes`. Gradients of broadcast operands end here. */
export const sumToSize: (input: Tensor, ...size: number[] | [size: readonly number[]]) => Tensor = define(
  'sum_to_size(input, *size)',
  (input: Tensor, size: readonly number[]) => {
    if (size.length === 0) return input.sum();
    if (sameSizes(input.sizes, size)) return input;
    const lead = input.sizes.length - size.length;
    const mask = input.sizes.map((s, i) => i < lead || (size[i - lead] === 1 && s !== 1));
    const fits = lead >= 0 && input.sizes.every((s, i) => mask[i] || s === size[i - lead]);
    if (!fits) {
      throw new RuntimeError(
        `size {${showSizes(size)}} is not expandable to size {${showSizes(input.sizes)}}.`,
      );
    }
    const reduced = runtime.reduce(sumOp, input, mask, true, sumDtype(input, null), [], 'SumBackward1');
    return lead > 0 ? reduced.reshape(size) : reduced;
  },
  { methodOnly: true },
);

/** The dtype of results that are floating-point whatever the input is. */
export function floatDtype(input: Tensor): DType {
  return input.dtype.isFloatingPoint ? input.dtype : getDefaultDtype();
}
