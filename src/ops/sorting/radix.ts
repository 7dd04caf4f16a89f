/**
 * Stable order of long rows without comparisons: elements become unsigned integers in the same order, and these are sorted digit by digit, from the lowest on
 * (Knuth, "The Art of Computer Programming", 5.2.5).
 */

/** Rows that this module sorts: elements as they lie in memory. */
export type SortableRow =
  | Float32Array
  | Float64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint8Array
  | BigInt64Array;

/** So many bits of a key are looked at together. */
export const DIGIT_BITS = 11;
export const DIGITS: number = 1 << DIGIT_BITS;
const SIGN = 0x80000000;

export function isSortable(row: unknown): row is SortableRow {
  return ArrayBuffer.isView(row) && !(row instanceof Uint16Array) && !(row instanceof DataView);
}

/** 32-bit words of the memory of a row: signed, as engines make doubles of large unsigned ones. */
function wordsOf(row: Float32Array | Float64Array | BigInt64Array): Int32Array {
  return new Int32Array(row.buffer, row.byteOffset, row.byteLength / 4);
}

/** The keys of a row, as words from the lowest to the highest; -0 and 0 have one key, and all NaN have the highest. */
export function keysOf(row: SortableRow): Uint32Array[] {
  const n = row.length;
  const high = new Uint32Array(n);
  if (row instanceof Float32Array) {
    const bits = wordsOf(row);
    for (let i = 0; i < n; i++) {
      const word = bits[i];
      const size = word & 0x7fffffff;
      // Negative numbers have all bits turned round, others the sign.
      if (size > 0x7f800000) high[i] = -1;
      else high[i] = size === 0 ? SIGN : word ^ ((word >> 31) | SIGN);
    }
    return [high];
  }
  if (row instanceof Float64Array) {
    const bits = wordsOf(row);
    const low = new Uint32Array(n);
    for (let i = 0; i < n; i++) {
      const [below, above] = [bits[2 * i], bits[2 * i + 1]];
      const size = above & 0x7fffffff;
      const flip = above >> 31;
      if (size > 0x7ff00000 || (size === 0x7ff00000 && below !== 0)) low[i] = high[i] = -1;
      else if (size === 0 && below === 0) high[i] = SIGN;
      else {
        low[i] = below ^ flip;
        high[i] = above ^ (flip | SIGN);
      }
    }
    return [low, high];
  }
  if (row instanceof BigInt64Array) {
    const bits = wordsOf(row);
    const low = new Uint32Array(n);
    for (let i = 0; i < n; i++) {
      low[i] = bits[2 * i];
      high[i] = bits[2 * i + 1] ^ SIGN;
    }
    return [low, high];
  }
  for (let i = 0; i < n; i++) high[i] = row[i] ^ SIGN;
  return [high];
}

/** The positions of a row's elements in order; equal ones keep theirs. NaN counts as largest. */
export function radixOrder(row: SortableRow, descending: boolean): Uint32Array {
  const n = row.length;
  let order = new Uint32Array(n);
  let next = new Uint32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  const counts = new Uint32Array(DIGITS);
  for (const keys of keysOf(row)) {
    if (descending) for (let i = 0; i < n; i++) keys[i] = ~keys[i];
    for (let shift = 0; shift < 32; shift += DIGIT_BITS) {
      counts.fill(0);
      for (let i = 0; i < n; i++) counts[(keys[i] >>> shift) & (DIGITS - 1)]++;
      // A digit that all share decides nothing.
      if (counts[(keys[0] >>> shift) & (DIGITS - 1)] === n) continue;
      let sum = 0;
      for (let d = 0; d < DIGITS; d++) {
        const count = counts[d];
        counts[d] = sum;
        sum += count;
      }
      for (let i = 0; i < n; i++) {
        const at = order[i];
        next[counts[(keys[at] >>> shift) & (DIGITS - 1)]++] = at;
      }
      [order, next] = [next, order];
    }
  }
  return order;
}
