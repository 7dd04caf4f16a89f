/** LU factors of a narrow panel whose columns lie one after another: the leaves of factorizations by blocks. */
import { subtractFour, subtractOne } from './columns.ts';

/**
 * Factors the `rows` × `width` panel in `p`, in place, as `factorLu` does: the first of the largest elements is the pivot. Row k was exchanged with row
 * `pivots[first + k] − first`. Returns the first column without a pivot, or −1.
 */
export function factorPanel(
  p: Float64Array,
  rows: number,
  width: number,
  pivots: Int32Array,
  first: number,
): number {
  let singular = -1;
  for (let j = 0; j < Math.min(rows, width); j++) {
    const column = j * rows;
    updateColumn(p, column, rows, j);
    let pivot = j;
    let largest = Math.abs(p[column + j]);
    for (let i = j + 1; i < rows; i++) {
      const size = Math.abs(p[column + i]);
      if (size > largest) {
        pivot = i;
        largest = size;
      }
    }
    pivots[first + j] = first + pivot;
    const top = p[column + pivot];
    if (top === 0) {
      if (singular < 0) singular = j;
      continue;
    }
    if (pivot !== j) {
      for (let c = 0; c < width; c++) {
        const at = c * rows;
        const held = p[at + j];
        p[at + j] = p[at + pivot];
        p[at + pivot] = held;
      }
    }
    for (let i = j + 1; i < rows; i++) p[column + i] /= top;
  }
  for (let j = rows; j < width; j++) updateColumn(p, j * rows, rows, rows);
  return singular;
}

/** Subtracts the multiples of the `done` columns before it from a column: what U and the rest of L are found in. */
function updateColumn(p: Float64Array, column: number, rows: number, done: number): void {
  let k = 0;
  for (; k + 4 <= done; k += 4) {
    const [c0, c1, c2] = [k * rows, (k + 1) * rows, (k + 2) * rows];
    // The four factors depend on each other.
    const a = p[column + k];
    const b = p[column + k + 1] - a * p[c0 + k + 1];
    const c = p[column + k + 2] - a * p[c0 + k + 2] - b * p[c1 + k + 2];
    const d = p[column + k + 3] - a * p[c0 + k + 3] - b * p[c1 + k + 3] - c * p[c2 + k + 3];
    p[column + k + 1] = b;
    p[column + k + 2] = c;
    p[column + k + 3] = d;
    const below = k + 4;
    subtractFour(p, column + below, c0 + below, rows, a, b, c, d, rows - below);
  }
  for (; k < done; k++) {
    subtractOne(p, column + k + 1, k * rows + k + 1, p[column + k], rows - k - 1);
  }
}
