/** Adam and AdamW. https://pytorch.org/docs/stable/generated/torch.optim.Adam.html */
import * as E from '../expr/expr.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { countStep, zerosState } from './counter.ts';
import { effective, updates } from './fused.ts';
import { check, checkBetas, Optimizer, type ParamGroup, type Params, type ParamState } from './optimizer.ts';

export interface AdamOptions {
  lr?: number;
  /** Decay rates of the running averages of the gradient and of its square. */
  betas?: readonly [number, number];
  eps?: number;
  weightDecay?: number;
  amsgrad?: boolean;
  maximize?: boolean;
}

// Scalars: step size, β₁, 1 − β₁, β₂, 1 − β₂, √(1 − β₂ᵗ), ε, weight decay, 1 − lr·weight decay.
const adam = updates(
  (decays, maximize, amsgrad, decoupled) =>
    (tensors, [step, beta1, rest1, beta2, rest2, root, eps, decay, shrink]) => {
      const [p, m, v] = tensors;
      const g = effective(tensors[tensors.length - 1], p, decays && !decoupled ? decay : null, maximize);
      const mean = E.add(E.mul(m, beta1), E.mul(g, rest1));
      const square = E.add(E.mul(v, beta2), E.mul(E.mul(g, g), rest2));
      const largest = amsgrad ? E.max(tensors[3], square) : square;
      const denominator = E.add(E.div(E.sqrt(largest), root), eps);
      const shrunk = decoupled ? E.mul(p, shrink) : p;
      const moved = E.sub(shrunk, E.mul(step, E.div(mean, denominator)));
      return amsgrad ? [moved, mean, square, largest] : [moved, mean, square];
    },
);

abstract class AdamFamily extends Optimizer {
  /** Does weight decay shrink the weights directly (AdamW), instead of adding to the gradient? */
  protected abstract readonly decoupled: boolean;

  constructor(
    params: Params,
    options: AdamOptions,
    weightDecayDefault: number,
    extra: Readonly<Record<string, unknown>>,
  ) {
    const {
      lr = 1e-3,
      betas = [0.9, 0.999],
      eps = 1e-8,
      weightDecay = weightDecayDefault,
      amsgrad = false,
      maximize = false,
    } = options;
    check(lr >= 0, 'learning rate', lr);
    check(eps >= 0, 'epsilon value', eps);
    checkBetas(betas);
    check(weightDecay >= 0, 'weight_decay value', weightDecay);
    super(params, {
      lr,
      betas,
      eps,
      weightDecay,
      amsgrad,
      maximize,
      foreach: null,
      capturable: false,
      ...extra,
    });
  }

  protected override update(param: Tensor, grad: Tensor, group: ParamGroup, state: ParamState): void {
    const { lr, betas, eps, weightDecay, amsgrad, maximize } = group as unknown as Required<AdamOptions>;
    const t = countStep(state);
    const tensors = [param, zerosState(state, 'exp_avg', param), zerosState(state, 'exp_avg_sq', param)];
    if (amsgrad) tensors.push(zerosState(state, 'max_exp_avg_sq', param));
    const [beta1, beta2] = betas;
    const step = lr / (1 - beta1 ** t);
    adam(weightDecay !== 0, maximize, amsgrad, this.decoupled).run(
      [...tensors, grad],
      [
        step,
        beta1,
        1 - beta1,
        beta2,
        1 - beta2,
        Math.sqrt(1 - beta2 ** t),
        eps,
        weightDecay,
        1 - lr * weightDecay,
      ],
    );
  }
}

/** Adam: Kingma and Ba 2014, "Adam: A Method for Stochastic Optimization"; `amsgrad`: Reddi et al. 2018. */
export class Adam extends AdamFamily {
  protected override get decoupled(): boolean {
    return false;
  }

  constructor(params: Params, options: AdamOptions = {}) {
    super(params, options, 0, { differentiable: false, fused: false });
  }
}

/** Adam with decoupled weight decay: Loshchilov and Hutter 2017. https://pytorch.org/docs/stable/generated/torch.optim.AdamW.html */
export class AdamW extends AdamFamily {
  protected override get decoupled(): boolean {
    return true;
  }

  constructor(params: Params, options: AdamOptions = {}) {
    super(params, options, 1e-2, {});
  }
}
