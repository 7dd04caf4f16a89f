/** The walk of kernels that reduce: over the kept dimensions and, for each of their places, over the reduced ones. */
import type { View } from '../../kernel/view.ts';
import type { FunctionBuilder, Local } from './assembler.ts';
import { writeRows } from './descriptor.ts';
import type { Heap } from './heap.ts';
import { type Access, LANES } from './lanes.ts';
import { accessCode, accessNames, accessOf, Walk } from './layout.ts';

export class SplitWalk {
  readonly kept: Walk = new Walk();
  readonly gone: Walk = new Walk();

  /** Takes operands of the same sizes, which are the same for both walks. */
  set(sizes: readonly number[], operands: readonly View[], reduced: readonly boolean[]): void {
    const { kept, gone } = this;
    kept.set(
      sizes,
      operands,
      reduced.map((r) => !r),
    );
    gone.set(sizes, operands, reduced);
    kept.simplify();
    gone.simplify();
  }

  /**
   * The direction that reads operand `lead`, with elements of `itemSize` bytes, in the order of its memory: do the four lanes work on four elements
   * of one row (`along`), or on four rows at once (`across`)?
   */
  direction(lead: number, itemSize: number): 'along' | 'across' {
    const { kept, gone } = this;
    if (kept.rank === 0) return 'along';
    if (gone.rank === 0) return 'across';
    const keptSize = kept.sizes[kept.rank - 1];
    const keptStride = Math.abs(kept.strides[lead][kept.rank - 1]);
    const goneSize = gone.sizes[gone.rank - 1];
    const goneStride = Math.abs(gone.strides[lead][gone.rank - 1]);
    if (keptStride === itemSize) return keptSize >= LANES || goneStride !== itemSize ? 'across' : 'along';
    // Few elements per row: better four rows at once, read with steps.
    return goneSize < 2 * LANES && keptSize >= 2 * LANES ? 'across' : 'along';
  }

  /** A number that says how the operands, with elements of these sizes, move along the vectorised dimension; it begins with `start`. */
  key(start: number, along: boolean, itemSizes: readonly number[]): number {
    const vector = along ? this.gone : this.kept;
    let key = start;
    for (let k = 0; k < itemSizes.length; k++) {
      const stride = vector.rank === 0 ? itemSizes[k] : vector.strides[k][vector.rank - 1];
      key = key * 4 + accessCode[accessOf(stride, itemSizes[k])];
    }
    return key;
  }

  /**
   * Writes the descriptor that `loadSplitWalk` reads. Bytes: scalars | size of the vectorised dimension | inner reduced size | number of kept
   * rows | of reduced rows | addresses | strides of the vectorised dimension | of the innermost reduced one | kept rows | reduced rows.
   */
  describe(heap: Heap, address: number, along: boolean, params: readonly number[]): void {
    const { kept, gone } = this;
    const { i32, f64 } = heap;
    for (let i = 0; i < params.length; i++) f64[(address >> 3) + i] = params[i];
    let at = (address >> 2) + params.length * 2;
    const empty = gone.numel === 0;
    const goneRank = empty ? 0 : gone.rank;
    const goneInner = empty ? 0 : goneRank === 0 ? 1 : gone.sizes[goneRank - 1];
    const keptInner = kept.rank === 0 ? 1 : kept.sizes[kept.rank - 1];
    const keptOuter = along ? kept.rank : Math.max(kept.rank - 1, 0);
    const goneOuter = Math.max(goneRank - 1, 0);
    i32[at++] = along ? goneInner : keptInner;
    i32[at++] = goneInner;
    i32[at++] = keptOuter;
    i32[at++] = goneOuter;
    const { count } = kept;
    const vector = along ? gone : kept;
    for (let k = 0; k < count; k++) i32[at++] = kept.pointers[k];
    for (let k = 0; k < count; k++) i32[at++] = vector.rank === 0 ? 0 : vector.strides[k][vector.rank - 1];
    for (let k = 0; k < count; k++) i32[at++] = goneRank === 0 ? 0 : gone.strides[k][goneRank - 1];
    at = writeRows(i32, at, kept, keptOuter);
    writeRows(i32, at, gone, goneOuter);
  }
}

/** The accesses that a key of `SplitWalk` ends with. */
export function accessesOf(key: number, count: number): Access[] {
  return Array.from({ length: count }, (_, k) => accessNames[Math.floor(key / 4 ** (count - 1 - k)) % 4]);
}

/** What a kernel has of its walk: locals with what the descriptor says. */
export interface SplitLocals {
  readonly vectorSize: Local;
  readonly innerSize: Local;
  readonly keptRank: Local;
  readonly goneRank: Local;
  /** By operand. */
  readonly starts: readonly Local[];
  readonly vectorStrides: readonly Local[];
  readonly innerStrides: readonly Local[];
  /** Where the rows are, for `emitOdometer`, and the size of one. */
  readonly keptRows: Local;
  readonly goneRows: Local;
  readonly rowSize: number;
}

/** Emits the reading of a descriptor, whose address is in local 0, with so many scalars and operands. */
export function loadSplitWalk(f: FunctionBuilder, scalars: number, count: number): SplitLocals {
  const descriptor = 0;
  const base = scalars * 8;
  const rowSize = 8 + 4 * count;
  const int = (offset: number): Local => {
    const local = f.local('i32');
    f.get(descriptor).memory('i32.load', offset).set(local);
    return local;
  };
  const perOperand = (block: number): Local[] =>
    Array.from({ length: count }, (_, k) => int(base + 16 + 4 * (block * count + k)));
  const vectorSize = int(base);
  const innerSize = int(base + 4);
  const keptRank = int(base + 8);
  const goneRank = int(base + 12);
  const [starts, vectorStrides, innerStrides] = [perOperand(0), perOperand(1), perOperand(2)];
  const keptRows = f.local('i32');
  f.get(descriptor)
    .i32(base + 16 + 12 * count)
    .op('i32.add')
    .set(keptRows);
  const goneRows = f.local('i32');
  f.get(keptRank).i32(rowSize).op('i32.mul').get(keptRows).op('i32.add').set(goneRows);
  return {
    vectorSize,
    innerSize,
    keptRank,
    goneRank,
    starts,
    vectorStrides,
    innerStrides,
    keptRows,
    goneRows,
    rowSize,
  };
}
