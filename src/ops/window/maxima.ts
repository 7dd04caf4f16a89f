/**
 * Max pooling over windows of few elements: one kernel compares the elements of a window, which are the same strided view of the image at
 * different offsets, and notes in a byte which of them is the largest. The gradient goes back by that byte alone.
 */
import { type DType, uint8 } from '../../base/dtype.ts';
import { contiguousStrides, product, sameSizes } from '../../base/shape.ts';
import * as E from '../../expr/expr.ts';
import type { Expr } from '../../expr/expr.ts';
import { LoopProgram } from '../../kernel/program.ts';
import type { View } from '../../kernel/view.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { runtime } from '../runtime.ts';
import { framed, framedSpace, type PoolGeometry } from './frames.ts';

/** Windows with more elements than this are reduced like any other dimension. */
export const MOST_ELEMENTS = 16;

interface Programs {
  /** From the elements of a window to the largest, and which it is. */
  readonly find: LoopProgram;
  readonly findValue: LoopProgram;
  /** From a gradient and places to the gradients of all elements of a window. */
  readonly spread: LoopProgram;
  /** The same for one element, added to what is there. */
  readonly add: readonly LoopProgram[];
  /** From the elements of a window and places to those at the places. */
  readonly pick: LoopProgram;
}

const programs = new Map<number, Programs>();

function programsFor(dtype: DType, count: number): Programs {
  const key = dtype.code * 256 + count;
  let found = programs.get(key);
  if (found === undefined) {
    found = build(dtype, count);
    programs.set(key, found);
  }
  return found;
}

function build(dtype: DType, count: number): Programs {
  const type = dtype.compute;
  const elements = Array.from({ length: count }, (_, k) => E.input(k, type));
  const dtypes = elements.map(() => dtype);
  let best = elements[0];
  let place: Expr = E.constant(0, 'i32');
  for (let k = 1; k < count; k++) {
    // Of several NaN the last one counts, as in PyTorch.
    const takes = E.or(E.gt(elements[k], best), E.isNaNExpr(elements[k]));
    best = E.select(takes, elements[k], best);
    place = E.select(takes, E.constant(k, 'i32'), place);
  }
  const isAt = (where: Expr, k: number): Expr => E.eq(where, E.constant(k, 'i32'));
  const share = (k: number): Expr =>
    E.select(isAt(E.input(1, 'i32'), k), E.input(0, type), E.constant(0, type));
  let chosen = elements[0];
  for (let k = 1; k < count; k++) chosen = E.select(isAt(E.input(count, 'i32'), k), elements[k], chosen);
  const shares = elements.map((_, k) => ({ expr: share(k), dtype }));
  return {
    find: new LoopProgram(
      [
        { expr: best, dtype },
        { expr: place, dtype: uint8 },
      ],
      dtypes,
    ),
    findValue: new LoopProgram([{ expr: best, dtype }], dtypes),
    spread: new LoopProgram(shares, [dtype, uint8]),
    add: shares.map((one) => new LoopProgram([one], [dtype, uint8], true)),
    pick: new LoopProgram([{ expr: chosen, dtype }], [...dtypes, uint8]),
  };
}

/** For every element of a window, in row-major order, the view of a framed image that has it for all windows. */
function elementViews(whole: Tensor, g: PoolGeometry, out: readonly number[]): View[] {
  const rank = out.length;
  const lead = whole.sizes.length - rank;
  const { storage, dtype } = whole;
  const sizes = [...whole.sizes.slice(0, lead), ...out];
  const strides = whole.strides.map((s, d) => (d < lead ? s : s * g.stride[d - lead]));
  let offsets = [whole.offset];
  for (let d = 0; d < rank; d++) {
    const step = whole.strides[lead + d] * g.dilation[d];
    const next: number[] = [];
    for (const at of offsets) for (let k = 0; k < g.kernel[d]; k++) next.push(at + k * step);
    offsets = next;
  }
  return offsets.map((offset) => ({ storage, dtype, sizes, strides, offset }));
}

/** One place along a dimension. */
function slice(x: Tensor, dim: number, at: number): Tensor {
  const sizes = x.sizes.map((s, d) => (d === dim ? 1 : s));
  return runtime.alias(x, sizes, x.strides, x.offset + at * x.strides[dim]);
}

/**
 * Calls `visit` for the places of the frame before the image, along each spatial dimension, with the place inside that stands for
 * them: where a window has nothing but −∞ its first element counts, and in the frame that is the next one inside.
 */
function eachFramePlace(
  sizes: readonly number[],
  g: PoolGeometry,
  visit: (dim: number, outside: number, inside: number) => void,
): void {
  const lead = sizes.length - g.kernel.length;
  g.padding.forEach((p, d) => {
    for (let at = 0; at < p; at++) {
      const inside = at + Math.ceil((p - at) / g.dilation[d]) * g.dilation[d];
      visit(lead + d, at, Math.min(inside, p + sizes[lead + d] - 1));
    }
  });
}

/** Every gradient at its window's place, zero elsewhere; differentiable. `sizes`: of the image. */
function spread(
  name: string,
  grad: Tensor,
  places: Tensor,
  sizes: readonly number[],
  g: PoolGeometry,
): Tensor {
  const rank = g.kernel.length;
  const lead = sizes.length - rank;
  const out = grad.sizes.slice(lead);
  const space = framedSpace(sizes, g, out);
  const whole = [...sizes.slice(0, lead), ...space];
  const apart = g.stride.every((s, d) => s > g.dilation[d] * (g.kernel[d] - 1));
  const covered = apart && space.every((s, d) => s === g.stride[d] * out[d] && g.stride[d] === g.kernel[d]);
  const dx = covered ? runtime.empty(whole, grad.dtype, grad) : runtime.full(whole, 0, grad.dtype, grad);
  if (grad.numel() > 0) {
    const { device } = dx.storage;
    const all = programsFor(grad.dtype, product(g.kernel));
    const views = elementViews(dx, g, out);
    if (apart) device.loop(all.spread, views, [grad, places], []);
    else {
      views.forEach((view, k) => {
        device.loop(all.add[k], [view], [grad, places], []);
      });
    }
    eachFramePlace(sizes, g, (dim, outside, inside) => {
      runtime.copyInto(slice(dx, dim, inside), slice(dx, dim, outside), true);
    });
  }
  const strides = contiguousStrides(whole);
  const offset = g.padding.reduce((sum, p, d) => sum + p * strides[lead + d], 0);
  const inner = sameSizes(whole, sizes) ? dx : runtime.alias(dx, sizes, strides, offset);
  return runtime.record(inner, {
    name: `${name}Backward`,
    inputs: [grad],
    saved: [places],
    backward: ([gg], [at]) => [gg === null || gg === undefined ? null : pick(name, gg, at, out, g)],
  });
}

/** The elements at the places; differentiable. */
function pick(name: string, x: Tensor, places: Tensor, out: readonly number[], g: PoolGeometry): Tensor {
  const { sizes } = x;
  const whole = framed(x, g, out, 0);
  const frame: [number, number, number][] = [];
  eachFramePlace(sizes, g, (...place) => frame.push(place));
  for (const [dim, outside, inside] of frame.reverse()) {
    runtime.copyInto(slice(whole, dim, outside), slice(whole, dim, inside));
  }
  const y = runtime.empty(places.sizes, x.dtype, x);
  if (y.numel() > 0) {
    const { pick: program } = programsFor(x.dtype, product(g.kernel));
    y.storage.device.loop(program, [y], [...elementViews(whole, g, out), places], []);
  }
  return runtime.record(y, {
    name,
    inputs: [x],
    saved: [places],
    backward: ([grad], [at]) => [
      grad === null || grad === undefined ? null : spread(name, grad, at, sizes, g),
    ],
  });
}

/**
 * The largest element of each window, differentiable; where gradients are recorded or with `keepPlaces`, also which element of its window
 * each is (uint8).
 */
export function windowMaxima(
  name: string,
  x: Tensor,
  g: PoolGeometry,
  out: readonly number[],
  keepPlaces: boolean,
): { values: Tensor; places: Tensor | null } {
  const { sizes } = x;
  const lead = sizes.length - out.length;
  const result = [...sizes.slice(0, lead), ...out];
  const recorded = runtime.needsGrad([x]);
  const values = runtime.empty(result, x.dtype, x);
  const places = keepPlaces || recorded ? runtime.empty(result, uint8, x) : null;
  if (values.numel() > 0) {
    const all = programsFor(x.dtype, product(g.kernel));
    const whole = framed(x, g, out, Number.NEGATIVE_INFINITY);
    const views = elementViews(whole, g, out);
    const { device } = values.storage;
    if (places === null) device.loop(all.findValue, [values], views, []);
    else device.loop(all.find, [values, places], views, []);
    if (whole !== x) whole.storage.dispose();
  }
  if (places === null || !recorded) return { values, places };
  const record = runtime.record(values, {
    name,
    inputs: [x],
    saved: [places],
    backward: ([grad], [at]) => [
      grad === null || grad === undefined ? null : spread(name, grad, at, sizes, g),
    ],
  });
  return { values: record, places };
}
