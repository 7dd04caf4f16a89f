/**
 * What op definitions ask of the layers below: to run a primitive. The tensor layer fills this in when it loads, so that
 * definitions stay free of device code and nothing is imported upwards.
 */
import type { Node } from '../autograd/node.ts';
import type { DType } from '../base/dtype.ts';
import type { MemoryFormat } from '../base/memoryFormat.ts';
import type { BadIndex, Contraction, Indices, ScatterMode } from '../device/device.ts';
import type { View } from '../kernel/view.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Operand } from './define.ts';
import type { PointwiseOp } from './pointwise/family.ts';
import type { ReductionOp } from './reduction/family.ts';
import type { RowOp, RowsOut } from './rows/family.ts';

export type TypedArray =
  | Float32Array
  | Float64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint8Array
  | Uint16Array
  | BigInt64Array;

/** Gradients of the inputs of a node, in order; null for none. */
export type Gradients = readonly (Tensor | null)[];

/** The gradient of a primitive: from the gradients of its outputs to those of its inputs. */
export interface Derivative {
  /** What the node is called after: 'Sum' shows as SumBackward0; a whole name such as 'SumBackward1' as it is. */
  readonly name: string;
  readonly inputs: readonly (Tensor | null)[];
  /** Tensors that `backward` needs; handed to it after their versions were checked. */
  readonly saved: readonly Tensor[];
  /** `needs[i]` tells whether input i's gradient is wanted; `into` is for derivatives that say `accumulates`. */
  readonly backward: (
    grads: Gradients,
    saved: readonly Tensor[],
    needs: readonly boolean[],
    into: Gradients,
  ) => Gradients;
  /**
   * `backward` can add gradients to what is there: where `into[i]` is a tensor of the sizes and dtype of input i, it may add that input's gradient
   * to it and return null in its place.
   */
  readonly accumulates?: boolean;
  /** Of a view: the same view of another tensor with the input's sizes. */
  readonly sameView?: (whole: Tensor) => Tensor;
  /** In place: places in `saved` where the changed tensor is saved as it was before, so that using it is an error. */
  readonly stale?: readonly number[];
  /** Numbers among the operands count as saved: a second backward pass through the graph is an error, as it is with tensors. */
  readonly savesNumbers?: boolean;
  /** A plural output (unbind, split): in-place changes of its views are refused with PyTorch's message. */
  readonly multipleViews?: boolean;
}

export interface Runtime {
  /** Runs a pointwise op over tensors and numbers, with its scalar attributes. */
  pointwise(op: PointwiseOp, inputs: readonly Operand[], attributes: readonly number[]): Tensor;
  /** The same, the result written into `inputs[0]`. */
  pointwiseInplace(op: PointwiseOp, inputs: readonly Operand[], attributes: readonly number[]): Tensor;
  /** Runs a pointwise op into `out`, if that has the result's sizes and dtype and shares no memory with what is read elsewhere; else returns false. */
  pointwiseInto(
    op: PointwiseOp,
    inputs: readonly Operand[],
    attributes: readonly number[],
    out: Tensor,
  ): boolean;
  /** Runs a reduction over the dimensions where `mask` is true; reduced dimensions stay with size 1 where `keepdim`. */
  reduce(
    op: ReductionOp,
    input: Tensor,
    mask: readonly boolean[],
    keepdim: boolean,
    dtype: DType,
    attributes?: readonly number[],
    /** What the node is called after, where it is not the op's `gradName`. */
    name?: string,
  ): Tensor;
  /**
   * Runs a row op on operands broadcast to each other, along the dimensions where `mask` is true: its outputs (with the memory order of the
   * first operand) and its results (size 1 along the rows), float64 where that is the first operand's dtype, else float32. There must be at
   * least one element. No gradient is recorded.
   */
  rows(op: RowOp, inputs: readonly Tensor[], mask: readonly boolean[], params: readonly number[]): RowsOut;
  /** An uninitialised contiguous tensor. */
  empty(sizes: readonly number[], dtype: DType, like?: Tensor): Tensor;
  /** An uninitialised tensor in a memory format: without one, in the memory order of `input` where that has no gaps. */
  emptyLike(input: Tensor, dtype: DType, format?: MemoryFormat): Tensor;
  /** A tensor with a copy of `data`: int64 from BigInt64Array, bool from 0 and 1, 16-bit floats from their bits. */
  fromArray(data: TypedArray, sizes: readonly number[], dtype: DType, like?: Tensor): Tensor;
  /** Writes zeros to every element. Records nothing. */
  zero(target: Tensor): void;
  /** A zero-dimensional or full tensor of one value. */
  full(sizes: readonly number[], value: number | bigint | boolean, dtype: DType, like?: Tensor): Tensor;
  /** The elements in row-major order: a view of the memory where contiguous, else a copy. Do not write to it. */
  toArray(input: Tensor): TypedArray;
  /** Direct access to a contiguous tensor's memory, for kernels written in TypeScript. Valid until the next allocation. */
  memory(input: Tensor): TypedArray;
  /** Another view of the storage, no gradient recorded. */
  alias(input: Tensor, sizes: readonly number[], strides: readonly number[], offset: number): Tensor;
  /** The same memory read as another dtype. */
  reinterpret(
    input: Tensor,
    dtype: DType,
    sizes: readonly number[],
    strides: readonly number[],
    offset: number,
  ): Tensor;
  /** The tensor on another device: itself where it is there already. Differentiable. */
  toDevice(input: Tensor, device: unknown): Tensor;
  /** Marks `output` as a differentiable view of `input` (or plain result) with this derivative, when grad mode says so. */
  record<T extends Tensor | readonly Tensor[]>(output: T, derivative: Derivative): T;
  /** As `record`, the outputs being views of the first input. */
  recordView<T extends Tensor | readonly Tensor[]>(output: T, derivative: Derivative): T;
  /** Gives the op that made `result` another name in the graph, and the edges of `inputs`: for compositions that are one function in PyTorch. */
  showAs(name: string, result: Tensor, inputs?: readonly Tensor[] | null): Tensor;
  /** Is a gradient to be recorded for an op on these? */
  needsGrad(inputs: readonly (Tensor | null)[]): boolean;
  /** Runs `fn` without recording gradients. */
  noGrad<R>(fn: () => R): R;
  /** `target` was changed in place by an op: bumps the version and rebases its history on `derivative`. */
  recordInplace(target: Tensor, derivative: Derivative | null): Tensor;
  /** Throws PyTorch's errors where `target` must not be changed in place now, by an op that also reads `others`. */
  checkInplace(target: Tensor, others?: readonly unknown[]): void;
  /** Makes an output of `node` the history of a tensor that was changed in place. */
  rebase(target: Tensor, node: Node, outputNumber: number): void;
  contract(out: View, a: View, b: View, spec: Contraction): void;
  /** A correlation of padded images; false where the device would rather contract. */
  correlate(out: View, image: View, kernel: View, padding: readonly [number, number], beta: 0 | 1): boolean;
  gather(out: View, source: View, indices: Indices): BadIndex | null;
  scatter(target: View, source: View, indices: Indices, mode: ScatterMode): BadIndex | null;
  /** Writes the positions of the true elements of a contiguous bool tensor of one dimension or more to `out`: int64 [their number, rank]. */
  nonzero(out: Tensor, mask: Tensor): void;
  /** `target = source`, converted and broadcast; `accumulate` adds (target may then overlap itself). No gradient. */
  copyInto(target: Tensor, source: Tensor, accumulate?: boolean): void;
  /** Writes results to `out=` arguments, resizing them. */
  writeOut(result: unknown, target: unknown): unknown;
  isTensor(x: unknown): x is Tensor;
}

/** Filled by the tensor layer. */
export const runtime: Runtime = {} as Runtime;
