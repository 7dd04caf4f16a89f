/**
 * Movement ops: other views of the same memory. Each is an arithmetic on sizes, strides and offset; its gradient is
 * the inverse movement, or a sum into zeros where the view leaves elements out or repeats them.
 */
import { overlapsItself } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { runtime } from '../runtime.ts';

export interface Geometry {
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
}

/** A view of `input` with this geometry and gradient. */
export function makeView(
  name: string,
  input: Tensor,
  { sizes, strides, offset }: Geometry,
  backward: (grad: Tensor) => Tensor,
  /** The same view of another tensor with the input's sizes. */
  sameView?: (whole: Tensor) => Tensor,
): Tensor {
  return runtime.recordView(runtime.alias(input, sizes, strides, offset), {
    name,
    inputs: [input],
    saved: [],
    backward: ([grad]) => [grad === null || grad === undefined ? null : backward(grad)],
    ...(sameView === undefined ? {} : { sameView }),
  });
}

/** Several views of `input` at once (split, unbind): one node with several outputs. */
export function makeViews(
  name: string,
  input: Tensor,
  geometries: readonly Geometry[],
  backward: (grads: readonly (Tensor | null)[]) => Tensor,
): Tensor[] {
  const views = geometries.map((g) => runtime.alias(input, g.sizes, g.strides, g.offset));
  return [
    ...runtime.recordView(views, {
      name,
      inputs: [input],
      saved: [],
      multipleViews: true,
      backward: (grads) => [backward(geometries.map((_, i) => grads[i] ?? null))],
    }),
  ];
}

/**
 * The gradient of a view that leaves out or repeats elements: zeros of the input's sizes, plus `grad` where `view` looks.
 * `view` must be a differentiable view function: it is the gradient of this function in turn.
 */
export function scatterView(grad: Tensor, sizes: readonly number[], view: (whole: Tensor) => Tensor): Tensor {
  const whole = runtime.full(sizes, 0, grad.dtype, grad);
  runtime.noGrad(() => {
    const part = view(whole);
    runtime.copyInto(part, grad, overlapsItself(part.sizes, part.strides));
  });
  return runtime.record(whole, {
    name: 'ScatterView',
    inputs: [grad],
    saved: [],
    backward: ([gg]) => [gg === null || gg === undefined ? null : view(gg)],
  });
}
