/**
 * Reading: from what a sampler gives (an index, or a list of them) to a batch. One pass over a dataset, synchronous or not.
 */
import { ArgumentTypeError } from '../base/errors.ts';
import { fromBlob } from '../tensor/create.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { itemOf } from './arguments.ts';
import { defaultCollate } from './collate.ts';
import { IterableDataset, Subset, TensorDataset } from './dataset.ts';

/** What a pass needs to know of its loader. */
export interface Plan {
  readonly dataset: unknown;
  /** Does the sampler give lists of indices (batches), or single ones? */
  readonly batched: boolean;
  readonly dropLast: boolean;
  /** From a list of samples (or the single sample) to the batch. */
  readonly collate: (samples: unknown) => unknown;
}

/** The end of an iterable dataset. */
export const END: unique symbol = Symbol('end of the dataset');

export function isPromise(x: unknown): x is PromiseLike<unknown> {
  return typeof (x as { then?: unknown } | null | undefined)?.then === 'function';
}

// --- map-style ---

/**
 * The batch at once, by one gather a tensor, where that is what reading and collating would give: rows of tensors.
 * Null where it is not: other datasets, subclasses, indices that are not plain positions.
 */
function gatherRows(plan: Plan, indices: readonly number[]): Tensor[] | null {
  if (plan.collate !== (defaultCollate as unknown)) return null;
  let { dataset } = plan;
  while (dataset instanceof Subset && dataset.getItem === Subset.prototype.getItem) {
    const { indices: inner } = dataset;
    if (!indices.every((i) => Number.isInteger(i) && i >= 0 && i < inner.length)) return null;
    indices = indices.map((i) => inner[i]);
    dataset = dataset.dataset;
  }
  if (!(dataset instanceof TensorDataset) || dataset.getItem !== TensorDataset.prototype.getItem) return null;
  const { length } = dataset;
  if (!indices.every((i) => Number.isInteger(i) && i >= 0 && i < length)) return null;
  const rows = fromBlob(BigInt64Array.from(indices, BigInt));
  return (dataset.tensors as readonly Tensor[]).map((t) => t.indexSelect(0, rows.to(t.device.toString())));
}

/** The samples at `indices`: by PyTorch's optional `getItems` where a dataset has it. May hold promises. */
function samplesAt(dataset: unknown, indices: readonly number[]): unknown {
  const { getItems } = dataset as { getItems?: unknown };
  if (typeof getItems === 'function') return getItems.call(dataset, indices);
  return indices.map((i) => itemOf(dataset, i));
}

function mustBeThere<T>(x: T): T {
  if (!isPromise(x)) return x;
  // It is not awaited: a failure must not end the process besides this error.
  x.then(undefined, () => {});
  throw new ArgumentTypeError(
    'the dataset gave a promise: iterate over its loader with `for await (… of loader)` instead of `for (… of loader)`',
  );
}

/** Reads and collates what `key` names (an index, or a list of them). */
export function readNow(plan: Plan, key: unknown): unknown {
  if (!plan.batched) return mustBeThere(plan.collate(mustBeThere(itemOf(plan.dataset, key as number))));
  const indices = key as readonly number[];
  const gathered = gatherRows(plan, indices);
  if (gathered !== null) return gathered;
  const samples = mustBeThere(samplesAt(plan.dataset, indices));
  if (Array.isArray(samples)) samples.forEach(mustBeThere);
  return mustBeThere(plan.collate(samples));
}

/** How many samples are being read at a time: hands out turns in the order in which they were asked for. */
export class Turns {
  private free: number;
  private readonly waiting: (() => void)[] = [];
  private stopped = false;

  constructor(count: number) {
    this.free = count;
  }

  /** Runs `task` when it is its turn; never, once stopped. */
  async run<T>(task: () => T): Promise<Awaited<T>> {
    if (this.free > 0) this.free--;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = this.stopped ? undefined : this.waiting.shift();
      if (next === undefined) this.free++;
      else next();
    }
  }

  /** Those who still wait never get their turn. */
  stop(): void {
    this.stopped = true;
  }
}

/** The same as `readNow`, samples being awaited, at most as many at a time as there are turns. */
export async function read(plan: Plan, key: unknown, turns: Turns): Promise<unknown> {
  const { dataset } = plan;
  if (!plan.batched) return plan.collate(await turns.run(() => itemOf(dataset, key as number)));
  const indices = key as readonly number[];
  const gathered = gatherRows(plan, indices);
  if (gathered !== null) return gathered;
  const wholeBatch = typeof (dataset as { getItems?: unknown }).getItems === 'function';
  const samples = wholeBatch
    ? await turns.run(() => samplesAt(dataset, indices))
    : await Promise.all(indices.map((i) => turns.run(() => itemOf(dataset, i))));
  return plan.collate(samples);
}

// --- iterable ---

/** One reading of an iterable dataset, from front to back. */
export class Stream {
  private readonly plan: Plan;
  private readonly batchSize: number;
  private readonly source: Iterator<unknown> | AsyncIterator<unknown>;
  private ended = false;

  constructor(plan: Plan, batchSize: number, asynchronous: boolean) {
    this.plan = plan;
    this.batchSize = batchSize;
    const dataset = plan.dataset as IterableDataset<unknown>;
    const opened = asynchronous ? dataset[Symbol.asyncIterator]?.() : undefined;
    this.source = opened ?? dataset[Symbol.iterator]();
  }

  /** The next batch, or END. */
  readNow(): unknown {
    const { plan } = this;
    const samples: unknown[] = [];
    while (!this.ended && samples.length < this.batchSize) {
      const step = mustBeThere(this.source.next()) as IteratorResult<unknown>;
      if (step.done === true) this.ended = true;
      else samples.push(mustBeThere(step.value));
    }
    return this.isIncomplete(samples) ? END : mustBeThere(plan.collate(plan.batched ? samples : samples[0]));
  }

  /** The same, awaiting each sample. */
  async read(): Promise<unknown> {
    const { plan } = this;
    const samples: unknown[] = [];
    while (!this.ended && samples.length < this.batchSize) {
      const step = await this.source.next();
      if (step.done === true) this.ended = true;
      else samples.push(await step.value);
    }
    return this.isIncomplete(samples) ? END : plan.collate(plan.batched ? samples : samples[0]);
  }

  /** Lets the dataset close what it has open. */
  close(): unknown {
    if (this.ended) return undefined;
    this.ended = true;
    return this.source.return?.();
  }

  private isIncomplete(samples: readonly unknown[]): boolean {
    return samples.length === 0 || (this.plan.dropLast && samples.length < this.batchSize);
  }
}

export function isIterable(dataset: unknown): dataset is IterableDataset<unknown> {
  return dataset instanceof IterableDataset;
}
