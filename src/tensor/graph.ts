/** Tensor's entry points to autograd: `backward`, `detach_`, and printing's view of a tensor. */
import { backward as backwardFrom, type BackwardOptions } from '../autograd/api.ts';
import { RuntimeError } from '../base/errors.ts';
import { type Call, define } from '../ops/define.ts';
import { elementAt } from './access.ts';
import { formatTensor } from './printing.ts';
import { services, type Tensor } from './tensor.ts';

/**
 * Adds the gradient of this tensor (a scalar, or with a given `gradient`) to the `.grad` of the leaves it was computed from.
 * https://pytorch.org/docs/stable/generated/torch.Tensor.backward.html
 *
 * @example
 * ```ts
 * const x = torch.ones(2, 2, { requiresGrad: true });
 * const z = x.add(2);
 * z.mul(z).mul(3).mean().backward();
 * console.log(x.grad); // => tensor([[4.5000, 4.5000], [4.5000, 4.5000]])
 * ```
 */
export const backward: Call<
  [input: Tensor, gradient?: Tensor | null, retainGraph?: boolean | null, createGraph?: boolean],
  BackwardOptions,
  void
> = define(
  'backward(input, gradient=None, retainGraph=None, createGraph=False, inputs=None)',
  (
    input: Tensor,
    gradient: Tensor | null = null,
    retainGraph: boolean | null = null,
    createGraph = false,
    inputs: Tensor | readonly Tensor[] | null = null,
  ) => backwardFrom(input, gradient === null ? null : [gradient], { retainGraph, createGraph, inputs }),
  { methodOnly: true },
);

/** Takes this tensor out of the graph: it becomes a leaf. https://pytorch.org/docs/stable/generated/torch.Tensor.detach_.html */
export const detach_: Call<[input: Tensor], object, Tensor> = define(
  'detach_(input)',
  (input: Tensor) => {
    if (input.base !== null) {
      throw new RuntimeError(
        "Can't detach views in-place. Use detach() instead. If you are using DistributedDataParallel (DDP) for training, and gradient_as_bucket_view is set as True, gradients are views of DDP buckets, and hence detach_() cannot be called on these gradients. To fix this error, please refer to the Optimizer.zero_grad() function in torch/optim/optimizer.py as a solution.",
      );
    }
    input.setHistory(null, 0);
    input.requiresGrad_(false);
    return input;
  },
  { methodOnly: true },
);

services.format = (tensor: Tensor): string =>
  formatTensor({
    sizes: tensor.sizes,
    dtype: tensor.dtype,
    requiresGrad: tensor.requiresGrad,
    gradFnName: tensor.gradFn?.name ?? null,
    at: (indices) => elementAt(tensor, indices),
  });
