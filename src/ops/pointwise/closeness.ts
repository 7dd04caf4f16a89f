/** Are tensors equal, or nearly? https://pytorch.org/docs/stable/torch.html#comparison-ops */
import { getDefaultDtype } from '../../base/dtype.ts';
import { RuntimeError } from '../../base/errors.ts';
import { sameSizes } from '../../base/shape.ts';
import * as E from '../../expr/expr.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define } from '../define.ts';
import { runtime } from '../runtime.ts';
import { pointwise } from './family.ts';

/** |x − y| ≤ atol + |rtol·y|, equal infinities, and (third attribute) equal NaN. */
const iscloseOp = pointwise('isclose', {
  rule: 'alwaysBool',
  expr: ([x, y], [rtol, atol, equalNan]) => {
    const distance = E.abs(E.sub(x, y));
    const finite = E.lt(distance, Number.POSITIVE_INFINITY);
    const near = E.and(finite, E.le(distance, E.add(atol, E.abs(E.mul(rtol, y)))));
    const bothNan = E.and(E.and(E.isNaNExpr(x), E.isNaNExpr(y)), E.ne(equalNan, 0));
    return E.or(E.or(E.eq(x, y), near), bothNan);
  },
});

interface CloseOptions {
  other?: Tensor;
  rtol?: number;
  atol?: number;
  equalNan?: boolean;
}
type CloseArguments = [input: Tensor, other: Tensor, rtol?: number, atol?: number, equalNan?: boolean];

/**
 * Elementwise: |input − other| ≤ atol + rtol·|other|. Throws a RuntimeError for different dtypes and for negative tolerances.
 * https://pytorch.org/docs/stable/generated/torch.isclose.html
 */
export const isclose: Call<CloseArguments, CloseOptions, Tensor> = define(
  'isclose(input, other: Tensor, rtol=1e-5, atol=1e-8, equalNan=False)',
  (input: Tensor, other: Tensor, rtol = 1e-5, atol = 1e-8, equalNan = false) => {
    if (input.dtype !== other.dtype) {
      throw new RuntimeError(`${input.dtype.scalarName} did not match ${other.dtype.scalarName}`);
    }
    for (const [value, name] of [
      [rtol, 'rtol'],
      [atol, 'atol'],
    ] as const) {
      if (!(value >= 0)) {
        throw new RuntimeError(`${name} must be greater than or equal to zero, but got ${value}`);
      }
    }
    // Whole numbers are compared exactly where no tolerance is asked for, else as floats.
    if (!input.dtype.isFloatingPoint && rtol === 0 && atol === 0) return input.eq(other);
    const float = (t: Tensor): Tensor => (t.dtype.isFloatingPoint ? t : t.to(getDefaultDtype()));
    return runtime.pointwise(iscloseOp, [float(input), float(other)], [rtol, atol, equalNan ? 1 : 0]);
  },
);

/**
 * Are all elements close (see `isclose`)? https://pytorch.org/docs/stable/generated/torch.allclose.html
 *
 * @example
 * ```ts
 * console.log(torch.allclose(torch.tensor([1, 2]), torch.tensor([1, 2.000001]))); // => true
 * ```
 */
export const allclose: Call<CloseArguments, CloseOptions, boolean> = define(
  'allclose(input, other: Tensor, rtol=1e-5, atol=1e-8, equalNan=False)',
  (input: Tensor, other: Tensor, rtol = 1e-5, atol = 1e-8, equalNan = false) =>
    Boolean(isclose(input, other, rtol, atol, equalNan).all().item()),
);

/** Have the tensors the same size and the same elements? NaN equals nothing. https://pytorch.org/docs/stable/generated/torch.equal.html */
export const equal: Call<[input: Tensor, other: Tensor], { other?: Tensor }, boolean> = define(
  'equal(input, other: Tensor)',
  (input: Tensor, other: Tensor) =>
    sameSizes(input.sizes, other.sizes) && Boolean(input.eq(other).all().item()),
);
