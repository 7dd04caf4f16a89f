/** The random slopes of nn.functional.rrelu, in PyTorch's order of drawing. */
import { float64 } from '../../base/dtype.ts';
import { runtime } from '../../ops/runtime.ts';
import { empty } from '../allocate.ts';
import { memory } from '../memory.ts';
import type { Tensor } from '../tensor.ts';
import { fillWith } from './fill.ts';
import { uniform_ } from './methods.ts';
import { roundTo } from './rounding.ts';

/**
 * For each element of `input`, in row-major order: where it is not positive a number of U[lower, upper), drawn in double precision; else 1. In the dtype
 * of `input`.
 */
export function randomSlopes(input: Tensor, lower: number, upper: number): Tensor {
  return runtime.noGrad(() => {
    const { device } = input.storage;
    const out = empty(input.sizes, input.dtype, device);
    const wide = input.detach().to(float64).contiguous();
    const count = input.detach().le(0).sum().item() as number;
    // One more is read, to no effect, where the last elements are positive.
    const uniform = empty([count + 1], float64, device);
    uniform_(uniform.narrow(0, 0, count));
    const [values, drawn] = [wide, uniform].map((t) => memory(t) as Float64Array);
    drawn[count] = 0;
    // The bounds are numbers of the dtype; nothing is fused here.
    const round = roundTo(input.dtype);
    const low = round(lower);
    const width = round(upper) - low;
    let [start, taken] = [0, 0];
    fillWith(out, (chunk) => {
      let next = taken;
      for (let i = 0; i < chunk.length; i++) {
        // Branches on random signs would be slow.
        const negative = Number(values[start + i] <= 0);
        chunk[i] = negative * (drawn[next] * width + low) + (1 - negative);
        next += negative;
      }
      taken = next;
      start += chunk.length;
    });
    return out;
  });
}
