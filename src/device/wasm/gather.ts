/** Indexed reading and writing: checks the indices, then follows them by generated kernels (or, for rare updates, in TypeScript). */
import type { DType } from '../../base/dtype.ts';
import { fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from '../../base/float16.ts';
import type { View } from '../../kernel/view.ts';
import type { BadIndex, Indices, ScatterMode } from '../device.ts';
import { writeDescriptor } from './descriptor.ts';
import type { Heap } from './heap.ts';
import {
  buildIndexed,
  buildRangeCheck,
  type Extent,
  extents,
  type IndexedSpec,
  ROW_SCALARS,
  type Update,
  updates,
} from './indexed.ts';
import type { KernelCache } from './kernels.ts';
import { Walk } from './layout.ts';
import type { Threads } from './threads.ts';

type Elements =
  | Uint8Array
  | Int8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigInt64Array;

const arrayTypes = {
  bool: Uint8Array,
  uint8: Uint8Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  float32: Float32Array,
  float64: Float64Array,
} as const;

const moveOf = { 1: 'move1', 2: 'move2', 4: 'move4', 8: 'move8' } as const;

/** The kernel for a scatter; null where it is done in TypeScript. */
function updateOf(dtype: DType, mode: ScatterMode): Update | null {
  if (mode === 'set') return moveOf[dtype.itemSize as 1 | 2 | 4 | 8];
  if (mode !== 'add') return null;
  switch (dtype.name) {
    case 'float32':
      return 'addf32';
    case 'float64':
      return 'addf64';
    case 'int32':
      return 'addi32';
    case 'int64':
      return 'addi64';
    default:
      return null;
  }
}

/** What following an index takes on one core, and moving a byte, in nanoseconds, about. */
const STEP_NS = 0.7;
const BYTE_NS = 0.03;

/** Where the kernels are kept. */
const indexedProgram: { readonly compiled: unknown[] } = { compiled: [] };
const checkProgram: { readonly compiled: unknown[] } = { compiled: [] };

/** The number of a kernel. */
function keyOf(spec: IndexedSpec): number {
  const flags = (spec.indexed << 2) | (spec.wrap ? 2 : 0) | (spec.dense ? 1 : 0);
  return (
    ((spec.indexCount * updates.length + updates.indexOf(spec.update)) * 4 + extents.indexOf(spec.extent)) *
      8 +
    flags
  );
}

/** Follows indices on one heap. */
export class Indexer {
  private readonly heap: Heap;
  private readonly kernels: KernelCache;
  private readonly threads: Threads;
  private readonly descriptor: number;
  private readonly slot: number;
  private readonly walk = new Walk();
  /** What is updated at each step of the walk: the number of elements and the bytes from one to the next. */
  private readonly row = { length: 1, to: 0, from: 0 };
  private readonly scalars: number[] = [];

  constructor(heap: Heap, kernels: KernelCache, threads: Threads, slot: number) {
    this.heap = heap;
    this.kernels = kernels;
    this.threads = threads;
    this.descriptor = threads.descriptor(0);
    this.slot = slot;
  }

  gather(out: View, source: View, indices: Indices): BadIndex | null {
    if (out.sizes.includes(0)) return null;
    const { itemSize } = out.dtype;
    this.walk.set(out.sizes, [out, source, ...indices.index]);
    this.walk.simplify();
    return this.follow(moveOf[itemSize as 1 | 2 | 4 | 8], 1, indices, itemSize)
      ? null
      : this.findBad(indices);
  }

  scatter(target: View, source: View, indices: Indices, mode: ScatterMode): BadIndex | null {
    if (target.sizes.includes(0)) return null;
    // Before anything is written.
    const bad = this.findBad(indices);
    if (bad !== null) return bad;
    // In row-major order: where places coincide the last one counts.
    this.walk.set(target.sizes, [target, source, ...indices.index]);
    if (this.walk.rank > 1) this.walk.merge();
    const update = updateOf(target.dtype, mode);
    if (update !== null) this.follow(update, 0, indices, target.dtype.itemSize);
    else this.combine(target, indices, mode as Exclude<ScatterMode, 'set'>);
    return null;
  }

  /** Follows the indices over the walk. Reading looks at each of them first: false where one does not fit. */
  private follow(update: Update, indexed: 0 | 1, indices: Indices, itemSize: number): boolean {
    const { walk, threads, row } = this;
    const { size, wrap } = indices;
    const extent = this.takeRow(size.length, itemSize);
    const { rank } = walk;
    let dense = rank > 0;
    for (let k = 0; k < size.length && dense; k++) dense = walk.strides[k + 2][rank - 1] === 8;
    const spec: IndexedSpec = {
      update,
      extent,
      indexed,
      indexCount: size.length,
      wrap,
      checked: indexed === 1,
      dense,
    };
    const kernel = this.kernels.get(indexedProgram, this.slot, keyOf(spec), () =>
      buildIndexed(spec, this.kernels.memory),
    );
    // What is written may coincide, so only reading is shared.
    const work = walk.numel * (STEP_NS * size.length + row.length * itemSize * BYTE_NS);
    const parts = indexed === 1 && rank > 0 ? threads.partsFor(work, kernel) : 1;
    if (parts === 1) {
      this.describe(this.descriptor, indices, itemSize);
      threads.run(kernel, 1);
      return this.fitted(this.descriptor, size.length);
    }
    let used = 0;
    walk.eachShare(parts, 1, () => this.describe(threads.descriptor(used++), indices, itemSize));
    threads.run(kernel, used);
    for (let part = 0; part < used; part++) {
      if (!this.fitted(threads.descriptor(part), size.length)) return false;
    }
    return true;
  }

  /** Takes the innermost dimension out of the walk, as a row, where no index moves along it. */
  private takeRow(indexCount: number, itemSize: number): Extent {
    const { walk, row } = this;
    row.length = 1;
    row.to = 0;
    row.from = 0;
    if (walk.rank === 0) return 'element';
    const last = walk.rank - 1;
    for (let k = 0; k < indexCount; k++) if (walk.strides[k + 2][last] !== 0) return 'element';
    row.length = walk.sizes[last];
    row.to = walk.strides[0][last];
    row.from = walk.strides[1][last];
    walk.rank = last;
    walk.numel /= row.length;
    if (row.to !== itemSize) return 'strided';
    return row.from === itemSize ? 'dense' : row.from === 0 ? 'splat' : 'strided';
  }

  private describe(address: number, { stride, size }: Indices, itemSize: number): void {
    const { heap, walk, row, scalars } = this;
    scalars.length = size.length + ROW_SCALARS;
    writeDescriptor(heap, address, walk, scalars);
    const { i32 } = heap;
    let at = address >> 2;
    for (let k = 0; k < size.length; k++) {
      i32[at++] = size[k];
      i32[at++] = stride[k] * itemSize;
    }
    i32[at++] = row.length;
    i32[at++] = 0;
    i32[at++] = row.to;
    i32[at] = row.from;
  }

  private fitted(address: number, indexCount: number): boolean {
    return this.heap.i32[(address >> 2) + 2 * indexCount + 1] === 0;
  }

  /** The first index that does not fit, or null. */
  private findBad({ index, size, wrap }: Indices): BadIndex | null {
    const { heap, walk, descriptor } = this;
    const kernel = this.kernels.get(checkProgram, this.slot, 0, () => buildRangeCheck(this.kernels.memory));
    for (let which = 0; which < index.length; which++) {
      const view = index[which];
      walk.set(
        view.sizes,
        [view],
        view.strides.map((s) => s !== 0),
      );
      walk.simplify();
      const high = size[which];
      const low = wrap ? -high : 0;
      writeDescriptor(heap, descriptor, walk, [0, 0]);
      const at = descriptor >> 2;
      heap.i32[at] = low;
      heap.i32[at + 1] = low >> 31;
      heap.i32[at + 2] = high - 1;
      heap.i32[at + 3] = (high - 1) >> 31;
      kernel.run(descriptor);
      if (heap.i32[at + 1] >= 0) continue;
      let bad: number | null = null;
      eachRow(walk, (pointers, n, strides) => {
        for (let i = 0, at = pointers[0] >>> 2; i < n && bad === null; i++, at += strides[0] >> 2) {
          const value = readIndex(heap.i32, at);
          if (value < low || value >= high) bad = value;
        }
      });
      if (bad !== null) return { which, value: bad };
    }
    return null;
  }

  /** Updates other than moving and adding. */
  private combine(target: View, { stride, size }: Indices, mode: Exclude<ScatterMode, 'set'>): void {
    const { heap } = this;
    const { dtype } = target;
    const data = new arrayTypes[dtype.name](heap.memory.buffer) as Elements;
    const update = updater(data, dtype, mode);
    const shift = Math.log2(dtype.itemSize);
    eachRow(this.walk, (pointers, n, strides) => {
      for (let i = 0; i < n; i++) {
        let at = pointers[0] + strides[0] * i;
        for (let k = 0; k < size.length; k++) {
          const value = readIndex(heap.i32, (pointers[k + 2] + strides[k + 2] * i) >>> 2);
          at += (value < 0 ? value + size[k] : value) * stride[k] * dtype.itemSize;
        }
        update(at >>> shift, (pointers[1] + strides[1] * i) >>> shift);
      }
    });
  }
}

/** An int64 as a number. */
function readIndex(i32: Int32Array, at: number): number {
  const low = i32[at];
  const high = i32[at + 1];
  return high === low >> 31 ? low : high * 2 ** 32 + (low >>> 0);
}

/** Calls `visit` for every row of a walk: addresses, length and byte strides of the innermost dimension. */
function eachRow(
  w: Walk,
  visit: (pointers: readonly number[], n: number, strides: readonly number[]) => void,
): void {
  const { rank, count } = w;
  const pointers = w.pointers.slice(0, count);
  if (rank === 0) {
    visit(pointers, 1, new Array<number>(count).fill(0));
    return;
  }
  const inner = rank - 1;
  const strides = w.strides.slice(0, count).map((s) => s[inner]);
  const sizes = Array.from(w.sizes.subarray(0, rank));
  const outer = w.strides.slice(0, count).map((s) => Array.from(s.subarray(0, rank)));
  const counters = new Array<number>(rank).fill(0);
  for (;;) {
    visit(pointers, sizes[inner], strides);
    let d = inner - 1;
    for (; d >= 0; d--) {
      if (++counters[d] < sizes[d]) {
        for (let k = 0; k < count; k++) pointers[k] += outer[k][d];
        break;
      }
      counters[d] = 0;
      for (let k = 0; k < count; k++) pointers[k] -= outer[k][d] * (sizes[d] - 1);
    }
    if (d < 0) return;
  }
}

type Combine = (to: number, from: number) => void;

/** Combines an element with another one of the same array. */
function updater(data: Elements, dtype: DType, mode: Exclude<ScatterMode, 'set'>): Combine {
  if (data instanceof BigInt64Array) {
    // Stores wrap to 64 bits by themselves.
    if (mode === 'add')
      return (to, from) => {
        data[to] += data[from];
      };
    if (mode === 'mul')
      return (to, from) => {
        data[to] *= data[from];
      };
    if (mode === 'min')
      return (to, from) => {
        if (data[from] < data[to]) data[to] = data[from];
      };
    return (to, from) => {
      if (data[from] > data[to]) data[to] = data[from];
    };
  }
  if (dtype.name === 'bool') {
    if (mode === 'add' || mode === 'max')
      return (to, from) => {
        data[to] |= data[from];
      };
    return (to, from) => {
      data[to] &= data[from];
    };
  }
  const combine = combinations[mode];
  if (dtype.name === 'float16') {
    return (to, from) => {
      data[to] = toFloat16(combine(fromFloat16(data[to]), fromFloat16(data[from])));
    };
  }
  if (dtype.name === 'bfloat16') {
    return (to, from) => {
      data[to] = toBfloat16(combine(fromBfloat16(data[to]), fromBfloat16(data[from])));
    };
  }
  if (mode === 'add')
    return (to, from) => {
      data[to] += data[from];
    };
  if (data instanceof Int32Array && mode === 'mul')
    return (to, from) => {
      data[to] = Math.imul(data[to], data[from]);
    };
  return (to, from) => {
    data[to] = combine(data[to], data[from]);
  };
}

/** min and max keep NaN. */
const combinations: Readonly<Record<Exclude<ScatterMode, 'set'>, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  mul: (a, b) => a * b,
  min: Math.min,
  max: Math.max,
};
