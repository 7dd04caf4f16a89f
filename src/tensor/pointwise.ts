import { isGradEnabled } from '../autograd/mode.ts';
import { gradientEdge, Node, FREED, save, unpack, type Saved, type Edge } from '../autograd/node.ts';
import { type DType, int64 } from '../base/dtype.ts';
import { ArgumentTypeError, NotImplementedError, RuntimeError } from '../base/errors.ts';
import { broadcastSizes, broadcastStrides, sameSizes, showSizes } from '../base/shape.ts';
import type { Device } from '../device/device.ts';
import * as E from '../expr/expr.ts';
import { LoopProgram } from '../kernel/program.ts';
import type { View } from '../kernel/view.ts';
import type { Operand } from '../ops/define.ts';
import type { PointwiseOp } from '../ops/pointwise/family.ts';
import { empty } from './allocate.ts';
import { kernelFor, type PointwiseKernel } from './pointwiseKernel.ts';
import { PyFloat } from './pyfloat.ts';
import { checkInplace, needsGrad, recordInplace } from './record.ts';
import { Tensor } from './tensor.ts';

/** The gradients of the operands of a pointwise op, from that of its result. `saved(u)` is operand `u`, or the output. */
function operandGradients(
  kernel: PointwiseKernel,
  grad: Tensor | null | undefined,
  needs: readonly boolean[],
  sizes: readonly (readonly number[])[],
  params: readonly number[],
  saved: (use: number) => Tensor,
): (Tensor | null)[] {
  return sizes.map((size, i) => {
    if (!needs[i] || grad === null || grad === undefined) return null;
    const refusal = kernel.refusal(i);
    if (refusal !== null) throw new NotImplementedError(refusal);
    const gradient = kernel.gradient(i);
    if (gradient === null) return null;
    const { kernel: slope, uses } = gradient;
    // Multiplying with the constant 1 is no work at all.
    const plain = uses.length === 0 && slope.expr.op === 'input' && grad.dtype === slope.output;
    const result = plain ? grad : runKernel(slope, [grad, ...uses.map(saved)], params);
    return sameSizes(result.sizes, size) ? result : result.sumToSize(size);
  });
}

class PointwiseNode extends Node {
  private readonly kernel: PointwiseKernel;
  private readonly params: readonly number[];
  private saved: (Saved | undefined)[] | null;
  private readonly keepsNothing: boolean;
  private readonly sizes: readonly (readonly number[])[];

  constructor(
    kernel: PointwiseKernel,
    edges: (Edge | null)[],
    inputs: readonly Tensor[],
    output: Tensor,
    params: readonly number[],
    mask: number,
  ) {
    super(kernel.name, edges);
    this.kernel = kernel;
    this.params = params;
    this.sizes = inputs.map((t) => t.sizes);
    this.saved = [];
    for (const u of kernel.saves(mask)) this.saved[u] = save(u === inputs.length ? output : inputs[u]);
    this.keepsNothing = this.saved.length === 0 && !kernel.savesNumbers(mask);
  }

  override apply(grads: readonly (Tensor | null)[], needs: readonly boolean[]): readonly (Tensor | null)[] {
    const { saved } = this;
    if (saved === null) throw new RuntimeError(FREED);
    const use = (u: number): Tensor => unpack(saved[u] as Saved);
    return operandGradients(this.kernel, grads[0], needs, this.sizes, this.params, use);
  }

  override release(): void {
    if (!this.keepsNothing) this.saved = null;
  }
}

/** A view of `t` with the sizes of the whole operation. */
function expandTo(t: Tensor, sizes: readonly number[]): View {
  if (sameSizes(t.sizes, sizes)) return t;
  return {
    storage: t.storage,
    dtype: t.dtype,
    sizes,
    strides: broadcastStrides(t.sizes, t.strides, sizes),
    offset: t.offset,
  };
}

/** Throws PyTorch's error where these are not all on one device. */
export function commonDevice(tensors: readonly Pick<View, 'storage'>[]): void {
  const first = tensors[0].storage.device;
  for (let i = 1; i < tensors.length; i++) {
    const other = tensors[i].storage.device;
    if (other !== first) {
      throw new RuntimeError(
        `Expected all tensors to be on the same device, but found at least two devices, ${first.name} and ${other.name}!`,
      );
    }
  }
}

/** Runs a kernel on tensors of exactly its dtypes. */
function runKernel(kernel: PointwiseKernel, tensors: readonly Tensor[], params: readonly number[]): Tensor {
  const first = tensors[0];
  let sizes = first.sizes;
  let same = true;
  for (let i = 1; i < tensors.length; i++) {
    if (!sameSizes(tensors[i].sizes, sizes)) {
      same = false;
      sizes = broadcastSizes([sizes, tensors[i].sizes]);
    }
  }
  if (tensors.length > 1) commonDevice(tensors);
  const device = first.storage.device;
  const out = outputLike(first, sizes, kernel.output);
  if (out.numel() > 0) {
    device.loop(kernel.program, [out], same ? tensors : tensors.map((t) => expandTo(t, sizes)), params);
  }
  attach(kernel, tensors, out, params);
  return out;
}

/** Pointwise results keep the memory order of their first operand where that has no gaps. */
export function outputLike(like: Tensor, sizes: readonly number[], dtype: DType): Tensor {
  if (like.isContiguous() || !sameSizes(like.sizes, sizes)) return empty(sizes, dtype, like.storage.device);
  const strides = denseStridesLike(like);
  if (strides === null) return empty(sizes, dtype, like.storage.device);
  const storage = like.storage.device.allocate(like.numel() * dtype.itemSize);
  return new Tensor(storage, dtype, sizes, strides, 0, false);
}

/** The strides of a dense tensor whose dimensions lie in memory in the order of `like`'s. */
export function denseStridesLike(like: Tensor): number[] | null {
  const order = like.sizes.map((_, i) => i);
  if (like.strides.some((s, i) => s === 0 && like.sizes[i] > 1)) return null;
  order.sort((a, b) => like.strides[a] - like.strides[b] || b - a);
  const strides = new Array<number>(order.length);
  let step = 1;
  for (const d of order) {
    strides[d] = step;
    step *= Math.max(like.sizes[d], 1);
  }
  return strides;
}

/** Records the gradient where one is wanted. */
function attach(
  kernel: PointwiseKernel,
  tensors: readonly Tensor[],
  out: Tensor,
  params: readonly number[],
): void {
  if (!isGradEnabled() || !kernel.output.isFloatingPoint) return;
  let mask = 0;
  for (let i = 0; i < tensors.length; i++) {
    const t = tensors[i];
    if (t.requiresGrad && t.dtype.isFloatingPoint) mask |= 1 << i;
  }
  if (mask === 0) return;
  out.setHistory(makeNode(kernel, tensors, out, params, mask), 0);
}

function makeNode(
  kernel: PointwiseKernel,
  tensors: readonly Tensor[],
  out: Tensor,
  params: readonly number[],
  mask: number,
): PointwiseNode {
  for (const u of kernel.saves(mask)) {
    const t = u === tensors.length ? out : tensors[u];
    if (t.inference) {
      throw new RuntimeError(
        'Inference tensors cannot be saved for backward. To work around you can make a clone to get a normal tensor and use it in autograd.',
      );
    }
  }
  const edges = tensors.map((t, i) => (mask & (1 << i) ? gradientEdge(t) : null));
  return new PointwiseNode(kernel, edges, tensors, out, params, mask);
}

/** Tensors and scalar arguments apart, in order: numbers first, then attributes. */
function split(operands: readonly Operand[], attributes: readonly number[]): [Tensor[], number[]] {
  const tensors: Tensor[] = [];
  const params: number[] = [];
  for (let i = 0; i < operands.length; i++) {
    const x = operands[i];
    if (x instanceof Tensor) tensors.push(x);
    else params.push(x instanceof PyFloat ? x.value : Number(x));
  }
  for (let i = 0; i < attributes.length; i++) params.push(attributes[i]);
  return [tensors, params];
}

/** Integers that a double cannot hold become zero-dimensional tensors on the device of the others. */
function exactOperands(given: readonly Operand[]): readonly Operand[] {
  if (!given.some((x) => typeof x === 'bigint')) return given;
  const device = given.find((x) => x instanceof Tensor)?.storage.device;
  return given.map((x) => exactOperand(x, device));
}

function exactOperand(x: Operand, device: Device | undefined): Operand {
  if (typeof x !== 'bigint' || Number.isSafeInteger(Number(x))) return x;
  const t = empty([], int64, device);
  new BigInt64Array(
    t.storage.device.bytes(t.storage).buffer,
    t.storage.device.bytes(t.storage).byteOffset,
    1,
  )[0] = x;
  return t;
}

/** Runs a pointwise op over tensors and numbers. */
export function pointwise(op: PointwiseOp, given: readonly Operand[], attributes: readonly number[]): Tensor {
  const operands = exactOperands(given);
  const kernel = kernelFor(op, operands, attributes.length, null);
  const [tensors, params] = split(operands, attributes);
  if (tensors.length === 0) {
    throw new ArgumentTypeError(`${op.name}(): at least one argument must be a Tensor, but got only numbers`);
  }
  return runKernel(kernel, tensors, params);
}

/** Runs a pointwise op and writes the result into `operands[0]`. */
export function pointwiseInplace(
  op: PointwiseOp,
  given: readonly Operand[],
  attributes: readonly number[],
): Tensor {
  const target = given[0] as Tensor;
  const operands = exactOperands(given);
  const kernel = kernelFor(op, operands, attributes.length, target.dtype);
  checkInplace(target, operands);
  const [tensors, params] = split(operands, attributes);
  const sizes = broadcastSizes(tensors.map((t) => t.sizes));
  if (!sameSizes(sizes, target.sizes)) {
    throw new RuntimeError(
      `output with shape ${showSizes(target.sizes)} doesn't match the broadcast shape ${showSizes(sizes)}`,
    );
  }
  if (tensors.length > 1) commonDevice(tensors);
  const views = tensors.map((t, i) => expandTo(i > 0 && overlaps(t, target) ? copyOf(t) : t, sizes));
  const record = target.dtype.isFloatingPoint && (needsGrad(tensors) || needsGrad([target.base]));
  let mask = 0;
  tensors.forEach((t, i) => {
    if (record && t.requiresGrad && t.dtype.isFloatingPoint) mask |= 1 << i;
  });
  const saves = kernel.saves(mask);
  const outIndex = tensors.length;
  // The operand that is overwritten is saved as it was before. Where it is another operand as well, using that one is an error.
  const saved = saves.map((u) => (u === outIndex ? target : u === 0 ? before(target) : tensors[u]));
  const stale = saves.flatMap((u, i) => (u > 0 && u < outIndex ? [i] : []));
  if (target.numel() > 0) target.storage.device.loop(kernel.program, [target], views, params);
  if (!record) return recordInplace(target, null);
  const shapes = tensors.map((t) => t.sizes);
  return recordInplace(target, {
    name: kernel.name,
    inputs: tensors,
    saved,
    stale,
    savesNumbers: kernel.savesNumbers(mask),
    backward: (grads, kept, needs) =>
      operandGradients(kernel, grads[0], needs, shapes, params, (u) => kept[saves.indexOf(u)]),
  });
}

/** Runs a pointwise op into `out`, if that fits the result; no gradient is recorded. */
export function pointwiseInto(
  op: PointwiseOp,
  given: readonly Operand[],
  attributes: readonly number[],
  out: Tensor,
): boolean {
  const operands = exactOperands(given);
  const kernel = kernelFor(op, operands, attributes.length, null);
  const [tensors, params] = split(operands, attributes);
  if (tensors.length === 0 || kernel.output !== out.dtype || out.numel() === 0) return false;
  if (!sameSizes(broadcastSizes(tensors.map((t) => t.sizes)), out.sizes)) return false;
  commonDevice([out, ...tensors]);
  const views = tensors.map((t) => expandTo(t, out.sizes));
  if (views.some((view) => overlaps(view, out))) return false;
  checkInplace(out);
  out.storage.device.loop(kernel.program, [out], views, params);
  recordInplace(out, null);
  return true;
}

/** A copy of a tensor that is about to be overwritten, with its place in the graph. */
export function before(target: Tensor): Tensor {
  const copy = copyOf(target);
  const node = target.gradFn;
  if (node !== null) copy.setHistory(node, target.outputNumber);
  return copy;
}

/** Do the two share memory in a way that writing one changes what is read of the other elsewhere? */
function overlaps(source: View, target: View): boolean {
  if (source.storage.address !== target.storage.address || source === target) return false;
  return !(
    source.offset === target.offset &&
    sameSizes(source.sizes, target.sizes) &&
    sameSizes(source.strides, target.strides)
  );
}

const identity: Map<DType, LoopProgram> = new Map();

function copyOf(t: Tensor): Tensor {
  const out = empty(t.sizes, t.dtype, t.storage.device);
  let program = identity.get(t.dtype);
  if (program === undefined) {
    program = new LoopProgram([{ expr: E.input(0, t.dtype.compute), dtype: t.dtype }], [t.dtype]);
    identity.set(t.dtype, program);
  }
  if (t.numel() > 0) t.storage.device.loop(program, [out], [t], []);
  return out;
}

const copies = new Map<number, LoopProgram>();

/** `target = source`, converted and broadcast; with `accumulate`, `target += source`. Records nothing. */
export function copyInto(target: Tensor, source: Tensor, accumulate = false): void {
  if (target.numel() === 0) return;
  commonDevice([target, source]);
  const key = (target.dtype.code * 16 + source.dtype.code) * 2 + (accumulate ? 1 : 0);
  let program = copies.get(key);
  if (program === undefined) {
    const loaded = E.input(0, source.dtype.compute);
    program = new LoopProgram([{ expr: loaded, dtype: target.dtype }], [source.dtype], accumulate);
    copies.set(key, program);
  }
  const from = overlaps(source, target) ? copyOf(source) : source;
  target.storage.device.loop(program, [target], [expandTo(from, target.sizes)], []);
}
