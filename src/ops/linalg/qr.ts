/** QR factors by Householder reflections (Golub and Van Loan, "Matrix Computations", 5.2), with LAPACK's signs. */
import { RuntimeError } from '../../base/errors.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { define, type FreeCall } from '../define.ts';
import { cat } from '../movement/joining.ts';
import { runtime } from '../runtime.ts';
import { doubles, eachMatrix, fromDoubles, requireMatrices } from './batched.ts';
import { inv } from './solve.ts';

export type QrMode = 'reduced' | 'complete' | 'r';

/** Factors the m × n matrix at `at` of `a` in place into R; `q`, m × k, becomes the orthonormal factor. */
function factor(
  a: Float64Array,
  at: number,
  m: number,
  n: number,
  q: Float64Array | null,
  to: number,
  k: number,
): void {
  const steps = Math.min(m, n);
  const reflectors: { readonly v: Float64Array; readonly scale: number }[] = [];
  for (let j = 0; j < steps; j++) {
    let norm = 0;
    for (let i = j; i < m; i++) norm = Math.hypot(norm, a[at + i * n + j]);
    const head = a[at + j * n + j];
    const v = new Float64Array(m - j);
    let below = 0;
    for (let i = j + 1; i < m; i++) below = Math.max(below, Math.abs(a[at + i * n + j]));
    // Nothing to eliminate: no reflection, as in LAPACK.
    if (below === 0) {
      reflectors.push({ v, scale: 0 });
      continue;
    }
    const beta = head >= 0 ? -norm : norm;
    v[0] = 1;
    for (let i = j + 1; i < m; i++) v[i - j] = a[at + i * n + j] / (head - beta);
    const scale = (beta - head) / beta;
    reflectors.push({ v, scale });
    a[at + j * n + j] = beta;
    for (let i = j + 1; i < m; i++) a[at + i * n + j] = 0;
    reflect(a, at, n, j, j + 1, n, v, scale);
  }
  if (q === null) return;
  for (let i = 0; i < m; i++) for (let c = 0; c < k; c++) q[to + i * k + c] = i === c ? 1 : 0;
  for (let j = steps - 1; j >= 0; j--) reflect(q, to, k, j, 0, k, reflectors[j].v, reflectors[j].scale);
}

/** Applies I − scale·v·vᵀ to the rows from `row` on, in columns [first, last). */
function reflect(
  a: Float64Array,
  at: number,
  width: number,
  row: number,
  first: number,
  last: number,
  v: Float64Array,
  scale: number,
): void {
  if (scale === 0) return;
  for (let c = first; c < last; c++) {
    let dot = 0;
    for (let i = 0; i < v.length; i++) dot += v[i] * a[at + (row + i) * width + c];
    dot *= scale;
    for (let i = 0; i < v.length; i++) a[at + (row + i) * width + c] -= dot * v[i];
  }
}

/** The lower triangle (with the diagonal) mirrored to the upper one. */
function copyLower(x: Tensor): Tensor {
  const n = x.sizes[x.sizes.length - 1];
  const mask = new Uint8Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) mask[i * n + j] = 1;
  const strict = x.mul(fromDoubles(Float64Array.from(mask), [n, n], x));
  const diagonal = x.mul(
    fromDoubles(
      Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0)),
      [n, n],
      x,
    ),
  );
  return strict.add(strict.mT).add(diagonal);
}

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
  return (gQ === null ? rotated : gQ.add(rotated)).matmul(inv(r).mT);
}

/**
 * The factors Q (orthonormal columns) and R (upper triangular) of matrices (*, m, n). `mode`: 'reduced' (k = min(m, n) columns), 'complete' (a
 * square Q) or 'r' (Q is empty). Differentiable in mode 'reduced', and in 'complete' for m ≤ n.
 * https://pytorch.org/docs/stable/generated/torch.linalg.qr.html
 */
export const qr: FreeCall<
  [A: Tensor, mode?: QrMode],
  { mode?: QrMode; out?: unknown },
  readonly [Q: Tensor, R: Tensor]
> = define(
  'linalg_qr(A, mode=None, *, out=None)',
  (A: Tensor, mode: QrMode = 'reduced') => {
    requireMatrices('linalg.qr', A);
    if (mode !== 'reduced' && mode !== 'complete' && mode !== 'r') {
      throw new RuntimeError(
        `qr received unrecognized mode '${String(mode)}' but expected one of 'reduced' (default), 'r', or 'complete'`,
      );
    }
    const batch = A.sizes.slice(0, -2);
    const [m, n] = A.sizes.slice(-2);
    const k = mode === 'complete' ? m : Math.min(m, n);
    const [q, r] = runtime.noGrad(() => {
      const a = doubles(A);
      const count = batch.reduce((x, y) => x * y, 1);
      const orthonormal = mode === 'r' ? null : new Float64Array(count * m * k);
      const upper = new Float64Array(count * k * n);
      eachMatrix([...batch, m, n], (index, at) => {
        factor(a, at, m, n, orthonormal, index * m * k, k);
        for (let i = 0; i < k; i++)
          for (let j = i; j < n; j++) upper[index * k * n + i * n + j] = a[at + i * n + j];
      });
      return [
        orthonormal === null ? runtime.empty([0], A.dtype, A) : fromDoubles(orthonormal, [...batch, m, k], A),
        fromDoubles(upper, [...batch, k, n], A),
      ] as const;
    });
    return runtime.record([q, r] as const, {
      name: 'LinalgQr',
      inputs: [A],
      saved: [q, r],
      backward: ([gQ, gR], [Q, R]) => {
        if (mode === 'r') {
          throw new RuntimeError(
            "linalg_qr_backward: The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use linalg.qr(A, mode='reduced') if you are going to differentiate through linalg.qr.",
          );
        }
        if (mode === 'complete' && m > n) {
          throw new RuntimeError(
            "The QR decomposition is not differentiable when mode='complete' and nrows > ncols.",
          );
        }
        const [given, upper] = [gQ ?? null, gR ?? null];
        if (given === null && upper === null) return [null];
        if (m >= n) return [backward(given, upper, Q, R)];
        // Wide: A₁ = Q·R₁ has a QR of its own, and A₂ = Q·R₂, so that R₂ = Qᵀ·A₂ sends a gradient to Q and one to A₂.
        const R1 = R.narrow(-1, 0, m);
        if (upper === null) {
          const left = backward(given, null, Q, R1);
          return [cat([left, runtime.full([...batch, m, n - m], 0, A.dtype, A)], -1)];
        }
        const g2 = upper.narrow(-1, m, n - m);
        const toQ = Q.matmul(R.narrow(-1, m, n - m)).matmul(g2.mT);
        const left = backward(given === null ? toQ : given.add(toQ), upper.narrow(-1, 0, m), Q, R1);
        return [cat([left, Q.matmul(g2)], -1)];
      },
    });
  },
  { functionOnly: true },
);
