/** Convolutions that are large enough for Winograd's minimal filtering: against float64, and on any number of threads. */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import * as torch from '../../src/index.ts';
import { cpu } from '../../src/device/wasm/device.ts';
import type { Tensor } from '../../src/index.ts';

const { functional: F } = torch.nn;

type Sizes = readonly [n: number, c: number, k: number, h: number, w: number];

const cases: readonly (readonly [Sizes, number | [number, number]])[] = [
  [[4, 16, 16, 32, 32], 1],
  [[8, 32, 24, 15, 17], 0],
  [[8, 20, 32, 9, 14], 2],
  [[16, 64, 64, 8, 8], 1],
  [
    [3, 40, 64, 7, 21],
    [2, 0],
  ],
];

/** The results and both gradients. */
function run(x: Tensor, w: Tensor, dy: Tensor, padding: number | [number, number]): Tensor[] {
  const [a, b] = [x.detach().requiresGrad_(), w.detach().requiresGrad_()];
  const y = F.conv2d(a, b, null, { padding });
  y.backward(dy);
  return [y.detach(), a.grad as Tensor, b.grad as Tensor];
}

function operands([n, c, k, h, w]: Sizes, padding: number | [number, number]): [Tensor, Tensor, Tensor] {
  torch.manualSeed(n + c);
  const [p, q] = typeof padding === 'number' ? [padding, padding] : padding;
  return [torch.randn(n, c, h, w), torch.randn(k, c, 3, 3), torch.randn(n, k, h + 2 * p - 2, w + 2 * q - 2)];
}

/** The mean square error of float32 against float64, relative to the mean square. */
function errorOf(x: Tensor, exact: Tensor): number {
  const mean = (t: Tensor): number => t.square().mean().item() as number;
  return Math.sqrt(mean(x.double().sub(exact)) / mean(exact));
}

/** The same results by the sums of products that define them, in float32. */
function plainly(x: Tensor, w: Tensor, dy: Tensor, padding: number | [number, number]): Tensor[] {
  const [, , height, width] = x.shape;
  const columns = F.unfold(x, 3, { padding });
  const flat = w.flatten(1);
  const y = flat.matmul(columns).reshape(dy.shape);
  const g = dy.flatten(2);
  const dx = F.fold(flat.t().matmul(g), [height, width], 3, { padding });
  const dw = g.transpose(0, 1).flatten(1).matmul(columns.transpose(0, 1).flatten(1).t());
  return [y, dx, dw.reshape(w.shape)];
}

describe('3×3 convolutions of float32', () => {
  for (const [sizes, padding] of cases) {
    test(`${sizes}, padding ${padding}: as exact as sums of products are, but for a factor`, () => {
      const [x, w, dy] = operands(sizes, padding);
      const exact = run(x.double(), w.double(), dy.double(), padding);
      const direct = plainly(x, w, dy, padding);
      run(x, w, dy, padding).forEach((result, i) => {
        const [error, plain] = [errorOf(result, exact[i]), errorOf(direct[i], exact[i])];
        // Measured: 0.5 to 1.7 (docs/decisions/0016-winograd.md).
        assert.ok(error < 2 * plain, `${i}: ${error}, by sums of products ${plain}`);
      });
    });
  }
});

describe('convolutions on several threads', () => {
  const initial = torch.getNumThreads();
  const waitForWorkers = (): void => {
    const end = performance.now() + 10_000;
    while (cpu.threads.partsFor(1e9) === 1) if (performance.now() > end) throw new Error('no worker started');
  };
  after(() => torch.setNumThreads(initial));
  for (const [sizes, padding] of cases) {
    test(`${sizes}, padding ${padding}: the same bits`, () => {
      const [x, w, dy] = operands(sizes, padding);
      torch.setNumThreads(1);
      const one = run(x, w, dy, padding);
      for (const threads of [2, 3]) {
        torch.setNumThreads(threads);
        waitForWorkers();
        run(x, w, dy, padding).forEach((result, i) => {
          assert.ok(torch.equal(result, one[i]), `result ${i} on ${threads} threads`);
        });
      }
    });
  }
});

test('second derivatives of large convolutions go through the same kernels', () => {
  const [x, w, dy] = operands([2, 16, 16, 12, 12], 1);
  const second = (dtype: typeof torch.float32): Tensor[] => {
    const [a, b] = [x, w].map((t) => t.to(dtype).detach().requiresGrad_());
    const y = F.conv2d(a, b, null, { padding: 1 });
    const [da, db] = torch.autograd.grad(y.mul(y).mul(dy.to(dtype)).sum(), [a, b], {
      createGraph: true,
    }) as Tensor[];
    return torch.autograd.grad(da.square().sum().add(db.square().sum()), [a, b]) as Tensor[];
  };
  const exact = second(torch.float64);
  second(torch.float32).forEach((result, i) => {
    const error = errorOf(result, exact[i]);
    assert.ok(error < 2e-6, `${i}: ${error}`);
  });
});
