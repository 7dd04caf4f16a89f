/**
 * The element of a given rank in a row without sorting it: by the digits of sortable keys, from the highest on, while many elements share those seen
 * so far.
 */
import { DIGIT_BITS, DIGITS, keysOf, type SortableRow } from './radix.ts';

/** So many are compared with each other. */
const FEW = 48;

/** How the keys at a and b compare: negative where a's is smaller. */
function compareKeys(words: readonly Uint32Array[], a: number, b: number): number {
  for (let word = words.length - 1; word >= 0; word--) {
    const keys = words[word];
    if (keys[a] !== keys[b]) return keys[a] < keys[b] ? -1 : 1;
  }
  return 0;
}

/** The one of a few positions, which ascend, with `rank` others before it. */
function selectAmong(words: readonly Uint32Array[], positions: Uint32Array, rank: number): number {
  for (let i = 0; i < positions.length; i++) {
    let before = 0;
    for (let j = 0; j < positions.length; j++) {
      const order = compareKeys(words, positions[j], positions[i]);
      if (order < 0 || (order === 0 && j < i)) before++;
    }
    if (before === rank) return positions[i];
  }
  throw new Error('unreachable: every rank has its element');
}

/** The position of the element of rank `rank`, from 0, in the stable order of a row. NaN counts as largest. */
export function selectRank(row: SortableRow, rank: number): number {
  const words = keysOf(row);
  const counts = new Uint32Array(DIGITS);
  // In the order of their positions; null is all of them.
  let candidates: Uint32Array | null = null;
  let count = row.length;
  let left = rank;
  for (let word = words.length - 1; word >= 0; word--) {
    const keys = words[word];
    for (let shift = 32 - DIGIT_BITS; shift > -DIGIT_BITS; shift -= DIGIT_BITS) {
      if (count <= FEW) return selectAmong(words, candidates ?? asGiven(count), left);
      // The lowest digit overlaps the one before it.
      const by = Math.max(shift, 0);
      counts.fill(0);
      if (candidates === null) for (let i = 0; i < count; i++) counts[(keys[i] >>> by) & (DIGITS - 1)]++;
      else for (let i = 0; i < count; i++) counts[(keys[candidates[i]] >>> by) & (DIGITS - 1)]++;
      let digit = 0;
      while (left >= counts[digit]) left -= counts[digit++];
      if (counts[digit] === count) continue;
      const next: Uint32Array = new Uint32Array(counts[digit]);
      let at = 0;
      for (let i = 0; i < count; i++) {
        const place = candidates === null ? i : candidates[i];
        if (((keys[place] >>> by) & (DIGITS - 1)) === digit) next[at++] = place;
      }
      candidates = next;
      count = at;
    }
  }
  // Those that are left are equal.
  return candidates === null ? left : candidates[left];
}

/** 0, 1, 2, … */
function asGiven(count: number): Uint32Array {
  const positions = new Uint32Array(count);
  for (let i = 0; i < count; i++) positions[i] = i;
  return positions;
}
