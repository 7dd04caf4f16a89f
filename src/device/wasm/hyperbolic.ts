/** Hyperbolic functions and their inverses as vector code. */
import {
  EXP_32,
  EXP_64,
  LN2_HIGH,
  LN2_HIGH_64,
  LN2_LOW,
  LN2_LOW_64,
  LOG_64,
  log64Finite,
  nearest32,
  round64,
} from './exponential.ts';
import type { Vec } from './lanes.ts';
import type { VectorMath } from './math.ts';

/** (sinh x − x)/x³ in x², on |x| ≤ 1: 3e-10, and 2.5e-19 in double precision. */
const SINH = {
  f32: [0.1666666716337204, 0.00833331048488617, 0.00019842895562760532, 2.7822131869470468e-6],
  f64: [
    0.16666666666666669, 0.008333333333332912, 0.0001984126984159341, 2.7557319106756084e-6,
    2.5052130999007175e-8, 1.6056659120305167e-10, 7.7766026701814e-13,
  ],
} as const;

/** eᵃ/2 for a ≥ 0, by way of eᵃ/4, whose power of two is a float also where eᵃ overflows. */
function halfExp(m: VectorMath, a: Vec): Vec {
  if (m.type === 'f32') {
    const { n, power } = nearest32(m, m.atMost(a, 90), Math.LOG2E, -2);
    const r = m.fnma(n, LN2_LOW, m.fnma(n, LN2_HIGH, m.atMost(a, 90)));
    const quarter = m.mul(m.polynomial(r, [1, 1, ...EXP_32]), power);
    return m.add(quarter, quarter);
  }
  const x = m.atMost(a, 711);
  const n = round64(m, m.mul(x, Math.LOG2E));
  const r = m.fnma(n.float, LN2_LOW_64, m.fnma(n.float, LN2_HIGH_64, x));
  const e = m.add(m.fma(m.mul(r, r), m.polynomial(r, EXP_64), r), 1);
  const power = m.shiftLeft('i64', m.int('i64', 'add', n.int, m.constant('i64', 1021n)), 52);
  const quarter = m.mul(e, power);
  return m.add(quarter, quarter);
}

/** h ∓ 1/(4h) of h = eᵃ/2 */
export function sinh(m: VectorMath, [x]: readonly Vec[]): Vec {
  const a = m.abs(x);
  const z = m.mul(a, a);
  const near = m.fma(m.mul(a, z), m.polynomial(z, SINH[m.type]), a);
  const h = halfExp(m, a);
  const far = m.sub(h, m.div(m.constant(m.type, 0.25), h));
  return m.withSign(m.select(m.compare('lt', a, 1), near, far), x);
}

export function cosh(m: VectorMath, [x]: readonly Vec[]): Vec {
  const h = halfExp(m, m.abs(x));
  return m.add(h, m.div(m.constant(m.type, 0.25), h));
}

/** log y of doubles, ∞ at ∞ and NaN for negative ones. */
function logOf(d: VectorMath, y: Vec): Vec {
  const value = log64Finite(d, y, LOG_64);
  const finite = d.select(d.compare('lt', y, Number.POSITIVE_INFINITY), value, y);
  return d.select(d.compare('lt', y, 0), d.constant('f64', Number.NaN), finite);
}

/** An odd function f of float32 with f(x) = x + O(x³), from its value in double precision at |x|: below 2⁻¹² it is x. */
function oddThroughDouble(m: VectorMath, x: Vec, value: (d: VectorMath, a: Vec) => Vec): Vec {
  const d = m.as('f64');
  const a = m.abs(x);
  const wide = m.abs(m.narrow(value(d, d.widen(a))));
  return m.select(m.compare('lt', a, 2 ** -12), x, m.withSign(wide, x));
}

/** Of float32, as logarithms in double precision, which has digits enough for what cancels. */
export const inverseHyperbolic = {
  asinh: (m: VectorMath, [x]: readonly Vec[]): Vec =>
    oddThroughDouble(m, x, (d, a) => logOf(d, d.add(d.sqrt(d.fma(a, a, 1)), a))),
  acosh: (m: VectorMath, [x]: readonly Vec[]): Vec => {
    const d = m.as('f64');
    const a = d.widen(x);
    const root = d.sqrt(d.fma(a, a, -1));
    // NaN below −1 as between −1 and 1.
    const below = d.compare('lt', a, 1);
    return m.narrow(d.select(below, d.constant('f64', Number.NaN), logOf(d, d.add(root, a))));
  },
  atanh: (m: VectorMath, [x]: readonly Vec[]): Vec =>
    oddThroughDouble(m, x, (d, a) => d.mul(logOf(d, d.div(d.add(a, 1), d.sub(1, a))), 0.5)),
} as const;
