/** Descriptors that are prepared once and filled in at every call: 32-bit integers with names, then the factors alpha and beta as doubles. */
import type { FunctionBuilder, Local } from './assembler.ts';
import type { Heap } from './heap.ts';

/** Where the factors are, in bytes from the start of the descriptor. */
export function factorsAt(fields: readonly string[]): number {
  return Math.ceil(fields.length / 2) * 8;
}

/** Emits the reading of all fields of the descriptor whose address is in local 0. */
export function loadFields<Field extends string>(
  f: FunctionBuilder,
  fields: readonly Field[],
): Record<Field, Local> {
  const locals = fields.map((name, i): [Field, Local] => {
    const local = f.local('i32');
    f.get(0)
      .memory('i32.load', 4 * i)
      .set(local);
    return [name, local];
  });
  return Object.fromEntries(locals) as Record<Field, Local>;
}

export class Blueprint<Field extends string> {
  readonly words: Int32Array;
  private readonly places: ReadonlyMap<string, number>;
  private readonly factors: number;
  /** Where the addresses of the operands go. */
  private readonly operands: readonly [left: number, right: number, out: number];

  constructor(
    fields: readonly (Field | 'left' | 'right' | 'out')[],
    values: Readonly<Record<Field | 'left' | 'right' | 'out', number>>,
  ) {
    this.words = Int32Array.from(fields, (name) => values[name]);
    this.places = new Map(fields.map((name, i) => [name, i]));
    this.factors = factorsAt(fields);
    this.operands = [fields.indexOf('left'), fields.indexOf('right'), fields.indexOf('out')];
  }

  /** Writes the descriptor at byte `address`, for operands at these addresses. */
  write(
    heap: Heap,
    address: number,
    left: number,
    right: number,
    out: number,
    { alpha, beta }: { readonly alpha: number; readonly beta: number },
  ): void {
    const { i32, f64 } = heap;
    const { words, operands } = this;
    const start = address >> 2;
    for (let i = 0; i < words.length; i++) i32[start + i] = words[i];
    i32[start + operands[0]] = left;
    i32[start + operands[1]] = right;
    i32[start + operands[2]] = out;
    const at = (address + this.factors) >> 3;
    f64[at] = alpha;
    f64[at + 1] = beta;
  }

  /** Changes a field of the descriptor at byte `address`. */
  set(heap: Heap, address: number, field: Field, value: number): void {
    heap.i32[(address >> 2) + (this.places.get(field) as number)] = value;
  }
}
