/** The 64-bit seeds that loaders and samplers draw. */
import { int64 } from '../base/dtype.ts';
import { empty } from '../tensor/create.ts';
import type { Generator } from '../tensor/random.ts';

/** One int64 from `generator`, or from the global stream: PyTorch's `torch.empty((), dtype=torch.int64).random_()`. */
export function drawSeed(generator: Generator | null): number | bigint {
  return empty([], { dtype: int64 }).random_({ generator }).item() as number | bigint;
}
