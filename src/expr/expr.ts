/**
 * The scalar expression language: what one element of a pointwise kernel computes.
 *
 * Expressions are immutable, typed and interned: two expressions that say the same are the same object, so `===`
 * compares them and common subexpressions are shared for free. The constructors simplify as they build.
 */
import type { ComputeType } from '../base/dtype.ts';

/** Leaves: where a value comes from. */
export type Leaf = 'input' | 'param' | 'const';

/** Arithmetic on any number type (`not`, `and`, … are bitwise on integers and logical on bool). */
export type Arithmetic =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div' // true division on floats, truncating division on integers
  | 'rem' // C's fmod / %: the sign of the dividend
  | 'neg'
  | 'abs'
  | 'min' // NaN if either is NaN
  | 'max'
  | 'sqrt'
  | 'floor'
  | 'ceil'
  | 'trunc'
  | 'round' // half to even
  | 'copysign'
  | 'and'
  | 'or'
  | 'xor'
  | 'not'
  | 'shl'
  | 'shr';

export type Comparison = 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge';

/** Elementary functions of floats: devices have their own code for most of them. */
export type Elementary =
  | 'exp'
  | 'exp2'
  | 'expm1'
  | 'log'
  | 'log2'
  | 'log10'
  | 'log1p'
  | 'sin'
  | 'cos'
  | 'tan'
  | 'asin'
  | 'acos'
  | 'atan'
  | 'atan2'
  | 'sinh'
  | 'cosh'
  | 'tanh'
  | 'asinh'
  | 'acosh'
  | 'atanh'
  | 'pow'
  | 'hypot'
  | 'erf'
  | 'erfc'
  | 'nextafter';

/** Special functions: computed in double precision by the scalar functions of special.ts on every device. */
export type Special =
  | 'erfinv'
  | 'lgamma'
  | 'digamma'
  | 'polygamma'
  | 'zeta'
  | 'i0'
  | 'i0e'
  | 'i1'
  | 'i1e'
  | 'erfcx'
  | 'ndtri'
  | 'logNdtr'
  | 'igamma'
  | 'igammac'
  | 'airyAi'
  | 'besselJ0'
  | 'besselJ1'
  | 'besselY0'
  | 'besselY1'
  | 'modifiedBesselK0'
  | 'modifiedBesselK1'
  | 'scaledModifiedBesselK0'
  | 'scaledModifiedBesselK1'
  | 'chebyshevPolynomialT'
  | 'chebyshevPolynomialU'
  | 'chebyshevPolynomialV'
  | 'chebyshevPolynomialW'
  | 'hermitePolynomialH'
  | 'hermitePolynomialHe'
  | 'laguerrePolynomialL'
  | 'legendrePolynomialP';

export type Intrinsic = Leaf | Arithmetic | Comparison | Elementary | Special | 'cast' | 'select';

/** A node of an expression. Build with the functions below, never by hand: they intern. */
export interface Expr {
  readonly op: Intrinsic;
  readonly type: ComputeType;
  readonly args: readonly Expr[];
  /** The value of a `const` (a bigint for i64), or the position of an `input` or `param`. */
  readonly value: number | bigint;
  /** Unique and stable within the process: the interning key. */
  readonly id: number;
}

/** An expression, or a number that takes the type of its sibling. */
export type Operand = Expr | number;

const interned = new Map<string, Expr>();

function node(op: Intrinsic, type: ComputeType, args: readonly Expr[], value: number | bigint = 0): Expr {
  // -0 and 0 are different constants.
  const text = Object.is(value, -0) ? '-0' : String(value);
  const key = `${op}:${type}:${text}:${args.map((a) => a.id).join(',')}`;
  let found = interned.get(key);
  if (found === undefined) {
    found = { op, type, args, value, id: interned.size };
    interned.set(key, found);
  }
  return found;
}

export function isExpr(x: unknown): x is Expr {
  return typeof x === 'object' && x !== null && 'op' in x && 'id' in x;
}

/** The kernel's operand `index`, converted to `type` when it is loaded. */
export function input(index: number, type: ComputeType): Expr {
  return node('input', type, [], index);
}

/** The kernel's scalar argument `index` (always passed as a double), converted to `type`. */
export function param(index: number, type: ComputeType): Expr {
  return node('param', type, [], index);
}

export function constant(value: number | bigint | boolean, type: ComputeType): Expr {
  if (type === 'i64') return node('const', type, [], BigInt(value));
  if (type === 'f32') return node('const', type, [], Math.fround(Number(value)));
  if (type === 'i32') return node('const', type, [], Number(value) | 0);
  if (type === 'bool') return node('const', type, [], Number(value) !== 0 ? 1 : 0);
  return node('const', type, [], Number(value));
}

export function cast(x: Expr, type: ComputeType): Expr {
  if (x.type === type) return x;
  if (x.op === 'const') {
    if (type === 'bool' || isFloat(type)) return constant(x.value, type);
    if (Number.isInteger(Number(x.value))) return constant(x.value, type);
  }
  return node('cast', type, [x]);
}

export function isFloat(type: ComputeType): boolean {
  return type === 'f32' || type === 'f64';
}

/** Is `x` the constant `value`? */
export function isConst(x: Expr, value: number): boolean {
  return x.op === 'const' && Number(x.value) === value && !(value === 0 && Object.is(x.value, -0));
}

function lift(a: Operand, b: Operand): [Expr, Expr] {
  if (typeof a === 'number') {
    if (typeof b === 'number') throw new Error('an expression needs at least one typed operand');
    return [constant(a, b.type), b];
  }
  if (typeof b === 'number') return [a, constant(b, a.type)];
  if (a.type !== b.type) throw new Error(`operand types differ: ${show(a)} and ${show(b)}`);
  return [a, b];
}

export function add(a: Operand, b: Operand): Expr {
  const [x, y] = lift(a, b);
  if (isConst(x, 0)) return y;
  if (isConst(y, 0)) return x;
  if (y.op === 'neg') return sub(x, y.args[0]);
  return node('add', x.type, [x, y]);
}

export function sub(a: Operand, b: Operand): Expr {
  const [x, y] = lift(a, b);
  if (isConst(y, 0)) return x;
  if (isConst(x, 0)) return neg(y);
  if (y.op === 'neg') return add(x, y.args[0]);
  return node('sub', x.type, [x, y]);
}

/** A factor that is the literal constant 0 makes a product 0: it stands for a derivative that does not exist. */
export function mul(a: Operand, b: Operand): Expr {
  const [x, y] = lift(a, b);
  if (isConst(x, 1)) return y;
  if (isConst(y, 1)) return x;
  if (isConst(x, 0)) return x;
  if (isConst(y, 0)) return y;
  if (isConst(x, -1)) return neg(y);
  if (isConst(y, -1)) return neg(x);
  if (x.op === 'neg') return neg(mul(x.args[0], y));
  if (y.op === 'neg') return neg(mul(x, y.args[0]));
  return node('mul', x.type, [x, y]);
}

export function div(a: Operand, b: Operand): Expr {
  const [x, y] = lift(a, b);
  if (isConst(y, 1)) return x;
  if (x.op === 'neg' && isFloat(x.type)) return neg(div(x.args[0], y));
  return node('div', x.type, [x, y]);
}

export function neg(x: Expr): Expr {
  if (x.op === 'neg') return x.args[0];
  if (x.op === 'const') return constant(typeof x.value === 'bigint' ? -x.value : -x.value, x.type);
  return node('neg', x.type, [x]);
}

type Binary = (a: Operand, b: Operand) => Expr;
type Unary = (x: Expr) => Expr;

function binary(op: Intrinsic): Binary {
  return (a, b) => {
    const [x, y] = lift(a, b);
    return node(op, x.type, [x, y]);
  };
}

function comparison(op: Comparison): Binary {
  return (a, b) => {
    const [x, y] = lift(a, b);
    return node(op, 'bool', [x, y]);
  };
}

function unary(op: Intrinsic): Unary {
  return (x) => node(op, x.type, [x]);
}

export const rem: Binary = binary('rem');
export const min: Binary = binary('min');
export const max: Binary = binary('max');
export const copysign: Binary = binary('copysign');
export const shl: Binary = binary('shl');
export const shr: Binary = binary('shr');
export const xor: Binary = binary('xor');
export const abs: Unary = unary('abs');
export const sqrt: Unary = unary('sqrt');
export const not: Unary = unary('not');

/** Rounding does nothing to integers. */
function rounding(op: Intrinsic): Unary {
  return (x) => (isFloat(x.type) ? node(op, x.type, [x]) : x);
}
export const floor: Unary = rounding('floor');
export const ceil: Unary = rounding('ceil');
export const trunc: Unary = rounding('trunc');
export const round: Unary = rounding('round');

export function and(a: Operand, b: Operand): Expr {
  const [x, y] = lift(a, b);
  return x === y ? x : node('and', x.type, [x, y]);
}

export function or(a: Operand, b: Operand): Expr {
  const [x, y] = lift(a, b);
  return x === y ? x : node('or', x.type, [x, y]);
}

export const eq: Binary = comparison('eq');
export const ne: Binary = comparison('ne');
export const lt: Binary = comparison('lt');
export const le: Binary = comparison('le');
export const gt: Binary = comparison('gt');
export const ge: Binary = comparison('ge');

export const exp: Unary = unary('exp');
export const exp2: Unary = unary('exp2');
export const expm1: Unary = unary('expm1');
export const log: Unary = unary('log');
export const log2: Unary = unary('log2');
export const log10: Unary = unary('log10');
export const log1p: Unary = unary('log1p');
export const sin: Unary = unary('sin');
export const cos: Unary = unary('cos');
export const tan: Unary = unary('tan');
export const asin: Unary = unary('asin');
export const acos: Unary = unary('acos');
export const atan: Unary = unary('atan');
export const atan2: Binary = binary('atan2');
export const sinh: Unary = unary('sinh');
export const cosh: Unary = unary('cosh');
export const tanh: Unary = unary('tanh');
export const asinh: Unary = unary('asinh');
export const acosh: Unary = unary('acosh');
export const atanh: Unary = unary('atanh');
export const hypot: Binary = binary('hypot');
export const erf: Unary = unary('erf');
export const erfc: Unary = unary('erfc');
export const nextafter: Binary = binary('nextafter');
export const erfinv: Unary = unary('erfinv');
export const lgamma: Unary = unary('lgamma');
export const digamma: Unary = unary('digamma');
export const polygamma: Binary = binary('polygamma');
export const zeta: Binary = binary('zeta');
export const i0: Unary = unary('i0');
export const i0e: Unary = unary('i0e');
export const i1: Unary = unary('i1');
export const i1e: Unary = unary('i1e');
export const erfcx: Unary = unary('erfcx');
export const ndtri: Unary = unary('ndtri');
export const logNdtr: Unary = unary('logNdtr');
export const igamma: Binary = binary('igamma');
export const igammac: Binary = binary('igammac');
export const airyAi: Unary = unary('airyAi');
export const besselJ0: Unary = unary('besselJ0');
export const besselJ1: Unary = unary('besselJ1');
export const besselY0: Unary = unary('besselY0');
export const besselY1: Unary = unary('besselY1');
export const modifiedBesselK0: Unary = unary('modifiedBesselK0');
export const modifiedBesselK1: Unary = unary('modifiedBesselK1');
export const scaledModifiedBesselK0: Unary = unary('scaledModifiedBesselK0');
export const scaledModifiedBesselK1: Unary = unary('scaledModifiedBesselK1');
export const chebyshevPolynomialT: Binary = binary('chebyshevPolynomialT');
export const chebyshevPolynomialU: Binary = binary('chebyshevPolynomialU');
export const chebyshevPolynomialV: Binary = binary('chebyshevPolynomialV');
export const chebyshevPolynomialW: Binary = binary('chebyshevPolynomialW');
export const hermitePolynomialH: Binary = binary('hermitePolynomialH');
export const hermitePolynomialHe: Binary = binary('hermitePolynomialHe');
export const laguerrePolynomialL: Binary = binary('laguerrePolynomialL');
export const legendrePolynomialP: Binary = binary('legendrePolynomialP');

export function pow(a: Operand, b: Operand): Expr {
  const [x, y] = lift(a, b);
  if (isConst(y, 1)) return x;
  if (isConst(y, 2)) return mul(x, x);
  if (isConst(y, 0)) return constant(1, x.type);
  return node('pow', x.type, [x, y]);
}

/** `condition ? a : b`, both sides evaluated. */
export function select(condition: Expr, a: Operand, b: Operand): Expr {
  const [x, y] = lift(a, b);
  if (x === y) return x;
  return node('select', x.type, [condition, x, y]);
}

/** True where `x` is NaN. */
export function isNaNExpr(x: Expr): Expr {
  return ne(x, x);
}

/** The same operation on other arguments. */
export function rebuild(e: Expr, args: readonly Expr[]): Expr {
  switch (e.op) {
    case 'input':
    case 'param':
    case 'const':
      return e;
    case 'cast':
      return cast(args[0], e.type);
    case 'add':
      return add(args[0], args[1]);
    case 'sub':
      return sub(args[0], args[1]);
    case 'mul':
      return mul(args[0], args[1]);
    case 'div':
      return div(args[0], args[1]);
    case 'neg':
      return neg(args[0]);
    case 'pow':
      return pow(args[0], args[1]);
    case 'select':
      return select(args[0], args[1], args[2]);
    default:
      return node(e.op, e.type, args);
  }
}

/** Every subexpression is replaced by `replace(e)` where that is not undefined (outermost first). */
export function substitute(root: Expr, replace: (e: Expr) => Expr | undefined): Expr {
  const memo = new Map<Expr, Expr>();
  const visit = (e: Expr): Expr => {
    const known = memo.get(e);
    if (known !== undefined) return known;
    const direct = replace(e);
    const result = direct ?? (e.args.length === 0 ? e : rebuild(e, e.args.map(visit)));
    memo.set(e, result);
    return result;
  };
  return visit(root);
}

/** All distinct nodes, arguments before their users. */
export function postorder(roots: readonly Expr[]): Expr[] {
  const seen = new Set<Expr>();
  const order: Expr[] = [];
  const visit = (e: Expr): void => {
    if (seen.has(e)) return;
    seen.add(e);
    for (const a of e.args) visit(a);
    order.push(e);
  };
  for (const r of roots) visit(r);
  return order;
}

/** A readable text, for error messages and documentation. */
export function show(e: Expr): string {
  switch (e.op) {
    case 'input':
      return `x${e.value}`;
    case 'param':
      return `p${e.value}`;
    case 'const':
      return String(e.value);
    case 'cast':
      return `${e.type}(${show(e.args[0])})`;
    default:
      return `${e.op}(${e.args.map(show).join(', ')})`;
  }
}
