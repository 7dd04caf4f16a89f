/**
 * What a PyTorch checkpoint holds besides Python's own values: storages, tensors, sizes, dtypes and devices, as records. A record describes
 * a tensor without being one: bytes that lie in the file, and how to see a tensor in them.
 */
import type { DTypeName } from '../../base/dtype.ts';
import { RuntimeError, UnpicklingError } from '../../base/errors.ts';
import { showSizes } from '../../base/shape.ts';
import { PickleGlobal, type PickleValue } from '../pickle/values.ts';

/** The name of a dtype that can occur in a file. */
export type RecordDType =
  | DTypeName
  | 'complex32'
  | 'complex64'
  | 'complex128'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'float8_e4m3fn'
  | 'float8_e5m2';

interface DTypeInfo {
  readonly itemSize: number;
  /** How many bytes are swapped together on a machine of the other byte order; itemSize unless given. */
  readonly wordSize?: number;
  /** The legacy class of its storages; newer dtypes have none and are stored as bytes. */
  readonly storage?: string;
}

/** Every dtype that a checkpoint may have, whether or not tensors of it can be made here. */
const dtypeTable: Readonly<Record<RecordDType, DTypeInfo>> = {
  bool: { itemSize: 1, storage: 'BoolStorage' },
  uint8: { itemSize: 1, storage: 'ByteStorage' },
  int8: { itemSize: 1, storage: 'CharStorage' },
  int16: { itemSize: 2, storage: 'ShortStorage' },
  int32: { itemSize: 4, storage: 'IntStorage' },
  int64: { itemSize: 8, storage: 'LongStorage' },
  float16: { itemSize: 2, storage: 'HalfStorage' },
  bfloat16: { itemSize: 2, storage: 'BFloat16Storage' },
  float32: { itemSize: 4, storage: 'FloatStorage' },
  float64: { itemSize: 8, storage: 'DoubleStorage' },
  complex64: { itemSize: 8, wordSize: 4, storage: 'ComplexFloatStorage' },
  complex128: { itemSize: 16, wordSize: 8, storage: 'ComplexDoubleStorage' },
  complex32: { itemSize: 4, wordSize: 2 },
  uint16: { itemSize: 2 },
  uint32: { itemSize: 4 },
  uint64: { itemSize: 8 },
  float8_e4m3fn: { itemSize: 1 },
  float8_e5m2: { itemSize: 1 },
};

/** Every name of a dtype. */
export const recordDTypes: readonly RecordDType[] = Object.keys(dtypeTable) as RecordDType[];

export function isRecordDType(name: string): name is RecordDType {
  return Object.hasOwn(dtypeTable, name);
}

/** Bytes per element. */
export function itemSizeOf(dtype: RecordDType): number {
  return dtypeTable[dtype].itemSize;
}

/** Bytes that belong together when the byte order changes. */
export function wordSizeOf(dtype: RecordDType): number {
  const { wordSize, itemSize } = dtypeTable[dtype];
  return wordSize ?? itemSize;
}

/** `FloatStorage` for float32; null for dtypes that are stored as untyped bytes. */
export function storageClassOf(dtype: RecordDType): string | null {
  return dtypeTable[dtype].storage ?? null;
}

/** A block of memory that tensors share. */
export class StorageRecord {
  readonly dtype: RecordDType;
  /** How many elements of `dtype` it has. */
  readonly numel: number;
  /** The content, little-endian: a view of the file where it was read from one. */
  bytes: Uint8Array;
  /** Its name in the file it was read from; files that are written number their storages anew. */
  readonly key: string;
  /** Where it was when it was saved: `cpu`, `cuda:0`, … */
  readonly location: string;

  constructor(dtype: RecordDType, numel: number, bytes: Uint8Array, key = '', location = 'cpu') {
    this.dtype = dtype;
    this.numel = numel;
    this.bytes = bytes;
    this.key = key;
    this.location = location;
  }
}

/** Part of a storage, which very old files store as a storage of its own. */
export class StorageViewRecord {
  readonly base: StorageRecord;
  /** In elements. */
  readonly offset: number;
  readonly numel: number;
  constructor(base: StorageRecord, offset: number, numel: number) {
    this.base = base;
    this.offset = offset;
    this.numel = numel;
  }
}

export interface TensorRecordOptions {
  readonly requiresGrad?: boolean;
  readonly isParameter?: boolean;
  /** The dtype, where it is not that of the storage. */
  readonly dtype?: RecordDType;
  /** `conj` and `neg` bits, as PyTorch stores them; null where there are none. */
  readonly metadata?: Map<PickleValue, PickleValue> | null;
  /** Python attributes that were set on the tensor; null where there are none. */
  readonly attributes?: PickleValue;
}

/** A tensor: a storage, and how to see the tensor in it. Offset and strides are in elements. */
export class TensorRecord {
  readonly storage: StorageRecord;
  readonly offset: number;
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
  readonly dtype: RecordDType;
  readonly requiresGrad: boolean;
  readonly isParameter: boolean;
  readonly metadata: Map<PickleValue, PickleValue> | null;
  readonly attributes: PickleValue;

  constructor(
    storage: StorageRecord,
    offset: number,
    sizes: readonly number[],
    strides: readonly number[],
    options: TensorRecordOptions = {},
  ) {
    this.storage = storage;
    this.offset = offset;
    this.sizes = sizes;
    this.strides = strides;
    this.dtype = options.dtype ?? storage.dtype;
    this.requiresGrad = options.requiresGrad ?? false;
    this.isParameter = options.isParameter ?? false;
    this.metadata = options.metadata ?? null;
    this.attributes = options.attributes ?? null;
  }

  /** The same tensor with other options. */
  with(options: TensorRecordOptions): TensorRecord {
    const { requiresGrad, isParameter, dtype, metadata, attributes } = this;
    const merged = { requiresGrad, isParameter, dtype, metadata, attributes, ...options };
    return new TensorRecord(this.storage, this.offset, this.sizes, this.strides, merged);
  }
}

/** `torch.Size`. */
export class SizeRecord {
  readonly sizes: readonly number[];
  constructor(sizes: readonly number[]) {
    this.sizes = sizes;
  }
}

/** `torch.float32` and the like. A global, since that is how it is pickled. */
export class DTypeRecord extends PickleGlobal {
  readonly dtype: RecordDType;
  constructor(dtype: RecordDType) {
    super('torch', dtype);
    this.dtype = dtype;
  }
}

/** `torch.device`. */
export class DeviceRecord {
  readonly type: string;
  readonly index: number | null;
  constructor(type: string, index: number | null = null) {
    this.type = type;
    this.index = index;
  }

  toString(): string {
    return this.index === null ? this.type : `${this.type}:${this.index}`;
  }
}

function isCount(x: PickleValue): x is number {
  return typeof x === 'number' && Number.isSafeInteger(x) && x >= 0;
}

/** Whole numbers that are not negative, from the items of a tuple. Throws PyTorch's RuntimeErrors for negative ones. */
export function checkCounts(what: 'size' | 'stride', items: readonly PickleValue[]): number[] {
  for (const x of items) {
    if (typeof x !== 'number' && typeof x !== 'bigint')
      throw new UnpicklingError(`${what} must be a tuple of ints`);
    if (x < 0) {
      const all = `[${items.join(', ')}]`;
      if (what === 'size')
        throw new RuntimeError(`Trying to create tensor with negative dimension ${x}: ${all}`);
      throw new RuntimeError(
        `as_strided: Negative strides are not supported at the moment, got strides: ${all}`,
      );
    }
    if (!isCount(x)) throw new UnpicklingError(`${what} [${items.join(', ')}] is too large`);
  }
  return items as number[];
}

/** One count: as `checkCounts`. */
export function checkCount(what: string, x: PickleValue): number {
  if (!isCount(x)) throw new UnpicklingError(`${what} must be an int that is not negative, got ${String(x)}`);
  return x;
}

/** PyTorch's limit is 64 dimensions in most operators. */
const MAX_RANK = 64;

/** Throws a RuntimeError unless every element of the tensor lies in its storage. */
export function checkBounds(tensor: TensorRecord): void {
  const { sizes, strides, offset, storage } = tensor;
  if (sizes.length !== strides.length) {
    throw new RuntimeError(
      `mismatch in length of strides and shape: sizes ${showSizes(sizes)}, strides ${showSizes(strides)}`,
    );
  }
  if (sizes.length > MAX_RANK)
    throw new RuntimeError(`a tensor of ${sizes.length} dimensions is not supported`);
  let count = 1;
  let last = offset;
  for (let i = 0; i < sizes.length; i++) {
    count *= sizes[i];
    last += (sizes[i] - 1) * strides[i];
  }
  if (sizes.includes(0)) return;
  if (!Number.isSafeInteger(count))
    throw new RuntimeError(`a tensor of size ${showSizes(sizes)} is too large`);
  const itemSize = itemSizeOf(tensor.dtype);
  const available = storage.numel * itemSizeOf(storage.dtype);
  const required = (last + 1) * itemSize;
  // Beyond 2^53 a sum may be rounded, but never to something that a storage could have.
  if (!(required <= available)) {
    throw new RuntimeError(
      `setStorage: sizes ${showSizes(sizes)}, strides ${showSizes(strides)}, storage offset ${offset}, and itemsize ${itemSize} ` +
        `requiring a storage size of ${required} are out of bounds for storage of size ${available}`,
    );
  }
}
