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
  }
  return value;
}

/** All four kinds of Chebyshev polynomials obey pₖ₊₁ = 2x·pₖ − pₖ₋₁ and differ in p₁. */
function chebyshev(x: number, n: number, first: number): number {
  return recurrence(n, first, (_, p, q) => 2 * x * p - q);
}

/** Degrees from which cosines are quicker and, for huge ones, the only way. */
const MANY = 64;

export function chebyshevPolynomialT(x: number, n: number): number {
  const degree = Math.trunc(n);
  if (degree > MANY && Math.abs(x) <= 1) return Math.cos(degree * Math.acos(x));
  return chebyshev(x, n, x);
}

export function chebyshevPolynomialU(x: number, n: number): number {
  const degree = Math.trunc(n);
  if (degree > MANY && Math.abs(x) < 1) return Math.sin((degree + 1) * Math.acos(x)) / Math.sin(Math.acos(x));
  return chebyshev(x, n, 2 * x);
}

export function chebyshevPolynomialV(x: number, n: number): number {
  const degree = Math.trunc(n);
  if (degree > MANY && Math.abs(x) < 1) {
    return Math.cos((degree + 0.5) * Math.acos(x)) / Math.cos(Math.acos(x) / 2);
  }
  return chebyshev(x, n, 2 * x - 1);
}

export function chebyshevPolynomialW(x: number, n: number): number {
  const degree = Math.trunc(n);
  if (degree > MANY && Math.abs(x) < 1) {
    return Math.sin((degree + 0.5) * Math.acos(x)) / Math.sin(Math.acos(x) / 2);
  }
  return chebyshev(x, n, 2 * x + 1);
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
