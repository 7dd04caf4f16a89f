/**
 * Orthogonal polynomials of whole degree n by their three-term recurrences (https://dlmf.nist.gov/18.9): 0 for negative degrees,
 * as in PyTorch. The degree is cut to a whole number.
 */

/** p₀ = 1, p₁ = first, pₖ₊₁ = next(k, pₖ, pₖ₋₁). */
function recurrence(n: number, first: number, next: (k: number, p: number, q: number) => number): number {
  const degree = Math.trunc(n);
  if (!(degree >= 0)) return 0;
  if (degree === 0) return 1;
  let before = 1;
  let value = first;
  for (let k = 1; k < degree; k++) {
    const after = next(k, value, before);
    before = value;
    value = after;
    // After an overflow nothing changes any more.
    if (Number.isNaN(value)) break;
  }
  return value;
}

/** All four kinds of Chebyshev polynomials obey pₖ₊₁ = 2x·pₖ − pₖ₋₁ and differ in p₁. */
function chebyshev(x: number, n: number, first: number): number {
  return recurrence(n, first, (_, p, q) => 2 * x * p - q);
}

/** Degrees from which closed forms are quicker, and for huge ones the only way. */
const MANY = 64;

/**
 * The closed form of a polynomial of high degree: `inside` of θ = acos x between −1 and 1, `outside` of θ = acosh |x| beyond, where
 * the sign at −x is that of (−1)ⁿ. At the ends the recurrence is exact.
 */
function closed(
  x: number,
  degree: number,
  inside: (theta: number) => number,
  outside: (theta: number) => number,
): number {
  const size = Math.abs(x);
  if (size < 1) return inside(Math.acos(x));
  return (x < 0 && degree % 2 === 1 ? -1 : 1) * outside(Math.acosh(size));
}

/** sinh(aθ)/sinh(bθ), and its limit a/b at 0. */
function sinhRatio(a: number, b: number, theta: number): number {
  return theta === 0 ? a / b : Math.sinh(a * theta) / Math.sinh(b * theta);
}

/** cosh(aθ)/cosh(bθ) */
function coshRatio(a: number, b: number, theta: number): number {
  return Math.cosh(a * theta) / Math.cosh(b * theta);
}

export function chebyshevPolynomialT(x: number, n: number): number {
  const degree = Math.trunc(n);
  if (!(degree > MANY)) return chebyshev(x, n, x);
  return closed(
    x,
    degree,
    (t) => Math.cos(degree * t),
    (t) => Math.cosh(degree * t),
  );
}

export function chebyshevPolynomialU(x: number, n: number): number {
  const degree = Math.trunc(n);
  if (!(degree > MANY)) return chebyshev(x, n, 2 * x);
  return closed(
    x,
    degree,
    (t) => Math.sin((degree + 1) * t) / Math.sin(t),
    (t) => sinhRatio(degree + 1, 1, t),
  );
}

export function chebyshevPolynomialV(x: number, n: number): number {
  const degree = Math.trunc(n);
  if (!(degree > MANY)) return chebyshev(x, n, 2 * x - 1);
  // Vₙ(−x) = (−1)ⁿ·Wₙ(x)
  return closed(
    x,
    degree,
    (t) => Math.cos((degree + 0.5) * t) / Math.cos(t / 2),
    (t) => (x > 0 ? coshRatio : sinhRatio)(degree + 0.5, 0.5, t),
  );
}

export function chebyshevPolynomialW(x: number, n: number): number {
  const degree = Math.trunc(n);
  if (!(degree > MANY)) return chebyshev(x, n, 2 * x + 1);
  return closed(
    x,
    degree,
    (t) => Math.sin((degree + 0.5) * t) / Math.sin(t / 2),
    (t) => (x > 0 ? sinhRatio : coshRatio)(degree + 0.5, 0.5, t),
  );
}

export function hermitePolynomialH(x: number, n: number): number {
  return recurrence(n, 2 * x, (k, p, q) => 2 * x * p - 2 * k * q);
}

export function hermitePolynomialHe(x: number, n: number): number {
  return recurrence(n, x, (k, p, q) => x * p - k * q);
}

export function laguerrePolynomialL(x: number, n: number): number {
  return recurrence(n, 1 - x, (k, p, q) => ((2 * k + 1 - x) * p - k * q) / (k + 1));
}

export function legendrePolynomialP(x: number, n: number): number {
  return recurrence(n, x, (k, p, q) => ((2 * k + 1) * x * p - k * q) / (k + 1));
}
