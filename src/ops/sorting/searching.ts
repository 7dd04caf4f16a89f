/** Binary search in sorted boundaries. https://pytorch.org/docs/stable/generated/torch.searchsorted.html */
import { type DType, float32, float64, int32, int64, promoteTypes } from '../../base/dtype.ts';
import { IndexError, RuntimeError } from '../../base/errors.ts';
import { sameSizes, showSizes } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { define, type FreeCall, type Scalar } from '../define.ts';
import { runtime } from '../runtime.ts';
import { comparable, rangeOf } from './order.ts';
import { refuse } from '../refuse.ts';

/** The first position of a row whose element is not below `value` (`right`: is above it). NaN is above everything. */
function place(
  row: ArrayLike<number | bigint>,
  start: number,
  length: number,
  value: number | bigint,
  right: boolean,
): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const element = row[start + middle];
    const stop = right ? element > value : element >= value;
    if (stop) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * The same for every value, into each other word of `words`: values are taken in rows of `perRow`, each with a row of `length` boundaries. Masks
 * instead of branches, which go either way as often as not.
 */
function placeNumbers(
  words: Int32Array,
  boundaries: Float64Array,
  values: Float64Array,
  length: number,
  perRow: number,
  right: boolean,
): void {
  for (let start = 0, first = 0; first < values.length; start += length, first += perRow) {
    for (let i = first; i < first + perRow; i++) {
      const value = values[i];
      let low = start;
      let left = length;
      while (left > 0) {
        const half = left >> 1;
        const element = boundaries[low + half];
        // All ones where the place is further on.
        const on = right ? -!(element > value) : -!(element >= value);
        low += on & (half + 1);
        left = (~on & half) | (on & (left - half - 1));
      }
      words[2 * i] = low - start;
    }
  }
}

/** Is every element a number that float64 holds exactly? */
function fitsDoubles(x: Tensor): boolean {
  if (x.dtype !== int64 || x.numel() === 0) return true;
  const { low, high } = rangeOf(x);
  return low >= -(2n ** 53n) && high <= 2n ** 53n;
}

/** Places of all values: in one row of boundaries, or each row of values in a row of its own. */
function search(
  boundaries: Tensor,
  values: Tensor,
  sorter: Tensor | null,
  right: boolean,
  outInt32: boolean,
): Tensor {
  return runtime.noGrad(() => {
    const dtype: DType = promoteTypes(boundaries.dtype, values.dtype);
    const given = boundaries.detach().to(dtype);
    const rows = sorter === null ? given : given.gather(-1, sorter);
    const wanted = values.detach().to(dtype);
    const length = boundaries.sizes[boundaries.sizes.length - 1];
    const perRow = boundaries.sizes.length === 1 ? wanted.numel() : values.sizes[values.sizes.length - 1];
    const out = new BigInt64Array(wanted.numel());
    const words = new Int32Array(out.buffer);
    if (fitsDoubles(rows) && fitsDoubles(wanted)) {
      const [a, b] = [rows, wanted].map((t) => t.to(float64).contiguous());
      const numbers = (t: Tensor): Float64Array => runtime.toArray(t) as Float64Array;
      placeNumbers(words, numbers(a), numbers(b), length, perRow, right);
    } else {
      const [a, b] = [comparable(rows), comparable(wanted)];
      for (let i = 0; i < b.length; i++) {
        words[2 * i] = place(a, Math.floor(i / perRow) * length, length, b[i], right);
      }
    }
    const result = runtime.fromArray(out, values.sizes, int64, values);
    return outInt32 ? result.to(int32) : result;
  });
}

/** A number beside boundaries: a tensor without dimensions. */
function asTensor(value: Tensor | Scalar, like: Tensor): Tensor {
  if (runtime.isTensor(value)) return value;
  const whole = typeof value !== 'number' || Number.isInteger(value);
  return runtime.full([], value, whole ? int64 : float32, like);
}

function problem(text: string): never {
  throw new RuntimeError(`torch.searchsorted(): ${text}`);
}

function requireSearchable(boundaries: Tensor, values: Tensor, sorter: Tensor | null): void {
  const [rank, rankOfValues] = [boundaries.sizes.length, values.sizes.length];
  if (rank === 0) problem('boundaries tensor should have positive dimension, but got 0 dimension');
  if (rankOfValues === 0 && rank !== 1) {
    problem(
      `input value can be a scalar only when boundaries tensor dimension is 1, but we got boundaries tensor dim(${rank}) and input value's dim(0) numel(1)`,
    );
  }
  const fits =
    rank === 1 ||
    (rank === rankOfValues && sameSizes(boundaries.sizes.slice(0, -1), values.sizes.slice(0, -1)));
  if (!fits) {
    problem(
      `boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries tensor and input value tensor must match, but we got boundaries tensor ${showSizes(boundaries.sizes)} and input value tensor ${showSizes(values.sizes)}`,
    );
  }
  if (sorter === null) return;
  if (!sameSizes(sorter.sizes, boundaries.sizes)) {
    problem(
      `boundary and sorter must have the same size, but got boundary tensor ${showSizes(boundaries.sizes)}and got sorter tensor ${showSizes(sorter.sizes)}`,
    );
  }
  if (sorter.dtype !== int64) {
    problem(`sorter must be a tensor of long dtype but got dtype ${sorter.dtype.scalarName}`);
  }
  const length = BigInt(boundaries.sizes[rank - 1]);
  const positions = runtime.toArray(sorter.detach()) as BigInt64Array;
  for (const at of positions) {
    if (at >= 0n && at < length) continue;
    throw new IndexError(`torch.searchsorted(): sorter index ${at} is out of range for ${length} boundaries`);
  }
}

/** Which side is meant by `right` and `side`. */
function isRight(right: boolean, side: string | null): boolean {
  if (side === null) return right;
  if (side !== 'left' && side !== 'right') problem(`side can only be 'left' or 'right' but got ${side}`);
  if (side === 'left' && right) {
    problem("side and right can't be set to opposites, got side of left while right was True");
  }
  return side === 'right';
}

/**
 * Where each value would go in the sorted boundaries, before equal ones (after them with `right` or `side: 'right'`): positions of the values' shape, int64 or
 * int32. Boundaries of several dimensions hold a row for each row of values. `sorter`: the positions that sort the boundaries.
 * https://pytorch.org/docs/stable/generated/torch.searchsorted.html
 *
 * @example
 * ```ts
 * console.log(torch.searchsorted(torch.tensor([1, 3, 5]), torch.tensor([3, 6]))); // => tensor([1, 3])
 * ```
 */
export const searchsorted: FreeCall<
  [sortedSequence: Tensor, values: Tensor | Scalar],
  {
    input?: Tensor | Scalar;
    values?: Tensor | Scalar;
    outInt32?: boolean;
    right?: boolean;
    side?: 'left' | 'right' | null;
    sorter?: Tensor | null;
    out?: Tensor;
  },
  Tensor
> = define(
  'searchsorted(sortedSequence: Tensor, values|input, *, outInt32=False, right=False, side=None, sorter=None, out=None)',
  (
    boundaries: Tensor,
    given: Tensor | Scalar,
    outInt32 = false,
    right = false,
    side: string | null = null,
    sorter: Tensor | null = null,
  ) => {
    const values = asTensor(given, boundaries);
    const after = isRight(right, side);
    requireSearchable(boundaries, values, sorter);
    refuse('searchsorted_out_cpu', boundaries, ['bool']);
    return search(boundaries, values, sorter, after, outInt32);
  },
  { functionOnly: true, out: 'exact' },
);

/**
 * The bucket of each value between sorted boundaries: how many of them are below it (`right`: not above it).
 * https://pytorch.org/docs/stable/generated/torch.bucketize.html
 */
export const bucketize: FreeCall<
  [input: Tensor | Scalar, boundaries: Tensor],
  { boundaries?: Tensor; outInt32?: boolean; right?: boolean; out?: Tensor },
  Tensor
> = define(
  'bucketize(input: Operand, boundaries: Tensor, *, outInt32=False, right=False, out=None)',
  (input: Tensor | Scalar, boundaries: Tensor, outInt32 = false, right = false) => {
    if (boundaries.sizes.length !== 1) {
      throw new RuntimeError(
        `boundaries tensor must be 1 dimension, but got dim(${boundaries.sizes.length})`,
      );
    }
    refuse('searchsorted_out_cpu', boundaries, ['bool']);
    return search(boundaries, asTensor(input, boundaries), null, right, outInt32);
  },
  { functionOnly: true, out: 'exact' },
);
