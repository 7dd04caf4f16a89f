/**
 * A writer of zip archives as PyTorch lays them out: entries stored, their content aligned by an extra field, checksums and sizes
 * in data descriptors, Zip64 where a size or an offset needs it. Byte for byte what `torch.save` writes for the same entries.
 */
import { ValueError } from '../../base/errors.ts';
import { crc32 } from '../crc32.ts';
import {
  CENTRAL_SIGNATURE,
  CENTRAL_SIZE,
  DESCRIPTOR_SIGNATURE,
  END_SIGNATURE,
  END_SIZE,
  END64_SIGNATURE,
  END64_SIZE,
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

export interface ZipWriterOptions {
  /** The content of every entry begins at a multiple of this many bytes. */
  readonly alignment?: number;
  /** Sizes and offsets from here on are written in 64 bits. Only tests of Zip64 have a reason to lower it. */
  readonly zip64From?: number;
}

/** PyTorch's alignment of contents, in bytes. */
export const DEFAULT_ALIGNMENT = 64;

interface Written {
  readonly name: Uint8Array;
  readonly crc: number;
  readonly size: number;
  readonly offset: number;
  readonly flags: number;
}

/** The made-by version and the version needed that PyTorch puts into the Zip64 end record. */
const MADE_BY = 0x031e;
const NEEDS_ZIP64 = 45;

/** Collects entries; `finish` gives the archive as a list of chunks. The content of entries is not copied. */
export class ZipWriter {
  private readonly chunks: Uint8Array[] = [];
  private readonly written: Written[] = [];
  private readonly names = new Set<string>();
  private readonly alignment: number;
  private readonly zip64From: number;
  private position = 0;

  constructor(options: ZipWriterOptions = {}) {
    this.alignment = options.alignment ?? DEFAULT_ALIGNMENT;
    this.zip64From = options.zip64From ?? MAX32;
  }

  /** Adds an entry of one or several pieces; returns the checksum of its content. Throws a ValueError for a name that cannot be used. */
  add(name: string, ...content: readonly Uint8Array[]): number {
    if (!isSafeName(name))
      throw new ValueError(`an entry of an archive cannot be named ${JSON.stringify(name)}`);
    if (this.names.has(name)) throw new ValueError(`the archive has an entry ${name} already`);
    this.names.add(name);
    const encoded = new TextEncoder().encode(name);
    let crc = 0;
    let size = 0;
    for (const piece of content) {
      crc = crc32(piece, crc);
      size += piece.length;
    }
    const offset = this.position;
    // An empty entry needs no descriptor: the zeros of its local header are true.
    const flags = FLAG_UTF8 | (size > 0 ? FLAG_DESCRIPTOR : 0);
    // The compressed size is unknown when the local header is written (0); the descriptor and the directory have it.
    const zip64 = this.zip64Extra(size, 0, offset);
    this.push(this.localHeader(encoded, flags, zip64));
    for (const piece of content) this.push(piece);
    if (size > 0) this.push(descriptor(crc, size, zip64.length > 0));
    this.written.push({ name: encoded, crc, size, offset, flags });
    return crc;
  }

  /** Ends the archive. */
  finish(): Uint8Array[] {
    const offset = this.position;
    for (const entry of this.written) this.push(this.centralHeader(entry));
    this.push(this.endRecords(offset, this.position - offset));
    return this.chunks;
  }

  private push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.chunks.push(chunk);
    this.position += chunk.length;
  }

  private isLarge(value: number): boolean {
    return value >= this.zip64From;
  }

  private clamp(value: number): number {
    return this.isLarge(value) ? MAX32 : value;
  }

  /** The 64-bit extra field of an entry; empty where 32 bits are enough. */
  private zip64Extra(size: number, compressedSize: number, offset: number): Uint8Array {
    const values: number[] = [];
    if (this.isLarge(size)) values.push(size, compressedSize);
    if (this.isLarge(offset)) values.push(offset);
    if (values.length === 0) return new Uint8Array(0);
    const field = new DataView(new ArrayBuffer(4 + 8 * values.length));
    field.setUint16(0, ZIP64_EXTRA, true);
    field.setUint16(2, 8 * values.length, true);
    values.forEach((value, i) => {
      field.setBigUint64(4 + 8 * i, BigInt(value), true);
    });
    return new Uint8Array(field.buffer);
  }

  /** The local header, its name and its extra fields, the last of which pads to the alignment: `FB`, its size, and `Z`s. */
  private localHeader(name: Uint8Array, flags: number, zip64: Uint8Array): Uint8Array {
    const unpadded = this.position + LOCAL_SIZE + name.length + zip64.length + 4;
    const padding = (this.alignment - (unpadded % this.alignment)) % this.alignment;
    const header = new Uint8Array(LOCAL_SIZE + name.length + zip64.length + 4 + padding);
    const view = new DataView(header.buffer);
    view.setUint32(0, LOCAL_SIGNATURE, true);
    view.setUint16(6, flags, true);
    view.setUint16(8, STORED, true);
    view.setUint16(26, name.length, true);
    view.setUint16(28, zip64.length + 4 + padding, true);
    header.set(name, LOCAL_SIZE);
    header.set(zip64, LOCAL_SIZE + name.length);
    const pad = LOCAL_SIZE + name.length + zip64.length;
    header[pad] = 0x46;
    header[pad + 1] = 0x42;
    view.setUint16(pad + 2, padding, true);
    header.fill(0x5a, pad + 4);
    return header;
  }

  private centralHeader(entry: Written): Uint8Array {
    const zip64 = this.zip64Extra(entry.size, entry.size, entry.offset);
    const header = new Uint8Array(CENTRAL_SIZE + entry.name.length + zip64.length);
    const view = new DataView(header.buffer);
    view.setUint32(0, CENTRAL_SIGNATURE, true);
    view.setUint16(8, entry.flags, true);
    view.setUint16(10, STORED, true);
    view.setUint32(16, entry.crc, true);
    view.setUint32(20, this.clamp(entry.size), true);
    view.setUint32(24, this.clamp(entry.size), true);
    view.setUint16(28, entry.name.length, true);
    view.setUint16(30, zip64.length, true);
    view.setUint32(42, this.clamp(entry.offset), true);
    header.set(entry.name, CENTRAL_SIZE);
    header.set(zip64, CENTRAL_SIZE + entry.name.length);
    return header;
  }

  private endRecords(offset: number, size: number): Uint8Array {
    const count = this.written.length;
    const view = new DataView(new ArrayBuffer(END64_SIZE + LOCATOR64_SIZE + END_SIZE));
    view.setUint32(0, END64_SIGNATURE, true);
    view.setBigUint64(4, BigInt(END64_SIZE - 12), true);
    view.setUint16(12, MADE_BY, true);
    view.setUint16(14, NEEDS_ZIP64, true);
    view.setBigUint64(24, BigInt(count), true);
    view.setBigUint64(32, BigInt(count), true);
    view.setBigUint64(40, BigInt(size), true);
    view.setBigUint64(48, BigInt(offset), true);
    const locator = END64_SIZE;
    view.setUint32(locator, LOCATOR64_SIGNATURE, true);
    view.setBigUint64(locator + 8, BigInt(offset + size), true);
    view.setUint32(locator + 16, 1, true);
    const end = locator + LOCATOR64_SIZE;
    view.setUint32(end, END_SIGNATURE, true);
    view.setUint16(end + 8, Math.min(count, MAX16), true);
    view.setUint16(end + 10, Math.min(count, MAX16), true);
    view.setUint32(end + 12, this.clamp(size), true);
    view.setUint32(end + 16, this.clamp(offset), true);
    return new Uint8Array(view.buffer);
  }
}

/** The record after the content: checksum and sizes, in 64 bits where the entry has a Zip64 extra field. */
function descriptor(crc: number, size: number, isZip64: boolean): Uint8Array {
  const view = new DataView(new ArrayBuffer(isZip64 ? 24 : 16));
  view.setUint32(0, DESCRIPTOR_SIGNATURE, true);
  view.setUint32(4, crc, true);
  if (isZip64) {
    view.setBigUint64(8, BigInt(size), true);
    view.setBigUint64(16, BigInt(size), true);
  } else {
    view.setUint32(8, size, true);
    view.setUint32(12, size, true);
  }
  return new Uint8Array(view.buffer);
}
