/**
 * Reads what `torch.save` wrote, as records. No code of the file is run, no class is looked up by name other than in an allow-list, and the
 * bytes of tensors are views of the file.
 */
import { NotImplementedError, RuntimeError, UnpicklingError, ValueError } from '../../base/errors.ts';
import { unpickle } from '../pickle/unpickler.ts';
import type { PickleValue } from '../pickle/values.ts';
import { swapWords } from '../words.ts';
import { looksLikeZip, ZipReader } from '../zip/reader.ts';
import { readLegacy } from './legacy.ts';
import {
  type CheckpointOptions,
  checkSameStorage,
  parseStorageId,
  type StorageId,
  unpicklerOptions,
} from './persistent.ts';
import { itemSizeOf, StorageRecord, wordSizeOf } from './records.ts';

export type { CheckpointOptions } from './persistent.ts';

const READER = 'PytorchStreamReader';
/** The versions of the archive format that PyTorch reads (caffe2/serialize/versions.h). */
const MIN_VERSION = 1;
const MAX_VERSION = 10;

/** Keys are the names of files in the folder `data`. */
const SAFE_KEY = /^[0-9A-Za-z_-]{1,64}$/;

class ArchiveReader {
  private readonly zip: ZipReader;
  private readonly root: string;
  private readonly options: CheckpointOptions;
  private readonly storages = new Map<string, StorageRecord>();
  private isBigEndian = false;

  constructor(bytes: Uint8Array, options: CheckpointOptions) {
    this.zip = new ZipReader(bytes, { reader: READER });
    this.options = options;
    const names = this.zip.names;
    if (names.length === 0) throw new RuntimeError(`${READER} failed reading zip archive: it is empty`);
    const slash = names[0].indexOf('/');
    if (slash <= 0) throw new RuntimeError(`file in archive is not in a subdirectory: ${names[0]}`);
    this.root = names[0].slice(0, slash + 1);
    const stray = names.find((name) => !name.startsWith(this.root));
    if (stray !== undefined)
      throw new RuntimeError(`file in archive is not in a subdirectory ${this.root}: ${stray}`);
  }

  read(): PickleValue {
    if (this.has('constants.pkl')) {
      throw new NotImplementedError(
        'the file looks like a TorchScript archive (torch.jit.save), which holds code; only files of torch.save can be read',
      );
    }
    this.checkVersion();
    this.isBigEndian = this.readByteOrder();
    const options = unpicklerOptions(this.options, (id) => this.storage(id));
    return unpickle(this.record('data.pkl'), options);
  }

  private has(name: string): boolean {
    return this.zip.has(this.root + name);
  }

  private record(name: string): Uint8Array {
    if (!this.has(name)) throw new RuntimeError(`${READER} failed locating file ${name}: file not found`);
    return this.zip.read(this.root + name);
  }

  private text(name: string): string {
    const bytes = this.record(name);
    if (bytes.length > 64) throw new RuntimeError(`${READER} failed reading file ${name}: it is too long`);
    return new TextDecoder().decode(bytes).trim();
  }

  private checkVersion(): void {
    const text = this.text(this.has('.data/version') ? '.data/version' : 'version');
    const version = Number(text);
    if (!/^\d+$/.test(text) || version < MIN_VERSION) {
      throw new RuntimeError(`${READER} failed reading file version: ${JSON.stringify(text)} is no version`);
    }
    if (version > MAX_VERSION) {
      throw new RuntimeError(
        `Attempted to read a PyTorch file with version ${version}, but the maximum supported version for reading is ` +
          `${MAX_VERSION}. Your PyTorch installation may be too old.`,
      );
    }
  }

  private readByteOrder(): boolean {
    if (!this.has('byteorder')) return false;
    const order = this.text('byteorder');
    if (order !== 'little' && order !== 'big') throw new ValueError(`Unknown endianness type: ${order}`);
    return order === 'big';
  }

  private storage(id: PickleValue): StorageRecord {
    const parsed = parseStorageId(id);
    const known = this.storages.get(parsed.key);
    if (known !== undefined) {
      checkSameStorage(known, parsed);
      return known;
    }
    if (parsed.rest.length > 0)
      throw new UnpicklingError('the persistent id of a storage has too many parts');
    const storage = this.load(parsed);
    this.storages.set(parsed.key, storage);
    return storage;
  }

  private load({ dtype, key, location, numel }: StorageId): StorageRecord {
    if (!SAFE_KEY.test(key)) throw new UnpicklingError(`${JSON.stringify(key)} is no key of a storage`);
    const bytes = this.record(`data/${key}`);
    if (bytes.length !== numel * itemSizeOf(dtype)) {
      throw new RuntimeError(
        `${READER} failed reading file data/${key}: it has ${bytes.length} bytes, but ${numel} elements of ${dtype} ` +
          `need ${numel * itemSizeOf(dtype)}`,
      );
    }
    const little = this.isBigEndian ? swapWords(bytes, wordSizeOf(dtype)) : bytes;
    return new StorageRecord(dtype, numel, little, key, location);
  }
}

/**
 * The content of a file that `torch.save` wrote, in the current (zip) or the legacy format: Python values as in pickle/values.ts, with
 * TensorRecords, StorageRecords, SizeRecords, DTypeRecords and DeviceRecords among them.
 *
 * Throws an UnpicklingError or a RuntimeError for a file that is broken, hostile, or has something that is not on the allow-list, and a
 * NotImplementedError for what PyTorch can save but nothing here can hold.
 */
export function readCheckpoint(bytes: Uint8Array, options: CheckpointOptions = {}): PickleValue {
  if (looksLikeZip(bytes)) return new ArchiveReader(bytes, options).read();
  return readLegacy(bytes, options);
}
