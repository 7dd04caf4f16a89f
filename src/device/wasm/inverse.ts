/** Inverse trigonometric functions as vector code. */
import type { Vec } from './lanes.ts';
import type { VectorMath } from './math.ts';

type Floats = 'f32' | 'f64';
/** A constant as the float nearest to it, and the rest. */
type Split = readonly [high: number, low: number];

/** (asin x − x)/x³ in x², on |x| ≤ ½: 4.9e-9, and 1.6e-17 in double precision. */
const ASIN: Readonly<Record<Floats, readonly number[]>> = {
  f32: [
    0.16666752099990845, 0.074953094124794, 0.04546914994716644, 0.024184780195355415, 0.04215829819440842,
  ],
  f64: [
    0.16666666666665408, 0.07500000000337158, 0.04464285682819856, 0.030381959142690314, 0.022371757907795987,
    0.017359706982667086, 0.013885213223265967, 0.01216935557780842, 0.0065273837002737525,
    0.019529741287429136, -0.016226266596013988, 0.03191340077266904,
  ],
};
/** (atan x − x)/x³ in x²: on |x| ≤ 1, 2.7e-9; in double precision on |x| ≤ tan π/8, 1.4e-18. */
const ATAN: Readonly<Record<Floats, readonly number[]>> = {
  f32: [
    -0.33333298563957214, 0.1999852955341339, -0.14264015853405, 0.10950879752635956, -0.08399299532175064,
    0.05788116902112961, -0.031096654012799263, 0.010868450626730919, -0.001782757230103016,
  ],
  f64: [
    -0.3333333333333319, 0.19999999999952187, -0.14285714280054584, 0.11111110776331345, -0.09090897552017901,
    0.07692056543225728, -0.06663062159257865, 0.0584758326048498, -0.05037919617770299, 0.03802920473663413,
    -0.017868299980673318,
  ],
};
/** tan π/8 */
const EIGHTH = Math.SQRT2 - 1;
/** π/4, π/2 and π: their rests beyond double precision are 2⁻⁵³ of them or less, known from more digits of π. */
const PI_REST = 1.2246467991473532e-16;

function partOfPi(type: Floats, fraction: number): Split {
  const value = Math.PI * fraction;
  if (type === 'f64') return [value, PI_REST * fraction];
  return [Math.fround(value), value - Math.fround(value)];
}

/** high + low − x */
function minus(m: VectorMath, [high, low]: Split, x: Vec): Vec {
  return m.sub(high, m.sub(x, low));
}

/** x + x·z·P(z) */
function odd(m: VectorMath, x: Vec, z: Vec, coefficients: readonly number[]): Vec {
  return m.fma(m.mul(x, z), m.polynomial(z, coefficients), x);
}

/** asin |x| where |x| ≤ ½, and half of acos |x| = 2·asin √((1 − |x|)/2) where it is larger; NaN beyond 1. */
function arcs(m: VectorMath, x: Vec): { readonly far: Vec; readonly arc: Vec } {
  const a = m.abs(x);
  const far = m.compare('gt', a, 0.5);
  const half = m.mul(m.sub(1, a), 0.5);
  const z = m.select(far, half, m.mul(a, a));
  return { far, arc: odd(m, m.select(far, m.sqrt(half), a), z, ASIN[m.type]) };
}

export function asin(m: VectorMath, [x]: readonly Vec[]): Vec {
  const { far, arc } = arcs(m, x);
  const value = m.select(far, minus(m, partOfPi(m.type, 0.5), m.add(arc, arc)), arc);
  return m.withSign(m.abs(value), x);
}

export function acos(m: VectorMath, [x]: readonly Vec[]): Vec {
  const { far, arc } = arcs(m, x);
  const twice = m.add(arc, arc);
  const outer = m.select(m.compare('lt', x, 0), minus(m, partOfPi(m.type, 1), twice), twice);
  return m.select(far, outer, minus(m, partOfPi(m.type, 0.5), m.withSign(arc, x)));
}

/** atan (num/den) for 0 ≤ num ≤ den, den > 0. */
function atanOfRatio(m: VectorMath, num: Vec, den: Vec): Vec {
  if (m.type === 'f32') {
    const q = m.div(num, den);
    return odd(m, q, m.mul(q, q), ATAN.f32);
  }
  // Beyond tan π/8 it is π/4 + atan ((num − den)/(num + den)).
  const far = m.larger(m.sub(num, m.mul(den, EIGHTH)), 0);
  const isFar = m.compare('gt', far, 0);
  const q = m.div(m.select(isFar, m.sub(num, den), num), m.select(isFar, m.add(num, den), den));
  const arc = odd(m, q, m.mul(q, q), ATAN.f64);
  const [high, low] = partOfPi('f64', 0.25);
  return m.select(isFar, m.add(m.add(arc, low), high), arc);
}

export function atan(m: VectorMath, [x]: readonly Vec[]): Vec {
  const a = m.abs(x);
  const over = m.compare('gt', a, 1);
  const one = m.constant(m.type, 1);
  // Infinity as the largest number, so that num + den stays finite.
  const den = m.select(over, m.atMost(a, m.type === 'f32' ? 2 ** 127 : 2 ** 1022), one);
  const arc = atanOfRatio(m, m.select(over, one, a), den);
  return m.withSign(m.select(over, minus(m, partOfPi(m.type, 0.5), arc), arc), x);
}

/** The angle of (x, y); where one of them is so large that sums overflow, or NaN, JavaScript computes it. */
export function atan2(m: VectorMath, [y, x]: readonly Vec[], scalar: () => Vec): Vec {
  const a = m.abs(y);
  const b = m.abs(x);
  const steep = m.greater(a, b);
  const limit = m.type === 'f32' ? 2 ** 127 : 2 ** 1022;
  const usual = m.bits('and', m.compare('lt', a, limit), m.compare('lt', b, limit));
  return m.unlessAny(
    m.not(usual),
    () => {
      const num = m.select(steep, b, a);
      // Not 0, so that the angle of (0, 0) is 0.
      const den = m.larger(m.select(steep, a, b), m.type === 'f32' ? 2 ** -149 : 2 ** -1074);
      const arc = atanOfRatio(m, num, den);
      const right = m.select(steep, minus(m, partOfPi(m.type, 0.5), arc), arc);
      // Also for −0.
      const left = m.compare('lt', m.withSign(m.constant(m.type, 1), x), 0);
      return m.withSign(m.select(left, minus(m, partOfPi(m.type, 1), right), right), y);
    },
    scalar,
  );
}
