/** The fused multiply-add of float32, rounded once on every engine. */
import type { Local } from './assembler.ts';
import { fusesMultiplyAdd } from './features.ts';
import type { Vectors } from './vectors.ts';

/** a·b + c of float32, rounded once. */
export type MultiplyAdd = (v: Vectors, a: Local, b: Local, c: Local) => Local;

const native: MultiplyAdd = (v, a, b, c) => v.op('f32x4.relaxed_madd', a, b, c);

/**
 * By float64: the product is exact, the sum is rounded to odd, which leaves the second rounding right (S. Boldo and G. Melquiond 2008, "Emulation
 * of a FMA and correctly rounded sums: proved algorithms using rounding to odd").
 */
export const emulated: MultiplyAdd = (v, a, b, c) => {
  const half = (which: 0 | 1): Local => {
    const product = v.op('f64x2.mul', v.promote(a, which), v.promote(b, which));
    const addend = v.promote(c, which);
    const sum = v.op('f64x2.add', product, addend);
    // Knuth's TwoSum: sum + error = product + addend.
    const part = v.op('f64x2.sub', sum, product);
    const rest = v.op('f64x2.sub', product, v.op('f64x2.sub', sum, part));
    const error = v.op('f64x2.add', rest, v.op('f64x2.sub', addend, part));
    const [zero, one] = [v.i64(0n), v.i64(1n)];
    // An even sum with an error moves one step to where the error points. Infinite sums have errors that are no numbers.
    const inexact = v.op('f64x2.gt', v.op('f64x2.abs', error), zero);
    const even = v.op('i64x2.eq', v.op('v128.and', sum, one), zero);
    const inwards = v.op('i64x2.lt_s', v.op('v128.xor', sum, error), zero);
    const step = v.op('v128.and', v.op('v128.or', inwards, one), v.op('v128.and', inexact, even));
    return v.op('i64x2.add', sum, step);
  };
  return v.demote(half(0), half(1));
};

/** By the instruction where it rounds once. */
export function multiplyAdd(): MultiplyAdd {
  return fusesMultiplyAdd() ? native : emulated;
}
