/**
 * Spectral normalization: a weight divided by its largest singular value, which power iteration follows. Miyato et al. 2018.
 * https://pytorch.org/docs/stable/generated/torch.nn.utils.spectral_norm.html
 */
import { noGrad } from '../../autograd/mode.ts';
import { isOptions } from '../../base/arguments.ts';
import { ValueError } from '../../base/errors.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { normalize } from '../functional/normalization.ts';
import { ConvTranspose1d, ConvTranspose2d, ConvTranspose3d } from '../layers/conv.ts';
import type { Module } from '../module.ts';
import { computeParameter, restoreParameter, tensorOf } from './reparametrize.ts';

interface SpectralNormOptions {
  name?: string;
  nPowerIterations?: number;
  eps?: number;
  dim?: number | null;
}

interface Settings {
  readonly name: string;
  readonly iterations: number;
  readonly eps: number;
  readonly dim: number;
}

const settingsOf = new WeakMap<Module, Map<string, Settings>>();

/** The weight as a matrix with `dim` as its rows. */
function asMatrix(weight: Tensor, dim: number): Tensor {
  const order = [
    dim,
    ...weight
      .size()
      .map((_, i) => i)
      .filter((i) => i !== dim),
  ];
  const moved = dim === 0 ? weight : weight.permute(order);
  return moved.reshape(moved.size(0), -1);
}

function normalizedWeight(module: Module, s: Settings, iterate: boolean): Tensor {
  const weight = tensorOf(module, `${s.name}_orig`);
  const u = tensorOf(module, `${s.name}_u`);
  const v = tensorOf(module, `${s.name}_v`);
  const matrix = asMatrix(weight, s.dim);
  if (iterate) {
    noGrad(() => {
      for (let i = 0; i < s.iterations; i++) {
        v.copy_(normalize(matrix.t().mv(u), { dim: 0, eps: s.eps }));
        u.copy_(normalize(matrix.mv(v), { dim: 0, eps: s.eps }));
      }
    });
  }
  // Copies, because the next iteration changes the vectors that backward still needs.
  const [left, right] = iterate ? [u.clone(), v.clone()] : [u, v];
  return weight.div(left.dot(matrix.mv(right)));
}

/**
 * Replaces the parameter `name` of a module by `name_orig`, from which the normalized weight is computed before every forward; in training
 * each computation makes `nPowerIterations` steps of power iteration. Returns the module.
 */
export function spectralNorm<M extends Module>(
  module: M,
  name: string | SpectralNormOptions = 'weight',
  nPowerIterations: number | SpectralNormOptions = 1,
  eps = 1e-12,
  dim: number | null = null,
): M {
  const named: SpectralNormOptions = isOptions(name)
    ? name
    : isOptions(nPowerIterations)
      ? nPowerIterations
      : {};
  const transposed = [ConvTranspose1d, ConvTranspose2d, ConvTranspose3d].some(
    (type) => module instanceof type,
  );
  const s: Settings = {
    name: typeof name === 'string' ? name : (named.name ?? 'weight'),
    iterations:
      typeof nPowerIterations === 'number'
        ? (named.nPowerIterations ?? nPowerIterations)
        : (named.nPowerIterations ?? 1),
    eps: named.eps ?? eps,
    dim: named.dim ?? dim ?? (transposed ? 1 : 0),
  };
  if (s.iterations <= 0) {
    throw new ValueError(
      `Expected n_power_iterations to be positive, but got n_power_iterations=${s.iterations}`,
    );
  }
  computeParameter(
    'spectral_norm',
    module,
    s.name,
    (weight) => {
      noGrad(() => {
        const [rows, columns] = asMatrix(weight, s.dim).size();
        const direction = (n: number): Tensor =>
          normalize(weight.detach().newEmpty([n]).normal_(0, 1), { dim: 0, eps: s.eps });
        const u = direction(rows);
        const v = direction(columns);
        module.registerParameter(`${s.name}_orig`, weight);
        module.registerBuffer(`${s.name}_u`, u);
        module.registerBuffer(`${s.name}_v`, v);
      });
    },
    (self) => normalizedWeight(self, s, self.training),
  );
  const known = settingsOf.get(module) ?? new Map<string, Settings>();
  known.set(s.name, s);
  settingsOf.set(module, known);
  return module;
}

/** Makes the normalized weight the parameter. Returns the module. Throws a ValueError where it was not normalized. */
export function removeSpectralNorm<M extends Module>(module: M, name = 'weight'): M {
  const s = settingsOf.get(module)?.get(name);
  restoreParameter('spectral_norm', module, name, [`${name}_orig`, `${name}_u`, `${name}_v`], (self) =>
    normalizedWeight(self, s as Settings, false),
  );
  return module;
}
