/** Module: calling, registration, walking, state, modes, conversion, hooks, printing; modules as users write them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import * as torch from 'typetorch';
import { close, equal, raises } from '../support.ts';

const { nn } = torch;
const F = nn.functional;
type T = torch.Tensor;

/** The tutorial's convolutional network. */
class LeNet extends nn.Module {
  readonly conv1 = new nn.Conv2d(1, 6, 5);
  readonly conv2 = new nn.Conv2d(6, 16, 5);
  readonly fc1 = new nn.Linear(16 * 5 * 5, 120);
  readonly fc2 = new nn.Linear(120, 84);
  readonly fc3 = new nn.Linear(84, 10);

  override forward(input: T): T {
    let x = F.maxPool2d(F.relu(this.conv1(input)), [2, 2]);
    x = F.maxPool2d(F.relu(this.conv2(x)), 2);
    x = x.view(-1, this.numFlatFeatures(x));
    x = F.relu(this.fc1(x));
    x = F.relu(this.fc2(x));
    return this.fc3(x);
  }

  numFlatFeatures(x: T): number {
    return x
      .size()
      .slice(1)
      .reduce((a, b) => a * b, 1);
  }
}

/** A layer with a buffer, a parameter that is not trained and a submodule. */
class Scaled extends nn.Module {
  readonly scale = new nn.Parameter(torch.tensor([2]), { requiresGrad: false });
  readonly inner: InstanceType<typeof nn.Linear>;
  declare readonly offset: T;

  constructor() {
    super();
    this.inner = new nn.Linear(2, 2);
    this.registerBuffer('offset', torch.tensor([1]));
    this.registerBuffer('scratch', torch.zeros(3), { persistent: false });
  }

  override forward(x: T): T {
    return this.inner(x).mul(this.scale).add(this.offset);
  }
}

describe('a module written by a user', () => {
  test('takes whatever its forward takes: the two-layer network with weights as arguments', () => {
    class TwoLayers extends nn.Module {
      override forward(x: T, w1: T, w2: T): T {
        return x.mm(w1).clamp({ min: 0 }).mm(w2);
      }
    }
    const model = new TwoLayers();
    const x = torch.tensor([[1, -1]]);
    const w1 = torch.tensor(
      [
        [1, 2],
        [3, -4],
      ],
      { requiresGrad: true },
    );
    const w2 = torch.tensor([[5], [6]], { requiresGrad: true });
    const y: T = model(x, w1, w2);
    equal(y, [[36]]);
    y.backward();
    equal(w1.grad, [
      [0, 6],
      [0, -6],
    ]);
    equal(w2.grad, [[0], [6]]);
    assert.equal(String(model), 'TwoLayers()');
  });

  test('LeNet runs, trains and prints as in PyTorch', () => {
    torch.manualSeed(0);
    const net = new LeNet();
    assert.equal(
      String(net),
      `LeNet(
  (conv1): Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))
  (conv2): Conv2d(6, 16, kernel_size=(5, 5), stride=(1, 1))
  (fc1): Linear(in_features=400, out_features=120, bias=True)
  (fc2): Linear(in_features=120, out_features=84, bias=True)
  (fc3): Linear(in_features=84, out_features=10, bias=True)
)`,
    );
    assert.equal(inspect(net), String(net), 'console.log shows the same');
    const parameters = [...net.parameters()];
    assert.equal(parameters.length, 10);
    assert.deepEqual([...parameters[0].size()], [6, 1, 5, 5]);
    const input = torch.randn(2, 1, 32, 32);
    const target = torch.tensor([3n, 7n]);
    const criterion = new nn.CrossEntropyLoss();
    const losses: number[] = [];
    for (let step = 0; step < 5; step++) {
      net.zeroGrad();
      const loss = criterion(net(input), target);
      loss.backward();
      for (const p of parameters) p.data.sub_((p.grad as T).data.mul(0.05));
      losses.push(loss.item() as number);
    }
    assert.ok(losses[4] < losses[0], `the loss went from ${losses[0]} to ${losses[4]}`);
    assert.equal(
      parameters.every((p) => p.grad !== null),
      true,
    );
  });

  test('without a forward cannot be called', () => {
    class Nothing extends nn.Module {}
    raises(
      () => new Nothing()(),
      'NotImplementedError',
      'Module [Nothing] is missing the required "forward" function',
    );
  });

  test('is a function and an instance of its class', () => {
    const net = new LeNet();
    assert.equal(typeof net, 'function');
    assert.ok(net instanceof LeNet && net instanceof nn.Module);
    assert.equal(net.training, true);
  });

  test('prints extra lines and empty places', () => {
    class Described extends nn.Module {
      readonly fc = new nn.Linear(2, 2);
      readonly tail = new nn.Sequential(new nn.ReLU(), new nn.Sequential(new nn.Dropout(0.5)));
      constructor() {
        super();
        this.addModule('none', null);
      }
      override extraRepr(): string {
        return 'hello\nworld';
      }
    }
    assert.equal(
      String(new Described()),
      `Described(
  hello
  world
  (fc): Linear(in_features=2, out_features=2, bias=True)
  (tail): Sequential(
    (0): ReLU()
    (1): Sequential(
      (0): Dropout(p=0.5, inplace=False)
    )
  )
  (none): None
)`,
    );
  });
});

describe('walking', () => {
  const net = new nn.Sequential(new nn.Linear(2, 3), new Scaled());
  const names = (pairs: Iterable<[string, unknown]>): string[] => [...pairs].map(([name]) => name);

  test('goes through parameters, buffers and modules with their names, in order', () => {
    assert.deepEqual(names(net.namedParameters()), [
      '0.weight',
      '0.bias',
      '1.scale',
      '1.inner.weight',
      '1.inner.bias',
    ]);
    assert.deepEqual(names(net.namedBuffers()), ['1.offset', '1.scratch']);
    assert.deepEqual(names(net.namedChildren()), ['0', '1']);
    assert.deepEqual(names(net.namedModules()), ['', '0', '1', '1.inner']);
    assert.equal([...net.modules()].length, 4);
    assert.equal([...net.children()].length, 2);
    assert.equal([...net.buffers()].length, 2);
  });

  test('with a prefix, or of the module alone', () => {
    const linear = net.get(0);
    assert.deepEqual(names(linear.namedParameters('model')), ['model.weight', 'model.bias']);
    assert.deepEqual(names(net.namedParameters({ prefix: 'a', recurse: false })), []);
    assert.equal([...net.parameters({ recurse: false })].length, 0);
    assert.equal([...net.get(1).parameters(false)].length, 1);
  });

  test('meets shared modules and parameters once', () => {
    const shared = new nn.Linear(2, 2);
    const twice = new nn.Sequential(shared, new nn.ReLU(), shared);
    assert.equal([...twice.parameters()].length, 2);
    assert.equal([...twice.modules()].length, 3);
    assert.deepEqual([...twice.stateDict().keys()], ['0.weight', '0.bias', '2.weight', '2.bias']);
  });

  test('finds what is at a path', () => {
    assert.equal(net.getSubmodule('1.inner'), (net.get(1) as Scaled).inner);
    assert.equal(net.getSubmodule(''), net);
    assert.deepEqual([...net.getParameter('1.inner.bias').shape], [2]);
    equal(net.getBuffer('1.offset'), [1]);
    raises(() => net.getSubmodule('a.b'), 'AttributeError', 'Sequential has no attribute `a`');
    raises(() => net.getSubmodule('0.weight'), 'AttributeError', '`weight` is not an nn.Module');
    raises(() => net.getParameter('0.w'), 'AttributeError', 'Linear has no attribute `w`');
    raises(() => net.getParameter('1.offset'), 'AttributeError', '`offset` is not an nn.Parameter');
    raises(() => net.getBuffer('0.weight'), 'AttributeError', '`weight` is not a buffer');
  });

  test('apply visits children before their parents', () => {
    const seen: string[] = [];
    net.apply((m) => void seen.push(m.typeName()));
    assert.deepEqual(seen, ['Linear', 'Linear', 'Scaled', 'Sequential']);
  });
});

describe('registration', () => {
  const module = new nn.Module();

  test('refuses names that cannot be', () => {
    raises(() => module.registerBuffer('a.b', torch.ones(1)), 'KeyError', 'buffer name can\'t contain "."');
    raises(
      () => module.registerBuffer('', torch.ones(1)),
      'KeyError',
      'buffer name can\'t be empty string ""',
    );
    raises(
      () => module.registerBuffer('forward', torch.ones(1)),
      'KeyError',
      "attribute 'forward' already exists",
    );
    raises(() => module.addModule('a.b', null), 'KeyError', 'module name can\'t contain ".", got: a.b');
    Object.assign(module, { taken: 3 });
    raises(() => module.registerParameter('taken', null), 'KeyError', "attribute 'taken' already exists");
  });

  test('refuses values of the wrong kind', () => {
    raises(
      () => module.registerBuffer('x', 3 as unknown as T),
      'TypeError',
      "cannot assign 'int' object to buffer 'x' (torch Tensor or None required)",
    );
    raises(
      () => module.registerParameter('x', torch.ones(1)),
      'TypeError',
      "cannot assign 'torch.FloatTensor' object to parameter 'x' (torch.nn.Parameter or None required)",
    );
    raises(
      () => module.addModule('x', 3 as unknown as torch.nn.Module),
      'TypeError',
      'int is not a Module subclass',
    );
  });
});

describe('state', () => {
  const make = (): InstanceType<typeof nn.Sequential> =>
    new nn.Sequential(new nn.Linear(2, 3), new nn.BatchNorm1d(3), new nn.Linear(3, 1));

  test('names every parameter and persistent buffer, and shares their memory', () => {
    const net = new Scaled();
    const state = net.stateDict();
    assert.deepEqual([...state.keys()], ['scale', 'offset', 'inner.weight', 'inner.bias']);
    net.scale.data.fill_(7);
    equal(state.get('scale') as T, [7]);
    assert.equal(state.get('inner.weight')?.requiresGrad, false);
  });

  test('is loaded from a Map or a plain object', () => {
    const [from, to] = [make(), make()];
    const result = to.loadStateDict(from.stateDict());
    assert.deepEqual(result, { missingKeys: [], unexpectedKeys: [] });
    equal(to.get(0).getParameter('weight'), from.get(0).getParameter('weight').tolist() as number[]);
    assert.notEqual(to.get(0).getParameter('weight'), from.get(0).getParameter('weight'));
    const net = new nn.Linear(1, 1);
    net.loadStateDict({ weight: torch.tensor([[3]]), bias: torch.tensor([4]) });
    equal(net(torch.tensor([[2]])), [[10]]);
  });

  test('strictly: missing and unexpected names and other shapes are listed in one error', () => {
    const net = make();
    const state = net.stateDict();
    raises(
      () => net.loadStateDict({}),
      'RuntimeError',
      'Error(s) in loading state_dict for Sequential:\n\tMissing key(s) in state_dict: "0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var", "2.weight", "2.bias". ',
    );
    state.set('0.weight', torch.ones(3, 3));
    state.set('y', torch.ones(1));
    raises(
      () => net.loadStateDict(state),
      'RuntimeError',
      'Error(s) in loading state_dict for Sequential:\n\tUnexpected key(s) in state_dict: "y". \n\tsize mismatch for 0.weight: copying a param with shape torch.Size([3, 3]) from checkpoint, the shape in current model is torch.Size([3, 2]).',
    );
    state.set('0.weight', 3 as unknown as T);
    state.delete('y');
    raises(
      () => net.loadStateDict(state),
      'RuntimeError',
      'Error(s) in loading state_dict for Sequential:\n\tWhile copying the parameter named "0.weight", expected torch.Tensor or Tensor-like object from checkpoint but received <class \'int\'>',
    );
    raises(
      () => net.loadStateDict(3 as unknown as Map<string, T>),
      'TypeError',
      "Expected state_dict to be dict-like, got <class 'int'>.",
    );
  });

  test('a refused state changes nothing', () => {
    const net = new nn.Linear(2, 1);
    const before = net.weight.tolist();
    raises(
      () => net.loadStateDict({ weight: torch.zeros(1, 2), bias: torch.zeros(5) }),
      'RuntimeError',
      /size mismatch for bias/,
    );
    assert.deepEqual(net.weight.tolist(), before);
  });

  test('not strictly: differences in names are reported', () => {
    const net = make();
    const result = net.loadStateDict({ '0.weight': torch.ones(3, 2), x: torch.ones(1) }, { strict: false });
    assert.deepEqual(result.unexpectedKeys, ['x']);
    assert.deepEqual(result.missingKeys, [
      '0.bias',
      '1.weight',
      '1.bias',
      '1.running_mean',
      '1.running_var',
      '2.weight',
      '2.bias',
    ]);
    equal(net.get(0).getParameter('weight'), [
      [1, 1],
      [1, 1],
      [1, 1],
    ]);
  });

  test('from before batch norm counted its batches still loads', () => {
    const net = make();
    const old = new Map([...net.stateDict()].filter(([name]) => !name.endsWith('num_batches_tracked')));
    assert.deepEqual(net.loadStateDict(old), { missingKeys: [], unexpectedKeys: [] });
  });
});

describe('modes', () => {
  test('train and eval reach every module', () => {
    const net = new nn.Sequential(new nn.Dropout(0.5), new nn.Sequential(new nn.BatchNorm1d(2)));
    assert.equal(net.eval(), net);
    assert.ok([...net.modules()].every((m) => !m.training));
    net.train();
    assert.ok([...net.modules()].every((m) => m.training));
    raises(() => net.train(3 as unknown as boolean), 'ValueError', 'training mode is expected to be boolean');
  });

  test('requiresGrad_ freezes the parameters', () => {
    const net = new nn.Linear(2, 2);
    net.requiresGrad_(false);
    assert.equal(net(torch.ones(1, 2)).requiresGrad, false);
    net.requiresGrad_();
    assert.equal(net(torch.ones(1, 2)).requiresGrad, true);
  });

  test('zeroGrad zeroes gradients, or forgets them', () => {
    const net = new nn.Linear(2, 1);
    net(torch.ones(1, 2)).backward();
    const grad = net.weight.grad as T;
    net.zeroGrad();
    assert.equal(net.weight.grad, grad);
    equal(grad, [[0, 0]]);
    net.zeroGrad({ setToNone: true });
    assert.equal(net.weight.grad, null);
  });
});

describe('conversion', () => {
  test('keeps the parameters, their gradients and the integers', () => {
    const net = new nn.Sequential(new nn.Linear(2, 2), new nn.BatchNorm1d(2));
    const weight = net.get(0).getParameter('weight');
    net(torch.ones(3, 2)).sum().backward();
    assert.equal(net.double(), net);
    assert.equal(net.get(0).getParameter('weight'), weight, 'the same object');
    assert.equal(weight.dtype, torch.float64);
    assert.equal(weight.grad?.dtype, torch.float64);
    assert.equal(net.getBuffer('1.running_mean')?.dtype, torch.float64);
    assert.equal(net.getBuffer('1.num_batches_tracked')?.dtype, torch.int64);
    const out = net(torch.ones(3, 2, { dtype: torch.float64 }));
    out.sum().backward();
    assert.equal(out.dtype, torch.float64);
    net.to(torch.float16);
    assert.equal(weight.dtype, torch.float16);
    net.to('cpu', torch.float32);
    assert.equal(weight.dtype, torch.float32);
    net.to({ dtype: torch.bfloat16, device: 'cpu' });
    assert.equal(weight.dtype, torch.bfloat16);
    net.to(torch.ones(1));
    assert.equal(weight.dtype, torch.float32);
    assert.ok(weight.requiresGrad && weight.isLeaf);
  });

  test('only to floating-point types', () => {
    raises(
      () => new nn.Linear(1, 1).to(torch.int64),
      'TypeError',
      'nn.Module.to only accepts floating point or complex dtypes, but got desired dtype=torch.int64',
    );
  });
});

describe('hooks', () => {
  const linear = (): InstanceType<typeof nn.Linear> => {
    const layer = new nn.Linear(2, 1, { bias: false });
    layer.weight.data.copy_(torch.tensor([[3, 4]]));
    return layer;
  };

  test('before and after forward see and replace arguments and results', () => {
    const layer = linear();
    const log: string[] = [];
    const pre = layer.registerForwardPreHook((module, [x]) => {
      log.push(`pre ${module.typeName()}`);
      return x.mul(10);
    });
    const post = layer.registerForwardHook((_module, [x], out) => {
      log.push(`post ${x.tolist()} ${out.tolist()}`);
      return out.add(1);
    });
    equal(layer(torch.tensor([1, 2])), [111]);
    pre.remove();
    post.remove();
    equal(layer(torch.tensor([1, 2])), [11]);
    assert.deepEqual(log, ['pre Linear', 'post 10,20 110']);
  });

  test('in the backward pass see gradients of inputs and outputs', () => {
    const layer = linear();
    const log: unknown[] = [];
    const list = (grads: readonly (T | null)[]): unknown[] => grads.map((g) => g?.tolist() ?? null);
    const handle = layer.registerFullBackwardHook((_m, gradInput, gradOutput) => {
      log.push([list(gradInput), list(gradOutput)]);
    });
    const x = torch.tensor([[1, 2]], { requiresGrad: true });
    layer(x).mul(5).sum().backward();
    layer(torch.tensor([[1, 2]]))
      .sum()
      .backward();
    handle.remove();
    layer(x).sum().backward();
    assert.deepEqual(log, [
      [[[[15, 20]]], [[[5]]]],
      [[null], [[[1]]]],
    ]);
  });

  test('list gradients per argument and per output', () => {
    class Two extends nn.Module {
      override forward(a: T, k: number, b: T): T[] {
        return [a.mul(k), b.mul(2)];
      }
    }
    const log: unknown[] = [];
    const module = new Two();
    module.registerFullBackwardHook((_m, gradInput, gradOutput) => {
      log.push(
        gradInput.map((g) => g?.tolist() ?? null),
        gradOutput.map((g) => g?.tolist() ?? null),
      );
    });
    const a = torch.tensor([1, 2], { requiresGrad: true });
    const [first] = module(a, 3, torch.ones(2));
    first.sum().backward();
    assert.deepEqual(log, [
      [[3, 3], null, [0, 0]],
      [[1, 1], null],
    ]);
  });

  test('may replace the gradient of the input, but not add others', () => {
    const layer = linear();
    layer.registerFullBackwardHook((_m, [g]) => [(g as T).mul(10)]);
    const x = torch.tensor([1, 2], { requiresGrad: true });
    layer(x).sum().backward();
    equal(x.grad, [30, 40]);
    equal(layer.weight.grad, [[1, 2]]);
    const wrong = linear();
    wrong.registerFullBackwardHook((_m, [g]) => [g, g]);
    raises(
      () => wrong(x).sum().backward(),
      'RuntimeError',
      'Backward hook returned an invalid number of grad_input, got 2, but expected 1',
    );
    const blind = linear();
    blind.registerFullBackwardHook(() => [torch.ones(2)]);
    raises(
      () => blind(torch.ones(2)).sum().backward(),
      'RuntimeError',
      'Backward hook for Modules where no input requires gradient should always return None or None for all gradients.',
    );
  });
});

describe('Parameter', () => {
  test('is a leaf that takes gradients and shares the memory of its data', () => {
    const data = torch.tensor([1, 2]);
    const p = new nn.Parameter(data);
    assert.ok(p.requiresGrad && p.isLeaf && p instanceof torch.Tensor);
    assert.equal(String(p), 'Parameter containing:\ntensor([1., 2.], requires_grad=True)');
    assert.equal(inspect(p), String(p));
    p.data.add_(1);
    equal(data, [2, 3]);
    assert.equal(new nn.Parameter(data, false).requiresGrad, false);
  });

  test('of a tensor with a history is cut off from it', () => {
    const x = torch.tensor([1], { requiresGrad: true });
    const p = new nn.Parameter(x.mul(2));
    assert.ok(p.isLeaf);
    p.mul(3).backward();
    equal(p.grad, [3]);
    assert.equal(x.grad, null);
    close(p, [2]);
  });
});
