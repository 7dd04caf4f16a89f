/**
 * Tensor: metadata over a storage, and its place in the autograd graph.
 *
 * The operations (`add`, `sum`, `view`, …) are not written here: install.ts makes a method of every definition in the op table, and the
 * `Tensor` interface below has their types.
 */
import { printsAs } from '../base/inspect.ts';
import { isInferenceModeEnabled } from '../autograd/mode.ts';
import { type AccumulateGrad, type Node, noteHook, type TensorHook } from '../autograd/node.ts';
import type { DType } from '../base/dtype.ts';
import { pythonType } from '../base/arguments.ts';
import { ArgumentTypeError, RuntimeError } from '../base/errors.ts';
import { contiguousFormat, isInFormat, type MemoryFormatLike, memoryFormatOf } from '../base/memoryFormat.ts';
import { isContiguous, product, sameSizes } from '../base/shape.ts';
import { outliveScopes, retainScopes } from '../device/scope.ts';
import { Storage } from '../device/storage.ts';
import type { View } from '../kernel/view.ts';
import type { Operand } from '../ops/define.ts';
import { where } from '../ops/pointwise/ternary.ts';
import type { TensorMethods } from './methods.ts';
import type { TensorData } from './create.ts';
import { Size } from './size.ts';

/** What the tensor layer adds to the class after it is defined (printing, graph entry points): breaks import cycles. */
export interface TensorServices {
  format(tensor: Tensor): string;
  /** `new torch.Tensor(2, 3)`, `new torch.Tensor([[1, 2]])`. */
  construct(args: readonly unknown[]): Tensor;
  /** Rebuilds the gradFn of a view whose base was changed in place. */
  refreshViewHistory(tensor: Tensor): void;
}

export const services: TensorServices = {} as TensorServices;

export interface Tensor extends TensorMethods {}

/**
 * A multi-dimensional array of one dtype, on one device.
 * https://pytorch.org/docs/stable/tensors.html
 *
 * @example
 * ```ts
 * const x = torch.tensor([[1, 2], [3, 4]]);
 * console.log(x.shape, x.dtype); // => torch.Size([2, 2]) torch.float32
 * ```
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: see above
export class Tensor implements View {
  readonly dtype!: DType;
  /** @internal The memory this tensor views. */
  storage!: Storage;
  /** @internal The plain array behind `shape`. */
  sizes!: readonly number[];
  /** @internal In elements; `stride()` for users. */
  strides!: readonly number[];
  /** @internal In elements; `storageOffset()` for users. */
  offset!: number;
  /** @internal Which output of `gradFn` this is. */
  outputNumber = 0;
  /** @internal The tensor that this is a differentiable view of, directly or through other views. */
  base: Tensor | null = null;
  /** @internal How the view came about, where that limits in-place changes. */
  viewKind: ViewKind = 'plain';
  /** @internal The version of the storage for which `node` holds (views only). */
  historyVersion = 0;
  /** @internal The node of a leaf that takes gradients, once one was needed. */
  accumulator: AccumulateGrad | null = null;
  /** @internal Made in inference mode; `isInference()` for users. */
  inference!: boolean;
  private gradient: Tensor | null = null;
  private node: Node | null = null;
  private wantsGrad = false;
  private shapeObject: Size | null = null;
  private rowMajor: boolean | null = null;
  private count!: number;

  /** A tensor of the default dtype: uninitialised of the given sizes. `torch.tensor` is the better way to make one. */
  constructor(...size: number[]);
  /** A tensor of the default dtype that holds `data` (nested arrays). */
  constructor(data: TensorData);
  /** @internal A tensor over a storage. */
  constructor(
    storage: Storage,
    dtype: DType,
    sizes: readonly number[],
    strides: readonly number[],
    offset: number,
    contiguous?: boolean | null,
  );
  constructor(
    storage?: unknown,
    dtype?: unknown,
    sizes?: unknown,
    strides?: unknown,
    offset?: unknown,
    contiguous?: unknown,
  ) {
    if (!(storage instanceof Storage)) {
      // biome-ignore lint/complexity/noArguments: rest parameters would slow down every tensor
      // biome-ignore lint/correctness/noConstructorReturn: PyTorch's legacy constructor is a creation function
      return services.construct(Array.from(arguments));
    }
    this.storage = storage;
    this.dtype = dtype as DType;
    this.sizes = sizes as readonly number[];
    this.strides = strides as readonly number[];
    this.offset = offset as number;
    this.rowMajor = (contiguous ?? null) as boolean | null;
    this.count = product(this.sizes);
    this.inference = isInferenceModeEnabled();
  }

  /** The size of every dimension: an array that prints as `torch.Size([2, 3])`. */
  get shape(): Size {
    this.shapeObject ??= Size.from(this.sizes);
    return this.shapeObject;
  }

  /** The number of dimensions. */
  get ndim(): number {
    return this.sizes.length;
  }

  /** The number of dimensions. */
  dim(): number {
    return this.sizes.length;
  }

  /** The number of elements. */
  numel(): number {
    return this.count;
  }

  /** Is the memory in row-major order without gaps? With `memoryFormat`: in the order of that format? */
  isContiguous(options?: { memoryFormat?: MemoryFormatLike }): boolean {
    const format =
      options === undefined ? contiguousFormat : memoryFormatOf(options.memoryFormat, contiguousFormat);
    if (format !== contiguousFormat) return isInFormat(this.sizes, this.strides, format);
    this.rowMajor ??= isContiguous(this.sizes, this.strides);
    return this.rowMajor;
  }

  /** @internal Points this tensor at other memory (`x.data = …`, `resize_`). */
  rebind(
    storage: Storage,
    sizes: readonly number[],
    strides: readonly number[],
    offset: number,
    dtype: DType = this.dtype,
  ): void {
    (this as { dtype: DType }).dtype = dtype;
    if (storage !== this.storage) outliveScopes(storage);
    this.storage = storage;
    this.sizes = sizes;
    this.strides = strides;
    this.offset = offset;
    this.shapeObject = null;
    this.rowMajor = null;
    this.count = product(sizes);
  }

  /**
   * The accumulated gradient of a leaf (or of a tensor with `retainGrad()`), or null. Assignable: throws where the value is not a tensor of
   * the same shape, dtype and device.
   */
  get grad(): Tensor | null {
    return this.gradient;
  }

  set grad(value: Tensor | null) {
    if (value === null || value === undefined) {
      this.gradient = null;
      return;
    }
    checkGrad(this, value);
    this.gradient = value;
    outliveScopes(value.storage);
    // A gradient with a graph may need anything that was made.
    if (value.recordedNode !== null) retainScopes();
  }

  /** Does autograd record what is done with this tensor? Assignable on leaves. */
  get requiresGrad(): boolean {
    return this.wantsGrad || this.gradFn !== null;
  }

  set requiresGrad(value: boolean) {
    this.requiresGrad_(value);
  }

  /**
   * Sets `requiresGrad` of a leaf; returns the tensor.
   * Throws a RuntimeError for tensors that are not leaves, or not of a floating-point dtype.
   */
  requiresGrad_(value: boolean | { requiresGrad?: boolean } = true): this {
    const wanted = typeof value === 'boolean' ? value : (value.requiresGrad ?? true);
    if (this.gradFn !== null) {
      if (wanted) return this;
      throw new RuntimeError(
        'you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a subgraph ' +
          "that doesn't require differentiation use var_no_grad = var.detach().",
      );
    }
    if (wanted && !this.dtype.isFloatingPoint) {
      throw new RuntimeError('only Tensors of floating point dtype can require gradients');
    }
    if (wanted && this.inference && !isInferenceModeEnabled()) {
      throw new RuntimeError(
        'Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.',
      );
    }
    this.wantsGrad = wanted;
    return this;
  }

  /** The op that made this tensor, as a node of the graph; null for leaves. */
  get gradFn(): Node | null {
    if (this.base !== null && this.historyVersion !== this.storage.version) services.refreshViewHistory(this);
    return this.node;
  }

  /** @internal Makes `node` the history of this tensor. */
  setHistory(node: Node | null, outputNumber: number): void {
    this.node = node;
    this.outputNumber = outputNumber;
    this.historyVersion = this.storage.version;
    if (node !== null) this.accumulator = null;
  }

  /** @internal The node as it was recorded, without checking whether a base was changed since. */
  get recordedNode(): Node | null {
    return this.node;
  }

  /** True for tensors that were not made by a recorded op. */
  get isLeaf(): boolean {
    return this.gradFn === null;
  }

  /** Was it made in inference mode? Then it takes no part in autograd. https://pytorch.org/docs/stable/generated/torch.Tensor.is_inference.html */
  isInference(): boolean {
    return this.inference;
  }

  /** How often the memory was changed in place. */
  get _version(): number {
    if (this.inference) throw new RuntimeError('Inference tensors do not track version counter.');
    return this.storage.version;
  }

  /**
   * Calls `hook` with the gradient of this tensor when it is computed; a returned tensor replaces it.
   * Returns a handle whose `remove()` takes the hook away.
   */
  registerHook(hook: TensorHook): { remove(): void } {
    if (!this.requiresGrad) {
      throw new RuntimeError("cannot register a hook on a tensor that doesn't require gradient");
    }
    return noteHook(this, hook);
  }

  /** Keeps the gradient of a tensor that is not a leaf in its `.grad`. */
  retainGrad(): void {
    if (!this.requiresGrad) {
      throw new RuntimeError("can't retain_grad on Tensor that has requires_grad=False");
    }
    const node = this.gradFn;
    if (node === null) return;
    node.retain ??= new Map();
    node.retain.set(this.outputNumber, this);
  }

  /** Does `.grad` get filled although this is not a leaf? */
  get retainsGrad(): boolean {
    return this.gradFn?.retain?.get(this.outputNumber) === this;
  }

  /** What PyTorch prints for this tensor. */
  toString(): string {
    return services.format(this);
  }

  /** Operators do not work on objects in JavaScript: says which method to call instead of computing nonsense. */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === 'string') return this.toString();
    throw new ArgumentTypeError(
      'JavaScript operators do not work on tensors. Call the method: a.add(b) for a + b, a.sub(b) for a - b, a.mul(b) for a * b, ' +
        'a.div(b) for a / b, a.pow(b) for a ** b, a.matmul(b) for a @ b, a.neg() for -a, a.eq(b), a.lt(b), a.gt(b) for comparisons; ' +
        'x.item() gives the number of a tensor with one element.',
    );
  }

  /**
   * The elements of this tensor where `condition` holds, else those of `other`: `torch.where(condition, x, other)`.
   * https://pytorch.org/docs/stable/generated/torch.Tensor.where.html
   */
  where(condition: Tensor, other: Operand): Tensor {
    return where(condition, this, other);
  }

  /** The number of rows: Python's `len(x)`. */
  get length(): number {
    if (this.sizes.length === 0) throw new ArgumentTypeError('len() of a 0-d tensor');
    return this.sizes[0];
  }

  /** The slices along the first dimension. */
  *[Symbol.iterator](): Generator<Tensor> {
    if (this.sizes.length === 0) throw new ArgumentTypeError('iteration over a 0-d tensor');
    yield* this.unbind(0);
  }

  /** Gives the memory back now. The tensor and all its views become unusable. */
  dispose(): void {
    this.storage.dispose();
  }

  [Symbol.dispose](): void {
    this.storage.dispose();
  }
}

printsAs(Tensor);

/** Throws PyTorch's errors where `grad` cannot be the gradient of `tensor`. */
function checkGrad(tensor: Tensor, grad: unknown): void {
  if (!(grad instanceof Tensor)) {
    throw new ArgumentTypeError(
      `assigned grad expected to be a Tensor or None but got grad of type ${pythonType(grad)}`,
    );
  }
  if (grad === tensor) throw new RuntimeError("can't assign Variable as its own grad");
  if (grad.dtype !== tensor.dtype) throw new RuntimeError('assigned grad has data of a different type');
  if (grad.storage.device !== tensor.storage.device) {
    throw new RuntimeError('assigned grad has data located on a different device');
  }
  if (!sameSizes(grad.sizes, tensor.sizes))
    throw new RuntimeError('assigned grad has data of a different size');
}

/**
 * How a view was made, where that forbids in-place changes later: by an op with several views as output, inside `noGrad` or inference mode,
 * or by a custom Function.
 */
export type ViewKind = 'plain' | 'multiple' | 'noGrad' | 'inference' | 'function';
