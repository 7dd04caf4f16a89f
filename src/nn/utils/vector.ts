/** Parameters as one vector, and back. https://pytorch.org/docs/stable/generated/torch.nn.utils.parameters_to_vector.html */
import { ValueError } from '../../base/errors.ts';
import { cat } from '../../ops/index.ts';
import type { Tensor } from '../../tensor/tensor.ts';

/** All parameters one after another; differentiable. */
export function parametersToVector(parameters: Iterable<Tensor>): Tensor {
  return cat([...parameters].map((p) => p.reshape(-1)));
}

/** Points each parameter at its part of `vec`. Throws a ValueError when the vector is too short. */
export function vectorToParameters(vec: Tensor, parameters: Iterable<Tensor>): void {
  let at = 0;
  for (const p of parameters) {
    const count = p.numel();
    if (at + count > vec.numel()) {
      throw new ValueError(
        `vector_to_parameters: the vector has ${vec.numel()} elements, fewer than the parameters have`,
      );
    }
    p.data = vec.narrow(0, at, count).viewAs(p).data;
    at += count;
  }
}
