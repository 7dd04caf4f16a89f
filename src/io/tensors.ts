/** Between tensors and the records of a checkpoint. */
import { bool, type DType, dtypeFromName } from '../base/dtype.ts';
import { NotImplementedError, RuntimeError } from '../base/errors.ts';
import { contiguousStrides } from '../base/shape.ts';
import type { Device } from '../device/device.ts';
import { Storage } from '../device/storage.ts';
import { Parameter } from '../nn/index.ts';
import { Tensor } from '../tensor/tensor.ts';
import { ArrayRecord } from './arrays.ts';
import { type RecordDType, StorageRecord, TensorRecord } from './pytorch/records.ts';

/** The dtype of a record. Throws a NotImplementedError for those that tensors cannot have here. */
export function dtypeOf(name: RecordDType): DType {
  switch (name) {
    case 'complex32':
    case 'complex64':
    case 'complex128':
    case 'uint16':
    case 'uint32':
    case 'uint64':
    case 'float8_e4m3fn':
    case 'float8_e5m2':
      throw new NotImplementedError(`tensors of the dtype torch.${name} are not supported`);
    default:
      return dtypeFromName(name);
  }
}

/** Copies bytes into fresh memory of a device. */
function store(bytes: Uint8Array, dtype: DType, device: Device): Storage {
  const storage = device.allocate(bytes.length);
  const memory = device.bytes(storage);
  memory.set(bytes.length === memory.length ? bytes : bytes.subarray(0, memory.length));
  // Kernels rely on bools being 0 or 1; a file can hold any byte.
  if (dtype === bool) for (let i = 0; i < bytes.length; i++) if (memory[i] > 1) memory[i] = 1;
  return storage;
}

/** Makes tensors from records. Records that share a storage give tensors that share memory. */
export class TensorReader {
  private readonly storages = new Map<StorageRecord, Storage>();
  private readonly place: (storage: StorageRecord) => Device;

  constructor(place: (storage: StorageRecord) => Device) {
    this.place = place;
  }

  /** A Tensor, or a Parameter where the record is one. */
  read(record: TensorRecord): Tensor {
    const dtype = dtypeOf(record.dtype);
    if (record.metadata !== null && record.metadata.size > 0) {
      const names = [...record.metadata.keys()].map(String).join(', ');
      throw new NotImplementedError(`tensors with the metadata ${names} are not supported`);
    }
    let storage = this.storages.get(record.storage);
    if (storage === undefined) {
      storage = store(record.storage.bytes, dtype, this.place(record.storage));
      this.storages.set(record.storage, storage);
    }
    const tensor = new Tensor(storage, dtype, record.sizes, record.strides, record.offset);
    if (record.isParameter) return new Parameter(tensor, record.requiresGrad);
    return record.requiresGrad ? tensor.requiresGrad_() : tensor;
  }
}

/** The storage that owns the memory: `x.data` has one of its own for the same memory. */
function ownerOf(storage: Storage): Storage {
  let owner = storage;
  while (owner.owner instanceof Storage) owner = owner.owner;
  return owner;
}

/** Describes tensors as records, over the tensors' own memory. Tensors that share memory give records that share a storage. */
export class TensorWriter {
  private readonly storages = new Map<Storage, StorageRecord>();

  write(tensor: Tensor): TensorRecord {
    const { dtype, offset, sizes, strides, requiresGrad } = tensor;
    const owner = ownerOf(tensor.storage);
    if (owner.isDisposed) throw new RuntimeError('this tensor was disposed; its memory is gone');
    let storage = this.storages.get(owner);
    if (storage === undefined) {
      const numel = Math.floor(owner.nbytes / dtype.itemSize);
      const bytes = owner.device.bytes(owner).subarray(0, numel * dtype.itemSize);
      storage = new StorageRecord(dtype.name, numel, bytes, '', owner.device.name);
      this.storages.set(owner, storage);
    } else if (storage.dtype !== dtype.name) {
      throw new RuntimeError(
        'Cannot save multiple tensors or storages that view the same data as different types',
      );
    }
    return new TensorRecord(storage, offset, sizes, strides, {
      requiresGrad,
      isParameter: tensor instanceof Parameter,
    });
  }
}

/** A tensor with the content of an array, on `device`. */
export function tensorFromArray(array: ArrayRecord, device: Device): Tensor {
  const dtype = dtypeOf(array.dtype);
  const storage = store(array.bytes, dtype, device);
  return new Tensor(storage, dtype, array.shape, contiguousStrides(array.shape), 0);
}

/** The content of a tensor as an array: a view of the tensor's memory where that is contiguous. */
export function arrayFromTensor(tensor: Tensor): ArrayRecord {
  const dense = tensor.detach().contiguous();
  const { storage, dtype, sizes } = dense;
  if (storage.isDisposed) throw new RuntimeError('this tensor was disposed; its memory is gone');
  const start = dense.offset * dtype.itemSize;
  const bytes = storage.device.bytes(storage).subarray(start, start + dense.numel() * dtype.itemSize);
  return new ArrayRecord(dtype.name, sizes, bytes);
}
