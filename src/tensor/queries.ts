/** Functions of `torch` that ask about tensors and numbers. */
import type { DType } from '../base/dtype.ts';
import { resultDtype } from './promotion.ts';
import type { PyFloat } from './pyfloat.ts';
import { Tensor } from './tensor.ts';

/** Is `x` a tensor? https://pytorch.org/docs/stable/generated/torch.is_tensor.html */
export function isTensor(x: unknown): x is Tensor {
  return x instanceof Tensor;
}

/** The number of elements. https://pytorch.org/docs/stable/generated/torch.numel.html */
export function numel(input: Tensor): number {
  return input.numel();
}

/**
 * The dtype of an operation between these. https://pytorch.org/docs/stable/generated/torch.result_type.html
 *
 * @example
 * ```ts
 * console.log(torch.resultType(torch.arange(3), 1.5)); // => torch.float32
 * ```
 */
export function resultType(
  tensor1: Tensor | number | bigint | boolean | PyFloat,
  tensor2: Tensor | number | bigint | boolean | PyFloat,
): DType {
  return resultDtype([tensor1, tensor2]);
}
