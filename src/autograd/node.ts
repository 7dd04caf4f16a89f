/**
 * The graph: a node per recorded op. A node knows the nodes of its inputs (edges), what it saved, and how to turn the gradients of
 * its outputs into those of its inputs.
 */
import { printsAs } from '../base/inspect.ts';
import { pythonType } from '../base/arguments.ts';
import { ArgumentTypeError, RuntimeError } from '../base/errors.ts';
import { sameSizes, showSizes } from '../base/shape.ts';
import { isTensor } from '../ops/isTensor.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { isAnomalyEnabled } from './mode.ts';

/** Where a gradient flows: input number `index` of the gradient function `node`. */
export interface Edge {
  readonly node: Node;
  readonly index: number;
}

export type TensorHook = (grad: Tensor) => Tensor | null | undefined | void;

/** Sees the gradients that a node computed and those it computed them from; may return others in place of the first. */
export type NodeHook = (
  gradInputs: readonly (Tensor | null)[],
  gradOutputs: readonly (Tensor | null)[],
) => readonly (Tensor | null)[] | Tensor | null | undefined | void;

let sequenceCount = 0;

/** The sequence number of the next node. */
export function nextSequence(): number {
  return sequenceCount;
}

export abstract class Node {
  /** PyTorch's class name: 'AddBackward0'. */
  name: string;
  /** One per differentiable input; null where no gradient is wanted. */
  readonly edges: readonly (Edge | null)[];
  /** For the last op of a composition that is one function in PyTorch: the edges of the composition as a whole. */
  shownEdges: readonly (Edge | null)[] | null = null;
  /** Counts up: a node is always newer than the nodes that its edges lead to. */
  readonly sequence: number = sequenceCount++;
  /** @internal The number of the last pass that found this node. */
  foundBy = 0;
  /** Hooks on the gradient of output `i`, in the order they run. */
  preHooks: Map<number, Set<TensorHook>> | null = null;
  /** Hooks on the node as a whole. */
  postHooks: Set<NodeHook> | null = null;
  /** Tensors that keep the gradient of output `i` in their `.grad`. */
  retain: Map<number, Tensor> | null = null;
  /** `apply` can add gradients to the tensors in its argument `into`. */
  readonly accumulates: boolean = false;
  /** Of a view: the same view of another tensor with the input's sizes. */
  readonly sameView: ((whole: Tensor) => Tensor) | null = null;
  /** Where the forward op was called: only under anomaly detection. */
  readonly createdAt: string | null;

  constructor(name: string, edges: readonly (Edge | null)[]) {
    this.name = name;
    this.edges = edges;
    this.createdAt = isAnomalyEnabled() ? (new Error('forward').stack ?? null) : null;
  }

  /**
   * Gradients of the inputs. `needs[i]` is false where edge i is not wanted. A node that `accumulates` may add gradient i to `into[i]`, where that
   * is a tensor, and return null for it.
   */
  abstract apply(
    grads: readonly (Tensor | null)[],
    needs: readonly boolean[],
    into?: readonly (Tensor | null)[],
  ): readonly (Tensor | null)[];

  /** Forgets what was saved. */
  release(): void {}

  /** Calls `hook` whenever this node has computed gradients. https://pytorch.org/docs/stable/generated/torch.autograd.graph.Node.register_hook.html */
  registerHook(hook: NodeHook): { remove(): void } {
    this.postHooks ??= new Set();
    const hooks = this.postHooks;
    const entry: NodeHook = (gradInputs, gradOutputs) => hook(gradInputs, gradOutputs);
    hooks.add(entry);
    return { remove: () => void hooks.delete(entry) };
  }

  /** `[[node, index], …]`, as in PyTorch. */
  get nextFunctions(): readonly (readonly [Node, number] | null)[] {
    return (this.shownEdges ?? this.edges).map((e) => (e === null ? null : ([e.node, e.index] as const)));
  }

  toString(): string {
    return `<${this.name}>`;
  }
}

printsAs(Node);

export const FREED: string =
  'Trying to backward through the graph a second time (or directly access saved tensors after they have already been freed). ' +
  'Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify retain_graph=True if ' +
  'you need to backward through the graph a second time or if you need to access saved tensors after calling backward.';

/** A tensor kept for backward, with the version it had. */
export interface Saved {
  readonly tensor: Tensor;
  readonly version: number;
}

export function save(tensor: Tensor): Saved {
  return { tensor, version: tensor.storage.version };
}

const SEARCH_HINT =
  'enable anomaly detection to find the operation that failed to compute its gradient, with torch.autograd.detectAnomaly(() => …).';
const FOUND_HINT =
  'the forward op named below is the operation that failed to compute its gradient. The variable in question was changed in there or anywhere later. Good luck!';

/** The saved tensor; throws PyTorch's error when it was changed in place since. */
export function unpack(saved: Saved): Tensor {
  const { tensor, version } = saved;
  const now = tensor.storage.version;
  if (now !== version) {
    const kind = `torch.${tensor.dtype.scalarName}Tensor`;
    const origin =
      tensor.gradFn === null ? '' : `, which is output ${tensor.outputNumber} of ${tensor.gradFn.name},`;
    throw new RuntimeError(
      `one of the variables needed for gradient computation has been modified by an inplace operation: [${kind} ${showSizes(tensor.sizes)}]${origin} ` +
        `is at version ${now}; expected version ${version} instead. Hint: ${isAnomalyEnabled() ? FOUND_HINT : SEARCH_HINT}`,
    );
  }
  return tensor;
}

export type BackwardFunction = (
  grads: readonly (Tensor | null)[],
  saved: readonly Tensor[],
  needs: readonly boolean[],
  into: readonly (Tensor | null)[],
) => readonly (Tensor | null)[];

/** Traits of a node that most have not. */
export interface NodeTraits {
  /** Numbers among the operands count as saved. */
  readonly savesNumbers?: boolean;
  readonly accumulates?: boolean;
  readonly sameView?: ((whole: Tensor) => Tensor) | undefined;
}

const noTraits: NodeTraits = {};
const nowhere: readonly null[] = [];

/** The node of an op that is given by a closure and saved tensors. */
export class FunctionNode extends Node {
  private saved: readonly Saved[] | null;
  private backward: BackwardFunction | null;
  private readonly hadSaved: boolean;
  override readonly accumulates: boolean;
  override readonly sameView: ((whole: Tensor) => Tensor) | null;

  constructor(
    name: string,
    edges: readonly (Edge | null)[],
    saved: readonly Saved[],
    backward: BackwardFunction,
    { savesNumbers = false, accumulates = false, sameView }: NodeTraits = noTraits,
  ) {
    super(name, edges);
    this.accumulates = accumulates;
    this.sameView = sameView ?? null;
    this.saved = saved;
    this.hadSaved = saved.length > 0 || savesNumbers;
    this.backward = backward;
  }

  override apply(
    grads: readonly (Tensor | null)[],
    needs: readonly boolean[],
    into: readonly (Tensor | null)[] = nowhere,
  ): readonly (Tensor | null)[] {
    if (this.saved === null || this.backward === null) throw new RuntimeError(FREED);
    return this.backward(grads, this.saved.map(unpack), needs, into);
  }

  /** A node that saved nothing can run again. */
  override release(): void {
    if (!this.hadSaved) return;
    this.saved = null;
    this.backward = null;
  }
}

/** The end of the graph: adds what arrives to the `.grad` of a leaf. */
export class AccumulateGrad extends Node {
  readonly variable: Tensor;

  constructor(variable: Tensor) {
    super('AccumulateGrad', []);
    this.variable = variable;
  }

  override apply(): readonly (Tensor | null)[] {
    return [];
  }
}

/** The edge into which a tensor's gradient flows, or null when it wants none. */
export function gradientEdge(tensor: Tensor): Edge | null {
  const fn = tensor.gradFn;
  if (fn !== null) return { node: fn, index: tensor.outputNumber };
  if (!tensor.requiresGrad) return null;
  tensor.accumulator ??= new AccumulateGrad(tensor);
  return { node: tensor.accumulator, index: 0 };
}

/** Throws PyTorch's errors where a hook returned something that cannot stand for the gradient. */
function checkHooked(hook: TensorHook, grad: Tensor, value: Tensor | null | undefined | void): Tensor | null {
  if (value === null || value === undefined) return null;
  const name = hook.name === '' ? '<lambda>' : hook.name;
  if (!isTensor(value))
    throw new ArgumentTypeError(`expected Variable, but hook returned '${pythonType(value)}'`);
  if (value.dtype !== grad.dtype) {
    throw new RuntimeError(
      `hook '${name}' has changed the type of value (was torch.${grad.dtype.scalarName}Tensor got torch.${value.dtype.scalarName}Tensor)`,
    );
  }
  if (!sameSizes(value.sizes, grad.sizes))
    throw new RuntimeError(`hook '${name}' has changed the size of value`);
  return value;
}

/** Adds a hook on the gradient of `tensor`. */
export function noteHook(tensor: Tensor, hook: TensorHook): { remove(): void } {
  const edge = gradientEdge(tensor);
  if (edge === null)
    throw new RuntimeError("cannot register a hook on a tensor that doesn't require gradient");
  edge.node.preHooks ??= new Map();
  const { preHooks } = edge.node;
  const hooks = preHooks.get(edge.index) ?? new Set<TensorHook>();
  preHooks.set(edge.index, hooks);
  // A wrapper of its own, so that the same function can be registered twice.
  const entry: TensorHook = (grad) => checkHooked(hook, grad, hook(grad));
  hooks.add(entry);
  return { remove: () => void hooks.delete(entry) };
}
