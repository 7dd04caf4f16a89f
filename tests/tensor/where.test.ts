/** `x.where(condition, other)`: arguments in another order than those of `torch.where`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as torch from 'typetorch';

test('x.where keeps elements where the condition holds, with gradients for both sides', () => {
  const x = torch.tensor([1, 2, 3], { requiresGrad: true });
  const other = torch.tensor([10, 20, 30], { requiresGrad: true });
  const out = x.where(torch.tensor([true, false, true]), other);
  assert.deepEqual(out.tolist(), [1, 20, 3]);
  out.sum().backward();
  assert.deepEqual(x.grad?.tolist(), [1, 0, 1]);
  assert.deepEqual(other.grad?.tolist(), [0, 1, 0]);
  assert.deepEqual(x.where(x.gt(1), 0).tolist(), [0, 2, 3]);
});
