/** Largest and smallest elements, their positions, and truth over dimensions. */
import { bool, int64, uint8, type DType } from '../../base/dtype.ts';
import { IndexError, RuntimeError } from '../../base/errors.ts';
import { dimsToMask, product, wrapDim } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define, type Dims, type HasMethod } from '../define.ts';
import { boundsError, indexView, readAt } from '../indexing/family.ts';
import { runtime } from '../runtime.ts';
import { ReductionOp } from './family.ts';
import { pair, type ValuesIndices } from './pair.ts';

/** Elements that share an extreme share its gradient equally. */
const sharedGradient = {
  saves: ['input', 'output'] as const,
  backward: (
    grad: Tensor,
    { input, output, mask }: { input: Tensor; output: Tensor; mask: readonly boolean[] },
  ): Tensor => {
    const hits = input.eq(output).logicalOr(input.isnan().logicalAnd(output.isnan()));
    const dims = mask.flatMap((m, d) => (m ? [d] : []));
    const count = dims.length === 0 ? hits.sum([], true) : hits.sum(dims, true);
    return grad.div(count).mul(hits);
  },
};

const amaxOp = new ReductionOp('amax', { combine: 'max', gradName: 'Amax', ...sharedGradient });
const aminOp = new ReductionOp('amin', { combine: 'min', gradName: 'Amin', ...sharedGradient });
const maxAllOp = new ReductionOp('max', { combine: 'max', gradName: 'MaxBackward1', ...sharedGradient });
const minAllOp = new ReductionOp('min', { combine: 'min', gradName: 'MinBackward1', ...sharedGradient });
const argmaxOp = new ReductionOp('argmax', { combine: 'argmax', gradName: 'Argmax' });
const argminOp = new ReductionOp('argmin', { combine: 'argmin', gradName: 'Argmin' });

/** Extremes of nothing do not exist. `dims`: the reduced dimensions as they were given, if they were. */
function requireElements(
  input: Tensor,
  mask: readonly boolean[],
  name: string,
  dims: readonly number[] = [],
): void {
  const count = product(input.sizes.filter((_, i) => mask[i]));
  if (count > 0) return;
  const empty = dims.find((d) => input.sizes[wrapDim(d, input.sizes.length)] === 0);
  if (empty !== undefined) {
    throw new IndexError(`${name}(): Expected reduction dim ${empty} to have non-zero size.`);
  }
  if (mask.every((m) => m)) {
    const message = `${name}(): Expected reduction dim to be specified for input.numel() == 0.`;
    if (name.startsWith('arg')) throw new IndexError(message);
    throw new RuntimeError(`${message} Specify the reduction dim with the 'dim' argument.`);
  }
  const dim = mask.findIndex((m, i) => m && input.sizes[i] === 0);
  throw new IndexError(`${name}(): Expected reduction dim ${dim} to have non-zero size.`);
}

type AmaxCall = Call<
  [input: Tensor, dim?: Dims, keepdim?: boolean],
  { dim?: Dims; keepdim?: boolean; out?: Tensor },
  Tensor
>;

function amaxLike(name: string, op: ReductionOp): AmaxCall {
  return define(
    `${name}(input, dim=None, keepdim=False, *, out=None)`,
    (input: Tensor, dim: Dims = null, keepdim = false) => {
      const mask = dimsToMask(dim, input.sizes.length);
      requireElements(input, mask, name, typeof dim === 'number' ? [dim] : (dim ?? []));
      return runtime.reduce(op, input, mask, keepdim, input.dtype);
    },
    {
      out: (result, out) =>
        `Expected the dtype for input and out to match, but got ${result.scalarName} for input's dtype and ${out.scalarName} for out's dtype.`,
    },
  );
}

/** The largest element; ties share the gradient. https://pytorch.org/docs/stable/generated/torch.amax.html */
export const amax: AmaxCall = amaxLike('amax', amaxOp);
/** The smallest element; ties share the gradient. https://pytorch.org/docs/stable/generated/torch.amin.html */
export const amin: AmaxCall = amaxLike('amin', aminOp);

/** A mask that is true in one dimension. */
export function oneDim(input: Tensor, dim: number): boolean[] {
  const d = wrapDim(dim, input.sizes.length);
  return input.sizes.map((_, i) => i === d);
}

/** The elements at positions found by an arg-reduction along `dim`. Gradients flow to those elements alone. */
export function takeAt(
  name: string,
  input: Tensor,
  dim: number,
  positions: Tensor,
  keepdim: boolean,
): Tensor {
  if (input.sizes.length === 0) return runtime.showAs(name, input.clone());
  const d = wrapDim(dim, input.sizes.length);
  // The positions have the result's sizes: dimension d is there with size 1, or not at all.
  const others = (list: readonly number[], own: number): number[] =>
    keepdim ? list.map((s, i) => (i === d ? own : s)) : list.filter((_, i) => i !== d);
  return readAt(
    name,
    input,
    (target) => ({
      sizes: positions.sizes,
      strides: others(target.strides, 0),
      offset: target.offset,
      index: [indexView(positions, positions.sizes)],
      stride: [target.strides[d]],
      size: [target.sizes[d]],
      wrap: false,
    }),
    boundsError(d),
  );
}

interface ExtremeMethod {
  (): Tensor;
  (other: Tensor): Tensor;
  (dim: number, keepdim?: boolean): ValuesIndices;
  (options: { dim: number; keepdim?: boolean; out?: unknown }): ValuesIndices;
  (dim: number, options: { keepdim?: boolean; out?: unknown }): ValuesIndices;
}

interface ExtremeCall extends HasMethod<ExtremeMethod> {
  (input: Tensor): Tensor;
  (input: Tensor, other: Tensor): Tensor;
  (input: Tensor, dim: number, keepdim?: boolean): ValuesIndices;
  (input: Tensor, options: { dim: number; keepdim?: boolean; out?: unknown }): ValuesIndices;
  (input: Tensor, dim: number, options: { keepdim?: boolean; out?: unknown }): ValuesIndices;
}

function extreme(name: 'max' | 'min', all: ReductionOp, position: ReductionOp): ExtremeCall {
  const implementation = (input: Tensor, dim: number | Tensor | null = null, keepdim = false): unknown => {
    if (runtime.isTensor(dim)) return name === 'max' ? input.maximum(dim) : input.minimum(dim);
    if (dim === null) {
      const mask = input.sizes.map(() => true);
      requireElements(input, mask, name);
      return runtime.reduce(all, input, mask, false, input.dtype);
    }
    const mask = oneDim(input, dim);
    requireElements(input, mask, name, [wrapDim(dim, input.sizes.length)]);
    const indices = runtime.reduce(position, input, mask, keepdim, int64);
    return pair(name, takeAt(name === 'max' ? 'Max' : 'Min', input, dim, indices, keepdim), indices);
  };
  return define(
    `${name}(input, dim|other=None, keepdim=False, *, out=None)`,
    implementation as never,
  ) as never;
}

/**
 * The largest element; along `dim` also where it is: `{ values, indices }`, which destructures as `[values, indices]` too; of two tensors
 * the elementwise maximum. https://pytorch.org/docs/stable/generated/torch.max.html
 */
export const max: ExtremeCall = extreme('max', maxAllOp, argmaxOp);
/** The smallest element; see `max`. https://pytorch.org/docs/stable/generated/torch.min.html */
export const min: ExtremeCall = extreme('min', minAllOp, argminOp);

type ArgCall = Call<
  [input: Tensor, dim?: number | null, keepdim?: boolean],
  { dim?: number | null; keepdim?: boolean; out?: Tensor },
  Tensor
>;

function arg(name: string, op: ReductionOp): ArgCall {
  return define(
    `${name}(input, dim=None, keepdim=False, *, out=None)`,
    (input: Tensor, dim: number | null = null, keepdim = false) => {
      if (input.dtype === bool) throw new RuntimeError(`"${name}_cpu" not implemented for 'Bool'`);
      if (dim === null) {
        requireElements(
          input,
          input.sizes.map(() => true),
          name,
        );
        const flat = runtime.reduce(op, input.reshape([-1]), [true], false, int64);
        return keepdim ? flat.reshape(input.sizes.map(() => 1)) : flat;
      }
      const mask = oneDim(input, dim);
      requireElements(input, mask, name, [wrapDim(dim, input.sizes.length)]);
      return runtime.reduce(op, input, mask, keepdim, int64);
    },
    { out: 'exact' },
  );
}

/** The position of the largest element (int64). https://pytorch.org/docs/stable/generated/torch.argmax.html */
export const argmax: ArgCall = arg('argmax', argmaxOp);
/** The position of the smallest element (int64). https://pytorch.org/docs/stable/generated/torch.argmin.html */
export const argmin: ArgCall = arg('argmin', argminOp);

/** Both extremes at once. https://pytorch.org/docs/stable/generated/torch.aminmax.html */
export const aminmax: Call<
  [input: Tensor],
  { dim?: number | null; keepdim?: boolean },
  { min: Tensor; max: Tensor } & readonly [Tensor, Tensor]
> = define(
  'aminmax(input, *, dim=None, keepdim=False)',
  (input: Tensor, dim: number | null = null, keepdim = false) => {
    if (dim === null && input.numel() === 0) {
      throw new RuntimeError(
        'aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity.',
      );
    }
    if (dim !== null) {
      const d = wrapDim(dim, input.sizes.length);
      if (input.sizes[d] === 0) {
        throw new IndexError(`aminmax: Expected reduction dim ${d} to have non-zero size.`);
      }
    }
    // PyTorch keeps a dimension that a number does not have.
    const x = input.sizes.length === 0 && dim !== null && keepdim ? input.reshape([1]) : input;
    const low = x.amin(dim ?? [], keepdim);
    const high = x.amax(dim ?? [], keepdim);
    return Object.assign([low, high], { min: low, max: high }) as never;
  },
);

const anyOp = new ReductionOp('any', { combine: 'or', gradName: 'Any' });
const allOp = new ReductionOp('all', { combine: 'and', gradName: 'All' });

function truth(name: string, op: ReductionOp): AmaxCall {
  return define(
    `${name}(input, dim=None, keepdim=False, *, out=None)`,
    (input: Tensor, dim: Dims = null, keepdim = false) => {
      const dtype: DType = input.dtype === uint8 ? uint8 : bool;
      return runtime.reduce(op, input, dimsToMask(dim, input.sizes.length), keepdim, dtype);
    },
    { out: (_, out) => `${name} only supports bool tensor for result, got: ${out.scalarName}` },
  );
}

/** Is any element not zero? https://pytorch.org/docs/stable/generated/torch.any.html */
export const any: AmaxCall = truth('any', anyOp);
/** Are all elements not zero? https://pytorch.org/docs/stable/generated/torch.all.html */
export const all: AmaxCall = truth('all', allOp);

const countOp = new ReductionOp('count_nonzero', {
  combine: 'sum',
  gradName: 'CountNonzero',
});

/** How many elements are not zero. https://pytorch.org/docs/stable/generated/torch.count_nonzero.html */
export const countNonzero: Call<[input: Tensor, dim?: Dims], { dim?: Dims }, Tensor> = define(
  'count_nonzero(input, dim=None)',
  (input: Tensor, dim: Dims = null) =>
    runtime.reduce(countOp, input.ne(0), dimsToMask(dim, input.sizes.length), false, int64),
);
