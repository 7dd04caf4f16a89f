/** Relatives of Adam: Adamax, NAdam, RAdam. */
import { float32 } from '../base/dtype.ts';
import * as E from '../expr/expr.ts';
import { scalarTensor } from '../tensor/create.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { countStep, zerosState } from './counter.ts';
import { effective, updates } from './fused.ts';
import { check, checkBetas, Optimizer, type ParamGroup, type Params, type ParamState } from './optimizer.ts';

export interface AdamaxOptions {
  lr?: number;
  betas?: readonly [number, number];
  eps?: number;
  weightDecay?: number;
  maximize?: boolean;
}

function checkCommon(lr: number, eps: number, betas: readonly [number, number], weightDecay: number): void {
  check(lr >= 0, 'learning rate', lr);
  check(eps >= 0, 'epsilon value', eps);
  checkBetas(betas);
  check(weightDecay >= 0, 'weight_decay value', weightDecay);
}

// Scalars: step size, β₁, 1 − β₁, β₂, ε, weight decay.
const adamax = updates((decays, maximize) => ([p, m, u, grad], [step, beta1, rest1, beta2, eps, decay]) => {
  const g = effective(grad, p, decays ? decay : null, maximize);
  const mean = E.add(E.mul(m, beta1), E.mul(g, rest1));
  const norm = E.max(E.mul(u, beta2), E.add(E.abs(g), eps));
  return [E.sub(p, E.mul(step, E.div(mean, norm))), mean, norm];
});

/** Adamax, Adam with the infinity norm: Kingma and Ba 2014. https://pytorch.org/docs/stable/generated/torch.optim.Adamax.html */
export class Adamax extends Optimizer {
  constructor(params: Params, options: AdamaxOptions = {}) {
    const { lr = 2e-3, betas = [0.9, 0.999], eps = 1e-8, weightDecay = 0, maximize = false } = options;
    checkCommon(lr, eps, betas, weightDecay);
    super(params, { lr, betas, eps, weightDecay, foreach: null, maximize });
  }

  protected override update(param: Tensor, grad: Tensor, group: ParamGroup, state: ParamState): void {
    const { lr, betas, eps, weightDecay, maximize } = group as unknown as Required<AdamaxOptions>;
    const t = countStep(state);
    const [beta1, beta2] = betas;
    adamax(weightDecay !== 0, maximize).run(
      [param, zerosState(state, 'exp_avg', param), zerosState(state, 'exp_inf', param), grad],
      [lr / (1 - beta1 ** t), beta1, 1 - beta1, beta2, eps, weightDecay],
    );
  }
}

export interface NAdamOptions {
  lr?: number;
  betas?: readonly [number, number];
  eps?: number;
  weightDecay?: number;
  momentumDecay?: number;
}

// Scalars: factor of the gradient, factor of the mean, β₁, 1 − β₁, β₂, 1 − β₂, 1 − β₂ᵗ, ε, weight decay.
const nadam = updates(
  (decays) =>
    ([p, m, v, grad], [ofGrad, ofMean, beta1, rest1, beta2, rest2, bias2, eps, decay]) => {
      const g = effective(grad, p, decays ? decay : null, false);
      const mean = E.add(E.mul(m, beta1), E.mul(g, rest1));
      const square = E.add(E.mul(v, beta2), E.mul(rest2, E.mul(g, g)));
      const denominator = E.add(E.sqrt(E.div(square, bias2)), eps);
      const first = E.sub(p, E.mul(ofGrad, E.div(g, denominator)));
      return [E.sub(first, E.mul(ofMean, E.div(mean, denominator))), mean, square];
    },
);

/** Adam with Nesterov momentum: Dozat 2016. https://pytorch.org/docs/stable/generated/torch.optim.NAdam.html */
export class NAdam extends Optimizer {
  constructor(params: Params, options: NAdamOptions = {}) {
    const { lr = 2e-3, betas = [0.9, 0.999], eps = 1e-8, weightDecay = 0, momentumDecay = 4e-3 } = options;
    checkCommon(lr, eps, betas, weightDecay);
    check(momentumDecay >= 0, 'momentum_decay value', momentumDecay);
    super(params, { lr, betas, eps, weightDecay, momentumDecay, foreach: null });
  }

  protected override update(param: Tensor, grad: Tensor, group: ParamGroup, state: ParamState): void {
    const { lr, betas, eps, weightDecay, momentumDecay } = group as unknown as Required<NAdamOptions>;
    const t = countStep(state);
    const [beta1, beta2] = betas;
    if (!state.has('mu_product')) state.set('mu_product', scalarTensor(1, { dtype: float32 }));
    const product = state.get('mu_product') as Tensor;
    const mu = beta1 * (1 - 0.5 * 0.96 ** (t * momentumDecay));
    const next = beta1 * (1 - 0.5 * 0.96 ** ((t + 1) * momentumDecay));
    product.mul_(mu);
    const product1 = product.item();
    nadam(weightDecay !== 0).run(
      [param, zerosState(state, 'exp_avg', param), zerosState(state, 'exp_avg_sq', param), grad],
      [
        (lr * (1 - mu)) / (1 - product1),
        // μ counts once more here, as in PyTorch 1.13.
        (lr * next) / (1 - product1 * mu * next),
        beta1,
        1 - beta1,
        beta2,
        1 - beta2,
        1 - beta2 ** t,
        eps,
        weightDecay,
      ],
    );
  }
}

export interface RAdamOptions {
  lr?: number;
  betas?: readonly [number, number];
  eps?: number;
  weightDecay?: number;
}

// Scalars: step size, β₁, 1 − β₁, β₂, 1 − β₂, ε, weight decay.
const radam = updates(
  (decays, adaptive) =>
    ([p, m, v, grad], [step, beta1, rest1, beta2, rest2, eps, decay]) => {
      const g = effective(grad, p, decays ? decay : null, false);
      const mean = E.add(E.mul(m, beta1), E.mul(g, rest1));
      const square = E.add(E.mul(v, beta2), E.mul(rest2, E.mul(g, g)));
      const direction = adaptive ? E.div(mean, E.add(E.sqrt(square), eps)) : mean;
      return [E.sub(p, E.mul(step, direction)), mean, square];
    },
);

/** Rectified Adam: Liu et al. 2019. https://pytorch.org/docs/stable/generated/torch.optim.RAdam.html */
export class RAdam extends Optimizer {
  constructor(params: Params, options: RAdamOptions = {}) {
    const { lr = 1e-3, betas = [0.9, 0.999], eps = 1e-8, weightDecay = 0 } = options;
    checkCommon(lr, eps, betas, weightDecay);
    super(params, { lr, betas, eps, weightDecay, foreach: null });
  }

  protected override update(param: Tensor, grad: Tensor, group: ParamGroup, state: ParamState): void {
    const { lr, betas, eps, weightDecay } = group as unknown as Required<RAdamOptions>;
    const t = countStep(state);
    const [beta1, beta2] = betas;
    const bias2 = 1 - beta2 ** t;
    // The length of the approximated simple moving average.
    const longest = 2 / (1 - beta2) - 1;
    const length = longest - (2 * t * beta2 ** t) / bias2;
    const adaptive = length > 5;
    const rectified = Math.sqrt(
      ((length - 4) * (length - 2) * longest) / ((longest - 4) * (longest - 2) * length),
    );
    const step = (lr / (1 - beta1 ** t)) * (adaptive ? rectified * Math.sqrt(bias2) : 1);
    radam(weightDecay !== 0, adaptive).run(
      [param, zerosState(state, 'exp_avg', param), zerosState(state, 'exp_avg_sq', param), grad],
      [step, beta1, 1 - beta1, beta2, 1 - beta2, eps, weightDecay],
    );
  }
}
