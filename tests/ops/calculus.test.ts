/** Differences, slopes, integrals, covariances. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as torch from 'typetorch';
import { checkTable } from './check.ts';
import { table } from './samples/calculus.ts';

checkTable(table);

test('the slope of a parabola is exact inside, and at the ends with edgeOrder 2', () => {
  const x = torch.tensor([0, 1, 3, 4, 6]);
  const [slope] = torch.gradient(x.mul(x), { spacing: [x], edgeOrder: 2 });
  torch.testing.assertClose(slope, x.mul(2));
});

test('weights count observations', () => {
  const rows = torch.tensor([
    [1, 2, 4],
    [2, 1, 0],
  ]);
  const repeated = torch.tensor([
    [1, 2, 2, 4],
    [2, 1, 1, 0],
  ]);
  const fweights = torch.tensor([1, 2, 1], { dtype: torch.int64 });
  torch.testing.assertClose(torch.cov(rows, { fweights }), torch.cov(repeated));
  assert.throws(() => torch.cov(rows, { fweights: torch.ones(3) }), {
    message: 'cov(): expected fweights to have integral dtype but got fweights with Float dtype',
  });
});
