/** DataLoader in a plain `for` loop: batches, orders (recorded from PyTorch 1.13.1), errors, types. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as torch from '../../src/index.ts';

const { DataLoader, IterableDataset, RandomSampler, Subset, TensorDataset } = torch.data;
const seven = new TensorDataset(torch.arange(7));
const indices = (loader: Iterable<[torch.Tensor]>) => Array.from(loader, ([x]) => x.tolist());

class Count extends IterableDataset<number> {
  private readonly n: number;
  closed = 0;
  constructor(n: number) {
    super();
    this.n = n;
  }
  override *[Symbol.iterator](): Generator<number, void> {
    try {
      for (let i = 0; i < this.n; i++) yield i;
    } finally {
      this.closed++;
    }
  }
}

describe('order', () => {
  test('shuffled as PyTorch shuffles, pass after pass', () => {
    torch.manualSeed(0);
    const loader = new DataLoader(seven, { batchSize: 3, shuffle: true });
    assert.deepEqual(indices(loader), [[0, 4, 1], [5, 2, 6], [3]]);
    assert.deepEqual(indices(loader), [[3, 1, 4], [2, 5, 0], [6]]);
    const [a, b] = torch.rand(2).tolist() as number[];
    assert.ok(Math.abs(a - 0.455627977848053) < 1e-9 && Math.abs(b - 0.6323062777519226) < 1e-9);
  });

  test('with a generator the global stream stays untouched', () => {
    torch.manualSeed(0);
    const expected = torch.rand(1).item();
    torch.manualSeed(0);
    const generator = new torch.Generator().manualSeed(5);
    const loader = new DataLoader(seven, { batchSize: 3, shuffle: true, generator });
    assert.deepEqual(indices(loader), [[2, 4, 3], [5, 0, 6], [1]]);
    assert.deepEqual(indices(loader), [[4, 1, 0], [2, 3, 6], [5]]);
    assert.equal(torch.rand(1).item(), expected);
  });

  test('the base seed is drawn when a pass begins, the order with its first batch', () => {
    torch.manualSeed(0);
    const expected = indices(new DataLoader(seven, { batchSize: 7, shuffle: true }));
    torch.manualSeed(0);
    const pass = new DataLoader(seven, { batchSize: 7, shuffle: true })[Symbol.iterator]();
    assert.deepEqual(pass.next().value?.[0].tolist(), expected[0]);
    torch.manualSeed(0);
    new DataLoader(seven)[Symbol.iterator]();
    const afterBegin = torch.rand(1).item();
    torch.manualSeed(0);
    assert.notEqual(torch.rand(1).item(), afterBegin);
  });

  test('samplers and batch samplers', () => {
    torch.manualSeed(0);
    const sampler = new RandomSampler({ length: 6 }, { replacement: true });
    const drawn = Array.from(new DataLoader([0, 1, 2, 3, 4, 5], { batchSize: 2, sampler }), (x) =>
      x.tolist(),
    );
    assert.deepEqual(drawn, [
      [0, 3],
      [3, 2],
      [3, 3],
    ]);
    const batchSampler = [[1, 0], [6], [2, 3, 4]];
    const loader = new DataLoader(seven, { batchSampler });
    assert.deepEqual(indices(loader), batchSampler);
    assert.equal(loader.length, 3);
    assert.equal(loader.batchSize, null);
  });
});

describe('batches', () => {
  test('length and dropLast', () => {
    assert.equal(new DataLoader(seven, 3).length, 3);
    const whole = new DataLoader(seven, { batchSize: 3, dropLast: true });
    assert.equal(whole.length, 2);
    assert.deepEqual(indices(whole), [
      [0, 1, 2],
      [3, 4, 5],
    ]);
    assert.deepEqual(indices(new DataLoader(seven)).length, 7, 'one by one by default');
    assert.deepEqual([...new DataLoader<torch.Tensor>([])], []);
  });

  test('positional arguments', () => {
    torch.manualSeed(0);
    assert.deepEqual(indices(new DataLoader(seven, 3, true)), [[0, 4, 1], [5, 2, 6], [3]]);
    assert.deepEqual(indices(new DataLoader(seven, 3, false, { dropLast: true })).length, 2);
  });

  test('rows gathered at once are those read one by one', () => {
    const x = torch.randn([9, 2, 3], { generator: new torch.Generator().manualSeed(1) });
    const y = torch.arange(9);
    const part = new Subset(new Subset(new TensorDataset(x, y), [8, 6, 4, 2, 0, 1]), [5, 0, 3, 2]);
    class Plain extends TensorDataset<[torch.Tensor, torch.Tensor]> {
      reads = 0;
      override getItem(i: number): [torch.Tensor, torch.Tensor] {
        this.reads++;
        return super.getItem(i);
      }
    }
    const plain = new Plain(x, y);
    const slow = new Subset(plain, [1, 8, 2, 4]);
    const [[a, b]] = new DataLoader(part, { batchSize: 4 });
    const [[c, d]] = new DataLoader(slow, { batchSize: 4 });
    assert.equal(plain.reads, 4, 'a subclass is asked for every sample');
    assert.deepEqual(a.tolist(), c.tolist());
    assert.deepEqual(b.tolist(), d.tolist());
    assert.equal(b.dtype, torch.int64);
    const wrong = new DataLoader(seven, { sampler: [7] });
    assert.throws(() => [...wrong], {
      name: 'IndexError',
      message: 'index 7 is out of bounds for dimension 0 with size 7',
    });
    assert.deepEqual(indices(new DataLoader(seven, { sampler: [-1] })), [[6]]);
  });

  test('batchSize null: samples as they are', () => {
    const single = [...new DataLoader(seven, { batchSize: null })];
    assert.equal(single.length, 7);
    assert.deepEqual([...single[3][0].shape], []);
    const own = [...new DataLoader([1, 2], { batchSize: null, collateFn: (x) => x * 10 })];
    assert.deepEqual(own, [10, 20]);
  });

  test('collateFn and getItems', () => {
    const joined = [...new DataLoader(['a', 'b', 'c'], { batchSize: 2, collateFn: (s) => s.join('+') })];
    assert.deepEqual(joined, ['a+b', 'c']);
    const bulk = {
      length: 4,
      getItem: (_: number): number => assert.fail('getItems comes first'),
      getItems: (which: number[]) => which.map((i) => i * 2),
    };
    assert.deepEqual(
      Array.from(new DataLoader(bulk, { batchSize: 3 }), (x) => x.tolist()),
      [[0, 2, 4], [6]],
    );
  });

  test('an IterableDataset', () => {
    const ds = new Count(5);
    const lists = (loader: Iterable<torch.Tensor>) => Array.from(loader, (x) => x.tolist());
    assert.deepEqual(lists(new DataLoader(ds, { batchSize: 2 })), [[0, 1], [2, 3], [4]]);
    assert.deepEqual(lists(new DataLoader(ds, { batchSize: 2, dropLast: true })), [
      [0, 1],
      [2, 3],
    ]);
    assert.deepEqual([...new DataLoader(ds, { batchSize: null })], [0, 1, 2, 3, 4]);
    assert.throws(() => new DataLoader(ds).length, { name: 'TypeError', message: /has no len\(\)/ });
    ds.closed = 0;
    for (const _ of new DataLoader(ds)) break;
    assert.equal(ds.closed, 1, 'leaving the loop closes the stream');
  });
});

test('errors in PyTorch’s words', () => {
  const bad = (options: object) => options as never;
  const cases: [() => unknown, string, string][] = [
    [
      () => new DataLoader([], { shuffle: true }),
      'ValueError',
      'num_samples should be a positive integer value, but got num_samples=0',
    ],
    [
      () => new DataLoader([1], { batchSize: 0 }),
      'ValueError',
      'batch_size should be a positive integer value, but got batch_size=0',
    ],
    [
      () => new DataLoader([1], { numWorkers: -1 }),
      'ValueError',
      'num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.',
    ],
    [() => new DataLoader([1], { timeout: -1 }), 'ValueError', 'timeout option should be non-negative'],
    [
      () => new DataLoader([1], { prefetchFactor: 3 }),
      'ValueError',
      'prefetch_factor option could only be specified in multiprocessing.let num_workers > 0 to enable multiprocessing.',
    ],
    [
      () => new DataLoader([1], { persistentWorkers: true }),
      'ValueError',
      'persistent_workers option needs num_workers > 0',
    ],
    [
      () => new DataLoader([1], { sampler: [0], shuffle: true }),
      'ValueError',
      'sampler option is mutually exclusive with shuffle',
    ],
    [
      () => new DataLoader([1], { batchSampler: [[0]], batchSize: 2 }),
      'ValueError',
      'batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last',
    ],
    [
      () => new DataLoader([1], { batchSize: null, dropLast: true }),
      'ValueError',
      'batch_size=None option disables auto-batching and is mutually exclusive with drop_last',
    ],
    [
      () => new DataLoader(new Count(1), { shuffle: true }),
      'ValueError',
      'DataLoader with IterableDataset: expected unspecified shuffle option, but got shuffle=True',
    ],
  ];
  for (const [run, name, message] of cases) assert.throws(run, { name, message });
  assert.throws(() => new DataLoader([1], bad({ batchsize: 2 })), {
    name: 'TypeError',
    message: /unexpected keyword argument 'batchsize'/,
  });
  assert.throws(() => [...new DataLoader({ length: 1 } as never)], {
    name: 'AttributeError',
    message: /getItem/,
  });
  assert.throws(() => [...new DataLoader([1], { numWorkers: 2 })], {
    name: 'RuntimeError',
    message: /for await/,
  });
  assert.throws(() => [...new DataLoader([Promise.resolve(1)])], { name: 'TypeError', message: /for await/ });
  assert.throws(() => [...new DataLoader([1], { collateFn: async (x) => x })], { message: /for await/ });
});

type Equal<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false;
/** A claim about types: it does not compile where it is false. */
function claim<_T extends true>(): void {}

test('batches are typed by the samples', () => {
  type Pair = [torch.Tensor, torch.Tensor];
  const pairs = new TensorDataset(torch.ones(4), torch.ones(4));
  for (const batch of new DataLoader(pairs)) claim<Equal<typeof batch, Pair>>();
  for (const batch of new DataLoader(pairs, { batchSize: 2, shuffle: true }))
    claim<Equal<typeof batch, Pair>>();
  for (const batch of new DataLoader(pairs, 2, true)) claim<Equal<typeof batch, Pair>>();
  const size: number = 3;
  const counted = new DataLoader(pairs, { batchSize: size, collateFn: (samples) => samples.length });
  for (const batch of counted) claim<Equal<typeof batch, number>>();
  const firsts = new DataLoader(pairs, { batchSize: null, collateFn: (sample) => sample[0] });
  for (const batch of firsts) claim<Equal<typeof batch, torch.Tensor>>();
  for (const batch of new DataLoader(pairs, { batchSize: null })) claim<Equal<typeof batch, Pair>>();
  const [train] = torch.data.randomSplit(pairs, [2, 2]);
  for (const batch of new DataLoader(train)) claim<Equal<typeof batch, Pair>>();
  for (const batch of new DataLoader(['a'])) claim<Equal<typeof batch, string[]>>();
  const records = new DataLoader([{ a: 1, b: 'x' }]);
  for (const batch of records) claim<Equal<typeof batch, { a: torch.Tensor; b: string[] }>>();
  for (const batch of new DataLoader(new Count(1), { dropLast: true }))
    claim<Equal<typeof batch, torch.Tensor>>();
  const take = (loader: torch.data.DataLoader<Pair>): number => loader.length;
  assert.equal(take(new DataLoader(pairs, { batchSize: 4, shuffle: true })), 1);
  // @ts-expect-error no such option
  assert.throws(() => new DataLoader(pairs, { batchsize: 4 }));
});
