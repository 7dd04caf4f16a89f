/** Batches of matrices: what PyTorch says of wrong ones, and their elements in double precision. */
import { notImplementedFor } from '../refuse.ts';
import { float32, float64, int32 } from '../../base/dtype.ts';
import { RuntimeError } from '../../base/errors.ts';
import { broadcastTwo, product } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { runtime } from '../runtime.ts';

/** Throws PyTorch's error where `a` has fewer than two dimensions. */
export function requireRank2(name: string, a: Tensor, what = 'A'): void {
  if (a.sizes.length < 2) {
    throw new RuntimeError(`${name}: The input tensor ${what} must have at least 2 dimensions.`);
  }
}

/** Throws PyTorch's error unless the dtype is floating-point; unless it is float32 or float64, where `low` is false. */
export function requireFloats(name: string, a: Tensor, low = false): void {
  const { dtype } = a;
  if (!dtype.isFloatingPoint) {
    throw new RuntimeError(
      `${name}: Expected a floating point or complex tensor as input. Got ${dtype.scalarName}`,
    );
  }
  if (!low && dtype.itemSize < 4) {
    throw new RuntimeError(`${name}: Low precision dtypes not supported. Got ${dtype.scalarName}`);
  }
}

/** Throws PyTorch's error for dtypes that its kernel is not made for: all but float32 and float64. */
export function requireKernel(kernel: string, a: Tensor): void {
  if (a.dtype !== float32 && a.dtype !== float64) {
    throw notImplementedFor(kernel, a.dtype);
  }
}

/** Throws PyTorch's errors unless `a` is a batch of square matrices, of any dtype. */
export function requireSquare(name: string, a: Tensor, what = 'A'): void {
  requireRank2(name, a, what);
  const [rows, columns] = a.sizes.slice(-2);
  if (rows !== columns) {
    throw new RuntimeError(
      `${name}: ${what} must be batches of square matrices, but they are ${rows} by ${columns} matrices`,
    );
  }
}

/** Throws PyTorch's error where the operands of an equation differ in dtype. */
export function requireSameDtype(
  name: string,
  a: Tensor,
  b: Tensor,
  names: readonly string[] = ['A', 'B'],
): void {
  if (a.dtype !== b.dtype) {
    throw new RuntimeError(
      `${name}: Expected ${names[0]} and ${names[1]} to have the same dtype, but found ${names[0]} of type ${a.dtype.scalarName} and ${names[1]} of type ${b.dtype.scalarName} instead`,
    );
  }
}

/** Throws PyTorch's errors unless AX = B (or XA = B, with `left` false) makes sense for square A. */
export function requireEquation(name: string, a: Tensor, b: Tensor, left: boolean): void {
  requireSquare(name, a);
  requireRank2(name, b, 'B');
  const [rows, columns] = b.sizes.slice(-2);
  const n = a.sizes[a.sizes.length - 1];
  if ((left ? rows : columns) !== n) {
    throw new RuntimeError(
      `${name}: Incompatible shapes of A and B for the equation ${left ? 'AX = B' : 'XA = B'} (${n}x${n} and ${rows}x${columns})`,
    );
  }
}

/** Both with the batch dimensions they broadcast to. Messages name `b` first, as PyTorch's do. */
export function broadcastBatches(a: Tensor, b: Tensor): [Tensor, Tensor] {
  const batch = broadcastTwo(b.sizes.slice(0, -2), a.sizes.slice(0, -2));
  return [a.expand([...batch, ...a.sizes.slice(-2)]), b.expand([...batch, ...b.sizes.slice(-2)])];
}

/** The elements in row-major order, in double precision. A copy. */
export function doubles(a: Tensor): Float64Array {
  const plain = runtime.noGrad(() => {
    const detached = a.detach();
    return a.dtype === float32 || a.dtype === float64 ? detached : detached.to(float64);
  });
  return new Float64Array(runtime.toArray(plain) as Float64Array);
}

/** A tensor of the dtype and device of `like`. */
export function fromDoubles(data: Float64Array, sizes: readonly number[], like: Tensor): Tensor {
  if (like.dtype === float32) return runtime.fromArray(new Float32Array(data), sizes, float32, like);
  const made = runtime.fromArray(data, sizes, float64, like);
  return made.dtype === like.dtype ? made : runtime.noGrad(() => made.to(like.dtype));
}

/** An int32 tensor: LAPACK's pivots and error codes. */
export function fromIntegers(data: Int32Array, sizes: readonly number[], like: Tensor): Tensor {
  return runtime.fromArray(data, sizes, int32, like);
}

/** How many matrices there are. */
export function batchCount(a: Tensor): number {
  return product(a.sizes.slice(0, -2));
}

/** Calls `visit` with the part of every matrix of a batch: its number and where its elements start. */
export function eachMatrix(sizes: readonly number[], visit: (index: number, start: number) => void): void {
  const matrix = product(sizes.slice(-2));
  const count = product(sizes.slice(0, -2));
  for (let i = 0; i < count; i++) visit(i, i * matrix);
}

/** "(Batch element 3): " for batches, else nothing. */
export function batchElement(a: Tensor, index: number): string {
  return a.sizes.length > 2 ? `(Batch element ${index}): ` : '';
}

/** The identity, of the dtype and device of `like`. */
export function identity(n: number, like: Tensor): Tensor {
  const data = new Float64Array(n * n);
  for (let i = 0; i < n; i++) data[i * (n + 1)] = 1;
  return fromDoubles(data, [n, n], like);
}

/** Every row times its entry of `factors`. */
export function scaleRows(x: Tensor, factors: Tensor): Tensor {
  return x.mul(factors.unsqueeze(-1));
}

/** Every column times its entry of `factors`. */
export function scaleColumns(x: Tensor, factors: Tensor): Tensor {
  return x.mul(factors.unsqueeze(-2));
}

/** Half the distance from 1 to the next number of the dtype: what LAPACK calls its relative machine epsilon. */
export function epsilonOf(a: Tensor): number {
  return a.dtype === float64 ? 2 ** -53 : 2 ** -24;
}
