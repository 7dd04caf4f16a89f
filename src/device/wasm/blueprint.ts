/** Descriptors that are prepared once and filled in at every call: 32-bit integers with names, then the factors alpha and beta as doubles. */
import type { Heap } from './heap.ts';

/** Where the factors are, in bytes from the start of the descriptor. */
export function factorsAt(fields: readonly string[]): number {
  return Math.ceil(fields.length / 2) * 8;
}

export class Blueprint<Field extends string> {
  readonly words: Int32Array;
  private readonly places: ReadonlyMap<string, number>;
  private readonly factors: number;

  constructor(fields: readonly Field[], values: Readonly<Record<Field, number>>) {
    this.words = Int32Array.from(fields, (name) => values[name]);
    this.places = new Map(fields.map((name, i) => [name, i]));
    this.factors = factorsAt(fields);
  }

  /** Writes the descriptor at byte `address`. */
  write(heap: Heap, address: number, alpha: number, beta: number): void {
    const { i32, f64 } = heap;
    const { words } = this;
    for (let i = 0, at = address >> 2; i < words.length; i++) i32[at++] = words[i];
    const at = (address + this.factors) >> 3;
    f64[at] = alpha;
    f64[at + 1] = beta;
  }

  /** Changes a field of the descriptor at byte `address`. */
  set(heap: Heap, address: number, field: Field, value: number): void {
    heap.i32[(address >> 2) + (this.places.get(field) as number)] = value;
  }
}
