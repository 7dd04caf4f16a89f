/** Indexed reading and writing: checks the indices, then follows them by generated kernels (or, for rare updates, in TypeScript). */
import type { DType } from '../../base/dtype.ts';
import { fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from '../../base/float16.ts';
import type { View } from '../../kernel/view.ts';
import type { BadIndex, Indices, ScatterMode } from '../device.ts';
import { writeDescriptor } from './descriptor.ts';
import type { Heap } from './heap.ts';
import { buildIndexed, buildRange, type Update } from './indexed.ts';
import type { Kernel, KernelCache } from './kernels.ts';
import { Walk } from './layout.ts';

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

/** Follows indices on one heap. */
export class Indexer {
  private readonly heap: Heap;
  private readonly kernels: KernelCache;
  private readonly descriptor: number;
  private readonly slot: number;
  private readonly programs = new Map<string, { readonly compiled: unknown[] }>();
  private readonly walk = new Walk();
  private readonly scalars: number[] = [];

  constructor(heap: Heap, kernels: KernelCache, descriptor: number, slot: number) {
    this.heap = heap;
    this.kernels = kernels;
    this.descriptor = descriptor;
    this.slot = slot;
  }

  gather(out: View, source: View, indices: Indices): BadIndex | null {
    const bad = this.findBad(indices);
    if (bad !== null || out.sizes.includes(0)) return bad;
    this.walk.set(out.sizes, [out, source, ...indices.index]);
    this.walk.simplify();
    this.follow(moveOf[out.dtype.itemSize as 1 | 2 | 4 | 8], 1, indices, out.dtype.itemSize);
    return null;
  }

  scatter(target: View, source: View, indices: Indices, mode: ScatterMode): BadIndex | null {
    const bad = this.findBad(indices);
    if (bad !== null || target.sizes.includes(0)) return bad;
    // In row-major order: where places coincide the last one counts.
    this.walk.set(target.sizes, [target, source, ...indices.index]);
    if (this.walk.rank > 1) this.walk.merge();
    const update = updateOf(target.dtype, mode);
    if (update !== null) this.follow(update, 0, indices, target.dtype.itemSize);
    else this.combine(target, indices, mode as Exclude<ScatterMode, 'set'>);
    return null;
  }

  private follow(update: Update, indexed: 0 | 1, { stride, size }: Indices, itemSize: number): void {
    const { heap, walk, scalars } = this;
    const count = stride.length;
    const kernel = this.kernel(`${update}:${indexed}:${count}`, () =>
      buildIndexed(update, indexed, count, this.kernels.memory),
    );
    scalars.length = count;
    writeDescriptor(heap, this.descriptor, walk, scalars);
    for (let k = 0, at = this.descriptor >> 2; k < count; k++) {
      heap.i32[at++] = size[k];
      heap.i32[at++] = stride[k] * itemSize;
    }
    kernel.run(this.descriptor);
  }

  private kernel(name: string, build: () => ReturnType<typeof buildRange>): Kernel {
    let program = this.programs.get(name);
    if (program === undefined) {
      program = { compiled: [] };
      this.programs.set(name, program);
    }
    return this.kernels.get(program, this.slot, 0, build);
  }

  /** The first index that does not fit, or null. */
  private findBad({ index, size, wrap }: Indices): BadIndex | null {
    const { heap, walk, descriptor } = this;
    for (let which = 0; which < index.length; which++) {
      const view = index[which];
      if (view.sizes.includes(0)) return null;
      walk.set(
        view.sizes,
        [view],
        view.strides.map((s) => s !== 0),
      );
      walk.simplify();
      writeDescriptor(heap, descriptor, walk, [0, 0]);
      this.kernel('range', () => buildRange(this.kernels.memory)).run(descriptor);
      const bounds = new BigInt64Array(heap.memory.buffer, descriptor, 2);
      const high = size[which];
      const low = wrap ? -high : 0;
      if (bounds[0] >= low && bounds[1] < high) continue;
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
