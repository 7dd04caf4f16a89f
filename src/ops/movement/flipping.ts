/** Tensors mirrored and turned. */
import { RuntimeError } from '../../base/errors.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define } from '../define.ts';
import { flip } from './broadcasting.ts';

type FlipCall = Call<[input: Tensor], object, Tensor>;

/** Left and right exchanged: dimension 1 reversed. https://pytorch.org/docs/stable/generated/torch.fliplr.html */
export const fliplr: FlipCall = define('fliplr(input)', (input: Tensor) => {
  if (input.sizes.length < 2) throw new RuntimeError('Input must be >= 2-d.');
  return flip(input, 1);
});

/** Top and bottom exchanged: dimension 0 reversed. https://pytorch.org/docs/stable/generated/torch.flipud.html */
export const flipud: FlipCall = define('flipud(input)', (input: Tensor) => {
  if (input.sizes.length < 1) throw new RuntimeError('Input must be >= 1-d.');
  return flip(input, 0);
});

/** `k` quarter turns in the plane of two dimensions, from the first towards the second. https://pytorch.org/docs/stable/generated/torch.rot90.html */
export const rot90: Call<
  [input: Tensor, k?: number, dims?: readonly number[]],
  { k?: number; dims?: readonly number[] },
  Tensor
> = define(
  'rot90(input, k=1, dims=None)',
  (input: Tensor, k = 1, given: readonly number[] | null = null) => {
    const dims = given ?? [0, 1];
    const rank = input.sizes.length;
    if (dims.length !== 2) {
      throw new RuntimeError(`expected total rotation dims == 2, but got dims = ${dims.length}`);
    }
    if (rank < 2) throw new RuntimeError(`expected total dims >= 2, but got total dims = ${rank}`);
    const [a, b] = dims;
    if (a === b || Math.abs(a - b) === rank) {
      throw new RuntimeError(`expected rotation dims to be different, but got dim0 = ${a} and dim1 = ${b}`);
    }
    dims.forEach((d, i) => {
      if (d >= rank || d < -rank) throw new RuntimeError(`Rotation dim${i} out of range, dim${i} = ${d}`);
    });
    switch (((k % 4) + 4) % 4) {
      case 1:
        return flip(input, b).transpose(a, b);
      case 2:
        return flip(input, a, b);
      case 3:
        return flip(input, a).transpose(a, b);
      default:
        return input.clone({ memoryFormat: 'contiguous' });
    }
  },
  { shownAs: 'Rot90' },
);
