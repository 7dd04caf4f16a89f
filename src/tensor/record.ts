/** Recording: how the result of an op gets its place in the graph, and what in-place changes do to it. */
import { isGradEnabled, isInferenceModeEnabled } from '../autograd/mode.ts';
import { type Edge, FunctionNode, gradientEdge, Node, save, type Saved } from '../autograd/node.ts';
import { RuntimeError } from '../base/errors.ts';
import { overlapsItself, storageExtent } from '../base/shape.ts';
import type { Derivative } from '../ops/runtime.ts';
import { allocate } from './allocate.ts';
import { services, Tensor } from './tensor.ts';

/** Is a gradient to be recorded for an op on these? */
export function needsGrad(inputs: readonly (Tensor | null)[]): boolean {
  if (!isGradEnabled()) return false;
  for (const t of inputs) if (t?.requiresGrad) return true;
  return false;
}

function edgesOf(inputs: readonly (Tensor | null)[]): (Edge | null)[] {
  return inputs.map((t) => (t === null ? null : gradientEdge(t)));
}

function checkSaved(saved: readonly Tensor[]): void {
  for (const t of saved) {
    if (t.inference) {
      throw new RuntimeError(
        'Inference tensors cannot be saved for backward. To work around you can make a clone to get a normal tensor and use it in autograd.',
      );
    }
  }
}

function makeNode(derivative: Derivative): FunctionNode {
  checkSaved(derivative.saved);
  return nodeOf(derivative, edgesOf(derivative.inputs), derivative.saved.map(save));
}

/** A node's whole name: 'SumBackward0' for 'Sum'. */
function nodeName(name: string): string {
  return name.includes('Backward') ? name : `${name}Backward0`;
}

/** Renames the op that made `result`; with `inputs`, its `nextFunctions` are theirs. */
export function showAs(name: string, result: Tensor, inputs: readonly Tensor[] | null = null): Tensor {
  const node = result.gradFn;
  if (node !== null) {
    node.name = nodeName(name);
    if (inputs !== null) node.shownEdges = inputs.map(gradientEdge);
  }
  return result;
}

function nodeOf(
  derivative: Derivative,
  edges: readonly (Edge | null)[],
  saved: readonly Saved[],
): FunctionNode {
  return new FunctionNode(nodeName(derivative.name), edges, saved, derivative.backward, derivative);
}

function each(output: Tensor | readonly Tensor[]): readonly Tensor[] {
  return output instanceof Tensor ? [output] : output;
}

/** Gives `output` a history where grad mode and the inputs ask for one. */
export function record<T extends Tensor | readonly Tensor[]>(output: T, derivative: Derivative): T {
  if (!needsGrad(derivative.inputs)) return output;
  const outputs = each(output);
  if (!outputs.some((t) => t.dtype.isFloatingPoint)) return output;
  const node = makeNode(derivative);
  outputs.forEach((t, i) => {
    if (t.dtype.isFloatingPoint) t.setHistory(node, i);
  });
  return output;
}

/** As `record`, the outputs being views of the first input: in-place changes of either reach the other. */
export function recordView<T extends Tensor | readonly Tensor[]>(output: T, derivative: Derivative): T {
  const source = derivative.inputs[0] as Tensor;
  if (!source.inference) {
    for (const t of each(output)) {
      t.base = source.base ?? source;
      if (isInferenceModeEnabled()) t.viewKind = 'inference';
      else if (!isGradEnabled()) t.viewKind = 'noGrad';
      else if (derivative.multipleViews) t.viewKind = 'multiple';
      else if (source.viewKind !== 'plain') t.viewKind = source.viewKind;
      t.historyVersion = t.storage.version;
    }
  }
  return record(output, derivative);
}

const AMBIGUOUS =
  'Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify your code by moving both the view and the inplace ' +
  "either both inside the MODE block (if you don't want the inplace to be tracked) or both outside (if you want the inplace to be tracked).";

/** Why a view of this kind must not be changed in place while gradients are recorded. */
function viewProblem(target: Tensor): string | null {
  const output = `Output ${target.outputNumber} of ${target.recordedNode?.name} is a view and is being modified inplace.`;
  switch (target.viewKind) {
    case 'plain':
      return null;
    case 'multiple': {
      const origin =
        target.recordedNode === null
          ? 'A view was created in no_grad mode and is being modified inplace with grad mode enabled.'
          : output;
      return `${origin} This view is the output of a function that returns multiple views. Such functions do not allow the output views to be modified inplace. You should replace the inplace operation by an out-of-place one.`;
    }
    case 'noGrad':
      return `A view was created in no_grad mode and is being modified inplace with grad mode enabled. ${AMBIGUOUS.replace('MODE', 'no_grad')}`;
    case 'inference':
      return `A view was created in inference mode and is being modified inplace in normal mode. ${AMBIGUOUS.replace('MODE', 'inference_mode')}`;
    case 'function':
      return `${output} This view was created inside a custom Function (or because an input was returned as-is) and the autograd logic to handle view+inplace would override the custom backward associated with the custom Function, leading to incorrect gradients. This behavior is forbidden. You can fix this by cloning the output of the custom Function.`;
    default:
      return target.viewKind satisfies never;
  }
}

/** Throws PyTorch's errors where `target` must not be changed in place now, by an op that also reads `others`. */
export function checkInplace(target: Tensor, others: readonly unknown[] = []): void {
  if (!target.isContiguous() && overlapsItself(target.sizes, target.strides)) {
    throw new RuntimeError(
      'unsupported operation: more than one element of the written-to tensor refers to a single memory location. ' +
        'Please clone() the tensor before performing the operation.',
    );
  }
  if (target.inference && !isInferenceModeEnabled()) {
    throw new RuntimeError(
      'Inplace update to inference tensor outside InferenceMode is not allowed.You can make a clone to get a normal tensor before doing inplace update.' +
        'See https://github.com/pytorch/rfcs/pull/17 for more details.',
    );
  }
  if (!isGradEnabled()) return;
  if (target.base !== null) {
    const problem = viewProblem(target);
    if (problem !== null) {
      const tensors = others.filter((x): x is Tensor => x instanceof Tensor);
      if (needsGrad([target, target.base, ...tensors])) throw new RuntimeError(problem);
    }
    if (target.base.requiresGrad && target.base.isLeaf) {
      throw new RuntimeError(
        'a view of a leaf Variable that requires grad is being used in an in-place operation.',
      );
    }
  } else if (target.requiresGrad && target.isLeaf) {
    throw new RuntimeError('a leaf Variable that requires grad is being used in an in-place operation.');
  }
}

/** The derivative of changing one view of a tensor in place, seen from the whole tensor. */
class CopySlices extends Node {
  private readonly baseSizes: readonly number[];
  private readonly baseStrides: readonly number[];
  private readonly viewSizes: readonly number[];
  private readonly viewStrides: readonly number[];
  private readonly viewOffset: number;
  private readonly inner: Node;

  constructor(base: Tensor, view: Tensor, inner: Node) {
    super('CopySlices', [gradientEdge(base), ...inner.edges.slice(1)]);
    this.baseSizes = base.sizes;
    this.baseStrides = base.strides;
    this.viewSizes = view.sizes;
    this.viewStrides = view.strides;
    this.viewOffset = view.offset - base.offset;
    this.inner = inner;
  }

  override apply(grads: readonly (Tensor | null)[], needs: readonly boolean[]): readonly (Tensor | null)[] {
    const incoming = grads[0];
    if (incoming === null || incoming === undefined) return this.edges.map(() => null);
    const grad = emptyStrided(incoming, this.baseSizes, this.baseStrides);
    grad.copy_(incoming);
    const slice = grad.asStrided(this.viewSizes, this.viewStrides, this.viewOffset);
    const wanted = needs[0] && this.inner.edges[0] !== null;
    const results = this.inner.apply([slice.clone()], [wanted, ...needs.slice(1)]);
    const first = results[0];
    if (first === null || first === undefined) slice.zero_();
    else slice.copy_(first);
    return [grad, ...results.slice(1)];
  }

  override release(): void {
    this.inner.release();
  }
}

function emptyStrided(like: Tensor, sizes: readonly number[], strides: readonly number[]): Tensor {
  const extent = storageExtent(sizes, strides, 0);
  const storage = allocate(like.storage.device, extent * like.dtype.itemSize);
  return new Tensor(storage, like.dtype, sizes, strides, 0);
}

/**
 * `target` was changed in place: bumps its version and makes `derivative` its history (null: no gradient flows).
 * Where `derivative.saved` names `target` itself, the op saved its result.
 */
export function recordInplace(target: Tensor, derivative: Derivative | null): Tensor {
  const tracked =
    derivative !== null &&
    target.dtype.isFloatingPoint &&
    (needsGrad(derivative.inputs) || needsGrad([target.base]));
  if (!tracked) {
    bump(target);
    return target;
  }
  checkSaved(derivative.saved);
  // Edges and versions are those before the change; only the op's own result is saved as it is after it.
  const edges = edgesOf(derivative.inputs);
  const { stale = [] } = derivative;
  const before = derivative.saved.map((t, i): Saved | null =>
    t === target && !stale.includes(i) ? null : save(t),
  );
  bump(target);
  const saved = before.map((s) => s ?? save(target));
  const node = nodeOf(derivative, edges, saved);
  rebase(target, node, 0);
  return target;
}

/** Makes output `outputNumber` of `node` the history of a tensor that was changed in place; of a view, through its base. */
export function rebase(target: Tensor, node: Node, outputNumber: number): void {
  if (target.base === null) {
    target.setHistory(node, outputNumber);
    return;
  }
  target.base.setHistory(new CopySlices(target.base, target, node), 0);
  services.refreshViewHistory(target);
}

function bump(target: Tensor): void {
  target.storage.version++;
  // A plain tensor's own history does not depend on the version; a view's does.
  if (target.base === null) target.historyVersion = target.storage.version;
}

services.refreshViewHistory = (view: Tensor): void => {
  const base = view.base as Tensor;
  const edge = gradientEdge(base);
  if (edge === null) {
    view.historyVersion = view.storage.version;
    return;
  }
  const { sizes, strides } = view;
  const offset = view.offset - base.offset;
  const { sizes: baseSizes, strides: baseStrides } = base;
  const node = new FunctionNode('AsStridedBackward0', [edge], [], (grads) => {
    const grad = grads[0];
    if (grad === null || grad === undefined) return [null];
    const whole = emptyStrided(grad, baseSizes, baseStrides).zero_();
    whole.asStrided(sizes, strides, offset).copy_(grad);
    return [whole];
  });
  view.setHistory(node, 0);
};
