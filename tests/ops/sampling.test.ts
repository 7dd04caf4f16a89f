/** Images read at given or random places, runs of elements, spectra. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as torch from 'typetorch';
import { checkTable } from './check.ts';
import { table } from './samples/sampling.ts';

const F = torch.nn.functional;

checkTable(table);

test('the identity map reads the image itself, in every mode', () => {
  const image = torch.arange(12, { dtype: torch.float32 }).reshape(1, 1, 3, 4);
  const theta = torch.tensor([
    [
      [1, 0, 0],
      [0, 1, 0],
    ],
  ]);
  for (const alignCorners of [true, false]) {
    const grid = F.affineGrid(theta, [1, 1, 3, 4], { alignCorners });
    for (const mode of ['bilinear', 'nearest', 'bicubic'] as const) {
      torch.testing.assertClose(F.gridSample(image, grid, mode, 'border', alignCorners), image, {
        rtol: 1e-5,
        atol: 1e-5,
      });
    }
  }
});

test('outside are zeros, the border or the mirror image', () => {
  const image = torch.tensor([[[[1, 2, 3]]]]);
  // Two pixels right of the last one.
  const far = torch.tensor([[[[3, 0]]]]);
  const read = (padding: 'zeros' | 'border' | 'reflection'): number =>
    F.gridSample(image, far, 'bilinear', padding, true).item();
  assert.deepEqual([read('zeros'), read('border'), read('reflection')], [0, 3, 1]);
});

test('a hard Gumbel sample is one-hot', () => {
  torch.manualSeed(1);
  const sample = F.gumbelSoftmax(torch.zeros(4, 3), 1, true);
  torch.testing.assertClose(sample.sum(1), torch.ones(4));
  torch.testing.assertClose(sample.max(1).values, torch.ones(4));
});

test('segments must cover the data', () => {
  const lengths = torch.tensor([1, 2], { dtype: torch.int64 });
  assert.throws(() => torch.segmentReduce(torch.ones(6), 'sum', { lengths }), {
    message:
      'segment_reduce(): Expected all rows of lengths along axis to sum to data.size(lengths.dim()-1) when !unsafe.',
  });
});
