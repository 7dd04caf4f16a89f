/**
 * The gamma function's logarithm, its derivatives, the Hurwitz zeta function and the incomplete gamma functions.
 * Definitions: https://dlmf.nist.gov/5, /8 and /25.11. Results at poles and beyond are PyTorch's.
 */

/** The Bernoulli numbers B₂, B₄, …, B₂₄. */
const BERNOULLI: readonly number[] = [
  1 / 6,
  -1 / 30,
  1 / 42,
  -1 / 30,
  5 / 66,
  -691 / 2730,
  7 / 6,
  -3617 / 510,
  43867 / 798,
  -174611 / 330,
  854513 / 138,
  -236364091 / 2730,
];

const EULER = 0.5772156649015329; // γ
const EPSILON = 2 ** -53;
const HALF_LOG_2PI = 0.9189385332046728; // ½·log 2π

/** sin πx, exact where x is a multiple of ½. */
function sinPi(x: number): number {
  const r = x % 2;
  const sign = r < 0 ? -1 : 1;
  const a = Math.abs(r);
  if (a === 0 || a === 1) return 0;
  const [part, flip] = a > 1 ? [a - 1, -1] : [a, 1];
  return sign * flip * Math.sin(Math.PI * (part > 0.5 ? 1 - part : part));
}

/**
 * ζ(s, q) for s > 1, q > 0: terms until the argument is large, the rest by the Euler–Maclaurin formula
 *   Σ_{k≥0} (a+k)^−s ≈ a^(1−s)/(s−1) + a^−s/2 + Σ_j B₂ⱼ/(2j)!·s(s+1)…(s+2j−2)·a^(1−s−2j)
 */
function hurwitz(s: number, q: number): number {
  let sum = 0;
  let a = q;
  // The formula's terms shrink like ((s + 2j)/(2πa))².
  const enough = Math.max(12, s);
  while (a < enough) {
    const term = a ** -s;
    sum += term;
    if (term <= sum * EPSILON * 2 ** -4) return sum;
    a += 1;
  }
  const base = a ** -s;
  sum += (base * a) / (s - 1) + base / 2;
  let factor = (base * s) / a / 2;
  for (let j = 1; j <= BERNOULLI.length; j++) {
    const term = BERNOULLI[j - 1] * factor;
    sum += term;
    if (Math.abs(term) < Math.abs(sum) * EPSILON) break;
    factor *= ((s + 2 * j - 1) * (s + 2 * j)) / (a * a) / ((2 * j + 1) * (2 * j + 2));
  }
  return sum;
}

/** The Hurwitz zeta function Σ_{k≥0} (q + k)^−s: ∞ at s = 1 and at poles, NaN for s < 1. */
export function zeta(s: number, q: number): number {
  if (Number.isNaN(s) || Number.isNaN(q)) return Number.NaN;
  if (s === 1) return Number.POSITIVE_INFINITY;
  if (s < 1) return Number.NaN;
  if (q > 0) return q === Number.POSITIVE_INFINITY ? 0 : hurwitz(s, q);
  if (q === Math.floor(q)) return Number.POSITIVE_INFINITY;
  // A negative base to a power that is not whole.
  if (s !== Math.floor(s)) return Number.NaN;
  // The terms on both sides of q's fraction, less those below q.
  const f = q - Math.floor(q);
  const sign = s % 2 === 0 ? 1 : -1;
  return hurwitz(s, f) + sign * (hurwitz(s, 1 - f) - hurwitz(s, 1 - q));
}

/** (ζ(k) − 1)/k for k = 2, 3, …: ζ(k) − 1 = ζ(k, 2). */
const ZETA_TAIL: readonly number[] = Array.from({ length: 30 }, (_, i) => hurwitz(i + 2, 2) / (i + 2));

/** log Γ(2 + z), |z| ≤ ½: z(1−γ) + Σ_{k≥2} (−z)^k·(ζ(k) − 1)/k. */
function lgammaNear2(z: number): number {
  let sum = 0;
  for (let i = ZETA_TAIL.length - 1; i >= 0; i--) sum = ZETA_TAIL[i] - z * sum;
  return z * (1 - EULER) + z * z * sum;
}

/** Σ_j B₂ⱼ/(2j(2j−1)·x^(2j−1)): what Stirling's formula for log Γ(x) leaves. x ≥ 8. */
function stirlingRest(x: number): number {
  const y = 1 / (x * x);
  let sum = 0;
  for (let j = 8; j >= 1; j--) sum = sum * y + BERNOULLI[j - 1] / (2 * j * (2 * j - 1));
  return sum / x;
}

/** log |Γ(x)| */
export function lgamma(x: number): number {
  if (Number.isNaN(x)) return x;
  if (!Number.isFinite(x)) return Number.POSITIVE_INFINITY;
  if (x <= 0) {
    if (x === Math.floor(x)) return Number.POSITIVE_INFINITY;
    // |xΓ(x)| is 1 to double precision; the product below would underflow.
    if (x > -(2 ** -60)) return -Math.log(-x);
    return Math.log(Math.PI / Math.abs(x * sinPi(x))) - lgamma(-x);
  }
  if (x < 0.5) return lgammaNear1(x) - Math.log(x);
  if (x < 1.5) return lgammaNear1(x - 1);
  if (x < 2.5) return lgammaNear2(x - 2);
  if (x < 8) {
    let product = 1;
    let y = x;
    while (y >= 2.5) {
      y -= 1;
      product *= y;
    }
    return Math.log(product) + lgammaNear2(y - 2);
  }
  return (x - 0.5) * Math.log(x) - x + HALF_LOG_2PI + stirlingRest(x);
}

/** log Γ(1 + z), −½ ≤ z ≤ ½, to full accuracy near 0. */
function lgammaNear1(z: number): number {
  return lgammaNear2(z) - Math.log1p(z);
}

/** ψ(x) = Γ′(x)/Γ(x): ∓∞ at ±0, NaN at the negative integers. */
export function digamma(x: number): number {
  if (x === 0) return Object.is(x, -0) ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  if (x === Number.NEGATIVE_INFINITY) return Number.NaN;
  if (x === Number.POSITIVE_INFINITY) return x;
  if (x < 0) {
    const f = x - Math.trunc(x);
    if (f === 0) return Number.NaN;
    return digamma(1 - x) - Math.PI / Math.tan(Math.PI * f);
  }
  let shift = 0;
  let y = x;
  while (y < 10) {
    shift -= 1 / y;
    y += 1;
  }
  const z = 1 / (y * y);
  let sum = 0;
  for (let j = 8; j >= 1; j--) sum = (sum + BERNOULLI[j - 1] / (2 * j)) * z;
  return shift + Math.log(y) - 0.5 / y - sum;
}

/** ψ⁽ⁿ⁾(x) = (−1)^(n+1)·n!·ζ(n+1, x) */
export function polygamma(n: number, x: number): number {
  if (n === 0) return digamma(x);
  if (n === 1 && x < 0.5) {
    // Reflection: ψ′(x) + ψ′(1 − x) = π²/sin² πx.
    const s = Math.sin(Math.PI * x);
    return (Math.PI * Math.PI) / (s * s) - hurwitz(2, 1 - x);
  }
  return (n % 2 === 0 ? -1 : 1) * Math.exp(lgamma(n + 1)) * zeta(n + 1, x);
}

/** x/a − 1 − log(x/a), without cancellation where x is near a. */
function logExcess(a: number, x: number): number {
  const m = (x - a) / a;
  if (Math.abs(m) > 0.3) return m - Math.log(x / a);
  // Σ_{k≥2} (−1)^k·m^k/k
  let power = m * m;
  let sum = 0;
  for (let k = 2; k < 60; k++) {
    const term = power / k;
    sum += term;
    if (Math.abs(term) < Math.abs(sum) * EPSILON) break;
    power *= -m;
  }
  return sum;
}

/** x^a·e^(−x)/Γ(a+1) */
function gammaWeight(a: number, x: number): number {
  if (a < 10) return Math.exp(a * Math.log(x) - x - lgamma(a + 1));
  return Math.exp(-a * logExcess(a, x) - stirlingRest(a)) / Math.sqrt(2 * Math.PI * a);
}

/** How many terms a sum may take: enough for a up to about 10¹¹ (terms needed grow like √a). */
const LIMIT = 3_000_000;

/** P(a, x) = weight·(1 + x/(a+1) + x²/((a+1)(a+2)) + …), for x < a + 1. */
function lowerSeries(a: number, x: number): number {
  let term = 1;
  let sum = 1;
  for (let n = 1; n < LIMIT; n++) {
    term *= x / (a + n);
    sum += term;
    if (term < sum * EPSILON) break;
  }
  return gammaWeight(a, x) * sum;
}

/** Q(a, x) by Legendre's continued fraction (modified Lentz), for x ≥ a + 1. */
function upperFraction(a: number, x: number): number {
  const tiny = 1e-300;
  let b = x + 1 - a;
  let c = 1 / tiny;
  let d = 1 / b;
  let h = d;
  for (let n = 1; n < LIMIT; n++) {
    const an = -n * (n - a);
    b += 2;
    d = an * d + b;
    d = 1 / (Math.abs(d) < tiny ? tiny : d);
    c = b + an / c;
    if (Math.abs(c) < tiny) c = tiny;
    const step = c * d;
    h *= step;
    if (Math.abs(step - 1) < 2 * EPSILON) break;
  }
  // x^a·e^(−x)/Γ(a) = a·weight
  return h * a * gammaWeight(a, x);
}

/** Q(a, x) for a < 1 and x < 1.1, where 1 − P would cancel: 1 − x^a/Γ(1+a)·(1 + Σ a(−x)ⁿ/((a+n)·n!)). */
function upperNearZero(a: number, x: number): number {
  const log = a * Math.log(x) - lgammaNearOneToTwo(a);
  let power = 1;
  let sum = 0;
  for (let n = 1; n < 100; n++) {
    power *= -x / n;
    const term = (a * power) / (a + n);
    sum += term;
    if (Math.abs(term) < Math.abs(sum) * EPSILON) break;
  }
  return -Math.expm1(log) - Math.exp(log) * sum;
}

/** log Γ(1 + a), 0 ≤ a < 1, accurate for tiny a. */
function lgammaNearOneToTwo(a: number): number {
  return a <= 0.5 ? lgammaNear1(a) : lgammaNear2(a - 1);
}

/** The regularised lower incomplete gamma function P(a, x). */
export function igamma(a: number, x: number): number {
  if (x < 0 || a < 0) return Number.NaN;
  if (a === 0) return x > 0 ? 1 : Number.NaN;
  if (x === 0) return 0;
  if (a === Number.POSITIVE_INFINITY) return x === Number.POSITIVE_INFINITY ? Number.NaN : 0;
  if (x === Number.POSITIVE_INFINITY) return 1;
  if (Number.isNaN(a) || Number.isNaN(x)) return Number.NaN;
  return x < a + 1 ? lowerSeries(a, x) : 1 - upperFraction(a, x);
}

/** The regularised upper incomplete gamma function Q(a, x) = 1 − P(a, x). */
export function igammac(a: number, x: number): number {
  if (x < 0 || a < 0) return Number.NaN;
  if (a === 0) return x > 0 ? 0 : Number.NaN;
  if (x === 0) return 1;
  if (a === Number.POSITIVE_INFINITY) return x === Number.POSITIVE_INFINITY ? Number.NaN : 1;
  if (x === Number.POSITIVE_INFINITY) return 0;
  if (Number.isNaN(a) || Number.isNaN(x)) return Number.NaN;
  if (a < 1 && x < 1.1) return upperNearZero(a, x);
  return x < a + 1 ? 1 - lowerSeries(a, x) : upperFraction(a, x);
}
