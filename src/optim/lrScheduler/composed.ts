/** Schedulers made of others. */
import { ValueError } from '../../base/errors.ts';
import type { Optimizer } from '../optimizer.ts';
import { fieldsOf, type LRScheduler, setFields } from './scheduler.ts';

/** What schedulers of schedulers have in common. */
abstract class Composed {
  readonly optimizer: Optimizer;
  _lastLr: number[] = [];
  protected readonly parts: () => readonly LRScheduler[];

  constructor(optimizer: Optimizer, parts: readonly LRScheduler[]) {
    this.optimizer = optimizer;
    const list = [...parts];
    this.parts = () => list;
  }

  abstract step(): void;

  /** The learning rates that the last step set. */
  getLastLr(): number[] {
    return this._lastLr;
  }

  stateDict(): Map<string, unknown> {
    const state = fieldsOf(this);
    state.set(
      '_schedulers',
      this.parts().map((s) => s.stateDict()),
    );
    return state;
  }

  loadStateDict(stateDict: Map<string, unknown>): void {
    const { _schedulers, ...rest } = Object.fromEntries(stateDict) as { _schedulers: Map<string, unknown>[] };
    setFields(this, new Map(Object.entries(rest)));
    _schedulers.forEach((state, i) => {
      this.parts()[i].loadStateDict(state);
    });
  }
}

export interface SequentialLROptions {
  schedulers: readonly LRScheduler[];
  milestones: readonly number[];
  lastEpoch?: number;
  verbose?: boolean;
}

/** One scheduler after the other, from each milestone on. https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.SequentialLR.html */
export class SequentialLR extends Composed {
  _milestones: number[];
  lastEpoch: number;

  constructor(
    optimizer: Optimizer,
    schedulers: readonly LRScheduler[] | SequentialLROptions,
    milestones: readonly number[] = [],
    options: { lastEpoch?: number } = {},
  ) {
    const named = 'schedulers' in schedulers ? schedulers : { schedulers, milestones, ...options };
    named.schedulers.forEach((s, i) => {
      if (s.optimizer !== optimizer) {
        throw new ValueError(
          `Sequential Schedulers expects all schedulers to belong to the same optimizer, but got schedulers at index ${i} to be different than the optimizer passed in.`,
        );
      }
    });
    if (named.milestones.length !== named.schedulers.length - 1) {
      throw new ValueError(
        `Sequential Schedulers expects number of schedulers provided to be one more than the number of milestone points, but got number of schedulers ${named.schedulers.length} and the number of milestones to be equal to ${named.milestones.length}`,
      );
    }
    super(optimizer, named.schedulers);
    this._milestones = [...named.milestones];
    this.lastEpoch = (named.lastEpoch ?? -1) + 1;
    for (const group of optimizer.paramGroups) group.lr = group.initialLr as number;
    // Each scheduler has made its first step already: taken back, and only that of the first one made again.
    for (const s of named.schedulers) s.lastEpoch -= 1;
    named.schedulers[0].start();
    this._lastLr = named.schedulers[0].getLastLr();
  }

  override step(): void {
    this.lastEpoch++;
    const at = this._milestones.filter((m) => m <= this.lastEpoch).length;
    const scheduler = this.parts()[at];
    if (at > 0 && this._milestones[at - 1] === this.lastEpoch) scheduler.step(0);
    else scheduler.step();
    this._lastLr = scheduler.getLastLr();
  }
}

/** Several schedulers at once, each on what the one before set. https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ChainedScheduler.html */
export class ChainedScheduler extends Composed {
  constructor(schedulers: readonly LRScheduler[] | { schedulers: readonly LRScheduler[] }) {
    const list = 'schedulers' in schedulers ? schedulers.schedulers : schedulers;
    list.forEach((s, i) => {
      if (s.optimizer !== list[0].optimizer) {
        throw new ValueError(
          `ChainedScheduler expects all schedulers to belong to the same optimizer, but got schedulers at index 0 and ${i} to be different`,
        );
      }
    });
    super(list[0].optimizer, list);
    this._lastLr = this.optimizer.paramGroups.map((g) => g.lr);
  }

  override step(): void {
    for (const s of this.parts()) s.step();
    this._lastLr = this.optimizer.paramGroups.map((g) => g.lr);
  }
}
