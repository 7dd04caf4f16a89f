/**
 * Views: ops that share the storage of their input. https://pytorch.org/docs/stable/tensor_view.html
 */
import { IndexError, RuntimeError, ValueError } from '../../base/errors.ts';
import {
  inferSize,
  product,
  showSizes,
  storageExtent,
  viewStrides,
  wrapDim,
  contiguousStrides,
} from '../../base/shape.ts';
import { DType } from '../../base/dtype.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define } from '../define.ts';
import { runtime } from '../runtime.ts';
import { type Geometry, makeView, makeViews, scatterView } from './family.ts';
import { cat, stack } from './joining.ts';

type Shape = readonly number[];
/** Sizes as separate arguments or as one array. */
type SizesCall = (
  input: Tensor,
  ...shape: number[] | [shape: Shape] | [options: { shape?: Shape; size?: Shape }]
) => Tensor;

/**
 * The same elements with another shape, sharing memory. One size may be -1. With a dtype of the same item size, the same bytes as that dtype.
 * Throws a RuntimeError where the strides do not allow a view.
 * https://pytorch.org/docs/stable/generated/torch.Tensor.view.html
 *
 * @example
 * ```ts
 * console.log(torch.arange(6).view(2, 3)); // => tensor([[0, 1, 2], [3, 4, 5]])
 * ```
 */
export const view: (
  input: Tensor,
  ...shape: number[] | [shape: Shape] | [dtype: DType] | [options: { shape?: Shape; size?: Shape }]
) => Tensor = define(
  'view(input, *shape|size)',
  (input: Tensor, shape: Shape | readonly [DType]) => {
    if (shape.length === 1 && shape[0] instanceof DType) return viewDtype(input, shape[0]);
    const target = inferSize(shape as Shape, input.numel());
    const strides = viewStrides(input.sizes, input.strides, target);
    if (strides === null) {
      throw new RuntimeError(
        "view size is not compatible with input tensor's size and stride (at least one dimension spans across two contiguous subspaces). Use .reshape(...) instead.",
      );
    }
    return reshaped('View', input, target, strides);
  },
  { methodOnly: true },
);

function reshaped(name: string, input: Tensor, sizes: Shape, strides: Shape): Tensor {
  const before = input.sizes;
  return makeView(name, input, { sizes, strides, offset: input.offset }, (g) => g.reshape(before));
}

function viewDtype(input: Tensor, dtype: DType): Tensor {
  if (dtype === input.dtype) return runtime.alias(input, input.sizes, input.strides, input.offset);
  const ratio = input.dtype.itemSize / dtype.itemSize;
  if (ratio === 1) return runtime.reinterpret(input, dtype, input.sizes, input.strides, input.offset);
  const rank = input.sizes.length;
  if (rank === 0) {
    throw new RuntimeError(
      `self.dim() cannot be 0 to view ${input.dtype.scalarName} as ${dtype.scalarName} (different element sizes)`,
    );
  }
  if (input.strides[rank - 1] !== 1) {
    throw new RuntimeError(
      `self.stride(-1) must be 1 to view ${input.dtype.scalarName} as ${dtype.scalarName} (different element sizes), but got ${input.strides[rank - 1]}`,
    );
  }
  const scaled = [...input.sizes.slice(0, -1), input.sizes[rank - 1] * ratio];
  const strides = [...input.strides.slice(0, -1).map((s) => s * ratio), 1];
  if ([...scaled, ...strides, input.offset * ratio].some((n) => !Number.isInteger(n))) {
    throw new RuntimeError(
      `self.size(-1) must be divisible by ${1 / ratio} to view ${input.dtype.scalarName} as ${dtype.scalarName} (different element sizes), but got ${input.sizes[rank - 1]}`,
    );
  }
  return runtime.reinterpret(input, dtype, scaled, strides, input.offset * ratio);
}

/** The same elements with another shape: a view where possible, else a copy. https://pytorch.org/docs/stable/generated/torch.reshape.html */
export const reshape: SizesCall = define('reshape(input, *shape)', (input: Tensor, shape: Shape) => {
  const target = inferSize(shape, input.numel());
  const strides = viewStrides(input.sizes, input.strides, target);
  if (strides !== null) return reshaped('ReshapeAlias', input, target, strides);
  return reshaped(
    'UnsafeView',
    input.clone({ memoryFormat: 'contiguous' }),
    target,
    contiguousStrides(target),
  );
});

/** `input` with the shape of `other`, sharing memory. */
export const viewAs: Call<[input: Tensor, other: Tensor], { other?: Tensor }, Tensor> = define(
  'view_as(input, other)',
  (input: Tensor, other: Tensor) => input.view(other.sizes),
  { methodOnly: true },
);

/** `input` with the shape of `other`. */
export const reshapeAs: Call<[input: Tensor, other: Tensor], { other?: Tensor }, Tensor> = define(
  'reshape_as(input, other)',
  (input: Tensor, other: Tensor) => input.reshape(other.sizes),
  { methodOnly: true },
);

/** Dimensions in another order. https://pytorch.org/docs/stable/generated/torch.permute.html */
export const permute: (
  input: Tensor,
  ...dims: number[] | [dims: Shape] | [options: { dims: Shape }]
) => Tensor = define('permute(input, *dims)', (input: Tensor, dims: Shape) => {
  const rank = input.sizes.length;
  if (dims.length !== rank) {
    throw new RuntimeError(
      `permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired ordering of dimensions i.e. input.dim() = ${rank} is not equal to len(dims) = ${dims.length}`,
    );
  }
  const order = dims.map((d) => wrapDim(d, rank));
  if (new Set(order).size !== rank) throw new RuntimeError('permute(): duplicate dims are not allowed.');
  return permuted('Permute', input, order);
});

function permuted(name: string, input: Tensor, order: Shape): Tensor {
  const inverse = new Array<number>(order.length);
  order.forEach((d, i) => {
    inverse[d] = i;
  });
  const geometryOf = ({ sizes, strides, offset }: Geometry): Geometry => ({
    sizes: order.map((d) => sizes[d]),
    strides: order.map((d) => strides[d]),
    offset,
  });
  const sameView = (whole: Tensor): Tensor => {
    const { sizes, strides, offset } = geometryOf(whole);
    return runtime.alias(whole, sizes, strides, offset);
  };
  return makeView(name, input, geometryOf(input), (g) => g.permute(inverse), sameView);
}

type TransposeCall = Call<
  [input: Tensor, dim0: number, dim1: number],
  { dim0?: number; dim1?: number },
  Tensor
>;

function transposed(name: string, input: Tensor, dim0: number, dim1: number): Tensor {
  const rank = input.sizes.length;
  const a = wrapDim(dim0, rank);
  const b = wrapDim(dim1, rank);
  const order = input.sizes.map((_, i) => (i === a ? b : i === b ? a : i));
  return permuted(name, input, order);
}

/** Swaps two dimensions. https://pytorch.org/docs/stable/generated/torch.transpose.html */
export const transpose: TransposeCall = define(
  'transpose(input, dim0, dim1)',
  (input: Tensor, dim0: number, dim1: number) => transposed('Transpose', input, dim0, dim1),
  { inplace: true, view: true },
);

/** Transposes a matrix; vectors and scalars stay. https://pytorch.org/docs/stable/generated/torch.t.html */
export const t: Call<[input: Tensor], object, Tensor> = define(
  't(input)',
  (input: Tensor) => {
    const rank = input.sizes.length;
    if (rank > 2) throw new RuntimeError(`t() expects a tensor with <= 2 dimensions, but self is ${rank}D`);
    return rank < 2
      ? permuted(
          'T',
          input,
          input.sizes.map((_, i) => i),
        )
      : transposed('T', input, 0, 1);
  },
  { inplace: true, view: true },
);

/** Adds a dimension of size 1. https://pytorch.org/docs/stable/generated/torch.unsqueeze.html */
export const unsqueeze: Call<[input: Tensor, dim: number], { dim?: number }, Tensor> = define(
  'unsqueeze(input, dim)',
  (input: Tensor, dim: number) => {
    const d = wrapDim(dim, input.sizes.length + 1);
    const sizes = [...input.sizes];
    const strides = [...input.strides];
    strides.splice(d, 0, d < sizes.length ? sizes[d] * strides[d] : 1);
    sizes.splice(d, 0, 1);
    return makeView('Unsqueeze', input, { sizes, strides, offset: input.offset }, (g) => g.squeeze(d));
  },
  { inplace: true, view: true },
);

/** Drops dimensions of size 1: all of them, or `dim` if its size is 1. https://pytorch.org/docs/stable/generated/torch.squeeze.html */
export const squeeze: Call<
  [input: Tensor, dim?: number | readonly number[] | null],
  { dim?: number | readonly number[] | null },
  Tensor
> = define(
  'squeeze(input, dim=None)',
  (input: Tensor, dim?: number | readonly number[] | null) => {
    const rank = input.sizes.length;
    const only =
      dim === undefined || dim === null ? null : [dim].flat().map((d) => wrapDim(d as number, rank));
    const keep = input.sizes.map((s, i) => s !== 1 || (only !== null && !only.includes(i)));
    const before = input.sizes;
    const geometry = {
      sizes: input.sizes.filter((_, i) => keep[i]),
      strides: input.strides.filter((_, i) => keep[i]),
      offset: input.offset,
    };
    return makeView(only === null ? 'Squeeze' : 'SqueezeBackward1', input, geometry, (g) =>
      g.reshape(before),
    );
  },
  { inplace: true, view: true },
);

/** Repeats dimensions of size 1 without copying; -1 keeps a size. https://pytorch.org/docs/stable/generated/torch.Tensor.expand.html */
export const expand: SizesCall = define(
  'expand(input, *size|sizes)',
  (input: Tensor, shape: Shape) => {
    const rank = input.sizes.length;
    const lead = shape.length - rank;
    if (lead < 0) {
      throw new RuntimeError(
        `expand(torch.${input.dtype.scalarName}Tensor{${showSizes(input.sizes)}}, size=${showSizes(shape)}): the number of sizes provided (${shape.length}) must be greater or equal to the number of dimensions in the tensor (${rank})`,
      );
    }
    const strides = new Array<number>(shape.length).fill(0);
    const sizes = [...shape];
    // From the last dimension: that is the one an error names.
    for (let i = shape.length - 1; i >= 0; i--) {
      const want = shape[i];
      const d = i - lead;
      if (d < 0) {
        if (want >= 0) continue;
        throw new RuntimeError(
          `The expanded size of the tensor (${want}) isn't allowed in a leading, non-existing dimension ${i}`,
        );
      }
      const have = input.sizes[d];
      if (want === -1 || want === have) {
        sizes[i] = have;
        strides[i] = input.strides[d];
      } else if (have !== 1 || want < 0) {
        throw new RuntimeError(
          `The expanded size of the tensor (${want}) must match the existing size (${have}) at non-singleton dimension ${i}.  Target sizes: ${showSizes(shape)}.  Tensor sizes: ${showSizes(input.sizes)}`,
        );
      }
    }
    const before = input.sizes;
    return makeView('Expand', input, { sizes, strides, offset: input.offset }, (g) => g.sumToSize(before));
  },
  { methodOnly: true },
);

/** One position along a dimension, which disappears. https://pytorch.org/docs/stable/generated/torch.select.html */
export const select: Call<
  [input: Tensor, dim: number, index: number],
  { dim?: number; index?: number },
  Tensor
> = define('select(input, dim, index)', (input: Tensor, dim: number, index: number) => {
  const rank = input.sizes.length;
  if (rank === 0) throw new IndexError('select() cannot be applied to a 0-dim tensor.');
  const d = wrapDim(dim, rank);
  const size = input.sizes[d];
  if (index < -size || index >= size) {
    throw new IndexError(
      `select(): index ${index} out of range for tensor of size ${showSizes(input.sizes)} at dimension ${d}`,
    );
  }
  const at = index < 0 ? index + size : index;
  const geometry = {
    sizes: input.sizes.filter((_, i) => i !== d),
    strides: input.strides.filter((_, i) => i !== d),
    offset: input.offset + at * input.strides[d],
  };
  const before = input.sizes;
  return makeView('Select', input, geometry, (g) => scatterView(g, before, (whole) => whole.select(d, at)));
});

/** `input[start:end:step]` along `dim`, with Python's rules for negative and missing bounds. */
export function slice(
  input: Tensor,
  dim: number,
  start: number | null,
  end: number | null,
  step: number | null = 1,
): Tensor {
  const rank = input.sizes.length;
  if (rank === 0) throw new IndexError('slice() cannot be applied to a 0-dim tensor.');
  const d = wrapDim(dim, rank);
  const size = input.sizes[d];
  const by = step ?? 1;
  if (by <= 0) throw new ValueError('step must be greater than zero');
  const clampTo = (x: number): number => Math.min(Math.max(x < 0 ? x + size : x, 0), size);
  const from = clampTo(start ?? 0);
  const to = Math.max(clampTo(end ?? size), from);
  const sizes = [...input.sizes];
  const strides = [...input.strides];
  sizes[d] = Math.ceil((to - from) / by);
  strides[d] *= by;
  const before = input.sizes;
  const geometry = { sizes, strides, offset: input.offset + from * input.strides[d] };
  return makeView('Slice', input, geometry, (g) =>
    scatterView(g, before, (whole) => slice(whole, d, from, to, by)),
  );
}

/** `length` positions from `start` along `dim`. https://pytorch.org/docs/stable/generated/torch.narrow.html */
export const narrow: Call<
  [input: Tensor, dim: number, start: number | Tensor, length: number],
  { dim?: number; start?: number | Tensor; length?: number },
  Tensor
> = define(
  'narrow(input, dim, start, length)',
  (input: Tensor, dim: number, start: number | Tensor, length: number) => {
    const rank = input.sizes.length;
    if (rank === 0) throw new RuntimeError('narrow() cannot be applied to a 0-dim tensor.');
    if (length < 0) throw new RuntimeError('narrow(): length must be non-negative.');
    const d = wrapDim(dim, rank);
    const size = input.sizes[d];
    const given = typeof start === 'number' ? start : Number(start.item());
    if (given < -size || given > size) {
      throw new IndexError(
        `Dimension out of range (expected to be in range of [${-size}, ${size}], but got ${given})`,
      );
    }
    const from = given < 0 ? given + size : given;
    if (from > size - length) {
      throw new RuntimeError(`start (${from}) + length (${length}) exceeds dimension size (${size}).`);
    }
    return slice(input, d, from, from + length);
  },
);

/** The diagonal of two dimensions, appended as the last one. https://pytorch.org/docs/stable/generated/torch.diagonal.html */
export const diagonal: Call<
  [input: Tensor, offset?: number, dim1?: number, dim2?: number],
  { offset?: number; dim1?: number; dim2?: number },
  Tensor
> = define('diagonal(input, offset=0, dim1=0, dim2=1)', (input: Tensor, offset = 0, dim1 = 0, dim2 = 1) => {
  const rank = input.sizes.length;
  const a = wrapDim(dim1, rank);
  const b = wrapDim(dim2, rank);
  if (a === b) throw new RuntimeError(`diagonal dimensions cannot be identical ${dim1}, ${dim2}`);
  const length =
    offset >= 0
      ? Math.max(Math.min(input.sizes[a], input.sizes[b] - offset), 0)
      : Math.max(Math.min(input.sizes[a] + offset, input.sizes[b]), 0);
  const move = length === 0 ? 0 : offset >= 0 ? offset * input.strides[b] : -offset * input.strides[a];
  const rest = (list: Shape): number[] => list.filter((_, i) => i !== a && i !== b);
  const geometry = {
    sizes: [...rest(input.sizes), length],
    strides: [...rest(input.strides), input.strides[a] + input.strides[b]],
    offset: input.offset + move,
  };
  const before = input.sizes;
  return makeView('Diagonal', input, geometry, (g) =>
    scatterView(g, before, (whole) => whole.diagonal(offset, a, b)),
  );
});

/** Windows of `size` every `step` along a dimension, as a new last dimension. https://pytorch.org/docs/stable/generated/torch.Tensor.unfold.html */
export const unfold: Call<
  [input: Tensor, dimension: number, size: number, step: number],
  { dimension?: number; size?: number; step?: number },
  Tensor
> = define(
  'unfold(input, dimension, size, step)',
  (input: Tensor, dimension: number, size: number, step: number) => {
    const rank = input.sizes.length;
    const d = wrapDim(dimension, rank);
    const have = rank === 0 ? 1 : input.sizes[d];
    if (size < 0 || size > have) {
      throw new RuntimeError(`maximum size for tensor at dimension ${d} is ${have} but size is ${size}`);
    }
    if (step <= 0) throw new RuntimeError(`step is ${step} but must be > 0`);
    const sizes = [...input.sizes, size];
    const strides = [...input.strides, rank === 0 ? 1 : input.strides[d]];
    if (rank > 0) {
      sizes[d] = Math.floor((have - size) / step) + 1;
      strides[d] = input.strides[d] * step;
    }
    const before = input.sizes;
    return makeView('Unfold', input, { sizes, strides, offset: input.offset }, (g) =>
      scatterView(g, before, (whole) => whole.unfold(d, size, step)),
    );
  },
  { methodOnly: true },
);

/** Any view of the storage, by sizes and strides. https://pytorch.org/docs/stable/generated/torch.as_strided.html */
export const asStrided: Call<
  [input: Tensor, size: Shape, stride: Shape, storageOffset?: number | null],
  { size?: Shape; stride?: Shape; storageOffset?: number | null },
  Tensor
> = define(
  'as_strided(input, size, stride, storageOffset=None)',
  (input: Tensor, size: Shape, stride: Shape, storageOffset?: number | null) => {
    if (size.length !== stride.length) throw new RuntimeError('mismatch in length of strides and shape');
    if (stride.some((s) => s < 0)) {
      throw new RuntimeError(
        `as_strided: Negative strides are not supported at the moment, got strides: ${showSizes(stride)}`,
      );
    }
    const offset = storageOffset ?? input.offset;
    if (offset < 0) throw new RuntimeError(`Tensor: invalid storage offset ${offset}`);
    const needed = storageExtent(size, stride, offset) * input.dtype.itemSize;
    if (product(size) > 0 && needed > input.storage.nbytes) {
      throw new RuntimeError(
        `setStorage: sizes ${showSizes(size)}, strides ${showSizes(stride)}, storage offset ${offset}, and itemsize ${input.dtype.itemSize} requiring a storage size of ${needed} are out of bounds for storage of size ${input.storage.nbytes}`,
      );
    }
    const before = { sizes: input.sizes, strides: input.strides, offset: input.offset };
    return makeView('AsStrided', input, { sizes: size, strides: stride, offset }, (g) =>
      asStridedBackward(g, before, size, stride, offset),
    );
  },
  { inplace: true, view: true },
);

/** The gradient of as_strided: sums into the input's memory layout, then reads the input's positions. */
function asStridedBackward(
  grad: Tensor,
  input: { sizes: Shape; strides: Shape; offset: number },
  size: Shape,
  stride: Shape,
  offset: number,
): Tensor {
  const lowest = Math.min(offset, input.offset);
  const extent = Math.max(
    storageExtent(size, stride, offset - lowest),
    storageExtent(input.sizes, input.strides, input.offset - lowest),
    1,
  );
  const memory = scatterView(grad, [extent], (whole) => whole.asStrided(size, stride, offset - lowest));
  return memory.asStrided(input.sizes, input.strides, input.offset - lowest);
}

function pieces(
  input: Tensor,
  dim: number,
  lengths: Shape,
): { sizes: number[]; strides: Shape; offset: number }[] {
  let start = 0;
  return lengths.map((length) => {
    const sizes = [...input.sizes];
    sizes[dim] = length;
    const geometry = { sizes, strides: input.strides, offset: input.offset + start * input.strides[dim] };
    start += length;
    return geometry;
  });
}

/** Zeros where a piece has no gradient, and all pieces joined. */
function joinGradients(
  grads: readonly (Tensor | null)[],
  sizes: readonly Shape[],
  join: (parts: Tensor[]) => Tensor,
): Tensor {
  const known = grads.find((g) => g !== null) as Tensor;
  return join(grads.map((g, i) => g ?? runtime.full(sizes[i], 0, known.dtype, known)));
}

/** Pieces of the given lengths along `dim`. */
export const splitWithSizes: Call<
  [input: Tensor, splitSizes: Shape, dim?: number],
  { splitSizes?: Shape; dim?: number },
  Tensor[]
> = define('split_with_sizes(input, splitSizes, dim=0)', (input: Tensor, lengths: Shape, dim = 0) => {
  if (input.sizes.length === 0) throw new RuntimeError('split expects at least a 1-dimensional tensor');
  const d = wrapDim(dim, input.sizes.length);
  const total = lengths.reduce((a, b) => a + b, 0);
  if (lengths.some((n) => n < 0)) {
    throw new RuntimeError(
      `split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes=${showSizes(lengths)}`,
    );
  }
  if (total !== input.sizes[d]) {
    throw new RuntimeError(
      `split_with_sizes expects split_sizes to sum exactly to ${input.sizes[d]} (input tensor's size at dimension ${d}), but got split_sizes=${showSizes(lengths)}`,
    );
  }
  return splitAt('SplitWithSizes', input, d, lengths);
});

function splitAt(name: string, input: Tensor, dim: number, lengths: Shape): Tensor[] {
  const parts = pieces(input, dim, lengths);
  return makeViews(name, input, parts, (grads) =>
    joinGradients(
      grads,
      parts.map((p) => p.sizes),
      (list) => cat(list, dim),
    ),
  );
}

/** Pieces of `splitSize` (the last may be smaller), or of the given lengths. https://pytorch.org/docs/stable/generated/torch.split.html */
export const split: Call<
  [input: Tensor, splitSizeOrSections: number | Shape, dim?: number],
  { splitSizeOrSections?: number | Shape; splitSize?: number | Shape; dim?: number },
  Tensor[]
> = define(
  'split(input, splitSizeOrSections|splitSize, dim=0)',
  (input: Tensor, size: number | Shape, dim = 0) => {
    if (typeof size !== 'number') return input.splitWithSizes(size, dim);
    if (input.sizes.length === 0) throw new RuntimeError('split expects at least a 1-dimensional tensor');
    const d = wrapDim(dim, input.sizes.length);
    const have = input.sizes[d];
    if (size < 0)
      throw new RuntimeError(`split expects split_size be non-negative, but got split_size=${size}`);
    if (size === 0 && have !== 0) {
      throw new RuntimeError(
        `split_size can only be 0 if dimension size is 0, but got dimension size of ${have}`,
      );
    }
    const count = size === 0 ? 1 : Math.max(Math.ceil(have / size), 1);
    const lengths = Array.from({ length: count }, (_, i) =>
      i < count - 1 ? size : have - size * (count - 1),
    );
    return splitAt('Split', input, d, lengths);
  },
);

/** At most `chunks` pieces of equal size (the last may be smaller). https://pytorch.org/docs/stable/generated/torch.chunk.html */
export const chunk: Call<
  [input: Tensor, chunks: number, dim?: number],
  { chunks?: number; dim?: number },
  Tensor[]
> = define('chunk(input, chunks, dim=0)', (input: Tensor, chunks: number, dim = 0) => {
  if (input.sizes.length === 0) throw new RuntimeError('chunk expects at least a 1-dimensional tensor');
  if (chunks <= 0) throw new RuntimeError(`chunk expects \`chunks\` to be greater than 0, got: ${chunks}`);
  const d = wrapDim(dim, input.sizes.length);
  const size = Math.ceil(input.sizes[d] / chunks);
  if (size === 0) return input.splitWithSizes(new Array<number>(chunks).fill(0), d);
  return input.split(size, d);
});

/** All positions along a dimension, each without it. https://pytorch.org/docs/stable/generated/torch.unbind.html */
export const unbind: Call<[input: Tensor, dim?: number], { dim?: number }, Tensor[]> = define(
  'unbind(input, dim=0)',
  (input: Tensor, dim = 0) => {
    const rank = input.sizes.length;
    if (rank === 0) throw new IndexError('Dimension specified as 0 but tensor has no dimensions');
    const d = wrapDim(dim, rank);
    const sizes = input.sizes.filter((_, i) => i !== d);
    const strides = input.strides.filter((_, i) => i !== d);
    const geometries = Array.from({ length: input.sizes[d] }, (_, i) => ({
      sizes,
      strides,
      offset: input.offset + i * input.strides[d],
    }));
    return makeViews('Unbind', input, geometries, (grads) =>
      joinGradients(
        grads,
        geometries.map((g) => g.sizes),
        (list) => stack(list, d),
      ),
    );
  },
);

/** Merges dimensions startDim … endDim. https://pytorch.org/docs/stable/generated/torch.flatten.html */
export const flatten: Call<
  [input: Tensor, startDim?: number, endDim?: number],
  { startDim?: number; endDim?: number },
  Tensor
> = define('flatten(input, startDim=0, endDim=-1)', (input: Tensor, startDim = 0, endDim = -1) => {
  const rank = input.sizes.length;
  const from = wrapDim(startDim, rank);
  const to = wrapDim(endDim, rank);
  if (from > to) throw new RuntimeError('flatten() has invalid args: start_dim cannot come after end_dim');
  if (rank === 0) return input.reshape(1);
  if (from === to) return input;
  const merged = product(input.sizes.slice(from, to + 1));
  return input.reshape([...input.sizes.slice(0, from), merged, ...input.sizes.slice(to + 1)]);
});
