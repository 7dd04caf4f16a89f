/**
 * The element of a given rank in a row without sorting it: in long rows by the digits of sortable keys, from the highest on; in short ones by
 * partitions (C. A. R. Hoare, "Algorithm 65: Find", 1961).
 */
import { DIGIT_BITS, DIGITS, keysOf, type SortableRow } from './radix.ts';

/** From this length on counting digits is faster than partitions. */
const LONG = 4096;

/** The element of rank `rank` among the first `count` of `x`, which are moved about; there is no NaN among them. */
function partition(x: Exclude<SortableRow, BigInt64Array>, count: number, rank: number): number {
  let low = 0;
  let high = count - 1;
  while (low < high) {
    // The middle one of three, which bounds both searches below.
    const middle = (low + high) >> 1;
    const [a, b, c] = [x[low], x[middle], x[high]];
    const pivot = a < b ? (b < c ? b : a < c ? c : a) : a < c ? a : b < c ? c : b;
    let i = low;
    let j = high;
    while (i <= j) {
      while (x[i] < pivot) i++;
      while (x[j] > pivot) j--;
      if (i > j) break;
      const moved = x[i];
      x[i++] = x[j];
      x[j--] = moved;
    }
    if (rank <= j) high = j;
    else if (rank >= i) low = i;
    else return pivot;
  }
  return x[rank];
}

/** By partitions of a copy; of equal elements the earlier ones come first. */
function selectShort(row: Exclude<SortableRow, BigInt64Array>, rank: number): number {
  const copy = row.slice();
  let count = 0;
  for (let i = 0; i < row.length; i++) if (!Number.isNaN(row[i])) copy[count++] = row[i];
  if (rank >= count) return nth(row.length, rank - count, (i) => Number.isNaN(row[i]));
  const value = partition(copy, count, rank);
  let smaller = 0;
  for (let i = 0; i < row.length; i++) if (row[i] < value) smaller++;
  return nth(row.length, rank - smaller, (i) => row[i] === value);
}

/** The n-th position, from 0, that `is` holds of. */
function nth(length: number, n: number, is: (i: number) => boolean): number {
  let left = n;
  for (let i = 0; i < length; i++) if (is(i) && left-- === 0) return i;
  return length;
}

/** By digits: the elements that share those seen so far are the candidates, in the order of their positions. */
function selectLong(row: SortableRow, rank: number): number {
  const words = keysOf(row);
  const counts = new Uint32Array(DIGITS);
  let candidates: Uint32Array | null = null;
  let left = rank;
  for (let word = words.length - 1; word >= 0; word--) {
    const keys = words[word];
    for (let bits = 32; bits > 0; ) {
      const width = Math.min(DIGIT_BITS, bits);
      bits -= width;
      const mask = (1 << width) - 1;
      const total: number = candidates === null ? row.length : candidates.length;
      counts.fill(0);
      if (candidates === null) for (let i = 0; i < total; i++) counts[(keys[i] >>> bits) & mask]++;
      else for (let i = 0; i < total; i++) counts[(keys[candidates[i]] >>> bits) & mask]++;
      let digit = 0;
      while (left >= counts[digit]) left -= counts[digit++];
      if (counts[digit] === total) continue;
      const next: Uint32Array = new Uint32Array(counts[digit]);
      let at = 0;
      for (let i = 0; i < total; i++) {
        const place = candidates === null ? i : candidates[i];
        if (((keys[place] >>> bits) & mask) === digit) next[at++] = place;
      }
      candidates = next;
      if (at === 1) return next[0];
    }
  }
  return candidates === null ? left : candidates[left];
}

/** The position of the element of rank `rank`, from 0, in the stable order of a row. NaN counts as largest. */
export function selectRank(row: SortableRow, rank: number): number {
  if (row.length >= LONG || row instanceof BigInt64Array) return selectLong(row, rank);
  return selectShort(row, rank);
}
