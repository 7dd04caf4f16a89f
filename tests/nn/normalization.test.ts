/** Weight and spectral normalization of a module's parameters. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as torch from 'typetorch';
import { close, raises } from '../support.ts';

const { nn } = torch;
const { weightNorm, removeWeightNorm, spectralNorm, removeSpectralNorm } = nn.utils;
const names = (pairs: Iterable<[string, unknown]>): string[] => [...pairs].map(([name]) => name);

function linear(): InstanceType<typeof nn.Linear> {
  const layer = new nn.Linear(2, 2);
  layer.loadStateDict({
    weight: torch.tensor([
      [3, 4],
      [0, 2],
    ]),
    bias: torch.tensor([1, 2]),
  });
  return layer;
}

describe('weightNorm', () => {
  test('splits a weight into lengths and directions, and computes the same', () => {
    const x = torch.tensor([[1, -1]]);
    const expected = linear()(x).tolist() as number[];
    const layer = weightNorm(linear());
    assert.deepEqual(names(layer.namedParameters()), ['bias', 'weight_g', 'weight_v']);
    close(layer.getParameter('weight_g'), [5, 2]);
    close(layer(x), expected);
    layer.getParameter('weight_g').data.mul_(2);
    close(layer(x), [[-1, -2]]);
  });

  test('gradients reach both parts', () => {
    const layer = weightNorm(linear());
    layer(torch.tensor([[1, 1]]))
      .sum()
      .backward();
    // ∂/∂g of g·v/‖v‖·x: the direction times x.
    close(layer.getParameter('weight_g').grad, [[7 / 5], [1]]);
    // ∂/∂v is orthogonal to v.
    const [g, v] = [layer.getParameter('weight_v').grad as torch.Tensor, layer.getParameter('weight_v')];
    close(g.mul(v).sum(1), [0, 0]);
  });

  test('with one length for all, and back', () => {
    const layer = weightNorm(linear(), { dim: null });
    close(layer.getParameter('weight_g'), Math.sqrt(29));
    assert.equal(removeWeightNorm(layer), layer);
    assert.deepEqual(names(layer.namedParameters()), ['bias', 'weight']);
    close(layer.getParameter('weight'), [
      [3, 4],
      [0, 2],
    ]);
  });

  test('errors', () => {
    const layer = weightNorm(linear());
    raises(
      () => weightNorm(layer),
      'RuntimeError',
      'Cannot register two weight_norm hooks on the same parameter weight',
    );
    raises(() => weightNorm(linear(), 'w'), 'AttributeError', "'Linear' object has no attribute 'w'");
    raises(
      () => removeWeightNorm(linear()),
      'ValueError',
      "weight_norm of 'weight' not found in Linear(in_features=2, out_features=2, bias=True)",
    );
  });
});

describe('spectralNorm', () => {
  test('divides a weight by its largest singular value', () => {
    torch.manualSeed(0);
    const layer = spectralNorm(linear(), { nPowerIterations: 50 });
    assert.deepEqual(names(layer.namedParameters()), ['bias', 'weight_orig']);
    assert.deepEqual(names(layer.namedBuffers()), ['weight_u', 'weight_v']);
    layer(torch.ones(1, 2));
    // The singular values of [[3, 4], [0, 2]]: σ² are the roots of s² − 29 s + 36.
    const largest = Math.sqrt((29 + Math.sqrt(29 ** 2 - 4 * 36)) / 2);
    close(layer.weight, [
      [3 / largest, 4 / largest],
      [0, 2 / largest],
    ]);
    layer(torch.ones(1, 2)).sum().backward();
    assert.ok(layer.getParameter('weight_orig').grad !== null);
  });

  test('iterates in training only', () => {
    const layer = spectralNorm(linear());
    const before = layer.getBuffer('weight_u')?.tolist();
    layer.eval()(torch.ones(1, 2));
    assert.deepEqual(layer.getBuffer('weight_u')?.tolist(), before);
    layer.train()(torch.ones(1, 2));
    assert.notDeepEqual(layer.getBuffer('weight_u')?.tolist(), before);
    removeSpectralNorm(layer);
    assert.deepEqual([...layer.stateDict().keys()], ['bias', 'weight']);
  });

  test('errors', () => {
    raises(
      () => spectralNorm(linear(), { nPowerIterations: 0 }),
      'ValueError',
      'Expected n_power_iterations to be positive, but got n_power_iterations=0',
    );
    raises(
      () => spectralNorm(spectralNorm(linear())),
      'RuntimeError',
      'Cannot register two spectral_norm hooks on the same parameter weight',
    );
  });
});
