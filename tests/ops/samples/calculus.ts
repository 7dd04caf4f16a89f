/** Samples of differences, slopes, integrals, covariances. */
import { alias, op, s, type Table } from '../cases.ts';
import { exactly, integers, positive, x } from '../operands.ts';

export const table: Table = {
  diff: op(
    s(x([4])),
    s(x([2, 4]), 2),
    s(x([3, 2]), 1, 0),
    s(x([2, 3]), { prepend: x([2, 1]), append: x([2, 2]) }),
  ),
  trapezoid: op(s(x([4])), s(x([2, 3]), { dx: 0.5, dim: 0 }), s(x([2, 3]), x([3])), s(x([2, 3]), x([2, 3]))),
  trapz: alias('trapezoid'),
  cumulativeTrapezoid: op(s(x([4])), s(x([2, 3]), { dx: 0.5, dim: 0 }), s(x([2, 3]), x([3]))),
  gradient: op(
    s(x([4])),
    s(x([3, 4]), { spacing: 0.5 }),
    s(x([3, 4]), { spacing: [2, 0.5], edgeOrder: 2 }),
    s(x([4, 3]), { dim: 0, spacing: [exactly([0, 1, 3, 7])] }),
    s(x([3, 4]), { dim: 1, edgeOrder: 2, spacing: [exactly([0, 1, 3, 7])] }),
  ),
  cov: op(s(x([2, 4])), s(x([5]), { correction: 0 }), s(x([2, 4]), { fweights: integers([1, 2, 0, 1]) })),
  corrcoef: op(s(x([2, 4])), s(positive([3, 5]))),
};
