/** Row kernels: several passes over each row of a normalization, with what was reduced kept in registers. */
import { type Expr, postorder } from '../../expr/expr.ts';
import {
  elementExprs,
  type RowPass,
  type RowProgram,
  ROW_OUTPUTS,
  ROW_VALUES,
} from '../../kernel/program.ts';
import type { View } from '../../kernel/view.ts';
import { Accumulator } from './accumulator.ts';
import { type Local, ModuleBuilder } from './assembler.ts';
import type { ConstantPool } from './constants.ts';
import { emitOdometer } from './descriptor.ts';
import { costOf, emitExpressions, KernelModule, mayTrap, memoryCost } from './emit.ts';
import type { Heap } from './heap.ts';
import type { KernelCache } from './kernels.ts';
import { type Access, LANES, type Vec } from './lanes.ts';
import { loadParams, type MemoryShape } from './loop.ts';
import { accessesOf, loadSplitWalk, SplitWalk } from './splitwalk.ts';
import type { Threads } from './threads.ts';

/** Groups of four that are summed in single precision before they go to the double-precision total. */
const BLOCK = 256;

export class RowRunner {
  private readonly heap: Heap;
  private readonly kernels: KernelCache;
  private readonly pool: ConstantPool;
  private readonly threads: Threads;
  private readonly slot: number;
  private readonly walk: SplitWalk = new SplitWalk();

  constructor(heap: Heap, kernels: KernelCache, pool: ConstantPool, threads: Threads, slot: number) {
    this.heap = heap;
    this.kernels = kernels;
    this.pool = pool;
    this.threads = threads;
    this.slot = slot;
  }

  run(
    program: RowProgram,
    outs: readonly View[],
    ins: readonly View[],
    reduced: readonly boolean[],
    params: readonly number[],
  ): void {
    const { walk, threads, heap } = this;
    const count = outs.length + ins.length;
    const operands = [...outs, ...ins];
    walk.set(ins[0].sizes, operands, reduced);
    const { kept, gone } = walk;
    const along = walk.direction(outs.length, ins[0].dtype.itemSize) === 'along';
    const key = walk.key(
      along ? 0 : 1,
      along,
      operands.map((v) => v.dtype.itemSize),
    );
    const kernel = this.kernels.get(program, this.slot, key, () =>
      buildRows(program, along, accessesOf(key, count), params.length, this.kernels.memory, this.pool),
    );
    if (kernel.cost === 0) kernel.cost = costOf(program.roots) + memoryCost(program.outputs, program.inputs);
    const parts =
      kernel.portable && kept.rank > 0 ? threads.partsFor(kept.numel * gone.numel * kernel.cost, kernel) : 1;
    let used = 0;
    const describe = (): void => walk.describe(heap, threads.descriptor(used++), along, params);
    if (parts === 1) describe();
    else kept.eachShare(parts, LANES, describe);
    threads.run(kernel, used);
  }
}

/** Does the pass compute more than a few additions? Then fewer groups of it are in flight at once. */
function isHeavy(pass: RowPass): boolean {
  return costOf(elementExprs(pass)) >= 1;
}

function buildRows(
  program: RowProgram,
  along: boolean,
  accesses: readonly Access[],
  scalars: number,
  memory: MemoryShape,
  pool: ConstantPool,
): ModuleBuilder {
  const { passes, roots } = program;
  const kernel = new KernelModule(new ModuleBuilder(memory), pool, roots);
  kernel.module.mayTrap = mayTrap(roots);
  const f = kernel.module.function('run', ['i32']);
  const lanes = kernel.lanes(f);
  const dtypes = [...program.outputs, ...program.results.map((r) => r.dtype), ...program.inputs];
  const firstResult = program.outputs.length;
  const firstInput = firstResult + program.results.length;
  const count = dtypes.length;
  const {
    vectorSize,
    innerSize,
    keptRank,
    goneRank,
    starts,
    vectorStrides,
    innerStrides,
    keptRows,
    goneRows,
    rowSize,
  } = loadSplitWalk(f, scalars, count);
  const params = loadParams(f, lanes, roots, 0);
  const rowStarts = dtypes.map(() => f.local('i32'));
  const pointers = dtypes.map(() => f.local('i32'));
  const left = f.local('i32');
  const block = f.local('i32');

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
  /** Adds the size of a group of four elements to the pointers. */
  const step = (target: readonly Local[], which: readonly number[]): void => {
    move(
      target,
      which.filter((k) => accesses[k] !== 'scalar'),
      (k) => {
        if (accesses[k] === 'contiguous') f.i32(LANES * dtypes[k].itemSize);
        else f.get(vectorStrides[k]).i32(2).op('i32.shl');
      },
    );
  };
  const operandOf = (leaf: number): number => (leaf >= ROW_OUTPUTS ? leaf - ROW_OUTPUTS : firstInput + leaf);
  /** The operands that a pass reads or writes at every element. */
  const operandsOf = (pass: RowPass): number[] => {
    const used = new Set(pass.stores.map((s) => s.output));
    for (const e of postorder(elementExprs(pass))) {
      const leaf = Number(e.value);
      if (e.op === 'input' && (leaf < ROW_VALUES || leaf >= ROW_OUTPUTS)) used.add(operandOf(leaf));
    }
    return [...used];
  };

  /** The values of a row, by number: registers that live as long as the row. */
  type RowValues = { readonly value: Vec; readonly type: Expr['type'] }[];
  const leafOf = (values: RowValues, at: readonly Local[] | null): ((e: Expr) => Vec) => {
    const loaded = new Map<Expr, Vec>();
    return (e) => {
      if (e.op === 'param') return params.get(e) as Vec;
      let value = loaded.get(e);
      if (value === undefined) {
        const leaf = Number(e.value);
        if (leaf >= ROW_VALUES && leaf < ROW_OUTPUTS) {
          const known = values[leaf - ROW_VALUES];
          value = lanes.convert(known.value, known.type, e.type);
        } else {
          const k = operandOf(leaf);
          const raw = lanes.load(dtypes[k], accesses[k], (at as readonly Local[])[k], vectorStrides[k]);
          value = lanes.convert(raw, dtypes[k].compute, e.type);
        }
        loaded.set(e, value);
      }
      return value;
    };
  };

  /** One group of four elements: stores (only lanes below `limit`, if given) and what the reductions take in. */
  const group = (pass: RowPass, values: RowValues, at: readonly Local[], limit: Local | null): Vec[] => {
    const results = emitExpressions(kernel, lanes, elementExprs(pass), leafOf(values, at));
    pass.stores.forEach(({ output: k, expr }, i) => {
      const own = lanes.convert(results[i], expr.type, dtypes[k].compute);
      if (limit === null) lanes.store(own, dtypes[k], accesses[k], at[k], vectorStrides[k]);
      else storeSome(own, k, at[k], limit);
    });
    return results.slice(pass.stores.length);
  };
  /** Stores the first lanes of a value, at least one. */
  const storeSome = (value: Vec, k: number, pointer: Local, limit: Local): void => {
    const raw = lanes.toStorage(value, dtypes[k]);
    for (let lane = 0; lane < LANES; lane++) {
      const write = (): void => lanes.storeLane(raw, dtypes[k], lane, pointer, vectorStrides[k]);
      if (lane === 0) write();
      else f.get(limit).i32(lane).op('i32.gt_s').if(write);
    }
  };

  const accumulatorsOf = (pass: RowPass): Accumulator[] =>
    pass.reductions.map((r) => new Accumulator(kernel, lanes, r.combine, r.expr.type));
  /** Closes the blocks of sums once they are long. */
  const countBlock = (accumulators: readonly Accumulator[]): void => {
    const sums = accumulators.filter((a) => a.hasBlocks);
    if (sums.length === 0) return;
    f.get(block).i32(1).op('i32.add').tee(block).i32(BLOCK).op('i32.ge_s');
    f.if(() => {
      for (const a of sums) a.closeBlock();
      f.i32(0).set(block);
    });
  };
  /** Puts what the reductions of a pass gave, and what follows from it, into registers of the row. */
  const finish = (pass: RowPass, totals: readonly Accumulator[], values: RowValues): void => {
    for (const total of totals) values.push(total.result());
    for (const expr of pass.after) {
      const [value] = emitExpressions(kernel, lanes, [expr], leafOf(values, null));
      values.push({ value, type: expr.type });
    }
  };
  const odometer = (rows: Local, rank: Local, which: readonly number[], target: readonly Local[]): void => {
    emitOdometer(
      f,
      rows,
      rank,
      rowSize,
      which.map((k) => ({ local: target[k], operand: k })),
      0,
    );
  };
  const all = [...dtypes.keys()];

  const emitAlong = (): void => {
    f.loop(() => {
      const values: RowValues = [];
      for (const pass of passes) {
        const moving = operandsOf(pass);
        // Several accumulators hide the latency of one addition.
        const copies = Array.from({ length: isHeavy(pass) ? 2 : 4 }, () => accumulatorsOf(pass));
        const every = copies.flat();
        for (const a of every) a.start();
        copy(starts, rowStarts, moving);
        f.loop(() => {
          copy(rowStarts, pointers, moving);
          f.get(vectorSize).set(left);
          const whole = (accumulators: readonly Accumulator[]): void => {
            group(pass, values, pointers, null).forEach((x, i) => {
              accumulators[i].add(x, null);
            });
            step(pointers, moving);
          };
          const stride = LANES * copies.length;
          f.block(() => {
            f.loop(() => {
              f.get(left).i32(stride).op('i32.lt_s').brIf(1);
              for (const accumulators of copies) whole(accumulators);
              f.get(left).i32(stride).op('i32.sub').set(left);
              countBlock(every);
              f.br(0);
            });
          });
          f.block(() => {
            f.loop(() => {
              f.get(left).i32(LANES).op('i32.lt_s').brIf(1);
              whole(copies[0]);
              f.get(left).i32(LANES).op('i32.sub').set(left).br(0);
            });
          });
          f.get(left).i32(0).op('i32.gt_s');
          f.if(() => {
            const taken = group(pass, values, pointers, left);
            if (taken.length === 0) return;
            // Lanes past the end count as nothing.
            const index = lanes.make('i32', () => pool.load(f, new Int32Array([0, 1, 2, 3])));
            const limit = lanes.splat('i32', () => f.get(left));
            const valid = lanes.apply('bool', 'i32x4.lt_s', index, limit);
            taken.forEach((x, i) => {
              const a = copies[0][i];
              a.add(lanes.select(valid, x, a.identity(), pass.reductions[i].expr.type), null);
            });
          });
          countBlock(every);
          odometer(goneRows, goneRank, moving, rowStarts);
        });
        const [totals, ...others] = copies;
        totals.forEach((total, i) => {
          for (const other of others) total.absorb(other[i]);
          total.combineLanes();
        });
        finish(pass, totals, values);
      }
      program.results.forEach(({ value: j, dtype }, i) => {
        const { value, type } = values[j];
        const raw = lanes.toStorage(lanes.convert(value, type, dtype.compute), dtype);
        lanes.storeLane(raw, dtype, 0, starts[firstResult + i], null);
      });
      odometer(keptRows, keptRank, all, starts);
    });
  };

  // Across: rows in bunches of 16, then of 4.
  const columns = f.local('i32');
  const columnStarts = dtypes.map(() => f.local('i32'));
  const bunch = (groups: number): void => {
    const values: RowValues[] = Array.from({ length: groups }, () => []);
    const limit = groups > 1 ? null : columns;
    for (const pass of passes) {
      const moving = operandsOf(pass);
      const totals = values.map(() => accumulatorsOf(pass));
      for (const a of totals.flat()) a.start();
      copy(columnStarts, rowStarts, moving);
      f.loop(() => {
        copy(rowStarts, pointers, moving);
        f.get(innerSize).set(left);
        f.loop(() => {
          const at = [...pointers];
          totals.forEach((accumulators, g) => {
            if (g > 0) {
              for (const k of moving) {
                const next = f.local('i32');
                f.get(at[k]).get(vectorStrides[k]).i32(2).op('i32.shl').op('i32.add').set(next);
                at[k] = next;
              }
            }
            group(pass, values[g], at, limit).forEach((x, i) => {
              accumulators[i].add(x, null);
            });
          });
          move(pointers, moving, (k) => f.get(innerStrides[k]));
          countBlock(totals.flat());
          f.get(left).i32(1).op('i32.sub').tee(left).brIf(0);
        });
        odometer(goneRows, goneRank, moving, rowStarts);
      });
      totals.forEach((accumulators, g) => {
        finish(pass, accumulators, values[g]);
      });
    }
    values.forEach((known, g) => {
      program.results.forEach(({ value: j, dtype }, i) => {
        const k = firstResult + i;
        const { value, type } = known[j];
        const own = lanes.convert(value, type, dtype.compute);
        const at = f.local('i32');
        f.get(columnStarts[k])
          .get(vectorStrides[k])
          .i32(LANES * g)
          .op('i32.mul')
          .op('i32.add')
          .set(at);
        if (limit === null) lanes.store(own, dtype, accesses[k], at, vectorStrides[k]);
        else storeSome(own, k, at, limit);
      });
    });
    move(columnStarts, all, (k) =>
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
  const emitAcross = (): void => {
    f.loop(() => {
      copy(starts, columnStarts, all);
      f.get(vectorSize).set(columns);
      f.block(() => {
        f.loop(() => {
          f.get(columns)
            .i32(4 * LANES)
            .op('i32.lt_s')
            .brIf(1);
          bunch(4);
          f.br(0);
        });
      });
      f.block(() => {
        f.loop(() => {
          f.get(columns).i32(0).op('i32.le_s').brIf(1);
          bunch(1);
          f.br(0);
        });
      });
      odometer(keptRows, keptRank, all, starts);
    });
  };
  lanes.holdConstants(along ? emitAlong : emitAcross);
  return kernel.module;
}
