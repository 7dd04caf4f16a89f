/** Parameters: tensors that a module trains. https://pytorch.org/docs/stable/generated/torch.nn.parameter.Parameter.html */
import { printsAs } from '../base/inspect.ts';
import { Tensor } from '../tensor/tensor.ts';

/**
 * A leaf tensor that `Module.parameters()` finds. It shares the memory of `data`.
 *
 * @example
 * ```ts
 * const w = new nn.Parameter(torch.ones(2));
 * console.log(String(w)); // => Parameter containing: tensor([1., 1.], requires_grad=True)
 * ```
 */
export class Parameter extends Tensor {
  constructor(data: Tensor, requiresGrad: boolean | { requiresGrad?: boolean } = true) {
    super(data.storage, data.dtype, data.sizes, data.strides, data.offset);
    if (typeof requiresGrad === 'boolean' ? requiresGrad : (requiresGrad.requiresGrad ?? true))
      this.requiresGrad_();
  }

  override toString(): string {
    return `Parameter containing:\n${super.toString()}`;
  }
}

printsAs(Parameter);
