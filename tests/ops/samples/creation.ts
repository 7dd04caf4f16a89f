/** Samples of functions that make tensors, and of those that read them. */
import { DEVICE, DTYPE, each, op, s, type Table } from '../cases.ts';
import { x } from '../operands.ts';

const here = { device: DEVICE, dtype: DTYPE };
const like = () => op(s(x([2, 3])), s(x([2, 3]), { dtype: DTYPE })).discrete();

export const creation: Table = {
  arange: op(s(5, here), s(1, 9, 2, here), s(1, 4, 0.5, here), s(5, -4, -2, here)).discrete(),
  linspace: op(s(-2, 7, 4, here), s(3, -3, 1, here)).discrete(),
  logspace: op(s(0, 2, 3, here), s(0, 3, 4, 2, here)).discrete(),
  eye: op(s(3, here), s(2, 3, here)).discrete(),
  full: op(s([2, 3], 5, here), s([], 1, here)).discrete(),
  ones: op(s(2, 3, here), s([0, 2], here)).discrete(),
  zeros: op(s(2, 3, here), s([], here)).discrete(),
  empty: op(s(2, 3, here))
    .discrete()
    .uninitialised(),
  scalarTensor: op(s(3, here)).discrete(),
  tensor: op(
    s(
      [
        [1, 2],
        [3, 4],
      ],
      here,
    ),
    s(5, here),
  ).discrete(),
  asTensor: op(
    s(
      [
        [1, 2],
        [3, 4],
      ],
      here,
    ),
    s(x([2, 3]).constant(), { dtype: DTYPE }),
  ).discrete(),
  onesLike: like(),
  zerosLike: like(),
  fullLike: op(s(x([2, 3]), 5), s(x([2, 3]), 5, { dtype: DTYPE })).discrete(),
  emptyLike: op(s(x([2, 3])))
    .discrete()
    .uninitialised(),
  ...each(['Tensor.newOnes', 'Tensor.newZeros'], () =>
    op(s(x([2]), 2, 3), s(x([2]), [2, 0], { dtype: DTYPE })).discrete(),
  ),
  'Tensor.newFull': op(s(x([2]), [2, 3], 5)).discrete(),
  'Tensor.newEmpty': op(s(x([2]), 2, 3))
    .discrete()
    .uninitialised(),
  'Tensor.newTensor': op(
    s(x([2]), [
      [1, 2],
      [3, 4],
    ]),
  ).discrete(),
};

export const reading: Table = {
  ...each(
    [
      'dim',
      'numel',
      'elementSize',
      'isSigned',
      'isFloatingPoint',
      'isComplex',
      'tolist',
      'toTypedArray',
      'size',
    ].map((name) => `Tensor.${name}`),
    () => op(s(x([2, 3])), s(x([1]))).discrete(),
  ),
  ...each(['Tensor.stride', 'Tensor.storageOffset', 'Tensor.isContiguous'], () =>
    op(s(x([2, 3])))
      .discrete()
      .layoutMatters(),
  ),
  'Tensor.item': op(s(x([1])), s(x([]))).discrete(),
};
