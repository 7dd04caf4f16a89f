/** Dimensions moved, tensors stacked and split, diagonals, comparisons of whole tensors; and their errors. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as torch from 'typetorch';
import { checkTable } from './check.ts';
import { table } from './samples/shapes.ts';

checkTable(table);

test('isclose: NaN is close to NaN only on request, infinities to themselves', () => {
  const a = torch.tensor([Number.NaN, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 1]);
  const b = torch.tensor([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1]);
  assert.deepEqual(torch.isclose(a, b).tolist(), [false, true, false, true]);
  assert.deepEqual(torch.isclose(a, b, { equalNan: true }).tolist(), [true, true, false, true]);
});

describe('errors of shapes', () => {
  const cases: readonly (readonly [string, () => unknown, string])[] = [
    [
      'movedim repeated',
      () => torch.movedim(torch.zeros(2, 3), [0, -2], [0, 1]),
      'movedim: repeated dim in `source` ([0, -2])',
    ],
    [
      'unflatten',
      () => torch.zeros(2, 3).unflatten(1, [2, 2]),
      "unflatten: Provided sizes [2, 2] don't multiply up to the size of dim 1 (3) in the input tensor",
    ],
    ['hstack of nothing', () => torch.hstack([]), 'hstack expects a non-empty TensorList'],
    [
      'vsplit of a vector',
      () => torch.vsplit(torch.zeros(3), 1),
      'torch.vsplit requires a tensor with at least 2 dimension, but got a tensor with 1 dimensions!',
    ],
    ['trace', () => torch.trace(torch.zeros(2)), 'trace: expected a matrix, but got tensor with dim 1'],
    ['diag of a volume', () => torch.diag(torch.zeros(2, 2, 2)), 'matrix or a vector expected'],
    [
      'isclose of two dtypes',
      () => torch.isclose(torch.zeros(1), torch.zeros(1).double()),
      'Float did not match Double',
    ],
    [
      'fill with what does not fit',
      () => torch.zeros(1, { dtype: torch.uint8 }).fill_(300),
      'value cannot be converted to type uint8_t without overflow',
    ],
  ];
  for (const [name, call, message] of cases) {
    test(name, () => assert.throws(call, { message }));
  }
});
