/** Losses and distances. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as torch from 'typetorch';
import { checkTable } from './check.ts';
import { x } from './operands.ts';
import { table } from './samples/losses.ts';

checkTable(table);

test('ctcLoss has the gradient of log-probabilities that log_softmax made', () => {
  const logits = x([5, 2, 3]).make({
    dtype: torch.float64,
    device: 'cpu',
    layout: 'contiguous',
    requiresGrad: true,
  });
  const targets = torch.tensor([
    [1n, 2n],
    [2n, 1n],
  ]);
  for (const reduction of ['mean', 'sum', 'none'] as const) {
    const loss = (scores: torch.Tensor): torch.Tensor =>
      torch.nn.functional.ctcLoss(
        torch.nn.functional.logSoftmax(scores, 2),
        targets,
        torch.tensor([5n, 4n]),
        torch.tensor([2n, 1n]),
        { reduction },
      );
    assert.ok(torch.autograd.gradcheck(loss, [logits]));
  }
});
