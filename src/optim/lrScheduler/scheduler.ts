/** The base of learning-rate schedulers. https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate */
import { ArgumentTypeError, KeyError, ValueError } from '../../base/errors.ts';
import { camelCase, Optimizer, type ParamGroup, snakeCase } from '../optimizer.ts';

/** Options of all schedulers. */
export interface SchedulerOptions {
  /** The epoch to go on from; −1 starts anew. */
  lastEpoch?: number;
  /** Print a line for every change. */
  verbose?: boolean;
}

/** PyTorch's name of a field: `base_lrs` of `baseLrs`, `T_max` of `TMax`. */
function stateName(field: string): string {
  return /^T[A-Z0-9]/.test(field)
    ? `T_${snakeCase(field[1].toLowerCase() + field.slice(2))}`
    : snakeCase(field);
}

function fieldName(name: string): string {
  return name.startsWith('_') ? `_${camelCase(name.slice(1))}` : camelCase(name);
}

/** Throws a TypeError for what is not an optimizer. */
export function requireOptimizer(optimizer: unknown): asserts optimizer is Optimizer {
  if (!(optimizer instanceof Optimizer))
    throw new ArgumentTypeError(`${typeof optimizer} is not an Optimizer`);
}

/** The fields of a scheduler as a state dict: everything but the optimizer and functions. */
export function fieldsOf(scheduler: object): Map<string, unknown> {
  const entries = Object.entries(scheduler).filter(
    ([name, value]) => name !== 'optimizer' && typeof value !== 'function',
  );
  return new Map(entries.map(([name, value]) => [stateName(name), value]));
}

/** Takes over the fields of a state dict that the scheduler has; what only PyTorch has is ignored. */
export function setFields(scheduler: object, state: Map<string, unknown>): void {
  const known = new Set(fieldsOf(scheduler).keys());
  for (const [name, value] of state) {
    if (known.has(name)) Object.assign(scheduler, { [fieldName(name)]: value });
  }
}

/** A scheduler computes the learning rates of an epoch from those of the one before. */
export abstract class LRScheduler {
  readonly optimizer: Optimizer;
  /** The learning rates that the groups started with. */
  baseLrs: number[];
  lastEpoch: number;
  verbose: boolean;
  /** How often `step` was called, the call by the constructor included. */
  _stepCount = 0;
  _lastLr: number[] = [];

  /** Subclasses set their fields, then call `start`. */
  constructor(optimizer: Optimizer, { lastEpoch = -1, verbose = false }: SchedulerOptions) {
    requireOptimizer(optimizer);
    this.optimizer = optimizer;
    this.lastEpoch = lastEpoch;
    this.verbose = verbose;
    optimizer.paramGroups.forEach((group, i) => {
      if (lastEpoch === -1) group.initialLr ??= group.lr;
      else if (group.initialLr === undefined) {
        throw new KeyError(
          `param 'initial_lr' is not specified in param_groups[${i}] when resuming an optimizer`,
        );
      }
    });
    this.baseLrs = optimizer.paramGroups.map((g) => g.initialLr as number);
  }

  /** The first step: sets the learning rates of epoch 0. */
  start(): void {
    this._stepCount = 0;
    this.optimizer.stepCount = 0;
    this.step();
  }

  /** The learning rates of `lastEpoch`, given those of the epoch before in the groups. */
  protected abstract rates(groups: readonly ParamGroup[]): number[];

  /** The learning rates of `lastEpoch` by themselves, where there is such a formula. */
  protected closedForm(): number[] | null {
    return null;
  }

  /** Goes on to the next epoch (or to a given one), and sets its learning rates. Call it after the optimizer's steps of an epoch. */
  step(epoch: number | null = null): void {
    if (this._stepCount === 1 && this.optimizer.stepCount === 0) {
      console.warn(
        'Detected call of `lr_scheduler.step()` before `optimizer.step()`. You should call them in the opposite order: `optimizer.step()` before ' +
          '`lr_scheduler.step()`. Failure to do this will result in skipping the first value of the learning rate schedule.',
      );
    }
    this._stepCount++;
    let rates: number[];
    if (epoch === null) {
      this.lastEpoch++;
      rates = this.rates(this.optimizer.paramGroups);
    } else {
      this.lastEpoch = epoch;
      rates = this.closedForm() ?? this.rates(this.optimizer.paramGroups);
    }
    this.apply(rates, epoch);
  }

  protected apply(rates: readonly number[], epoch: number | null): void {
    this.optimizer.paramGroups.forEach((group, i) => {
      group.lr = rates[i];
      if (this.verbose) {
        const prefix = epoch === null ? 'Adjusting' : `Epoch ${String(epoch).padStart(5, '0')}: adjusting`;
        console.log(`${prefix} learning rate of group ${i} to ${rates[i].toExponential(4)}.`);
      }
    });
    this._lastLr = this.optimizer.paramGroups.map((g) => g.lr);
  }

  /** The learning rates that the last step set. */
  getLastLr(): number[] {
    return this._lastLr;
  }

  /** Everything but the optimizer (and functions), by PyTorch's names. */
  stateDict(): Map<string, unknown> {
    return fieldsOf(this);
  }

  loadStateDict(stateDict: Map<string, unknown>): void {
    setFields(this, stateDict);
  }
}

/** One value per group, from one for all or a list. Throws a ValueError for a list of another length. */
export function perGroup<T>(name: string, optimizer: Optimizer, value: T | readonly T[]): T[] {
  const { length } = optimizer.paramGroups;
  if (!Array.isArray(value)) return new Array<T>(length).fill(value as T);
  if (value.length !== length)
    throw new ValueError(`expected ${length} values for ${name}, got ${value.length}`);
  return [...(value as readonly T[])];
}
