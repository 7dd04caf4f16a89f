/** The nuclear norm: the sum of singular values. */
import { RuntimeError } from '../../base/errors.ts';
import { wrapDim } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { Dims } from '../define.ts';
import { singularValuesOf } from './svd.ts';

/** Of the matrices that lie in two dimensions. */
export function nuclearNorm(x: Tensor, rows: number, columns: number, keepdim: boolean): Tensor {
  const sums = singularValuesOf(x.movedim([rows, columns], [-2, -1])).sum(-1, keepdim);
  return keepdim ? sums.unsqueeze(-1).movedim([-2, -1], [rows, columns]) : sums;
}

/** As `torch.norm(x, 'nuc', dim)` has it. */
export function nuclearNormOver(x: Tensor, dim: Dims, keepdim: boolean): Tensor {
  if (dim === null) {
    if (x.sizes.length !== 2) {
      const rank = x.sizes.length;
      throw new RuntimeError(
        `Expected a tensor with 2 dimensions, but got a tensor with ${rank} dimension${rank === 1 ? '' : 's'} instead.`,
      );
    }
    return nuclearNorm(x, 0, 1, keepdim);
  }
  const dims = typeof dim === 'number' ? [dim] : dim;
  if (dims.length !== 2) throw new RuntimeError("nuclear norm requires a 'dim' argument of size 2");
  return nuclearNorm(x, wrapDim(dims[0], x.sizes.length), wrapDim(dims[1], x.sizes.length), keepdim);
}
