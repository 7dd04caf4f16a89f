/** softmax and its logarithm along one dimension. */
import type { DType } from '../../base/dtype.ts';
import { RuntimeError } from '../../base/errors.ts';
import { wrapDim } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define } from '../define.ts';
import { runtime } from '../runtime.ts';

/** The wrapped dimension; throws for integers, by the name of the kernel PyTorch looks for. */
function checkedDim(input: Tensor, dim: number, lastKernel: string): number {
  const rank = input.sizes.length;
  const d = wrapDim(dim, rank);
  if (!input.dtype.isFloatingPoint) {
    const kernel = d === Math.max(rank - 1, 0) ? lastKernel : 'softmax_kernel_impl';
    throw new RuntimeError(`"${kernel}" not implemented for '${input.dtype.scalarName}'`);
  }
  return d;
}

/** exp(x − max)/Σ. The gradient: y·(g − Σ g·y). */
export function softmaxAlong(input: Tensor, dim: number): Tensor {
  const d = checkedDim(input, dim, 'softmax_lastdim_kernel_impl');
  const out = runtime.noGrad(() => {
    if (input.numel() === 0) return input.clone();
    const e = input.sub(input.amax(d, true)).exp();
    return e.div_(e.sum(d, true));
  });
  return runtime.record(out, {
    name: 'Softmax',
    inputs: [input],
    saved: [out],
    backward: ([grad], [y]) => {
      if (grad === null || grad === undefined) return [null];
      const gy = grad.mul(y);
      return [gy.sub(y.mul(gy.sum(d, true)))];
    },
  });
}

/** x − log Σ eˣ. The gradient: g − eʸ·Σ g. */
export function logSoftmaxAlong(input: Tensor, dim: number): Tensor {
  const d = checkedDim(input, dim, 'log_softmax_lastdim_kernel_impl');
  const out = runtime.noGrad(() => {
    if (input.numel() === 0) return input.clone();
    const shifted = input.sub(input.amax(d, true));
    return shifted.sub_(shifted.exp().sum(d, true).log());
  });
  return runtime.record(out, {
    name: 'LogSoftmax',
    inputs: [input],
    saved: [out],
    backward: ([grad], [y]) =>
      grad === null || grad === undefined ? [null] : [grad.sub(y.exp().mul(grad.sum(d, true)))],
  });
}

type SoftmaxCall = Call<
  [input: Tensor, dim: number, dtype?: DType | null],
  { dim?: number; dtype?: DType | null },
  Tensor
>;

function softmaxLike(name: string, along: (x: Tensor, dim: number) => Tensor): SoftmaxCall {
  return define(`${name}(input, dim, dtype=None)`, (input: Tensor, dim: number, dtype: DType | null = null) =>
    along(dtype === null || dtype === input.dtype ? input : input.to(dtype), dim),
  );
}

/**
 * exp(x)/Σ exp(x) along `dim`; throws a RuntimeError for integers unless a float dtype is given.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.softmax.html
 *
 * @example
 * ```ts
 * console.log(torch.zeros(4).softmax(0)); // => tensor([0.2500, 0.2500, 0.2500, 0.2500])
 * ```
 */
export const softmax: SoftmaxCall = softmaxLike('softmax', softmaxAlong);
/** log(softmax(x)), computed without loss. https://pytorch.org/docs/stable/generated/torch.nn.functional.log_softmax.html */
export const logSoftmax: SoftmaxCall = softmaxLike('log_softmax', logSoftmaxAlong);
