/** Distances between all pairs of vectors. https://pytorch.org/docs/stable/generated/torch.cdist.html */
import { int64 } from '../../base/dtype.ts';
import { RuntimeError, ValueError } from '../../base/errors.ts';
import { broadcastSizes } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define, type FreeCall } from '../define.ts';
import { vectorNorm } from '../reduction/statistics.ts';
import { runtime } from '../runtime.ts';

/** From so many vectors on, Euclidean distances are computed from a matrix product, as in PyTorch. */
const MANY = 25;

type ComputeMode =
  | 'use_mm_for_euclid_dist_if_necessary'
  | 'use_mm_for_euclid_dist'
  | 'donot_use_mm_for_euclid_dist';
const computeModes: readonly string[] = [
  'use_mm_for_euclid_dist_if_necessary',
  'use_mm_for_euclid_dist',
  'donot_use_mm_for_euclid_dist',
];

function checkFloat(t: Tensor, name: string, label = ''): void {
  if (!t.dtype.isFloatingPoint) {
    const got = label === '' ? '' : `, ${label} got: ${t.dtype.scalarName}`;
    throw new RuntimeError(`${name} only supports floating-point dtypes${got}`);
  }
}

/** √(|x|² + |y|² − 2x·y) for all rows of x and y, batches having the same sizes. */
function euclidean(x1: Tensor, x2: Tensor): Tensor {
  const squares = (t: Tensor): Tensor => t.mul(t).sum(-1, true);
  const out = runtime.noGrad(() =>
    squares(x1)
      .add(squares(x2).transpose(-2, -1))
      .sub(x1.matmul(x2.transpose(-2, -1)).mul(2))
      .clamp({ min: 0 })
      .sqrt(),
  );
  return runtime.record(out, {
    name: 'EuclideanDist',
    inputs: [x1, x2],
    saved: [x1, x2, out],
    backward: ([grad], [x, y, distance], needs) => {
      if (grad === null || grad === undefined) return [null, null];
      // Where two vectors coincide the distance has no direction to grow in.
      const ratio = grad.div(distance).maskedFill(distance.eq(0), 0);
      const back = ratio.transpose(-2, -1);
      return [
        needs[0] ? x.mul(ratio.sum(-1, true)).sub(ratio.matmul(y)) : null,
        needs[1] ? y.mul(back.sum(-1, true)).sub(back.matmul(x)) : null,
      ];
    },
  });
}

/**
 * The p-norm distance of every row of `x1` [*, P, M] to every row of `x2` [*, R, M]: [*, P, R].
 * Throws a RuntimeError for integers, for different numbers of columns, for negative p.
 *
 * @example
 * ```ts
 * console.log(torch.cdist(torch.zeros(1, 2), torch.tensor([[3, 4], [0, 1]]))); // => tensor([[5., 1.]])
 * ```
 */
export const cdist: FreeCall<
  [x1: Tensor, x2: Tensor, p?: number],
  { x1?: Tensor; x2?: Tensor; p?: number; computeMode?: ComputeMode },
  Tensor
> = define(
  "cdist(x1: Tensor, x2: Tensor, p=2, computeMode='use_mm_for_euclid_dist_if_necessary')",
  (x1: Tensor, x2: Tensor, p = 2, computeMode: ComputeMode = 'use_mm_for_euclid_dist_if_necessary') => {
    if (!computeModes.includes(computeMode)) {
      throw new ValueError(`${computeMode} is not a valid value for compute_mode`);
    }
    for (const [t, label] of [
      [x1, 'X1'],
      [x2, 'X2'],
    ] as const) {
      checkFloat(t, 'cdist', label);
      if (t.sizes.length < 2) {
        throw new RuntimeError(`cdist only supports at least 2D tensors, ${label} got: ${t.sizes.length}D`);
      }
    }
    const columns = [x1, x2].map((t) => t.sizes[t.sizes.length - 1]);
    if (columns[0] !== columns[1]) {
      throw new RuntimeError(
        `X1 and X2 must have the same number of columns. X1: ${columns[0]} X2: ${columns[1]}`,
      );
    }
    if (!(p >= 0)) throw new RuntimeError('cdist only supports non-negative p values');
    if (x1.dtype !== x2.dtype) {
      throw new RuntimeError(`expected scalar type ${x1.dtype.scalarName} but found ${x2.dtype.scalarName}`);
    }
    const batch = broadcastSizes([x1.sizes.slice(0, -2), x2.sizes.slice(0, -2)]);
    const spread = (t: Tensor): Tensor => t.expand([...batch, ...t.sizes.slice(-2)]);
    const [a, b] = [spread(x1), spread(x2)];
    const [rows, others] = [a.sizes[batch.length], b.sizes[batch.length]];
    const product =
      Number(p) === 2 &&
      columns[0] > 0 &&
      (computeMode === 'use_mm_for_euclid_dist' ||
        (computeMode !== 'donot_use_mm_for_euclid_dist' && (rows > MANY || others > MANY)));
    if (product) return euclidean(a, b);
    return runtime.showAs('Cdist', distancesOf(a.unsqueeze(-2).sub(b.unsqueeze(-3)), Number(p)));
  },
  { functionOnly: true },
);

/** The norms of differences along the last dimension; of vectors without elements 0. */
function distancesOf(difference: Tensor, p: number): Tensor {
  if (difference.sizes[difference.sizes.length - 1] === 0) return difference.sum(-1);
  if (p > 0) return vectorNorm(difference, p, -1, false, null);
  // How many coordinates differ: constant almost everywhere, with a gradient of zero.
  const { sizes } = difference;
  const count = runtime.noGrad(() => vectorNorm(difference, 0, -1, false, null));
  return runtime.record(count, {
    name: 'Cdist',
    inputs: [difference],
    saved: [],
    backward: ([grad]) => [
      grad === null || grad === undefined ? null : runtime.full(sizes, 0, grad.dtype, grad),
    ],
  });
}

/** The p-norm distances of all pairs of rows, in the order (0,1), (0,2), …, (1,2), …. https://pytorch.org/docs/stable/generated/torch.nn.functional.pdist.html */
export const pdist: Call<[input: Tensor, p?: number], { p?: number }, Tensor> & {
  readonly functionOnly: true;
} = define(
  'pdist(input, p=2)',
  (input: Tensor, p = 2) => {
    if (input.sizes.length !== 2) {
      throw new RuntimeError(`pdist only supports 2D tensors, got: ${input.sizes.length}D`);
    }
    checkFloat(input, 'pdist');
    if (!(p >= 0)) throw new RuntimeError('pdist only supports non-negative p values');
    const first: bigint[] = [];
    const second: bigint[] = [];
    const rows = input.sizes[0];
    for (let i = 0; i < rows; i++) {
      for (let j = i + 1; j < rows; j++) {
        first.push(BigInt(i));
        second.push(BigInt(j));
      }
    }
    const pick = (list: bigint[]): Tensor =>
      input.indexSelect(0, runtime.fromArray(BigInt64Array.from(list), [list.length], int64, input));
    return runtime.showAs('Pdist', distancesOf(pick(first).sub(pick(second)), Number(p)));
  },
  { functionOnly: true },
);
