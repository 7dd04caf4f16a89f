/**
 * A strict reader of zip archives that lie in memory.
 *
 * An archive can say the same thing in several places (local headers, central directory, Zip64 records), and attacks live on
 * readers that believe different ones. So every statement must agree with every other, or the archive is refused. Stored entries
 * are views of the archive, not copies.
 */
import { NotImplementedError, RuntimeError } from '../../base/errors.ts';
import { crc32 } from '../crc32.ts';
import { zlib } from '../host.ts';
import {
  CENTRAL_SIGNATURE,
  CENTRAL_SIZE,
  DEFLATED,
  DESCRIPTOR_SIGNATURE,
  END_SIGNATURE,
  END_SIZE,
  END64_SIGNATURE,
  END64_SIZE,
  FLAG_DEFLATE_LEVEL,
  FLAG_DESCRIPTOR,
  FLAG_UTF8,
  isSafeName,
  LOCAL_SIGNATURE,
  LOCAL_SIZE,
  LOCATOR64_SIGNATURE,
  LOCATOR64_SIZE,
  MAX16,
  MAX32,
  STORED,
  ZIP64_EXTRA,
} from './format.ts';

/** Expands raw deflate data to exactly `size` bytes, or throws. */
export type Inflate = (data: Uint8Array, size: number) => Uint8Array;

export interface ZipReaderOptions {
  /** Whose name error messages begin with. */
  readonly reader?: string;
  /** How compressed entries are expanded; null refuses them. */
  readonly inflate?: Inflate | null;
  /** How many bytes all compressed entries may expand to, together. */
  readonly maxInflatedSize?: number;
}

interface Entry {
  readonly name: string;
  readonly method: number;
  readonly flags: number;
  readonly crc: number;
  readonly compressedSize: number;
  readonly size: number;
  readonly headerOffset: number;
  dataOffset: number;
  verified: boolean;
}

interface Directory {
  readonly offset: number;
  readonly size: number;
  readonly count: number;
}

/** Deflate cannot shrink data more than about 1032 times (zlib's technical notes). */
const MAX_DEFLATE_RATIO = 1040;
const nameDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const DEFAULT_MAX_INFLATED = 2 ** 31;

/** Inflates with Node's zlib; null where the host has none that works synchronously. */
export function hostInflate(): Inflate | null {
  const z = zlib();
  if (z === null) return null;
  return (data, size) => z.inflateRawSync(data, { maxOutputLength: Math.max(size, 1) });
}

/** Do the first bytes say "zip archive"? */
export function looksLikeZip(bytes: Uint8Array): boolean {
  // A local header, or the end record of an archive without entries.
  return bytes.length >= 4 && bytes[0] === 0x50 && bytes[1] === 0x4b && (bytes[2] === 3 || bytes[2] === 5);
}

/** An archive whose directory was checked. Throws a RuntimeError for one that is broken, and for what it does not support. */
export class ZipReader {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly entries = new Map<string, Entry>();
  private readonly reader: string;
  private readonly inflate: Inflate | null;
  private inflatable: number;

  constructor(bytes: Uint8Array, options: ZipReaderOptions = {}) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.reader = options.reader ?? 'ZipReader';
    this.inflate = options.inflate ?? null;
    this.inflatable = options.maxInflatedSize ?? DEFAULT_MAX_INFLATED;
    const directory = this.findDirectory();
    this.readDirectory(directory);
    this.checkLayout(directory);
  }

  /** The names of all entries, in the order of the archive's directory. */
  get names(): string[] {
    return [...this.entries.keys()];
  }

  has(name: string): boolean {
    return this.entries.has(name);
  }

  /** The size of an entry's content, in bytes. */
  size(name: string): number {
    return this.entry(name).size;
  }

  /** The content of an entry, its checksum verified: a view of the archive where it is stored. */
  read(name: string): Uint8Array {
    const entry = this.entry(name);
    const stored = this.bytes.subarray(entry.dataOffset, entry.dataOffset + entry.compressedSize);
    const content = entry.method === STORED ? stored : this.expand(entry, stored);
    if (!entry.verified) {
      if (crc32(content) !== entry.crc) throw this.failure(`file ${name}`, 'CRC-32 check failed');
      entry.verified = true;
    }
    return content;
  }

  private entry(name: string): Entry {
    const found = this.entries.get(name);
    if (found === undefined) {
      throw new RuntimeError(`${this.reader} failed locating file ${name}: file not found`);
    }
    return found;
  }

  private expand(entry: Entry, data: Uint8Array): Uint8Array {
    const what = `file ${entry.name}`;
    if (this.inflate === null) {
      throw new NotImplementedError(
        `${this.reader} failed reading ${what}: the entry is compressed; only stored entries can be read here`,
      );
    }
    if (entry.size > this.inflatable || entry.size > data.length * MAX_DEFLATE_RATIO) {
      throw this.failure(what, `it claims to expand from ${data.length} to ${entry.size} bytes`);
    }
    this.inflatable -= entry.size;
    let content: Uint8Array;
    try {
      content = this.inflate(data, entry.size);
    } catch (cause) {
      throw this.failure(
        what,
        `decompression failed (${cause instanceof Error ? cause.message : String(cause)})`,
      );
    }
    if (content.length !== entry.size) {
      throw this.failure(what, `it expands to ${content.length} bytes, not ${entry.size}`);
    }
    return content;
  }

  private failure(what: string, why: string): RuntimeError {
    return new RuntimeError(`${this.reader} failed reading ${what}: ${why}`);
  }

  private broken(why: string): RuntimeError {
    return this.failure('zip archive', why);
  }

  private u16(at: number): number {
    return this.view.getUint16(at, true);
  }

  private u32(at: number): number {
    return this.view.getUint32(at, true);
  }

  private u64(at: number): number {
    const value = Number(this.view.getBigUint64(at, true));
    if (!Number.isSafeInteger(value)) throw this.broken('a 64-bit field is out of range');
    return value;
  }

  /** Reads the end records. Nothing may follow them: an archive with a comment could hold a second end record. */
  private findDirectory(): Directory {
    const end = this.bytes.length - END_SIZE;
    if (end < 0 || this.u32(end) !== END_SIGNATURE || this.u16(end + 20) !== 0) {
      throw this.broken('failed finding central directory');
    }
    const onThisDisk = this.u16(end + 8);
    const short = { count: this.u16(end + 10), size: this.u32(end + 12), offset: this.u32(end + 16) };
    if (this.u16(end + 4) !== 0 || this.u16(end + 6) !== 0 || onThisDisk !== short.count) {
      throw this.broken('archives of several parts are not supported');
    }
    const locator = end - LOCATOR64_SIZE;
    const isZip64 = locator >= 0 && this.u32(locator) === LOCATOR64_SIGNATURE;
    const directory = isZip64 ? this.readEnd64(locator, short) : short;
    const endsAt = isZip64 ? locator - END64_SIZE : end;
    if (directory.offset + directory.size !== endsAt) {
      throw this.broken(
        'invalid header or archive is corrupted (the central directory does not end where it should)',
      );
    }
    return directory;
  }

  private readEnd64(locator: number, short: Directory): Directory {
    const end64 = locator - END64_SIZE;
    if (
      end64 < 0 ||
      this.u32(locator + 4) !== 0 ||
      this.u64(locator + 8) !== end64 ||
      this.u32(locator + 16) > 1 ||
      this.u32(end64) !== END64_SIGNATURE ||
      this.u64(end64 + 4) !== END64_SIZE - 12 ||
      this.u32(end64 + 16) !== 0 ||
      this.u32(end64 + 20) !== 0
    ) {
      throw this.broken('invalid header or archive is corrupted (Zip64 end record)');
    }
    const count = this.u64(end64 + 32);
    const directory = { count, size: this.u64(end64 + 40), offset: this.u64(end64 + 48) };
    const agrees =
      this.u64(end64 + 24) === count &&
      (short.count === MAX16 || short.count === count) &&
      (short.size === MAX32 || short.size === directory.size) &&
      (short.offset === MAX32 || short.offset === directory.offset);
    if (!agrees) throw this.broken('invalid header or archive is corrupted (the two end records disagree)');
    return directory;
  }

  private readDirectory(directory: Directory): void {
    const stop = directory.offset + directory.size;
    let at = directory.offset;
    if (directory.count * CENTRAL_SIZE > directory.size) {
      throw this.broken(
        'invalid header or archive is corrupted (the central directory is too short for its entries)',
      );
    }
    for (let i = 0; i < directory.count; i++) {
      if (at + CENTRAL_SIZE > stop || this.u32(at) !== CENTRAL_SIGNATURE) {
        throw this.broken('invalid header or archive is corrupted (central directory)');
      }
      const nameLength = this.u16(at + 28);
      const extraLength = this.u16(at + 30);
      const next = at + CENTRAL_SIZE + nameLength + extraLength + this.u16(at + 32);
      if (next > stop) throw this.broken('invalid header or archive is corrupted (central directory)');
      const entry = this.readCentral(at, nameLength, extraLength);
      if (this.entries.has(entry.name)) throw this.broken(`the name ${entry.name} occurs twice`);
      this.entries.set(entry.name, entry);
      at = next;
    }
    if (at !== stop) throw this.broken('invalid header or archive is corrupted (central directory)');
  }

  private readCentral(at: number, nameLength: number, extraLength: number): Entry {
    const flags = this.u16(at + 8);
    const method = this.u16(at + 10);
    const name = this.decodeName(at + CENTRAL_SIZE, nameLength);
    if (!isSafeName(name)) throw this.broken(`an entry has the unsafe name ${JSON.stringify(name)}`);
    this.checkSupported(name, flags, method);
    const fields: Zip64Fields = {
      size: this.u32(at + 24),
      compressedSize: this.u32(at + 20),
      offset: this.u32(at + 42),
    };
    this.readZip64Extra(at + CENTRAL_SIZE + nameLength, extraLength, fields);
    if (this.u16(at + 34) !== 0) throw this.broken('archives of several parts are not supported');
    if (method === STORED && fields.size !== fields.compressedSize) {
      throw this.broken(
        `file ${name} is stored, but its sizes are ${fields.compressedSize} and ${fields.size}`,
      );
    }
    return {
      name,
      method,
      flags,
      crc: this.u32(at + 16),
      compressedSize: fields.compressedSize,
      size: fields.size,
      headerOffset: fields.offset,
      dataOffset: 0,
      verified: false,
    };
  }

  private decodeName(at: number, length: number): string {
    try {
      return nameDecoder.decode(this.bytes.subarray(at, at + length));
    } catch {
      throw this.broken('the name of an entry is not UTF-8');
    }
  }

  private checkSupported(name: string, flags: number, method: number): void {
    if ((flags & 0x2041) !== 0) throw this.failure(`file ${name}`, 'unsupported encryption');
    if ((flags & ~(FLAG_DESCRIPTOR | FLAG_UTF8 | FLAG_DEFLATE_LEVEL)) !== 0) {
      throw this.failure(`file ${name}`, `unsupported feature (flags 0x${flags.toString(16)})`);
    }
    if (method !== STORED && method !== DEFLATED) {
      throw this.failure(`file ${name}`, `unsupported method (${method})`);
    }
  }

  /** Replaces the fields that are too large for 32 bits by those of the Zip64 extra field. */
  private readZip64Extra(at: number, length: number, fields: Zip64Fields): void {
    const stop = at + length;
    while (at + 4 <= stop) {
      const id = this.u16(at);
      const end = at + 4 + this.u16(at + 2);
      if (end > stop) break;
      if (id === ZIP64_EXTRA) {
        let from = at + 4;
        for (const key of ['size', 'compressedSize', 'offset'] as const) {
          if (fields[key] !== MAX32) continue;
          if (from + 8 > end) throw this.broken('invalid header or archive is corrupted (Zip64 sizes)');
          fields[key] = this.u64(from);
          from += 8;
        }
        return;
      }
      at = end;
    }
    if (fields.size === MAX32 || fields.compressedSize === MAX32 || fields.offset === MAX32) {
      throw this.broken('invalid header or archive is corrupted (Zip64 sizes)');
    }
  }

  /** Checks every local header, and that no two entries share a byte. */
  private checkLayout(directory: Directory): void {
    const inOrder = [...this.entries.values()].sort((a, b) => a.headerOffset - b.headerOffset);
    if (inOrder.length > 0 && inOrder[0].headerOffset !== 0) {
      throw this.broken('invalid header or archive is corrupted (it does not begin with an entry)');
    }
    inOrder.forEach((entry, i) => {
      // Damaged offsets may all lie beyond the directory.
      const limit = Math.min(inOrder[i + 1]?.headerOffset ?? directory.offset, directory.offset);
      const end = this.checkLocal(entry, limit);
      if (end > limit) throw this.broken(`file ${entry.name} overlaps what follows it`);
    });
  }

  /** Compares a local header with the directory; returns where the entry ends. */
  private checkLocal(entry: Entry, limit: number): number {
    const at = entry.headerOffset;
    const disagrees = () =>
      this.broken(`the local header of file ${entry.name} does not agree with the central directory`);
    if (at + LOCAL_SIZE > limit || this.u32(at) !== LOCAL_SIGNATURE) throw disagrees();
    const nameLength = this.u16(at + 26);
    const extraLength = this.u16(at + 28);
    const dataOffset = at + LOCAL_SIZE + nameLength + extraLength;
    if (dataOffset + entry.compressedSize > limit)
      throw this.broken(`file ${entry.name} overlaps what follows it`);
    if (this.u16(at + 6) !== entry.flags || this.u16(at + 8) !== entry.method) throw disagrees();
    if (this.decodeName(at + LOCAL_SIZE, nameLength) !== entry.name) throw disagrees();
    const fields: Zip64Fields = { size: this.u32(at + 22), compressedSize: this.u32(at + 18), offset: 0 };
    this.readZip64Extra(at + LOCAL_SIZE + nameLength, extraLength, fields);
    const crc = this.u32(at + 14);
    entry.dataOffset = dataOffset;
    const deferred = (entry.flags & FLAG_DESCRIPTOR) !== 0;
    const agrees = (found: number, expected: number) => found === expected || (deferred && found === 0);
    if (
      !agrees(crc, entry.crc) ||
      !agrees(fields.size, entry.size) ||
      !agrees(fields.compressedSize, entry.compressedSize)
    ) {
      throw disagrees();
    }
    const dataEnd = dataOffset + entry.compressedSize;
    return deferred ? dataEnd + this.descriptorSize(entry, dataEnd, limit) : dataEnd;
  }

  /** The size of the data descriptor at `at`: with or without a signature, with sizes of 32 or 64 bits. */
  private descriptorSize(entry: Entry, at: number, limit: number): number {
    for (const signature of [4, 0]) {
      if (signature === 4 && (at + 4 > limit || this.u32(at) !== DESCRIPTOR_SIGNATURE)) continue;
      const from = at + signature;
      if (
        from + 12 <= limit &&
        this.u32(from) === entry.crc &&
        this.u32(from + 4) === entry.compressedSize &&
        this.u32(from + 8) === entry.size
      ) {
        return signature + 12;
      }
      if (
        from + 20 <= limit &&
        this.u32(from) === entry.crc &&
        this.u64(from + 4) === entry.compressedSize &&
        this.u64(from + 12) === entry.size
      ) {
        return signature + 20;
      }
    }
    throw this.broken(`the data descriptor of file ${entry.name} does not agree with the central directory`);
  }
}

interface Zip64Fields {
  size: number;
  compressedSize: number;
  offset: number;
}
