/** Logic on truth values and bits. */
import type { ComputeType } from '../../base/dtype.ts';
import { RuntimeError } from '../../base/errors.ts';
import * as E from '../../expr/expr.ts';
import type { BinaryOp, UnaryOp } from '../define.ts';
import { binary, type OperandInfo, unary } from './family.ts';

/** https://pytorch.org/docs/stable/generated/torch.logical_not.html */
export const logicalNot: UnaryOp = unary('logical_not', { rule: 'logical', expr: ([x]) => E.not(x) });
/** https://pytorch.org/docs/stable/generated/torch.logical_and.html */
export const logicalAnd: BinaryOp = binary('logical_and', { rule: 'logical', expr: ([x, y]) => E.and(x, y) });
/** https://pytorch.org/docs/stable/generated/torch.logical_or.html */
export const logicalOr: BinaryOp = binary('logical_or', { rule: 'logical', expr: ([x, y]) => E.or(x, y) });
/** https://pytorch.org/docs/stable/generated/torch.logical_xor.html */
export const logicalXor: BinaryOp = binary('logical_xor', { rule: 'logical', expr: ([x, y]) => E.xor(x, y) });

/** Names of dtypes in the messages of missing kernels. */
const scalarNames: Readonly<Record<string, string>> = {
  float16: 'Half',
  bfloat16: 'BFloat16',
  float32: 'Float',
  float64: 'Double',
  bool: 'Bool',
};

function integersOnly(kernel: string): (compute: ComputeType, operands: readonly OperandInfo[]) => void {
  return (compute, operands) => {
    if (!E.isFloat(compute)) return;
    const name = operands.map((o) => scalarNames[o.dtype]).find((n) => n !== undefined && n !== 'Bool') ?? 'Float';
    throw new RuntimeError(`"${kernel}" not implemented for '${name}'`);
  };
}

/** Bits (of bools: truth values) combined by and. https://pytorch.org/docs/stable/generated/torch.bitwise_and.html */
export const bitwiseAnd: BinaryOp = binary('bitwise_and', {
  expr: ([x, y]) => E.and(x, y),
  boolAsTruth: true,
  check: integersOnly('bitwise_and_cpu'),
});
/** https://pytorch.org/docs/stable/generated/torch.bitwise_or.html */
export const bitwiseOr: BinaryOp = binary('bitwise_or', {
  expr: ([x, y]) => E.or(x, y),
  boolAsTruth: true,
  check: integersOnly('bitwise_or_cpu'),
});
/** https://pytorch.org/docs/stable/generated/torch.bitwise_xor.html */
export const bitwiseXor: BinaryOp = binary('bitwise_xor', {
  expr: ([x, y]) => E.xor(x, y),
  boolAsTruth: true,
  check: integersOnly('bitwise_xor_cpu'),
});
/** All bits inverted (of bools: the opposite). https://pytorch.org/docs/stable/generated/torch.bitwise_not.html */
export const bitwiseNot: UnaryOp = unary('bitwise_not', {
  expr: ([x]) => E.not(x),
  boolAsTruth: true,
  check: integersOnly('bitwise_not_cpu'),
});
/** https://pytorch.org/docs/stable/generated/torch.bitwise_left_shift.html */
export const bitwiseLeftShift: BinaryOp = binary('bitwise_left_shift', {
  expr: ([x, y]) => E.shl(x, y),
  check: integersOnly('lshift_cpu'),
});
/** https://pytorch.org/docs/stable/generated/torch.bitwise_right_shift.html */
export const bitwiseRightShift: BinaryOp = binary('bitwise_right_shift', {
  expr: ([x, y]) => E.shr(x, y),
  check: integersOnly('rshift_cpu'),
});
