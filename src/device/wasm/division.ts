/** Remainders and quotients as vector code: exact, through double precision where that has room enough. */
import type { Lanes, Vec } from './lanes.ts';
import type { VectorMath } from './math.ts';

/**
 * C's fmod of float32. With |x/y| below 2²⁸ the quotient, rounded in double precision, cannot reach the whole number above it: a true
 * quotient n − δ has δ ≥ 2⁻²⁵. And n·y has at most 52 bits, so that x − n·y, a float32, comes out exactly.
 */
export function remainder32(m: VectorMath, [x, y]: readonly Vec[], scalar: () => Vec): Vec {
  const d = m.as('f64');
  // Infinity divides nothing, and neither does a finite number that is larger than any float32.
  const a = d.abs(m.widen(x));
  const b = d.atMost(d.abs(m.widen(y)), 2 ** 200);
  const quotient = d.div(a, b);
  // Also where x or y is NaN, x infinite or y 0.
  return m.unlessAny(
    d.not(d.compare('lt', quotient, 2 ** 28)),
    () => m.withSign(m.narrow(d.fnma(d.trunc(quotient), b, a)), x),
    scalar,
  );
}

/**
 * C's fmod of float64. The quotient n, below 2²⁵, may be one too large. y is split into its first 26 bits and the rest, whose products
 * with n are exact; so are both differences: for n ≥ 2 the first one is a multiple of 2 units of y below 2⁵⁴ of them, for n = 1 it is smaller
 * than x.
 */
export function remainder64(m: VectorMath, [x, y]: readonly Vec[], scalar: () => Vec): Vec {
  const a = m.abs(x);
  const b = m.atMost(m.abs(y), Number.MAX_VALUE);
  const quotient = m.div(a, b);
  const usual = m.bits('and', m.compare('lt', quotient, 2 ** 25), m.compare('lt', a, 2 ** 1000));
  return m.unlessAny(
    m.not(usual),
    () => {
      const n = m.trunc(quotient);
      const high = m.bits('and', b, m.constant('i64', -(2n ** 27n)));
      const rest = m.sub(m.sub(a, m.mul(n, high)), m.mul(n, m.sub(b, high)));
      const corrected = m.select(m.compare('lt', rest, 0), m.add(rest, b), rest);
      return m.withSign(m.abs(corrected), x);
    },
    scalar,
  );
}

/**
 * The quotient of 64-bit integers towards zero, or what it leaves of x: in double precision where both are below 2⁵¹ in size, as their true
 * quotient differs from the next whole number by more than its rounding.
 */
export function divideInt64(lanes: Lanes, op: 'div' | 'rem', [x, y]: readonly Vec[], scalar: () => Vec): Vec {
  const { f } = lanes;
  const large = [lanes.isLarge(x), lanes.isLarge(y)];
  const mask = lanes.make('i64', (part) => {
    f.get(large[0][part]).get(large[1][part]).op('v128.or').get(y[part]);
    lanes.pushConstant(0n, 'i64');
    f.op('i64x2.eq').op('v128.or');
  });
  return lanes.unlessAny(
    'i64',
    mask,
    () => {
      const quotient = lanes.apply('f64', 'f64x2.div', lanes.fromSmallInt64(x), lanes.fromSmallInt64(y));
      const whole = lanes.toSmallInt64(lanes.apply('f64', 'f64x2.trunc', quotient));
      if (op === 'div') return whole;
      return lanes.apply('i64', 'i64x2.sub', x, lanes.apply('i64', 'i64x2.mul', whole, y));
    },
    scalar,
  );
}
