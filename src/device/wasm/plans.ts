/**
 * Remembers what was found out about a contraction, by its sizes and strides: which kernel runs it, and tables of offsets that lie in
 * the heap. Training asks for the same few shapes again and again.
 */
import type { View } from '../../kernel/view.ts';
import type { Contraction } from '../device.ts';
import type { Heap } from './heap.ts';

/** Bytes for tables: at first, and at most unless a single contraction needs more. When they are full everything is forgotten. */
const FIRST_BYTES = 1 << 18;
const MOST_BYTES = 1 << 23;
const MOST_PLANS = 2048;

interface Entry<Plan> {
  readonly key: readonly number[];
  readonly plan: Plan;
}

export class PlanCache<Plan> {
  private readonly heap: Heap;
  private readonly entries = new Map<number, Entry<Plan>[]>();
  private count = 0;
  private start = 0;
  private capacity = 0;
  private used = 0;
  private readonly key: number[] = [];
  private hash = 0;

  constructor(heap: Heap) {
    this.heap = heap;
  }

  /** The plan for these operands; undefined where there is none yet. */
  find(out: View, a: View, b: View, spec: Contraction): Plan | undefined {
    const { key } = this;
    key.length = 0;
    key.push(out.dtype.itemSize * 2 + Number(out.dtype.isFloatingPoint), spec.batch, spec.m, spec.n, spec.k);
    append(key, out.sizes);
    append(key, out.strides);
    append(key, a.sizes);
    append(key, a.strides);
    append(key, b.strides);
    let hash = 0;
    for (let i = 0; i < key.length; i++) hash = (Math.imul(hash, 0x9e3779b1) + key[i]) | 0;
    this.hash = hash;
    const bucket = this.entries.get(hash);
    if (bucket !== undefined) {
      for (let i = 0; i < bucket.length; i++) if (same(bucket[i].key, key)) return bucket[i].plan;
    }
    if (this.count >= MOST_PLANS) this.forget();
    return undefined;
  }

  /** Keeps the plan for the operands that were last looked for. */
  keep(plan: Plan): Plan {
    const entry = { key: this.key.slice(), plan };
    const bucket = this.entries.get(this.hash);
    if (bucket === undefined) this.entries.set(this.hash, [entry]);
    else bucket.push(entry);
    this.count++;
    return plan;
  }

  /** Copies the tables of a plan that is being made into the heap. Returns their addresses. */
  place(tables: readonly (readonly number[])[]): number[] {
    let words = 0;
    for (const table of tables) words += table.length + MARGIN_WORDS;
    const bytes = words * 4;
    if (this.used + bytes > this.capacity) {
      this.forget();
      if (bytes > this.capacity || this.capacity < MOST_BYTES) {
        this.capacity = Math.max(bytes, Math.min(2 * this.capacity, MOST_BYTES), FIRST_BYTES);
        this.start = this.heap.reserve(this.capacity);
      }
    }
    const { i32 } = this.heap;
    return tables.map((table) => {
      const address = this.start + this.used;
      const at = address >> 2;
      for (let i = 0; i < table.length; i++) i32[at + i] = table[i];
      for (let i = 0; i < MARGIN_WORDS; i++) i32[at + table.length + i] = 0;
      this.used += (table.length + MARGIN_WORDS) * 4;
      return address;
    });
  }

  private forget(): void {
    this.entries.clear();
    this.count = 0;
    this.used = 0;
  }
}

/** Kernels look at whole tiles of offsets: zeros follow every table. */
const MARGIN_WORDS = 32;

function append(to: number[], values: readonly number[]): void {
  for (let i = 0; i < values.length; i++) to.push(values[i]);
}

function same(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
