/**
 * Indexed reading and writing. The time goes into following indices through memory, so these loops are plain
 * TypeScript over the heap; rows that an index moves as a whole are copied as such.
 */
import type { DType } from '../../base/dtype.ts';
import { fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from '../../base/float16.ts';
import type { View } from '../../kernel/view.ts';
import type { BadIndex, Indices, ScatterMode } from '../device.ts';
import type { Heap } from './heap.ts';
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

/** The first index that does not fit, or null. */
function findBad(heap: Heap, { index, size, wrap }: Indices): BadIndex | null {
  for (let which = 0; which < index.length; which++) {
    const view = index[which];
    const dims = view.strides.map((s) => s !== 0);
    checker.set(view.sizes, [view], dims);
    if (view.sizes.includes(0)) return null;
    checker.simplify();
    const high = size[which];
    const low = wrap ? -high : 0;
    let bad: BadIndex | null = null;
    const { i32 } = heap;
    rows(checker, (pointers, n, strides) => {
      if (bad !== null) return;
      let at = pointers[0] >>> 2;
      const step = strides[0] >> 2;
      for (let i = 0; i < n; i++, at += step) {
        const value = readIndex(i32, at);
        if (value < low || value >= high) {
          bad = { which, value };
          return;
        }
      }
    });
    if (bad !== null) return bad;
  }
  return null;
}

/** An int64 as a number. */
function readIndex(i32: Int32Array, at: number): number {
  const low = i32[at];
  const high = i32[at + 1];
  return high === low >> 31 ? low : high * 2 ** 32 + (low >>> 0);
}

const checker = new Walk();
const walk = new Walk();

/** Calls `visit` for every row of a walk: addresses, length and byte strides of the innermost dimension. */
function rows(
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

/** How the indexed tensor is moved by the indices at a row's position: in bytes. */
class Mover {
  private readonly i32: Int32Array;
  private readonly sizes: readonly number[];
  private readonly steps: readonly number[];

  constructor(heap: Heap, { stride, size }: Indices, itemSize: number) {
    this.i32 = heap.i32;
    this.sizes = size;
    this.steps = stride.map((s) => s * itemSize);
  }

  /** The displacement for index addresses `pointers[2…]`, each moved `i` inner steps. */
  at(pointers: readonly number[], strides: readonly number[], i: number): number {
    let moved = 0;
    for (let k = 0; k < this.sizes.length; k++) {
      const value = readIndex(this.i32, (pointers[k + 2] + strides[k + 2] * i) >>> 2);
      moved += (value < 0 ? value + this.sizes[k] : value) * this.steps[k];
    }
    return moved;
  }
}

function prepare(heap: Heap, sizes: readonly number[], first: View, second: View, indices: Indices): Mover {
  walk.set(sizes, [first, second, ...indices.index]);
  walk.simplify();
  return new Mover(heap, indices, first.dtype.itemSize);
}

function rowIsFixed(strides: readonly number[]): boolean {
  for (let k = 2; k < strides.length; k++) if (strides[k] !== 0) return false;
  return true;
}

/** Copies one element of `itemSize` bytes. */
function copyElement(heap: Heap, itemSize: number, to: number, from: number): void {
  if (itemSize === 4) heap.i32[to >>> 2] = heap.i32[from >>> 2];
  else if (itemSize === 8) {
    heap.i32[to >>> 2] = heap.i32[from >>> 2];
    heap.i32[(to >>> 2) + 1] = heap.i32[(from >>> 2) + 1];
  } else {
    heap.u8[to] = heap.u8[from];
    if (itemSize === 2) heap.u8[to + 1] = heap.u8[from + 1];
  }
}

/** Moves rows: `place(pointers, moved)` says from where to where. */
function moveRows(heap: Heap, itemSize: number, mover: Mover, indexed: 0 | 1): void {
  const other = 1 - indexed;
  rows(walk, (pointers, n, strides) => {
    const fixed = rowIsFixed(strides);
    const moved = fixed ? mover.at(pointers, strides, 0) : 0;
    if (fixed && n * itemSize >= 64 && strides[0] === itemSize && strides[1] === itemSize) {
      const start = [pointers[0], pointers[1]];
      start[indexed] += moved;
      heap.u8.copyWithin(start[0], start[1], start[1] + n * itemSize);
      return;
    }
    for (let i = 0; i < n; i++) {
      const there =
        pointers[indexed] + strides[indexed] * i + (fixed ? moved : mover.at(pointers, strides, i));
      const here = pointers[other] + strides[other] * i;
      if (indexed === 0) copyElement(heap, itemSize, there, here);
      else copyElement(heap, itemSize, here, there);
    }
  });
}

export function gatherElements(heap: Heap, out: View, source: View, indices: Indices): BadIndex | null {
  const bad = findBad(heap, indices);
  if (bad !== null || out.sizes.includes(0)) return bad;
  const mover = prepare(heap, out.sizes, out, source, indices);
  moveRows(heap, out.dtype.itemSize, mover, 1);
  return null;
}

export function scatterElements(
  heap: Heap,
  target: View,
  source: View,
  indices: Indices,
  mode: ScatterMode,
): BadIndex | null {
  const bad = findBad(heap, indices);
  if (bad !== null || target.sizes.includes(0)) return bad;
  const mover = prepareInOrder(heap, target.sizes, target, source, indices);
  const { dtype } = target;
  if (mode === 'set') {
    moveRows(heap, dtype.itemSize, mover, 0);
    return null;
  }
  const data = new arrayTypes[dtype.name](heap.memory.buffer) as Elements;
  const update = updater(data, dtype, mode);
  const shift = Math.log2(dtype.itemSize);
  rows(walk, (pointers, n, strides) => {
    const fixed = rowIsFixed(strides);
    const moved = fixed ? mover.at(pointers, strides, 0) : 0;
    for (let i = 0; i < n; i++) {
      const at = pointers[0] + strides[0] * i + (fixed ? moved : mover.at(pointers, strides, i));
      update(at >>> shift, (pointers[1] + strides[1] * i) >>> shift);
    }
  });
  return null;
}

/** As `prepare`, but in row-major order: where places coincide the last one counts. */
function prepareInOrder(
  heap: Heap,
  sizes: readonly number[],
  first: View,
  second: View,
  indices: Indices,
): Mover {
  walk.set(sizes, [first, second, ...indices.index]);
  if (walk.rank > 1) walk.merge();
  return new Mover(heap, indices, first.dtype.itemSize);
}

type Update = (to: number, from: number) => void;

/** Combines an element with another one of the same array. */
function updater(data: Elements, dtype: DType, mode: Exclude<ScatterMode, 'set'>): Update {
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
