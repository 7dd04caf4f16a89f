/** Cholesky factors and triangular systems (Golub and Van Loan, "Matrix Computations", 3.1 and 4.2), on matrices in row-major order. */

/**
 * Overwrites the lower triangle of the n × n matrix at `at` of `a` (and reads nothing else) with L, L·Lᵀ = A. Returns the order of the first
 * leading minor that is not positive, or 0.
 */
export function factorCholesky(a: Float64Array, at: number, n: number): number {
  for (let i = 0; i < n; i++) {
    const row = at + i * n;
    for (let j = 0; j < i; j++) {
      const other = at + j * n;
      let sum = a[row + j];
      for (let k = 0; k < j; k++) sum -= a[row + k] * a[other + k];
      a[row + j] = sum / a[other + j];
    }
    let square = a[row + i];
    for (let k = 0; k < i; k++) square -= a[row + k] * a[row + k];
    if (!(square > 0)) return i + 1;
    a[row + i] = Math.sqrt(square);
  }
  return 0;
}

/** A triangular matrix inside a square one. */
export interface Triangle {
  readonly upper: boolean;
  /** Ones stand for the diagonal. */
  readonly unit: boolean;
}

/** Overwrites the n × columns matrix at `to` of `b` with the solution of T·X = B. Divides by zero where T is singular. */
export function solveTriangle(
  t: Float64Array,
  at: number,
  n: number,
  { upper, unit }: Triangle,
  b: Float64Array,
  to: number,
  columns: number,
): void {
  for (let step = 0; step < n; step++) {
    const i = upper ? n - 1 - step : step;
    const [first, last] = upper ? [i + 1, n] : [0, i];
    for (let k = first; k < last; k++) {
      const factor = t[at + i * n + k];
      for (let c = 0; c < columns; c++) b[to + i * columns + c] -= factor * b[to + k * columns + c];
    }
    if (unit) continue;
    const divisor = t[at + i * n + i];
    for (let c = 0; c < columns; c++) b[to + i * columns + c] /= divisor;
  }
}
