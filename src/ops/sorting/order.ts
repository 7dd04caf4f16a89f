/** Rows of a tensor along a dimension, and their order. */
import { float32, int64 } from '../../base/dtype.ts';
import { IndexError } from '../../base/errors.ts';
import { wrapDim } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { gather } from '../indexing/gather.ts';
import { runtime } from '../runtime.ts';
import { isSortable, radixOrder, type SortableRow } from './radix.ts';
import { selectRank } from './select.ts';

/** Elements of a row: numbers, or bigints of int64. */
export type Row = ArrayLike<number | bigint>;

/** Before b (negative), after it or level with it; NaN comes last. */
export function compareValues(a: number | bigint, b: number | bigint): number {
  if (a < b) return -1;
  if (a > b) return 1;
  if (a === b) return 0;
  const [left, right] = [Number.isNaN(a), Number.isNaN(b)];
  return left === right ? 0 : left ? 1 : -1;
}

/** From this length on digits are faster than comparisons. */
const LONG = 400;

/** The positions of a row's elements in order; equal ones keep theirs. */
export function orderOf(row: Row, descending: boolean): ArrayLike<number> {
  if (row.length >= LONG && isSortable(row)) return radixOrder(row, descending);
  const order = Array.from({ length: row.length }, (_, i) => i);
  // Array.prototype.sort is stable.
  if (descending) order.sort((a, b) => compareValues(row[b], row[a]));
  else order.sort((a, b) => compareValues(row[a], row[b]));
  return order;
}

/** The positions of the first `count` elements in order, for a count that is small beside the row. */
function firstFew(row: Row, count: number, descending: boolean): ArrayLike<number> {
  const best: number[] = [];
  for (let i = 0; i < row.length; i++) {
    const value = row[i];
    // Does it come before the last of the best?
    if (best.length === count) {
      const last = row[best[count - 1]];
      if ((descending ? compareValues(last, value) : compareValues(value, last)) >= 0) continue;
      best.pop();
    }
    let at = best.length;
    while (at > 0) {
      const other = row[best[at - 1]];
      if ((descending ? compareValues(other, value) : compareValues(value, other)) >= 0) break;
      at--;
    }
    best.splice(at, 0, i);
  }
  return best;
}

/** Those for any count beside which the row is long: the ones before the last of them and it, in order. */
function firstSelected(row: SortableRow, count: number, descending: boolean): ArrayLike<number> {
  const n = row.length;
  // The last one in ascending order, or where the order descends one of its equals.
  const last = row[selectRank(row, descending ? n - count : count - 1)];
  const before: number[] = [];
  const level: number[] = [];
  for (let i = 0; i < n; i++) {
    // Most come after it.
    if (descending ? row[i] < last : row[i] > last) continue;
    const sign = descending ? compareValues(last, row[i]) : compareValues(row[i], last);
    if (sign < 0) before.push(i);
    else if (sign === 0 && level.length < count) level.push(i);
  }
  const value = (i: number): number | bigint => row[i];
  before.sort(
    (a, b) => (descending ? compareValues(value(b), value(a)) : compareValues(value(a), value(b))) || a - b,
  );
  return [...before, ...level.slice(0, count - before.length)];
}

/** The positions of the first `count` elements in order. */
export function firstOf(row: Row, count: number, descending: boolean): ArrayLike<number> {
  if (count === 0) return [];
  if (count <= 32 && count * 8 <= row.length) return firstFew(row, count, descending);
  if (count * 8 <= row.length && isSortable(row)) return firstSelected(row, count, descending);
  return orderOf(row, descending);
}

/** The position of the element of rank `rank`, from 0, in order. */
export function positionOf(row: Row, rank: number): number {
  return isSortable(row) ? selectRank(row, rank) : orderOf(row, false)[rank];
}

/** The elements of a tensor as comparable values, in row-major order. */
export function comparable(x: Tensor): Row {
  const plain = runtime.noGrad(() => {
    const t = x.detach();
    // 16-bit floats lie in memory as their bits.
    return t.dtype.isFloatingPoint && t.dtype.itemSize === 2 ? t.to(float32) : t.contiguous();
  });
  return runtime.toArray(plain) as Row;
}

/** The smallest and the largest element of an int64 tensor that has elements. */
export function rangeOf(x: Tensor): { readonly low: bigint; readonly high: bigint } {
  return runtime.noGrad(() => {
    const [low, high] = [x.amin(), x.amax()].map((t) => (runtime.toArray(t) as BigInt64Array)[0]);
    return { low, high };
  });
}

/** A tensor with at least one dimension. */
export function atLeast1d(x: Tensor): Tensor {
  return x.sizes.length === 0 ? x.reshape([1]) : x;
}

/**
 * For every row along `dim`: `count` positions that `choose` gives. The result has the sizes of `x` but for `count` in `dim`, int64.
 */
export function choosePositions(
  x: Tensor,
  dim: number,
  count: number,
  choose: (row: Row) => ArrayLike<number>,
): Tensor {
  const moved = x.movedim(dim, -1);
  const values = comparable(moved);
  const n = x.sizes[dim];
  const rows = n === 0 ? 0 : values.length / n;
  const out = new BigInt64Array(rows * count);
  // Positions fit into the lower word.
  const words = new Int32Array(out.buffer);
  for (let r = 0; r < rows; r++) {
    const chosen = choose((values as Float64Array).subarray(r * n, (r + 1) * n));
    for (let i = 0; i < count; i++) words[2 * (r * count + i)] = chosen[i];
  }
  const sizes = [...moved.sizes.slice(0, -1), count];
  return runtime.fromArray(out, sizes, int64, x).movedim(-1, dim).contiguous();
}

/** Values and positions chosen along a dimension: differentiable through the values. */
export function chooseAlong(
  input: Tensor,
  dim: number,
  count: number,
  choose: (row: Row) => ArrayLike<number>,
): { values: Tensor; indices: Tensor } {
  const d = wrapDim(dim, input.sizes.length);
  const x = atLeast1d(input);
  const indices = choosePositions(x, d, count, choose);
  const values = gather(x, d, indices);
  if (input.sizes.length > 0) return { values, indices };
  return { values: values.reshape([]), indices: indices.reshape([]) };
}

/** Throws PyTorch's IndexError where a dimension that is reduced has no elements. */
export function requireNonEmpty(input: Tensor, dim: number, name: string): void {
  if (input.sizes.length > 0 && input.sizes[dim] === 0) {
    throw new IndexError(`${name}(): Expected reduction dim ${dim} to have non-zero size.`);
  }
}
