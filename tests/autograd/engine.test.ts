/** The engine: backward and grad, accumulation, retained and created graphs, hooks, errors. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as torch from 'typetorch';
import { close, equal, raises } from '../support.ts';

const { grad, backward } = torch.autograd;
const leaf = (data: torch.TensorData): torch.Tensor => torch.tensor(data, { requiresGrad: true });

const SECOND_TIME =
  'Trying to backward through the graph a second time (or directly access saved tensors after they have already been freed). ' +
  'Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify retain_graph=True if ' +
  'you need to backward through the graph a second time or if you need to access saved tensors after calling backward.';

describe('the tutorial', () => {
  test('the gradient of mean(3(x + 2)²) at ones is 4.5 everywhere', () => {
    const x = torch.ones(2, 2, { requiresGrad: true });
    const y = x.add(2);
    assert.equal(String(y), 'tensor([[3., 3.],\n        [3., 3.]], grad_fn=<AddBackward0>)');
    const z = y.mul(y).mul(3);
    const out = z.mean();
    assert.equal(String(out), 'tensor(27., grad_fn=<MeanBackward0>)');
    out.backward();
    equal(x.grad, [
      [4.5, 4.5],
      [4.5, 4.5],
    ]);
  });

  test('doubling until the norm is 1000, then a vector–Jacobian product', () => {
    const x = leaf([0.5, -1.25, 2]);
    let y = x.mul(2);
    let factor = 2;
    while (y.data.norm().item() < 1000) {
      y = y.mul(2);
      factor *= 2;
    }
    const v = torch.tensor([0.1, 1.0, 0.0001]);
    y.backward(v);
    close(x.grad, [0.1 * factor, factor, 0.0001 * factor]);
    assert.equal(factor, 512);
  });

  test('Variable and requiresGrad_ make leaves', () => {
    const x = torch.autograd.Variable(torch.ones(2, 2), { requiresGrad: true });
    assert.ok(x.isLeaf && x.requiresGrad && x.gradFn === null);
    const a = torch.tensor([1, 2]);
    assert.equal(a.requiresGrad, false);
    a.requiresGrad_(true);
    const b = a.mul(a).sum();
    assert.equal(String(b.gradFn), '<SumBackward0>');
    assert.ok(!b.isLeaf);
  });
});

describe('backward', () => {
  test('accumulates into grad, in place', () => {
    const x = leaf([1, 2]);
    x.pow(2).sum().backward();
    const first = x.grad;
    equal(first, [2, 4]);
    x.mul(10).sum().backward();
    equal(x.grad, [12, 14]);
    assert.equal(x.grad, first, 'the same tensor is added to');
    x.grad = null;
    x.sum().backward();
    equal(x.grad, [1, 1]);
  });

  test('a tensor that is used several times gets the sum', () => {
    const x = leaf([3]);
    const y = x.mul(x).add(x.mul(2)).add(x);
    y.backward();
    equal(x.grad, [9]);
  });

  test('broadcast operands get the sum over what was stretched', () => {
    const row = leaf([1, 2, 3]);
    const column = leaf([[1], [2]]);
    row.mul(column).sum().backward();
    equal(row.grad, [3, 3, 3]);
    equal(column.grad, [[6], [6]]);
  });

  test('gradients of any dtype are converted to that of the output', () => {
    const x = leaf([1, 2]);
    x.mul(2).backward(torch.ones(2, { dtype: torch.float64 }));
    assert.equal(x.grad?.dtype, torch.float32);
    equal(x.grad, [2, 2]);
  });

  test('goes through a long chain without recursion', () => {
    const x = leaf([1]);
    let y: torch.Tensor = x;
    for (let i = 0; i < 20_000; i++) y = y.add(1);
    y.backward();
    equal(x.grad, [1]);
  });

  test('with inputs, only these accumulate; they may be inner tensors', () => {
    const a = leaf([2]);
    const b = leaf([3]);
    const c = a.mul(b);
    c.mul(c).backward({ inputs: [a, c] });
    equal(a.grad, [36]);
    equal(c.grad, [12]);
    assert.equal(b.grad, null);
  });

  test('takes several roots', () => {
    const x = leaf([1, 2]);
    backward([x.sum(), x.mul(x)], [null, torch.tensor([1, 10])]);
    equal(x.grad, [3, 41]);
  });

  test('errors', () => {
    const x = leaf([1, 2]);
    raises(
      () => x.mul(2).backward(),
      'RuntimeError',
      'grad can be implicitly created only for scalar outputs',
    );
    raises(
      () => torch.ones(1).backward(),
      'RuntimeError',
      'element 0 of tensors does not require grad and does not have a grad_fn',
    );
    raises(
      () => x.mul(2).backward(torch.ones(3)),
      'RuntimeError',
      'Mismatch in shape: grad_output[0] has a shape of torch.Size([3]) and output[0] has a shape of torch.Size([2]).',
    );
    raises(
      () => x.sum().backward({ inputs: [] }),
      'RuntimeError',
      "'inputs' argument to backward() cannot be empty.",
    );
    raises(
      () => backward([x.sum(), x.sum()], [torch.tensor(1)]),
      'RuntimeError',
      'got 2 tensors and 1 gradients',
    );
    raises(
      () => backward(x.sum(), 1 as unknown as torch.Tensor),
      'TypeError',
      'gradients can be either Tensors or None, but got int',
    );
  });
});

describe('the graph after a pass', () => {
  test('is freed: a second pass is an error wherever something was saved', () => {
    const x = leaf([1, 2]);
    for (const make of [() => x.exp(), () => x.mul(x), () => x.mul(3), () => x.div(2), () => x.prod()]) {
      const y = make().sum();
      y.backward();
      raises(() => y.backward(), 'RuntimeError', SECOND_TIME);
    }
  });

  test('stays where nothing was saved, and where it is retained', () => {
    const x = leaf([1, 2]);
    const plain = x.add(1).sum();
    plain.backward();
    plain.backward();
    equal(x.grad, [2, 2]);
    x.grad = null;
    const kept = x.exp().mul(0).add(x.mul(3)).sum();
    kept.backward({ retainGraph: true });
    kept.backward();
    equal(x.grad, [6, 6]);
    raises(() => kept.backward(), 'RuntimeError', SECOND_TIME);
  });

  test('can be differentiated again with createGraph: derivatives of x⁴ to the fifth order', () => {
    const x = torch.tensor(2, { dtype: torch.float64, requiresGrad: true });
    let y = x.pow(4);
    for (const expected of [32, 48, 48, 24, 0]) {
      [y] = grad(y, x, { createGraph: true }) as [torch.Tensor];
      assert.equal(y.item(), expected);
    }
  });

  test('createGraph leaves a differentiable grad', () => {
    const x = leaf([1, 2]);
    x.pow(3).sum().backward({ createGraph: true });
    const g = x.grad as torch.Tensor;
    equal(g, [3, 12]);
    assert.ok(g.requiresGrad);
    const [second] = grad(g.sum(), x);
    equal(second, [6, 12]);
  });

  test('without createGraph the gradients take no part in a graph', () => {
    const x = leaf([1, 2]);
    const [g] = grad(x.pow(2).sum(), x);
    assert.equal(g.requiresGrad, false);
    x.pow(2).sum().backward();
    assert.equal(x.grad?.requiresGrad, false);
  });

  test('a gradient penalty trains through the gradient', () => {
    // d/dx (‖∇f‖ − 1)² for f = Σ w x², ∇f = 2wx.
    const w = leaf([0.5, 1]);
    const x = leaf([1, 2]);
    const [g] = grad(w.mul(x).mul(x).sum(), x, { createGraph: true }) as [torch.Tensor];
    const penalty = g.norm().sub(1).pow(2);
    penalty.backward();
    const norm = Math.hypot(1, 4);
    const factor = (2 * (norm - 1)) / norm;
    close(w.grad, [factor * 1 * 2, factor * 4 * 4]);
    close(x.grad, [factor * 1 * 1, factor * 4 * 2]);
  });
});

describe('grad', () => {
  test('returns gradients and leaves grad alone', () => {
    const a = leaf([1, 2]);
    const b = leaf([3, 4]);
    const [ga, gb] = grad(a.mul(b).sum(), [a, b]);
    equal(ga, [3, 4]);
    equal(gb, [1, 2]);
    assert.equal(a.grad, null);
  });

  test('of an inner tensor', () => {
    const x = leaf([2]);
    const y = x.mul(3);
    const [g] = grad(y.mul(y), y);
    equal(g, [12]);
  });

  test('unused inputs are an error, or null where allowed', () => {
    const x = leaf([1]);
    const unused = leaf([1]);
    raises(
      () => grad(x.sum(), [x, unused]),
      'RuntimeError',
      'One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True if this is the desired behavior.',
    );
    const [gx, gu] = grad(x.sum(), [x, unused], { allowUnused: true });
    equal(gx, [1]);
    assert.equal(gu, null);
    raises(
      () => grad(x.sum(), torch.ones(1)),
      'RuntimeError',
      'One of the differentiated Tensors does not require grad',
    );
  });

  test('gradOutputs weigh the outputs; positional arguments as in Python', () => {
    const x = leaf([1, 2]);
    const [g] = grad([x.mul(2), x.mul(3).sum()], [x], [torch.tensor([1, 10]), null], true);
    equal(g, [5, 23]);
  });

  test('a derivative that is zero by definition is zeros, not null', () => {
    const x = leaf([1.5, -2.5]);
    const y = leaf([2, 3]);
    for (const f of [
      () => x.round(),
      () => x.sign(),
      () => x.div(y, { roundingMode: 'floor' }),
      () => x.mul(0),
      () => x.pow(0),
    ]) {
      equal(grad(f().sum(), x)[0], [0, 0]);
    }
    equal(grad(x.copysign(y).sum(), y)[0], [0, 0]);
  });

  test('a derivative that PyTorch does not have is an error, when it is asked for', () => {
    const x = leaf([1.5, 2.5]);
    const y = leaf([2, 3]);
    raises(
      () => grad(x.nextafter(y).sum(), x),
      'NotImplementedError',
      "the derivative for 'nextafter' is not implemented.",
    );
    raises(
      () => grad(x.floorDivide(y).sum(), x),
      'NotImplementedError',
      'derivative for aten::floor_divide is not implemented',
    );
    raises(
      () => grad(x.heaviside(y).sum(), y),
      'NotImplementedError',
      'derivative for aten::heaviside is not implemented',
    );
  });
});

describe('hooks', () => {
  test('on a tensor see its gradient and may replace it; the handle removes them', () => {
    const x = leaf([1, 2]);
    const y = x.mul(3);
    const log: unknown[] = [];
    const handle = y.registerHook((g) => {
      log.push(g.tolist());
      return g.mul(10);
    });
    y.registerHook((g) => void log.push(g.tolist()));
    y.sum().backward({ retainGraph: true });
    equal(x.grad, [30, 30]);
    handle.remove();
    y.sum().backward();
    equal(x.grad, [33, 33]);
    assert.deepEqual(log, [
      [1, 1],
      [10, 10],
      [1, 1],
    ]);
  });

  test('on a leaf run before accumulation, on the sum of all its gradients', () => {
    const x = leaf([1, 2]);
    let seen: unknown;
    x.registerHook((g) => {
      seen = g.tolist();
      return g.neg();
    });
    x.mul(x).add(x).sum().backward();
    assert.deepEqual(seen, [3, 5]);
    equal(x.grad, [-3, -5]);
  });

  test('with retainGrad inner tensors keep their gradient', () => {
    const x = leaf([1, 2]);
    const y = x.mul(2);
    assert.equal(y.retainsGrad, false);
    y.retainGrad();
    assert.equal(y.retainsGrad, true);
    y.mul(y).sum().backward();
    equal(y.grad, [4, 8]);
  });

  test('on a node see gradients of inputs and outputs', () => {
    const x = leaf([1, 2]);
    const y = x.mul(2).mul(3);
    const log: unknown[] = [];
    const handle = y.gradFn?.registerHook((inputs, outputs) => {
      log.push([inputs[0]?.tolist(), outputs[0]?.tolist()]);
    });
    y.sum().backward({ retainGraph: true });
    handle?.remove();
    y.sum().backward();
    assert.deepEqual(log, [
      [
        [3, 3],
        [1, 1],
      ],
    ]);
  });

  test('errors', () => {
    const x = leaf([1, 2]);
    raises(
      () => torch.ones(2).registerHook(() => null),
      'RuntimeError',
      "cannot register a hook on a tensor that doesn't require gradient",
    );
    raises(
      () => torch.ones(2).retainGrad(),
      'RuntimeError',
      "can't retain_grad on Tensor that has requires_grad=False",
    );
    const fails = (hook: (g: torch.Tensor) => torch.Tensor, name: string, message: string): void => {
      const y = x.mul(2);
      y.registerHook(hook);
      raises(() => y.sum().backward(), name, message);
    };
    fails(() => torch.ones(3), 'RuntimeError', "hook '<lambda>' has changed the size of value");
    fails(
      function wider(g) {
        return g.double();
      },
      'RuntimeError',
      "hook 'wider' has changed the type of value (was torch.FloatTensor got torch.DoubleTensor)",
    );
    fails(() => 3 as unknown as torch.Tensor, 'TypeError', "expected Variable, but hook returned 'int'");
  });
});

describe('the graph', () => {
  test('nodes are named after their ops and lead to those of their inputs', () => {
    const x = leaf([1, 2]);
    const y = x.exp().mul(x);
    assert.equal(String(y.gradFn), '<MulBackward0>');
    const next = y.gradFn?.nextFunctions.map((edge) => String(edge?.[0]));
    assert.deepEqual(next, ['<ExpBackward0>', '<AccumulateGrad>']);
  });

  test("names are PyTorch's", () => {
    const x = leaf([
      [1, 2],
      [3, 4],
    ]);
    const v = leaf([1, 2]);
    const names: [torch.Tensor, string][] = [
      [x.sum(), 'SumBackward0'],
      [x.sum(1), 'SumBackward1'],
      [x.mean(), 'MeanBackward0'],
      [x.max(), 'MaxBackward1'],
      [x.max(1).values, 'MaxBackward0'],
      [x.mm(x), 'MmBackward0'],
      [x.mv(v), 'MvBackward0'],
      [v.dot(v), 'DotBackward0'],
      [x.t(), 'TBackward0'],
      [x.view(4), 'ViewBackward0'],
      [x.reshape(4), 'ReshapeAliasBackward0'],
      [x.t().reshape(4), 'UnsafeViewBackward0'],
      [x.transpose(0, 1), 'TransposeBackward0'],
      [x.index(0), 'SelectBackward0'],
      [x.index('0:1'), 'SliceBackward0'],
      [x.pow(2), 'PowBackward0'],
      [x.pow(x), 'PowBackward1'],
      [x.log1p(), 'Log1PBackward0'],
      [x.clamp(0, 1), 'ClampBackward1'],
      [x.relu(), 'ReluBackward0'],
      [x.softmax(1), 'SoftmaxBackward0'],
      [x.double(), 'ToCopyBackward0'],
      [torch.cat([x, x]), 'CatBackward0'],
      [torch.stack([x, x]), 'StackBackward0'],
      [torch.nn.functional.mseLoss(x, x.detach()), 'MseLossBackward0'],
      [torch.nn.functional.crossEntropy(x, torch.tensor([0n, 1n])), 'NllLossBackward0'],
      [torch.nn.functional.linear(x, x, v), 'AddmmBackward0'],
    ];
    for (const [t, name] of names) assert.equal(t.gradFn?.name, name);
    const [g] = grad(x.sin().sum(), x, { createGraph: true }) as [torch.Tensor];
    assert.equal(g.gradFn?.name, 'MulBackward0');
  });

  test('assigned gradients must fit', () => {
    const x = leaf([1, 2]);
    x.grad = torch.ones(2);
    x.sum().backward();
    equal(x.grad, [2, 2]);
    raises(
      () => {
        x.grad = torch.ones(3);
      },
      'RuntimeError',
      'assigned grad has data of a different size',
    );
    raises(
      () => {
        x.grad = torch.ones(2).double();
      },
      'RuntimeError',
      'assigned grad has data of a different type',
    );
    raises(
      () => {
        x.grad = x;
      },
      'RuntimeError',
      "can't assign Variable as its own grad",
    );
    raises(
      () => {
        x.grad = 1 as unknown as torch.Tensor;
      },
      'TypeError',
      'assigned grad expected to be a Tensor or None but got grad of type int',
    );
  });

  test('only floating-point leaves take gradients, and only leaves change their mind', () => {
    raises(
      () => torch.tensor([1n]).requiresGrad_(),
      'RuntimeError',
      'only Tensors of floating point dtype can require gradients',
    );
    raises(
      () => torch.tensor([1n], { requiresGrad: true }),
      'RuntimeError',
      'Only Tensors of floating point and complex dtype can require gradients',
    );
    const y = leaf([1]).mul(2);
    raises(
      () => y.requiresGrad_(false),
      'RuntimeError',
      "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a subgraph that doesn't require differentiation use var_no_grad = var.detach().",
    );
  });
});
