/** The matrix exponential. https://pytorch.org/docs/stable/generated/torch.linalg.matrix_exp.html */
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define, type FreeCall } from '../define.ts';
import { cat } from '../movement/joining.ts';
import { runtime } from '../runtime.ts';
import { doubles, eachMatrix, fromDoubles, requireFloats, requireKernel, requireSquare } from './batched.ts';
import { matrixExponential } from './kernels/exponential.ts';

/**
 * The gradient is a block of a larger exponential: exp (Aᵀ G; 0 Aᵀ) has it in its upper right corner (Najfeld and Havel 1995, "Derivatives of the matrix
 * exponential and their computation").
 */
function exponentialOf(A: Tensor): Tensor {
  const n = A.sizes[A.sizes.length - 1];
  const out = runtime.noGrad(() => {
    const a = doubles(A);
    eachMatrix(A.sizes, (_, at) => a.set(matrixExponential(a.subarray(at, at + n * n), n), at));
    return fromDoubles(a, A.sizes, A);
  });
  return runtime.record(out, {
    name: 'LinalgMatrixExp',
    inputs: [A],
    saved: [A],
    backward: ([grad], [a]) => {
      if (grad === null || grad === undefined) return [null];
      const zeros = runtime.full(a.sizes, 0, a.dtype, a);
      const top = cat([a.mT, grad], -1);
      const bottom = cat([zeros, a.mT], -1);
      return [
        exponentialOf(cat([top, bottom], -2))
          .narrow(-2, 0, n)
          .narrow(-1, n, n),
      ];
    },
  });
}

function checked(A: Tensor): Tensor {
  requireSquare('linalg.matrix_exp', A);
  if (A.dtype.isFloatingPoint) requireKernel('log2_vml_cpu', A);
  requireFloats('matrix_exp', A);
  return exponentialOf(A);
}

/** Σ Aᵏ/k! for square matrices (*, n, n). Differentiable to any order. https://pytorch.org/docs/stable/generated/torch.linalg.matrix_exp.html */
const linalgMatrixExp: FreeCall<[A: Tensor], { out?: Tensor }, Tensor> = define(
  'linalg_matrix_exp(A|input: Tensor, *, out=None)',
  checked,
  { functionOnly: true },
);

/** Another name for `linalg.matrixExp`. https://pytorch.org/docs/stable/generated/torch.matrix_exp.html */
export const matrixExp: Call<[input: Tensor], object, Tensor> = define('matrix_exp(input)', checked);

export { linalgMatrixExp };
