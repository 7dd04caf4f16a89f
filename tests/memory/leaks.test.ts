/** What a training step leaves behind: gradients and the state of the optimizer, nothing else. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as torch from 'typetorch';
import { collectGarbage } from '../../src/device/gc.ts';

const { nn } = torch;
const { describeLeaks, trackAllocations } = torch.testing;
const F = nn.functional;

class Net extends nn.Module {
  conv: InstanceType<typeof nn.Conv2d> = new nn.Conv2d(1, 2, 3);
  norm: InstanceType<typeof nn.BatchNorm2d> = new nn.BatchNorm2d(2);
  fc: InstanceType<typeof nn.Linear> = new nn.Linear(8, 3);

  override forward(x: torch.Tensor): torch.Tensor {
    const features = F.maxPool2d(F.relu(this.norm(this.conv(x))), 2);
    return this.fc(F.dropout(features.flatten(1), 0.1));
  }
}

const optimizers: Readonly<Record<string, (params: Iterable<torch.Tensor>) => torch.optim.Optimizer>> = {
  SGD: (params) => new torch.optim.SGD(params, { lr: 0.01 }),
  'SGD with momentum': (params) => new torch.optim.SGD(params, { lr: 0.01, momentum: 0.9, nesterov: true }),
  Adam: (params) => new torch.optim.Adam(params, { lr: 0.01 }),
  AdamW: (params) => new torch.optim.AdamW(params, { lr: 0.01 }),
  RMSprop: (params) => new torch.optim.RMSprop(params, { lr: 0.01, centered: true, momentum: 0.5 }),
  Adagrad: (params) => new torch.optim.Adagrad(params, { lr: 0.01 }),
};

function setUp(make: (params: Iterable<torch.Tensor>) => torch.optim.Optimizer): {
  net: Net;
  step: () => number;
} {
  torch.manualSeed(0);
  const net = new Net();
  const optimizer = make(net.parameters());
  const x = torch.randn(4, 1, 6, 6);
  const y = torch.tensor([0n, 1n, 2n, 1n]);
  const step = (): number => {
    optimizer.zeroGrad({ setToNone: true });
    const loss = F.crossEntropy(net(x), y);
    loss.backward();
    optimizer.step();
    return loss.item();
  };
  return { net, step };
}

const bytes = (t: torch.Tensor): number => t.numel() * t.elementSize();
const total = (sizes: readonly number[]): number => sizes.reduce((a, b) => a + b, 0);

describe('a training step', () => {
  for (const [name, make] of Object.entries(optimizers)) {
    test(`with ${name} leaves its gradients only`, () => {
      const { net, step } = setUp(make);
      step();
      step();
      const { alive, made } = trackAllocations(step);
      assert.ok(made > 20, `${made} storages`);
      const gradients = [...net.parameters()].map((p) => bytes(p.grad as torch.Tensor));
      assert.deepEqual(
        alive.map((s) => s.nbytes).sort((a, b) => a - b),
        gradients.sort((a, b) => a - b),
        describeLeaks(alive),
      );
    });

    test(`with ${name} works in a tidy scope, and leaves the same`, () => {
      const { net, step } = setUp(make);
      const plain = setUp(make);
      for (let i = 0; i < 3; i++) {
        torch.manualSeed(i);
        const expected = plain.step();
        torch.manualSeed(i);
        assert.equal(torch.tidy(step), expected);
      }
      const { alive } = trackAllocations(() => torch.tidy(step));
      const gradients = [...net.parameters()].map((p) => bytes(p.grad as torch.Tensor));
      assert.equal(total(alive.map((s) => s.nbytes)), total(gradients), describeLeaks(alive));
    });
  }

  test('of LBFGS works in a tidy scope', () => {
    const losses = (step: (fn: () => number) => number): number[] => {
      const w = torch.tensor([3, -2], { requiresGrad: true });
      const optimizer = new torch.optim.LBFGS([w], { lr: 0.5, maxIter: 3 });
      const closure = (): torch.Tensor => {
        optimizer.zeroGrad();
        const loss = w.pow(4).sum().add(w.mul(w).sum());
        loss.backward();
        return loss;
      };
      return [0, 1, 2].map(() => step(() => (optimizer.step(closure) as torch.Tensor).item()));
    };
    assert.deepEqual(
      losses((fn) => torch.tidy(fn)),
      losses((fn) => fn()),
    );
  });

  test('of a second-order method leaves its gradients only', () => {
    const w = torch.ones(3, { requiresGrad: true });
    const step = (): void => {
      const [g] = torch.autograd.grad(w.pow(3).sum(), w, { createGraph: true }) as torch.Tensor[];
      w.grad = null;
      g.mul(g).sum().backward();
    };
    step();
    const { alive } = trackAllocations(step);
    assert.deepEqual(
      alive.map((s) => s.nbytes),
      [12],
      describeLeaks(alive),
    );
  });

  test('under noGrad leaves nothing', () => {
    const { net } = setUp(optimizers.SGD);
    net.eval();
    const x = torch.randn(4, 1, 6, 6);
    const { alive } = trackAllocations(() => torch.noGrad(() => net(x).argmax(1).tolist()));
    assert.deepEqual(alive, [], describeLeaks(alive));
  });

  test('a graph that is never run backward dies with its result', () => {
    const w = torch.ones(100, { requiresGrad: true });
    const { alive } = trackAllocations(() => {
      w.mul(2).exp().sin().sum();
    });
    assert.deepEqual(alive, [], describeLeaks(alive));
  });

  test('hooks, retained gradients and custom functions leave nothing', () => {
    const w = torch.ones(10, { requiresGrad: true });
    class Twice extends torch.autograd.Function {
      static override forward(_: torch.autograd.FunctionContext, x: torch.Tensor): torch.Tensor {
        return x.mul(2);
      }
      static override backward(_: torch.autograd.FunctionContext, g: torch.Tensor): torch.Tensor {
        return g.mul(2);
      }
    }
    const step = (): void => {
      w.grad = null;
      const y = Twice.apply(w) as torch.Tensor;
      y.retainGrad();
      y.registerHook((g) => g?.mul(3));
      y.exp().sum().backward();
    };
    step();
    const { alive } = trackAllocations(step);
    assert.deepEqual(
      alive.map((s) => s.nbytes),
      [40],
      describeLeaks(alive),
    );
  });

  test('nothing is left of a model that is gone', () => {
    const train = (): void => {
      const { step } = setUp(optimizers.Adam);
      for (let i = 0; i < 3; i++) step();
    };
    train();
    const { alive } = trackAllocations(train);
    assert.deepEqual(alive, [], describeLeaks(alive));
  });
});

test('the checker finds a leak and names where it was made', () => {
  const kept: torch.Tensor[] = [];
  const leakHere = (): void => void kept.push(torch.ones(5));
  const { alive } = trackAllocations(leakHere);
  assert.equal(alive.length, 1);
  assert.equal(alive[0].nbytes, 20);
  assert.match(describeLeaks(alive), /leakHere.*leaks\.test\.ts/);
  collectGarbage();
  assert.equal(kept[0].sum().item(), 5);
});
