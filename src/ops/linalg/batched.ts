/** Matrix algorithms in TypeScript: batches of matrices in double precision, one after another. */
import { float64 } from '../../base/dtype.ts';
import { RuntimeError } from '../../base/errors.ts';
import { product } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { runtime } from '../runtime.ts';

/** Throws PyTorch's errors unless `a` is a batch of matrices of float32 or float64. */
export function requireMatrices(name: string, a: Tensor, what = 'input'): void {
  if (a.sizes.length < 2) {
    throw new RuntimeError(
      `${name}: The ${what} tensor ${what === 'input' ? 'A ' : ''}must have at least 2 dimensions.`,
    );
  }
  if (!a.dtype.isFloatingPoint || a.dtype.itemSize < 4) {
    throw new RuntimeError(
      a.dtype.isFloatingPoint
        ? `${name}: Low precision dtypes not supported. Got ${a.dtype.scalarName}`
        : `${name}: Expected a floating point or complex tensor as input. Got ${a.dtype.scalarName}`,
    );
  }
}

/** Throws PyTorch's errors unless `a` is a batch of square matrices. */
export function requireSquare(name: string, a: Tensor): void {
  requireMatrices(name, a);
  const [rows, columns] = a.sizes.slice(-2);
  if (rows !== columns) {
    throw new RuntimeError(
      `${name}: A must be batches of square matrices, but they are ${rows} by ${columns} matrices`,
    );
  }
}

/** The elements in row-major order, in double precision. A copy. */
export function doubles(a: Tensor): Float64Array {
  return Float64Array.from(
    runtime.toArray(runtime.noGrad(() => a.detach().to(float64).contiguous())) as Float64Array,
  );
}

/** A tensor of the dtype and device of `like`. */
export function fromDoubles(data: Float64Array, sizes: readonly number[], like: Tensor): Tensor {
  const made = runtime.fromArray(data, sizes, float64, like);
  return made.dtype === like.dtype ? made : runtime.noGrad(() => made.to(like.dtype));
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
