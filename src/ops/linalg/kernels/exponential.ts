/**
 * The exponential of a matrix by scaling, squaring and the Padé approximant of degree 13 (Higham 2005, "The scaling and squaring method for the matrix
 * exponential revisited"), on matrices in row-major order.
 */
import { factorLu, solveLu } from './lu.ts';

/** The approximant is accurate to the last bit of float64 up to this norm (Higham 2005, table 2.3). */
const THETA = 5.371920351148152;
const DEGREE = 13;

/** Coefficients of the numerator: (2q − j)!·q! / ((2q)!·j!·(q − j)!), relative to the first. */
const COEFFICIENTS: Float64Array = (() => {
  const c = new Float64Array(DEGREE + 1).fill(1);
  for (let j = 1; j <= DEGREE; j++) c[j] = (c[j - 1] * (DEGREE - j + 1)) / (j * (2 * DEGREE - j + 1));
  return c;
})();

/** exp of an n × n matrix. */
export function matrixExponential(a: Float64Array, n: number): Float64Array {
  let norm = 0;
  for (let j = 0; j < n; j++) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += Math.abs(a[i * n + j]);
    norm = sum > norm || Number.isNaN(sum) ? sum : norm;
  }
  if (!Number.isFinite(norm)) return new Float64Array(n * n).fill(Number.NaN);
  const squarings = norm > THETA ? Math.ceil(Math.log2(norm / THETA)) : 0;
  const x = a.map((value) => value * 2 ** -squarings);
  let result = rational(x, n);
  for (let i = 0; i < squarings; i++) result = multiply(result, result, n);
  return result;
}

/** The Padé approximant: (V − U)⁻¹·(V + U), U the odd and V the even powers. */
function rational(x: Float64Array, n: number): Float64Array {
  const x2 = multiply(x, x, n);
  const x4 = multiply(x2, x2, n);
  const x6 = multiply(x4, x2, n);
  /** c[first]·1 + c[first + 2]·x² + c[first + 4]·x⁴ + c[first + 6]·x⁶, then x⁶ times the next three of these. */
  const polynomial = (first: number): Float64Array => {
    const c = (i: number): number => COEFFICIENTS[first + 2 * i] ?? 0;
    const high = x2.map((value, i) => c(4) * value + c(5) * x4[i] + c(6) * x6[i]);
    const sum = multiply(x6, high, n);
    for (let i = 0; i < sum.length; i++) sum[i] += c(1) * x2[i] + c(2) * x4[i] + c(3) * x6[i];
    for (let i = 0; i < n; i++) sum[i * (n + 1)] += c(0);
    return sum;
  };
  const even = polynomial(0);
  const odd = multiply(x, polynomial(1), n);
  const below = even.map((value, i) => value - odd[i]);
  const above = even.map((value, i) => value + odd[i]);
  const { rows } = factorLu(below, 0, n, n);
  solveLu(below, 0, n, rows, above, 0, n);
  return above;
}

function multiply(a: Float64Array, b: Float64Array, n: number): Float64Array {
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let k = 0; k < n; k++) {
      const factor = a[i * n + k];
      for (let j = 0; j < n; j++) out[i * n + j] += factor * b[k * n + j];
    }
  return out;
}
