/** Products of matrices and what reduces to them: powers, chains, tensor equations. */
import { cppName } from '../../base/dtype.ts';
import { pythonType } from '../../base/arguments.ts';
import { ArgumentTypeError, RuntimeError } from '../../base/errors.ts';
import { product, showSizes, wrapDim } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define, type FreeCall } from '../define.ts';
import { crossAlong, powersOf } from '../contraction/vectors.ts';
import { runtime } from '../runtime.ts';
import { identity, requireFloats, requireSameDtype, requireSquare } from './batched.ts';
import { invertFor, solve } from './solve.ts';

function power(A: Tensor, n: number): Tensor {
  requireSquare('linalg.matrix_power', A);
  if (!Number.isInteger(n)) {
    throw new ArgumentTypeError(
      `linalg_matrix_power(): argument 'n' (position 2) must be int, not ${pythonType(n)}`,
    );
  }
  if (n === 0) {
    const ones = runtime.noGrad(() =>
      identity(A.sizes[A.sizes.length - 1], A)
        .expand(A.sizes)
        .clone(),
    );
    return runtime.record(ones, {
      name: 'Copy',
      inputs: [A],
      saved: [],
      backward: ([grad]) => [grad === null || grad === undefined ? null : grad.mul(0)],
    });
  }
  let base = n < 0 ? invertFor('linalg.inv', A) : A;
  let left = Math.abs(n);
  if (left === 1) return n < 0 ? base : base.clone();
  // By squares, from the lowest binary digit on.
  let result: Tensor | null = null;
  for (;;) {
    if (left % 2 === 1) result = result === null ? base : result.matmul(base);
    left = Math.floor(left / 2);
    if (left === 0) return result as Tensor;
    base = base.matmul(base);
  }
}

/** The n-th power of square matrices; of the inverse for negative n. https://pytorch.org/docs/stable/generated/torch.linalg.matrix_power.html */
const linalgMatrixPower: FreeCall<[A: Tensor, n: number], { n?: number; out?: Tensor }, Tensor> = define(
  'linalg_matrix_power(A|input: Tensor, n, *, out=None)',
  power,
  { functionOnly: true },
);

/** Another name for `linalg.matrixPower`. https://pytorch.org/docs/stable/generated/torch.matrix_power.html */
export const matrixPower: Call<[input: Tensor, n: number], { n?: number; out?: Tensor }, Tensor> = define(
  'matrix_power(input, n, *, out=None)',
  power,
);

/** Where to split a chain of matrices of these sizes (sizes[i] × sizes[i + 1]) so that the fewest multiplications are made. */
function bestSplits(sizes: readonly number[]): number[][] {
  const count = sizes.length - 1;
  const cost = Array.from({ length: count }, () => new Array<number>(count).fill(0));
  const split = Array.from({ length: count }, () => new Array<number>(count).fill(0));
  for (let length = 1; length < count; length++) {
    for (let i = 0; i + length < count; i++) {
      const j = i + length;
      cost[i][j] = Number.POSITIVE_INFINITY;
      for (let k = i; k < j; k++) {
        const total = cost[i][k] + cost[k + 1][j] + sizes[i] * sizes[k + 1] * sizes[j + 1];
        if (total >= cost[i][j]) continue;
        cost[i][j] = total;
        split[i][j] = k;
      }
    }
  }
  return split;
}

function requireChain(tensors: readonly Tensor[]): void {
  const problem = (text: string): never => {
    throw new RuntimeError(`multi_dot(): ${text}`);
  };
  const count = tensors.length;
  if (count < 2) problem(`expected at least 2 tensors but got ${count}`);
  tensors.forEach((t, i) => {
    const rank = t.sizes.length;
    const end = i === 0 ? 'first' : i === count - 1 ? 'last' : null;
    if (end !== null && rank !== 1 && rank !== 2) {
      problem(`the ${end} tensor must be 1D or 2D but got ${rank}D`);
    }
    if (end === null && rank !== 2) problem(`tensor ${i} must be 2D but got ${rank}D`);
    if (t.dtype !== tensors[0].dtype) {
      problem(
        `all tensors must have be the same dtype but tensor 0 is ${cppName(tensors[0].dtype)} and tensor ${i} ${cppName(t.dtype)}`,
      );
    }
  });
}

/**
 * The product of two or more matrices, multiplied in the order that takes the fewest operations. The first and the last may be vectors.
 * https://pytorch.org/docs/stable/generated/torch.linalg.multi_dot.html
 */
export const multiDot: FreeCall<[tensors: readonly Tensor[]], { out?: Tensor }, Tensor> = define(
  'linalg_multi_dot(tensors, *, out=None)',
  (tensors: readonly Tensor[]) => multiply(tensors),
  { functionOnly: true },
);

function multiply(tensors: readonly Tensor[]): Tensor {
  requireChain(tensors);
  const last = tensors.length - 1;
  const [vectorFirst, vectorLast] = [tensors[0], tensors[last]].map((t) => t.sizes.length === 1);
  const matrices = [...tensors];
  if (vectorFirst) matrices[0] = matrices[0].unsqueeze(0);
  if (vectorLast) matrices[last] = matrices[last].unsqueeze(-1);
  for (let i = 0; i < last; i++) {
    if (matrices[i].sizes[1] === matrices[i + 1].sizes[0]) continue;
    throw new RuntimeError(
      `multi_dot(): tensors ${i} and ${i + 1} with shapes ${showSizes(tensors[i].sizes)} and ${showSizes(tensors[i + 1].sizes)} cannot be multiplied`,
    );
  }
  const split = bestSplits([...matrices.map((t) => t.sizes[0]), matrices[last].sizes[1]]);
  const chain = (i: number, j: number): Tensor =>
    i === j ? matrices[i] : chain(i, split[i][j]).mm(chain(split[i][j] + 1, j));
  let result = chain(0, last);
  if (vectorLast) result = result.squeeze(-1);
  return vectorFirst ? result.squeeze(0) : result;
}

/** The product of one or more matrices, as `linalg.multiDot`. https://pytorch.org/docs/stable/generated/torch.chain_matmul.html */
export const chainMatmul: FreeCall<readonly Tensor[], { out?: Tensor }, Tensor> = define(
  'chain_matmul(*matrices, *, out=None)',
  (matrices: readonly Tensor[] = []) => {
    if (matrices.length === 0) throw new RuntimeError('chain_matmul(): Expected one or more matrices');
    for (const t of matrices) {
      if (t.sizes.length !== 2) {
        throw new RuntimeError(`Tensor dimension is ${t.sizes.length}, expected 2 instead.`);
      }
    }
    return matrices.length === 1 ? matrices[0] : multiply(matrices);
  },
  { functionOnly: true },
);

/** The cross product along `dim`. https://pytorch.org/docs/stable/generated/torch.linalg.cross.html */
export const cross: FreeCall<
  [input: Tensor, other: Tensor],
  { other?: Tensor; dim?: number; out?: Tensor },
  Tensor
> = define(
  'linalg_cross(input: Tensor, other: Tensor, *, dim=-1, out=None)',
  (input: Tensor, other: Tensor, dim = -1) => crossAlong(input, other, dim),
  { functionOnly: true },
);

/** The inner product of vectors along `dim`. https://pytorch.org/docs/stable/generated/torch.linalg.vecdot.html */
export const vecdot: FreeCall<[x: Tensor, y: Tensor], { y?: Tensor; dim?: number; out?: Tensor }, Tensor> =
  define(
    'linalg_vecdot(x|input: Tensor, y|other: Tensor, *, dim=-1, out=None)',
    (x: Tensor, y: Tensor, dim = -1) => {
      requireFloats('linalg.vecdot', x, true);
      requireSameDtypes(x, y);
      if (x.sizes.length === 1 && y.sizes.length === 1) return x.dot(y);
      const rank = Math.max(x.sizes.length, y.sizes.length);
      return x.mul(y).sum(wrapDim(dim, rank));
    },
    { functionOnly: true },
  );

function requireSameDtypes(x: Tensor, y: Tensor): void {
  requireSameDtype('linalg.vecdot', x, y, ['x', 'y']);
}

/**
 * The powers 0 … N−1 of each element along a new last dimension; N is the size of the last dimension unless given.
 * https://pytorch.org/docs/stable/generated/torch.linalg.vander.html
 */
export const vander: FreeCall<[x: Tensor], { N?: number | null }, Tensor> = define(
  'linalg_vander(x: Tensor, *, N=None)',
  (x: Tensor, N: number | null = null) => {
    const { dtype } = x;
    if (dtype.name === 'bool' || (dtype.isFloatingPoint && dtype.itemSize === 2)) {
      throw new RuntimeError(
        `linalg.vander supports floating point, complex, and integer tensors, but got ${dtype.scalarName}`,
      );
    }
    const count = N ?? x.sizes[x.sizes.length - 1] ?? 1;
    if (count <= 1) throw new RuntimeError('N must be greater than 1.');
    return powersOf(x.sizes.length === 0 ? x.reshape([1]) : x, count, true);
  },
  { functionOnly: true },
);

function requireEqual(condition: string, got: number, expected: number): void {
  if (got === expected) return;
  throw new RuntimeError(
    `Expected self to satisfy the requirement ${condition}, but got ${got} != ${expected}`,
  );
}

/**
 * The X with tensordot(A, X, X.dim()) = B. The dimensions `dims` of A come last. https://pytorch.org/docs/stable/generated/torch.linalg.tensorsolve.html
 */
export const tensorsolve: FreeCall<
  [A: Tensor, B: Tensor, dims?: readonly number[] | null],
  { B?: Tensor; dims?: readonly number[] | null; out?: Tensor },
  Tensor
> = define(
  'linalg_tensorsolve(A|input: Tensor, B|other: Tensor, dims=None, *, out=None)',
  (A: Tensor, B: Tensor, dims: readonly number[] | null = null) => {
    const rank = A.sizes.length;
    const last = (dims ?? []).map((_, i) => rank - (dims ?? []).length + i);
    const a = dims === null ? A : A.movedim([...dims], last);
    const sizes = a.sizes.slice(B.sizes.length);
    const count = product(sizes);
    requireEqual('prod(self.shape[other.ndim:]) == prod(self.shape[:other.ndim])', count, product(B.sizes));
    return solve(a.reshape([count, count]), B.flatten()).reshape(sizes);
  },
  { functionOnly: true },
);

/** The inverse of A as a map from its last dimensions to the first `ind`. https://pytorch.org/docs/stable/generated/torch.linalg.tensorinv.html */
export const tensorinv: FreeCall<[A: Tensor, ind?: number], { ind?: number; out?: Tensor }, Tensor> = define(
  'linalg_tensorinv(A|input: Tensor, ind=2, *, out=None)',
  (A: Tensor, ind = 2) => {
    if (ind <= 0) throw new RuntimeError(`Expected a strictly positive integer for 'ind', but got ${ind}`);
    const [first, last] = [A.sizes.slice(0, ind), A.sizes.slice(ind)];
    const [rows, columns] = [product(first), product(last)];
    requireEqual('prod(self.shape[ind:]) == prod(self.shape[:ind])', columns, rows);
    return invertFor('inv', A.reshape([rows, columns])).reshape([...last, ...first]);
  },
  { functionOnly: true },
);

export { linalgMatrixPower };
