/**
 * Four elements at a time: how values of every type lie in vector registers, how they are loaded, converted and stored.
 *
 * f32, i32 and bool (a mask: all bits of a lane set or none) take one register, f64 and i64 two. All code of loop and
 * reduction kernels works on such groups of four, so that every mix of types has one way to be computed.
 */
import type { ComputeType, DType } from '../../base/dtype.ts';
import type { FunctionBuilder, LaneMemoryOp, Local, MemoryOp, WasmType } from './assembler.ts';
import type { ConstantPool } from './constants.ts';
import { hasRelaxedSimd } from './features.ts';

/** The registers of four values. */
export type Vec = readonly Local[];

/** How an operand moves along the vectorised dimension: element by element, not at all, by some stride, or (loads) element by element backwards. */
export type Access = 'contiguous' | 'scalar' | 'strided' | 'reversed';

export const LANES = 4;

export function isWide(type: ComputeType): boolean {
  return type === 'f64' || type === 'i64';
}

/** The type of one lane as a WebAssembly value. */
export function scalarType(type: ComputeType): WasmType {
  return type === 'bool' ? 'i32' : type;
}

const extractOps = {
  f32: 'f32x4.extract_lane',
  i32: 'i32x4.extract_lane',
  bool: 'i32x4.extract_lane',
  f64: 'f64x2.extract_lane',
  i64: 'i64x2.extract_lane',
} as const;

const replaceOps = {
  f32: 'f32x4.replace_lane',
  i32: 'i32x4.replace_lane',
  bool: 'i32x4.replace_lane',
  f64: 'f64x2.replace_lane',
  i64: 'i64x2.replace_lane',
} as const;

const splatOps = {
  f32: 'f32x4.splat',
  i32: 'i32x4.splat',
  bool: 'i32x4.splat',
  f64: 'f64x2.splat',
  i64: 'i64x2.splat',
} as const;

type Splatted = Float32Array | Float64Array | Int32Array | BigInt64Array;

/** A register full of one value. */
function splatted(value: number | bigint, type: ComputeType): Splatted {
  switch (type) {
    case 'f32':
      return new Float32Array(4).fill(Number(value));
    case 'f64':
      return new Float64Array(2).fill(Number(value));
    case 'i32':
      return new Int32Array(4).fill(Number(value));
    case 'bool':
      return new Int32Array(4).fill(Number(value) !== 0 ? -1 : 0);
    case 'i64':
      return new BigInt64Array(2).fill(BigInt(value));
    default:
      throw new Error(`no constants of type ${type satisfies never}`);
  }
}

/** The low bits of doubles near this are a whole number. */
const INTEGERS = 1.5 * 2 ** 52;
const INTEGERS_BITS = new BigInt64Array(new Float64Array([INTEGERS]).buffer)[0];
const NO_SIGN_32 = new Int32Array(4).fill(0x7fffffff);
const NO_SIGN_64 = new BigInt64Array(2).fill(0x7fffffffffffffffn);

/** Emits vector code into one function. */
export class Lanes {
  readonly f: FunctionBuilder;
  readonly pool: ConstantPool;
  /** The registers of constants that are loaded before a loop, by address. */
  private held: Map<number, Local> | null = null;

  constructor(f: FunctionBuilder, pool: ConstantPool) {
    this.f = f;
    this.pool = pool;
  }

  /** Fresh registers for a value. */
  vec(type: ComputeType): Vec {
    return isWide(type) ? [this.f.local('v128'), this.f.local('v128')] : [this.f.local('v128')];
  }

  /** Puts what `emit` leaves on the stack, for each register of the type in turn, into fresh registers. */
  make(type: ComputeType, emit: (part: number) => void): Vec {
    const out = this.vec(type);
    out.forEach((local, part) => {
      emit(part);
      this.f.set(local);
    });
    return out;
  }

  /** Applies a vector instruction to each register of the operands. */
  apply(type: ComputeType, op: Parameters<FunctionBuilder['op']>[0], ...args: readonly Vec[]): Vec {
    return this.make(type, (part) => {
      for (const a of args) this.f.get(a[part]);
      this.f.op(op);
    });
  }

  /** Four times a constant. */
  constant(value: number | bigint, type: ComputeType): Vec {
    return this.make(type, () => this.pushConstant(value, type));
  }

  /** Leaves one register full of a constant on the stack. */
  pushConstant(value: number | bigint, type: ComputeType): void {
    this.pushBytes(splatted(value, type));
  }

  private pushBytes(data: Splatted): void {
    const { f, pool, held } = this;
    if (held === null) {
      pool.load(f, data);
      return;
    }
    const address = pool.address(new Uint8Array(data.buffer as ArrayBuffer));
    let local = held.get(address);
    if (local === undefined) {
      local = f.local('v128');
      held.set(address, local);
    }
    f.get(local);
  }

  /** Emits a loop, whose constants are loaded before it. Where registers run out, the engine keeps them on the stack, no worse than memory. */
  holdConstants(emit: () => void): void {
    const { f } = this;
    const outer = this.held;
    const held = new Map<number, Local>();
    const start = f.position;
    this.held = held;
    emit();
    this.held = outer;
    f.insertAt(start, () => {
      for (const [address, local] of held) f.i32(address).memory('v128.load').set(local);
    });
  }

  /** Emits code that seldom runs: its constants take no registers. */
  seldom(emit: () => void): void {
    const { held } = this;
    this.held = null;
    emit();
    this.held = held;
  }

  /** Leaves lane `lane` (0 to 3) on the stack; a bool as 0 or 1. */
  extract(x: Vec, type: ComputeType, lane: number): void {
    const wide = isWide(type);
    this.f.get(x[wide ? lane >> 1 : 0]).lane(extractOps[type], wide ? lane & 1 : lane);
    if (type === 'bool') this.f.i32(1).op('i32.and');
  }

  /** Computes each lane by scalar code: `emit` leaves the lane's value on the stack (a bool as 0 or 1). */
  perLane(type: ComputeType, emit: (lane: number) => void): Vec {
    const wide = isWide(type);
    return this.make(type, (part) => {
      const first = wide ? part * 2 : 0;
      const count = wide ? 2 : 4;
      for (let i = 0; i < count; i++) {
        emit(first + i);
        if (type === 'bool') this.f.i32(0).op('i32.ne').i32(-1).op('i32.mul');
        if (i === 0) this.f.op(splatOps[type]);
        else this.f.lane(replaceOps[type], i);
      }
    });
  }

  /** Fills all lanes with the scalar that `emit` leaves on the stack. */
  splat(type: ComputeType, emit: () => void): Vec {
    return this.make(type, () => {
      emit();
      if (type === 'bool') this.f.i32(0).op('i32.ne').i32(-1).op('i32.mul');
      this.f.op(splatOps[type]);
    });
  }

  /** A bool's mask as wide as the lanes of `type`. */
  mask(condition: Vec, type: ComputeType): Vec {
    if (!isWide(type)) return condition;
    return this.make(type, (part) => {
      const a = part * 8;
      this.f.get(condition[0]).get(condition[0]);
      this.f.shuffle([
        a,
        a + 1,
        a + 2,
        a + 3,
        a,
        a + 1,
        a + 2,
        a + 3,
        a + 4,
        a + 5,
        a + 6,
        a + 7,
        a + 4,
        a + 5,
        a + 6,
        a + 7,
      ]);
    });
  }

  /** 64-bit masks as a bool. */
  narrowMask(wide: Vec): Vec {
    return this.make('bool', () => {
      this.f.get(wide[0]).get(wide[1]);
      this.f.shuffle([0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27]);
    });
  }

  /** `condition ? a : b`. */
  select(condition: Vec, a: Vec, b: Vec, type: ComputeType): Vec {
    return this.choose(this.mask(condition, type), a, b, type);
  }

  /** `mask ? a : b` for a mask as wide as the lanes, each of which is all ones or all zeros. */
  choose(mask: Vec, a: Vec, b: Vec, type: ComputeType): Vec {
    const op = hasRelaxedSimd() ? 'i32x4.relaxed_laneselect' : 'v128.bitselect';
    return this.make(type, (part) => {
      this.f.get(a[part]).get(b[part]).get(mask[part]).op(op);
    });
  }

  /** |x| of floats. */
  abs(x: Vec, type: 'f32' | 'f64'): Vec {
    return this.make(type, (part) => {
      this.f.get(x[part]);
      this.pushBytes(type === 'f32' ? NO_SIGN_32 : NO_SIGN_64);
      this.f.op('v128.and');
    });
  }

  /** −x of floats. */
  negate(x: Vec, type: 'f32' | 'f64'): Vec {
    return this.make(type, (part) => {
      this.f.get(x[part]);
      this.pushConstant(-0, type);
      this.f.op('v128.xor');
    });
  }

  /** The larger or smaller of floats; NaN where one of them is. */
  extreme(which: 'max' | 'min', a: Vec, b: Vec, type: 'f32' | 'f64'): Vec {
    const shape = type === 'f32' ? 'f32x4' : 'f64x2';
    // What engines make of the plain instructions is three times as long. The pseudo-extreme is `a` where one is NaN.
    const pseudo = this.apply(type, `${shape}.p${which}`, a, b);
    return this.choose(this.apply(type, `${shape}.eq`, b, b), pseudo, b, type);
  }

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

  /** `usual()`, or `otherwise()` where any lane of the mask (of one or two registers) is set. */
  unlessAny(type: ComputeType, mask: Vec, usual: () => Vec, otherwise: () => Vec): Vec {
    const { f } = this;
    const out = this.vec(type);
    const assign = (value: Vec): void => {
      out.forEach((local, part) => {
        f.get(value[part]).set(local);
      });
    };
    mask.forEach((local, part) => {
      f.get(local).op('v128.any_true');
      if (part > 0) f.op('i32.or');
    });
    f.if(
      () => this.seldom(() => assign(otherwise())),
      () => assign(usual()),
    );
    return out;
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

  /**
   * Loads four elements at `pointer` (a local), in the dtype's own type. `stride` (a local) is in bytes. Elements that are not strided may lie
   * `offset` bytes further.
   */
  load(dtype: DType, access: Access, pointer: Local, stride: Local | null, offset = 0): Vec {
    const { f } = this;
    const raw = (emit: () => void): Vec => this.make('i32', emit);
    const { itemSize } = dtype;
    const gather = (lanes: readonly number[]): void => {
      const op = `v128.load${itemSize * 8}_lane` as LaneMemoryOp;
      f.get(pointer);
      this.pushStrideTimes(stride as Local, lanes[0]);
      f.memory(loadSplat[itemSize as 1 | 2 | 4 | 8]);
      for (let i = 1; i < lanes.length; i++) {
        const vector = f.local('v128');
        f.set(vector).get(pointer);
        this.pushStrideTimes(stride as Local, lanes[i]);
        f.get(vector).laneMemory(op, i);
      }
    };
    // The vector that ends with the element at the pointer, turned round.
    const backwards = (op: MemoryOp, count: number, part = 0): void => {
      f.get(pointer).i32((part * count + count - 1) * itemSize);
      f.op('i32.sub').memory(op).tee(turned).get(turned).shuffle(reversedElements(itemSize, count));
    };
    const turned = access === 'reversed' ? f.local('v128') : -1;
    if (itemSize === 8) {
      return this.make(dtype.compute, (part) => {
        if (access === 'reversed') backwards('v128.load', 2, part);
        else if (access === 'contiguous') f.get(pointer).memory('v128.load', offset + part * 16);
        else if (access === 'scalar') f.get(pointer).memory('v128.load64_splat', offset);
        else gather([part * 2, part * 2 + 1]);
      });
    }
    const bits = raw(() => {
      if (access === 'reversed') backwards(loadFour[itemSize as 1 | 2 | 4], LANES);
      else if (access === 'contiguous') f.get(pointer).memory(loadFour[itemSize as 1 | 2 | 4], offset);
      else if (access === 'scalar') f.get(pointer).memory(loadSplat[itemSize as 1 | 2 | 4], offset);
      else gather([0, 1, 2, 3]);
    });
    return this.fromStorage(bits, dtype);
  }

  /** Adds `lane` times the stride to the address on the stack. */
  pushStrideTimes(stride: Local, lane: number): void {
    if (lane === 0) return;
    this.f.get(stride);
    if (lane > 1) this.f.i32(lane).op('i32.mul');
    this.f.op('i32.add');
  }

  /** Widens packed elements (in the low bytes of a register) to 32-bit lanes. */
  private fromStorage(bits: Vec, dtype: DType): Vec {
    const { f } = this;
    const widen = (signed: boolean): Vec =>
      this.make('i32', () => {
        f.get(bits[0]);
        if (dtype.itemSize === 1) f.op(signed ? 'i16x8.extend_low_i8x16_s' : 'i16x8.extend_low_i8x16_u');
        f.op(signed ? 'i32x4.extend_low_i16x8_s' : 'i32x4.extend_low_i16x8_u');
      });
    switch (dtype.name) {
      case 'bool':
        return this.convert(widen(false), 'i32', 'bool');
      case 'uint8':
        return widen(false);
      case 'int8':
      case 'int16':
        return widen(true);
      case 'bfloat16': {
        const wide = widen(false);
        return this.make('f32', () => f.get(wide[0]).i32(16).op('i32x4.shl'));
      }
      case 'float16':
        return this.fromHalf(widen(false));
      default:
        return bits;
    }
  }

  /** float16 bits to f32: shifted into place, the exponent corrected by a multiplication (which handles subnormals too). */
  private fromHalf(h: Vec): Vec {
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
  private toHalf(x: Vec): Vec {
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

  private toBfloat16(x: Vec): Vec {
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

  /** A value of the dtype's own type as packed elements: two registers for 8 bytes, else one. */
  toStorage(x: Vec, dtype: DType): Vec {
    const { f } = this;
    let lanes = x;
    if (dtype.name === 'bool') lanes = this.convert(x, 'bool', 'i32');
    else if (dtype.name === 'float16') lanes = this.toHalf(x);
    else if (dtype.name === 'bfloat16') lanes = this.toBfloat16(x);
    if (dtype.itemSize >= 4) return lanes;
    return this.make('i32', () => {
      f.get(lanes[0]).get(lanes[0]);
      if (dtype.itemSize === 2) f.shuffle([0, 1, 4, 5, 8, 9, 12, 13, 0, 1, 4, 5, 8, 9, 12, 13]);
      else f.shuffle([0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12]);
    });
  }

  /** Stores four elements. */
  store(x: Vec, dtype: DType, access: Access, pointer: Local, stride: Local | null): void {
    const raw = this.toStorage(x, dtype);
    if (access === 'contiguous') {
      const { f } = this;
      if (dtype.itemSize === 8) {
        f.get(pointer).get(raw[0]).memory('v128.store');
        f.get(pointer).get(raw[1]).memory('v128.store', 16);
      } else if (dtype.itemSize === 4) f.get(pointer).get(raw[0]).memory('v128.store');
      else if (dtype.itemSize === 2) f.get(pointer).get(raw[0]).laneMemory('v128.store64_lane', 0);
      else f.get(pointer).get(raw[0]).laneMemory('v128.store32_lane', 0);
      return;
    }
    for (let lane = 0; lane < LANES; lane++) this.storeLane(raw, dtype, lane, pointer, stride);
  }

  /** Stores one element of a value in storage form; `stride` null: elements follow each other. */
  storeLane(raw: Vec, dtype: DType, lane: number, pointer: Local, stride: Local | null): void {
    const { f } = this;
    const { itemSize } = dtype;
    const op = `v128.store${itemSize * 8}_lane` as LaneMemoryOp;
    f.get(pointer);
    if (stride !== null) this.pushStrideTimes(stride, lane);
    const wide = itemSize === 8;
    f.get(raw[wide ? lane >> 1 : 0]);
    f.laneMemory(op, wide ? lane & 1 : lane, stride === null ? lane * itemSize : 0);
  }
}

/** The bytes of `count` elements in reverse order. */
function reversedElements(itemSize: number, count: number): number[] {
  return Array.from({ length: 16 }, (_, byte) => {
    const element = Math.floor(byte / itemSize);
    return (element < count ? count - 1 - element : element) * itemSize + (byte % itemSize);
  });
}

const loadFour: Readonly<Record<1 | 2 | 4, MemoryOp>> = {
  1: 'v128.load32_zero',
  2: 'v128.load64_zero',
  4: 'v128.load',
};

const loadSplat: Readonly<Record<1 | 2 | 4 | 8, MemoryOp>> = {
  1: 'v128.load8_splat',
  2: 'v128.load16_splat',
  4: 'v128.load32_splat',
  8: 'v128.load64_splat',
};
