/**
 * The argument of a kernel: a block of memory with its scalars, its operands' addresses and strides, and the dimensions it walks.
 *
 * Bytes: scalars (8 each) | inner size | number of outer dimensions | address of each operand | inner stride of each operand |
 * a row per outer dimension, innermost first: size, counter, and for each operand how far its address moves when this
 * dimension steps (all inner ones having run full).
 */
import type { FunctionBuilder, Local } from './assembler.ts';
import type { Heap } from './heap.ts';
import type { Walk } from './layout.ts';

/** Writes the outer dimensions `[0, outer)` of a walk as rows; returns the place after them. */
export function writeRows(i32: Int32Array, place: number, walk: Walk, outer: number): number {
  const { sizes, strides, count } = walk;
  let at = place;
  for (let d = outer - 1; d >= 0; d--) {
    i32[at++] = sizes[d];
    i32[at++] = 0;
    for (let k = 0; k < count; k++) {
      let advance = strides[k][d];
      for (let inner = d + 1; inner < outer; inner++) advance -= strides[k][inner] * (sizes[inner] - 1);
      i32[at++] = advance;
    }
  }
  return at;
}

/** Writes a whole descriptor at byte `address`: the last dimension of the walk is the inner one. */
export function writeDescriptor(heap: Heap, address: number, walk: Walk, params: readonly number[]): void {
  const { i32 } = heap;
  const { rank, count, pointers, strides } = walk;
  for (let i = 0; i < params.length; i++) heap.f64[(address >> 3) + i] = params[i];
  let at = (address >> 2) + params.length * 2;
  const outer = Math.max(rank - 1, 0);
  i32[at++] = rank === 0 ? walk.numel : walk.sizes[rank - 1];
  i32[at++] = outer;
  for (let k = 0; k < count; k++) i32[at++] = pointers[k];
  for (let k = 0; k < count; k++) i32[at++] = rank === 0 ? 0 : strides[k][rank - 1];
  if (outer > 0) writeRows(i32, at, walk, outer);
}

/** Offsets in a descriptor, in bytes. */
export interface DescriptorPlan {
  readonly inner: number;
  readonly outerRank: number;
  pointer(k: number): number;
  stride(k: number): number;
  readonly rows: number;
  /** Bytes per row. */
  readonly rowSize: number;
}

export function planDescriptor(paramCount: number, operands: number): DescriptorPlan {
  const base = paramCount * 8;
  return {
    inner: base,
    outerRank: base + 4,
    pointer: (k) => base + 8 + 4 * k,
    stride: (k) => base + 8 + 4 * operands + 4 * k,
    rows: base + 8 + 8 * operands,
    rowSize: 8 + 4 * operands,
  };
}

/**
 * Emits the step to the next row of an odometer whose rows start at local `rows`: moves `pointers` and branches to the
 * enclosing loop at `depth`, or falls through (with all counters at zero) after the last one.
 */
export function emitOdometer(
  f: FunctionBuilder,
  rows: Local,
  rank: Local,
  rowSize: number,
  pointers: readonly { readonly local: Local; readonly operand: number }[],
  depth: number,
): void {
  const row = f.local('i32');
  const left = f.local('i32');
  const counter = f.local('i32');
  f.get(rows).set(row).get(rank).set(left);
  f.block(() => {
    f.loop(() => {
      f.get(left).op('i32.eqz').brIf(1);
      f.get(row).memory('i32.load', 4).i32(1).op('i32.add').tee(counter);
      f.get(row).memory('i32.load').op('i32.lt_s');
      f.if(() => {
        f.get(row).get(counter).memory('i32.store', 4);
        for (const { local, operand } of pointers) {
          f.get(local)
            .get(row)
            .memory('i32.load', 8 + 4 * operand)
            .op('i32.add')
            .set(local);
        }
        f.br(depth + 3);
      });
      f.get(row).i32(0).memory('i32.store', 4);
      f.get(row).i32(rowSize).op('i32.add').set(row);
      f.get(left).i32(1).op('i32.sub').set(left);
      f.br(0);
    });
  });
}
