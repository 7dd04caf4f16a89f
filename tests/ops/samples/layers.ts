/** Samples of the functions behind layers: linear, convolution, pooling, normalization, padding, resizing. */
import { op, type OpCase, s, type Table } from '../cases.ts';
import { index, integers, positive, x } from '../operands.ts';

function functional(table: Readonly<Record<string, OpCase>>): Table {
  return Object.fromEntries(Object.entries(table).map(([name, spec]) => [`nn.functional.${name}`, spec]));
}

export const linear: Table = functional({
  linear: op(
    s(x([2, 3]), x([4, 3])),
    s(x([2, 3]), x([4, 3]), x([4])),
    s(x([2, 2, 3]), x([4, 3]), x([4])),
    s(x([3]), x([3])),
  ),
  bilinear: op(s(x([2, 3]), x([2, 2]), x([2, 3, 2]), x([2]))),
  embedding: op(
    s(index([2, 3], 4), x([4, 2])),
    s(index([3], 4), x([4, 2]), 1).unchecked('by definition the row paddingIdx gets no gradient'),
  ),
  embeddingBag: op(
    s(index([2, 3], 4), x([4, 2])),
    s(index([5], 4), x([4, 2]), integers([0, 2]), { mode: 'sum' }),
    s(index([2, 3], 4), x([4, 2]), { mode: 'sum', perSampleWeights: x([2, 3]) }),
    s(index([5], 4), x([4, 2]), integers([0, 2]), { mode: 'max' }),
  ),
  oneHot: op(s(index([2, 3], 4)), s(index([3], 4), 5)).discrete(),
  normalize: op(s(x([2, 3])), s(x([2, 3]), 3, 0)),
  pixelShuffle: op(s(x([1, 4, 2, 3]), 2)),
  pixelUnshuffle: op(s(x([1, 2, 2, 4]), 2)),
  channelShuffle: op(s(x([1, 4, 2]), 2)),
  pad: op(
    s(x([2, 3]), [1, 2]),
    s(x([2, 3]), [1, -1, 0, 2], 'constant', 1.5),
    s(x([2, 3, 4]), [1, 2], 'reflect'),
    s(x([2, 3, 4]), [1, 2], 'replicate'),
    s(x([2, 3, 4]), [1, 2], 'circular'),
    s(x([1, 2, 3, 4]), [1, 2, 0, 1], 'reflect'),
  ),
});

export const convolution: Table = functional({
  conv1d: op(
    s(x([2, 2, 5]), x([3, 2, 3])),
    s(x([2, 2, 5]), x([3, 2, 3]), x([3]), 2, 1),
    s(x([1, 4, 5]), x([4, 2, 2]), x([4]), { groups: 2, dilation: 2 }),
    s(x([2, 2, 5]), x([3, 2, 3]), x([3]), { padding: 'same' }),
  ),
  conv2d: op(
    s(x([1, 2, 4, 4]), x([2, 2, 3, 3]), x([2])),
    s(x([2, 1, 4, 5]), x([2, 1, 2, 3]), null, [2, 1], [1, 0]),
    s(x([1, 2, 4, 4]), x([2, 1, 2, 2]), x([2]), { groups: 2, dilation: [2, 1] }),
  ),
  conv3d: op(
    s(x([1, 1, 3, 3, 3]), x([2, 1, 2, 2, 2]), x([2])),
    s(x([1, 1, 2, 3, 3]), x([1, 1, 2, 2, 2]), { padding: 1, stride: 2 }),
  ),
  convTranspose1d: op(
    s(x([2, 2, 4]), x([2, 3, 3])),
    s(x([1, 2, 4]), x([2, 3, 3]), x([3]), 2, 1, 1),
    s(x([1, 4, 3]), x([4, 1, 2]), x([2]), { groups: 2, dilation: 2 }),
    // An output padding larger than the stride.
    s(x([1, 2, 3]), x([2, 1, 2]), { stride: 1, outputPadding: 1, dilation: 2 }),
  ),
  convTranspose2d: op(
    s(x([1, 2, 3, 3]), x([2, 2, 2, 2]), x([2])),
    s(x([1, 1, 3, 2]), x([1, 2, 3, 2]), { stride: 2, padding: 1 }),
  ),
  convTranspose3d: op(s(x([1, 1, 2, 2, 2]), x([1, 2, 2, 2, 2]), x([2]))),
});

const pools = (name: 'avg' | 'max') => ({
  [`${name}Pool1d`]: op(
    s(x([1, 2, 6]), 2),
    s(x([2, 1, 7]), 3, 2, 1),
    s(x([1, 1, 6]), 3, 2, { ceilMode: true }),
  ),
  [`${name}Pool2d`]: op(
    s(x([1, 2, 4, 4]), 2),
    s(x([1, 1, 5, 4]), [3, 2], [2, 1], [1, 0]),
    s(x([1, 1, 5, 5]), 2, 2, { ceilMode: true }),
  ),
  [`${name}Pool3d`]: op(s(x([1, 1, 2, 4, 4]), 2), s(x([1, 1, 3, 3, 3]), 2, 1)),
});

export const pooling: Table = functional({
  ...pools('avg'),
  ...pools('max'),
  adaptiveAvgPool1d: op(s(x([1, 2, 5]), 3)),
  adaptiveAvgPool2d: op(s(x([1, 2, 5, 4]), [3, 2]), s(x([1, 1, 4, 4]), [null, 2])),
  adaptiveAvgPool3d: op(s(x([1, 1, 3, 4, 2]), [2, 2, 1])),
  adaptiveMaxPool1d: op(s(x([1, 2, 5]), 3)),
  adaptiveMaxPool2d: op(s(x([1, 2, 5, 4]), [3, 2]), s(x([1, 1, 4, 4]), 2, true)),
  adaptiveMaxPool3d: op(s(x([1, 1, 3, 4, 2]), [2, 2, 1])),
  maxUnpool1d: op(s(x([1, 2, 3]), integers([0, 3, 5, 1, 2, 4], [1, 2, 3]), 2)),
  maxUnpool2d: op(
    s(x([1, 1, 2, 2]), integers([0, 3, 9, 14], [1, 1, 2, 2]), 2),
    s(x([1, 2, 2]), integers([6, 2, 10, 17], [1, 2, 2]), 2, { outputSize: [5, 4] }),
  ),
  maxUnpool3d: op(s(x([1, 1, 1, 2, 2]), integers([0, 3, 9, 30], [1, 1, 1, 2, 2]), 2)),
  lpPool1d: op(s(positive([1, 2, 6]), 2, 2)),
  lpPool2d: op(s(positive([1, 2, 4, 4]), 3, 2, 1)),
  unfold: op(s(x([1, 2, 3, 4]), 2), s(x([1, 2, 3, 4]), [2, 3], 1, 1, 2)),
  fold: op(s(x([1, 8, 6]), [3, 4], 2), s(x([1, 4, 6]), [2, 4], 2, 1, 1, 2)).looser(
    3,
    'sums of up to four 16-bit floats are rounded after each addition',
  ),
  upsample: op(
    s(x([1, 2, 3]), 5),
    s(x([1, 1, 2, 3]), { scaleFactor: 2, mode: 'bilinear', alignCorners: true }),
  ),
  upsampleNearest: op(s(x([1, 2, 3]), 5)),
  upsampleBilinear: op(s(x([1, 1, 2, 3]), [3, 5])),
  interpolate: op(
    s(x([1, 2, 3, 4]), { scaleFactor: 2 }),
    s(x([1, 2, 4]), 7, { mode: 'linear' }),
    s(x([1, 1, 3, 4]), [5, 2], { mode: 'bilinear', alignCorners: true }),
    s(x([1, 1, 3, 4]), { scaleFactor: 1.5, mode: 'bilinear' }),
    s(x([1, 1, 4, 4]), { size: [3, 6], mode: 'bicubic' }),
  ),
});

export const attention: Table = functional({
  scaledDotProductAttention: op(
    s(x([2, 3, 4]), x([2, 5, 4]), x([2, 5, 2])),
    s(x([3, 2]), x([3, 2]), x([3, 2]), { isCausal: true }),
    s(x([2, 3]), x([4, 3]), x([4, 2]), x([2, 4]), 0, false, 0.5),
  ),
  _scaledDotProductAttention: op(s(x([2, 3, 4]), x([2, 5, 4]), x([2, 5, 2]), { isCausal: true })),
});

export const normalization: Table = functional({
  batchNorm: op(
    s(x([4, 3]), null, null, { training: true }),
    s(x([3, 2, 2]), null, null, x([2]), x([2]), true),
    s(x([2, 3]), x([3]).constant(), positive([3]).constant(), x([3]), x([3])),
  ),
  layerNorm: op(s(x([2, 3]), [3]), s(x([2, 3, 2]), [3, 2], x([3, 2]), x([3, 2]))),
  groupNorm: op(s(x([2, 4, 2]), 2), s(x([1, 4, 2, 2]), 2, x([4]), x([4]))),
  instanceNorm: op(s(x([2, 2, 4])), s(x([1, 2, 2, 2]), { weight: x([2]), bias: x([2]) })),
  localResponseNorm: op(s(x([1, 4, 3]), 2), s(x([1, 4, 2, 2]), 3, 0.5)),
});

/** Strides with and without a common factor with the dilation, kernels smaller than the stride, frames wider than the kernel. */
export const strideEdges: Table = functional({
  conv1d: op(
    s(x([1, 2, 11]), x([2, 2, 3]), x([2]), 2, 2, 3),
    s(x([1, 1, 15]), x([1, 1, 4]), null, 6, 3, 4),
    s(x([1, 1, 7]), x([2, 1, 1]), null, 3, 1),
    s(x([1, 1, 6]), x([1, 1, 2]), null, 1, 3),
  ),
  conv2d: op(
    s(x([2, 2, 6, 9]), x([4, 1, 3, 3]), x([4]), [2, 3], [1, 2], [1, 2], 2),
    s(x([1, 2, 5, 4]), x([3, 2, 1, 1]), null, 2),
  ),
  convTranspose2d: op(s(x([1, 4, 3, 4]), x([4, 1, 3, 2]), x([2]), [3, 2], [1, 0], [2, 1], 2, [2, 3])),
});

/** More ways for windows to lie: gaps between them, overlaps, frames, too many elements to compare them one by one. */
export const windowEdges: Table = functional({
  maxPool1d: op(s(x([1, 2, 8]), 2, 3), s(x([1, 1, 9]), 3, 1, 1, 2), s(x([1, 1, 20]), 17, 2, 8)),
  maxPool2d: op(
    s(x([1, 2, 4, 4]), 2, { returnIndices: true }),
    s(x([1, 1, 5, 6]), 3, 2, 1),
    s(x([1, 1, 4, 5]), 2, 2, 1),
    s(x([1, 1, 5, 6]), 5, 1, 1),
  ),
});
