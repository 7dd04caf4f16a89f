/** QR factors by Householder reflections, with LAPACK's signs. */
import { RuntimeError } from '../../base/errors.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define, type FreeCall } from '../define.ts';
import { cat } from '../movement/joining.ts';
import { type Named, named } from '../named.ts';
import { runtime } from '../runtime.ts';
import {
  batchCount,
  doubles,
  eachMatrix,
  fromDoubles,
  identity,
  requireFloats,
  requireKernel,
  requireRank2,
} from './batched.ts';
import { BLOCKED_FROM, blocksOf, resultOf, workOf } from './blocks/block.ts';
import { factorQrBlock, forgetReflections, formQBlock } from './blocks/qr.ts';
import { factorQr, formQ } from './kernels/householder.ts';
import { solveWithTriangle } from './triangular.ts';

export type QrMode = 'reduced' | 'complete' | 'r';

/** The lower triangle (with the diagonal) mirrored to the upper one. */
const copyLower = (x: Tensor): Tensor => x.tril().add(x.tril(-1).mT);

/**
 * The gradient for m ≥ n: with M = R·gRᵀ − gQᵀ·Q, gA = (gQ + Q·copyLower(M))·R⁻ᵀ (Walter and Lehmann 2010, "On algorithmic differentiation of
 * the rank-revealing QR decomposition").
 */
function backward(gQ: Tensor | null, gR: Tensor | null, q: Tensor, r: Tensor): Tensor {
  let m: Tensor | null = null;
  if (gR !== null) m = r.matmul(gR.mT);
  if (gQ !== null) {
    const part = gQ.mT.matmul(q);
    m = m === null ? part.neg() : m.sub(part);
  }
  const rotated = q.matmul(copyLower(m as Tensor));
  // The solution of X·Rᵀ = …
  return solveWithTriangle(
    r.mT,
    gQ === null ? rotated : gQ.add(rotated),
    { upper: false, unit: false },
    false,
  );
}

/** Q (with k columns) and R of a batch. Records nothing. */
function decompose(A: Tensor, k: number, wanted: boolean): readonly [Tensor, Tensor] {
  const batch = A.sizes.slice(0, -2);
  const [m, n] = A.sizes.slice(-2);
  if (Math.min(m, n) >= BLOCKED_FROM) return decomposeByBlocks(A, k, wanted);
  const a = doubles(A);
  const count = batchCount(A);
  const q = new Float64Array(wanted ? count * m * k : 0);
  const r = new Float64Array(count * k * n);
  eachMatrix(A.sizes, (index, at) => {
    const tau = factorQr(a, at, m, n);
    for (let i = 0; i < k; i++) for (let j = i; j < n; j++) r[index * k * n + i * n + j] = a[at + i * n + j];
    if (wanted) formQ(a, at, m, n, tau, q, index * m * k, k);
  });
  const Q = wanted ? fromDoubles(q, [...batch, m, k], A) : runtime.empty([0], A.dtype, A);
  return [Q, fromDoubles(r, [...batch, k, n], A)];
}

function decomposeByBlocks(A: Tensor, k: number, wanted: boolean): readonly [Tensor, Tensor] {
  const batch = A.sizes.slice(0, -2);
  const [m] = A.sizes.slice(-2);
  const work = workOf(A);
  const q = wanted
    ? workOf(
        identity(m, A)
          .narrow(-1, 0, k)
          .expand([...batch, m, k]),
      )
    : null;
  const columns = q === null ? null : blocksOf(q);
  blocksOf(work).forEach((a, index) => {
    const panels = factorQrBlock(a);
    if (columns !== null) formQBlock(panels, columns[index]);
    forgetReflections(panels);
  });
  const r = work.narrow(-2, 0, k).triu();
  work.storage.dispose();
  return [q === null ? runtime.empty([0], A.dtype, A) : resultOf(q, A), resultOf(r, A)];
}

/** The gradient of A in A = Q·R, R being k × n. */
function gradientOf(gQ: Tensor | null, gR: Tensor | null, Q: Tensor, R: Tensor): Tensor {
  const [m, n] = R.sizes.slice(-2);
  if (m >= n) return backward(gQ, gR, Q, R);
  // Wide: A₁ = Q·R₁ has a QR of its own, and A₂ = Q·R₂, so that R₂ = Qᵀ·A₂ sends a gradient to Q and one to A₂.
  const R1 = R.narrow(-1, 0, m);
  if (gR === null) {
    const left = backward(gQ, null, Q, R1);
    return cat([left, runtime.full([...left.sizes.slice(0, -1), n - m], 0, Q.dtype, Q)], -1);
  }
  const g2 = gR.narrow(-1, m, n - m);
  const toQ = Q.matmul(R.narrow(-1, m, n - m)).matmul(g2.mT);
  const left = backward(gQ === null ? toQ : gQ.add(toQ), gR.narrow(-1, 0, m), Q, R1);
  return cat([left, Q.matmul(g2)], -1);
}

function qrOf(A: Tensor, mode: QrMode): readonly [Tensor, Tensor] {
  requireRank2('linalg.qr', A);
  requireFloats('linalg.qr', A, true);
  if (mode !== 'reduced' && mode !== 'complete' && mode !== 'r') {
    throw new RuntimeError(
      `qr received unrecognized mode '${String(mode)}' but expected one of 'reduced' (default), 'r', or 'complete'`,
    );
  }
  requireKernel('geqrf_cpu', A);
  const [m, n] = A.sizes.slice(-2);
  const k = mode === 'complete' ? m : Math.min(m, n);
  const factors = runtime.noGrad(() => decompose(A, k, mode !== 'r'));
  return runtime.record(factors, {
    name: 'LinalgQr',
    inputs: [A],
    saved: factors,
    backward: ([gQ, gR], [Q, R]) => {
      if (!gQ && !gR) return [null];
      if (mode === 'r') {
        throw new RuntimeError(
          "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use linalg.qr(A, mode='reduced') if you are going to differentiate through linalg.qr.",
        );
      }
      if (mode === 'complete' && m > n) {
        throw new RuntimeError(
          "The QR decomposition is not differentiable when mode='complete' and nrows > ncols.",
        );
      }
      return [gradientOf(gQ ?? null, gR ?? null, Q, R)];
    },
  });
}

/**
 * The factors Q (orthonormal columns) and R (upper triangular) of matrices (*, m, n): `{ Q, R }`. `mode`: 'reduced' (k = min(m, n) columns),
 * 'complete' (a square Q) or 'r' (Q is empty). Differentiable in mode 'reduced', and in 'complete' for m ≤ n.
 * https://pytorch.org/docs/stable/generated/torch.linalg.qr.html
 *
 * @example
 * ```ts
 * const { Q, R } = torch.linalg.qr(torch.tensor([[3, 1], [4, 2]]));
 * console.log(Q.matmul(R)); // => tensor([[3.0000, 1.0000], [4.0000, 2.0000]])
 * ```
 */
export const qr: FreeCall<
  [A: Tensor, mode?: QrMode],
  { mode?: QrMode; out?: unknown },
  Named<['Q', 'R']>
> = define(
  "linalg_qr(A: Tensor, mode='reduced', *, out=None)",
  (A: Tensor, mode: QrMode = 'reduced') => named('linalg_qr', ['Q', 'R'], qrOf(A, mode)),
  { functionOnly: true },
);

/** `linalg.qr` as it was before `torch.linalg`. https://pytorch.org/docs/stable/generated/torch.qr.html */
export const legacyQr: Call<
  [input: Tensor, some?: boolean],
  { some?: boolean; out?: unknown },
  Named<['Q', 'R']>
> = define('qr(input, some=True, *, out=None)', (A: Tensor, some = true) =>
  named('qr', ['Q', 'R'], qrOf(A, some ? 'reduced' : 'complete')),
);
