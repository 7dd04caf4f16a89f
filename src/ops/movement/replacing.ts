/** Copies of a tensor with a part replaced: what writing to a view does, without changing the tensor. */
import { RuntimeError } from '../../base/errors.ts';
import { sameSizes, showSizes, storageExtent } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define } from '../define.ts';
import { runtime } from '../runtime.ts';
import { scatterView } from './family.ts';
import { slice } from './views.ts';

/** `input` with `src` in the place that `view` shows. */
function replaced(name: string, input: Tensor, src: Tensor, view: (whole: Tensor) => Tensor): Tensor {
  const out = runtime.noGrad(() => {
    const whole = input.clone();
    const part = view(whole);
    if (!sameSizes(part.sizes, src.sizes)) {
      throw new RuntimeError(
        `expected src to have a size equal to the slice of self. src size = ${showSizes(src.sizes)}, slice size = ${showSizes(part.sizes)}`,
      );
    }
    runtime.copyInto(part, src);
    return whole;
  });
  const { dtype } = src;
  return runtime.record(out, {
    name,
    inputs: [input, src],
    saved: [],
    backward: ([grad], _, needs) => {
      if (grad === null || grad === undefined) return [null, null];
      const part = view(grad);
      return [
        needs[0] ? replaced(name, grad, runtime.full(part.sizes, 0, grad.dtype, grad), view) : null,
        needs[1] ? part.to(dtype) : null,
      ];
    },
  });
}

/** `input` with `src` at one position along `dim`. https://pytorch.org/docs/stable/generated/torch.select_scatter.html */
export const selectScatter: Call<
  [input: Tensor, src: Tensor, dim: number, index: number],
  { src?: Tensor; dim?: number; index?: number },
  Tensor
> = define(
  'select_scatter(input, src: Tensor, dim, index)',
  (input: Tensor, src: Tensor, dim: number, index: number) =>
    replaced('SelectScatter', input, src, (t) => t.select(dim, index)),
);

/** `input` with `src` at `start:end:step` along `dim`. https://pytorch.org/docs/stable/generated/torch.slice_scatter.html */
export const sliceScatter: Call<
  [input: Tensor, src: Tensor, dim?: number, start?: number | null, end?: number | null, step?: number],
  { src?: Tensor; dim?: number; start?: number | null; end?: number | null; step?: number },
  Tensor
> = define(
  'slice_scatter(input, src: Tensor, dim=0, start=None, end=None, step=1)',
  (input: Tensor, src: Tensor, dim = 0, start: number | null = null, end: number | null = null, step = 1) =>
    replaced('SliceScatter', input, src, (t) => slice(t, dim, start, end, step)),
);

/** `input` with `src` on a diagonal. https://pytorch.org/docs/stable/generated/torch.diagonal_scatter.html */
export const diagonalScatter: Call<
  [input: Tensor, src: Tensor, offset?: number, dim1?: number, dim2?: number],
  { src?: Tensor; offset?: number; dim1?: number; dim2?: number },
  Tensor
> = define(
  'diagonal_scatter(input, src: Tensor, offset=0, dim1=0, dim2=1)',
  (input: Tensor, src: Tensor, offset = 0, dim1 = 0, dim2 = 1) =>
    replaced('DiagonalScatter', input, src, (t) => t.diagonal(offset, dim1, dim2)),
);

/** `input` with `src` where sizes and strides say. https://pytorch.org/docs/stable/generated/torch.as_strided_scatter.html */
export const asStridedScatter: Call<
  [
    input: Tensor,
    src: Tensor,
    size: readonly number[],
    stride: readonly number[],
    storageOffset?: number | null,
  ],
  {
    src?: Tensor;
    size?: readonly number[];
    stride?: readonly number[];
    storageOffset?: number | null;
  },
  Tensor
> = define(
  'as_strided_scatter(input, src: Tensor, size, stride, storageOffset=None)',
  (
    input: Tensor,
    src: Tensor,
    size: readonly number[],
    stride: readonly number[],
    storageOffset: number | null = null,
  ) => {
    const { sizes, strides, offset } = input;
    const place = (t: Tensor): Tensor => t.contiguous().asStrided(size, stride, storageOffset ?? offset);
    if (input.isContiguous() && offset === 0) return replaced('AsStridedScatter', input, src, place);
    // Places are those in the memory of the input: it is laid out as there, with its gaps.
    const layout = (memory: Tensor): Tensor => memory.asStrided(sizes, strides, offset);
    const memory = scatterView(input, [storageExtent(sizes, strides, offset)], layout);
    return layout(replaced('AsStridedScatter', memory, src, place));
  },
);

/** `length` positions from `start` along `dim`, copied. https://pytorch.org/docs/stable/generated/torch.narrow_copy.html */
export const narrowCopy: Call<
  [input: Tensor, dim: number, start: number, length: number],
  { dim?: number; start?: number; length?: number; out?: Tensor },
  Tensor
> = define(
  'narrow_copy(input, dim, start, length, *, out=None)',
  (input: Tensor, dim: number, start: number, length: number) =>
    input.narrow(dim, start, length).clone({ memoryFormat: 'contiguous' }),
);
