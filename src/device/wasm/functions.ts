/**
 * Elementary functions as vector code. Those without a form here are called lane by lane in JavaScript.
 *
 * The polynomials are minimax fits (Lawson's iteration or Remez's exchange in extended precision, coefficients rounded one after another and the
 * rest fitted again, or where the interval has 0 inside all at once) on the interval that the comment beside them states; the error given is that of the
 * exact polynomial with the rounded coefficients. tests/device/functions.test.ts and special.test.ts measure every function over its whole range.
 */
import type { ComputeType } from '../../base/dtype.ts';
import { circular64 } from './circular.ts';
import { remainder32, remainder64 } from './division.ts';
import { erf, erfc, erfcx, erfinv, gelu32, logNdtr, ndtri, onePlusErf32 } from './error.ts';
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
  log1p32,
  log32,
  log64,
  logBase32,
  round64,
} from './exponential.ts';
import { digamma, lgamma } from './gamma.ts';
import { cosh, inverseHyperbolic, sinh } from './hyperbolic.ts';
import { acos, asin, atan, atan2 } from './inverse.ts';
import type { Lanes, Vec } from './lanes.ts';
import { VectorMath } from './math.ts';
import { power } from './power.ts';

/** Computes all lanes; where it cannot do some, `scalar` computes the operands lane by lane in JavaScript. */
type Emit = (m: VectorMath, args: readonly Vec[], scalar: () => Vec) => Vec;

/** (tanh x − x)/x³ in x², on |x| ≤ 0.625: 4.2e-9. */
const TANH_32 = [
  -0.3333328366279602, 0.13331486284732819, -0.05374317243695259, 0.020649708807468414,
  -0.0057162027806043625,
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
  'erf:f32': erf,
  'erf:f64': erf,
  'erfc:f32': erfc,
  'erfc:f64': erfc,
  'erfinv:f32': erfinv,
  'erfinv:f64': erfinv,
  'erfcx:f32': erfcx,
  'erfcx:f64': erfcx,
  'ndtri:f32': ndtri,
  'ndtri:f64': ndtri,
  'logNdtr:f32': logNdtr,
  'logNdtr:f64': logNdtr,
  'lgamma:f32': lgamma,
  'lgamma:f64': lgamma,
  'digamma:f32': digamma,
  'digamma:f64': digamma,
  'gelu:f32': (m, [x]) => gelu32(m, x),
  'onePlusErf:f32': (m, [x]) => onePlusErf32(m, x),
  'sin:f32': trigonometric32('sin'),
  'cos:f32': trigonometric32('cos'),
  'pow:f32': power,
  'pow:f64': power,
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
  'ndtri:f32',
  'ndtri:f64',
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
