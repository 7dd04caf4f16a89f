/** Samples of dimensions moved, tensors stacked and split, diagonals, comparisons of whole tensors. */
import { alias, op, s, type Table } from '../cases.ts';
import { exactly, x } from '../operands.ts';

export const table: Table = {
  movedim: op(s(x([2, 3, 4]), 0, 2), s(x([2, 3, 4]), [0, -1], [1, 0])),
  moveaxis: alias('movedim'),
  swapaxes: op(s(x([2, 3, 4]), 0, 2)),
  swapdims: alias('swapaxes'),
  ravel: op(s(x([2, 3])), s(x([])), s(x([4]))),
  unflatten: op(s(x([2, 6]), 1, [2, 3]), s(x([6]), 0, [-1, 2])),
  atleast1d: op(s(x([])), s(x([2, 3])), s(x([]), x([2]))),
  atleast2d: op(s(x([])), s(x([3])), s([x([2, 3]), x([2])])),
  atleast3d: op(s(x([])), s(x([3])), s(x([2, 3])), s([x([2, 3]), x([2])])),

  concatenate: op(s([x([2, 3]), x([1, 3])])),
  hstack: op(s([x([2, 3]), x([2, 1])]), s([x([2]), x([])])),
  vstack: op(s([x([2, 3]), x([1, 3])]), s([x([3]), x([2, 3])])),
  rowStack: alias('vstack'),
  dstack: op(s([x([2, 3]), x([2, 3])]), s([x([3]), x([3])])),
  columnStack: op(s([x([2]), x([2, 3])]), s([x([3]), x([3])])),
  blockDiag: op(s(x([2, 3]), x([2]), x([])), s(x([1, 2]), x([2, 1]))),
  meshgrid: op(
    s(x([2]), x([3])),
    s([x([2]), x([3]), x([])], { indexing: 'xy' }),
    s(x([2]), x([3]), { indexing: 'ij' }),
  ),
  cartesianProd: op(s(x([2]), x([3])), s(x([3]))),
  combinations: op(s(x([4])), s(x([3]), 2, true), s(x([4]), 3)),

  tensorSplit: op(s(x([5, 2]), 2), s(x([2, 5]), [1, 3], 1), s(x([5]), [2, -1])),
  hsplit: op(s(x([2, 4]), 2), s(x([4]), [1]), s(x([2, 3]), [1, 2])),
  vsplit: op(s(x([4, 2]), 2), s(x([3, 2]), [1])),
  dsplit: op(s(x([2, 1, 4]), 2), s(x([1, 2, 3]), [2])),

  diag: op(s(x([3])), s(x([2]), -1), s(x([3, 3])), s(x([2, 3]), 1)),
  diagEmbed: op(s(x([2, 3])), s(x([3]), 1), s(x([2, 3]), -1, 0, 2)),
  diagflat: op(s(x([3])), s(x([2, 2]), 1)),
  trace: op(s(x([3, 3])), s(x([2, 4]))),
  tril: op(s(x([3, 3])), s(x([2, 3, 4]), 1), s(x([4, 3]), -1)),
  triu: op(s(x([3, 3])), s(x([2, 3, 4]), 1), s(x([4, 3]), -1)),
  trilIndices: op(s(3, 3), s(3, 4, 1)).discrete(),
  triuIndices: op(s(3, 3), s(3, 4, 1)).discrete(),
  'Tensor.fillDiagonal_': op(s(x([3, 3]), 2.5), s(x([7, 3]), 2, true), s(x([2, 2, 2]), 3)),
  fill: op(s(x([2, 3]).level(), 2.5), s(x([2, 3]).level(), x([]))),

  fliplr: op(s(x([2, 3])), s(x([2, 3, 2]))),
  flipud: op(s(x([2, 3])), s(x([3]))),
  rot90: op(s(x([2, 3])), s(x([2, 3]), 2), s(x([2, 3, 2]), -1, [0, 2]), s(x([2, 3]), 0)),

  selectScatter: op(s(x([2, 3]), x([2]), 1, 0), s(x([2, 3]), x([3]), 0, -1)),
  sliceScatter: op(s(x([4, 3]), x([2, 3]), 0, 1, 3), s(x([2, 5]), x([2, 3]), 1, 0, 5, 2)),
  diagonalScatter: op(s(x([3, 3]), x([3])), s(x([2, 4]), x([2]), 1)),
  asStridedScatter: op(
    s(x([2, 6]), x([2, 3]), [2, 3], [6, 2]),
    s(x([2, 6]), x([3, 2]), [3, 2], [2, 1], 1),
  ).layoutMatters(),
  narrowCopy: op(s(x([4, 3]), 0, 1, 2)),
  constantPadNd: op(s(x([2, 3]), [1, 0]), s(x([2, 3]), [-1, 1, 0, 2], 2.5)),

  isclose: op(
    s(exactly([1, 2, 3]), exactly([1, 2.00001, 3.1])),
    s(exactly([1, 2, 3]), exactly([1, 2.5, 5]), 0.3),
  ).discrete(),
  allclose: op(s(exactly([1, 2]), exactly([1, 2.00001])), s(exactly([1, 2]), exactly([1, 3]))).discrete(),
  equal: op(
    s(exactly([1, 2]), exactly([1, 2])),
    s(exactly([1, 2]), exactly([1, 3])),
    s(x([2]), x([3])),
  ).discrete(),
};
