/** Batch normalization with running statistics: the same numbers whether or not the weights take gradients, in the input's memory order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as torch from '../../src/index.ts';
import { assertClose } from '../../src/testing/index.ts';

const F = torch.nn.functional;

test('the short form agrees with the one that weights learn through', () => {
  torch.manualSeed(3);
  const x = torch.randn(4, 5, 6, 7, { dtype: torch.float64 });
  const [mean, weight, bias] = [0, 1, 2].map(() => torch.randn(5, { dtype: torch.float64 }));
  const variance = torch.rand(5, { dtype: torch.float64 }).add(0.1);
  for (const [w, b] of [
    [weight, bias],
    [weight, null],
    [null, bias],
  ]) {
    const [a, c] = [x.clone().requiresGrad_(), x.clone().requiresGrad_()];
    const short = F.batchNorm(a, mean, variance, w, b);
    const [learnW, learnB] = [w, b].map((t) => t?.clone().requiresGrad_() ?? null);
    const long = F.batchNorm(c, mean, variance, learnW, learnB);
    assert.equal(short.gradFn?.name, 'NativeBatchNormBackward0');
    assertClose(short.detach(), long.detach());
    short.pow(2).sum().backward();
    long.pow(2).sum().backward();
    assertClose(a.grad as torch.Tensor, c.grad as torch.Tensor);
  }
});

test('channels last stay last', () => {
  const x = torch.randn(2, 3, 4, 5).contiguous(torch.channelsLast);
  const out = F.batchNorm(x, torch.zeros(3), torch.ones(3), torch.ones(3), torch.zeros(3));
  assert.deepEqual(out.stride(), x.stride());
});
