/**
 * Runs pointwise ops: dtype promotion, broadcasting, the program for the operands' dtypes, the gradient.
 * A program and its gradients are made once per combination of operand kinds and then only looked up.
 */
import { notImplementedFor } from '../ops/refuse.ts';
import { isGradEnabled } from '../autograd/mode.ts';
import { gradientEdge, Node, FREED, save, unpack, type Saved, type Edge } from '../autograd/node.ts';
import {
  bool,
  BOOL,
  canCast,
  type ComputeType,
  type DType,
  FLOATING,
  getDefaultDtype,
  int64,
  promoteTypes,
} from '../base/dtype.ts';
import { ArgumentTypeError, NotImplementedError, RuntimeError } from '../base/errors.ts';
import { broadcastSizes, broadcastStrides, sameSizes, showSizes } from '../base/shape.ts';
import type { Device } from '../device/device.ts';
import { derivative } from '../expr/derivative.ts';
import * as E from '../expr/expr.ts';
import type { Expr } from '../expr/expr.ts';
import { LoopProgram } from '../kernel/program.ts';
import type { View } from '../kernel/view.ts';
import type { Operand } from '../ops/define.ts';
import type { PointwiseOp } from '../ops/pointwise/family.ts';
import { empty } from './allocate.ts';
import { PyFloat } from './pyfloat.ts';
import { checkInplace, needsGrad, recordInplace } from './record.ts';
import { Tensor } from './tensor.ts';

/** What a kernel's gradients are besides the symbolic derivative, per tensor operand. */
interface GradientRules {
  /** Derivatives given by the op; null: symbolic. */
  readonly override: readonly (Expr | null)[] | null;
  /** Messages where PyTorch has no derivative. */
  readonly refusals: readonly (string | null)[] | null;
  readonly savesInputs: boolean;
  /** How many of the scalar arguments stand for operands: PyTorch saves those like tensors. */
  readonly numbers: number;
  /** The node's name in the gradient's own graph; null: by its last operation. */
  readonly backwardName: string | null;
}

const plainRules: GradientRules = {
  override: null,
  refusals: null,
  savesInputs: false,
  numbers: 0,
  backwardName: null,
};

/** A differentiable pointwise kernel for operands of fixed dtypes. */
class PointwiseKernel {
  /** The node's name: 'AddBackward0'. */
  readonly name: string;
  readonly expr: Expr;
  readonly inputs: readonly DType[];
  readonly output: DType;
  readonly program: LoopProgram;
  private readonly gradients: (GradientKernel | null | undefined)[] = [];
  private readonly rules: GradientRules;

  constructor(name: string, expr: Expr, inputs: readonly DType[], output: DType, rules: GradientRules) {
    this.name = name;
    this.expr = expr;
    this.inputs = inputs;
    this.output = output;
    this.rules = rules;
    this.program = new LoopProgram([{ expr, dtype: output }], inputs);
  }

  /** The kernel of input `i`'s gradient, or null where there is none: for integers, and where `refusal` has a message. */
  gradient(i: number): GradientKernel | null {
    const known = this.gradients[i];
    if (known !== undefined) return known;
    const made = this.makeGradient(i);
    this.gradients[i] = made;
    return made;
  }

  private makeGradient(i: number): GradientKernel | null {
    const { expr, rules } = this;
    const node = inputNode(expr, i);
    if (!E.isFloat(expr.type) || !this.inputs[i].isFloatingPoint || this.refusal(i) !== null) return null;
    const known = rules.override?.[i] ?? (node === null ? null : derivative(expr, node));
    // Where the output does not vary with the input the gradient is zero, not absent.
    const slope = known ?? E.constant(0, expr.type);
    // input(0) is the incoming gradient; the forward operands and output that the slope mentions follow.
    const uses: number[] = [];
    const place = (operand: number, type: ComputeType): Expr => {
      let at = uses.indexOf(operand);
      if (at < 0) at = uses.push(operand) - 1;
      return E.input(at + 1, type);
    };
    const outIndex = this.inputs.length;
    const replaced = E.substitute(slope, (e) => {
      if (e === expr && !rules.savesInputs && expr.args.length > 0) return place(outIndex, expr.type);
      return e.op === 'input' ? place(Number(e.value), e.type) : undefined;
    });
    const total = times(E.input(0, replaced.type), replaced);
    const dtypes = [this.output, ...uses.map((u) => (u === outIndex ? this.output : this.inputs[u]))];
    const name = rules.backwardName ?? lastOperation(total);
    const numbers = E.postorder([total]).some((e) => e.op === 'param' && Number(e.value) < rules.numbers);
    return {
      kernel: new PointwiseKernel(`${name}Backward0`, total, dtypes, this.inputs[i], plainRules),
      uses,
      numbers,
    };
  }

  /** PyTorch's message where it has no derivative with respect to input `i`. */
  refusal(i: number): string | null {
    return this.rules.refusals?.[i] ?? null;
  }

  /** Does backward need numbers that were operands? PyTorch saves and frees them like tensors. */
  savesNumbers(mask: number): boolean {
    return this.inputs.some((_, i) => (mask & (1 << i)) !== 0 && (this.gradient(i)?.numbers ?? false));
  }

  private readonly needs = new Map<number, readonly number[]>();

  /** Which operands (and, as the last index, the output) backward needs when the inputs in `mask` want gradients. */
  saves(mask: number): readonly number[] {
    const known = this.needs.get(mask);
    if (known !== undefined) return known;
    const all = new Set<number>();
    for (let i = 0; i < this.inputs.length; i++) {
      if (mask & (1 << i)) for (const u of this.gradient(i)?.uses ?? []) all.add(u);
    }
    const list = [...all];
    this.needs.set(mask, list);
    return list;
  }
}

interface GradientKernel {
  readonly kernel: PointwiseKernel;
  /** Forward operands after the incoming gradient; the number of inputs stands for the output. */
  readonly uses: readonly number[];
  /** Uses numbers that were operands. */
  readonly numbers: boolean;
}

/** grad · slope. Where the slope is 0 by a condition the gradient is 0, even if what arrives there is infinite or NaN. */
function times(grad: Expr, slope: Expr): Expr {
  if (slope.op === 'select') {
    const [condition, yes, no] = slope.args;
    return E.select(condition, times(grad, yes), times(grad, no));
  }
  if (slope.op === 'cast' && slope.args[0].type === 'bool') {
    return E.select(slope.args[0], grad, E.constant(0, grad.type));
  }
  return E.mul(grad, slope);
}

/** What the node of a gradient is called after: the operation that its expression ends with. */
function lastOperation(expr: Expr): string {
  if (expr.op === 'neg' && expr.args[0].op === 'input') return 'Neg';
  const byInverse = expr.op === 'mul' && expr.args[1].op === 'div' && expr.args[1].args[0].op === 'const';
  return expr.op === 'div' || byInverse ? 'Div' : 'Mul';
}

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

function inputNode(expr: Expr, i: number): Expr | null {
  return E.postorder([expr]).find((e) => e.op === 'input' && e.value === i) ?? null;
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

// What an operand is to promotion: a dtype of a tensor with dimensions, of one without, or a kind of Python number.
const ZERO_DIM = 16;
const NUMBER_BOOL = 32;
const NUMBER_INT = 33;
const NUMBER_FLOAT = 34;
const KINDS = 64;

function kindOf(x: Operand, name: string): number {
  if (x instanceof Tensor) return x.sizes.length === 0 ? ZERO_DIM + x.dtype.code : x.dtype.code;
  switch (typeof x) {
    case 'number':
      return Number.isInteger(x) ? NUMBER_INT : NUMBER_FLOAT;
    case 'bigint':
      return NUMBER_INT;
    case 'boolean':
      return NUMBER_BOOL;
    default:
      if (x instanceof PyFloat) return NUMBER_FLOAT;
      throw new ArgumentTypeError(
        `${name}(): argument must be Tensor or a number, not ${x === null ? 'null' : describe(x)}`,
      );
  }
}

function describe(x: unknown): string {
  return Array.isArray(x) ? 'an array (make it a tensor with torch.tensor)' : typeof x;
}

function numberDtype(kind: number): DType {
  if (kind === NUMBER_BOOL) return bool;
  return kind === NUMBER_INT ? int64 : getDefaultDtype();
}

/** Combines dtypes of different priority: the lower one matters only when its category is higher. */
function combine(higher: DType | null, lower: DType | null): DType | null {
  if (higher === null) return lower;
  if (lower === null || higher.category === FLOATING) return higher;
  if (higher.category === BOOL || lower.category === FLOATING) return promoteTypes(higher, lower);
  return higher;
}

/** PyTorch's result type: tensors with dimensions before zero-dimensional ones before numbers. */
export function resultDtype(operands: readonly Operand[], skip: readonly number[] = []): DType {
  let dims: DType | null = null;
  let zeros: DType | null = null;
  let numbers: DType | null = null;
  operands.forEach((x, i) => {
    if (skip.includes(i)) return;
    if (x instanceof Tensor) {
      if (x.sizes.length > 0) dims = dims === null ? x.dtype : promoteTypes(dims, x.dtype);
      else zeros = zeros === null ? x.dtype : promoteTypes(zeros, x.dtype);
    } else {
      const d = numberDtype(kindOf(x, 'result_type'));
      numbers = numbers === null ? d : promoteTypes(numbers, d);
    }
  });
  return combine(dims, combine(zeros, numbers)) ?? getDefaultDtype();
}

function buildKernel(
  op: PointwiseOp,
  operands: readonly Operand[],
  attributeCount: number,
  into: DType | null,
): PointwiseKernel {
  const { spec } = op;
  const conditions = spec.conditions ?? [];
  let common = resultDtype(operands, conditions);
  if (op.rule === 'intToFloat' && !common.isFloatingPoint) common = getDefaultDtype();
  if (spec.refuses?.dtypes.includes(common.name)) {
    throw notImplementedFor(spec.refuses.kernel, common);
  }
  spec.check?.(
    common.compute,
    operands.map((x) => ({
      dtype: x instanceof Tensor ? x.dtype.name : numberDtype(kindOf(x, op.name)).name,
      isTensor: x instanceof Tensor,
    })),
  );
  let compute: ComputeType = common.compute;
  if (op.rule === 'logical') compute = 'bool';
  else if (compute === 'bool' && !spec.boolAsTruth) compute = 'i32';
  const output = op.rule === 'alwaysBool' || op.rule === 'logical' ? bool : common;
  if (into !== null && !canCast(output, into)) {
    const usual = `result type ${output.scalarName} can't be cast to the desired output type ${into.scalarName}`;
    throw new RuntimeError(spec.castMessage?.(output, into) ?? usual);
  }
  const dtypes: DType[] = [];
  let paramCount = 0;
  const nodes = operands.map((x, i) => {
    const type = conditions.includes(i) ? 'bool' : compute;
    if (!(x instanceof Tensor)) return E.param(paramCount++, type);
    dtypes.push(x.dtype);
    return E.input(dtypes.length - 1, type);
  });
  const attributes = Array.from({ length: attributeCount }, (_, i) => E.param(paramCount + i, compute));
  const expr = spec.expr(nodes, attributes);
  const slopes = spec.derivative?.(nodes, expr, attributes) ?? null;
  const ofTensors = <T>(list: readonly T[] | null): readonly T[] | null =>
    list === null ? null : list.filter((_, i) => operands[i] instanceof Tensor);
  const overload = spec.overload?.(operands.map((x) => x instanceof Tensor)) ?? 0;
  return new PointwiseKernel(`${op.gradName}Backward${overload}`, expr, dtypes, into ?? output, {
    override: ofTensors(slopes),
    refusals: ofTensors(spec.noDerivative ?? null),
    savesInputs: spec.savesInputs ?? false,
    numbers: paramCount,
    backwardName: spec.backwardName ?? null,
  });
}

function kernelFor(
  op: PointwiseOp,
  operands: readonly Operand[],
  attributeCount: number,
  into: DType | null,
): PointwiseKernel {
  let key = into === null ? 15 : into.code;
  for (let i = 0; i < operands.length; i++) key = key * KINDS + kindOf(operands[i], op.name);
  key = key * 16 + getDefaultDtype().code;
  let kernel = op.instances.get(key) as PointwiseKernel | undefined;
  if (kernel === undefined) {
    kernel = buildKernel(op, operands, attributeCount, into);
    op.instances.set(key, kernel);
  }
  return kernel;
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
