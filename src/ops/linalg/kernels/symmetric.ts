/**
 * Eigenvalues and eigenvectors of symmetric matrices: Householder reduction to tridiagonal form, then implicit QL or QR iterations with Wilkinson's
 * shift (Golub and Van Loan, "Matrix Computations", 8.3; Anderson et al., "LAPACK Users' Guide", 2.4.4).
 *
 * The steps are those that LAPACK takes up to 25 rows, so that eigenvectors have the signs that PyTorch gives them.
 */
import { makeReflection, reflectColumns, type Strip, vectorOf } from './householder.ts';
import { Basis, DOUBLE, Rotation, SAFE_MINIMUM, safeScale, SIGNS_UP_TO, withSign } from './rotations.ts';

export interface Eigen {
  /** In ascending order. */
  readonly values: Float64Array;
  /** Row i is the eigenvector of value i; null where they were not asked for. */
  readonly vectors: Float64Array | null;
  /** How many off-diagonal elements did not vanish. */
  readonly failed: number;
}

/** Iterations per eigenvalue before giving up. */
const ITERATIONS = 30;

interface Tridiagonal {
  readonly diagonal: Float64Array;
  /** The elements beside the diagonal. */
  readonly beside: Float64Array;
}

/**
 * The eigenvalues of the n × n matrix at `at` of `a`, of which only the lower (or `upper`) triangle is read. `epsilon` is the relative rounding
 * error of the dtype that the matrix came in.
 */
export function eigenSymmetric(
  a: Float64Array,
  at: number,
  n: number,
  upper: boolean,
  wanted: boolean,
  epsilon: number,
): Eigen {
  const matrix = new Float64Array(n * n);
  let largest = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      // The upper triangle is the lower one of the matrix read backwards.
      const value = upper ? a[at + (n - 1 - i) * n + (n - 1 - j)] : a[at + i * n + j];
      matrix[i * n + j] = value;
      matrix[j * n + i] = value;
      largest = Math.max(largest, Math.abs(value));
    }
  }
  const scale = safeScale(largest);
  if (scale !== 1) for (let i = 0; i < matrix.length; i++) matrix[i] *= scale;
  const { form, basis } = tridiagonalize(matrix, n, wanted);
  if (upper) reverse(form, basis);
  let reference: Basis | null = null;
  if (basis !== null && epsilon > DOUBLE && n <= SIGNS_UP_TO) {
    // The signs are those of iterations that stop at the rounding error of the dtype.
    const copy = { diagonal: form.diagonal.slice(), beside: form.beside.slice() };
    reference = basis.copy();
    if (iterate(copy, reference, epsilon) > 0) reference = null;
  }
  const failed = iterate(form, basis, DOUBLE);
  if (reference !== null && basis !== null) {
    for (let i = 0; i < n; i++) if (basis.opposes(reference, i)) basis.negate(i);
  }
  const values = scale === 1 ? form.diagonal : form.diagonal.map((x) => x / scale);
  return { values, vectors: basis === null ? null : basis.data, failed };
}

/** Q·T·Qᵀ of a symmetric matrix, which is overwritten; the rows of the basis are the columns of Q. */
function tridiagonalize(
  a: Float64Array,
  n: number,
  wanted: boolean,
): { form: Tridiagonal; basis: Basis | null } {
  const form = { diagonal: new Float64Array(n), beside: new Float64Array(Math.max(n - 1, 0)) };
  const reflections: { readonly v: Float64Array; readonly tau: number }[] = [];
  for (let i = 0; i + 1 < n; i++) {
    const strip: Strip = { start: (i + 1) * n + i, stride: n, length: n - 1 - i };
    const tau = makeReflection(a, strip);
    const v = vectorOf(a, strip);
    form.beside[i] = a[strip.start];
    form.diagonal[i] = a[i * n + i];
    reflectBothSides(a, n, i + 1, v, tau);
    reflections.push({ v, tau });
  }
  if (n > 0) form.diagonal[n - 1] = a[n * n - 1];
  if (!wanted) return { form, basis: null };
  const basis = Basis.identity(n, n);
  for (let i = reflections.length - 1; i >= 0; i--) {
    const { v, tau } = reflections[i];
    const size = n - 1 - i;
    reflectColumns(basis.data, { start: (i + 1) * (n + 1), width: n, rows: size, columns: size }, v, tau);
  }
  return { form, basis };
}

/** A becomes H·A·H for the lower right block from `first` on: A − v·wᵀ − w·vᵀ with w = τAv − ½τ²(vᵀAv)·v. */
function reflectBothSides(a: Float64Array, n: number, first: number, v: Float64Array, tau: number): void {
  if (tau === 0) return;
  const size = n - first;
  const w = new Float64Array(size);
  let dot = 0;
  for (let i = 0; i < size; i++) {
    const row = (first + i) * n + first;
    let sum = 0;
    for (let j = 0; j < size; j++) sum += a[row + j] * v[j];
    w[i] = tau * sum;
    dot += w[i] * v[i];
  }
  for (let i = 0; i < size; i++) w[i] -= 0.5 * tau * dot * v[i];
  for (let i = 0; i < size; i++) {
    const row = (first + i) * n + first;
    for (let j = 0; j < size; j++) a[row + j] -= v[i] * w[j] + w[i] * v[j];
  }
}

/** The same for the matrix with rows and columns in reverse order. */
function reverse({ diagonal, beside }: Tridiagonal, basis: Basis | null): void {
  diagonal.reverse();
  beside.reverse();
  // Rows and the elements in them.
  basis?.data.reverse();
}

/** Makes the form diagonal, in ascending order, and turns the basis along. Returns how many elements beside the diagonal are left. */
function iterate(form: Tridiagonal, basis: Basis | null, epsilon: number): number {
  const { diagonal: d, beside: e } = form;
  const n = d.length;
  const budget = { left: ITERATIONS * n };
  for (let first = 0; first < n; ) {
    if (first > 0) e[first - 1] = 0;
    let last = first;
    while (last + 1 < n && !isNegligible(d, e, last, epsilon)) last++;
    if (last + 1 < n) e[last] = 0;
    if (last > first && !diagonalizeBlock(form, basis, first, last, epsilon, budget)) {
      return e.reduce((count, x) => (x === 0 ? count : count + 1), 0);
    }
    first = last + 1;
  }
  sortAscending(d, basis);
  return 0;
}

function isNegligible(d: Float64Array, e: Float64Array, i: number, epsilon: number): boolean {
  const size = Math.abs(e[i]);
  return size === 0 || size <= Math.sqrt(Math.abs(d[i])) * Math.sqrt(Math.abs(d[i + 1])) * epsilon;
}

/** Diagonalizes the rows from `first` to `last`, starting at the end where the diagonal is smaller. False where the budget does not suffice. */
function diagonalizeBlock(
  { diagonal: d, beside: e }: Tridiagonal,
  basis: Basis | null,
  first: number,
  last: number,
  epsilon: number,
  budget: { left: number },
): boolean {
  const upwards = Math.abs(d[last]) < Math.abs(d[first]);
  const step = upwards ? -1 : 1;
  const end = upwards ? first : last;
  /** The place in `e` of the element between rows i and i + step. */
  const between = (i: number): number => (upwards ? i - 1 : i);
  const rotation = new Rotation();
  let at = upwards ? last : first;
  while ((end - at) * step >= 0) {
    let far = at;
    while (far !== end) {
      const square = e[between(far)] ** 2;
      if (square <= epsilon * epsilon * Math.abs(d[far]) * Math.abs(d[far + step]) + SAFE_MINIMUM) break;
      far += step;
    }
    if (far !== end) e[between(far)] = 0;
    if (far === at) {
      at += step;
      continue;
    }
    if (far === at + step) {
      const low = Math.min(at, far);
      const { larger, smaller, c, s } = eigenOfTwo(d[low], e[low], d[low + 1]);
      basis?.rotate(low, low + 1, c, s);
      d[low] = larger;
      d[low + 1] = smaller;
      e[low] = 0;
      at += 2 * step;
      continue;
    }
    if (budget.left === 0) return false;
    budget.left--;
    // Wilkinson's shift, then the rotations that chase the bulge from `far` back to `at`.
    const half = (d[at + step] - d[at]) / (2 * e[between(at)]);
    const root = Math.hypot(half, 1);
    let g = d[far] - d[at] + e[between(at)] / (half + withSign(root, half));
    let s = 1;
    let c = 1;
    let p = 0;
    for (let i = far - step; ; i -= step) {
      const f = s * e[between(i)];
      const b = c * e[between(i)];
      rotation.turn(g, f);
      ({ c, s } = rotation);
      if (i !== far - step) e[between(i + step)] = rotation.r;
      g = d[i + step] - p;
      const r = (d[i] - g) * s + 2 * c * b;
      p = s * r;
      d[i + step] = g + p;
      g = c * r - b;
      basis?.rotate(i, i + step, c, -s);
      if (i === at) break;
    }
    d[at] -= p;
    e[between(at)] = g;
  }
  return true;
}

/** The eigenvalues of (a b; b c) by magnitude, and the rotation that diagonalizes it. */
function eigenOfTwo(
  a: number,
  b: number,
  c: number,
): { larger: number; smaller: number; c: number; s: number } {
  const sum = a + c;
  const difference = a - c;
  const twice = b + b;
  const root = Math.hypot(difference, twice);
  const [big, small] = Math.abs(a) > Math.abs(c) ? [a, c] : [c, a];
  let larger = 0.5 * root;
  let smaller = -0.5 * root;
  if (sum !== 0) {
    larger = 0.5 * (sum < 0 ? sum - root : sum + root);
    smaller = (big / larger) * small - (b / larger) * b;
  }
  const signOfSum = sum < 0 ? -1 : 1;
  const signOfDifference = difference >= 0 ? 1 : -1;
  const lean = difference >= 0 ? difference + root : difference - root;
  let cosine = 1;
  let sine = 0;
  if (Math.abs(lean) > Math.abs(twice)) {
    const cotangent = -twice / lean;
    sine = 1 / Math.sqrt(1 + cotangent * cotangent);
    cosine = cotangent * sine;
  } else if (twice !== 0) {
    const tangent = -lean / twice;
    cosine = 1 / Math.sqrt(1 + tangent * tangent);
    sine = tangent * cosine;
  }
  if (signOfSum === signOfDifference) [cosine, sine] = [-sine, cosine];
  return { larger, smaller, c: cosine, s: sine };
}

function sortAscending(d: Float64Array, basis: Basis | null): void {
  for (let i = 0; i + 1 < d.length; i++) {
    let least = i;
    for (let j = i + 1; j < d.length; j++) if (d[j] < d[least]) least = j;
    if (least === i) continue;
    [d[i], d[least]] = [d[least], d[i]];
    basis?.exchange(i, least);
  }
}
