/** DataLoader in a `for await` loop: asynchronous datasets, reading ahead, errors on the way. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import * as torch from '../../src/index.ts';

const { DataLoader, Dataset, IterableDataset, TensorDataset } = torch.data;

/** Numbers that take a while, and a count of how many are being read at a time. */
class Slow extends Dataset<Promise<number>> {
  readonly length: number;
  reading = 0;
  most = 0;
  reads = 0;
  constructor(length: number) {
    super();
    this.length = length;
  }
  async getItem(i: number): Promise<number> {
    this.reads++;
    this.most = Math.max(this.most, ++this.reading);
    // Later samples come sooner: an order that depended on arrival would be another.
    await sleep(i % 2 === 0 ? 6 : 1);
    this.reading--;
    return i;
  }
}

async function collect<T>(batches: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const batch of batches) all.push(batch);
  return all;
}
const lists = async (batches: AsyncIterable<torch.Tensor>) => (await collect(batches)).map((x) => x.tolist());

describe('for await', () => {
  test('works without workers, and gives what the plain loop gives', async () => {
    const ds = new TensorDataset(torch.arange(7));
    torch.manualSeed(0);
    const loader = new DataLoader(ds, { batchSize: 3, shuffle: true });
    const first = (await collect(loader)).map(([x]) => x.tolist());
    assert.deepEqual(first, [[0, 4, 1], [5, 2, 6], [3]]);
    const slow = new Slow(5);
    assert.deepEqual(await lists(new DataLoader(slow, { batchSize: 2 })), [[0, 1], [2, 3], [4]]);
    assert.equal(slow.most, 1, 'one after the other');
  });

  test('reads ahead with workers, in order, no more at a time than there are workers', async () => {
    const slow = new Slow(20);
    const loader = new DataLoader(slow, { batchSize: 3, numWorkers: 4 });
    const batches = await lists(loader);
    assert.deepEqual(
      batches.flat(),
      Array.from({ length: 20 }, (_, i) => i),
    );
    assert.equal(batches.length, loader.length);
    assert.equal(slow.most, 4);
  });

  test('begins numWorkers · prefetchFactor batches before they are asked for', async () => {
    const slow = new Slow(100);
    const pass = new DataLoader(slow, { batchSize: 2, numWorkers: 2, prefetchFactor: 3 })[
      Symbol.asyncIterator
    ]();
    await sleep(80);
    assert.equal(slow.reads, 12);
    await pass.next();
    await sleep(30);
    assert.equal(slow.reads, 14, 'one more for the one that was taken');
    await pass.return();
    await sleep(10);
    assert.equal(slow.reads, 14, 'nothing after the end');
    assert.deepEqual(await pass.next(), { done: true, value: undefined });
  });

  test('the same shuffles with workers as without', async () => {
    torch.manualSeed(0);
    const ds = new TensorDataset(torch.arange(7));
    const loader = new DataLoader(ds, { batchSize: 3, shuffle: true, numWorkers: 2 });
    assert.deepEqual(
      (await collect(loader)).map(([x]) => x.tolist()),
      [[0, 4, 1], [5, 2, 6], [3]],
    );
  });

  test('an asynchronous collateFn is awaited', async () => {
    const loader = new DataLoader([1, 2, 3], { batchSize: 2, collateFn: async (x) => x.length });
    assert.deepEqual(await collect(loader), [2, 1]);
  });

  test('next may be called before the last one was answered', async () => {
    const pass = new DataLoader(new Slow(3), { numWorkers: 2 })[Symbol.asyncIterator]();
    const answers = await Promise.all([pass.next(), pass.next(), pass.next(), pass.next()]);
    assert.deepEqual(
      answers.map((a) => (a.done ? 'done' : a.value.item())),
      [0, 1, 2, 'done'],
    );
  });

  test('an error comes at its batch and ends the pass', async () => {
    class Broken extends Slow {
      override async getItem(i: number): Promise<number> {
        const x = await super.getItem(i);
        if (i === 3) throw new Error('sample 3 is broken');
        return x;
      }
    }
    for (const numWorkers of [0, 3]) {
      const seen: unknown[] = [];
      const read = async () => {
        for await (const x of new DataLoader(new Broken(8), { batchSize: 2, numWorkers }))
          seen.push(x.tolist());
      };
      await assert.rejects(read, /sample 3 is broken/);
      assert.deepEqual(seen, [[0, 1]], `with ${numWorkers} workers`);
    }
  });

  test('a pass that is given up leaves no unhandled error', async () => {
    class Failing extends Dataset<Promise<number>> {
      readonly length = 8;
      async getItem(i: number): Promise<number> {
        await sleep(1);
        if (i > 0) throw new Error('never seen');
        return i;
      }
    }
    for await (const _ of new DataLoader(new Failing(), { numWorkers: 3 })) break;
    await sleep(20);
  });

  test('a batch that takes too long', async () => {
    const never = { length: 1, getItem: () => new Promise<number>(() => {}) };
    const read = () => collect(new DataLoader(never, { numWorkers: 1, timeout: 0.02 }));
    await assert.rejects(read, { name: 'RuntimeError', message: 'DataLoader timed out after 0.02 seconds' });
  });

  test('asynchronous streams, with and without workers', async () => {
    class Lines extends IterableDataset<string> {
      closed = 0;
      override async *[Symbol.asyncIterator](): AsyncGenerator<string, void> {
        try {
          for (const line of ['a', 'b', 'c', 'd', 'e']) {
            await sleep(1);
            yield line;
          }
        } finally {
          this.closed++;
        }
      }
    }
    for (const numWorkers of [0, 2]) {
      const ds = new Lines();
      const loader = new DataLoader(ds, { batchSize: 2, numWorkers });
      assert.deepEqual(await collect(loader), [['a', 'b'], ['c', 'd'], ['e']]);
      for await (const _ of loader) break;
      assert.equal(ds.closed, 2, 'leaving the loop closes the stream');
      assert.deepEqual(await collect(new DataLoader(ds, { batchSize: 4, dropLast: true, numWorkers })), [
        ['a', 'b', 'c', 'd'],
      ]);
    }
    assert.throws(() => [...new DataLoader(new Lines())], {
      name: 'NotImplementedError',
      message: /for await/,
    });
  });

  test('what workers cannot do is said', () => {
    const workerInitFn = () => {};
    assert.throws(() => new DataLoader([1], { numWorkers: 1, workerInitFn }), {
      name: 'NotImplementedError',
    });
    assert.throws(() => new DataLoader([1], { numWorkers: 1, multiprocessingContext: 'fork' }), {
      name: 'NotImplementedError',
    });
    assert.throws(() => new DataLoader([1], { multiprocessingContext: 'fork' }), { name: 'ValueError' });
  });
});
