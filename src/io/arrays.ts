/** Arrays as records: what formats without views and autograd (safetensors, npy) hold. */
import { RuntimeError } from '../base/errors.ts';
import { product, showSizes } from '../base/shape.ts';
import { itemSizeOf, type RecordDType } from './pytorch/records.ts';

/** A dense array in row-major order. */
export class ArrayRecord {
  readonly dtype: RecordDType;
  readonly shape: readonly number[];
  /** The elements, little-endian: a view of the file where it was read from one. */
  readonly bytes: Uint8Array;

  /** Throws a RuntimeError unless `bytes` has the size that dtype and shape ask for. */
  constructor(dtype: RecordDType, shape: readonly number[], bytes: Uint8Array) {
    const expected = product(shape) * itemSizeOf(dtype);
    if (bytes.length !== expected) {
      throw new RuntimeError(
        `an array of ${dtype} of shape ${showSizes(shape)} has ${bytes.length} bytes, not ${expected}`,
      );
    }
    this.dtype = dtype;
    this.shape = shape;
    this.bytes = bytes;
  }
}

/** The size in bytes of an array, or null where that is no safe integer. */
export function byteSize(dtype: RecordDType, shape: readonly number[]): number | null {
  // A zero anywhere makes the size zero, but the other factors must be sound all the same.
  const size = product(shape.map((n) => Math.max(n, 1))) * itemSizeOf(dtype);
  if (!Number.isSafeInteger(size)) return null;
  return shape.includes(0) ? 0 : size;
}
