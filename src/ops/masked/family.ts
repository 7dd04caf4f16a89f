/** What masked operations have in common: what is masked out is replaced by what does not count. */
import { type DType, getDefaultDtype, int64 } from '../../base/dtype.ts';
import { ValueError } from '../../base/errors.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { Dims, FreeCall } from '../define.ts';

/** Options of masked reductions. */
export interface MaskedOptions {
  dim?: Dims;
  keepdim?: boolean;
  dtype?: DType | null;
  mask?: Tensor | null;
}

/** `name(input, dim, { keepdim, dtype, mask })`. */
export type MaskedReduction = FreeCall<[input: Tensor, dim?: Dims], MaskedOptions, Tensor>;

/** The mask with the size of the input: true where an element counts. */
export function maskFor(input: Tensor, mask: Tensor): Tensor {
  if (mask.sizes.length > input.sizes.length) {
    throw new ValueError(
      `mask dimensionality must be smaller or equal to the input dimensionality (${input.sizes.length}), got ${mask.sizes.length}`,
    );
  }
  return mask.expand(input.sizes).bool();
}

/** `input` with `identity` in place of what is masked out. */
export function replaced(input: Tensor, mask: Tensor | null, identity: number | bigint): Tensor {
  if (mask === null) return input;
  return input.maskedFill(maskFor(input, mask).logicalNot(), identity);
}

/** The smallest (sign −1) or largest value of a dtype: what does not count for an extreme. */
export function extremeOf(dtype: DType, sign: 1 | -1): number | bigint {
  if (dtype.isFloatingPoint) return sign * Number.POSITIVE_INFINITY;
  if (dtype.name === 'bool') return sign > 0 ? 1 : 0;
  const bits = BigInt(dtype.itemSize * 8 - (dtype.isSigned ? 1 : 0));
  if (sign > 0) return 2n ** bits - 1n;
  return dtype.isSigned ? -(2n ** bits) : 0;
}

/** The dtype of sums: integers and bools sum as int64. */
export function totalDtype(input: Tensor, dtype: DType | null): DType {
  return dtype ?? (input.dtype.isFloatingPoint ? input.dtype : int64);
}

/** The dtype of means: floating-point. */
export function meanDtype(input: Tensor, dtype: DType | null): DType {
  return dtype ?? (input.dtype.isFloatingPoint ? input.dtype : getDefaultDtype());
}

/** Dimensions as a list; all of them for null and for an empty list. */
export function listed(input: Tensor, dim: Dims): readonly number[] {
  const dims = dim === null ? [] : ([dim].flat() as number[]);
  return dims.length === 0 ? input.sizes.map((_, d) => d) : dims;
}
