/** A host without SharedArrayBuffer, such as a page without cross-origin isolation: the same results on one thread, and one warning. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

const warnings: string[] = [];
console.warn = (text: string) => warnings.push(text);
Reflect.deleteProperty(globalThis, 'SharedArrayBuffer');
const torch = await import('typetorch');

describe('without shared memory', () => {
  test('computes, also while the memory grows', () => {
    const x = torch.arange(0, 6).view(2, 3).float();
    assert.deepEqual(x.matmul(x.t()).tolist(), [
      [5, 14],
      [14, 50],
    ]);
    const kept = Array.from({ length: 8 }, (_, i) => torch.full([1 << 20], i));
    kept.forEach((t, i) => {
      assert.equal(t.add(1).sum().item(), (i + 1) * (1 << 20));
    });
    const w = torch.ones([3], { requiresGrad: true });
    x.mul(w).exp().sum().backward();
    assert.ok(w.grad !== null && torch.allclose(w.grad, x.mul(x.exp()).sum(0)));
  });

  test('draws the same random numbers', () => {
    const draw = (device: string): unknown[] => {
      torch.manualSeed(4);
      return [
        torch.rand([6000], { device }),
        torch.randn([70_000], { device }),
        torch.empty([9000], { device }).exponential_(),
        torch.empty([5000], { device }).bernoulli_(0.3),
      ].map((t) => t.tolist());
    };
    assert.deepEqual(draw('cpu'), draw('reference'));
  });

  test('uses one thread, whatever is asked for', () => {
    torch.setNumThreads(4);
    assert.equal(torch.getNumThreads(), 1);
  });

  test('says so once, naming the headers', () => {
    assert.equal(warnings.length, 1);
    assert.match(
      warnings[0],
      /Cross-Origin-Opener-Policy: same-origin.*Cross-Origin-Embedder-Policy: require-corp/,
    );
  });
});
