/** Datasets: what they hold, how they combine, what they refuse. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as torch from '../../src/index.ts';

const { ChainDataset, ConcatDataset, Dataset, IterableDataset, Subset, TensorDataset } = torch.data;

class Range extends Dataset<number> {
  private readonly from: number;
  private readonly to: number;
  constructor(from: number, to: number) {
    super();
    this.from = from;
    this.to = to;
  }
  get length(): number {
    return this.to - this.from;
  }
  getItem(i: number): number {
    if (i < 0 || i >= this.length) throw new torch.IndexError(`no sample ${i}`);
    return this.from + i;
  }
}

class Stream extends IterableDataset<number> {
  private readonly values: readonly number[];
  constructor(...values: number[]) {
    super();
    this.values = values;
  }
  override *[Symbol.iterator](): Generator<number, void> {
    yield* this.values;
  }
  get length(): number {
    return this.values.length;
  }
}

class SlowStream extends IterableDataset<number> {
  override async *[Symbol.asyncIterator](): AsyncGenerator<number, void> {
    yield 7;
    yield 8;
  }
}

describe('TensorDataset', () => {
  const x = torch.arange(6).reshape([3, 2]);
  const y = torch.tensor([10, 20, 30]);

  test('a sample is a row of every tensor', () => {
    const ds = new TensorDataset(x, y);
    assert.equal(ds.length, 3);
    const [row, label] = ds.getItem(1);
    assert.deepEqual(row.tolist(), [2, 3]);
    assert.equal(label.item(), 20);
    assert.deepEqual(ds.getItem(-1)[0].tolist(), [4, 5]);
  });

  test('lengths have to agree, indices to exist', () => {
    assert.throws(() => new TensorDataset(x, torch.ones(2)), {
      name: 'AssertionError',
      message: 'Size mismatch between tensors',
    });
    assert.throws(() => new TensorDataset(x).getItem(3), {
      name: 'IndexError',
      message: 'index 3 is out of bounds for dimension 0 with size 3',
    });
  });
});

describe('combining', () => {
  test('Subset reads through its indices', () => {
    const part = new Subset(new Range(10, 20), [3, 0, 9]);
    assert.equal(part.length, 3);
    assert.deepEqual([part.getItem(0), part.getItem(1), part.getItem(2), part.getItem(-1)], [13, 10, 19, 19]);
    assert.throws(() => part.getItem(3), { name: 'IndexError', message: 'list index out of range' });
    assert.equal(new Subset(['a', 'b'], [1]).getItem(0), 'b');
  });

  test('ConcatDataset goes on where the last one ends', () => {
    const both = new Range(0, 3).add(new Range(10, 12));
    assert.ok(both instanceof ConcatDataset);
    assert.deepEqual(both.cumulativeSizes, [3, 5]);
    assert.deepEqual(
      Array.from({ length: both.length }, (_, i) => both.getItem(i)),
      [0, 1, 2, 10, 11],
    );
    assert.equal(both.getItem(-1), 11);
    assert.equal(both.getItem(-5), 0);
    assert.throws(() => both.getItem(-6), {
      name: 'ValueError',
      message: 'absolute value of index should not exceed dataset length',
    });
    assert.throws(() => both.getItem(5), { name: 'IndexError', message: 'list index out of range' });
  });

  test('ConcatDataset takes map-style datasets, and at least one', () => {
    assert.throws(() => new ConcatDataset([]), {
      name: 'AssertionError',
      message: 'datasets should not be an empty iterable',
    });
    assert.throws(() => new ConcatDataset([new Stream(1) as unknown as Range]), {
      name: 'AssertionError',
      message: 'ConcatDataset does not support IterableDataset',
    });
  });

  test('ChainDataset reads one after the other', () => {
    const chain = new Stream(1, 2).add(new Stream(3));
    assert.ok(chain instanceof ChainDataset);
    assert.equal(chain.length, 3);
    assert.deepEqual([...chain], [1, 2, 3]);
    assert.deepEqual([...chain], [1, 2, 3], 'a second time as well');
    const wrong = new ChainDataset([new Range(0, 2) as unknown as Stream]);
    assert.throws(() => [...wrong], /ChainDataset only supports IterableDataset/);
  });

  test('ChainDataset mixes synchronous and asynchronous parts', async () => {
    const chain = new Stream(1).add(new SlowStream());
    const seen: number[] = [];
    for await (const x of chain as AsyncIterable<number>) seen.push(x);
    assert.deepEqual(seen, [1, 7, 8]);
    assert.throws(() => [...chain], { name: 'NotImplementedError', message: /for await/ });
  });

  test('an IterableDataset without an iterator says so', () => {
    class Nothing extends IterableDataset<number> {}
    assert.throws(() => [...new Nothing()], { name: 'NotImplementedError', message: /Nothing has neither/ });
  });
});
