/** How often values occur: in bins of equal width, and whole numbers one by one. https://pytorch.org/docs/stable/generated/torch.histc.html */
import { float32, float64, int64 } from '../../base/dtype.ts';
import { RuntimeError } from '../../base/errors.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define } from '../define.ts';
import { runtime } from '../runtime.ts';
import { comparable, rangeOf } from './order.ts';
import { refuse } from '../refuse.ts';

const show = (x: number): string => String(x).replace('NaN', 'nan').replace('Infinity', 'inf');

/** The outer edges: what was given or, where that is one point, the smallest and the largest element; one point is widened. */
function outerEdges(values: ArrayLike<number>, min: number, max: number): [number, number] {
  let [low, high] = [min, max];
  if (low === high && values.length > 0) {
    [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let i = 0; i < values.length; i++) {
      // NaN spreads.
      low = Math.min(low, values[i]);
      high = Math.max(high, values[i]);
    }
  }
  if (low === high) [low, high] = [low - 1, high + 1];
  if (!Number.isFinite(low) || !Number.isFinite(high)) {
    throw new RuntimeError(`torch.histc: range of [${show(low)}, ${show(high)}] is not finite`);
  }
  if (low > high) throw new RuntimeError('torch.histc: max must be larger than min');
  return [low, high];
}

/**
 * Counts of the elements in `bins` bins of equal width between `min` and `max`, or between the smallest and the largest element where these are equal.
 * Elements outside, and NaN, are not counted. The result has the dtype of the input. https://pytorch.org/docs/stable/generated/torch.histc.html
 */
export const histc: Call<
  [input: Tensor, bins?: number, min?: number, max?: number],
  { bins?: number; min?: number; max?: number; out?: Tensor },
  Tensor
> = define(
  'histc(input, bins=100, min=0, max=0, *, out=None)',
  (input: Tensor, bins = 100, min = 0, max = 0) => {
    if (bins <= 0) {
      throw new RuntimeError(`torch.histogram(): bins must be > 0, but got ${bins} for dimension 0`);
    }
    refuse('histogram_cpu', input, ['int64', 'int32', 'int16', 'int8', 'uint8', 'float16']);
    refuse('linspace_cpu', input, ['bool']);
    const values = comparable(input) as ArrayLike<number>;
    const round = input.dtype === float64 ? (x: number): number => x : Math.fround;
    const [first, last] = outerEdges(values, min, max).map(round);
    const width = round(last - first);
    const counts = new Float64Array(bins);
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (!(value >= first && value <= last)) continue;
      const at = Math.trunc(round(round(round(value - first) / width) * bins));
      counts[Math.min(at, bins - 1)]++;
    }
    return runtime.fromArray(counts, [bins], float64, input).to(input.dtype);
  },
  { out: 'exact' },
);

/**
 * How often each whole number from 0 to the largest occurs, or the sum of `weights` at its places: at least `minlength` numbers, int64 without weights, else of
 * the weights' dtype (float32 or float64). https://pytorch.org/docs/stable/generated/torch.bincount.html
 */
export const bincount: Call<
  [input: Tensor, weights?: Tensor | null, minlength?: number],
  { weights?: Tensor | null; minlength?: number },
  Tensor
> = define(
  'bincount(input, weights: Tensor=None, minlength=0)',
  (input: Tensor, weights: Tensor | null = null, minlength = 0) => {
    if (minlength < 0) throw new RuntimeError('minlength should be >= 0');
    refuse('bincount_cpu', input, ['bool', 'float16', 'bfloat16', 'float32', 'float64']);
    if (input.sizes.length === 1 && input.sizes[0] === 0) {
      return runtime.full([minlength], 0, int64, input);
    }
    const index = runtime.noGrad(() => input.detach().to(int64));
    const range = input.sizes.length === 1 ? rangeOf(index) : null;
    if (range === null || range.low < 0n) {
      throw new RuntimeError('bincount only supports 1-d non-negative integral inputs.');
    }
    if (weights !== null && (weights.sizes.length !== 1 || weights.sizes[0] !== input.sizes[0])) {
      throw new RuntimeError('weights should be 1-d and have the same length as input');
    }
    const dtype = weights === null ? int64 : weights.dtype === float32 ? float32 : float64;
    return runtime.noGrad(() => {
      const sums = runtime.full([Math.max(Number(range.high) + 1, minlength)], 0, dtype, input);
      const added =
        weights === null
          ? runtime.full([1], 1, int64, input).expand(index.sizes)
          : weights.detach().to(dtype);
      return sums.scatterAdd_(0, index, added);
    });
  },
);
