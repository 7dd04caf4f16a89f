/** Arithmetic on groups of four floats as an embedded language: what the code of elementary functions is written in. */
import type { PlainOp } from './assembler.ts';
import { hasRelaxedSimd } from './features.ts';
import type { Lanes, Vec } from './lanes.ts';

type Floats = 'f32' | 'f64';
type Ints = 'i32' | 'i64';

/** So many coefficients are a polynomial whose chain of operations is longer than a core can hide. */
const LONG = 8;

const shapes = { f32: 'f32x4', f64: 'f64x2', i32: 'i32x4', i64: 'i64x2' } as const;

/**
 * Every method emits instructions and returns the registers of the result; numbers become constants of the type. A condition is a mask as
 * wide as the type's lanes.
 */
export class VectorMath {
  readonly lanes: Lanes;
  readonly type: Floats;

  constructor(lanes: Lanes, type: Floats) {
    this.lanes = lanes;
    this.type = type;
  }

  /** The same on another float type. */
  as(type: Floats): VectorMath {
    return new VectorMath(this.lanes, type);
  }

  constant(type: Floats | Ints, value: number | bigint): Vec {
    return this.lanes.constant(value, type);
  }

  private operand(x: Vec | number, part: number): void {
    if (typeof x === 'number') this.lanes.pushConstant(x, this.type);
    else this.lanes.f.get(x[part]);
  }

  private apply(name: string, ...args: readonly (Vec | number)[]): Vec {
    return this.lanes.make(this.type, (part) => {
      for (const a of args) this.operand(a, part);
      this.lanes.f.op(`${shapes[this.type]}.${name}` as PlainOp);
    });
  }

  add(a: Vec, b: Vec | number): Vec {
    return this.apply('add', a, b);
  }

  sub(a: Vec | number, b: Vec | number): Vec {
    return this.apply('sub', a, b);
  }

  mul(a: Vec, b: Vec | number): Vec {
    return this.apply('mul', a, b);
  }

  div(a: Vec, b: Vec): Vec {
    return this.apply('div', a, b);
  }

  abs(a: Vec): Vec {
    return this.lanes.abs(a, this.type);
  }

  /** a·b + c, rounded once where the machine can. */
  fma(a: Vec, b: Vec | number, c: Vec | number): Vec {
    if (hasRelaxedSimd()) return this.apply('relaxed_madd', a, b, c);
    return this.lanes.make(this.type, (part) => {
      this.operand(a, part);
      this.operand(b, part);
      this.lanes.f.op(`${shapes[this.type]}.mul` as PlainOp);
      this.operand(c, part);
      this.lanes.f.op(`${shapes[this.type]}.add` as PlainOp);
    });
  }

  /** c − a·b. */
  fnma(a: Vec, b: Vec | number, c: Vec): Vec {
    if (hasRelaxedSimd()) return this.apply('relaxed_nmadd', a, b, c);
    return this.sub(c, this.mul(a, b));
  }

  /** Σ coefficients[i]·xⁱ: by Horner's rule, or for many of them the even and the odd powers by themselves, which do not wait for each other. */
  polynomial(x: Vec, coefficients: readonly number[]): Vec {
    if (coefficients.length < LONG) return this.horner(x, coefficients);
    const square = this.mul(x, x);
    const half = (odd: 0 | 1): Vec =>
      this.horner(
        square,
        coefficients.filter((_, i) => i % 2 === odd),
      );
    return this.fma(half(1), x, half(0));
  }

  private horner(x: Vec, coefficients: readonly number[]): Vec {
    const last = coefficients.length - 1;
    let value: Vec = this.constant(this.type, coefficients[last]);
    for (let i = last - 1; i >= 0; i--) value = this.fma(value, x, coefficients[i]);
    return value;
  }

  /** Into [low, high]; NaN stays. */
  clamp(x: Vec, low: number, high: number): Vec {
    // pmin(a, b) is b < a ? b : a, so that a NaN in `a` stays.
    return this.apply('pmin', this.apply('pmax', x, low), high);
  }

  /** The smaller of `x` and `limit`; NaN stays. */
  atMost(x: Vec, limit: number): Vec {
    return this.apply('pmin', x, limit);
  }

  /** The larger one; `x` where one is NaN. */
  larger(x: Vec, y: Vec | number): Vec {
    return this.apply('pmax', x, y);
  }

  sqrt(x: Vec): Vec {
    return this.apply('sqrt', x);
  }

  /** The nearest whole number. */
  nearest(x: Vec): Vec {
    return this.apply('nearest', x);
  }

  /** Towards zero. */
  trunc(x: Vec): Vec {
    return this.apply('trunc', x);
  }

  negate(x: Vec): Vec {
    return this.lanes.negate(x, this.type);
  }

  /** `a` ≥ 0 with the sign of `b`. */
  withSign(a: Vec, b: Vec): Vec {
    return this.bits('or', a, this.bits('and', b, this.constant(this.type, -0)));
  }

  compare(name: 'eq' | 'lt' | 'gt' | 'ge', a: Vec, b: number): Vec {
    return this.apply(name, a, b);
  }

  equal(a: Vec, b: Vec): Vec {
    return this.apply('eq', a, b);
  }

  greater(a: Vec, b: Vec): Vec {
    return this.apply('gt', a, b);
  }

  /** `mask ? a : b`, the mask as wide as the lanes. */
  select(mask: Vec, a: Vec, b: Vec): Vec {
    return this.lanes.choose(mask, a, b, this.type);
  }

  bits(name: 'and' | 'andnot' | 'or' | 'xor', a: Vec, b: Vec): Vec {
    return this.lanes.apply(this.type, `v128.${name}`, a, b);
  }

  not(a: Vec): Vec {
    return this.lanes.apply(this.type, 'v128.not', a);
  }

  /** On the bits as integers. */
  int(type: Ints, name: 'add' | 'sub', a: Vec, b: Vec): Vec {
    return this.lanes.apply(type, `${shapes[type]}.${name}`, a, b);
  }

  shiftLeft(type: Ints, a: Vec, by: number): Vec {
    return this.lanes.make(type, (part) => this.lanes.f.get(a[part]).i32(by).op(`${shapes[type]}.shl`));
  }

  /** With the sign. */
  shiftRight(type: Ints, a: Vec, by: number): Vec {
    return this.lanes.make(type, (part) => this.lanes.f.get(a[part]).i32(by).op(`${shapes[type]}.shr_s`));
  }

  /** Without the sign: zeros come in. */
  shiftRightZeros(type: Ints, a: Vec, by: number): Vec {
    return this.lanes.make(type, (part) => this.lanes.f.get(a[part]).i32(by).op(`${shapes[type]}.shr_u`));
  }

  fromInt32(a: Vec): Vec {
    return this.lanes.convert(a, 'i32', this.type);
  }

  /** float32 lanes as doubles. */
  widen(a: Vec): Vec {
    return this.lanes.convert(a, 'f32', 'f64');
  }

  /** Doubles as float32 lanes. */
  narrow(a: Vec): Vec {
    return this.lanes.convert(a, 'f64', 'f32');
  }

  /** A function whose float32 values are computed in double precision: for those, of the widened operands, and narrowed. */
  inDouble(args: readonly Vec[], value: (d: VectorMath, args: readonly Vec[]) => Vec): Vec {
    if (this.type === 'f64') return value(this, args);
    const wide = args.map((a) => this.widen(a));
    return this.narrow(value(this.as('f64'), wide));
  }

  /** The first 26 significant bits of doubles, so that products of two such numbers are exact. */
  firstBits(x: Vec): Vec {
    return this.bits('and', x, this.constant('i64', -(2n ** 27n)));
  }

  /** `usual()`, or `otherwise()`, which is seldom needed, where any lane of the mask is set. */
  unlessAny(mask: Vec, usual: () => Vec, otherwise: () => Vec): Vec {
    return this.lanes.unlessAny(this.type, mask, usual, otherwise);
  }

  /** `any()` where any lane of the mask is set, else `none()`. */
  ifAny(mask: Vec, any: () => Vec, none: () => Vec): Vec {
    return this.lanes.ifAny(this.type, mask, any, none);
  }
}
