/** Losses of class indices and class probabilities. https://pytorch.org/docs/stable/nn.functional.html#loss-functions */
import { int64 } from '../../base/dtype.ts';
import { IndexError, RuntimeError, ValueError } from '../../base/errors.ts';
import { sameSizes, showSizes } from '../../base/shape.ts';
import * as E from '../../expr/expr.ts';
import { define, type FreeCall } from '../../ops/define.ts';
import { addAt, boundsError, indexView, type Locate, readAt } from '../../ops/indexing/family.ts';
import { ReductionOp } from '../../ops/reduction/family.ts';
import { logSoftmaxAlong } from '../../ops/reduction/softmax.ts';
import { refuseIntegers } from '../../ops/refuse.ts';
import { runtime } from '../../ops/runtime.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Legacy, type Reduction, reductionOf } from './reducing.ts';

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

/** Of a tensor with classes along `classDim`, the element of each class in `index`, an int64 tensor with the sizes of the other dimensions. */
function atClass(index: Tensor, classDim: number): Locate {
  const { sizes } = index;
  const indices = [indexView(index, sizes)];
  return (whole) => ({
    sizes,
    strides: whole.strides.filter((_, d) => d !== classDim),
    offset: whole.offset,
    index: indices,
    stride: [whole.strides[classDim]],
    size: [whole.sizes[classDim]],
    wrap: false,
  });
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
    const locate = atClass(index, classDim);
    const picked = readAt('NllLoss', input, locate, boundsError(classDim));
    if (scale === null) {
      if (reduction === 'none') return { out: picked.neg(), locate, factor: -1 };
      const count = reduction === 'mean' ? picked.numel() : 1;
      const mask = picked.sizes.map(() => true);
      const out = runtime.reduce(negativeMeanOp, picked, mask, false, input.dtype, [count]);
      return { out, locate, factor: -1 / count };
    }
    let terms = picked.mul(scale).neg();
    // Nothing of what is ignored counts, not even an infinity.
    if (ignored !== null) terms = terms.maskedFill(ignored, 0);
    if (reduction === 'none') return { out: terms, locate, factor: scale.neg() };
    if (reduction === 'sum') return { out: terms.sum(), locate, factor: scale.neg() };
    const total = scale.sum();
    return { out: terms.sum().div(total), locate, factor: scale.div(total).neg() };
  });
  const { locate, factor } = plan;
  const { sizes } = input;
  return runtime.record(plan.out, {
    name: input.sizes.length > 2 ? 'NllLoss2D' : 'NllLoss',
    inputs: [input],
    saved: [input, target],
    backward: ([grad]) => {
      if (grad === null || grad === undefined) return [null];
      const share = grad.mul(factor);
      // A single value is broadcast while it is written; only a gradient that is recorded needs a node for that.
      const each = runtime.needsGrad([share]) ? share.expand(target.sizes) : share;
      return [addAt(each, sizes, locate, boundsError(classDim))];
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
