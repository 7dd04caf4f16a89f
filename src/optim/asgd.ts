/** Averaged stochastic gradient descent. https://pytorch.org/docs/stable/generated/torch.optim.ASGD.html */
import { float32 } from '../base/dtype.ts';
import * as E from '../expr/expr.ts';
import { scalarTensor } from '../tensor/create.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { countStep, zerosState } from './counter.ts';
import { effective, updates } from './fused.ts';
import { check, Optimizer, type ParamGroup, type Params, type ParamState } from './optimizer.ts';

export interface ASGDOptions {
  lr?: number;
  lambd?: number;
  alpha?: number;
  /** The step from which on parameters are averaged. */
  t0?: number;
  weightDecay?: number;
  maximize?: boolean;
}

// Scalars: η, 1 − λη, μ, weight decay.
const asgd = updates((decays, maximize, averages) => ([p, average, grad], [eta, shrink, mu, decay]) => {
  const g = effective(grad, p, decays ? decay : null, maximize);
  const moved = E.sub(E.mul(p, shrink), E.mul(eta, g));
  return [moved, averages ? E.add(average, E.mul(E.sub(moved, average), mu)) : moved];
});

/** Averaged SGD: Polyak and Juditsky 1992, "Acceleration of stochastic approximation by averaging". */
export class ASGD extends Optimizer {
  constructor(params: Params, options: ASGDOptions = {}) {
    const { lr = 1e-2, lambd = 1e-4, alpha = 0.75, t0 = 1e6, weightDecay = 0, maximize = false } = options;
    check(lr >= 0, 'learning rate', lr);
    check(weightDecay >= 0, 'weight_decay value', weightDecay);
    super(params, { lr, lambd, alpha, t0, weightDecay, foreach: null, maximize });
  }

  protected override update(param: Tensor, grad: Tensor, group: ParamGroup, state: ParamState): void {
    const { lr, lambd, alpha, t0, weightDecay, maximize } = group as unknown as Required<ASGDOptions>;
    const t = countStep(state);
    if (!state.has('eta')) {
      state.set('eta', scalarTensor(lr, { dtype: float32 }));
      state.set('mu', scalarTensor(1, { dtype: float32 }));
    }
    const [eta, mu] = [state.get('eta') as Tensor, state.get('mu') as Tensor];
    const [rate, weight] = [eta.item(), mu.item()];
    asgd(weightDecay !== 0, maximize, weight !== 1).run(
      [param, zerosState(state, 'ax', param), grad],
      [rate, 1 - lambd * rate, weight, weightDecay],
    );
    eta.fill_(lr / (1 + lambd * lr * t) ** alpha);
    mu.fill_(1 / Math.max(1, t - t0));
  }
}
