/** Functions of singular values: pseudo-inverse, rank, condition number. */
import { int64 } from '../../base/dtype.ts';
import { RuntimeError } from '../../base/errors.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define, type FreeCall } from '../define.ts';
import { runtime } from '../runtime.ts';
import {
  epsilonOf,
  requireFloats,
  requireKernel,
  requireRank2,
  requireSquare,
  scaleColumns,
  scaleRows,
} from './batched.ts';
import { checkSymmetric, eigenvaluesOf, eighOf } from './eigh.ts';
import { matrixNormOf } from './norms.ts';
import { invEx } from './solve.ts';
import { singularValuesOf, svdOf } from './svd.ts';

/** A number, or one for every matrix. */
type Tolerance = number | Tensor;

/** Below which singular values count as zero, given the largest of every matrix: max(atol, rtol·largest). */
function threshold(A: Tensor, largest: Tensor, atol: Tolerance | null, rtol: Tolerance | null): Tensor {
  const byDefault = 2 * epsilonOf(A) * Math.max(...A.sizes.slice(-2));
  const asTensor = (t: Tolerance): Tensor =>
    runtime.isTensor(t) ? t.detach() : runtime.full([], t, A.dtype, A);
  const absolute = asTensor(atol ?? 0);
  const relative = rtol === null ? absolute.gt(0).logicalNot().mul(byDefault) : asTensor(rtol);
  return absolute.to(A.dtype).maximum(relative.to(A.dtype).mul(largest));
}

const isEmpty = (A: Tensor): boolean => A.numel() === 0;

function pinvOf(A: Tensor, atol: Tolerance | null, rtol: Tolerance | null, hermitian: boolean): Tensor {
  if (A.sizes.length < 2 || !A.dtype.isFloatingPoint || A.dtype.itemSize < 4) {
    throw new RuntimeError(
      `linalg.pinv(${A.dtype.scalarName}{[${A.sizes.join(', ')}]}): expected a tensor with 2 or more dimensions of float, double, cfloat or cdouble types`,
    );
  }
  const out = runtime.noGrad(() => pseudoInverse(A.detach(), atol, rtol, hermitian));
  return runtime.record(out, {
    name: 'LinalgPinv',
    inputs: [A],
    saved: [A, out],
    backward: ([grad], [a, X]) => [grad === null || grad === undefined ? null : pinvGradient(grad, a, X)],
  });
}

function pseudoInverse(
  A: Tensor,
  atol: Tolerance | null,
  rtol: Tolerance | null,
  hermitian: boolean,
): Tensor {
  if (hermitian) checkSymmetric(A, 'L');
  const [m, n] = A.sizes.slice(-2);
  if (isEmpty(A)) return runtime.full([...A.sizes.slice(0, -2), n, m], 0, A.dtype, A);
  const inverted = (values: Tensor): Tensor => {
    const sizes = values.abs();
    const small = sizes.le(threshold(A, sizes.amax(-1), atol, rtol).unsqueeze(-1));
    return values.reciprocal().maskedFill(small, 0);
  };
  if (hermitian) {
    const { L, V } = eighOf('linalg.eigh', A, false);
    return scaleColumns(V, inverted(L)).matmul(V.mT);
  }
  const { U, S, Vh } = svdOf(A, false);
  return Vh.mT.matmul(scaleRows(U.mT, inverted(S)));
}

/** The gradient of the pseudo-inverse X (Golub and Pereyra 1973, "The differentiation of pseudo-inverses"), arranged for the shorter side. */
export function pinvGradient(grad: Tensor, A: Tensor, X: Tensor): Tensor {
  const [m, n] = A.sizes.slice(-2);
  const Xt = X.mT;
  const gt = grad.mT;
  if (m <= n) {
    const K = gt.matmul(X);
    const KX = K.matmul(Xt);
    return X.matmul(K)
      .mT.neg()
      .add(KX)
      .sub(A.matmul(X).matmul(KX))
      .add(Xt.matmul(X).matmul(gt.sub(K.matmul(A))));
  }
  const K = X.matmul(gt);
  const XK = Xt.matmul(K);
  return K.matmul(X)
    .mT.neg()
    .add(gt.sub(A.matmul(K)).matmul(X).matmul(Xt))
    .add(XK)
    .sub(XK.matmul(X).matmul(A));
}

/**
 * The pseudo-inverse (Moore–Penrose) of matrices (*, m, n): (*, n, m). Singular values up to max(atol, rtol·largest) count as zero; rtol is by default
 * max(m, n)·eps, or 0 with an atol. `hermitian`: A is symmetric. https://pytorch.org/docs/stable/generated/torch.linalg.pinv.html
 *
 * @example
 * ```ts
 * console.log(torch.linalg.pinv(torch.tensor([[2, 0, 0], [0, 4, 0]])));
 * // => tensor([[0.5000, 0.0000], [0.0000, 0.2500], [0.0000, 0.0000]])
 * ```
 */
export const pinv: FreeCall<
  [A: Tensor, rcond?: Tolerance, hermitian?: boolean],
  { rcond?: Tolerance; atol?: Tolerance | null; rtol?: Tolerance | null; hermitian?: boolean; out?: Tensor },
  Tensor
> = define(
  'linalg_pinv(A|input: Tensor, rcond=None, hermitian=False, *, atol=None, rtol=None, out=None)',
  (
    A: Tensor,
    rcond: Tolerance | null = null,
    hermitian = false,
    atol: Tolerance | null = null,
    rtol: Tolerance | null = null,
  ) => (rcond === null ? pinvOf(A, atol, rtol, hermitian) : pinvOf(A, 0, rcond, hermitian)),
  { functionOnly: true },
);

/** `linalg.pinv` as it was before `torch.linalg`. https://pytorch.org/docs/stable/generated/torch.pinverse.html */
export const pinverse: Call<[input: Tensor, rcond?: number], { rcond?: number }, Tensor> = define(
  'pinverse(input, rcond=1e-15)',
  (A: Tensor, rcond = 1e-15) => pinvOf(A, 0, rcond, false),
);

/**
 * How many singular values (magnitudes of eigenvalues, with `hermitian`) are above `tol`, or above max(atol, rtol·largest); int64.
 * https://pytorch.org/docs/stable/generated/torch.linalg.matrix_rank.html
 */
export const matrixRank: FreeCall<
  [A: Tensor, tol?: Tolerance | null, hermitian?: boolean],
  {
    tol?: Tolerance | null;
    atol?: Tolerance | null;
    rtol?: Tolerance | null;
    hermitian?: boolean;
    out?: Tensor;
  },
  Tensor
> = define(
  'linalg_matrix_rank(A|input: Tensor, tol=None, hermitian=False, *, atol=None, rtol=None, out=None)',
  (
    A: Tensor,
    tol: Tolerance | null = null,
    hermitian = false,
    atol: Tolerance | null = null,
    rtol: Tolerance | null = null,
  ) => {
    requireRank2('torch.linalg.matrix_rank', A, 'input');
    if (!A.dtype.isFloatingPoint || A.dtype.itemSize < 4) {
      throw new RuntimeError("This function doesn't handle types other than float and double");
    }
    return runtime.noGrad(() => {
      const a = A.detach();
      if (isEmpty(a)) return runtime.full(A.sizes.slice(0, -2), 0, int64, A);
      const values = hermitian
        ? eigenvaluesOf('linalg.eigh', a, checkSymmetric(a, 'L')).abs()
        : singularValuesOf(a);
      const least =
        tol === null ? threshold(a, values.amax(-1), atol, rtol) : threshold(a, values.amax(-1), tol, 0);
      return values.gt(least.unsqueeze(-1)).sum(-1);
    });
  },
  { functionOnly: true },
);

const NORMS = new Set<number | string>([
  1,
  -1,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  'fro',
  'nuc',
]);

/**
 * The condition number: ‖A‖·‖A⁻¹‖ in the norm `p` (1, −1, ∞, −∞, 'fro', 'nuc'), the largest over the smallest singular value (2, the default) or the other
 * way round (−2). Infinite where A is singular. https://pytorch.org/docs/stable/generated/torch.linalg.cond.html
 */
export const cond: FreeCall<
  [A: Tensor, p?: number | string | null],
  { p?: number | string | null; out?: Tensor },
  Tensor
> = define(
  'linalg_cond(A|input: Tensor, p=None, *, out=None)',
  (A: Tensor, p: number | string | null = null) => {
    if (A.sizes.length < 2) {
      throw new RuntimeError('linalg.cond: The input tensor must have at least 2 dimensions.');
    }
    if (isEmpty(A)) return runtime.full(A.sizes.slice(0, -2), 0, A.dtype, A);
    if (p === null || p === 2 || p === -2) {
      requireFloats('linalg.svd', A, true);
      requireKernel('linalg_svd_cpu', A);
      const S = singularValuesOf(A);
      const [largest, smallest] = [S.narrow(-1, 0, 1), S.narrow(-1, -1, 1)];
      return (p === -2 ? smallest.div(largest) : largest.div(smallest)).squeeze(-1);
    }
    if (!NORMS.has(p)) throw new RuntimeError(`linalg.cond got an invalid norm type: ${p}`);
    const text = typeof p === 'number' ? String(p).replace('Infinity', 'inf') : p;
    requireSquare(`linalg.cond(ord=${text})`, A);
    if (p === 'nuc') {
      const S = singularValuesOf(A);
      return S.sum(-1).mul(S.reciprocal().sum(-1));
    }
    const { inverse, info } = invEx(A);
    const singular = info.gt(0).unsqueeze(-1).unsqueeze(-1);
    const regular = inverse.maskedFill(singular, Number.POSITIVE_INFINITY);
    const product = matrixNormOf(A, p, [-2, -1], false, null).mul(
      matrixNormOf(regular, p, [-2, -1], false, null),
    );
    return product.nanToNum(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
  },
  { functionOnly: true },
);
