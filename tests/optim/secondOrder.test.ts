/** Methods that use curvature: Newton with autograd's Hessian, and LBFGS. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as torch from 'typetorch';
import { close, equal, raises } from '../support.ts';

const { LBFGS, Newton } = torch.optim;

function leaf(values: readonly number[], dtype: torch.DType = torch.float64): torch.Tensor {
  return torch.tensor([...values], { dtype, requiresGrad: true });
}

/** Rosenbrock's banana: a curved valley with its minimum, 0, at (1, 1). */
function rosenbrock(x: torch.Tensor): torch.Tensor {
  const [a, b] = [x.select(0, 0), x.select(0, 1)];
  return a
    .neg()
    .add(1)
    .pow(2)
    .add(b.sub(a.pow(2)).pow(2).mul(100));
}

describe('Newton', () => {
  test('reaches the minimum of a quadratic in one step', () => {
    const A = torch.tensor(
      [
        [3, 1, 0],
        [1, 2, 0.5],
        [0, 0.5, 1],
      ],
      { dtype: torch.float64 },
    );
    const b = torch.tensor([1, -2, 4], { dtype: torch.float64 });
    const x = leaf([10, -20, 30]);
    const loss = (): torch.Tensor => x.dot(A.mv(x)).div(2).sub(b.dot(x));
    const before = new Newton([x]).step(loss) as torch.Tensor;
    // Ax = (10, −15, 20), so that xᵀAx/2 = 500; bᵀx = 170.
    assert.equal(before.item(), 330, 'the loss before the step');
    close(x.detach(), torch.linalg.solve(A, b).tolist() as number[], 1e-12);
  });

  test('goes part of the way with a learning rate', () => {
    const x = leaf([8]);
    const optimizer = new Newton([x], { lr: 0.25 });
    optimizer.step(() => x.pow(2).sum());
    equal(x.detach(), [6]);
    optimizer.paramGroups[0].lr = 0.5;
    optimizer.step(() => x.pow(2).sum());
    equal(x.detach(), [3]);
  });

  test('with damping adds to the diagonal', () => {
    const x = leaf([3, 5]);
    // The Hessian is diag(2, 6): steps of 2·3/(2 + 2) and 6·5/(6 + 2).
    new Newton([x], { damping: 2 }).step(() =>
      x
        .pow(2)
        .mul(torch.tensor([1, 3]))
        .sum(),
    );
    equal(x.detach(), [3 - 1.5, 5 - 3.75]);
  });

  test('finds the minimum of the Rosenbrock function', () => {
    const x = leaf([-1.2, 1]);
    const optimizer = new Newton([x]);
    const losses: number[] = [];
    for (let i = 0; i < 8; i++) losses.push((optimizer.step(() => rosenbrock(x)) as torch.Tensor).item());
    close(x.detach(), [1, 1], 1e-12);
    // The textbook's course: the first step goes down into the valley, the second far along it and up, then it converges quadratically.
    assert.equal(losses[0].toFixed(4), '24.2000');
    assert.equal(losses[1].toFixed(4), '4.7319');
    assert.equal(losses[2].toFixed(1), '1411.8');
    assert.ok(losses[6] < 1e-10 && losses[7] < 1e-20, String(losses));
  });

  test('takes several parameters of any shape as one vector, across float32 too', () => {
    const x = torch.randn([20, 3], { generator: new torch.Generator().manualSeed(3) });
    const y = x
      .matmul(torch.tensor([[1], [-2], [0.5]]))
      .squeeze(1)
      .add(0.25);
    const net = new torch.nn.Linear(3, 1);
    const optimizer = new Newton(net.parameters());
    optimizer.step(() => torch.nn.functional.mseLoss(net(x).squeeze(1), y));
    close(net.weight.detach(), [[1, -2, 0.5]], 1e-5);
    close((net.bias as torch.Tensor).detach(), [0.25], 1e-5);
  });

  test('does not mind parameters of very different sizes', () => {
    const x = leaf([5, 5], torch.float32);
    new Newton([x]).step(() =>
      x
        .sub(1)
        .pow(2)
        .mul(torch.tensor([1e12, 1e-12]))
        .sum(),
    );
    close(x.detach(), [1, 1], 1e-6);
  });

  test('solves a saddle: a zero of the gradient, not always a minimum', () => {
    const x = leaf([3, -2]);
    new Newton([x]).step(() => x.prod());
    close(x.detach(), [0, 0]);
  });

  test('leaves parameters alone that the loss does not use, given damping', () => {
    const [x, unused] = [leaf([2]), leaf([7])];
    const optimizer = new Newton([x, unused], { damping: 1e-9 });
    optimizer.step(() => x.pow(2).sum());
    close(x.detach(), [0]);
    equal(unused.detach(), [7]);
  });

  test('leaves no gradients and no memory behind', () => {
    const x = leaf([-1.2, 1]);
    const optimizer = new Newton([x]);
    const step = (): void => void optimizer.step(() => rosenbrock(x));
    step();
    assert.equal(x.grad, null);
    const { alive } = torch.testing.trackAllocations(step);
    assert.deepEqual(alive, [], torch.testing.describeLeaks(alive));
  });

  test('says what it cannot do', () => {
    const x = leaf([1, 2]);
    const step = (options: torch.optim.NewtonOptions, closure: () => torch.Tensor | number): unknown =>
      new Newton([x], options).step(closure);
    const singular =
      /^Newton: the Hessian \(2 x 2\) is singular, so that there is no Newton step; give a damping above 0 \(now 0\)$/;
    raises(() => step({}, () => x.sum().pow(2)), 'LinAlgError', singular);
    raises(() => step({}, () => x.sum()), 'LinAlgError', singular);
    raises(() => step({}, () => x.select(0, 0).pow(2)), 'LinAlgError', singular);
    raises(() => step({}, () => x.sub(1).sqrt().sum()), 'LinAlgError', /elements that are not finite/);
    raises(() => step({ maxParameters: 1 }, () => x.sum()), 'ValueError', /2 parameters .* use LBFGS/);
    raises(() => step({}, () => 1), 'RuntimeError', /must return the loss as a tensor/);
    raises(() => new Newton([x]).step(), 'RuntimeError', /needs a closure/);
    raises(
      () =>
        step({}, () => {
          const loss = x.pow(2).sum();
          loss.backward();
          return loss;
        }),
      'RuntimeError',
      /without calling backward\(\)/,
    );
    raises(() => new Newton([x], { damping: -1 }), 'ValueError', 'Invalid damping value: -1.0');
    raises(
      () => new Newton([{ params: x }, { params: leaf([1]) }]),
      'ValueError',
      "Newton doesn't support per-parameter options (parameter groups)",
    );
    equal(x.detach(), [1, 2]);
  });

  test('sees a Hessian in float32 as singular where only rounding makes it regular', () => {
    // Rank 2 of 3: the third column is the sum of the others.
    const rows = [
      [0.1, 0.7, 0.8],
      [0.3, 0.11, 0.41],
      [0.9, 0.13, 1.03],
    ];
    const x = leaf([1, 1, 1], torch.float32);
    const loss = (): torch.Tensor => torch.tensor(rows).mv(x).pow(2).sum();
    raises(() => new Newton([x]).step(loss), 'LinAlgError', /singular/);
    new Newton([x], { damping: 1e-3 }).step(loss);
    assert.ok(loss().item() < 1e-4);
  });
});

describe('LBFGS', () => {
  /** What PyTorch 1.13 gives from (−1.5, 2) with maxIter 10: loss before, parameters after, closure calls so far. */
  const expected = {
    none: [
      [12.5, [-1.4985902920215226, 2.0004716870055272], 10],
      [12.260220158548346, [-1.4978794751846316, 2.0007528425475756], 20],
      [12.13896095090344, [-1.4971838843139056, 2.0010601608222784], 30],
    ],
    strong_wolfe: [
      [12.5, [-1.0768265614154306, 1.1112274823448027], 12],
      [4.546767747883817, [-0.18808051962341707, 0.019626940366252312], 24],
      [1.4363331975264342, [0.6392604324143817, 0.39511958516657086], 37],
    ],
  } as const;

  for (const search of ['none', 'strong_wolfe'] as const) {
    test(`goes where PyTorch goes, line search: ${search}`, () => {
      const x = leaf([-1.5, 2]);
      const optimizer = new LBFGS([x], {
        lr: search === 'none' ? 1e-3 : 1,
        maxIter: 10,
        lineSearchFn: search === 'none' ? null : search,
      });
      let calls = 0;
      const closure = (): torch.Tensor => {
        calls++;
        optimizer.zeroGrad();
        const loss = rosenbrock(x);
        loss.backward();
        return loss;
      };
      for (const [loss, point, count] of expected[search]) {
        const got = (optimizer.step(closure) as torch.Tensor).item();
        // The search amplifies rounding: ten figures of sixteen.
        assert.ok(Math.abs(got - loss) < 1e-10 * loss, `${got} ${loss}`);
        close(x.detach(), point, 1e-9);
        assert.equal(calls, count);
      }
    });
  }

  test('finds the minimum of the Rosenbrock function', () => {
    const x = leaf([-1.5, 2]);
    const optimizer = new LBFGS([x], { lineSearchFn: 'strong_wolfe' });
    for (let i = 0; i < 4; i++) {
      optimizer.step(() => {
        optimizer.zeroGrad();
        const loss = rosenbrock(x);
        loss.backward();
        return loss;
      });
    }
    // It stops where the loss changes by less than 1e-9: some 1e-5 from the minimum.
    close(x.detach(), [1, 1], 3e-5);
  });

  test('remembers a bounded history and frees the rest', () => {
    const x = leaf([5, 4, 3, 2, 1, 0, -1, -2]);
    const optimizer = new LBFGS([x], { lr: 0.01, maxIter: 2, historySize: 3 });
    const step = (): void => {
      optimizer.step(() => {
        optimizer.zeroGrad();
        const loss = x.pow(4).sum().add(x.sum().pow(2));
        loss.backward();
        return loss.item();
      });
    };
    for (let i = 0; i < 4; i++) step();
    const history = optimizer.state.get(x)?.get('old_dirs') as torch.Tensor[] | undefined;
    assert.equal(history?.length, 3);
    const { alive } = torch.testing.trackAllocations(step);
    // Direction, gradient, two pairs of vectors and their factors, the diagonal, three coefficients: what replaces older ones.
    assert.ok(alive.length <= 14, torch.testing.describeLeaks(alive));
  });

  test('stops at once where the gradient vanishes', () => {
    const x = leaf([0, 0]);
    let calls = 0;
    const optimizer = new LBFGS([x]);
    optimizer.step(() => {
      calls++;
      optimizer.zeroGrad();
      const loss = x.pow(2).sum();
      loss.backward();
      return loss;
    });
    assert.equal(calls, 1);
    equal(x.detach(), [0, 0]);
  });
});
