/**
 * Kernels that follow indices: reading from, writing to and adding to the places that index tensors name.
 *
 * Operands of the descriptor: the result or target, the source, then the index tensors. Its first scalar slots hold, for each index
 * tensor, the size of the indexed dimension and the bytes that one step of the index moves, as two 32-bit integers.
 */
import { type FunctionBuilder, type Local, type MemoryOp, ModuleBuilder, type PlainOp } from './assembler.ts';
import { emitOdometer, planDescriptor } from './descriptor.ts';
import type { MemoryShape } from './loop.ts';

/** What happens at a place: moved as bytes of a size, or added in a type. */
export type Update = 'move1' | 'move2' | 'move4' | 'move8' | 'addf32' | 'addf64' | 'addi32' | 'addi64';

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

/**
 * `run(descriptor)`: for every element, moves the address of operand `indexed` (0: the target is indexed, 1: the source) by the indices and
 * updates operand 0 from operand 1. The indices must have been checked; negative ones count from the end.
 */
export function buildIndexed(
  update: Update,
  indexed: 0 | 1,
  indexCount: number,
  memory: MemoryShape,
): ModuleBuilder {
  const module = new ModuleBuilder(memory);
  const f = module.function('run', ['i32']);
  const operands = 2 + indexCount;
  const plan = planDescriptor(indexCount, operands);
  const descriptor = 0;
  const size = bytesOf[update];
  const int = (offset: number): Local => {
    const local = f.local('i32');
    f.get(descriptor).memory('i32.load', offset).set(local);
    return local;
  };
  const sizes = Array.from({ length: indexCount }, (_, k) => int(8 * k));
  const steps = Array.from({ length: indexCount }, (_, k) => int(8 * k + 4));
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
  const fixed = f.local('i32');
  const there = f.local('i32');

  /** The displacement at the current index addresses. Indices fit 32 bits, as the dimensions they were checked against do. */
  const displacement = (): void => {
    f.i32(0).set(moved);
    for (let k = 0; k < indexCount; k++) {
      f.get(pointers[2 + k])
        .memory('i32.load')
        .tee(value);
      f.get(value).i32(31).op('i32.shr_s').get(sizes[k]).op('i32.and').op('i32.add');
      f.get(steps[k]).op('i32.mul').get(moved).op('i32.add').set(moved);
    }
  };
  // Does an index move along the inner dimension?
  f.i32(0);
  for (let k = 0; k < indexCount; k++) f.get(strides[2 + k]).op('i32.or');
  f.op('i32.eqz').set(fixed);
  const other = 1 - indexed;
  const step = (operand: number): void => {
    f.get(pointers[operand]).get(strides[operand]).op('i32.add').set(pointers[operand]);
  };
  const element = (): void => {
    f.get(pointers[indexed]).get(moved).op('i32.add').set(there);
    const [to, from] = indexed === 0 ? [there, pointers[other]] : [pointers[other], there];
    emitUpdate(f, update, to, from);
    step(0);
    step(1);
  };
  const eachInner = (body: () => void): void => {
    f.get(inner).set(left);
    f.loop(() => {
      body();
      f.get(left).i32(1).op('i32.sub').tee(left).brIf(0);
    });
  };
  f.loop(() => {
    starts.forEach((start, k) => {
      f.get(start).set(pointers[k]);
    });
    f.get(fixed);
    f.if(
      () => {
        displacement();
        const loop = (): void => eachInner(element);
        if (!update.startsWith('move')) {
          loop();
          return;
        }
        // Whole rows are copied at once.
        f.get(strides[0]).i32(size).op('i32.eq').get(strides[1]).i32(size).op('i32.eq').op('i32.and');
        f.if(() => {
          f.get(pointers[indexed]).get(moved).op('i32.add').set(there);
          const [to, from] = indexed === 0 ? [there, pointers[other]] : [pointers[other], there];
          f.get(to).get(from).get(inner).i32(size).op('i32.mul').memoryCopy();
        }, loop);
      },
      () =>
        eachInner(() => {
          displacement();
          element();
          for (let k = 0; k < indexCount; k++) step(2 + k);
        }),
    );
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

/** `run(descriptor)`: the smallest and the largest int64 of operand 0, written to the descriptor's first two scalar slots. */
export function buildRange(memory: MemoryShape): ModuleBuilder {
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
  const low = f.local('i64');
  const high = f.local('i64');
  const value = f.local('i64');
  f.i64(2n ** 63n - 1n)
    .set(low)
    .i64(-(2n ** 63n))
    .set(high);
  f.loop(() => {
    f.get(start).set(at).get(inner).set(left);
    f.loop(() => {
      f.get(at).memory('i64.load').set(value);
      f.get(value).get(low).get(value).get(low).op('i64.lt_s').op('select').set(low);
      f.get(value).get(high).get(value).get(high).op('i64.gt_s').op('select').set(high);
      f.get(at).get(stride).op('i32.add').set(at);
      f.get(left).i32(1).op('i32.sub').tee(left).brIf(0);
    });
    emitOdometer(f, rows, outerRank, plan.rowSize, [{ local: start, operand: 0 }], 0);
  });
  f.get(descriptor).get(low).memory('i64.store').get(descriptor).get(high).memory('i64.store', 8);
  return module;
}
