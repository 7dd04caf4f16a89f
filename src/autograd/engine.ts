/**
 * The engine: walks the graph from the roots, newest node first, and carries gradients along the edges.
 * A node is always newer than what it leads to, so the order of sequence numbers is a topological order.
 */
import { pythonType } from '../base/arguments.ts';
import { ArgumentTypeError, RuntimeError } from '../base/errors.ts';
import { type Observer, observer } from '../base/observer.ts';
import { showSizes } from '../base/shape.ts';
import { closeScope, openScope } from '../device/scope.ts';
import type { Storage } from '../device/storage.ts';
import { isTensor } from '../ops/isTensor.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { isAnomalyEnabled, isGradEnabled, restoreGradMode } from './mode.ts';
import { AccumulateGrad, type Edge, gradientEdge, type Node } from './node.ts';

export interface RunOptions {
  readonly retainGraph: boolean;
  readonly createGraph: boolean;
  /** Gradients to hand back instead of accumulating into leaves. */
  readonly capture: readonly (Edge | null)[] | null;
  /** With `capture`: also accumulate nothing else (autograd.grad), or accumulate just these (backward with inputs). */
}

/** Set when user code (a hook, a custom Function) ran during the pass: it may have kept any tensor. */
let userCodeRan = false;

/** Tells the engine that code outside the library saw tensors of this pass, so that none of them is freed early. */
export function noteUserCode(): void {
  userCodeRan = true;
}

let searches = 0;

function reachable(roots: readonly (Edge | null)[]): Node[] {
  const search = ++searches;
  const found: Node[] = [];
  const visit = (edge: Edge | null): void => {
    if (edge === null || edge.node.foundBy === search) return;
    edge.node.foundBy = search;
    found.push(edge.node);
  };
  roots.forEach(visit);
  for (let i = 0; i < found.length; i++) {
    const { edges } = found[i];
    for (let e = 0; e < edges.length; e++) visit(edges[e]);
  }
  return found.sort((a, b) => b.sequence - a.sequence);
}

/** Nodes on a path to one of the wanted edges. */
function leadingTo(order: readonly Node[], wanted: readonly (Edge | null)[]): Set<Node> {
  const needed = new Set<Node>();
  for (const edge of wanted) if (edge !== null) needed.add(edge.node);
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i];
    if (!needed.has(node) && node.edges.some((e) => e !== null && needed.has(e.node))) needed.add(node);
  }
  return needed;
}

function withOrigin(error: unknown, node: Node): unknown {
  if (error instanceof Error && node.createdAt !== null) {
    error.message += `\nThe forward op of ${node.name} was called here:\n${node.createdAt.split('\n').slice(2).join('\n')}`;
  }
  return error;
}

function checkAnomaly(node: Node, grads: readonly (Tensor | null)[]): void {
  grads.forEach((g, i) => {
    if (g?.dtype.isFloatingPoint && g.isnan().any().item()) {
      throw withOrigin(
        new RuntimeError(`Function '${node.name}' returned nan values in its ${i}th output.`),
        node,
      );
    }
  });
}

/** The gradients of a node's inputs after the hooks on the node. */
function afterHooks(
  node: Node,
  computed: readonly (Tensor | null)[],
  incoming: readonly (Tensor | null)[],
): readonly (Tensor | null)[] {
  let results = computed;
  for (const hook of [...(node.postHooks ?? [])]) {
    noteUserCode();
    const replaced = hook(results, incoming);
    if (replaced === null || replaced === undefined) continue;
    results = Array.isArray(replaced) ? (replaced as readonly (Tensor | null)[]) : [replaced as Tensor];
  }
  return results;
}

/**
 * What a node may add the gradient of an edge to, where none of `roots` lies there, instead of handing it on: the `.grad` of a leaf, or a view of it where the edge leads to one through
 * views. Null where someone looks at the gradient on its way, or where there is no `.grad` yet.
 */
function destination({ node }: Edge, roots: readonly Tensor[]): Tensor | null {
  if (node.preHooks !== null || node.postHooks !== null || node.retain !== null) return null;
  if (node instanceof AccumulateGrad) {
    const { grad } = node.variable;
    if (grad === null || grad.requiresGrad) return null;
    const { address } = grad.storage;
    return roots.some((root) => root.storage.address === address) ? null : grad;
  }
  const edge = node.sameView === null ? null : node.edges[0];
  const whole = edge === null ? null : destination(edge, roots);
  return whole === null ? null : (node.sameView as (whole: Tensor) => Tensor)(whole);
}

class Pass {
  private readonly buffers = new Map<Node, (Tensor | null)[]>();
  private readonly createGraph: boolean;

  constructor(createGraph: boolean) {
    this.createGraph = createGraph;
  }

  send(edge: Edge, grad: Tensor): void {
    let buffer = this.buffers.get(edge.node);
    if (buffer === undefined) {
      buffer = [];
      this.buffers.set(edge.node, buffer);
    }
    while (buffer.length <= edge.index) buffer.push(null);
    const there = buffer[edge.index];
    if (there === null) buffer[edge.index] = grad;
    else {
      const sum = there.add(grad);
      this.fresh.add(sum.storage);
      buffer[edge.index] = sum;
    }
  }

  take(node: Node): (Tensor | null)[] | undefined {
    const buffer = this.buffers.get(node);
    this.buffers.delete(node);
    return buffer;
  }

  /** Runs the hooks of the node's outputs on the gradients that arrived. */
  hooks(node: Node, grads: (Tensor | null)[]): void {
    if (node.preHooks !== null) {
      for (const [index, hooks] of node.preHooks) {
        for (const hook of [...hooks]) {
          const grad = grads[index];
          if (grad === null || grad === undefined) continue;
          noteUserCode();
          const replaced = hook(grad);
          if (replaced !== null && replaced !== undefined) grads[index] = replaced;
        }
      }
    }
    if (node.retain !== null) {
      for (const [index, tensor] of node.retain) {
        const grad = grads[index];
        if (grad !== null && grad !== undefined) this.accumulate(tensor, grad);
      }
    }
  }

  /** `tensor.grad += grad`. */
  accumulate(tensor: Tensor, grad: Tensor): void {
    if (tensor.grad === null) {
      tensor.grad = this.createGraph ? grad : this.own(grad);
    } else if (this.createGraph) {
      tensor.grad = tensor.grad.add(grad);
    } else {
      tensor.grad.add_(grad);
    }
  }

  private readonly owned = new Set<Storage>();

  /** A tensor whose storage nothing else uses: the gradient itself where that is so, else a copy. */
  private own(grad: Tensor): Tensor {
    const whole =
      grad.offset === 0 && grad.isContiguous() && grad.storage.nbytes === grad.numel() * grad.dtype.itemSize;
    if (whole && this.fresh.has(grad.storage) && !this.owned.has(grad.storage)) {
      this.owned.add(grad.storage);
      return grad.detach();
    }
    const copy = grad.detach().clone();
    this.owned.add(copy.storage);
    return copy;
  }

  /** Storages that a node of this pass handed out as a gradient of its own making. */
  readonly fresh = new Set<Storage>();

  kept(): ReadonlySet<Storage> {
    return this.owned;
  }
}

/** As `node.apply`, told to whoever watches. */
function watched(
  watching: Observer,
  node: Node,
  incoming: readonly (Tensor | null)[],
  needs: readonly boolean[],
  into: readonly (Tensor | null)[] | undefined,
): readonly (Tensor | null)[] {
  watching.begin('backward', node.name, () =>
    incoming.flatMap((g) => (g === null || g === undefined ? [] : [g.sizes])),
  );
  try {
    return node.apply(incoming, needs, into);
  } finally {
    watching.end();
  }
}

/** Carries `grads` from `roots` through the graph. Returns the captured gradients (null where none arrived). */
export function run(
  roots: readonly (Edge | null)[],
  grads: readonly Tensor[],
  options: RunOptions & { readonly captureAccumulates?: readonly Tensor[] },
): (Tensor | null)[] {
  const { capture } = options;
  const order = reachable(roots);
  const needed = capture === null ? null : leadingTo(order, capture);
  const captured: (Tensor | null)[] = capture === null ? [] : capture.map(() => null);
  const pass = new Pass(options.createGraph);
  const before = isGradEnabled();
  const outerUserCode = userCodeRan;
  userCodeRan = false;
  const scope = options.createGraph ? null : openScope();
  const keep = new Set<Storage>();
  let finished = false;
  restoreGradMode(options.createGraph);
  const direct = capture === null && !options.createGraph && !isAnomalyEnabled();
  try {
    roots.forEach((root, i) => {
      if (root !== null) pass.send(root, grads[i]);
    });
    for (const node of order) {
      const incoming = pass.take(node);
      if (incoming === undefined) continue;
      if (needed !== null && !needed.has(node)) continue;
      pass.hooks(node, incoming);
      if (capture !== null) {
        capture.forEach((edge, i) => {
          if (edge !== null && edge.node === node) captured[i] = incoming[edge.index] ?? null;
        });
      }
      if (node instanceof AccumulateGrad) {
        const grad = incoming[0];
        if (capture === null && grad !== null && grad !== undefined) pass.accumulate(node.variable, grad);
        continue;
      }
      if (needed !== null && !node.edges.some((e) => e !== null && needed.has(e.node))) continue;
      const needs = node.edges.map((e) => e !== null && (needed === null || needed.has(e.node)));
      const mark = scope === null ? 0 : scope.made.length;
      const into =
        direct && !userCodeRan && node.accumulates && node.postHooks === null
          ? node.edges.map((e) => (e === null ? null : destination(e, grads)))
          : undefined;
      let results: readonly (Tensor | null)[];
      try {
        results =
          observer === null
            ? node.apply(incoming, needs, into)
            : watched(observer, node, incoming, needs, into);
        if (node.postHooks !== null) results = afterHooks(node, results, incoming);
        if (isAnomalyEnabled()) checkAnomaly(node, results);
      } catch (error) {
        throw withOrigin(error, node);
      }
      if (scope !== null) for (let i = mark; i < scope.made.length; i++) pass.fresh.add(scope.made[i]);
      if (!options.retainGraph) node.release();
      for (let i = 0; i < node.edges.length; i++) {
        const edge = node.edges[i];
        const grad = results[i];
        if (edge !== null && needs[i] && grad !== null && grad !== undefined) pass.send(edge, grad);
      }
    }
    options.captureAccumulates?.forEach((tensor, i) => {
      const grad = captured[i];
      if (grad !== null) pass.accumulate(tensor, grad);
    });
    finished = true;
  } finally {
    restoreGradMode(before);
    if (scope !== null) {
      // What leaves the pass stays; everything else made in it was the library's own, unless user code may have kept it.
      for (const s of pass.kept()) keep.add(s);
      for (const g of captured) if (g !== null) keep.add(g.storage);
      closeScope(scope, userCodeRan || !finished ? new Set(scope.made) : keep);
    }
    userCodeRan = outerUserCode || userCodeRan;
  }
  return captured;
}

/** Fills in missing root gradients with ones and checks given ones. Throws PyTorch's errors. */
export function rootGradients(
  outputs: readonly Tensor[],
  given: readonly (Tensor | null | undefined)[],
): Tensor[] {
  if (given.length > 0 && given.length !== outputs.length) {
    throw new RuntimeError(`got ${outputs.length} tensors and ${given.length} gradients`);
  }
  return outputs.map((output, i) => {
    const grad: unknown = given[i];
    if (grad === null || grad === undefined) {
      if (output.requiresGrad && output.numel() !== 1) {
        throw new RuntimeError('grad can be implicitly created only for scalar outputs');
      }
      return output.detach().newOnes(output.sizes);
    }
    if (!isTensor(grad)) {
      throw new ArgumentTypeError(`gradients can be either Tensors or None, but got ${pythonType(grad)}`);
    }
    if (showSizes(grad.sizes) !== showSizes(output.sizes)) {
      throw new RuntimeError(
        `Mismatch in shape: grad_output[${i}] has a shape of torch.Size(${showSizes(grad.sizes)}) and output[${i}] has a shape of torch.Size(${showSizes(output.sizes)}).`,
      );
    }
    return grad.dtype === output.dtype ? grad : grad.to(output.dtype);
  });
}

/** The roots' edges; throws where a root takes no part in a graph. */
export function rootEdges(outputs: readonly Tensor[]): (Edge | null)[] {
  return outputs.map((output, i) => {
    const edge = gradientEdge(output);
    if (edge === null) {
      throw new RuntimeError(`element ${i} of tensors does not require grad and does not have a grad_fn`);
    }
    return edge;
  });
}
