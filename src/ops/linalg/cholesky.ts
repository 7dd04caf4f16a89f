/** Cholesky factors. https://pytorch.org/docs/stable/generated/torch.linalg.cholesky.html */
import { LinAlgError } from '../../base/errors.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define, type FreeCall } from '../define.ts';
import { type Named, named } from '../named.ts';
import { runtime } from '../runtime.ts';
import {
  batchElement,
  broadcastBatches,
  doubles,
  eachMatrix,
  fromIntegers,
  identity,
  requireFloats,
  requireKernel,
  requireSquare,
} from './batched.ts';
import { elementsOf, resultOf, workOf } from './blocks/block.ts';
import { factorCholeskyInPlace } from './blocks/cholesky.ts';
import { solveTriangleInPlace } from './blocks/triangle.ts';
import { requireSolvable, solveWithTriangle } from './triangular.ts';

/** The lower factor L of a batch, from the lower triangles, and for each matrix the order of the first minor that is not positive. */
function factors(A: Tensor): { L: Tensor; codes: Int32Array } {
  const work = workOf(A);
  const codes = factorCholeskyInPlace(work);
  const n = A.sizes[A.sizes.length - 1];
  const elements = elementsOf(work);
  eachMatrix(A.sizes, (_, at) => {
    for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) elements[at + i * n + j] = 0;
  });
  return { L: resultOf(work, A), codes };
}

/** Half of X + Xᵀ for the symmetric matrix whose lower triangle is that of X: Φ of the literature, then made symmetric. */
const halfSymmetric = (x: Tensor): Tensor => x.tril().add(x.tril(-1).mT).mul(0.5);

/**
 * The gradient L⁻ᵀ·Φ(Lᵀ·gL)·L⁻¹, made symmetric (Murray 2016, "Differentiation of the Cholesky decomposition").
 */
function backward(gL: Tensor, L: Tensor): Tensor {
  const inner = halfSymmetric(L.mT.matmul(gL));
  const half = solveWithTriangle(L.mT, inner, { upper: true, unit: false }, true);
  return solveWithTriangle(L, half, { upper: false, unit: false }, false);
}

function choleskyOf(
  name: string,
  A: Tensor,
  upper: boolean,
  checkErrors: boolean,
  node: string,
): { L: Tensor; codes: Int32Array } {
  const { L, codes } = runtime.noGrad(() => factors(upper ? A.detach().mT : A.detach()));
  const failed = codes.findIndex((code) => code !== 0);
  if (checkErrors && failed >= 0) {
    throw new LinAlgError(
      `${name}: ${batchElement(A, failed)}The factorization could not be completed because the input is not positive-definite (the leading minor of order ${codes[failed]} is not positive-definite).`,
    );
  }
  const out = upper ? runtime.noGrad(() => L.mT.contiguous()) : L;
  runtime.record(out, {
    name: node,
    inputs: [A],
    saved: [out],
    backward: ([grad], [factor]) => {
      if (grad === null || grad === undefined) return [null];
      return [upper ? backward(grad.mT, factor.mT) : backward(grad, factor)];
    },
  });
  return { L: out, codes };
}

function checked(A: Tensor): void {
  requireSquare('linalg.cholesky', A);
  requireFloats('linalg.cholesky', A, true);
  requireKernel('cholesky_cpu', A);
}

/**
 * The lower triangular L with A = L·Lᵀ (with `upper` Lᵀ itself) for symmetric positive-definite matrices (*, n, n), of which only one triangle is read.
 * Throws a LinAlgError where a matrix is not positive-definite. https://pytorch.org/docs/stable/generated/torch.linalg.cholesky.html
 *
 * @example
 * ```ts
 * console.log(torch.linalg.cholesky(torch.tensor([[4, 2], [2, 2]]))); // => tensor([[2., 0.], [1., 1.]])
 * ```
 */
export const linalgCholesky: FreeCall<[A: Tensor], { upper?: boolean; out?: Tensor }, Tensor> = define(
  'linalg_cholesky(A: Tensor, *, upper=False, out=None)',
  (A: Tensor, upper = false) => {
    checked(A);
    return choleskyOf('linalg.cholesky', A, upper, true, 'LinalgCholeskyEx').L;
  },
  { functionOnly: true },
);

/**
 * `cholesky` without an error: `{ L, info }`, where `info` is 0, or the order of the first leading minor that is not positive.
 * https://pytorch.org/docs/stable/generated/torch.linalg.cholesky_ex.html
 */
export const choleskyEx: FreeCall<
  [A: Tensor],
  { upper?: boolean; checkErrors?: boolean; out?: unknown },
  Named<['L', 'info']>
> = define(
  'linalg_cholesky_ex(A: Tensor, *, upper=False, checkErrors=False, out=None)',
  (A: Tensor, upper = false, checkErrors = false) => {
    checked(A);
    const { L, codes } = choleskyOf('linalg.cholesky_ex', A, upper, checkErrors, 'LinalgCholeskyEx');
    return named('linalg_cholesky_ex', ['L', 'info'], [L, fromIntegers(codes, A.sizes.slice(0, -2), A)]);
  },
  { functionOnly: true },
);

/** `linalg.cholesky` as it was before `torch.linalg`. https://pytorch.org/docs/stable/generated/torch.cholesky.html */
export const cholesky: Call<[input: Tensor, upper?: boolean], { upper?: boolean; out?: Tensor }, Tensor> =
  define('cholesky(input, upper=False, *, out=None)', (A: Tensor, upper = false) => {
    requireSquare('cholesky', A);
    requireKernel('cholesky_cpu', A);
    return choleskyOf('cholesky', A, upper, true, 'Cholesky').L;
  });

/** (L·Lᵀ)⁻¹·B for lower factors L, batches being of the same length. Records nothing. */
function solveFactored(B: Tensor, L: Tensor): Tensor {
  const x = workOf(B);
  solveTriangleInPlace(L, { upper: false, unit: false }, x);
  solveTriangleInPlace(L.mT, { upper: true, unit: false }, x);
  return resultOf(x, B);
}

/** PyTorch's gradient of the factor is that of a function of the whole matrix: it does not vanish outside the triangle. */
function solveFactor(b: Tensor, factor: Tensor, upper: boolean): Tensor {
  const lower = (f: Tensor): Tensor => (upper ? f.mT : f);
  const out = runtime.noGrad(() => solveFactored(b, lower(factor)));
  return runtime.record(out, {
    name: 'CholeskySolve',
    inputs: [b, factor],
    saved: [factor, out],
    backward: ([grad], [f, X], needs) => {
      if (grad === null || grad === undefined) return [null, null];
      const gB = solveFactor(grad, f, upper);
      if (!needs[1]) return [gB, null];
      const product = gB.matmul(X.mT);
      const both = product.add(product.mT);
      return [gB, (upper ? f.matmul(both) : both.matmul(f)).neg()];
    },
  });
}

/**
 * The X with A·X = B, where `L` is a Cholesky factor of A. https://pytorch.org/docs/stable/generated/torch.cholesky_solve.html
 */
export const choleskySolve: Call<
  [B: Tensor, L: Tensor, upper?: boolean],
  { input2?: Tensor; upper?: boolean; out?: Tensor },
  Tensor
> = define(
  'cholesky_solve(input, input2|L: Tensor, upper=False, *, out=None)',
  (B: Tensor, L: Tensor, upper = false) => {
    requireSolvable('cholesky_solve', B, L);
    requireKernel('cholesky_solve_cpu', B);
    const [l, b] = broadcastBatches(L, B);
    return solveFactor(b, l, upper);
  },
);

/**
 * The inverse of A, where `L` is a Cholesky factor of A. https://pytorch.org/docs/stable/generated/torch.cholesky_inverse.html
 */
export const choleskyInverse: Call<[L: Tensor, upper?: boolean], { upper?: boolean; out?: Tensor }, Tensor> =
  define('cholesky_inverse(input, upper=False, *, out=None)', (L: Tensor, upper = false) => {
    requireSquare('cholesky_inverse', L);
    requireKernel('cholesky_inverse_out_cpu', L);
    const n = L.sizes[L.sizes.length - 1];
    requireDiagonal(L);
    const out = runtime.noGrad(() => solveFactored(identity(n, L).expand(L.sizes), upper ? L.mT : L));
    return runtime.record(out, {
      name: 'CholeskyInverse',
      inputs: [L],
      saved: [L, out],
      backward: ([grad], [factor, X]) => {
        if (grad === null || grad === undefined) return [null];
        const inner = X.matmul(grad.add(grad.mT)).matmul(X);
        return [(upper ? factor.matmul(inner) : inner.matmul(factor)).neg()];
      },
    });
  });

function requireDiagonal(L: Tensor): void {
  const n = L.sizes[L.sizes.length - 1];
  const l = doubles(L);
  eachMatrix(L.sizes, (index, at) => {
    for (let i = 0; i < n; i++) {
      if (l[at + i * (n + 1)] !== 0) continue;
      throw new LinAlgError(
        `cholesky_inverse: ${batchElement(L, index)}The diagonal element ${i + 1} is zero, the inversion could not be completed because the input matrix is singular.`,
      );
    }
  });
}
