/**
 * Bessel functions of orders 0 and 1, plain and modified, and the Airy function Ai. Definitions: https://dlmf.nist.gov/9 and /10.
 *
 * Each has a power series that serves while its terms do not cancel, and an asymptotic series for large arguments. Between
 * them: J by downward recurrence (Miller), Y by Neumann's series in those J, K by the trapezoidal rule on its integral, Ai by Taylor
 * steps along its differential equation.
 */

const EULER = 0.5772156649015329; // γ
const EPSILON = 2 ** -53;
const LARGE = 25;

/** Σ (±x²/4)^k/(k!·(k+order)!)·(x/2)^order: I for sign 1, J for sign −1. */
function powerSeries(x: number, order: 0 | 1, sign: 1 | -1): number {
  const y = (sign * x * x) / 4;
  let term = order === 0 ? 1 : x / 2;
  let sum = term;
  for (let k = 1; k < 500; k++) {
    term *= y / (k * (k + order));
    sum += term;
    if (Math.abs(term) <= Math.abs(sum) * EPSILON) break;
  }
  return sum;
}

/**
 * Hankel's expansion: the terms aₖ(order)/x^k, aₖ = ∏ (4·order² − (2j−1)²)/(8^k·k!), while they shrink.
 * Index k holds term k.
 */
function hankelTerms(x: number, order: 0 | 1): number[] {
  const terms = [1];
  for (let k = 1; k < 60; k++) {
    const next = (terms[k - 1] * (4 * order - (2 * k - 1) ** 2)) / (8 * k * x);
    if (Math.abs(next) > Math.abs(terms[k - 1]) || Math.abs(next) < 1e-18) break;
    terms.push(next);
  }
  return terms;
}

/** e^(−x)·I(x) for x ≥ 0. */
function scaledI(x: number, order: 0 | 1): number {
  if (x === Number.POSITIVE_INFINITY) return 0;
  if (x < LARGE) return powerSeries(x, order, 1) * Math.exp(-x);
  let sum = 0;
  hankelTerms(x, order).forEach((t, k) => {
    sum += k % 2 === 0 ? t : -t;
  });
  return sum / Math.sqrt(2 * Math.PI * x);
}

/** e^x in two factors, so that a product with a small number does not overflow early. */
function timesExp(value: number, x: number): number {
  const half = Math.exp(x / 2);
  return value * half * half;
}

/** I₀(x); NaN at ±∞ as in PyTorch. */
export function i0(x: number): number {
  const a = Math.abs(x);
  if (a === Number.POSITIVE_INFINITY) return Number.NaN;
  return a < LARGE ? powerSeries(a, 0, 1) : timesExp(scaledI(a, 0), a);
}

/** e^(−|x|)·I₀(x) */
export function i0e(x: number): number {
  return scaledI(Math.abs(x), 0);
}

/** I₁(x); NaN at ±∞ as in PyTorch. */
export function i1(x: number): number {
  const a = Math.abs(x);
  if (a === Number.POSITIVE_INFINITY) return Number.NaN;
  if (a < LARGE) return powerSeries(x, 1, 1);
  return Math.sign(x) * timesExp(scaledI(a, 1), a);
}

/** e^(−|x|)·I₁(x) */
export function i1e(x: number): number {
  return x < 0 ? -scaledI(-x, 1) : scaledI(x, 1);
}

/** J₀, J₁, J₂, … at x, until they vanish: downward recurrence, scaled by 1 = J₀ + 2·(J₂ + J₄ + …). 1 ≤ x < 25. */
function millerJ(x: number): number[] {
  const top = 2 * Math.ceil((x + 8 * Math.cbrt(x) + 16) / 2);
  const j = new Array<number>(top + 2).fill(0);
  j[top] = 1e-200;
  let scale = 0;
  for (let n = top; n >= 1; n--) {
    j[n - 1] = ((2 * n) / x) * j[n] - j[n + 1];
    if ((n - 1) % 2 === 0) scale += n === 1 ? j[0] : 2 * j[n - 1];
  }
  return j.map((v) => v / scale);
}

/** The cosine part P and the sine part Q of Hankel's expansion. */
function hankelParts(x: number, order: 0 | 1): { p: number; q: number } {
  let p = 0;
  let q = 0;
  hankelTerms(x, order).forEach((t, k) => {
    const signed = k % 4 < 2 ? t : -t;
    if (k % 2 === 0) p += signed;
    else q += signed;
  });
  return { p, q };
}

/** cos and sin of x − (order/2 + 1/4)·π, times √2. */
function phase(x: number, order: 0 | 1): { c: number; s: number } {
  const sum = Math.sin(x) + Math.cos(x);
  const difference = Math.sin(x) - Math.cos(x);
  return order === 0 ? { c: sum, s: difference } : { c: difference, s: -sum };
}

function largeJ(x: number, order: 0 | 1): number {
  const { p, q } = hankelParts(x, order);
  const { c, s } = phase(x, order);
  return (p * c - q * s) / Math.sqrt(Math.PI * x);
}

function largeY(x: number, order: 0 | 1): number {
  const { p, q } = hankelParts(x, order);
  const { c, s } = phase(x, order);
  return (p * s + q * c) / Math.sqrt(Math.PI * x);
}

function besselJ(x: number, order: 0 | 1): number {
  if (x < 1) return powerSeries(x, order, -1);
  return x < LARGE ? millerJ(x)[order] : largeJ(x, order);
}

/** J₀(x) */
export function besselJ0(x: number): number {
  return besselJ(Math.abs(x), 0);
}

/** J₁(x) */
export function besselJ1(x: number): number {
  return x < 0 ? -besselJ(-x, 1) : besselJ(x, 1);
}

/** Y₀ or Y₁ for 0 < x < 1 by the power series with harmonic numbers. */
function smallY(x: number, order: 0 | 1): number {
  const y = (-x * x) / 4;
  const log = Math.log(x / 2) + EULER;
  // ψ(k+1) + ψ(k+1+order), less the −γ's, which `log` has.
  let harmonic = order === 0 ? 0 : 1;
  let term = order === 0 ? 1 : x / 2;
  let sum = term * harmonic;
  for (let k = 1; k < 60; k++) {
    term *= y / (k * (k + order));
    harmonic += 1 / k + 1 / (k + order);
    sum += term * harmonic;
    if (Math.abs(term * harmonic) < 1e-19) break;
  }
  const j = powerSeries(x, order, -1);
  return (2 / Math.PI) * log * j - sum / Math.PI - (order === 0 ? 0 : 2 / (Math.PI * x));
}

/** The same for 1 ≤ x < 25 by Neumann's series (DLMF 10.8.2 and its kin of order 1). */
function neumannY(x: number, order: 0 | 1): number {
  const j = millerJ(x);
  const log = Math.log(x / 2) + EULER;
  let sum = 0;
  for (let k = 1; 2 * k + order < j.length; k++) {
    const weight = order === 0 ? 1 / k : (2 * k + 1) / (k * (k + 1));
    sum += (k % 2 === 0 ? weight : -weight) * j[2 * k + order];
  }
  if (order === 0) return (2 / Math.PI) * log * j[0] - (4 / Math.PI) * sum;
  return (2 / Math.PI) * ((log - 1) * j[1] - j[0] / x) - (2 / Math.PI) * sum;
}

function besselY(x: number, order: 0 | 1): number {
  if (Number.isNaN(x) || x < 0) return Number.NaN;
  if (x === 0) return Number.NEGATIVE_INFINITY;
  if (x < 1) return smallY(x, order);
  return x < LARGE ? neumannY(x, order) : largeY(x, order);
}

/** Y₀(x): −∞ at 0, NaN below. */
export function besselY0(x: number): number {
  return besselY(x, 0);
}

/** Y₁(x): −∞ at 0, NaN below. */
export function besselY1(x: number): number {
  return besselY(x, 1);
}

/**
 * e^x·K_order(x) = ∫₀^∞ e^(−x(cosh t − 1))·cosh(order·t) dt by the trapezoidal rule, whose error for this integrand is about
 * e^(x − π²/h), and e^(−2π²/(h²x)) for large x. Any order.
 */
function integralK(x: number, order: number): number {
  const h = Math.min(0.2, 0.55 / Math.sqrt(x));
  let sum = 0.5;
  for (let k = 1; ; k++) {
    const s = Math.sinh((k * h) / 2);
    const exponent = 2 * x * s * s;
    if (exponent > 45) break;
    sum += Math.exp(-exponent) * Math.cosh(order * k * h);
  }
  return sum * h;
}

/** K₀ or K₁ for 0 < x < 1 by the power series with harmonic numbers. */
function smallK(x: number, order: 0 | 1): number {
  const y = (x * x) / 4;
  const log = Math.log(x / 2) + EULER;
  let harmonic = order === 0 ? 0 : 1;
  let term = order === 0 ? 1 : x / 2;
  let sum = term * harmonic;
  for (let k = 1; k < 60; k++) {
    term *= y / (k * (k + order));
    harmonic += 1 / k + 1 / (k + order);
    sum += term * harmonic;
    if (term * harmonic < sum * EPSILON) break;
  }
  const i = powerSeries(x, order, 1);
  return order === 0 ? sum / 2 - log * i : 1 / x + log * i - sum / 2;
}

function scaledK(x: number, order: 0 | 1): number {
  if (Number.isNaN(x) || x < 0) return Number.NaN;
  if (x === 0) return Number.POSITIVE_INFINITY;
  if (x === Number.POSITIVE_INFINITY) return 0;
  return x < 1 ? smallK(x, order) * Math.exp(x) : integralK(x, order);
}

function modifiedK(x: number, order: 0 | 1): number {
  if (x > 0 && x < 1) return smallK(x, order);
  const scaled = scaledK(x, order);
  return x > 0 ? scaled * Math.exp(-x) : scaled;
}

/** K₀(x): ∞ at 0, NaN below. */
export function modifiedBesselK0(x: number): number {
  return modifiedK(x, 0);
}

/** K₁(x): ∞ at 0, NaN below. */
export function modifiedBesselK1(x: number): number {
  return modifiedK(x, 1);
}

/** e^x·K₀(x) */
export function scaledModifiedBesselK0(x: number): number {
  return scaledK(x, 0);
}

/** e^x·K₁(x) */
export function scaledModifiedBesselK1(x: number): number {
  return scaledK(x, 1);
}

/** Ai(0) = 3^(−2/3)/Γ(2/3) and Ai′(0) = −3^(−1/3)/Γ(1/3). */
const AIRY_AT_0 = { value: 0.3550280538878172, slope: -0.2588194037928068 };

/** Ai and Ai′ at x + h from those at x: the Taylor series of y″ = x·y. */
function airyStep(
  x: number,
  { value, slope }: { value: number; slope: number },
  h: number,
): { value: number; slope: number } {
  // (n+2)(n+1)·c[n+2] = x·c[n] + c[n−1]
  const c = [value, slope];
  let nextValue = value + slope * h;
  let nextSlope = slope;
  let power = h;
  for (let n = 0; n < 60; n++) {
    c.push((x * c[n] + (n > 0 ? c[n - 1] : 0)) / ((n + 2) * (n + 1)));
    nextSlope += (n + 2) * c[n + 2] * power;
    power *= h;
    nextValue += c[n + 2] * power;
    if (n > 4 && Math.abs(c[n + 2] * power) + Math.abs(c[n + 1] * power) < 1e-19) break;
  }
  return { value: nextValue, slope: nextSlope };
}

/** Ai(−x) for large x (DLMF 9.7.9). */
function airyFarLeft(x: number): number {
  const z = (2 / 3) * x * Math.sqrt(x);
  let even = 0;
  let odd = 0;
  let u = 1;
  for (let k = 0; k < 40; k++) {
    const signed = k % 4 < 2 ? u : -u;
    if (k % 2 === 0) even += signed;
    else odd += signed;
    const next = (u * ((6 * k + 5) * (6 * k + 3) * (6 * k + 1))) / (216 * (k + 1) * (2 * k + 1)) / z;
    if (next > u || next < 1e-18) break;
    u = next;
  }
  const c = (Math.cos(z) + Math.sin(z)) / Math.SQRT2;
  const s = (Math.sin(z) - Math.cos(z)) / Math.SQRT2;
  return (even * c + odd * s) / (Math.sqrt(Math.PI) * x ** 0.25);
}

/** The Airy function Ai(x); NaN at ±∞ as in PyTorch. */
export function airyAi(x: number): number {
  if (!Number.isFinite(x)) return Number.NaN;
  if (x > 1) {
    const z = (2 / 3) * x * Math.sqrt(x);
    return (Math.sqrt(x / 3) / Math.PI) * Math.exp(-z) * integralK(z, 1 / 3);
  }
  if (x < -9) return airyFarLeft(-x);
  // Steps of at most 1 towards x.
  const steps = Math.max(Math.ceil(Math.abs(x)), 1);
  const h = x / steps;
  let at: { value: number; slope: number } = AIRY_AT_0;
  for (let k = 0; k < steps; k++) at = airyStep(k * h, at, h);
  return at.value;
}
