/** Where the elements of a mask are true: the kernel that writes their positions. */
import type { View } from '../../kernel/view.ts';
import { type FunctionBuilder, type Local, ModuleBuilder } from './assembler.ts';
import type { Heap } from './heap.ts';
import type { KernelCache } from './kernels.ts';
import type { MemoryShape } from './loop.ts';

/** Where the kernels are kept, by the number of dimensions. */
const program: { readonly compiled: unknown[] } = { compiled: [] };

/** Elements of a mask that are looked at together. */
const BLOCK = 16;

/** `run(descriptor)`: 32-bit integers: the addresses of the mask and of the positions, then the sizes. A row of positions has `rank` int64. */
function buildNonzero(rank: number, memory: MemoryShape): ModuleBuilder {
  const module = new ModuleBuilder(memory);
  const f = module.function('run', ['i32']);
  const int = (offset: number): Local => {
    const local = f.local('i32');
    f.get(0).memory('i32.load', offset).set(local);
    return local;
  };
  const mask = int(0);
  const out = int(4);
  const sizes = Array.from({ length: rank }, (_, d) => int(8 + 4 * d));
  const left = sizes.map(() => f.local('i32'));
  const position = sizes.map(() => f.local('i64'));
  const bits = f.local('i32');
  const none = f.local('v128');
  const inner = rank - 1;
  const advance = (local: Local, by: number): FunctionBuilder =>
    f.get(local).i32(by).op('i32.add').set(local);
  /** Writes a row; the innermost position is on the stack. */
  const write = (emitInner: () => void): void => {
    for (let d = 0; d < inner; d++)
      f.get(out)
        .get(position[d])
        .memory('i64.store', 8 * d);
    f.get(out);
    emitInner();
    f.memory('i64.store', 8 * inner);
    advance(out, 8 * rank);
  };
  /** Runs `body` while at least `step` of dimension `d` are left. */
  const walk = (d: number, step: number, body: () => void): void => {
    f.block(() => {
      f.loop(() => {
        f.get(left[d]).i32(step).op('i32.lt_s').brIf(1);
        body();
        advance(left[d], -step);
        f.get(position[d]).i64(BigInt(step)).op('i64.add').set(position[d]);
        f.br(0);
      });
    });
  };
  const innermost = (): void => {
    walk(inner, BLOCK, () => {
      f.get(mask).memory('v128.load').get(none).op('i8x16.ne').op('i8x16.bitmask').tee(bits);
      f.if(() =>
        f.loop(() => {
          write(() => f.get(position[inner]).get(bits).op('i32.ctz').op('i64.extend_i32_u').op('i64.add'));
          // Without its lowest one.
          f.get(bits).get(bits).i32(-1).op('i32.add').op('i32.and').tee(bits).brIf(0);
        }),
      );
      advance(mask, BLOCK);
    });
    walk(inner, 1, () => {
      f.get(mask).memory('i32.load8_u');
      f.if(() => write(() => f.get(position[inner])));
      advance(mask, 1);
    });
  };
  const dimension = (d: number): void => {
    f.get(sizes[d]).set(left[d]).i64(0n).set(position[d]);
    if (d === inner) innermost();
    else walk(d, 1, () => dimension(d + 1));
  };
  dimension(0);
  return module;
}

/** Writes positions on one heap, with the memory for a descriptor. */
export function writeNonzero(
  heap: Heap,
  kernels: KernelCache,
  slot: number,
  descriptor: number,
  out: View,
  mask: View,
): void {
  const rank = mask.sizes.length;
  const kernel = kernels.get(program, slot, rank, () => buildNonzero(rank, kernels.memory));
  let at = descriptor >> 2;
  heap.i32[at++] = mask.storage.address + mask.offset;
  heap.i32[at++] = out.storage.address + out.offset * out.dtype.itemSize;
  for (const size of mask.sizes) heap.i32[at++] = size;
  kernel.run(descriptor);
}
