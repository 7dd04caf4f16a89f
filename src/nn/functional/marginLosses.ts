/** Losses of margins and distances. https://pytorch.org/docs/stable/nn.functional.html#loss-functions */
import { bool, int64 } from '../../base/dtype.ts';
import { RuntimeError, ValueError } from '../../base/errors.ts';
import { showSizes } from '../../base/shape.ts';
import { define, type FreeCall } from '../../ops/define.ts';
import { broadcastTensors } from '../../ops/movement/broadcasting.ts';
import { runtime } from '../../ops/runtime.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import {
  LEGACY,
  type Legacy,
  pairLoss,
  type PairLoss,
  reduced,
  type Reduction,
  reductionOf,
} from './reducing.ts';

/** log(1 + exp(−y·x)). */
export const softMarginLoss: PairLoss = pairLoss(
  'soft_margin_loss',
  (x, y) => y.neg().mul(x).exp().log1p(),
  'SoftMarginLoss',
);

/** max(0, −y·(x₁ − x₂) + margin). */
export const marginRankingLoss: FreeCall<
  [
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin?: number,
    sizeAverage?: boolean | null,
    reduce?: boolean | null,
    reduction?: Reduction,
  ],
  Legacy & { margin?: number },
  Tensor
> = define(
  `margin_ranking_loss(input1, input2, target, margin=0, ${LEGACY}, reduction='mean')`,
  (
    x1: Tensor,
    x2: Tensor,
    target: Tensor,
    margin = 0,
    sizeAverage: boolean | null = null,
    reduce: boolean | null = null,
    reduction: Reduction = 'mean',
  ) => {
    if (x1.sizes.length !== x2.sizes.length || x1.sizes.length !== target.sizes.length) {
      throw new RuntimeError(
        `margin_ranking_loss : All input tensors should have same dimension but got sizes: input1: torch.Size(${showSizes(x1.sizes)}), input2: torch.Size(${showSizes(x2.sizes)}), target: torch.Size(${showSizes(target.sizes)}) `,
      );
    }
    const loss = target.neg().mul(x1.sub(x2)).add(margin).clampMin(0);
    return reduced(loss, reductionOf(sizeAverage, reduce, reduction));
  },
  { functionOnly: true },
);

/** x where y is 1, max(0, margin − x) where −1. */
export const hingeEmbeddingLoss: FreeCall<
  [
    input: Tensor,
    target: Tensor,
    margin?: number,
    sizeAverage?: boolean | null,
    reduce?: boolean | null,
    reduction?: Reduction,
  ],
  Legacy & { target?: Tensor; margin?: number },
  Tensor
> = define(
  `hinge_embedding_loss(input, target, margin=1, ${LEGACY}, reduction='mean')`,
  (
    input: Tensor,
    target: Tensor,
    margin = 1,
    sizeAverage: boolean | null = null,
    reduce: boolean | null = null,
    reduction: Reduction = 'mean',
  ) => {
    const apart = input.neg().add(margin).clampMin(0).maskedFill(target.eq(1), 0);
    const near = input.maskedFill(target.eq(-1), 0);
    return reduced(apart.add(near), reductionOf(sizeAverage, reduce, reduction));
  },
  { functionOnly: true },
);

/** The cosine of the angle between vectors along `dim`. */
export const cosineSimilarity: FreeCall<
  [x1: Tensor, x2: Tensor, dim?: number, eps?: number],
  { x2?: Tensor; dim?: number; eps?: number },
  Tensor
> = define(
  'cosine_similarity(x1, x2, dim=1, eps=1e-08)',
  (x1: Tensor, x2: Tensor, dim = 1, eps = 1e-8) => {
    const [a, b] = broadcastTensors(x1, x2);
    const normOf = (t: Tensor): Tensor => {
      const squares = t.pow(2).sum(dim, true);
      // The gradient takes no notice of the bound.
      runtime.noGrad(() => squares.clampMin_(eps * eps));
      return squares.sqrt();
    };
    return a
      .div(normOf(a))
      .mul(b.div(normOf(b)))
      .sum(dim);
  },
  { functionOnly: true },
);

/** 1 − cos where y is 1, max(0, cos − margin) where −1. */
export const cosineEmbeddingLoss: FreeCall<
  [
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin?: number,
    sizeAverage?: boolean | null,
    reduce?: boolean | null,
    reduction?: Reduction,
  ],
  Legacy & { margin?: number },
  Tensor
> = define(
  `cosine_embedding_loss(input1, input2, target, margin=0, ${LEGACY}, reduction='mean')`,
  (
    x1: Tensor,
    x2: Tensor,
    target: Tensor,
    margin = 0,
    sizeAverage: boolean | null = null,
    reduce: boolean | null = null,
    reduction: Reduction = 'mean',
  ) => {
    if (target.sizes.length > 1) {
      throw new RuntimeError('0D or 1D target tensor expected, multi-target not supported');
    }
    if (target.sizes.length === 1 && x1.sizes.length !== 2) {
      throw new RuntimeError(
        '1D target tensor expects 2D input tensors, but found inputs with sizes ' +
          `${showSizes(x1.sizes)} and ${showSizes(x2.sizes)}.`,
      );
    }
    const dim = target.sizes.length;
    // The epsilon is added to the squared lengths.
    const eps = 1e-12;
    const dot = x1.mul(x2).sum(dim);
    const lengths = x1.mul(x1).sum(dim).add(eps).mul(x2.mul(x2).sum(dim).add(eps)).sqrt();
    const cosine = dot.div(lengths);
    const near = cosine.neg().add(1).maskedFill(target.ne(1), 0);
    const apart = cosine.sub(margin).clampMin(0).maskedFill(target.ne(-1), 0);
    return reduced(near.add(apart), reductionOf(sizeAverage, reduce, reduction));
  },
  { functionOnly: true },
);

/** ‖x₁ − x₂ + eps‖ₚ along the last dimension. */
export const pairwiseDistance: FreeCall<
  [x1: Tensor, x2: Tensor, p?: number, eps?: number, keepdim?: boolean],
  { x2?: Tensor; p?: number; eps?: number; keepdim?: boolean },
  Tensor
> = define(
  'pairwise_distance(x1, x2, p=2, eps=1e-06, keepdim=False)',
  (x1: Tensor, x2: Tensor, p = 2, eps = 1e-6, keepdim = false) => x1.sub(x2).add(eps).norm(p, -1, keepdim),
  { functionOnly: true },
);

interface TripletOptions extends Legacy {
  margin?: number;
  p?: number;
  eps?: number;
  swap?: boolean;
}

function triplet(
  a: Tensor,
  p: Tensor,
  n: Tensor,
  distance: (x: Tensor, y: Tensor) => Tensor,
  margin: number,
  swap: boolean,
  reduction: Reduction,
): Tensor {
  const positive = distance(a, p);
  let negative = distance(a, n);
  if (swap) negative = negative.minimum(distance(p, n));
  return reduced(positive.sub(negative).add(margin).clampMin(0), reduction);
}

/** max(0, d(a, p) − d(a, n) + margin). */
export const tripletMarginLoss: FreeCall<
  [
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin?: number,
    p?: number,
    eps?: number,
    swap?: boolean,
    sizeAverage?: boolean | null,
    reduce?: boolean | null,
    reduction?: Reduction,
  ],
  TripletOptions,
  Tensor
> = define(
  `triplet_margin_loss(anchor, positive, negative, margin=1, p=2, eps=1e-06, swap=False, ${LEGACY}, reduction='mean')`,
  (
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin = 1,
    p = 2,
    eps = 1e-6,
    swap = false,
    sizeAverage: boolean | null = null,
    reduce: boolean | null = null,
    reduction: Reduction = 'mean',
  ) => {
    const ranks = [anchor, positive, negative].map((t) => t.sizes.length);
    if (ranks.some((r) => r !== ranks[0])) {
      throw new RuntimeError(
        `The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: anchor ${ranks[0]}D, positive ${ranks[1]}D, and negative ${ranks[2]}D inputs`,
      );
    }
    const distance = (x: Tensor, y: Tensor): Tensor => pairwiseDistance(x, y, p, eps);
    return triplet(
      anchor,
      positive,
      negative,
      distance,
      margin,
      swap,
      reductionOf(sizeAverage, reduce, reduction),
    );
  },
  { functionOnly: true },
);

/** The triplet loss with a distance of one's own. */
export const tripletMarginWithDistanceLoss: FreeCall<
  [anchor: Tensor, positive: Tensor, negative: Tensor],
  {
    distanceFunction?: ((x: Tensor, y: Tensor) => Tensor) | null;
    margin?: number;
    swap?: boolean;
    reduction?: Reduction;
  },
  Tensor
> = define(
  "triplet_margin_with_distance_loss(anchor, positive, negative, *, distanceFunction=None, margin=1, swap=False, reduction='mean')",
  (
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    distanceFunction: ((x: Tensor, y: Tensor) => Tensor) | null = null,
    margin = 1,
    swap = false,
    reduction: Reduction = 'mean',
  ) => {
    const distance = distanceFunction ?? ((x: Tensor, y: Tensor): Tensor => pairwiseDistance(x, y));
    return triplet(anchor, positive, negative, distance, margin, swap, reductionOf(null, null, reduction));
  },
  { functionOnly: true },
);

/** Σ over wrong classes of max(0, margin − x[y] + x[i])ᵖ / C. */
export const multiMarginLoss: FreeCall<
  [
    input: Tensor,
    target: Tensor,
    p?: number,
    margin?: number,
    weight?: Tensor | null,
    sizeAverage?: boolean | null,
    reduce?: boolean | null,
    reduction?: Reduction,
  ],
  Legacy & { target?: Tensor; p?: number; margin?: number; weight?: Tensor | null },
  Tensor
> = define(
  `multi_margin_loss(input, target, p=1, margin=1, weight=None, ${LEGACY}, reduction='mean')`,
  (
    input: Tensor,
    target: Tensor,
    p = 1,
    margin = 1,
    weight: Tensor | null = null,
    sizeAverage: boolean | null = null,
    reduce: boolean | null = null,
    reduction: Reduction = 'mean',
  ) => {
    if (p !== 1 && p !== 2) throw new ValueError('only p == 1 and p == 2 supported');
    const single = input.sizes.length < 2;
    const x = single ? input.reshape([1, -1]) : input;
    const index = target.reshape([-1, 1]);
    const gap = x.sub(x.gather(1, index)).add(margin).clampMin(0);
    const powered = p === 1 ? gap : gap.mul(gap);
    const scaled =
      weight === null ? powered : powered.mul(weight.indexSelect(0, index.squeeze(1)).unsqueeze(1));
    const loss = scaled.scatter(1, index, 0).sum(1).div(x.sizes[1]);
    const shaped = single && target.sizes.length === 0 ? loss.squeeze(0) : loss;
    return reduced(shaped, reductionOf(sizeAverage, reduce, reduction), 'MultiMarginLoss');
  },
  { functionOnly: true },
);

/** Hinge losses between every target class and every other; targets end at the first −1. */
export const multilabelMarginLoss: PairLoss = define(
  `multilabel_margin_loss(input, target, ${LEGACY}, reduction='mean')`,
  (
    input: Tensor,
    target: Tensor,
    sizeAverage: boolean | null = null,
    reduce: boolean | null = null,
    reduction: Reduction = 'mean',
  ) => {
    const single = input.sizes.length < 2;
    const x = single ? input.reshape([1, -1]) : input;
    const t = single ? target.reshape([1, -1]) : target;
    const [rows, classes] = x.sizes;
    const list = t.tolist() as number[][];
    const isTarget = new Uint8Array(rows * classes);
    const valid = new Uint8Array(rows * classes);
    const index = new BigInt64Array(rows * classes);
    list.forEach((row, r) => {
      for (let k = 0; k < classes && row[k] >= 0; k++) {
        isTarget[r * classes + row[k]] = 1;
        valid[r * classes + k] = 1;
        index[r * classes + k] = BigInt(row[k]);
      }
    });
    const boolean = (a: Uint8Array): Tensor => runtime.fromArray(a, [rows, classes], bool, x);
    const targets = x.gather(1, runtime.fromArray(index, [rows, classes], int64, x));
    // [row, target k, class i]
    const gap = x.unsqueeze(1).sub(targets.unsqueeze(2)).add(1).clampMin(0);
    const counts = boolean(valid).unsqueeze(2).logicalAnd(boolean(isTarget).logicalNot().unsqueeze(1));
    const loss = gap.mul(counts).sum([1, 2]).div(classes);
    const shaped = single ? loss.squeeze(0) : loss;
    return reduced(shaped, reductionOf(sizeAverage, reduce, reduction), 'MultilabelMarginLoss');
  },
  { functionOnly: true },
);
