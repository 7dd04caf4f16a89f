/** Going on from a checkpoint: state of optimizers and schedulers through torch.save and torch.load, and from PyTorch's file. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as torch from 'typetorch';
import { fixtures, makeOptimizer, makeScheduler, parameters, setGradients, smooth } from './fixtures.ts';

const folder = mkdtempSync(join(tmpdir(), 'typetorch-optim-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** What a file gives back of a value. */
function throughFile<T>(value: T): T {
  const path = join(folder, 'checkpoint.pt');
  torch.save(value, path);
  return torch.load(path, { weightsOnly: true }) as T;
}

describe('an optimizer goes on from a file', () => {
  for (const [i, fixture] of fixtures.optimizers.entries()) {
    test(`${i}: ${fixture.type} ${JSON.stringify(fixture.options)}`, () => {
      const run = (
        optimizer: torch.optim.Optimizer,
        params: readonly torch.Tensor[],
        [from, to]: readonly [number, number],
      ): void => {
        for (let k = from; k < to; k++) {
          setGradients(params, k);
          optimizer.step();
        }
      };
      const dtype = torch[fixture.dtype];
      const params = parameters({ dtype });
      const optimizer = makeOptimizer(fixture, params);
      run(optimizer, params, [0, 3]);
      const saved = throughFile({
        params: params.map((p) => p.detach()),
        optimizer: optimizer.stateDict(),
      }) as unknown as Map<string, unknown>;
      run(optimizer, params, [3, 6]);

      const others = (saved.get('params') as torch.Tensor[]).map((p) => p.requiresGrad_());
      // The options come from the file.
      const fresh = makeOptimizer({ ...fixture, options: { lr: 1 } }, others);
      fresh.loadStateDict(saved.get('optimizer') as Map<string, unknown>);
      run(fresh, others, [3, 6]);
      for (const [k, p] of others.entries()) assert.deepEqual(p.tolist(), params[k].tolist());
    });
  }

  test('LBFGS', () => {
    const target = torch.tensor([1, -2, 0.5]);
    const steps = (w: torch.Tensor, optimizer: torch.optim.Optimizer, count: number): void => {
      for (let i = 0; i < count; i++) {
        optimizer.step(() => {
          optimizer.zeroGrad();
          const loss = w.sub(target).pow(4).sum();
          loss.backward();
          return loss;
        });
      }
    };
    const make = (w: torch.Tensor): torch.optim.Optimizer =>
      new torch.optim.LBFGS([w], { maxIter: 2, lineSearchFn: 'strong_wolfe' });
    const w = torch.zeros(3, { requiresGrad: true });
    const optimizer = make(w);
    steps(w, optimizer, 2);
    const saved = throughFile(
      new Map<string, unknown>([
        ['w', w.detach()],
        ['optimizer', optimizer.stateDict()],
      ]),
    );
    steps(w, optimizer, 2);
    const other = (saved.get('w') as torch.Tensor).requiresGrad_();
    const fresh = make(other);
    fresh.loadStateDict(saved.get('optimizer') as Map<string, unknown>);
    steps(other, fresh, 2);
    assert.deepEqual(other.tolist(), w.tolist());
  });
});

describe('a scheduler goes on from a file', () => {
  for (const [i, fixture] of fixtures.schedulers.entries()) {
    test(`${i}: ${fixture.type}`, () => {
      const run = (
        optimizer: torch.optim.Optimizer,
        scheduler: { step(): void },
        count: number,
      ): unknown[] => {
        return Array.from({ length: count }, () => {
          optimizer.step();
          scheduler.step();
          return optimizer.paramGroups.map((g) => [g.lr, g.momentum, g.betas]);
        });
      };
      const [optimizer, scheduler] = makeScheduler(fixture);
      run(optimizer, scheduler, 5);
      const saved = throughFile({
        optimizer: optimizer.stateDict(),
        scheduler: scheduler.stateDict(),
      }) as unknown as Map<string, Map<string, unknown>>;
      const [other, fresh] = makeScheduler(fixture);
      other.loadStateDict(saved.get('optimizer') as Map<string, unknown>);
      fresh.loadStateDict(saved.get('scheduler') as Map<string, unknown>);
      assert.deepEqual(fresh.getLastLr(), scheduler.getLastLr());
      assert.deepEqual(run(other, fresh, 6), run(optimizer, scheduler, 6));
    });
  }
});

test("PyTorch's checkpoint of Adam and a scheduler", () => {
  const path = fileURLToPath(new URL('./fixtures/adam_1.13.pt', import.meta.url));
  const saved = torch.load(path, { weightsOnly: true }) as Map<string, unknown>;
  const param = (saved.get('param') as torch.Tensor).requiresGrad_();
  const optimizer = new torch.optim.Adam([param], { amsgrad: false });
  const scheduler = new torch.optim.lrScheduler.MultiStepLR(optimizer, [1, 4]);
  optimizer.loadStateDict(saved.get('optimizer') as Map<string, unknown>);
  scheduler.loadStateDict(saved.get('scheduler') as Map<string, unknown>);
  for (let k = 3; k < 6; k++) {
    param.grad = smooth([2, 3], 0.9 * k);
    optimizer.step();
    scheduler.step();
  }
  torch.testing.assertClose(param.detach(), saved.get('later') as torch.Tensor);
  assert.equal(optimizer.paramGroups[0].lr, 0.1 * 0.1 * 0.1);
  assert.deepEqual(optimizer.paramGroups[0].betas, [0.9, 0.999]);
});
