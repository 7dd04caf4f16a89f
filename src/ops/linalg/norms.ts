/** Norms of vectors and matrices. https://pytorch.org/docs/stable/generated/torch.linalg.norm.html */
import { canCast, type DType } from '../../base/dtype.ts';
import { pythonType } from '../../base/arguments.ts';
import { ArgumentTypeError, RuntimeError } from '../../base/errors.ts';
import { wrapDim } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { define, type Dims, type FreeCall } from '../define.ts';
import { vectorNorm as reduceVectors } from '../reduction/statistics.ts';
import { runtime } from '../runtime.ts';
import { requireFloats, requireRank2 } from './batched.ts';
import { nuclearNorm } from './nuclear.ts';
import { singularValuesOf } from './svd.ts';

const infinity = Number.POSITIVE_INFINITY;
/** As C++ prints a double. */
const show = (p: number): string => String(p).replace('Infinity', 'inf').replace('NaN', 'nan');

function requireDtype(name: string, A: Tensor, dtype: DType | null): void {
  if (dtype === null) return;
  if (!dtype.isFloatingPoint) {
    throw new RuntimeError(`${name}: dtype should be floating point or complex, but got ${dtype.scalarName}`);
  }
  const narrows = A.dtype.isFloatingPoint && (!canCast(A.dtype, dtype) || dtype.itemSize < A.dtype.itemSize);
  if (narrows) {
    throw new RuntimeError(
      `${name}: the dtype of the input (${A.dtype.scalarName}) should be convertible without narrowing to the specified dtype (${dtype.scalarName})`,
    );
  }
}

function normOfVectors(A: Tensor, p: number, dim: Dims, keepdim: boolean, dtype: DType | null): Tensor {
  requireFloats('linalg.vector_norm', A, true);
  requireDtype('linalg.vector_norm', A, dtype);
  if (p < 0 || p === infinity) requireElements(A, p, dim);
  return runtime.showAs('LinalgVectorNorm', reduceVectors(A, p, dim, keepdim, dtype));
}

/** Norms that have no value for no elements. */
function requireElements(A: Tensor, p: number, dim: Dims): void {
  const dims = dim === null ? [] : typeof dim === 'number' ? [dim] : dim;
  if (dims.length === 0 && A.numel() > 0) return;
  if (dims.length === 0) {
    throw new RuntimeError(
      `linalg.vector_norm cannot compute the ${show(p)} norm on an empty tensor because the operation does not have an identity`,
    );
  }
  for (const d of dims) {
    if (A.sizes[wrapDim(d, A.sizes.length)] !== 0) continue;
    throw new RuntimeError(
      `linalg.vector_norm cannot compute the ${show(p)} norm on the dimension ${d}because this dimension is empty and the operation does not have an identity`,
    );
  }
}

/** The norm of matrices that lie in two dimensions of A. */
export function matrixNormOf(
  A: Tensor,
  ord: number | string,
  dim: readonly number[],
  keepdim: boolean,
  dtype: DType | null,
): Tensor {
  requireRank2('linalg.matrix_norm', A);
  requireFloats('linalg.matrix_norm', A, true);
  if (dim.length !== 2) {
    throw new RuntimeError(`linalg.matrix_norm: dim must be a 2-tuple. Got ${dim.join(', ')}`);
  }
  const [rows, columns] = dim.map((d) => wrapDim(d, A.sizes.length));
  if (rows === columns) {
    throw new RuntimeError(`linalg.matrix_norm: dims must be different. Got (${dim[0]}, ${dim[1]})`);
  }
  const size = typeof ord === 'number' ? Math.abs(ord) : ord;
  if (!(size === 1 || size === 2 || size === infinity || size === 'fro' || size === 'nuc')) {
    throw new RuntimeError(
      `linalg.matrix_norm: Order ${typeof ord === 'number' ? show(ord) : ord} not supported.`,
    );
  }
  requireDtype('linalg.matrix_norm', A, dtype);
  const x = dtype === null ? A : A.to(dtype);
  if (size === 'fro') return normOfVectors(x, 2, [rows, columns], keepdim, null);
  if (size === 'nuc') return nuclearNorm(x, rows, columns, keepdim);
  const extreme = (t: Tensor, d: number, keep: boolean): Tensor =>
    (ord as number) > 0 ? t.amax(d, keep) : t.amin(d, keep);
  if (size === 2) {
    const S = extreme(singularValuesOf(x.movedim([rows, columns], [-2, -1])), -1, keepdim);
    return keepdim ? S.unsqueeze(-1).movedim([-2, -1], [rows, columns]) : S;
  }
  // Sums along columns (1) or rows (∞), then the largest or smallest.
  const [along, across] = size === 1 ? [rows, columns] : [columns, rows];
  const sums = normOfVectors(x, 1, along, keepdim, null);
  return extreme(sums, keepdim || across < along ? across : across - 1, keepdim);
}

/**
 * The norm of the vectors along `dim` (of all elements without): (Σ|x|ᵒʳᵈ)^(1/ord), the largest or smallest magnitude for ±∞, the count of nonzeros for 0.
 * https://pytorch.org/docs/stable/generated/torch.linalg.vector_norm.html
 */
export const vectorNorm: FreeCall<
  [x: Tensor, ord?: number, dim?: Dims, keepdim?: boolean],
  { ord?: number; dim?: Dims; keepdim?: boolean; dtype?: DType | null; out?: Tensor },
  Tensor
> = define(
  'linalg_vector_norm(x|input: Tensor, ord=2, dim=None, keepdim=False, *, dtype=None, out=None)',
  (x: Tensor, ord = 2, dim: Dims = null, keepdim = false, dtype: DType | null = null) => {
    if (typeof ord !== 'number') {
      throw new ArgumentTypeError(
        `linalg_vector_norm(): argument 'ord' (position 2) must be Number, not ${pythonType(ord)}`,
      );
    }
    return normOfVectors(x, ord, dim, keepdim, dtype);
  },
  { functionOnly: true },
);

/**
 * The norm of matrices: 'fro', 'nuc', 1 and −1 (columns), ∞ and −∞ (rows), 2 and −2 (singular values).
 * https://pytorch.org/docs/stable/generated/torch.linalg.matrix_norm.html
 */
export const matrixNorm: FreeCall<
  [A: Tensor, ord?: number | string, dim?: readonly number[], keepdim?: boolean],
  { ord?: number | string; dim?: readonly number[]; keepdim?: boolean; dtype?: DType | null; out?: Tensor },
  Tensor
> = define(
  "linalg_matrix_norm(A|input: Tensor, ord='fro', dim=None, keepdim=False, *, dtype=None, out=None)",
  (
    A: Tensor,
    ord: number | string = 'fro',
    dim: readonly number[] | null = null,
    keepdim = false,
    dtype: DType | null = null,
  ) => matrixNormOf(A, ord, dim ?? [-2, -1], keepdim, dtype),
  { functionOnly: true },
);

/**
 * A vector norm where `dim` is one dimension (or `ord` is not given), a matrix norm where it is two.
 * https://pytorch.org/docs/stable/generated/torch.linalg.norm.html
 *
 * @example
 * ```ts
 * console.log(torch.linalg.norm(torch.tensor([3, 4]))); // => tensor(5.)
 * ```
 */
export const norm: FreeCall<
  [A: Tensor, ord?: number | string | null, dim?: Dims, keepdim?: boolean],
  { ord?: number | string | null; dim?: Dims; keepdim?: boolean; dtype?: DType | null; out?: Tensor },
  Tensor
> = define(
  'linalg_norm(A|input: Tensor, ord=None, dim=None, keepdim=False, *, dtype=None, out=None)',
  (
    A: Tensor,
    ord: number | string | null = null,
    dim: Dims = null,
    keepdim = false,
    dtype: DType | null = null,
  ) => {
    const given = dim === null ? null : typeof dim === 'number' ? [dim] : dim;
    if (given !== null && given.length !== 1 && given.length !== 2) {
      throw new RuntimeError(
        `linalg.norm: If dim is specified, it must be of length 1 or 2. Got [${given.join(', ')}]`,
      );
    }
    if (ord === null) {
      if (given === null && !keepdim) return normOfVectors(A.flatten(), 2, null, false, dtype);
      return normOfVectors(A, 2, given, keepdim, dtype);
    }
    const rank = A.sizes.length;
    if (given === null && rank !== 1 && rank !== 2) {
      throw new RuntimeError(
        `linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got ${rank}D.`,
      );
    }
    const dims = given ?? A.sizes.map((_, i) => i);
    if (typeof ord === 'number' && dims.length === 1) return normOfVectors(A, ord, dims, keepdim, dtype);
    return matrixNormOf(A, ord, dims, keepdim, dtype);
  },
  { functionOnly: true },
);
