import { RuntimeError, ValueError } from '../../base/errors.ts';
import { sameSizes, showSizes } from '../../base/shape.ts';
import * as E from '../../expr/expr.ts';
import { define, type FreeCall } from '../../ops/define.ts';
import { broadcastTensors } from '../../ops/movement/broadcasting.ts';
import { INTEGERS, pointwise } from '../../ops/pointwise/family.ts';
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
