/** Schedulers that multiply the learning rate by something at every epoch, or at some. */
import { ValueError } from '../../base/errors.ts';
import type { Optimizer, ParamGroup } from '../optimizer.ts';
import { LRScheduler, perGroup, type SchedulerOptions } from './scheduler.ts';

type Factor = (epoch: number) => number;

export interface LambdaLROptions extends SchedulerOptions {
  /** The factor of an epoch: for all groups, or a list with one per group. */
  lrLambda: Factor | readonly Factor[];
}

/** A scheduler whose factors are functions. */
abstract class ByLambda extends LRScheduler {
  /** One function per group. Behind a function itself, so that it is no part of the state. */
  protected readonly factors: () => Factor[];

  constructor(
    optimizer: Optimizer,
    lrLambda: Factor | readonly Factor[] | LambdaLROptions,
    options: SchedulerOptions = {},
  ) {
    const named =
      typeof lrLambda === 'object' && 'lrLambda' in lrLambda ? lrLambda : { lrLambda, ...options };
    super(optimizer, named);
    const list = perGroup('lr_lambda', optimizer, named.lrLambda as Factor);
    this.factors = () => list;
    this.start();
  }

  /** As in PyTorch, with null for every function: give the same functions when going on from it. */
  override stateDict(): Map<string, unknown> {
    return super.stateDict().set(
      'lr_lambdas',
      this.factors().map(() => null),
    );
  }
}

/** lr = initial lr · λ(epoch). https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LambdaLR.html */
export class LambdaLR extends ByLambda {
  protected override rates(): number[] {
    return this.factors().map((f, i) => this.baseLrs[i] * f(this.lastEpoch));
  }
}

/** lr = lr · λ(epoch). https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.MultiplicativeLR.html */
export class MultiplicativeLR extends ByLambda {
  protected override rates(groups: readonly ParamGroup[]): number[] {
    return groups.map((g, i) => (this.lastEpoch > 0 ? g.lr * this.factors()[i](this.lastEpoch) : g.lr));
  }
}

export interface StepLROptions extends SchedulerOptions {
  stepSize: number;
  gamma?: number;
}

/**
 * Multiplies by `gamma` every `stepSize` epochs. https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.StepLR.html
 *
 * @example
 * ```ts
 * const optimizer = new torch.optim.SGD([torch.zeros(1, { requiresGrad: true })], { lr: 1 });
 * const scheduler = new torch.optim.lrScheduler.StepLR(optimizer, { stepSize: 2, gamma: 0.5 });
 * for (let epoch = 0; epoch < 4; epoch++) {
 *   optimizer.step();
 *   scheduler.step();
 * }
 * console.log(scheduler.getLastLr()); // => [ 0.25 ]
 * ```
 */
export class StepLR extends LRScheduler {
  stepSize: number;
  gamma: number;

  constructor(
    optimizer: Optimizer,
    stepSize: number | StepLROptions,
    options: Omit<StepLROptions, 'stepSize'> = {},
  ) {
    const named = typeof stepSize === 'number' ? { stepSize, ...options } : stepSize;
    super(optimizer, named);
    this.stepSize = named.stepSize;
    this.gamma = named.gamma ?? 0.1;
    this.start();
  }

  protected override rates(groups: readonly ParamGroup[]): number[] {
    const changes = this.lastEpoch !== 0 && this.lastEpoch % this.stepSize === 0;
    return groups.map((g) => (changes ? g.lr * this.gamma : g.lr));
  }

  protected override closedForm(): number[] {
    return this.baseLrs.map((lr) => lr * this.gamma ** Math.floor(this.lastEpoch / this.stepSize));
  }
}

export interface MultiStepLROptions extends SchedulerOptions {
  milestones: readonly number[];
  gamma?: number;
}

/** Multiplies by `gamma` at each milestone. https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.MultiStepLR.html */
export class MultiStepLR extends LRScheduler {
  /** How often each epoch is a milestone. */
  milestones: Map<number, number>;
  gamma: number;

  constructor(
    optimizer: Optimizer,
    milestones: readonly number[] | MultiStepLROptions,
    options: Omit<MultiStepLROptions, 'milestones'> = {},
  ) {
    const named = 'milestones' in milestones ? milestones : { milestones, ...options };
    super(optimizer, named);
    this.milestones = new Map();
    for (const m of named.milestones) this.milestones.set(m, (this.milestones.get(m) ?? 0) + 1);
    this.gamma = named.gamma ?? 0.1;
    this.start();
  }

  protected override rates(groups: readonly ParamGroup[]): number[] {
    const times = this.milestones.get(this.lastEpoch) ?? 0;
    return groups.map((g) => g.lr * this.gamma ** times);
  }

  protected override closedForm(): number[] {
    let passed = 0;
    for (const [milestone, times] of this.milestones) if (milestone <= this.lastEpoch) passed += times;
    return this.baseLrs.map((lr) => lr * this.gamma ** passed);
  }
}

export interface ConstantLROptions extends SchedulerOptions {
  factor?: number;
  totalIters?: number;
}

/** A factor until epoch `totalIters`. https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ConstantLR.html */
export class ConstantLR extends LRScheduler {
  factor: number;
  totalIters: number;

  constructor(optimizer: Optimizer, options: ConstantLROptions = {}) {
    const { factor = 1 / 3, totalIters = 5 } = options;
    if (!(factor >= 0 && factor <= 1)) {
      throw new ValueError('Constant multiplicative factor expected to be between 0 and 1.');
    }
    super(optimizer, options);
    this.factor = factor;
    this.totalIters = totalIters;
    this.start();
  }

  protected override rates(groups: readonly ParamGroup[]): number[] {
    const { lastEpoch, totalIters, factor } = this;
    return groups.map((g) => {
      if (lastEpoch === 0) return g.lr * factor;
      return lastEpoch === totalIters ? g.lr * (1 / factor) : g.lr;
    });
  }

  protected override closedForm(): number[] {
    return this.baseLrs.map((lr) => lr * (this.lastEpoch >= this.totalIters ? 1 : this.factor));
  }
}

export interface LinearLROptions extends SchedulerOptions {
  startFactor?: number;
  endFactor?: number;
  totalIters?: number;
}

/** A factor that changes linearly until epoch `totalIters`. https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LinearLR.html */
export class LinearLR extends LRScheduler {
  startFactor: number;
  endFactor: number;
  totalIters: number;

  constructor(optimizer: Optimizer, options: LinearLROptions = {}) {
    const { startFactor = 1 / 3, endFactor = 1, totalIters = 5 } = options;
    if (!(startFactor >= 0 && startFactor <= 1)) {
      throw new ValueError('Starting multiplicative factor expected to be between 0 and 1.');
    }
    if (!(endFactor >= 0 && endFactor <= 1)) {
      throw new ValueError('Ending multiplicative factor expected to be between 0 and 1.');
    }
    super(optimizer, options);
    this.startFactor = startFactor;
    this.endFactor = endFactor;
    this.totalIters = totalIters;
    this.start();
  }

  protected override rates(groups: readonly ParamGroup[]): number[] {
    const { lastEpoch, totalIters, startFactor, endFactor } = this;
    const rise = endFactor - startFactor;
    return groups.map((g) => {
      if (lastEpoch === 0) return g.lr * startFactor;
      if (lastEpoch > totalIters) return g.lr;
      return g.lr * (1 + rise / (totalIters * startFactor + (lastEpoch - 1) * rise));
    });
  }

  protected override closedForm(): number[] {
    const done = Math.min(this.totalIters, this.lastEpoch) / this.totalIters;
    return this.baseLrs.map((lr) => lr * (this.startFactor + (this.endFactor - this.startFactor) * done));
  }
}

export interface ExponentialLROptions extends SchedulerOptions {
  gamma: number;
}

/** Multiplies by `gamma` every epoch. https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ExponentialLR.html */
export class ExponentialLR extends LRScheduler {
  gamma: number;

  constructor(optimizer: Optimizer, gamma: number | ExponentialLROptions, options: SchedulerOptions = {}) {
    const named = typeof gamma === 'number' ? { gamma, ...options } : gamma;
    super(optimizer, named);
    this.gamma = named.gamma;
    this.start();
  }

  protected override rates(groups: readonly ParamGroup[]): number[] {
    return groups.map((g) => (this.lastEpoch === 0 ? g.lr : g.lr * this.gamma));
  }

  protected override closedForm(): number[] {
    return this.baseLrs.map((lr) => lr * this.gamma ** this.lastEpoch);
  }
}

export interface PolynomialLROptions extends SchedulerOptions {
  totalIters?: number;
  power?: number;
}

/** lr = initial lr · (1 − epoch/totalIters)^power. https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.PolynomialLR.html */
export class PolynomialLR extends LRScheduler {
  totalIters: number;
  power: number;

  constructor(optimizer: Optimizer, options: PolynomialLROptions = {}) {
    super(optimizer, options);
    this.totalIters = options.totalIters ?? 5;
    this.power = options.power ?? 1;
    this.start();
  }

  protected override rates(groups: readonly ParamGroup[]): number[] {
    const { lastEpoch, totalIters, power } = this;
    if (lastEpoch === 0 || lastEpoch > totalIters) return groups.map((g) => g.lr);
    const left = (epoch: number): number => 1 - epoch / totalIters;
    const decay = (left(lastEpoch) / left(lastEpoch - 1)) ** power;
    return groups.map((g) => g.lr * decay);
  }

  protected override closedForm(): number[] {
    const done = Math.min(this.totalIters, this.lastEpoch) / this.totalIters;
    return this.baseLrs.map((lr) => lr * (1 - done) ** this.power);
  }
}
