/** Determinants, by LU factors. https://pytorch.org/docs/stable/generated/torch.linalg.det.html */
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define, type FreeCall } from '../define.ts';
import { type Named, named } from '../named.ts';
import { runtime } from '../runtime.ts';
import {
  batchCount,
  eachMatrix,
  epsilonOf,
  fromDoubles,
  requireFloats,
  requireKernel,
  requireSquare,
  scaleColumns,
} from './batched.ts';
import { elementsOf, workOf } from './blocks/block.ts';
import { factorLuInPlace } from './blocks/lu.ts';
import { scaledInverseTransposed } from './solve.ts';
import { svdOf } from './svd.ts';

interface Determinants {
  readonly sign: Tensor;
  /** The logarithm of the magnitude. */
  readonly log: Tensor;
  readonly value: Tensor;
  /** Is some matrix (nearly) singular? Then inverses say little. */
  readonly singular: boolean;
}

/**
 * From this ratio of the pivots down a matrix counts as nearly singular. Second derivatives by inverses lose the square of it in accuracy, so that half
 * of the digits remain.
 */
const pivotRatio = (a: Tensor): number => epsilonOf(a) ** 0.25;

/** The determinant of every matrix, in three ways. Records nothing. */
function determinants(a: Tensor): Determinants {
  const n = a.sizes[a.sizes.length - 1];
  const work = workOf(a);
  const pivots = factorLuInPlace(work);
  const lu = elementsOf(work);
  const count = batchCount(a);
  const sign = new Float64Array(count).fill(1);
  const log = new Float64Array(count);
  const value = new Float64Array(count).fill(1);
  let singular = false;
  eachMatrix(a.sizes, (index, at) => {
    const { rows } = pivots[index];
    let [least, most] = [Number.POSITIVE_INFINITY, 0];
    for (let k = 0; k < n; k++) {
      const pivot = lu[at + k * (n + 1)];
      const factor = rows[k] === k ? 1 : -1;
      sign[index] *= factor * Math.sign(pivot);
      log[index] += Math.log(Math.abs(pivot));
      value[index] *= factor * pivot;
      least = Math.min(least, Math.abs(pivot));
      most = Math.max(most, Math.abs(pivot));
    }
    if (least <= most * pivotRatio(a)) singular = true;
  });
  work.storage.dispose();
  const made = (data: Float64Array): Tensor => fromDoubles(data, a.sizes.slice(0, -2), a);
  return { sign: made(sign), log: made(log), value: made(value), singular };
}

/** A number for every matrix, to be multiplied with the matrices. */
const overMatrix = (x: Tensor): Tensor => x.unsqueeze(-1).unsqueeze(-1);

function detOf(A: Tensor): Tensor {
  const { value: out, singular } = runtime.noGrad(() => determinants(A));
  return runtime.record(out, {
    name: 'LinalgDet',
    inputs: [A],
    saved: [A, out],
    backward: ([grad], [a, det]) => {
      if (grad === null || grad === undefined || a.numel() === 0) return [null];
      if (singular) return [overMatrix(grad).mul(cofactors(a))];
      // det·A⁻ᵀ, as the solution of Aᵀ·X = det·1.
      return [scaledInverseTransposed(a, grad.mul(det), false)];
    },
  });
}

/**
 * The matrix of cofactors, also of singular matrices: with A = U·S·Vᵀ it is ±U·P·Vᵀ, where Pᵢᵢ is the product of all singular values but sᵢ (Higham,
 * https://nhigham.com/2020/06/16/what-is-the-adjugate-of-a-matrix/).
 *
 * Its gradient for G is ±U·D·Vᵀ, with B = UᵀGV and pᵢⱼ the product without sᵢ and sⱼ: Dᵢᵢ = Σⱼ pᵢⱼ·Bⱼⱼ and Dᵢⱼ = −pᵢⱼ·Bⱼᵢ.
 */
function cofactors(A: Tensor): Tensor {
  const out = runtime.noGrad(() => {
    const { U, S, Vh } = svdOf(A.detach(), false);
    return orientation(U, Vh).mul(scaleColumns(U, productsWithoutOne(S)).matmul(Vh));
  });
  return runtime.record(out, {
    name: 'Cofactors',
    inputs: [A],
    saved: [A],
    backward: ([grad], [a]) => {
      if (grad === null || grad === undefined) return [null];
      const { U, S, Vh } = svdOf(a, false);
      const B = U.mT.matmul(grad).matmul(Vh.mT);
      const P = productsWithoutTwo(S);
      const onDiagonal = P.matmul(B.diagonal(0, -2, -1).unsqueeze(-1))
        .squeeze(-1)
        .diagEmbed();
      const D = onDiagonal.sub(P.mul(B.mT));
      return [orientation(U, Vh).mul(U.matmul(D).matmul(Vh))];
    },
  });
}

/** det U·det V of singular vectors, 1 or −1: a constant. */
function orientation(U: Tensor, Vh: Tensor): Tensor {
  return runtime.noGrad(() => overMatrix(determinants(U).sign.mul(determinants(Vh).sign)));
}

/** At i the product of all of the last dimension but its i-th element. */
function productsWithoutOne(s: Tensor): Tensor {
  const n = s.sizes[s.sizes.length - 1];
  const own = unitMask(s, n);
  return s
    .unsqueeze(-2)
    .expand([...s.sizes, n])
    .maskedFill(own, 1)
    .prod(-1);
}

/** At (i, j) the product without the i-th and the j-th; zeros on the diagonal. */
function productsWithoutTwo(s: Tensor): Tensor {
  const n = s.sizes[s.sizes.length - 1];
  const own = unitMask(s, n);
  const either = own.unsqueeze(0).logicalOr(own.unsqueeze(1));
  const products = s
    .unsqueeze(-2)
    .unsqueeze(-2)
    .expand([...s.sizes, n, n])
    .maskedFill(either, 1)
    .prod(-1);
  return products.maskedFill(own, 0);
}

function unitMask(like: Tensor, n: number): Tensor {
  return runtime.noGrad(() => like.detach().newOnes([n]).diag().gt(0));
}

/**
 * The determinant of square matrices (*, n, n). Differentiable to any order, to second order also where it is zero.
 * https://pytorch.org/docs/stable/generated/torch.linalg.det.html
 *
 * @example
 * ```ts
 * console.log(torch.linalg.det(torch.tensor([[2, 1], [1, 3]]))); // => tensor(5.)
 * ```
 */
const linalgDet: FreeCall<[A: Tensor], { out?: Tensor }, Tensor> = define(
  'linalg_det(A: Tensor, *, out=None)',
  (A: Tensor) => checkedDet(A),
  { functionOnly: true },
);

/** Another name for `linalg.det`. https://pytorch.org/docs/stable/generated/torch.det.html */
export const det: Call<[input: Tensor], object, Tensor> = define('det(input)', (input: Tensor) =>
  checkedDet(input),
);

function checkedDet(A: Tensor): Tensor {
  requireSquare('linalg.det', A);
  requireFloats('linalg.det', A, true);
  requireKernel('lu_cpu', A);
  return detOf(A);
}

function signAndLog(A: Tensor): readonly [Tensor, Tensor] {
  const { sign, log } = runtime.noGrad(() => determinants(A));
  return runtime.record([sign, log] as const, {
    name: 'LinalgSlogdet',
    inputs: [A],
    saved: [A],
    // The sign does not vary. In a graph of gradients a singular matrix is an error.
    backward: ([, grad], [a]) => [
      grad === null || grad === undefined ? null : scaledInverseTransposed(a, grad, runtime.needsGrad([a])),
    ],
  });
}

function checkedSlogdet(name: string, A: Tensor): readonly [Tensor, Tensor] {
  requireSquare(name, A);
  requireFloats(name, A);
  return signAndLog(A);
}

/**
 * The sign of the determinant and the logarithm of its magnitude: `{ sign, logabsdet }`.
 * https://pytorch.org/docs/stable/generated/torch.linalg.slogdet.html
 */
const linalgSlogdet: FreeCall<[A: Tensor], { out?: unknown }, Named<['sign', 'logabsdet']>> = define(
  'linalg_slogdet(A: Tensor, *, out=None)',
  (A: Tensor) => named('linalg_slogdet', ['sign', 'logabsdet'], checkedSlogdet('linalg.slogdet', A)),
  { functionOnly: true },
);

/** Another name for `linalg.slogdet`. https://pytorch.org/docs/stable/generated/torch.slogdet.html */
export const slogdet: Call<[input: Tensor], object, Named<['sign', 'logabsdet']>> = define(
  'slogdet(input)',
  (input: Tensor) => named('slogdet', ['sign', 'logabsdet'], checkedSlogdet('linalg.slogdet', input)),
);

/** The logarithm of the determinant; NaN where that is negative. https://pytorch.org/docs/stable/generated/torch.logdet.html */
export const logdet: Call<[input: Tensor], object, Tensor> = define('logdet(input)', (input: Tensor) => {
  const [sign, log] = checkedSlogdet('logdet', input);
  return runtime.showAs('Where', log.maskedFill(sign.lt(0), Number.NaN));
});

export { linalgDet, linalgSlogdet };
