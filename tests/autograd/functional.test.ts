/** jacobian, hessian and the products with vectors. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as torch from 'typetorch';
import { close, equal, raises } from '../support.ts';

const { jacobian, hessian, vjp, jvp, vhp, hvp } = torch.autograd.functional;
type T = torch.Tensor;
const x = torch.tensor([1, 2]);
const y = torch.tensor([3, 5]);

describe('jacobian', () => {
  test('has the shape of the output followed by that of the input', () => {
    const w = torch.tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const f = (t: T): T => t.mm(w);
    const J = jacobian(f, torch.ones(1, 2)) as T;
    assert.deepEqual([...J.shape], [1, 3, 1, 2]);
    equal(J.reshape(3, 2), [
      [1, 4],
      [2, 5],
      [3, 6],
    ]);
  });

  test('of several outputs and inputs is nested', () => {
    const f = (a: T, b: T): T[] => [a.mul(b), b.sum()];
    const J = jacobian(f, [x, y]) as T[][];
    equal(J[0][0], [
      [3, 0],
      [0, 5],
    ]);
    equal(J[0][1], [
      [1, 0],
      [0, 2],
    ]);
    equal(J[1][0], [0, 0]);
    equal(J[1][1], [1, 1]);
  });

  test('with createGraph can be differentiated', () => {
    const t = torch.tensor([1, 2], { requiresGrad: true });
    const J = jacobian((a: T) => a.pow(3), t, { createGraph: true }) as T;
    J.sum().backward();
    equal(t.grad, [6, 12]);
  });

  test('leaves no trace in its inputs', () => {
    const t = torch.tensor([1, 2], { requiresGrad: true });
    const J = jacobian((a: T) => a.mul(a), t) as T;
    assert.equal(J.requiresGrad, false);
    assert.equal(t.grad, null);
  });
});

describe('hessian', () => {
  test('of a scalar function', () => {
    const H = hessian((t: T) => t.pow(3).sum().add(t.prod()), x) as T;
    equal(H, [
      [6, 1],
      [1, 12],
    ]);
  });

  test('of several inputs is a block matrix', () => {
    const H = hessian((a: T, b: T) => a.mul(b).mul(b).sum(), [x, y]) as T[][];
    equal(H[0][0], [
      [0, 0],
      [0, 0],
    ]);
    equal(H[0][1], [
      [6, 0],
      [0, 10],
    ]);
    equal(H[1][0], [
      [6, 0],
      [0, 10],
    ]);
    equal(H[1][1], [
      [2, 0],
      [0, 4],
    ]);
  });

  test('of a linear function is zero', () => {
    equal(hessian((t: T) => t.mul(3).sum(), x) as T, [
      [0, 0],
      [0, 0],
    ]);
  });
});

describe('products with vectors', () => {
  const f = (t: T): T => t.mul(t).mul(torch.tensor([1, 10]));
  const g = (t: T): T => t.pow(3).sum().add(t.prod());

  test('vᵀJ and Jv', () => {
    const [value, product] = vjp(f, x, torch.tensor([1, 2])) as [T, T];
    equal(value, [1, 40]);
    equal(product, [2, 80]);
    const [, pushed] = jvp(f, x, torch.tensor([3, 1])) as [T, T];
    equal(pushed, [6, 40]);
  });

  test('vᵀH and Hv agree with the Hessian', () => {
    const v = torch.tensor([2, 3]);
    const expected = (hessian(g, x) as T).matmul(v).tolist() as number[];
    for (const product of [vhp, hvp]) {
      const [value, result] = product(g, x, v) as [T, T];
      close(value, 11);
      equal(result, expected);
    }
  });

  test('the vector may be left out for a single number', () => {
    const [, p] = vjp((t: T) => t.sum(), x) as [T, T];
    equal(p, [1, 1]);
  });
});

describe('errors', () => {
  const scalar = (t: T): T => t.sum();
  const notTensor = (() => 3) as unknown as (t: T) => T;

  test('wrong inputs, outputs and vectors', () => {
    for (const [name, f] of Object.entries({ jacobian, hessian, vjp, jvp, vhp, hvp })) {
      raises(
        () => f(scalar, 3 as unknown as T),
        'TypeError',
        `The inputs given to ${name} must be either a Tensor or a tuple of Tensors but the given inputs has type <class 'int'>.`,
      );
    }
    raises(
      () => jacobian(notTensor, x),
      'TypeError',
      "The outputs of the user-provided function given to jacobian must be either a Tensor or a tuple of Tensors but the given outputs of the user-provided function has type <class 'int'>.",
    );
    raises(
      () => vjp((t: T) => t.mul(2), x),
      'RuntimeError',
      'The vector v can only be None if the user-provided function returns a single Tensor with a single element.',
    );
    raises(
      () => jvp(scalar, x),
      'RuntimeError',
      'The vector v can only be None if the input to the user-provided function is a single Tensor with a single element.',
    );
    raises(
      () => vjp(scalar, x, torch.ones(3)),
      'RuntimeError',
      'v has invalid size: should be torch.Size([]) but got torch.Size([3]).',
    );
    raises(
      () => vjp(scalar, x, [torch.ones(3), x]),
      'RuntimeError',
      'The given v should contain a single Tensor.',
    );
  });

  test('functions that are not scalar', () => {
    for (const [name, f] of [
      ['hessian', () => hessian((t: T) => t.mul(2), x)],
      ['vhp', () => vhp((t: T) => t.mul(2), x, x)],
      ['hvp', () => hvp((t: T) => t.mul(2), x, x)],
    ] as const) {
      raises(
        f,
        'RuntimeError',
        `The Tensor returned by the function given to ${name} should contain a single element`,
      );
    }
    raises(
      () => hvp((t: T) => [t.sum(), t.sum()], x, x),
      'RuntimeError',
      'The function given to hvp should return a single Tensor',
    );
  });

  test('strict mode: outputs that do not depend on an input', () => {
    const first = (a: T, _b: T): T => a.sum();
    raises(
      () => jacobian(first, [x, y], { strict: true }),
      'RuntimeError',
      'Output 0 of the user-provided function is independent of input 1. This is not allowed in strict mode.',
    );
    raises(
      () => vjp(first, [x, y], { strict: true }),
      'RuntimeError',
      'The output of the user-provided function is independent of input 1. This is not allowed in strict mode.',
    );
    raises(
      () => hessian(scalar, x, { strict: true }),
      'RuntimeError',
      /^While computing the hessian, found that the jacobian of the user-provided function with respect to input 0 is independent of the input\./,
    );
    raises(
      () => jacobian((t: T) => t.mul(2).sum(), x, { strict: true, createGraph: true }),
      'RuntimeError',
      'The jacobian of the user-provided function is independent of input 0. This is not allowed in strict mode when create_graph=True.',
    );
    raises(
      () => jacobian(() => torch.ones(1), x, { strict: true }),
      'RuntimeError',
      'Output 0 of the user-provided function does not require gradients. The outputs must be computed in a differentiable manner from the input when running in strict mode.',
    );
  });
});
