/** What all losses have in common: they reduce to a number, or not. */
import type { Tensor } from '../../tensor/tensor.ts';
import { settings } from '../layers/common.ts';
import { Module } from '../module.ts';

export type Reduction = 'none' | 'mean' | 'sum';

export interface LossOptions {
  reduction?: Reduction;
  sizeAverage?: boolean | null;
  reduce?: boolean | null;
}

/** PyTorch's old arguments `size_average` and `reduce` as a `reduction`. */
function legacyReduction({ reduction, sizeAverage, reduce }: LossOptions): Reduction {
  if ((sizeAverage === undefined || sizeAverage === null) && (reduce === undefined || reduce === null)) {
    return reduction ?? 'mean';
  }
  if (reduce === false) return 'none';
  return sizeAverage === false ? 'sum' : 'mean';
}

/** What all losses have in common: they reduce to a number, or not. */
export abstract class Loss extends Module {
  readonly reduction: Reduction;

  constructor(options: LossOptions) {
    super();
    this.reduction = legacyReduction(options);
  }
}

/** Losses whose class weights belong to the state. */
export abstract class WeightedLoss extends Loss {
  declare readonly weight: Tensor | null;

  constructor(weight: Tensor | null | undefined, options: LossOptions) {
    super(options);
    this.registerBuffer('weight', weight ?? null);
  }
}

const plain = ['sizeAverage', 'reduce', 'reduction'] as const;
export type PlainArguments = [options?: LossOptions] | [sizeAverage: boolean | null, ...rest: unknown[]];

/** Losses without settings of their own. */
export abstract class PlainLoss extends Loss {
  constructor(...args: PlainArguments) {
    super(settings<LossOptions>(new.target.name, plain, 0, args));
  }
}
