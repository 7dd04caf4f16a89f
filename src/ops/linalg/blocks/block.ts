/** Matrices of doubles in the memory of a device, and blocks of them: what factorizations work on, in place. */
import { type DType, float64 } from '../../../base/dtype.ts';
import { product } from '../../../base/shape.ts';
import type { Storage } from '../../../device/storage.ts';
import type { View } from '../../../kernel/view.ts';
import type { Tensor } from '../../../tensor/tensor.ts';
import { runtime } from '../../runtime.ts';

/** From this order on matrices are factored and solved by blocks; below it plain loops are faster. */
export const BLOCKED_FROM = 48;

/** The elements of a batch in row-major order, in double precision: a fresh tensor, to be worked on in place. */
export function workOf(a: Tensor): Tensor {
  const work = runtime.empty(a.sizes, float64, a);
  runtime.noGrad(() => runtime.copyInto(work, a.detach()));
  return work;
}

/** What was worked out, in the dtype of `like`. Takes the tensor over. */
export function resultOf(work: Tensor, like: Tensor): Tensor {
  if (like.dtype === float64) return work;
  const out = runtime.noGrad(() => work.to(like.dtype));
  work.storage.dispose();
  return out;
}

/** The elements of a tensor from `workOf`. Valid until the next allocation or product on the device. */
export function elementsOf(work: Tensor): Float64Array {
  return runtime.memory(work) as Float64Array;
}

/** A block of a matrix. */
export class Block implements View {
  /** All of the storage. */
  readonly whole: Tensor;
  readonly dtype: DType = float64;
  readonly sizes: readonly [rows: number, columns: number];
  readonly strides: readonly [row: number, column: number];
  readonly offset: number;

  constructor(
    whole: Tensor,
    offset: number,
    sizes: readonly [rows: number, columns: number],
    strides: readonly [row: number, column: number],
  ) {
    this.whole = whole;
    this.offset = offset;
    this.sizes = sizes;
    this.strides = strides;
  }

  get storage(): Storage {
    return this.whole.storage;
  }

  get rows(): number {
    return this.sizes[0];
  }

  get columns(): number {
    return this.sizes[1];
  }

  /** The transpose, in the same memory. */
  get turned(): Block {
    const [rows, columns] = this.sizes;
    const [row, column] = this.strides;
    return new Block(this.whole, this.offset, [columns, rows], [column, row]);
  }

  part(row: number, rows: number, column: number, columns: number): Block {
    const offset = this.offset + row * this.strides[0] + column * this.strides[1];
    return new Block(this.whole, offset, [rows, columns], this.strides);
  }

  /** All elements of the storage: those of the block start at `offset`. Valid until the next product on the device. */
  get elements(): Float64Array {
    return runtime.memory(this.whole) as Float64Array;
  }
}

/** Every matrix of a batch of doubles, where it lies. */
export function blocksOf(a: Tensor): Block[] {
  const rank = a.sizes.length;
  const batch = a.sizes.slice(0, -2);
  const [rows, columns] = a.sizes.slice(-2);
  const [row, column] = a.strides.slice(-2);
  const whole = runtime.alias(a, [a.storage.nbytes / float64.itemSize], [1], 0);
  return Array.from({ length: product(batch) }, (_, index) => {
    let offset = a.offset;
    for (let d = rank - 3, rest = index; d >= 0; d--) {
      offset += (rest % batch[d]) * a.strides[d];
      rest = Math.floor(rest / batch[d]);
    }
    return new Block(whole, offset, [rows, columns], [row, column]);
  });
}

/** c −= a·b, on the device. The blocks may be of one matrix, but a and b must not overlap c. */
export function subtractProduct(c: Block, a: Block, b: Block): void {
  runtime.contract(c, a, b, { batch: 0, m: 1, n: 1, k: 1, alpha: -1, beta: 1 });
}

/** Where a matrix of order `n` > `leaf` is cut in two: near its middle, at a multiple of `leaf`. */
export function middleOf(n: number, leaf: number): number {
  return leaf * Math.ceil(n / leaf / 2);
}
