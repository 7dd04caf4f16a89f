/** DataLoader. https://pytorch.org/docs/stable/data.html#torch.utils.data.DataLoader */
import { parseSignature } from '../base/arguments.ts';
import {
  ArgumentTypeError,
  AssertionError,
  NotImplementedError,
  RuntimeError,
  ValueError,
} from '../base/errors.ts';
import type { Generator as RandomGenerator } from '../tensor/random.ts';
import { bindAfter, lengthOf, pythonText } from './arguments.ts';
import { type Collated, type Converted, defaultCollate, defaultConvert } from './collate.ts';
import { IterableDataset, type MapStyle } from './dataset.ts';
import { type Plan, Stream } from './fetch.ts';
import { type Ahead, BackgroundPass, readInOrder, readStream } from './pass.ts';
import { BatchSampler, RandomSampler, SequentialSampler } from './sampler.ts';
import { drawSeed } from './seed.ts';

interface CommonOptions {
  /** A new random order in every pass. */
  shuffle?: boolean | null;
  /** The order of the indices, instead of `shuffle`. */
  sampler?: Iterable<number> | null;
  /** Lists of indices, instead of `batchSize`, `shuffle`, `sampler` and `dropLast`. */
  batchSampler?: Iterable<readonly number[]> | null;
  /** Above 0: read ahead, this many samples at a time, while the program works on a batch. See `DataLoader`. */
  numWorkers?: number;
  /** Accepted for PyTorch's sake: there is no device memory to pin. */
  pinMemory?: boolean;
  /** Leave out the last batch where it is smaller. */
  dropLast?: boolean;
  /** Seconds to wait for a batch, with workers; 0: as long as it takes. */
  timeout?: number;
  workerInitFn?: ((workerId: number) => void) | null;
  multiprocessingContext?: unknown;
  /** Draws the base seed and the order; by default the global stream. */
  generator?: RandomGenerator | null;
  /** Batches read ahead per worker. */
  prefetchFactor?: number;
  /** Accepted for PyTorch's sake: workers hold no state that could persist. */
  persistentWorkers?: boolean;
  pinMemoryDevice?: string;
}

/** Options of a DataLoader that makes batches. */
export interface LoaderOptions<T> extends CommonOptions {
  /** Samples in a batch: 1 by default. */
  batchSize?: number;
  /** From a list of samples to the batch: `defaultCollate` by default. */
  collateFn?: ((samples: Awaited<T>[]) => unknown) | null;
}

/** Options of a DataLoader that gives samples one by one. */
export interface SingleOptions<T> extends CommonOptions {
  batchSize: null;
  /** What to do with each sample: `defaultConvert` by default. */
  collateFn?: ((sample: Awaited<T>) => unknown) | null;
}

/** Refuses options that do not exist. */
type Known<O> = { readonly [K in Exclude<keyof O, keyof LoaderOptions<unknown>>]: never };

/** What a loader of samples T gives under options O. */
export type Batch<T, O> = O extends { collateFn: (samples: never) => infer B }
  ? Awaited<B>
  : O extends { batchSize: null; batchSampler?: null }
    ? Converted<Awaited<T>>
    : Collated<Awaited<T>>;

const signature = parseSignature(
  'DataLoader(dataset, batchSize=1, shuffle=None, sampler=None, batchSampler=None, numWorkers=0, collateFn=None, pinMemory=False, ' +
    'dropLast=False, timeout=0, workerInitFn=None, multiprocessingContext=None, generator=None, *, prefetchFactor=2, ' +
    'persistentWorkers=False, pinMemoryDevice="")',
);

interface Settings {
  batchSize: number | null;
  shuffle: boolean | null;
  sampler: Iterable<unknown> | null;
  batchSampler: Iterable<readonly unknown[]> | null;
  numWorkers: number;
  collateFn: ((samples: unknown) => unknown) | null;
  dropLast: boolean;
  timeout: number;
  workerInitFn: unknown;
  multiprocessingContext: unknown;
  generator: RandomGenerator | null;
  prefetchFactor: number;
  persistentWorkers: boolean;
}

const defaults: Settings = {
  batchSize: 1,
  shuffle: null,
  sampler: null,
  batchSampler: null,
  numWorkers: 0,
  collateFn: null,
  dropLast: false,
  timeout: 0,
  workerInitFn: null,
  multiprocessingContext: null,
  generator: null,
  prefetchFactor: 2,
  persistentWorkers: false,
};

function settingsOf(dataset: unknown, rest: readonly unknown[]): Settings {
  const bound = bindAfter(signature, dataset, rest);
  const given = Object.fromEntries(
    signature.parameters
      .map((p, i): [string, unknown] => [p.names[0], bound[i]])
      .filter(([, value]) => value !== undefined),
  );
  return { ...defaults, ...given };
}

function checkWorkers(s: Settings): void {
  if (s.numWorkers < 0) {
    throw new ValueError(
      'num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.',
    );
  }
  if (!Number.isInteger(s.numWorkers)) {
    throw new ArgumentTypeError(
      `num_workers option should be a whole number, but got num_workers=${s.numWorkers}`,
    );
  }
  if (s.timeout < 0) throw new ValueError('timeout option should be non-negative');
  if (s.numWorkers === 0 && s.prefetchFactor !== 2) {
    throw new ValueError(
      'prefetch_factor option could only be specified in multiprocessing.' +
        'let num_workers > 0 to enable multiprocessing.',
    );
  }
  if (!(s.prefetchFactor > 0))
    throw new AssertionError(`prefetch_factor should be positive, but got ${s.prefetchFactor}`);
  if (s.persistentWorkers && s.numWorkers === 0) {
    throw new ValueError('persistent_workers option needs num_workers > 0');
  }
  if ((s.multiprocessingContext ?? null) !== null) {
    if (s.numWorkers === 0) {
      throw new ValueError(
        'multiprocessing_context can only be used with multi-process loading (num_workers > 0), but got num_workers=0',
      );
    }
    throw new NotImplementedError('multiprocessingContext is not supported: workers are not processes here');
  }
  if ((s.workerInitFn ?? null) !== null && s.numWorkers > 0) {
    throw new NotImplementedError(
      'workerInitFn is not supported: workers are not processes here, they share the dataset and the random stream',
    );
  }
}

/** The order of reading does not come from outside where the dataset is read from front to back. */
function checkIterable(s: Settings): void {
  const refuse = (option: string, value: unknown): void => {
    throw new ValueError(
      `DataLoader with IterableDataset: expected unspecified ${option} option, but got ${option}=${pythonText(value)}`,
    );
  };
  if (s.shuffle === true) refuse('shuffle', s.shuffle);
  if (s.sampler !== null) refuse('sampler', s.sampler);
  if (s.batchSampler !== null) refuse('batch_sampler', s.batchSampler);
}

function checkExclusive(s: Settings): void {
  if (s.sampler !== null && s.shuffle === true) {
    throw new ValueError('sampler option is mutually exclusive with shuffle');
  }
  if (s.batchSampler !== null) {
    if (s.batchSize !== 1 || s.shuffle === true || s.sampler !== null || s.dropLast) {
      throw new ValueError(
        'batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last',
      );
    }
  } else if (s.batchSize === null && s.dropLast) {
    throw new ValueError(
      'batch_size=None option disables auto-batching and is mutually exclusive with drop_last',
    );
  }
}

/** Stands for the sampler of an iterable dataset, which decides itself what comes next. */
const unordered: Iterable<null> = {
  *[Symbol.iterator](): Generator<null, void> {
    for (;;) yield null;
  },
};

/**
 * Gives the samples of a dataset in batches, in order or shuffled, as often as it is iterated over.
 *
 * `for (const batch of loader)` reads in the thread of the caller; `for await (const batch of loader)` also takes datasets
 * whose `getItem` returns promises. With the same seed the order is PyTorch's: each pass draws a base seed from `generator` (or the global
 * stream), then the sampler draws its own.
 *
 * **Workers.** With `numWorkers` above 0 a `for await` loop reads ahead: up to `numWorkers · prefetchFactor` batches are begun before they
 * are asked for, and `numWorkers` samples are read at a time. The reading is asynchronous, on the thread of the caller: it hides the time that
 * `getItem` *waits* (files, network, a database, a worker pool of its own), not the time it computes. Datasets are not copied,
 * so there is no `getWorkerInfo`, and an IterableDataset gives every sample once whatever `numWorkers` is.
 *
 * Throws a ValueError for options that exclude one another, in PyTorch's words.
 *
 * @example
 * ```ts
 * const ds = new torch.data.TensorDataset(torch.arange(5), torch.arange(5).mul(10));
 * const loader = new torch.data.DataLoader(ds, { batchSize: 2 });
 * const sums: unknown[] = [];
 * for (const [x, y] of loader) sums.push(x.add(y).tolist());
 * console.log(sums); // => [ [ 0, 11 ], [ 22, 33 ], [ 44 ] ]
 * console.log(loader.length); // => 3
 * ```
 */
export class DataLoader<T, const O = {}> {
  readonly dataset: MapStyle<T> | IterableDataset<T>;
  /** Null where there are no batches, or `batchSampler` makes them. */
  readonly batchSize: number | null;
  readonly sampler: Iterable<unknown>;
  readonly batchSampler: Iterable<readonly unknown[]> | null;
  readonly numWorkers: number;
  readonly collateFn: (samples: never) => unknown;
  readonly dropLast: boolean;
  readonly timeout: number;
  readonly generator: RandomGenerator | null;
  readonly prefetchFactor: number;

  constructor(dataset: MapStyle<T> | IterableDataset<T>, options: O & SingleOptions<T> & Known<O>);
  constructor(dataset: MapStyle<T> | IterableDataset<T>, options?: O & LoaderOptions<T> & Known<O>);
  constructor(
    dataset: MapStyle<T> | IterableDataset<T>,
    batchSize: number,
    options?: O & LoaderOptions<T> & Known<O>,
  );
  constructor(
    dataset: MapStyle<T> | IterableDataset<T>,
    batchSize: number,
    shuffle: boolean | null,
    options?: O & LoaderOptions<T> & Known<O>,
  );
  constructor(dataset: MapStyle<T> | IterableDataset<T>, ...rest: unknown[]) {
    const s = settingsOf(dataset, rest);
    checkWorkers(s);
    const iterable = dataset instanceof IterableDataset;
    if (iterable) checkIterable(s);
    checkExclusive(s);
    this.dataset = dataset;
    this.numWorkers = s.numWorkers;
    this.timeout = s.timeout;
    this.generator = s.generator;
    this.prefetchFactor = s.prefetchFactor;
    this.sampler = s.sampler ?? (iterable ? unordered : defaultSampler(dataset, s));
    this.batchSize = s.batchSampler === null ? s.batchSize : null;
    this.dropLast = s.dropLast;
    this.batchSampler =
      s.batchSampler ??
      (s.batchSize === null ? null : new BatchSampler(this.sampler, s.batchSize, s.dropLast));
    this.collateFn =
      s.collateFn ??
      ((this.batchSampler === null ? defaultConvert : defaultCollate) as Settings['collateFn'] & {});
  }

  /** The number of batches. Throws a TypeError where the sampler, or an iterable dataset, has no length. */
  get length(): number {
    if (!(this.dataset instanceof IterableDataset)) return lengthOf(this.batchSampler ?? this.sampler);
    const n = lengthOf(this.dataset);
    if (this.batchSize === null) return n;
    return this.dropLast ? Math.floor(n / this.batchSize) : Math.ceil(n / this.batchSize);
  }

  /** A pass over the dataset. Throws a RuntimeError with `numWorkers` above 0, which needs `for await`. */
  [Symbol.iterator](): Generator<Batch<T, O>, void> {
    if (this.numWorkers > 0) {
      throw new RuntimeError(
        `numWorkers is ${this.numWorkers}: a loader that reads ahead is iterated over with \`for await (… of loader)\`; ` +
          'use numWorkers: 0 for a plain `for` loop',
      );
    }
    if (this.timeout > 0) throw new AssertionError('timeout needs num_workers > 0');
    const plan = this.plan();
    const pass = this.begin(
      plan,
      (stream) => readStream(stream),
      (keys) => readInOrder(plan, keys),
      false,
    );
    return pass as Generator<Batch<T, O>, void>;
  }

  /** A pass over the dataset that awaits its samples, and with `numWorkers` above 0 reads ahead. */
  [Symbol.asyncIterator](): AsyncGenerator<Batch<T, O>, void> {
    const workers = Math.max(this.numWorkers, 1);
    const ahead: Ahead = { workers, depth: this.numWorkers * this.prefetchFactor, timeout: this.timeout };
    const plan = this.plan();
    const pass = this.begin(
      plan,
      (stream) => BackgroundPass.overStream(stream, ahead),
      (keys) => BackgroundPass.overMap(plan, keys, ahead),
      true,
    );
    return pass as AsyncGenerator<Batch<T, O>, void>;
  }

  private plan(): Plan {
    return {
      dataset: this.dataset,
      batched: this.batchSampler !== null,
      dropLast: this.dropLast,
      collate: this.collateFn as (samples: unknown) => unknown,
    };
  }

  /** Opens the sampler, then draws the base seed, then opens an iterable dataset: PyTorch's order. */
  private begin<P>(
    plan: Plan,
    overStream: (stream: Stream) => P,
    overMap: (keys: Iterator<unknown>) => P,
    asynchronous: boolean,
  ): P {
    const keys = (this.batchSampler ?? this.sampler)[Symbol.iterator]();
    drawSeed(this.generator);
    if (!(this.dataset instanceof IterableDataset)) return overMap(keys);
    return overStream(new Stream(plan, this.batchSize ?? 1, asynchronous));
  }
}

function defaultSampler(dataset: unknown, s: Settings): Iterable<number> {
  const sized = dataset as { length: number };
  return s.shuffle === true
    ? new RandomSampler(sized, { generator: s.generator })
    : new SequentialSampler(sized);
}
