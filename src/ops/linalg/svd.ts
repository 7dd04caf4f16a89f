/** Singular value decompositions. https://pytorch.org/docs/stable/generated/torch.linalg.svd.html */
import { LinAlgError, RuntimeError } from '../../base/errors.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define, type FreeCall } from '../define.ts';
import { type Named, named } from '../named.ts';
import { runtime } from '../runtime.ts';
import {
  batchCount,
  batchElement,
  doubles,
  eachMatrix,
  epsilonOf,
  fromDoubles,
  requireFloats,
  requireKernel,
  requireRank2,
  scaleColumns,
  scaleRows,
} from './batched.ts';
import { singularValues } from './kernels/singular.ts';

interface Decomposition {
  readonly U: Tensor;
  readonly S: Tensor;
  readonly Vh: Tensor;
}

/** U, S and Vh of a batch, in double precision and rounded; without vectors U and Vh are empty. Records nothing. */
function decompose(A: Tensor, full: boolean, vectors: boolean): Decomposition {
  const batch = A.sizes.slice(0, -2);
  const [m, n] = A.sizes.slice(-2);
  const k = Math.min(m, n);
  const [left, right] = full ? [m, n] : [k, k];
  const a = doubles(A);
  const count = batchCount(A);
  const s = new Float64Array(count * k);
  const u = new Float64Array(vectors ? count * m * left : 0);
  const v = new Float64Array(vectors ? count * right * n : 0);
  const wanted = vectors ? (full ? 'full' : 'some') : 'none';
  eachMatrix(A.sizes, (index, at) => {
    const one = singularValues(a, at, m, n, wanted, epsilonOf(A));
    if (!one.converged) {
      throw new LinAlgError(
        `linalg.svd: ${batchElement(A, index)}The algorithm failed to converge because the input matrix contained non-finite values.`,
      );
    }
    s.set(one.values, index * k);
    if (one.left === null || one.right === null) return;
    for (let i = 0; i < m; i++)
      for (let j = 0; j < left; j++) u[index * m * left + i * left + j] = one.left.data[j * m + i];
    v.set(one.right.data, index * right * n);
  });
  const S = fromDoubles(s, [...batch, k], A);
  if (!vectors) return { U: runtime.empty([0], A.dtype, A), S, Vh: runtime.empty([0], A.dtype, A) };
  return { U: fromDoubles(u, [...batch, m, left], A), S, Vh: fromDoubles(v, [...batch, right, n], A) };
}

/**
 * The gradient (Townsend 2016, "Differentiating the singular value decomposition"; PyTorch's `svd_backward`): with skew X = X − Xᵀ and
 * Eᵢⱼ = sⱼ² − sᵢ², gA = U·[(skew(UᵀgU)/E)·S + S·(skew(VᵀgV)/E) + gS]·Vᵀ, and what of gU and gV leaves the spaces of U and V, divided by S.
 */
function backward(
  gU: Tensor | null,
  gS: Tensor | null,
  gVh: Tensor | null,
  { U, S, Vh }: Decomposition,
): Tensor {
  const m = U.sizes[U.sizes.length - 2];
  const n = Vh.sizes[Vh.sizes.length - 1];
  const k = S.sizes[S.sizes.length - 1];
  if (gU === null && gVh === null) return scaleColumns(U, gS as Tensor).matmul(Vh);
  const squares = S.mul(S);
  const eye = runtime.noGrad(() => S.newOnes([k]).diag());
  const gaps = squares.unsqueeze(-2).sub(squares.unsqueeze(-1)).add(eye);
  const skew = (x: Tensor): Tensor => x.sub(x.mT);
  let inner: Tensor | null = gS === null ? null : gS.diagEmbed();
  const add = (term: Tensor): void => {
    inner = inner === null ? term : inner.add(term);
  };
  if (gU !== null) add(scaleColumns(skew(U.mT.matmul(gU)).div(gaps), S));
  if (gVh !== null) add(scaleRows(skew(Vh.matmul(gVh.mT)).div(gaps), S));
  let gA = U.matmul(inner as unknown as Tensor).matmul(Vh);
  if (gU !== null && m > k) {
    const scaled = scaleColumns(gU, S.reciprocal());
    gA = gA.add(scaled.sub(U.matmul(U.mT.matmul(scaled))).matmul(Vh));
  }
  if (gVh !== null && n > k) {
    const scaled = scaleRows(gVh, S.reciprocal());
    gA = gA.add(U.matmul(scaled.sub(scaled.matmul(Vh.mT).matmul(Vh))));
  }
  return gA;
}

/** The decomposition of a batch of matrices of float32 or float64, with its gradient. */
export function svdOf(A: Tensor, full: boolean): Decomposition {
  const { U, S, Vh } = runtime.noGrad(() => decompose(A, full, true));
  runtime.record([U, S, Vh], {
    name: 'LinalgSvd',
    inputs: [A],
    saved: [U, S, Vh],
    backward: ([gU, gS, gVh], [u, s, vh]) => {
      const k = s.sizes[s.sizes.length - 1];
      if (!gU && !gS && !gVh) return [null];
      // Of full matrices only the first k vectors take part.
      const first = { U: u.narrow(-1, 0, k), S: s, Vh: vh.narrow(-2, 0, k) };
      return [backward(gU?.narrow(-1, 0, k) ?? null, gS ?? null, gVh?.narrow(-2, 0, k) ?? null, first)];
    },
  });
  return { U, S, Vh };
}

/** The singular values alone, with their gradient. */
export function singularValuesOf(A: Tensor): Tensor {
  return runtime.needsGrad([A]) ? svdOf(A, false).S : runtime.noGrad(() => decompose(A, false, false).S);
}

function requireDecomposable(A: Tensor, driver: string | null): void {
  requireRank2('linalg.svd', A);
  requireFloats('linalg.svd', A, true);
  requireKernel('linalg_svd_cpu', A);
  if (driver !== null) {
    throw new RuntimeError(
      'torch.linalg.svd: keyword argument `driver=` is only supported on CUDA inputs with cuSOLVER backend.',
    );
  }
}

/**
 * U, S and Vh with A = U·diag(S)·Vh: orthonormal columns of U, orthonormal rows of Vh, S in descending order. For A of shape (*, m, n), k = min(m, n):
 * S is (*, k), U (*, m, m) and Vh (*, n, n), or (*, m, k) and (*, k, n) with `fullMatrices: false`. Throws a LinAlgError where A is not finite.
 * https://pytorch.org/docs/stable/generated/torch.linalg.svd.html
 *
 * @example
 * ```ts
 * const { S } = torch.linalg.svd(torch.tensor([[0, 2], [1, 0]]));
 * console.log(S); // => tensor([2., 1.])
 * ```
 */
export const svd: FreeCall<
  [A: Tensor, fullMatrices?: boolean],
  { fullMatrices?: boolean; driver?: string | null; out?: unknown },
  Named<['U', 'S', 'Vh']>
> = define(
  'linalg_svd(A: Tensor, fullMatrices=True, *, driver=None, out=None)',
  (A: Tensor, fullMatrices = true, driver: string | null = null) => {
    requireDecomposable(A, driver);
    const { U, S, Vh } = svdOf(A, fullMatrices);
    return named('linalg_svd', ['U', 'S', 'Vh'], [U, S, Vh]);
  },
  { functionOnly: true },
);

/** The singular values, in descending order. https://pytorch.org/docs/stable/generated/torch.linalg.svdvals.html */
export const svdvals: FreeCall<[A: Tensor], { driver?: string | null; out?: Tensor }, Tensor> = define(
  'linalg_svdvals(A: Tensor, *, driver=None, out=None)',
  (A: Tensor, driver: string | null = null) => {
    requireDecomposable(A, driver);
    return singularValuesOf(A);
  },
  { functionOnly: true },
);

/** `svd` as it was before `torch.linalg`: `{ U, S, V }`. https://pytorch.org/docs/stable/generated/torch.svd.html */
const legacySvd: Call<
  [input: Tensor, some?: boolean, computeUv?: boolean],
  { some?: boolean; computeUv?: boolean; out?: unknown },
  Named<['U', 'S', 'V']>
> = define(
  'svd(input, some=True, computeUv=True, *, out=None)',
  (A: Tensor, some = true, computeUv = true) => {
    if (A.sizes.length < 2) {
      throw new RuntimeError(
        `linalg.svd: input should have at least 2 dimensions, but has ${A.sizes.length} dimensions instead`,
      );
    }
    requireDecomposable(A, null);
    const [m, n] = A.sizes.slice(-2);
    const batch = A.sizes.slice(0, -2);
    if (computeUv) {
      const { U, S, Vh } = svdOf(A, !some);
      return named('svd', ['U', 'S', 'V'], [U, S, Vh.mT]);
    }
    const zeros = (size: number): Tensor => runtime.full([...batch, size, size], 0, A.dtype, A);
    return named('svd', ['U', 'S', 'V'], [zeros(m), singularValuesOf(A), zeros(n)]);
  },
);
export { legacySvd };
