/**
 * Approximate singular value decompositions of low rank by random projections (Halko, Martinsson and Tropp 2009, "Finding structure with randomness",
 * algorithms 4.4 and 5.1).
 */
import { ValueError } from '../../base/errors.ts';
import { define, type FreeCall } from '../../ops/define.ts';
import { linalg } from '../../ops/linalg/index.ts';
import { type Named, named } from '../../ops/named.ts';
import type { Tensor } from '../tensor.ts';
import { randn } from './create.ts';

type Factors = Named<['U', 'S', 'V']>;

/** x ↦ (A − M)·x */
function times(A: Tensor, M: Tensor | null): (x: Tensor) => Tensor {
  return (x) => (M === null ? A.matmul(x) : A.matmul(x).sub(M.matmul(x)));
}

const orthonormal = (x: Tensor): Tensor => linalg.qr(x).Q;

/** An orthonormal basis of q vectors that nearly spans the columns of A − M. */
function approximateBasis(A: Tensor, q: number, niter: number, M: Tensor | null): Tensor {
  const start = randn([A.sizes[A.sizes.length - 1], q], { dtype: A.dtype, device: A.device });
  const forth = times(A, M);
  const back = times(A.mT, M?.mT ?? null);
  let Q = orthonormal(forth(start));
  for (let i = 0; i < niter; i++) Q = orthonormal(forth(orthonormal(back(Q))));
  return Q;
}

function lowrank(A: Tensor, q: number, niter: number, M: Tensor | null): readonly [Tensor, Tensor, Tensor] {
  const [m, n] = A.sizes.slice(-2);
  const transposed = M?.mT ?? null;
  // The smaller of the two projections.
  if (m < n || n > q) {
    const Q = approximateBasis(A.mT, q, niter, transposed);
    const { U, S, Vh } = linalg.svd(times(A, M)(Q), false);
    return [U, S, Q.matmul(Vh.mT)];
  }
  const Q = approximateBasis(A, q, niter, M);
  const { U, S, Vh } = linalg.svd(times(A.mT, transposed)(Q).mT, false);
  return [Q.matmul(U), S, Vh.mT];
}

/**
 * U, S and V with A − M ≈ U·diag(S)·Vᵀ, of rank q: `niter` iterations of subspaces from a random start.
 * https://pytorch.org/docs/stable/generated/torch.svd_lowrank.html
 */
export const svdLowrank: FreeCall<
  [A: Tensor, q?: number | null, niter?: number, M?: Tensor | null],
  { q?: number | null; niter?: number; M?: Tensor | null },
  Factors
> = define(
  'svd_lowrank(A: Tensor, q=6, niter=2, M: Tensor=None)',
  (A: Tensor, q: number | null = 6, niter = 2, M: Tensor | null = null) =>
    named('svd_lowrank', ['U', 'S', 'V'], lowrank(A, q ?? 6, niter, M)),
  { functionOnly: true },
);

/**
 * Principal components: the columns of V are the directions in which the rows of A vary most, after subtraction of their mean (unless `center` is false).
 * https://pytorch.org/docs/stable/generated/torch.pca_lowrank.html
 */
export const pcaLowrank: FreeCall<
  [A: Tensor, q?: number | null, center?: boolean, niter?: number],
  { q?: number | null; center?: boolean; niter?: number },
  Factors
> = define(
  'pca_lowrank(A: Tensor, q=None, center=True, niter=2)',
  (A: Tensor, q: number | null = null, center = true, niter = 2) => {
    const least = Math.min(...A.sizes.slice(-2));
    const count = q ?? Math.min(6, least);
    if (!(count >= 0 && count <= least)) {
      throw new ValueError(
        `q(=${count}) must be non-negative integer and not greater than min(m, n)=${least}`,
      );
    }
    if (!(niter >= 0)) throw new ValueError(`niter(=${niter}) must be non-negative integer`);
    const centred = center ? A.sub(A.mean(-2, true)) : A;
    return named('pca_lowrank', ['U', 'S', 'V'], lowrank(centred, count, niter, null));
  },
  { functionOnly: true },
);
