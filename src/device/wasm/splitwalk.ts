/** The walk of kernels that reduce: over the kept dimensions and, for each of their places, over the reduced ones. */
import type { View } from '../../kernel/view.ts';
import type { Heap } from './heap.ts';
import { writeRows } from './descriptor.ts';
import { LANES } from './lanes.ts';
import { accessCode, accessOf, Walk } from './layout.ts';

/** Do the four lanes work on four elements of one row (`along`), or on four rows at once (`across`)? */
export type Direction = 'along' | 'across';

export class SplitWalk {
  readonly kept: Walk = new Walk();
  readonly gone: Walk = new Walk();
  direction: Direction = 'along';
  private itemSizes: readonly number[] = [];

  /** Takes operands of the same sizes. `lead`: the operand whose memory order decides the direction. */
  set(sizes: readonly number[], operands: readonly View[], reduced: readonly boolean[], lead: number): void {
    const { kept, gone } = this;
    kept.set(
      sizes,
      operands,
      reduced.map((r) => !r),
    );
    gone.set(sizes, operands, reduced);
    kept.simplify();
    gone.simplify();
    this.itemSizes = operands.map((v) => v.dtype.itemSize);
    this.direction = this.chooseDirection(lead);
  }

  /** The direction that reads operand `lead` in the order of its memory. */
  private chooseDirection(lead: number): Direction {
    const { kept, gone } = this;
    if (kept.rank === 0) return 'along';
    if (gone.rank === 0) return 'across';
    const itemSize = this.itemSizes[lead];
    const keptSize = kept.sizes[kept.rank - 1];
    const keptStride = Math.abs(kept.strides[lead][kept.rank - 1]);
    const goneSize = gone.sizes[gone.rank - 1];
    const goneStride = Math.abs(gone.strides[lead][gone.rank - 1]);
    if (keptStride === itemSize) return keptSize >= LANES || goneStride !== itemSize ? 'across' : 'along';
    // Few elements per row: better four rows at once, read with steps.
    return goneSize < 2 * LANES && keptSize >= 2 * LANES ? 'across' : 'along';
  }

  /** The number that says how the operands move along the vector dimension, and which one that is. */
  key(): number {
    const vector = this.direction === 'along' ? this.gone : this.kept;
    let key = this.direction === 'along' ? 0 : 1;
    this.itemSizes.forEach((itemSize, k) => {
      const stride = vector.rank === 0 ? itemSize : vector.strides[k][vector.rank - 1];
      key = key * 4 + accessCode[accessOf(stride, itemSize)];
    });
    return key;
  }

  /**
   * Bytes: scalars | size of the vector dimension | inner reduced size | number of kept rows | of reduced rows | addresses | strides of the
   * vector dimension | of the innermost reduced one | kept rows | reduced rows.
   */
  describe(heap: Heap, address: number, params: readonly number[]): void {
    const { kept, gone } = this;
    const { i32, f64 } = heap;
    for (let i = 0; i < params.length; i++) f64[(address >> 3) + i] = params[i];
    let at = (address >> 2) + params.length * 2;
    const along = this.direction === 'along';
    const vector = along ? gone : kept;
    const goneInner = gone.rank === 0 ? 1 : gone.sizes[gone.rank - 1];
    const keptOuter = along ? kept.rank : Math.max(kept.rank - 1, 0);
    const goneOuter = Math.max(gone.rank - 1, 0);
    i32[at++] = vector.rank === 0 ? 1 : vector.sizes[vector.rank - 1];
    i32[at++] = goneInner;
    i32[at++] = keptOuter;
    i32[at++] = goneOuter;
    const { count } = kept;
    for (let k = 0; k < count; k++) i32[at++] = kept.pointers[k];
    for (let k = 0; k < count; k++) i32[at++] = vector.rank === 0 ? 0 : vector.strides[k][vector.rank - 1];
    for (let k = 0; k < count; k++) i32[at++] = gone.rank === 0 ? 0 : gone.strides[k][gone.rank - 1];
    at = writeRows(i32, at, kept, keptOuter);
    writeRows(i32, at, gone, goneOuter);
  }
}
