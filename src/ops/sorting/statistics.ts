/** Order statistics: medians, the k-th value, the most frequent value. */
import { float32 } from '../../base/dtype.ts';
import { RuntimeError } from '../../base/errors.ts';
import { wrapDim } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define, type HasMethod } from '../define.ts';
import { pair, type ValuesIndices } from '../reduction/pair.ts';
import { runtime } from '../runtime.ts';
import { chooseAlong, compareValues, orderOf, positionOf, requireNonEmpty, type Row } from './order.ts';
import { refuse } from '../refuse.ts';

interface DimOptions {
  dim?: number;
  keepdim?: boolean;
  out?: unknown;
}

/** One position per row, as values and indices with the dimension dropped unless `keepdim`. */
function reduceBy(
  name: string,
  input: Tensor,
  dim: number,
  keepdim: boolean,
  choose: (row: Row) => number,
): ValuesIndices {
  const d = wrapDim(dim, input.sizes.length);
  requireNonEmpty(input, d, name);
  const { values, indices } = chooseAlong(input, d, 1, (row) => [choose(row)]);
  if (keepdim || input.sizes.length === 0) return pair(name, values, indices);
  return pair(name, values.squeeze(d), indices.squeeze(d));
}

/** Where the lower median of a row is: the first NaN where there is one, unless they are left out. */
function medianPosition(row: Row, ignoreNaN: boolean): number {
  const n = row.length;
  let count = n;
  for (let i = 0; i < n; i++) {
    if (!Number.isNaN(row[i])) continue;
    if (!ignoreNaN) return i;
    count--;
  }
  // NaN come last.
  return positionOf(row, Math.max(Math.floor((count - 1) / 2), 0));
}

interface MedianMethod {
  (): Tensor;
  (dim: number, keepdim?: boolean): ValuesIndices;
  (options: DimOptions & { dim: number }): ValuesIndices;
  (dim: number, options: DimOptions): ValuesIndices;
}

interface MedianCall extends HasMethod<MedianMethod> {
  (input: Tensor): Tensor;
  (input: Tensor, dim: number, keepdim?: boolean): ValuesIndices;
  (input: Tensor, options: DimOptions & { dim: number }): ValuesIndices;
  (input: Tensor, dim: number, options: DimOptions): ValuesIndices;
}

function medianLike(name: string, ignoreNaN: boolean): MedianCall {
  return define(`${name}(input, dim=None, keepdim=False, *, out=None)`, ((
    input: Tensor,
    dim: number | null = null,
    keepdim = false,
  ): unknown => {
    refuse('median_cpu', input, ['bool', 'float16']);
    const choose = (row: Row): number => medianPosition(row, ignoreNaN);
    if (dim !== null) return reduceBy(name, input, dim, keepdim, choose);
    // Integers get what a NaN is converted to.
    if (input.numel() === 0) return runtime.full([], Number.NaN, float32, input).to(input.dtype);
    return reduceBy(name, input.reshape([-1]), 0, false, choose).values;
  }) as never) as never;
}

/**
 * The median, the lower one of two: of all elements, or `{ values, indices }` along a dimension. NaN where there is one.
 * https://pytorch.org/docs/stable/generated/torch.median.html
 */
export const median: MedianCall = medianLike('median', false);
/** The median without regard to NaN. https://pytorch.org/docs/stable/generated/torch.nanmedian.html */
export const nanmedian: MedianCall = medianLike('nanmedian', true);

/** The k-th smallest element (from 1) along a dimension. https://pytorch.org/docs/stable/generated/torch.kthvalue.html */
export const kthvalue: Call<
  [input: Tensor, k: number, dim?: number, keepdim?: boolean],
  DimOptions & { k?: number },
  ValuesIndices
> = define(
  'kthvalue(input, k, dim=-1, keepdim=False, *, out=None)',
  (input: Tensor, k: number, dim = -1, keepdim = false) => {
    const d = wrapDim(dim, input.sizes.length);
    requireNonEmpty(input, d, 'kthvalue');
    const size = input.sizes.length === 0 ? 1 : input.sizes[d];
    if (k < 1 || k > size)
      throw new RuntimeError(`kthvalue(): selected number k out of range for dimension ${d}`);
    refuse('kthvalue_cpu', input, ['bool', 'float16']);
    return reduceBy('kthvalue', input, d, keepdim, (row) => positionOf(row, k - 1));
  },
);

/** The last position of the value that occurs most often, the smallest of several. */
function modePosition(row: Row): number {
  const order = orderOf(row, false);
  let best = 0;
  let bestCount = 0;
  for (let i = 0; i < order.length; ) {
    let end = i + 1;
    while (end < order.length && compareValues(row[order[end]], row[order[i]]) === 0) end++;
    if (end - i > bestCount) {
      bestCount = end - i;
      best = order[end - 1];
    }
    i = end;
  }
  return best;
}

/** The most frequent value along a dimension. https://pytorch.org/docs/stable/generated/torch.mode.html */
export const mode: Call<[input: Tensor, dim?: number, keepdim?: boolean], DimOptions, ValuesIndices> = define(
  'mode(input, dim=-1, keepdim=False, *, out=None)',
  (input: Tensor, dim = -1, keepdim = false) => reduceBy('mode', input, dim, keepdim, modePosition),
);
