/** The order in which a loader visits a dataset. https://pytorch.org/docs/stable/data.html#data-loading-order-and-sampler */
import { parseSignature } from '../base/arguments.ts';
import { float64, int64 } from '../base/dtype.ts';
import { ArgumentTypeError, RuntimeError, ValueError } from '../base/errors.ts';
import { asTensor } from '../tensor/create.ts';
import { Generator as RandomGenerator, multinomial, randint, randperm } from '../tensor/random.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { bindAfter, isPositiveInteger, lengthOf, pythonText } from './arguments.ts';
import { drawSeed } from './seed.ts';

/** Anything that has a length: what samplers need to know of a dataset. */
export interface Sized {
  readonly length: number;
}

/**
 * Base of all samplers: iterable, a fresh order each time. Subclasses have `[Symbol.iterator]()`, and `length` (needed for the length of a
 * loader).
 */
export abstract class Sampler<T = number> {
  abstract [Symbol.iterator](): Iterator<T>;
}

/** A one-dimensional int64 tensor as numbers. */
function numbers(indices: Tensor): number[] {
  return indices.tolist() as number[];
}

/** 0, 1, 2, …: always the same order. https://pytorch.org/docs/stable/data.html#torch.utils.data.SequentialSampler */
export class SequentialSampler extends Sampler {
  readonly dataSource: Sized;

  constructor(dataSource: Sized) {
    super();
    this.dataSource = dataSource;
  }

  override *[Symbol.iterator](): Generator<number, void> {
    const n = lengthOf(this.dataSource);
    for (let i = 0; i < n; i++) yield i;
  }

  get length(): number {
    return lengthOf(this.dataSource);
  }
}

export interface RandomSamplerOptions {
  /** Draw every index anew; otherwise each comes once (per round). */
  replacement?: boolean;
  /** How many to draw: by default as many as there are. */
  numSamples?: number | null;
  /** Draw from this generator; by default from a private one, seeded anew at each iteration from the global stream. */
  generator?: RandomGenerator | null;
}

const randomSampler = parseSignature(
  'RandomSampler(dataSource, replacement=False, numSamples=None, generator=None)',
);

/**
 * A random order, PyTorch's for the same seed.
 * Throws a ValueError where nothing would be drawn.
 * https://pytorch.org/docs/stable/data.html#torch.utils.data.RandomSampler
 */
export class RandomSampler extends Sampler {
  readonly dataSource: Sized;
  readonly replacement: boolean;
  readonly generator: RandomGenerator | null;
  private readonly wanted: number | null;

  constructor(dataSource: Sized, options?: RandomSamplerOptions);
  constructor(
    dataSource: Sized,
    replacement?: boolean,
    numSamples?: number | null,
    generator?: RandomGenerator | null,
  );
  constructor(dataSource: Sized, ...rest: unknown[]) {
    super();
    const [, replacement = false, count, generator] = bindAfter(randomSampler, dataSource, rest);
    if (typeof replacement !== 'boolean') {
      throw new ArgumentTypeError(
        `replacement should be a boolean value, but got replacement=${pythonText(replacement)}`,
      );
    }
    this.dataSource = dataSource;
    this.replacement = replacement;
    this.wanted = (count as number | null | undefined) ?? null;
    this.generator = (generator as RandomGenerator | null | undefined) ?? null;
    checkCount(this.numSamples);
  }

  /** How many indices one iteration gives. */
  get numSamples(): number {
    return this.wanted ?? lengthOf(this.dataSource);
  }

  override *[Symbol.iterator](): Generator<number, void> {
    const n = lengthOf(this.dataSource);
    const count = this.numSamples;
    if (n === 0) throw new RuntimeError('cannot draw samples from a data source of length 0');
    const generator = this.generator ?? seeded();
    if (this.replacement) {
      // PyTorch draws in groups of 32; the draws are one stream either way, but a loop may stop between two groups.
      for (let left = count; left > 0; left -= 32) {
        yield* numbers(randint(0, n, [Math.min(left, 32)], { generator, dtype: int64 }));
      }
      return;
    }
    for (let round = 0; round < Math.floor(count / n); round++) yield* numbers(randperm(n, { generator }));
    // Drawn even when nothing is left over, as PyTorch does: the state of the generator afterwards depends on it.
    yield* numbers(randperm(n, { generator })).slice(0, count % n);
  }

  get length(): number {
    return this.numSamples;
  }
}

function seeded(): RandomGenerator {
  const seed = drawSeed(null);
  return new RandomGenerator().manualSeed(seed);
}

function checkCount(count: unknown): void {
  if (!isPositiveInteger(count)) {
    throw new ValueError(
      `num_samples should be a positive integer value, but got num_samples=${pythonText(count)}`,
    );
  }
}

const subsetSampler = parseSignature('SubsetRandomSampler(indices, generator=None)');

/** The given indices in random order. https://pytorch.org/docs/stable/data.html#torch.utils.data.SubsetRandomSampler */
export class SubsetRandomSampler<T = number> extends Sampler<T> {
  readonly indices: ArrayLike<T>;
  readonly generator: RandomGenerator | null;

  constructor(
    indices: ArrayLike<T>,
    generator?: RandomGenerator | null | { generator?: RandomGenerator | null },
  ) {
    super();
    const bound = bindAfter(subsetSampler, indices, generator === undefined ? [] : [generator]);
    this.indices = indices;
    this.generator = (bound[1] as RandomGenerator | null | undefined) ?? null;
  }

  override *[Symbol.iterator](): Generator<T, void> {
    for (const i of numbers(randperm(this.indices.length, { generator: this.generator })))
      yield this.indices[i];
  }

  get length(): number {
    return this.indices.length;
  }
}

export interface WeightedSamplerOptions {
  /** Draw every index anew (the default); otherwise each comes at most once. */
  replacement?: boolean;
  generator?: RandomGenerator | null;
}

const weightedSampler = parseSignature(
  'WeightedRandomSampler(weights, numSamples, replacement=True, generator=None)',
);

/**
 * Indices drawn with probabilities in proportion to `weights`, which need not sum to 1.
 * https://pytorch.org/docs/stable/data.html#torch.utils.data.WeightedRandomSampler
 */
export class WeightedRandomSampler extends Sampler {
  /** float64, one-dimensional. */
  readonly weights: Tensor;
  readonly numSamples: number;
  readonly replacement: boolean;
  readonly generator: RandomGenerator | null;

  constructor(weights: readonly number[] | Tensor, numSamples: number, options?: WeightedSamplerOptions);
  constructor(
    weights: readonly number[] | Tensor,
    numSamples: number,
    replacement?: boolean,
    generator?: RandomGenerator | null,
  );
  constructor(weights: readonly number[] | Tensor, ...rest: unknown[]) {
    super();
    const [, count, replacement = true, generator] = bindAfter(weightedSampler, weights, rest);
    checkCount(count);
    if (typeof replacement !== 'boolean') {
      throw new ValueError(
        `replacement should be a boolean value, but got replacement=${pythonText(replacement)}`,
      );
    }
    const tensor = asTensor(weights, { dtype: float64 });
    if (tensor.ndim !== 1) {
      throw new ValueError(
        `weights should be a 1d sequence but given weights have shape (${tensor.sizes.join(', ')})`,
      );
    }
    this.weights = tensor;
    this.numSamples = count as number;
    this.replacement = replacement;
    this.generator = (generator as RandomGenerator | null | undefined) ?? null;
  }

  override *[Symbol.iterator](): Generator<number, void> {
    const { weights, numSamples, replacement, generator } = this;
    yield* numbers(multinomial(weights, numSamples, replacement, { generator }));
  }

  get length(): number {
    return this.numSamples;
  }
}

const batchSampler = parseSignature('BatchSampler(sampler, batchSize, dropLast)');

/**
 * The indices of another sampler in groups of `batchSize`; with `dropLast` without the last, smaller one.
 * https://pytorch.org/docs/stable/data.html#torch.utils.data.BatchSampler
 *
 * @example
 * ```ts
 * const ten = new torch.data.SequentialSampler({ length: 10 });
 * console.log([...new torch.data.BatchSampler(ten, 4, false)]); // => [ [ 0, 1, 2, 3 ], [ 4, 5, 6, 7 ], [ 8, 9 ] ]
 * ```
 */
export class BatchSampler<T = number> extends Sampler<T[]> {
  readonly sampler: Iterable<T>;
  readonly batchSize: number;
  readonly dropLast: boolean;

  constructor(sampler: Iterable<T>, options: { batchSize: number; dropLast: boolean });
  constructor(sampler: Iterable<T>, batchSize: number, dropLast: boolean | { dropLast: boolean });
  constructor(sampler: Iterable<T>, ...rest: unknown[]) {
    super();
    const [, batchSize, dropLast] = bindAfter(batchSampler, sampler, rest);
    if (!isPositiveInteger(batchSize)) {
      throw new ValueError(
        `batch_size should be a positive integer value, but got batch_size=${pythonText(batchSize)}`,
      );
    }
    if (typeof dropLast !== 'boolean') {
      throw new ValueError(`drop_last should be a boolean value, but got drop_last=${pythonText(dropLast)}`);
    }
    this.sampler = sampler;
    this.batchSize = batchSize;
    this.dropLast = dropLast;
  }

  override *[Symbol.iterator](): Generator<T[], void> {
    let batch: T[] = [];
    for (const index of this.sampler) {
      batch.push(index);
      if (batch.length < this.batchSize) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0 && !this.dropLast) yield batch;
  }

  get length(): number {
    const n = lengthOf(this.sampler);
    return this.dropLast ? Math.floor(n / this.batchSize) : Math.ceil(n / this.batchSize);
  }
}
