/** Systems of linear equations and inverses, by LU factors. */
import { LinAlgError } from '../../base/errors.ts';
import { sameSizes } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define, type FreeCall } from '../define.ts';
import { type Named, named } from '../named.ts';
import { runtime } from '../runtime.ts';
import {
  batchElement,
  broadcastBatches,
  fromIntegers,
  identity,
  requireEquation,
  requireFloats,
  requireKernel,
  requireSameDtype,
  requireSquare,
} from './batched.ts';
import { resultOf, workOf } from './blocks/block.ts';
import { factorLuInPlace, solveLuInPlace } from './blocks/lu.ts';
import type { Pivots } from './kernels/lu.ts';

/** The LU factors of a batch of square matrices. */
export class Factors {
  /** In double precision. */
  readonly lu: Tensor;
  readonly pivots: readonly Pivots[];

  constructor(a: Tensor) {
    this.lu = workOf(a);
    this.pivots = factorLuInPlace(this.lu);
  }

  /** The solution of A·X = B, or of Aᵀ·X = B, for a batch of the same length. Records nothing. */
  solve(b: Tensor, transposed: boolean): Tensor {
    const x = workOf(b);
    solveLuInPlace(this.lu, this.pivots, x, transposed);
    return resultOf(x, b);
  }

  /** Throws what `error` makes of the first singular matrix: its number, and that of the first zero on the diagonal of U, from 1. */
  requireRegular(error: (index: number, order: number) => Error): void {
    this.pivots.forEach(({ singular }, index) => {
      if (singular >= 0) throw error(index, singular + 1);
    });
  }

  /** LAPACK's error codes: 0, or the number of the first zero on the diagonal of U. */
  info(like: Tensor): Tensor {
    return fromIntegers(
      Int32Array.from(this.pivots, ({ singular }) => singular + 1),
      this.lu.sizes.slice(0, -2),
      like,
    );
  }
}

/** The solution of A·X = B (of Aᵀ·X = B where `transposed`) for batches of the same length, the factors of A being known. */
function solveWith(factors: Factors, a: Tensor, b: Tensor, transposed: boolean): Tensor {
  const out = runtime.noGrad(() => factors.solve(b, transposed));
  return runtime.record(out, {
    name: 'LinalgSolveEx',
    inputs: [a, b],
    saved: [a, out],
    backward: ([grad], [A, X], needs) => {
      if (grad === null || grad === undefined) return [null, null];
      const gB = solveWith(factors, A, grad, !transposed);
      if (!needs[0]) return [null, gB];
      const product = transposed ? X.matmul(gB.mT) : gB.matmul(X.mT);
      return [product.neg(), gB];
    },
  });
}

function singularError(a: Tensor, index: number): LinAlgError {
  return new LinAlgError(
    `torch.linalg.solve: ${batchElement(a, index)}The solver failed because the input matrix is singular.`,
  );
}

/** The solution of A·X = B and LAPACK's error codes. */
function solveChecked(
  A: Tensor,
  B: Tensor,
  left: boolean,
  checkErrors: boolean,
): { x: Tensor; info: Tensor } {
  requireFloats('linalg.solve', A, true);
  requireSameDtype('linalg.solve', A, B);
  const vector = B.sizes.length === 1 || sameSizes(B.sizes, A.sizes.slice(0, -1));
  const right = vector ? B.unsqueeze(-1) : B;
  requireEquation('linalg.solve', A, right, left);
  requireKernel('lu_cpu', A);
  const [a, b] = broadcastBatches(left ? A : A.mT, left ? right : right.mT);
  const factors = new Factors(a);
  if (checkErrors) factors.requireRegular((index) => singularError(a, index));
  const x = solveWith(factors, a, b, false);
  const turned = left ? x : x.mT;
  return { x: vector ? turned.squeeze(-1) : turned, info: factors.info(a) };
}

/**
 * The X with A·X = B (or X·A = B with `left: false`), for square A of shape (*, n, n) and B (*, n, k) or (*, n). Differentiable to any order.
 * Throws a LinAlgError where a matrix is singular. https://pytorch.org/docs/stable/generated/torch.linalg.solve.html
 *
 * @example
 * ```ts
 * const x = torch.linalg.solve(torch.tensor([[2, 0], [0, 4]]), torch.tensor([2, 2]));
 * console.log(x); // => tensor([1.0000, 0.5000])
 * ```
 */
export const solve: FreeCall<[A: Tensor, B: Tensor], { B?: Tensor; left?: boolean; out?: Tensor }, Tensor> =
  define(
    'linalg_solve(A: Tensor, B: Tensor, *, left=True, out=None)',
    (A: Tensor, B: Tensor, left = true) => solveChecked(A, B, left, true).x,
    { functionOnly: true },
  );

/**
 * `solve` without an error for singular matrices: `{ result, info }`, where `info` is 0, or the number of the diagonal element of U that is zero.
 * https://pytorch.org/docs/stable/generated/torch.linalg.solve_ex.html
 */
export const solveEx: FreeCall<
  [A: Tensor, B: Tensor],
  { B?: Tensor; left?: boolean; checkErrors?: boolean; out?: unknown },
  Named<['result', 'info']>
> = define(
  'linalg_solve_ex(A: Tensor, B: Tensor, *, left=True, checkErrors=False, out=None)',
  (A: Tensor, B: Tensor, left = true, checkErrors = false) => {
    const { x, info } = solveChecked(A, B, left, checkErrors);
    return named('linalg_solve_ex', ['result', 'info'], [x, info]);
  },
  { functionOnly: true },
);

/** −Aᵀ⁻¹·g·Aᵀ⁻¹ is the gradient of the inverse. */
function recordInverse(a: Tensor, inverse: Tensor): Tensor {
  return runtime.record(inverse, {
    name: 'LinalgInvEx',
    inputs: [a],
    saved: [inverse],
    backward: ([grad], [X]) => {
      if (grad === null || grad === undefined) return [null];
      return [X.mT.matmul(grad.matmul(X.mT)).neg()];
    },
  });
}

function invertChecked(a: Tensor, checkErrors: boolean, name = 'linalg.inv'): { x: Tensor; info: Tensor } {
  requireSquare('linalg.inv', a);
  requireFloats('linalg.inv', a);
  const factors = new Factors(a);
  if (checkErrors) {
    factors.requireRegular(
      (index, order) =>
        new LinAlgError(
          `${name}: ${batchElement(a, index)}The diagonal element ${order} is zero, the inversion could not be completed because the input matrix is singular.`,
        ),
    );
  }
  const inverse = runtime.noGrad(() =>
    factors.solve(identity(a.sizes[a.sizes.length - 1], a).expand(a.sizes), false),
  );
  return { x: recordInverse(a, inverse), info: factors.info(a) };
}

/**
 * The inverse of square matrices (*, n, n). Throws a LinAlgError where one is singular. https://pytorch.org/docs/stable/generated/torch.linalg.inv.html
 *
 * @example
 * ```ts
 * console.log(torch.linalg.inv(torch.tensor([[2, 0], [0, 4]]))); // => tensor([[0.5000, 0.0000], [0.0000, 0.2500]])
 * ```
 */
export const inv: FreeCall<[A: Tensor], { out?: Tensor }, Tensor> = define(
  'linalg_inv(A: Tensor, *, out=None)',
  (A: Tensor) => invertChecked(A, true).x,
  { functionOnly: true },
);

/** Another name for `linalg.inv`. https://pytorch.org/docs/stable/generated/torch.inverse.html */
export const inverse: Call<[input: Tensor], { out?: Tensor }, Tensor> = define(
  'inverse(input, *, out=None)',
  (input: Tensor) => invertChecked(input, true).x,
);

/** The inverse under the name of the function that asks for it, in messages. */
export function invertFor(name: string, a: Tensor): Tensor {
  return invertChecked(a, true, name).x;
}

/**
 * `inv` without an error for singular matrices: `{ inverse, info }`. https://pytorch.org/docs/stable/generated/torch.linalg.inv_ex.html
 */
export const invEx: FreeCall<
  [A: Tensor],
  { checkErrors?: boolean; out?: unknown },
  Named<['inverse', 'info']>
> = define(
  'linalg_inv_ex(A: Tensor, *, checkErrors=False, out=None)',
  (A: Tensor, checkErrors = false) => {
    const { x, info } = invertChecked(A, checkErrors);
    return named('linalg_inv_ex', ['inverse', 'info'], [x, info]);
  },
  { functionOnly: true },
);

/** diag(g)·A⁻ᵀ for a batch of factors g: how determinants change. Singular matrices give infinities unless `checked`. */
export function scaledInverseTransposed(a: Tensor, g: Tensor, checked: boolean): Tensor {
  const n = a.sizes[a.sizes.length - 1];
  const factors = new Factors(a);
  if (checked) factors.requireRegular((index) => singularError(a, index));
  const scaled = identity(n, a).mul(g.unsqueeze(-1).unsqueeze(-1));
  return solveWith(factors, a, scaled, true);
}
