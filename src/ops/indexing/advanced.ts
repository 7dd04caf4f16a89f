/** Indexing by tensors: what `x[i, j]`, `x[mask]` and `x[i] = v` come to once slices are taken care of. */
import { bool, int64, uint8 } from '../../base/dtype.ts';
import { IndexError, RuntimeError } from '../../base/errors.ts';
import { broadcastSizes, broadcastStrides, showSizes } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define } from '../define.ts';
import { runtime } from '../runtime.ts';
import { advancedBounds, indexView, type Locate, readAt, writeAt } from './family.ts';

/** The positions of elements that are not zero, as int64 [n, rank] in row-major order. */
export function nonzeroPositions(input: Tensor): Tensor {
  return runtime.noGrad(() => {
    const x = input.detach();
    // NaN is not 0, a negative zero is.
    const given = x.dtype === bool ? x : x.ne(0);
    const mask = given.contiguous();
    const total = mask.sum();
    const out = runtime.empty([Number(runtime.toArray(total)[0]), x.sizes.length], int64, x);
    if (out.numel() > 0) runtime.nonzero(out, mask);
    total.storage.dispose();
    if (mask !== given) mask.storage.dispose();
    if (given !== x) given.storage.dispose();
    return out;
  });
}

/** `nonzero(input)`: [n, rank] positions, or with `asTuple` one tensor per dimension. */
export const nonzero: (input: Tensor, options?: { asTuple?: boolean; out?: Tensor }) => Tensor & Tensor[] =
  define('nonzero(input, *, asTuple=False, out=None)', (input: Tensor, asTuple = false) => {
    if (!asTuple) return nonzeroPositions(input) as Tensor & Tensor[];
    const matrix = input.sizes.length === 0 ? input.unsqueeze(0) : input;
    return nonzeroPositions(matrix).unbind(1) as Tensor & Tensor[];
  });

/** Per dimension an index tensor or null. Masks become positions; checks dtypes and mask shapes. */
function expandMasks(input: Tensor, indices: readonly (Tensor | null)[]): (Tensor | null)[] {
  const out: (Tensor | null)[] = [];
  for (const index of indices) {
    if (index === null) {
      out.push(null);
      continue;
    }
    const { dtype } = index;
    if (dtype !== int64 && dtype !== bool && dtype !== uint8) {
      throw new IndexError('tensors used as indices must be long, byte or bool tensors');
    }
    if (dtype === int64) {
      out.push(index);
      continue;
    }
    index.sizes.forEach((s, d) => {
      const at = out.length + d;
      if (input.sizes[at] !== s) {
        throw new IndexError(
          `The shape of the mask ${showSizes(index.sizes)} at index ${d} does not match the shape of the indexed tensor ${showSizes(input.sizes)} at index ${at}`,
        );
      }
    });
    out.push(...nonzeroPositions(index).unbind(1));
  }
  if (out.length > input.sizes.length) {
    throw new IndexError(
      `too many indices for tensor of dimension ${input.sizes.length} (got ${out.length})`,
    );
  }
  return out;
}

/** The selection of `input[indices]`, one index (or null) per leading dimension. */
function locateAdvanced(input: Tensor, indices: readonly (Tensor | null)[]): Locate {
  const list = expandMasks(input, indices);
  while (list.length < input.sizes.length) list.push(null);
  const dims = list.flatMap((x, d) => (x === null ? [] : [d]));
  const tensors = dims.map((d) => list[d] as Tensor);
  let common: readonly number[];
  try {
    common = broadcastSizes(tensors.map((t) => t.sizes));
  } catch {
    throw new IndexError(
      `shape mismatch: indexing tensors could not be broadcast together with shapes ${tensors.map((t) => showSizes(t.sizes)).join(', ')}`,
    );
  }
  const adjacent = dims.every((d, i) => i === 0 || d === dims[i - 1] + 1);
  const rank = input.sizes.length;
  const before = adjacent ? dims[0] : 0;
  const rest = Array.from({ length: rank }, (_, d) => d).filter((d) => list[d] === null);
  const lead = adjacent ? rest.filter((d) => d < before) : [];
  const tail = adjacent ? rest.filter((d) => d > before) : rest;
  const size = dims.map((d) => input.sizes[d]);
  const sizes = [...lead.map((d) => input.sizes[d]), ...common, ...tail.map((d) => input.sizes[d])];
  if (size.includes(0) && !sizes.includes(0)) {
    throw new IndexError('index is out of bounds for dimension with size 0');
  }
  const zeros = (n: number): number[] => new Array<number>(n).fill(0);
  const index = tensors.map((t) =>
    indexView(t, sizes, [
      ...zeros(lead.length),
      ...broadcastStrides(t.sizes, t.strides, common),
      ...zeros(tail.length),
    ]),
  );
  return (target) => ({
    sizes,
    strides: [
      ...lead.map((d) => target.strides[d]),
      ...zeros(common.length),
      ...tail.map((d) => target.strides[d]),
    ],
    offset: target.offset,
    index,
    stride: dims.map((d) => target.strides[d]),
    size,
    wrap: true,
  });
}

/** `input[indices]` by tensors; a new tensor. */
export function indexByTensors(input: Tensor, indices: readonly (Tensor | null)[]): Tensor {
  return readAt('Index', input, locateAdvanced(input, indices), advancedBounds);
}

/** `input[indices] = values` (or `+=` with `accumulate`) by tensors, in place. */
export function indexPutByTensors(
  input: Tensor,
  indices: readonly (Tensor | null)[],
  values: Tensor,
  accumulate: boolean,
): Tensor {
  if (values.dtype !== input.dtype) {
    throw new RuntimeError(
      `Index put requires the source and destination dtypes match, got ${input.dtype.scalarName} for the destination and ${values.dtype.scalarName} for the source.`,
    );
  }
  const locate = locateAdvanced(input, indices);
  const { sizes } = locate(input);
  checkFits(values, sizes);
  runtime.checkInplace(input, [values]);
  const source = values.storage === input.storage ? runtime.noGrad(() => values.clone()) : values;
  writeAt(input, source, locate, accumulate ? 'add' : 'set', advancedBounds);
  const valueSizes = values.sizes;
  return runtime.recordInplace(input, {
    name: 'IndexPut',
    inputs: [input, values],
    saved: [],
    backward: ([grad], _, needs) => {
      if (grad === null || grad === undefined) return [null, null];
      const kept = !needs[0] ? null : accumulate ? grad : clearAt(grad, locate);
      const taken = needs[1] ? readAt('Index', grad, locate, advancedBounds).sumToSize(valueSizes) : null;
      return [kept, taken];
    },
  });
}

function checkFits(values: Tensor, sizes: readonly number[]): void {
  const lead = sizes.length - values.sizes.length;
  const fits = lead >= 0 && values.sizes.every((s, i) => s === 1 || s === sizes[i + lead]);
  if (!fits) {
    throw new RuntimeError(
      `shape mismatch: value tensor of shape ${showSizes(values.sizes)} cannot be broadcast to indexing result of shape ${showSizes(sizes)}`,
    );
  }
}

/** A copy with zeros at the selected places. */
function clearAt(input: Tensor, locate: Locate): Tensor {
  const out = runtime.noGrad(() => input.clone({ memoryFormat: 'contiguous' }));
  writeAt(out, runtime.full([], 0, out.dtype, out), locate, 'set', advancedBounds);
  return runtime.record(out, {
    name: 'IndexPut',
    inputs: [input],
    saved: [],
    backward: ([grad]) => [grad === null || grad === undefined ? null : clearAt(grad, locate)],
  });
}

/** A copy of `input` with `values` put at `indices`. https://pytorch.org/docs/stable/generated/torch.Tensor.index_put.html */
export const indexPut: Call<
  [input: Tensor, indices: readonly (Tensor | null)[], values: Tensor, accumulate?: boolean],
  { indices?: readonly (Tensor | null)[]; values?: Tensor; accumulate?: boolean },
  Tensor
> = define(
  'index_put(input, indices, values, accumulate=False)',
  (input: Tensor, indices: readonly (Tensor | null)[], values: Tensor, accumulate = false) =>
    input.clone().indexPut_(indices, values, { accumulate }),
);
