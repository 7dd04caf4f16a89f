/** Cosine annealing, without and with warm restarts: Loshchilov and Hutter 2016, "SGDR: Stochastic Gradient Descent with Warm Restarts". */
import { ValueError } from '../../base/errors.ts';
import { showNumber } from '../../base/numbers.ts';
import type { Optimizer, ParamGroup } from '../optimizer.ts';
import { LRScheduler, type SchedulerOptions } from './scheduler.ts';

export interface CosineAnnealingLROptions extends SchedulerOptions {
  /** Epochs from the highest to the lowest learning rate. */
  TMax: number;
  etaMin?: number;
}

/** Half a cosine down to `etaMin` in `TMax` epochs. https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CosineAnnealingLR.html */
export class CosineAnnealingLR extends LRScheduler {
  TMax: number;
  etaMin: number;

  constructor(
    optimizer: Optimizer,
    TMax: number | CosineAnnealingLROptions,
    options: Omit<CosineAnnealingLROptions, 'TMax'> = {},
  ) {
    const named = typeof TMax === 'number' ? { TMax, ...options } : TMax;
    super(optimizer, named);
    this.TMax = named.TMax;
    this.etaMin = named.etaMin ?? 0;
    this.start();
  }

  protected override rates(groups: readonly ParamGroup[]): number[] {
    const { lastEpoch, TMax, etaMin } = this;
    if (lastEpoch === 0) return groups.map((g) => g.lr);
    if (this._stepCount === 1 && lastEpoch > 0) return this.closedForm();
    // Where the cosine turns, its relative change has no value.
    if ((lastEpoch - 1 - TMax) % (2 * TMax) === 0) {
      const rise = (1 - Math.cos(Math.PI / TMax)) / 2;
      return groups.map((g, i) => g.lr + (this.baseLrs[i] - etaMin) * rise);
    }
    const height = (epoch: number): number => 1 + Math.cos((Math.PI * epoch) / TMax);
    return groups.map((g) => (height(lastEpoch) / height(lastEpoch - 1)) * (g.lr - etaMin) + etaMin);
  }

  protected override closedForm(): number[] {
    const { lastEpoch, TMax, etaMin } = this;
    const part = (1 + Math.cos((Math.PI * lastEpoch) / TMax)) / 2;
    return this.baseLrs.map((lr) => etaMin + (lr - etaMin) * part);
  }
}

export interface CosineAnnealingWarmRestartsOptions extends SchedulerOptions {
  /** Epochs until the first restart. */
  T0: number;
  /** How many times as long each period is as the one before. */
  TMult?: number;
  etaMin?: number;
}

/**
 * Cosine annealing that starts again after T₀ epochs, then T₀·TMult, ….
 * https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CosineAnnealingWarmRestarts.html
 */
export class CosineAnnealingWarmRestarts extends LRScheduler {
  T0: number;
  TI: number;
  TMult: number;
  etaMin: number;
  TCur: number;

  constructor(
    optimizer: Optimizer,
    T0: number | CosineAnnealingWarmRestartsOptions,
    options: Omit<CosineAnnealingWarmRestartsOptions, 'T0'> = {},
  ) {
    const named = typeof T0 === 'number' ? { T0, ...options } : T0;
    const { TMult = 1, etaMin = 0, lastEpoch = -1 } = named;
    if (!(named.T0 > 0) || !Number.isInteger(named.T0)) {
      throw new ValueError(`Expected positive integer T_0, but got ${showNumber(named.T0)}`);
    }
    if (!(TMult >= 1) || !Number.isInteger(TMult)) {
      throw new ValueError(`Expected integer T_mult >= 1, but got ${showNumber(TMult)}`);
    }
    super(optimizer, named);
    this.T0 = named.T0;
    this.TI = named.T0;
    this.TMult = TMult;
    this.etaMin = etaMin;
    this.TCur = lastEpoch;
    this.start();
  }

  protected override rates(): number[] {
    const part = (1 + Math.cos((Math.PI * this.TCur) / this.TI)) / 2;
    return this.baseLrs.map((lr) => this.etaMin + (lr - this.etaMin) * part);
  }

  /** Goes on by one epoch, or to a fraction of one: `step(epoch + batch / batches)`. */
  override step(epoch: number | null = null): void {
    const { T0, TMult } = this;
    let at = epoch;
    if (at === null && this.lastEpoch < 0) at = 0;
    if (at === null) {
      at = this.lastEpoch + 1;
      this.TCur += 1;
      if (this.TCur >= this.TI) {
        this.TCur -= this.TI;
        this.TI *= TMult;
      }
    } else {
      if (at < 0) throw new ValueError(`Expected non-negative epoch, but got ${showNumber(at)}`);
      if (at < T0) {
        this.TI = T0;
        this.TCur = at;
      } else if (TMult === 1) this.TCur = at % T0;
      else {
        const periods = Math.floor(Math.log((at / T0) * (TMult - 1) + 1) / Math.log(TMult));
        this.TCur = at - (T0 * (TMult ** periods - 1)) / (TMult - 1);
        this.TI = T0 * TMult ** periods;
      }
    }
    this.lastEpoch = Math.floor(at);
    this.apply(this.rates(), epoch);
  }
}
