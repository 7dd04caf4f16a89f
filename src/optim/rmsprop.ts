/** RMSprop. https://pytorch.org/docs/stable/generated/torch.optim.RMSprop.html */
import * as E from '../expr/expr.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { countPlainStep, zerosState } from './counter.ts';
import { effective, updates } from './fused.ts';
import { check, Optimizer, type ParamGroup, type Params, type ParamState } from './optimizer.ts';

export interface RMSpropOptions {
  lr?: number;
  /** Decay rate of the running average of the squared gradient. */
  alpha?: number;
  eps?: number;
  weightDecay?: number;
  momentum?: number;
  /** Divide by the standard deviation instead of the root of the mean square. */
  centered?: boolean;
  maximize?: boolean;
}

// Scalars: lr, α, 1 − α, ε, weight decay, momentum. Tensors: p, square average, [mean], [buffer], g.
const rmsprop = updates(
  (decays, maximize, centered, moves) =>
    (tensors, [lr, alpha, rest, eps, decay, momentum]) => {
      const [p, v] = tensors;
      const g = effective(tensors[tensors.length - 1], p, decays ? decay : null, maximize);
      const square = E.add(E.mul(v, alpha), E.mul(rest, E.mul(g, g)));
      const results = [square];
      let variance = square;
      if (centered) {
        const mean = E.add(E.mul(tensors[2], alpha), E.mul(g, rest));
        results.push(mean);
        variance = E.sub(square, E.mul(mean, mean));
      }
      const scaled = E.div(g, E.add(E.sqrt(variance), eps));
      if (!moves) return [E.sub(p, E.mul(lr, scaled)), ...results];
      const buffer = E.add(E.mul(tensors[centered ? 3 : 2], momentum), scaled);
      return [E.sub(p, E.mul(lr, buffer)), ...results, buffer];
    },
);

/** RMSprop: Hinton, lecture 6e of "Neural Networks for Machine Learning" (2012); `centered`: Graves 2013. */
export class RMSprop extends Optimizer {
  constructor(params: Params, options: RMSpropOptions = {}) {
    const {
      lr = 1e-2,
      alpha = 0.99,
      eps = 1e-8,
      weightDecay = 0,
      momentum = 0,
      centered = false,
      maximize = false,
    } = options;
    check(lr >= 0, 'learning rate', lr);
    check(eps >= 0, 'epsilon value', eps);
    check(momentum >= 0, 'momentum value', momentum);
    check(weightDecay >= 0, 'weight_decay value', weightDecay);
    check(alpha >= 0, 'alpha value', alpha);
    super(params, {
      lr,
      momentum,
      alpha,
      eps,
      centered,
      weightDecay,
      foreach: null,
      maximize,
      differentiable: false,
    });
  }

  protected override update(param: Tensor, grad: Tensor, group: ParamGroup, state: ParamState): void {
    const { lr, alpha, eps, weightDecay, momentum, centered, maximize } =
      group as unknown as Required<RMSpropOptions>;
    countPlainStep(state);
    const tensors = [param, zerosState(state, 'square_avg', param)];
    // PyTorch's order in the state is: square_avg, momentum_buffer, grad_avg.
    const buffer = momentum > 0 ? zerosState(state, 'momentum_buffer', param) : null;
    if (centered) tensors.push(zerosState(state, 'grad_avg', param));
    if (buffer !== null) tensors.push(buffer);
    rmsprop(weightDecay !== 0, maximize, centered, buffer !== null).run(
      [...tensors, grad],
      [lr, alpha, 1 - alpha, eps, weightDecay, momentum],
    );
  }
}
