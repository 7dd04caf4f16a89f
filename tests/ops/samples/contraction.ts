/** Samples of matrix products. */
import { alias, each, op, s, type Table } from '../cases.ts';
import { x } from '../operands.ts';

export const table: Table = {
  mm: op(s(x([2, 3]), x([3, 4])), s(x([1, 3]), x([3, 1]))),
  bmm: op(s(x([2, 2, 3]), x([2, 3, 2]))),
  mv: op(s(x([2, 3]), x([3]))),
  dot: op(s(x([4]), x([4]))),
  inner: op(s(x([2, 3]), x([4, 3])), s(x([3]), x([3])), s(x([2, 3]), x([]))),
  outer: op(s(x([2]), x([3]))),
  ger: alias('outer'),
  matmul: op(
    s(x([2, 3]), x([3, 2])),
    s(x([3]), x([3])),
    s(x([3]), x([3, 2])),
    s(x([2, 3]), x([3])),
    s(x([2, 2, 3]), x([3, 2])),
    s(x([2, 1, 2, 3]), x([2, 3, 2])),
    s(x([3]), x([2, 3, 2])),
    s(x([2, 2, 3]), x([3])),
  ),
  addmm: op(s(x([2, 4]), x([2, 3]), x([3, 4])), s(x([4]), x([2, 3]), x([3, 4]), { beta: 2, alpha: 3 })),
  addmv: op(s(x([2]), x([2, 3]), x([3])), s(x([2]), x([2, 3]), x([3]), { beta: 2, alpha: 3 })),
  addr: op(s(x([2, 3]), x([2]), x([3])), s(x([2, 3]), x([2]), x([3]), { beta: 2, alpha: 3 })),
  ...each(['addbmm'], () =>
    op(
      s(x([2, 2]), x([2, 2, 3]), x([2, 3, 2])),
      s(x([2, 2]), x([2, 2, 3]), x([2, 3, 2]), { beta: 2, alpha: 3 }),
    ),
  ),
  baddbmm: op(
    s(x([2, 2, 2]), x([2, 2, 3]), x([2, 3, 2])),
    s(x([2, 1, 2]), x([2, 2, 3]), x([2, 3, 2]), { beta: 2, alpha: 3 }),
  ),
};
