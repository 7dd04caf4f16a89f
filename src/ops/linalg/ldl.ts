/** Factors of symmetric matrices that need not be definite. https://pytorch.org/docs/stable/generated/torch.linalg.ldl_factor.html */
import { RuntimeError } from '../../base/errors.ts';
import { sameSizes, showSizes } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { define, type FreeCall } from '../define.ts';
import { type Named, named } from '../named.ts';
import { runtime } from '../runtime.ts';
import {
  batchCount,
  batchElement,
  broadcastBatches,
  doubles,
  eachMatrix,
  fromDoubles,
  fromIntegers,
  requireFloats,
  requireKernel,
  requireSquare,
} from './batched.ts';
import { factorLdl, solveLdl } from './kernels/ldl.ts';
import { requireSolvable } from './triangular.ts';

function underivable(name: string): never {
  throw new RuntimeError(`derivative for aten::${name} is not implemented`);
}

interface Factors {
  readonly LD: Tensor;
  readonly pivots: Tensor;
  readonly codes: Int32Array;
}

function factor(name: string, A: Tensor, checkErrors: boolean): Factors {
  requireSquare('torch.linalg.ldl_factor_ex', A);
  requireFloats('torch.linalg.ldl_factor_ex', A, true);
  requireKernel('ldl_factor_kernel_cpu', A);
  const n = A.sizes[A.sizes.length - 1];
  const a = doubles(A);
  const pivots = new Int32Array(batchCount(A) * n);
  const codes = new Int32Array(batchCount(A));
  eachMatrix(A.sizes, (index, at) => {
    codes[index] = factorLdl(a, at, n, pivots, index * n);
    for (let i = 0; i < n; i++) a.fill(0, at + i * n + i + 1, at + (i + 1) * n);
  });
  const failed = codes.findIndex((code) => code !== 0);
  if (checkErrors && failed >= 0) {
    throw new RuntimeError(
      `${name}: ${batchElement(A, failed)}The factorization could not be completed because the diagonal block ${codes[failed]} of D is zero (error code: ${codes[failed]}).`,
    );
  }
  const LD = runtime.noGrad(() => fromDoubles(a, A.sizes, A));
  runtime.record(LD, {
    name: 'LinalgLdlFactorEx',
    inputs: [A],
    saved: [],
    backward: () => underivable('linalg_ldl_factor_ex'),
  });
  return { LD, pivots: fromIntegers(pivots, A.sizes.slice(0, -1), A), codes };
}

/**
 * L and D with A = L·D·Lᵀ in one matrix, D with blocks of one and two rows, and the row exchanges: `{ LD, pivots }`. Only the lower triangle of A is read. Not
 * differentiable. Throws a RuntimeError where D is singular. https://pytorch.org/docs/stable/generated/torch.linalg.ldl_factor.html
 */
export const ldlFactor: FreeCall<
  [A: Tensor],
  { hermitian?: boolean; out?: unknown },
  Named<['LD', 'pivots']>
> = define(
  'linalg_ldl_factor(A|input: Tensor, *, hermitian=False, out=None)',
  (A: Tensor) => {
    const { LD, pivots } = factor('torch.linalg.ldl_factor', A, true);
    return named('linalg_ldl_factor', ['LD', 'pivots'], [LD, pivots]);
  },
  { functionOnly: true },
);

/** `ldlFactor` without an error for singular matrices. https://pytorch.org/docs/stable/generated/torch.linalg.ldl_factor_ex.html */
export const ldlFactorEx: FreeCall<
  [A: Tensor],
  { hermitian?: boolean; checkErrors?: boolean; out?: unknown },
  Named<['LD', 'pivots', 'info']>
> = define(
  'linalg_ldl_factor_ex(A|input: Tensor, *, hermitian=False, checkErrors=False, out=None)',
  (A: Tensor, _hermitian = false, checkErrors = false) => {
    const { LD, pivots, codes } = factor('torch.linalg.ldl_factor_ex', A, checkErrors);
    const info = fromIntegers(codes, A.sizes.slice(0, -2), A);
    return named('linalg_ldl_factor_ex', ['LD', 'pivots', 'info'], [LD, pivots, info]);
  },
  { functionOnly: true },
);

/** The X with A·X = B, from the result of `ldlFactor(A)`. Not differentiable. https://pytorch.org/docs/stable/generated/torch.linalg.ldl_solve.html */
export const ldlSolve: FreeCall<
  [LD: Tensor, pivots: Tensor, B: Tensor],
  { B?: Tensor; hermitian?: boolean; out?: Tensor },
  Tensor
> = define(
  'linalg_ldl_solve(LD: Tensor, pivots: Tensor, B: Tensor, *, hermitian=False, out=None)',
  (LD: Tensor, pivots: Tensor, B: Tensor) => {
    const name = 'torch.linalg.ldl_solve';
    requireSquare(name, LD);
    requireFloats(name, LD, true);
    requireSolvable(name, B, LD);
    if (!sameSizes(pivots.sizes, LD.sizes.slice(0, -1))) {
      throw new RuntimeError(
        `${name}: Expected LD.shape[:-1] and pivots.shape to be the same, but got pivots with shape ${showSizes(pivots.sizes)} instead`,
      );
    }
    if (pivots.dtype.isFloatingPoint || pivots.dtype.name === 'bool') {
      throw new RuntimeError(`${name}: Expected pivots to be integers. Got ${pivots.dtype.scalarName}`);
    }
    requireKernel('ldl_solve_kernel_cpu', LD);
    const [ld, b] = broadcastBatches(LD, B);
    const [n, columns] = b.sizes.slice(-2);
    const out = runtime.noGrad(() => {
      const exchanges = doubles(pivots.expand([...ld.sizes.slice(0, -1)]));
      const factors = doubles(ld);
      const x = doubles(b);
      eachMatrix(ld.sizes, (index, at) => {
        const own = exchanges.subarray(index * n, (index + 1) * n);
        solveLdl(factors, at, n, own, x, index * n * columns, columns);
      });
      return fromDoubles(x, b.sizes, b);
    });
    return runtime.record(out, {
      name: 'LinalgLdlSolve',
      inputs: [LD, B],
      saved: [],
      backward: () => underivable('linalg_ldl_solve'),
    });
  },
  { functionOnly: true },
);
