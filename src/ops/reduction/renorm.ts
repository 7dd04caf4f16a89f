/** Slices shrunk to a largest norm. https://pytorch.org/docs/stable/generated/torch.renorm.html */
import { RuntimeError } from '../../base/errors.ts';
import { wrapDim } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define } from '../define.ts';
import { where } from '../pointwise/ternary.ts';
import { vectorNorm } from './statistics.ts';

/** PyTorch's guard against division by zero. */
const EPSILON = 1e-7;

/** Every slice along `dim` whose p-norm is above `maxnorm`, scaled down to it. */
export const renorm: Call<
  [input: Tensor, p: number, dim: number, maxnorm: number],
  { p?: number; dim?: number; maxnorm?: number; out?: Tensor },
  Tensor
> = define(
  'renorm(input, p, dim, maxnorm, *, out=None)',
  (input: Tensor, p: number, dim: number, maxnorm: number) => {
    const rank = input.sizes.length;
    if (p <= 0) throw new RuntimeError('renorm: non-positive-norm not supported');
    if (maxnorm < 0) {
      throw new RuntimeError(`renorm: expected maxnorm to be >= 0 but got ${maxnorm}`);
    }
    if (rank < 2) throw new RuntimeError(`renorm: input needs at least 2 dimensions, got ${rank} dimensions`);
    const d = wrapDim(dim, rank);
    const others = input.sizes.map((_, i) => i).filter((i) => i !== d);
    const norms = vectorNorm(input, Number(p), others, true, null);
    const factor = where(norms.gt(maxnorm), norms.add(EPSILON).reciprocal().mul(maxnorm), 1);
    return input.mul(factor);
  },
  { inplace: true, shownAs: 'Renorm', out: 'exact' },
);
