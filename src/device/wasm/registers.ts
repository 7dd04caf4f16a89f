/**
 * Four elements at a time: how values of every type lie in vector registers.
 *
 * f32, i32 and bool (a mask: all bits of a lane set or none) take one register, f64 and i64 two. All code of loop and
 * reduction kernels works on such groups of four, so that every mix of types has one way to be computed.
 */
import type { ComputeType } from '../../base/dtype.ts';
import type { FunctionBuilder, Local, WasmType } from './assembler.ts';
import type { ConstantPool } from './constants.ts';
import { hasRelaxedSimd } from './features.ts';

/** The registers of four values. */
export type Vec = readonly Local[];

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

const NO_SIGN_32 = new Int32Array(4).fill(0x7fffffff);
const NO_SIGN_64 = new BigInt64Array(2).fill(0x7fffffffffffffffn);

/** Emits vector code on values in registers into one function. */
export class Registers {
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

  protected pushBytes(data: Splatted): void {
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
  seldom<T>(emit: () => T): T {
    const { held } = this;
    this.held = null;
    const result = emit();
    this.held = held;
    return result;
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

  /** `usual()`, or `otherwise()`, which is seldom needed, where any lane of the mask (of one or two registers) is set. */
  unlessAny(type: ComputeType, mask: Vec, usual: () => Vec, otherwise: () => Vec): Vec {
    return this.ifAny(type, mask, () => this.seldom(otherwise), usual);
  }

  /** `any()` where any lane of the mask is set, else `none()`. */
  ifAny(type: ComputeType, mask: Vec, any: () => Vec, none: () => Vec): Vec {
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
      () => assign(any()),
      () => assign(none()),
    );
    return out;
  }
}
