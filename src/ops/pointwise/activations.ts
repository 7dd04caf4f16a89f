/** The activation functions that are functions of `torch` and methods of Tensor; the others are in nn/functional. */
import { RuntimeError } from '../../base/errors.ts';
import * as E from '../../expr/expr.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define, type UnaryOp } from '../define.ts';
import { defineOp, pointwise, type PointwiseOp } from './family.ts';

export const reluOp: PointwiseOp = pointwise('relu', {
  backwardName: 'ThresholdBackward',
  expr: ([x]) => E.select(E.le(x, 0), E.constant(0, x.type), x),
  derivative: ([x], out) => [E.isFloat(x.type) ? E.cast(E.gt(out, 0), x.type) : null],
  check: (_, [x]) => {
    if (x.dtype === 'bool') throw new RuntimeError('Boolean inputs not supported for relu');
  },
});

/** max(x, 0). https://pytorch.org/docs/stable/generated/torch.nn.functional.relu.html */
export const relu: Call<[input: Tensor], object, Tensor> = defineOp('relu(input)', {}, (input: Tensor) => [
  reluOp,
  [input],
  [],
]);

/** `+input`: the tensor itself. https://pytorch.org/docs/stable/generated/torch.positive.html */
export const positive: UnaryOp = define('positive(input)', (input: Tensor) => {
  if (input.dtype.name === 'bool')
    throw new RuntimeError('The `+` operator, on a bool tensor is not supported.');
  return input;
});
