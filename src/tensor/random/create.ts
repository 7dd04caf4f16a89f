/** New random tensors. https://pytorch.org/docs/stable/torch.html#random-sampling */
import { bool, type DType, getDefaultDtype, int64 } from '../../base/dtype.ts';
import { ArgumentTypeError, RuntimeError } from '../../base/errors.ts';
import type { MemoryFormatLike } from '../../base/memoryFormat.ts';
import { showNumber } from '../../base/numbers.ts';
import { scalarFor } from '../../base/scalar.ts';
import { define, type FreeCall } from '../../ops/define.ts';
import { runtime } from '../../ops/runtime.ts';
import { emptyLike, filled, type Options } from '../create.ts';
import { Tensor } from '../tensor.ts';
import { fillIntegers, permutation, WIDE } from './integers.ts';
import { normal_, uniform_ } from './methods.ts';
import { deviceDraws, fillWith, generatorOf, requireFloat } from './fill.ts';
import type { Generator } from './generator.ts';
import { significand } from './rounding.ts';

/** Options of random creation functions. */
export interface RandomOptions extends Options {
  generator?: Generator | null;
  out?: Tensor;
}

const CREATION = 'dtype=None, requiresGrad=False, device=None, layout=None, pinMemory=False';

type SizesCall = {
  (...size: number[]): Tensor;
  (size: readonly number[], options?: RandomOptions): Tensor;
  (s0: number, options: RandomOptions): Tensor;
  (s0: number, s1: number, options: RandomOptions): Tensor;
  (s0: number, s1: number, s2: number, options: RandomOptions): Tensor;
  (s0: number, s1: number, s2: number, s3: number, options: RandomOptions): Tensor;
  (options: RandomOptions & { size: readonly number[] }): Tensor;
} & { readonly functionOnly: true };

type Fill = (t: Tensor, generator: Generator | null) => Tensor;
const uniform: Fill = (t, generator) => uniform_(t, 0, 1, { generator });
const normalFill: Fill = (t, generator) => normal_(t, 0, 1, { generator });

function creation(name: string, fill: Fill): SizesCall {
  return define(
    `${name}(*size, generator=None, ${CREATION}, out=None, memoryFormat=None)`,
    (
      size: readonly number[] | undefined,
      generator: Generator | null = null,
      dtype?: DType | null,
      requiresGrad?: boolean,
      device?: unknown,
    ) => filled(size ?? [], dtype ?? getDefaultDtype(), device, requiresGrad, (t) => fill(t, generator)),
    { functionOnly: true },
  ) as unknown as SizesCall;
}

/**
 * Uniform in [0, 1). https://pytorch.org/docs/stable/generated/torch.rand.html
 *
 * @example
 * ```ts
 * torch.manualSeed(0);
 * console.log(torch.rand(2, 2).shape); // => torch.Size([2, 2])
 * ```
 */
export const rand: SizesCall = creation('rand', uniform);
/** From the standard normal distribution. https://pytorch.org/docs/stable/generated/torch.randn.html */
export const randn: SizesCall = creation('randn', normalFill);

interface Place {
  dtype: DType | null | undefined;
  device: unknown;
  memoryFormat: MemoryFormatLike | null | undefined;
}

/** A tensor with the size of `input`, in its memory order unless a format is given, filled by `fill`. */
function filledLike(
  input: Tensor,
  { dtype = null, device, memoryFormat = null }: Place,
  requiresGrad: boolean | undefined,
  fill: (t: Tensor) => void,
): Tensor {
  const out = emptyLike(input, { dtype, device, memoryFormat });
  fill(out);
  return requiresGrad === true ? out.requiresGrad_() : out;
}

type LikeCall = FreeCall<[input: Tensor], RandomOptions & { memoryFormat?: MemoryFormatLike | null }, Tensor>;

function likeCreation(name: string, fill: Fill): LikeCall {
  return define(
    `${name}(input, *, ${CREATION}, memoryFormat=None, generator=None)`,
    (
      input: Tensor,
      dtype?: DType | null,
      requiresGrad?: boolean,
      device?: unknown,
      _layout?: unknown,
      _pinMemory?: unknown,
      memoryFormat?: MemoryFormatLike | null,
      generator: Generator | null = null,
    ) => filledLike(input, { dtype, device, memoryFormat }, requiresGrad, (t) => fill(t, generator)),
    { functionOnly: true },
  );
}

/** Uniform in [0, 1), with the size and dtype of `input`. */
export const randLike: LikeCall = likeCreation('rand_like', uniform);
/** Normal, with the size and dtype of `input`. */
export const randnLike: LikeCall = likeCreation('randn_like', normalFill);

type Bound = number | bigint;

function bound(x: unknown): bigint {
  if (typeof x === 'bigint' || (typeof x === 'number' && Number.isInteger(x))) return BigInt(x);
  throw new ArgumentTypeError(`randint(): bounds must be whole numbers, not ${String(x)}`);
}

interface RandintCall {
  (high: Bound, size: readonly number[], options?: RandomOptions): Tensor;
  (low: Bound, high: Bound, size: readonly number[], options?: RandomOptions): Tensor;
  (options: RandomOptions & { low?: Bound; high: Bound; size: readonly number[] }): Tensor;
  (high: Bound, options: RandomOptions & { size: readonly number[] }): Tensor;
  (low: Bound, high: Bound, options: RandomOptions & { size: readonly number[] }): Tensor;
  readonly functionOnly: true;
}

/**
 * Whole numbers in [low, high), int64 unless a dtype is given: `randint(high, size)` or `randint(low, high, size)`.
 * https://pytorch.org/docs/stable/generated/torch.randint.html
 */
export const randint: RandintCall = define(
  `randint(low=None, high=None, size=None, *, generator=None, ${CREATION}, out=None)`,
  (
    first: Bound | null = null,
    second: Bound | readonly number[] | null = null,
    third: readonly number[] | null = null,
    generator: Generator | null = null,
    dtype?: DType | null,
    requiresGrad?: boolean,
    device?: unknown,
  ) => {
    // One bound is the upper one.
    const listed = Array.isArray(second) ? (second as readonly number[]) : null;
    const size = third ?? listed;
    const bounds = [first, listed === null ? (second as Bound | null) : null].filter((b) => b !== null);
    if (size === null || bounds.length === 0) {
      throw new ArgumentTypeError('randint() is called as randint(high, size) or randint(low, high, size)');
    }
    const [low, high] = bounds.length === 1 ? [0n, bound(bounds[0])] : bounds.map(bound);
    const g = generatorOf(generator);
    return filled(size, dtype ?? int64, device, requiresGrad, (t) => fillIntegers(t, low, high, g));
  },
  { functionOnly: true },
) as unknown as RandintCall;

/** Whole numbers in [low, high) (or [0, low)), with the size and dtype of `input`. */
export const randintLike: FreeCall<
  [input: Tensor, low: Bound, high?: Bound],
  RandomOptions & { low?: Bound; high?: Bound; memoryFormat?: MemoryFormatLike | null },
  Tensor
> = define(
  `randint_like(input, low=None, high=None, *, ${CREATION}, memoryFormat=None, generator=None)`,
  (
    input: Tensor,
    low: Bound | null = null,
    high: Bound | null = null,
    dtype?: DType | null,
    requiresGrad?: boolean,
    device?: unknown,
    _layout?: unknown,
    _pinMemory?: unknown,
    memoryFormat?: MemoryFormatLike | null,
    generator: Generator | null = null,
  ) => {
    const [from, to] = high === null || low === null ? [0n, bound(high ?? low)] : [bound(low), bound(high)];
    const g = generatorOf(generator);
    return filledLike(input, { dtype, device, memoryFormat }, requiresGrad, (t) =>
      fillIntegers(t, from, to, g),
    );
  },
  { functionOnly: true },
);

/** Throws PyTorch's errors where the dtype cannot hold the numbers up to `n`. */
function checkCount(n: number, dtype: DType): void {
  if (dtype === bool) throw new RuntimeError(`"randperm" not implemented for 'Bool'`);
  scalarFor(n, dtype);
  if (!dtype.isFloatingPoint || dtype.name === 'bfloat16') return;
  const digits = significand[dtype.name];
  if (n > 2 ** digits + 1) {
    const limit = dtype.name === 'float16' ? '2049' : `2^${digits}+1`;
    throw new RuntimeError(`n cannot be greater than ${limit} for ${dtype.scalarName} type.`);
  }
}

/**
 * The numbers 0 … n − 1 in random order, int64 unless a dtype is given. https://pytorch.org/docs/stable/generated/torch.randperm.html
 *
 * @example
 * ```ts
 * torch.manualSeed(0);
 * console.log(torch.randperm(4)); // => tensor([0, 1, 3, 2])
 * ```
 */
export const randperm: FreeCall<[n: number], RandomOptions & { n?: number }, Tensor> = define(
  `randperm(n, *, generator=None, ${CREATION}, out=None)`,
  (
    n: number,
    generator: Generator | null = null,
    dtype?: DType | null,
    requiresGrad?: boolean,
    device?: unknown,
  ) => {
    const g = generatorOf(generator);
    if (dtype != null) checkCount(n, dtype);
    return filled([n], dtype ?? int64, device, requiresGrad, (t) => {
      if (n < WIDE && deviceDraws(t, g, { kind: 'permutation' })) return;
      const order = permutation(n, g);
      let at = 0;
      fillWith(t, (chunk) => {
        for (let i = 0; i < chunk.length; i++) chunk[i] = order[at++];
      });
    });
  },
  { functionOnly: true },
);

interface NormalCall {
  (mean: Tensor, std?: number, options?: RandomOptions): Tensor;
  (mean: number, std: Tensor, options?: RandomOptions): Tensor;
  (mean: Tensor, std: Tensor, options?: RandomOptions): Tensor;
  (mean: number, std: number, size: readonly number[], options?: RandomOptions): Tensor;
  (mean: number, std: number, options: RandomOptions & { size: readonly number[] }): Tensor;
  readonly functionOnly: true;
}

/**
 * Normal numbers with the given means and standard deviations: numbers (then `size` says how many) or tensors that are broadcast.
 * https://pytorch.org/docs/stable/generated/torch.normal.html
 */
export const normal: NormalCall = define(
  `normal(mean=0, std=1, size=None, *, generator=None, ${CREATION}, out=None)`,
  (
    mean: number | Tensor = 0,
    std: number | Tensor = 1,
    size: readonly number[] | null = null,
    generator: Generator | null = null,
    dtype?: DType | null,
    requiresGrad?: boolean,
    device?: unknown,
  ) => {
    const tensors = [mean, std].filter((x) => x instanceof Tensor);
    if (tensors.length === 0) {
      if (size === null)
        throw new ArgumentTypeError('normal(): with numbers for mean and std, size is required');
      const t = filled(size, dtype ?? getDefaultDtype(), device, false, (u) =>
        normal_(u, mean as number, std as number, { generator }),
      );
      return requiresGrad ? t.requiresGrad_() : t;
    }
    if (std instanceof Tensor) {
      requireFloat(std.dtype, 'normal_kernel_cpu');
      if (std.numel() > 0 && !(std.min().item() >= 0)) {
        throw new RuntimeError('normal expects all elements of std >= 0.0');
      }
    } else if (!(std >= 0))
      throw new RuntimeError(`normal expects std >= 0.0, but found std ${showNumber(std)}`);
    return runtime.noGrad(() => {
      const shape = (tensors.length === 2 ? (mean as Tensor).add(std) : (tensors[0] as Tensor)).sizes;
      const first = tensors[0] as Tensor;
      const out = runtime.empty(shape, first.dtype, first);
      if (typeof std === 'number') return normal_(out, 0, std, { generator }).add_(mean);
      return normal_(out, 0, 1, { generator }).mul_(std).add_(mean);
    });
  },
  { functionOnly: true },
) as unknown as NormalCall;
