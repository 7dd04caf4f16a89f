/** Dtypes that PyTorch has no kernel for. */
import type { DTypeName } from '../../base/dtype.ts';
import { RuntimeError } from '../../base/errors.ts';
import type { Tensor } from '../../tensor/tensor.ts';

/** Throws PyTorch's error where `input` has one of the dtypes. */
export function refuse(kernel: string, input: Tensor, dtypes: readonly DTypeName[]): void {
  if (dtypes.includes(input.dtype.name)) {
    throw new RuntimeError(`"${kernel}" not implemented for '${input.dtype.scalarName}'`);
  }
}
