/**
 * Copies of bytes: rows that follow each other in memory, one element spread over rows, and transposed blocks.
 *
 * What a copy moves has no meaning, so one kernel serves all dtypes of a size. Where the source is contiguous along another dimension than
 * the target, square blocks of vectors are transposed in registers: every cache line of the target is written at once, and those of the
 * source are read while they are near.
 */
import { type FunctionBuilder, type Local, type MemoryOp, ModuleBuilder } from './assembler.ts';
import { emitOdometer, planDescriptor, writeDescriptor } from './descriptor.ts';
import type { Heap } from './heap.ts';
import type { Kernel, KernelCache } from './kernels.ts';
import { LANES } from './lanes.ts';
import type { Walk } from './layout.ts';
import type { MemoryShape } from './loop.ts';
import type { Threads } from './threads.ts';

/** Bytes of a vector. */
const VECTOR = 16;
/** Vectors in a cache line. */
const LINE = 4;

const kinds = ['rows', 'spread', 'transposed'] as const;
type Kind = (typeof kinds)[number];
type ItemSize = 1 | 2 | 4 | 8;

const loads: Readonly<Record<ItemSize, MemoryOp>> = {
  1: 'i32.load8_u',
  2: 'i32.load16_u',
  4: 'i32.load',
  8: 'i64.load',
};
const stores: Readonly<Record<ItemSize, MemoryOp>> = {
  1: 'i32.store8',
  2: 'i32.store16',
  4: 'i32.store',
  8: 'i64.store',
};
const splats: Readonly<Record<ItemSize, MemoryOp>> = {
  1: 'v128.load8_splat',
  2: 'v128.load16_splat',
  4: 'v128.load32_splat',
  8: 'v128.load64_splat',
};

export class Copier {
  private readonly heap: Heap;
  private readonly kernels: KernelCache;
  private readonly threads: Threads;
  private readonly slot: number;
  /** What the compiled kernels belong to. */
  private readonly owner: { readonly compiled: unknown[] } = { compiled: [] };

  constructor(heap: Heap, kernels: KernelCache, threads: Threads, slot: number) {
    this.heap = heap;
    this.kernels = kernels;
    this.threads = threads;
    this.slot = slot;
  }

  /** Copies operand 1 of a simplified walk to operand 0. False, with nothing done, where elements lie too far apart for these kernels. */
  run(walk: Walk, itemSize: ItemSize): boolean {
    const kind = this.kindOf(walk, itemSize);
    if (kind === null) return false;
    const { heap, threads } = this;
    const key = kinds.indexOf(kind) * 16 + itemSize;
    const kernel = this.kernels.find(this.owner, this.slot, key) ?? this.compile(key, kind, itemSize);
    const parts = walk.rank > 0 ? threads.partsFor(walk.numel * costOf(kind, itemSize), kernel) : 1;
    if (parts === 1) {
      writeDescriptor(heap, threads.descriptor(0), walk, []);
      threads.run(kernel, 1);
      return true;
    }
    this.share(kernel, walk, parts);
    return true;
  }

  private compile(key: number, kind: Kind, itemSize: ItemSize): Kernel {
    return this.kernels.get(this.owner, this.slot, key, () => buildCopy(kind, itemSize, this.kernels.memory));
  }

  private share(kernel: Kernel, walk: Walk, parts: number): void {
    const { heap, threads } = this;
    let used = 0;
    walk.eachShare(parts, LANES, () => writeDescriptor(heap, threads.descriptor(used++), walk, []));
    threads.run(kernel, used);
  }

  /** How the operands move; puts the walk in order for a transposition: the source's dimension, then the target's. */
  private kindOf(walk: Walk, itemSize: number): Kind | null {
    const { rank, strides, sizes } = walk;
    if (rank === 0) return 'rows';
    const [to, from] = strides;
    const last = rank - 1;
    if (to[last] !== itemSize) return null;
    if (from[last] === itemSize) return 'rows';
    if (from[last] === 0) return 'spread';
    const lanes = VECTOR / itemSize;
    if (sizes[last] < lanes) return null;
    for (let d = 0; d < last; d++) {
      if (from[d] !== itemSize || sizes[d] < lanes) continue;
      walk.moveLast(d);
      walk.moveLast(last - 1);
      return 'transposed';
    }
    return null;
  }
}

/** What an element takes on one core, about, in nanoseconds: as other kernels, memory for reading and writing it. */
function costOf(kind: Kind, itemSize: number): number {
  return itemSize * (kind === 'spread' ? 0.1 : 0.1125);
}

const plan = planDescriptor(0, 2);

/** The kernel `run(descriptor)` of a kind. */
function buildCopy(kind: Kind, itemSize: ItemSize, memory: MemoryShape): ModuleBuilder {
  const module = new ModuleBuilder(memory);
  const transposed = kind === 'transposed';
  const rectangle = transposed ? buildRectangle(module, itemSize) : null;
  const f = module.function('run', ['i32']);
  const descriptor = 0;
  const int = (offset: number): Local => {
    const local = f.local('i32');
    f.get(descriptor).memory('i32.load', offset).set(local);
    return local;
  };
  const inner = int(plan.inner);
  const rank = int(plan.outerRank);
  const to = int(plan.pointer(0));
  const from = int(plan.pointer(1));
  const rows = f.local('i32');
  f.get(descriptor).i32(plan.rows).op('i32.add').set(rows);
  if (rectangle === null) {
    f.loop(() => {
      emitRow(f, kind, itemSize, to, from, inner);
      emitOdometer(f, rows, rank, plan.rowSize, pair(to, from), 0);
    });
    return module;
  }
  // The first outer dimension belongs to the block: its size, and how far it moves the target.
  const across = int(plan.rows);
  const apart = int(plan.rows + 8);
  const step = int(plan.stride(1));
  const full = f.local('i32');
  f.get(rows).i32(plan.rowSize).op('i32.add').set(rows);
  f.get(rank).i32(1).op('i32.sub').set(rank);
  f.get(across).i32(1).op('i32.sub').set(full);
  f.loop(() => {
    emitBlocks(f, itemSize, module.indexOf(rectangle), { to, from, inner, across, apart, step });
    // The odometer steps from where that dimension has run full.
    f.get(to).get(full).get(apart).op('i32.mul').op('i32.add').set(to);
    f.get(from).get(full).i32(itemSize).op('i32.mul').op('i32.add').set(from);
    emitOdometer(f, rows, rank, plan.rowSize, pair(to, from), 0);
  });
  return module;
}

function pair(to: Local, from: Local): { local: Local; operand: number }[] {
  return [
    { local: to, operand: 0 },
    { local: from, operand: 1 },
  ];
}

/** Emits a loop that runs while at least `unit` is left of a local, and takes `unit` from it at each turn. */
function emitWhile(f: FunctionBuilder, left: Local, unit: number, body: () => void): void {
  f.block(() => {
    f.loop(() => {
      f.get(left).i32(unit).op('i32.lt_s').brIf(1);
      body();
      f.get(left).i32(unit).op('i32.sub').set(left).br(0);
    });
  });
}

function emitAdd(f: FunctionBuilder, local: Local, emit: () => void): void {
  f.get(local);
  emit();
  f.op('i32.add').set(local);
}

/** One row of the target, contiguous: from contiguous elements, or from one element. */
function emitRow(
  f: FunctionBuilder,
  kind: Kind,
  itemSize: ItemSize,
  to: Local,
  from: Local,
  inner: Local,
): void {
  const p = f.local('i32');
  const q = f.local('i32');
  const left = f.local('i32');
  const value = f.local('v128');
  const moves = kind === 'rows';
  f.get(from).set(p).get(to).set(q);
  f.get(inner).i32(itemSize).op('i32.mul').set(left);
  if (!moves) f.get(p).memory(splats[itemSize]).set(value);
  const advance = (bytes: number): void => {
    emitAdd(f, q, () => f.i32(bytes));
    if (moves) emitAdd(f, p, () => f.i32(bytes));
  };
  for (const vectors of [LINE, 1]) {
    emitWhile(f, left, vectors * VECTOR, () => {
      const copies = Array.from({ length: vectors }, () => f.local('v128'));
      if (moves) {
        copies.forEach((c, i) => {
          f.get(p)
            .memory('v128.load', i * VECTOR)
            .set(c);
        });
      }
      copies.forEach((c, i) => {
        f.get(q)
          .get(moves ? c : value)
          .memory('v128.store', i * VECTOR);
      });
      advance(vectors * VECTOR);
    });
  }
  emitWhile(f, left, itemSize, () => {
    f.get(q).get(p).memory(loads[itemSize]).memory(stores[itemSize]);
    advance(itemSize);
  });
}

interface Block {
  readonly to: Local;
  readonly from: Local;
  /** Elements along the dimension in which the target is contiguous, and the bytes between them in the source. */
  readonly inner: Local;
  readonly step: Local;
  /** Elements along the dimension in which the source is contiguous, and the bytes between them in the target. */
  readonly across: Local;
  readonly apart: Local;
}

/** Transposes `inner` × `across` elements: strips of a cache line of the target, then of a vector, then single elements. */
function emitBlocks(f: FunctionBuilder, itemSize: ItemSize, rectangle: number, block: Block): void {
  const { to, from, inner, across, apart, step } = block;
  const lanes = VECTOR / itemSize;
  const p = f.local('i32');
  const q = f.local('i32');
  const left = f.local('i32');
  const remaining = f.local('i32');
  const [stripFrom, stripTo] = [f.local('i32'), f.local('i32')];
  const edge = (width: () => void, count: Local, target: Local, source: Local): void => {
    f.get(target).get(source);
    width();
    f.get(count).get(apart).get(step).call(rectangle);
  };
  f.get(from).set(stripFrom).get(to).set(stripTo).get(inner).set(left);
  for (const vectors of [LINE, 1]) {
    emitWhile(f, left, vectors * lanes, () => {
      f.get(stripFrom).set(p).get(stripTo).set(q).get(across).set(remaining);
      emitWhile(f, remaining, lanes, () => {
        emitSquares(f, itemSize, vectors, { p, q, apart, step });
        emitAdd(f, p, () => f.i32(VECTOR));
        emitAdd(f, q, () => f.get(apart).i32(lanes).op('i32.mul'));
      });
      f.get(remaining);
      f.if(() => edge(() => f.i32(vectors * lanes), remaining, q, p));
      emitAdd(f, stripFrom, () =>
        f
          .get(step)
          .i32(vectors * lanes)
          .op('i32.mul'),
      );
      emitAdd(f, stripTo, () => f.i32(vectors * VECTOR));
    });
  }
  f.get(left);
  f.if(() => edge(() => f.get(left), across, stripTo, stripFrom));
}

/** Transposes squares of as many vectors as they have lanes, beside each other in the target. */
function emitSquares(
  f: FunctionBuilder,
  itemSize: ItemSize,
  count: number,
  { p, q, apart, step }: { p: Local; q: Local; apart: Local; step: Local },
): void {
  const lanes = VECTOR / itemSize;
  const source = f.local('i32');
  const target = f.local('i32');
  f.get(p).set(source);
  for (let square = 0; square < count; square++) {
    let vectors = Array.from({ length: lanes }, () => {
      const v = f.local('v128');
      f.get(source).memory('v128.load').set(v);
      emitAdd(f, source, () => f.get(step));
      return v;
    });
    // Interleaving each vector with the one half the square further transposes it, after as many rounds as halvings.
    for (let round = lanes; round > 1; round /= 2) {
      const old = vectors;
      vectors = old.map((_, i) => {
        const v = f.local('v128');
        const first = old[i >> 1];
        const second = old[(i >> 1) + lanes / 2];
        f.get(first)
          .get(second)
          .shuffle(interleaved(itemSize, i % 2))
          .set(v);
        return v;
      });
    }
    f.get(q).set(target);
    for (const v of vectors) {
      f.get(target)
        .get(v)
        .memory('v128.store', square * VECTOR);
      emitAdd(f, target, () => f.get(apart));
    }
  }
}

/** The bytes that take elements from two vectors in turn: from their low halves (0) or their high ones (1). */
function interleaved(itemSize: number, half: number): number[] {
  return Array.from({ length: VECTOR }, (_, byte) => {
    const element = Math.floor(byte / itemSize);
    return (
      (element % 2) * VECTOR + (half * VECTOR) / 2 + Math.floor(element / 2) * itemSize + (byte % itemSize)
    );
  });
}

/** A function that copies single elements: target, source, elements along the target's and the source's dimension, and their distances. */
function buildRectangle(module: ModuleBuilder, itemSize: ItemSize): FunctionBuilder {
  const f = module.function(null, ['i32', 'i32', 'i32', 'i32', 'i32', 'i32']);
  const [to, from, width, height, apart, step] = [0, 1, 2, 3, 4, 5];
  const p = f.local('i32');
  const q = f.local('i32');
  const left = f.local('i32');
  emitWhile(f, height, 1, () => {
    f.get(from).set(p).get(to).set(q).get(width).set(left);
    emitWhile(f, left, 1, () => {
      f.get(q).get(p).memory(loads[itemSize]).memory(stores[itemSize]);
      emitAdd(f, p, () => f.get(step));
      emitAdd(f, q, () => f.i32(itemSize));
    });
    emitAdd(f, from, () => f.i32(itemSize));
    emitAdd(f, to, () => f.get(apart));
  });
  return f;
}
