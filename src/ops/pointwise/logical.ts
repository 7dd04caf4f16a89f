/** Logic on truth values and bits. */
import * as E from '../../expr/expr.ts';
import type { BinaryOp, TensorsOp, UnaryOp } from '../define.ts';
import { binary, FLOATS, type Refusal, unary } from './family.ts';

/** https://pytorch.org/docs/stable/generated/torch.logical_not.html */
export const logicalNot: UnaryOp = unary('logical_not', { rule: 'logical', expr: ([x]) => E.not(x) });
/** https://pytorch.org/docs/stable/generated/torch.logical_and.html */
export const logicalAnd: TensorsOp = binary(
  'logical_and',
  { rule: 'logical', expr: ([x, y]) => E.and(x, y) },
  { tensorsOnly: true },
);
/** https://pytorch.org/docs/stable/generated/torch.logical_or.html */
export const logicalOr: TensorsOp = binary(
  'logical_or',
  { rule: 'logical', expr: ([x, y]) => E.or(x, y) },
  { tensorsOnly: true },
);
/** https://pytorch.org/docs/stable/generated/torch.logical_xor.html */
export const logicalXor: TensorsOp = binary(
  'logical_xor',
  { rule: 'logical', expr: ([x, y]) => E.xor(x, y) },
  { tensorsOnly: true },
);

function integersOnly(kernel: string): Refusal {
  return { kernel, dtypes: FLOATS };
}

/** Bits (of bools: truth values) combined by and. https://pytorch.org/docs/stable/generated/torch.bitwise_and.html */
export const bitwiseAnd: BinaryOp = binary('bitwise_and', {
  expr: ([x, y]) => E.and(x, y),
  boolAsTruth: true,
  refuses: integersOnly('bitwise_and_cpu'),
});
/** https://pytorch.org/docs/stable/generated/torch.bitwise_or.html */
export const bitwiseOr: BinaryOp = binary('bitwise_or', {
  expr: ([x, y]) => E.or(x, y),
  boolAsTruth: true,
  refuses: integersOnly('bitwise_or_cpu'),
});
/** https://pytorch.org/docs/stable/generated/torch.bitwise_xor.html */
export const bitwiseXor: BinaryOp = binary('bitwise_xor', {
  expr: ([x, y]) => E.xor(x, y),
  boolAsTruth: true,
  refuses: integersOnly('bitwise_xor_cpu'),
});
/** All bits inverted (of bools: the opposite). https://pytorch.org/docs/stable/generated/torch.bitwise_not.html */
export const bitwiseNot: UnaryOp = unary('bitwise_not', {
  expr: ([x]) => E.not(x),
  boolAsTruth: true,
  refuses: integersOnly('bitwise_not_cpu'),
});
/** https://pytorch.org/docs/stable/generated/torch.bitwise_left_shift.html */
export const bitwiseLeftShift: BinaryOp = binary('bitwise_left_shift', {
  expr: ([x, y]) => E.shl(x, y),
  refuses: { kernel: 'lshift_cpu', dtypes: ['bool', ...FLOATS] },
});
/** https://pytorch.org/docs/stable/generated/torch.bitwise_right_shift.html */
export const bitwiseRightShift: BinaryOp = binary('bitwise_right_shift', {
  expr: ([x, y]) => E.shr(x, y),
  refuses: { kernel: 'rshift_cpu', dtypes: ['bool', ...FLOATS] },
});
