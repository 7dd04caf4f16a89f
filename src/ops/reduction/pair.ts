/** Results of ops that give values and positions: PyTorch's named tuples. */
import type { Tensor } from '../../tensor/tensor.ts';

/** `{ values, indices }` that destructures as `[values, indices]` as well. */
export type ValuesIndices = readonly [values: Tensor, indices: Tensor] & {
  readonly values: Tensor;
  readonly indices: Tensor;
};

/** A result with both names; `name` is what it prints as. */
export function pair(name: string, values: Tensor, indices: Tensor): ValuesIndices {
  const both = [values, indices] as [Tensor, Tensor];
  Object.defineProperties(both, {
    values: { value: values },
    indices: { value: indices },
    toString: {
      value: () => `torch.return_types.${name}(\nvalues=${String(values)},\nindices=${String(indices)})`,
    },
  });
  return both as unknown as ValuesIndices;
}
