/** Sorting and statistics by order. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as torch from 'typetorch';
import { compareValues, firstOf, positionOf } from '../../src/ops/sorting/order.ts';
import { radixOrder, type SortableRow } from '../../src/ops/sorting/radix.ts';
import { checkTable } from './check.ts';
import { table } from './samples/sorting.ts';

checkTable(table);

/** Numbers with repetitions, edges and NaN, without pattern. */
function numbers(count: number): number[] {
  const edges = [
    Number.NaN,
    0,
    -0,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    5e-324,
    -1e-40,
    1e300,
  ];
  return Array.from({ length: count }, (_, i) => {
    const n = (i * 7919 + 13) % 1009;
    return n < 200 ? edges[n % edges.length] : Math.round(Math.sin(n) * 50) * (n % 3 === 0 ? 1e6 : 0.25);
  });
}

/** The order by comparisons: Array.prototype.sort is stable. */
function orderByComparison(row: ArrayLike<number | bigint>, descending: boolean): number[] {
  const sign = descending ? -1 : 1;
  return Array.from({ length: row.length }, (_, i) => i).sort((a, b) => sign * compareValues(row[a], row[b]));
}

describe('long rows are ordered digit by digit', () => {
  const values = numbers(3000);
  const whole = values.map((v) => (Number.isFinite(v) ? Math.trunc(v) : 7));
  const rows: Record<string, SortableRow> = {
    float32: Float32Array.from(values),
    float64: Float64Array.from(values),
    int32: Int32Array.from(whole),
    int16: Int16Array.from(whole),
    int8: Int8Array.from(whole),
    uint8: Uint8Array.from(whole),
    int64: BigInt64Array.from(whole, (v, i) => BigInt(v) * (i % 2 === 0 ? 1n : 2n ** 33n)),
  };
  for (const [name, row] of Object.entries(rows)) {
    test(name, () => {
      for (const descending of [false, true]) {
        assert.deepEqual([...radixOrder(row, descending)], orderByComparison(row, descending));
      }
    });
  }
});

describe('the element of a rank, and the first of all, are found without sorting', () => {
  for (const count of [1, 2, 7, 300, 3000, 5000]) {
    const values = numbers(count);
    const whole = values.map((v) => (Number.isFinite(v) ? Math.trunc(v) : 7));
    const rows: Record<string, SortableRow> = {
      float32: Float32Array.from(values),
      float64: Float64Array.from(values),
      'float64 of one value': new Float64Array(count).fill(2),
      'float64 of NaN': new Float64Array(count).fill(Number.NaN),
      'float64 in order': Float64Array.from({ length: count }, (_, i) => i),
      'float64 against the order': Float64Array.from({ length: count }, (_, i) => -i / 3),
      'float64 that differ little': Float64Array.from(
        { length: count },
        (_, i) => 1 + ((i * 7) % 50) * 2 ** -52,
      ),
      int32: Int32Array.from(whole),
      int8: Int8Array.from(whole),
      uint8: Uint8Array.from(whole),
      int64: BigInt64Array.from(whole, (v, i) => BigInt(v) * (i % 2 === 0 ? 1n : 2n ** 33n)),
    };
    for (const [name, row] of Object.entries(rows)) {
      test(`${count} ${name}`, () => {
        const ranks = [0, 1, count >> 3, count >> 1, count - 2, count - 1].filter((r) => r >= 0 && r < count);
        const order = orderByComparison(row, false);
        for (const rank of ranks) assert.equal(positionOf(row, rank), order[rank], `rank ${rank}`);
        for (const descending of [false, true]) {
          const all = orderByComparison(row, descending);
          for (const first of [0, 1, 40, count >> 3, count]) {
            if (first > count) continue;
            assert.deepEqual(
              [...Array.from(firstOf(row, first, descending))].slice(0, first),
              all.slice(0, first),
            );
          }
        }
      });
    }
  }
});

describe('functions of long rows', () => {
  const x = torch.tensor(numbers(1000), { dtype: torch.float64 });
  const list = [...x.toTypedArray()] as number[];
  for (const largest of [true, false]) {
    test(`topk, largest ${largest}`, () => {
      const order = orderByComparison(list, largest);
      for (const k of [1, 5, 32, 400]) {
        const { values, indices } = x.topk(k, { largest });
        assert.deepEqual([...indices.toTypedArray()].map(Number), order.slice(0, k));
        assert.deepEqual(
          [...values.toTypedArray()],
          order.slice(0, k).map((i) => list[i]),
        );
      }
    });
  }

  test('sort along a dimension', () => {
    const { values, indices } = x.reshape(500, 2).sort(0, true);
    const column = list.filter((_, i) => i % 2 === 1);
    const order = orderByComparison(column, true);
    assert.deepEqual([...indices.select(1, 1).toTypedArray()].map(Number), order);
    assert.deepEqual(
      [...values.select(1, 1).toTypedArray()],
      order.map((i) => column[i]),
    );
  });

  test('unique', () => {
    const y = x.nanToNum();
    const [values, inverse, counts] = y.unique({ returnInverse: true, returnCounts: true });
    assert.equal(values.size(0), new Set(y.tolist() as number[]).size);
    assert.ok(values.indexSelect(0, inverse).equal(y));
    assert.equal(counts.sum().item(), 1000);
  });
});

describe('whole numbers are counted in a table', () => {
  const kinds = ['uint8', 'int8', 'int16', 'int32', 'int64', 'bool'] as const;
  for (const kind of kinds) {
    test(`unique of ${kind}, near and far apart`, () => {
      const dtype = torch[kind];
      for (const spread of [3, 40, 2 ** 20]) {
        const given = Array.from({ length: 60 }, (_, i) => ((i * 37) % 11) * spread - 2 * spread);
        const x = torch.tensor(given).to(torch.int64).to(dtype).reshape([6, 10]);
        const list = (x.to(torch.int64).reshape([-1]).tolist() as (number | bigint)[]).map(Number);
        const values = [...new Set(list)].sort((a, b) => a - b);
        const [found, inverse, counts] = x.unique({
          returnInverse: true,
          returnCounts: true,
        }) as torch.Tensor[];
        assert.equal(found.dtype, dtype);
        assert.deepEqual(found.to(torch.float64).tolist(), values);
        assert.deepEqual(inverse.sizes, [6, 10]);
        assert.deepEqual(
          inverse.reshape([-1]).to(torch.float64).tolist(),
          list.map((v) => values.indexOf(v)),
        );
        assert.deepEqual(
          counts.to(torch.float64).tolist(),
          values.map((v) => list.filter((w) => w === v).length),
        );
      }
    });
  }

  test('bincount refuses what is negative or no vector', () => {
    const message = /bincount only supports 1-d non-negative integral inputs/;
    const int = (data: number[] | number[][]): torch.Tensor => torch.tensor(data, { dtype: torch.int64 });
    assert.throws(() => int([1, -1]).bincount(), message);
    assert.throws(() => int([[1], [2]]).bincount(), message);
    assert.throws(() => torch.zeros([2, 0], { dtype: torch.int64 }).bincount(), message);
    const weights = torch.tensor([0.5, 1, 2]);
    assert.deepEqual(int([2, 0, 2]).bincount(weights, 4).tolist(), [1, 0, 2.5, 0]);
  });
});

describe('places between boundaries', () => {
  test('are those of PyTorch: NaN, equal ones, whole numbers beyond 2^53, a sorter', () => {
    const big = 2n ** 60n;
    const int = (data: bigint[]): torch.Tensor => torch.tensor(data, { dtype: torch.int64 });
    const bounds = int([big, big + 1n, big + 1n, big + 3n]);
    const wanted = int([big + 1n, big + 2n, 0n, big + 4n]);
    assert.deepEqual(torch.searchsorted(bounds, wanted).to(torch.float64).tolist(), [1, 3, 0, 4]);
    assert.deepEqual(
      torch.searchsorted(bounds, wanted, { right: true }).to(torch.float64).tolist(),
      [3, 3, 0, 4],
    );
    const rows = torch.tensor([
      [3, 1, 2],
      [Number.NaN, -1, 5],
    ]);
    const sorter = rows.argsort(1);
    const values = torch.tensor([
      [2, 0, Number.NaN, 9],
      [5, 6, Number.NaN, -1],
    ]);
    const places = (right: boolean): unknown =>
      torch.searchsorted(rows, values, { sorter, right, outInt32: true }).to(torch.float64).tolist();
    assert.deepEqual(places(false), [
      [1, 0, 3, 3],
      [1, 3, 3, 0],
    ]);
    assert.deepEqual(places(true), [
      [2, 0, 3, 3],
      [3, 3, 3, 1],
    ]);
  });
});
