/** Eigenvalues and eigenvectors of symmetric matrices. https://pytorch.org/docs/stable/generated/torch.linalg.eigh.html */
import { LinAlgError, NotImplementedError, RuntimeError } from '../../base/errors.ts';
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
  requireKernel,
  requireSquare,
} from './batched.ts';
import { eigenSymmetric } from './kernels/symmetric.ts';

interface Eigen {
  /** In ascending order. */
  readonly L: Tensor;
  /** Columns are eigenvectors; null where they were not asked for. */
  readonly V: Tensor | null;
}

function decompose(name: string, A: Tensor, upper: boolean, vectors: boolean): Eigen {
  const n = A.sizes[A.sizes.length - 1];
  const a = doubles(A);
  const count = batchCount(A);
  const values = new Float64Array(count * n);
  const v = new Float64Array(vectors ? count * n * n : 0);
  eachMatrix(A.sizes, (index, at) => {
    const one = eigenSymmetric(a, at, n, upper, vectors, epsilonOf(A));
    if (one.failed > 0) {
      throw new LinAlgError(
        `${name}: ${batchElement(A, index)}The algorithm failed to converge because the input matrix is ill-conditioned or has too many repeated eigenvalues (error code: ${one.failed}).`,
      );
    }
    values.set(one.values, index * n);
    if (one.vectors === null) return;
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) v[at + i * n + j] = one.vectors[j * n + i];
  });
  const L = fromDoubles(values, A.sizes.slice(0, -1), A);
  return { L, V: vectors ? fromDoubles(v, A.sizes, A) : null };
}

/** The gradient V·[diag(gL) + ½(Vᵀ·gV − gVᵀ·V)/E]·Vᵀ with Eᵢⱼ = Lⱼ − Lᵢ: symmetric, since A is. */
function backward(gL: Tensor | null, gV: Tensor | null, L: Tensor, V: Tensor): Tensor {
  let inner: Tensor | null = null;
  if (gV !== null) {
    const n = L.sizes[L.sizes.length - 1];
    const eye = runtime.noGrad(() => L.detach().newOnes([n]).diag());
    const gaps = L.unsqueeze(-2).sub(L.unsqueeze(-1)).add(eye);
    const turn = V.mT.matmul(gV);
    inner = turn.sub(turn.mT).div(gaps).mul(0.5);
  }
  if (gL !== null) inner = inner === null ? gL.diagEmbed() : inner.add(gL.diagEmbed());
  return V.matmul(inner as Tensor).matmul(V.mT);
}

/** Eigenvalues and eigenvectors of a batch of symmetric matrices of float32 or float64, with their gradient. */
export function eighOf(
  name: string,
  A: Tensor,
  upper: boolean,
  node = 'LinalgEigh',
): { L: Tensor; V: Tensor } {
  const { L, V } = runtime.noGrad(() => decompose(name, A, upper, true)) as { L: Tensor; V: Tensor };
  runtime.record([L, V], {
    name: node,
    inputs: [A],
    saved: [L, V],
    backward: ([gL, gV], [l, v]) => [gL || gV ? backward(gL ?? null, gV ?? null, l, v) : null],
  });
  return { L, V };
}

/** The eigenvalues alone, with their gradient. */
export function eigenvaluesOf(name: string, A: Tensor, upper: boolean): Tensor {
  if (runtime.needsGrad([A])) return eighOf(name, A, upper).L;
  return runtime.noGrad(() => decompose(name, A, upper, false)).L;
}

/** Checks for `linalg.eigh` and its kin; tells whether the upper triangle is meant. */
export function checkSymmetric(A: Tensor, UPLO: string): boolean {
  requireSquare('linalg.eigh', A);
  if (!/^[LUlu]$/.test(UPLO)) {
    throw new RuntimeError(`Expected UPLO argument to be 'L' or 'U', but got ${UPLO}`);
  }
  requireKernel('linalg_eigh_cpu', A);
  return UPLO.toUpperCase() === 'U';
}

/**
 * The eigenvalues (ascending) and eigenvectors (columns) of symmetric matrices (*, n, n): `{ eigenvalues, eigenvectors }`. Only the lower triangle is
 * read, or the upper one with `UPLO` 'U'. Gradients through eigenvectors are infinite where eigenvalues repeat.
 * https://pytorch.org/docs/stable/generated/torch.linalg.eigh.html
 *
 * @example
 * ```ts
 * const { eigenvalues } = torch.linalg.eigh(torch.tensor([[2, 1], [1, 2]]));
 * console.log(eigenvalues); // => tensor([1., 3.])
 * ```
 */
export const eigh: FreeCall<
  [A: Tensor, UPLO?: string],
  { UPLO?: string; out?: unknown },
  Named<['eigenvalues', 'eigenvectors']>
> = define(
  "linalg_eigh(A: Tensor, UPLO='L', *, out=None)",
  (A: Tensor, UPLO = 'L') => {
    const { L, V } = eighOf('linalg.eigh', A, checkSymmetric(A, UPLO));
    return named('linalg_eigh', ['eigenvalues', 'eigenvectors'], [L, V]);
  },
  { functionOnly: true },
);

/** The eigenvalues of symmetric matrices, ascending. https://pytorch.org/docs/stable/generated/torch.linalg.eigvalsh.html */
export const eigvalsh: FreeCall<[A: Tensor, UPLO?: string], { UPLO?: string; out?: Tensor }, Tensor> = define(
  "linalg_eigvalsh(A: Tensor, UPLO='L', *, out=None)",
  (A: Tensor, UPLO = 'L') => eigenvaluesOf('linalg.eigh', A, checkSymmetric(A, UPLO)),
  { functionOnly: true },
);

/**
 * `linalg.eigh` as it was before `torch.linalg`; without `eigenvectors` these are empty, and there is no gradient.
 * https://pytorch.org/docs/stable/generated/torch.symeig.html
 */
export const symeig: Call<
  [input: Tensor, eigenvectors?: boolean, upper?: boolean],
  { eigenvectors?: boolean; upper?: boolean; out?: unknown },
  Named<['eigenvalues', 'eigenvectors']>
> = define(
  'symeig(input, eigenvectors=False, upper=True, *, out=None)',
  (A: Tensor, eigenvectors = false, upper = true) => {
    requireSquare('linalg.symeig', A);
    requireKernel('symeig_cpu', A);
    if (eigenvectors) {
      const { L, V } = eighOf('symeig', A, upper, 'Symeig');
      return named('symeig', ['eigenvalues', 'eigenvectors'], [L, V]);
    }
    const { L } = runtime.noGrad(() => decompose('symeig', A, upper, false));
    runtime.record(L, {
      name: 'Symeig',
      inputs: [A],
      saved: [],
      backward: () => {
        throw new RuntimeError(
          'linalg_eig_backward: torch.symeig(A, eigenvectors=False) is not differentiable. Use torch.linalg.eigvalsh(A) instead.',
        );
      },
    });
    return named('symeig', ['eigenvalues', 'eigenvectors'], [L, runtime.empty([0], A.dtype, A)]);
  },
);

/** Eigenvalues of general matrices are complex, which is no dtype here. */
function refuseComplex(name: string): (A: Tensor) => never {
  return (A) => {
    requireSquare(name, A);
    throw new NotImplementedError(
      `${name}: its results are complex, and there are no complex dtypes; for symmetric matrices use linalg.eigh`,
    );
  };
}

/** Not implemented: eigenvalues of general matrices are complex. */
export const eig: FreeCall<[A: Tensor], { out?: unknown }, never> = define(
  'linalg_eig(A: Tensor, *, out=None)',
  refuseComplex('linalg.eig'),
  { functionOnly: true },
);

/** Not implemented: eigenvalues of general matrices are complex. */
export const eigvals: FreeCall<[A: Tensor], { out?: unknown }, never> = define(
  'linalg_eigvals(A: Tensor, *, out=None)',
  refuseComplex('linalg.eigvals'),
  { functionOnly: true },
);
