/** softmax and its logarithm along one dimension. */
import { notImplementedFor } from '../refuse.ts';
import type { DType } from '../../base/dtype.ts';
import { wrapDim } from '../../base/shape.ts';
import * as E from '../../expr/expr.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define } from '../define.ts';
import { RowOp } from '../rows/family.ts';
import { runtime } from '../runtime.ts';

/** The wrapped dimension; throws for integers, by the name of the kernel PyTorch looks for. */
function checkedDim(input: Tensor, dim: number, lastKernel: string): number {
  const rank = input.sizes.length;
  const d = wrapDim(dim, rank);
  if (!input.dtype.isFloatingPoint) {
    const kernel = d === Math.max(rank - 1, 0) ? lastKernel : 'softmax_kernel_impl';
    throw notImplementedFor(kernel, input.dtype);
  }
  return d;
}

const softmaxRows = new RowOp('softmax', (rows) => {
  const x = rows.input(0);
  const top = rows.reduce('max', x);
  rows.pass();
  const e = E.exp(E.sub(x, top));
  const kept = rows.store(0, e);
  const factor = rows.once(E.div(1, rows.reduce('sum', e)));
  rows.store(0, E.mul(kept, factor));
});

const logSoftmaxRows = new RowOp('log_softmax', (rows) => {
  const x = rows.input(0);
  const top = rows.reduce('max', x);
  rows.pass();
  const log = rows.once(E.log(rows.reduce('sum', E.exp(E.sub(x, top)))));
  rows.store(0, E.sub(E.sub(x, top), log));
});

/** y·(g − Σ g·y) */
const softmaxGradient = new RowOp('softmax_backward', (rows) => {
  const [g, y] = [rows.input(0), rows.input(1)];
  const total = rows.reduce('sum', E.mul(g, y));
  rows.pass();
  rows.store(0, E.mul(y, E.sub(g, total)));
});

/** g − eʸ·Σ g */
const logSoftmaxGradient = new RowOp('log_softmax_backward', (rows) => {
  const [g, y] = [rows.input(0), rows.input(1)];
  const total = rows.reduce('sum', g);
  rows.pass();
  rows.store(0, E.sub(g, E.mul(E.exp(y), total)));
});

/** The only output of a row op along dimension `d`, in the dtype of the last operand. */
function along(op: RowOp, inputs: readonly Tensor[], d: number): Tensor {
  const like = inputs[inputs.length - 1];
  if (like.numel() === 0) return runtime.emptyLike(like, like.dtype);
  const mask = like.sizes.map((_, i) => i === d);
  const [out] = runtime.rows(op, inputs, mask, []).outputs;
  return out.dtype === like.dtype ? out : runtime.noGrad(() => out.to(like.dtype));
}

/** exp(x − max)/Σ */
export function softmaxAlong(input: Tensor, dim: number): Tensor {
  const d = checkedDim(input, dim, 'softmax_lastdim_kernel_impl');
  const out = along(softmaxRows, [input], d);
  return runtime.record(out, {
    name: 'Softmax',
    inputs: [input],
    saved: [out],
    backward: ([grad], [y]) => {
      if (grad === null || grad === undefined) return [null];
      if (!runtime.needsGrad([grad, y])) return [along(softmaxGradient, [grad, y], d)];
      const gy = grad.mul(y);
      return [gy.sub(y.mul(gy.sum(d, true)))];
    },
  });
}

/** x − log Σ eˣ */
export function logSoftmaxAlong(input: Tensor, dim: number): Tensor {
  const d = checkedDim(input, dim, 'log_softmax_lastdim_kernel_impl');
  const out = along(logSoftmaxRows, [input], d);
  return runtime.record(out, {
    name: 'LogSoftmax',
    inputs: [input],
    saved: [out],
    backward: ([grad], [y]) => {
      if (grad === null || grad === undefined) return [null];
      if (!runtime.needsGrad([grad, y])) return [along(logSoftmaxGradient, [grad, y], d)];
      return [grad.sub(y.exp().mul(grad.sum(d, true)))];
    },
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
