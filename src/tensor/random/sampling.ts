/** Random tensors whose distributions a tensor says. https://pytorch.org/docs/stable/torch.html#random-sampling */
import { float64, int64 } from '../../base/dtype.ts';
import { RuntimeError } from '../../base/errors.ts';
import { lgamma } from '../../expr/special.ts';
import { type Call, define, type FreeCall } from '../../ops/define.ts';
import { runtime } from '../../ops/runtime.ts';
import { firstOf } from '../../ops/sorting/order.ts';
import { empty } from '../allocate.ts';
import { zerosLike } from '../create.ts';
import { memory, toArray } from '../memory.ts';
import type { Tensor } from '../tensor.ts';
import { uniform64 } from './draws.ts';
import { generatorOf, requireFloat, store } from './fill.ts';
import type { Generator } from './generator.ts';
import { bernoulli_, exponential_, type WithGenerator } from './methods.ts';
import { roundTo } from './rounding.ts';

/**
 * 1 with the probability that the element of `input` is (or `p`, for all), else 0; in the dtype of `input`.
 * https://pytorch.org/docs/stable/generated/torch.bernoulli.html
 */
export const bernoulli: Call<
  [input: Tensor, p?: number],
  WithGenerator & { p?: number; out?: Tensor },
  Tensor
> = define(
  'bernoulli(input, p=None, *, generator=None, out=None)',
  (input: Tensor, p: number | null = null, generator: Generator | null = null) => {
    const out = runtime.noGrad(() => {
      const result = runtime.empty(input.sizes, input.dtype, input);
      return p === null
        ? bernoulli_(result, input.detach(), { generator })
        : bernoulli_(result, p, { generator });
    });
    return runtime.record(out, {
      name: 'Bernoulli',
      inputs: [input],
      saved: [],
      backward: ([grad]) => [grad === null || grad === undefined ? null : grad.mul(0)],
    });
  },
);

/**
 * A number of the Poisson distribution: below 10 by multiplying uniform numbers (Knuth, The Art of Computer Programming, 3.4.1), from there
 * on by transformed rejection (W. Hörmann 1993, "The transformed rejection method for generating Poisson random variables", algorithm PTRS).
 */
function drawPoisson(rate: number, g: Generator): number {
  if (!(rate >= 0)) throw new RuntimeError('invalid Poisson rate, expected rate to be non-negative');
  if (rate === 0) return 0;
  if (rate < 10) {
    const limit = Math.exp(-rate);
    let count = 0;
    for (let product = uniform64(g); product > limit; product *= uniform64(g)) count++;
    return count;
  }
  const b = 0.931 + 2.53 * Math.sqrt(rate);
  const a = -0.059 + 0.02483 * b;
  const inverseAlpha = 1.1239 + 1.1328 / (b - 3.4);
  const quick = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const u = uniform64(g) - 0.5;
    const v = uniform64(g);
    const us = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / us + b) * u + rate + 0.43);
    if (us >= 0.07 && v <= quick) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    const accepted = Math.log(v) + Math.log(inverseAlpha) - Math.log(a / (us * us) + b);
    if (accepted <= -rate + k * Math.log(rate) - lgamma(k + 1)) return k;
  }
}

/**
 * Numbers of the Poisson distributions whose rates are the elements of `input`, in its dtype. Throws a RuntimeError for a negative rate.
 * https://pytorch.org/docs/stable/generated/torch.poisson.html
 */
export const poisson: FreeCall<[input: Tensor], WithGenerator, Tensor> = define(
  'poisson(input, generator=None)',
  (input: Tensor, generator: Generator | null = null) => {
    const g = generatorOf(generator);
    requireFloat(input.dtype, 'poisson_cpu');
    const out = empty(input.sizes, input.dtype, input.storage.device);
    const rates = toArray(input.detach().to(float64)) as Float64Array;
    let at = 0;
    store(memory(out), input.dtype, (chunk) => {
      for (let i = 0; i < chunk.length; i++) chunk[i] = drawPoisson(rates[at++], g);
    });
    return runtime.record(out, {
      name: 'Poisson',
      inputs: [input],
      saved: [],
      backward: ([grad]) => [grad === null || grad === undefined ? null : zerosLike(grad)],
    });
  },
  { functionOnly: true },
);

/** Throws PyTorch's errors for weights that are no distribution: its two algorithms call them differently. */
function checkWeights(rows: Float64Array, categories: number, replacement: boolean): void {
  for (let start = 0; start < rows.length; start += categories) {
    let sum = 0;
    for (let i = start; i < start + categories; i++) {
      if (!(rows[i] >= 0 && rows[i] < Number.POSITIVE_INFINITY)) {
        const entry = rows[i] >= 0 ? '= infinity or NaN' : '< 0';
        throw new RuntimeError(
          replacement
            ? `invalid multinomial distribution (encountering probability entry ${entry})`
            : 'probability tensor contains either `inf`, `nan` or element < 0',
        );
      }
      sum += rows[i];
    }
    if (sum === 0) throw new RuntimeError('invalid multinomial distribution (sum of probabilities <= 0)');
  }
}

/** Positions of the largest quotients of weight and exponential draw: sampling without replacement. */
function withoutReplacement(input: Tensor, count: number, g: Generator): Tensor {
  const q = exponential_(runtime.empty(input.sizes, input.dtype, input), 1, { generator: g });
  const quotients = input.detach().div(q);
  if (count === 1) return quotients.argmax(-1, true);
  const categories = input.sizes[input.sizes.length - 1];
  const values = toArray(quotients.to(float64).contiguous()) as Float64Array;
  const out = new BigInt64Array((values.length / categories) * count);
  for (let row = 0, at = 0; row < values.length; row += categories) {
    const order = firstOf(values.subarray(row, row + categories), count, true);
    for (let i = 0; i < count; i++) out[at++] = BigInt(order[i]);
  }
  return runtime.fromArray(out, [...input.sizes.slice(0, -1), count], int64, input);
}

/** Positions in the cumulated weights, by bisection. */
function withReplacement(input: Tensor, count: number, g: Generator): Tensor {
  const categories = input.sizes[input.sizes.length - 1];
  const round = roundTo(input.dtype);
  const weights = toArray(input.detach().to(float64).contiguous()) as Float64Array;
  const out = new BigInt64Array((weights.length / categories) * count);
  const cumulated = new Float64Array(categories);
  for (let row = 0, at = 0; row < weights.length; row += categories) {
    let sum = 0;
    for (let i = 0; i < categories; i++) {
      sum = round(sum + weights[row + i]);
      cumulated[i] = sum;
    }
    for (let i = 0; i < categories; i++) cumulated[i] = round(cumulated[i] / sum);
    cumulated[categories - 1] = 1;
    for (let k = 0; k < count; k++) {
      const u = uniform64(g);
      let left = 0;
      let right = categories;
      while (right - left > 0) {
        const middle = left + Math.floor((right - left) / 2);
        if (cumulated[middle] < u) left = middle + 1;
        else right = middle;
      }
      out[at++] = BigInt(left);
    }
  }
  return runtime.fromArray(out, [...input.sizes.slice(0, -1), count], int64, input);
}

/**
 * `numSamples` positions drawn with the probabilities that the rows of `input` (weights, not necessarily summing to 1) say.
 * `input` is [categories] or [rows, categories]; the result int64 [numSamples] or [rows, numSamples].
 * https://pytorch.org/docs/stable/generated/torch.multinomial.html
 */
export const multinomial: Call<
  [input: Tensor, numSamples: number, replacement?: boolean],
  WithGenerator & { numSamples?: number; replacement?: boolean; out?: Tensor },
  Tensor
> = define(
  'multinomial(input, numSamples, replacement=False, *, generator=None, out=None)',
  (input: Tensor, numSamples: number, replacement = false, generator: Generator | null = null) => {
    const g = generatorOf(generator);
    const rank = input.sizes.length;
    if (rank === 0 || rank > 2) throw new RuntimeError('prob_dist must be 1 or 2 dim');
    if (!input.dtype.isFloatingPoint) {
      throw new RuntimeError(
        `multinomial only supports floating-point dtypes for input, got: ${input.dtype.scalarName}`,
      );
    }
    if (!(numSamples > 0)) throw new RuntimeError('cannot sample n_sample <= 0 samples');
    const categories = input.sizes[rank - 1];
    if (!replacement && numSamples > categories) {
      throw new RuntimeError('cannot sample n_sample > prob_dist.size(-1) samples without replacement');
    }
    const shape = [...input.sizes.slice(0, -1), numSamples];
    if (categories === 0) {
      throw new RuntimeError('invalid multinomial distribution (sum of probabilities <= 0)');
    }
    if (input.numel() === 0) return empty(shape, int64, input.storage.device);
    checkWeights(toArray(input.detach().to(float64).contiguous()) as Float64Array, categories, replacement);
    return runtime.noGrad(() =>
      replacement ? withReplacement(input, numSamples, g) : withoutReplacement(input, numSamples, g),
    );
  },
  {
    checkOut: (out) => {
      if (out.dtype !== int64) {
        throw new RuntimeError(`multinomial expects Long tensor out, got: ${out.dtype.scalarName}`);
      }
    },
  },
);
