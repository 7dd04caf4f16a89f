/** In-place changes: version counters, PyTorch's errors, gradients through changed tensors and views. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as torch from 'typetorch';
import { close, equal, raises } from '../support.ts';

const { grad } = torch.autograd;
const leaf = (data: torch.TensorData): torch.Tensor => torch.tensor(data, { requiresGrad: true });

const modified = (shape: string, origin: string, now: number, then: number): string =>
  `one of the variables needed for gradient computation has been modified by an inplace operation: [torch.FloatTensor ${shape}]${origin} ` +
  `is at version ${now}; expected version ${then} instead. Hint: enable anomaly detection to find the operation that failed to ` +
  'compute its gradient, with torch.autograd.detectAnomaly(() => …).';

const LEAF = 'a leaf Variable that requires grad is being used in an in-place operation.';

describe('versions', () => {
  test('count in-place changes of the memory, through any view', () => {
    const x = torch.zeros(4);
    assert.equal(x._version, 0);
    x.add_(1);
    x.view(2, 2).index(0).mul_(2);
    x.index(0).fill_(5);
    assert.equal(x._version, 3);
    x.data.add_(1);
    assert.equal(x._version, 3, 'data has a count of its own');
    x.detach().add_(1);
    assert.equal(x._version, 4, 'detach shares the count');
  });

  test('a saved tensor that was changed is an error that names it', () => {
    const x = leaf([1, 2]);
    const y = x.mul(2);
    const z = y.mul(y).sum();
    y.add_(1);
    raises(() => z.backward(), 'RuntimeError', modified('[2]', ', which is output 0 of AddBackward0,', 1, 0));
    const w = x.exp();
    w.mul_(2);
    raises(
      () => w.sum().backward(),
      'RuntimeError',
      modified('[2]', ', which is output 0 of MulBackward0,', 1, 0),
    );
  });

  test('changing a leaf under noGrad after it was saved is an error; through data it is not seen', () => {
    const w = leaf([1, 2]);
    const loss = w.mul(w).sum();
    torch.noGrad(() => w.mul_(2));
    raises(() => loss.backward(), 'RuntimeError', modified('[2]', '', 1, 0));
    const v = leaf([1, 2]);
    const other = v.mul(v).sum();
    v.data.mul_(2);
    other.backward();
    equal(v.grad, [4, 8]);
  });

  test('a change that nothing needed is no error', () => {
    const x = leaf([1, 2]);
    const y = x.add(1);
    const z = y.add(1).sum();
    y.mul_(100);
    z.backward();
    equal(x.grad, [1, 1]);
  });

  test('using a tensor as both operands of an in-place product is an error in backward', () => {
    const x = leaf([1, 2]);
    const y = x.clone();
    y.mul_(y);
    raises(
      () => y.sum().backward(),
      'RuntimeError',
      modified('[2]', ', which is output 0 of MulBackward0,', 1, 0),
    );
    const z = x.clone();
    z.add_(z);
    z.sum().backward();
    equal(x.grad, [2, 2]);
  });
});

describe('gradients through in-place ops', () => {
  test('equal those of the ordinary forms', () => {
    const names = [
      'sin',
      'exp',
      'abs',
      'log',
      'sqrt',
      'tanh',
      'sigmoid',
      'reciprocal',
      'square',
      'cumsum',
      'cumprod',
    ];
    for (const name of names) {
      const args = name.startsWith('cum') ? [0] : [];
      const run = (inPlace: boolean): torch.Tensor => {
        const x = leaf([0.5, 1.5, 2.5]);
        const start = x.mul(1) as unknown as Record<string, (...a: number[]) => torch.Tensor>;
        const y = start[inPlace ? `${name}_` : name](...args);
        y.mul(torch.tensor([1, 2, 3]))
          .sum()
          .backward();
        return x.grad as torch.Tensor;
      };
      assert.deepEqual(run(true).tolist(), run(false).tolist(), name);
    }
  });

  test('of both operands', () => {
    const x = leaf([2, 3]);
    const y = leaf([5, 7]);
    const z = x.clone();
    z.mul_(y).add_(y, { alpha: 10 });
    z.sum().backward();
    equal(x.grad, [5, 7]);
    equal(y.grad, [12, 13]);
  });

  test('reach the base when a view of it is changed', () => {
    const x = leaf([1, 2, 3, 4]);
    const y = x.mul(1);
    y.view(2, 2).index(1).mul_(10);
    equal(y, [1, 2, 30, 40]);
    assert.equal(y.gradFn?.name, 'CopySlices');
    y.mul(y).sum().backward();
    equal(x.grad, [2, 4, 600, 800]);
  });

  test('reach a view when its base is changed', () => {
    const x = leaf([1, 2, 3, 4]);
    const y = x.mul(1);
    const v = y.index('2:');
    y.mul_(3);
    assert.equal(v.gradFn?.name, 'AsStridedBackward0');
    v.sum().backward();
    equal(x.grad, [0, 0, 3, 3]);
  });

  test('reach what was copied or written in', () => {
    const x = leaf([1, 2, 3]);
    const y = leaf([10]);
    const z = x.mul(2);
    z.indexPut_([1], y.mul(3).index(0));
    equal(z, [2, 30, 6]);
    z.mul(torch.tensor([1, 2, 3]))
      .sum()
      .backward();
    equal(x.grad, [2, 0, 6]);
    equal(y.grad, [6]);
    const a = leaf([1, 2]);
    const b = torch.zeros(2);
    b.copy_(a.mul(3));
    b.sum().backward();
    equal(a.grad, [3, 3]);
  });

  test('zero_ and fill_ stop them', () => {
    const x = leaf([1, 2]);
    const y = x.mul(2);
    y.zero_();
    y.add(x).sum().backward();
    equal(x.grad, [1, 1]);
  });

  test('of second order', () => {
    const x = torch.tensor([0.5, 2], { dtype: torch.float64, requiresGrad: true });
    const y = x.mul(1);
    y.sin_().mul_(x);
    const [g] = grad(y.sum(), x, { createGraph: true }) as [torch.Tensor];
    const [h] = grad(g.sum(), x);
    // (x sin x)'' = 2 cos x − x sin x
    close(
      h,
      [0.5, 2].map((v) => 2 * Math.cos(v) - v * Math.sin(v)),
      1e-12,
    );
  });
});

describe('refused changes', () => {
  test('of leaves that take gradients, and of their views', () => {
    const x = leaf([1, 2]);
    for (const change of [() => x.add_(1), () => x.zero_(), () => x.copy_(torch.ones(2))]) {
      raises(change, 'RuntimeError', LEAF);
    }
    for (const change of [() => x.index(0).add_(1), () => x.indexPut_([0], 1)]) {
      raises(
        change,
        'RuntimeError',
        'a view of a leaf Variable that requires grad is being used in an in-place operation.',
      );
    }
    torch.noGrad(() => x.add_(1));
    equal(x, [2, 3]);
  });

  test('of views from an op with several', () => {
    const y = leaf([1, 2]).mul(2);
    raises(
      () => y.unbind()[0].add_(1),
      'RuntimeError',
      'Output 0 of UnbindBackward0 is a view and is being modified inplace. This view is the output of a function that returns multiple views. Such functions do not allow the output views to be modified inplace. You should replace the inplace operation by an out-of-place one.',
    );
    raises(
      () => y.split(1)[1].mul_(2),
      'RuntimeError',
      /^Output 1 of SplitBackward0 is a view and is being modified inplace\./,
    );
  });

  test('of views that were made under noGrad or in inference mode', () => {
    const x = leaf([1, 2]);
    const y = x.mul(2);
    const v = torch.noGrad(() => y.index(0));
    raises(
      () => v.add_(1),
      'RuntimeError',
      "A view was created in no_grad mode and is being modified inplace with grad mode enabled. Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify your code by moving both the view and the inplace either both inside the no_grad block (if you don't want the inplace to be tracked) or both outside (if you want the inplace to be tracked).",
    );
    const w = torch.inferenceMode(() => y.index('0:1'));
    assert.equal(w.isInference(), false, 'a view of a normal tensor is a normal tensor');
    raises(
      () => w.add_(1),
      'RuntimeError',
      "A view was created in inference mode and is being modified inplace in normal mode. Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify your code by moving both the view and the inplace either both inside the inference_mode block (if you don't want the inplace to be tracked) or both outside (if you want the inplace to be tracked).",
    );
    // Where no gradient is involved there is nothing to be ambiguous about.
    const plain = torch.ones(2);
    const view = torch.noGrad(() => plain.index(0));
    view.add_(1);
    equal(plain, [2, 1]);
    raises(() => view.add_(x.index(0)), 'RuntimeError', /^A view was created in no_grad mode/);
  });

  test('of memory that is written more than once, of other shapes and of lower dtypes', () => {
    raises(
      () => torch.ones(1).expand(3).add_(1),
      'RuntimeError',
      'unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please clone() the tensor before performing the operation.',
    );
    raises(
      () => torch.ones(1).add_(torch.ones(2)),
      'RuntimeError',
      "output with shape [1] doesn't match the broadcast shape [2]",
    );
    raises(
      () => torch.arange(2).add_(0.5),
      'RuntimeError',
      "result type Float can't be cast to the desired output type Long",
    );
    raises(() => torch.arange(2).pow_(0.5), 'RuntimeError', 'Found dtype Long but expected Float');
  });

  test('detach_ makes a leaf of a tensor, but not of a view', () => {
    const x = leaf([1]);
    const y = x.mul(2);
    y.detach_();
    assert.ok(y.isLeaf && !y.requiresGrad);
    raises(
      () => x.mul(2).view(1).detach_(),
      'RuntimeError',
      /^Can't detach views in-place\. Use detach\(\) instead\./,
    );
  });
});
