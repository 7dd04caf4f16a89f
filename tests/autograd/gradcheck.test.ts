/** gradcheck and gradgradcheck must accept right gradients and, above all, refuse wrong ones. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as torch from 'typetorch';
import { raises } from '../support.ts';

const { gradcheck, gradgradcheck, Function } = torch.autograd;
type Context = torch.autograd.FunctionContext;
type T = torch.Tensor;
const leaf = (data: torch.TensorData): T => torch.tensor(data, { dtype: torch.float64, requiresGrad: true });

/** x², with a gradient of `slope`·x: right for 2. */
function square(slope: number): (x: T) => T {
  class Square extends Function {
    static override forward(ctx: Context, x: T): T {
      ctx.saveForBackward(x);
      return x.mul(x);
    }
    static override backward(ctx: Context, g: T): T {
      return g.mul(ctx.savedTensors[0] as T).mul(slope);
    }
  }
  return (x) => Square.apply(x) as T;
}

/** A right gradient whose own gradient is wrong: the saved tensor is cut off from the graph. */
class HalfHearted extends Function {
  static override forward(ctx: Context, x: T): T {
    ctx.saveForBackward(x);
    return x.mul(x);
  }
  static override backward(ctx: Context, g: T): T {
    return g.mul((ctx.savedTensors[0] as T).detach()).mul(2);
  }
}

describe('gradcheck', () => {
  test('accepts right gradients', () => {
    assert.ok(gradcheck(square(2), leaf([0.5, -1.5])));
    assert.ok(gradcheck((a: T, b: T) => [a.mul(b).sin(), a.sum()], [leaf([0.3, 1.2]), leaf([2, -0.7])]));
    assert.ok(
      gradcheck((a: T, k: number) => a.mul(k), [leaf([1, 2]), 3]),
      'other arguments are passed on',
    );
  });

  test('refuses a wrong one and shows both', () => {
    raises(
      () => gradcheck(square(2.01), leaf([0.5, -1.5])),
      'GradcheckError',
      /^Jacobian mismatch for output 0 with respect to input 0,\nnumerical:tensor\(\[\[ 1\.0000, {2}0\.0000\],\n {8}\[ 0\.0000, -3\.0000\]\], dtype=torch\.float64\)\nanalytical:tensor\(\[\[ 1\.0050, {2}0\.0000\],\n/,
    );
    assert.equal(gradcheck(square(2.01), leaf([0.5]), { raiseException: false }), false);
    assert.equal(gradcheck(square(0), leaf([0.5]), { raiseException: false }), false);
    assert.ok(gradcheck(square(2.001), leaf([0.5])), 'within the relative tolerance of 0.001');
    assert.equal(gradcheck(square(2.001), leaf([0.5]), 1e-6, 1e-5, 1e-6, false), false);
  });

  test('refuses a gradient that is missing', () => {
    const blind = (x: T): T => x.detach().mul(2).add(x.mul(0));
    assert.equal(gradcheck(blind, leaf([1]), { raiseException: false }), false);
  });

  test('wants something to differentiate', () => {
    raises(
      () => gradcheck((x: T) => x, torch.ones(2)),
      'ValueError',
      'gradcheck expects at least one input tensor to require gradient, but none of the them have requires_grad=True.',
    );
  });
});

describe('gradgradcheck', () => {
  test('accepts right second derivatives', () => {
    assert.ok(gradgradcheck(square(2), leaf([0.5, -1.5])));
    assert.ok(gradgradcheck((a: T, b: T) => a.mul(b).exp(), [leaf([0.3, 1.2]), leaf([0.2, -0.7])]));
  });

  test('refuses wrong ones, where gradcheck sees nothing', () => {
    const f = (x: T): T => HalfHearted.apply(x) as T;
    assert.ok(gradcheck(f, leaf([0.5, -1.5])));
    raises(
      () => gradgradcheck(f, leaf([0.5, -1.5])),
      'GradcheckError',
      /^Jacobian mismatch for output 0 with respect to input 0/,
    );
  });
});
