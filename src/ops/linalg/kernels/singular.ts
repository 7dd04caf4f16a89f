/**
 * Singular value decompositions: Householder reduction to bidiagonal form (of R, where a matrix is far from square), then QR iterations (Golub and
 * Van Loan, "Matrix Computations", 8.6). The steps are those that LAPACK takes up to 25 rows or columns, so that singular vectors have the signs
 * that PyTorch gives them.
 */
import { type Bidiagonal, diagonalize } from './bidiagonal.ts';
import {
  factorQr,
  makeReflection,
  reflectColumns,
  reflectionStrip,
  reflectRows,
  type Strip,
  vectorOf,
} from './householder.ts';
import { Basis, DOUBLE, Rotation, safeScale, SIGNS_UP_TO } from './rotations.ts';

export interface Singular {
  /** In descending order. */
  readonly values: Float64Array;
  /** Rows are left singular vectors; null where they were not asked for. */
  readonly left: Basis | null;
  /** Rows are right singular vectors. */
  readonly right: Basis | null;
  readonly converged: boolean;
}

/** From this ratio of the sides on, QR factors come first. */
const TALL = 11 / 6;

/**
 * The singular values of the m × n matrix at `at` of `a`; with `vectors` also the vectors: min(m, n) of them on each side, or, with 'full', as many as
 * the sides are long. `epsilon` is the relative rounding error of the dtype that the matrix came in.
 */
export function singularValues(
  a: Float64Array,
  at: number,
  m: number,
  n: number,
  vectors: 'none' | 'some' | 'full',
  epsilon: number,
): Singular {
  const wide = m < n;
  const [rows, columns] = wide ? [n, m] : [m, n];
  const matrix = new Float64Array(m * n);
  let largest = 0;
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++) {
      const value = a[at + i * n + j];
      matrix[wide ? j * m + i : i * n + j] = value;
      largest = Math.max(largest, Math.abs(value));
    }
  if (!Number.isFinite(largest)) {
    return { values: new Float64Array(columns), left: null, right: null, converged: false };
  }
  const scale = safeScale(largest);
  if (scale !== 1) for (let i = 0; i < matrix.length; i++) matrix[i] *= scale;
  const wanted = vectors !== 'none';
  const outer = vectors === 'full' ? rows : columns;
  const { form, left, right } = bidiagonalOf(matrix, rows, columns, wide, wanted ? outer : null);
  const { values, converged } = solve(form, left, right, epsilon);
  const unscaled = scale === 1 ? values : values.map((x) => x / scale);
  return { values: unscaled, left, right, converged };
}

interface Reduced {
  readonly form: Bidiagonal;
  readonly left: Basis | null;
  readonly right: Basis | null;
}

/** The reduction of a tall matrix, or of the wide one whose transpose it is; `outer`: the number of vectors on the longer side. */
function bidiagonalOf(
  matrix: Float64Array,
  rows: number,
  columns: number,
  wide: boolean,
  outer: number | null,
): Reduced {
  if (columns > 0 && rows >= Math.floor(columns * TALL) && rows > columns) {
    const tau = factorQr(matrix, 0, rows, columns);
    const square = new Float64Array(columns * columns);
    for (let i = 0; i < columns; i++)
      for (let j = i; j < columns; j++)
        square[wide ? j * columns + i : i * columns + j] = matrix[i * columns + j];
    const inner = bidiagonalize(square, columns, columns, outer === null ? null : columns);
    if (outer === null) return inner;
    const long = wide ? inner.right : inner.left;
    const extended = extend(long as Basis, outer, matrix, rows, columns, tau);
    return wide ? { ...inner, right: extended } : { ...inner, left: extended };
  }
  const { form, left, right } = bidiagonalize(matrix, rows, columns, outer);
  if (!wide) return { form, left, right };
  // The transpose is lower bidiagonal: rotations of its rows make it upper bidiagonal.
  const rotation = new Rotation();
  const { diagonal: d, above: e } = form;
  for (let i = 0; i + 1 < columns; i++) {
    rotation.turn(d[i], e[i]);
    d[i] = rotation.r;
    e[i] = rotation.s * d[i + 1];
    d[i + 1] *= rotation.c;
    right?.rotate(i, i + 1, rotation.c, rotation.s);
  }
  return { form, left: right, right: left };
}

/** The vectors of R as vectors of Q·R, with the further columns of Q up to `count`. */
function extend(
  inner: Basis,
  count: number,
  qr: Float64Array,
  rows: number,
  columns: number,
  tau: Float64Array,
): Basis {
  const basis = Basis.identity(count, rows);
  for (let i = 0; i < columns; i++)
    for (let j = 0; j < columns; j++) basis.data[i * rows + j] = inner.data[i * columns + j];
  for (let j = columns - 1; j >= 0; j--) {
    const v = vectorOf(qr, reflectionStrip(0, rows, columns, j));
    reflectColumns(basis.data, { start: j, width: rows, rows: count, columns: rows - j }, v, tau[j]);
  }
  return basis;
}

interface Reflection {
  readonly v: Float64Array;
  readonly tau: number;
}

/** The upper bidiagonal form of a tall m × n matrix, which is overwritten, and the bases that lead to it. */
function bidiagonalize(a: Float64Array, m: number, n: number, outer: number | null): Reduced {
  const form = { diagonal: new Float64Array(n), above: new Float64Array(Math.max(n - 1, 0)) };
  const fromLeft: Reflection[] = [];
  const fromRight: Reflection[] = [];
  for (let i = 0; i < n; i++) {
    const down: Strip = reflectionStrip(0, m, n, i);
    const tau = makeReflection(a, down);
    const v = vectorOf(a, down);
    form.diagonal[i] = a[down.start];
    fromLeft.push({ v, tau });
    if (i + 1 === n) break;
    reflectRows(a, { start: down.start + 1, width: n, rows: m - i, columns: n - i - 1 }, v, tau);
    const along: Strip = { start: down.start + 1, stride: 1, length: n - i - 1 };
    const tau2 = makeReflection(a, along);
    const v2 = vectorOf(a, along);
    form.above[i] = a[along.start];
    fromRight.push({ v: v2, tau: tau2 });
    reflectColumns(a, { start: along.start + n, width: n, rows: m - i - 1, columns: n - i - 1 }, v2, tau2);
  }
  if (outer === null) return { form, left: null, right: null };
  const left = Basis.identity(outer, m);
  for (let i = n - 1; i >= 0; i--) {
    const { v, tau } = fromLeft[i];
    reflectColumns(
      left.data,
      { start: i * m + i, width: m, rows: Math.max(outer - i, 0), columns: m - i },
      v,
      tau,
    );
  }
  const right = Basis.identity(n, n);
  for (let i = n - 2; i >= 0; i--) {
    const { v, tau } = fromRight[i];
    const size = n - 1 - i;
    reflectColumns(right.data, { start: (i + 1) * (n + 1), width: n, rows: size, columns: size }, v, tau);
  }
  return { form, left, right };
}

function solve(
  form: Bidiagonal,
  left: Basis | null,
  right: Basis | null,
  epsilon: number,
): { values: Float64Array; converged: boolean } {
  const { diagonal, above } = form;
  if (diagonal.length === 1) {
    if (diagonal[0] < 0) left?.negate(0);
    return { values: diagonal.map(Math.abs), converged: true };
  }
  let reference: readonly [Basis, Basis] | null = null;
  if (left !== null && right !== null && epsilon > DOUBLE && diagonal.length <= SIGNS_UP_TO) {
    // The signs are those of iterations that stop at the rounding error of the dtype.
    reference = [left.copy(), right.copy()];
    const copy = { diagonal: diagonal.slice(), above: above.slice() };
    if (!diagonalize(copy, ...reference, epsilon)) reference = null;
  }
  const converged = diagonalize(form, left, right, DOUBLE);
  if (reference !== null && left !== null && right !== null) {
    for (let i = 0; i < diagonal.length; i++) {
      if (!left.opposes(reference[0], i)) continue;
      left.negate(i);
      right.negate(i);
    }
  }
  return { values: diagonal, converged };
}
