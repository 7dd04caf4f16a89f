/** LU factors as results, and systems solved with them. https://pytorch.org/docs/stable/generated/torch.linalg.lu_factor.html */
import { int32 } from '../../base/dtype.ts';
import { RuntimeError } from '../../base/errors.ts';
import { showSizes } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define, type FreeCall } from '../define.ts';
import { cat } from '../movement/joining.ts';
import { type Named, named } from '../named.ts';
import { runtime } from '../runtime.ts';
import {
  batchCount,
  batchElement,
  fromDoubles,
  fromIntegers,
  requireEquation,
  requireFloats,
  requireKernel,
  requireSameDtype,
} from './batched.ts';
import { resultOf, workOf } from './blocks/block.ts';
import { factorLuInPlace } from './blocks/lu.ts';
import { orderOfRows } from './kernels/lu.ts';
import { solveTriangularLeft } from './triangular.ts';

const lowerUnit = { upper: false, unit: true } as const;
const upperUnit = { upper: true, unit: true } as const;
const lower = { upper: false, unit: false } as const;
const upper = { upper: true, unit: false } as const;

interface LuResult {
  readonly LU: Tensor;
  /** int32, from 1: row i was exchanged with row pivots[i]. */
  readonly pivots: Tensor;
  /** Where U has its first zero on the diagonal, from 1; 0: nowhere. */
  readonly codes: Int32Array;
}

function requireFactorable(name: string, A: Tensor, pivot: boolean): void {
  if (A.sizes.length < 2) {
    throw new RuntimeError(
      `${name}: Expected tensor with 2 or more dimensions. Got size: ${showSizes(A.sizes)} instead`,
    );
  }
  if (!pivot) {
    throw new RuntimeError('linalg.lu_factor: LU without pivoting is not implemented on the CPU');
  }
  requireKernel('lu_cpu', A);
}

function luOf(A: Tensor): LuResult {
  const batch = A.sizes.slice(0, -2);
  const [m, n] = A.sizes.slice(-2);
  const k = Math.min(m, n);
  const count = batchCount(A);
  const pivots = new Int32Array(count * k);
  const codes = new Int32Array(count);
  const LU = runtime.noGrad(() => {
    const work = workOf(A);
    factorLuInPlace(work).forEach(({ rows, singular }, index) => {
      codes[index] = singular + 1;
      for (let i = 0; i < k; i++) pivots[index * k + i] = rows[i] + 1;
    });
    return resultOf(work, A);
  });
  const exchanges = fromIntegers(pivots, [...batch, k], A);
  runtime.record(LU, {
    name: 'LinalgLuFactorEx',
    inputs: [A],
    saved: [LU],
    backward: ([grad], [factors]) => {
      if (grad === null || grad === undefined) return [null];
      return [permutation(exchanges, m, factors).matmul(backward(grad, factors))];
    },
  });
  return { LU, pivots: exchanges, codes };
}

/** The factors apart: L (unit lower triangular or trapezoidal) and U. Differentiable. */
function apart(LU: Tensor): readonly [L: Tensor, U: Tensor] {
  const [m, n] = LU.sizes.slice(-2);
  const k = Math.min(m, n);
  const eye = runtime.noGrad(() => {
    const data = new Float64Array(m * k);
    for (let i = 0; i < k; i++) data[i * (k + 1)] = 1;
    return fromDoubles(data, [m, k], LU);
  });
  return [LU.narrow(-1, 0, k).tril(-1).add(eye), LU.narrow(-2, 0, k).triu()];
}

/**
 * The gradient of P⁻¹·A = L·U. Square: L⁻ᵀ·[tril(Lᵀ·gL, −1) + triu(gU·Uᵀ)]·U⁻ᵀ. Of a wide matrix the further columns L·U₂ are like a solution with L, of a
 * tall one the further rows L₂·U like one with U.
 */
function backward(grad: Tensor, LU: Tensor): Tensor {
  const [m, n] = LU.sizes.slice(-2);
  const k = Math.min(m, n);
  const [L, U] = apart(LU);
  const gL = grad.narrow(-1, 0, k).tril(-1);
  const gU = grad.narrow(-2, 0, k).triu();
  const [L1, U1] = [L.narrow(-2, 0, k), U.narrow(-1, 0, k)];
  let toL = L1.mT.matmul(gL.narrow(-2, 0, k));
  let toU = gU.narrow(-1, 0, k).matmul(U1.mT);
  if (m < n) {
    const gU2 = gU.narrow(-1, m, n - m);
    toL = toL.sub(gU2.matmul(U.narrow(-1, m, n - m).mT));
  }
  if (m > n) {
    const gL2 = gL.narrow(-2, n, m - n);
    toU = toU.sub(L.narrow(-2, n, m - n).mT.matmul(gL2));
  }
  const inner = toL.tril(-1).add(toU.triu());
  // X·U₁ᵀ = …
  const overU = (x: Tensor): Tensor => solveTriangularLeft(U1, x.mT, upper).mT;
  const underL = (x: Tensor): Tensor => solveTriangularLeft(L1.mT, x, upperUnit);
  const g1 = underL(overU(inner));
  if (m < n) return cat([g1, underL(gU.narrow(-1, m, n - m))], -1);
  if (m > n) return cat([g1, overU(gL.narrow(-2, n, m - n))], -2);
  return g1;
}

/** The permutation P of pivots, for matrices of m rows: A = P·L·U. */
function permutation(pivots: Tensor, m: number, like: Tensor): Tensor {
  const k = pivots.sizes[pivots.sizes.length - 1];
  const batch = pivots.sizes.slice(0, -1);
  const exchanges = runtime.toArray(pivots.detach()) as Int32Array;
  const count = batch.reduce((x, y) => x * y, 1);
  const data = new Float64Array(count * m * m);
  for (let b = 0; b < count; b++) {
    const rows = Int32Array.from(exchanges.subarray(b * k, (b + 1) * k), (p) => p - 1);
    orderOfRows(rows, m).forEach((row, i) => {
      data[(b * m + row) * m + i] = 1;
    });
  }
  return fromDoubles(data, [...batch, m, m], like);
}

function requireRegular(name: string, A: Tensor, codes: Int32Array): void {
  const failed = codes.findIndex((code) => code !== 0);
  if (failed < 0) return;
  const at = codes[failed];
  throw new RuntimeError(
    `${name}: ${batchElement(A, failed)}U[${at},${at}] is zero and using it on lu_solve would result in a division by zero. If you still want to perform the factorization, consider calling linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)`,
  );
}

const infoOf = (A: Tensor, codes: Int32Array): Tensor => fromIntegers(codes, A.sizes.slice(0, -2), A);

/**
 * L and U in one matrix (*, m, n), with the row exchanges: `{ LU, pivots }`, pivots int32 from 1. For `luSolve`. Throws a RuntimeError where U has a zero on
 * its diagonal. https://pytorch.org/docs/stable/generated/torch.linalg.lu_factor.html
 */
export const luFactor: FreeCall<
  [A: Tensor],
  { pivot?: boolean; out?: unknown },
  Named<['LU', 'pivots']>
> = define(
  'linalg_lu_factor(A: Tensor, *, pivot=True, out=None)',
  (A: Tensor, pivot = true) => {
    requireFactorable('torch.lu_factor', A, pivot);
    const { LU, pivots, codes } = luOf(A);
    requireRegular('torch.linalg.lu_factor', A, codes);
    return named('linalg_lu_factor', ['LU', 'pivots'], [LU, pivots]);
  },
  { functionOnly: true },
);

/** `luFactor` without an error for singular matrices. https://pytorch.org/docs/stable/generated/torch.linalg.lu_factor_ex.html */
export const luFactorEx: FreeCall<
  [A: Tensor],
  { pivot?: boolean; checkErrors?: boolean; out?: unknown },
  Named<['LU', 'pivots', 'info']>
> = define(
  'linalg_lu_factor_ex(A: Tensor, *, pivot=True, checkErrors=False, out=None)',
  (A: Tensor, pivot = true, checkErrors = false) => {
    requireFactorable('torch.lu_factor', A, pivot);
    const { LU, pivots, codes } = luOf(A);
    if (checkErrors) requireRegular('torch.linalg.lu_factor_ex', A, codes);
    return named('linalg_lu_factor_ex', ['LU', 'pivots', 'info'], [LU, pivots, infoOf(A, codes)]);
  },
  { functionOnly: true },
);

/**
 * P, L and U with A = P·L·U: a permutation, a unit lower triangular and an upper triangular matrix.
 * https://pytorch.org/docs/stable/generated/torch.linalg.lu.html
 *
 * @example
 * ```ts
 * const { P, L, U } = torch.linalg.lu(torch.tensor([[1, 2], [4, 4]]));
 * console.log(L); // => tensor([[1.0000, 0.0000], [0.2500, 1.0000]])
 * console.log(P.matmul(L).matmul(U)); // => tensor([[1., 2.], [4., 4.]])
 * ```
 */
export const lu: FreeCall<[A: Tensor], { pivot?: boolean; out?: unknown }, Named<['P', 'L', 'U']>> = define(
  'linalg_lu(A: Tensor, *, pivot=True, out=None)',
  (A: Tensor, pivot = true) => {
    requireFactorable('linalg.lu', A, pivot);
    const { LU, pivots } = luOf(A);
    const P = runtime.noGrad(() => permutation(pivots, A.sizes[A.sizes.length - 2], A));
    const [L, U] = apart(LU);
    return named(
      'linalg_lu',
      ['P', 'L', 'U'],
      [P, runtime.showAs('LinalgLu', L), runtime.showAs('LinalgLu', U)],
    );
  },
  { functionOnly: true },
);

function requirePivots(pivots: Tensor): void {
  if (pivots.dtype !== int32) {
    throw new RuntimeError('linalg.lu_solve: pivots should be a Tensor of scalar type torch.int32');
  }
}

function checkPivots(LU: Tensor, pivots: Tensor): void {
  const n = LU.sizes[LU.sizes.length - 2];
  if (pivots.sizes[pivots.sizes.length - 1] !== n) {
    throw new RuntimeError(
      'linalg.lu_solve: Number of pivots per batch should be same as the dimension of the matrix',
    );
  }
  const values = runtime.toArray(pivots.detach()) as Int32Array;
  if (values.some((p) => p < 1)) {
    throw new RuntimeError(
      'Pivots given to lu_solve must all be greater or equal to 1. Did you properly pass the result of lu_factor?',
    );
  }
}

/** The solution of A·X = B (or X·A = B) or, `adjoint`, of Aᵀ·X = B. */
function solveLu(LU: Tensor, pivots: Tensor, B: Tensor, left: boolean, adjoint: boolean): Tensor {
  if (!left) return solveLu(LU, pivots, B.mT, true, !adjoint).mT;
  const P = runtime.noGrad(() => permutation(pivots, LU.sizes[LU.sizes.length - 2], LU));
  if (adjoint) {
    const half = solveTriangularLeft(LU.mT, B, lower);
    return P.matmul(solveTriangularLeft(LU.mT, half, upperUnit));
  }
  const half = solveTriangularLeft(LU, P.mT.matmul(B), lowerUnit);
  return solveTriangularLeft(LU, half, upper);
}

function checkedSolve(LU: Tensor, pivots: Tensor, B: Tensor, left: boolean, adjoint: boolean): Tensor {
  requireFloats('torch.linalg.lu_solve', LU, true);
  requireSameDtype('linalg.lu_solve', LU, B, ['LU', 'B']);
  requirePivots(pivots);
  requireEquation('linalg.lu_solve', LU, B, left);
  checkPivots(LU, pivots);
  requireKernel('linalg.lu_solve_cpu', LU);
  return runtime.showAs('LinalgLuSolve', solveLu(LU, pivots, B, left, adjoint));
}

/**
 * The X with A·X = B (X·A = B with `left: false`, Aᵀ·X = B with `adjoint`), from the result of `luFactor(A)`.
 * https://pytorch.org/docs/stable/generated/torch.linalg.lu_solve.html
 */
const linalgLuSolve: FreeCall<
  [LU: Tensor, pivots: Tensor, B: Tensor],
  { B?: Tensor; left?: boolean; adjoint?: boolean; out?: Tensor },
  Tensor
> = define(
  'linalg_lu_solve(LU: Tensor, pivots: Tensor, B: Tensor, *, left=True, adjoint=False, out=None)',
  (LU: Tensor, pivots: Tensor, B: Tensor, left = true, adjoint = false) =>
    checkedSolve(LU, pivots, B, left, adjoint),
  { functionOnly: true },
);

/** `linalg.luSolve` with B first. https://pytorch.org/docs/stable/generated/torch.lu_solve.html */
export const luSolve: Call<
  [b: Tensor, LUData: Tensor, LUPivots: Tensor],
  { LUData?: Tensor; LUPivots?: Tensor; out?: Tensor },
  Tensor
> = define(
  'lu_solve(input, LUData: Tensor, LUPivots: Tensor, *, out=None)',
  (B: Tensor, LU: Tensor, pivots: Tensor) => checkedSolve(LU, pivots, B, true, false),
);

/** P, L and U from the result of `luFactor`. https://pytorch.org/docs/stable/generated/torch.lu_unpack.html */
export const luUnpack: FreeCall<
  [LUData: Tensor, LUPivots: Tensor, unpackData?: boolean, unpackPivots?: boolean],
  { LUPivots?: Tensor; unpackData?: boolean; unpackPivots?: boolean; out?: unknown },
  Named<['P', 'L', 'U']>
> = define(
  'lu_unpack(LUData: Tensor, LUPivots: Tensor, unpackData=True, unpackPivots=True, *, out=None)',
  (LU: Tensor, pivots: Tensor, unpackData = true, unpackPivots = true) => {
    if (unpackPivots && pivots.dtype !== int32) {
      throw new RuntimeError(
        'torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype.\nNote: this function is intended to be used with the output produced by torch.linalg.lu_factor',
      );
    }
    const empty = (): Tensor => runtime.empty([0], LU.dtype, LU);
    const m = LU.sizes[LU.sizes.length - 2];
    let P = empty();
    if (unpackPivots) {
      const values = runtime.toArray(pivots.detach()) as Int32Array;
      if (values.some((p) => p < 1 || p > m)) {
        throw new RuntimeError(
          'pivots passed to lu_unpack must be between 1 and LU.size(-2) inclusive.Did you properly pass the result of lu_factor?',
        );
      }
      P = runtime.noGrad(() => permutation(pivots, m, LU));
    }
    const parts = unpackData ? apart(LU).map((t) => runtime.showAs('LuUnpack', t)) : [empty(), empty()];
    return named('lu_unpack', ['P', 'L', 'U'], [P, ...parts]);
  },
  { functionOnly: true },
);

interface LegacyLu {
  (A: Tensor, pivot?: boolean): Named<['LU', 'pivots']>;
  (A: Tensor, options: { pivot?: boolean; getInfos: true; out?: unknown }): Named<['LU', 'pivots', 'info']>;
  (A: Tensor, options: { pivot?: boolean; getInfos?: false; out?: unknown }): Named<['LU', 'pivots']>;
  (A: Tensor, pivot: boolean, getInfos: boolean): Named<['LU', 'pivots', 'info']>;
}

/** `linalg.luFactorEx` as it was before `torch.linalg`. https://pytorch.org/docs/stable/generated/torch.lu.html */
export const legacyLu: LegacyLu = define<LegacyLu>('lu(input, pivot=True, getInfos=False, *, out=None)', ((
  A: Tensor,
  pivot = true,
  getInfos = false,
) => {
  requireFactorable('torch.lu_factor', A, pivot);
  const { LU, pivots, codes } = luOf(A);
  if (getInfos) return named('_lu_with_info', ['LU', 'pivots', 'info'], [LU, pivots, infoOf(A, codes)]);
  return named('lu', ['LU', 'pivots'], [LU, pivots]);
}) as never);

export { linalgLuSolve };
