/** The type test for tensors, for layers that must not import the class. */
import type { Tensor } from '../tensor/tensor.ts';
import { runtime } from './runtime.ts';

export function isTensor(x: unknown): x is Tensor {
  return runtime.isTensor(x);
}
