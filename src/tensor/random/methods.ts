/** Random numbers written in place. https://pytorch.org/docs/stable/torch.html#in-place-random-sampling */
import { BLOCK } from '../../base/boxMuller.ts';
import { bool, cppName, type DType, float32, float64 } from '../../base/dtype.ts';
import { ArgumentTypeError, RuntimeError } from '../../base/errors.ts';
import { showNumber } from '../../base/numbers.ts';
import { finfo } from '../../base/typeinfo.ts';
import { type Call, define } from '../../ops/define.ts';
import { runtime } from '../../ops/runtime.ts';
import { empty } from '../allocate.ts';
import { memory } from '../memory.ts';
import { copyInto } from '../pointwise.ts';
import { Tensor } from '../tensor.ts';
import { fillUniform, fillUniform64, normal64, scale32 } from './draws.ts';
import {
  deviceDraws,
  type Filler,
  fillFromUniform,
  fillWith,
  generatorOf,
  memoryOrder,
  overwrite,
  requireFloat,
} from './fill.ts';
import { fma64 } from './fma.ts';
import type { Generator } from './generator.ts';
import { fillDefault, fillIntegers, fillUpwards } from './integers.ts';
import { fillNormal32 } from './normal32.ts';
import { fillNormal64, normals16 } from './normals.ts';
import { roundTo, significand } from './rounding.ts';

/** Options of all functions that draw. */
export interface WithGenerator {
  generator?: Generator | null;
}

/** Fills with U[from, to) in the arithmetic of the dtype. */
function fillUniformly(dense: Tensor, g: Generator, from: number, to: number): void {
  const { dtype } = dense;
  const round = roundTo(dtype);
  const [low, width] = [round(from), round(round(to) - round(from))];
  const scaled = low !== 0 || width !== 1;
  if (deviceDraws(dense, g, scaled ? { kind: 'scaled', low, width } : { kind: 'uniform' })) return;
  const digits = significand[dtype.name];
  fillWith(dense, (chunk) => {
    if (dtype === float64) {
      fillUniform64(chunk, g);
      if (scaled) for (let i = 0; i < chunk.length; i++) chunk[i] = fma64(chunk[i], width, low);
      return;
    }
    fillUniform(chunk, g, digits);
    if (scaled) scale32(chunk, width, low);
    if (dtype !== float32) for (let i = 0; i < chunk.length; i++) chunk[i] = round(chunk[i]);
  });
}

/** Throws PyTorch's errors for bounds that the dtype cannot hold. */
function checkUniformBounds(dtype: DType, from: number, to: number): void {
  const { max } = finfo(dtype);
  if (!(Math.abs(from) <= max)) throw new RuntimeError(`from is out of bounds for ${cppName(dtype)}`);
  if (!(Math.abs(to) <= max)) throw new RuntimeError(`to is out of bounds for ${cppName(dtype)}`);
  if (!(from <= to)) {
    throw new RuntimeError(
      `uniform_ expects to return a [from, to) range, but found from=${showNumber(from)} > to=${showNumber(to)}`,
    );
  }
  if (!(to - from <= max)) {
    throw new RuntimeError(
      `uniform_ expects to-from <= std::numeric_limits<${dtype.scalarName}>::max(), but found to=${showNumber(to)} and from=${showNumber(from)} which result in to-from to exceed the limit`,
    );
  }
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
    checkUniformBounds(input.dtype, from, to);
    return overwrite(input, 'Uniform', (dense) => fillUniformly(dense, g, from, to));
  },
  { methodOnly: true },
);

/** Fills a contiguous tensor with N(mean, std²). `whole`: it is the tensor that was asked for, not a copy in other order. */
function fillNormal(dense: Tensor, g: Generator, mean: number, std: number, whole: boolean): void {
  const { dtype } = dense;
  const count = dense.numel();
  if (!whole || count < 16) {
    fillWith(dense, (chunk) => {
      for (let i = 0; i < chunk.length; i++) chunk[i] = fma64(normal64(g), std, mean);
    });
  } else if (dtype === float32) {
    const blocks = count - (count % BLOCK);
    const done = deviceDraws(dense, g, { kind: 'normal', mean, std }, blocks) ? blocks : 0;
    fillNormal32(memory(dense) as Float32Array, g, mean, std, done);
  } else if (dtype === float64) {
    const drawn = deviceDraws(dense, g, { kind: 'uniform' });
    fillNormal64(memory(dense) as Float64Array, g, mean, std, drawn);
  } else {
    const values = normals16(count, g, mean, std, significand[dtype.name], roundTo(dtype));
    let at = 0;
    fillWith(dense, (chunk) => {
      chunk.set(values.subarray(at, at + chunk.length));
      at += chunk.length;
    });
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
    return overwrite(input, 'Normal', (dense) => fillNormal(dense, g, mean, std, whole));
  },
  { methodOnly: true },
);

function whole(x: number | bigint, what: string): bigint {
  if (typeof x === 'bigint' || Number.isInteger(x)) return BigInt(x);
  throw new ArgumentTypeError(`random_(): argument '${what}' must be a whole number, not ${String(x)}`);
}

/**
 * Fills with whole numbers: `random_()`, `random_(to)`, `random_(from, to)`; up to the greatest of the dtype with `random_(from, null)`.
 * https://pytorch.org/docs/stable/generated/torch.Tensor.random_.html
 */
export const random_: Call<
  [input: Tensor, from?: number | bigint, to?: number | bigint | null],
  WithGenerator & { from?: number | bigint; to?: number | bigint | null },
  Tensor
> = define(
  'random_(input, from=None, to=None, *, generator=None)',
  (
    input: Tensor,
    from: number | bigint | undefined,
    to: number | bigint | null | undefined,
    generator: Generator | null = null,
  ) => {
    const g = generatorOf(generator);
    if (from === undefined)
      return to == null ? fillDefault(input, g) : fillIntegers(input, 0n, whole(to, 'to'), g);
    if (to === undefined) return fillIntegers(input, 0n, whole(from, 'to'), g);
    if (to === null) return fillUpwards(input, whole(from, 'from'), g);
    return fillIntegers(input, whole(from, 'from'), whole(to, 'to'), g);
  },
  { methodOnly: true },
);

function checkProbability(p: number): void {
  if (!(p >= 0 && p <= 1))
    throw new RuntimeError(`bernoulli_ expects p to be in [0, 1], but got p=${showNumber(p)}`);
}

/** Throws PyTorch's errors for what are no probabilities. */
function checkProbabilities(p: Tensor): void {
  requireFloat(p.dtype, 'bernoulli_tensor_cpu_p_');
  // A NaN is both the least and the greatest.
  if (p.numel() > 0 && !((p.min().item() as number) >= 0 && (p.max().item() as number) <= 1)) {
    throw new RuntimeError(
      'Expected p_in >= 0 && p_in <= 1 to be true, but got false.  (Could this error message be improved?  If so, please report an enhancement request to PyTorch.)',
    );
  }
}

/** Fills a contiguous tensor with 1 with the probabilities of as many elements of `p`, else 0. */
function fillByChances(dense: Tensor, p: Tensor, g: Generator): void {
  runtime.noGrad(() => {
    const u = empty(p.sizes, p.dtype === float64 ? float64 : float32, dense.storage.device);
    fillUniformly(u, g, 0, 1);
    copyInto(dense, u.lt(p).reshape(dense.sizes));
  });
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
      // Drawn in the order of the memory that is written.
      const chances = p.detach().expand(input.sizes).permute(memoryOrder(input));
      checkProbabilities(p);
      return overwrite(input, 'Bernoulli', (dense) => fillByChances(dense, chances, g));
    }
    checkProbability(p);
    return overwrite(input, 'Bernoulli', (dense) => {
      if (deviceDraws(dense, g, { kind: 'bernoulli', p })) return;
      fillWith(dense, (chunk) => {
        fillUniform64(chunk, g);
        for (let i = 0; i < chunk.length; i++) chunk[i] = chunk[i] < p ? 1 : 0;
      });
    });
  },
  { methodOnly: true },
);

/** Fills with what `make` makes of uniform numbers in double precision. `kernel` names it in PyTorch's error for what is no floating-point dtype. */
function fromUniform(
  input: Tensor,
  name: string,
  kernel: string,
  generator: Generator | null,
  make: Filler,
): Tensor {
  const g = generatorOf(generator);
  requireFloat(input.dtype, kernel);
  return overwrite(input, name, (dense) => fillFromUniform(dense, g, make));
}

/** Fills from the exponential distribution with rate `lambd`. https://pytorch.org/docs/stable/generated/torch.Tensor.exponential_.html */
export const exponential_: Call<[input: Tensor, lambd?: number], WithGenerator & { lambd?: number }, Tensor> =
  define(
    'exponential_(input, lambd=1, *, generator=None)',
    (input: Tensor, lambd = 1, generator: Generator | null = null) => {
      if (!(lambd >= 0)) {
        throw new RuntimeError(`exponential_ expects lambda >= 0.0, but found lambda=${showNumber(lambd)}`);
      }
      const factor = -1 / lambd;
      return fromUniform(input, 'Exponential', 'exponential_cpu', generator, (chunk) => {
        for (let i = 0; i < chunk.length; i++) chunk[i] = factor * Math.log(1 - chunk[i]);
      });
    },
    { methodOnly: true },
  );

/** Fills from the geometric distribution: the number of trials until the first success. */
export const geometric_: Call<[input: Tensor, p: number], WithGenerator & { p?: number }, Tensor> = define(
  'geometric_(input, p, *, generator=None)',
  (input: Tensor, p: number, generator: Generator | null = null) => {
    if (!(p > 0 && p < 1))
      throw new RuntimeError(`geometric_ expects p to be in (0, 1), but got p=${showNumber(p)}`);
    if (input.dtype === bool) throw new RuntimeError(`"geometric_cpu" not implemented for 'Bool'`);
    const g = generatorOf(generator);
    const scale = Math.log(1 - p);
    return overwrite(input, 'Geometric', (dense) =>
      fillFromUniform(dense, g, (chunk) => {
        for (let i = 0; i < chunk.length; i++) chunk[i] = Math.ceil(Math.log(chunk[i]) / scale);
      }),
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
  (input: Tensor, median = 0, sigma = 1, generator: Generator | null = null) => {
    return fromUniform(input, 'Cauchy', 'cauchy_cpu', generator, (chunk) => {
      for (let i = 0; i < chunk.length; i++) {
        chunk[i] = fma64(sigma, Math.tan(Math.PI * (chunk[i] - 0.5)), median);
      }
    });
  },
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
    const g = generatorOf(generator);
    requireFloat(input.dtype, 'log_normal_cpu');
    return overwrite(input, 'LogNormal', (dense) =>
      fillWith(dense, (chunk) => {
        for (let i = 0; i < chunk.length; i++) chunk[i] = Math.exp(fma64(normal64(g), std, mean));
      }),
    );
  },
  { methodOnly: true },
);
