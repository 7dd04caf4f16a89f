/** Results of ops that give several tensors: PyTorch's named tuples. */
import type { Tensor } from '../tensor/tensor.ts';

/** `{ Q, R }` that destructures as `[Q, R]` as well. */
export type Named<Names extends readonly string[]> = { readonly [I in keyof Names]: Tensor } & {
  readonly [N in Names[number]]: Tensor;
};

/** As PyTorch writes it: 'singular_values'. */
function pythonName(name: string): string {
  return name.replace(
    /([a-z])([A-Z])/g,
    (_, before: string, after: string) => `${before}_${after.toLowerCase()}`,
  );
}

/** Several results under names; `type` is what the tuple prints as. */
export function named<const Names extends readonly string[]>(
  type: string,
  names: Names,
  results: readonly Tensor[],
): Named<Names> {
  const tuple = [...results];
  names.forEach((name, i) => {
    Object.defineProperty(tuple, name, { value: results[i] });
  });
  Object.defineProperty(tuple, 'toString', {
    value: () =>
      `torch.return_types.${type}(\n${names.map((name, i) => `${pythonName(name)}=${String(results[i])}`).join(',\n')})`,
  });
  return tuple as unknown as Named<Names>;
}
