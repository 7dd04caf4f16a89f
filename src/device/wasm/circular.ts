/** sin, cos and tan of float64 as vector code. */
import { round64 } from './exponential.ts';
import type { Vec } from './lanes.ts';
import type { VectorMath } from './math.ts';

/** (sin r − r)/r³ and (cos r − 1 + r²/2)/r⁴ in r², on |r| ≤ π/4: 3.8e-18 and 5.7e-20. */
const SIN = [
  -0.1666666666666663, 0.00833333333332184, -0.00019841269829358604, 2.7557313538766616e-6,
  -2.505073449980936e-8, 1.5895445946538215e-10,
];
const COS = [
  0.041666666666666595, -0.0013888888888873325, 2.4801587288983733e-5, -2.7557314210105515e-7,
  2.087570427717112e-9, -1.135868375691033e-11,
];
/** π/2 as a sum: twice 33 bits, whose products with numbers below 2²⁰ are exact, and the rest. */
const PI_2 = [1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21];

/**
 * Below 2²⁰, through the distance r + t to the nearest multiple n of π/2. Larger numbers, and those so close to a multiple that 119 bits of π are
 * not enough, are left to JavaScript.
 */
export function circular64(
  which: 'sin' | 'cos' | 'tan',
): (m: VectorMath, args: readonly Vec[], scalar: () => Vec) => Vec {
  return (m, [x], scalar) => {
    const n = round64(m, m.mul(x, 2 / Math.PI));
    const first = m.sub(x, m.mul(n.float, PI_2[0]));
    const product = m.mul(n.float, PI_2[1]);
    const second = m.sub(first, product);
    // What the second difference has lost, and the third part.
    const lost = m.sub(m.mul(n.float, PI_2[2]), m.sub(m.sub(first, second), product));
    const r = m.sub(second, lost);
    const t = m.sub(m.sub(second, r), lost);
    const size = m.abs(x);
    const close = m.bits('and', m.compare('lt', m.abs(r), 2 ** -30), m.compare('gt', size, 1));
    return m.unlessAny(
      m.bits('or', close, m.not(m.compare('lt', size, 2 ** 20))),
      () => {
        const z = m.mul(r, r);
        const half = m.mul(z, 0.5);
        const sin = m.add(m.fma(m.mul(r, z), m.polynomial(z, SIN), m.mul(t, m.sub(1, half))), r);
        const near = m.sub(1, half);
        const rest = m.sub(m.mul(m.mul(z, z), m.polynomial(z, COS)), m.mul(r, t));
        const cos = m.add(near, m.add(m.sub(m.sub(1, near), half), rest));
        const turn = which === 'cos' ? m.int('i64', 'add', n.int, m.constant('i64', 1n)) : n.int;
        const odd = m.int('i64', 'sub', m.constant('i64', 0n), m.bits('and', turn, m.constant('i64', 1n)));
        // In odd quarters tan is −cos/sin.
        const main = m.select(odd, cos, sin);
        const value = which === 'tan' ? m.div(main, m.select(odd, sin, cos)) : main;
        const flips = m.bits('and', turn, m.constant('i64', which === 'tan' ? 1n : 2n));
        const result = m.bits('xor', value, m.shiftLeft('i64', flips, which === 'tan' ? 63 : 62));
        // −0 stays, which the sum above loses.
        return which === 'cos' ? result : m.select(m.compare('eq', x, 0), x, result);
      },
      scalar,
    );
  };
}
