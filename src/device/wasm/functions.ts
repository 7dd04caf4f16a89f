/**
 * Elementary functions as vector code. Those without a form here are called lane by lane in JavaScript.
 *
 * The polynomials are minimax fits (Lawson's iteration in extended precision, coefficients rounded one after another and the
 * rest fitted again) on the interval that the comment beside them states; the error given is that of the exact polynomial with
 * the rounded coefficients. tests/device/functions.test.ts measures every function against double precision over its whole range.
 */
import type { ComputeType } from '../../base/dtype.ts';
import { circular64 } from './circular.ts';
import { remainder32, remainder64 } from './division.ts';
import {
  exp32,
  exp64,
  expm1_32,
  expm1_64,
  expTwo32,
  expTwo64,
  log1p64,
  logBase64,
  expUsual32,
  LOG_64,
  log1p32,
  log32,
  log64,
  log64Finite,
  logBase32,
  round64,
} from './exponential.ts';
import { cosh, inverseHyperbolic, sinh } from './hyperbolic.ts';
import { acos, asin, atan, atan2 } from './inverse.ts';
import type { Lanes, Vec } from './lanes.ts';
import { VectorMath } from './math.ts';

/** Computes all lanes; where it cannot do some, `scalar` computes the operands lane by lane in JavaScript. */
type Emit = (m: VectorMath, args: readonly Vec[], scalar: () => Vec) => Vec;

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

/** sin, cos and tan of float32 numbers below 2²⁰, through double precision; larger ones are left to JavaScript. */
function trigonometric32(which: 'sin' | 'cos' | 'tan'): Emit {
  const quarter = which === 'cos' ? 1 : 0;
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
        // In odd quarters tan is −cos/sin.
        const value =
          which === 'tan' ? d.div(d.select(odd, cos, sin), d.select(odd, sin, cos)) : d.select(odd, cos, sin);
        const sign = d.shiftLeft(
          'i64',
          d.bits('and', turn, d.constant('i64', which === 'tan' ? 1n : 2n)),
          which === 'tan' ? 63 : 62,
        );
        const result = m.narrow(d.bits('xor', value, sign));
        // −0 stays, which the sum above loses.
        return quarter === 0 ? m.select(m.compare('eq', x, 0), x, result) : result;
      },
      scalar,
    );
}

/** √(x² + y²) through double precision; infinities, which win over NaN, are left to JavaScript. */
function hypot32(m: VectorMath, [x, y]: readonly Vec[], scalar: () => Vec): Vec {
  const d = m.as('f64');
  const [a, b] = [d.widen(x), d.widen(y)];
  const square = d.fma(a, a, d.mul(b, b));
  return m.unlessAny(
    d.not(d.compare('lt', square, Number.POSITIVE_INFINITY)),
    () => m.narrow(d.sqrt(square)),
    scalar,
  );
}

/** The same where the squares neither overflow nor lose digits; both may be 0. */
function hypot64(m: VectorMath, [x, y]: readonly Vec[], scalar: () => Vec): Vec {
  const square = m.fma(x, x, m.mul(y, y));
  const zero = m.compare('eq', m.bits('or', m.abs(x), m.abs(y)), 0);
  const inside = m.bits('and', m.compare('gt', square, 2 ** -900), m.compare('lt', square, 2 ** 1000));
  return m.unlessAny(m.not(m.bits('or', inside, zero)), () => m.sqrt(square), scalar);
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
  'sin:f32': trigonometric32('sin'),
  'cos:f32': trigonometric32('cos'),
  'pow:f32': pow32,
  'tan:f32': trigonometric32('tan'),
  'sin:f64': circular64('sin'),
  'cos:f64': circular64('cos'),
  'tan:f64': circular64('tan'),
  'exp2:f64': (m, [x]) => expTwo64(m, x),
  'log1p:f64': (m, [x]) => log1p64(m, x),
  'log2:f64': logBase64([1.4426946640014648, 3.768874985636099e-7], [1, 0]),
  'log10:f64': logBase64(
    [0.4342944622039795, 1.9699272335463627e-8],
    [0.30102999566361177, 3.694239077158931e-13],
  ),
  'asin:f32': asin,
  'asin:f64': asin,
  'acos:f32': acos,
  'acos:f64': acos,
  'atan:f32': atan,
  'atan:f64': atan,
  'atan2:f32': atan2,
  'atan2:f64': atan2,
  'sinh:f32': sinh,
  'sinh:f64': sinh,
  'cosh:f32': cosh,
  'cosh:f64': cosh,
  'asinh:f32': inverseHyperbolic.asinh,
  'acosh:f32': inverseHyperbolic.acosh,
  'atanh:f32': inverseHyperbolic.atanh,
  'hypot:f32': hypot32,
  'hypot:f64': hypot64,
  'rem:f32': remainder32,
  'rem:f64': remainder64,
};

/** Which forms leave some operands to JavaScript. */
const partial: ReadonlySet<string> = new Set([
  'sin:f32',
  'cos:f32',
  'tan:f32',
  'sin:f64',
  'cos:f64',
  'tan:f64',
  'pow:f32',
  'atan2:f32',
  'atan2:f64',
  'hypot:f32',
  'hypot:f64',
  'rem:f32',
  'rem:f64',
]);

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
