/** Attention as a function. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as torch from '../../src/index.ts';

const F = torch.nn.functional;

test('masks: a bool one says who takes part, numbers are added, causal is the lower triangle', () => {
  torch.manualSeed(1);
  const [q, k, v] = [torch.randn(2, 3, 4), torch.randn(2, 3, 4), torch.randn(2, 3, 5)];
  const lower = torch.ones(3, 3, { dtype: torch.bool }).tril();
  const causal = F.scaledDotProductAttention(q, k, v, { isCausal: true });
  assert.ok(torch.equal(F.scaledDotProductAttention(q, k, v, lower), causal));
  const added = torch.zeros(3, 3).maskedFill(lower.logicalNot(), Number.NEGATIVE_INFINITY);
  assert.ok(torch.allclose(F.scaledDotProductAttention(q, k, v, added), causal));
  assert.ok(torch.allclose(causal.select(1, 0), v.select(1, 0)));
  assert.throws(
    () => F.scaledDotProductAttention(q, k, v, lower, 0, true),
    /attn_mask should not be set when is_causal=True/,
  );
});

test('the scale is 1/√E unless given, and dropout scales what is kept', () => {
  const [q, k] = [torch.randn(2, 4), torch.randn(3, 4)];
  const weights = F._scaledDotProductAttention(q.unsqueeze(0), k.unsqueeze(0), torch.eye(3).unsqueeze(0))[1];
  assert.ok(torch.allclose(weights.squeeze(0), q.mm(k.t()).div(2).softmax(-1)));
  const plain = F.scaledDotProductAttention(q, k, torch.eye(3), null, 0, false, 1);
  assert.ok(torch.allclose(plain, q.mm(k.t()).softmax(-1)));
  const [dropped] = F._scaledDotProductAttention(q, k, torch.eye(3), null, 0.5);
  const kept = dropped.ne(0);
  const usual = q.mm(k.t()).div(2).softmax(-1).mul(2);
  assert.ok(torch.allclose(dropped, usual.mul(kept.to(torch.float32))));
});
