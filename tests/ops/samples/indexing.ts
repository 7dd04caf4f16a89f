/** Samples of indexed reading and writing. */
import { op, s, type Table } from '../cases.ts';
import { index, integers, mask, x } from '../operands.ts';

export const table: Table = {
  gather: op(
    s(x([3, 4]), 0, index([2, 4], 3)),
    s(x([3, 4]), -1, index([3, 2], 4)),
    s(x([4]), 0, index([3], 4)),
  ),
  takeAlongDim: op(
    s(x([3, 4]), index([3, 2], 4), 1),
    s(x([3, 4]), index([1, 4], 3), 0),
    s(x([2, 3]), index([4], 6)),
  ),
  indexSelect: op(s(x([3, 4]), 0, index([2], 3)), s(x([2, 4]), 1, integers([1, 1, 3]))),
  take: op(s(x([2, 3]), index([4], 6)), s(x([2, 3]), index([2, 2], 3, -3))),
  maskedSelect: op(s(x([2, 3]), mask([2, 3])), s(x([2, 3]), mask([3])), s(x([3]), mask([2, 3]))),
  nonzero: op(s(x([2, 3], { low: -1, high: 1 })), s(x([2, 3]), { asTuple: true })).discrete(),
  scatter: op(
    s(x([3, 4]), 0, integers([0, 1, 2, 0, 2, 0, 1, 1], [2, 4]), x([2, 4])),
    s(x([3, 4]), 1, integers([0, 3, 1, 2, 2, 0], [3, 2]), 2.5),
    s(x([4]), 0, integers([3, 1]), x([2])),
  ),
  scatterAdd: op(s(x([3, 4]), 0, index([2, 4], 3), x([2, 4])), s(x([3, 4]), 1, index([3, 5], 4), x([3, 5]))),
  indexAdd: op(
    s(x([3, 4]), 0, integers([2, 0, 2]), x([3, 4])),
    s(x([2, 4]), 1, integers([1, 3]), x([2, 2]), { alpha: 2 }),
  ),
  indexCopy: op(s(x([3, 4]), 0, integers([2, 0]), x([2, 4])), s(x([2, 4]), 1, integers([1, 3]), x([2, 2]))),
  indexFill: op(s(x([3, 4]), 0, integers([2, 0]), 2.5), s(x([2, 4]), 1, integers([1, 3]), x([]))),
  indexPut: op(
    s(x([3, 4]), [integers([2, 0, 1]), integers([1, 1, 3])], x([3])),
    s(x([3, 4]), [integers([2, 0])], x([2, 4])),
    s(x([3, 4]), [integers([2, 0, 2])], x([3, 4]), true),
    s(x([3, 4]), [mask([3, 4])], x([])),
  ),
  scatterReduce: op(
    ...(['sum', 'prod', 'mean', 'amax', 'amin'] as const).flatMap((how) => [
      s(x([3, 4]), 0, integers([0, 1, 2, 0, 2, 1, 1, 0], [2, 4]), x([2, 4]), how),
      s(x([3, 4]), 1, integers([0, 3, 0, 2, 2, 1], [3, 2]), x([3, 3]), how, { includeSelf: false }),
    ]),
  ),
  indexReduce: op(
    ...(['prod', 'mean', 'amax', 'amin'] as const).flatMap((how) => [
      s(x([3, 4]), 0, integers([2, 0, 2]), x([3, 4]), how),
      s(x([2, 4]), 1, integers([1, 3, 1]), x([2, 3]), how, { includeSelf: false }),
    ]),
  ),
  maskedScatter: op(s(x([2, 3]), mask([2, 3]), x([6])), s(x([2, 3]), mask([3]), x([2, 4]))),
  put: op(s(x([2, 3]), integers([0, 4]), x([2])), s(x([2, 3]), integers([0, 4, 0]), x([3]), true)),
  'Tensor.index': op(
    s(x([3, 4]), 1),
    s(x([3, 4]), '1:', '::2'),
    s(x([3, 4]), '...', null, -1),
    s(x([3, 4]), integers([2, 0, 2])),
    s(x([3, 4]), integers([2, 0]), integers([1, 3])),
    s(
      x([3, 4, 2]),
      ':',
      integers(
        [
          [1, 3],
          [0, 0],
        ].flat(),
        [2, 2],
      ),
    ),
    s(x([3, 4, 2]), integers([2, 0]), ':', integers([1, 0])),
    s(x([3, 4]), mask([3, 4])),
    s(x([3, 4]), mask([3])),
  ),
  'Tensor.indexPut_': op(
    s(x([3, 4]), [1], x([4])),
    s(x([3, 4]), ['1:', '::2'], 2.5),
    s(x([3, 4]), [integers([2, 0]), integers([1, 3])], x([2])),
    s(x([3, 4]), [integers([2, 0, 2])], x([3, 4]), true),
    s(x([3, 4]), [mask([3])], x([4])),
    s(x([3, 4, 2]), [integers([2, 0]), ':', integers([1, 0])], x([2, 4])),
  ),
};
