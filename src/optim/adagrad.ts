/** Adagrad and Adadelta. https://pytorch.org/docs/stable/generated/torch.optim.Adagrad.html */
import { float32 } from '../base/dtype.ts';
import { noGrad } from '../autograd/mode.ts';
import * as E from '../expr/expr.ts';
import { fullLike, scalarTensor } from '../tensor/create.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { countPlainStep, countStep, zerosState } from './counter.ts';
import { effective, updates } from './fused.ts';
import { check, Optimizer, type ParamGroup, type Params, type ParamState } from './optimizer.ts';

export interface AdagradOptions {
  lr?: number;
  lrDecay?: number;
  weightDecay?: number;
  initialAccumulatorValue?: number;
  eps?: number;
  maximize?: boolean;
}

// Scalars: step size, ε, weight decay.
const adagrad = updates((decays, maximize) => ([p, sum, grad], [lr, eps, decay]) => {
  const g = effective(grad, p, decays ? decay : null, maximize);
  const total = E.add(sum, E.mul(g, g));
  return [E.sub(p, E.mul(lr, E.div(g, E.add(E.sqrt(total), eps)))), total];
});

/** Adagrad: Duchi, Hazan and Singer 2011, "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization". */
export class Adagrad extends Optimizer {
  constructor(params: Params, options: AdagradOptions = {}) {
    const {
      lr = 1e-2,
      lrDecay = 0,
      weightDecay = 0,
      initialAccumulatorValue = 0,
      eps = 1e-10,
      maximize = false,
    } = options;
    check(lr >= 0, 'learning rate', lr);
    check(lrDecay >= 0, 'lr_decay value', lrDecay);
    check(weightDecay >= 0, 'weight_decay value', weightDecay);
    check(initialAccumulatorValue >= 0, 'initial_accumulator_value value', initialAccumulatorValue);
    check(eps >= 0, 'epsilon value', eps);
    super(params, { lr, lrDecay, eps, weightDecay, initialAccumulatorValue, foreach: null, maximize });
  }

  /** The state of Adagrad exists from the start. */
  override addParamGroup(group: { params: Tensor | Iterable<Tensor>; [option: string]: unknown }): void {
    super.addParamGroup(group);
    const made = this.paramGroups[this.paramGroups.length - 1];
    for (const param of made.params) this.stateOf(param);
  }

  protected override stateOf(param: Tensor): ParamState {
    const state = super.stateOf(param);
    if (!state.has('sum')) {
      const group = this.paramGroups.find((g) =>
        g.params.includes(param),
      ) as unknown as Required<AdagradOptions>;
      state.set('step', scalarTensor(0, { dtype: float32 }));
      state.set(
        'sum',
        noGrad(() => fullLike(param, group.initialAccumulatorValue)),
      );
    }
    return state;
  }

  protected override update(param: Tensor, grad: Tensor, group: ParamGroup, state: ParamState): void {
    const { lr, lrDecay, eps, weightDecay, maximize } = group as unknown as Required<AdagradOptions>;
    const t = countStep(state);
    adagrad(weightDecay !== 0, maximize).run(
      [param, state.get('sum') as Tensor, grad],
      [lr / (1 + (t - 1) * lrDecay), eps, weightDecay],
    );
  }
}

export interface AdadeltaOptions {
  lr?: number;
  rho?: number;
  eps?: number;
  weightDecay?: number;
  maximize?: boolean;
}

// Scalars: lr, ρ, 1 − ρ, ε, weight decay.
const adadelta = updates((decays, maximize) => ([p, v, u, grad], [lr, rho, rest, eps, decay]) => {
  const g = effective(grad, p, decays ? decay : null, maximize);
  const square = E.add(E.mul(v, rho), E.mul(rest, E.mul(g, g)));
  const delta = E.mul(E.div(E.sqrt(E.add(u, eps)), E.sqrt(E.add(square, eps))), g);
  const deltas = E.add(E.mul(u, rho), E.mul(rest, E.mul(delta, delta)));
  return [E.sub(p, E.mul(lr, delta)), square, deltas];
});

/** Adadelta: Zeiler 2012. https://pytorch.org/docs/stable/generated/torch.optim.Adadelta.html */
export class Adadelta extends Optimizer {
  constructor(params: Params, options: AdadeltaOptions = {}) {
    const { lr = 1, rho = 0.9, eps = 1e-6, weightDecay = 0, maximize = false } = options;
    check(lr >= 0, 'learning rate', lr);
    check(rho >= 0 && rho <= 1, 'rho value', rho);
    check(eps >= 0, 'epsilon value', eps);
    check(weightDecay >= 0, 'weight_decay value', weightDecay);
    super(params, { lr, rho, eps, weightDecay, maximize, foreach: null });
  }

  protected override update(param: Tensor, grad: Tensor, group: ParamGroup, state: ParamState): void {
    const { lr, rho, eps, weightDecay, maximize } = group as unknown as Required<AdadeltaOptions>;
    countPlainStep(state);
    adadelta(weightDecay !== 0, maximize).run(
      [param, zerosState(state, 'square_avg', param), zerosState(state, 'acc_delta', param), grad],
      [lr, rho, 1 - rho, eps, weightDecay],
    );
  }
}
