/** Collating: every kind of sample, and what is refused. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as torch from '../../src/index.ts';

const { defaultCollate, defaultConvert } = torch.data;

describe('defaultCollate', () => {
  test('tensors are stacked', () => {
    const batch = defaultCollate([torch.tensor([1, 2]), torch.tensor([3, 4])]);
    assert.deepEqual(batch.tolist(), [
      [1, 2],
      [3, 4],
    ]);
    const leaf = torch.tensor([1, 2], { requiresGrad: true });
    defaultCollate([leaf, torch.zeros(2)])
      .sum()
      .backward();
    assert.deepEqual(leaf.grad?.tolist(), [1, 1], 'gradients flow through a batch');
  });

  test('numbers, bigints and booleans become tensors of the dtype that torch.tensor gives them', () => {
    assert.equal(defaultCollate([1, 2.5]).dtype, torch.float32);
    assert.equal(defaultCollate([1, 2]).dtype, torch.float32, 'whole by chance: the same dtype');
    assert.equal(defaultCollate([1n, 2n]).dtype, torch.int64);
    assert.equal(defaultCollate([true, false]).dtype, torch.bool);
    assert.deepEqual(defaultCollate([3n, 4n]).tolist(), [3, 4]);
  });

  test('strings stay as they are', () => {
    assert.deepEqual(defaultCollate(['a', 'b']), ['a', 'b']);
  });

  test('typed arrays count as tensors', () => {
    const batch = defaultCollate([new Uint8Array([1, 2]), new Uint8Array([3, 4])]);
    assert.equal(batch.dtype, torch.uint8);
    assert.deepEqual([...batch.shape], [2, 2]);
  });

  test('arrays, objects and Maps are collated entry by entry', () => {
    const [x, y] = defaultCollate<[number, string]>([
      [1, 'x'],
      [2, 'y'],
    ]);
    assert.deepEqual(x.tolist(), [1, 2]);
    assert.deepEqual(y, ['x', 'y']);
    const { a, b } = defaultCollate([
      { a: 1n, b: { c: true } },
      { a: 2n, b: { c: false } },
    ]);
    assert.deepEqual(a.tolist(), [1, 2]);
    assert.deepEqual(b.c.tolist(), [true, false]);
    const map = defaultCollate([
      new Map([[5, 'p']]),
      new Map([
        [5, 'q'],
        [6, 'r'],
      ]),
    ]);
    assert.deepEqual([...map], [[5, ['p', 'q']]], 'the keys of the first sample, as in PyTorch');
  });

  test('what it refuses', () => {
    const found = (type: string) => ({
      name: 'TypeError',
      message: `default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found <class '${type}'>`,
    });
    class Point {
      x = 1;
    }
    assert.throws(() => defaultCollate([null]), found('NoneType'));
    assert.throws(() => defaultCollate([undefined]), found('NoneType'));
    assert.throws(() => defaultCollate([new Point()]), found('Point'));
    assert.throws(() => defaultCollate([() => 1]), found('function'));
    assert.throws(() => defaultCollate([[1], [1, 2]]), {
      name: 'RuntimeError',
      message: 'each element in list of batch should be of equal size',
    });
    assert.throws(() => defaultCollate<object>([{ a: 1 }, { b: 1 }]), { name: 'KeyError', message: "'a'" });
    assert.throws(() => defaultCollate([new Map([[1, 2]]), new Map([[2, 2]])]), {
      name: 'KeyError',
      message: '1',
    });
    assert.throws(() => defaultCollate([torch.ones(1), torch.ones(2)]), {
      name: 'RuntimeError',
      message: 'stack expects each tensor to be equal size, but got [1] at entry 0 and [2] at entry 1',
    });
    assert.throws(() => defaultCollate([]), { name: 'IndexError' });
  });
});

describe('defaultConvert', () => {
  test('typed arrays become tensors wherever they are, the rest stays', () => {
    const point = new Date(0);
    const [array, number, nested, other] = defaultConvert([
      new Float64Array([1]),
      2,
      { b: new Int32Array([3]) },
      point,
    ] as const);
    assert.equal(array.dtype, torch.float64);
    assert.equal(number, 2);
    assert.equal((nested as unknown as { b: torch.Tensor }).b.dtype, torch.int32);
    assert.equal(other, point);
    const map = defaultConvert(new Map([['k', new Uint8Array(2)]]));
    assert.ok(map.get('k') instanceof torch.Tensor);
  });
});
