/** Host access to a tensor's memory as a typed array. */
import type { DType } from '../base/dtype.ts';
import { RuntimeError } from '../base/errors.ts';
import type { TypedArray } from '../ops/runtime.ts';
import { empty } from './allocate.ts';
import { copyInto } from './pointwise.ts';
import type { Tensor } from './tensor.ts';

type Constructor = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => TypedArray;

/** The typed array of each dtype's memory; 16-bit floats as their bits. */
const arrays: Readonly<Record<DType['name'], Constructor>> = {
  bool: Uint8Array,
  uint8: Uint8Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  float32: Float32Array,
  float64: Float64Array,
};

/** A contiguous tensor's elements, directly in its memory. Valid until the next allocation. */
export function memory(t: Tensor): TypedArray {
  if (t.storage.isDisposed) throw new RuntimeError('this tensor was disposed; its memory is gone');
  // The offset of a view without elements may lie beyond the end.
  if (t.numel() === 0) return new arrays[t.dtype.name](new ArrayBuffer(0), 0, 0);
  const bytes = t.storage.device.bytes(t.storage);
  return new arrays[t.dtype.name](bytes.buffer, bytes.byteOffset + t.offset * t.dtype.itemSize, t.numel());
}

/** The elements in row-major order: the memory itself where contiguous, else a copy. Not to be written to. */
export function toArray(t: Tensor): TypedArray {
  if (t.isContiguous()) return memory(t);
  const dense = empty(t.sizes, t.dtype, t.storage.device);
  copyInto(dense, t);
  return memory(dense);
}
