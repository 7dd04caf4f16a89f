/** Samples of views, copies, joins and repeats. */
import * as torch from 'typetorch';
import { each, op, s, type Table } from '../cases.ts';
import { integers, x } from '../operands.ts';

const ROUNDED = 'the result is rounded too coarsely for finite differences';

export const table: Table = {
  view: op(s(x([2, 6]), 3, 4), s(x([2, 6]), [-1]), s(x([2, 3, 2]), 2, -1), s(x([1]), [])).layoutMatters(),
  viewAs: op(s(x([2, 6]), x([3, 4]).level())).layoutMatters(),
  reshape: op(s(x([2, 6]), 3, 4), s(x([2, 6]), [-1]), s(x([2, 3, 2]), [2, -1]), s(x([1]), [])),
  reshapeAs: op(s(x([2, 6]), x([3, 4]).level())),
  flatten: op(s(x([2, 3, 2])), s(x([2, 3, 2]), 1), s(x([2, 3, 2]), 0, 1)),
  permute: op(s(x([2, 3, 4]), 2, 0, 1), s(x([2, 3, 4]), [-1, 1, 0])),
  transpose: op(s(x([2, 3, 4]), 0, 2), s(x([2, 3]), -1, -2)),
  t: op(s(x([2, 3])), s(x([3]))),
  squeeze: op(s(x([2, 1, 3, 1])), s(x([2, 1, 3]), 1), s(x([2, 3]), 0)),
  unsqueeze: op(s(x([2, 3]), 0), s(x([2, 3]), -1)),
  expand: op(s(x([2, 1]), 2, 3), s(x([3]), [2, -1])),
  expandAs: op(s(x([2, 1]), x([2, 3]).level())),
  broadcastTo: op(s(x([2, 1]), [2, 3]), s(x([3]), [2, 3])),
  broadcastTensors: op(s(x([2, 1]), x([3])), s(x([]), x([2, 3]), x([2, 1]))),
  select: op(s(x([2, 3]), 0, 1), s(x([2, 3, 2]), -2, -1)),
  narrow: op(s(x([4, 3]), 0, 1, 2), s(x([2, 3]), -1, 0, 2)),
  diagonal: op(s(x([3, 3])), s(x([2, 4]), 1), s(x([3, 4]), -1), s(x([2, 3, 4]), 0, 1, 2)),
  unfold: op(s(x([6]), 0, 3, 1), s(x([2, 5]), 1, 2, 2), s(x([5, 2]), 0, 3, 2)),
  asStrided: op(
    s(x([2, 6]), [2, 3], [1, 2]),
    s(x([2, 6]), [3, 2], [2, 1], 1),
    s(x([8]), [3, 3], [1, 1]),
  ).layoutMatters(),
  split: op(s(x([5, 2]), 2), s(x([2, 5]), [1, 4], 1), s(x([2, 5]), 3, -1)),
  splitWithSizes: op(s(x([5, 2]), [2, 3]), s(x([2, 5]), [1, 4], 1)),
  chunk: op(s(x([5, 2]), 2), s(x([2, 5]), 3, 1)),
  unbind: op(s(x([3, 2])), s(x([2, 3]), 1)),
  detach: op(s(x([2, 3]))).discrete(),

  cat: op(s([x([2, 3]), x([1, 3])]), s([x([2, 3]), x([2, 1]), x([2, 2])], 1), s([x([2, 3]), x([0])], -1)),
  concat: op(s([x([2, 3]), x([1, 3])])),
  stack: op(s([x([2, 3]), x([2, 3])]), s([x([2, 3]), x([2, 3]), x([2, 3])], -1)),
  repeat: op(s(x([2, 3]), 2, 1), s(x([3]), [2, 2, 1]), s(x([2]), 3)),
  tile: op(s(x([2, 3]), 2), s(x([3]), [2, 2])),
  repeatInterleave: op(
    s(x([2, 3]), 2),
    s(x([2, 3]), 2, 1),
    s(x([2, 3]), integers([1, 0, 2]), 1),
    s(x([2]), integers([3])),
  ),
  flip: op(s(x([2, 3]), 0), s(x([2, 3, 2]), [0, -1])),
  roll: op(s(x([2, 3]), 1), s(x([2, 3]), 1, 1), s(x([2, 3, 2]), [1, -1], [0, 2])),

  clone: op(s(x([2, 3])), s(x([3]))),
  contiguous: op(s(x([2, 3]))),
  to: op(
    s(x([2, 3]), torch.float64),
    ...[torch.float32, torch.float16, torch.bfloat16].map((d) => s(x([2, 3]), d).unchecked(ROUNDED)),
    s(x([2, 3]), x([1]).level()),
    s(x([2, 3]), { copy: true }),
    ...[torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool].map((d) =>
      s(x([2, 3], { low: -90, high: 90 }), d).discrete(),
    ),
  ),
  type: op(s(x([2, 3]), torch.float64), s(x([2, 3]), torch.int32).discrete()),
  typeAs: op(s(x([2, 3]), x([1]).level())),
  ...each(
    ['byte', 'char', 'short', 'int', 'long', 'bool'].map((name) => `Tensor.${name}`),
    () => op(s(x([2, 3], { low: 0, high: 90 }))).discrete(),
  ),
  ...each(
    ['half', 'bfloat16', 'float'].map((name) => `Tensor.${name}`),
    () => op(s(x([2, 3])).unchecked(ROUNDED)),
  ),
  'Tensor.double': op(s(x([2, 3]))),
  'Tensor.copy_': op(
    s(x([2, 3]).level(), x([2, 3])),
    s(x([2, 3]).level(), x([3])),
    s(x([2, 3]).level(), x([2, 1])),
  ),
  'Tensor.fill_': op(s(x([2, 3]).level(), 2.5), s(x([2, 3]).level(), x([]))),
  'Tensor.zero_': op(s(x([2, 3]))).flat(),
};
