/** Products of tensors over several dimensions at once. https://pytorch.org/docs/stable/generated/torch.tensordot.html */
import { RuntimeError } from '../../base/errors.ts';
import { dimsToMask, product, wrapDim } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define, type FreeCall } from '../define.ts';
import { runtime } from '../runtime.ts';

/** The last n of the first tensor with the first n of the second, or a list for each; also as a tensor of two rows. */
type ContractedDims = number | readonly (number | readonly number[])[] | Tensor;

function dimLists(dims: ContractedDims): readonly [readonly number[], readonly number[]] {
  if (runtime.isTensor(dims)) {
    const plain = dims.tolist() as ContractedDims;
    return dimLists(plain as number | readonly (number | readonly number[])[]);
  }
  if (typeof dims === 'number' || typeof dims === 'bigint') {
    const count = Number(dims);
    if (count < 0) throw new RuntimeError(`tensordot expects dims >= 0, but got dims=${count}`);
    return [Array.from({ length: count }, (_, i) => i - count), Array.from({ length: count }, (_, i) => i)];
  }
  const lists = dims.map((list) => (Array.isArray(list) ? list.map(Number) : [Number(list)]));
  return [lists[0], lists[1]];
}

/**
 * The product of two tensors summed over pairs of dimensions: the last `dims` of `a` with the first of `b`, or those in `[dimsOfA, dimsOfB]`. What is left
 * of `a` comes first in the result. https://pytorch.org/docs/stable/generated/torch.tensordot.html
 *
 * @example
 * ```ts
 * console.log(torch.tensordot(torch.ones(2, 3, 4), torch.ones(4, 3, 5), [[1, 2], [1, 0]]).shape); // => torch.Size([2, 5])
 * ```
 */
export const tensordot: FreeCall<
  [a: Tensor, b: Tensor, dims?: ContractedDims],
  { b?: Tensor; dims?: ContractedDims; out?: Tensor },
  Tensor
> = define(
  'tensordot(a: Tensor, b: Tensor, dims=2, *, out=None)',
  (a: Tensor, b: Tensor, dims: ContractedDims = 2) => {
    const [first, second] = dimLists(dims);
    if (first.length !== second.length) {
      throw new RuntimeError('both dimension lists should have same length');
    }
    const dimsOfA = first.map((d) => wrapDim(d, a.sizes.length));
    const dimsOfB = second.map((d) => wrapDim(d, b.sizes.length));
    let [x, y] = [a, b];
    dimsOfA.forEach((d, i) => {
      const [m, n] = [a.sizes[d], b.sizes[dimsOfB[i]]];
      if (m === n) return;
      // A dimension of size 1 is broadcast: the other one is summed.
      if (n === 1) x = x.sum(d, true);
      else if (m === 1) y = y.sum(dimsOfB[i], true);
      else {
        throw new RuntimeError(
          `contracted dimensions need to match, but first has size ${m} in dim ${first[i]} and second has size ${n} in dim ${second[i]}`,
        );
      }
    });
    const [maskA, maskB] = [dimsOfA, dimsOfB].map((list, i) =>
      list.length === 0
        ? new Array<boolean>([x, y][i].sizes.length).fill(false)
        : dimsToMask(list, [x, y][i].sizes.length),
    );
    const keptA = a.sizes.map((_, d) => d).filter((d) => !maskA[d]);
    const keptB = b.sizes.map((_, d) => d).filter((d) => !maskB[d]);
    const sizesA = keptA.map((d) => x.sizes[d]);
    const sizesB = keptB.map((d) => y.sizes[d]);
    const inner = product(dimsOfA.map((d) => x.sizes[d]));
    const left = x.permute([...keptA, ...dimsOfA]).reshape([product(sizesA), inner]);
    const right = y.permute([...dimsOfB, ...keptB]).reshape([inner, product(sizesB)]);
    return left.mm(right).reshape([...sizesA, ...sizesB]);
  },
  { functionOnly: true, out: 'exact' },
);

/** The Kronecker product: every element of `input` times all of `other`. https://pytorch.org/docs/stable/generated/torch.kron.html */
export const kron: Call<[input: Tensor, other: Tensor], { other?: Tensor; out?: Tensor }, Tensor> = define(
  'kron(input, other: Tensor, *, out=None)',
  (a: Tensor, b: Tensor) => {
    const rank = Math.max(a.sizes.length, b.sizes.length);
    const padded = (t: Tensor): number[] => [...new Array<number>(rank - t.sizes.length).fill(1), ...t.sizes];
    const [sizesA, sizesB] = [padded(a), padded(b)];
    const products = a.reshape(sizesA.flatMap((n) => [n, 1])).mul(b.reshape(sizesB.flatMap((n) => [1, n])));
    return runtime.showAs('UnsafeView', products.reshape(sizesA.map((n, i) => n * sizesB[i])));
  },
);
