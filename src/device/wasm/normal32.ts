/** Normal numbers of float32 in vectors: the operations of tensor/random/normal32.ts, in their order. */
import {
  BLOCK,
  COS_COEFFICIENTS,
  FOUR_BY_PI,
  HALF_BITS,
  LN2_HIGH,
  LN2_LOW,
  LOG_COEFFICIENTS,
  QUARTER_PI,
  SIN_COEFFICIENTS,
  SQRT_HALF_BITS,
  TWO_PI,
} from '../../base/boxMuller.ts';
import type { Local } from './assembler.ts';
import type { MultiplyAdd } from './fused.ts';
import type { Distribution } from './twister.ts';
import type { Vectors } from './vectors.ts';
import { scalar32, unit32 } from './words.ts';

/** A polynomial in x by Horner's rule. */
function polynomial(v: Vectors, madd: MultiplyAdd, x: Local, coefficients: readonly number[]): Local {
  const [first, ...rest] = coefficients;
  return rest.reduce((y, c) => madd(v, y, x, v.f32(c)), v.f32(first));
}

/** √(−2 ln u) of numbers in (0, 1]. */
function radius(v: Vectors, madd: MultiplyAdd, u: Local): Local {
  const fraction = v.op('v128.or', v.op('v128.and', u, v.i32(0x7fffff)), v.i32(HALF_BITS));
  const small = v.op('i32x4.lt_s', fraction, v.i32(SQRT_HALF_BITS));
  const x = v.op('f32x4.add', v.op('f32x4.sub', fraction, v.f32(1)), v.op('v128.and', fraction, small));
  // Minus one where the fraction was doubled.
  const exponent = v.op(
    'f32x4.convert_i32x4_s',
    v.op('i32x4.add', v.op('i32x4.sub', v.shift('i32x4.shr_u', u, 23), v.i32(126)), small),
  );
  const square = v.op('f32x4.mul', x, x);
  const y = madd(
    v,
    v.op('f32x4.mul', polynomial(v, madd, x, LOG_COEFFICIENTS), x),
    square,
    v.op('f32x4.mul', exponent, v.f32(LN2_LOW)),
  );
  const tail = v.op('f32x4.sub', y, v.op('f32x4.mul', square, v.f32(0.5)));
  const log = v.op('f32x4.add', v.op('f32x4.mul', exponent, v.f32(LN2_HIGH)), v.op('f32x4.add', x, tail));
  return v.op('f32x4.sqrt', v.op('f32x4.mul', v.f32(-2), log));
}

/** Cosine and sine of 2π·u. */
function direction(v: Vectors, madd: MultiplyAdd, u: Local): [cosine: Local, sine: Local] {
  const theta = v.op('f32x4.mul', v.f32(TWO_PI), u);
  // Adding 2²³ puts a whole number into the low bits; 0x4b000000 is 2²³.
  const whole = v.op('f32x4.floor', v.op('f32x4.mul', theta, v.f32(FOUR_BY_PI)));
  const octant = v.op('i32x4.sub', v.op('f32x4.add', whole, v.f32(2 ** 23)), v.i32(0x4b000000));
  const quadrant = v.op('v128.and', v.op('i32x4.add', octant, v.i32(1)), v.i32(-2));
  const q = v.op('f32x4.convert_i32x4_s', quadrant);
  const r = QUARTER_PI.reduce((sum, part) => madd(v, q, v.f32(part), sum), theta);
  const z = v.op('f32x4.mul', r, r);
  const towards = (coefficients: readonly number[]): Local =>
    v.op('f32x4.mul', polynomial(v, madd, z, coefficients), z);
  const nearly = madd(v, towards(COS_COEFFICIENTS), z, v.op('f32x4.mul', z, v.f32(-0.5)));
  const cosine = v.op('f32x4.add', nearly, v.f32(1));
  const sine = madd(v, towards(SIN_COEFFICIENTS), r, r);
  const two = v.i32(2);
  const swapped = v.op('i32x4.eq', v.op('v128.and', quadrant, two), two);
  const signed = (x: Local, bits: Local): Local =>
    v.op('v128.xor', x, v.shift('i32x4.shl', v.op('v128.and', bits, v.i32(4)), 29));
  return [
    signed(v.op('v128.bitselect', sine, cosine, swapped), v.op('i32x4.add', quadrant, two)),
    signed(v.op('v128.bitselect', cosine, sine, swapped), quadrant),
  ];
}

/** Blocks of 16: d[j] and d[j + 8] give a pair. */
export function normal32(madd: MultiplyAdd): Distribution {
  return {
    words: 1,
    group: BLOCK,
    itemSize: 4,
    start: (v, descriptor) => {
      const [mean, std] = [0, 1].map((i) => scalar32(v, descriptor, i));
      return (from, to) => {
        for (const at of [0, 16]) {
          const r = radius(v, madd, v.op('f32x4.sub', v.f32(1), unit32(v, v.load(from, at))));
          const pair = direction(v, madd, unit32(v, v.load(from, at + 32)));
          const made = pair.map((x) => madd(v, v.op('f32x4.mul', r, x), std, mean));
          v.store(to, made[0], at);
          v.store(to, made[1], at + 32);
        }
      };
    },
  };
}
