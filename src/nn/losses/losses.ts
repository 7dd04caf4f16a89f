/** Losses as modules. https://pytorch.org/docs/stable/nn.html#loss-functions */
import type { Tensor } from '../../tensor/tensor.ts';
import * as F from '../functional/index.ts';
import { settings } from '../layers/common.ts';
import { Module } from '../module.ts';
import { Loss, type LossOptions, PlainLoss, type Reduction, WeightedLoss } from './loss.ts';

/** |x − y|. https://pytorch.org/docs/stable/generated/torch.nn.L1Loss.html */
export class L1Loss extends PlainLoss {
  override forward(input: Tensor, target: Tensor): Tensor {
    return F.l1Loss(input, target, { reduction: this.reduction });
  }
}

/**
 * (x − y)². https://pytorch.org/docs/stable/generated/torch.nn.MSELoss.html
 *
 * @example
 * ```ts
 * console.log(new nn.MSELoss()(torch.ones(2), torch.zeros(2))); // => tensor(1.)
 * ```
 */
export class MSELoss extends PlainLoss {
  override forward(input: Tensor, target: Tensor): Tensor {
    return F.mseLoss(input, target, { reduction: this.reduction });
  }
}

/** log(1 + exp(−y·x)). https://pytorch.org/docs/stable/generated/torch.nn.SoftMarginLoss.html */
export class SoftMarginLoss extends PlainLoss {
  override forward(input: Tensor, target: Tensor): Tensor {
    return F.softMarginLoss(input, target, { reduction: this.reduction });
  }
}

/** https://pytorch.org/docs/stable/generated/torch.nn.MultiLabelMarginLoss.html */
export class MultiLabelMarginLoss extends PlainLoss {
  override forward(input: Tensor, target: Tensor): Tensor {
    return F.multilabelMarginLoss(input, target, { reduction: this.reduction });
  }
}

interface CrossEntropyOptions extends LossOptions {
  weight?: Tensor | null;
  ignoreIndex?: number;
  labelSmoothing?: number;
}

type WeightedArguments<T> = [options?: T] | [weight: Tensor | null, ...rest: unknown[]];

/** Log-softmax and negative log likelihood in one. https://pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html */
export class CrossEntropyLoss extends WeightedLoss {
  readonly ignoreIndex: number;
  readonly labelSmoothing: number;

  constructor(...args: WeightedArguments<CrossEntropyOptions>) {
    const names = ['weight', 'sizeAverage', 'ignoreIndex', 'reduce', 'reduction', 'labelSmoothing'] as const;
    const s = settings<CrossEntropyOptions>('CrossEntropyLoss', names, 0, args);
    super(s.weight, s);
    this.ignoreIndex = s.ignoreIndex ?? -100;
    this.labelSmoothing = s.labelSmoothing ?? 0;
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    const { weight, ignoreIndex, reduction, labelSmoothing } = this;
    return F.crossEntropy(input, target, { weight, ignoreIndex, reduction, labelSmoothing });
  }
}

/** The negative log likelihood of log-probabilities. https://pytorch.org/docs/stable/generated/torch.nn.NLLLoss.html */
export class NLLLoss extends WeightedLoss {
  readonly ignoreIndex: number;

  constructor(...args: WeightedArguments<CrossEntropyOptions>) {
    const names = ['weight', 'sizeAverage', 'ignoreIndex', 'reduce', 'reduction'] as const;
    const s = settings<CrossEntropyOptions>('NLLLoss', names, 0, args);
    super(s.weight, s);
    this.ignoreIndex = s.ignoreIndex ?? -100;
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    const { weight, ignoreIndex, reduction } = this;
    return F.nllLoss(input, target, { weight, ignoreIndex, reduction });
  }
}

interface BinaryOptions extends LossOptions {
  weight?: Tensor | null;
  posWeight?: Tensor | null;
}

/** Binary cross-entropy of probabilities. https://pytorch.org/docs/stable/generated/torch.nn.BCELoss.html */
export class BCELoss extends WeightedLoss {
  constructor(...args: WeightedArguments<BinaryOptions>) {
    const s = settings<BinaryOptions>('BCELoss', ['weight', 'sizeAverage', 'reduce', 'reduction'], 0, args);
    super(s.weight, s);
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    return F.binaryCrossEntropy(input, target, { weight: this.weight, reduction: this.reduction });
  }
}

/** Binary cross-entropy of logits. https://pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html */
export class BCEWithLogitsLoss extends WeightedLoss {
  constructor(...args: WeightedArguments<BinaryOptions>) {
    const names = ['weight', 'sizeAverage', 'reduce', 'reduction', 'posWeight'] as const;
    const s = settings<BinaryOptions>('BCEWithLogitsLoss', names, 0, args);
    super(s.weight, s);
    this.registerBuffer('pos_weight', s.posWeight ?? null);
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    const posWeight = this.getBuffer('pos_weight');
    return F.binaryCrossEntropyWithLogits(input, target, {
      weight: this.weight,
      reduction: this.reduction,
      posWeight,
    });
  }
}

/** Losses over all classes with a weight each. https://pytorch.org/docs/stable/generated/torch.nn.MultiLabelSoftMarginLoss.html */
export class MultiLabelSoftMarginLoss extends WeightedLoss {
  constructor(...args: WeightedArguments<BinaryOptions>) {
    const names = ['weight', 'sizeAverage', 'reduce', 'reduction'] as const;
    const s = settings<BinaryOptions>('MultiLabelSoftMarginLoss', names, 0, args);
    super(s.weight, s);
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    return F.multilabelSoftMarginLoss(input, target, { weight: this.weight, reduction: this.reduction });
  }
}

interface SmoothOptions extends LossOptions {
  beta?: number;
}

/** Quadratic below beta, linear above. https://pytorch.org/docs/stable/generated/torch.nn.SmoothL1Loss.html */
export class SmoothL1Loss extends Loss {
  readonly beta: number;

  constructor(...args: [options?: SmoothOptions] | [sizeAverage: boolean | null, ...rest: unknown[]]) {
    const s = settings<SmoothOptions>(
      'SmoothL1Loss',
      ['sizeAverage', 'reduce', 'reduction', 'beta'],
      0,
      args,
    );
    super(s);
    this.beta = s.beta ?? 1;
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    return F.smoothL1Loss(input, target, { reduction: this.reduction, beta: this.beta });
  }
}

interface HuberOptions extends LossOptions {
  delta?: number;
}

/** Quadratic below delta, linear above. https://pytorch.org/docs/stable/generated/torch.nn.HuberLoss.html */
export class HuberLoss extends Loss {
  readonly delta: number;

  constructor(...args: [options?: HuberOptions] | [reduction: Reduction, delta?: number]) {
    const s = settings<HuberOptions>('HuberLoss', ['reduction', 'delta'], 0, args);
    super(s);
    this.delta = s.delta ?? 1;
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    return F.huberLoss(input, target, { reduction: this.reduction, delta: this.delta });
  }
}

interface DivergenceOptions extends LossOptions {
  logTarget?: boolean;
}

/** The Kullback–Leibler divergence of log-probabilities. https://pytorch.org/docs/stable/generated/torch.nn.KLDivLoss.html */
export class KLDivLoss extends Loss {
  readonly logTarget: boolean;

  constructor(...args: [options?: DivergenceOptions] | [sizeAverage: boolean | null, ...rest: unknown[]]) {
    const s = settings<DivergenceOptions>(
      'KLDivLoss',
      ['sizeAverage', 'reduce', 'reduction', 'logTarget'],
      0,
      args,
    );
    super(s);
    this.logTarget = s.logTarget ?? false;
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    return F.klDiv(input, target, { reduction: this.reduction, logTarget: this.logTarget });
  }
}

interface MarginOptions extends LossOptions {
  margin?: number;
}

type MarginArguments = [options?: MarginOptions] | [margin: number, ...rest: unknown[]];
const marginNames = ['margin', 'sizeAverage', 'reduce', 'reduction'] as const;

/** Losses with a margin. */
abstract class MarginLoss extends Loss {
  readonly margin: number;

  constructor(byDefault: number, args: readonly unknown[]) {
    const s = settings<MarginOptions>('MarginLoss', marginNames, 0, args);
    super(s);
    this.margin = s.margin ?? byDefault;
  }

  protected get options(): { margin: number; reduction: Reduction } {
    return { margin: this.margin, reduction: this.reduction };
  }
}

/** https://pytorch.org/docs/stable/generated/torch.nn.HingeEmbeddingLoss.html */
export class HingeEmbeddingLoss extends MarginLoss {
  constructor(...args: MarginArguments) {
    super(1, args);
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    return F.hingeEmbeddingLoss(input, target, this.options);
  }
}

/** https://pytorch.org/docs/stable/generated/torch.nn.CosineEmbeddingLoss.html */
export class CosineEmbeddingLoss extends MarginLoss {
  constructor(...args: MarginArguments) {
    super(0, args);
  }

  override forward(input1: Tensor, input2: Tensor, target: Tensor): Tensor {
    return F.cosineEmbeddingLoss(input1, input2, target, this.options);
  }
}

/** https://pytorch.org/docs/stable/generated/torch.nn.MarginRankingLoss.html */
export class MarginRankingLoss extends MarginLoss {
  constructor(...args: MarginArguments) {
    super(0, args);
  }

  override forward(input1: Tensor, input2: Tensor, target: Tensor): Tensor {
    return F.marginRankingLoss(input1, input2, target, this.options);
  }
}

interface MultiMarginOptions extends MarginOptions {
  p?: number;
  weight?: Tensor | null;
}

/** https://pytorch.org/docs/stable/generated/torch.nn.MultiMarginLoss.html */
export class MultiMarginLoss extends WeightedLoss {
  readonly p: number;
  readonly margin: number;

  constructor(...args: [options?: MultiMarginOptions] | [p: number, ...rest: unknown[]]) {
    const names = ['p', 'margin', 'weight', 'sizeAverage', 'reduce', 'reduction'] as const;
    const s = settings<MultiMarginOptions>('MultiMarginLoss', names, 0, args);
    super(s.weight, s);
    this.p = s.p ?? 1;
    this.margin = s.margin ?? 1;
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    const { p, margin, weight, reduction } = this;
    return F.multiMarginLoss(input, target, { p, margin, weight, reduction });
  }
}

interface TripletOptions extends LossOptions {
  margin?: number;
  p?: number;
  eps?: number;
  swap?: boolean;
}

/** https://pytorch.org/docs/stable/generated/torch.nn.TripletMarginLoss.html */
export class TripletMarginLoss extends Loss {
  readonly margin: number;
  readonly p: number;
  readonly eps: number;
  readonly swap: boolean;

  constructor(...args: [options?: TripletOptions] | [margin: number, ...rest: unknown[]]) {
    const names = ['margin', 'p', 'eps', 'swap', 'sizeAverage', 'reduce', 'reduction'] as const;
    const s = settings<TripletOptions>('TripletMarginLoss', names, 0, args);
    super(s);
    this.margin = s.margin ?? 1;
    this.p = s.p ?? 2;
    this.eps = s.eps ?? 1e-6;
    this.swap = s.swap ?? false;
  }

  override forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    const { margin, p, eps, swap, reduction } = this;
    return F.tripletMarginLoss(anchor, positive, negative, { margin, p, eps, swap, reduction });
  }
}

type Distance = (a: Tensor, b: Tensor) => Tensor;

interface TripletDistanceOptions extends LossOptions {
  distanceFunction?: Distance | null;
  margin?: number;
  swap?: boolean;
}

/** https://pytorch.org/docs/stable/generated/torch.nn.TripletMarginWithDistanceLoss.html */
export class TripletMarginWithDistanceLoss extends Loss {
  readonly margin: number;
  readonly swap: boolean;
  /** The name PyTorch prints it under, where it is a module. */
  declare readonly distance_function: Distance;

  constructor(options: TripletDistanceOptions = {}) {
    super(options);
    this.distance_function = options.distanceFunction ?? new PairwiseDistance();
    this.margin = options.margin ?? 1;
    this.swap = options.swap ?? false;
  }

  override forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    const { margin, swap, reduction } = this;
    return F.tripletMarginWithDistanceLoss(anchor, positive, negative, {
      distanceFunction: this.distance_function,
      margin,
      swap,
      reduction,
    });
  }
}

interface PoissonOptions extends LossOptions {
  logInput?: boolean;
  full?: boolean;
  eps?: number;
}

/** https://pytorch.org/docs/stable/generated/torch.nn.PoissonNLLLoss.html */
export class PoissonNLLLoss extends Loss {
  readonly logInput: boolean;
  readonly full: boolean;
  readonly eps: number;

  constructor(...args: [options?: PoissonOptions] | [logInput: boolean, ...rest: unknown[]]) {
    const names = ['logInput', 'full', 'sizeAverage', 'eps', 'reduce', 'reduction'] as const;
    const s = settings<PoissonOptions>('PoissonNLLLoss', names, 0, args);
    super(s);
    this.logInput = s.logInput ?? true;
    this.full = s.full ?? false;
    this.eps = s.eps ?? 1e-8;
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    const { logInput, full, eps, reduction } = this;
    return F.poissonNllLoss(input, target, { logInput, full, eps, reduction });
  }
}

interface GaussianOptions extends LossOptions {
  full?: boolean;
  eps?: number;
}

/** https://pytorch.org/docs/stable/generated/torch.nn.GaussianNLLLoss.html */
export class GaussianNLLLoss extends Loss {
  readonly full: boolean;
  readonly eps: number;

  constructor(options: GaussianOptions = {}) {
    super(options);
    this.full = options.full ?? false;
    this.eps = options.eps ?? 1e-6;
  }

  override forward(input: Tensor, target: Tensor, variance: Tensor): Tensor {
    const { full, eps, reduction } = this;
    return F.gaussianNllLoss(input, target, variance, { full, eps, reduction });
  }
}

interface CTCOptions extends LossOptions {
  blank?: number;
  zeroInfinity?: boolean;
}

/** Connectionist temporal classification. Graves et al. 2006. https://pytorch.org/docs/stable/generated/torch.nn.CTCLoss.html */
export class CTCLoss extends Loss {
  readonly blank: number;
  readonly zeroInfinity: boolean;

  constructor(...args: [options?: CTCOptions] | [blank: number, ...rest: unknown[]]) {
    const s = settings<CTCOptions>('CTCLoss', ['blank', 'reduction', 'zeroInfinity'], 0, args);
    super(s);
    this.blank = s.blank ?? 0;
    this.zeroInfinity = s.zeroInfinity ?? false;
  }

  override forward(
    logProbs: Tensor,
    targets: Tensor,
    inputLengths: Tensor | readonly number[],
    targetLengths: Tensor | readonly number[],
  ): Tensor {
    const { blank, reduction, zeroInfinity } = this;
    return F.ctcLoss(logProbs, targets, inputLengths, targetLengths, { blank, reduction, zeroInfinity });
  }
}

/** https://pytorch.org/docs/stable/generated/torch.nn.CosineSimilarity.html */
export class CosineSimilarity extends Module {
  readonly dim: number;
  readonly eps: number;

  constructor(
    ...args: [options?: { dim?: number; eps?: number }] | [dim: number, eps?: number | { eps?: number }]
  ) {
    super();
    const s = settings<{ dim?: number; eps?: number }>('CosineSimilarity', ['dim', 'eps'], 0, args);
    this.dim = s.dim ?? 1;
    this.eps = s.eps ?? 1e-8;
  }

  override forward(x1: Tensor, x2: Tensor): Tensor {
    return F.cosineSimilarity(x1, x2, this.dim, this.eps);
  }
}

interface PairwiseOptions {
  p?: number;
  eps?: number;
  keepdim?: boolean;
}

/** https://pytorch.org/docs/stable/generated/torch.nn.PairwiseDistance.html */
export class PairwiseDistance extends Module {
  readonly norm: number;
  readonly eps: number;
  readonly keepdim: boolean;

  constructor(...args: [options?: PairwiseOptions] | [p: number, ...rest: unknown[]]) {
    super();
    const s = settings<PairwiseOptions>('PairwiseDistance', ['p', 'eps', 'keepdim'], 0, args);
    this.norm = s.p ?? 2;
    this.eps = s.eps ?? 1e-6;
    this.keepdim = s.keepdim ?? false;
  }

  override forward(x1: Tensor, x2: Tensor): Tensor {
    return F.pairwiseDistance(x1, x2, this.norm, this.eps, this.keepdim);
  }
}
