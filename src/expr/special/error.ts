/**
 * The error function and its relatives, and the normal distribution. Definitions: https://dlmf.nist.gov/7
 *
 * Everything rests on two sums: erf's Maclaurin series for |x| ≤ 1, and one Chebyshev series for the scaled complement
 * erfcx(x) = e^(x²)·erfc(x), which varies slowly over the whole half-line.
 */
import { chebyshevSum, powerSum } from './series.ts';

const TWO_OVER_SQRT_PI = 1.1283791670955126; // 2/√π
const SQRT_PI_OVER_2 = 0.886226925452758; // √π/2

/** erf x = 2/√π · Σ (−1)ⁿ x^(2n+1)/(n!·(2n+1)): the coefficients, in x². Twenty reach 2⁻⁵³ at x = 1. */
const MACLAURIN: readonly number[] = Array.from({ length: 20 }, (_, n) => {
  let c = TWO_OVER_SQRT_PI / (2 * n + 1);
  for (let k = 1; k <= n; k++) c /= -k;
  return c;
});

/**
 * (1 + 2x)·erfcx(x) in t = (x − 3.75)/(x + 3.75), x ≥ 0: Chebyshev coefficients, computed with 60 digits from the values at 200 Chebyshev
 * points; the first one left out is 2.7e-20.
 */
const SCALED: readonly number[] = [
  1.1775789345674017, -0.004590054580646478, -0.08424913336651792, 0.05920993999819189, -0.026658668435305753,
  0.009074997670705265, -0.002413163540417608, 0.0004907758365258086, -6.916973302501207e-5,
  4.13902798607301e-6, 7.74038306619849e-7, -2.1886401049234397e-7, 1.076499946567091e-8,
  4.521959811218287e-9, -7.754400208831351e-10, -6.318088340886684e-11, 2.86879501093067e-11,
  1.9455868545777347e-13, -9.65469674843344e-13, 3.25254814814874e-14, 3.3478119482868056e-14,
  -1.864562880419313e-15, -1.2507950530688648e-15, 7.418235256624044e-17, 5.068148904796111e-17,
  -2.2370566594359995e-18, -2.187342944303018e-18,
];

function erfcxPositive(x: number): number {
  if (x === Number.POSITIVE_INFINITY) return 0;
  return chebyshevSum(SCALED, (x - 3.75) / (x + 3.75)) / (1 + 2 * x);
}

/** e^(−x²): x² is taken apart, so that its rounding (whose effect grows with x²) does no harm. */
function gaussian(x: number): number {
  if (x > 27.3 || x < -27.3) return 0;
  const high = Math.fround(x);
  return Math.exp(-high * high) * Math.exp(-(x - high) * (x + high));
}

/** erf(x) = 2/√π ∫₀ˣ e^(−t²) dt */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (a <= 1) return x * powerSum(MACLAURIN, x * x);
  if (a > 6) return Math.sign(x);
  return Math.sign(x) * (1 - gaussian(a) * erfcxPositive(a));
}

/** 1 − erf(x), to full relative accuracy for large x. */
export function erfc(x: number): number {
  if (x < 0.5) return x < -6 ? 2 : x <= -1 ? 2 - gaussian(x) * erfcxPositive(-x) : 1 - erf(x);
  if (x > 27.3) return 0;
  return gaussian(x) * erfcxPositive(x);
}

/** e^(x²)·erfc(x) */
export function erfcx(x: number): number {
  if (x >= 0) return erfcxPositive(x);
  return 2 / gaussian(x) - erfcxPositive(-x);
}

/** Where erf(x) is `1 − (1 − y²)^½`-like: a closed form within 0.2 % (S. Winitzki, 2008), from log(1 − y²). */
function inverseGuess(logOneMinusSquare: number): number {
  const a = 0.147;
  const h = 2 / (Math.PI * a) + logOneMinusSquare / 2;
  return Math.sqrt(Math.sqrt(h * h - logOneMinusSquare / a) - h);
}

/** One step of Halley's method for erf or erfc: `u` is Newton's correction, the second derivative is −2x times the first. */
function halley(x: number, u: number): number {
  return x - u / (1 + x * u);
}

/** The x ≥ 0 with erf(x) = y (given with its complement 1 − y, which may be known more exactly). */
function inverseOf(y: number, complement: number): number {
  if (complement <= 0) return complement === 0 ? Number.POSITIVE_INFINITY : Number.NaN;
  let x = inverseGuess(complement < 0.5 ? Math.log(complement) + Math.log1p(y) : Math.log1p(-y * y));
  const logComplement = Math.log(complement);
  for (let i = 0; i < 6; i++) {
    const u =
      y < 0.5
        ? ((erf(x) - y) * SQRT_PI_OVER_2) / gaussian(x)
        : // (erfc(x) − complement)/erfc′(x), both scaled by e^(x²)
          (Math.exp(x * x + logComplement) - erfcxPositive(x)) * SQRT_PI_OVER_2;
    const before = x;
    x = halley(x, u);
    // Each step triples the digits.
    if (Math.abs(x - before) < 1e-6 * x) break;
  }
  return x;
}

/** The inverse of erf: ±∞ at ±1, NaN beyond. */
export function erfinv(y: number): number {
  if (y === 0 || Number.isNaN(y)) return y;
  const a = Math.abs(y);
  return Math.sign(y) * inverseOf(a, 1 - a);
}

/** The inverse of erfc on [0, 2]. */
export function erfcinv(p: number): number {
  if (p === 1) return 0;
  return p < 1 ? inverseOf(1 - p, p) : -inverseOf(p - 1, 2 - p);
}

/** The inverse of the standard normal distribution function. */
export function ndtri(p: number): number {
  if (Number.isNaN(p) || p < 0 || p > 1) return Number.NaN;
  return -Math.SQRT2 * (p < 0.5 ? erfcinv(2 * p) : -erfcinv(2 * (1 - p)));
}

/** The logarithm of the standard normal distribution function. */
export function logNdtr(x: number): number {
  const t = x * Math.SQRT1_2;
  return x < -1 ? Math.log(erfcx(-t) / 2) - t * t : Math.log1p(-erfc(t) / 2);
}
