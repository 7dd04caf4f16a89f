/** Datasets. https://pytorch.org/docs/stable/data.html#dataset-types */
import { pythonType } from '../base/arguments.ts';
import { AssertionError, IndexError, NotImplementedError, ValueError } from '../base/errors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { itemOf, lengthOf } from './arguments.ts';

/** What can be read by index: anything with `length` and `getItem(i)`, or an array. */
export type MapStyle<T> = { readonly length: number; getItem(index: number): T } | ArrayLike<T>;

/**
 * A map-style dataset: samples by index. Subclasses have `length` (Python's `len(ds)`) and `getItem(i)` (`ds[i]`).
 * A dataset that reads its samples asynchronously is a `Dataset<Promise<Sample>>`; a DataLoader awaits them in `for await`.
 * https://pytorch.org/docs/stable/data.html#torch.utils.data.Dataset
 *
 * @example
 * ```ts
 * class Squares extends torch.data.Dataset<[torch.Tensor, torch.Tensor]> {
 *   get length(): number {
 *     return 4;
 *   }
 *   getItem(i: number): [torch.Tensor, torch.Tensor] {
 *     return [torch.tensor([i]), torch.tensor([i * i])];
 *   }
 * }
 * for (const [x, y] of new torch.data.DataLoader(new Squares(), { batchSize: 4 })) {
 *   console.log(x.flatten()); // => tensor([0., 1., 2., 3.])
 *   console.log(y.flatten()); // => tensor([0., 1., 4., 9.])
 * }
 * ```
 */
export abstract class Dataset<T> {
  /** The number of samples. */
  abstract get length(): number;

  /** The sample at `index`. */
  abstract getItem(index: number): T;

  /** Both datasets, one after the other: Python's `a + b`. */
  add<U>(other: MapStyle<U>): ConcatDataset<T | U> {
    return new ConcatDataset<T | U>([this, other]);
  }
}

/**
 * A dataset that is read from front to back. Subclasses have `[Symbol.iterator]()`, or `[Symbol.asyncIterator]()` for what arrives
 * asynchronously (then a DataLoader is iterated with `for await`); and `length` where it is known.
 * https://pytorch.org/docs/stable/data.html#torch.utils.data.IterableDataset
 *
 * @example
 * ```ts
 * class Countdown extends torch.data.IterableDataset<bigint> {
 *   override *[Symbol.iterator](): Iterator<bigint> {
 *     for (let i = 3n; i > 0n; i--) yield i;
 *   }
 * }
 * const loader = new torch.data.DataLoader(new Countdown(), { batchSize: 2 });
 * console.log(Array.from(loader, (batch) => batch.tolist())); // => [ [ 3, 2 ], [ 1 ] ]
 * ```
 */
export abstract class IterableDataset<T> {
  [Symbol.iterator](): Iterator<T> {
    if (this[Symbol.asyncIterator] !== undefined) {
      throw new NotImplementedError(
        `${this.constructor.name} is read asynchronously: iterate with \`for await (… of loader)\``,
      );
    }
    throw new NotImplementedError(
      `${this.constructor.name} has neither [Symbol.iterator]() nor [Symbol.asyncIterator]()`,
    );
  }

  [Symbol.asyncIterator]?(): AsyncIterator<Awaited<T>>;

  /** Both datasets, one after the other: Python's `a + b`. */
  add<U>(other: IterableDataset<U>): ChainDataset<T | U> {
    return new ChainDataset<T | U>([this, other]);
  }
}

/**
 * Tensors of equal first size; a sample is the list of their rows.
 * Throws an AssertionError for tensors of different lengths.
 * https://pytorch.org/docs/stable/data.html#torch.utils.data.TensorDataset
 */
export class TensorDataset<T extends readonly Tensor[] = Tensor[]> extends Dataset<T> {
  readonly tensors: T;

  constructor(...tensors: T) {
    super();
    if (tensors.some((t) => t.size(0) !== tensors[0].size(0))) {
      throw new AssertionError('Size mismatch between tensors');
    }
    this.tensors = tensors;
  }

  get length(): number {
    return this.tensors[0].size(0);
  }

  getItem(index: number): T {
    return this.tensors.map((t) => t.index(index)) as readonly Tensor[] as T;
  }
}

/**
 * The samples of `dataset` at `indices`.
 * https://pytorch.org/docs/stable/data.html#torch.utils.data.Subset
 */
export class Subset<T> extends Dataset<T> {
  readonly dataset: MapStyle<T>;
  readonly indices: readonly number[];

  constructor(dataset: MapStyle<T>, indices: readonly number[]) {
    super();
    this.dataset = dataset;
    this.indices = indices;
  }

  get length(): number {
    return this.indices.length;
  }

  getItem(index: number): T {
    return itemOf(this.dataset, pick(this.indices, index)) as T;
  }
}

/** Python's `list[i]`: negative indices count from the end. */
function pick(indices: readonly number[], index: number): number {
  const at = index < 0 ? index + indices.length : index;
  const found = indices[at];
  if (found === undefined) throw new IndexError('list index out of range');
  return found;
}

/**
 * Several map-style datasets as one.
 * Throws an AssertionError for an empty list and for an IterableDataset.
 * https://pytorch.org/docs/stable/data.html#torch.utils.data.ConcatDataset
 */
export class ConcatDataset<T> extends Dataset<T> {
  readonly datasets: readonly MapStyle<T>[];
  /** Where each dataset ends. */
  readonly cumulativeSizes: readonly number[];

  constructor(datasets: Iterable<MapStyle<T>>) {
    super();
    this.datasets = [...datasets];
    if (this.datasets.length === 0) throw new AssertionError('datasets should not be an empty iterable');
    if (this.datasets.some((d) => d instanceof IterableDataset)) {
      throw new AssertionError('ConcatDataset does not support IterableDataset');
    }
    let end = 0;
    this.cumulativeSizes = this.datasets.map((d) => (end += lengthOf(d)));
  }

  get length(): number {
    return this.cumulativeSizes.at(-1) as number;
  }

  getItem(index: number): T {
    const at = index < 0 ? index + this.length : index;
    if (at < 0) throw new ValueError('absolute value of index should not exceed dataset length');
    const which = this.cumulativeSizes.findIndex((end) => at < end);
    if (which < 0) throw new IndexError('list index out of range');
    return itemOf(this.datasets[which], at - (which === 0 ? 0 : this.cumulativeSizes[which - 1])) as T;
  }
}

/**
 * Several iterable datasets, one after the other.
 * Throws an AssertionError (when it is read) for a dataset that is not an IterableDataset.
 * https://pytorch.org/docs/stable/data.html#torch.utils.data.ChainDataset
 */
export class ChainDataset<T> extends IterableDataset<T> {
  readonly datasets: readonly IterableDataset<T>[];

  constructor(datasets: Iterable<IterableDataset<T>>) {
    super();
    this.datasets = [...datasets];
    // Asynchronous only where one of its parts is: otherwise it can be read both ways.
    if (this.datasets.some((d) => d[Symbol.asyncIterator] !== undefined)) {
      this[Symbol.asyncIterator] = this.readAsync;
    }
  }

  get length(): number {
    return this.parts().reduce((sum, d) => sum + lengthOf(d), 0);
  }

  override *[Symbol.iterator](): Iterator<T> {
    for (const d of this.parts()) yield* d;
  }

  private async *readAsync(): AsyncGenerator<Awaited<T>> {
    for (const d of this.parts()) {
      if (d[Symbol.asyncIterator] === undefined) for (const x of d) yield await x;
      else yield* { [Symbol.asyncIterator]: () => d[Symbol.asyncIterator]?.() as AsyncIterator<Awaited<T>> };
    }
  }

  private parts(): readonly IterableDataset<T>[] {
    for (const d of this.datasets) {
      if (!(d instanceof IterableDataset)) {
        throw new AssertionError(`ChainDataset only supports IterableDataset, but got ${pythonType(d)}`);
      }
    }
    return this.datasets;
  }
}
