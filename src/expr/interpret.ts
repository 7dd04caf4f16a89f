/**
 * The interpreter: what each intrinsic means, in plain JavaScript.
 *
 * `compile` turns an expression into a closure. bool, i32, f32 and f64 values are numbers (bool: 0 or 1; f32 rounded after every
 * operation), i64 values are bigints. The reference device runs it for every element; other devices call `elementary` for functions
 * that they have no code of their own for.
 */
import type { ComputeType } from '../base/dtype.ts';
import { NotImplementedError, RuntimeError } from '../base/errors.ts';
import type { Arithmetic, Comparison, Elementary, Expr, Special } from './expr.ts';
import { isFloat, postorder } from './expr.ts';
import * as special from './special.ts';

export type Value = number | bigint;

/** Round half to even. */
export function roundHalfEven(x: number): number {
  if (!Number.isFinite(x) || Math.abs(x) >= 2 ** 52) return x;
  const down = Math.floor(x);
  const rest = x - down;
  const result = rest < 0.5 || (rest === 0.5 && down % 2 === 0) ? down : down + 1;
  return result === 0 && (x < 0 || Object.is(x, -0)) ? -0 : result;
}

/** C's pow: 1 to any power and anything to the power of 0 is 1, also with NaN. */
function pow(x: number, y: number): number {
  if (x === 1) return 1;
  if (x === -1 && (y === Number.POSITIVE_INFINITY || y === Number.NEGATIVE_INFINITY)) return 1;
  return x ** y;
}

const scratch = new DataView(new ArrayBuffer(8));

/** The next double after `x` towards `y`. */
function nextafter64(x: number, y: number): number {
  if (Number.isNaN(x) || Number.isNaN(y)) return Number.NaN;
  if (x === y) return y;
  if (x === 0) return y > 0 ? Number.MIN_VALUE : -Number.MIN_VALUE;
  scratch.setFloat64(0, x);
  const bits = scratch.getBigInt64(0);
  scratch.setBigInt64(0, y > x === x > 0 ? bits + 1n : bits - 1n);
  return scratch.getFloat64(0);
}

/** The next float32 after `x` towards `y`. */
export function nextafter32(x: number, y: number): number {
  if (Number.isNaN(x) || Number.isNaN(y)) return Number.NaN;
  if (x === y) return y;
  if (x === 0) return y > 0 ? 2 ** -149 : -(2 ** -149);
  scratch.setFloat32(0, x);
  const bits = scratch.getInt32(0);
  scratch.setInt32(0, y > x === x > 0 ? bits + 1 : bits - 1);
  return scratch.getFloat32(0);
}

/** Elementary and special functions in double precision. */
export const elementary: Readonly<Record<Elementary | Special, (...args: number[]) => number>> = {
  exp: Math.exp,
  exp2: (x) => 2 ** x,
  expm1: Math.expm1,
  log: Math.log,
  log2: Math.log2,
  log10: Math.log10,
  log1p: Math.log1p,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  atan2: Math.atan2,
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  asinh: Math.asinh,
  acosh: Math.acosh,
  atanh: Math.atanh,
  pow,
  hypot: Math.hypot,
  erf: special.erf,
  erfc: special.erfc,
  nextafter: nextafter64,
  erfinv: special.erfinv,
  lgamma: special.lgamma,
  digamma: special.digamma,
  polygamma: special.polygamma,
  zeta: special.zeta,
  i0: special.i0,
  i0e: special.i0e,
  i1: special.i1,
  i1e: special.i1e,
  erfcx: special.erfcx,
  ndtri: special.ndtri,
  logNdtr: special.logNdtr,
  igamma: special.igamma,
  igammac: special.igammac,
  airyAi: special.airyAi,
  besselJ0: special.besselJ0,
  besselJ1: special.besselJ1,
  besselY0: special.besselY0,
  besselY1: special.besselY1,
  modifiedBesselK0: special.modifiedBesselK0,
  modifiedBesselK1: special.modifiedBesselK1,
  scaledModifiedBesselK0: special.scaledModifiedBesselK0,
  scaledModifiedBesselK1: special.scaledModifiedBesselK1,
  chebyshevPolynomialT: special.chebyshevPolynomialT,
  chebyshevPolynomialU: special.chebyshevPolynomialU,
  chebyshevPolynomialV: special.chebyshevPolynomialV,
  chebyshevPolynomialW: special.chebyshevPolynomialW,
  hermitePolynomialH: special.hermitePolynomialH,
  hermitePolynomialHe: special.hermitePolynomialHe,
  laguerrePolynomialL: special.laguerrePolynomialL,
  legendrePolynomialP: special.legendrePolynomialP,
};

/** Functions whose time depends on their arguments: they must never be run on whatever happens to lie in memory. */
export const unboundedTime: ReadonlySet<string> = new Set<Special>([
  'zeta',
  'polygamma',
  'igamma',
  'igammac',
  'chebyshevPolynomialT',
  'chebyshevPolynomialU',
  'chebyshevPolynomialV',
  'chebyshevPolynomialW',
  'hermitePolynomialH',
  'hermitePolynomialHe',
  'laguerrePolynomialL',
  'legendrePolynomialP',
]);

type FloatFn = (a: number, b: number) => number;
type IntFn = (a: bigint, b: bigint) => bigint;

function divisionByZero(): never {
  throw new RuntimeError('ZeroDivisionError');
}

const onFloats: Readonly<Record<Exclude<Arithmetic, 'and' | 'or' | 'xor' | 'not' | 'shl' | 'shr'>, FloatFn>> =
  {
    add: (a, b) => a + b,
    sub: (a, b) => a - b,
    mul: (a, b) => a * b,
    div: (a, b) => a / b,
    rem: (a, b) => a % b,
    neg: (a) => -a,
    abs: Math.abs,
    min: (a, b) => (Number.isNaN(a) || Number.isNaN(b) ? Number.NaN : Math.min(a, b)),
    max: (a, b) => (Number.isNaN(a) || Number.isNaN(b) ? Number.NaN : Math.max(a, b)),
    sqrt: Math.sqrt,
    floor: Math.floor,
    ceil: Math.ceil,
    trunc: Math.trunc,
    round: roundHalfEven,
    copysign: (a, b) => (b < 0 || Object.is(b, -0) || isNegativeNaN(b) ? -Math.abs(a) : Math.abs(a)),
  };

function isNegativeNaN(x: number): boolean {
  if (!Number.isNaN(x)) return false;
  scratch.setFloat64(0, x);
  return scratch.getUint8(0) >= 128;
}

/** Integers of any width, as bigints; the caller wraps to the width. */
const onIntegers: Readonly<Record<Exclude<Arithmetic, 'sqrt' | 'copysign'>, IntFn>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => (b === 0n ? divisionByZero() : a / b),
  rem: (a, b) => (b === 0n ? divisionByZero() : a % b),
  neg: (a) => -a,
  abs: (a) => (a < 0n ? -a : a),
  min: (a, b) => (a < b ? a : b),
  max: (a, b) => (a > b ? a : b),
  floor: (a) => a,
  ceil: (a) => a,
  trunc: (a) => a,
  round: (a) => a,
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  not: (a) => ~a,
  // Shifts by the width or more: what x86-64 C++ code of PyTorch gives is undefined; we give 0 (or the sign).
  shl: (a, b) => (b < 0n || b > 63n ? 0n : a << b),
  shr: (a, b) => (b < 0n || b > 63n ? (a < 0n ? -1n : 0n) : a >> b),
};

const comparisons: Readonly<Record<Comparison, (a: Value, b: Value) => boolean>> = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
  gt: (a, b) => a > b,
  ge: (a, b) => a >= b,
};

/** A float as an integer of 64 bits: towards zero; what does not fit is INT64_MIN, as on x86-64. */
function toInt64(x: number): bigint {
  if (Number.isNaN(x) || x >= 2 ** 63 || x < -(2 ** 63)) return -(2n ** 63n);
  return BigInt(Math.trunc(x));
}

/** The same for 32 bits. */
function toInt32(x: number): number {
  return x > -(2 ** 31) - 1 && x < 2 ** 31 ? Math.trunc(x) | 0 : -(2 ** 31);
}

/** Conversion between the types of expressions. */
export function convert(x: Value, from: ComputeType, to: ComputeType): Value {
  if (from === to) return x;
  if (to === 'bool') return typeof x === 'bigint' ? (x !== 0n ? 1 : 0) : x !== 0 ? 1 : 0;
  if (to === 'f64') return Number(x);
  if (to === 'f32') return Math.fround(Number(x));
  if (to === 'i32' && isFloat(from)) return toInt32(Number(x));
  const wide = typeof x === 'bigint' ? x : isFloat(from) ? toInt64(x) : BigInt(x);
  return to === 'i64' ? wide : Number(BigInt.asIntN(32, wide));
}

function wrapInteger(x: bigint, type: ComputeType): Value {
  return type === 'i64' ? BigInt.asIntN(64, x) : Number(BigInt.asIntN(32, x));
}

/** The value of one node from the values of its arguments. */
export function apply(e: Expr, args: readonly Value[]): Value {
  const operandType = e.args.length > 0 ? e.args[0].type : e.type;
  const op = e.op;
  if (op === 'cast') return convert(args[0], operandType, e.type);
  if (op === 'select') return args[0] !== 0 ? args[1] : args[2];
  if (op in comparisons) return comparisons[op as Comparison](args[0], args[1]) ? 1 : 0;
  if (isFloat(e.type)) {
    const x = Number(args[0]);
    const y = Number(args[1]);
    let result: number;
    if (op === 'nextafter' && e.type === 'f32') result = nextafter32(x, y);
    else if (op in elementary) result = elementary[op as Elementary](x, y);
    else if (op in onFloats) result = onFloats[op as keyof typeof onFloats](x, y);
    else throw new NotImplementedError(`'${op}' is not defined on floats`);
    return e.type === 'f32' ? Math.fround(result) : result;
  }
  if (e.type === 'bool') {
    const a = args[0] !== 0;
    const b = args[1] !== 0;
    switch (op) {
      case 'not':
        return a ? 0 : 1;
      case 'and':
      case 'mul':
      case 'min':
        return a && b ? 1 : 0;
      case 'or':
      case 'add':
      case 'max':
        return a || b ? 1 : 0;
      case 'xor':
        return a !== b ? 1 : 0;
      default:
        throw new NotImplementedError(`'${op}' is not defined on bool`);
    }
  }
  if (!(op in onIntegers)) throw new NotImplementedError(`'${op}' is not defined on integers`);
  const result = onIntegers[op as keyof typeof onIntegers](BigInt(args[0]), BigInt(args[1] ?? 0));
  return wrapInteger(result, e.type);
}

/** A param arrives as a double and takes the type of its node. */
function paramValue(x: number, type: ComputeType): Value {
  if (type === 'f64') return x;
  if (type === 'f32') return Math.fround(x);
  if (type === 'bool') return x !== 0 ? 1 : 0;
  return convert(x, 'f64', type);
}

/** `inputs[i]` must already have the type of the expression's `input(i)` nodes. */
export type Evaluate = (inputs: readonly Value[], params: readonly number[]) => Value[];

/** Compiles expressions over the same operands; shared parts are computed once. */
export function compile(roots: readonly Expr[]): Evaluate {
  const order = postorder(roots);
  const place = new Map(order.map((e, i) => [e, i]));
  const argPlaces = order.map((e) => e.args.map((a) => place.get(a) as number));
  const rootPlaces = roots.map((r) => place.get(r) as number);
  return (inputs, params) => {
    const values: Value[] = new Array(order.length);
    for (let i = 0; i < order.length; i++) {
      const e = order[i];
      if (e.op === 'input') values[i] = inputs[Number(e.value)];
      else if (e.op === 'param') values[i] = paramValue(params[Number(e.value)], e.type);
      else if (e.op === 'const') values[i] = e.value;
      else
        values[i] = apply(
          e,
          argPlaces[i].map((a) => values[a]),
        );
    }
    return rootPlaces.map((r) => values[r]);
  };
}

/** The type with which a program's operand `index` is loaded, or null where no output uses it. */
export function inputType(roots: readonly Expr[], index: number): ComputeType | null {
  return postorder(roots).find((e) => e.op === 'input' && e.value === index)?.type ?? null;
}
