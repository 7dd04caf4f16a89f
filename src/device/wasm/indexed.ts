/**
 * Kernels that follow indices: reading from, writing to and adding to the places that index tensors name.
 *
 * Operands of the descriptor: the result or target, the source, then the index tensors. What is updated at each step is an element or, where
 * no index moves along the innermost dimension, all of it (a row, which the descriptor then does not walk). The scalars of the descriptor are
 * pairs of 32-bit integers: for each index tensor the size of the indexed dimension and the bytes that one step of the index moves; the length
 * of a row and a word that becomes 1 where an index does not fit; the strides of a row in the target and in the source.
 */
import { type FunctionBuilder, type Local, type MemoryOp, ModuleBuilder, type PlainOp } from './assembler.ts';
import { emitOdometer, planDescriptor } from './descriptor.ts';
import type { MemoryShape } from './loop.ts';

/** What happens at a place: moved as bytes of a size, or added in a type. */
export const updates = ['move1', 'move2', 'move4', 'move8', 'addf32', 'addf64', 'addi32', 'addi64'] as const;
export type Update = (typeof updates)[number];

/**
 * What is updated at once: an element, or a row that lies densely in target and source, that lies so in the target and has one value in the
 * source, or that lies anyhow.
 */
export const extents = ['element', 'dense', 'splat', 'strided'] as const;
export type Extent = (typeof extents)[number];

/** The scalars of the descriptor beside those of the index tensors. */
export const ROW_SCALARS = 2;

const bytesOf: Readonly<Record<Update, number>> = {
  move1: 1,
  move2: 2,
  move4: 4,
  move8: 8,
  addf32: 4,
  addf64: 8,
  addi32: 4,
  addi64: 8,
};

const moves: Readonly<Record<number, readonly [MemoryOp, MemoryOp]>> = {
  1: ['i32.load8_u', 'i32.store8'],
  2: ['i32.load16_u', 'i32.store16'],
  4: ['i32.load', 'i32.store'],
  8: ['i64.load', 'i64.store'],
};

/** The vector addition of an update; null for a move. */
const vectorAdds: Readonly<Record<Update, PlainOp | null>> = {
  move1: null,
  move2: null,
  move4: null,
  move8: null,
  addf32: 'f32x4.add',
  addf64: 'f64x2.add',
  addi32: 'i32x4.add',
  addi64: 'i64x2.add',
};

const splatLoads: Readonly<Record<number, MemoryOp>> = {
  1: 'v128.load8_splat',
  2: 'v128.load16_splat',
  4: 'v128.load32_splat',
  8: 'v128.load64_splat',
};

function emitUpdate(f: FunctionBuilder, update: Update, to: Local, from: Local): void {
  if (update.startsWith('move')) {
    const [load, store] = moves[bytesOf[update]];
    f.get(to).get(from).memory(load).memory(store);
    return;
  }
  const type = update.slice(3) as 'f32' | 'f64' | 'i32' | 'i64';
  f.get(to).get(to).memory(`${type}.load`).get(from).memory(`${type}.load`);
  f.op(`${type}.add` as PlainOp).memory(`${type}.store`);
}

function bump(f: FunctionBuilder, local: Local, by: number): void {
  f.get(local).i32(by).op('i32.add').set(local);
}

/** Runs `body` while local `left` is at least `step`, which is then taken from it. */
function chunks(f: FunctionBuilder, left: Local, step: number, body: () => void): void {
  f.block(() => {
    f.loop(() => {
      f.get(left).i32(step).op('i32.lt_s').brIf(1);
      body();
      bump(f, left, -step);
      f.br(0);
    });
  });
}

/** Emits the update of a row of `length` elements from `from` to `to`; both locals are moved. */
function rowEmitter(
  f: FunctionBuilder,
  update: Update,
  extent: Exclude<Extent, 'element'>,
  length: Local,
  rowStrides: readonly [to: Local, from: Local],
): (to: Local, from: Local) => void {
  const size = bytesOf[update];
  const left = f.local('i32');
  const value = f.local('v128');
  const add = vectorAdds[update];
  const vectors = (to: Local, from: Local, count: number): void => {
    for (let i = 0; i < count; i++) {
      f.get(to);
      if (add !== null) f.get(to).memory('v128.load', 16 * i);
      if (extent === 'splat') f.get(value);
      else f.get(from).memory('v128.load', 16 * i);
      if (add !== null) f.op(add);
      f.memory('v128.store', 16 * i);
    }
    bump(f, to, 16 * count);
    if (extent === 'dense') bump(f, from, 16 * count);
  };
  return (to, from) => {
    f.get(length).set(left);
    if (extent !== 'strided') {
      if (extent === 'splat') f.get(from).memory(splatLoads[size]).set(value);
      chunks(f, left, 64 / size, () => vectors(to, from, 4));
      chunks(f, left, 16 / size, () => vectors(to, from, 1));
    }
    chunks(f, left, 1, () => {
      emitUpdate(f, update, to, from);
      if (extent === 'strided') {
        f.get(to).get(rowStrides[0]).op('i32.add').set(to);
        f.get(from).get(rowStrides[1]).op('i32.add').set(from);
        return;
      }
      bump(f, to, size);
      if (extent === 'dense') bump(f, from, size);
    });
  };
}

/** Which kernel it is. */
export interface IndexedSpec {
  readonly update: Update;
  readonly extent: Extent;
  /** Which operand the indices move: 0 the target, 1 the source. */
  readonly indexed: 0 | 1;
  readonly indexCount: number;
  /** Do negative indices count from the end? */
  readonly wrap: boolean;
  /** Are indices looked at before they are followed? Else they must have been. */
  readonly checked: boolean;
  /** Do all index tensors lie densely along the innermost dimension? */
  readonly dense: boolean;
}

/** How many elements a turn of the inner loop takes where the indices lie densely. */
const UNROLL = 4;

/**
 * `run(descriptor)`: for every step, moves the address of the operand that is indexed by the indices and updates operand 0 from operand 1. Ends
 * at an index that does not fit.
 */
export function buildIndexed(spec: IndexedSpec, memory: MemoryShape): ModuleBuilder {
  const { update, extent, indexed, indexCount, wrap, checked, dense } = spec;
  const module = new ModuleBuilder(memory);
  const f = module.function('run', ['i32']);
  const operands = 2 + indexCount;
  const plan = planDescriptor(indexCount + ROW_SCALARS, operands);
  const descriptor = 0;
  const int = (offset: number): Local => {
    const local = f.local('i32');
    f.get(descriptor).memory('i32.load', offset).set(local);
    return local;
  };
  const sizes = Array.from({ length: indexCount }, (_, k) => int(8 * k));
  const steps = Array.from({ length: indexCount }, (_, k) => int(8 * k + 4));
  const longSizes = sizes.map((size) => {
    const local = f.local('i64');
    f.get(size).op('i64.extend_i32_s').set(local);
    return local;
  });
  const [rowLength, rowTo, rowFrom] = [8 * indexCount, 8 * indexCount + 8, 8 * indexCount + 12].map(int);
  const inner = int(plan.inner);
  const outerRank = int(plan.outerRank);
  const starts = Array.from({ length: operands }, (_, k) => int(plan.pointer(k)));
  const strides = Array.from({ length: operands }, (_, k) => int(plan.stride(k)));
  const rows = f.local('i32');
  f.get(descriptor).i32(plan.rows).op('i32.add').set(rows);
  const pointers = starts.map(() => f.local('i32'));
  const left = f.local('i32');
  const moved = f.local('i32');
  const value = f.local('i32');
  const long = f.local('i64');
  const there = f.local('i32');
  const here = f.local('i32');

  /** Puts index `k`, `offset` bytes on, on the stack. It fits 32 bits, as the dimension it is checked against does. */
  const indexAt = (k: number, offset: number): void => {
    f.get(pointers[2 + k]);
    if (!checked) {
      f.memory('i32.load', offset);
      if (wrap) f.tee(value).get(value).i32(31).op('i32.shr_s').get(sizes[k]).op('i32.and').op('i32.add');
      return;
    }
    f.memory('i64.load', offset);
    if (wrap) f.tee(long).get(long).i64(63n).op('i64.shr_s').get(longSizes[k]).op('i64.and').op('i64.add');
    f.tee(long).get(longSizes[k]).op('i64.ge_u');
    f.if(() => {
      f.get(descriptor)
        .i32(1)
        .memory('i32.store', 8 * indexCount + 4)
        .op('return');
    });
    f.get(long).op('i32.wrap_i64');
  };
  const step = (operand: number): void => {
    f.get(pointers[operand]).get(strides[operand]).op('i32.add').set(pointers[operand]);
  };
  const row = extent === 'element' ? null : rowEmitter(f, update, extent, rowLength, [rowTo, rowFrom]);
  /** One step, its indices `offset` bytes on. */
  const follow = (offset: number): void => {
    f.get(pointers[indexed]).set(moved);
    for (let k = 0; k < indexCount; k++) {
      indexAt(k, offset);
      f.get(steps[k]).op('i32.mul').get(moved).op('i32.add').set(moved);
    }
    f.get(moved).set(there);
    const other = pointers[1 - indexed];
    if (row === null) emitUpdate(f, update, indexed === 0 ? there : other, indexed === 0 ? other : there);
    else {
      f.get(other).set(here);
      row(indexed === 0 ? there : here, indexed === 0 ? here : there);
    }
    step(0);
    step(1);
  };
  f.loop(() => {
    starts.forEach((start, k) => {
      f.get(start).set(pointers[k]);
    });
    f.get(inner).set(left);
    if (dense && row === null) {
      chunks(f, left, UNROLL, () => {
        for (let i = 0; i < UNROLL; i++) follow(8 * i);
        for (let k = 0; k < indexCount; k++) bump(f, pointers[2 + k], 8 * UNROLL);
      });
    }
    chunks(f, left, 1, () => {
      follow(0);
      for (let k = 0; k < indexCount; k++) step(2 + k);
    });
    emitOdometer(
      f,
      rows,
      outerRank,
      plan.rowSize,
      starts.map((local, operand) => ({ local, operand })),
      0,
    );
  });
  return module;
}

/**
 * `run(descriptor)`: are all int64 of operand 0 within the range whose lowest and highest number are the two scalars? The first scalar becomes
 * negative where one is not.
 */
export function buildRangeCheck(memory: MemoryShape): ModuleBuilder {
  const module = new ModuleBuilder(memory);
  const f = module.function('run', ['i32']);
  const plan = planDescriptor(2, 1);
  const descriptor = 0;
  const int = (offset: number): Local => {
    const local = f.local('i32');
    f.get(descriptor).memory('i32.load', offset).set(local);
    return local;
  };
  const inner = int(plan.inner);
  const outerRank = int(plan.outerRank);
  const start = int(plan.pointer(0));
  const stride = int(plan.stride(0));
  const rows = f.local('i32');
  f.get(descriptor).i32(plan.rows).op('i32.add').set(rows);
  const at = f.local('i32');
  const left = f.local('i32');
  const [low, high, value, found] = Array.from({ length: 4 }, () => f.local('v128'));
  f.get(descriptor).memory('v128.load64_splat').set(low);
  f.get(descriptor).memory('v128.load64_splat', 8).set(high);
  // The sign of x − low or of high − x is set where x is outside: of one of the two also where the other overflows.
  const look = (load: () => void): void => {
    load();
    f.tee(value).get(low).op('i64x2.sub').get(high).get(value).op('i64x2.sub').op('v128.or');
    f.get(found).op('v128.or').set(found);
  };
  f.loop(() => {
    f.get(start).set(at).get(inner).set(left);
    f.get(stride).i32(8).op('i32.eq');
    f.if(() =>
      chunks(f, left, 4, () => {
        for (let i = 0; i < 2; i++) look(() => f.get(at).memory('v128.load', 16 * i));
        bump(f, at, 32);
      }),
    );
    chunks(f, left, 1, () => {
      look(() => f.get(at).memory('v128.load64_splat'));
      f.get(at).get(stride).op('i32.add').set(at);
    });
    emitOdometer(f, rows, outerRank, plan.rowSize, [{ local: start, operand: 0 }], 0);
  });
  f.get(descriptor);
  f.get(found).lane('i64x2.extract_lane', 0).get(found).lane('i64x2.extract_lane', 1).op('i64.or');
  f.memory('i64.store');
  return module;
}
