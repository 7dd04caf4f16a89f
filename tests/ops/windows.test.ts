/** Convolution, pooling, resizing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as torch from '../../src/index.ts';
import { checkTable } from './check.ts';
import { convolution, pooling, strideEdges, windowEdges } from './samples/layers.ts';

checkTable(convolution);
checkTable(strideEdges);
checkTable(pooling);
checkTable(windowEdges);

const { functional: F } = torch.nn;

test('the frame of a large image is zero', () => {
  torch.manualSeed(0);
  const x = torch.randn(4, 2, 50, 61, { requiresGrad: true });
  const w = torch.randn(3, 2, 3, 4, { requiresGrad: true });
  const framed = F.conv2d(x, w, null, [1, 2], [2, 3]);
  const padded = F.conv2d(F.pad(x, [3, 3, 2, 2]), w, null, [1, 2]);
  assert.deepEqual(framed.tolist(), padded.tolist());
  const grads = [framed, padded].map((y) => torch.autograd.grad([y.mul(y).sum()], [x, w]));
  for (const i of [0, 1]) torch.testing.assertClose(grads[0][i], grads[1][i], { rtol: 1e-5, atol: 1e-4 });
});
