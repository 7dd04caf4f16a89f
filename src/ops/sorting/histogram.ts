/** Histograms with edges, in one dimension and several. https://pytorch.org/docs/stable/generated/torch.histogram.html */
import { notImplementedFor } from '../refuse.ts';
import { cppName, type DType, float64 } from '../../base/dtype.ts';
import { RuntimeError } from '../../base/errors.ts';
import { product, sameSizes, showSizes } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define } from '../define.ts';
import { runtime, type TypedArray } from '../runtime.ts';

/** `{ hist, binEdges }`, which destructures as a pair too. */
export type Histogram<E> = readonly [hist: Tensor, binEdges: E] & {
  readonly hist: Tensor;
  readonly binEdges: E;
};

function named<E>(hist: Tensor, binEdges: E): Histogram<E> {
  return Object.assign([hist, binEdges], { hist, binEdges }) as unknown as Histogram<E>;
}

/** Rounds to the dtype. */
function rounding(dtype: DType): (x: number) => number {
  return dtype.itemSize === 4 ? Math.fround : (x) => x;
}

/** Evenly spaced edges, from both ends towards the middle as PyTorch's linspace has them. */
function evenEdges(from: number, to: number, bins: number, dtype: DType): number[] {
  const round = rounding(dtype);
  const [first, last] = [round(from), round(to)];
  const step = round(round(last - first) / bins);
  return Array.from({ length: bins + 1 }, (_, i) =>
    i < (bins + 1) / 2 ? round(first + step * i) : round(last - step * (bins - i)),
  );
}

/** The smallest and largest element of column `d`, or what the caller gave; widened where they are equal. */
function rangeOf(
  columns: TypedArray,
  rank: number,
  d: number,
  given: readonly number[] | null,
): [number, number] {
  let [low, high] = [0, 1];
  if (given !== null) [low, high] = [Number(given[2 * d]), Number(given[2 * d + 1])];
  else if (columns.length > 0) {
    [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let i = d; i < columns.length; i += rank) {
      const v = Number(columns[i]);
      low = Number.isNaN(v) ? v : Math.min(low, v);
      high = Number.isNaN(v) ? v : Math.max(high, v);
    }
  }
  if (!Number.isFinite(low) || !Number.isFinite(high)) {
    const show = (x: number): string => String(x).replace('NaN', 'nan').replace('Infinity', 'inf');
    throw new RuntimeError(
      `torch.histogramdd: dimension ${d}'s range [${show(low)}, ${show(high)}] is not finite`,
    );
  }
  if (low > high) {
    throw new RuntimeError(
      `torch.histogramdd: min should not exceed max, but got min ${low} max ${high} for dimension ${d}`,
    );
  }
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
}

function checkEdges(edges: Tensor, input: Tensor, d: number): void {
  if (edges.sizes.length !== 1) {
    throw new RuntimeError(
      `torch.histogramdd: bins tensor should have one dimension, but got ${edges.sizes.length} dimensions in the bins tensor for dimension ${d}`,
    );
  }
  if (edges.numel() === 0) {
    throw new RuntimeError(
      `torch.histogramdd: bins tensor should have at least 1 element, but got 0 elements in the bins tensor for dimension ${d}`,
    );
  }
  if (edges.dtype !== input.dtype) {
    throw new RuntimeError(
      `torch.histogramdd: input tensor and bins tensors should have the same dtype, but got input with dtype ${cppName(input.dtype)} and bins for dimension ${d} with dtype ${cppName(edges.dtype)}`,
    );
  }
}

/** The bin of a value: bins include their lower edge, the last one its upper edge too; -1 for values outside. */
function binOf(edges: readonly number[], value: number): number {
  const bins = edges.length - 1;
  if (!(value >= edges[0] && value <= edges[bins])) return -1;
  // How many edges are not above the value.
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (edges[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return Math.min(low - 1, bins - 1);
}

/** Counts the points (rows of the last dimension) of `input` in the cells between edges. */
function count(
  input: Tensor,
  edges: readonly (readonly number[])[],
  weight: Tensor | null,
  density: boolean,
): Tensor {
  const rank = edges.length;
  const values = runtime.toArray(input);
  const weights = weight === null ? null : runtime.toArray(weight);
  const sizes = edges.map((e) => e.length - 1);
  const cells = new Float64Array(product(sizes));
  for (let i = 0; i < values.length / Math.max(rank, 1); i++) {
    let at = 0;
    for (let d = 0; d < rank && at >= 0; d++) {
      const bin = binOf(edges[d], Number(values[i * rank + d]));
      at = bin < 0 ? -1 : at * sizes[d] + bin;
    }
    if (at >= 0) cells[at] += weights === null ? 1 : Number(weights[i]);
  }
  if (density) {
    const total = cells.reduce((a, b) => a + b, 0);
    cells.forEach((c, cell) => {
      let rest = cell;
      let volume = total;
      for (let d = rank - 1; d >= 0; d--) {
        const bin = rest % sizes[d];
        volume *= edges[d][bin + 1] - edges[d][bin];
        rest = Math.floor(rest / sizes[d]);
      }
      cells[cell] = c / volume;
    });
  }
  return runtime.fromArray(cells, sizes, float64, input).to(input.dtype);
}

type Bins = number | Tensor;

/** Histogram of the rows of `input`; its last dimension are the coordinates. */
function histogramOf(
  input: Tensor,
  bins: readonly Bins[],
  range: readonly number[] | null,
  weight: Tensor | null,
  density: boolean,
): { hist: Tensor; edges: Tensor[] } {
  const rank = input.sizes[input.sizes.length - 1];
  if (bins.length !== rank) {
    throw new RuntimeError(
      `torch.histogramdd: expected ${rank} sequences of bin edges for a ${rank}-dimensional histogram but got ${bins.length}`,
    );
  }
  if (weight !== null && !sameSizes(weight.sizes, input.sizes.slice(0, -1))) {
    throw new RuntimeError(
      `torch.histogramdd: if weight tensor is provided it should have the same shape as the input tensor excluding its innermost dimension, but got input with shape ${showSizes(input.sizes)} and weight with shape ${showSizes(weight.sizes)}`,
    );
  }
  if (input.dtype.name !== 'float32' && input.dtype.name !== 'float64') {
    throw notImplementedFor('histogramdd', input.dtype);
  }
  const values = runtime.toArray(input).slice() as TypedArray;
  const numbers = bins.map((b, d): number[] => {
    if (runtime.isTensor(b)) {
      checkEdges(b, input, d);
      return [...runtime.toArray(b)].map(Number);
    }
    if (b <= 0) {
      throw new RuntimeError(`torch.histogram(): bins must be > 0, but got ${b} for dimension ${d}`);
    }
    const [low, high] = rangeOf(values, rank, d, range);
    return evenEdges(low, high, b, input.dtype);
  });
  const edges = bins.map((b, d) =>
    runtime.isTensor(b)
      ? b
      : runtime.fromArray(Float64Array.from(numbers[d]), [numbers[d].length], float64, input).to(input.dtype),
  );
  return { hist: count(input, numbers, weight, density), edges };
}

interface HistogramOptions {
  bins?: Bins;
  range?: readonly number[] | null;
  weight?: Tensor | null;
  density?: boolean;
  out?: readonly Tensor[];
}

/**
 * How many elements (or what weight of them) lie between edges: `bins` evenly spaced ones over `range` (that of the input unless given), or those of
 * a tensor. With `density` the integral is 1. https://pytorch.org/docs/stable/generated/torch.histogram.html
 */
export const histogram: Call<[input: Tensor, bins: Bins], HistogramOptions, Histogram<Tensor>> = define(
  'histogram(input, bins, *, range=None, weight: Tensor=None, density=False, out=None)',
  (
    input: Tensor,
    bins: Bins,
    range: readonly number[] | null = null,
    weight: Tensor | null = null,
    density = false,
  ) => {
    const points = input.reshape([input.numel(), 1]);
    const flat = weight === null ? null : weight.reshape([-1]);
    const { hist, edges } = histogramOf(points, [bins], range, flat, density);
    return named(hist, runtime.isTensor(bins) ? edges[0].detach().clone() : edges[0]);
  },
);

/** The same for points of several coordinates, the last dimension of `input`. https://pytorch.org/docs/stable/generated/torch.histogramdd.html */
export const histogramdd: Call<
  [input: Tensor, bins: number | readonly Bins[]],
  Omit<HistogramOptions, 'bins'> & { bins?: number | readonly Bins[] },
  Histogram<readonly Tensor[]>
> & { readonly functionOnly: true } = define(
  'histogramdd(input, bins, *, range=None, weight: Tensor=None, density=False)',
  (
    input: Tensor,
    bins: number | readonly Bins[],
    range: readonly number[] | null = null,
    weight: Tensor | null = null,
    density = false,
  ) => {
    if (input.sizes.length < 2) {
      throw new RuntimeError(
        `torch.histogramdd: input tensor should have at least 2 dimensions, but got ${input.sizes.length}`,
      );
    }
    const rank = input.sizes[input.sizes.length - 1];
    const list = typeof bins === 'number' ? new Array<number>(rank).fill(bins) : bins;
    const { hist, edges } = histogramOf(input, list, range, weight, density);
    return named(hist, edges as readonly Tensor[]);
  },
  { functionOnly: true },
);
