/** Joining tensors: `cat`, `stack` and relatives copy their inputs side by side into one result. */
import { type DType, promoteTypes } from '../../base/dtype.ts';
import { ArgumentTypeError, RuntimeError } from '../../base/errors.ts';
import { sameSizes, showSizes, wrapDim } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { define, type FreeCall } from '../define.ts';
import { runtime } from '../runtime.ts';

type JoinCall = FreeCall<
  [tensors: readonly Tensor[], dim?: number],
  { tensors?: readonly Tensor[]; dim?: number; out?: Tensor },
  Tensor
>;

/** Checks a list of tensors. Throws a TypeError in PyTorch's words. */
export function tensorList(tensors: unknown, name: string): readonly Tensor[] {
  if (!Array.isArray(tensors)) {
    throw new ArgumentTypeError(
      `${name}(): argument 'tensors' (position 1) must be tuple of Tensors, not ${typeof tensors}`,
    );
  }
  tensors.forEach((t, i) => {
    if (!runtime.isTensor(t)) {
      throw new ArgumentTypeError(
        `expected Tensor as element ${i} in argument 0, but got ${t === null ? 'null' : typeof t}`,
      );
    }
  });
  return tensors as readonly Tensor[];
}

/** The dtype of a joined result: zero-dimensional tensors count like all others. */
export function commonDtype(tensors: readonly Tensor[]): DType {
  return tensors.reduce((d, t) => promoteTypes(d, t.dtype), tensors[0].dtype);
}

/** PyTorch lets one-dimensional tensors without elements join anything. */
function isSkipped(t: Tensor): boolean {
  return t.sizes.length === 1 && t.sizes[0] === 0;
}

function concatenated(name: string, tensors: readonly Tensor[], dim: number): Tensor {
  const model = tensors.find((t) => !isSkipped(t)) ?? tensors[0];
  tensors.forEach((t, i) => {
    if (t.sizes.length === 0) {
      throw new RuntimeError(`zero-dimensional tensor (at position ${i}) cannot be concatenated`);
    }
  });
  const d = wrapDim(dim, model.sizes.length);
  const parts = tensors.map((t) => !isSkipped(t) || isSkipped(model));
  tensors.forEach((t, i) => {
    if (!parts[i]) return;
    if (t.sizes.length !== model.sizes.length) {
      throw new RuntimeError(
        `Tensors must have same number of dimensions: got ${model.sizes.length} and ${t.sizes.length}`,
      );
    }
    t.sizes.forEach((s, k) => {
      if (k !== d && s !== model.sizes[k]) {
        throw new RuntimeError(
          `Sizes of tensors must match except in dimension ${d}. Expected size ${model.sizes[k]} but got size ${s} for tensor number ${i} in the list.`,
        );
      }
    });
  });
  const lengths = tensors.map((t, i) => (parts[i] ? t.sizes[d] : 0));
  const sizes = [...model.sizes];
  sizes[d] = lengths.reduce((a, b) => a + b, 0);
  const dtype = commonDtype(tensors);
  const out = runtime.empty(sizes, dtype, model);
  let start = 0;
  tensors.forEach((t, i) => {
    if (!parts[i] || lengths[i] === 0) return;
    const place = [...sizes];
    place[d] = lengths[i];
    runtime.copyInto(runtime.alias(out, place, out.strides, start * out.strides[d]), t);
    start += lengths[i];
  });
  return runtime.record(out, {
    name,
    inputs: tensors,
    saved: [],
    backward: ([grad], _, needs) => {
      if (grad === null || grad === undefined) return tensors.map(() => null);
      let at = 0;
      return tensors.map((t, i) => {
        const from = at;
        at += lengths[i];
        if (!needs[i]) return null;
        if (!parts[i]) return runtime.full(t.sizes, 0, t.dtype, grad);
        const g = grad.narrow(d, from, lengths[i]);
        return g.dtype === t.dtype ? g : g.to(t.dtype);
      });
    },
  });
}

/**
 * Joins tensors along an existing dimension. https://pytorch.org/docs/stable/generated/torch.cat.html
 *
 * @example
 * ```ts
 * console.log(torch.cat([torch.zeros(1, 2), torch.ones(1, 2)]).shape); // => torch.Size([2, 2])
 * ```
 */
export const cat: JoinCall = define(
  'cat(tensors, dim=0, *, out=None)',
  (tensors: readonly Tensor[], dim = 0) => {
    const list = tensorList(tensors, 'cat');
    if (list.length === 0) throw new RuntimeError('torch.cat(): expected a non-empty list of Tensors');
    return concatenated('Cat', list, dim);
  },
  { functionOnly: true },
);

/** Another name for `cat`. */
export const concat: JoinCall = cat;
/** Another name for `cat`. */
export const concatenate: JoinCall = cat;

/** Joins tensors of one shape along a new dimension. https://pytorch.org/docs/stable/generated/torch.stack.html */
export const stack: JoinCall = define(
  'stack(tensors, dim=0, *, out=None)',
  (tensors: readonly Tensor[], dim = 0) => {
    const list = tensorList(tensors, 'stack');
    if (list.length === 0) throw new RuntimeError('stack expects a non-empty TensorList');
    const first = list[0];
    const d = wrapDim(dim, first.sizes.length + 1);
    list.forEach((t, i) => {
      if (!sameSizes(t.sizes, first.sizes)) {
        throw new RuntimeError(
          `stack expects each tensor to be equal size, but got ${showSizes(first.sizes)} at entry 0 and ${showSizes(t.sizes)} at entry ${i}`,
        );
      }
    });
    const sizes = [...first.sizes];
    sizes.splice(d, 0, list.length);
    const dtype = commonDtype(list);
    const out = runtime.empty(sizes, dtype, first);
    const strides = out.strides.filter((_, i) => i !== d);
    list.forEach((t, i) => {
      runtime.copyInto(runtime.alias(out, first.sizes, strides, i * out.strides[d]), t);
    });
    return runtime.record(out, {
      name: 'Stack',
      inputs: list,
      saved: [],
      backward: ([grad], _, needs) =>
        list.map((t, i) => {
          if (!needs[i] || grad === null || grad === undefined) return null;
          const g = grad.select(d, i);
          return g.dtype === t.dtype ? g : g.to(t.dtype);
        }),
    });
  },
  { functionOnly: true },
);
