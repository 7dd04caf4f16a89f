/** Reductions of consecutive runs of elements. https://pytorch.org/docs/stable/generated/torch.segment_reduce.html */
import { notImplementedFor } from '../refuse.ts';
import { float64, int64 } from '../../base/dtype.ts';
import { RuntimeError } from '../../base/errors.ts';
import { product } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { define, type FreeCall } from '../define.ts';
import { scatterReduce } from '../indexing/reducing.ts';
import { where } from '../pointwise/ternary.ts';
import { runtime } from '../runtime.ts';

type SegmentReduce = 'sum' | 'mean' | 'max' | 'min' | 'prod';

/** What a reduction starts from where the caller does not say. */
const identities: Readonly<Record<SegmentReduce, number>> = {
  sum: 0,
  mean: 0,
  max: Number.NEGATIVE_INFINITY,
  min: Number.POSITIVE_INFINITY,
  prod: 1,
};
const modes = { sum: 'sum', mean: 'sum', max: 'amax', min: 'amin', prod: 'prod' } as const;

/** The lengths of segments [rows, segments], from lengths or from offsets (which have one number more). */
function segmentLengths(
  lengths: Tensor | null,
  offsets: Tensor | null,
): { rows: number[][]; sizes: readonly number[] } {
  const given = lengths ?? offsets;
  if (given === null) throw new RuntimeError('segment_reduce(): Either lengths or offsets must be defined.');
  const count = given.sizes[given.sizes.length - 1];
  const flat = [...runtime.toArray(given)].map(Number);
  const rows = Array.from({ length: product(given.sizes.slice(0, -1)) }, (_, r) =>
    flat.slice(r * count, (r + 1) * count),
  );
  if (lengths !== null) return { rows, sizes: given.sizes };
  return {
    rows: rows.map((row) => row.slice(1).map((end, i) => end - row[i])),
    sizes: [...given.sizes.slice(0, -1), count - 1],
  };
}

function checkLengths(rows: readonly (readonly number[])[], size: number): void {
  if (rows.some((row) => row.some((n) => n < 0))) throw new RuntimeError('lengths contains negative value!');
  if (rows.some((row) => row.reduce((a, b) => a + b, 0) !== size)) {
    throw new RuntimeError(
      'segment_reduce(): Expected all rows of lengths along axis to sum to data.size(lengths.dim()-1) when !unsafe.',
    );
  }
}

/** For each element along the axis the segment it is in; what is in none goes to one more. */
function segmentIndex(rows: readonly (readonly number[])[], size: number): BigInt64Array {
  const index = new BigInt64Array(rows.length * size);
  rows.forEach((row, r) => {
    let at = 0;
    row.forEach((length, segment) => {
      for (let k = 0; k < length && at < size; k++) index[r * size + at++] = BigInt(segment);
    });
    index.fill(BigInt(row.length), r * size + at, (r + 1) * size);
  });
  return index;
}

/**
 * Runs of elements along `axis`, as long as `lengths` says (or between `offsets`), reduced by 'sum', 'mean', 'max', 'min' or 'prod', starting from
 * `initial`.
 */
export const segmentReduce: FreeCall<
  [data: Tensor, reduce: SegmentReduce],
  {
    lengths?: Tensor | null;
    indices?: Tensor | null;
    offsets?: Tensor | null;
    axis?: number;
    unsafe?: boolean;
    initial?: number | null;
  },
  Tensor
> = define(
  'segment_reduce(data: Tensor, reduce, *, lengths: Tensor=None, indices: Tensor=None, offsets: Tensor=None, axis=0, unsafe=False, initial=None)',
  (
    data: Tensor,
    reduce: SegmentReduce,
    lengths: Tensor | null = null,
    _indices: Tensor | null = null,
    offsets: Tensor | null = null,
    axis = 0,
    unsafe = false,
    initial: number | null = null,
  ) => {
    if (!Object.hasOwn(modes, reduce)) {
      throw new RuntimeError(`unsupported reduction given! ${String(reduce)}`);
    }
    const { rows, sizes } = segmentLengths(lengths, offsets);
    const size = data.sizes[axis];
    if (!unsafe) checkLengths(rows, size);
    if (!data.dtype.isFloatingPoint) {
      throw notImplementedFor('_segment_reduce_cpu', data.dtype);
    }
    const segments = sizes[sizes.length - 1];
    const tail = data.sizes.slice(axis + 1);
    const spread = (t: Tensor): Tensor => t.reshape([...t.sizes, ...tail.map(() => 1)]);
    const lead = data.sizes.slice(0, axis);
    const index = spread(runtime.fromArray(segmentIndex(rows, size), [...lead, size], int64, data)).expand(
      data.sizes,
    );
    const start = runtime.full(
      [...lead, segments + 1, ...tail],
      initial ?? identities[reduce],
      data.dtype,
      data,
    );
    const reduced = scatterReduce(start, axis, index, data, modes[reduce]).narrow(axis, 0, segments);
    if (reduce !== 'mean') return reduced;
    const counts = spread(
      runtime.fromArray(Float64Array.from(rows.flat()), [...lead, segments], float64, data),
    ).to(data.dtype);
    const mean = reduced.div(counts);
    return initial === null ? mean : where(counts.eq(0), Number(initial), mean);
  },
  { functionOnly: true, shownAs: 'SegmentReduce' },
);
