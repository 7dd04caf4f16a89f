/** What distributions start from: tempered words, uniform float32, the scalars of the descriptor. */
import type { Local } from './assembler.ts';
import { plan } from './twister.ts';
import type { Vectors } from './vectors.ts';

/** The output function of the Mersenne Twister. */
export function temper(v: Vectors, word: Local): Local {
  let y = v.op('v128.xor', word, v.shift('i32x4.shr_u', word, 11));
  y = v.op('v128.xor', y, v.op('v128.and', v.shift('i32x4.shl', y, 7), v.i32(0x9d2c5680 | 0)));
  y = v.op('v128.xor', y, v.op('v128.and', v.shift('i32x4.shl', y, 15), v.i32(0xefc60000 | 0)));
  return v.op('v128.xor', y, v.shift('i32x4.shr_u', y, 18));
}

/** Four words as uniform float32. */
export function unit32(v: Vectors, word: Local): Local {
  const bits = v.op('v128.and', temper(v, word), v.i32(0xffffff));
  return v.op('f32x4.mul', v.op('f32x4.convert_i32x4_s', bits), v.f32(2 ** -24));
}

function kept(v: Vectors): Local {
  const local = v.f.local('v128');
  v.f.set(local);
  return local;
}

/** Scalar `i` as float32 in all lanes. */
export function scalar32(v: Vectors, descriptor: Local, i: number): Local {
  v.f.get(descriptor).memory('f64.load', plan.scalar(i)).op('f32.demote_f64').op('f32x4.splat');
  return kept(v);
}

/** Scalar `i` as float64 in both lanes. */
export function scalar64(v: Vectors, descriptor: Local, i: number): Local {
  return v.load(descriptor, plan.scalar(i), 'v128.load64_splat');
}

/** Scalar `i`, a whole number of 32 bits, in all lanes. */
export function scalarInt(v: Vectors, descriptor: Local, i: number): Local {
  v.f.get(descriptor).memory('f64.load', plan.scalar(i)).op('i64.trunc_sat_f64_s');
  v.f.op('i32.wrap_i64').op('i32x4.splat');
  return kept(v);
}
