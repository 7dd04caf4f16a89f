/**
 * Pooling over windows of any number of spatial dimensions: reductions over a strided window view of the padded input.
 */
import { float64, int64 } from '../../base/dtype.ts';
import { RuntimeError } from '../../base/errors.ts';
import { contiguousStrides, product, showSizes } from '../../base/shape.ts';
import * as E from '../../expr/expr.ts';
import type { Expr } from '../../expr/expr.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { boundsError, indexView, readAt } from '../indexing/family.ts';
import { scatterView } from '../movement/family.ts';
import { type PointwiseOp, pointwise } from '../pointwise/family.ts';
import { ReductionOp } from '../reduction/family.ts';
import { runtime } from '../runtime.ts';
import { framed, framedSpace, type PoolGeometry } from './frames.ts';
import { MOST_ELEMENTS, windowMaxima } from './maxima.ts';

export type { PoolGeometry } from './frames.ts';

/** The number of windows along one dimension; with ceilMode a last window may reach over the edge, but must start inside. */
export function pooledSize(
  size: number,
  k: number,
  s: number,
  p: number,
  d: number,
  ceilMode: boolean,
): number {
  const span = size + 2 * p - d * (k - 1) - 1;
  let count = (ceilMode ? Math.ceil(span / s) : Math.floor(span / s)) + 1;
  if (ceilMode && (count - 1) * s >= size + p) count--;
  return count;
}

/** `dilationH: 1 dilationW: 0`; PyTorch pools one dimension as two. */
function showDilation(dilation: readonly number[]): string {
  const all = dilation.length === 1 ? [1, ...dilation] : dilation;
  const labels = ['dilationT', 'dilationH', 'dilationW'].slice(3 - all.length);
  return all.map((d, i) => `${labels[i]}: ${d}`).join(' ');
}

/** Throws PyTorch's RuntimeErrors for windows that cannot be. */
export function checkWindows(g: PoolGeometry): void {
  g.kernel.forEach((k, d) => {
    if (k <= 0)
      throw new RuntimeError(
        `kernel size should be greater than zero, but got kernel_size: ${showSizes(g.kernel)}`,
      );
    if (g.stride[d] <= 0) throw new RuntimeError('stride should not be zero');
    if (g.dilation[d] <= 0) {
      throw new RuntimeError(`dilation should be greater than zero, but got ${showDilation(g.dilation)}`);
    }
    const pad = g.padding[d];
    if (pad < 0) throw new RuntimeError(`pad must be non-negative, but got pad: ${pad}`);
    if (pad > Math.floor(k / 2)) {
      throw new RuntimeError(
        `pad should be at most half of kernel size, but got pad=${pad} and kernel_size=${k}`,
      );
    }
  });
}

/** Sizes of the result. Throws PyTorch's RuntimeErrors. */
function outputSizes(x: Tensor, g: PoolGeometry): number[] {
  const rank = g.kernel.length;
  const space = x.sizes.slice(-rank);
  checkWindows(g);
  const out = space.map((s, d) =>
    pooledSize(s, g.kernel[d], g.stride[d], g.padding[d], g.dilation[d], g.ceilMode),
  );
  if (out.some((o) => o < 1)) {
    throw new RuntimeError(
      `Given input size: (${x.sizes.slice(-rank - 1).join('x')}). Calculated output size: (${[x.sizes[x.sizes.length - rank - 1], ...out].join('x')}). Output size is too small`,
    );
  }
  return out;
}

/** The window view [lead…, out…, kernel…] of a framed input. */
function windowed(x: Tensor, g: PoolGeometry, out: readonly number[]): Tensor {
  const rank = g.kernel.length;
  const lead = x.sizes.length - rank;
  const space = x.strides.slice(lead);
  return runtime.alias(
    x,
    [...x.sizes.slice(0, lead), ...out, ...g.kernel],
    [
      ...x.strides.slice(0, lead),
      ...space.map((s, d) => s * g.stride[d]),
      ...space.map((s, d) => s * g.dilation[d]),
    ],
    x.offset,
  );
}

const argmaxOp = new ReductionOp('max_pool', { combine: 'argmax', gradName: 'MaxPool' });

/** The largest element of each window and, with `wantIndices`, where it is in the flattened image. */
export function maxPool(
  name: string,
  x: Tensor,
  g: PoolGeometry,
  wantIndices: boolean,
): { values: Tensor; indices: Tensor | null } {
  const rank = g.kernel.length;
  const lead = x.sizes.length - rank;
  const space = x.sizes.slice(lead);
  const out = outputSizes(x, g);
  if (product(g.kernel) <= MOST_ELEMENTS) {
    const { values, places } = windowMaxima(name, x, g, out, wantIndices);
    if (!wantIndices || places === null) return { values, indices: null };
    return { values, indices: runtime.noGrad(() => flatPositions(places.to(int64), space, g, lead)) };
  }
  const indices = runtime.noGrad(() => {
    const windows = windowed(framed(x, g, out, Number.NEGATIVE_INFINITY), g, out);
    const mask = windows.sizes.map((_, d) => d >= lead + rank);
    const inWindow = runtime.reduce(argmaxOp, windows, mask, false, int64);
    return flatPositions(inWindow, space, g, lead);
  });
  return { values: gatherFlat(name, x, indices, lead), indices };
}

/** How many times `step` fits into `x`, less than `count` times: whole numbers without a division where that is cheaper. */
function quotient(x: Expr, step: number, count: number): Expr {
  if (count > 16) return E.div(x, step);
  let sum: Expr = E.constant(0, x.type);
  for (let i = 1; i < count; i++) sum = E.add(sum, E.cast(E.ge(x, i * step), x.type));
  return sum;
}

const positionOps = new Map<string, PointwiseOp>();

/**
 * The op that turns positions within windows into positions within the flattened image, for one geometry. Operands: the position in
 * the window, then for each dimension where the window starts and the first place of it that is inside the image.
 */
function positionOp(space: readonly number[], g: PoolGeometry): PointwiseOp {
  const key = [space, g.kernel, g.dilation].join(';');
  let op = positionOps.get(key);
  if (op === undefined) {
    const kernelStrides = contiguousStrides(g.kernel);
    const spaceStrides = contiguousStrides(space);
    op = pointwise('max_pool_position', {
      expr: ([position, ...bounds]) => {
        let rest = position;
        let flat: Expr = E.constant(0, position.type);
        space.forEach((size, d) => {
          const k = quotient(rest, kernelStrides[d], g.kernel[d]);
          rest = E.sub(rest, E.mul(k, kernelStrides[d]));
          // A window of nothing but −∞ may point at the frame: the nearest real place stands for it.
          const inside = E.min(
            E.max(E.add(bounds[2 * d], E.mul(k, g.dilation[d])), bounds[2 * d + 1]),
            E.constant(size - 1, position.type),
          );
          flat = E.add(flat, E.mul(inside, spaceStrides[d]));
        });
        return flat;
      },
    });
    positionOps.set(key, op);
  }
  return op;
}

/** Positions within windows as positions within the image, flattened. */
function flatPositions(inWindow: Tensor, space: readonly number[], g: PoolGeometry, lead: number): Tensor {
  const outs = inWindow.sizes.slice(lead);
  const bounds = outs.flatMap((count, d) => {
    const shape = outs.map((_, i) => (i === d ? count : 1));
    const starts = Array.from({ length: count }, (_, i) => i * g.stride[d] - g.padding[d]);
    const firsts = starts.map((s) => (s < 0 ? s + Math.ceil(-s / g.dilation[d]) * g.dilation[d] : s));
    const table = (values: readonly number[]): Tensor =>
      runtime.fromArray(BigInt64Array.from(values, BigInt), shape, int64, inWindow);
    return [table(starts), table(firsts)];
  });
  return runtime.pointwise(positionOp(space, g), [inWindow, ...bounds], []);
}

/** Elements of every image at flattened positions; the gradient goes back to those elements. */
export function gatherFlat(name: string, x: Tensor, indices: Tensor, lead: number): Tensor {
  const dense = x.contiguous();
  const flat = dense.reshape([...x.sizes.slice(0, lead), -1]);
  const sizes = indices.sizes;
  const rank = sizes.length - lead;
  return readAt(
    name,
    flat,
    (target) => ({
      sizes,
      strides: [...target.strides.slice(0, lead), ...new Array<number>(rank).fill(0)],
      offset: target.offset,
      index: [indexView(indices, sizes)],
      stride: [target.strides[lead]],
      size: [target.sizes[lead]],
      wrap: false,
    }),
    boundsError(lead),
  );
}

const windowSumOp = new ReductionOp('avg_pool', { combine: 'sum', gradName: 'AvgPool' });

/** The sum of each window, differentiable; the frame counts as zeros. */
export function sumPool(name: string, x: Tensor, g: PoolGeometry): Tensor {
  const rank = g.kernel.length;
  const lead = x.sizes.length - rank;
  const out = outputSizes(x, g);
  const total = runtime.noGrad(() => {
    const windows = windowed(framed(x, g, out, 0), g, out);
    return runtime.reduce(
      windowSumOp,
      windows,
      windows.sizes.map((_, d) => d >= lead + rank),
      false,
      x.dtype,
    );
  });
  const { sizes } = x;
  return runtime.record(total, {
    name,
    inputs: [x],
    saved: [],
    backward: ([grad]) => [grad === null || grad === undefined ? null : sumPoolBackward(grad, sizes, g, out)],
  });
}

/** Every window's gradient added to its elements; differentiable. */
function sumPoolBackward(
  grad: Tensor,
  sizes: readonly number[],
  g: PoolGeometry,
  out: readonly number[],
): Tensor {
  const rank = g.kernel.length;
  const lead = sizes.length - rank;
  const space = framedSpace(sizes, g, out);
  const expanded = grad
    .reshape([...grad.sizes, ...g.kernel.map(() => 1)])
    .expand([...grad.sizes, ...g.kernel]);
  const whole = scatterView(expanded, [...sizes.slice(0, lead), ...space], (t) => windowedView(t, g, out));
  let inner = whole;
  for (let d = 0; d < rank; d++) inner = inner.narrow(lead + d, g.padding[d], sizes[lead + d]);
  return inner;
}

/** The window view as a differentiable op. */
function windowedView(x: Tensor, g: PoolGeometry, out: readonly number[]): Tensor {
  const rank = g.kernel.length;
  const lead = x.sizes.length - rank;
  const space = x.strides.slice(lead);
  return x.asStrided(
    [...x.sizes.slice(0, lead), ...out, ...g.kernel],
    [
      ...x.strides.slice(0, lead),
      ...space.map((s, d) => s * g.stride[d]),
      ...space.map((s, d) => s * g.dilation[d]),
    ],
    x.offset,
  );
}

/** How many elements each window averages over: [out…] as float64 numbers. */
export function windowCounts(space: readonly number[], g: PoolGeometry, includePad: boolean): Float64Array {
  const out = space.map((s, d) =>
    pooledSize(s, g.kernel[d], g.stride[d], g.padding[d], g.dilation[d], g.ceilMode),
  );
  const perDim = space.map((s, d) =>
    Float64Array.from({ length: out[d] }, (_, i) => {
      const start = i * g.stride[d] - g.padding[d];
      const end = Math.min(start + g.kernel[d], s + g.padding[d]);
      return includePad ? end - start : Math.min(end, s) - Math.max(start, 0);
    }),
  );
  const strides = contiguousStrides(out);
  return Float64Array.from({ length: product(out) }, (_, p) => {
    let rest = p;
    let count = 1;
    for (let d = 0; d < out.length; d++) {
      const i = Math.floor(rest / strides[d]);
      rest -= i * strides[d];
      count *= perDim[d][i];
    }
    return count;
  });
}

/** The mean of each window. */
export function avgPool(
  name: string,
  x: Tensor,
  g: PoolGeometry,
  includePad: boolean,
  divisor: number | null,
): Tensor {
  const rank = g.kernel.length;
  const sums = sumPool(name, x, g);
  // int64 stays int64.
  const divide = (by: Tensor | number): Tensor =>
    x.dtype.isFloatingPoint ? sums.div(by) : sums.div(by, { roundingMode: 'trunc' });
  if (divisor !== null) return divide(divisor);
  const space = x.sizes.slice(-rank);
  const counts = windowCounts(space, g, includePad);
  const first = counts[0];
  if (counts.every((c) => c === first)) return divide(first);
  const shape = sums.sizes.slice(-rank);
  const table = runtime.fromArray(counts, shape, float64, x).to(x.dtype);
  return divide(table);
}
