/** Sorting and statistics by order. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as torch from 'typetorch';
import { compareValues } from '../../src/ops/sorting/order.ts';
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
