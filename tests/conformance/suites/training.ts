/** Suite `training`: whole runs from a seed, as the descriptions of the cases state them. */
import type { Case, Json, JsonObject } from '../cases.ts';
import { expectEqual, expectNumber, type Tolerance, toleranceOf } from '../compare.ts';
import {
  type Callable,
  type Constructor,
  type Library,
  Mismatch,
  options,
  type TensorLike,
} from '../library.ts';

/** One model family: how the net is built and what a step draws and computes. */
interface Recipe {
  build(library: Library): object;
  /** The loss of one step; draws its data from the global stream. */
  loss(library: Library, net: Callable, testCase: Case): TensorLike;
}

const make = (library: Library, name: string, ...args: unknown[]): object =>
  library.construct(`torch.nn.${name}`, ...args);

const apply = (module: unknown, ...args: unknown[]): unknown => (module as Callable)(...args);

function crossEntropy(library: Library, logits: unknown, target: unknown): TensorLike {
  return library.asTensor(apply(make(library, 'CrossEntropyLoss'), logits, target));
}

/** `torch.randn` of floats, `torch.randint(0, high)` of classes. */
const randn = (library: Library, ...shape: number[]): TensorLike => library.tensor('torch.randn', ...shape);
const classes = (library: Library, count: number, shape: number[]): TensorLike =>
  library.tensor('torch.randint', 0, count, shape);

const lenet: Recipe = {
  build(library) {
    const relu = (x: unknown): unknown => library.call('torch.nn.functional.relu', x);
    const pool = (x: unknown): unknown => library.call('torch.nn.functional.max_pool2d', x, 2);
    class LeNet extends (library.get('torch.nn.Module') as Constructor) {
      readonly conv1 = make(library, 'Conv2d', 1, 6, 5);
      readonly conv2 = make(library, 'Conv2d', 6, 16, 5);
      readonly fc1 = make(library, 'Linear', 400, 120);
      readonly fc2 = make(library, 'Linear', 120, 84);
      readonly fc3 = make(library, 'Linear', 84, 10);

      forward(x: unknown): unknown {
        const features = pool(relu(apply(this.conv2, pool(relu(apply(this.conv1, x))))));
        const flat = library.call('torch.flatten', features, 1);
        return apply(this.fc3, relu(apply(this.fc2, relu(apply(this.fc1, flat)))));
      }
    }
    return new LeNet();
  },
  loss(library, net, testCase) {
    const shape = (testCase.batch as number[] | undefined) ?? [4, 1, 32, 32];
    const x = randn(library, ...shape);
    const t = classes(library, (testCase.classes as number | undefined) ?? 10, [shape[0]]);
    return crossEntropy(library, net(x), t);
  },
};

const cnnBatchnorm: Recipe = {
  build: (library) =>
    make(
      library,
      'Sequential',
      make(library, 'Conv2d', 3, 8, 3, { padding: 1, bias: false }),
      make(library, 'BatchNorm2d', 8),
      make(library, 'ReLU'),
      make(library, 'AvgPool2d', 2),
      make(library, 'Flatten'),
      make(library, 'Linear', 128, 5),
    ),
  loss(library, net) {
    const x = randn(library, 6, 3, 8, 8);
    return crossEntropy(library, net(x), classes(library, 5, [6]));
  },
};

const mlpRegression: Recipe = {
  build: (library) =>
    make(
      library,
      'Sequential',
      make(library, 'Linear', 8, 16),
      make(library, 'Tanh'),
      make(library, 'Linear', 16, 16),
      make(library, 'GELU'),
      make(library, 'Linear', 16, 1),
    ),
  loss(library, net) {
    const x = randn(library, 16, 8);
    const target = library.send(library.send(x, 'pow', 2), 'sum', 1, { keepdim: true });
    return library.asTensor(apply(make(library, 'MSELoss'), net(x), target));
  },
};

const lstmTagger: Recipe = {
  build(library) {
    class Tagger extends (library.get('torch.nn.Module') as Constructor) {
      readonly emb = make(library, 'Embedding', 12, 6);
      readonly lstm = make(library, 'LSTM', 6, 8, { batchFirst: true });
      readonly out = make(library, 'Linear', 8, 4);

      forward(x: unknown): unknown {
        const [sequence] = apply(this.lstm, apply(this.emb, x)) as Iterable<unknown>;
        return apply(this.out, sequence);
      }
    }
    return new Tagger();
  },
  loss(library, net) {
    const x = classes(library, 12, [3, 7]);
    const t = classes(library, 4, [3, 7]);
    return crossEntropy(library, library.send(net(x), 'transpose', 1, 2), t);
  },
};

const transformerClassifier: Recipe = {
  build(library) {
    class Net extends (library.get('torch.nn.Module') as Constructor) {
      readonly layer = make(library, 'TransformerEncoderLayer', 8, 2, {
        dimFeedforward: 16,
        dropout: 0,
        batchFirst: true,
      });
      readonly head = make(library, 'Linear', 8, 3);

      forward(x: unknown): unknown {
        return apply(this.head, library.send(apply(this.layer, x), 'mean', 1));
      }
    }
    return new Net();
  },
  loss(library, net) {
    const x = randn(library, 4, 5, 8);
    const t = classes(library, 3, [4]);
    return crossEntropy(library, net(x), t);
  },
};

const recipes: Readonly<Record<string, Recipe>> = {
  lenet,
  cnn_batchnorm: cnnBatchnorm,
  mlp_regression: mlpRegression,
  lstm_tagger: lstmTagger,
  transformer_classifier: transformerClassifier,
};

const item = (library: Library, t: unknown): number => Number(library.send(t, 'item'));
const norm = (t: TensorLike): number =>
  Math.sqrt(Array.from(t.toTypedArray(), (v) => Number(v) ** 2).reduce((a, b) => a + b, 0));
const gradOf = (t: TensorLike): TensorLike | null => (t as { grad?: TensorLike | null }).grad ?? null;

type NamedTensors = ReadonlyMap<string, TensorLike>;

function expectFirst(tensors: NamedTensors, expected: Json | undefined, tolerance: Tolerance): void {
  for (const [name, values] of Object.entries((expected as JsonObject | undefined) ?? {})) {
    const got = tensors.get(name)?.toTypedArray();
    (values as number[]).forEach((v, i) => {
      expectNumber(got?.[i], v, tolerance, `first_values of ${name}[${i}]`);
    });
  }
}

function expectNorms(
  tensors: NamedTensors,
  expected: Json | undefined,
  tolerance: Tolerance,
  what: string,
): void {
  for (const [name, value] of Object.entries((expected as JsonObject | undefined) ?? {})) {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new Mismatch(`${what}: there is no ${name}`);
    expectNumber(norm(tensor), value as number, tolerance, `${what} of ${name}`);
  }
}

function expectBuffers(tensors: NamedTensors, expected: Json | undefined, tolerance: Tolerance): void {
  for (const [name, value] of Object.entries((expected as JsonObject | undefined) ?? {})) {
    const got = tensors.get(name)?.toTypedArray();
    (Array.isArray(value) ? value : [value]).forEach((v, i) => {
      const actual = got?.[i];
      const number = typeof actual === 'bigint' ? Number(actual) : actual;
      expectNumber(number, v as number, tolerance, `buffer ${name}[${i}]`);
    });
  }
}

function runNet(library: Library, testCase: Case, recipe: Recipe): void {
  const tolerance = toleranceOf(testCase);
  library.call('torch.manual_seed', testCase.seed);
  const net = recipe.build(library);
  if (testCase.dtype === 'float64') library.send(net, 'double');
  expectEqual(String(net), testCase.repr, 'repr');
  const named = (method: string): NamedTensors =>
    new Map(library.send(net, method) as Iterable<[string, TensorLike]>);
  const parameters = named('named_parameters');
  expectFirst(parameters, testCase.first_values, tolerance);
  expectNorms(parameters, testCase.norms_before, tolerance, 'norm before');
  const { type, ...settings } = testCase.optimizer as JsonObject;
  const optimizer = library.construct(type as string, [...parameters.values()], ...options(settings));
  const losses = testCase.losses as number[];
  const gradNorms = testCase.grad_norms as number[] | undefined;
  losses.forEach((expected, step) => {
    library.send(optimizer, 'zero_grad');
    const loss = recipe.loss(library, net as unknown as Callable, testCase);
    expectNumber(item(library, loss), expected, tolerance, `loss of step ${step}`);
    library.send(loss, 'backward');
    if (gradNorms !== undefined) {
      const norms = [...parameters.values()].map((p) => {
        const grad = gradOf(p);
        return grad === null ? 0 : norm(grad);
      });
      expectNumber(Math.hypot(...norms), gradNorms[step], tolerance, `gradient norm of step ${step}`);
    }
    library.send(optimizer, 'step');
  });
  expectNorms(parameters, testCase.norms_after, tolerance, 'norm after');
  expectBuffers(named('named_buffers'), testCase.buffers_after, tolerance);
}

/** The gradients of `((x @ w1).clamp(min=0) @ w2 - y).pow(2).sum()` written out by hand. */
function manualGradients(
  library: Library,
  { x, y, w1, w2 }: Record<'x' | 'y' | 'w1' | 'w2', TensorLike>,
): { loss: TensorLike; grads: [TensorLike, TensorLike] } {
  const hidden = library.method(x, 'matmul', w1);
  const active = library.method(hidden, 'clamp', { min: 0 });
  const error = library.method(library.send(active, 'matmul', w2), 'sub', y);
  const loss = library.method(library.send(error, 'pow', 2), 'sum');
  const gradOutput = library.method(error, 'mul', 2);
  const gradW2 = library.method(library.send(active, 't'), 'matmul', gradOutput);
  const gradActive = library.method(gradOutput, 'matmul', library.send(w2, 't'));
  const gradHidden = library.method(gradActive, 'masked_fill', library.send(hidden, 'lt', 0), 0);
  return { loss, grads: [library.method(library.send(x, 't'), 'matmul', gradHidden), gradW2] };
}

function automaticGradients(
  library: Library,
  { x, y, w1, w2 }: Record<'x' | 'y' | 'w1' | 'w2', TensorLike>,
): { loss: TensorLike; grads: [TensorLike, TensorLike] } {
  for (const w of [w1, w2]) (w as { grad?: null }).grad = null;
  const active = library.send(library.send(x, 'matmul', w1), 'clamp', { min: 0 });
  const error = library.send(library.send(active, 'matmul', w2), 'sub', y);
  const loss = library.method(library.send(error, 'pow', 2), 'sum');
  library.send(loss, 'backward');
  return { loss, grads: [library.asTensor(gradOf(w1)), library.asTensor(gradOf(w2))] };
}

function runTwoLayerNet(library: Library, testCase: Case): void {
  const tolerance = toleranceOf(testCase);
  const { n, d_in: dIn, h, d_out: dOut } = testCase.sizes as Record<'n' | 'd_in' | 'h' | 'd_out', number>;
  const dtype = library.dtype(testCase.dtype as string);
  library.call('torch.manual_seed', testCase.seed);
  const draw = (rows: number, columns: number): TensorLike =>
    library.tensor('torch.randn', rows, columns, { dtype });
  const x = draw(n, dIn);
  const y = draw(n, dOut);
  const w1 = draw(dIn, h);
  const w2 = draw(h, dOut);
  expectFirst(new Map(Object.entries({ x, y, w1, w2 })), testCase.first_values, tolerance);
  const automatic = testCase.autograd === true;
  if (automatic) for (const w of [w1, w2]) library.send(w, 'requires_grad_');
  (testCase.losses as number[]).forEach((expected, epoch) => {
    const compute = automatic ? automaticGradients : manualGradients;
    const { loss, grads } = compute(library, { x, y, w1, w2 });
    expectNumber(item(library, loss), expected, tolerance, `loss of epoch ${epoch}`);
    library.call('torch.no_grad', () => {
      library.send(w1, 'sub_', grads[0], { alpha: testCase.lr });
      library.send(w2, 'sub_', grads[1], { alpha: testCase.lr });
    });
  });
  expectNorms(new Map(Object.entries({ w1, w2 })), testCase.norms_after, tolerance, 'norm after');
}

export function runTraining(library: Library, testCase: Case): void {
  const model = testCase.model as string;
  const recipe = recipes[model];
  if (model === 'two_layer_net') runTwoLayerNet(library, testCase);
  else if (recipe !== undefined) runNet(library, testCase, recipe);
  else throw new Error(`unknown model ${model}`);
}
