/** Zeros: the kernel that clears a block of memory. */
import { ModuleBuilder } from './assembler.ts';
import type { Heap } from './heap.ts';
import type { KernelCache } from './kernels.ts';
import type { MemoryShape } from './loop.ts';
import { eachShare, type Threads } from './threads.ts';

const program: { readonly compiled: unknown[] } = { compiled: [] };

/** What a byte takes on one core, about, in nanoseconds. */
const BYTE_NS = 0.05;
/** Shares of threads end where a cache line ends. */
const LINE = 64;

/** `run(descriptor)`: 32-bit integers: the address and the number of bytes. */
function buildZero(memory: MemoryShape): ModuleBuilder {
  const module = new ModuleBuilder(memory);
  const f = module.function('run', ['i32']);
  f.get(0).memory('i32.load').i32(0).get(0).memory('i32.load', 4).memoryFill();
  return module;
}

/** Writes zeros to the bytes from `address` on. */
export function writeZeros(
  heap: Heap,
  kernels: KernelCache,
  threads: Threads,
  slot: number,
  address: number,
  bytes: number,
): void {
  const kernel = kernels.get(program, slot, 0, () => buildZero(kernels.memory));
  const describe = (part: number, from: number, count: number): void => {
    const at = threads.descriptor(part) >> 2;
    heap.i32[at] = address + from;
    heap.i32[at + 1] = count;
  };
  const parts = threads.partsFor(bytes * BYTE_NS);
  let used = 0;
  if (parts === 1) describe(used++, 0, bytes);
  else eachShare(bytes, parts, LINE, (from, count) => describe(used++, from, count));
  threads.run(kernel, used);
}
