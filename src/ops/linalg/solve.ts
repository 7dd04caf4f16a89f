/** Systems of linear equations and inverses, by LU factors with partial pivoting (Golub and Van Loan, "Matrix Computations", 3.4). */
import { LinAlgError, RuntimeError } from '../../base/errors.ts';
import { broadcastSizes } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { define, type FreeCall } from '../define.ts';
import { runtime } from '../runtime.ts';
import { batchElement, doubles, eachMatrix, fromDoubles, requireSquare } from './batched.ts';

/**
 * Factors the n × n matrix at `at` in place into L (unit diagonal, below) and U, rows exchanged; returns the exchanges, and the first column
 * without a pivot (or −1).
 */
export function luInPlace(a: Float64Array, at: number, n: number): { pivots: Int32Array; singular: number } {
  const pivots = new Int32Array(n);
  let singular = -1;
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++)
      if (Math.abs(a[at + i * n + k]) > Math.abs(a[at + pivot * n + k])) pivot = i;
    pivots[k] = pivot;
    const top = a[at + pivot * n + k];
    if (top === 0 || Number.isNaN(top)) {
      if (singular < 0 && top === 0) singular = k;
      continue;
    }
    if (pivot !== k) {
      for (let j = 0; j < n; j++) {
        const held = a[at + k * n + j];
        a[at + k * n + j] = a[at + pivot * n + j];
        a[at + pivot * n + j] = held;
      }
    }
    for (let i = k + 1; i < n; i++) {
      const factor = a[at + i * n + k] / top;
      a[at + i * n + k] = factor;
      if (factor === 0) continue;
      for (let j = k + 1; j < n; j++) a[at + i * n + j] -= factor * a[at + k * n + j];
    }
  }
  return { pivots, singular };
}

/** Overwrites the n × columns matrix at `to` in `b` with the solution. */
export function substitute(
  lu: Float64Array,
  at: number,
  n: number,
  pivots: Int32Array,
  b: Float64Array,
  to: number,
  columns: number,
): void {
  for (let k = 0; k < n; k++) {
    if (pivots[k] === k) continue;
    for (let j = 0; j < columns; j++) {
      const held = b[to + k * columns + j];
      b[to + k * columns + j] = b[to + pivots[k] * columns + j];
      b[to + pivots[k] * columns + j] = held;
    }
  }
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) {
      const factor = lu[at + i * n + k];
      if (factor !== 0)
        for (let j = 0; j < columns; j++) b[to + i * columns + j] -= factor * b[to + k * columns + j];
    }
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) {
      const factor = lu[at + i * n + k];
      if (factor !== 0)
        for (let j = 0; j < columns; j++) b[to + i * columns + j] -= factor * b[to + k * columns + j];
    }
    for (let j = 0; j < columns; j++) b[to + i * columns + j] /= lu[at + i * n + i];
  }
}

/** The solution of A·X = B for batches of the same shape; `onSingular` makes the error. */
function solveMatrices(a: Tensor, b: Tensor, onSingular: (index: number, column: number) => Error): Tensor {
  const n = a.sizes[a.sizes.length - 1];
  const columns = b.sizes[b.sizes.length - 1];
  const out = runtime.noGrad(() => {
    const lu = doubles(a);
    const x = doubles(b);
    eachMatrix(a.sizes, (index, at) => {
      const { pivots, singular } = luInPlace(lu, at, n);
      if (singular >= 0) throw onSingular(index, singular);
      substitute(lu, at, n, pivots, x, index * n * columns, columns);
    });
    return fromDoubles(x, b.sizes, b);
  });
  return runtime.record(out, {
    name: 'LinalgSolveEx',
    inputs: [a, b],
    saved: [a, out],
    backward: ([grad], [A, X]) => {
      if (grad === null || grad === undefined) return [null, null];
      const gB = solveMatrices(A.mT, grad, onSingular);
      return [gB.matmul(X.mT).neg(), gB];
    },
  });
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
    'torch.linalg.solve(A, B, *, left=True, out=None)',
    (A: Tensor, B: Tensor, left = true) => {
      requireSquare('linalg.solve', A);
      if (A.dtype !== B.dtype) {
        throw new RuntimeError(
          `linalg.solve: Expected A and B to have the same dtype, but found A of type ${A.dtype.scalarName} and B of type ${B.dtype.scalarName} instead`,
        );
      }
      const n = A.sizes[A.sizes.length - 1];
      const vector =
        B.sizes.length === 1 ||
        (B.sizes.length === A.sizes.length - 1 && B.sizes.every((s, i) => s === A.sizes[i]));
      let right = vector ? B.unsqueeze(-1) : B;
      if (!left) right = right.mT;
      if (right.sizes[right.sizes.length - 2] !== n) {
        throw new RuntimeError(
          `linalg.solve: Incompatible shapes of A and B for the equation ${left ? 'AX = B' : 'XA = B'} (${A.sizes.slice(-2).join('x')} and ${right.sizes.slice(-2).join('x')})`,
        );
      }
      const batch = broadcastSizes([A.sizes.slice(0, -2), right.sizes.slice(0, -2)]);
      const a = (left ? A : A.mT).expand([...batch, n, n]);
      const b = right.expand([...batch, n, right.sizes[right.sizes.length - 1]]);
      const x = solveMatrices(a, b, (index) => {
        return new LinAlgError(
          `torch.linalg.solve: ${batchElement(a, index)}The solver failed because the input matrix is singular.`,
        );
      });
      const turned = left ? x : x.mT;
      return vector ? turned.squeeze(-1) : turned;
    },
    { functionOnly: true },
  );

/**
 * The inverse of square matrices (*, n, n). Throws a LinAlgError where one is singular. https://pytorch.org/docs/stable/generated/torch.linalg.inv.html
 */
export const inv: FreeCall<[A: Tensor], { out?: Tensor }, Tensor> = define(
  'torch.linalg.inv(A, *, out=None)',
  (A: Tensor) => {
    requireSquare('linalg.inv', A);
    const n = A.sizes[A.sizes.length - 1];
    const identity = runtime.full([n, n], 0, A.dtype, A);
    runtime.noGrad(() => identity.diagonal().fill_(1));
    return solveMatrices(A, identity.expand(A.sizes), (index, column) => {
      return new LinAlgError(
        `linalg.inv: ${batchElement(A, index)}The diagonal element ${column + 1} is zero, the inversion could not be completed because the input matrix is singular.`,
      );
    });
  },
  { functionOnly: true },
);
