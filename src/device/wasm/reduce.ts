/**
 * Reduction kernels. Four lanes work either on four elements of one result (`along`: the vectorised dimension is reduced) or
 * on four results at once (`across`: it is kept), whichever reads memory in order.
 */
import { uint8 } from '../../base/dtype.ts';
import { type Expr, postorder } from '../../expr/expr.ts';
import type { ReduceProgram } from '../../kernel/program.ts';
import type { View } from '../../kernel/view.ts';
import { Accumulator, NOWHERE } from './accumulator.ts';
import { type Local, ModuleBuilder } from './assembler.ts';
import type { ConstantPool } from './constants.ts';
import { emitOdometer, writeRows } from './descriptor.ts';
import { costOf, emitExpressions, KernelModule } from './emit.ts';
import type { Heap } from './heap.ts';
import type { KernelCache } from './kernels.ts';
import { type Access, LANES, type Vec } from './lanes.ts';
import { accessCode, accessNames, accessOf, Walk } from './layout.ts';
import { loadParams, type MemoryShape } from './loop.ts';
import type { Threads } from './threads.ts';

type Direction = 'along' | 'across';

/** Groups of four that are summed in single precision before they go to the double-precision total. */
const BLOCK = 256;

export class Reducer {
  private readonly heap: Heap;
  private readonly kernels: KernelCache;
  private readonly pool: ConstantPool;
  private readonly threads: Threads;
  private readonly slot: number;
  private readonly kept: Walk = new Walk();
  private readonly gone: Walk = new Walk();

  constructor(heap: Heap, kernels: KernelCache, pool: ConstantPool, threads: Threads, slot: number) {
    this.heap = heap;
    this.kernels = kernels;
    this.pool = pool;
    this.threads = threads;
    this.slot = slot;
  }

  run(
    program: ReduceProgram,
    out: View,
    ins: readonly View[],
    reduced: readonly boolean[],
    params: readonly number[],
  ): void {
    const { kept, gone } = this;
    const { sizes } = ins[0];
    const keeps = reduced.map((r) => !r);
    kept.set(sizes, [out, ...ins, still(sizes)], keeps);
    if (kept.numel === 0) return;
    gone.set(sizes, [still(sizes), ...ins, positions(sizes, reduced)], reduced);
    kept.simplify();
    gone.simplify();
    const direction = this.direction(ins[0].dtype.itemSize);
    const vector = direction === 'along' ? gone : kept;
    const count = ins.length + 2;
    let key = direction === 'along' ? 0 : 1;
    const dtypes = [out.dtype, ...ins.map((v) => v.dtype), uint8];
    for (let k = 0; k < count; k++) {
      const stride = vector.rank === 0 ? dtypes[k].itemSize : vector.strides[k][vector.rank - 1];
      key = key * 4 + accessCode[accessOf(stride, dtypes[k].itemSize)];
    }
    const kernel = this.kernels.get(program, this.slot, key, () => {
      const accesses = dtypes.map((_, k) => accessNames[Math.floor(key / 4 ** (count - 1 - k)) % 4]);
      return buildReduction(program, direction, accesses, params.length, this.kernels.memory, this.pool);
    });
    const { threads } = this;
    if (kernel.cost === 0) kernel.cost = costOf([program.expr]) + 0.1 * ins.length;
    const parts =
      kernel.portable && kept.rank > 0 ? threads.partsFor(kept.numel * gone.numel * kernel.cost) : 1;
    let used = 0;
    const describe = (): void => this.describe(threads.descriptor(used++), direction, params);
    if (parts === 1) describe();
    else kept.eachShare(parts, LANES, describe);
    threads.run(kernel, used);
  }

  /** The direction that reads the input in the order of its memory. */
  private direction(itemSize: number): Direction {
    const { kept, gone } = this;
    if (kept.rank === 0) return 'along';
    if (gone.rank === 0) return 'across';
    const keptSize = kept.sizes[kept.rank - 1];
    const keptStride = Math.abs(kept.strides[1][kept.rank - 1]);
    const goneSize = gone.sizes[gone.rank - 1];
    const goneStride = Math.abs(gone.strides[1][gone.rank - 1]);
    if (keptStride === itemSize) return keptSize >= LANES || goneStride !== itemSize ? 'across' : 'along';
    // Few elements per result: better four results at once, read with steps.
    return goneSize < 2 * LANES && keptSize >= 2 * LANES ? 'across' : 'along';
  }

  /** Bytes: scalars | vector size | inner reduced size | kept rows | reduced rows | addresses | vector strides | inner strides | rows. */
  private describe(address: number, direction: Direction, params: readonly number[]): void {
    const { kept, gone, heap } = this;
    const { i32 } = heap;
    for (let i = 0; i < params.length; i++) heap.f64[(address >> 3) + i] = params[i];
    let at = (address >> 2) + params.length * 2;
    const empty = gone.numel === 0;
    const goneRank = empty ? 0 : gone.rank;
    const goneInner = empty ? 0 : goneRank === 0 ? 1 : gone.sizes[goneRank - 1];
    const keptInner = kept.rank === 0 ? 1 : kept.sizes[kept.rank - 1];
    const along = direction === 'along';
    const keptOuter = along ? kept.rank : Math.max(kept.rank - 1, 0);
    const goneOuter = Math.max(goneRank - 1, 0);
    i32[at++] = along ? goneInner : keptInner;
    i32[at++] = goneInner;
    i32[at++] = keptOuter;
    i32[at++] = goneOuter;
    const { count } = kept;
    for (let k = 0; k < count; k++) i32[at++] = kept.pointers[k];
    const vector = along ? gone : kept;
    for (let k = 0; k < count; k++) i32[at++] = vector.rank === 0 ? 0 : vector.strides[k][vector.rank - 1];
    for (let k = 0; k < count; k++) i32[at++] = goneRank === 0 ? 0 : gone.strides[k][goneRank - 1];
    at = writeRows(i32, at, kept, keptOuter);
    writeRows(i32, at, gone, goneOuter);
  }
}

/** An operand that does not move. */
function still(sizes: readonly number[]): View {
  return { storage: nowhere, dtype: uint8, sizes, strides: sizes.map(() => 0), offset: 0 };
}

/** An "operand" whose address is the row-major position within the reduced dimensions. */
function positions(sizes: readonly number[], reduced: readonly boolean[]): View {
  const strides = new Array<number>(sizes.length).fill(0);
  let step = 1;
  for (let d = sizes.length - 1; d >= 0; d--) {
    if (!reduced[d]) continue;
    strides[d] = step;
    step *= sizes[d];
  }
  return { storage: nowhere, dtype: uint8, sizes, strides, offset: 0 };
}

const nowhere = { address: 0 } as View['storage'];

function buildReduction(
  program: ReduceProgram,
  direction: Direction,
  accesses: readonly Access[],
  scalars: number,
  memory: MemoryShape,
  pool: ConstantPool,
): ModuleBuilder {
  const { expr, finish, combine } = program;
  const roots = finish === null ? [expr] : [expr, finish];
  const kernel = new KernelModule(new ModuleBuilder(memory), pool, roots);
  const f = kernel.module.function('run', ['i32']);
  const lanes = kernel.lanes(f);
  const inputs = program.inputs.length;
  const count = inputs + 2;
  const positionOperand = count - 1;
  const dtypes = [program.output, ...program.inputs, uint8];
  const rowSize = 8 + 4 * count;
  const base = scalars * 8;
  const descriptor = 0;

  const int = (offset: number): Local => {
    const local = f.local('i32');
    f.get(descriptor).memory('i32.load', offset).set(local);
    return local;
  };
  const vectorSize = int(base);
  const innerSize = int(base + 4);
  const keptRank = int(base + 8);
  const goneRank = int(base + 12);
  const starts = dtypes.map((_, k) => int(base + 16 + 4 * k));
  const vectorStrides = dtypes.map((_, k) => int(base + 16 + 4 * count + 4 * k));
  const innerStrides = dtypes.map((_, k) => int(base + 16 + 8 * count + 4 * k));
  const keptRows = f.local('i32');
  f.get(descriptor)
    .i32(base + 16 + 12 * count)
    .op('i32.add')
    .set(keptRows);
  const goneRows = f.local('i32');
  f.get(keptRank).i32(rowSize).op('i32.mul').get(keptRows).op('i32.add').set(goneRows);
  const params = loadParams(f, lanes, roots, descriptor);

  const uses = new Set(
    postorder([expr])
      .filter((e) => e.op === 'input')
      .map((e) => Number(e.value) + 1),
  );
  const moving = [...dtypes.keys()].filter((k) => uses.has(k) || (k === positionOperand && isArg(combine)));
  /** Pointers of a row of the reduction, and those that run along its innermost dimension. */
  const rowStarts = dtypes.map(() => f.local('i32'));
  const pointers = dtypes.map(() => f.local('i32'));
  const left = f.local('i32');
  const copy = (from: readonly Local[], to: readonly Local[], which: readonly number[]): void => {
    for (const k of which) f.get(from[k]).set(to[k]);
  };
  const move = (target: readonly Local[], which: readonly number[], by: (k: number) => void): void => {
    for (const k of which) {
      f.get(target[k]);
      by(k);
      f.op('i32.add').set(target[k]);
    }
  };

  /** The values of the four elements at the pointers. */
  const evaluate = (at: readonly Local[]): Vec => {
    const loaded = new Map<Expr, Vec>();
    const leaf = (e: Expr): Vec => {
      if (e.op === 'param') return params.get(e) as Vec;
      let value = loaded.get(e);
      if (value === undefined) {
        const k = Number(e.value) + 1;
        const raw = lanes.load(dtypes[k], accesses[k], at[k], vectorStrides[k]);
        value = lanes.convert(raw, dtypes[k].compute, e.type);
        loaded.set(e, value);
      }
      return value;
    };
    return emitExpressions(kernel, lanes, [expr], leaf)[0];
  };

  /** Positions of four elements: the same for all lanes, plus the step of each lane when they lie along. */
  const places = (at: readonly Local[]): Vec | null => {
    if (!isArg(combine)) return null;
    const first = lanes.splat('i32', () => f.get(at[positionOperand]));
    if (direction === 'across') return first;
    const step = lanes.splat('i32', () => f.get(vectorStrides[positionOperand]));
    return lanes.make('i32', () => {
      f.get(step[0]);
      lanes.pool.load(f, new Int32Array([0, 1, 2, 3]));
      f.op('i32x4.mul').get(first[0]).op('i32x4.add');
    });
  };

  /** Applies `finish` and stores the first `valid` lanes of a result. */
  const store = (value: Vec, type: Expr['type'], write: (raw: Vec) => void): void => {
    let result = value;
    let resultType = type;
    if (finish !== null) {
      const leaf = (e: Expr): Vec => (e.op === 'param' ? (params.get(e) as Vec) : value);
      result = emitExpressions(kernel, lanes, [finish], leaf)[0];
      resultType = finish.type;
    }
    write(lanes.toStorage(lanes.convert(result, resultType, program.output.compute), program.output));
  };

  if (direction === 'along') {
    // Four accumulators hide the latency of one addition.
    const accumulators = [0, 1, 2, 3].map(() => new Accumulator(kernel, lanes, combine, expr.type));
    const [total] = accumulators;
    const block = f.local('i32');
    f.loop(() => {
      copy(starts, rowStarts, moving);
      for (const a of accumulators) a.start();
      f.loop(() => {
        copy(rowStarts, pointers, moving);
        f.get(vectorSize).set(left);
        const group = (a: Accumulator): void => {
          a.add(evaluate(pointers), places(pointers));
          move(pointers, moving, (k) => f.get(vectorStrides[k]).i32(2).op('i32.shl'));
        };
        f.block(() => {
          f.loop(() => {
            f.get(left)
              .i32(4 * LANES)
              .op('i32.lt_s')
              .brIf(1);
            for (const a of accumulators) group(a);
            f.get(left)
              .i32(4 * LANES)
              .op('i32.sub')
              .set(left);
            if (total.hasBlocks) {
              f.get(block).i32(1).op('i32.add').tee(block).i32(BLOCK).op('i32.ge_s');
              f.if(() => {
                for (const a of accumulators) a.closeBlock();
                f.i32(0).set(block);
              });
            }
            f.br(0);
          });
        });
        f.block(() => {
          f.loop(() => {
            f.get(left).i32(LANES).op('i32.lt_s').brIf(1);
            group(total);
            f.get(left).i32(LANES).op('i32.sub').set(left).br(0);
          });
        });
        f.get(left).i32(0).op('i32.gt_s');
        f.if(() => {
          // Lanes past the end count as nothing.
          const index = lanes.make('i32', () => lanes.pool.load(f, new Int32Array([0, 1, 2, 3])));
          const limit = lanes.splat('i32', () => f.get(left));
          const valid = lanes.apply('bool', 'i32x4.lt_s', index, limit);
          const x = lanes.select(valid, evaluate(pointers), total.identity(), expr.type);
          const place = places(pointers);
          total.add(
            x,
            place === null ? null : lanes.select(valid, place, lanes.constant(NOWHERE, 'i32'), 'i32'),
          );
        });
        emitOdometer(
          f,
          goneRows,
          goneRank,
          rowSize,
          moving.map((k) => ({ local: rowStarts[k], operand: k })),
          0,
        );
      });
      for (const a of accumulators.slice(1)) total.absorb(a);
      total.combineLanes();
      const { value, type } = total.result();
      store(value, type, (raw) => lanes.storeLane(raw, program.output, 0, starts[0], null));
      emitOdometer(
        f,
        keptRows,
        keptRank,
        rowSize,
        [0, ...moving].map((k) => ({ local: starts[k], operand: k })),
        0,
      );
    });
    return kernel.module;
  }

  // Across: the vector dimension in groups of 16 results, then of 4.
  const target = f.local('i32');
  const columns = f.local('i32');
  const columnStarts = dtypes.map(() => f.local('i32'));
  const rowCount = f.local('i32');
  const reduceColumns = (groups: number): void => {
    const accumulators = Array.from(
      { length: groups },
      () => new Accumulator(kernel, lanes, combine, expr.type),
    );
    for (const a of accumulators) a.start();
    copy(columnStarts, rowStarts, moving);
    f.loop(() => {
      copy(rowStarts, pointers, moving);
      f.get(innerSize).set(left);
      f.i32(0).set(rowCount);
      f.block(() => {
        f.loop(() => {
          f.get(left).i32(0).op('i32.le_s').brIf(1);
          const at = [...pointers];
          accumulators.forEach((a, g) => {
            if (g > 0) {
              for (const k of moving) {
                const next = f.local('i32');
                f.get(at[k]).get(vectorStrides[k]).i32(2).op('i32.shl').op('i32.add').set(next);
                at[k] = next;
              }
            }
            a.add(evaluate(at), places(pointers));
          });
          move(pointers, moving, (k) => f.get(innerStrides[k]));
          if (accumulators[0].hasBlocks) {
            f.get(rowCount).i32(1).op('i32.add').tee(rowCount).i32(BLOCK).op('i32.ge_s');
            f.if(() => {
              for (const a of accumulators) a.closeBlock();
              f.i32(0).set(rowCount);
            });
          }
          f.get(left).i32(1).op('i32.sub').set(left).br(0);
        });
      });
      emitOdometer(
        f,
        goneRows,
        goneRank,
        rowSize,
        moving.map((k) => ({ local: rowStarts[k], operand: k })),
        0,
      );
    });
    for (const a of accumulators) {
      const { value, type } = a.result();
      store(value, type, (raw) => {
        for (let lane = 0; lane < LANES; lane++) {
          const write = (): void => lanes.storeLane(raw, program.output, lane, target, vectorStrides[0]);
          if (groups > 1 || lane === 0) write();
          else f.get(columns).i32(lane).op('i32.gt_s').if(write);
        }
      });
      f.get(target).get(vectorStrides[0]).i32(2).op('i32.shl').op('i32.add').set(target);
    }
    move(columnStarts, moving, (k) =>
      f
        .get(vectorStrides[k])
        .i32(LANES * groups)
        .op('i32.mul'),
    );
    f.get(columns)
      .i32(LANES * groups)
      .op('i32.sub')
      .set(columns);
  };
  f.loop(() => {
    copy(starts, columnStarts, moving);
    f.get(starts[0]).set(target);
    f.get(vectorSize).set(columns);
    f.block(() => {
      f.loop(() => {
        f.get(columns)
          .i32(4 * LANES)
          .op('i32.lt_s')
          .brIf(1);
        reduceColumns(4);
        f.br(0);
      });
    });
    f.block(() => {
      f.loop(() => {
        f.get(columns).i32(0).op('i32.le_s').brIf(1);
        reduceColumns(1);
        f.br(0);
      });
    });
    emitOdometer(
      f,
      keptRows,
      keptRank,
      rowSize,
      [0, ...moving].map((k) => ({ local: starts[k], operand: k })),
      0,
    );
  });
  return kernel.module;
}

function isArg(combine: ReduceProgram['combine']): boolean {
  return combine === 'argmax' || combine === 'argmin';
}
