/**
 * CRC-32 as zip archives use it (polynomial 0x04C11DB7, reflected: 0xEDB88320).
 *
 * Eight bytes a step, with one table per byte position ("slicing by 8"); Node's own implementation where it has one.
 */
import { zlib } from './host.ts';

const SLICES = 8;
let tables: Uint32Array[] | null = null;

function makeTables(): Uint32Array[] {
  const first = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    let c = i;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
    first[i] = c >>> 0;
  }
  const all = [first];
  // all[s][b]: what byte b does to the remainder after s further bytes.
  for (let s = 1; s < SLICES; s++) {
    const previous = all[s - 1];
    all.push(previous.map((c) => (c >>> 8) ^ first[c & 0xff]));
  }
  return all;
}

/** The portable implementation. `start` continues the checksum of the bytes before. */
export function crc32Portable(bytes: Uint8Array, start = 0): number {
  tables ??= makeTables();
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables;
  const n = bytes.length;
  const whole = n - (n % SLICES);
  let c = ~start;
  let i = 0;
  for (; i < whole; i += SLICES) {
    c ^= bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    c =
      t7[c & 0xff] ^
      t6[(c >>> 8) & 0xff] ^
      t5[(c >>> 16) & 0xff] ^
      t4[c >>> 24] ^
      t3[bytes[i + 4]] ^
      t2[bytes[i + 5]] ^
      t1[bytes[i + 6]] ^
      t0[bytes[i + 7]];
  }
  for (; i < n; i++) c = t0[(c ^ bytes[i]) & 0xff] ^ (c >>> 8);
  return ~c >>> 0;
}

/** Node's function counts its input in 32 bits. */
const NATIVE_LIMIT = 2 ** 30;

/** The CRC-32 of `bytes`, as an unsigned number. `start` continues the checksum of the bytes before. */
export function crc32(bytes: Uint8Array, start = 0): number {
  const native = zlib()?.crc32;
  if (native === undefined) return crc32Portable(bytes, start);
  let c = start;
  for (let at = 0; at < bytes.length; at += NATIVE_LIMIT)
    c = native(bytes.subarray(at, at + NATIVE_LIMIT), c);
  return c;
}
