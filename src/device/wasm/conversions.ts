/** Values in registers as values of other types. */
import type { ComputeType } from '../../base/dtype.ts';
import { isWide, Registers, type Vec } from './registers.ts';

/** The low bits of doubles near this are a whole number. */
const INTEGERS = 1.5 * 2 ** 52;
const INTEGERS_BITS = new BigInt64Array(new Float64Array([INTEGERS]).buffer)[0];
/** Emits conversions into one function. */
export class Conversions extends Registers {
  /** The value in another type. */
  convert(x: Vec, from: ComputeType, to: ComputeType): Vec {
    if (from === to) return x;
    const { f } = this;
    if (to === 'bool') return this.isNonzero(x, from);
    if (from === 'bool') {
      const mask = this.mask(x, to);
      return this.make(to, (part) => {
        f.get(mask[part]);
        this.pushConstant(1, to);
        f.op('v128.and');
      });
    }
    switch (`${from}>${to}`) {
      case 'f32>f64':
        return this.make(to, (part) => {
          f.get(x[0]);
          if (part === 1) f.get(x[0]).shuffle([8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15]);
          f.op('f64x2.promote_low_f32x4');
        });
      case 'f64>f32':
        return this.make(to, () => {
          f.get(x[0]).op('f32x4.demote_f64x2_zero').get(x[1]).op('f32x4.demote_f64x2_zero');
          f.shuffle([0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]);
        });
      case 'i32>f32':
        return this.apply(to, 'f32x4.convert_i32x4_s', x);
      case 'i32>f64':
        return this.make(to, (part) => {
          f.get(x[0]);
          if (part === 1) f.get(x[0]).shuffle([8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15]);
          f.op('f64x2.convert_low_i32x4_s');
        });
      case 'i32>i64':
        return this.make(to, (part) => {
          f.get(x[0]).op(part === 0 ? 'i64x2.extend_low_i32x4_s' : 'i64x2.extend_high_i32x4_s');
        });
      case 'i64>i32':
        return this.make(to, () => {
          f.get(x[0]).get(x[1]).shuffle([0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27]);
        });
      case 'i64>f32':
      case 'i64>f64':
        return this.fromInt64(x, to as 'f32' | 'f64');
      case 'f32>i32':
      case 'f64>i32':
        return this.toInt32(x, from as 'f32' | 'f64');
      default:
        return this.toInt64(this.convert(x, from, 'f64'));
    }
  }

  /** Are 64-bit integers outside [−2⁵¹, 2⁵¹)? Some bit of the result is set where they are. */
  isLarge(x: Vec): Vec {
    return this.make('i64', (part) => {
      this.f.get(x[part]);
      this.pushConstant(2n ** 51n, 'i64');
      this.f.op('i64x2.add');
      this.pushConstant(-(2n ** 52n), 'i64');
      this.f.op('v128.and');
    });
  }

  /** 64-bit integers in [−2⁵¹, 2⁵¹) as doubles: put into the low bits of 1.5·2⁵². */
  fromSmallInt64(x: Vec): Vec {
    return this.make('f64', (part) => {
      this.f.get(x[part]);
      this.pushConstant(INTEGERS_BITS, 'i64');
      this.f.op('i64x2.add');
      this.pushConstant(INTEGERS, 'f64');
      this.f.op('f64x2.sub');
    });
  }

  /** Whole doubles in (−2⁵¹, 2⁵¹) as 64-bit integers. */
  toSmallInt64(x: Vec): Vec {
    return this.make('i64', (part) => {
      this.f.get(x[part]);
      this.pushConstant(INTEGERS, 'f64');
      this.f.op('f64x2.add');
      this.pushConstant(INTEGERS_BITS, 'i64');
      this.f.op('i64x2.sub');
    });
  }

  /** Rounded once: the integers that take the usual way are doubles. */
  private fromInt64(x: Vec, to: 'f32' | 'f64'): Vec {
    return this.unlessAny(
      to,
      this.isLarge(x),
      () => this.convert(this.fromSmallInt64(x), 'f64', to),
      () =>
        this.perLane(to, (lane) => {
          this.extract(x, 'i64', lane);
          this.f.op(`${to}.convert_i64_s`);
        }),
    );
  }

  /**
   * f64 to i64 towards zero; what does not fit, and NaN, is INT64_MIN, as on x86-64. The whole part is hi·2³² + lo with 0 ≤ lo < 2³². Added to
   * 1.5·2⁵² or 2⁵², each of the two stands in the low bits of the sum's fraction.
   */
  private toInt64(x: Vec): Vec {
    const { f } = this;
    return this.make('i64', (part) => {
      const whole = f.local('v128');
      const high = f.local('v128');
      f.get(x[part]).op('f64x2.trunc').tee(whole);
      this.pushConstant(2 ** -32, 'f64');
      f.op('f64x2.mul').op('f64x2.floor').set(high);
      // hi: the bits above those 32 go away with the shift.
      f.get(high);
      this.pushConstant(1.5 * 2 ** 52, 'f64');
      f.op('f64x2.add').i32(32).op('i64x2.shl');
      f.get(whole).get(high);
      this.pushConstant(2 ** 32, 'f64');
      f.op('f64x2.mul').op('f64x2.sub');
      this.pushConstant(2 ** 52, 'f64');
      f.op('f64x2.add');
      this.pushConstant(0xffffffffn, 'i64');
      f.op('v128.and').op('v128.or');
      this.pushConstant(-(2n ** 63n), 'i64');
      f.get(whole);
      this.pushConstant(2 ** 63, 'f64');
      f.op('f64x2.lt').get(whole);
      this.pushConstant(-(2 ** 63), 'f64');
      f.op('f64x2.ge').op('v128.and').op('v128.bitselect');
    });
  }

  /** Towards zero; what does not fit is INT32_MIN, as on x86-64, where the instruction gives INT32_MAX, or 0 for NaN. */
  private toInt32(x: Vec, from: 'f32' | 'f64'): Vec {
    const { f } = this;
    const op = from === 'f32' ? 'f32x4.lt' : 'f64x2.lt';
    const below = this.make(from, (part) => {
      f.get(x[part]);
      this.pushConstant(2 ** 31, from);
      f.op(op);
    });
    const fits = from === 'f32' ? below : this.narrowMask(below);
    return this.make('i32', () => {
      if (from === 'f32') f.get(x[0]).op('i32x4.trunc_sat_f32x4_s');
      else {
        f.get(x[0]).op('i32x4.trunc_sat_f64x2_s_zero').get(x[1]).op('i32x4.trunc_sat_f64x2_s_zero');
        f.shuffle([0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]);
      }
      this.pushConstant(-(2 ** 31), 'i32');
      f.get(fits[0]).op('v128.bitselect');
    });
  }

  private isNonzero(x: Vec, from: ComputeType): Vec {
    const op = (
      { f32: 'f32x4.ne', f64: 'f64x2.ne', i32: 'i32x4.ne', i64: 'i64x2.ne', bool: 'i32x4.ne' } as const
    )[from];
    const parts = this.make(from, (part) => {
      this.f.get(x[part]);
      this.pushConstant(0, from);
      this.f.op(op);
    });
    return isWide(from) ? this.narrowMask(parts) : parts;
  }

  /** float16 bits to f32: shifted into place, the exponent corrected by a multiplication (which handles subnormals too). */
  protected fromHalf(h: Vec): Vec {
    const { f } = this;
    const magnitude = this.make('i32', () => {
      f.get(h[0]);
      this.pushConstant(0x7fff, 'i32');
      f.op('v128.and').i32(13).op('i32x4.shl');
    });
    return this.make('f32', () => {
      f.get(magnitude[0]);
      this.pushConstant(2 ** 112, 'f32');
      f.op('f32x4.mul');
      // Infinities and NaN keep the highest exponent.
      this.pushConstant(0x7f800000, 'i32');
      f.get(magnitude[0]);
      this.pushConstant(0x0f7fffff, 'i32');
      f.op('i32x4.gt_s').op('v128.and').op('v128.or');
      f.get(h[0]);
      this.pushConstant(0x8000, 'i32');
      f.op('v128.and').i32(16).op('i32x4.shl').op('v128.or');
    });
  }

  /** f32 to float16 bits, rounded to nearest even. */
  protected toHalf(x: Vec): Vec {
    const { f } = this;
    const magnitude = this.make('i32', () => {
      f.get(x[0]);
      this.pushConstant(0x7fffffff, 'i32');
      f.op('v128.and');
    });
    const m = magnitude[0];
    const normal = this.make('i32', () => {
      f.get(m);
      this.pushConstant((0xc8000fff | 0) as number, 'i32');
      f.op('i32x4.add').get(m).i32(13).op('i32x4.shr_u');
      this.pushConstant(1, 'i32');
      f.op('v128.and').op('i32x4.add').i32(13).op('i32x4.shr_u');
    });
    const subnormal = this.make('i32', () => {
      f.get(m);
      this.pushConstant(0.5, 'f32');
      f.op('f32x4.add');
      this.pushConstant(0x3f000000, 'i32');
      f.op('i32x4.sub');
    });
    const special = this.make('i32', () => {
      this.pushConstant(0x7e00, 'i32');
      this.pushConstant(0x7c00, 'i32');
      f.get(m);
      this.pushConstant(0x7f800000, 'i32');
      f.op('i32x4.gt_s').op('v128.bitselect');
    });
    return this.make('i32', () => {
      f.get(special[0]).get(subnormal[0]).get(normal[0]);
      f.get(m);
      this.pushConstant(0x38800000, 'i32');
      f.op('i32x4.lt_s').op('v128.bitselect');
      f.get(m);
      this.pushConstant(0x47800000, 'i32');
      f.op('i32x4.ge_s').op('v128.bitselect');
      f.get(x[0]).i32(16).op('i32x4.shr_u');
      this.pushConstant(0x8000, 'i32');
      f.op('v128.and').op('v128.or');
    });
  }

  protected toBfloat16(x: Vec): Vec {
    const { f } = this;
    return this.make('i32', () => {
      this.pushConstant(0x7fc0, 'i32');
      f.get(x[0]).get(x[0]).i32(16).op('i32x4.shr_u');
      this.pushConstant(1, 'i32');
      f.op('v128.and').op('i32x4.add');
      this.pushConstant(0x7fff, 'i32');
      f.op('i32x4.add').i32(16).op('i32x4.shr_u');
      f.get(x[0]).get(x[0]).op('f32x4.ne').op('v128.bitselect');
    });
  }
}
