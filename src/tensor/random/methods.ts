/** Random numbers written in place, and drawn with the probabilities that a tensor holds. */
import { bool, type DType, float64, int64 } from '../../base/dtype.ts';
import { ArgumentTypeError, RuntimeError } from '../../base/errors.ts';
import { fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from '../../base/float16.ts';
import { showNumber } from '../../base/numbers.ts';
import { iinfo } from '../../base/typeinfo.ts';
import { type Call, define } from '../../ops/define.ts';
import type { TypedArray } from '../../ops/runtime.ts';
import { runtime } from '../../ops/runtime.ts';
import { empty } from '../allocate.ts';
import { toArray } from '../memory.ts';
import { Tensor } from '../tensor.ts';
import { bits64, fillNormal, fma32, normal64, normals16, uniform32, uniform64 } from './draws.ts';
import { generatorOf, overwrite, requireFloat, store } from './fill.ts';
import type { Generator } from './generator.ts';
import { fillIntegers, integerDraw } from './integers.ts';

interface WithGenerator {
  generator?: Generator | null;
}

/** Bits of the significand, the hidden one included: how many random bits a uniform number has. */
const significand: Readonly<Record<string, number>> = { float16: 11, bfloat16: 8, float32: 24, float64: 53 };

function roundTo(dtype: DType): (x: number) => number {
  switch (dtype.name) {
    case 'float16':
      return (x) => fromFloat16(toFloat16(x));
    case 'bfloat16':
      return (x) => fromBfloat16(toBfloat16(x));
    case 'float32':
      return Math.fround;
    default:
      return (x) => x;
  }
}

/** Draws of U[from, to) in the arithmetic of the dtype. */
function uniformDraw(dtype: DType, g: Generator, from: number, to: number): () => number {
  const round = roundTo(dtype);
  const [low, width] = [round(from), round(round(to) - round(from))];
  if (dtype === float64) return () => uniform64(g) * width + low;
  if (dtype.name === 'float32') {
    if (low === 0) return () => Math.fround(uniform32(g) * width);
    return () => fma32(uniform32(g), width, low);
  }
  const bits = significand[dtype.name];
  return () => round(round((g.engine.draw() & (2 ** bits - 1)) * 2 ** -bits * width) + low);
}

/** Fills with U[from, to). https://pytorch.org/docs/stable/generated/torch.Tensor.uniform_.html */
export const uniform_: Call<
  [input: Tensor, from?: number, to?: number],
  WithGenerator & { from?: number; to?: number },
  Tensor
> = define(
  'uniform_(input, from=0, to=1, *, generator=None)',
  (input: Tensor, from = 0, to = 1, generator: Generator | null = null) => {
    const g = generatorOf(generator);
    requireFloat(input.dtype, 'check_uniform_bounds');
    if (!(from <= to)) {
      throw new RuntimeError(
        `uniform_ expects to return a [from, to) range, but found from=${showNumber(from)} > to=${showNumber(to)}`,
      );
    }
    const draw = uniformDraw(input.dtype, g, from, to);
    return overwrite(input, 'Uniform', (data) => store(data, input.dtype, draw));
  },
  { methodOnly: true },
);

/** Fills memory with N(mean, std²). */
function writeNormal(
  data: TypedArray,
  dtype: DType,
  g: Generator,
  mean: number,
  std: number,
  whole: boolean,
): void {
  if (!whole || data.length < 16) store(data, dtype, () => normal64(g) * std + mean);
  else if (data instanceof Float32Array || data instanceof Float64Array) fillNormal(data, g, mean, std);
  else {
    const values = normals16(data.length, g, mean, std, significand[dtype.name], roundTo(dtype));
    let i = 0;
    store(data, dtype, () => values[i++]);
  }
}

/** Fills with N(mean, std²). https://pytorch.org/docs/stable/generated/torch.Tensor.normal_.html */
export const normal_: Call<
  [input: Tensor, mean?: number, std?: number],
  WithGenerator & { mean?: number; std?: number },
  Tensor
> = define(
  'normal_(input, mean=0, std=1, *, generator=None)',
  (input: Tensor, mean = 0, std = 1, generator: Generator | null = null) => {
    const g = generatorOf(generator);
    if (!(std >= 0)) throw new RuntimeError(`normal expects std >= 0.0, but found std ${showNumber(std)}`);
    requireFloat(input.dtype, 'normal_kernel_cpu');
    const whole = input.isContiguous();
    return overwrite(input, 'Normal', (data) => writeNormal(data, input.dtype, g, mean, std, whole));
  },
  { methodOnly: true },
);

/** The largest whole number up to which `random_` draws by default, plus one. */
function randomLimit(dtype: DType): bigint {
  if (dtype === bool) return 2n;
  if (dtype.isFloatingPoint) return (1n << BigInt(significand[dtype.name])) + 1n;
  return dtype === int64 ? 2n ** 63n : BigInt(iinfo(dtype).max) + 1n;
}

function whole(x: number | bigint, what: string): bigint {
  if (typeof x === 'bigint' || Number.isInteger(x)) return BigInt(x);
  throw new ArgumentTypeError(`random_(): argument '${what}' must be a whole number, not ${String(x)}`);
}

/**
 * Fills with whole numbers: `random_()`, `random_(to)`, `random_(from, to)`.
 * https://pytorch.org/docs/stable/generated/torch.Tensor.random_.html
 */
export const random_: Call<
  [input: Tensor, from?: number | bigint, to?: number | bigint],
  WithGenerator & { from?: number | bigint; to?: number | bigint },
  Tensor
> = define(
  'random_(input, from=None, to=None, *, generator=None)',
  (
    input: Tensor,
    from: number | bigint | null = null,
    to: number | bigint | null = null,
    generator: Generator | null = null,
  ) => {
    const g = generatorOf(generator);
    if (from === null && to === null) {
      const draw = integerDraw(g, 0n, randomLimit(input.dtype));
      // 64-bit types take 64 bits, whatever the range is.
      const wide = input.dtype === int64 || input.dtype === float64;
      const limit = randomLimit(input.dtype);
      return overwrite(input, 'Random', (data) =>
        store(data, input.dtype, wide ? () => bits64(g) % limit : draw),
      );
    }
    if (to === null) return fillIntegers(input, 0n, whole(from as number | bigint, 'to'), g);
    return fillIntegers(input, whole(from ?? 0, 'from'), whole(to, 'to'), g);
  },
  { methodOnly: true },
);

function checkProbability(p: number): void {
  if (!(p >= 0 && p <= 1))
    throw new RuntimeError(`bernoulli_ expects p to be in [0, 1], but got p=${showNumber(p)}`);
}

/** Draws of 0 and 1, one per element of `probabilities` in row-major order. */
function bernoulliFrom(probabilities: Tensor, g: Generator): () => number {
  requireFloat(probabilities.dtype, 'bernoulli_tensor_cpu_p_');
  const values = probabilities.to(float64).contiguous();
  const p = toArray(values) as Float64Array;
  for (const x of p) {
    if (!(x >= 0 && x <= 1)) {
      throw new RuntimeError(
        'Expected p_in >= 0 && p_in <= 1 to be true, but got false.  (Could this error message be improved?  If so, please report an enhancement request to PyTorch.)',
      );
    }
  }
  const wide = probabilities.dtype === float64;
  let i = 0;
  return () => ((wide ? uniform64(g) : uniform32(g)) < p[i++] ? 1 : 0);
}

/**
 * Fills with 1 with probability `p` (a number, or a tensor that is broadcast), else 0.
 * https://pytorch.org/docs/stable/generated/torch.Tensor.bernoulli_.html
 */
export const bernoulli_: Call<
  [input: Tensor, p?: number | Tensor],
  WithGenerator & { p?: number | Tensor },
  Tensor
> = define(
  'bernoulli_(input, p=0.5, *, generator=None)',
  (input: Tensor, p: number | Tensor = 0.5, generator: Generator | null = null) => {
    const g = generatorOf(generator);
    if (p instanceof Tensor) {
      const draw = bernoulliFrom(p.expand(input.sizes), g);
      return overwrite(input, 'Bernoulli', (data) => store(data, input.dtype, draw));
    }
    checkProbability(p);
    return overwrite(input, 'Bernoulli', (data) =>
      store(data, input.dtype, () => (uniform64(g) < p ? 1 : 0)),
    );
  },
  { methodOnly: true },
);

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

/** Fills with numbers drawn one by one in double precision. */
function fillDrawn(
  input: Tensor,
  name: string,
  generator: Generator | null,
  draw: (g: Generator) => number,
): Tensor {
  const g = generatorOf(generator);
  requireFloat(input.dtype, name);
  const camel = name.replace(/(?:^|_)([a-z])/g, (_, c: string) => c.toUpperCase());
  return overwrite(input, camel, (data) => store(data, input.dtype, () => draw(g)));
}

/** Fills from the exponential distribution with rate `lambd`. https://pytorch.org/docs/stable/generated/torch.Tensor.exponential_.html */
export const exponential_: Call<[input: Tensor, lambd?: number], WithGenerator & { lambd?: number }, Tensor> =
  define(
    'exponential_(input, lambd=1, *, generator=None)',
    (input: Tensor, lambd = 1, generator: Generator | null = null) => {
      if (!(lambd >= 0)) {
        throw new RuntimeError(`exponential_ expects lambda >= 0.0, but found lambda=${showNumber(lambd)}`);
      }
      return fillDrawn(input, 'exponential', generator, (g) => (-1 / lambd) * Math.log(1 - uniform64(g)));
    },
    { methodOnly: true },
  );

/** Fills from the geometric distribution: the number of trials until the first success. */
export const geometric_: Call<[input: Tensor, p: number], WithGenerator & { p?: number }, Tensor> = define(
  'geometric_(input, p, *, generator=None)',
  (input: Tensor, p: number, generator: Generator | null = null) => {
    if (!(p > 0 && p < 1))
      throw new RuntimeError(`geometric_ expects p to be in (0, 1), but got p=${showNumber(p)}`);
    const g = generatorOf(generator);
    return overwrite(input, 'Geometric', (data) =>
      store(data, input.dtype, () => Math.ceil(Math.log(uniform64(g)) / Math.log(1 - p))),
    );
  },
  { methodOnly: true },
);

/** Fills from the Cauchy distribution. https://pytorch.org/docs/stable/generated/torch.Tensor.cauchy_.html */
export const cauchy_: Call<
  [input: Tensor, median?: number, sigma?: number],
  WithGenerator & { median?: number; sigma?: number },
  Tensor
> = define(
  'cauchy_(input, median=0, sigma=1, *, generator=None)',
  (input: Tensor, median = 0, sigma = 1, generator: Generator | null = null) =>
    fillDrawn(input, 'cauchy', generator, (g) => median + sigma * Math.tan(Math.PI * (uniform64(g) - 0.5))),
  { methodOnly: true },
);

/** Fills with exp of N(mean, std²). https://pytorch.org/docs/stable/generated/torch.Tensor.log_normal_.html */
export const logNormal_: Call<
  [input: Tensor, mean?: number, std?: number],
  WithGenerator & { mean?: number; std?: number },
  Tensor
> = define(
  'log_normal_(input, mean=1, std=2, *, generator=None)',
  (input: Tensor, mean = 1, std = 2, generator: Generator | null = null) => {
    if (!(std > 0)) throw new RuntimeError(`log_normal_ expects std > 0.0, but found std=${showNumber(std)}`);
    return fillDrawn(input, 'log_normal', generator, (g) => Math.exp(normal64(g) * std + mean));
  },
  { methodOnly: true },
);

/** Throws PyTorch's errors for weights that are no distribution. */
function checkWeights(rows: Float64Array, categories: number): void {
  for (let start = 0; start < rows.length; start += categories) {
    let sum = 0;
    for (let i = start; i < start + categories; i++) {
      if (!(rows[i] >= 0 && rows[i] < Number.POSITIVE_INFINITY)) {
        throw new RuntimeError('probability tensor contains either `inf`, `nan` or element < 0');
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
    const order = Array.from({ length: categories }, (_, i) => i);
    order.sort((a, b) => values[row + b] - values[row + a] || a - b);
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
    checkWeights(toArray(input.detach().to(float64).contiguous()) as Float64Array, categories);
    return runtime.noGrad(() =>
      !replacement || numSamples === 1
        ? withoutReplacement(input, numSamples, g)
        : withReplacement(input, numSamples, g),
    );
  },
);
