/** Samples of sorting and of statistics by order. */
import { each, op, s, type Table } from '../cases.ts';
import { exactly, x } from '../operands.ts';

const repeated = (sizes: readonly number[]) => exactly([3, 1, 2, 3, 1, 1, 2, 5, 3, 1, 1, 4], sizes);

export const table: Table = {
  sort: op(
    s(x([2, 5])),
    s(x([4, 2]), 0, true),
    s(x([7])),
    s(x([2, 3, 2]), 1, { stable: true }),
    s(repeated([12]).constant(), { stable: true }),
  ),
  argsort: op(s(x([2, 5])), s(x([4, 2]), 0, true), s(repeated([12]), { stable: true })).discrete(),
  msort: op(s(x([4, 2]))),
  topk: op(s(x([2, 5]), 2), s(x([5, 2]), 3, 0, false), s(x([6]), 6)),
  kthvalue: op(s(x([2, 5]), 2), s(x([5, 2]), 3, 0, true), s(x([6]), 1)),
  ...each(['median', 'nanmedian'], () => op(s(x([2, 5])), s(x([5, 2]), 0), s(x([2, 4]), -1, true))),
  mode: op(
    s(x([2, 5])),
    s(repeated([2, 6])).unchecked('a change makes another value the most frequent'),
    s(repeated([6, 2]).constant(), 0, true),
  ),
  unique: op(
    s(repeated([12])),
    s(repeated([2, 6]), { returnInverse: true, returnCounts: true }),
    s(repeated([6, 2]), { dim: 0 }),
  ).discrete(),
  uniqueConsecutive: op(
    s(repeated([12])),
    s(repeated([2, 6]), { returnInverse: true, returnCounts: true }),
    s(repeated([6, 2]), { dim: 0 }),
  ).discrete(),
};
