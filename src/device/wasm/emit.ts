/** Expressions as vector code: what four elements of a kernel compute. */
import type { ComputeType, DType } from '../../base/dtype.ts';
import { NotImplementedError } from '../../base/errors.ts';
import { type Expr, isFloat, postorder } from '../../expr/expr.ts';
import { elementary, unboundedTime } from '../../expr/interpret.ts';
import type { FunctionBuilder, ModuleBuilder, PlainOp } from './assembler.ts';
import type { ConstantPool } from './constants.ts';
import { divideInt64 } from './division.ts';
import { emitFunction, hasVectorForm, needsScalar } from './functions.ts';
import { Lanes, type Vec } from './lanes.ts';

type Floats = 'f32' | 'f64';
type Ints = 'i32' | 'i64';

const shapes: Readonly<Record<Exclude<ComputeType, 'bool'>, string>> = {
  f32: 'f32x4',
  f64: 'f64x2',
  i32: 'i32x4',
  i64: 'i64x2',
};

/** Operations that are one vector instruction on floats. */
const floatOps: Readonly<Record<string, string>> = {
  add: 'add',
  sub: 'sub',
  mul: 'mul',
  div: 'div',
  sqrt: 'sqrt',
  floor: 'floor',
  ceil: 'ceil',
  trunc: 'trunc',
  round: 'nearest',
};

const comparisons: ReadonlySet<string> = new Set(['eq', 'ne', 'lt', 'le', 'gt', 'ge']);
const bitwise: Readonly<Record<string, PlainOp>> = {
  and: 'v128.and',
  or: 'v128.or',
  xor: 'v128.xor',
  not: 'v128.not',
};
/** What the operations mean on truth values. */
const logical: Readonly<Record<string, PlainOp>> = {
  ...bitwise,
  mul: 'v128.and',
  min: 'v128.and',
  add: 'v128.or',
  max: 'v128.or',
  ne: 'v128.xor',
};

/** JavaScript functions that kernels may import, all over doubles. */
export function importedFunctions(): Record<string, (...args: number[]) => number> {
  return { ...elementary, rem: (a: number, b: number) => a % b };
}

/** Does the operation have to leave WebAssembly, for the types it is used with? */
function importOf(e: Expr): { name: string; arity: number } | null {
  if (!isFloat(e.type)) return null;
  if (e.op === 'rem') return { name: 'rem', arity: 2 };
  if (e.op in elementary && needsScalar(e.op, e.type)) return { name: importName(e), arity: e.args.length };
  return null;
}

function importName(e: Expr): string {
  return e.op === 'nextafter' && e.type === 'f32' ? 'nextafter32' : e.op;
}

/** A module for kernels: its helper functions, declared before the kernels themselves. */
export class KernelModule {
  readonly module: ModuleBuilder;
  readonly pool: ConstantPool;
  private readonly imports = new Map<string, number>();
  private readonly division: Readonly<Record<Ints, FunctionBuilder>>;

  constructor(module: ModuleBuilder, pool: ConstantPool, roots: readonly Expr[]) {
    this.module = module;
    this.pool = pool;
    for (const e of postorder(roots)) {
      const needed = importOf(e);
      if (needed === null) continue;
      const params = new Array<'f64'>(needed.arity).fill('f64');
      this.imports.set(needed.name, module.import(needed.name, params, ['f64']));
    }
    this.division = { i32: defineDivision(module, 'i32'), i64: defineDivision(module, 'i64') };
  }

  lanes(f: FunctionBuilder): Lanes {
    return new Lanes(f, this.pool);
  }

  importIndex(name: string): number {
    return this.imports.get(name) as number;
  }

  divisionIndex(type: Ints): number {
    return this.module.indexOf(this.division[type]);
  }
}

/** Division that gives INT_MIN / -1 = INT_MIN, where WebAssembly would trap. */
function defineDivision(module: ModuleBuilder, type: Ints): FunctionBuilder {
  const f = module.function(null, [type, type], [type]);
  if (type === 'i32') {
    f.get(1).i32(-1).op('i32.eq');
    f.if(
      () => f.i32(0).get(0).op('i32.sub'),
      () => f.get(0).get(1).op('i32.div_s'),
      'i32',
    );
  } else {
    f.get(1).i64(-1n).op('i64.eq');
    f.if(
      () => f.i64(0n).get(0).op('i64.sub'),
      () => f.get(0).get(1).op('i64.div_s'),
      'i64',
    );
  }
  return f;
}

/** What evaluating expressions once takes on one core, about, in nanoseconds: for deciding whether threads pay. */
export function costOf(roots: readonly Expr[]): number {
  let cost = 0;
  for (const e of postorder(roots)) {
    if (e.op in elementary || e.op === 'rem' || (e.op === 'div' && !isFloat(e.type))) cost += 1.5;
    else if (e.op !== 'const' && e.op !== 'param') cost += 0.05;
  }
  return cost;
}

/**
 * What reading and writing an element of each operand takes. Results are mostly written to blocks that have long left the caches: an
 * addition of 100,000 float32 takes 37 µs, and 16 where its result's block has just been used.
 */
export function memoryCost(outs: readonly DType[], ins: readonly DType[]): number {
  const bytes = (dtypes: readonly DType[]): number => dtypes.reduce((sum, { itemSize }) => sum + itemSize, 0);
  return 0.1 * bytes(outs) + 0.0125 * bytes(ins);
}

/** May computing with whatever lies beyond the end of an operand trap, or never end? */
export function mayTrap(roots: readonly Expr[]): boolean {
  return postorder(roots).some(
    (e) => unboundedTime.has(e.op) || ((e.op === 'div' || e.op === 'rem') && !isFloat(e.type)),
  );
}

/**
 * Emits expressions in order. `leaf` gives the registers of `input` and `param` nodes; constants are loaded where they are used.
 */
export function emitExpressions(
  kernel: KernelModule,
  lanes: Lanes,
  roots: readonly Expr[],
  leaf: (e: Expr) => Vec,
): Vec[] {
  const values = new Map<Expr, Vec>();
  const order = postorder(roots);
  const { found, within } = fusedForms(order, roots);
  for (const e of order) {
    const fused = found.get(e);
    if (within.has(e)) continue;
    if (fused !== undefined) {
      const x = values.get(fused.x) as Vec;
      values.set(
        e,
        emitFunction(lanes, fused.form, 'f32', [x], () => x),
      );
    } else if (e.op === 'input' || e.op === 'param') values.set(e, leaf(e));
    else if (e.op === 'const') values.set(e, lanes.constant(e.value, e.type));
    else {
      const args = e.args.map((a) => values.get(a) as Vec);
      values.set(e, emitNode(kernel, lanes, e, args));
    }
  }
  return roots.map((r) => values.get(r) as Vec);
}

/** A node that one function computes with less work than its parts take, and the operand. */
interface FusedForm {
  readonly form: 'onePlusErf' | 'gelu';
  readonly x: Expr;
}

/** The other operand of a commutative operation that has this constant as one of its two; null where it has not. */
function besides(e: Expr, op: 'add' | 'mul', constant: number): Expr | null {
  if (e.op !== op) return null;
  const is = (a: Expr): boolean => a.op === 'const' && Math.fround(Number(a.value)) === Math.fround(constant);
  const [a, b] = e.args;
  if (is(b)) return a;
  return is(a) ? b : null;
}

/** Finds 1 + erf x, and ½x·(1 + erf(x·√½)), whose parts (`within`) are used for nothing else. */
function fusedForms(
  order: readonly Expr[],
  roots: readonly Expr[],
): { readonly found: Map<Expr, FusedForm>; readonly within: Set<Expr> } {
  const found = new Map<Expr, FusedForm>();
  const within = new Set<Expr>();
  if (!order.some((e) => e.op === 'erf' && e.type === 'f32')) return { found, within };
  const uses = new Map<Expr, number>();
  for (const e of [...roots, ...order.flatMap((node) => node.args)]) uses.set(e, (uses.get(e) ?? 0) + 1);
  const once = (...nodes: readonly Expr[]): boolean => nodes.every((e) => uses.get(e) === 1);
  for (const e of order) {
    if (e.type !== 'f32') continue;
    const erf = besides(e, 'add', 1);
    if (erf?.op === 'erf' && once(erf)) {
      found.set(e, { form: 'onePlusErf', x: erf.args[0] });
      within.add(erf);
    }
    if (e.op !== 'mul') continue;
    const [half, sum] = found.has(e.args[1]) ? e.args : [e.args[1], e.args[0]];
    const inner = found.get(sum);
    const x = besides(half, 'mul', 0.5);
    if (inner?.form !== 'onePlusErf' || x === null || besides(inner.x, 'mul', Math.SQRT1_2) !== x) continue;
    if (!once(half, sum, inner.x)) continue;
    found.delete(sum);
    found.set(e, { form: 'gelu', x });
    for (const part of [half, sum, inner.x]) within.add(part);
  }
  return { found, within };
}

function emitNode(kernel: KernelModule, lanes: Lanes, e: Expr, args: readonly Vec[]): Vec {
  const { op, type } = e;
  const operandType = e.args[0].type;
  if (op === 'cast') return lanes.convert(args[0], operandType, type);
  if (op === 'select') return lanes.select(args[0], args[1], args[2], type);
  if (comparisons.has(op)) return emitComparison(lanes, op, operandType, args);
  if (type === 'bool') {
    const instruction = logical[op];
    if (instruction === undefined) throw new NotImplementedError(`'${op}' is not defined on bool`);
    return lanes.apply('bool', instruction, ...args);
  }
  return isFloat(type)
    ? emitFloat(kernel, lanes, e, type as Floats, args)
    : emitInt(kernel, lanes, e, type as Ints, args);
}

function emitComparison(lanes: Lanes, op: string, type: ComputeType, args: readonly Vec[]): Vec {
  if (type === 'bool') {
    const [a, b] = args;
    const not = (x: Vec): Vec => lanes.apply('bool', 'v128.not', x);
    switch (op) {
      case 'eq':
        return not(lanes.apply('bool', 'v128.xor', a, b));
      case 'ne':
        return lanes.apply('bool', 'v128.xor', a, b);
      case 'lt':
        return lanes.apply('bool', 'v128.and', not(a), b);
      case 'le':
        return lanes.apply('bool', 'v128.or', not(a), b);
      case 'gt':
        return lanes.apply('bool', 'v128.and', a, not(b));
      default:
        return lanes.apply('bool', 'v128.or', a, not(b));
    }
  }
  const signed = isFloat(type) || op === 'eq' || op === 'ne' ? '' : '_s';
  const result = lanes.apply(type, `${shapes[type]}.${op}${signed}` as PlainOp, ...args);
  return result.length === 2 ? lanes.narrowMask(result) : result;
}

function emitFloat(kernel: KernelModule, lanes: Lanes, e: Expr, type: Floats, args: readonly Vec[]): Vec {
  const direct = floatOps[e.op];
  if (direct !== undefined) return lanes.apply(type, `${shapes[type]}.${direct}` as PlainOp, ...args);
  const { f } = lanes;
  if (e.op === 'abs') return lanes.abs(args[0], type);
  if (e.op === 'neg') return lanes.negate(args[0], type);
  if (e.op === 'max' || e.op === 'min') {
    // With a constant, which is no NaN, one instruction does.
    const [a, b] = e.args[0].op === 'const' ? [1, 0] : [0, 1];
    const limit = e.args[b];
    return limit.op === 'const' && !Number.isNaN(Number(limit.value))
      ? lanes.apply(type, `${shapes[type]}.p${e.op}` as PlainOp, args[a], args[b])
      : lanes.extreme(e.op, args[a], args[b], type);
  }
  if (e.op === 'copysign') {
    return lanes.make(type, (part) => {
      f.get(args[1][part]).get(args[0][part]);
      lanes.pushConstant(-0, type);
      f.op('v128.bitselect');
    });
  }
  const scalar = (): Vec => {
    const needed = importOf(e);
    if (needed === null) throw new NotImplementedError(`'${e.op}' is not defined on floats`);
    return lanes.perLane(type, (lane) => {
      for (const a of args) {
        lanes.extract(a, type, lane);
        if (type === 'f32') f.op('f64.promote_f32');
      }
      f.call(kernel.importIndex(needed.name));
      if (type === 'f32') f.op('f32.demote_f64');
    });
  };
  return hasVectorForm(e.op, type) ? emitFunction(lanes, e.op, type, args, scalar) : scalar();
}

const vectorIntOps: ReadonlySet<string> = new Set(['add', 'sub', 'mul', 'neg', 'abs']);

function emitInt(kernel: KernelModule, lanes: Lanes, e: Expr, type: Ints, args: readonly Vec[]): Vec {
  const { f } = lanes;
  const { op } = e;
  if (vectorIntOps.has(op)) return lanes.apply(type, `${shapes[type]}.${op}` as PlainOp, ...args);
  if (op in bitwise) return lanes.apply(type, bitwise[op], ...args);
  if (op === 'min' || op === 'max') {
    if (type === 'i32') return lanes.apply(type, op === 'min' ? 'i32x4.min_s' : 'i32x4.max_s', ...args);
    const [a, b] = op === 'min' ? args : [args[1], args[0]];
    return lanes.make(type, (part) => {
      f.get(args[0][part]).get(args[1][part]);
      f.get(a[part]).get(b[part]).op('i64x2.lt_s').op('v128.bitselect');
    });
  }
  const scalar = (emit: () => void): Vec =>
    lanes.perLane(type, (lane) => {
      for (const a of args) lanes.extract(a, type, lane);
      emit();
    });
  switch (op) {
    case 'div':
    case 'rem': {
      const slowly = (): Vec =>
        scalar(() => {
          if (op === 'div') f.call(kernel.divisionIndex(type));
          else f.op(`${type}.rem_s`);
        });
      return type === 'i64' ? divideInt64(lanes, op, args, slowly) : slowly();
    }
    case 'shl':
    case 'shr':
      return emitShift(lanes, op, type, args);
    default:
      throw new NotImplementedError(`'${op}' is not defined on integers`);
  }
}

/** Shifts by an amount outside the width give 0, or the sign: WebAssembly would take the amount modulo the width. */
function emitShift(lanes: Lanes, op: 'shl' | 'shr', type: Ints, args: readonly Vec[]): Vec {
  const { f } = lanes;
  const width = type === 'i32' ? 32 : 64;
  const x = f.local(type);
  const by = f.local(type);
  const push = (value: number): void => {
    if (type === 'i32') f.i32(value);
    else f.i64(BigInt(value));
  };
  return lanes.perLane(type, (lane) => {
    lanes.extract(args[0], type, lane);
    f.set(x);
    lanes.extract(args[1], type, lane);
    f.set(by);
    if (op === 'shl') {
      f.get(x).get(by).op(`${type}.shl`);
      push(0);
    } else {
      f.get(x).get(by).op(`${type}.shr_s`);
      f.get(x);
      push(width - 1);
      f.op(`${type}.shr_s`);
    }
    f.get(by);
    push(width);
    f.op(`${type}.lt_u`).op('select');
  });
}
