/** Losses. https://pytorch.org/docs/stable/nn.functional.html#loss-functions */
import { bool, int64 } from '../../base/dtype.ts';
import { IndexError, RuntimeError, ValueError } from '../../base/errors.ts';
import { sameSizes, showSizes } from '../../base/shape.ts';
import * as E from '../../expr/expr.ts';
import { define, type FreeCall } from '../../ops/define.ts';
import { broadcastTensors } from '../../ops/movement/broadcasting.ts';
import { INTEGERS, pointwise } from '../../ops/pointwise/family.ts';
import { ReductionOp } from '../../ops/reduction/family.ts';
import { logSoftmaxAlong } from '../../ops/reduction/softmax.ts';
import { refuseIntegers } from '../../ops/refuse.ts';
import { runtime } from '../../ops/runtime.ts';
import type { Tensor } from '../../tensor/tensor.ts';

export type Reduction = 'none' | 'mean' | 'sum';

interface Legacy {
  sizeAverage?: boolean | null;
  reduce?: boolean | null;
  reduction?: Reduction;
}

const LEGACY = 'sizeAverage=None, reduce=None';

/** PyTorch's old arguments as a reduction. */
function reductionOf(sizeAverage: boolean | null, reduce: boolean | null, reduction: Reduction): Reduction {
  if (sizeAverage === null && reduce === null) {
    if (!['none', 'mean', 'sum'].includes(reduction))
      throw new ValueError(`${reduction} is not a valid value for reduction`);
    return reduction;
  }
  if (reduce === false) return 'none';
  return sizeAverage === false ? 'sum' : 'mean';
}

/** The reduced loss; `name` is what PyTorch's graph calls it, where it is one function there. */
function reduced(loss: Tensor, reduction: Reduction, name: string | null = null): Tensor {
  const out = reduction === 'none' ? loss : reduction === 'mean' ? loss.mean() : loss.sum();
  return name === null ? out : runtime.showAs(name, out);
}

type PairLoss<O = object> = FreeCall<
  [
    input: Tensor,
    target: Tensor,
    sizeAverage?: boolean | null,
    reduce?: boolean | null,
    reduction?: Reduction,
  ],
  Legacy & O & { target?: Tensor },
  Tensor
>;

/** A loss of two tensors of one shape, element by element. */
function pairLoss(name: string, each: (x: Tensor, y: Tensor) => Tensor, shownAs: string | null): PairLoss {
  return define(
    `${name}(input, target, ${LEGACY}, reduction='mean')`,
    (
      input: Tensor,
      target: Tensor,
      sizeAverage: boolean | null = null,
      reduce: boolean | null = null,
      reduction: Reduction = 'mean',
    ) => {
      const [x, y] = broadcastTensors(input, target);
      return reduced(each(x, y), reductionOf(sizeAverage, reduce, reduction));
    },
    { functionOnly: true, ...(shownAs === null ? {} : { shownAs }) },
  );
}

const mseOp = pointwise('mse_loss', {
  refuses: { kernel: 'mse_cpu', dtypes: INTEGERS },
  gradName: 'MseLoss',
  expr: ([x, y]) => E.mul(E.sub(x, y), E.sub(x, y)),
  derivative: ([x, y]) => [E.mul(E.sub(x, y), 2), E.mul(E.sub(x, y), -2)],
});
const l1Op = pointwise('l1_loss', { gradName: 'Abs', expr: ([x, y]) => E.abs(E.sub(x, y)) });

/** (x − y)². https://pytorch.org/docs/stable/generated/torch.nn.functional.mse_loss.html */
export const mseLoss: PairLoss = pairLoss(
  'mse_loss',
  (x, y) => runtime.pointwise(mseOp, [x, y], []),
  'MseLoss',
);
/** |x − y|. https://pytorch.org/docs/stable/generated/torch.nn.functional.l1_loss.html */
export const l1Loss: PairLoss = pairLoss('l1_loss', (x, y) => runtime.pointwise(l1Op, [x, y], []), null);

const smoothOp = pointwise('smooth_l1_loss', {
  refuses: { kernel: 'smooth_l1_cpu', dtypes: INTEGERS },
  gradName: 'SmoothL1Loss',
  expr: ([x, y], [beta]) => {
    const z = E.abs(E.sub(x, y));
    return E.select(E.lt(z, beta), E.div(E.mul(E.mul(z, z), 0.5), beta), E.sub(z, E.mul(beta, 0.5)));
  },
});

/** Quadratic below beta, linear above. */
export const smoothL1Loss: FreeCall<
  [
    input: Tensor,
    target: Tensor,
    sizeAverage?: boolean | null,
    reduce?: boolean | null,
    reduction?: Reduction,
    beta?: number,
  ],
  Legacy & { target?: Tensor; beta?: number },
  Tensor
> = define(
  `smooth_l1_loss(input, target, ${LEGACY}, reduction='mean', beta=1)`,
  (
    input: Tensor,
    target: Tensor,
    sizeAverage: boolean | null = null,
    reduce: boolean | null = null,
    reduction: Reduction = 'mean',
    beta = 1,
  ) => {
    if (beta < 0) throw new RuntimeError('smooth_l1_loss does not support negative values for beta.');
    const kind = reductionOf(sizeAverage, reduce, reduction);
    if (beta === 0) return l1Loss(input, target, { reduction: kind });
    const [x, y] = broadcastTensors(input, target);
    return reduced(runtime.pointwise(smoothOp, [x, y], [beta]), kind, 'SmoothL1Loss');
  },
  { functionOnly: true },
);

const huberOp = pointwise('huber_loss', {
  refuses: { kernel: 'huber_cpu', dtypes: INTEGERS },
  gradName: 'HuberLoss',
  expr: ([x, y], [delta]) => {
    const z = E.abs(E.sub(x, y));
    return E.select(E.le(z, delta), E.mul(E.mul(z, z), 0.5), E.mul(delta, E.sub(z, E.mul(delta, 0.5))));
  },
});

/** Quadratic below delta, linear above. */
export const huberLoss: FreeCall<
  [input: Tensor, target: Tensor, reduction?: Reduction, delta?: number],
  { target?: Tensor; reduction?: Reduction; delta?: number },
  Tensor
> = define(
  "huber_loss(input, target, reduction='mean', delta=1)",
  (input: Tensor, target: Tensor, reduction: Reduction = 'mean', delta = 1) => {
    if (delta <= 0) throw new RuntimeError('huber_loss does not support non-positive values for delta.');
    const [x, y] = broadcastTensors(input, target);
    return reduced(
      runtime.pointwise(huberOp, [x, y], [delta]),
      reductionOf(null, null, reduction),
      'HuberLoss',
    );
  },
  { functionOnly: true },
);

/** Class indices of shape (N, d…) checked against log-probabilities (N, C, d…). */
function checkTarget(input: Tensor, target: Tensor, weight: Tensor | null): void {
  const classDim = input.sizes.length === 1 ? 0 : 1;
  const classes = input.sizes[classDim];
  if (input.sizes.length === 0)
    throw new ValueError(`Expected 1 or more dimensions (got ${input.sizes.length})`);
  if (weight !== null && (weight.sizes.length !== 1 || weight.sizes[0] !== classes)) {
    throw new RuntimeError(
      `weight tensor should be defined either for all ${classes} classes or no classes but got weight tensor of shape: ${showSizes(weight.sizes)}`,
    );
  }
  if (target.dtype !== int64 && target.dtype.name !== 'uint8') {
    throw new RuntimeError(`expected scalar type Long but found ${target.dtype.scalarName}`);
  }
  const expected = input.sizes.filter((_, d) => d !== classDim);
  if (!sameSizes(expected, target.sizes)) {
    if (input.sizes.length > 1 && input.sizes[0] !== (target.sizes[0] ?? 1)) {
      throw new ValueError(
        `Expected input batch_size (${input.sizes[0]}) to match target batch_size (${target.sizes[0] ?? 1}).`,
      );
    }
    throw new RuntimeError(`Expected target size ${showSizes(expected)}, got ${showSizes(target.sizes)}`);
  }
}

/** Looks at every class index: throws an IndexError for one that is no class; tells whether some are to be ignored. */
function someIgnored(target: Tensor, classes: number, ignoreIndex: number): boolean {
  let found = false;
  const check = (value: number): void => {
    if (value === ignoreIndex) found = true;
    else if (value < 0 || value >= classes) throw new IndexError(`Target ${value} is out of bounds.`);
  };
  const values = runtime.toArray(target);
  if (values instanceof BigInt64Array) {
    // Low and high halves: an index needs no BigInt to be looked at.
    const halves = new Int32Array(values.buffer, values.byteOffset, values.length * 2);
    for (let i = 0; i < halves.length; i += 2) check(halves[i + 1] * 2 ** 32 + (halves[i] >>> 0));
  } else for (const value of values) check(Number(value));
  return found;
}

/** −Σ x / n */
const negativeMeanOp = new ReductionOp('nll_loss', {
  combine: 'sum',
  map: (x) => E.neg(x),
  finish: (total, [n]) => E.div(total, n),
  gradName: 'NllLoss',
});

/** −w[t]·x[t], averaged over the weights of the targets that count; one node. */
function negativeLogLikelihood(
  input: Tensor,
  target: Tensor,
  weight: Tensor | null,
  ignoreIndex: number,
  reduction: Reduction,
): Tensor {
  checkTarget(input, target, weight);
  refuseIntegers(input.sizes.length > 2 ? 'nll_loss2d_forward_out_frame' : 'nll_loss_out_frame', input);
  const classDim = input.sizes.length === 1 ? 0 : 1;
  const classes = input.sizes[classDim];
  const partial = someIgnored(target, classes, ignoreIndex);
  const plan = runtime.noGrad(() => {
    let index = target.to(int64);
    const ignored = partial ? index.eq(ignoreIndex) : null;
    if (ignored !== null) index = index.maskedFill(ignored, 0);
    /** The weight of each target; null: all have weight 1. */
    let scale: Tensor | null = null;
    if (weight !== null) scale = weight.indexSelect(0, index.reshape([-1])).reshape(index.sizes);
    if (ignored !== null) {
      const kept = ignored.logicalNot().to(input.dtype);
      scale = scale === null ? kept : scale.mul(kept);
    }
    const place = index.unsqueeze(classDim);
    const picked = input.gather(classDim, place).squeeze(classDim);
    if (scale === null) {
      if (reduction === 'none') return { out: picked.neg(), place, factor: -1 };
      const count = reduction === 'mean' ? picked.numel() : 1;
      const mask = picked.sizes.map(() => true);
      const out = runtime.reduce(negativeMeanOp, picked, mask, false, input.dtype, [count]);
      return { out, place, factor: -1 / count };
    }
    let terms = picked.mul(scale).neg();
    // Nothing of what is ignored counts, not even an infinity.
    if (ignored !== null) terms = terms.maskedFill(ignored, 0);
    if (reduction === 'none') return { out: terms, place, factor: scale.neg() };
    if (reduction === 'sum') return { out: terms.sum(), place, factor: scale.neg() };
    const total = scale.sum();
    return { out: terms.sum().div(total), place, factor: scale.div(total).neg() };
  });
  const { place, factor } = plan;
  const { sizes } = input;
  return runtime.record(plan.out, {
    name: input.sizes.length > 2 ? 'NllLoss2D' : 'NllLoss',
    inputs: [input],
    saved: [input, target],
    backward: ([grad]) => {
      if (grad === null || grad === undefined) return [null];
      const share = grad.mul(factor);
      const whole = runtime.full(sizes, 0, input.dtype, grad);
      const spread =
        share.sizes.length === 0 ? share.expand(place.sizes) : share.unsqueeze(classDim).expand(place.sizes);
      return [whole.scatter_(classDim, place, spread)];
    },
  });
}

interface ClassOptions extends Legacy {
  target?: Tensor;
  weight?: Tensor | null;
  ignoreIndex?: number;
}

type ClassLoss<O> = FreeCall<
  [
    input: Tensor,
    target: Tensor,
    weight?: Tensor | null,
    sizeAverage?: boolean | null,
    ignoreIndex?: number,
    reduce?: boolean | null,
    reduction?: Reduction,
  ],
  ClassOptions & O,
  Tensor
>;

/** The negative log likelihood of log-probabilities (N, C, d…) at class indices (N, d…). */
export const nllLoss: ClassLoss<object> = define(
  "nll_loss(input, target, weight=None, sizeAverage=None, ignoreIndex=-100, reduce=None, reduction='mean')",
  (
    input: Tensor,
    target: Tensor,
    weight: Tensor | null = null,
    sizeAverage: boolean | null = null,
    ignoreIndex = -100,
    reduce: boolean | null = null,
    reduction: Reduction = 'mean',
  ) => negativeLogLikelihood(input, target, weight, ignoreIndex, reductionOf(sizeAverage, reduce, reduction)),
  { functionOnly: true },
);

/** Losses of target probabilities. */
function crossEntropyOfProbabilities(
  logits: Tensor,
  target: Tensor,
  weight: Tensor | null,
  smoothing: number,
  reduction: Reduction,
): Tensor {
  const classDim = logits.sizes.length === 1 ? 0 : 1;
  const classes = logits.sizes[classDim];
  const smoothed = smoothing > 0 ? target.mul(1 - smoothing).add(smoothing / classes) : target;
  const logp = logSoftmaxAlong(logits, classDim);
  const shape = logits.sizes.map((_, d) => (d === classDim ? classes : 1));
  const weighted = weight === null ? logp : logp.mul(weight.reshape(shape));
  const terms = weighted.mul(smoothed).sum(classDim).neg();
  if (reduction === 'none') return terms;
  if (reduction === 'sum') return terms.sum();
  return terms.sum().div(Math.max(logits.numel() / classes, 1));
}

/** Class indices mixed with the uniform distribution. */
function crossEntropySmoothed(
  logp: Tensor,
  target: Tensor,
  weight: Tensor | null,
  ignoreIndex: number,
  smoothing: number,
  reduction: Reduction,
): Tensor {
  const classDim = logp.sizes.length === 1 ? 0 : 1;
  const classes = logp.sizes[classDim];
  const nll = negativeLogLikelihood(logp, target, weight, ignoreIndex, reduction);
  const shape = logp.sizes.map((_, d) => (d === classDim ? classes : 1));
  const weighted = weight === null ? logp : logp.mul(weight.reshape(shape));
  const ignored = target.eq(ignoreIndex);
  const uniform = weighted.sum(classDim).neg().maskedFill(ignored, 0);
  let smooth: Tensor;
  if (reduction === 'none') smooth = uniform;
  else if (reduction === 'sum') smooth = uniform.sum();
  else if (weight === null) smooth = uniform.sum().div(ignored.logicalNot().sum());
  else {
    const safe = target.maskedFill(ignored, 0);
    const scales = weight
      .indexSelect(0, safe.reshape([-1]))
      .reshape(safe.sizes)
      .maskedFill(ignored, 0);
    smooth = uniform.sum().div(scales.sum());
  }
  return nll.mul(1 - smoothing).add(smooth.mul(smoothing / classes));
}

/**
 * Log-softmax and negative log likelihood in one; the target is class indices or probabilities.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.cross_entropy.html
 *
 * @example
 * ```ts
 * const loss = torch.nn.functional.crossEntropy(torch.zeros(2, 4), torch.tensor([0n, 3n]));
 * console.log(loss); // => tensor(1.3863)
 * ```
 */
export const crossEntropy: FreeCall<
  [
    input: Tensor,
    target: Tensor,
    weight?: Tensor | null,
    sizeAverage?: boolean | null,
    ignoreIndex?: number,
    reduce?: boolean | null,
    reduction?: Reduction,
    labelSmoothing?: number,
  ],
  ClassOptions & { labelSmoothing?: number },
  Tensor
> = define(
  "cross_entropy(input, target, weight=None, sizeAverage=None, ignoreIndex=-100, reduce=None, reduction='mean', labelSmoothing=0)",
  (
    input: Tensor,
    target: Tensor,
    weight: Tensor | null = null,
    sizeAverage: boolean | null = null,
    ignoreIndex = -100,
    reduce: boolean | null = null,
    reduction: Reduction = 'mean',
    labelSmoothing = 0,
  ) => {
    const kind = reductionOf(sizeAverage, reduce, reduction);
    if (labelSmoothing < 0 || labelSmoothing > 1) {
      throw new RuntimeError(`label_smoothing must be between 0.0 and 1.0. Got: ${labelSmoothing}`);
    }
    if (sameSizes(input.sizes, target.sizes)) {
      if (!target.dtype.isFloatingPoint) {
        throw new RuntimeError(
          `Expected floating point type for target with class probabilities, got ${target.dtype.scalarName}`,
        );
      }
      return crossEntropyOfProbabilities(input, target, weight, labelSmoothing, kind);
    }
    const classDim = input.sizes.length === 1 ? 0 : 1;
    if (labelSmoothing > 0) {
      return crossEntropySmoothed(
        logSoftmaxAlong(input, classDim),
        target,
        weight,
        ignoreIndex,
        labelSmoothing,
        kind,
      );
    }
    checkTarget(input, target, weight);
    return negativeLogLikelihood(logSoftmaxAlong(input, classDim), target, weight, ignoreIndex, kind);
  },
  { functionOnly: true },
);

const bceOp = pointwise('binary_cross_entropy', {
  refuses: { kernel: 'binary_cross_entropy', dtypes: INTEGERS },
  gradName: 'BinaryCrossEntropy',
  // Logarithms are cut off at −100, as PyTorch does.
  expr: ([x, y]) => {
    const logX = E.max(E.log(x), E.constant(-100, x.type));
    const logNotX = E.max(E.log1p(E.neg(x)), E.constant(-100, x.type));
    return E.sub(E.mul(E.sub(y, 1), logNotX), E.mul(y, logX));
  },
  derivative: ([x, y]) => {
    const spread = E.max(E.mul(E.sub(1, x), x), E.constant(1e-12, x.type));
    return [
      E.div(E.sub(x, y), spread),
      E.sub(E.max(E.log1p(E.neg(x)), E.constant(-100, x.type)), E.max(E.log(x), E.constant(-100, x.type))),
    ];
  },
});

type BinaryCall<O> = FreeCall<
  [
    input: Tensor,
    target: Tensor,
    weight?: Tensor | null,
    sizeAverage?: boolean | null,
    reduce?: boolean | null,
    reduction?: Reduction,
  ],
  Legacy & { target?: Tensor; weight?: Tensor | null } & O,
  Tensor
>;

/** −(y·log x + (1 − y)·log(1 − x)) of probabilities x. */
export const binaryCrossEntropy: BinaryCall<object> = define(
  `binary_cross_entropy(input, target, weight=None, ${LEGACY}, reduction='mean')`,
  (
    input: Tensor,
    target: Tensor,
    weight: Tensor | null = null,
    sizeAverage: boolean | null = null,
    reduce: boolean | null = null,
    reduction: Reduction = 'mean',
  ) => {
    if (!sameSizes(input.sizes, target.sizes)) {
      throw new ValueError(
        `Using a target size (torch.Size(${showSizes(target.sizes)})) that is different to the input size (torch.Size(${showSizes(input.sizes)})) is deprecated. Please ensure they have the same size.`,
      );
    }
    const outside = runtime.noGrad(() => input.lt(0).logicalOr(input.gt(1)));
    if (input.numel() > 0 && outside.any().item()) {
      throw new RuntimeError('all elements of input should be between 0 and 1');
    }
    const loss = runtime.pointwise(bceOp, [input, target], []);
    const weighted = weight === null ? loss : loss.mul(weight);
    return reduced(weighted, reductionOf(sizeAverage, reduce, reduction), 'BinaryCrossEntropy');
  },
  { functionOnly: true },
);

const logitsOp = pointwise('binary_cross_entropy_with_logits', {
  check: (compute) => {
    if (compute === 'f32' || compute === 'f64') return;
    const name = compute === 'i64' ? 'Long' : compute === 'bool' ? 'Bool' : 'Int';
    throw new RuntimeError(`result type Float can't be cast to the desired output type ${name}`);
  },
  gradName: 'BinaryCrossEntropyWithLogits',
  // max(x, 0) − x·y + log(1 + e^−|x|)
  expr: ([x, y]) =>
    E.add(E.sub(E.max(x, E.constant(0, x.type)), E.mul(x, y)), E.log1p(E.exp(E.neg(E.abs(x))))),
  derivative: ([x, y]) => [E.sub(E.div(1, E.add(E.exp(E.neg(x)), 1)), y), E.neg(x)],
});

/** Binary cross-entropy of logits, without overflow. */
export const binaryCrossEntropyWithLogits: FreeCall<
  [
    input: Tensor,
    target: Tensor,
    weight?: Tensor | null,
    sizeAverage?: boolean | null,
    reduce?: boolean | null,
    reduction?: Reduction,
    posWeight?: Tensor | null,
  ],
  Legacy & { target?: Tensor; weight?: Tensor | null; posWeight?: Tensor | null },
  Tensor
> = define(
  `binary_cross_entropy_with_logits(input, target, weight=None, ${LEGACY}, reduction='mean', posWeight=None)`,
  (
    input: Tensor,
    target: Tensor,
    weight: Tensor | null = null,
    sizeAverage: boolean | null = null,
    reduce: boolean | null = null,
    reduction: Reduction = 'mean',
    posWeight: Tensor | null = null,
  ) => {
    if (!sameSizes(input.sizes, target.sizes)) {
      throw new ValueError(
        `Target size (torch.Size(${showSizes(target.sizes)})) must be the same as input size (torch.Size(${showSizes(input.sizes)}))`,
      );
    }
    let loss: Tensor;
    if (posWeight === null) loss = runtime.pointwise(logitsOp, [input, target], []);
    else {
      const scale = posWeight.sub(1).mul(target).add(1);
      const softplus = runtime.pointwise(logitsOp, [input.neg(), target.mul(0)], []);
      loss = target.neg().add(1).mul(input).add(scale.mul(softplus));
    }
    const weighted = weight === null ? loss : loss.mul(weight);
    return reduced(weighted, reductionOf(sizeAverage, reduce, reduction), 'BinaryCrossEntropyWithLogits');
  },
  { functionOnly: true },
);

const klOp = pointwise('kl_div', {
  check: (compute) => {
    if (compute !== 'f32' && compute !== 'f64')
      throw new RuntimeError('kl_div: Integral inputs not supported.');
  },
  gradName: 'KlDiv',
  expr: ([x, y]) => {
    const entropy = E.select(E.gt(y, 0), E.mul(y, E.log(y)), E.mul(y, E.constant(0, y.type)));
    return E.sub(entropy, E.mul(y, x));
  },
  derivative: ([x, y]) => [
    E.neg(y),
    E.select(E.gt(y, 0), E.sub(E.add(E.log(y), 1), x), E.constant(0, x.type)),
  ],
});
const klLogOp = pointwise('kl_div', {
  check: (compute) => {
    if (compute !== 'f32' && compute !== 'f64')
      throw new RuntimeError('kl_div: Integral inputs not supported.');
  },
  gradName: 'KlDiv',
  expr: ([x, y]) => E.mul(E.exp(y), E.sub(y, x)),
});

/** The Kullback–Leibler divergence of log-probabilities `input` from `target`. */
export const klDiv: FreeCall<
  [
    input: Tensor,
    target: Tensor,
    sizeAverage?: boolean | null,
    reduce?: boolean | null,
    reduction?: Reduction | 'batchmean',
    logTarget?: boolean,
  ],
  Omit<Legacy, 'reduction'> & { target?: Tensor; reduction?: Reduction | 'batchmean'; logTarget?: boolean },
  Tensor
> = define(
  `kl_div(input, target, ${LEGACY}, reduction='mean', logTarget=False)`,
  (
    input: Tensor,
    target: Tensor,
    sizeAverage: boolean | null = null,
    reduce: boolean | null = null,
    reduction: Reduction | 'batchmean' = 'mean',
    logTarget = false,
  ) => {
    const loss = runtime.pointwise(logTarget ? klLogOp : klOp, [input, target], []);
    if (reduction === 'batchmean' && sizeAverage === null && reduce === null) {
      const total = loss.sum();
      return input.sizes.length === 0 ? total : total.div(input.sizes[0]);
    }
    return reduced(loss, reductionOf(sizeAverage, reduce, reduction as Reduction));
  },
  { functionOnly: true },
);

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

/** The mean over classes of binary cross-entropies of logits. */
export const multilabelSoftMarginLoss: BinaryCall<object> = define(
  `multilabel_soft_margin_loss(input, target, weight=None, ${LEGACY}, reduction='mean')`,
  (
    input: Tensor,
    target: Tensor,
    weight: Tensor | null = null,
    sizeAverage: boolean | null = null,
    reduce: boolean | null = null,
    reduction: Reduction = 'mean',
  ) => {
    const each = runtime.pointwise(logitsOp, [input, target], []);
    const weighted = weight === null ? each : each.mul(weight);
    return reduced(weighted.mean(-1), reductionOf(sizeAverage, reduce, reduction));
  },
  { functionOnly: true },
);

/** eˣ − y·x (or x − y·log(x + eps)), with Stirling's term where `full`. */
export const poissonNllLoss: FreeCall<
  [
    input: Tensor,
    target: Tensor,
    logInput?: boolean,
    full?: boolean,
    sizeAverage?: boolean | null,
    eps?: number,
    reduce?: boolean | null,
    reduction?: Reduction,
  ],
  Legacy & { target?: Tensor; logInput?: boolean; full?: boolean; eps?: number },
  Tensor
> = define(
  "poisson_nll_loss(input, target, logInput=True, full=False, sizeAverage=None, eps=1e-08, reduce=None, reduction='mean')",
  (
    input: Tensor,
    target: Tensor,
    logInput = true,
    full = false,
    sizeAverage: boolean | null = null,
    eps = 1e-8,
    reduce: boolean | null = null,
    reduction: Reduction = 'mean',
  ) => {
    let loss = logInput ? input.exp().sub(target.mul(input)) : input.sub(target.mul(input.add(eps).log()));
    if (full) {
      const stirling = target
        .mul(target.log())
        .sub(target)
        .add(
          target
            .mul(2 * Math.PI)
            .log()
            .mul(0.5),
        );
      loss = loss.add(stirling.maskedFill(target.le(1), 0));
    }
    return reduced(loss, reductionOf(sizeAverage, reduce, reduction));
  },
  { functionOnly: true },
);

/** ½(log v + (x − y)²/v) for the variance v. */
export const gaussianNllLoss: FreeCall<
  [input: Tensor, target: Tensor, variance: Tensor, full?: boolean, eps?: number, reduction?: Reduction],
  { target?: Tensor; var?: Tensor; full?: boolean; eps?: number; reduction?: Reduction },
  Tensor
> = define(
  "gaussian_nll_loss(input, target, var, full=False, eps=1e-06, reduction='mean')",
  (input: Tensor, target: Tensor, given: Tensor, full = false, eps = 1e-6, reduction: Reduction = 'mean') => {
    let variance = given;
    if (!sameSizes(variance.sizes, input.sizes)) {
      if (sameSizes(input.sizes.slice(0, -1), variance.sizes)) variance = variance.unsqueeze(-1);
      else if (
        !(
          sameSizes(input.sizes.slice(0, -1), variance.sizes.slice(0, -1)) &&
          variance.sizes[variance.sizes.length - 1] === 1
        )
      ) {
        throw new ValueError('var is of incorrect size');
      }
    }
    if (!['none', 'mean', 'sum'].includes(reduction)) throw new ValueError(`${reduction} is not valid`);
    if (runtime.noGrad(() => variance.lt(0).any().item()))
      throw new ValueError('var has negative entry/entries');
    // Cut off at eps for the value; the gradient passes as if it were not.
    const floor = runtime.noGrad(() => variance.clampMin(eps).sub(variance));
    const v = variance.add(floor);
    const difference = input.sub(target);
    let loss = v.log().add(difference.mul(difference).div(v)).mul(0.5);
    if (full) loss = loss.add(0.5 * Math.log(2 * Math.PI));
    return reduced(loss, reduction);
  },
  { functionOnly: true },
);
