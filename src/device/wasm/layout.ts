/**
 * How a kernel walks over its operands: the dimensions of an iteration, put in order of memory and merged where
 * that is possible. One instance is used again and again, so that a call allocates nothing.
 */
import type { View } from '../../kernel/view.ts';
import type { Access } from './lanes.ts';
import { eachShare } from './threads.ts';

/** More dimensions than tensors ever have after merging. */
const MAX_RANK = 64;

export class Walk {
  /** Dimensions that are left, outermost first. */
  rank = 0;
  readonly sizes: Int32Array = new Int32Array(MAX_RANK);
  /** Bytes per step, by operand: `strides[operand][dimension]`. */
  readonly strides: Int32Array[] = [];
  /** Byte addresses of the first elements. */
  readonly pointers: number[] = [];
  /** Number of operands. */
  count = 0;
  /** Number of iterated elements. */
  numel = 0;

  /** Takes the first `count` operands as they are: `dims` tells which dimensions are walked (all if null). */
  set(
    sizes: readonly number[],
    operands: readonly View[],
    dims: readonly boolean[] | null = null,
    count: number = operands.length,
  ): void {
    this.count = count;
    while (this.strides.length < count) this.strides.push(new Int32Array(MAX_RANK));
    let rank = 0;
    let numel = 1;
    for (let d = 0; d < sizes.length; d++) {
      if (dims !== null && !dims[d]) continue;
      const size = sizes[d];
      numel *= size;
      if (size === 1) continue;
      this.sizes[rank] = size;
      for (let k = 0; k < count; k++)
        this.strides[k][rank] = operands[k].strides[d] * operands[k].dtype.itemSize;
      rank++;
    }
    this.numel = numel;
    this.rank = rank;
    for (let k = 0; k < count; k++) {
      const view = operands[k];
      this.pointers[k] = view.storage.address + view.offset * view.dtype.itemSize;
    }
  }

  /** Sorts dimensions by falling stride of the first operand (then the next, where it does not move), and merges them. */
  simplify(): void {
    if (this.rank > 1) {
      this.sort();
      this.merge();
    }
  }

  private sort(): void {
    const { rank, strides, count } = this;
    // Insertion sort: ranks are small and orders mostly right already.
    for (let i = 1; i < rank; i++) {
      for (let j = i; j > 0; j--) {
        let inner = 0;
        for (let k = 0; k < count && inner === 0; k++) {
          const before = Math.abs(strides[k][j - 1]);
          const after = Math.abs(strides[k][j]);
          // A dimension in which an operand does not move says nothing about the order.
          if (before === 0 || after === 0) continue;
          inner = before - after;
        }
        if (inner >= 0) break;
        this.swap(j - 1, j);
      }
    }
  }

  private swap(a: number, b: number): void {
    const size = this.sizes[a];
    this.sizes[a] = this.sizes[b];
    this.sizes[b] = size;
    for (let k = 0; k < this.count; k++) {
      const s = this.strides[k];
      const t = s[a];
      s[a] = s[b];
      s[b] = t;
    }
  }

  /** Merges neighbours that all operands walk as one dimension. */
  merge(): void {
    const { sizes, strides, count } = this;
    let last = 0;
    for (let d = 1; d < this.rank; d++) {
      let joined = true;
      for (let k = 0; k < count && joined; k++) joined = strides[k][last] === strides[k][d] * sizes[d];
      if (joined) {
        sizes[last] *= sizes[d];
        for (let k = 0; k < count; k++) strides[k][last] = strides[k][d];
      } else {
        last++;
        sizes[last] = sizes[d];
        for (let k = 0; k < count; k++) strides[k][last] = strides[k][d];
      }
    }
    this.rank = last + 1;
  }

  /**
   * Calls `visit` with this walk cut down to each of about `parts` shares of its outermost dimension, and leaves it cut. A share of the
   * innermost dimension is a multiple of `unit` long.
   */
  eachShare(parts: number, unit: number, visit: () => void): void {
    const pointers = this.pointers.slice(0, this.count);
    eachShare(this.sizes[0], parts, this.rank === 1 ? unit : 1, (from, size) => {
      this.sizes[0] = size;
      for (let k = 0; k < this.count; k++) this.pointers[k] = pointers[k] + from * this.strides[k][0];
      visit();
    });
  }

  /** Moves dimension `d` to the innermost place, the others keep their order. */
  moveLast(d: number): void {
    for (let i = d; i < this.rank - 1; i++) this.swap(i, i + 1);
  }
}

/** How an operand with byte stride `stride` moves along the vectorised dimension. */
export function accessOf(stride: number, itemSize: number): Access {
  if (stride === itemSize) return 'contiguous';
  return stride === 0 ? 'scalar' : 'strided';
}

/** The accesses of operands as a number, two bits each: what a compiled variant of a kernel is found by. */
export const accessCode: Readonly<Record<Access, number>> = {
  contiguous: 0,
  scalar: 1,
  strided: 2,
  reversed: 3,
};
/** The code of how an operand moves along the innermost dimension; `mayReverse`: backwards is a case of its own. */
export function accessCodeOf(stride: number, itemSize: number, mayReverse: boolean): number {
  if (stride === itemSize) return accessCode.contiguous;
  if (stride === 0) return accessCode.scalar;
  return mayReverse && stride === -itemSize ? accessCode.reversed : accessCode.strided;
}
export const accessNames: readonly Access[] = ['contiguous', 'scalar', 'strided', 'reversed'];
