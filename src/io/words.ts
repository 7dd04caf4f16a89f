/** Byte order. */

/** A copy of `bytes` in which every word of `size` bytes is reversed. A size of 1 gives the bytes themselves. */
export function swapWords(bytes: Uint8Array, size: number): Uint8Array {
  if (size === 1) return bytes;
  const out = new Uint8Array(bytes.length);
  for (let at = 0; at < bytes.length; at += size) {
    for (let k = 0; k < size; k++) out[at + k] = bytes[at + size - 1 - k];
  }
  return out;
}
