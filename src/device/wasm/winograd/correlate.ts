/**
 * Correlations of images by Winograd's minimal filtering: which of them it suits.
 *
 * With 3×3 taps the results are made from 16 products of matrices, with 3×3 results (the gradient of a kernel) the taps are: see transforms.ts.
 */
import type { View } from '../../../kernel/view.ts';
import { forward } from './forward.ts';
import type { Runner } from './runner.ts';
import { taps } from './taps.ts';

/** The taps that the filtering is made for, in each dimension. */
const TAPS = 3;
/** Reading before and after an image must stay in the heap. */
const MOST_PADDING = 2;

/** Runs it where that pays: else nothing happens, and the answer is false. */
export function correlate(
  runner: Runner,
  out: View,
  image: View,
  kernel: View,
  padding: readonly [number, number],
  beta: 0 | 1,
): boolean {
  if (out.dtype.name !== 'float32' || image.strides[3] !== 1) return false;
  if (out.sizes.includes(0) || image.sizes.includes(0)) return false;
  for (let d = 0; d < 2; d++) {
    const [size, taps, results] = [image.sizes[2 + d], kernel.sizes[2 + d], out.sizes[2 + d]];
    if (padding[d] < 0 || padding[d] > MOST_PADDING || taps + results > size + 2 * padding[d] + 1)
      return false;
  }
  if (kernel.sizes[2] === TAPS && kernel.sizes[3] === TAPS) {
    // Nobody asks for images that are added to others.
    return beta === 0 && forward(runner, out, image, kernel, padding);
  }
  if (out.sizes[2] === TAPS && out.sizes[3] === TAPS) return taps(runner, out, image, kernel, padding, beta);
  return false;
}
