/** Dropout in one pass is the product with a mask of numbers: PyTorch's definition, bit for bit, with its gradients of both orders. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as torch from 'typetorch';

const F = torch.nn.functional;

type Drop = (x: torch.Tensor) => torch.Tensor;

/** x · (keep/(1 − p)) with a mask in the dtype of x. */
const byMask =
  (p: number, shape: readonly number[]): Drop =>
  (x) =>
    x.mul(
      x
        .detach()
        .newEmpty(shape)
        .bernoulli_(1 - p)
        .div_(1 - p),
    );

function bits(t: torch.Tensor): (number | bigint)[] {
  // As whole numbers: −0 is not 0.
  const plain = t.dtype === torch.float64 ? t.view(torch.int64) : t.float().view(torch.int32);
  return plain.reshape(-1).tolist() as (number | bigint)[];
}

/** The result, its gradient and the gradient of that, all after the same seed. */
function both(x: torch.Tensor, drop: Drop): (number | bigint)[][] {
  torch.manualSeed(6);
  const leaf = x.clone().requiresGrad_();
  const out = drop(leaf);
  assert.equal(out.gradFn?.name, 'MulBackward0');
  const [first] = torch.autograd.grad([out.mul(out).sum()], [leaf], { createGraph: true });
  const [second] = torch.autograd.grad([(first as torch.Tensor).pow(3).sum()], [leaf]);
  const next = torch.rand(2);
  return [out.detach(), first as torch.Tensor, second as torch.Tensor, next].map((t) => bits(t.detach()));
}

describe('dropout', () => {
  for (const dtype of [torch.float32, torch.float64, torch.float16, torch.bfloat16]) {
    for (const p of [0.1, 0.5, 1 / 3]) {
      test(`of ${dtype} with p = ${p}`, () => {
        const x = torch.randn([40, 6, 5], { dtype });
        assert.deepEqual(
          both(x, (t) => F.dropout(t, p)),
          both(x, byMask(p, [40, 6, 5])),
        );
        assert.deepEqual(
          both(x, (t) => F.dropout(t.mul(1), p, true, true)),
          both(x, byMask(p, [40, 6, 5])),
        );
        assert.deepEqual(
          both(x, (t) => F.featureDropout(t, p)),
          both(x, byMask(p, [40, 6, 1])),
        );
        assert.deepEqual(
          both(x.transpose(0, 2), (t) => F.dropout(t, p)),
          both(x.transpose(0, 2), byMask(p, [5, 6, 40])),
        );
      });
    }
  }

  test('of what is not finite, and of zeros with signs', () => {
    const x = torch.tensor([
      ...[Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 0, -0, 1, -1],
      ...[Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 0, -0, 1, -1],
    ]);
    torch.manualSeed(1);
    const out = F.dropout(x, 0.5);
    torch.manualSeed(1);
    assert.deepEqual(bits(out), bits(byMask(0.5, [14])(x)));
    assert.ok((out.isnan().sum().item() as number) > 2, 'nothing infinite was dropped');
  });

  test('draws nothing without training or with p = 0, and gives the tensor itself', () => {
    const x = torch.ones(300);
    const state = torch.getRngState();
    assert.equal(F.dropout(x, 0.5, false), x);
    assert.equal(F.dropout(x, 0), x);
    assert.equal(new torch.nn.Dropout(0.5).eval().forward(x), x);
    assert.ok(torch.equal(torch.getRngState(), state));
  });

  test('of integers is an error', () => {
    assert.throws(
      () => F.dropout(torch.arange(5), 0.5),
      /result type Float can't be cast to the desired output type Long/,
    );
  });
});
