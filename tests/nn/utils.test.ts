/** nn.utils: clipping of gradients, parameters as one vector. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as torch from 'typetorch';
import { close, equal, raises } from '../support.ts';

const { clipGradNorm_, clipGradValue_, parametersToVector, vectorToParameters } = torch.nn.utils;

/** A parameter of zeros with this gradient. */
function withGrad(...grad: number[]): torch.Tensor {
  const p = torch.zeros(grad.length, { requiresGrad: true });
  p.grad = torch.tensor(grad);
  return p;
}

describe('clipGradNorm_', () => {
  test('scales all gradients by one factor, in place, and returns the norm before', () => {
    const [a, b] = [withGrad(3, 0), withGrad(0, -4, 0)];
    const held = a.grad;
    const norm = clipGradNorm_([a, b], 1);
    assert.equal(norm.item(), 5);
    assert.deepEqual([...norm.shape], []);
    assert.equal(a.grad, held);
    close(a.grad, [0.6, 0]);
    close(b.grad, [0, -0.8, 0]);
  });

  test('leaves smaller gradients as they are', () => {
    const p = withGrad(0.3, -0.4);
    assert.equal(clipGradNorm_(p, { maxNorm: 2 }).item(), 0.5);
    close(p.grad, [0.3, -0.4], 1e-7);
  });

  test('knows other norms', () => {
    const params = (): torch.Tensor[] => [withGrad(1, -2), withGrad(3)];
    assert.equal(clipGradNorm_(params(), 1, 1).item(), 6);
    assert.equal(clipGradNorm_(params(), 1, { normType: Number.POSITIVE_INFINITY }).item(), 3);
    const [a, b] = params();
    clipGradNorm_([a, b], 1.5, Number.POSITIVE_INFINITY);
    close(a.grad, [0.5, -1]);
    close(b.grad, [1.5]);
  });

  test('passes over parameters without gradient', () => {
    const a = withGrad(6, 8);
    assert.equal(clipGradNorm_([torch.zeros(2, { requiresGrad: true }), a], 5).item(), 10);
    close(a.grad, [3, 4]);
    assert.equal(clipGradNorm_([torch.zeros(2, { requiresGrad: true })], 5).item(), 0);
  });

  test('refuses norms that are not finite, if asked to', () => {
    const p = withGrad(1, Number.NaN);
    raises(
      () => clipGradNorm_([p], 1, 2, { errorIfNonfinite: true }),
      'RuntimeError',
      'The total norm of order 2.0 for gradients from `parameters` is non-finite, so it cannot be clipped. To disable this error and scale the gradients by the non-finite norm anyway, set `error_if_nonfinite=False`',
    );
    equal((p.grad as torch.Tensor).isnan(), [false, true]);
    assert.ok(Number.isNaN(clipGradNorm_([p], 1).item()));
    equal((p.grad as torch.Tensor).isnan(), [true, true]);
  });

  test('leaves nothing behind', () => {
    const p = withGrad(3, 4);
    clipGradNorm_([p], 1);
    const { alive, made } = torch.testing.trackAllocations(() => void clipGradNorm_([p], 1));
    assert.ok(made > 3);
    assert.deepEqual(alive, []);
  });
});

test('clipGradValue_ clamps every element', () => {
  const p = withGrad(-3, 0.2, 7);
  const held = p.grad;
  clipGradValue_([p, torch.zeros(1, { requiresGrad: true })], 0.5);
  assert.equal(p.grad, held);
  close(p.grad, [-0.5, 0.2, 0.5], 1e-7);
});

describe('parameters as a vector', () => {
  test('there and back', () => {
    const net = new torch.nn.Linear(2, 3);
    const vector = parametersToVector(net.parameters());
    assert.deepEqual([...vector.shape], [9]);
    const other = new torch.nn.Linear(2, 3);
    vectorToParameters(vector.detach(), other.parameters());
    assert.deepEqual(other.weight.tolist(), net.weight.tolist());
    assert.deepEqual(other.bias?.tolist(), net.bias?.tolist());
  });

  test('differentiable one way', () => {
    const [a, b] = [torch.ones(2, { requiresGrad: true }), torch.ones([1, 2], { requiresGrad: true })];
    parametersToVector([a, b])
      .dot(torch.tensor([1, 2, 3, 4]))
      .backward();
    equal(a.grad, [1, 2]);
    equal(b.grad, [[3, 4]]);
  });

  test('too short a vector is an error', () => {
    const p = torch.zeros(3, { requiresGrad: true });
    raises(() => vectorToParameters(torch.ones(2), [p]), 'ValueError', /the vector has 2 elements/);
  });
});
