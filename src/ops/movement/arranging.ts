/** Dimensions moved, exchanged, split up or added. https://pytorch.org/docs/stable/torch.html#indexing-slicing-joining-mutating-ops */
import { IndexError, RuntimeError } from '../../base/errors.ts';
import { product, showSizes, wrapDim } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define } from '../define.ts';
import { runtime } from '../runtime.ts';
import { transpose } from './views.ts';

type Shape = readonly number[];

/** Another name for `transpose`. */
export const swapaxes: typeof transpose = transpose;
/** Another name for `transpose`. */
export const swapdims: typeof transpose = transpose;

type MoveCall = Call<
  [input: Tensor, source: number | Shape, destination: number | Shape],
  { source?: number | Shape; destination?: number | Shape },
  Tensor
>;

/**
 * The dimensions `source` put at the places `destination`, the others keeping their order; a view.
 * https://pytorch.org/docs/stable/generated/torch.movedim.html
 *
 * @example
 * ```ts
 * console.log(torch.movedim(torch.zeros(2, 3, 4), 0, 2).shape); // => torch.Size([3, 4, 2])
 * ```
 */
export const movedim: MoveCall = define(
  'movedim(input, source, destination)',
  (input: Tensor, source: number | Shape, destination: number | Shape) => {
    const from = [source].flat() as number[];
    const to = [destination].flat() as number[];
    if (from.length !== to.length) {
      throw new RuntimeError(
        `movedim: Invalid source or destination dims: source (${showSizes(from)} dims) should contain the same number of dims as destination (${showSizes(to)} dims)`,
      );
    }
    const rank = input.sizes.length;
    const sources = from.map((d) => wrapDim(d, rank));
    const places = to.map((d) => wrapDim(d, rank));
    for (const [given, wrapped, name] of [
      [from, sources, 'source'],
      [to, places, 'destination'],
    ] as const) {
      if (new Set(wrapped).size !== wrapped.length) {
        throw new RuntimeError(`movedim: repeated dim in \`${name}\` (${showSizes(given)})`);
      }
    }
    if (rank === 0) return runtime.showAs('Alias', input.permute([]));
    const order = new Array<number>(rank).fill(-1);
    places.forEach((place, i) => {
      order[place] = sources[i];
    });
    const rest = input.sizes.map((_, d) => d).filter((d) => !sources.includes(d));
    return input.permute(order.map((d) => (d >= 0 ? d : (rest.shift() as number))));
  },
);
/** Another name for `movedim`. */
export const moveaxis: MoveCall = movedim;

/** All elements in one dimension: a view where the memory allows it. https://pytorch.org/docs/stable/generated/torch.ravel.html */
export const ravel: Call<[input: Tensor], object, Tensor> = define('ravel(input)', (input: Tensor) =>
  input.contiguous().view(-1),
);

/** One dimension split into several, of which one may be -1; a view. https://pytorch.org/docs/stable/generated/torch.unflatten.html */
export const unflatten: Call<
  [input: Tensor, dim: number, sizes: Shape],
  { dim?: number; sizes?: Shape },
  Tensor
> = define('unflatten(input, dim, sizes)', (input: Tensor, dim: number, sizes: Shape) => {
  const rank = input.sizes.length;
  if (rank === 0) throw new IndexError(`Dimension specified as ${dim} but tensor has no dimensions`);
  const d = wrapDim(dim, rank);
  if (sizes.length === 0) throw new RuntimeError('unflatten: sizes must be non-empty');
  if (sizes.filter((s) => s === -1).length > 1) {
    throw new RuntimeError('unflatten got an unexpected error:\nonly one dimension can be inferred');
  }
  const known = product(sizes.filter((s) => s !== -1));
  const have = input.sizes[d];
  const fits = sizes.includes(-1) ? known !== 0 && have % known === 0 : known === have;
  if (!fits) {
    throw new RuntimeError(
      `unflatten: Provided sizes ${showSizes(sizes)} don't multiply up to the size of dim ${d} (${have}) in the input tensor`,
    );
  }
  const filled = sizes.map((s) => (s === -1 ? have / known : s));
  return input.view([...input.sizes.slice(0, d), ...filled, ...input.sizes.slice(d + 1)]);
});

/** Tensors one by one or in an array; one tensor gives one tensor. */
interface AtLeastCall {
  (input: Tensor): Tensor;
  (...tensors: Tensor[]): Tensor[];
  (tensors: readonly Tensor[]): Tensor[];
  readonly functionOnly: true;
}

/** The function for one tensor, extended to several. */
function atLeast(rank: 1 | 2 | 3, one: (t: Tensor) => Tensor): AtLeastCall {
  return define<AtLeastCall>(
    `atleast_${rank}d(*tensors)`,
    ((tensors: readonly Tensor[] | readonly [readonly Tensor[]]) => {
      const [first] = tensors;
      if (tensors.length === 1 && runtime.isTensor(first)) return one(first);
      return (tensors as readonly Tensor[]).map(one);
    }) as never,
    { functionOnly: true },
  );
}

/** A tensor with at least one dimension. https://pytorch.org/docs/stable/generated/torch.atleast_1d.html */
export const atleast1d: AtLeastCall = atLeast(1, oneDimension);
/** A tensor with at least two dimensions; a vector becomes a row. https://pytorch.org/docs/stable/generated/torch.atleast_2d.html */
export const atleast2d: AtLeastCall = atLeast(2, twoDimensions);
/** A tensor with at least three dimensions: [n] becomes [1, n, 1], [n, m] becomes [n, m, 1]. https://pytorch.org/docs/stable/generated/torch.atleast_3d.html */
export const atleast3d: AtLeastCall = atLeast(3, threeDimensions);

export function oneDimension(t: Tensor): Tensor {
  return t.sizes.length === 0 ? t.reshape(1) : t;
}

export function twoDimensions(t: Tensor): Tensor {
  const rank = t.sizes.length;
  if (rank === 0) return t.reshape(1, 1);
  return rank === 1 ? t.unsqueeze(0) : t;
}

export function threeDimensions(t: Tensor): Tensor {
  const rank = t.sizes.length;
  if (rank === 0) return t.reshape(1, 1, 1);
  if (rank === 1) return t.unsqueeze(0).unsqueeze(-1);
  return rank === 2 ? t.unsqueeze(-1) : t;
}
