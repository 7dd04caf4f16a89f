/** Reading and writing along one dimension by index tensors. https://pytorch.org/docs/stable/torch.html#indexing-slicing-joining-mutating-ops */
import { int64 } from '../../base/dtype.ts';
import { IndexError, NotImplementedError, RuntimeError } from '../../base/errors.ts';
import { showSizes, wrapDim } from '../../base/shape.ts';
import type { ScatterMode } from '../../device/device.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define, type Operand, type Scalar } from '../define.ts';
import { broadcastTensors } from '../movement/broadcasting.ts';
import { cat } from '../movement/joining.ts';
import { runtime } from '../runtime.ts';
import { nonzeroPositions } from './advanced.ts';
import { boundsError, indexView, type Locate, readAt, selfBounds, writeAt } from './family.ts';

/** A zero-dimensional tensor acts like a vector of one element here. */
export function atLeast1d(t: Tensor): Tensor {
  return t.sizes.length === 0 ? t.unsqueeze(0) : t;
}

function requireIndexDtype(index: Tensor, name: string): void {
  if (index.dtype !== int64) throw new RuntimeError(`${name}(): Expected dtype int64 for index`);
}

/** Element [.., i, ..] of the iteration means [.., index[.., i, ..], ..] of the tensor. */
export function alongDim(index: Tensor, dim: number): Locate {
  return (target) => ({
    sizes: index.sizes,
    strides: target.strides.map((s, d) => (d === dim ? 0 : s)),
    offset: target.offset,
    index: [indexView(index, index.sizes)],
    stride: [target.strides[dim]],
    size: [target.sizes[dim]],
    wrap: false,
  });
}

/** Whole slices: position k along `dim` of the iteration means index[k] of the tensor. */
export function slicesAt(index: Tensor, dim: number, sizesOf: readonly number[]): Locate {
  const sizes = [...sizesOf];
  sizes[dim] = index.sizes[0];
  const strides = sizes.map((_, d) => (d === dim ? index.strides[0] : 0));
  return (target) => ({
    sizes,
    strides: target.strides.map((s, d) => (d === dim ? 0 : s)),
    offset: target.offset,
    index: [indexView(index, sizes, strides)],
    stride: [target.strides[dim]],
    size: [target.sizes[dim]],
    wrap: false,
  });
}

function checkRanks(input: Tensor, index: Tensor, other: 'self' | 'input', name: string): void {
  const a = Math.max(input.sizes.length, 1);
  const b = Math.max(index.sizes.length, 1);
  if (index.numel() === 0 || a === b) return;
  throw new RuntimeError(
    name === 'gather'
      ? 'Index tensor must have the same number of dimensions as input tensor'
      : `Index tensor must have the same number of dimensions as ${other} tensor`,
  );
}

/** A result without elements, whose gradient is zero. */
function nothingOf(name: string, input: Tensor, sizes: readonly number[]): Tensor {
  const before = input.sizes;
  return runtime.record(runtime.empty(sizes, input.dtype, input), {
    name,
    inputs: [input],
    saved: [],
    backward: ([grad]) => [
      grad === null || grad === undefined ? null : runtime.full(before, 0, grad.dtype, grad),
    ],
  });
}

/** out[i][j] = input[index[i][j]][j] for dim 0. https://pytorch.org/docs/stable/generated/torch.gather.html */
export const gather: Call<
  [input: Tensor, dim: number, index: Tensor],
  { dim?: number; index?: Tensor; sparseGrad?: boolean; out?: Tensor },
  Tensor
> = define(
  'gather(input, dim, index, *, sparseGrad=False, out=None)',
  (input: Tensor, dim: number, index: Tensor) => {
    if (index.numel() > 0) requireIndexDtype(index, 'gather');
    checkRanks(input, index, 'input', 'gather');
    const d = wrapDim(dim, input.sizes.length);
    const x = atLeast1d(input);
    const i = atLeast1d(index);
    if (i.numel() === 0) return nothingOf('Gather', input, index.sizes);
    i.sizes.forEach((s, k) => {
      if (k !== d && s > x.sizes[k]) {
        throw new RuntimeError(
          `Size does not match at dimension ${k} expected index ${showSizes(index.sizes)} to be smaller than self ${showSizes(input.sizes)} apart from dimension ${d}`,
        );
      }
    });
    const out = readAt('Gather', x, alongDim(i, d), boundsError(d));
    return index.sizes.length === 0 ? out.squeeze(0) : out;
  },
  { out: 'exact' },
);

/** As `gather`, the index broadcast against the input. https://pytorch.org/docs/stable/generated/torch.take_along_dim.html */
export const takeAlongDim: Call<
  [input: Tensor, indices: Tensor, dim?: number | null],
  { indices?: Tensor; dim?: number | null; out?: Tensor },
  Tensor
> = define(
  'take_along_dim(input, indices, dim=None, *, out=None)',
  (input: Tensor, indices: Tensor, dim: number | null = null) => {
    if (indices.dtype !== int64) {
      throw new RuntimeError(
        'torch.take_along_dim(): dtype of indices should be Long but got ' + indices.dtype.scalarName,
      );
    }
    if (dim === null) return input.reshape([-1]).gather(0, indices.reshape([-1]));
    const d = wrapDim(dim, input.sizes.length);
    if (input.sizes.length !== indices.sizes.length) {
      throw new RuntimeError(
        `torch.take_along_dim(): input and indices should have the same number of dimensions, but got ${input.sizes.length} dimensions for input, and ${indices.sizes.length} dimensions for indices`,
      );
    }
    const common = input.sizes.map((s, k) =>
      Math.max(s === 1 ? indices.sizes[k] : s, indices.sizes[k] === 1 ? s : 0),
    );
    const x = input.expand(common.map((s, k) => (k === d ? input.sizes[k] : s)));
    const i = indices.expand(common.map((s, k) => (k === d ? indices.sizes[k] : s)));
    return x.gather(d, i);
  },
);

/** Slices of `input` in the order of `index`. https://pytorch.org/docs/stable/generated/torch.index_select.html */
export const indexSelect: Call<
  [input: Tensor, dim: number, index: Tensor],
  { dim?: number; index?: Tensor; out?: Tensor },
  Tensor
> = define('index_select(input, dim, index, *, out=None)', (input: Tensor, dim: number, index: Tensor) => {
  const d = wrapDim(dim, input.sizes.length);
  if (index.sizes.length > 1) throw new IndexError('index_select(): Index is supposed to be a vector');
  if (index.dtype !== int64 && index.dtype.name !== 'int32') {
    throw new RuntimeError('index_select(): Expected dtype int32 or int64 for index');
  }
  const x = atLeast1d(input);
  const out = readAt('IndexSelect', x, slicesAt(atLeast1d(index), d, x.sizes), selfBounds);
  return input.sizes.length === 0 ? out.squeeze(0) : out;
});

/** Elements of the flattened input. https://pytorch.org/docs/stable/generated/torch.take.html */
export const take: Call<[input: Tensor, index: Tensor], { index?: Tensor; out?: Tensor }, Tensor> = define(
  'take(input, index, *, out=None)',
  (input: Tensor, index: Tensor) => {
    if (index.dtype !== int64)
      throw new RuntimeError(`take(): Expected a long tensor for index, but got ${index.dtype.scalarName}`);
    if (input.numel() === 0 && index.numel() > 0)
      throw new IndexError('take(): tried to take from an empty tensor');
    const flat = input.reshape([-1]);
    const locate: Locate = (target) => ({
      sizes: index.sizes,
      strides: index.sizes.map(() => 0),
      offset: target.offset,
      index: [indexView(index, index.sizes)],
      stride: [target.strides[0]],
      size: [target.sizes[0]],
      wrap: true,
    });
    return readAt(
      'Take',
      flat,
      locate,
      (bad) =>
        new IndexError(
          `out of range: tried to access index ${bad.value} on a tensor of ${flat.numel()} elements.`,
        ),
    );
  },
);

/** The elements where the mask holds, in one dimension. https://pytorch.org/docs/stable/generated/torch.masked_select.html */
export const maskedSelect: Call<[input: Tensor, mask: Tensor], { mask?: Tensor; out?: Tensor }, Tensor> =
  define('masked_select(input, mask, *, out=None)', (input: Tensor, mask: Tensor) => {
    if (mask.dtype.name !== 'bool' && mask.dtype.name !== 'uint8') {
      throw new RuntimeError('masked_select: expected BoolTensor or ByteTensor for mask');
    }
    const [x, m] = broadcastTensors(input, mask);
    const index = nonzeroPositions(m.reshape([-1])).squeeze(1);
    const flat = x.reshape([-1]);
    const locate: Locate = (target) => ({
      sizes: index.sizes,
      strides: [0],
      offset: target.offset,
      index: [indexView(index, index.sizes)],
      stride: [target.strides[0]],
      size: [target.sizes[0]],
      wrap: false,
    });
    const out = readAt('MaskedSelect', flat, locate, selfBounds);
    // A derivative needs the positions again.
    if (!runtime.needsGrad([flat])) index.storage.dispose();
    return out;
  });

/** In-place writing, with the gradients of what is kept and what is written. */
function scatterInto(
  input: Tensor,
  dim: number,
  index: Tensor,
  source: Tensor,
  mode: ScatterMode,
  name: string,
): Tensor {
  const d = wrapDim(dim, input.sizes.length);
  if (index.numel() === 0) return input;
  const target = input.sizes.length === 0 ? runtime.alias(input, [1], [1], input.offset) : input;
  const locate = alongDim(atLeast1d(index), d);
  runtime.checkInplace(input, [source]);
  const limited = narrowTo(atLeast1d(source), atLeast1d(index).sizes);
  const before = mode === 'mul' && runtime.needsGrad([input, source]) ? input.clone() : null;
  writeAt(target, limited, locate, mode, boundsError(d));
  const sourceSizes = source.sizes;
  return runtime.recordInplace(input, {
    name,
    inputs: [input, source],
    saved: [],
    backward: ([grad], _, needs) => {
      if (grad === null || grad === undefined) return [null, null];
      if (before !== null)
        throw new NotImplementedError("the derivative of scatter with reduce='multiply' is not implemented");
      const kept = !needs[0] ? null : mode === 'add' ? grad : grad.scatter(d, index, 0);
      const taken = needs[1] ? widenTo(grad.gather(d, index), sourceSizes) : null;
      return [kept, taken];
    },
  });
}

/** The part of `source` that the index covers. */
export function narrowTo(source: Tensor, sizes: readonly number[]): Tensor {
  let out = source;
  sizes.forEach((s, d) => {
    if (out.sizes[d] !== s) out = out.narrow(d, 0, s);
  });
  return out;
}

/** `grad` with zeros around it up to `sizes`. */
export function widenTo(grad: Tensor, sizes: readonly number[]): Tensor {
  let out = grad;
  sizes.forEach((s, d) => {
    if (out.sizes[d] === s) return;
    const shape = [...out.sizes];
    shape[d] = s - out.sizes[d];
    out = cat([out, runtime.full(shape, 0, out.dtype, out)], d);
  });
  return out;
}

interface ScatterOptions {
  dim?: number;
  index?: Tensor;
  src?: Tensor;
  value?: Scalar;
  reduce?: 'add' | 'multiply' | null;
  out?: Tensor;
}

export function sourceFor(input: Tensor, index: Tensor, source: Operand, name: string): Tensor {
  requireIndexDtype(index, name);
  checkRanks(input, index, 'self', name);
  if (!runtime.isTensor(source)) return runtime.full(index.sizes, source as Scalar, input.dtype, input);
  if (Math.max(index.sizes.length, 1) !== Math.max(source.sizes.length, 1) && index.numel() > 0) {
    throw new RuntimeError('Index tensor must have the same number of dimensions as src tensor');
  }
  if (source.dtype !== input.dtype) {
    throw new RuntimeError(`${name}(): Expected self.dtype to be equal to src.dtype`);
  }
  index.sizes.forEach((s, k) => {
    if (s > source.sizes[k]) {
      throw new RuntimeError(
        `Expected index ${showSizes(index.sizes)} to be smaller than self ${showSizes(input.sizes)} apart from dimension ${k} and to be smaller size than src ${showSizes(source.sizes)}`,
      );
    }
  });
  return source;
}

/** input[index[i][j]][j] = src[i][j] for dim 0, in place. https://pytorch.org/docs/stable/generated/torch.Tensor.scatter_.html */
export const scatter_: Call<
  [input: Tensor, dim: number, index: Tensor, src: Operand],
  ScatterOptions,
  Tensor
> = define(
  'scatter_(input, dim, index, src|value, *, reduce=None, out=None)',
  (input: Tensor, dim: number, index: Tensor, src: Operand, reduce: 'add' | 'multiply' | null = null) => {
    const source = sourceFor(input, index, src, 'scatter');
    const mode = reduce === null ? 'set' : reduce === 'add' ? 'add' : 'mul';
    if (reduce !== null && reduce !== 'add' && reduce !== 'multiply') {
      throw new RuntimeError('reduce argument must be either add or multiply.');
    }
    return scatterInto(input, dim, index, source, mode, 'Scatter');
  },
  { methodOnly: true },
);

/** A copy of `input` with values written at the index. https://pytorch.org/docs/stable/generated/torch.scatter.html */
export const scatter: Call<
  [input: Tensor, dim: number, index: Tensor, src: Operand],
  ScatterOptions,
  Tensor
> = define(
  'scatter(input, dim, index, src|value, *, reduce=None, out=None)',
  (input: Tensor, dim: number, index: Tensor, src: Operand, reduce: 'add' | 'multiply' | null = null) =>
    input.clone().scatter_(dim, index, src, { reduce }),
);

/** As `scatter_`, adding. https://pytorch.org/docs/stable/generated/torch.Tensor.scatter_add_.html */
export const scatterAdd_: Call<
  [input: Tensor, dim: number, index: Tensor, src: Tensor],
  { dim?: number; index?: Tensor; src?: Tensor },
  Tensor
> = define(
  'scatter_add_(input, dim, index, src)',
  (input: Tensor, dim: number, index: Tensor, src: Tensor) =>
    scatterInto(input, dim, index, sourceFor(input, index, src, 'scatter'), 'add', 'ScatterAdd'),
  { methodOnly: true },
);

/** As `scatter`, adding. https://pytorch.org/docs/stable/generated/torch.scatter_add.html */
export const scatterAdd: Call<
  [input: Tensor, dim: number, index: Tensor, src: Tensor],
  { dim?: number; index?: Tensor; src?: Tensor; out?: Tensor },
  Tensor
> = define(
  'scatter_add(input, dim, index, src, *, out=None)',
  (input: Tensor, dim: number, index: Tensor, src: Tensor) => input.clone().scatterAdd_(dim, index, src),
);

function slicesInto(
  name: string,
  input: Tensor,
  dim: number,
  index: Tensor,
  source: Tensor,
  mode: ScatterMode,
): Tensor {
  const d = wrapDim(dim, input.sizes.length);
  if (index.sizes.length > 1)
    throw new IndexError(`${name}(): Index should have dimension 1 or 0 (got ${index.sizes.length})`);
  if (source.dtype !== input.dtype) {
    throw new RuntimeError(
      `${name}(): self and source expected to have the same dtype, but got (self) ${input.dtype.scalarName} and (source) ${source.dtype.scalarName}`,
    );
  }
  const i = atLeast1d(index);
  runtime.checkInplace(input, [source]);
  const target = input.sizes.length === 0 ? runtime.alias(input, [1], [1], input.offset) : input;
  const from = atLeast1d(source);
  const locate = slicesAt(i, d, target.sizes);
  writeAt(target, from, locate, mode, (bad, s) =>
    name === 'index_add' ? new RuntimeError('index out of range in self') : boundsError(d)(bad, s),
  );
  const sourceSizes = source.sizes;
  return runtime.recordInplace(input, {
    name: name === 'index_add' ? 'IndexAdd' : 'IndexCopy',
    inputs: [input, source],
    saved: [],
    backward: ([grad], _, needs) => {
      if (grad === null || grad === undefined) return [null, null];
      const kept = !needs[0] ? null : mode === 'add' ? grad : grad.indexFill(d, i, 0);
      return [kept, needs[1] ? grad.indexSelect(d, i).reshape(sourceSizes) : null];
    },
  });
}

type SlicesCall = Call<
  [input: Tensor, dim: number, index: Tensor, source: Tensor],
  { dim?: number; index?: Tensor; source?: Tensor; tensor?: Tensor; alpha?: number; out?: Tensor },
  Tensor
>;

/** Adds slices of `source` to those of `input` at the index. https://pytorch.org/docs/stable/generated/torch.index_add.html */
export const indexAdd_: SlicesCall = define(
  'index_add_(input, dim, index, source|tensor, *, alpha=1)',
  (input: Tensor, dim: number, index: Tensor, source: Tensor, alpha = 1) =>
    slicesInto('index_add', input, dim, index, alpha === 1 ? source : source.mul(alpha), 'add'),
  { methodOnly: true },
);
/** A copy with slices added. https://pytorch.org/docs/stable/generated/torch.index_add.html */
export const indexAdd: SlicesCall = define(
  'index_add(input, dim, index, source|tensor, *, alpha=1, out=None)',
  (input: Tensor, dim: number, index: Tensor, source: Tensor, alpha = 1) =>
    input.clone().indexAdd_(dim, index, source, { alpha }),
);
/** Overwrites slices at the index. https://pytorch.org/docs/stable/generated/torch.Tensor.index_copy_.html */
export const indexCopy_: SlicesCall = define(
  'index_copy_(input, dim, index, source|tensor)',
  (input: Tensor, dim: number, index: Tensor, source: Tensor) =>
    slicesInto('index_copy', input, dim, index, source, 'set'),
  { methodOnly: true },
);
/** A copy with slices overwritten. https://pytorch.org/docs/stable/generated/torch.index_copy.html */
export const indexCopy: SlicesCall = define(
  'index_copy(input, dim, index, source|tensor, *, out=None)',
  (input: Tensor, dim: number, index: Tensor, source: Tensor) => input.clone().indexCopy_(dim, index, source),
);

type FillCall = Call<
  [input: Tensor, dim: number, index: Tensor, value: Operand],
  { dim?: number; index?: Tensor; value?: Operand },
  Tensor
>;

/** Writes one value to slices, in place. https://pytorch.org/docs/stable/generated/torch.Tensor.index_fill_.html */
export const indexFill_: FillCall = define(
  'index_fill_(input, dim, index, value)',
  (input: Tensor, dim: number, index: Tensor, value: Operand) => {
    if (runtime.isTensor(value) && value.sizes.length !== 0) {
      throw new RuntimeError(
        `index_fill_ only supports a 0-dimensional value tensor, but got tensor with ${value.sizes.length} dimension(s).`,
      );
    }
    if (index.dtype !== int64) throw new IndexError('index_fill_(): Expected dtype int64 for index.');
    const d = wrapDim(dim, input.sizes.length);
    const i = atLeast1d(index);
    const fill = runtime.isTensor(value)
      ? value.to(input.dtype)
      : runtime.full([], value as Scalar, input.dtype, input);
    const target = input.sizes.length === 0 ? runtime.alias(input, [1], [1], input.offset) : input;
    runtime.checkInplace(input, [value]);
    const locate = slicesAt(i, d, target.sizes);
    writeAt(target, fill, (t) => ({ ...locate(t), wrap: true }), 'set', boundsError(d));
    return runtime.recordInplace(input, {
      name: 'IndexFill',
      inputs: [input, runtime.isTensor(value) ? value : null],
      saved: [],
      backward: ([grad], _, needs) => {
        if (grad === null || grad === undefined) return [null, null];
        return [needs[0] ? grad.indexFill(d, i, 0) : null, needs[1] ? grad.indexSelect(d, i).sum() : null];
      },
    });
  },
  { methodOnly: true },
);
/** A copy with one value written to slices. */
export const indexFill: FillCall = define(
  'index_fill(input, dim, index, value)',
  (input: Tensor, dim: number, index: Tensor, value: Operand) => input.clone().indexFill_(dim, index, value),
);

/** Writes the elements of `source`, in order, where the mask holds. https://pytorch.org/docs/stable/generated/torch.Tensor.masked_scatter_.html */
export const maskedScatter_: Call<
  [input: Tensor, mask: Tensor, source: Tensor],
  { mask?: Tensor; source?: Tensor },
  Tensor
> = define(
  'masked_scatter_(input, mask, source)',
  (input: Tensor, mask: Tensor, source: Tensor) => {
    if (input.dtype !== source.dtype) {
      throw new RuntimeError(
        `masked_scatter: expected self and source to have same dtypes but got${input.dtype.scalarName} and ${source.dtype.scalarName}`,
      );
    }
    if (mask.dtype.name !== 'bool' && mask.dtype.name !== 'uint8') {
      throw new RuntimeError(
        `masked_scatter only supports boolean masks, but got mask with dtype ${mask.dtype.name}`,
      );
    }
    const m = mask.bool().expand(input.sizes);
    const count = m.sum().item();
    if (count > source.numel()) {
      throw new RuntimeError('Number of elements of source < number of ones in mask');
    }
    const values = source.reshape([-1]).narrow(0, 0, count);
    if (input.sizes.length > 0) return input.indexPut_([m], values);
    return count > 0 ? input.copy_(values.reshape([])) : input;
  },
  { methodOnly: true },
);
/** A copy with elements written where the mask holds. */
export const maskedScatter: Call<
  [input: Tensor, mask: Tensor, source: Tensor],
  { mask?: Tensor; source?: Tensor },
  Tensor
> = define('masked_scatter(input, mask, source)', (input: Tensor, mask: Tensor, source: Tensor) => {
  const [x] = broadcastTensors(input, mask);
  return x.clone({ memoryFormat: 'contiguous' }).maskedScatter_(mask, source);
});

/** Writes to the flattened tensor, in place. https://pytorch.org/docs/stable/generated/torch.Tensor.put_.html */
export const put_: Call<
  [input: Tensor, index: Tensor, source: Tensor, accumulate?: boolean],
  { index?: Tensor; source?: Tensor; accumulate?: boolean },
  Tensor
> = define(
  'put_(input, index, source, accumulate=False)',
  (input: Tensor, index: Tensor, source: Tensor, accumulate = false) => {
    if (index.dtype !== int64)
      throw new RuntimeError('put_(): Expected a long tensor for index, but got ' + index.dtype.scalarName);
    if (input.isContiguous()) {
      input.view([-1]).indexPut_([index.reshape([-1])], source.reshape([-1]), { accumulate });
      return input;
    }
    const flat = input
      .reshape([-1])
      .clone()
      .indexPut_([index.reshape([-1])], source.reshape([-1]), { accumulate });
    return input.copy_(flat.reshape(input.sizes));
  },
  { methodOnly: true },
);
/** A copy with elements written to the flattened tensor. */
export const put: Call<
  [input: Tensor, index: Tensor, source: Tensor, accumulate?: boolean],
  { index?: Tensor; source?: Tensor; accumulate?: boolean },
  Tensor
> = define(
  'put(input, index, source, accumulate=False)',
  (input: Tensor, index: Tensor, source: Tensor, accumulate = false) =>
    input.clone().put_(index, source, { accumulate }),
);
