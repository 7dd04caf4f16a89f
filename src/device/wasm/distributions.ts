/** What kernels make of random words: the vector form of the functions in tensor/random, bit for bit. */
import { bool, type DType, float32, float64, int64 } from '../../base/dtype.ts';
import type { Draw } from '../device.ts';
import type { Local } from './assembler.ts';
import { fusesMultiplyAdd } from './features.ts';
import { type MultiplyAdd, multiplyAdd } from './fused.ts';
import { normal32 } from './normal32.ts';
import { type Distribution, plan } from './twister.ts';
import { scalar32, scalar64, scalarInt, temper, unit32 } from './words.ts';

/** Float32, scaled where there is a multiply-add. */
function uniform32(madd: MultiplyAdd | null): Distribution {
  return {
    words: 1,
    group: 8,
    itemSize: 4,
    start: (v, descriptor) => {
      const [low, width] = madd === null ? [0, 0] : [0, 1].map((i) => scalar32(v, descriptor, i));
      return (from, to) => {
        for (let at = 0; at < 32; at += 16) {
          const u = unit32(v, v.load(from, at));
          v.store(to, madd === null ? u : madd(v, u, width, low), at);
        }
      };
    },
  };
}

/** 2⁵² as the bits of float64: with a whole number of 32 bits below it, 2⁵² plus the number. */
const TWO52 = 0x4330000000000000n;
/** 2⁸⁴: the same for numbers times 2³². */
const TWO84 = 0x4530000000000000n;

function uniform64(scaled: boolean): Distribution {
  return {
    words: 2,
    group: 8,
    itemSize: 8,
    start: (v, descriptor) => {
      const [low, width] = scaled ? [0, 1].map((i) => scalar64(v, descriptor, i)) : [0, 0];
      return (from, to) => {
        for (let at = 0; at < 64; at += 16) {
          // Each pair of words is the high one, of which 21 bits count, then the low one.
          const pair = temper(v, v.load(from, at));
          const high = v.op('v128.or', v.op('v128.and', pair, v.i64(0x1fffffn)), v.i64(TWO84));
          const lower = v.op('v128.or', v.shift('i64x2.shr_u', pair, 32), v.i64(TWO52));
          // All exact.
          const sum = v.op('f64x2.add', v.op('f64x2.sub', high, v.f64(2 ** 84 + 2 ** 52)), lower);
          const u = v.op('f64x2.mul', sum, v.f64(2 ** -53));
          v.store(to, scaled ? v.op('f64x2.relaxed_madd', u, width, low) : u, at);
        }
      };
    },
  };
}

/** 32-bit lanes of two vectors: the even ones, or the odd ones. */
const EVEN = [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27];
const ODD = EVEN.map((byte) => byte + 4);

/**
 * 53 bits below p·2⁵³, rounded up: where the high word alone does not decide, which is rare, the low word does. As float32 or as bool.
 */
function bernoulli(itemSize: 1 | 4): Distribution {
  return {
    words: 2,
    group: 16,
    itemSize,
    start: (v, descriptor) => {
      const [high, low] = [0, 1].map((i) => scalarInt(v, descriptor, i));
      const { f } = v;
      const chosen = f.local('v128');
      const four = (from: Local, at: number): Local => {
        const [a, b] = [v.load(from, at), v.load(from, at + 16)];
        const first = v.op('v128.and', temper(v, v.shuffle(a, b, EVEN)), v.i32(0x1fffff));
        f.get(v.op('i32x4.lt_s', first, high)).set(chosen);
        const same = v.op('i32x4.eq', first, high);
        f.get(same).op('v128.any_true');
        f.if(() => {
          const second = v.op('i32x4.lt_u', temper(v, v.shuffle(a, b, ODD)), low);
          f.get(v.op('v128.or', chosen, v.op('v128.and', same, second))).set(chosen);
        });
        return v.op('v128.and', chosen, itemSize === 4 ? v.f32(1) : v.i32(1));
      };
      return (from, to) => {
        const [a, b, c, d] = [0, 32, 64, 96].map((at) => four(from, at));
        if (itemSize === 4) {
          [a, b, c, d].forEach((x, k) => {
            v.store(to, x, 16 * k);
          });
          return;
        }
        const [ab, cd] = [v.op('i16x8.narrow_i32x4_s', a, b), v.op('i16x8.narrow_i32x4_s', c, d)];
        v.store(to, v.op('i8x16.narrow_i16x8_s', ab, cd), 0);
      };
    },
  };
}

/** Bytes of the lowest part of each 32-bit lane, for parts of one and of two bytes. */
const LOW_PARTS: Readonly<Record<number, readonly number[]>> = {
  1: [0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12],
  2: [0, 1, 4, 5, 8, 9, 12, 13, 0, 1, 4, 5, 8, 9, 12, 13],
};

/**
 * Whole numbers, as integers of some bytes or as floats. The quotient of numbers below 2³² is right in float64: what is no whole number is further
 * from the next one than rounding moves it.
 */
function integers(itemSize: number, isFloat: boolean): Distribution {
  return {
    words: 1,
    group: 4,
    itemSize,
    start: (v, descriptor) => {
      const [low, range] = [0, 1].map((i) => scalar64(v, descriptor, i));
      // Adding 2⁵² to a float puts a whole number into its low bits.
      const { f } = v;
      f.get(descriptor).memory('f64.load', plan.scalar(0)).op('i64.trunc_sat_f64_s').i64(TWO52).op('i64.sub');
      const lowBits = f.local('v128');
      f.op('i64x2.splat').set(lowBits);
      return (from, to) => {
        const words = temper(v, v.load(from, 0));
        const [a, b] = (['i64x2.extend_low_i32x4_u', 'i64x2.extend_high_i32x4_u'] as const).map((extend) => {
          const x = v.op('f64x2.sub', v.op('v128.or', v.op(extend, words), v.i64(TWO52)), v.f64(2 ** 52));
          const quotient = v.op('f64x2.floor', v.op('f64x2.div', x, range));
          const rest = v.op('f64x2.sub', x, v.op('f64x2.mul', quotient, range));
          if (isFloat) return v.op('f64x2.add', rest, low);
          return v.op('i64x2.add', v.op('f64x2.add', rest, v.f64(2 ** 52)), lowBits);
        });
        if (itemSize === 8) {
          v.store(to, a, 0);
          v.store(to, b, 16);
        } else if (itemSize === 4) v.store(to, isFloat ? v.demote(a, b) : v.shuffle(a, b, EVEN), 0);
        else {
          const lanes = v.shuffle(a, b, EVEN);
          f.get(to).get(v.shuffle(lanes, lanes, LOW_PARTS[itemSize]));
          f.laneMemory(itemSize === 1 ? 'v128.store32_lane' : 'v128.store64_lane', 0);
        }
      };
    },
  };
}

/** Fisher and Yates's shuffle of 0 … n − 1 as int64, n being one more than the draws. */
const permutation: Distribution = {
  words: 1,
  group: 1,
  itemSize: 8,
  start: (v, descriptor) => {
    const { f } = v;
    const [left, number, other] = [f.local('i32'), f.local('i32'), f.local('i32')];
    const held = f.local('i64');
    const place = f.local('i32');
    f.get(descriptor).memory('i32.load', plan.out).set(place);
    f.get(descriptor).memory('i32.load', plan.count).i32(1).op('i32.add').set(left);
    f.loop(() => {
      f.get(place).get(number).op('i64.extend_i32_u').memory('i64.store');
      f.get(place).i32(8).op('i32.add').set(place);
      f.get(number).i32(1).op('i32.add').tee(number).get(left).op('i32.lt_u').brIf(0);
    });
    return (from, to) => {
      const word = temper(v, v.load(from, 0, 'v128.load32_zero'));
      f.get(word).lane('i32x4.extract_lane', 0).get(left).op('i32.rem_u');
      f.i32(3).op('i32.shl').get(to).op('i32.add').set(other);
      f.get(to).memory('i64.load').set(held);
      f.get(to).get(other).memory('i64.load').memory('i64.store');
      f.get(other).get(held).memory('i64.store');
      f.get(left).i32(1).op('i32.sub').set(left);
    };
  },
};

/** A kernel for a draw: the distribution, and the scalars of its descriptor. */
export interface DrawKernel {
  readonly name: string;
  readonly scalars: readonly number[];
  readonly distribution: () => Distribution;
}

/** The kernel for numbers of a dtype, or null where there is none. */
export function kernelFor(draw: Draw, dtype: DType): DrawKernel | null {
  const kernel = (scalars: readonly number[], distribution: () => Distribution): DrawKernel => ({
    name: `${draw.kind} ${dtype.name}`,
    scalars,
    distribution,
  });
  switch (draw.kind) {
    case 'uniform':
      if (dtype === float32) return kernel([], () => uniform32(null));
      return dtype === float64 ? kernel([], () => uniform64(false)) : null;
    case 'scaled': {
      const scalars = [draw.low, draw.width];
      if (dtype === float32) return kernel(scalars, () => uniform32(multiplyAdd()));
      return dtype === float64 && fusesMultiplyAdd() ? kernel(scalars, () => uniform64(true)) : null;
    }
    case 'bernoulli':
      if (dtype !== bool && dtype !== float32) return null;
      return kernel(threshold(draw.p), () => bernoulli(dtype.itemSize as 1 | 4));
    case 'normal':
      return dtype === float32 ? kernel([draw.mean, draw.std], () => normal32(multiplyAdd())) : null;
    case 'integers':
      if (dtype.itemSize === 2 && dtype.isFloatingPoint) return null;
      return kernel([draw.low, draw.range], () => integers(dtype.itemSize, dtype.isFloatingPoint));
    case 'permutation':
      return dtype === int64 ? kernel([], () => permutation) : null;
    default:
      return draw satisfies never;
  }
}

/** p·2⁵³ rounded up, in two words. */
function threshold(p: number): [high: number, low: number] {
  const whole = Math.ceil(p * 2 ** 53);
  const high = Math.floor(whole / 2 ** 32);
  return [high, whole - high * 2 ** 32];
}
