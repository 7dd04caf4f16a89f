/** `out=`: results of pointwise functions go straight into tensors that fit. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as torch from '../../src/index.ts';

const allocations = (): number => torch.memoryStats().allocations;

test('an out that fits is written without a tensor in between', () => {
  const [a, b, out] = [torch.randn(3, 4), torch.randn(4), torch.zeros(3, 4)];
  torch.add(a, b, { out });
  const before = allocations();
  assert.equal(torch.add(a, b, { out }), out);
  assert.equal(allocations(), before);
  assert.ok(torch.equal(out, a.add(b)));
});

test('an out that is an operand, or overlaps one, gets what the operands were', () => {
  const a = torch.arange(6).to(torch.float32);
  torch.exp(a, { out: a });
  assert.ok(torch.equal(a, torch.arange(6).to(torch.float32).exp()));
  const memory = torch.arange(6).to(torch.float32);
  torch.mul(memory.narrow(0, 0, 5), 2, { out: memory.narrow(0, 1, 5) });
  assert.deepEqual(memory.tolist(), [0, 0, 2, 4, 6, 8]);
});

test('an out of other sizes or of another dtype', () => {
  const out = torch.zeros(0);
  torch.add(torch.ones(2), torch.ones(2), { out });
  assert.deepEqual(out.tolist(), [2, 2]);
  const wide = torch.zeros(2, { dtype: torch.float64 });
  torch.add(torch.ones(2), 0.5, { out: wide });
  assert.deepEqual(wide.tolist(), [1.5, 1.5]);
  const strided = torch.zeros(2, 3).t();
  torch.add(torch.ones(3, 2), 1, { out: strided });
  assert.deepEqual(strided.tolist(), [
    [2, 2],
    [2, 2],
    [2, 2],
  ]);
});

test('writing to out counts as a change', () => {
  const x = torch.ones(3).requiresGrad_();
  const out = torch.ones(3);
  const y = x.mul(out).sum();
  torch.noGrad(() => torch.add(torch.ones(3), 1, { out }));
  assert.throws(() => y.backward(), /modified by an inplace operation/);
});
