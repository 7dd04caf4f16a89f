/** Samples of reductions and scans. */
import * as torch from 'typetorch';
import { each, op, s, type Table } from '../cases.ts';
import { positive, type Range, x } from '../operands.ts';

/** Over everything, one dimension, several, kept ones. */
const overDims = (range: Range = {}) =>
  op(
    s(x([2, 3, 2], range)),
    s(x([2, 3], range), 0),
    s(x([2, 3, 2], range), -1, true),
    s(x([2, 3, 2], range), [0, 2]),
    s(x([2, 3, 2], range), { dim: [1, -1], keepdim: true }),
    s(x([5], range)),
  );
/** Over everything, or one dimension. */
const overOneDim = (range: Range = {}) =>
  op(s(x([2, 3, 2], range)), s(x([2, 3], range), 0), s(x([2, 3, 2], range), -1, true), s(x([5], range)));
const spread = () =>
  op(
    ...overDims().samples,
    s(x([2, 3]), 1, false),
    s(x([2, 3]), { correction: 0, dim: [0] }),
    s(x([2, 3]), false),
  );
const scan = (range: Range = {}) =>
  op(s(x([2, 3], range), 0), s(x([2, 3, 2], range), -1), s(x([5], range), 0));

export const table: Table = {
  sum: op(
    ...overDims().samples,
    s(x([2, 3]), { dtype: torch.float64 }),
    s(x([2, 3]), 0, { dtype: torch.int64 }).discrete(),
  ),
  nansum: overDims(),
  mean: op(...overDims().samples, s(x([2, 3]), { dtype: torch.float64 })),
  nanmean: overDims(),
  prod: op(...overOneDim().samples, s(x([2, 3]), 0, { dtype: torch.float64 })),
  ...each(['var', 'std', 'varMean', 'stdMean'], spread),
  ...each(['amax', 'amin'], () => overDims()),
  aminmax: op(s(x([2, 3])), s(x([2, 3]), { dim: 0 }), s(x([2, 3]), { dim: 1, keepdim: true })),
  ...each(['max', 'min'], () => op(...overOneDim().samples, s(x([2, 3]), x([3])))),
  ...each(['argmax', 'argmin'], () => overOneDim().discrete()),
  ...each(['all', 'any'], () => overOneDim({ low: -1, high: 1 }).discrete()),
  countNonzero: op(s(x([2, 3], { low: -1, high: 1 })), s(x([2, 3]), 0), s(x([2, 3, 2]), [0, 2])).discrete(),
  logsumexp: op(s(x([2, 3]), 0), s(x([2, 3]), -1, true), s(x([2, 3, 2]), [0, 2])),
  norm: op(
    s(x([2, 3])),
    s(x([2, 3]), 2, 0),
    s(x([2, 3]), 1, -1, true),
    s(x([2, 3]), 3, [0, 1]),
    s(x([2, 3]), Number.POSITIVE_INFINITY, 1),
    s(x([2, 3]), Number.NEGATIVE_INFINITY),
    s(positive([2, 3]), 0.5, 1),
    s(x([2, 3]), 'fro', [0, 1]),
  ),
  dist: op(s(x([2, 3]), x([2, 3])), s(x([2, 3]), x([3]), 1), s(x([2, 3]), x([2, 1]), 3)),
  sumToSize: op(s(x([2, 3]), 1, 3), s(x([2, 3]), [2, 1]), s(x([2, 3, 2]), 3, 1)),

  cumsum: op(...scan().samples, s(x([2, 3]), 1, { dtype: torch.float64 })),
  cumprod: op(...scan().samples, s(x([2, 3]), 1, { dtype: torch.float64 })),
  ...each(['cummax', 'cummin', 'logcumsumexp'], scan),
  softmax: op(s(x([2, 3]), 0), s(x([2, 3, 2]), 1), s(x([4]), -1), s(x([2, 3]), 1, torch.float64)),
  logSoftmax: op(s(x([2, 3]), 0), s(x([2, 3, 2]), 1), s(x([4]), -1), s(x([2, 3]), 1, torch.float64)),
};
