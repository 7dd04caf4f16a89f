/** Samples of sorting and of statistics by order. */
import { each, op, s, type Table } from '../cases.ts';
import { exactly, integers, type Operand, x } from '../operands.ts';

const repeated = (sizes: readonly number[]) => exactly([3, 1, 2, 3, 1, 1, 2, 5, 3, 1, 1, 4], sizes);

/** Rows that are sorted, in every dtype. */
const ascending = (sizes: readonly number[]): Operand => exactly([0, 1, 1, 2], sizes);

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
  histc: op(s(x([2, 5])), s(x([7]), 4), s(x([9]), { bins: 3, min: -1, max: 1.5 })).discrete(),
  bincount: op(
    s(integers([1, 3, 1, 0])),
    s(integers([1, 3, 1, 0]), x([4]), 6),
    s(integers([2, 2]), { minlength: 5 }),
  ).discrete(),
  searchsorted: op(
    s(ascending([4]), x([2, 3])),
    s(ascending([2, 4]), x([2, 3]), { right: true, outInt32: true }),
    s(exactly([3, 1, 2]), x([3]), { sorter: integers([1, 2, 0]), side: 'right' }),
    s(ascending([4]), 1.5),
  ).discrete(),
  bucketize: op(
    s(x([2, 3]), ascending([4])),
    s(x([3]), ascending([3]), { right: true, outInt32: true }),
  ).discrete(),
  uniqueConsecutive: op(
    s(repeated([12])),
    s(repeated([2, 6]), { returnInverse: true, returnCounts: true }),
    s(repeated([6, 2]), { dim: 0 }),
  ).discrete(),
};
