/** Binary search in sorted boundaries. https://pytorch.org/docs/stable/generated/torch.searchsorted.html */
import { type DType, float32, int32, int64, promoteTypes } from '../../base/dtype.ts';
import { IndexError, RuntimeError } from '../../base/errors.ts';
import { sameSizes, showSizes } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { define, type FreeCall, type Scalar } from '../define.ts';
import { runtime, type TypedArray } from '../runtime.ts';
import { comparable } from './order.ts';
import { refuse } from './refuse.ts';

/** The first position from `from` on whose element is not below `value` (`right`: is above it). NaN is above everything. */
function place(
  row: ArrayLike<number | bigint>,
  order: ArrayLike<bigint> | null,
  start: number,
  length: number,
  value: number | bigint,
  right: boolean,
): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const element = row[start + (order === null ? middle : Number(order[start + middle]))];
    const stop = right ? element > value : element >= value;
    if (stop) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Places of all values: in one row of boundaries, or each row of values in a row of its own. */
function search(
  boundaries: Tensor,
  values: Tensor,
  sorter: Tensor | null,
  right: boolean,
  outInt32: boolean,
): Tensor {
  const dtype: DType = promoteTypes(boundaries.dtype, values.dtype);
  const rows = comparable(boundaries.to(dtype));
  const wanted = comparable(values.to(dtype));
  const order = sorter === null ? null : (runtime.toArray(sorter.detach()) as BigInt64Array);
  const length = boundaries.sizes[boundaries.sizes.length - 1];
  const perRow = boundaries.sizes.length === 1 ? wanted.length : values.sizes[values.sizes.length - 1];
  const out: TypedArray = new Int32Array(wanted.length);
  for (let i = 0; i < wanted.length; i++) {
    const row = Math.floor(i / perRow);
    out[i] = place(rows, order, row * length, length, wanted[i], right);
  }
  if (outInt32) return runtime.fromArray(out, values.sizes, int32, values);
  return runtime.fromArray(BigInt64Array.from(out, BigInt), values.sizes, int64, values);
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
