/** Custom differentiable functions: `torch.autograd.Function`. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as torch from 'typetorch';
import { equal, raises } from '../support.ts';

const { Function, grad } = torch.autograd;
type Context = torch.autograd.FunctionContext;
type Grads = (torch.Tensor | null)[];
const leaf = (data: torch.TensorData): torch.Tensor => torch.tensor(data, { requiresGrad: true });

class Cube extends Function {
  static override forward(ctx: Context, x: torch.Tensor): torch.Tensor {
    ctx.saveForBackward(x);
    return x.mul(x).mul(x);
  }
  static override backward(ctx: Context, g: torch.Tensor): torch.Tensor {
    const [x] = ctx.savedTensors as [torch.Tensor];
    return g.mul(x).mul(x).mul(3);
  }
}

/** x·scale, with a gradient for x only. */
class Scale extends Function {
  static override forward(ctx: Context, x: torch.Tensor, scale: number): torch.Tensor {
    ctx.scale = scale;
    return x.mul(scale);
  }
  static override backward(ctx: Context, g: torch.Tensor): Grads {
    return [g.mul(ctx.scale as number), null];
  }
}

describe('a custom Function', () => {
  test('has its own gradient, and second derivatives where backward is made of tensor ops', () => {
    const x = leaf([1, 2]);
    const y = Cube.apply(x) as torch.Tensor;
    assert.equal(y.gradFn?.name, 'CubeBackward');
    const [g] = grad(y.sum(), x, { createGraph: true }) as [torch.Tensor];
    equal(g, [3, 12]);
    equal(grad(g.sum(), x)[0], [6, 12]);
  });

  test('takes other values than tensors; runs without recording under noGrad', () => {
    const x = leaf([1, 2]);
    (Scale.apply(x, 10) as torch.Tensor).sum().backward();
    equal(x.grad, [10, 10]);
    const plain = torch.noGrad(() => Scale.apply(x, 2) as torch.Tensor);
    assert.equal(plain.requiresGrad, false);
  });

  test('knows which inputs want gradients', () => {
    let needs: readonly boolean[] = [];
    class Product extends Function {
      static override forward(ctx: Context, a: torch.Tensor, b: torch.Tensor): torch.Tensor {
        ctx.saveForBackward(a, b);
        return a.mul(b);
      }
      static override backward(ctx: Context, g: torch.Tensor): Grads {
        needs = ctx.needsInputGrad;
        const [a, b] = ctx.savedTensors as [torch.Tensor, torch.Tensor];
        return [ctx.needsInputGrad[0] ? g.mul(b) : null, ctx.needsInputGrad[1] ? g.mul(a) : null];
      }
    }
    const a = leaf([2]);
    (Product.apply(a, torch.tensor([5])) as torch.Tensor).backward();
    assert.deepEqual(needs, [true, false]);
    equal(a.grad, [5]);
  });

  test('with several outputs gets zeros for those without a gradient, or null on request', () => {
    const seen: unknown[] = [];
    class Both extends Function {
      static override forward(ctx: Context, x: torch.Tensor, materialize: boolean): unknown {
        ctx.setMaterializeGrads(materialize);
        return [x.mul(2), x.mul(3), 5];
      }
      static override backward(_ctx: Context, ...grads: Grads): Grads {
        seen.push(grads.map((g) => (g === null ? null : g.tolist())));
        return [grads[0], null];
      }
    }
    const x = leaf([1, 2]);
    for (const materialize of [true, false]) {
      const [first, second, five] = Both.apply(x, materialize) as [torch.Tensor, torch.Tensor, number];
      assert.ok(first.requiresGrad && second.requiresGrad);
      assert.equal(five, 5);
      first.sum().backward();
    }
    assert.deepEqual(seen, [
      [[1, 1], [0, 0], null],
      [[1, 1], null, null],
    ]);
  });

  test('can mark outputs as not differentiable', () => {
    class WithMask extends Function {
      static override forward(ctx: Context, x: torch.Tensor): torch.Tensor[] {
        const mask = x.gt(0).float();
        ctx.markNonDifferentiable(mask);
        return [x.mul(mask), mask];
      }
      static override backward(_ctx: Context, g: torch.Tensor): torch.Tensor {
        return g;
      }
    }
    const [y, mask] = WithMask.apply(leaf([-1, 2])) as [torch.Tensor, torch.Tensor];
    assert.ok(y.requiresGrad);
    assert.equal(mask.requiresGrad, false);
  });

  test('may return an input: it becomes a view that must not be changed in place', () => {
    class Reverse extends Function {
      static override forward(_ctx: Context, x: torch.Tensor): torch.Tensor {
        return x;
      }
      static override backward(_ctx: Context, g: torch.Tensor): torch.Tensor {
        return g.neg();
      }
    }
    const x = leaf([1, 2]);
    const y = Reverse.apply(x.mul(1)) as torch.Tensor;
    y.sum().backward({ retainGraph: true });
    equal(x.grad, [-1, -1]);
    raises(
      () => y.add_(1),
      'RuntimeError',
      'Output 0 of ReverseBackward is a view and is being modified inplace. This view was created inside a custom Function (or because an input was returned as-is) and the autograd logic to handle view+inplace would override the custom backward associated with the custom Function, leading to incorrect gradients. This behavior is forbidden. You can fix this by cloning the output of the custom Function.',
    );
  });

  test('may change an input in place, if it says so', () => {
    class Double extends Function {
      static override forward(ctx: Context, x: torch.Tensor): torch.Tensor {
        x.mul_(2);
        ctx.markDirty(x);
        ctx.saveForBackward(x);
        return x;
      }
      static override backward(ctx: Context, g: torch.Tensor): torch.Tensor {
        return g.mul(ctx.savedTensors[0] as torch.Tensor);
      }
    }
    const x = leaf([1, 3]);
    const z = x.mul(1);
    const y = Double.apply(z) as torch.Tensor;
    assert.equal(y, z);
    y.sum().backward();
    equal(x.grad, [2, 6]);
    x.grad = null;
    const base = x.mul(1);
    const view = Double.apply(base.index('0:1')) as torch.Tensor;
    assert.equal(base.gradFn?.name, 'CopySlices');
    assert.equal(view.gradFn?.name, 'AsStridedBackward0');
    base.sum().backward();
    equal(x.grad, [2, 1]);
    raises(
      () => Double.apply(x),
      'RuntimeError',
      'a leaf Variable that requires grad has been used in an in-place operation.',
    );
  });

  test('onceDifferentiable cuts the second derivative off', () => {
    class Once extends Function {
      static override forward(ctx: Context, x: torch.Tensor): torch.Tensor {
        ctx.saveForBackward(x);
        return x.mul(x);
      }
      static override backward = torch.autograd.onceDifferentiable((ctx: Context, g: torch.Tensor) =>
        g.mul(ctx.savedTensors[0] as torch.Tensor).mul(2),
      );
    }
    const x = leaf([3]);
    const [g] = grad(Once.apply(x) as torch.Tensor, x, { createGraph: true }) as [torch.Tensor];
    equal(g, [6]);
    assert.equal(g.requiresGrad, false);
  });

  test('its saved tensors are checked for changes, and freed after the pass', () => {
    const x = leaf([1, 2]);
    const y = x.mul(1);
    const z = (Cube.apply(y) as torch.Tensor).sum();
    y.add_(1);
    raises(
      () => z.backward(),
      'RuntimeError',
      /^one of the variables needed .* is at version 1; expected version 0/,
    );
    const w = (Cube.apply(x) as torch.Tensor).sum();
    w.backward();
    raises(() => w.backward(), 'RuntimeError', /^Trying to backward through the graph a second time/);
  });

  test('errors in what backward returns', () => {
    const bad = (result: unknown, inputs: number, name = 'RuntimeError'): [() => void, string] => {
      class Bad extends Function {
        static override forward(_ctx: Context, x: torch.Tensor): torch.Tensor {
          return x.mul(2);
        }
        static override backward(): torch.Tensor {
          return result as torch.Tensor;
        }
      }
      const x = leaf([1, 2]);
      const args = new Array<torch.Tensor>(inputs).fill(x);
      return [() => (Bad.apply(...args) as torch.Tensor).sum().backward(), name];
    };
    const g = torch.ones(2);
    raises(
      ...bad([g, g], 1),
      'function BadBackward returned an incorrect number of gradients (expected 1, got 2)',
    );
    raises(
      ...bad(g, 2),
      'function BadBackward returned an incorrect number of gradients (expected 2, got 1)',
    );
    raises(
      ...bad(torch.ones(3), 1),
      'Function BadBackward returned an invalid gradient at index 0 - got [3] but expected shape compatible with [2]',
    );
    raises(...bad(5, 1), 'expected Variable or None (got int)');
  });

  test('without forward or backward', () => {
    class Empty extends Function {}
    class NoBackward extends Function {
      static override forward(_ctx: Context, x: torch.Tensor): torch.Tensor {
        return x.mul(2);
      }
    }
    const x = leaf([1]);
    raises(
      () => Empty.apply(x),
      'NotImplementedError',
      'You must implement the forward function for custom autograd.Function.',
    );
    raises(
      () => (NoBackward.apply(x) as torch.Tensor).backward(),
      'NotImplementedError',
      'You must implement either the backward or vjp method for your custom autograd.Function to use it with backward mode AD.',
    );
  });
});

describe('checkpointing', () => {
  test('computes again in the backward pass, with the same result', () => {
    let runs = 0;
    const block = (t: torch.Tensor): torch.Tensor => {
      runs++;
      return t.exp().tanh();
    };
    const x = leaf([0.5, -1]);
    const y = torch.utils.checkpoint.checkpoint(block, x) as torch.Tensor;
    assert.equal(runs, 1);
    y.sum().backward();
    assert.equal(runs, 2);
    const reference = leaf([0.5, -1]);
    block(reference).sum().backward();
    equal(x.grad, (reference.grad as torch.Tensor).tolist() as number[]);
  });
});
