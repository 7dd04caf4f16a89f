/** Samples of whole-number functions, vector products, quantiles, histograms, and what complex functions are for real tensors. */
import { alias, each, op, s, type Table } from '../cases.ts';
import { exactly, positive, x } from '../operands.ts';

const whole = { low: -90, high: 90 };
const same = () => op(s(x([2, 3])));

export const table: Table = {
  ...each(['gcd', 'lcm'], () =>
    op(s(x([2, 3], whole), x([2, 3], whole)), s(x([2, 1], whole), x([3], whole))).discrete(),
  ),
  frexp: op(
    s(x([2, 3], { low: -9, high: 9 })),
    s(exactly([0, 1, 1024, -0.375])).unchecked('finite differences cross the powers of two'),
  ),
  cross: op(s(x([2, 3]), x([2, 3])), s(x([3, 2]), x([3, 2])), s(x([1, 3, 2]), x([2, 3, 1]), 1)),
  cdist: op(
    s(x([3, 2]), x([4, 2])),
    s(x([2, 1, 3]), x([4, 3]), 1),
    s(x([2, 3]), x([3, 3]), { p: 2.5 }),
    s(x([2, 3]), x([3, 3]), { computeMode: 'use_mm_for_euclid_dist' }),
  ),
  pdist: op(s(x([4, 2])), s(x([3, 3]), 3)),
  vdot: op(s(x([3]), x([3]))),
  vander: op(s(x([3])), s(x([3]), 4, true), s(x([2]), { N: 3 })),
  renorm: op(s(x([2, 3]), 2, 0, 1), s(x([2, 3]), 1, 1, 0.5), s(x([2, 3, 2]), 3, -1, 100)),

  conj: same(),
  conjPhysical: same(),
  resolveConj: alias('conj'),
  resolveNeg: alias('conj'),
  real: same(),
  adjoint: op(s(x([2, 3])), s(x([2, 3, 2]))),

  quantile: op(
    s(x([6]), 0.3),
    s(x([2, 4]), exactly([0.1, 0.8]), 1),
    s(x([3, 4]), 0.4, 0, true),
    s(x([2, 4]), 0.4, { dim: 1, interpolation: 'nearest' }),
    s(x([2, 4]), 0.4, { dim: 1, interpolation: 'midpoint' }),
    s(x([2, 4]), 0.4, { dim: 1, interpolation: 'lower' }),
    s(x([2, 4]), 0.4, { dim: 1, interpolation: 'higher' }),
  ),
  nanquantile: op(s(x([6]), 0.3), s(x([2, 4]), exactly([0.1, 0.8]), 1)),
  isin: op(
    s(exactly([1, 2, 3, 4]), exactly([2, 4, 5])),
    s(exactly([1, 2, 3, 4], [2, 2]), exactly([2, 4, 5]), { invert: true }),
    s(exactly([1, 2, 3]), 3),
  ).discrete(),
  argwhere: op(s(exactly([0, 1, 2, 0, 0, 3], [2, 3])), s(x([]))).discrete(),
  histogram: op(
    s(x([9], { low: -3, high: 3 }), 4),
    s(x([9], { low: -3, high: 3 }), exactly([-2, 0, 1, 3])),
    s(x([4]), 3, { range: [-1, 1], weight: positive([4]), density: true }),
  ).discrete(),
  histogramdd: op(s(x([5, 2]), [2, 3]), s(x([5, 2]), 2, { weight: positive([5]) })).discrete(),
  'Tensor.newEmptyStrided': op(s(x([1]), [2, 3], [1, 2]))
    .discrete()
    .uninitialised(),
  emptyStrided: op(s([2, 3], [1, 2]))
    .discrete()
    .uninitialised(),
};
