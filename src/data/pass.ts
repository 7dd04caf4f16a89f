/** One iteration over a loader: in this thread's own time, or reading ahead. */
import { RuntimeError } from '../base/errors.ts';
import { END, type Plan, read, readNow, type Stream, Turns } from './fetch.ts';

/** A pass that reads each batch when it is asked for. */
export function* readInOrder(plan: Plan, keys: Iterator<unknown>): Generator<unknown, void> {
  for (let step = keys.next(); step.done !== true; step = keys.next()) yield readNow(plan, step.value);
}

/** The same over an iterable dataset. */
export function* readStream(stream: Stream): Generator<unknown, void> {
  try {
    for (let batch = stream.readNow(); batch !== END; batch = stream.readNow()) yield batch;
  } finally {
    stream.close();
  }
}

/** How far to read ahead. */
export interface Ahead {
  /** Samples that are read at the same time. */
  readonly workers: number;
  /** Batches that are begun before they are asked for; 0: none. */
  readonly depth: number;
  /** Seconds to wait for a batch; 0: as long as it takes. */
  readonly timeout: number;
}

/**
 * A pass in the background. Batches come in the order of the sampler; `depth` of them are begun ahead of the one that is asked for. An error
 * comes at its batch and ends the pass.
 */
export class BackgroundPass implements AsyncGenerator<unknown, void> {
  private readonly begin: () => Promise<unknown>;
  private readonly ahead: Ahead;
  private readonly begun: Promise<unknown>[] = [];
  private readonly stop: () => unknown;
  private ended = false;
  /** Calls of `next` are answered one after the other. */
  private tail: Promise<unknown> = Promise.resolve();

  private constructor(ahead: Ahead, begin: () => Promise<unknown>, stop: () => unknown) {
    this.ahead = ahead;
    this.begin = begin;
    this.stop = stop;
    this.fill(ahead.depth);
  }

  static overMap(plan: Plan, keys: Iterator<unknown>, ahead: Ahead): BackgroundPass {
    const turns = new Turns(ahead.workers);
    const begin = async (): Promise<unknown> => {
      const step = keys.next();
      return step.done === true ? END : read(plan, step.value, turns);
    };
    return new BackgroundPass(ahead, begin, () => turns.stop());
  }

  static overStream(stream: Stream, ahead: Ahead): BackgroundPass {
    // A stream has one position: its batches are read one after the other.
    let last: Promise<unknown> = Promise.resolve();
    const begin = (): Promise<unknown> => {
      last = last.then(() => stream.read());
      return last;
    };
    return new BackgroundPass(ahead, begin, () => stream.close());
  }

  next(): Promise<IteratorResult<unknown, void>> {
    const answer = this.tail.then(() => this.advance());
    this.tail = answer.catch(() => {});
    return answer;
  }

  async return(): Promise<IteratorResult<unknown, void>> {
    await this.finish();
    return { done: true, value: undefined };
  }

  async throw(error: unknown): Promise<IteratorResult<unknown, void>> {
    await this.finish();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.finish();
  }

  private fill(count: number): void {
    while (this.begun.length < count) {
      const batch = this.begin();
      // Somebody may never ask for it; who does, gets the error.
      batch.catch(() => {});
      this.begun.push(batch);
    }
  }

  private async advance(): Promise<IteratorResult<unknown, void>> {
    if (this.ended) return { done: true, value: undefined };
    this.fill(Math.max(this.ahead.depth, 1));
    try {
      const batch = await this.within(this.begun.shift() as Promise<unknown>);
      if (batch === END) {
        await this.finish();
        return { done: true, value: undefined };
      }
      if (!this.ended) this.fill(this.ahead.depth);
      return { done: false, value: batch };
    } catch (error) {
      await this.finish();
      throw error;
    }
  }

  private async finish(): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    this.begun.length = 0;
    await this.stop();
  }

  /** The batch, or PyTorch's error after the time that is allowed. */
  private within(batch: Promise<unknown>): Promise<unknown> {
    const { timeout } = this.ahead;
    if (timeout === 0) return batch;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new RuntimeError(`DataLoader timed out after ${timeout} seconds`)),
        timeout * 1000,
      );
      batch.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }
}
