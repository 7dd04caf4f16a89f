/**
 * Convolution of any number of spatial dimensions, with stride, padding, dilation and groups.
 *
 * Three contractions that are each other's gradients. With `w` the weight and `windows(x)` the strided view of the padded input that
 * has a window of kernel positions at every output position:
 *   output        y[n, o, p]    = Σ c,k  w[o, c, k] · windows(x)[n, c, k, p]
 *   weight grad   dw[o, c, k]   = Σ n,p  dy[n, o, p] · windows(x)[n, c, k, p]
 *   input grad    dx            = the output of the transposed convolution of dy
 * No window is ever copied: the contraction kernel packs straight from the image.
 */
import { notImplementedFor } from '../refuse.ts';
import { bool, cppName } from '../../base/dtype.ts';
import { RuntimeError } from '../../base/errors.ts';
import { contiguousStrides, showSizes } from '../../base/shape.ts';
import type { View } from '../../kernel/view.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { canAddTo, contractDtype } from '../contraction/products.ts';
import { runtime } from '../runtime.ts';
import { type Geometry, inputParts } from './phases.ts';

export type { Geometry } from './phases.ts';

/** The size of the output along one dimension. */
export function outputSize(
  input: number,
  kernel: number,
  stride: number,
  padding: number,
  dilation: number,
): number {
  return Math.floor((input + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1;
}

/** Smaller copies are cheaper zeroed as a whole, and so are those of which the frame is a large part. */
const SMALL_ELEMENTS = 1 << 14;
const LARGE_FRAME = 0.4;

/** A copy with zeros around: `before[d]` and `after[d]` places along spatial dimension d. */
function padded(x: Tensor, before: readonly number[], after: readonly number[]): Tensor {
  if (before.every((b) => b === 0) && after.every((a) => a === 0)) return x;
  const lead = x.sizes.length - before.length;
  const sizes = x.sizes.map((s, d) => (d < lead ? s : s + before[d - lead] + after[d - lead]));
  const strides = contiguousStrides(sizes);
  const total = sizes.reduce((n, s) => n * s, 1);
  const whole = total < SMALL_ELEMENTS || total - x.numel() > LARGE_FRAME * total;
  const out = whole ? runtime.full(sizes, 0, x.dtype, x) : runtime.empty(sizes, x.dtype, x);
  if (!whole) zeroFrame(out, before, after);
  const offset = before.reduce((sum, b, d) => sum + b * strides[lead + d], 0);
  runtime.copyInto(runtime.alias(out, x.sizes, strides, offset), x);
  return out;
}

/** Zeros along the borders of the spatial dimensions of a contiguous tensor. */
function zeroFrame(out: Tensor, before: readonly number[], after: readonly number[]): void {
  const { sizes, strides } = out;
  const last = sizes.length - 1;
  const lead = sizes.length - before.length;
  const zero = runtime.full([], 0, out.dtype, out);
  const clear = (shape: readonly number[], steps: readonly number[], offset: number): void =>
    runtime.copyInto(runtime.alias(out, shape, steps, offset), zero);
  for (let d = lead; d < last; d++) {
    const strip = (from: number, count: number): void =>
      clear(
        sizes.map((s, i) => (i === d ? count : s)),
        strides,
        from * strides[d],
      );
    strip(0, before[d - lead]);
    strip(sizes[d] - after[d - lead], after[d - lead]);
  }
  // The end of a row and the start of the next one lie side by side.
  const [start, end] = [before[last - lead], after[last - lead]];
  const width = sizes[last];
  const rows = out.numel() / width;
  clear([start], [1], 0);
  clear([rows - 1, start + end], [width, 1], width - end);
  clear([end], [1], out.numel() - end);
  zero.storage.dispose();
}

/** Gives the memory of a padded copy back. */
function drop(image: Tensor, original: Tensor): void {
  if (image !== original) image.storage.dispose();
}

function view(t: Tensor, sizes: readonly number[], strides: readonly number[]): View {
  return { storage: t.storage, dtype: t.dtype, sizes, strides, offset: t.offset };
}

/** The padding that makes it a plain correlation of images, if it is one: two dimensions, a stride of 1, no dilation, one group. */
function plainPadding({ stride, padding, dilation, groups }: Geometry): readonly [number, number] | null {
  if (padding.length !== 2 || groups !== 1 || stride.some((s) => s !== 1) || dilation.some((d) => d !== 1))
    return null;
  return [padding[0], padding[1]];
}

/** A view with its first two dimensions exchanged: with images as channels. */
function exchanged({ storage, dtype, sizes, strides, offset }: View): View {
  const swap = ([a, b, ...rest]: readonly number[]): number[] => [b, a, ...rest];
  return { storage, dtype, sizes: swap(sizes), strides: swap(strides), offset };
}

/** A view of a kernel from its last tap to its first, from outputs to inputs. */
function reversed(w: View): View {
  const { storage, dtype, sizes, strides } = exchanged(w);
  const [a, b, ...steps] = strides;
  const offset = steps.reduce((at, s, d) => at + s * (sizes[2 + d] - 1), w.offset);
  return { storage, dtype, sizes, strides: [a, b, ...steps.map((s) => -s)], offset };
}

/** Windows of a padded [N, G, C/G, spatial…] image: dimensions [N, G, C/G, kernel…, out…] as strides. */
function windowStrides(
  image: Tensor,
  groups: number,
  g: Geometry,
): { batch: number; group: number; channel: number; kernel: number[]; out: number[] } {
  const [n, c, ...space] = image.strides;
  return {
    batch: n,
    group: c * (image.sizes[1] / groups),
    channel: c,
    kernel: space.map((s, d) => s * g.dilation[d]),
    out: space.map((s, d) => s * g.stride[d]),
  };
}

/** Runs `compute` in a dtype that contractions have; the result has the dtype of the operands. */
function working(x: Tensor, y: Tensor, compute: (x: Tensor, y: Tensor) => Tensor): Tensor {
  const dtype = contractDtype(x.dtype);
  return x.dtype === dtype ? compute(x, y) : compute(x.to(dtype), y.to(dtype)).to(x.dtype);
}

/** y = w ∗ x + bias on tensors [N, C, …] and [O, C/groups, …]. Records nothing. */
function forward(x: Tensor, w: Tensor, bias: Tensor | null, g: Geometry): Tensor {
  const [batch, , ...space] = x.sizes;
  const [outputs, perGroup, ...kernel] = w.sizes;
  const out = space.map((s, d) => outputSize(s, kernel[d], g.stride[d], g.padding[d], g.dilation[d]));
  const y = runtime.empty([batch, outputs, ...out], x.dtype, x);
  if (y.numel() === 0) return y;
  const padding = plainPadding(g);
  if (padding !== null && runtime.correlate(y, x, w, padding, 0)) return addBias(y, bias);
  const image = padded(x, g.padding, g.padding);
  const dense = w.contiguous();
  const win = windowStrides(image, g.groups, g);
  const rank = space.length;
  const [, ws, ...wk] = dense.strides;
  const og = outputs / g.groups;
  // Batch: n, group. Rows: output channel of the group. Summed: channel, kernel. Columns: output positions.
  const weight = view(
    dense,
    [batch, g.groups, og, perGroup, ...kernel],
    [0, dense.strides[0] * og, dense.strides[0], ws, ...wk],
  );
  const windows = view(
    image,
    [batch, g.groups, perGroup, ...kernel, ...out],
    [win.batch, win.group, win.channel, ...win.kernel, ...win.out],
  );
  const [yn, yc, ...ys] = y.strides;
  const target = view(y, [batch, g.groups, og, ...out], [yn, yc * og, yc, ...ys]);
  const [m, n, k] = [1, rank, 1 + rank];
  // Sums start from the bias where that is one value for each row.
  const starts = bias !== null && g.groups === 1;
  if (starts) {
    const start = view(bias, target.sizes, [0, 0, bias.strides[0], ...out.map(() => 0)]);
    runtime.contract(target, weight, windows, { batch: 2, m, n, k, alpha: 1, beta: 0, start });
  } else runtime.contract(target, weight, windows, { batch: 2, m, n, k, alpha: 1, beta: 0 });
  drop(image, x);
  return starts ? y : addBias(y, bias);
}

/** dw for an incoming gradient `dy`, or that added to `into`. Records nothing. */
function weightGradient(
  x: Tensor,
  dy: Tensor,
  weightSizes: readonly number[],
  g: Geometry,
  into: Tensor | null,
): Tensor {
  const [batch, , ...space] = x.sizes;
  const [outputs, perGroup, ...kernel] = weightSizes;
  const dw = into ?? runtime.empty(weightSizes, x.dtype, x);
  if (dw.numel() === 0) return dw;
  if (dy.numel() === 0 || x.numel() === 0) return into ?? dw.zero_();
  const beta = into === null ? 0 : 1;
  const padding = plainPadding(g);
  if (padding !== null && runtime.correlate(exchanged(dw), exchanged(x), exchanged(dy), padding, beta))
    return dw;
  const image = padded(x, g.padding, g.padding);
  const win = windowStrides(image, g.groups, g);
  const dense = dy.contiguous();
  const out = dense.sizes.slice(2);
  const [yn, yc, ...ys] = dense.strides;
  const og = outputs / g.groups;
  const rank = space.length;
  // Batch: group. Rows: output channel. Summed: n, positions. Columns: channel, kernel.
  const left = view(dense, [g.groups, og, batch, ...out], [yc * og, yc, yn, ...ys]);
  const windows = view(
    image,
    [g.groups, batch, ...out, perGroup, ...kernel],
    [win.group, win.batch, ...win.out, win.channel, ...win.kernel],
  );
  const [wo, wc, ...wk] = dw.strides;
  const target = view(dw, [g.groups, og, perGroup, ...kernel], [wo * og, wo, wc, ...wk]);
  runtime.contract(target, left, windows, { batch: 1, m: 1, n: 1 + rank, k: 1 + rank, alpha: 1, beta });
  drop(image, x);
  return dw;
}

/**
 * dx for an incoming gradient `dy`, of spatial sizes `space`: for each phase of the stride a plain convolution of dy with the part of the kernel
 * that reaches it. Records nothing.
 */
function inputGradient(dy: Tensor, w: Tensor, space: readonly number[], g: Geometry): Tensor {
  const [batch, outputs, ...out] = dy.sizes;
  const [, perGroup, ...kernel] = w.sizes;
  const rank = space.length;
  const og = outputs / g.groups;
  const dx = runtime.empty([batch, perGroup * g.groups, ...space], dy.dtype, dy);
  if (dx.numel() === 0) return dx;
  if (dy.numel() === 0) return dx.zero_();
  const padding = plainPadding(g);
  if (padding !== null) {
    const around = [kernel[0] - 1 - padding[0], kernel[1] - 1 - padding[1]] as const;
    if (Math.min(...around) >= 0 && runtime.correlate(dx, dy, reversed(w), around, 0)) return dx;
  }
  const { before, after, parts, complete } = inputParts(
    space,
    out,
    kernel,
    g,
    2 * batch * outputs * perGroup,
  );
  if (!complete) dx.zero_();
  const image = padded(dy, before, after);
  const dense = w.contiguous();
  const [wo, wc, ...wk] = dense.strides;
  const [yn, yc, ...ys] = image.strides;
  const [xn, xc, ...xs] = dx.strides;
  const { storage, dtype } = image;
  // Batch: n, group. Rows: input channel of the group. Summed: output channel, taps. Columns: positions.
  const spec = { batch: 2, m: 1, n: rank, k: 1 + rank, alpha: 1, beta: 0 };
  for (const { phases, taps, counts } of parts) {
    const strides = [0, wo * og, wc, wo];
    const windowStrides = [yn, yc * og, yc];
    const targetStrides = [xn, xc * perGroup, xc];
    let [at, from, to] = [dense.offset, image.offset, dx.offset];
    for (let d = 0; d < rank; d++) {
      const p = phases[d];
      strides.push(p.tapStep * wk[d]);
      windowStrides.push(-p.shift * ys[d]);
      targetStrides.push(xs[d] * g.stride[d]);
      at += p.tap * wk[d];
      from += (p.from + before[d]) * ys[d];
      to += p.first * xs[d];
    }
    windowStrides.push(...ys);
    const weightSizes = [batch, g.groups, perGroup, og, ...taps];
    const windowSizes = [batch, g.groups, og, ...taps, ...counts];
    const targetSizes = [batch, g.groups, perGroup, ...counts];
    runtime.contract(
      { storage: dx.storage, dtype, sizes: targetSizes, strides: targetStrides, offset: to },
      { storage: dense.storage, dtype, sizes: weightSizes, strides, offset: at },
      { storage, dtype, sizes: windowSizes, strides: windowStrides, offset: from },
      spec,
    );
  }
  drop(image, dy);
  return dx;
}

/** The differentiable convolution of a batch; the bias is added per channel. */
export function convolve(x: Tensor, w: Tensor, bias: Tensor | null, g: Geometry): Tensor {
  const y = runtime.noGrad(() =>
    contractDtype(x.dtype) === x.dtype
      ? forward(x, w, bias, g)
      : addBias(
          working(x, w, (a, b) => forward(a, b, null, g)),
          bias,
        ),
  );
  const space = x.sizes.slice(2);
  return runtime.record(y, {
    name: 'Convolution',
    inputs: [x, w, bias],
    saved: [x, w],
    accumulates: true,
    backward: ([grad], [input, weight], needs, into) => {
      if (grad === null || grad === undefined) return [null, null, null];
      return [
        needs[0] ? convolveTransposed(grad, weight, null, g, space) : null,
        needs[1] ? convolveWeight(input, grad, weight.sizes, g, into[1]) : null,
        needs[2] ? biasGradient(grad) : null,
      ];
    },
  });
}

/** The differentiable input gradient: the transposed convolution, with `space` the sizes of its result. */
export function convolveTransposed(
  dy: Tensor,
  w: Tensor,
  bias: Tensor | null,
  g: Geometry,
  space: readonly number[],
): Tensor {
  const dx = runtime.noGrad(() =>
    addBias(
      working(dy, w, (a, b) => inputGradient(a, b, space, g)),
      bias,
    ),
  );
  return runtime.record(dx, {
    name: 'Convolution',
    inputs: [dy, w, bias],
    saved: [dy, w],
    accumulates: true,
    backward: ([grad], [output, weight], needs, into) => {
      if (grad === null || grad === undefined) return [null, null, null];
      return [
        needs[0] ? trimmed(convolve(grad, weight, null, g), output.sizes) : null,
        needs[1] ? convolveWeight(grad, output, weight.sizes, g, into[1]) : null,
        needs[2] ? biasGradient(grad) : null,
      ];
    },
  });
}

/** The first positions of `x`: where the output padding is larger than the stride there are more than the input had. */
function trimmed(x: Tensor, sizes: readonly number[]): Tensor {
  let out = x;
  for (let d = 2; d < sizes.length; d++) if (out.sizes[d] > sizes[d]) out = out.narrow(d, 0, sizes[d]);
  return out;
}

/** The differentiable weight gradient; null where it was added to `into`. */
function convolveWeight(
  x: Tensor,
  dy: Tensor,
  weightSizes: readonly number[],
  g: Geometry,
  into: Tensor | null | undefined,
): Tensor | null {
  if (into !== null && into !== undefined && canAddTo(into, x, dy)) {
    weightGradient(x, dy, weightSizes, g, into);
    runtime.recordInplace(into, null);
    return null;
  }
  const dw = runtime.noGrad(() => working(x, dy, (a, b) => weightGradient(a, b, weightSizes, g, null)));
  const space = x.sizes.slice(2);
  return runtime.record(dw, {
    name: 'ConvolutionBackward',
    inputs: [x, dy],
    saved: [x, dy],
    backward: ([grad], [input, output], needs) => {
      if (grad === null || grad === undefined) return [null, null];
      return [
        needs[0] ? convolveTransposed(output, grad, null, g, space) : null,
        needs[1] ? trimmed(convolve(input, grad, null, g), output.sizes) : null,
      ];
    },
  });
}

function addBias(y: Tensor, bias: Tensor | null): Tensor {
  if (bias === null) return y;
  return y.add_(bias.reshape([1, -1, ...y.sizes.slice(2).map(() => 1)]));
}

function biasGradient(grad: Tensor): Tensor {
  return grad.sum(grad.sizes.map((_, d) => d).filter((d) => d !== 1));
}

/** Throws PyTorch's RuntimeErrors for shapes that cannot be convolved. */
export function checkShapes(
  x: Tensor,
  w: Tensor,
  bias: Tensor | null,
  g: Geometry,
  transposed: boolean,
): void {
  const { groups } = g;
  if (g.stride.some((s) => s <= 0)) throw new RuntimeError('non-positive stride is not supported');
  if (g.padding.some((p) => p < 0)) throw new RuntimeError('negative padding is not supported');
  if (g.dilation.some((d) => d <= 0)) throw new RuntimeError('dilation should be greater than zero');
  if (groups <= 0) throw new RuntimeError('non-positive groups is not supported');
  if (x.dtype === bool) {
    const rank = Math.max(x.sizes.length - 2, 2);
    const direct = rank === 3 ? 'compute_columns3d' : 'slow_conv2d_cpu';
    throw notImplementedFor(transposed ? `slow_conv_transpose${rank}d_out_cpu` : direct, bool);
  }
  if (x.dtype !== w.dtype) {
    throw new RuntimeError(`expected scalar type ${x.dtype.scalarName} but found ${w.dtype.scalarName}`);
  }
  if (bias !== null && bias.dtype !== x.dtype) {
    throw new RuntimeError(
      `Input type (${cppName(x.dtype)}) and bias type (${cppName(bias.dtype)}) should be the same`,
    );
  }
  const [first, second, ...kernel] = w.sizes;
  const channels = x.sizes[1];
  if (!transposed) {
    if (first < groups) {
      throw new RuntimeError(
        `Given groups=${groups}, expected weight to be at least ${groups} at dimension 0, but got weight of size ${showSizes(w.sizes)} instead`,
      );
    }
    if (first % groups !== 0) {
      throw new RuntimeError(
        `Given groups=${groups}, expected weight to be divisible by ${groups} at dimension 0, but got weight of size [${w.sizes.join(', ')}] instead`,
      );
    }
    if (channels !== second * groups) {
      throw new RuntimeError(
        `Given groups=${groups}, weight of size ${showSizes(w.sizes)}, expected input${showSizes(x.sizes)} to have ${second * groups} channels, but got ${channels} channels instead`,
      );
    }
    if (bias !== null && (bias.sizes.length !== 1 || bias.sizes[0] !== first)) {
      throw new RuntimeError(
        `Given weight of size ${showSizes(w.sizes)}, expected bias to be 1-dimensional with ${first} elements, but got bias of size ${showSizes(bias.sizes)} instead`,
      );
    }
    const padded = x.sizes.slice(2).map((s, d) => s + 2 * g.padding[d]);
    const reach = kernel.map((k, d) => g.dilation[d] * (k - 1) + 1);
    if (padded.some((p, d) => p < reach[d])) {
      throw new RuntimeError(
        `Calculated padded input size per channel: (${padded.join(' x ')}). Kernel size: (${reach.join(' x ')}). Kernel size can't be greater than actual input size`,
      );
    }
  } else {
    if (channels !== first) {
      throw new RuntimeError(
        `Given transposed=1, weight of size ${showSizes(w.sizes)}, expected input${showSizes(x.sizes)} to have ${first} channels, but got ${channels} channels instead`,
      );
    }
    if (bias !== null && (bias.sizes.length !== 1 || bias.sizes[0] !== second * groups)) {
      throw new RuntimeError(
        `Given transposed=1, weight of size ${showSizes(w.sizes)}, expected bias to be 1-dimensional with ${second * groups} elements, but got bias of size ${showSizes(bias.sizes)} instead`,
      );
    }
  }
}
