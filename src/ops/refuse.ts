/** Dtypes that PyTorch has no kernel for. */
import type { DType, DTypeName } from '../base/dtype.ts';
import { RuntimeError } from '../base/errors.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** PyTorch's error where it has no kernel for a dtype. */
export function notImplementedFor(kernel: string, dtype: DType): RuntimeError {
  return new RuntimeError(`"${kernel}" not implemented for '${dtype.scalarName}'`);
}

/** Throws PyTorch's error where `input` has one of the dtypes. */
export function refuse(kernel: string, input: Tensor, dtypes: readonly DTypeName[]): void {
  if (dtypes.includes(input.dtype.name)) throw notImplementedFor(kernel, input.dtype);
}

/** Throws PyTorch's error for integers and truth values. */
export function refuseIntegers(kernel: string, input: Tensor): void {
  if (!input.dtype.isFloatingPoint) throw notImplementedFor(kernel, input.dtype);
}
