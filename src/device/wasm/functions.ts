/**
 * Elementary functions as vector code. Those without a form here are called lane by lane in JavaScript.
 *
 * The polynomials are minimax fits (Lawson's iteration in extended precision, coefficients rounded one after another and the
 * rest fitted again) on the interval that the comment beside them states; the error given is that of the exact polynomial with
 * the rounded coefficients. tests/device/functions.test.ts measures every function against double precision over its whole range.
 */
import type { ComputeType } from '../../base/dtype.ts';
import { remainder32, remainder64 } from './division.ts';
import type { Lanes, Vec } from './lanes.ts';
import { VectorMath } from './math.ts';

/** Computes all lanes; where it cannot do some, `scalar` computes the operands lane by lane in JavaScript. */
type Emit = (m: VectorMath, args: readonly Vec[], scalar: () => Vec) => Vec;

const LOG2E = Math.LOG2E;
/** ln 2 as a sum: the first part has 15 significant bits, so that its product with an exponent is exact in float32. */
const LN2_HIGH = 0.693145751953125;
const LN2_LOW = Math.LN2 - LN2_HIGH;
/** The same for float64: 32 bits. */
const LN2_HIGH_64 = 0.6931471803691238;
const LN2_LOW_64 = 1.9082149292705877e-10;

/** (eʳ − 1 − r)/r² on |r| ≤ ln 2/2, times r²: 3.7e-9. */
const EXP_32 = [0.5, 0.16666509211063385, 0.041666362434625626, 0.008370100520551205, 0.0013944284291937947];
/** The same in double precision: 4.4e-18. */
const EXP_64 = [
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
const LOG_64 = [
  0.6666666666666701, 0.3999999999958442, 0.28571428711580793, 0.22222201268787053, 0.18183441239177256,
  0.1531687758978, 0.1477014734473153,
];
/** (tanh x − x)/x³ in x², on |x| ≤ 0.625: 4.2e-9. */
const TANH_32 = [
  -0.3333328366279602, 0.13331486284732819, -0.05374317243695259, 0.020649708807468414,
  -0.0057162027806043625,
];
/** erf x/x − 1 in x², on |x| ≤ 1.1: 4.8e-9. */
const ERF_32 = [
  0.12837916612625122, -0.37612611055374146, 0.11283364146947861, -0.026843518018722534, 0.005167731549590826,
  -0.0007824748754501343, 7.236114470288157e-5,
];
/** The fourth root of erfc x in x − 2.5, on 1.1 ≤ x ≤ 4.125, for an absolute error of erfc of 1.1e-8. Beyond, erf is 1 in float32. */
const ROOT_ERFC_32 = [
  0.14203278720378876, -0.1900612711906433, 0.09362996369600296, -0.012326853349804878, -0.006503245793282986,
  0.002754931803792715, 0.00010689804812544787, -0.0001756009296514094,
];
/** The same in x, on 0 ≤ x ≤ 3.9375, for 1.1e-8. */
const ROOT_ERFC_FROM_0_32 = [
  1, -0.2820946276187897, -0.11936958879232407, 0.015485002659261227, 0.01855498179793358,
  -0.0011027539148926735, -0.0020556056406348944, 0.00026748719392344356, 0.00011569827620405704,
  -3.366223245393485e-5, 2.592873670437257e-6,
];
/** The fourth root of erfc(x·√½) in x, on 0 ≤ x ≤ 5.5625, for an error of x·erfc(x·√½) of 2.6e-8. */
const ROOT_TAIL_32 = [
  1, -0.19947034120559692, -0.059692103415727615, 0.005501465406268835, 0.004591099452227354,
  -0.00014710765390191227, -0.000285687594441697, 3.415379978832789e-5, 4.945747150486568e-6,
  -1.217105250361783e-6, 6.763957571820356e-8,
];
/** (sin r − r)/r³ and (cos r − 1 + r²/2)/r⁴ in r², on |r| ≤ π/4, to 5e-12: for float32 results. */
const SIN_64 = [-0.16666666641425978, 0.008333329362234772, -0.0001983932712499829, 2.718237185622636e-6];
const COS_64 = [0.04166666662247584, -0.0013888883722539918, 2.47995117453637e-5, -2.7209546437605856e-7];
/** Of π/2: 33 bits and the rest. */
const PI_2_HIGH = 1.5707963267341256;
const PI_2_LOW = 6.077100506506192e-11;
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

function scale64(m: VectorMath, p: Vec, n: Vec): Vec {
  const half = m.shiftRight('i64', n, 1);
  const rest = m.int('i64', 'sub', n, half);
  const power = (k: Vec): Vec => m.shiftLeft('i64', m.int('i64', 'add', k, m.constant('i64', 1023n)), 52);
  return m.mul(m.mul(p, power(half)), power(rest));
}

/**
 * The nearest whole number n of `x`·`by` as a float, and 2ⁿ; |n| ≤ 126. The number is in the low bits of the sum with 1.5·2²³; with
 * the bias of exponents in the same sum, a shift makes it a power of two.
 */
function nearest32(m: VectorMath, x: Vec, by: number): { readonly n: Vec; readonly power: Vec } {
  const biased = ROUND_32 + 127;
  const shifted = by === 1 ? m.add(x, biased) : m.fma(x, by, m.constant('f32', biased));
  return { n: m.sub(shifted, biased), power: m.shiftLeft('i32', shifted, 23) };
}

/** The nearest whole number of float32 lanes below 2²² in size, as a float and as an integer. */
function round32(m: VectorMath, x: Vec): { readonly float: Vec; readonly int: Vec } {
  const shifted = m.add(x, ROUND_32);
  const bits = new Int32Array(new Float32Array([ROUND_32]).buffer)[0];
  return { float: m.sub(shifted, ROUND_32), int: m.int('i32', 'sub', shifted, m.constant('i32', bits)) };
}

function round64(m: VectorMath, x: Vec): { readonly float: Vec; readonly int: Vec } {
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
function expUsual32(m: VectorMath, x: Vec): Vec {
  const { n, power } = nearest32(m, x, LOG2E);
  const r = m.fnma(n, LN2_LOW, m.fnma(n, LN2_HIGH, x));
  return m.mul(m.polynomial(r, [1, 1, ...EXP_32]), power);
}

/** The same anywhere. */
function expAny32(m: VectorMath, x: Vec): Vec {
  const { n, r } = reduce32(m, clampExp32(m, x));
  return scale32(m, expOfReduced(m, r, EXP_32), n.int);
}

function exp32(m: VectorMath, x: Vec): Vec {
  return m.unlessAny(
    m.compare('gt', m.abs(x), 87),
    () => expUsual32(m, x),
    () => expAny32(m, x),
  );
}

function exp64(m: VectorMath, given: Vec): Vec {
  const x = m.clamp(given, -746, 710);
  const n = round64(m, m.mul(x, LOG2E));
  const r = m.fnma(n.float, LN2_LOW_64, m.fnma(n.float, LN2_HIGH_64, x));
  return scale64(m, expOfReduced(m, r, EXP_64), n.int);
}

function expTwo32(m: VectorMath, given: Vec): Vec {
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

function expm1_32(m: VectorMath, given: Vec): Vec {
  const x = m.clamp(given, -18, 89);
  const { n, r } = reduce32(m, x);
  const e = m.fma(m.mul(r, r), m.polynomial(r, EXP_32), r);
  // 2·(2ⁿ⁻¹·e + (2ⁿ⁻¹ − ½)): half of it, as 2ⁿ alone may overflow.
  const power = m.shiftLeft('i32', m.int('i32', 'add', n.int, m.constant('i32', 126)), 23);
  const half = m.add(m.mul(power, e), m.sub(power, 0.5));
  // −0 stays.
  return m.select(m.compare('eq', x, 0), x, m.add(half, half));
}

function expm1_64(m: VectorMath, given: Vec): Vec {
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

function log32(m: VectorMath, x: Vec): Vec {
  return m.unlessAny(
    isUnusual32(m, x),
    () => logOfParts(m, logPartsUsual32(m, x)),
    () => logEdges(m, x, logOfParts(m, logParts32(m, x))),
  );
}

/** Logarithms to another base: `perNat` = 1/ln base; the exponent counts log_base 2 (high and low part) each. */
function logBase32(perNat: number, high: number, low: number): Emit {
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

function log1p32(m: VectorMath, x: Vec): Vec {
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

function log64(m: VectorMath, x: Vec): Vec {
  return logEdges(m, x, log64Finite(m, x, LOG_64));
}

function log64Finite(m: VectorMath, x: Vec, coefficients: readonly number[]): Vec {
  const tiny = m.compare('lt', x, 2 ** -1022);
  const scaled = m.select(tiny, m.mul(x, 2 ** 54), x);
  const root = 0x3fe6a09e667f3bcdn;
  const shifted = m.int('i64', 'sub', scaled, m.constant('i64', root));
  const exponent = m.shiftRight('i64', shifted, 52);
  const mantissa = m.int(
    'i64',
    'add',
    m.bits('and', shifted, m.constant('i64', 0x000fffffffffffffn)),
    m.constant('i64', root),
  );
  const e = m.sub(m.fromSmallInt64(exponent), m.select(tiny, m.constant('f64', 54), m.constant('f64', 0)));
  const f = m.sub(mantissa, 1);
  // log(1+f) = 2s + s³R = f − (f²/2 − s·(f²/2 + s²R)), s = f/(2+f).
  const s = m.div(f, m.add(f, 2));
  const z = m.mul(s, s);
  const half = m.mul(m.mul(f, f), 0.5);
  const r = m.mul(z, m.polynomial(z, coefficients));
  const low = m.fma(e, LN2_LOW_64, m.mul(s, m.add(half, r)));
  return m.fma(e, LN2_HIGH_64, m.sub(f, m.sub(half, low)));
}

function tanh32(m: VectorMath, x: Vec): Vec {
  const a = m.abs(x);
  const s = m.mul(x, x);
  const near = m.fma(m.mul(a, s), m.polynomial(s, TANH_32), a);
  // From 9.02 on it is 1 in float32.
  const b = m.atMost(a, 10);
  const far = m.sub(1, m.div(m.constant('f32', 2), m.add(expUsual32(m, m.add(b, b)), 1)));
  return m.withSign(m.select(m.compare('lt', a, 0.625), near, far), x);
}

/** t/(t + 2) of t = e²ˣ − 1. */
function tanh64(m: VectorMath, x: Vec): Vec {
  // From 19.1 on it is 1 in double precision.
  const a = m.atMost(m.abs(x), 20);
  const t = expm1_64(m, m.add(a, a));
  return m.withSign(m.div(t, m.add(t, 2)), x);
}

function erf32(m: VectorMath, x: Vec): Vec {
  const a = m.abs(x);
  const s = m.mul(a, a);
  const near = m.fma(a, m.polynomial(s, ERF_32), a);
  const root = m.polynomial(m.sub(m.atMost(a, 4.125), 2.5), ROOT_ERFC_32);
  const square = m.mul(root, root);
  const far = m.fnma(square, square, m.constant('f32', 1));
  return m.withSign(m.select(m.compare('lt', a, 1.1), near, far), x);
}

/**
 * 1 + erf x, which is erfc(−x): 2 ulp off where it is near 1, and for x < 0 as exact as the sum, whose terms cancel. Below −3.9375 it is 0,
 * as the sum is.
 */
function onePlusErf32(m: VectorMath, x: Vec): Vec {
  const a = m.abs(x);
  const root = m.polynomial(m.atMost(a, 3.9375), ROOT_ERFC_FROM_0_32);
  const square = m.mul(root, root);
  const erfc = m.bits('andnot', m.mul(square, square), m.compare('ge', a, 3.9375));
  return m.select(m.compare('lt', x, 0), erfc, m.sub(2, erfc));
}

/**
 * ½x·(1 + erf(x·√½)), which is max(x, 0) − ½|x|·erfc(|x|·√½): 4 ulp off where x > 0, 2.6e-7 elsewhere. Below −5.5625 it is 0 (the sum
 * is 0 there), and NaN at −∞, as ∞·0 is.
 */
function gelu32(m: VectorMath, x: Vec): Vec {
  const limit = 5.5625;
  // |x|, but no infinity for +∞.
  const a = m.larger(m.negate(x), m.atMost(x, limit));
  const root = m.polynomial(m.atMost(a, limit), ROOT_TAIL_32);
  const square = m.mul(root, root);
  const erfc = m.bits('andnot', m.mul(square, square), m.compare('ge', a, limit));
  return m.fnma(m.mul(a, 0.5), erfc, m.larger(x, 0));
}

/** sin and cos of float32 numbers below 2²⁰, through double precision; larger ones are left to JavaScript. */
function sine32(quarter: number): Emit {
  return (m, [x], scalar) =>
    m.unlessAny(
      m.not(m.compare('lt', m.abs(x), 2 ** 20)),
      () => {
        const d = m.as('f64');
        const wide = m.widen(x);
        const n = round64(d, d.mul(wide, 2 / Math.PI));
        const r = d.fnma(n.float, PI_2_LOW, d.fnma(n.float, PI_2_HIGH, wide));
        const z = d.mul(r, r);
        const sin = d.fma(d.mul(r, z), d.polynomial(z, SIN_64), r);
        const cos = d.fma(d.mul(z, z), d.polynomial(z, COS_64), d.sub(1, d.mul(z, 0.5)));
        const turn = quarter === 0 ? n.int : d.int('i64', 'add', n.int, d.constant('i64', BigInt(quarter)));
        const odd = d.int('i64', 'sub', d.constant('i64', 0n), d.bits('and', turn, d.constant('i64', 1n)));
        const value = d.select(odd, cos, sin);
        const sign = d.shiftLeft('i64', d.bits('and', turn, d.constant('i64', 2n)), 62);
        const result = m.narrow(d.bits('xor', value, sign));
        // −0 stays, which the sum above loses.
        return quarter === 0 ? m.select(m.compare('eq', x, 0), x, result) : result;
      },
      scalar,
    );
}

/** xʸ for positive normal x and moderate y through double precision; anything else is left to JavaScript. */
function pow32(m: VectorMath, [x, y]: readonly Vec[], scalar: () => Vec): Vec {
  const usual = m.bits(
    'and',
    m.bits('and', m.compare('ge', x, 2 ** -126), m.compare('lt', x, Number.POSITIVE_INFINITY)),
    m.compare('lt', m.abs(y), 2 ** 20),
  );
  return m.unlessAny(
    m.not(usual),
    () => {
      const d = m.as('f64');
      const product = d.mul(log64Finite(d, m.widen(x), LOG_64), m.widen(y));
      return m.narrow(exp64(d, product));
    },
    scalar,
  );
}

const forms: Readonly<Record<string, Emit>> = {
  'exp:f32': (m, [x]) => exp32(m, x),
  'exp:f64': (m, [x]) => exp64(m, x),
  'expm1:f64': (m, [x]) => expm1_64(m, x),
  'tanh:f64': (m, [x]) => tanh64(m, x),
  'exp2:f32': (m, [x]) => expTwo32(m, x),
  'expm1:f32': (m, [x]) => expm1_32(m, x),
  'log:f32': (m, [x]) => log32(m, x),
  'log:f64': (m, [x]) => log64(m, x),
  'log2:f32': logBase32(Math.LOG2E, 1, 0),
  'log10:f32': logBase32(Math.LOG10E, 0.301025390625, Math.log10(2) - 0.301025390625),
  'log1p:f32': (m, [x]) => log1p32(m, x),
  'tanh:f32': (m, [x]) => tanh32(m, x),
  'erf:f32': (m, [x]) => erf32(m, x),
  'gelu:f32': (m, [x]) => gelu32(m, x),
  'onePlusErf:f32': (m, [x]) => onePlusErf32(m, x),
  'sin:f32': sine32(0),
  'cos:f32': sine32(1),
  'pow:f32': pow32,
  'rem:f32': remainder32,
  'rem:f64': remainder64,
};

/** Which forms leave some operands to JavaScript. */
const partial: ReadonlySet<string> = new Set(['sin:f32', 'cos:f32', 'pow:f32', 'rem:f32', 'rem:f64']);

export function hasVectorForm(op: string, type: ComputeType): boolean {
  return `${op}:${type}` in forms;
}

/** Does code for the function call the JavaScript one in some cases, or always? */
export function needsScalar(op: string, type: ComputeType): boolean {
  return !hasVectorForm(op, type) || partial.has(`${op}:${type}`);
}

export function emitFunction(
  lanes: Lanes,
  op: string,
  type: 'f32' | 'f64',
  args: readonly Vec[],
  scalar: () => Vec,
): Vec {
  return forms[`${op}:${type}`](new VectorMath(lanes, type), args, scalar);
}
