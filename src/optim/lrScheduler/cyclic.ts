/** Learning rates that rise and fall: Smith 2017, "Cyclical Learning Rates for Training Neural Networks"; Smith and Topin 2018, "Super-Convergence". */
import { ValueError } from '../../base/errors.ts';
import { showNumber } from '../../base/numbers.ts';
import type { Optimizer, ParamGroup } from '../optimizer.ts';
import { LRScheduler, perGroup, requireOptimizer, type SchedulerOptions } from './scheduler.ts';

type PerGroup = number | readonly number[];

export interface CyclicLROptions extends SchedulerOptions {
  baseLr: PerGroup;
  maxLr: PerGroup;
  stepSizeUp?: number;
  stepSizeDown?: number | null;
  mode?: 'triangular' | 'triangular2' | 'exp_range';
  gamma?: number;
  scaleFn?: ((x: number) => number) | null;
  scaleMode?: 'cycle' | 'iterations';
  cycleMomentum?: boolean;
  baseMomentum?: PerGroup;
  maxMomentum?: PerGroup;
}

/** Cycles between two learning rates. https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CyclicLR.html */
export class CyclicLR extends LRScheduler {
  maxLrs: number[];
  totalSize: number;
  stepRatio: number;
  mode: string;
  gamma: number;
  scaleMode: 'cycle' | 'iterations';
  cycleMomentum: boolean;
  baseMomentums: number[] = [];
  maxMomentums: number[] = [];
  private readonly scale: (x: number) => number;

  constructor(
    optimizer: Optimizer,
    baseLr: PerGroup | CyclicLROptions,
    maxLr?: PerGroup,
    options: Omit<CyclicLROptions, 'baseLr' | 'maxLr'> = {},
  ) {
    requireOptimizer(optimizer);
    const named =
      typeof baseLr === 'object' && 'baseLr' in baseLr
        ? baseLr
        : { baseLr, maxLr: maxLr as PerGroup, ...options };
    const {
      stepSizeUp = 2000,
      stepSizeDown = null,
      mode = 'triangular',
      gamma = 1,
      scaleFn = null,
      lastEpoch = -1,
    } = named;
    const { cycleMomentum = true, baseMomentum = 0.8, maxMomentum = 0.9, scaleMode = 'cycle' } = named;
    const baseLrs = perGroup('base_lr', optimizer, named.baseLr);
    const groups = optimizer.paramGroups;
    if (lastEpoch === -1) for (const [i, g] of groups.entries()) g.lr = baseLrs[i];
    const scales = {
      triangular: () => 1,
      triangular2: (x: number) => 1 / 2 ** (x - 1),
      exp_range: (x: number) => gamma ** x,
    };
    if (scaleFn === null && !(mode in scales)) throw new ValueError('mode is invalid and scale_fn is None');
    let baseMomentums: number[] = [];
    let maxMomentums: number[] = [];
    if (cycleMomentum) {
      if (!('momentum' in optimizer.defaults)) {
        throw new ValueError('optimizer must support momentum with `cycle_momentum` option enabled');
      }
      baseMomentums = perGroup('base_momentum', optimizer, baseMomentum);
      maxMomentums = perGroup('max_momentum', optimizer, maxMomentum);
      if (lastEpoch === -1) for (const [i, g] of groups.entries()) g.momentum = baseMomentums[i];
    }
    super(optimizer, named);
    this.maxLrs = perGroup('max_lr', optimizer, named.maxLr);
    this.totalSize = stepSizeUp + (stepSizeDown ?? stepSizeUp);
    this.stepRatio = stepSizeUp / this.totalSize;
    this.mode = mode;
    this.gamma = gamma;
    this.scaleMode = scaleFn !== null ? scaleMode : mode === 'exp_range' ? 'iterations' : 'cycle';
    this.scale = scaleFn ?? scales[mode];
    this.cycleMomentum = cycleMomentum;
    this.baseMomentums = baseMomentums;
    this.maxMomentums = maxMomentums;
    this.start();
    this.baseLrs = baseLrs;
  }

  protected override rates(groups: readonly ParamGroup[]): number[] {
    const { lastEpoch, totalSize, stepRatio } = this;
    const cycle = Math.floor(1 + lastEpoch / totalSize);
    const x = 1 + lastEpoch / totalSize - cycle;
    const height = x <= stepRatio ? x / stepRatio : (x - 1) / (stepRatio - 1);
    const scale = height * this.scale(this.scaleMode === 'cycle' ? cycle : lastEpoch);
    if (this.cycleMomentum) {
      groups.forEach((g, i) => {
        g.momentum = this.maxMomentums[i] - (this.maxMomentums[i] - this.baseMomentums[i]) * scale;
      });
    }
    return groups.map((_, i) => this.baseLrs[i] + (this.maxLrs[i] - this.baseLrs[i]) * scale);
  }
}

export interface OneCycleLROptions extends SchedulerOptions {
  maxLr: PerGroup;
  totalSteps?: number | null;
  epochs?: number | null;
  stepsPerEpoch?: number | null;
  /** The part of the cycle in which the learning rate rises. */
  pctStart?: number;
  annealStrategy?: 'cos' | 'linear';
  cycleMomentum?: boolean;
  baseMomentum?: PerGroup;
  maxMomentum?: PerGroup;
  divFactor?: number;
  finalDivFactor?: number;
  threePhase?: boolean;
}

interface Phase {
  readonly end: number;
  readonly lr: readonly [from: string, to: string];
  readonly momentum: readonly [from: string, to: string];
}

function positive(x: number | null | undefined, name: string): number {
  if (x === null || x === undefined || !(x > 0) || !Number.isInteger(x)) {
    throw new ValueError(
      `Expected positive integer ${name}, but got ${x === null || x === undefined ? 'None' : showNumber(x)}`,
    );
  }
  return x;
}

/** One rise and one fall, step by step. https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.OneCycleLR.html */
export class OneCycleLR extends LRScheduler {
  totalSteps: number;
  cycleMomentum: boolean;
  useBeta1: boolean;
  private readonly phases: () => readonly Phase[];
  private readonly anneal: (from: number, to: number, part: number) => number;

  constructor(
    optimizer: Optimizer,
    maxLr: PerGroup | OneCycleLROptions,
    options: Omit<OneCycleLROptions, 'maxLr'> = {},
  ) {
    requireOptimizer(optimizer);
    const named = typeof maxLr === 'object' && 'maxLr' in maxLr ? maxLr : { maxLr, ...options };
    const {
      totalSteps = null,
      epochs = null,
      stepsPerEpoch = null,
      pctStart = 0.3,
      annealStrategy = 'cos',
    } = named;
    const {
      cycleMomentum = true,
      divFactor = 25,
      finalDivFactor = 1e4,
      threePhase = false,
      lastEpoch = -1,
    } = named;
    if (totalSteps === null && epochs === null && stepsPerEpoch === null) {
      throw new ValueError('You must define either total_steps OR (epochs AND steps_per_epoch)');
    }
    const total =
      totalSteps !== null
        ? positive(totalSteps, 'total_steps')
        : positive(epochs, 'epochs') * positive(stepsPerEpoch, 'steps_per_epoch');
    if (!(pctStart >= 0 && pctStart <= 1)) {
      throw new ValueError(`Expected float between 0 and 1 pct_start, but got ${showNumber(pctStart)}`);
    }
    if (annealStrategy !== 'cos' && annealStrategy !== 'linear') {
      throw new ValueError(
        `anneal_strategy must by one of 'cos' or 'linear', instead got ${String(annealStrategy)}`,
      );
    }
    const groups = optimizer.paramGroups;
    const maxLrs = perGroup('max_lr', optimizer, named.maxLr);
    if (lastEpoch === -1) {
      groups.forEach((g, i) => {
        const initialLr = maxLrs[i] / divFactor;
        Object.assign(g, { initialLr, maxLr: maxLrs[i], minLr: initialLr / finalDivFactor });
      });
    }
    const useBeta1 = 'betas' in optimizer.defaults;
    if (cycleMomentum) {
      if (!('momentum' in optimizer.defaults) && !useBeta1) {
        throw new ValueError('optimizer must support momentum with `cycle_momentum` option enabled');
      }
      const highest = perGroup('max_momentum', optimizer, named.maxMomentum ?? 0.95);
      const lowest = perGroup('base_momentum', optimizer, named.baseMomentum ?? 0.85);
      if (lastEpoch === -1) {
        groups.forEach((g, i) => {
          setMomentum(g, highest[i], useBeta1);
          Object.assign(g, { maxMomentum: highest[i], baseMomentum: lowest[i] });
        });
      }
    }
    super(optimizer, named);
    this.totalSteps = total;
    this.cycleMomentum = cycleMomentum;
    this.useBeta1 = useBeta1;
    const rise: Phase = {
      end: pctStart * total - 1,
      lr: ['initialLr', 'maxLr'],
      momentum: ['maxMomentum', 'baseMomentum'],
    };
    const phases: readonly Phase[] = threePhase
      ? [
          rise,
          {
            end: 2 * pctStart * total - 2,
            lr: ['maxLr', 'initialLr'],
            momentum: ['baseMomentum', 'maxMomentum'],
          },
          { end: total - 1, lr: ['initialLr', 'minLr'], momentum: ['maxMomentum', 'maxMomentum'] },
        ]
      : [rise, { end: total - 1, lr: ['maxLr', 'minLr'], momentum: ['baseMomentum', 'maxMomentum'] }];
    this.phases = () => phases;
    this.anneal =
      annealStrategy === 'cos'
        ? (from, to, part) => to + ((from - to) / 2) * (1 + Math.cos(Math.PI * part))
        : (from, to, part) => (to - from) * part + from;
    this.start();
  }

  protected override rates(groups: readonly ParamGroup[]): number[] {
    const step = this.lastEpoch;
    if (step > this.totalSteps) {
      throw new ValueError(
        `Tried to step ${step} times. The specified number of total steps is ${this.totalSteps}`,
      );
    }
    const phases = this.phases();
    const found = phases.findIndex((p) => step <= p.end);
    const at = found < 0 ? phases.length - 1 : found;
    const start = at === 0 ? 0 : phases[at - 1].end;
    const { end, lr, momentum } = phases[at];
    const part = (step - start) / (end - start);
    return groups.map((g) => {
      if (this.cycleMomentum) {
        const value = this.anneal(g[momentum[0]] as number, g[momentum[1]] as number, part);
        setMomentum(g, value, this.useBeta1);
      }
      return this.anneal(g[lr[0]] as number, g[lr[1]] as number, part);
    });
  }
}

function setMomentum(group: ParamGroup, value: number, useBeta1: boolean): void {
  if (useBeta1) group.betas = [value, ...(group.betas as readonly number[]).slice(1)];
  else group.momentum = value;
}
