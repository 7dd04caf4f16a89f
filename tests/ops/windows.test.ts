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

test('large kernels on small images: the gradient of a convolution is its transpose', () => {
  torch.manualSeed(0);
  const geometries = [
    { kernel: [5, 5], options: {} },
    { kernel: [7, 4], options: { padding: [1, 2], dilation: [1, 2] } },
    { kernel: [6, 3], options: { stride: [2, 1], padding: [4, 0] } },
    { kernel: [3, 1], options: { stride: [5, 2], dilation: [2, 1], padding: [3, 0] } },
  ] as const;
  for (const { kernel, options } of geometries) {
    const x = torch.randn(16, 8, 14, 13, { dtype: torch.float64, requiresGrad: true });
    const w = torch.randn([16, 8, ...kernel], { dtype: torch.float64 });
    const y = F.conv2d(x, w, options);
    const dy = torch.randnLike(y);
    const [dx] = torch.autograd.grad([y], [x], [dy]);
    // <conv(v), dy> = <v, dx> for any v.
    const v = torch.randn(16, 8, 14, 13, { dtype: torch.float64 });
    torch.testing.assertClose(F.conv2d(v, w, options).mul(dy).sum(), v.mul(dx).sum());
    torch.testing.assertClose(y.detach().mul(dy).sum(), x.detach().mul(dx).sum());
  }
});
