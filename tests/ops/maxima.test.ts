/** Max pooling where nothing is larger: NaN, −∞ and frames. Expected values are PyTorch 1.13's. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as torch from '../../src/index.ts';

const { functional: F } = torch.nn;
const { NaN: nan, NEGATIVE_INFINITY: low } = Number;

describe('max pooling', () => {
  test('the last NaN of a window counts', () => {
    const rows = [
      [nan, 1, nan, 2],
      [3, nan, 4, nan],
      [low, low, low, low],
      [low, low, low, low],
    ];
    const [values, indices] = F.maxPool2d(torch.tensor([[rows]]), 2, { returnIndices: true });
    assert.deepEqual(values.tolist(), [
      [
        [
          [nan, nan],
          [low, low],
        ],
      ],
    ]);
    assert.deepEqual(
      indices.tolist(),
      [
        [
          [
            [5n, 7n],
            [8n, 10n],
          ],
        ],
      ].map((x) => plain(x)),
    );
  });

  test('a window of −∞ has its first element inside the image', () => {
    const x = torch.full([1, 1, 4, 5], low, { requiresGrad: true });
    const [values, indices] = F.maxPool2d(x, 3, 2, 1, { returnIndices: true });
    assert.deepEqual(indices.tolist(), [
      [
        [
          [0, 1, 3],
          [5, 6, 8],
        ],
      ],
    ]);
    values.backward(torch.arange(1, 7).to(torch.float32).reshape(1, 1, 2, 3));
    const { grad } = x;
    assert.deepEqual(grad?.tolist(), [
      [
        [
          [1, 2, 0, 3, 0],
          [4, 5, 0, 6, 0],
          [0, 0, 0, 0, 0],
          [0, 0, 0, 0, 0],
        ],
      ],
    ]);
    const line = torch.full([1, 1, 5], low);
    const [, places] = F.maxPool1d(line, 4, 1, 2, 2, { returnIndices: true });
    assert.deepEqual(places.tolist(), [[[0, 1, 0]]]);
  });

  test('indices may be changed without harm to the gradient', () => {
    const x = torch.randn(1, 1, 4, 4, { requiresGrad: true });
    const [values, indices] = F.maxPool2d(x, 2, { returnIndices: true });
    indices.fill_(1_000_000);
    values.sum().backward();
    assert.equal(x.grad?.sum().item(), 4);
  });
});

/** Nested lists of whole numbers. */
function plain(x: unknown): unknown {
  return Array.isArray(x) ? x.map(plain) : Number(x);
}
