/** Samplers and random splits: PyTorch's orders (recorded from 1.13.1), lengths, errors. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as torch from '../../src/index.ts';

const {
  BatchSampler,
  RandomSampler,
  SequentialSampler,
  SubsetRandomSampler,
  WeightedRandomSampler,
  randomSplit,
} = torch.data;
const range = (n: number) => ({ length: n, getItem: (i: number) => i });
const seeded = (seed: number) => new torch.Generator().manualSeed(seed);

describe('samplers', () => {
  test('SequentialSampler', () => {
    const sampler = new SequentialSampler(range(4));
    assert.equal(sampler.length, 4);
    assert.deepEqual([...sampler, ...sampler], [0, 1, 2, 3, 0, 1, 2, 3]);
  });

  test('RandomSampler draws its own seed from the global stream', () => {
    torch.manualSeed(0);
    assert.deepEqual([...new RandomSampler(range(10))], [6, 9, 0, 7, 3, 5, 4, 2, 1, 8]);
    const sampler = new RandomSampler(range(10));
    assert.notDeepEqual([...sampler], [...sampler], 'a new order in each pass');
  });

  test('RandomSampler with replacement', () => {
    torch.manualSeed(0);
    const drawn = [...new RandomSampler(range(10), { replacement: true, numSamples: 70 })];
    assert.equal(drawn.length, 70);
    assert.deepEqual(drawn.slice(0, 10), [6, 0, 4, 3, 9, 5, 7, 8, 9, 1]);
    assert.deepEqual(drawn.slice(30, 36), [2, 9, 4, 6, 8, 8], 'across the first group of 32');
    assert.deepEqual(drawn.slice(64), [9, 9, 2, 1, 7, 0]);
    assert.ok(Math.abs((torch.rand(1).item() as number) - 0.08847743272781372) < 1e-9, 'one seed was drawn');
  });

  test('RandomSampler with a generator: numSamples beyond the length, and the state afterwards', () => {
    const generator = seeded(3);
    const sampler = new RandomSampler(range(4), false, 10, generator);
    assert.equal(sampler.length, 10);
    assert.deepEqual([...sampler], [2, 3, 1, 0, 3, 2, 1, 0, 0, 3]);
    assert.deepEqual(torch.randint(100, [3], { generator }).tolist(), [39, 14, 91]);
  });

  test('SubsetRandomSampler and WeightedRandomSampler', () => {
    torch.manualSeed(0);
    assert.deepEqual([...new SubsetRandomSampler([5, 7, 9, 11])], [5, 7, 11, 9]);
    torch.manualSeed(0);
    const weights = [0.1, 0.9, 0.4, 0.7, 3.0, 0.6];
    assert.deepEqual([...new WeightedRandomSampler(weights, 8)], [5, 4, 4, 5, 4, 4, 2, 3]);
    assert.deepEqual([...new WeightedRandomSampler(weights, 4, { replacement: false })], [4, 3, 1, 2]);
    const generator = seeded(1);
    const first = [...new WeightedRandomSampler(weights, 3, true, generator)];
    assert.deepEqual([...new WeightedRandomSampler(weights, 3, { generator: seeded(1) })], first);
    assert.deepEqual([...new SubsetRandomSampler(['a', 'b', 'c'], { generator: seeded(1) })].sort(), [
      'a',
      'b',
      'c',
    ]);
  });

  test('BatchSampler', () => {
    const seven = new SequentialSampler(range(7));
    assert.deepEqual([...new BatchSampler(seven, 3, false)], [[0, 1, 2], [3, 4, 5], [6]]);
    assert.deepEqual(
      [...new BatchSampler(seven, 3, true)],
      [
        [0, 1, 2],
        [3, 4, 5],
      ],
    );
    assert.equal(new BatchSampler(seven, 3, false).length, 3);
    assert.equal(new BatchSampler(seven, { batchSize: 3, dropLast: true }).length, 2);
    assert.throws(() => new BatchSampler(new Set([1]), 2, false).length, {
      name: 'TypeError',
      message: /has no len\(\)/,
    });
  });

  test('errors in PyTorch’s words', () => {
    const bad = (x: unknown) => x as never;
    const count = 'num_samples should be a positive integer value, but got num_samples=';
    const cases: [() => unknown, string, string][] = [
      [() => new RandomSampler([]), 'ValueError', `${count}0`],
      [() => new RandomSampler(range(3), { numSamples: 1.5 }), 'ValueError', `${count}1.5`],
      [
        () => new RandomSampler(range(3), { replacement: bad(1) }),
        'TypeError',
        'replacement should be a boolean value, but got replacement=1',
      ],
      [
        () => new BatchSampler([0], bad(true), false),
        'ValueError',
        'batch_size should be a positive integer value, but got batch_size=True',
      ],
      [
        () => new BatchSampler([0], 2, bad(1)),
        'ValueError',
        'drop_last should be a boolean value, but got drop_last=1',
      ],
      [
        () => new WeightedRandomSampler(bad([[1, 2]]), 2),
        'ValueError',
        'weights should be a 1d sequence but given weights have shape (1, 2)',
      ],
      [() => new WeightedRandomSampler([1], 0), 'ValueError', `${count}0`],
    ];
    for (const [run, name, message] of cases) assert.throws(run, { name, message });
    assert.throws(() => [...new RandomSampler([], { numSamples: 3 })], { name: 'RuntimeError' });
    assert.throws(() => new RandomSampler(range(3), bad({ numSample: 2 })), {
      name: 'TypeError',
      message: /unexpected keyword argument 'numSample'/,
    });
  });
});

describe('randomSplit', () => {
  test('by lengths and by fractions', () => {
    torch.manualSeed(0);
    const thirds = randomSplit(range(10), [0.5, 0.3, 0.2]).map((part) => part.indices);
    assert.deepEqual(thirds, [
      [4, 1, 7, 5, 3],
      [9, 0, 8],
      [6, 2],
    ]);
    torch.manualSeed(0);
    assert.deepEqual(
      randomSplit(range(10), [5, 3, 2]).map((part) => part.indices),
      thirds,
    );
  });

  test('what is left over goes round from the first part', () => {
    const parts = randomSplit(range(10), [0.34, 0.33, 0.33], { generator: seeded(42) });
    assert.deepEqual(
      parts.map((part) => part.indices),
      [
        [2, 6, 1, 8],
        [4, 5, 0],
        [9, 3, 7],
      ],
    );
    assert.deepEqual(
      randomSplit(range(10), [0.34, 0.33, 0.33], seeded(42)).map((part) => part.length),
      [4, 3, 3],
    );
  });

  test('errors', () => {
    assert.throws(() => randomSplit(range(10), [3, 8]), {
      name: 'ValueError',
      message: 'Sum of input lengths does not equal the length of the input dataset!',
    });
    assert.throws(() => randomSplit(range(10), [1.5, -0.5]), {
      name: 'ValueError',
      message: 'Fraction at index 0 is not between 0 and 1',
    });
  });
});
