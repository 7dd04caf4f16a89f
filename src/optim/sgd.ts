/** Stochastic gradient descent. https://pytorch.org/docs/stable/generated/torch.optim.SGD.html */
import { ValueError } from '../base/errors.ts';
import * as E from '../expr/expr.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { effective, updates } from './fused.ts';
import { check, Optimizer, type ParamGroup, type Params, type ParamState } from './optimizer.ts';

export interface SGDOptions {
  /** Required. */
  lr: number;
  momentum?: number;
  dampening?: number;
  weightDecay?: number;
  nesterov?: boolean;
  maximize?: boolean;
}

// Scalars: lr, weight decay, momentum, 1 − dampening.
const plain = updates((decays, maximize) => ([p, g], [lr, decay]) => [
  E.sub(p, E.mul(lr, effective(g, p, decays ? decay : null, maximize))),
]);
const withMomentum = updates(
  (decays, maximize, nesterov, first) =>
    ([p, buffer, g], [lr, decay, momentum, rest]) => {
      const d = effective(g, p, decays ? decay : null, maximize);
      const b = first ? d : E.add(E.mul(momentum, buffer), E.mul(rest, d));
      const direction = nesterov ? E.add(d, E.mul(momentum, b)) : b;
      return [E.sub(p, E.mul(lr, direction)), b];
    },
);

/**
 * Stochastic gradient descent, with momentum where that is given (Sutskever et al. 2013): b ← μ·b + (1 − τ)·g, p ← p − lr·b.
 *
 * @example
 * ```ts
 * const w = torch.ones(2, { requiresGrad: true });
 * const optimizer = new torch.optim.SGD([w], { lr: 0.5 });
 * w.sum().backward();
 * optimizer.step();
 * console.log(w.detach()); // => tensor([0.5000, 0.5000])
 * ```
 */
export class SGD extends Optimizer {
  constructor(params: Params, options: SGDOptions | number = {} as SGDOptions) {
    const given = typeof options === 'number' ? { lr: options } : options;
    const { lr, momentum = 0, dampening = 0, weightDecay = 0, nesterov = false, maximize = false } = given;
    if (lr !== undefined) check(lr >= 0, 'learning rate', lr);
    check(momentum >= 0, 'momentum value', momentum);
    check(weightDecay >= 0, 'weight_decay value', weightDecay);
    if (nesterov && (momentum <= 0 || dampening !== 0)) {
      throw new ValueError('Nesterov momentum requires a momentum and zero dampening');
    }
    super(params, {
      lr,
      momentum,
      dampening,
      weightDecay,
      nesterov,
      maximize,
      foreach: null,
      differentiable: false,
    });
  }

  protected override update(param: Tensor, grad: Tensor, group: ParamGroup, state: ParamState): void {
    const { lr, momentum, dampening, weightDecay, nesterov, maximize } =
      group as unknown as Required<SGDOptions>;
    if (momentum === 0) {
      if (!state.has('momentum_buffer')) state.set('momentum_buffer', null);
      plain(weightDecay !== 0, maximize).run([param, grad], [lr, weightDecay]);
      return;
    }
    let buffer = (state.get('momentum_buffer') ?? null) as Tensor | null;
    const first = buffer === null;
    if (buffer === null) {
      buffer = param.detach().clone();
      state.set('momentum_buffer', buffer);
    }
    withMomentum(weightDecay !== 0, maximize, nesterov, first).run(
      [param, buffer, grad],
      [lr, weightDecay, momentum, 1 - dampening],
    );
  }
}
