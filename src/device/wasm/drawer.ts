/** Runs kernels that draw: hands them the engine's state and takes it back, so that the engine is whole whenever anybody looks. */
import type { Mt19937 } from '../../base/mt19937.ts';
import type { View } from '../../kernel/view.ts';
import type { Draw } from '../device.ts';
import type { ConstantPool } from './constants.ts';
import { type DrawKernel, kernelFor } from './distributions.ts';
import type { Heap } from './heap.ts';
import type { Kernel, KernelCache } from './kernels.ts';
import { BUFFER_BYTES, buildDraws, plan, STATE_WORDS } from './twister.ts';

/** Fewer numbers than this are drawn in JavaScript as fast. */
const FEW = 48;
/** A kernel is compiled for a request of this many numbers, or once requests for fewer have come to as many. */
const WORTH_COMPILING = 4096;

/** A kind of numbers: how many were wanted so far, and what the kernel cache knows it by. */
interface Entry {
  wanted: number;
  readonly compiled: unknown[];
}

export class Drawer {
  private readonly heap: Heap;
  private readonly kernels: KernelCache;
  private readonly pool: ConstantPool;
  private readonly slot: number;
  private readonly entries = new Map<string, Entry>();
  /** The buffer with the state, and the descriptor before it; 0 until the first kernel runs. */
  private buffer = 0;

  constructor(heap: Heap, kernels: KernelCache, pool: ConstantPool, slot: number) {
    this.heap = heap;
    this.kernels = kernels;
    this.pool = pool;
    this.slot = slot;
  }

  draw(out: View, engine: Mt19937, draw: Draw): boolean {
    let count = 1;
    for (const size of out.sizes) count *= size;
    if (count < FEW) return false;
    const known = kernelFor(draw, out.dtype);
    if (known === null) return false;
    const kernel = this.kernel(known, count);
    if (kernel === null) return false;
    // Of a permutation the last place is not drawn.
    this.run(kernel, known.scalars, out, draw.kind === 'permutation' ? count - 1 : count, engine);
    return true;
  }

  /** The compiled kernel, or null where so few numbers were wanted that it does not pay yet. */
  private kernel({ name, distribution }: DrawKernel, count: number): Kernel | null {
    let entry = this.entries.get(name);
    if (entry === undefined) {
      entry = { wanted: 0, compiled: [] };
      this.entries.set(name, entry);
    }
    entry.wanted += count;
    if (entry.wanted < WORTH_COMPILING) return null;
    return this.kernels.get(entry, this.slot, 0, () =>
      buildDraws(distribution(), this.kernels.memory, this.pool),
    );
  }

  private run(kernel: Kernel, scalars: readonly number[], out: View, count: number, engine: Mt19937): void {
    const { heap } = this;
    if (this.buffer === 0) this.buffer = heap.reserve(BUFFER_BYTES + 64) + 64;
    const { buffer } = this;
    const descriptor = buffer - 64;
    const { i32, f64 } = heap;
    const state = i32.subarray(buffer >>> 2, (buffer >>> 2) + STATE_WORDS);
    state.set(engine.words);
    for (let i = 0; i < scalars.length; i++) f64[(descriptor + plan.scalar(i)) >>> 3] = scalars[i];
    const word = (offset: number): number => (descriptor + offset) >>> 2;
    i32[word(plan.buffer)] = buffer;
    i32[word(plan.position)] = engine.next;
    i32[word(plan.out)] = out.storage.address + out.offset * out.dtype.itemSize;
    i32[word(plan.count)] = count;
    i32[word(plan.rounds)] = 0;
    kernel.run(descriptor);
    engine.words.set(state);
    engine.next = i32[word(plan.position)];
    engine.rounds += i32[word(plan.rounds)];
  }
}
