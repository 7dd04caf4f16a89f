/** LU factors with partial pivoting (Golub and Van Loan, "Matrix Computations", 3.4), on matrices in row-major order. */

export interface Pivots {
  /** Row k was exchanged with row `rows[k]`. */
  readonly rows: Int32Array;
  /** The first column without a pivot, or −1. */
  readonly singular: number;
}

/** Factors the m × n matrix at `at` of `a` in place into L (unit diagonal, below) and U. */
export function factorLu(a: Float64Array, at: number, m: number, n: number): Pivots {
  const steps = Math.min(m, n);
  const rows = new Int32Array(steps);
  let singular = -1;
  for (let k = 0; k < steps; k++) {
    let pivot = k;
    for (let i = k + 1; i < m; i++)
      if (Math.abs(a[at + i * n + k]) > Math.abs(a[at + pivot * n + k])) pivot = i;
    rows[k] = pivot;
    const top = a[at + pivot * n + k];
    if (top === 0) {
      if (singular < 0) singular = k;
      continue;
    }
    if (pivot !== k) exchangeRows(a, at, n, k, pivot);
    for (let i = k + 1; i < m; i++) {
      const factor = a[at + i * n + k] / top;
      a[at + i * n + k] = factor;
      for (let j = k + 1; j < n; j++) a[at + i * n + j] -= factor * a[at + k * n + j];
    }
  }
  return { rows, singular };
}

export function exchangeRows(a: Float64Array, at: number, width: number, i: number, j: number): void {
  for (let c = 0; c < width; c++) {
    const held = a[at + i * width + c];
    a[at + i * width + c] = a[at + j * width + c];
    a[at + j * width + c] = held;
  }
}

/** The order of rows that the exchanges lead to: row i of P·A is row `order[i]` of A. */
export function orderOfRows(rows: ArrayLike<number>, m: number): Int32Array {
  const order = Int32Array.from({ length: m }, (_, i) => i);
  for (let k = 0; k < rows.length; k++) {
    const held = order[k];
    order[k] = order[rows[k]];
    order[rows[k]] = held;
  }
  return order;
}

/** Overwrites the n × columns matrix at `to` of `b` with the solution of A·X = B. Divides by zero where A is singular. */
export function solveLu(
  lu: Float64Array,
  at: number,
  n: number,
  rows: ArrayLike<number>,
  b: Float64Array,
  to: number,
  columns: number,
): void {
  for (let k = 0; k < n; k++) if (rows[k] !== k) exchangeRows(b, to, columns, k, rows[k]);
  for (let i = 0; i < n; i++) subtractRows(lu, at + i * n, 0, i, b, to, i, columns);
  for (let i = n - 1; i >= 0; i--) {
    subtractRows(lu, at + i * n, i + 1, n, b, to, i, columns);
    divideRow(b, to + i * columns, columns, lu[at + i * n + i]);
  }
}

/** Overwrites the matrix at `to` of `b` with the solution of Aᵀ·X = B. */
export function solveLuTransposed(
  lu: Float64Array,
  at: number,
  n: number,
  rows: ArrayLike<number>,
  b: Float64Array,
  to: number,
  columns: number,
): void {
  for (let i = 0; i < n; i++) {
    divideRow(b, to + i * columns, columns, lu[at + i * n + i]);
    for (let j = i + 1; j < n; j++) addToRow(b, to, j, i, -lu[at + i * n + j], columns);
  }
  for (let i = n - 1; i >= 0; i--)
    for (let j = 0; j < i; j++) addToRow(b, to, j, i, -lu[at + i * n + j], columns);
  for (let k = n - 1; k >= 0; k--) if (rows[k] !== k) exchangeRows(b, to, columns, k, rows[k]);
}

/** Row i of b −= Σ factors[k]·(row k), k in [first, last). */
function subtractRows(
  factors: Float64Array,
  from: number,
  first: number,
  last: number,
  b: Float64Array,
  to: number,
  i: number,
  columns: number,
): void {
  for (let k = first; k < last; k++) addToRow(b, to, i, k, -factors[from + k], columns);
}

function addToRow(
  b: Float64Array,
  to: number,
  target: number,
  source: number,
  factor: number,
  columns: number,
): void {
  for (let c = 0; c < columns; c++) b[to + target * columns + c] += factor * b[to + source * columns + c];
}

function divideRow(b: Float64Array, from: number, columns: number, by: number): void {
  for (let c = 0; c < columns; c++) b[from + c] /= by;
}
