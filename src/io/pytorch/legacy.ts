/**
 * The format of `torch.save` before PyTorch 1.6, and since then with `_use_new_zipfile_serialization=False`: five pickles (a magic number,
 * a protocol version, facts on the system, the object, the keys of its storages) and then the storages, each with its number of elements.
 */
import { NotImplementedError, RuntimeError, UnpicklingError } from '../../base/errors.ts';
import { describe } from '../pickle/inspect.ts';
import { Unpickler, type UnpicklerOptions } from '../pickle/unpickler.ts';
import { PickleTuple, type PickleValue } from '../pickle/values.ts';
import { type CheckpointOptions, checkSameStorage, parseStorageId, unpicklerOptions } from './persistent.ts';
import { checkCount, itemSizeOf, StorageRecord, StorageViewRecord } from './records.ts';

const MAGIC_NUMBER = 0x1950a86a20f9469cfc6cn;
const PROTOCOL_VERSION = 1001;
const PROTO = 0x80;

/** The name `ustar` in the first header of a tar archive. */
const TAR_MAGIC_OFFSET = 257;

function isTar(bytes: Uint8Array): boolean {
  const magic = bytes.subarray(TAR_MAGIC_OFFSET, TAR_MAGIC_OFFSET + 5);
  return magic.length === 5 && String.fromCharCode(...magic) === 'ustar';
}

/** A pickle of plain values: no global, no persistent id. */
const plain: UnpicklerOptions = { findGlobal: () => undefined };

class LegacyReader {
  private readonly bytes: Uint8Array;
  private readonly options: CheckpointOptions;
  private readonly storages = new Map<string, StorageRecord>();
  private position = 0;

  constructor(bytes: Uint8Array, options: CheckpointOptions) {
    this.bytes = bytes;
    this.options = options;
  }

  read(): PickleValue {
    if (this.next(plain) !== MAGIC_NUMBER) throw new RuntimeError('Invalid magic number; corrupt file?');
    const version = this.next(plain);
    if (version !== PROTOCOL_VERSION) throw new RuntimeError(`Invalid protocol version: ${String(version)}`);
    // What sizes C types had on the system: storages do not depend on it.
    this.next(plain);
    const value = this.next(unpicklerOptions(this.options, (id) => this.storage(id)));
    this.readStorages(this.next(plain));
    return value;
  }

  private next(options: UnpicklerOptions): PickleValue {
    const unpickler = new Unpickler(this.bytes, options, this.position);
    const value = unpickler.load();
    this.position = unpickler.position;
    return value;
  }

  private storage(id: PickleValue): StorageRecord | StorageViewRecord {
    const parsed = parseStorageId(id);
    const { dtype, numel, key, location } = parsed;
    let storage = this.storages.get(key);
    if (storage === undefined) {
      // The content follows the pickle. No memory is needed for it: it will be a view of the file.
      storage = new StorageRecord(dtype, numel, new Uint8Array(0), key, location);
      this.storages.set(key, storage);
    } else {
      checkSameStorage(storage, parsed);
    }
    const [view, ...more] = parsed.rest;
    if (more.length > 0) throw new UnpicklingError('the persistent id of a storage has too many parts');
    return view === null || view === undefined ? storage : this.view(storage, view);
  }

  /** `(key, offset, size)`: part of a storage. */
  private view(base: StorageRecord, parts: PickleValue): StorageViewRecord {
    if (!(parts instanceof PickleTuple) || parts.items.length !== 3) {
      throw new UnpicklingError(`the view of a storage must be a tuple of three, got ${describe(parts)}`);
    }
    const offset = checkCount('the offset of a view', parts.items[1]);
    const size = checkCount('the size of a view', parts.items[2]);
    if (offset + size > base.numel) throw new UnpicklingError('the view of a storage leaves the storage');
    return new StorageViewRecord(base, offset, size);
  }

  private readStorages(keys: PickleValue): void {
    if (!Array.isArray(keys))
      throw new UnpicklingError(`the keys of the storages must be a list, got ${describe(keys)}`);
    const missing = new Map(this.storages);
    for (const key of keys) {
      const storage = missing.get(key);
      if (storage === undefined)
        throw new UnpicklingError(`the storage ${String(key)} is not used, or occurs twice`);
      missing.delete(key);
      storage.bytes = this.content(storage);
    }
    if (missing.size > 0) throw new UnpicklingError(`the storage ${[...missing.keys()][0]} is missing`);
    if (this.position !== this.bytes.length)
      throw new UnpicklingError('there are bytes after the end of the file');
  }

  private content(storage: StorageRecord): Uint8Array {
    const start = this.position + 8;
    const stop = start + storage.numel * itemSizeOf(storage.dtype);
    if (stop > this.bytes.length) {
      throw new RuntimeError(
        `unexpected EOF, expected ${stop - this.bytes.length} more bytes. The file might be corrupted.`,
      );
    }
    const view = new DataView(this.bytes.buffer, this.bytes.byteOffset + this.position, 8);
    const numel = view.getBigInt64(0, true);
    if (numel !== BigInt(storage.numel)) {
      throw new RuntimeError(`storage has wrong byte size: expected ${storage.numel} elements, got ${numel}`);
    }
    this.position = stop;
    return this.bytes.subarray(start, stop);
  }
}

/** As `readCheckpoint`, for files that are no zip archives. */
export function readLegacy(bytes: Uint8Array, options: CheckpointOptions): PickleValue {
  if (bytes.length === 0) throw new UnpicklingError('Ran out of input');
  if (isTar(bytes)) {
    throw new NotImplementedError(
      'the file is in the tar format of PyTorch before 0.1.10, which is not supported',
    );
  }
  if (bytes[0] !== PROTO) {
    const key =
      bytes[0] >= 0x20 && bytes[0] < 0x7f
        ? String.fromCharCode(bytes[0])
        : `\\x${bytes[0].toString(16).padStart(2, '0')}`;
    throw new UnpicklingError(`invalid load key, '${key}'.`);
  }
  return new LegacyReader(bytes, options).read();
}
