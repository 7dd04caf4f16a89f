/** Householder reflections as LAPACK keeps them: `geqrf` makes them, `householderProduct` and `ormqr` use them. */
import { NotImplementedError, RuntimeError } from '../../base/errors.ts';
import { sameSizes, showSizes } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define, type FreeCall } from '../define.ts';
import { type Named, named } from '../named.ts';
import { runtime } from '../runtime.ts';
import { batchCount, doubles, eachMatrix, fromDoubles, requireKernel } from './batched.ts';
import {
  factorQr,
  formQ,
  reflectColumns,
  reflectionStrip,
  reflectRows,
  vectorOf,
} from './kernels/householder.ts';

function underivable(name: string): never {
  throw new NotImplementedError(`the derivative for '${name}' is not implemented.`);
}

/**
 * R and the reflections of a QR decomposition in one matrix, and their factors: `{ a, tau }`. Not differentiable; use `linalg.qr`.
 * https://pytorch.org/docs/stable/generated/torch.geqrf.html
 */
export const geqrf: Call<[input: Tensor], { out?: unknown }, Named<['a', 'tau']>> = define(
  'geqrf(input, *, out=None)',
  (input: Tensor) => {
    if (input.sizes.length < 2) {
      throw new RuntimeError('torch.geqrf: input must have at least 2 dimensions.');
    }
    requireKernel('geqrf_cpu', input);
    const [m, n] = input.sizes.slice(-2);
    const k = Math.min(m, n);
    const results = runtime.noGrad(() => {
      const a = doubles(input);
      const tau = new Float64Array(batchCount(input) * k);
      eachMatrix(input.sizes, (index, at) => tau.set(factorQr(a, at, m, n), index * k));
      return [
        fromDoubles(a, input.sizes, input),
        fromDoubles(tau, [...input.sizes.slice(0, -2), k], input),
      ] as const;
    });
    runtime.record(results, {
      name: 'Geqrf',
      inputs: [input],
      saved: [],
      backward: () => underivable('geqrf'),
    });
    return named('geqrf', ['a', 'tau'], results);
  },
);

function requireTau(name: string, input: Tensor, tau: Tensor): void {
  const [rank, rankOfTau] = [input.sizes.length, tau.sizes.length];
  if (rank - rankOfTau !== 1) {
    throw new RuntimeError(
      `${name}: Expected tau to have one dimension less than input, but got tau.ndim equal to ${rankOfTau} and input.ndim is equal to ${rank}`,
    );
  }
  const [batch, expected] = [tau.sizes.slice(0, -1), input.sizes.slice(0, -2)];
  if (!sameSizes(batch, expected)) {
    throw new RuntimeError(
      `${name}: Expected batch dimensions of tau to be equal to input.shape[:-2], but got ${showSizes(batch)}`,
    );
  }
}

/** The product from its definition, as a composition of differentiable functions: Q = H₀·(H₁·(…·1)). */
function composed(input: Tensor, tau: Tensor): Tensor {
  const [m, n] = input.sizes.slice(-2);
  const eye = runtime.noGrad(() => {
    const data = new Float64Array(m * n);
    for (let i = 0; i < n; i++) data[i * (n + 1)] = 1;
    return fromDoubles(data, [m, n], input);
  });
  const vectors = input.tril(-1).add(eye);
  let q = eye.expand(input.sizes);
  for (let j = tau.sizes[tau.sizes.length - 1] - 1; j >= 0; j--) {
    const v = vectors.narrow(-1, j, 1);
    const factor = tau.narrow(-1, j, 1).unsqueeze(-1);
    q = q.sub(factor.mul(v).matmul(v.mT.matmul(q)));
  }
  return q;
}

function householderProductOf(input: Tensor, tau: Tensor): Tensor {
  const name = 'torch.linalg.householder_product';
  if (input.sizes.length < 2) throw new RuntimeError(`${name}: input must have at least 2 dimensions.`);
  const [m, n] = input.sizes.slice(-2);
  if (m < n) {
    throw new RuntimeError(`${name}: input.shape[-2] must be greater than or equal to input.shape[-1]`);
  }
  const count = tau.sizes[tau.sizes.length - 1] ?? 1;
  if (n < count) {
    throw new RuntimeError(`${name}: input.shape[-1] must be greater than or equal to tau.shape[-1]`);
  }
  requireTau(name, input, tau);
  if (tau.dtype !== input.dtype) {
    throw new RuntimeError(
      `${name}: tau dtype ${tau.dtype.scalarName} does not match input dtype ${input.dtype.scalarName}`,
    );
  }
  requireKernel('orgqr_cpu', input);
  const some = input.numel() > 0 && tau.numel() > 0;
  if (some && runtime.needsGrad([input, tau])) {
    return runtime.showAs('LinalgHouseholderProduct', composed(input, tau), [input, tau]);
  }
  const a = doubles(input);
  const factors = doubles(tau);
  const q = new Float64Array(a.length);
  eachMatrix(input.sizes, (index, at) =>
    formQ(a, at, m, n, factors.subarray(index * count, (index + 1) * count), q, at, n),
  );
  const out = runtime.noGrad(() => fromDoubles(q, input.sizes, input));
  // Without reflections the product does not depend on anything.
  return runtime.record(out, {
    name: 'LinalgHouseholderProduct',
    inputs: [input, tau],
    saved: [],
    backward: () => [null, null],
  });
}

/**
 * The first n columns of H₀·H₁·…, the reflections being given as by `geqrf`: their vectors below the diagonal of `input` (*, m, n), their factors in
 * `tau` (*, k). https://pytorch.org/docs/stable/generated/torch.linalg.householder_product.html
 */
export const householderProduct: FreeCall<[A: Tensor, tau: Tensor], { tau?: Tensor; out?: Tensor }, Tensor> =
  define('linalg_householder_product(A|input: Tensor, tau: Tensor, *, out=None)', householderProductOf, {
    functionOnly: true,
  });

/** Another name for `linalg.householderProduct`. https://pytorch.org/docs/stable/generated/torch.orgqr.html */
export const orgqr: Call<
  [input: Tensor, tau: Tensor],
  { input2?: Tensor; tau?: Tensor; out?: Tensor },
  Tensor
> = define('orgqr(input, tau|input2: Tensor, *, out=None)', householderProductOf);

function requireMultipliable(input: Tensor, tau: Tensor, other: Tensor, left: boolean): void {
  const name = 'torch.ormqr';
  const side = left ? -2 : -1;
  const length = other.sizes[other.sizes.length + side];
  if (input.sizes.length < 2) throw new RuntimeError(`${name}: input must have at least 2 dimensions.`);
  if (other.sizes.length < 2) throw new RuntimeError(`${name}: other must have at least 2 dimensions.`);
  if (length < (tau.sizes[tau.sizes.length - 1] ?? 1)) {
    throw new RuntimeError(`${name}: other.shape[${side}] must be greater than or equal to tau.shape[-1]`);
  }
  if (length !== input.sizes[input.sizes.length - 2]) {
    throw new RuntimeError(`${name}: other.shape[${side}] must be equal to input.shape[-2]`);
  }
  requireTau(name, input, tau);
  if (input.sizes.length !== other.sizes.length) {
    throw new RuntimeError(
      `${name}: Expected input and other to have the same number of dimensions, but got input.ndim equal to ${input.sizes.length} and other.ndim is equal to ${other.sizes.length}`,
    );
  }
  if (!sameSizes(other.sizes.slice(0, -2), input.sizes.slice(0, -2))) {
    throw new RuntimeError(
      `${name}: Expected batch dimensions of other to be equal to input.shape[:-2], but got ${showSizes(other.sizes.slice(0, -2))}`,
    );
  }
  for (const [t, what, space] of [
    [tau, 'tau', ' '],
    [other, 'other', ''],
  ] as const) {
    if (t.dtype === input.dtype) continue;
    throw new RuntimeError(
      `${name}: Expected input and ${what} to have the same dtype, but input has dtype${space}${input.dtype.scalarName} and ${what} has dtype ${t.dtype.scalarName}`,
    );
  }
  requireKernel('ormqr_cpu', input);
}

/**
 * Q·other (other·Q with `left: false`, Qᵀ for Q with `transpose`), Q being the whole product of the reflections. Not differentiable.
 * https://pytorch.org/docs/stable/generated/torch.ormqr.html
 */
export const ormqr: Call<
  [input: Tensor, tau: Tensor, other: Tensor, left?: boolean, transpose?: boolean],
  {
    input2?: Tensor;
    tau?: Tensor;
    input3?: Tensor;
    other?: Tensor;
    left?: boolean;
    transpose?: boolean;
    out?: Tensor;
  },
  Tensor
> = define(
  'ormqr(input, tau|input2: Tensor, other|input3: Tensor, left=True, transpose=False, *, out=None)',
  (input: Tensor, tau: Tensor, other: Tensor, left = true, transpose = false) => {
    requireMultipliable(input, tau, other, left);
    const [m, n] = input.sizes.slice(-2);
    const [rows, columns] = other.sizes.slice(-2);
    const count = tau.sizes[tau.sizes.length - 1];
    const out = runtime.noGrad(() => {
      const a = doubles(input);
      const factors = doubles(tau);
      const c = doubles(other);
      eachMatrix(input.sizes, (index, at) => {
        for (let step = 0; step < count; step++) {
          // Q = H₀·H₁·…: from the left the last one acts first.
          const j = left !== transpose ? count - 1 - step : step;
          const v = vectorOf(a, reflectionStrip(at, m, n, j));
          const tauOfJ = factors[index * count + j];
          const start = index * rows * columns;
          if (left) {
            reflectRows(c, { start: start + j * columns, width: columns, rows: m - j, columns }, v, tauOfJ);
          } else reflectColumns(c, { start: start + j, width: columns, rows, columns: m - j }, v, tauOfJ);
        }
      });
      return fromDoubles(c, other.sizes, other);
    });
    return runtime.record(out, {
      name: 'Ormqr',
      inputs: [input, tau, other],
      saved: [],
      backward: () => underivable('ormqr'),
    });
  },
);
