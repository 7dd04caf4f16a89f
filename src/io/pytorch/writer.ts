/** Writes checkpoints in the current format of `torch.save`: what real PyTorch writes for the same values. */
import { RuntimeError, ValueError } from '../../base/errors.ts';
import { type PersistentId, pickle, type Reduction } from '../pickle/pickler.ts';
import { OrderedDict, PickleGlobal, PickleTuple, type PickleValue } from '../pickle/values.ts';
import { DEFAULT_ALIGNMENT, ZipWriter, type ZipWriterOptions } from '../zip/writer.ts';
import {
  checkBounds,
  DeviceRecord,
  itemSizeOf,
  SizeRecord,
  StorageRecord,
  storageClassOf,
  TensorRecord,
} from './records.ts';

export interface CheckpointWriterOptions extends ZipWriterOptions {
  /** The name of the archive's folder: PyTorch takes the name of the file. */
  readonly name?: string;
}

const REBUILD_TENSOR = new PickleGlobal('torch._utils', '_rebuild_tensor_v2');
const REBUILD_TENSOR_V3 = new PickleGlobal('torch._utils', '_rebuild_tensor_v3');
const REBUILD_PARAMETER = new PickleGlobal('torch._utils', '_rebuild_parameter');
const REBUILD_PARAMETER_WITH_STATE = new PickleGlobal('torch._utils', '_rebuild_parameter_with_state');
const REBUILD_FROM_TYPE = new PickleGlobal('torch._tensor', '_rebuild_from_type_v2');
const TENSOR = new PickleGlobal('torch', 'Tensor');
const SIZE = new PickleGlobal('torch', 'Size');
const DEVICE = new PickleGlobal('torch', 'device');
const UNTYPED_STORAGE = new PickleGlobal('torch.storage', 'UntypedStorage');

function tuple(...items: PickleValue[]): PickleTuple {
  return new PickleTuple(items);
}

/** A storage that is written as bytes, since its elements have a dtype without a storage class. */
class Untyped {
  readonly storage: StorageRecord;
  constructor(storage: StorageRecord) {
    this.storage = storage;
  }
}

interface Numbered {
  readonly key: string;
  readonly isTyped: boolean;
}

/** The order of the storages, and how records are pickled. */
class RecordPickler {
  readonly storages: StorageRecord[] = [];
  private readonly numbered = new Map<StorageRecord, Numbered>();

  reduce(value: object): Reduction | PersistentId | undefined {
    if (value instanceof StorageRecord) return this.storage(value, storageClassOf(value.dtype));
    if (value instanceof Untyped) return this.storage(value.storage, null);
    if (value instanceof TensorRecord) return this.tensor(value);
    if (value instanceof SizeRecord) return { callable: SIZE, args: tuple(tuple(...value.sizes)) };
    if (value instanceof DeviceRecord) {
      const args = value.index === null ? tuple(value.type) : tuple(value.type, value.index);
      return { callable: DEVICE, args };
    }
    return undefined;
  }

  private storage(storage: StorageRecord, typeName: string | null): PersistentId {
    const { dtype, numel, bytes } = storage;
    if (bytes.length !== numel * itemSizeOf(dtype)) {
      throw new RuntimeError(`a storage of ${numel} elements of ${dtype} has ${bytes.length} bytes`);
    }
    const isTyped = typeName !== null;
    let known = this.numbered.get(storage);
    if (known === undefined) {
      known = { key: String(this.storages.length), isTyped };
      this.numbered.set(storage, known);
      this.storages.push(storage);
    } else if (known.isTyped !== isTyped) {
      throw new RuntimeError(
        'Cannot save multiple tensors or storages that view the same data as different types',
      );
    }
    const type = isTyped ? new PickleGlobal('torch', typeName) : UNTYPED_STORAGE;
    return {
      persistentId: tuple('storage', type, known.key, storage.location, isTyped ? numel : bytes.length),
    };
  }

  private tensor(tensor: TensorRecord): Reduction {
    if (tensor.isParameter) return this.parameter(tensor);
    const plain = this.plainTensor(tensor);
    if (tensor.attributes === null) return plain;
    const args = tuple(plain.callable, TENSOR, plain.args, tensor.attributes);
    return { callable: REBUILD_FROM_TYPE, args };
  }

  private plainTensor(tensor: TensorRecord): Reduction {
    checkBounds(tensor);
    const { storage, offset, sizes, strides, requiresGrad, metadata } = tensor;
    const isTyped = storageClassOf(tensor.dtype) !== null && tensor.dtype === storage.dtype;
    const items: PickleValue[] = [
      isTyped ? storage : new Untyped(storage),
      offset,
      tuple(...sizes),
      tuple(...strides),
      requiresGrad,
      new OrderedDict(),
    ];
    if (!isTyped) items.push(new PickleGlobal('torch', tensor.dtype));
    if (metadata !== null) items.push(metadata);
    return { callable: isTyped ? REBUILD_TENSOR : REBUILD_TENSOR_V3, args: new PickleTuple(items) };
  }

  private parameter(tensor: TensorRecord): Reduction {
    const data = tensor.with({ isParameter: false, requiresGrad: false, attributes: null });
    const args: PickleValue[] = [data, tensor.requiresGrad, new OrderedDict()];
    if (tensor.attributes === null) return { callable: REBUILD_PARAMETER, args: new PickleTuple(args) };
    return { callable: REBUILD_PARAMETER_WITH_STATE, args: new PickleTuple([...args, tensor.attributes]) };
  }
}

/** FNV-1a in 64 bits. */
function hash64(text: string): bigint {
  let h = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text))
    h = BigInt.asUintN(64, (h ^ BigInt(byte)) * 0x100000001b3n);
  return h;
}

/** Forty digits that tell files of different content apart: a hash of the names of the entries and one of their checksums. */
function serializationId(names: readonly string[], checksums: readonly number[]): string {
  const digits = (parts: readonly (string | number)[]) =>
    hash64(parts.join('\n')).toString().padStart(20, '0');
  return digits(names) + digits(checksums);
}

/**
 * The file for `value`, as a list of chunks; the storages among them are the bytes of the records themselves, not copies.
 *
 * `value` is made of what pickle/values.ts lists, TensorRecords, StorageRecords, SizeRecords, DTypeRecords and DeviceRecords. Tensors that
 * share a StorageRecord share it in the file. Throws a TypeError for anything else.
 */
export function writeCheckpoint(value: PickleValue, options: CheckpointWriterOptions = {}): Uint8Array[] {
  const name = options.name ?? 'archive';
  if (name === '' || name.includes('/'))
    throw new ValueError(`${JSON.stringify(name)} cannot name the folder of an archive`);
  const records = new RecordPickler();
  const data = pickle(value, { reduce: (object) => records.reduce(object) });
  const zip = new ZipWriter(options);
  const names: string[] = [];
  const checksums: number[] = [];
  const add = (entry: string, content: Uint8Array) => {
    names.push(entry);
    checksums.push(zip.add(`${name}/${entry}`, content));
  };
  const text = (content: string) => new TextEncoder().encode(content);
  add('data.pkl', data);
  add('.format_version', text('1'));
  add('.storage_alignment', text(String(options.alignment ?? DEFAULT_ALIGNMENT)));
  add('byteorder', text('little'));
  records.storages.forEach((storage, i) => {
    add(`data/${i}`, storage.bytes);
  });
  add('version', text('3\n'));
  zip.add(`${name}/.data/serialization_id`, text(serializationId(names, checksums)));
  return zip.finish();
}

/** One array of all chunks. */
export function joinChunks(chunks: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    out.set(chunk, at);
    at += chunk.length;
  }
  return out;
}
