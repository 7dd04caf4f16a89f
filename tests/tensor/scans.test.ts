/** Scans of many lines: each is what one line alone gives, forwards and (in gradients) backwards. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as torch from '../../src/index.ts';

test('running sums and products of several lines are those of each line', () => {
  for (const dtype of [torch.float32, torch.float64]) {
    for (const lines of [1, 3, 4, 6, 9]) {
      const x = torch.randn(lines, 7, { dtype });
      for (const scan of [
        (t: torch.Tensor, d: number) => t.cumsum(d),
        (t: torch.Tensor, d: number) => t.cumprod(d),
      ]) {
        const alone = Array.from({ length: lines }, (_, i) => scan(x.select(0, i), 0).tolist());
        assert.deepEqual(scan(x, 1).tolist(), alone);
        assert.deepEqual(scan(x.t().contiguous(), 0).t().tolist(), alone);
      }
      const y = x.clone().requiresGrad_();
      y.cumsum(1).sum().backward();
      const row = [7, 6, 5, 4, 3, 2, 1];
      assert.deepEqual(
        y.grad?.tolist(),
        Array.from({ length: lines }, () => row),
      );
    }
  }
});
