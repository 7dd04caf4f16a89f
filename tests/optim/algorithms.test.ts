/** Optimizers against PyTorch 1.13, on both devices: parameters and state after six steps, the names in the state, how they print. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as torch from 'typetorch';
import { close } from '../support.ts';
import { fixtures, makeOptimizer, type OptimizerFixture, parameters, setGradients } from './fixtures.ts';

/** float32: a unit in the last place or two a step, of values around 1, and eps inside roots near 0; float64: rounding only. */
const tolerance = ({ dtype }: OptimizerFixture): number => (dtype === 'float64' ? 1e-13 : 5e-6);

function run(fixture: OptimizerFixture, params: torch.Tensor[]): torch.optim.Optimizer {
  const optimizer = makeOptimizer(fixture, params);
  for (let k = 0; k < fixtures.steps; k++) {
    setGradients(params, k);
    optimizer.step();
  }
  return optimizer;
}

function check(fixture: OptimizerFixture, device: string): void {
  const params = parameters({ dtype: torch[fixture.dtype], device });
  const optimizer = run(fixture, params);
  fixture.params.forEach((expected, i) => {
    close(params[i].flatten(), expected, tolerance(fixture));
  });
  fixture.state.forEach((expected, i) => {
    const state = optimizer.state.get(params[i]);
    assert.deepEqual(
      [...(state?.keys() ?? [])],
      expected.map(([name]) => name),
    );
    for (const [name, value] of expected) {
      const got = state?.get(name);
      if (got instanceof torch.Tensor) close(got.flatten(), value as readonly number[], tolerance(fixture));
      else assert.equal(got, value, name);
    }
  });
}

describe('optimizers compute what PyTorch computes', () => {
  for (const [i, fixture] of fixtures.optimizers.entries()) {
    const { type, options, second, dtype } = fixture;
    const title = `${i}: ${type} ${JSON.stringify({ ...options, ...(second === null ? {} : { second }) })} ${dtype}`;
    test(title, () => check(fixture, 'cpu'));
    test(`${title} on the reference device`, () => check(fixture, 'reference'));
  }
});

describe('optimizers look as in PyTorch', () => {
  for (const [i, fixture] of fixtures.optimizers.entries()) {
    test(`${i}: ${fixture.type}`, () => {
      const optimizer = makeOptimizer(fixture, parameters());
      assert.equal(String(optimizer), fixture.repr);
      const groups = optimizer.stateDict().get('param_groups') as Map<string, unknown>[];
      assert.deepEqual(
        groups.map((g) => [...g.keys()].filter((name) => name !== 'params').sort()),
        fixture.groups.map((names) => [...names].sort()),
      );
    });
  }
});

describe('an update in one pass', () => {
  const momentum = { lr: 0.1, momentum: 0.9 };

  test('reads and writes parameters and gradients of any layout', () => {
    const plain = parameters();
    const strided = plain.map((p) => {
      // Every second element of a larger tensor, dimensions turned round.
      const base = torch.zeros([2 * p.numel()]);
      const view = p.dim() === 2 ? base.index('::2').view(3, 2).t() : base.index('1::2');
      return view.copy_(p.detach()).detach().requiresGrad_();
    });
    assert.equal(strided[0].isContiguous(), false);
    const fixture = { type: 'SGD', options: momentum, second: null };
    const a = makeOptimizer(fixture, plain);
    const b = makeOptimizer(fixture, strided);
    for (let k = 0; k < 3; k++) {
      setGradients(plain, k);
      strided.forEach((p, i) => {
        const { grad } = plain[i];
        p.grad = (grad as torch.Tensor).t().clone().t();
      });
      a.step();
      b.step();
    }
    for (const [i, p] of strided.entries()) assert.deepEqual(p.tolist(), plain[i].tolist());
  });

  test('makes no tensor but the state', () => {
    const p = torch.ones(64, { requiresGrad: true });
    const optimizer = new torch.optim.SGD([p], momentum);
    p.grad = torch.ones(64);
    const first = torch.testing.trackAllocations(() => void optimizer.step());
    assert.equal(first.made, 1, 'the momentum buffer');
    const second = torch.testing.trackAllocations(() => void optimizer.step());
    assert.equal(second.made, 0);
  });

  test('counts as an in-place change, of which the backward pass tells', () => {
    const w = torch.ones(3, { requiresGrad: true });
    const optimizer = new torch.optim.SGD([w], { lr: 0.1 });
    const loss = w.mul(w).sum();
    w.grad = torch.ones(3);
    const before = w._version;
    optimizer.step();
    assert.equal(w._version, before + 1);
    assert.throws(() => loss.backward(), /has been modified by an inplace operation/);
  });

  test('computes 16-bit floats in float32', () => {
    for (const dtype of [torch.float16, torch.bfloat16]) {
      const p = torch.ones(4, { dtype }).requiresGrad_();
      p.grad = torch.full([4], 0.5, { dtype });
      new torch.optim.SGD([p], { lr: 0.5 }).step();
      assert.deepEqual(p.tolist(), [0.75, 0.75, 0.75, 0.75]);
      assert.equal(p.dtype, dtype);
    }
  });

  test('of an empty parameter does nothing', () => {
    const p = torch.zeros([0, 3], { requiresGrad: true });
    p.grad = torch.zeros(0, 3);
    new torch.optim.Adam([p]).step();
    assert.deepEqual([...p.shape], [0, 3]);
  });
});

test('training with any optimizer makes the loss smaller', () => {
  const kinds = new Map(fixtures.optimizers.map((f) => [f.type, f]));
  for (const { type } of kinds.values()) {
    torch.manualSeed(0);
    const net = new torch.nn.Sequential(
      new torch.nn.Linear(3, 8),
      new torch.nn.Tanh(),
      new torch.nn.Linear(8, 1),
    );
    const x = torch.randn(32, 3);
    const y = x.sum(1, { keepdim: true }).sin();
    const optimizer = makeOptimizer({ type, options: { lr: type === 'Adadelta' ? 1 : 0.01 }, second: null }, [
      ...net.parameters(),
    ]);
    const step = (): number => {
      optimizer.zeroGrad();
      const loss = torch.nn.functional.mseLoss(net(x), y);
      loss.backward();
      optimizer.step();
      return loss.item();
    };
    const first = step();
    for (let i = 0; i < 60; i++) step();
    const last = step();
    assert.ok(last < 0.9 * first, `${type}: from ${first} to ${last}`);
  }
});
