/** Powers as vector code. How the polynomials were made: functions.ts. */
import {
  EXP_64,
  expForFloat32,
  LOG_MIDDLE,
  log64Usual,
  logMantissaAny64,
  round64,
  scale64,
} from './exponential.ts';
import type { Vec } from './lanes.ts';
import type { VectorMath } from './math.ts';

/** (3/2·log((1+s)/(1−s))/s − 3 − s²)/s⁴ in s², for the s of √½ ≤ (1+s)/(1−s) ≤ √2: 1.3e-20 of the logarithm. */
const LOG_POWER = [
  0.6000000000000341, 0.4285714285513778, 0.33333333782079094, 0.2727267635269061, 0.2308014507741253,
  0.19885022063638302, 0.19796292502901278,
];

/** ⅔·log₂e and log 2 as sums whose first parts have 26 bits. */
const PER_LOG_HIGH = 0.9617966860532761;
const PER_LOG_LOW = 7.872699542894897e-9;
const LN2_FIRST = 0.6931471675634384;
const LN2_REST = 1.2996506893889889e-8;

/** y·log a of doubles, whose value inside (0, ∞) is given: ∞ times y with the sign of the logarithm at 0 and ∞, NaN for NaN. */
function withEdges(m: VectorMath, a: Vec, y: Vec, inside: Vec): Vec {
  const log = m.select(m.compare('eq', a, 0), m.constant('f64', Number.NEGATIVE_INFINITY), a);
  const usual = m.bits('and', m.compare('gt', a, 0), m.compare('lt', a, Number.POSITIVE_INFINITY));
  return m.select(usual, inside, m.mul(y, log));
}

/** a^y for a ≥ 0 in double precision, to what float32 needs; NaN where a is 1 or y is 0 and the other one infinite or NaN. */
function power32(m: VectorMath, a: Vec, y: Vec): Vec {
  const d = m.as('f64');
  const wide = m.widen(a);
  const exponent = m.widen(y);
  const product = d.mul(log64Usual(d, wide, LOG_MIDDLE), exponent);
  return m.narrow(expForFloat32(d, withEdges(d, wide, exponent, product)));
}

/**
 * The same in double precision: the binary logarithm as a sum of two doubles, the first with 26 bits; its product with y likewise; and 2 to that power.
 * Products of parts of 26 bits are exact.
 */
function power64(m: VectorMath, a: Vec, given: Vec): Vec {
  // As good as infinite, but with a difference from its first bits.
  const y = m.clamp(given, -Number.MAX_VALUE, Number.MAX_VALUE);
  const { e, f } = logMantissaAny64(m, a);
  // s = f/(2 + f), with what the sum, the division and the product have lost.
  const den = m.add(f, 2);
  const inverse = m.div(m.constant('f64', 1), den);
  const s = m.mul(f, inverse);
  const sHigh = m.firstBits(s);
  const denHigh = m.firstBits(den);
  const denLow = m.add(m.sub(den, denHigh), m.sub(f, m.sub(den, 2)));
  const sLow = m.mul(m.sub(m.sub(f, m.mul(sHigh, denHigh)), m.mul(sHigh, denLow)), inverse);
  // 3/2·log(1 + f) = s·(3 + sHigh² + rest)
  const z = m.mul(s, s);
  const square = m.mul(sHigh, sHigh);
  const rest = m.fma(m.mul(z, z), m.polynomial(z, LOG_POWER), m.mul(sLow, m.add(sHigh, s)));
  const sum = m.add(square, 3);
  const tHigh = m.firstBits(m.add(sum, rest));
  const tLow = m.sub(rest, m.sub(m.sub(tHigh, 3), square));
  const u = m.mul(sHigh, tHigh);
  const v = m.fma(sLow, tHigh, m.mul(tLow, s));
  const first = m.firstBits(m.add(u, v));
  const second = m.sub(v, m.sub(first, u));
  // log₂ a
  const high = m.mul(first, PER_LOG_HIGH);
  const low = m.fma(second, PER_LOG_HIGH + PER_LOG_LOW, m.mul(first, PER_LOG_LOW));
  const logHigh = m.firstBits(m.add(m.add(high, low), e));
  const logLow = m.sub(low, m.sub(m.sub(logHigh, e), high));
  // y·log₂ a
  const yHigh = m.firstBits(y);
  const productHigh = m.clamp(withEdges(m, a, y, m.mul(yHigh, logHigh)), -1200, 1200);
  const productLow = m.clamp(m.fma(m.sub(y, yHigh), logHigh, m.mul(y, logLow)), -1, 1);
  const n = round64(m, m.add(productHigh, productLow));
  // r + lost, times log 2
  const whole = m.sub(productHigh, n.float);
  const r = m.add(whole, productLow);
  const lost = m.sub(productLow, m.sub(r, whole));
  const rHigh = m.firstBits(r);
  const p = m.mul(rHigh, LN2_FIRST);
  const q = m.fma(m.add(m.sub(r, rHigh), lost), Math.LN2, m.mul(rHigh, LN2_REST));
  const x = m.add(p, q);
  const tail = m.sub(q, m.sub(x, p));
  const e1 = m.add(m.fma(m.mul(x, x), m.polynomial(x, EXP_64), tail), x);
  return scale64(m, m.add(e1, 1), n.int);
}

/** x^y: 1 also for NaN as one of the two if x is 1 or y is 0; of negative finite x only for whole y. */
export function power(m: VectorMath, [x, y]: readonly Vec[]): Vec {
  const a = m.abs(x);
  const size = m.type === 'f32' ? power32(m, a, y) : power64(m, a, y);
  const one = m.bits('or', m.compare('eq', a, 1), m.compare('eq', y, 0));
  const value = m.select(one, m.constant(m.type, 1), size);
  const half = m.mul(y, 0.5);
  const whole = m.equal(y, m.trunc(y));
  const even = m.equal(half, m.trunc(half));
  const signed = m.withSign(value, m.bits('andnot', m.bits('and', x, whole), even));
  const finite = m.bits('and', m.compare('lt', x, 0), m.compare('gt', x, Number.NEGATIVE_INFINITY));
  const none = m.bits('andnot', finite, whole);
  // All bits set are NaN.
  return m.bits('or', signed, none);
}
