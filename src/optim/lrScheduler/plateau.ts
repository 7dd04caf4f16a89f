/** Reducing the learning rate when a metric stops improving. */
import { ValueError } from '../../base/errors.ts';
import { Tensor } from '../../tensor/tensor.ts';
import type { Optimizer } from '../optimizer.ts';
import { fieldsOf, perGroup, requireOptimizer, setFields } from './scheduler.ts';

export interface ReduceLROnPlateauOptions {
  /** Is a smaller metric better, or a larger one? */
  mode?: 'min' | 'max';
  factor?: number;
  /** How many epochs without improvement are tolerated. */
  patience?: number;
  /** What counts as improvement: relative to the best value, or absolute. */
  threshold?: number;
  thresholdMode?: 'rel' | 'abs';
  /** Epochs to wait after a reduction. */
  cooldown?: number;
  minLr?: number | readonly number[];
  /** Smaller changes of the learning rate are not made. */
  eps?: number;
  verbose?: boolean;
}

/**
 * Multiplies the learning rate by `factor` when the metric has not improved for more than `patience` epochs.
 * https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html
 */
export class ReduceLROnPlateau {
  readonly optimizer: Optimizer;
  factor: number;
  minLrs: number[];
  patience: number;
  verbose: boolean;
  cooldown: number;
  cooldownCounter = 0;
  mode: 'min' | 'max';
  threshold: number;
  thresholdMode: 'rel' | 'abs';
  best: number;
  numBadEpochs = 0;
  /** The worst value of the mode. */
  modeWorse: number;
  eps: number;
  lastEpoch = 0;
  _lastLr: number[] = [];

  constructor(optimizer: Optimizer, options: ReduceLROnPlateauOptions = {}) {
    const { mode = 'min', factor = 0.1, patience = 10, threshold = 1e-4, thresholdMode = 'rel' } = options;
    const { cooldown = 0, minLr = 0, eps = 1e-8, verbose = false } = options;
    if (factor >= 1) throw new ValueError('Factor should be < 1.0.');
    requireOptimizer(optimizer);
    if (mode !== 'min' && mode !== 'max') throw new ValueError(`mode ${String(mode)} is unknown!`);
    if (thresholdMode !== 'rel' && thresholdMode !== 'abs') {
      throw new ValueError(`threshold mode ${String(thresholdMode)} is unknown!`);
    }
    this.optimizer = optimizer;
    this.factor = factor;
    this.minLrs = perGroup('min_lrs', optimizer, minLr);
    this.patience = patience;
    this.verbose = verbose;
    this.cooldown = cooldown;
    this.mode = mode;
    this.threshold = threshold;
    this.thresholdMode = thresholdMode;
    this.modeWorse = mode === 'min' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    this.best = this.modeWorse;
    this.eps = eps;
  }

  /** Looks at the metric of an epoch. */
  step(metrics: number | Tensor | { metrics: number | Tensor }): void {
    const given = typeof metrics === 'object' && !(metrics instanceof Tensor) ? metrics.metrics : metrics;
    const current = typeof given === 'number' ? given : given.item();
    this.lastEpoch++;
    if (this.isBetter(current)) {
      this.best = current;
      this.numBadEpochs = 0;
    } else this.numBadEpochs++;
    if (this.cooldownCounter > 0) {
      this.cooldownCounter--;
      this.numBadEpochs = 0;
    }
    if (this.numBadEpochs > this.patience) {
      this.reduce();
      this.cooldownCounter = this.cooldown;
      this.numBadEpochs = 0;
    }
    this._lastLr = this.optimizer.paramGroups.map((g) => g.lr);
  }

  /** The learning rates after the last step. */
  getLastLr(): number[] {
    return this._lastLr;
  }

  private isBetter(value: number): boolean {
    const { mode, thresholdMode, threshold, best } = this;
    if (mode === 'min') return value < (thresholdMode === 'rel' ? best * (1 - threshold) : best - threshold);
    return value > (thresholdMode === 'rel' ? best * (1 + threshold) : best + threshold);
  }

  private reduce(): void {
    this.optimizer.paramGroups.forEach((group, i) => {
      const reduced = Math.max(group.lr * this.factor, this.minLrs[i]);
      if (!(group.lr - reduced > this.eps)) return;
      group.lr = reduced;
      if (this.verbose) {
        console.log(
          `Epoch ${String(this.lastEpoch).padStart(5, '0')}: reducing learning rate of group ${i} to ${reduced.toExponential(4)}.`,
        );
      }
    });
  }

  stateDict(): Map<string, unknown> {
    return fieldsOf(this);
  }

  loadStateDict(stateDict: Map<string, unknown>): void {
    setFields(this, stateDict);
  }
}
