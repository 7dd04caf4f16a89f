import { ValueError } from '../../base/errors.ts';
import { define, type FreeCall } from '../../ops/define.ts';
import { broadcastTensors } from '../../ops/movement/broadcasting.ts';
import { runtime } from '../../ops/runtime.ts';
import type { Tensor } from '../../tensor/tensor.ts';

export type Reduction = 'none' | 'mean' | 'sum';

export interface Legacy {
  sizeAverage?: boolean | null;
  reduce?: boolean | null;
  reduction?: Reduction;
}

export const LEGACY: string = 'sizeAverage=None, reduce=None';

/** PyTorch's old arguments as a reduction. */
export function reductionOf(
  sizeAverage: boolean | null,
  reduce: boolean | null,
  reduction: Reduction,
): Reduction {
  if (sizeAverage === null && reduce === null) {
    if (!['none', 'mean', 'sum'].includes(reduction))
      throw new ValueError(`${reduction} is not a valid value for reduction`);
    return reduction;
  }
  if (reduce === false) return 'none';
  return sizeAverage === false ? 'sum' : 'mean';
}

/** The reduced loss; `name` is what PyTorch's graph calls it, where it is one function there. */
export function reduced(loss: Tensor, reduction: Reduction, name: string | null = null): Tensor {
  const out = reduction === 'none' ? loss : reduction === 'mean' ? loss.mean() : loss.sum();
  return name === null ? out : runtime.showAs(name, out);
}

export type PairLoss<O = object> = FreeCall<
  [
    input: Tensor,
    target: Tensor,
    sizeAverage?: boolean | null,
    reduce?: boolean | null,
    reduction?: Reduction,
  ],
  Legacy & O & { target?: Tensor },
  Tensor
>;

/** A loss of two tensors of one shape, element by element. */
export function pairLoss(
  name: string,
  each: (x: Tensor, y: Tensor) => Tensor,
  shownAs: string | null,
): PairLoss {
  return define(
    `${name}(input, target, ${LEGACY}, reduction='mean')`,
    (
      input: Tensor,
      target: Tensor,
      sizeAverage: boolean | null = null,
      reduce: boolean | null = null,
      reduction: Reduction = 'mean',
    ) => {
      const [x, y] = broadcastTensors(input, target);
      return reduced(each(x, y), reductionOf(sizeAverage, reduce, reduction));
    },
    { functionOnly: true, ...(shownAs === null ? {} : { shownAs }) },
  );
}
