/** Masked functions that keep the size: running sums and products, softmax and its kin, logaddexp. https://pytorch.org/docs/stable/masked.html */
import type { DType } from '../../base/dtype.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { define, type FreeCall } from '../define.ts';
import { logSoftmaxAlong, softmaxAlong } from '../reduction/softmax.ts';
import { replaced, totalDtype } from './family.ts';

type Along = FreeCall<
  [input: Tensor, dim: number],
  { dim?: number; dtype?: DType | null; mask?: Tensor | null },
  Tensor
>;

function along(
  name: string,
  implementation: (input: Tensor, dim: number, dtype: DType | null, mask: Tensor | null) => Tensor,
): Along {
  return define(
    `masked_${name}(input, dim, *, dtype=None, mask: Tensor=None)`,
    (input: Tensor, dim: number, dtype: DType | null = null, mask: Tensor | null = null) =>
      implementation(input, dim, dtype, mask),
    { functionOnly: true },
  );
}

/** Running sums, over what the mask keeps. */
export const cumsum: Along = along('cumsum', (input, dim, dtype, mask) =>
  replaced(input, mask, 0).cumsum(dim, { dtype: totalDtype(input, dtype) }),
);
/** Running products, over what the mask keeps. */
export const cumprod: Along = along('cumprod', (input, dim, dtype, mask) =>
  replaced(input, mask, 1).cumprod(dim, { dtype: totalDtype(input, dtype) }),
);

/** softmax along `dim` of what the mask keeps; the rest is 0, and NaN where nothing is kept. */
export const softmax: Along = along('softmax', (input, dim, dtype, mask) =>
  softmaxAlong(replaced(input.to(dtype ?? input.dtype), mask, Number.NEGATIVE_INFINITY), dim),
);
/** log softmax along `dim` of what the mask keeps. */
export const logSoftmax: Along = along('log_softmax', (input, dim, dtype, mask) =>
  logSoftmaxAlong(replaced(input.to(dtype ?? input.dtype), mask, Number.NEGATIVE_INFINITY), dim),
);
/** softmax of −input along `dim` of what the mask keeps. */
export const softmin: Along = along('softmin', (input, dim, dtype, mask) =>
  softmaxAlong(replaced(input.to(dtype ?? input.dtype), mask, Number.POSITIVE_INFINITY).neg(), dim),
);

/** log(eˣ + eʸ), leaving out what the masks leave out. */
export const logaddexp: FreeCall<
  [input: Tensor, other: Tensor],
  { other?: Tensor; dtype?: DType | null; inputMask?: Tensor | null; otherMask?: Tensor | null },
  Tensor
> = define(
  'masked_logaddexp(input, other: Tensor, *, dtype=None, inputMask: Tensor=None, otherMask: Tensor=None)',
  (
    input: Tensor,
    other: Tensor,
    dtype: DType | null = null,
    inputMask: Tensor | null = null,
    otherMask: Tensor | null = null,
  ) =>
    replaced(input, inputMask, Number.NEGATIVE_INFINITY)
      .logaddexp(replaced(other, otherMask, Number.NEGATIVE_INFINITY))
      .to(dtype ?? input.dtype),
  { functionOnly: true },
);
