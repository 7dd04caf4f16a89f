/** Samples of activation functions and dropout. */
import * as torch from 'typetorch';
import { each, op, type OpCase, s, type Table } from '../cases.ts';
import { positive, type Range, x } from '../operands.ts';

const one = (range: Range = {}) => op(s(x([2, 3], range)), s(x([5], range)));

/** `nn.functional.name`. */
function functional(table: Readonly<Record<string, OpCase>>): Table {
  return Object.fromEntries(Object.entries(table).map(([name, spec]) => [`nn.functional.${name}`, spec]));
}

const alongDim = () =>
  op(s(x([2, 3]), 0), s(x([2, 3, 2]), -1), s(x([2, 3]), { dim: 1, dtype: torch.float64 }));

export const activations: Table = functional({
  ...(each(
    ['relu', 'relu6', 'hardsigmoid', 'hardswish', 'logsigmoid', 'mish', 'selu', 'sigmoid', 'silu'],
    one,
  ) as Record<string, OpCase>),
  ...(each(['softplus', 'softsign', 'tanh', 'tanhshrink', 'relu_'], one) as Record<string, OpCase>),
  gelu: op(s(x([2, 3])), s(x([2, 3]), { approximate: 'tanh' })),
  elu: op(s(x([2, 3])), s(x([2, 3]), 1.5)),
  celu: op(s(x([2, 3])), s(x([2, 3]), 1.5)),
  leakyRelu: op(s(x([2, 3])), s(x([2, 3]), 0.2)),
  hardtanh: op(s(x([2, 3])), s(x([2, 3]), -0.5, 1.5)),
  hardshrink: op(s(x([2, 3])), s(x([2, 3]), 0.7)),
  softshrink: op(s(x([2, 3])), s(x([2, 3]), 0.7)),
  threshold: op(s(x([2, 3]), 0.3, 5)),
  rrelu: op(s(x([2, 3])), s(x([2, 3]), 0.1, 0.4)),
});

export const gated: Table = functional({
  prelu: op(s(x([2, 3]), x([3])), s(x([2, 3, 2]), positive([1]))),
  glu: op(s(x([2, 4])), s(x([4, 3]), 0)),
  softmax: alongDim(),
  logSoftmax: alongDim(),
  softmin: alongDim(),
  ...(each(['dropout', 'alphaDropout'], () =>
    op(s(x([4, 6]), 0.4, true), s(x([2, 3]), 0.4, false)).random(),
  ) as Record<string, OpCase>),
  ...(each(['dropout1d', 'featureDropout', 'featureAlphaDropout'], () =>
    op(s(x([3, 4, 2]), 0.4, true)).random(),
  ) as Record<string, OpCase>),
  dropout2d: op(s(x([3, 4, 2, 2]), 0.4, true)).random(),
  dropout3d: op(s(x([3, 4, 1, 2, 2]), 0.4, true)).random(),
});
