/**
 * Exponential functions and logarithms as vector code. How the polynomials were made: functions.ts. Where the comments give an interval and a
 * number, it is the error there.
 */
import type { Vec } from './lanes.ts';
import type { VectorMath } from './math.ts';

const LOG2E = Math.LOG2E;
/** ln 2 as a sum: the first part has 15 significant bits, so that its product with an exponent is exact in float32. */
export const LN2_HIGH = 0.693145751953125;
export const LN2_LOW: number = Math.LN2 - LN2_HIGH;
/** The same for float64: 32 bits. */
export const LN2_HIGH_64 = 0.6931471803691238;
export const LN2_LOW_64 = 1.9082149292705877e-10;

/** (eʳ − 1 − r)/r² on |r| ≤ ln 2/2, times r²: 3.7e-9. */
export const EXP_32: readonly number[] = [
  0.5, 0.16666509211063385, 0.041666362434625626, 0.008370100520551205, 0.0013944284291937947,
];
/** The same in double precision: 4.4e-18. */
export const EXP_64: readonly number[] = [
  0.5000000000000016, 0.16666666666666705, 0.04166666666648943, 0.008333333333303512, 0.0013888888954345527,
  0.00019841269925587122, 2.4801481926172995e-5, 2.755720885407292e-6, 2.763426454196764e-7,
  2.5120241865296675e-8,
];
/** (log(1+f) − f + f²/2)/f³ on √½ − 1 ≤ f ≤ √2 − 1, relative to the logarithm: 7.7e-10. */
const LOG_32 = [
  0.3333331346511841, -0.25000008940696716, 0.20002073049545288, -0.1666799634695053, 0.14220327138900757,
  -0.12406031787395477, 0.1188356801867485, -0.1167144924402237, 0.06750956177711487,
];
/** (log((1+s)/(1−s)) − 2s)/s³ in s², for the same f = 2s/(1−s): 3.1e-18. */
export const LOG_64: readonly number[] = [
  0.6666666666666701, 0.3999999999958442, 0.28571428711580793, 0.22222201268787053, 0.18183441239177256,
  0.1531687758978, 0.1477014734473153,
];
/** The same as LOG_64 where a float32 is made of the result: to 8.1e-10, and 4.8e-12. */
export const LOG_SHORT: readonly number[] = [0.6666677673978422, 0.3997749266131827, 0.2987315245414758];
export const LOG_MIDDLE: readonly number[] = [
  0.6666666564178086, 0.40000336218692994, 0.2853723534035101, 0.23583653460086323,
];
/** Adding and subtracting it rounds doubles to whole numbers, and leaves the number in the low bits. */
const ROUND_64 = 1.5 * 2 ** 52;
const ROUND_32 = 1.5 * 2 ** 23;

/** p · 2ⁿ for whole n (float32 lanes, given as the float and its integer), by two factors, as one alone can be out of range. */
function scale32(m: VectorMath, p: Vec, n: Vec): Vec {
  const half = m.shiftRight('i32', n, 1);
  const rest = m.int('i32', 'sub', n, half);
  const power = (k: Vec): Vec => m.shiftLeft('i32', m.int('i32', 'add', k, m.constant('i32', 127)), 23);
  return m.mul(m.mul(p, power(half)), power(rest));
}

/** The same for doubles, |n| < 2000. Shifts with the sign are slow, so half of n is taken of n + 2048. */
export function scale64(m: VectorMath, p: Vec, n: Vec): Vec {
  const shifted = m.shiftRightZeros('i64', m.int('i64', 'add', n, m.constant('i64', 2048n)), 1);
  const rest = m.int('i64', 'sub', n, shifted);
  const power = (k: Vec, bias: bigint): Vec =>
    m.shiftLeft('i64', m.int('i64', 'add', k, m.constant('i64', bias)), 52);
  return m.mul(m.mul(p, power(shifted, 1023n - 1024n)), power(rest, 1023n + 1024n));
}

/** p · 2ⁿ for doubles where 2ⁿ is a normal number: |n| < 1022. */
export function scaleUsual64(m: VectorMath, p: Vec, n: Vec): Vec {
  return m.mul(p, m.shiftLeft('i64', m.int('i64', 'add', n, m.constant('i64', 1023n)), 52));
}

/**
 * The nearest whole number n of `x`·`by` as a float, and 2ⁿ (times 2 to the power of `shift`). The number is in the low bits of the sum with 1.5·2²³; with
 * the bias of exponents in the same sum, a shift makes it a power of two.
 */
export function nearest32(
  m: VectorMath,
  x: Vec,
  by: number,
  shift = 0,
): { readonly n: Vec; readonly power: Vec } {
  const biased = ROUND_32 + 127 + shift;
  const shifted = by === 1 ? m.add(x, biased) : m.fma(x, by, m.constant('f32', biased));
  return { n: m.sub(shifted, biased), power: m.shiftLeft('i32', shifted, 23) };
}

/** The nearest whole number of float32 lanes below 2²² in size, as a float and as an integer. */
function round32(m: VectorMath, x: Vec): { readonly float: Vec; readonly int: Vec } {
  const shifted = m.add(x, ROUND_32);
  const bits = new Int32Array(new Float32Array([ROUND_32]).buffer)[0];
  return { float: m.sub(shifted, ROUND_32), int: m.int('i32', 'sub', shifted, m.constant('i32', bits)) };
}

export function round64(m: VectorMath, x: Vec): { readonly float: Vec; readonly int: Vec } {
  const shifted = m.add(x, ROUND_64);
  const bits = new BigInt64Array(new Float64Array([ROUND_64]).buffer)[0];
  return { float: m.sub(shifted, ROUND_64), int: m.int('i64', 'sub', shifted, m.constant('i64', bits)) };
}

/** x = n·ln 2 + r for float32; x within the range of exp. */
function reduce32(
  m: VectorMath,
  x: Vec,
): { readonly n: { readonly float: Vec; readonly int: Vec }; readonly r: Vec } {
  const n = round32(m, m.mul(x, LOG2E));
  return { n, r: m.fnma(n.float, LN2_LOW, m.fnma(n.float, LN2_HIGH, x)) };
}

/** eʳ for small r. */
function expOfReduced(m: VectorMath, r: Vec, coefficients: readonly number[]): Vec {
  const q = m.polynomial(r, coefficients);
  return m.add(m.fma(m.mul(r, r), q, r), 1);
}

/** Beyond these results overflow, or are smaller than any float32. */
function clampExp32(m: VectorMath, x: Vec): Vec {
  return m.clamp(x, -104, 89);
}

/** eˣ where it is a normal number: |x| ≤ 87. NaN stays. */
export function expUsual32(m: VectorMath, x: Vec): Vec {
  const { n, power } = nearest32(m, x, LOG2E);
  const r = m.fnma(n, LN2_LOW, m.fnma(n, LN2_HIGH, x));
  return m.mul(m.polynomial(r, [1, 1, ...EXP_32]), power);
}

/** The same anywhere. */
function expAny32(m: VectorMath, x: Vec): Vec {
  const { n, r } = reduce32(m, clampExp32(m, x));
  return scale32(m, expOfReduced(m, r, EXP_32), n.int);
}

export function exp32(m: VectorMath, x: Vec): Vec {
  return m.unlessAny(
    m.compare('gt', m.abs(x), 87),
    () => expUsual32(m, x),
    () => expAny32(m, x),
  );
}

export function exp64(m: VectorMath, given: Vec): Vec {
  const x = m.clamp(given, -746, 710);
  const n = round64(m, m.mul(x, LOG2E));
  const r = m.fnma(n.float, LN2_LOW_64, m.fnma(n.float, LN2_HIGH_64, x));
  return scale64(m, expOfReduced(m, r, EXP_64), n.int);
}

/** eˣ of doubles where the result is for float32, to 4e-9: 0 or too large for one far out. */
export function expForFloat32(m: VectorMath, given: Vec): Vec {
  const x = m.clamp(given, -120, 100);
  const n = round64(m, m.mul(x, LOG2E));
  const r = m.fnma(n.float, Math.LN2, x);
  return scaleUsual64(m, m.polynomial(r, [1, 1, ...EXP_32]), n.int);
}

export function expTwo32(m: VectorMath, given: Vec): Vec {
  return m.unlessAny(
    m.compare('gt', m.abs(given), 126),
    () => {
      const { n, power } = nearest32(m, given, 1);
      return m.mul(m.polynomial(m.mul(m.sub(given, n), Math.LN2), [1, 1, ...EXP_32]), power);
    },
    () => {
      const x = m.clamp(given, -151, 129);
      const n = round32(m, x);
      const r = m.mul(m.sub(x, n.float), Math.LN2);
      return scale32(m, expOfReduced(m, r, EXP_32), n.int);
    },
  );
}

export function expm1_32(m: VectorMath, given: Vec): Vec {
  const x = m.clamp(given, -18, 89);
  const { n, r } = reduce32(m, x);
  const e = m.fma(m.mul(r, r), m.polynomial(r, EXP_32), r);
  // 2·(2ⁿ⁻¹·e + (2ⁿ⁻¹ − ½)): half of it, as 2ⁿ alone may overflow.
  const power = m.shiftLeft('i32', m.int('i32', 'add', n.int, m.constant('i32', 126)), 23);
  const half = m.add(m.mul(power, e), m.sub(power, 0.5));
  // −0 stays.
  return m.select(m.compare('eq', x, 0), x, m.add(half, half));
}

export function expm1_64(m: VectorMath, given: Vec): Vec {
  const x = m.clamp(given, -38, 710);
  const n = round64(m, m.mul(x, LOG2E));
  const r = m.fnma(n.float, LN2_LOW_64, m.fnma(n.float, LN2_HIGH_64, x));
  const e = m.fma(m.mul(r, r), m.polynomial(r, EXP_64), r);
  // As in `expm1_32`.
  const power = m.shiftLeft('i64', m.int('i64', 'add', n.int, m.constant('i64', 1022n)), 52);
  const half = m.add(m.mul(power, e), m.sub(power, 0.5));
  return m.select(m.compare('eq', x, 0), x, m.add(half, half));
}

interface LogParts {
  readonly e: Vec;
  readonly f: Vec;
  readonly square: Vec;
  readonly tail: Vec;
}

/** The parts of log x for float32: x = m·2ᵉ with m near 1; `tail` is log m − f + f²/2 of f = m − 1. For normal numbers x > 0. */
function logPartsUsual32(m: VectorMath, x: Vec): LogParts {
  // The bits of √½.
  const root = 0x3f3504f3;
  const shifted = m.int('i32', 'sub', x, m.constant('i32', root));
  const mantissa = m.int(
    'i32',
    'add',
    m.bits('and', shifted, m.constant('i32', 0x007fffff)),
    m.constant('i32', root),
  );
  const e = m.fromInt32(m.shiftRight('i32', shifted, 23));
  const f = m.sub(mantissa, 1);
  const square = m.mul(f, f);
  return { e, f, square, tail: m.mul(m.mul(square, f), m.polynomial(f, LOG_32)) };
}

/** The same for x > 0. */
function logParts32(m: VectorMath, x: Vec): LogParts {
  const tiny = m.compare('lt', x, 2 ** -126);
  const parts = logPartsUsual32(m, m.select(tiny, m.mul(x, 2 ** 23), x));
  return { ...parts, e: m.sub(parts.e, m.bits('and', tiny, m.constant('f32', 23))) };
}

/** Is x anything but a normal number > 0? With this added to the bits, as integers, all others lie above those. */
function isUnusual32(m: VectorMath, x: Vec): Vec {
  const moved = m.int('i32', 'add', x, m.constant('i32', 0x80000000 - 0x00800000));
  return m.lanes.apply('i32', 'i32x4.gt_s', moved, m.constant('i32', -0x01000001));
}

/** Puts in what logarithms are outside (0, ∞). */
function logEdges(m: VectorMath, x: Vec, value: Vec): Vec {
  const finite = m.select(m.compare('lt', x, Number.POSITIVE_INFINITY), value, x);
  const positive = m.select(m.compare('eq', x, 0), m.constant(m.type, Number.NEGATIVE_INFINITY), finite);
  // NaN for negative numbers.
  return m.select(m.compare('lt', x, 0), m.constant(m.type, Number.NaN), positive);
}

function logOfParts(m: VectorMath, { e, f, square, tail }: LogParts): Vec {
  const low = m.fma(e, LN2_LOW, m.fnma(square, 0.5, tail));
  return m.fma(e, LN2_HIGH, m.add(f, low));
}

export function log32(m: VectorMath, x: Vec): Vec {
  return m.unlessAny(
    isUnusual32(m, x),
    () => logOfParts(m, logPartsUsual32(m, x)),
    () => logEdges(m, x, logOfParts(m, logParts32(m, x))),
  );
}

/** Logarithms to another base: `perNat` = 1/ln base; the exponent counts log_base 2 (high and low part) each. */
export function logBase32(
  perNat: number,
  high: number,
  low: number,
): (m: VectorMath, args: readonly Vec[]) => Vec {
  // A high part with few bits keeps its product with f exact enough.
  const top = Math.fround(Math.round(perNat * 2 ** 10) / 2 ** 10);
  const rest = perNat - top;
  const ofParts = (m: VectorMath, { e, f, square, tail }: LogParts): Vec => {
    // log(1+f) as a sum of a part with 12 bits and the rest, so that nothing is lost in the product.
    const body = m.add(f, m.fnma(square, 0.5, tail));
    const first = m.bits('and', body, m.constant('i32', -4096));
    const second = m.add(m.sub(f, first), m.fnma(square, 0.5, tail));
    const small = m.fma(e, low, m.fma(second, perNat, m.mul(first, rest)));
    return m.fma(e, high, m.fma(first, top, small));
  };
  return (m, [x]) =>
    m.unlessAny(
      isUnusual32(m, x),
      () => ofParts(m, logPartsUsual32(m, x)),
      () => logEdges(m, x, ofParts(m, logParts32(m, x))),
    );
}

export function log1p32(m: VectorMath, x: Vec): Vec {
  const u = m.add(x, 1);
  const correction = m.div(m.sub(x, m.sub(u, 1)), u);
  // x itself where it is too small to change 1, which also keeps −0.
  const tiny = m.compare('lt', m.abs(x), 2 ** -25);
  return m.unlessAny(
    isUnusual32(m, u),
    () => m.select(tiny, x, m.add(logOfParts(m, logPartsUsual32(m, u)), correction)),
    () => m.select(tiny, x, logEdges(m, u, m.add(logOfParts(m, logParts32(m, u)), correction))),
  );
}

/** log x of doubles, with these coefficients for the logarithm of the mantissa. */
export function log64(m: VectorMath, x: Vec, coefficients: readonly number[] = LOG_64): Vec {
  return logEdges(m, x, log64Finite(m, x, coefficients));
}

interface LogParts64 {
  readonly e: Vec;
  readonly f: Vec;
  /** f²/2 */
  readonly half: Vec;
  /** log(1+f) − f + f²/2 */
  readonly tail: Vec;
}

/** A double x > 0 as (1+f)·2ᵉ with 1+f near 1. */
interface LogMantissa64 {
  readonly e: Vec;
  readonly f: Vec;
}

/** Of normal numbers. */
function logMantissa64(m: VectorMath, x: Vec): LogMantissa64 {
  const root = 0x3fe6a09e667f3bcdn;
  const shifted = m.int('i64', 'sub', x, m.constant('i64', root));
  const mantissa = m.int(
    'i64',
    'add',
    m.bits('and', shifted, m.constant('i64', 0x000fffffffffffffn)),
    m.constant('i64', root),
  );
  // The exponent, and 1023 so that it is no negative number, into the low bits of 2⁵².
  const biased = m.int('i64', 'add', shifted, m.constant('i64', 1023n << 52n));
  const exponent = m.bits('or', m.shiftRightZeros('i64', biased, 52), m.constant('f64', 2 ** 52));
  return { e: m.sub(exponent, 2 ** 52 + 1023), f: m.sub(mantissa, 1) };
}

/** Of any number > 0. */
export function logMantissaAny64(m: VectorMath, x: Vec): LogMantissa64 {
  const tiny = m.compare('lt', x, 2 ** -1022);
  const { e, f } = logMantissa64(m, m.select(tiny, m.mul(x, 2 ** 54), x));
  return { e: m.sub(e, m.bits('and', tiny, m.constant('f64', 54))), f };
}

function logParts64(m: VectorMath, { e, f }: LogMantissa64, coefficients: readonly number[]): LogParts64 {
  // log(1+f) = 2s + s³R = f − (f²/2 − s·(f²/2 + s²R)), s = f/(2+f).
  const s = m.div(f, m.add(f, 2));
  const z = m.mul(s, s);
  const half = m.mul(m.mul(f, f), 0.5);
  const r = m.mul(z, m.polynomial(z, coefficients));
  return { e, f, half, tail: m.mul(s, m.add(half, r)) };
}

function logOfParts64(m: VectorMath, { e, f, half, tail }: LogParts64): Vec {
  return m.fma(e, LN2_HIGH_64, m.sub(f, m.sub(half, m.fma(e, LN2_LOW_64, tail))));
}

export function log64Finite(m: VectorMath, x: Vec, coefficients: readonly number[]): Vec {
  return logOfParts64(m, logParts64(m, logMantissaAny64(m, x), coefficients));
}

/** log x of normal doubles x > 0. */
export function log64Usual(m: VectorMath, x: Vec, coefficients: readonly number[]): Vec {
  return logOfParts64(m, logParts64(m, logMantissa64(m, x), coefficients));
}

/**
 * Logarithms of doubles to another base: `perNat` = 1/ln base as a sum whose first part has 21 bits; the exponent counts log_base 2, whose first
 * part's product with it is exact.
 */
export function logBase64(
  perNat: readonly [number, number],
  perExponent: readonly [number, number],
): (m: VectorMath, args: readonly Vec[]) => Vec {
  return (m, [x]) => {
    const { e, f, half, tail } = logParts64(m, logMantissaAny64(m, x), LOG_64);
    // The first 21 bits of log(1+f) or so, and the rest.
    const first = m.bits('and', m.sub(f, half), m.constant('i64', -(2n ** 32n)));
    const second = m.add(m.sub(m.sub(f, first), half), tail);
    const low = m.fma(m.add(first, second), perNat[1], m.fma(second, perNat[0], m.mul(e, perExponent[1])));
    const high = m.mul(first, perNat[0]);
    const whole = m.mul(e, perExponent[0]);
    const sum = m.add(whole, high);
    return logEdges(m, x, m.add(sum, m.add(m.add(m.sub(whole, sum), high), low)));
  };
}

export function log1p64(m: VectorMath, x: Vec): Vec {
  const u = m.add(x, 1);
  // What u has lost, where x < 1 and where 1 is the smaller one.
  const lost = m.select(m.compare('lt', x, 1), m.sub(x, m.sub(u, 1)), m.sub(1, m.sub(u, x)));
  const value = logEdges(m, u, m.add(log64Finite(m, u, LOG_64), m.div(lost, u)));
  // x itself where it is too small to change 1, which also keeps −0; no correction at ∞.
  const finite = m.select(m.compare('lt', u, Number.POSITIVE_INFINITY), value, u);
  return m.select(m.compare('lt', m.abs(x), 2 ** -54), x, finite);
}

export function expTwo64(m: VectorMath, given: Vec): Vec {
  const x = m.clamp(given, -1076, 1025);
  const n = round64(m, x);
  return scale64(m, expOfReduced(m, m.mul(m.sub(x, n.float), Math.LN2), EXP_64), n.int);
}
