/** How a kernel sees a tensor: a storage read through sizes and strides. A Tensor is a View as it stands. */
import type { DType } from '../base/dtype.ts';
import type { Storage } from '../device/storage.ts';

export interface View {
  readonly storage: Storage;
  readonly dtype: DType;
  readonly sizes: readonly number[];
  /** In elements. 0 for a broadcast dimension. */
  readonly strides: readonly number[];
  /** In elements from the start of the storage. */
  readonly offset: number;
}
