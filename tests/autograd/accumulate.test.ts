/**
 * Gradients that an op adds to `.grad` at once, in one pass with its product: what they come to, and the cases in which it must not.
 * The gradient of a sum of products is known by hand; the values are whole numbers, so that nothing is rounded.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as torch from 'typetorch';
import { equal } from '../support.ts';

const F = torch.nn.functional;

/** Whole numbers from −4 to 4 that differ from place to place. */
function numbers(...sizes: number[]): torch.Tensor {
  const count = sizes.reduce((a, b) => a * b, 1);
  return torch
    .tensor(Array.from({ length: count }, (_, i) => ((i * 7) % 9) - 4))
    .reshape(sizes)
    .to(torch.float32);
}

interface Case {
  readonly name: string;
  readonly weight: () => torch.Tensor;
  readonly loss: (w: torch.Tensor) => torch.Tensor;
}

const weighted = (y: torch.Tensor): torch.Tensor => y.mul(numbers(...y.shape)).sum();
const cases: readonly Case[] = [
  { name: 'mm, left', weight: () => numbers(3, 5), loss: (w) => weighted(w.mm(numbers(5, 4))) },
  { name: 'mm, right', weight: () => numbers(5, 6), loss: (w) => weighted(numbers(7, 5).mm(w)) },
  { name: 'bmm', weight: () => numbers(2, 5, 6), loss: (w) => weighted(numbers(2, 7, 5).bmm(w)) },
  {
    name: 'linear',
    weight: () => numbers(6, 5),
    loss: (w) => weighted(F.linear(numbers(7, 5), w, numbers(6))),
  },
  {
    name: 'addmm with a factor',
    weight: () => numbers(5, 6),
    loss: (w) => weighted(numbers(6).addmm(numbers(7, 5), w, { alpha: 2 })),
  },
  {
    name: 'conv2d',
    weight: () => numbers(3, 2, 3, 3),
    loss: (w) => weighted(F.conv2d(numbers(2, 2, 6, 7), w, numbers(3), 1, 1)),
  },
  {
    name: 'conv2d in groups',
    weight: () => numbers(4, 1, 3, 2),
    loss: (w) => weighted(F.conv2d(numbers(2, 2, 6, 7), w, null, 2, 1, 1, 2)),
  },
  {
    name: 'convTranspose2d',
    weight: () => numbers(2, 3, 3, 3),
    loss: (w) => weighted(F.convTranspose2d(numbers(2, 2, 4, 5), w, null, 2)),
  },
  {
    name: 'a weight used twice',
    weight: () => numbers(5, 5),
    loss: (w) => weighted(numbers(5, 5).mm(w).mm(w)),
  },
  {
    name: 'a permuted weight',
    weight: () => numbers(6, 2, 5),
    loss: (w) => weighted(numbers(2, 7, 5).bmm(w.permute(1, 2, 0))),
  },
];

for (const { name, weight, loss } of cases) {
  describe(name, () => {
    /** The gradient as `autograd.grad` computes it, which adds nothing to anything. */
    const expected = (): torch.Tensor => {
      const w = weight().requiresGrad_();
      return torch.autograd.grad(loss(w), [w])[0] as torch.Tensor;
    };

    test('adds to what is there, in the same tensor', () => {
      const w = weight().requiresGrad_();
      const start = numbers(...w.shape).add(1);
      const grad = start.clone();
      w.grad = grad;
      loss(w).backward();
      assert.equal(w.grad, grad);
      equal(grad, start.add(expected()).tolist());
      loss(w).backward();
      equal(grad, start.add(expected().mul(2)).tolist());
    });

    test('adds to a gradient with other strides', () => {
      const w = weight().requiresGrad_();
      const rank = w.shape.length;
      const start = numbers(...w.shape);
      w.grad = start
        .transpose(0, rank - 1)
        .contiguous()
        .transpose(0, rank - 1);
      loss(w).backward();
      equal(w.grad, start.add(expected()).tolist());
    });

    test('counts as a change in place', () => {
      const w = weight().requiresGrad_();
      w.grad = torch.zeros(...w.shape);
      const before = w.grad._version;
      loss(w).backward();
      assert.ok(w.grad._version > before);
    });

    test('hooks see the gradient alone, and may replace it', () => {
      const w = weight().requiresGrad_();
      w.grad = torch.ones(...w.shape);
      const seen: unknown[] = [];
      w.registerHook((g) => {
        seen.push(g.tolist());
        return torch.zeros(...g.shape);
      });
      loss(w).backward();
      assert.deepEqual(seen, [expected().tolist()]);
      equal(w.grad, torch.ones(...w.shape).tolist());
    });

    test('with createGraph the gradient becomes a new tensor with a history', () => {
      const w = weight().requiresGrad_();
      const start = torch.ones(...w.shape);
      w.grad = start;
      loss(w).backward({ createGraph: true });
      assert.notEqual(w.grad, start);
      equal(start, torch.ones(...w.shape).tolist());
      equal(w.grad.detach(), expected().add(1).tolist());
    });
  });
}

describe('memory that is still read', () => {
  test('a gradient that is an operand itself', () => {
    const w = numbers(4, 4).requiresGrad_();
    const start = numbers(4, 4).add(1);
    w.grad = start.clone();
    // d/dw of Σ (g·w) is gᵀ·1, of the g before it is added to.
    w.grad.mm(w).sum().backward();
    equal(w.grad, start.add(start.t().mm(torch.ones(4, 4))).tolist());
  });

  test('a gradient that is handed to backward as well', () => {
    const w = numbers(4, 4).requiresGrad_();
    const start = numbers(4, 4).add(1);
    w.grad = start.clone();
    const x = numbers(4, 4);
    x.mm(w).mul(2).add(w).backward(w.grad);
    equal(w.grad, start.mul(2).add(x.t().mm(start).mul(2)).tolist());
  });

  test('anomaly detection sees the gradients of the op', () => {
    const w = torch.full([2, 2], 1).requiresGrad_();
    w.grad = torch.zeros(2, 2);
    const x = torch.full([2, 2], Number.NaN);
    assert.throws(() => torch.autograd.detectAnomaly(() => x.mm(w).sum().backward()), /nan values/);
  });
});
