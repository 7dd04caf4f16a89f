/** Resilient backpropagation. https://pytorch.org/docs/stable/generated/torch.optim.Rprop.html */
import { noGrad } from '../autograd/mode.ts';
import { ValueError } from '../base/errors.ts';
import { showFloat } from '../base/numbers.ts';
import * as E from '../expr/expr.ts';
import { fullLike } from '../tensor/create.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { countPlainStep, zerosState } from './counter.ts';
import { updates } from './fused.ts';
import { check, Optimizer, type ParamGroup, type Params, type ParamState } from './optimizer.ts';

export interface RpropOptions {
  lr?: number;
  /** Factors by which a step shrinks where the gradient changed its sign, and grows where it did not. */
  etas?: readonly [number, number];
  /** The smallest and the largest step. */
  stepSizes?: readonly [number, number];
  maximize?: boolean;
}

// Scalars: η⁻, η⁺, smallest and largest step.
const rprop = updates((maximize) => ([p, previous, size, grad], [shrink, grow, least, most]) => {
  const zero = E.constant(0, p.type);
  const g = maximize ? E.neg(grad) : grad;
  const agreement = E.mul(g, previous);
  const factor = E.select(E.gt(agreement, 0), grow, E.select(E.lt(agreement, 0), shrink, 1));
  const step = E.min(E.max(E.mul(size, factor), least), most);
  const used = E.select(E.lt(agreement, 0), zero, g);
  const direction = E.select(E.gt(used, 0), step, E.select(E.lt(used, 0), E.neg(step), zero));
  return [E.sub(p, direction), used, step];
});

/** Rprop: Riedmiller and Braun 1993. */
export class Rprop extends Optimizer {
  constructor(params: Params, options: RpropOptions = {}) {
    const { lr = 1e-2, etas = [0.5, 1.2], stepSizes = [1e-6, 50], maximize = false } = options;
    check(lr >= 0, 'learning rate', lr);
    if (!(etas[0] > 0 && etas[0] < 1 && etas[1] > 1)) {
      throw new ValueError(`Invalid eta values: ${showFloat(etas[0])}, ${showFloat(etas[1])}`);
    }
    super(params, { lr, etas, stepSizes, foreach: null, maximize });
  }

  protected override update(param: Tensor, grad: Tensor, group: ParamGroup, state: ParamState): void {
    const { lr, etas, stepSizes, maximize } = group as unknown as Required<RpropOptions>;
    countPlainStep(state);
    const previous = zerosState(state, 'prev', param);
    if (!state.has('step_size'))
      state.set(
        'step_size',
        noGrad(() => fullLike(param, lr)),
      );
    rprop(maximize).run([param, previous, state.get('step_size') as Tensor, grad], [...etas, ...stepSizes]);
  }
}
