/** Special functions that PyTorch does not differentiate: results take no gradient. */
import type { Expr } from '../../expr/expr.ts';
import { type BinaryOp, define, type Operand, type UnaryOp } from '../define.ts';
import { pointwise } from '../pointwise/family.ts';
import { runtime } from '../runtime.ts';
import type { Tensor } from '../../tensor/tensor.ts';

/** A function of one tensor without a derivative. */
export function constantUnary(name: string, expr: (x: Expr) => Expr): UnaryOp {
  const op = pointwise(name, { rule: 'intToFloat', expr: ([x]) => expr(x) });
  return define<UnaryOp>(`${name}(input, *, out=None)`, (input: Tensor) =>
    runtime.noGrad(() => runtime.pointwise(op, [input], [])),
  );
}

/** A function of two tensors, or one and a number, without a derivative. */
export function constantBinary(name: string, expr: (x: Expr, n: Expr) => Expr): BinaryOp {
  const op = pointwise(name, { rule: 'intToFloat', expr: ([x, n]) => expr(x, n) });
  return define<BinaryOp>(`${name}(input: Operand, n: Operand, *, out=None)`, (input: Operand, n: Operand) =>
    runtime.noGrad(() => runtime.pointwise(op, [input, n], [])),
  );
}
