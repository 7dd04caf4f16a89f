/** Least squares. https://pytorch.org/docs/stable/generated/torch.linalg.lstsq.html */
import { int64 } from '../../base/dtype.ts';
import { RuntimeError } from '../../base/errors.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { define, type FreeCall } from '../define.ts';
import { type Named, named } from '../named.ts';
import { runtime } from '../runtime.ts';
import { batchCount, broadcastBatches, epsilonOf, scaleRows } from './batched.ts';
import { pinv, pinvGradient } from './spectral.ts';
import { svdOf } from './svd.ts';

const DRIVERS = ['gels', 'gelsy', 'gelsd', 'gelss'] as const;
/** LAPACK's routines: 'gels' takes A to have full rank, the others find the rank; 'gelsd' and 'gelss' give the singular values as well. */
export type LstsqDriver = (typeof DRIVERS)[number];

const PREFIX = 'torch.linalg.lstsq';

/** Checks the operands; tells whether B is a vector, or a batch of them. */
function requireOperands(A: Tensor, B: Tensor): boolean {
  const difference = A.sizes.length - B.sizes.length;
  const problem = (text: string): never => {
    throw new RuntimeError(`${PREFIX}: ${text}`);
  };
  if (A.sizes.length < 2) problem('input must have at least 2 dimensions.');
  if (B.sizes.length < 1) problem('other must have at least 1 dimension.');
  if (A.dtype !== B.dtype) {
    problem(
      `Expected input and other to have the same dtype, but got input's dtype ${A.dtype.scalarName} and other's dtype ${B.dtype.scalarName}`,
    );
  }
  if (difference < 0 || difference > 1) {
    problem('input.dim() must be greater or equal to other.dim() and (input.dim() - other.dim()) <= 1');
  }
  const vector = difference === 1;
  const side = vector ? -1 : -2;
  if (A.sizes[A.sizes.length - 2] !== B.sizes[B.sizes.length + side]) {
    problem(`input.size(-2) should match other.size(${side})`);
  }
  if (!A.dtype.isFloatingPoint || A.dtype.itemSize < 4) {
    throw new RuntimeError("This function doesn't handle types other than float and double");
  }
  return vector;
}

interface Fit {
  readonly solution: Tensor;
  readonly rank: Tensor;
  readonly singular: Tensor;
}

/** The solution of least norm by singular values; those up to `rcond` times the largest count as zero. Records nothing. */
function fit(A: Tensor, B: Tensor, rcond: number): Fit {
  const { U, S, Vh } = svdOf(A, false);
  if (A.numel() === 0) {
    const n = A.sizes[A.sizes.length - 1];
    const batch = A.sizes.slice(0, -2);
    const solution = runtime.full([...batch, n, B.sizes[B.sizes.length - 1]], 0, A.dtype, A);
    return { solution, rank: runtime.full(batch, 0, int64, A), singular: S };
  }
  const kept = S.gt(S.amax(-1, true).mul(rcond));
  const inverted = S.reciprocal().maskedFill(kept.logicalNot(), 0);
  const solution = Vh.mT.matmul(scaleRows(U.mT.matmul(B), inverted));
  return { solution, rank: kept.sum(-1), singular: S };
}

/**
 * The X that makes ‖A·X − B‖ least, of least norm where several do, for A (*, m, n) and B (*, m, k) or (*, m): `{ solution, residuals, rank,
 * singular_values }`. `residuals` are the squares of that norm for every column where m > n, A has full rank and the driver is not 'gelsy' (the default),
 * else empty; `rank` is empty for 'gels', `singular_values` for 'gels' and 'gelsy'. The solution is differentiable to any order, for A of full rank.
 * https://pytorch.org/docs/stable/generated/torch.linalg.lstsq.html
 *
 * @example
 * ```ts
 * const A = torch.tensor([[1, 0], [1, 1], [1, 2]]);
 * console.log(torch.linalg.lstsq(A, torch.tensor([1, 3, 5])).solution); // => tensor([1.0000, 2.0000])
 * ```
 */
export const lstsq: FreeCall<
  [A: Tensor, B: Tensor, rcond?: number | null],
  { B?: Tensor; rcond?: number | null; driver?: LstsqDriver | null; out?: unknown },
  Named<['solution', 'residuals', 'rank', 'singularValues']>
> = define(
  'linalg_lstsq(A|input: Tensor, B|b: Tensor, rcond=None, *, driver=None, out=None)',
  (A: Tensor, B: Tensor, rcond: number | null = null, driver: LstsqDriver | null = null) => {
    const vector = requireOperands(A, B);
    const how = driver ?? 'gelsy';
    if (!DRIVERS.includes(how)) {
      throw new RuntimeError(`${PREFIX}: parameter \`driver\` should be one of (gels, gelsy, gelsd, gelss)`);
    }
    const [a, b] = broadcastBatches(A, vector ? B.unsqueeze(-1) : B);
    const [m, n] = a.sizes.slice(-2);
    const cut = how === 'gels' ? 0 : (rcond ?? 2 * epsilonOf(A) * Math.max(m, n));
    const { solution, rank, singular } = runtime.noGrad(() => fit(a.detach(), b.detach(), cut));
    const residuals = runtime.noGrad(() => {
      const full = how === 'gels' || (batchCount(a) > 0 && Boolean(rank.eq(n).all().item()));
      if (m <= n || how === 'gelsy' || !full) return runtime.empty([0], A.dtype, A);
      return a.detach().matmul(solution).sub(b.detach()).square().sum(-2);
    });
    runtime.record(solution, {
      name: 'LinalgLstsq',
      inputs: [a, b],
      saved: [a, b],
      backward: ([grad], [x, y], needs) => {
        if (grad === null || grad === undefined) return [null, null];
        const X = pinv(x);
        return [needs[0] ? pinvGradient(grad.matmul(y.mT), x, X) : null, needs[1] ? X.mT.matmul(grad) : null];
      },
    });
    const none = (): Tensor => runtime.empty([0], A.dtype, A);
    return named(
      'linalg_lstsq',
      ['solution', 'residuals', 'rank', 'singularValues'],
      [
        vector ? solution.squeeze(-1) : solution,
        residuals,
        how === 'gels' ? runtime.empty([0], int64, A) : rank,
        how === 'gelsd' || how === 'gelss' ? singular : none(),
      ],
    );
  },
  { functionOnly: true },
);
