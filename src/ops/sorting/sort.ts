/** Sorting and the largest elements. https://pytorch.org/docs/stable/generated/torch.sort.html */
import { RuntimeError } from '../../base/errors.ts';
import { wrapDim } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define } from '../define.ts';
import { pair, type ValuesIndices } from '../reduction/pair.ts';
import { atLeast1d, chooseAlong, choosePositions, firstOf, orderOf } from './order.ts';
import { refuse } from '../refuse.ts';

interface SortOptions {
  dim?: number;
  descending?: boolean;
  stable?: boolean;
  out?: unknown;
}

/**
 * The elements along a dimension in order, and where they were: `{ values, indices }`. Equal elements keep their order; NaN counts as largest.
 *
 * @example
 * ```ts
 * const { values, indices } = torch.tensor([3, 1, 2]).sort();
 * console.log(values, indices); // => tensor([1., 2., 3.]) tensor([1, 2, 0])
 * ```
 */
export const sort: Call<[input: Tensor, dim?: number, descending?: boolean], SortOptions, ValuesIndices> =
  define(
    'sort(input, dim=-1, descending=False, *, stable=None, out=None)',
    (input: Tensor, dim = -1, descending = false) => {
      const d = wrapDim(dim, input.sizes.length);
      const size = input.sizes.length === 0 ? 1 : input.sizes[d];
      const { values, indices } = chooseAlong(input, d, size, (row) => orderOf(row, descending));
      return pair('sort', values, indices);
    },
  );

/** The positions that would sort along a dimension. https://pytorch.org/docs/stable/generated/torch.argsort.html */
export const argsort: Call<[input: Tensor, dim?: number, descending?: boolean], SortOptions, Tensor> = define(
  'argsort(input, dim=-1, descending=False, stable=False)',
  (input: Tensor, dim = -1, descending = false) => {
    const d = wrapDim(dim, input.sizes.length);
    const x = atLeast1d(input);
    const indices = choosePositions(x, d, x.sizes[d], (row) => orderOf(row, descending));
    return input.sizes.length === 0 ? indices.reshape([]) : indices;
  },
);

/** Sorted along the first dimension. https://pytorch.org/docs/stable/generated/torch.msort.html */
export const msort: Call<[input: Tensor], { out?: Tensor }, Tensor> = define(
  'msort(input, *, out=None)',
  (input: Tensor) => sort(input, 0)[0],
);

/**
 * The `k` largest (or smallest) elements along a dimension, in order, and where they were.
 * https://pytorch.org/docs/stable/generated/torch.topk.html
 */
export const topk: Call<
  [input: Tensor, k: number, dim?: number, largest?: boolean, sorted?: boolean],
  { k?: number; dim?: number; largest?: boolean; sorted?: boolean; out?: unknown },
  ValuesIndices
> = define(
  'topk(input, k, dim=-1, largest=True, sorted=True, *, out=None)',
  (input: Tensor, k: number, dim = -1, largest = true) => {
    const d = wrapDim(dim, input.sizes.length);
    const size = input.sizes.length === 0 ? 1 : input.sizes[d];
    if (k < 0 || k > size) throw new RuntimeError('selected index k out of range');
    refuse('topk_cpu', input, ['bool', 'float16']);
    if (input.sizes.length === 0)
      return pair('topk', input.clone(), choosePositions(atLeast1d(input), 0, 1, () => [0]).reshape([]));
    const { values, indices } = chooseAlong(input, d, k, (row) => firstOf(row, k, largest));
    return pair('topk', values, indices);
  },
);
