/**
 * Custom differentiable functions: `torch.autograd.Function`.
 * https://pytorch.org/docs/stable/autograd.html#torch.autograd.Function
 */
import { RuntimeError } from '../base/errors.ts';
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

type Outputs = Tensor | readonly Tensor[];

/** The static side of a custom function: what `apply` uses. */
interface FunctionClass {
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: a user's forward takes whatever arguments it likes
  forward(ctx: FunctionContext, ...args: any[]): any;
  // biome-ignore lint/suspicious/noExplicitAny: as many gradients as forward has outputs
  backward(ctx: FunctionContext, ...grads: any[]): any;
}

class CustomNode extends Node {
  private readonly type: FunctionClass;
  private readonly context: FunctionContext;
  private saved: readonly (Saved | null)[] | null;
  private readonly outputs: readonly { sizes: readonly number[]; like: Tensor }[];
  private readonly tensorArguments: readonly number[];
  private readonly argumentCount: number;

  constructor(
    type: FunctionClass,
    context: FunctionContext,
    edges: readonly (Edge | null)[],
    outputs: readonly Tensor[],
    tensorArguments: readonly number[],
    argumentCount: number,
  ) {
    super(`${type.name}Backward`, edges);
    this.type = type;
    this.context = context;
    this.saved = context.toSave.map((t) => (t === null || t === undefined ? null : save(t)));
    this.outputs = outputs.map((t) => ({ sizes: t.sizes, like: runtime.alias(t, [1], [1], t.offset) }));
    this.tensorArguments = tensorArguments;
    this.argumentCount = argumentCount;
    context.toSave = [];
    context.restore = () => {
      if (this.saved === null) throw new RuntimeError(FREED);
      return this.saved.map((s) => (s === null ? null : unpack(s)));
    };
  }

  override apply(grads: readonly (Tensor | null)[]): readonly (Tensor | null)[] {
    noteUserCode();
    const given = this.outputs.map(({ sizes, like }, i) => {
      const grad = grads[i] ?? null;
      return grad === null && this.context.materialize ? runtime.full(sizes, 0, like.dtype, like) : grad;
    });
    const result: unknown = this.type.backward(this.context, ...given);
    const list = Array.isArray(result) ? (result as (Tensor | null | undefined)[]) : [result as Tensor | null];
    const extra = list.slice(this.argumentCount).some((g) => g !== null && g !== undefined);
    if (list.length < this.argumentCount || extra) {
      throw new RuntimeError(
        `function ${this.type.name}Backward returned an incorrect number of gradients (expected ${this.argumentCount}, got ${list.length})`,
      );
    }
    return this.tensorArguments.map((at) => list[at] ?? null);
  }

  override release(): void {
    if (this.saved !== null && this.saved.length > 0) this.saved = null;
  }
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
// biome-ignore lint/complexity/noStaticOnlyClass: PyTorch's interface
// biome-ignore lint/suspicious/noShadowRestrictedNames: PyTorch's name
export class Function {
  // biome-ignore lint/suspicious/noExplicitAny: a user's forward takes whatever arguments it likes
  static forward(_ctx: FunctionContext, ..._args: any[]): Outputs {
    throw new RuntimeError('You must implement the static forward of a custom autograd.Function.');
  }

  // biome-ignore lint/suspicious/noExplicitAny: as many gradients as forward has outputs
  static backward(_ctx: FunctionContext, ..._grads: any[]): Outputs | readonly (Tensor | null)[] | null {
    throw new RuntimeError('You must implement the static backward of a custom autograd.Function.');
  }

  /** Runs forward and records backward. */
  // biome-ignore lint/suspicious/noExplicitAny: the result of the user's forward
  static apply(this: FunctionClass, ...args: unknown[]): any {
    const context = new FunctionContext();
    const tensorArguments = args.flatMap((a, i) => (isTensor(a) ? [i] : []));
    const tensors = tensorArguments.map((i) => args[i] as Tensor);
    context.needsInputGrad = args.map((a) => isTensor(a) && a.requiresGrad);
    const record = isGradEnabled() && tensors.some((t) => t.requiresGrad);
    const result: unknown = noGrad(() => this.forward(context, ...args));
    if (!record) return result;
    const single = isTensor(result);
    const outputs: Tensor[] = (single ? [result] : [...(result as readonly Tensor[])]).map((t) =>
      // An input that is returned as it is becomes a view, so that it keeps its own history.
      isTensor(t) && tensors.includes(t) && !context.dirty.has(t) ? t.view(t.sizes) : t,
    );
    const differentiable = outputs.filter((t) => isTensor(t));
    const edges = tensors.map((t) => gradientEdge(t));
    const node = new CustomNode(this, context, edges, differentiable, tensorArguments, args.length);
    differentiable.forEach((t, i) => {
      if (context.nonDifferentiable.has(t) || !t.dtype.isFloatingPoint) return;
      if (context.dirty.has(t)) t.storage.version++;
      t.setHistory(node, i);
    });
    return single ? outputs[0] : outputs;
  }
}
