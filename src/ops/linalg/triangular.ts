/** Triangular systems. https://pytorch.org/docs/stable/generated/torch.linalg.solve_triangular.html */
import { ArgumentTypeError, RuntimeError } from '../../base/errors.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define, type FreeCall } from '../define.ts';
import { type Named, named } from '../named.ts';
import { runtime } from '../runtime.ts';
import { broadcastBatches, requireEquation, requireKernel, requireSameDtype } from './batched.ts';
import { resultOf, workOf } from './blocks/block.ts';
import { solveTriangleInPlace } from './blocks/triangle.ts';
import type { Triangle } from './kernels/triangular.ts';

/** The part of a square matrix that a triangular solver reads. */
export function triangleOf(x: Tensor, { upper, unit }: Triangle): Tensor {
  return upper ? x.triu(unit ? 1 : 0) : x.tril(unit ? -1 : 0);
}

/** The X with T·X = B, for the triangle T of A; batches broadcast. Differentiable; gradients are zero outside the triangle. */
export function solveTriangularLeft(A: Tensor, B: Tensor, triangle: Triangle): Tensor {
  const [a, b] = broadcastBatches(A, B);
  const out = runtime.noGrad(() => {
    const x = workOf(b);
    solveTriangleInPlace(a.detach(), triangle, x);
    return resultOf(x, b);
  });
  return runtime.record(out, {
    name: 'LinalgSolveTriangular',
    inputs: [a, b],
    saved: [a, out],
    backward: ([grad], [T, X], needs) => {
      if (grad === null || grad === undefined) return [null, null];
      const gB = solveTriangularLeft(T.mT, grad, { ...triangle, upper: !triangle.upper });
      return [needs[0] ? triangleOf(gB.matmul(X.mT).neg(), triangle) : null, gB];
    },
  });
}

/** The X with T·X = B, or X·T = B. */
export function solveWithTriangle(A: Tensor, B: Tensor, triangle: Triangle, left: boolean): Tensor {
  if (left) return solveTriangularLeft(A, B, triangle);
  return solveTriangularLeft(A.mT, B.mT, { ...triangle, upper: !triangle.upper }).mT;
}

/**
 * The X with A·X = B (or X·A = B with `left: false`), A being the upper or lower triangle of matrices (*, n, n), with ones on the diagonal if
 * `unitriangular`. Nothing else of A is read. Where the diagonal has zeros the result is infinite or NaN.
 * https://pytorch.org/docs/stable/generated/torch.linalg.solve_triangular.html
 */
export const solveTriangular: FreeCall<
  [A: Tensor, B: Tensor],
  { B?: Tensor; upper: boolean; left?: boolean; unitriangular?: boolean; out?: Tensor },
  Tensor
> = define(
  'linalg_solve_triangular(A: Tensor, B: Tensor, *, upper, left=True, unitriangular=False, out=None)',
  (A: Tensor, B: Tensor, upper?: boolean, left = true, unitriangular = false) => {
    if (upper === undefined) {
      throw new ArgumentTypeError(
        'linalg_solve_triangular() missing 1 required positional arguments: "upper"',
      );
    }
    requireEquation('linalg.solve_triangular', A, B, left);
    requireKernel('triangular_solve_cpu', A);
    requireSameDtype('linalg.solve_triangular', A, B);
    const x = solveWithTriangle(A, B, { upper, unit: unitriangular }, left);
    return runtime.showAs('LinalgSolveTriangular', x);
  },
  { functionOnly: true },
);

/** PyTorch's checks of the solvers that take b first. */
export function requireSolvable(name: string, b: Tensor, A: Tensor): void {
  for (const [x, what] of [
    [b, 'b'],
    [A, 'A'],
  ] as const) {
    if (x.sizes.length < 2) {
      const rest = `${x.sizes.length} dimensions instead`;
      throw new RuntimeError(
        name === 'triangular_solve'
          ? `torch.triangular_solve: Expected ${what} to have at least 2 dimensions, but it has ${rest}`
          : `${what === 'A' ? 'u' : what} should have at least 2 dimensions, but has ${rest}`,
      );
    }
  }
  if (A.dtype !== b.dtype) requireSameDtypes(b, A);
  const [rows, columns] = A.sizes.slice(-2);
  if (rows !== columns) {
    throw new RuntimeError(
      `A must be batches of square matrices, but they are ${rows} by ${columns} matrices`,
    );
  }
  const [height, width] = b.sizes.slice(-2);
  if (rows !== height) {
    throw new RuntimeError(
      `Incompatible matrix sizes for ${name}: each A matrix is ${rows} by ${rows} but each b matrix is ${height} by ${width}`,
    );
  }
}

function requireSameDtypes(b: Tensor, A: Tensor): never {
  throw new RuntimeError(
    `Expected b and A to have the same dtype, but found b of type ${b.dtype.scalarName} and A of type ${A.dtype.scalarName} instead.`,
  );
}

/**
 * `solveTriangular` as it was before `torch.linalg`: `{ solution, cloned_coefficient }`.
 * https://pytorch.org/docs/stable/generated/torch.triangular_solve.html
 */
export const triangularSolve: Call<
  [b: Tensor, A: Tensor, upper?: boolean, transpose?: boolean, unitriangular?: boolean],
  { A?: Tensor; upper?: boolean; transpose?: boolean; unitriangular?: boolean; out?: unknown },
  Named<['solution', 'clonedCoefficient']>
> = define(
  'triangular_solve(input, A: Tensor, upper=True, transpose=False, unitriangular=False, *, out=None)',
  (b: Tensor, A: Tensor, upper = true, transpose = false, unitriangular = false) => {
    requireSolvable('triangular_solve', b, A);
    requireKernel('triangular_solve_cpu', b);
    const a = transpose ? A.mT : A;
    const solution = solveTriangularLeft(a, b, { upper: upper !== transpose, unit: unitriangular });
    return named(
      'triangular_solve',
      ['solution', 'clonedCoefficient'],
      [runtime.showAs('TriangularSolve', solution), broadcastBatches(A, b)[0].clone()],
    );
  },
);
