/** The random slopes of nn.functional.rrelu, in PyTorch's order of drawing. */
import { float64 } from '../../base/dtype.ts';
import { runtime } from '../../ops/runtime.ts';
import { empty } from '../allocate.ts';
import { memory, toArray } from '../memory.ts';
import type { Tensor } from '../tensor.ts';
import { uniform64 } from './draws.ts';
import { store } from './fill.ts';
import { defaultGenerator } from './generator.ts';
import { roundTo } from './rounding.ts';

/**
 * For each element of `input`, in row-major order: where it is not positive a number of U[lower, upper), drawn in double precision; else 1. In the dtype
 * of `input`.
 */
export function randomSlopes(input: Tensor, lower: number, upper: number): Tensor {
  const out = empty(input.sizes, input.dtype, input.storage.device);
  runtime.noGrad(() => {
    const values = toArray(input.detach().to(float64)) as Float64Array;
    // The bounds are numbers of the dtype; nothing is fused here.
    const round = roundTo(input.dtype);
    const low = round(lower);
    const width = round(upper) - low;
    let at = 0;
    store(memory(out), input.dtype, (chunk) => {
      for (let i = 0; i < chunk.length; i++) {
        chunk[i] = values[at++] <= 0 ? uniform64(defaultGenerator) * width + low : 1;
      }
    });
  });
  return out;
}
