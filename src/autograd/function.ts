/**
 * Custom differentiable functions: `torch.autograd.Function`.
 * https://pytorch.org/docs/stable/autograd.html#torch.autograd.Function
 */
import { pythonType } from '../base/arguments.ts';
import type { DType } from '../base/dtype.ts';
import { NotImplementedError, RuntimeError } from '../base/errors.ts';
import { sameSizes, showSizes } from '../base/shape.ts';
import { isTensor } from '../ops/isTensor.ts';
import { runtime } from '../ops/runtime.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { noteUserCode } from './engine.ts';
import { isGradEnabled, noGrad } from './mode.ts';
import { type Edge, FREED, gradientEdge, Node, type Saved, save, unpack } from './node.ts';

/** What forward hands to backward. Any property may be set on it. */
export class FunctionContext {
  [key: string]: unknown;
  /** Which inputs want a gradient, in the order of forward's arguments. */
  needsInputGrad: readonly boolean[] = [];
  /** @internal */
  toSave: readonly (Tensor | null)[] = [];
  /** @internal */
  restore: (() => (Tensor | null)[]) | null = null;
  /** @internal */
  nonDifferentiable: ReadonlySet<Tensor> = new Set();
  /** @internal */
  dirty: ReadonlySet<Tensor> = new Set();
  /** @internal */
  materialize = true;

  /** Keeps tensors for backward; their versions are checked when they are used. Call in forward. */
  saveForBackward(...tensors: (Tensor | null)[]): void {
    this.toSave = tensors;
  }

  /** The tensors given to `saveForBackward`. */
  get savedTensors(): (Tensor | null)[] {
    return this.restore === null ? [...this.toSave] : this.restore();
  }

  /** Outputs that take no part in autograd. */
  markNonDifferentiable(...tensors: Tensor[]): void {
    this.nonDifferentiable = new Set(tensors);
  }

  /** Inputs that forward changed in place. */
  markDirty(...tensors: Tensor[]): void {
    this.dirty = new Set(tensors);
  }

  /** With false, backward gets null instead of zeros for outputs without a gradient. */
  setMaterializeGrads(value: boolean): void {
    this.materialize = value;
  }
}

/** The static side of a custom function: what `apply` uses. */
interface FunctionClass {
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: a user's forward takes whatever arguments it likes
  forward(ctx: FunctionContext, ...args: any[]): any;
  // biome-ignore lint/suspicious/noExplicitAny: as many gradients as forward has outputs
  backward(ctx: FunctionContext, ...grads: any[]): any;
}

/** What a node remembers of one output of forward: null for values that are no tensors. */
interface OutputInfo {
  readonly sizes: readonly number[];
  readonly dtype: DType;
  /** For zeros on the same device. */
  readonly like: Tensor;
}

class CustomNode extends Node {
  private readonly type: FunctionClass;
  private readonly context: FunctionContext;
  private saved: readonly (Saved | null)[] | null;
  private readonly outputs: readonly (OutputInfo | null)[];
  /** Which arguments of forward are tensors, and their sizes. */
  private readonly tensorArguments: readonly { readonly at: number; readonly sizes: readonly number[] }[];
  private readonly argumentCount: number;

  constructor(
    type: FunctionClass,
    context: FunctionContext,
    edges: readonly (Edge | null)[],
    outputs: readonly unknown[],
    args: readonly unknown[],
  ) {
    super(`${type.name}Backward`, edges);
    this.type = type;
    this.context = context;
    this.saved = context.toSave.map((t) => (t === null || t === undefined ? null : save(t)));
    this.outputs = outputs.map((t) =>
      isTensor(t) ? { sizes: t.sizes, dtype: t.dtype, like: runtime.alias(t, [1], [1], t.offset) } : null,
    );
    this.tensorArguments = args.flatMap((a, at) => (isTensor(a) ? [{ at, sizes: a.sizes }] : []));
    this.argumentCount = args.length;
    context.toSave = [];
    context.restore = this.restore.bind(this);
  }

  private restore(): (Tensor | null)[] {
    if (this.saved === null) throw new RuntimeError(FREED);
    return this.saved.map((s) => (s === null ? null : unpack(s)));
  }

  override apply(grads: readonly (Tensor | null)[]): readonly (Tensor | null)[] {
    noteUserCode();
    const given = this.outputs.map((info, i) => {
      const grad = grads[i] ?? null;
      if (grad !== null || info === null || !this.context.materialize) return grad;
      return runtime.full(info.sizes, 0, info.dtype, info.like);
    });
    const result: unknown = this.type.backward(this.context, ...given);
    const list: unknown[] = Array.isArray(result) ? result : [result];
    const extra = list.slice(this.argumentCount).some((g) => g !== null && g !== undefined);
    if (list.length < this.argumentCount || extra) {
      throw new RuntimeError(
        `function ${this.name} returned an incorrect number of gradients (expected ${this.argumentCount}, got ${list.length})`,
      );
    }
    return this.tensorArguments.map(({ at, sizes }, i) => this.fitted(list[at], sizes, i));
  }

  /** A gradient from the user's backward, summed to the size of its input where it was broadcast. */
  private fitted(grad: unknown, sizes: readonly number[], index: number): Tensor | null {
    if (grad === null || grad === undefined) return null;
    if (!isTensor(grad)) throw new RuntimeError(`expected Variable or None (got ${pythonType(grad)})`);
    if (sameSizes(grad.sizes, sizes)) return grad;
    if (!canBroadcast(sizes, grad.sizes)) {
      throw new RuntimeError(
        `Function ${this.name} returned an invalid gradient at index ${index} - got ${showSizes(grad.sizes)} but expected shape compatible with ${showSizes(sizes)}`,
      );
    }
    return grad.sumToSize(sizes);
  }

  override release(): void {
    if (this.saved !== null && this.saved.length > 0) this.saved = null;
  }
}

/** Does `from` broadcast to `to`? */
function canBroadcast(from: readonly number[], to: readonly number[]): boolean {
  const lead = to.length - from.length;
  return lead >= 0 && from.every((s, i) => s === 1 || s === to[lead + i]);
}

/**
 * Base class of custom functions. A subclass has static `forward(ctx, …args)` and `backward(ctx, …grads)`; it is used through `apply`.
 *
 * @example
 * ```ts
 * class Square extends torch.autograd.Function {
 *   static override forward(ctx: torch.autograd.FunctionContext, x: torch.Tensor) {
 *     ctx.saveForBackward(x);
 *     return x.mul(x);
 *   }
 *   static override backward(ctx: torch.autograd.FunctionContext, g: torch.Tensor) {
 *     const [x] = ctx.savedTensors as [torch.Tensor];
 *     return g.mul(x).mul(2);
 *   }
 * }
 * const x = torch.tensor([3], { requiresGrad: true });
 * (Square.apply(x) as torch.Tensor).backward();
 * console.log(x.grad); // => tensor([6.])
 * ```
 */
export class Function {
  // biome-ignore lint/suspicious/noExplicitAny: a user's forward takes whatever arguments it likes
  static forward(_ctx: FunctionContext, ..._args: any[]): unknown {
    throw new NotImplementedError('You must implement the forward function for custom autograd.Function.');
  }

  // biome-ignore lint/suspicious/noExplicitAny: as many gradients as forward has outputs
  static backward(_ctx: FunctionContext, ..._grads: any[]): Tensor | readonly (Tensor | null)[] | null {
    throw new NotImplementedError(
      'You must implement either the backward or vjp method for your custom autograd.Function to use it with backward mode AD.',
    );
  }

  /** Runs forward and records backward. */
  // biome-ignore lint/suspicious/noExplicitAny: the result of the user's forward
  static apply(this: FunctionClass, ...args: unknown[]): any {
    const context = new FunctionContext();
    const tensors = args.filter((a) => isTensor(a));
    context.needsInputGrad = args.map((a) => isTensor(a) && a.requiresGrad);
    const record = isGradEnabled() && tensors.some((t) => t.requiresGrad);
    const result: unknown = noGrad(() => this.forward(context, ...args));
    if (!record) return result;
    const single = !Array.isArray(result);
    const outputs: unknown[] = (single ? [result] : [...(result as unknown[])]).map((t) =>
      // An input that is returned as it is becomes a view, so that it keeps its own history.
      isTensor(t) && tensors.includes(t) && !context.dirty.has(t) ? noGrad(() => t.view(t.sizes)) : t,
    );
    for (const t of context.dirty) noteDirty(t);
    const edges = tensors.map((t) => gradientEdge(t));
    const node = new CustomNode(this, context, edges, outputs, args);
    outputs.forEach((t, i) => {
      if (!isTensor(t) || context.nonDifferentiable.has(t) || !t.dtype.isFloatingPoint) return;
      if (context.dirty.has(t)) {
        if (t.base !== null && outputs.length > 1) {
          throw new RuntimeError(
            `If your Function modifies inplace an input that is a view of another Tensor, your Function cannot return more than one Tensor. This is not supported by the current autograd engine.`,
          );
        }
        runtime.rebase(t, node, i);
        return;
      }
      t.setHistory(node, i);
      if (t.base !== null) t.viewKind = 'function';
    });
    return single ? outputs[0] : outputs;
  }
}

/** An input that forward says it changed. Throws where it must not have. */
function noteDirty(t: Tensor): void {
  if (t.requiresGrad && t.isLeaf) {
    throw new RuntimeError('a leaf Variable that requires grad has been used in an in-place operation.');
  }
  t.storage.version++;
  if (t.base === null) t.historyVersion = t.storage.version;
}

/**
 * Marks a backward that cannot be differentiated itself: its result takes no part in a graph.
 * https://pytorch.org/docs/stable/generated/torch.autograd.function.once_differentiable.html
 */
export function onceDifferentiable<A extends unknown[], R>(backward: (...args: A) => R): (...args: A) => R {
  return (...args) => noGrad(() => backward(...args));
}
