/** Arithmetic: the pointwise ops behind Python's operators. https://pytorch.org/docs/stable/torch.html#pointwise-ops */
import { bool, type ComputeType } from '../../base/dtype.ts';
import { RuntimeError } from '../../base/errors.ts';
import * as E from '../../expr/expr.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { BinaryOp, Call, Operand, UnaryOp } from '../define.ts';
import { runtime } from '../runtime.ts';
import { binary, BOOL_ONLY, defineOp, type OperandInfo, pointwise, unary, underivable } from './family.ts';

/** `name(input, other, { alpha })`. */
export type ScaledOp = Call<
  [input: Operand, other: Operand],
  { other?: Operand; alpha?: number | boolean; out?: Tensor },
  Tensor
>;

const addOp = pointwise('add', { expr: ([x, y]) => E.add(x, y) });
const addScaledOp = pointwise('add', { expr: ([x, y], [alpha]) => E.add(x, E.mul(alpha, y)) });

/** PyTorch refuses fractional factors for integers, and truth values as factors unless everything is one. */
function checkAlpha(alpha: number | boolean, operands: readonly Operand[]): void {
  if (typeof alpha === 'boolean') {
    const bools = operands.every((x) => typeof x === 'boolean' || (runtime.isTensor(x) && x.dtype === bool));
    if (!bools) throw new RuntimeError('Boolean alpha only supported for Boolean results.');
    return;
  }
  if (Number.isInteger(alpha)) return;
  const whole = operands.every((x) => (runtime.isTensor(x) ? !x.dtype.isFloatingPoint : !isFractional(x)));
  if (whole)
    throw new RuntimeError('For integral input tensors, argument alpha must not be a floating point number.');
}

/** Is it a float, as Python would have it? */
function isFractional(x: Exclude<Operand, Tensor>): boolean {
  return typeof x === 'number' ? !Number.isInteger(x) : typeof x === 'object';
}

/**
 * `input + alpha * other`, with broadcasting and type promotion.
 * https://pytorch.org/docs/stable/generated/torch.add.html
 *
 * @example
 * ```ts
 * console.log(torch.ones(2).add(1)); // => tensor([2., 2.])
 * ```
 */
export const add: ScaledOp = defineOp(
  'add(input: Operand, other: Operand, *, alpha=1, out=None)',
  {},
  (input: Operand, other: Operand, alpha: number | boolean = 1) => {
    if (alpha === 1) return [addOp, [input, other], []];
    checkAlpha(alpha, [input, other]);
    return [addScaledOp, [input, other], [Number(alpha)]];
  },
);

function refuseBool(_: ComputeType, operands: readonly OperandInfo[]): void {
  const bools = operands.map((o) => o.dtype === 'bool');
  if (bools.every((b) => b)) {
    throw new RuntimeError(
      'Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` operator instead.',
    );
  }
  if (bools.some((b) => b)) {
    throw new RuntimeError(
      'Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, use the `~` or `logical_not()` operator instead.',
    );
  }
}

const subOp = pointwise('sub', { expr: ([x, y]) => E.sub(x, y), check: refuseBool });
const subScaledOp = pointwise('sub', {
  expr: ([x, y], [alpha]) => E.sub(x, E.mul(alpha, y)),
  check: refuseBool,
});

/** `input - alpha * other`. https://pytorch.org/docs/stable/generated/torch.sub.html */
export const sub: ScaledOp = defineOp(
  'sub(input: Operand, other: Operand, *, alpha=1, out=None)',
  {},
  (input: Operand, other: Operand, alpha: number | boolean = 1) => {
    if (alpha === 1) return [subOp, [input, other], []];
    checkAlpha(alpha, [input, other]);
    return [subScaledOp, [input, other], [Number(alpha)]];
  },
);

/** `input * other`. https://pytorch.org/docs/stable/generated/torch.mul.html */
export const mul: BinaryOp = binary('mul', { expr: ([x, y]) => E.mul(x, y) });

/** `-input`. https://pytorch.org/docs/stable/generated/torch.neg.html */
export const neg: UnaryOp = unary('neg', {
  expr: ([x]) => E.neg(x),
  check: (_, [x]) => {
    if (x.dtype === 'bool') {
      throw new RuntimeError(
        'Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use the `~` or `logical_not()` operator instead.',
      );
    }
  },
});

const trueDivOp = pointwise('div', { rule: 'intToFloat', expr: ([x, y]) => E.div(x, y), savesInputs: true });
const truncDivOp = pointwise('div', {
  overload: () => 2,
  expr: ([x, y]) => (E.isFloat(x.type) ? E.trunc(E.div(x, y)) : E.div(x, y)),
  refuses: { kernel: 'div_trunc_cpu', dtypes: BOOL_ONLY },
});
const floorDivOp = pointwise('div', {
  overload: () => 2,
  expr: ([x, y]) => (E.isFloat(x.type) ? floorDivFloat(x, y) : floorDivInt(x, y)),
  refuses: { kernel: 'div_floor_cpu', dtypes: BOOL_ONLY },
});

/** Python's `//` on floats, through the exact remainder, so that 1 // 0.1 is 9. */
function floorDivFloat(x: E.Expr, y: E.Expr): E.Expr {
  const remainder = E.rem(x, y);
  const exact = E.div(E.sub(x, remainder), y);
  const moved = E.and(E.ne(remainder, 0), E.ne(E.lt(y, 0), E.lt(remainder, 0)));
  const quotient = E.select(moved, E.sub(exact, 1), exact);
  const low = E.floor(quotient);
  const nearest = E.select(E.gt(E.sub(quotient, low), 0.5), E.add(low, 1), low);
  const zero = E.copysign(E.constant(0, x.type), E.div(x, y));
  return E.select(E.eq(y, 0), E.div(x, y), E.select(E.eq(quotient, 0), zero, nearest));
}

function floorDivInt(x: E.Expr, y: E.Expr): E.Expr {
  const quotient = E.div(x, y);
  const inexact = E.ne(E.mul(quotient, y), x);
  return E.select(E.and(inexact, E.ne(E.lt(x, 0), E.lt(y, 0))), E.sub(quotient, 1), quotient);
}

const floorDivideOp = pointwise('floor_divide', {
  ...floorDivOp.spec,
  noDerivative: [underivable('floor_divide'), underivable('floor_divide')],
});

/** How `div` rounds: not at all (null), towards zero, or down. */
export type RoundingMode = 'trunc' | 'floor' | null;

/** `name(input, other, { roundingMode })`. */
export type DivOp = Call<
  [input: Operand, other: Operand],
  { other?: Operand; roundingMode?: RoundingMode; out?: Tensor },
  Tensor
>;

/** `input / other`; integers give floats unless a rounding mode is given. https://pytorch.org/docs/stable/generated/torch.div.html */
export const div: DivOp = defineOp(
  'div(input: Operand, other: Operand, *, roundingMode=None, out=None)',
  {},
  (input: Operand, other: Operand, roundingMode: RoundingMode = null) => {
    switch (roundingMode) {
      case null:
        return [trueDivOp, [input, other], []];
      case 'trunc':
        return [truncDivOp, [input, other], []];
      case 'floor':
        return [floorDivOp, [input, other], []];
      default:
        throw new RuntimeError(
          `div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '${String(roundingMode satisfies never)}'`,
        );
    }
  },
);

/** Python's `input // other`. https://pytorch.org/docs/stable/generated/torch.floor_divide.html */
export const floorDivide: BinaryOp = defineOp(
  'floor_divide(input: Operand, other: Operand, *, out=None)',
  {},
  (input: Operand, other: Operand) => [floorDivideOp, [input, other], []],
);

/** Another name for `sub`. */
export const subtract: ScaledOp = sub;
/** Another name for `mul`. */
export const multiply: BinaryOp = mul;
/** Another name for `div`. */
export const divide: DivOp = div;
/** `div` without rounding. */
export const trueDivide: BinaryOp = defineOp(
  'true_divide(input: Operand, other: Operand, *, out=None)',
  {},
  (input: Operand, other: Operand) => [trueDivOp, [input, other], []],
);
/** Another name for `neg`. */
export const negative: UnaryOp = neg;

/** `other - alpha * input`. https://pytorch.org/docs/stable/generated/torch.Tensor.rsub.html */
export const rsub: ScaledOp = defineOp(
  'rsub(input: Operand, other: Operand, *, alpha=1)',
  { inplace: false },
  (input: Operand, other: Operand, alpha: number = 1) =>
    alpha === 1 ? [rsubOp, [other, input], []] : [rsubScaledOp, [other, input], [alpha]],
);
const rsubOp = pointwise('rsub', {
  overload: ([other]) => (other ? 0 : 1),
  expr: ([x, y]) => E.sub(x, y),
  check: refuseBool,
});
const rsubScaledOp = pointwise('rsub', {
  overload: ([other]) => (other ? 0 : 1),
  expr: ([x, y], [alpha]) => E.sub(x, E.mul(alpha, y)),
  check: refuseBool,
});
