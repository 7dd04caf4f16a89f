/**
 * Householder reflections I − τ·v·vᵀ with v₀ = 1, and the QR factors made of them (Golub and Van Loan, "Matrix Computations", 5.1 and 5.2), with
 * LAPACK's signs and LAPACK's storage: R on and above the diagonal, the rest of each v below it. Matrices are in row-major order.
 */

/** The part of an array that a vector occupies. */
export interface Strip {
  readonly start: number;
  readonly stride: number;
  readonly length: number;
}

/**
 * Makes the reflection that turns a vector into (β, 0, …, 0), β of the opposite sign of its head: overwrites the head with β and the rest with
 * that of v. Returns τ; it is 0 where there is nothing to eliminate.
 */
export function makeReflection(a: Float64Array, { start, stride, length }: Strip): number {
  let scale = 0;
  for (let i = 1; i < length; i++) scale = larger(scale, Math.abs(a[start + i * stride]));
  if (scale === 0) return 0;
  const head = a[start];
  scale = larger(scale, Math.abs(head));
  let squares = 0;
  for (let i = 0; i < length; i++) squares += (a[start + i * stride] / scale) ** 2;
  const norm = scale * Math.sqrt(squares);
  const beta = head >= 0 ? -norm : norm;
  for (let i = 1; i < length; i++) a[start + i * stride] /= head - beta;
  a[start] = beta;
  return (beta - head) / beta;
}

/** The larger of two; NaN where one is. */
function larger(a: number, b: number): number {
  return b > a || Number.isNaN(b) ? b : a;
}

/** v itself, its head 1. */
export function vectorOf(a: Float64Array, { start, stride, length }: Strip): Float64Array {
  const v = new Float64Array(length);
  for (let i = 1; i < length; i++) v[i] = a[start + i * stride];
  if (length > 0) v[0] = 1;
  return v;
}

/** A block of a matrix: its first element, the width of the whole, and its size. */
export interface Block {
  readonly start: number;
  readonly width: number;
  readonly rows: number;
  readonly columns: number;
}

/** Overwrites a block C of `v.length` rows with (I − τ·v·vᵀ)·C. */
export function reflectRows(a: Float64Array, block: Block, v: Float64Array, tau: number): void {
  if (tau === 0) return;
  const { start, width, rows, columns } = block;
  const dots = new Float64Array(columns);
  for (let i = 0; i < rows; i++) {
    const row = start + i * width;
    for (let c = 0; c < columns; c++) dots[c] += v[i] * a[row + c];
  }
  for (let i = 0; i < rows; i++) {
    const row = start + i * width;
    const factor = tau * v[i];
    for (let c = 0; c < columns; c++) a[row + c] -= factor * dots[c];
  }
}

/** Overwrites a block C of `v.length` columns with C·(I − τ·v·vᵀ). */
export function reflectColumns(a: Float64Array, block: Block, v: Float64Array, tau: number): void {
  if (tau === 0) return;
  const { start, width, rows, columns } = block;
  for (let i = 0; i < rows; i++) {
    const row = start + i * width;
    let dot = 0;
    for (let c = 0; c < columns; c++) dot += v[c] * a[row + c];
    dot *= tau;
    for (let c = 0; c < columns; c++) a[row + c] -= dot * v[c];
  }
}

/** Where the vector of reflection j of an m × n matrix at `at` lies. */
export function reflectionStrip(at: number, m: number, n: number, j: number): Strip {
  return { start: at + j * n + j, stride: n, length: m - j };
}

/** Factors the m × n matrix at `at` of `a` in place; returns the factors τ. */
export function factorQr(a: Float64Array, at: number, m: number, n: number): Float64Array {
  const tau = new Float64Array(Math.min(m, n));
  for (let j = 0; j < tau.length; j++) {
    const strip = reflectionStrip(at, m, n, j);
    tau[j] = makeReflection(a, strip);
    if (j + 1 === n) break;
    const block = { start: strip.start + 1, width: n, rows: m - j, columns: n - j - 1 };
    reflectRows(a, block, vectorOf(a, strip), tau[j]);
  }
  return tau;
}

/**
 * Writes the first k columns of Q = H₀·H₁·… to the m × k matrix at `to` of `q`. The reflections are those of the first `tau.length` columns of the
 * m × n matrix at `at` of `a`.
 */
export function formQ(
  a: Float64Array,
  at: number,
  m: number,
  n: number,
  tau: ArrayLike<number>,
  q: Float64Array,
  to: number,
  k: number,
): void {
  for (let i = 0; i < m; i++) for (let c = 0; c < k; c++) q[to + i * k + c] = i === c ? 1 : 0;
  for (let j = tau.length - 1; j >= 0; j--) {
    const v = vectorOf(a, reflectionStrip(at, m, n, j));
    // Columns before j are still those of the identity, with zeros from row j on.
    const first = Math.min(j, k);
    reflectRows(q, { start: to + j * k + first, width: k, rows: m - j, columns: k - first }, v, tau[j]);
  }
}
