/** The base of optimizers: parameter groups, clearing gradients, closures, state dicts, errors. */
import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { describe, test } from 'node:test';
import * as torch from 'typetorch';
import { equal, raises } from '../support.ts';

const { Adam, Adagrad, AdamW, LBFGS, RMSprop, Rprop, SGD } = torch.optim;

const leaf = (...values: number[]): torch.Tensor => torch.tensor(values, { requiresGrad: true });

describe('parameters', () => {
  test('may come from a generator, a list, or groups', () => {
    const net = new torch.nn.Linear(2, 3);
    const optimizer = new SGD(net.parameters(), { lr: 0.1 });
    assert.deepEqual(optimizer.paramGroups[0].params, [net.weight, net.bias]);
    const groups = new SGD([{ params: net.weight }, { params: [net.bias as torch.Tensor], lr: 1 }], {
      lr: 0.1,
      momentum: 0.5,
    });
    assert.deepEqual(
      groups.paramGroups.map((g) => [g.params.length, g.lr, g.momentum]),
      [
        [1, 0.1, 0.5],
        [1, 1, 0.5],
      ],
    );
  });

  test('a learning rate may be given by position', () => {
    assert.equal(new SGD([leaf(1)], 0.25).paramGroups[0].lr, 0.25);
  });

  test('options of a group can be changed at any time', () => {
    const w = leaf(1);
    const optimizer = new SGD([w], { lr: 0.5 });
    w.grad = torch.ones(1);
    optimizer.step();
    optimizer.paramGroups[0].lr = 0.25;
    optimizer.step();
    equal(w.detach(), [0.25]);
  });

  test('can be added while training', () => {
    const [a, b] = [leaf(1), leaf(1)];
    const optimizer = new SGD([a], { lr: 0.5 });
    optimizer.addParamGroup({ params: [b], lr: 0.125 });
    for (const p of [a, b]) p.grad = torch.ones(1);
    optimizer.step();
    equal(a.detach(), [0.5]);
    equal(b.detach(), [0.875]);
  });

  test('without a gradient stay as they are', () => {
    const [a, b] = [leaf(1), leaf(1)];
    const optimizer = new Adam([a, b], { lr: 0.5 });
    a.grad = torch.ones(1);
    optimizer.step();
    equal(b.detach(), [1]);
    assert.equal(optimizer.state.has(b), false);
  });
});

describe('wrong arguments', () => {
  const w = leaf(1);
  const cases: readonly (readonly [string, () => unknown, string, string | RegExp])[] = [
    [
      'a tensor',
      () => new SGD(w as never, { lr: 1 }),
      'TypeError',
      'params argument given to the optimizer should be an iterable of Tensors or dicts, but got torch.FloatTensor',
    ],
    ['nothing', () => new SGD([], { lr: 1 }), 'ValueError', 'optimizer got an empty parameter list'],
    [
      'a number',
      () => new SGD([1] as never, { lr: 1 }),
      'TypeError',
      /^optimizer can only optimize Tensors, but one of the params is /,
    ],
    ['a result', () => new SGD([w.mul(2)], { lr: 1 }), 'ValueError', "can't optimize a non-leaf Tensor"],
    [
      'the same twice',
      () => new SGD([w, w], { lr: 1 }),
      'ValueError',
      'some parameters appear in more than one parameter group',
    ],
    [
      'the same in two groups',
      () => new SGD([{ params: w }, { params: w }], { lr: 1 }),
      'ValueError',
      'some parameters appear in more than one parameter group',
    ],
    [
      'no learning rate',
      () => new SGD([w]),
      'ValueError',
      "parameter group didn't specify a value of required optimization parameter lr",
    ],
    ['lr', () => new SGD([w], { lr: -0.5 }), 'ValueError', 'Invalid learning rate: -0.5'],
    ['momentum', () => new SGD([w], { lr: 1, momentum: -1 }), 'ValueError', 'Invalid momentum value: -1.0'],
    [
      'nesterov',
      () => new SGD([w], { lr: 1, nesterov: true }),
      'ValueError',
      'Nesterov momentum requires a momentum and zero dampening',
    ],
    [
      'betas',
      () => new Adam([w], { betas: [0.9, 1] }),
      'ValueError',
      'Invalid beta parameter at index 1: 1.0',
    ],
    ['eps', () => new AdamW([w], { eps: -1 }), 'ValueError', 'Invalid epsilon value: -1.0'],
    ['alpha', () => new RMSprop([w], { alpha: -1 }), 'ValueError', 'Invalid alpha value: -1.0'],
    ['lrDecay', () => new Adagrad([w], { lrDecay: -1 }), 'ValueError', 'Invalid lr_decay value: -1.0'],
    ['etas', () => new Rprop([w], { etas: [0.5, 0.9] }), 'ValueError', 'Invalid eta values: 0.5, 0.9'],
    [
      'groups for LBFGS',
      () => new LBFGS([{ params: w }, { params: leaf(2) }]),
      'ValueError',
      "LBFGS doesn't support per-parameter options (parameter groups)",
    ],
  ];
  for (const [what, call, name, message] of cases) test(what, () => raises(call, name, message));

  test('a gradient that was made for another shape', () => {
    const p = leaf(1, 2);
    raises(
      () => {
        p.grad = torch.ones(3);
      },
      'RuntimeError',
      /assigned grad has data of a different size/,
    );
  });
});

describe('zeroGrad', () => {
  test('fills with zeros in place', () => {
    const w = leaf(1, 2);
    w.pow(2).sum().backward();
    const { grad } = w;
    new SGD([w, leaf(1)], { lr: 1 }).zeroGrad();
    assert.equal(w.grad, grad);
    equal(grad, [0, 0]);
  });

  test('cuts a gradient from its graph', () => {
    const w = leaf(1, 2);
    w.pow(3).sum().backward({ createGraph: true });
    assert.equal(w.grad?.requiresGrad, true);
    new SGD([w], { lr: 1 }).zeroGrad();
    assert.equal(w.grad?.requiresGrad, false);
    equal(w.grad, [0, 0]);
  });

  test('or drops gradients, by position or by name', () => {
    for (const argument of [true, { setToNone: true }]) {
      const w = leaf(1);
      w.sum().backward();
      new SGD([w], { lr: 1 }).zeroGrad(argument);
      assert.equal(w.grad, null);
    }
  });
});

describe('a closure', () => {
  test('is called with gradients on, once, and its loss comes back', () => {
    const w = leaf(3);
    const optimizer = new SGD([w], { lr: 0.5 });
    let calls = 0;
    const loss = torch.noGrad(() =>
      optimizer.step(() => {
        calls++;
        optimizer.zeroGrad();
        const value = w.mul(w).sum();
        value.backward();
        return value;
      }),
    ) as torch.Tensor;
    assert.equal(calls, 1);
    assert.equal(loss.item(), 9);
    equal(w.detach(), [0]);
  });

  test('is what LBFGS cannot do without', () => {
    raises(() => new LBFGS([leaf(1)]).step(), 'RuntimeError', /needs a closure/);
  });
});

describe('state dicts', () => {
  test('have the layout of PyTorch', () => {
    const [a, b, c] = [leaf(1), leaf(2), leaf(3)];
    const optimizer = new SGD([{ params: [a, b] }, { params: [c], lr: 1 }], { lr: 0.5, momentum: 0.9 });
    a.grad = torch.ones(1);
    c.grad = torch.ones(1);
    optimizer.step();
    const dict = optimizer.stateDict();
    assert.deepEqual([...dict.keys()], ['state', 'param_groups']);
    const state = dict.get('state') as Map<number, Map<string, unknown>>;
    assert.deepEqual([...state.keys()], [0, 2]);
    equal(state.get(2)?.get('momentum_buffer') as torch.Tensor, [1]);
    const groups = dict.get('param_groups') as Map<string, unknown>[];
    assert.deepEqual(
      groups.map((g) => [g.get('lr'), g.get('weight_decay'), g.get('params')]),
      [
        [0.5, 0, [0, 1]],
        [1, 0, [2]],
      ],
    );
  });

  test('are copied when they are loaded, in the dtype of the parameter', () => {
    const a = leaf(1);
    const optimizer = new Adam([a], { lr: 0.5 });
    a.grad = torch.ones(1);
    optimizer.step();
    const b = torch.ones(1, { dtype: torch.float64 }).requiresGrad_();
    const other = new Adam([b], { lr: 7 });
    other.loadStateDict(optimizer.stateDict());
    const state = other.state.get(b) as Map<string, torch.Tensor>;
    assert.equal(other.paramGroups[0].lr, 0.5);
    assert.equal(other.paramGroups[0].params[0], b);
    assert.equal(state.get('exp_avg')?.dtype, torch.float64);
    assert.equal(state.get('step')?.dtype, torch.float32);
    const before = state.get('exp_avg')?.tolist();
    optimizer.step();
    assert.deepEqual(state.get('exp_avg')?.tolist(), before);
  });

  test('of other groups are refused', () => {
    const one = new SGD([leaf(1)], { lr: 1 });
    const two = new SGD([leaf(1), leaf(2)], { lr: 1 });
    const groups = new SGD([{ params: leaf(1) }, { params: leaf(2) }], { lr: 1 });
    raises(
      () => one.loadStateDict(two.stateDict()),
      'ValueError',
      "loaded state dict contains a parameter group that doesn't match the size of optimizer's group",
    );
    raises(
      () => one.loadStateDict(groups.stateDict()),
      'ValueError',
      'loaded state dict has a different number of parameter groups',
    );
    raises(
      () => one.loadStateDict(new Map([['weight', torch.ones(1)]]) as Map<string, unknown>),
      'KeyError',
      "'state': this is not the state dict of an optimizer",
    );
  });
});

test('an optimizer of a user: update and defaults are enough', () => {
  class SignSGD extends torch.optim.Optimizer {
    constructor(params: torch.optim.Params, options: { lr: number }) {
      super(params, { lr: options.lr });
    }
    protected override update(
      param: torch.Tensor,
      grad: torch.Tensor,
      group: torch.optim.ParamGroup,
      state: torch.optim.ParamState,
    ): void {
      state.set('step', Number(state.get('step') ?? 0) + 1);
      param.sub_(grad.sign(), { alpha: group.lr });
    }
  }
  const w = leaf(1, -1);
  const optimizer = new SignSGD([w], { lr: 0.25 });
  w.grad = torch.tensor([5, -0.1]);
  optimizer.step();
  equal(w.detach(), [0.75, -0.75]);
  assert.equal(inspect(optimizer), 'SignSGD (\nParameter Group 0\n    lr: 0.25\n)');
});
