/**
 * Reductions of scattered elements: what lands at the same place is summed, multiplied, averaged, or the extreme of it kept.
 * https://pytorch.org/docs/stable/generated/torch.scatter_reduce.html
 */
import { type DType, int64 } from '../../base/dtype.ts';
import { IndexError, NotImplementedError, RuntimeError } from '../../base/errors.ts';
import { showSizes, wrapDim } from '../../base/shape.ts';
import type { ScatterMode } from '../../device/device.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define } from '../define.ts';
import { runtime } from '../runtime.ts';
import { boundsError, type Locate, type OnBadIndex, selfBounds, writeAt } from './family.ts';
import { alongDim, atLeast1d, narrowTo, slicesAt, sourceFor, widenTo } from './gather.ts';

type Reduce = 'sum' | 'prod' | 'mean' | 'amax' | 'amin';

const modes: Readonly<Record<Reduce, ScatterMode>> = {
  sum: 'add',
  mean: 'add',
  prod: 'mul',
  amax: 'max',
  amin: 'min',
};

/** Where sources land, and the differentiable functions over those places that the gradients are made of. */
interface Landing {
  readonly locate: Locate;
  readonly onBad: OnBadIndex;
  /** The element at every source's place: of the source's size. */
  pick(t: Tensor): Tensor;
  /** `target` plus every source at its place. */
  add(target: Tensor, source: Tensor): Tensor;
  /** A copy with zeros at all places. */
  clear(t: Tensor): Tensor;
  /** The part of a source that lands, where it may be larger. */
  part(source: Tensor): Tensor;
  /** The gradient of `part`. */
  whole(grad: Tensor, sizes: readonly number[]): Tensor;
}

/** What a reduction of nothing gives. */
function identity(reduce: Reduce, dtype: DType): number | bigint {
  if (reduce === 'prod') return 1;
  if (reduce === 'sum' || reduce === 'mean') return 0;
  const sign = reduce === 'amax' ? -1 : 1;
  if (dtype.isFloatingPoint) return sign * Number.POSITIVE_INFINITY;
  if (dtype.name === 'bool') return sign < 0 ? 0 : 1;
  const bits = BigInt(dtype.itemSize * 8 - (dtype.isSigned ? 1 : 0));
  if (sign > 0) return 2n ** bits - 1n;
  return dtype.isSigned ? -(2n ** bits) : 0;
}

/** How many elements meet at every place of `like`, at least 1. */
function counts(like: Tensor, source: Tensor, landing: Landing, includeSelf: boolean): Tensor {
  return runtime.noGrad(() => {
    const start = runtime.full(like.sizes, includeSelf ? 1 : 0, like.dtype, like);
    const ones = runtime.full(source.sizes, 1, like.dtype, like);
    const count = landing.add(start, ones);
    return count.maskedFill(count.eq(0), 1);
  });
}

function forward(
  self: Tensor,
  source: Tensor,
  landing: Landing,
  reduce: Reduce,
  includeSelf: boolean,
): Tensor {
  const out = self.clone({ memoryFormat: 'contiguous' });
  const target = atLeast1d(out);
  if (!includeSelf) {
    const nothing = runtime.full([], identity(reduce, self.dtype), self.dtype, self);
    writeAt(target, nothing, landing.locate, 'set', landing.onBad);
  }
  writeAt(target, source, landing.locate, modes[reduce], landing.onBad);
  if (reduce !== 'mean') return out;
  const count = counts(self, source, landing, includeSelf);
  return self.dtype.isFloatingPoint ? out.div(count) : out.div(count, { roundingMode: 'floor' });
}

/** Gradients of the tensor written to, not yet cleared where it is not included, and of the sources that landed. */
function gradients(
  grad: Tensor,
  self: Tensor,
  source: Tensor,
  result: Tensor,
  landing: Landing,
  reduce: Reduce,
  includeSelf: boolean,
): [Tensor, Tensor] {
  switch (reduce) {
    case 'sum':
      return [grad, landing.pick(grad)];
    case 'mean': {
      const count = counts(self, source, landing, includeSelf);
      return [grad.div(count), landing.pick(grad).div(landing.pick(count))];
    }
    case 'amax':
    case 'amin': {
      // All that are the extreme share its gradient.
      const mine = self.eq(result).to(self.dtype);
      const theirs = source.eq(landing.pick(result)).to(self.dtype);
      const share = grad.div(landing.add(mine, theirs));
      return [share.mul(mine), landing.pick(share).mul(theirs)];
    }
    case 'prod':
      return productGradients(grad, self, source, result, landing, includeSelf);
    default:
      return reduce satisfies never;
  }
}

/** The product of all others: the result divided by the element, or, of a single zero, the product with 1 in its place. */
function productGradients(
  grad: Tensor,
  self: Tensor,
  source: Tensor,
  result: Tensor,
  landing: Landing,
  includeSelf: boolean,
): [Tensor, Tensor] {
  const product = (x: Tensor, y: Tensor): Tensor => reduced('prod', x, y, landing, includeSelf);
  const own = self.maskedFill(self.eq(0), 1);
  const gradSelf = grad.mul(product(own, source)).div(own);
  const zero = source.eq(0);
  const zeros = runtime.noGrad(() =>
    landing.pick(landing.add(runtime.full(self.sizes, 0, self.dtype, self), zero.to(self.dtype))),
  );
  const single = zero.logicalAnd(zeros.eq(1));
  const others = product(self, source.maskedFill(single, 1));
  const byDivision = landing.pick(grad.mul(result)).div(source.maskedFill(zero, 1));
  const atZero = landing.pick(grad.mul(others));
  const gradSource = byDivision.maskedFill(single, 0).add(atZero.maskedFill(single.logicalNot(), 0));
  return [gradSelf, zeros.gt(1).any().item() ? once(gradSource) : gradSource];
}

/** A gradient that is right, but whose own gradient PyTorch has not either. */
function once(grad: Tensor): Tensor {
  return runtime.record(grad.detach(), {
    name: 'DelayedError',
    inputs: [grad],
    saved: [],
    backward: () => {
      throw new NotImplementedError(
        'scatter_reduce(): Double backward is unsupported for src when >1 zeros in src are scattered to the same position in self',
      );
    },
  });
}

function reduced(
  reduce: Reduce,
  self: Tensor,
  given: Tensor,
  landing: Landing,
  includeSelf: boolean,
  name = 'ScatterReduce',
): Tensor {
  const source = landing.part(given);
  const out = runtime.noGrad(() => forward(self, source, landing, reduce, includeSelf));
  return runtime.record(out, {
    name,
    inputs: [self, given],
    saved: [self, given, out],
    backward: ([grad], [x, y, result]) => {
      if (grad === null || grad === undefined) return [null, null];
      const landed = landing.part(y);
      const [own, theirs] = gradients(grad, x, landed, result, landing, reduce, includeSelf);
      return [includeSelf ? own : landing.clear(own), landing.whole(theirs, y.sizes)];
    },
  });
}

type ScatterReduceCall = Call<
  [input: Tensor, dim: number, index: Tensor, src: Tensor, reduce: Reduce],
  { dim?: number; index?: Tensor; src?: Tensor; reduce?: Reduce; includeSelf?: boolean; out?: Tensor },
  Tensor
>;

/**
 * `src` scattered along `dim` to the positions of `index`, everything that meets there (the elements of `input` too, unless `includeSelf` is false) reduced
 * by 'sum', 'prod', 'mean', 'amax' or 'amin'. https://pytorch.org/docs/stable/generated/torch.scatter_reduce.html
 *
 * @example
 * ```ts
 * const index = torch.tensor([0, 0, 1], { dtype: torch.int64 });
 * console.log(torch.scatterReduce(torch.zeros(2), 0, index, torch.tensor([1, 2, 3]), 'amax')); // => tensor([2., 3.])
 * ```
 */
export const scatterReduce: ScatterReduceCall = define(
  'scatter_reduce(input, dim, index: Tensor, src: Tensor, reduce, *, includeSelf=True, out=None)',
  (input: Tensor, dim: number, index: Tensor, src: Tensor, reduce: Reduce, includeSelf = true) => {
    if (!Object.hasOwn(modes, reduce)) {
      throw new RuntimeError(
        `reduce argument must be either sum, prod, mean, amax or amin, got ${String(reduce)}`,
      );
    }
    sourceFor(input, index, src, 'scatter');
    const d = wrapDim(dim, input.sizes.length);
    if (index.numel() === 0) return input.clone();
    const { sizes } = atLeast1d(index);
    const landing: Landing = {
      locate: alongDim(atLeast1d(index), d),
      onBad: boundsError(d),
      pick: (t) => t.gather(d, index),
      add: (target, source) => target.scatterAdd(d, index, source),
      clear: (t) => t.scatter(d, index, 0),
      part: (source) => (source.sizes.length === 0 ? source : narrowTo(source, sizes)),
      whole: (grad, all) => (all.length === 0 ? grad : widenTo(grad, all)),
    };
    return reduced(reduce, input, src, landing, includeSelf);
  },
  { inplace: true },
);

type IndexReduce = Exclude<Reduce, 'sum'>;
type IndexReduceCall = Call<
  [input: Tensor, dim: number, index: Tensor, source: Tensor, reduce: IndexReduce],
  {
    dim?: number;
    index?: Tensor;
    source?: Tensor;
    reduce?: IndexReduce;
    includeSelf?: boolean;
    out?: Tensor;
  },
  Tensor
>;

function checkIndexReduce(input: Tensor, dim: number, index: Tensor, source: Tensor, reduce: unknown): void {
  const fail = (text: string): RuntimeError => new RuntimeError(`index_reduce_(): ${text}`);
  if (reduce === 'sum' || !Object.hasOwn(modes, String(reduce))) {
    throw new RuntimeError(
      `index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got ${String(reduce)}.`,
    );
  }
  if (index.sizes.length > 1) {
    throw new IndexError(
      `index_reduce_(): Index is supposed to be a vector, but got dim: ${index.sizes.length} with type: ${index.dtype.scalarName} and size: ${showSizes(index.sizes)}`,
    );
  }
  if (index.dtype !== int64 && index.dtype.name !== 'int32') {
    throw fail(`Expected dtype int32/int64 for index but got: ${index.dtype.scalarName}`);
  }
  if (input.dtype !== source.dtype) {
    throw fail(
      `self (${input.dtype.scalarName}) and source (${source.dtype.scalarName}) must have the same scalar type`,
    );
  }
  const count = atLeast1d(source).sizes[dim];
  if (index.numel() !== count) {
    throw fail(
      `Number of indices (${index.numel()}) should be equal to source.size(dim): (${count}), for dim: ${dim}`,
    );
  }
}

/**
 * Slices of `source` along `dim` brought to the positions of `index` and reduced with what is there (unless `includeSelf` is false) by 'prod',
 * 'mean', 'amax' or 'amin'. https://pytorch.org/docs/stable/generated/torch.Tensor.index_reduce_.html
 */
export const indexReduce: IndexReduceCall = define(
  'index_reduce(input, dim, index: Tensor, source: Tensor, reduce, *, includeSelf=True, out=None)',
  (input: Tensor, dim: number, index: Tensor, source: Tensor, reduce: IndexReduce, includeSelf = true) => {
    const d = wrapDim(dim, input.sizes.length);
    checkIndexReduce(input, d, index, source, reduce);
    if (index.numel() === 0) return input.clone();
    const i = atLeast1d(index).to(int64);
    const landing: Landing = {
      locate: slicesAt(i, d, atLeast1d(input).sizes),
      onBad: selfBounds,
      pick: (t) => t.indexSelect(d, i),
      add: (target, values) => target.indexAdd(d, i, values),
      clear: (t) => t.indexFill(d, i, 0),
      part: (t) => t,
      whole: (grad) => grad,
    };
    return reduced(reduce, input, source, landing, includeSelf, 'IndexReduce');
  },
  { inplace: true },
);
