/** Covariance and correlation of variables (rows) over observations (columns). */
import { RuntimeError } from '../../base/errors.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define } from '../define.ts';

function checkRank(input: Tensor, name: string): void {
  const rank = input.sizes.length;
  if (rank <= 2) return;
  throw new RuntimeError(
    `${name}(): expected input to have two or fewer dimensions but got an input with ${rank} dimensions`,
  );
}

function checkWeights(weights: Tensor, name: 'fweights' | 'aweights', observations: number): void {
  const { dtype, sizes } = weights;
  if (sizes.length > 1) {
    throw new RuntimeError(
      `cov(): expected ${name} to have one or fewer dimensions but got ${name} with ${sizes.length} dimensions`,
    );
  }
  const whole = name === 'fweights';
  const fits = whole ? !dtype.isFloatingPoint && dtype.name !== 'bool' : dtype.isFloatingPoint;
  if (!fits) {
    throw new RuntimeError(
      `cov(): expected ${name} to have ${whole ? 'integral' : 'floating point'} dtype but got ${name} with ${dtype.scalarName} dtype`,
    );
  }
  if (weights.numel() !== observations) {
    throw new RuntimeError(
      `cov(): expected ${name} to have the same numel as there are observations in the input but got ${weights.numel()} != ${observations}`,
    );
  }
  if (observations > 0 && Number(weights.min().item()) < 0) {
    throw new RuntimeError(`cov(): ${name} cannot be negative`);
  }
}

interface CovOptions {
  correction?: number;
  fweights?: Tensor | null;
  aweights?: Tensor | null;
}

/**
 * The covariance matrix of the rows of `input`: each column is an observation, counted `fweights` times and weighing `aweights`.
 * https://pytorch.org/docs/stable/generated/torch.cov.html
 */
export const cov: Call<[input: Tensor], CovOptions, Tensor> = define(
  'cov(input, *, correction=1, fweights: Tensor=None, aweights: Tensor=None)',
  (input: Tensor, correction = 1, fweights: Tensor | null = null, aweights: Tensor | null = null) => {
    checkRank(input, 'cov');
    if (input.dtype.name === 'bool') throw new RuntimeError('cov(): bool dtype is not supported for input');
    const data = input.sizes.length < 2 ? input.reshape([1, input.numel()]) : input;
    const observations = data.sizes[1];
    if (fweights !== null) checkWeights(fweights, 'fweights', observations);
    if (aweights !== null) checkWeights(aweights, 'aweights', observations);
    const weights = fweights === null ? aweights : aweights === null ? fweights : fweights.mul(aweights);
    const weigh = (t: Tensor): Tensor => (weights === null ? t : t.mul(weights));
    const total = weights === null ? null : weights.sum();
    const sum = total === null ? observations : total;
    if (total !== null && Number(total.item()) === 0) {
      throw new RuntimeError("cov(): weights sum to zero, can't be normalized");
    }
    const centred = data.sub(weigh(data).sum(1).div(sum).unsqueeze(1));
    const product = centred.mm(weigh(centred).t());
    return product.div(degreesOfFreedom(observations, weights, aweights, total, correction)).squeeze();
  },
);

/** What the sum of products is divided by; 0 where nothing is left. */
function degreesOfFreedom(
  observations: number,
  weights: Tensor | null,
  aweights: Tensor | null,
  total: Tensor | null,
  correction: number,
): Tensor | number {
  if (weights === null || total === null) return Math.max(observations - correction, 0);
  const factor =
    aweights !== null && correction !== 0
      ? total.sub(weights.mul(aweights).sum().mul(correction).div(total))
      : total.sub(correction);
  return Number(factor.item()) <= 0 ? factor.mul(0) : factor;
}

/** The matrix of correlation coefficients of the rows. https://pytorch.org/docs/stable/generated/torch.corrcoef.html */
export const corrcoef: Call<[input: Tensor], object, Tensor> = define('corrcoef(input)', (input: Tensor) => {
  checkRank(input, 'corrcoef');
  const c = cov(input);
  if (c.sizes.length === 0) return c.div(c);
  const deviation = c.diagonal().sqrt();
  return c
    .div(deviation.reshape([-1, 1]))
    .div(deviation.reshape([1, -1]))
    .clamp(-1, 1);
});
