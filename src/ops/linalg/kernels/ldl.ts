/**
 * L·D·Lᵀ factors of symmetric matrices with blocks of one and two rows in D (Bunch and Kaufman 1977, "Some stable methods for calculating inertia and
 * solving symmetric linear systems"), from the lower triangle, in LAPACK's storage. Matrices are in row-major order.
 */
import { exchangeRows } from './lu.ts';

/** Bounds the growth of elements equally for both kinds of blocks. */
const ALPHA = (1 + Math.sqrt(17)) / 8;

/**
 * Overwrites the lower triangle of the n × n matrix at `at` of `a`; writes to `pivots` from `to` on, for row k: its exchange partner, from 1; negative for
 * both rows of a block of two, the second of which was exchanged. Returns the number of the first block that is zero, or 0.
 */
export function factorLdl(a: Float64Array, at: number, n: number, pivots: Int32Array, to: number): number {
  const index = (i: number, j: number): number => at + i * n + j;
  let code = 0;
  for (let k = 0; k < n; ) {
    const { rows, partner } = choosePivot(a, at, n, k);
    if (rows === 0) {
      if (code === 0) code = k + 1;
      pivots[to + k] = k + 1;
      k++;
      continue;
    }
    const last = k + rows - 1;
    if (partner !== last) {
      exchangeSymmetric(a, at, n, last, partner);
      if (rows === 2) exchange(a, index(k + 1, k), index(partner, k));
    }
    if (rows === 1) eliminateOne(a, at, n, k);
    else eliminateTwo(a, at, n, k);
    for (let i = k; i <= last; i++) pivots[to + i] = rows === 1 ? partner + 1 : -(partner + 1);
    k += rows;
  }
  return code;
}

/** How many rows the next block has, and with which row its last one is exchanged. */
function choosePivot(a: Float64Array, at: number, n: number, k: number): { rows: number; partner: number } {
  const size = (i: number, j: number): number => Math.abs(a[at + i * n + j]);
  const own = size(k, k);
  let row = k;
  let largest = 0;
  for (let i = k + 1; i < n; i++) {
    if (size(i, k) > largest) {
      largest = size(i, k);
      row = i;
    }
  }
  if (Math.max(own, largest) === 0 || Number.isNaN(own)) return { rows: 0, partner: k };
  if (own >= ALPHA * largest) return { rows: 1, partner: k };
  let beside = 0;
  for (let j = k; j < row; j++) beside = Math.max(beside, size(row, j));
  for (let i = row + 1; i < n; i++) beside = Math.max(beside, size(i, row));
  if (own >= ALPHA * largest * (largest / beside)) return { rows: 1, partner: k };
  return { rows: size(row, row) >= ALPHA * beside ? 1 : 2, partner: row };
}

/** Exchanges rows and columns i < j of a symmetric matrix, in its lower triangle from column i on. */
function exchangeSymmetric(a: Float64Array, at: number, n: number, i: number, j: number): void {
  for (let r = j + 1; r < n; r++) exchange(a, at + r * n + i, at + r * n + j);
  for (let c = i + 1; c < j; c++) exchange(a, at + c * n + i, at + j * n + c);
  exchange(a, at + i * n + i, at + j * n + j);
}

function exchange(a: Float64Array, x: number, y: number): void {
  const held = a[x];
  a[x] = a[y];
  a[y] = held;
}

function eliminateOne(a: Float64Array, at: number, n: number, k: number): void {
  const pivot = a[at + k * n + k];
  for (let i = k + 1; i < n; i++) {
    const factor = a[at + i * n + k] / pivot;
    for (let j = k + 1; j <= i; j++) a[at + i * n + j] -= factor * a[at + j * n + k];
  }
  for (let i = k + 1; i < n; i++) a[at + i * n + k] /= pivot;
}

function eliminateTwo(a: Float64Array, at: number, n: number, k: number): void {
  const below = a[at + (k + 1) * n + k];
  const lower = a[at + (k + 1) * (n + 1)] / below;
  const upper = a[at + k * (n + 1)] / below;
  const scale = 1 / (lower * upper - 1) / below;
  for (let j = k + 2; j < n; j++) {
    const first = scale * (lower * a[at + j * n + k] - a[at + j * n + k + 1]);
    const second = scale * (upper * a[at + j * n + k + 1] - a[at + j * n + k]);
    for (let i = j; i < n; i++) {
      a[at + i * n + j] -= a[at + i * n + k] * first + a[at + i * n + k + 1] * second;
    }
    a[at + j * n + k] = first;
    a[at + j * n + k + 1] = second;
  }
}

/** Overwrites the n × columns matrix at `to` of `b` with the solution of A·X = B. */
export function solveLdl(
  ld: Float64Array,
  at: number,
  n: number,
  pivots: ArrayLike<number>,
  b: Float64Array,
  to: number,
  columns: number,
): void {
  const element = (i: number, j: number): number => ld[at + i * n + j];
  /** Row i −= factor·row j. */
  const subtract = (i: number, j: number, factor: number): void => {
    for (let c = 0; c < columns; c++) b[to + i * columns + c] -= factor * b[to + j * columns + c];
  };
  for (let k = 0; k < n; ) {
    if (pivots[k] > 0) {
      if (pivots[k] - 1 !== k) exchangeRows(b, to, columns, k, pivots[k] - 1);
      for (let i = k + 1; i < n; i++) subtract(i, k, element(i, k));
      for (let c = 0; c < columns; c++) b[to + k * columns + c] /= element(k, k);
      k++;
      continue;
    }
    const partner = -pivots[k] - 1;
    if (partner !== k + 1) exchangeRows(b, to, columns, k + 1, partner);
    for (let i = k + 2; i < n; i++) {
      subtract(i, k, element(i, k));
      subtract(i, k + 1, element(i, k + 1));
    }
    const below = element(k + 1, k);
    const [upper, lower] = [element(k, k) / below, element(k + 1, k + 1) / below];
    const determinant = upper * lower - 1;
    for (let c = 0; c < columns; c++) {
      const first = b[to + k * columns + c] / below;
      const second = b[to + (k + 1) * columns + c] / below;
      b[to + k * columns + c] = (lower * first - second) / determinant;
      b[to + (k + 1) * columns + c] = (upper * second - first) / determinant;
    }
    k += 2;
  }
  for (let k = n - 1; k >= 0; ) {
    const rows = pivots[k] > 0 ? 1 : 2;
    for (let j = k - rows + 1; j <= k; j++) for (let i = k + 1; i < n; i++) subtract(j, i, element(i, j));
    const partner = Math.abs(pivots[k]) - 1;
    if (partner !== k) exchangeRows(b, to, columns, k, partner);
    k -= rows;
  }
}
