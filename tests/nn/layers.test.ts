/**
 * Layers and losses against PyTorch 1.13 (layers.fixtures.json, written by layers.fixtures.py): how they print, the names in their
 * state, outputs, gradients of the input and of every parameter, running statistics. Then what a fixture cannot say.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import * as torch from 'typetorch';
import { close, equal, raises } from '../support.ts';

const { nn } = torch;
const F = nn.functional;

interface Values {
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'float64' | 'int64';
  readonly data: readonly number[];
}
type Named = readonly (readonly [string, Values])[];
interface Fixture {
  readonly type: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly repr: string;
  readonly state: Named;
  readonly training: boolean;
  readonly inputs: readonly Values[];
  readonly out: Values;
  readonly gradInput?: Values;
  readonly gradParameters?: Named;
  readonly buffersAfter: Named;
}

const fixtures = JSON.parse(
  readFileSync(new URL('./layers.fixtures.json', import.meta.url), 'utf8'),
) as readonly Fixture[];

function tensorOf({ shape, dtype, data }: Values): torch.Tensor {
  const flat = dtype === 'int64' ? data.map(BigInt) : [...data];
  return torch.tensor(flat, { dtype: torch[dtype] }).reshape(shape).clone();
}

/** float32: a few units in the last place of numbers around 1; float64: rounding only. */
const tolerance = (v: Values): number => (v.dtype === 'float64' ? 1e-12 : 2e-5);

function expectValues(got: torch.Tensor | null, expected: Values, what: string): void {
  assert.ok(got !== null, `${what}: expected a tensor, got null`);
  assert.deepEqual([...got.shape], expected.shape, `${what}: shape`);
  assert.equal(String(got.dtype), `torch.${expected.dtype}`, `${what}: dtype`);
  close(got, expected.data, tolerance(expected));
}

/** As `smooth` in the script that wrote the fixtures. */
function outputGradient(out: torch.Tensor): torch.Tensor {
  const data = Array.from({ length: out.numel() }, (_, i) => Math.sin(1.3 * i + 0.4) + 0.1);
  return torch.tensor(data).to(out.dtype).reshape(out.shape);
}

function check(fixture: Fixture): void {
  const { type, args, kwargs } = fixture;
  const options = Object.keys(kwargs).length > 0 ? [kwargs] : [];
  const make = nn[type as 'Linear'] as unknown as new (...args: unknown[]) => torch.nn.Module;
  const module = new make(...args, ...options);
  if (fixture.inputs[0].dtype === 'float64') module.double();
  module.train(fixture.training);
  assert.equal(String(module), fixture.repr);
  const names = fixture.state.map(([name]) => name);
  assert.deepEqual([...module.stateDict().keys()], names);
  module.loadStateDict(new Map(fixture.state.map(([name, v]) => [name, tensorOf(v)])));
  const inputs = fixture.inputs.map(tensorOf);
  if (fixture.gradInput !== undefined) inputs[0].requiresGrad_();
  const out = module(...inputs) as torch.Tensor;
  expectValues(out, fixture.out, 'out');
  if (fixture.gradInput !== undefined || fixture.gradParameters !== undefined)
    out.backward(outputGradient(out));
  if (fixture.gradInput !== undefined)
    expectValues(inputs[0].grad, fixture.gradInput, 'gradient of the input');
  for (const [name, v] of fixture.gradParameters ?? []) {
    expectValues(module.getParameter(name).grad, v, `gradient of ${name}`);
  }
  for (const [name, v] of fixture.buffersAfter) expectValues(module.getBuffer(name), v, name);
}

describe('layers compute what PyTorch computes', () => {
  for (const fixture of fixtures) {
    const where = `${fixture.inputs.map((x) => x.shape.join('×')).join(', ')}${fixture.training ? '' : ', eval'}`;
    const kwargs = Object.keys(fixture.kwargs).length > 0 ? ` ${JSON.stringify(fixture.kwargs)}` : '';
    test(`${fixture.repr}${kwargs} on ${where}`, () => check(fixture));
  }
});

describe('dropout', () => {
  test('zeroes a share of the elements in training and scales the others', () => {
    torch.manualSeed(0);
    const x = torch.ones(10_000, { requiresGrad: true });
    const layer = new nn.Dropout(0.2);
    const y = layer(x);
    const kept = (y.ne(0).sum().item() as number) / 10_000;
    assert.ok(Math.abs(kept - 0.8) < 0.02, `kept ${kept}`);
    assert.deepEqual(new Set(y.tolist() as number[]), new Set([0, 1.25]));
    y.sum().backward();
    assert.deepEqual(x.grad?.tolist(), y.tolist(), 'the gradient goes where the elements went');
    assert.equal(layer.eval()(x), x);
  });

  test('all or nothing', () => {
    equal(F.dropout(torch.ones(3), 1), [0, 0, 0]);
    equal(F.dropout(torch.ones(3), 0), [1, 1, 1]);
    raises(
      () => new nn.Dropout(1.5),
      'ValueError',
      'dropout probability has to be between 0 and 1, but got 1.5',
    );
  });
});

describe('functional forms', () => {
  const x = torch.tensor([
    [1, -2, 3],
    [-4, 5, -6],
  ]);

  test('are the functions behind the layers', () => {
    const w = torch.ones(2, 3);
    equal(F.linear(x, w, torch.tensor([10, 20])), [
      [12, 22],
      [5, 15],
    ]);
    equal(F.relu(x), [
      [1, 0, 3],
      [0, 5, 0],
    ]);
    equal(F.embedding(torch.tensor([1n, 0n]), w.mul(torch.tensor([[1], [2]]))), [
      [2, 2, 2],
      [1, 1, 1],
    ]);
    equal(F.maxPool2d(x.reshape(1, 1, 2, 3), [2, 1]), [[[[1, 5, 3]]]]);
    const [values, where] = F.maxPool2d(x.reshape(1, 1, 2, 3), [2, 1], { returnIndices: true });
    equal(values, [[[[1, 5, 3]]]]);
    assert.deepEqual(where.tolist(), [[[[0, 4, 2]]]]);
    equal(F.oneHot(torch.tensor([0n, 2n]), 3).float(), [
      [1, 0, 0],
      [0, 0, 1],
    ]);
  });

  test('F.relu in place changes its input', () => {
    const t = x.clone();
    assert.equal(F.relu(t, { inplace: true }), t);
    assert.equal(t.min().item(), 0);
  });

  test('cross-entropy is log-softmax and negative log likelihood', () => {
    const target = torch.tensor([2n, 1n]);
    close(F.crossEntropy(x, target), F.nllLoss(F.logSoftmax(x, 1), target).item());
  });
});

describe('layers refuse what PyTorch refuses', () => {
  const image = torch.zeros(2, 3, 4, 4);
  const refusals: [string, () => unknown, string, string | RegExp][] = [
    [
      'a linear layer, inputs of another width',
      () => new nn.Linear(3, 2)(torch.zeros(5, 4)),
      'RuntimeError',
      'mat1 and mat2 shapes cannot be multiplied (5x4 and 3x2)',
    ],
    [
      'a convolution, other channels',
      () => new nn.Conv2d(1, 2, 3)(image),
      'RuntimeError',
      'Given groups=1, weight of size [2, 1, 3, 3], expected input[2, 3, 4, 4] to have 1 channels, but got 3 channels instead',
    ],
    [
      'a convolution, kernels larger than the image',
      () => new nn.Conv2d(3, 2, 5)(image),
      'RuntimeError',
      "Calculated padded input size per channel: (4 x 4). Kernel size: (5 x 5). Kernel size can't be greater than actual input size",
    ],
    [
      'a convolution, groups that do not divide the channels',
      () => new nn.Conv2d(3, 4, 3, { groups: 2 }),
      'ValueError',
      'in_channels must be divisible by groups',
    ],
    [
      'a convolution, unknown padding modes',
      () => new nn.Conv2d(3, 4, 3, { paddingMode: 'mirror' as 'zeros' }),
      'ValueError',
      /^padding_mode must be one of \{.*\}, but got padding_mode='mirror'$/,
    ],
    [
      'batch normalization, inputs of another rank',
      () => new nn.BatchNorm2d(3)(torch.zeros(2, 3)),
      'ValueError',
      'expected 4D input (got 2D input)',
    ],
    [
      'batch normalization, one value per channel while training',
      () => new nn.BatchNorm1d(3)(torch.zeros(1, 3)),
      'ValueError',
      'Expected more than 1 value per channel when training, got input size torch.Size([1, 3])',
    ],
    [
      'layer normalization, other shapes',
      () => new nn.LayerNorm(3)(torch.zeros(2, 4)),
      'RuntimeError',
      'Given normalized_shape=[3], expected input with shape [*, 3], but got input of size[2, 4]',
    ],
    [
      'an embedding, indices that it does not have',
      () => new nn.Embedding(3, 2)(torch.tensor([3n])),
      'IndexError',
      'index out of range in self',
    ],
    [
      'pooling that leaves nothing',
      () => new nn.MaxPool2d(5)(image),
      'RuntimeError',
      'Given input size: (3x4x4). Calculated output size: (3x0x0). Output size is too small',
    ],
    [
      'classes that do not exist',
      () => F.crossEntropy(torch.zeros(1, 3), torch.tensor([3n])),
      'IndexError',
      'Target 3 is out of bounds.',
    ],
    [
      'as many labels as there are not',
      () => F.crossEntropy(torch.zeros(2, 3), torch.tensor([0n, 1n, 2n])),
      'ValueError',
      'Expected input batch_size (2) to match target batch_size (3).',
    ],
    [
      'probabilities beyond 1',
      () => F.binaryCrossEntropy(torch.tensor([1.5]), torch.tensor([1])),
      'RuntimeError',
      'all elements of input should be between 0 and 1',
    ],
    [
      'reductions that do not exist',
      () => F.mseLoss(torch.ones(1), torch.ones(1), { reduction: 'median' as 'mean' }),
      'ValueError',
      'median is not a valid value for reduction',
    ],
    [
      'unknown arguments',
      () => new nn.Linear(2, 3, { biased: true } as object),
      'TypeError',
      /^Linear\.__init__\(\) got an unexpected keyword argument 'biased'/,
    ],
    [
      'missing arguments',
      () => new (nn.Linear as unknown as new (n: number) => object)(2),
      'TypeError',
      "Linear.__init__() missing 1 required positional argument: 'outFeatures'",
    ],
  ];
  for (const [what, call, name, message] of refusals) test(what, () => raises(call, name, message));
});

describe('AdaptiveLogSoftmaxWithLoss', () => {
  const layer = new nn.AdaptiveLogSoftmaxWithLoss(4, 10, [3, 6], { divValue: 2, headBias: true });
  torch.noGrad(() => {
    [...layer.parameters()].forEach((p, k) => {
      p.copy_(
        torch
          .arange(p.numel())
          .mul(1.3)
          .add(0.7 * k)
          .sin()
          .reshape(p.shape),
      );
    });
  });
  const x = torch.arange(20).mul(0.37).sin().reshape(5, 4).requiresGrad_();
  const target = torch.tensor([0n, 9n, 4n, 2n, 6n]);

  test('prints its head and tail', () => {
    assert.equal(
      String(layer),
      `AdaptiveLogSoftmaxWithLoss(
  (head): Linear(in_features=4, out_features=5, bias=True)
  (tail): ModuleList(
    (0): Sequential(
      (0): Linear(in_features=4, out_features=2, bias=False)
      (1): Linear(in_features=2, out_features=3, bias=False)
    )
    (1): Sequential(
      (0): Linear(in_features=4, out_features=1, bias=False)
      (1): Linear(in_features=1, out_features=4, bias=False)
    )
  )
)`,
    );
  });

  test('gives the log-probabilities of the targets, as logProb does for all classes', () => {
    const { output, loss } = layer(x, target);
    const all = layer.logProb(x);
    close(all.exp().sum(1), [1, 1, 1, 1, 1]);
    close(output, all.gather(1, target.unsqueeze(1)).squeeze(1).tolist() as number[]);
    close(loss, output.mean().neg().item() as number);
    assert.deepEqual(layer.predict(x).tolist(), all.argmax(1).tolist());
    const [g] = torch.autograd.grad(loss, x);
    assert.ok(g.isfinite().all().item());
  });

  test('refuses classes that do not exist', () => {
    raises(
      () => layer(x, torch.tensor([0n, 1n, 2n, 3n, 10n])),
      'RuntimeError',
      'Target values should be in [0, 9], but values in range [0, 10] were found. ',
    );
    raises(
      () => new nn.AdaptiveLogSoftmaxWithLoss(4, 10, [6, 3]),
      'ValueError',
      /^cutoffs should be a sequence of unique, positive integers sorted in an increasing order/,
    );
  });
});
