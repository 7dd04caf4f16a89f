/** Tensors cut into views, in a number of parts or at given places. */
import { int64 } from '../../base/dtype.ts';
import { pythonType } from '../../base/arguments.ts';
import { ArgumentTypeError, RuntimeError } from '../../base/errors.ts';
import { wrapDim } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define } from '../define.ts';
import { runtime } from '../runtime.ts';
import { slice } from './views.ts';

type Where = number | readonly number[];

/**
 * Parts along `dim`: a number of them, of sizes that differ by at most one, or cut before each of the given positions.
 * https://pytorch.org/docs/stable/generated/torch.tensor_split.html
 *
 * @example
 * ```ts
 * console.log(torch.tensorSplit(torch.arange(5), 2).length); // => 2
 * ```
 */
export const tensorSplit: Call<
  [input: Tensor, indicesOrSections: Where | Tensor, dim?: number],
  { indices?: readonly number[]; sections?: number; tensorIndicesOrSections?: Tensor; dim?: number },
  Tensor[]
> = define(
  'tensor_split(input, indicesOrSections|indices|sections|tensorIndicesOrSections, dim=0)',
  (input: Tensor, given: Where | Tensor, dim = 0) => {
    const rank = input.sizes.length;
    if (rank === 0) {
      throw new RuntimeError(
        'tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims',
      );
    }
    return splitAt(input, runtime.isTensor(given) ? numbersOf(given) : given, wrapDim(dim, rank));
  },
);

function numbersOf(t: Tensor): Where {
  if (t.dtype !== int64) {
    throw new RuntimeError(
      `tensor_split expected tensor_indices_or_sections to have dtype of long, but got ${t.dtype.scalarName}`,
    );
  }
  if (t.sizes.length > 1) {
    throw new RuntimeError(
      `tensor_split expected tensor_indices_or_sections to be a zero-dimensional or one-dimensional tensor, but got a tensor with ${t.sizes.length} dims`,
    );
  }
  return t.tolist() as Where;
}

function splitAt(input: Tensor, where: Where, dim: number): Tensor[] {
  const size = input.sizes[dim];
  if (typeof where === 'number') {
    if (where <= 0) throw new RuntimeError(`number of sections must be larger than 0, got ${where}`);
    let start = 0;
    return Array.from({ length: where }, (_, i) => {
      const end = start + Math.floor(size / where) + (i < size % where ? 1 : 0);
      const part = slice(input, dim, start, end);
      start = end;
      return part;
    });
  }
  const ends = [...where, size];
  return ends.map((end, i) => slice(input, dim, i === 0 ? 0 : ends[i - 1], end));
}

type SplitCall = Call<
  [input: Tensor, indicesOrSections: Where],
  { indices?: readonly number[]; sections?: number },
  Tensor[]
>;

function splitAlong(name: string, rank: 1 | 2 | 3, dimOf: (input: Tensor) => number): SplitCall {
  return define(`${name}(input, indicesOrSections|indices|sections)`, (input: Tensor, where: Where) => {
    if (typeof where !== 'number' && !Array.isArray(where)) {
      throw new ArgumentTypeError(
        `${name}(): argument 'indices_or_sections' must be int or a list of ints, not ${pythonType(where)}`,
      );
    }
    if (input.sizes.length < rank) {
      throw new RuntimeError(
        `torch.${name} requires a tensor with at least ${rank} dimension, but got a tensor with ${input.sizes.length} dimensions!`,
      );
    }
    const dim = dimOf(input);
    const size = input.sizes[dim];
    if (typeof where === 'number' && (where === 0 || size % where !== 0)) {
      throw new RuntimeError(
        `torch.${name} attempted to split along dimension ${dim}, but the size of the dimension ${size} is not divisible by the split_size ${where}!`,
      );
    }
    return splitAt(input, where, dim);
  });
}

/** Parts side by side: along dimension 1 (vectors: 0). https://pytorch.org/docs/stable/generated/torch.hsplit.html */
export const hsplit: SplitCall = splitAlong('hsplit', 1, (t) => (t.sizes.length === 1 ? 0 : 1));
/** Parts one above the other: along dimension 0. https://pytorch.org/docs/stable/generated/torch.vsplit.html */
export const vsplit: SplitCall = splitAlong('vsplit', 2, () => 0);
/** Parts along dimension 2. https://pytorch.org/docs/stable/generated/torch.dsplit.html */
export const dsplit: SplitCall = splitAlong('dsplit', 3, () => 2);
