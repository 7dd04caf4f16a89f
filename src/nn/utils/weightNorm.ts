/** Weight normalization. Salimans and Kingma 2016. https://pytorch.org/docs/stable/generated/torch.nn.utils.weight_norm.html */
import { isOptions } from '../../base/arguments.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { Module } from '../module.ts';
import { Parameter } from '../parameter.ts';
import { computeParameter, restoreParameter, tensorOf } from './reparametrize.ts';

/** Norms over all dimensions but one (null: over all). */
function normExcept(v: Tensor, dim: number | null): Tensor {
  if (dim === null) return v.norm();
  const kept = dim < 0 ? dim + v.dim() : dim;
  return v.norm(
    2,
    v
      .size()
      .map((_, i) => i)
      .filter((i) => i !== kept),
    true,
  );
}

/** g·v/‖v‖. */
function weightOf(module: Module, name: string, dim: number | null): Tensor {
  const v = tensorOf(module, `${name}_v`);
  return v.mul(tensorOf(module, `${name}_g`).div(normExcept(v, dim)));
}

interface WeightNormOptions {
  name?: string;
  dim?: number | null;
}

const dims = new WeakMap<Module, Map<string, number | null>>();

/**
 * Replaces the parameter `name` of a module by its length `name_g` (one per index of `dim`; null: one for all) and its direction `name_v`.
 * Returns the module. Throws a RuntimeError where that was done already.
 */
export function weightNorm<M extends Module>(
  module: M,
  name: string | WeightNormOptions = 'weight',
  dim: number | null | WeightNormOptions = 0,
): M {
  const named: WeightNormOptions = isOptions(name) ? name : isOptions(dim) ? dim : {};
  const which = typeof name === 'string' ? name : (named.name ?? 'weight');
  const along =
    typeof dim === 'number' || dim === null ? (named.dim === undefined ? dim : named.dim) : (named.dim ?? 0);
  computeParameter(
    'weight_norm',
    module,
    which,
    (weight) => {
      module.registerParameter(`${which}_g`, new Parameter(normExcept(weight.detach(), along)));
      module.registerParameter(`${which}_v`, new Parameter(weight.detach()));
    },
    (self) => weightOf(self, which, along),
  );
  const known = dims.get(module) ?? new Map<string, number | null>();
  known.set(which, along);
  dims.set(module, known);
  return module;
}

/** Makes the weight one parameter again. Returns the module. Throws a ValueError where it was not normalized. */
export function removeWeightNorm<M extends Module>(module: M, name = 'weight'): M {
  const dim = dims.get(module)?.get(name) ?? null;
  restoreParameter('weight_norm', module, name, [`${name}_g`, `${name}_v`], (self) =>
    weightOf(self, name, dim),
  );
  return module;
}
