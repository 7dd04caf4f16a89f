/**
 * The code of reduction kernels. Four lanes work either on four elements of one result (`along`: the vectorised dimension is reduced) or
 * on four results at once (`across`: it is kept). `sweep` is `across` for what no cache holds: it reads memory in long pieces of rows, with
 * accumulators in memory.
 */
import { uint8 } from '../../base/dtype.ts';
import { type Expr, postorder } from '../../expr/expr.ts';
import type { ReduceProgram } from '../../kernel/program.ts';
import { Accumulator, NOWHERE } from './accumulator.ts';
import { type Local, ModuleBuilder } from './assembler.ts';
import type { ConstantPool } from './constants.ts';
import { emitOdometer } from './descriptor.ts';
import { emitExpressions, KernelModule } from './emit.ts';
import { type Access, LANES, type Vec } from './lanes.ts';
import { loadSplitWalk } from './splitwalk.ts';
import { loadParams, type MemoryShape } from './loop.ts';

export type Direction = 'along' | 'across' | 'sweep';

/** A sweep works on so many columns at once. */
const SWEEP_COLUMNS = 1024;
/** It takes in so many rows at once. */
const SWEEP_ROWS = 8;
/** What a sweep needs of memory: registers of four values, and of their blocks, which are doubles. */
export const SWEEP_BYTES: number = (SWEEP_COLUMNS / LANES) * 64;

/** So many values are summed in single precision in each lane before they go to the double-precision total. */
const BLOCK = 256;
/** Accumulators side by side: enough to hide the latency of an addition, few enough for the registers. */
const GROUPS = 4;
/** In expressions with no more operations than this it pays to combine two values before an accumulator takes them in. */
const SHORT = 4;

/** The kernel `run(descriptor)`; reduce.ts describes its argument. */
export function buildReduction(
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
  /** Is a sum of single precision to be stored in double? */
  const exact = finish === null && program.output.compute === 'f64';

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
  const move = (target: readonly Local[], by: (k: number) => void): void => {
    for (const k of moving) {
      f.get(target[k]);
      by(k);
      f.op('i32.add').set(target[k]);
    }
  };
  /** Moves pointers by `groups` groups of the vectorised dimension. */
  const advance = (target: readonly Local[], groups: number): void => {
    for (const k of moving) {
      if (accesses[k] === 'scalar') continue;
      f.get(target[k]);
      if (accesses[k] === 'contiguous') f.i32(groups * LANES * dtypes[k].itemSize);
      else
        f.get(vectorStrides[k])
          .i32(groups * LANES)
          .op('i32.mul');
      f.op('i32.add').set(target[k]);
    }
  };
  /** Calls `emit` for `count` groups that follow each other from the pointers on: with pointers for what is strided, offsets for the rest. */
  const eachGroup = (
    count: number,
    from: readonly Local[],
    emit: (g: number, at: readonly Local[]) => void,
  ): void => {
    const at = [...from];
    for (let g = 0; g < count; g++) {
      for (let i = 0; i < at.length; i++) {
        const k = i % dtypes.length;
        if (g === 0 || accesses[k] !== 'strided' || !moving.includes(k)) continue;
        const next = f.local('i32');
        f.get(at[i]).get(vectorStrides[k]).i32(2).op('i32.shl').op('i32.add').set(next);
        at[i] = next;
      }
      emit(g, at);
    }
  };
  const offset = (k: number, g: number): number =>
    accesses[k] === 'contiguous' ? g * LANES * dtypes[k].itemSize : 0;

  /** The values of the four elements of group `g` at the pointers. */
  const evaluate = (at: readonly Local[], g: number): Vec => {
    const loaded = new Map<Expr, Vec>();
    const leaf = (e: Expr): Vec => {
      if (e.op === 'param') return params.get(e) as Vec;
      let value = loaded.get(e);
      if (value === undefined) {
        const k = Number(e.value) + 1;
        const raw = lanes.load(dtypes[k], accesses[k], at[k], vectorStrides[k], offset(k, g));
        value = lanes.convert(raw, dtypes[k].compute, e.type);
        loaded.set(e, value);
      }
      return value;
    };
    return emitExpressions(kernel, lanes, [expr], leaf)[0];
  };

  /** Positions of four elements: the same for all lanes, plus the step of each lane when they lie along. */
  const places = (at: readonly Local[], g: number): Vec | null => {
    if (!isArg(combine)) return null;
    const first = lanes.splat('i32', () => {
      f.get(at[positionOperand]);
      const more = offset(positionOperand, g);
      if (more > 0) f.i32(more).op('i32.add');
    });
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
      const leaf = (e: Expr): Vec =>
        e.op === 'param' ? (params.get(e) as Vec) : lanes.convert(value, type, e.type);
      result = emitExpressions(kernel, lanes, [finish], leaf)[0];
      resultType = finish.type;
    }
    write(lanes.toStorage(lanes.convert(result, resultType, program.output.compute), program.output));
  };

  const accumulator = (blocksOf: Accumulator | null = null): Accumulator =>
    new Accumulator(kernel, lanes, combine, expr.type, blocksOf);
  /** Two values of each group are taken in at once. */
  const twice = postorder([expr]).length <= SHORT && !isArg(combine);
  const hasBlocks = accumulator().hasBlocks;
  /** How much of `left` is worked off before blocks are closed, how much of that is left, and what the open blocks hold. */
  const run = f.local('i32');
  const open = f.local('i32');
  /** Works off `left` in steps of `step`, as far as whole ones go, and closes blocks on the way. */
  const steps = (step: number, accumulators: readonly Accumulator[], emit: () => void): void => {
    f.block(() => {
      f.loop(() => {
        f.get(left).i32(step).op('i32.lt_s').brIf(1);
        f.get(left);
        if (hasBlocks) {
          f.i32(BLOCK * step).get(left);
          f.i32(BLOCK * step).op('i32.lt_s');
          f.op('select');
        }
        f.i32(-step).op('i32.and').set(run);
        f.get(left).get(run).op('i32.sub').set(left);
        if (hasBlocks) f.get(open).get(run).op('i32.add').set(open);
        f.loop(() => {
          emit();
          f.get(run).i32(step).op('i32.sub').tee(run).brIf(0);
        });
        if (hasBlocks) {
          f.get(open)
            .i32(BLOCK * step)
            .op('i32.ge_s');
          f.if(() => {
            for (const a of accumulators) a.closeBlock();
            f.i32(0).set(open);
          });
        }
        f.br(0);
      });
    });
  };
  const nextRow = (
    rows: Local,
    rank: Local,
    pointersOfRow: readonly Local[],
    which: readonly number[],
  ): void => {
    emitOdometer(
      f,
      rows,
      rank,
      rowSize,
      which.map((k) => ({ local: pointersOfRow[k], operand: k })),
      0,
    );
  };

  const along = (): void => {
    const total = accumulator();
    const accumulators = [total, ...Array.from({ length: GROUPS - 1 }, () => accumulator(total))];
    const many = twice ? 2 * GROUPS : GROUPS;
    f.loop(() => {
      copy(starts, rowStarts, moving);
      for (const a of accumulators) a.start();
      f.i32(0).set(open);
      f.loop(() => {
        copy(rowStarts, pointers, moving);
        f.get(vectorSize).set(left);
        steps(many * LANES, accumulators, () => {
          const values: Vec[] = [];
          eachGroup(many, pointers, (g, at) => {
            if (twice) values.push(evaluate(at, g));
            else accumulators[g].add(evaluate(at, g), places(at, g));
          });
          values.slice(GROUPS).forEach((x, g) => {
            accumulators[g].addTwo(values[g], x);
          });
          advance(pointers, many);
        });
        f.block(() => {
          f.loop(() => {
            f.get(left).i32(LANES).op('i32.lt_s').brIf(1);
            total.add(evaluate(pointers, 0), places(pointers, 0));
            advance(pointers, 1);
            f.get(left).i32(LANES).op('i32.sub').set(left).br(0);
          });
        });
        f.get(left).i32(0).op('i32.gt_s');
        f.if(() => {
          // Lanes past the end count as nothing.
          const index = lanes.make('i32', () => lanes.pool.load(f, new Int32Array([0, 1, 2, 3])));
          const limit = lanes.splat('i32', () => f.get(left));
          const valid = lanes.apply('bool', 'i32x4.lt_s', index, limit);
          const x = lanes.select(valid, evaluate(pointers, 0), total.identity(), expr.type);
          const place = places(pointers, 0);
          total.add(
            x,
            place === null ? null : lanes.select(valid, place, lanes.constant(NOWHERE, 'i32'), 'i32'),
          );
        });
        nextRow(goneRows, goneRank, rowStarts, moving);
      });
      for (const a of accumulators.slice(1)) total.absorb(a);
      total.combineLanes();
      const { value, type } = total.result(exact);
      store(value, type, (raw) => lanes.storeLane(raw, program.output, 0, starts[0], null));
      nextRow(keptRows, keptRank, starts, [0, ...moving]);
    });
  };

  /** The vector dimension in groups of many results, then fewer. */
  const across = (): void => {
    const target = f.local('i32');
    const columns = f.local('i32');
    const columnStarts = dtypes.map(() => f.local('i32'));
    /** Pointers of the row after the one at the pointers. */
    const second = dtypes.map(() => f.local('i32'));
    const reduceColumns = (groups: number): void => {
      const accumulators = Array.from({ length: groups }, () => accumulator());
      for (const a of accumulators) a.start();
      f.i32(0).set(open);
      copy(columnStarts, rowStarts, moving);
      f.loop(() => {
        copy(rowStarts, pointers, moving);
        f.get(innerSize).set(left);
        if (twice) {
          steps(2, accumulators, () => {
            for (const k of moving) f.get(pointers[k]).get(innerStrides[k]).op('i32.add').set(second[k]);
            eachGroup(groups, [...pointers, ...second], (g, at) => {
              accumulators[g].addTwo(evaluate(at, g), evaluate(at.slice(dtypes.length), g));
            });
            move(pointers, (k) => f.get(innerStrides[k]).i32(1).op('i32.shl'));
          });
        }
        steps(1, accumulators, () => {
          eachGroup(groups, pointers, (g, at) => accumulators[g].add(evaluate(at, g), places(pointers, 0)));
          move(pointers, (k) => f.get(innerStrides[k]));
        });
        nextRow(goneRows, goneRank, rowStarts, moving);
      });
      for (const a of accumulators) {
        const { value, type } = a.result(exact);
        store(value, type, (raw) => {
          for (let lane = 0; lane < LANES; lane++) {
            const write = (): void => lanes.storeLane(raw, program.output, lane, target, vectorStrides[0]);
            if (groups > 1 || lane === 0) write();
            else f.get(columns).i32(lane).op('i32.gt_s').if(write);
          }
        });
        f.get(target).get(vectorStrides[0]).i32(2).op('i32.shl').op('i32.add').set(target);
      }
      advance(columnStarts, groups);
      f.get(columns)
        .i32(LANES * groups)
        .op('i32.sub')
        .set(columns);
    };
    f.loop(() => {
      copy(starts, columnStarts, moving);
      f.get(starts[0]).set(target);
      f.get(vectorSize).set(columns);
      for (const groups of [GROUPS, 1]) {
        f.block(() => {
          f.loop(() => {
            // The last pass also takes what is less than a group.
            f.get(columns)
              .i32(groups === 1 ? 1 : groups * LANES)
              .op('i32.lt_s')
              .brIf(1);
            reduceColumns(groups);
            f.br(0);
          });
        });
      }
      nextRow(keptRows, keptRank, starts, [0, ...moving]);
    });
  };

  /** Pieces of rows, each as long as there are accumulators: memory that starts at what is the address of positions elsewhere. */
  const sweep = (): void => {
    const a = accumulator();
    const [target, columns, tile, group, at, single] = Array.from({ length: 6 }, () => f.local('i32'));
    const columnStarts = dtypes.map(() => f.local('i32'));
    const rowsAt = Array.from({ length: SWEEP_ROWS }, () => dtypes.map(() => f.local('i32')));
    const scratch = starts[positionOperand];
    /** Calls `emit` for each accumulator of the tile, at `at`. */
    const eachAccumulator = (emit: () => void): void => {
      f.get(scratch).set(at).get(tile).set(group);
      f.loop(() => {
        emit();
        f.get(at).i32(a.size).op('i32.add').set(at);
        f.get(group).i32(LANES).op('i32.sub').tee(group).i32(0).op('i32.gt_s').brIf(0);
      });
    };
    const takeRows = (count: number): void => {
      for (let row = 0; row < count; row++) {
        for (const k of moving) {
          if (row === 0) f.get(pointers[k]);
          else
            f.get(rowsAt[row - 1][k])
              .get(innerStrides[k])
              .op('i32.add');
          f.set(rowsAt[row][k]);
        }
      }
      move(pointers, (k) => f.get(innerStrides[k]).i32(count).op('i32.mul'));
      eachAccumulator(() => {
        a.restore(at, 0, false);
        for (let row = 0; row < count; row += 2) {
          if (row + 1 < count) a.addTwo(evaluate(rowsAt[row], 0), evaluate(rowsAt[row + 1], 0));
          else a.add(evaluate(rowsAt[row], 0), null);
        }
        a.save(at, 0, false);
        for (let row = 0; row < count; row++) advance(rowsAt[row], 1);
      });
    };
    const close = (): void => {
      eachAccumulator(() => {
        a.restore(at, 0, true);
        a.closeBlock();
        a.save(at, 0, true);
      });
    };
    const sweepTile = (): void => {
      f.get(columns).i32(SWEEP_COLUMNS).get(columns).i32(SWEEP_COLUMNS).op('i32.lt_s').op('select').set(tile);
      eachAccumulator(() => {
        a.start();
        a.save(at, 0, true);
      });
      f.i32(0).set(open);
      copy(columnStarts, rowStarts, moving);
      f.loop(() => {
        copy(rowStarts, pointers, moving);
        f.get(innerSize).set(left);
        f.block(() => {
          f.loop(() => {
            f.get(left).i32(0).op('i32.le_s').brIf(1);
            f.get(left).i32(SWEEP_ROWS).op('i32.lt_s').set(single);
            f.get(single).if(
              () => takeRows(1),
              () => takeRows(SWEEP_ROWS),
            );
            f.i32(1).i32(SWEEP_ROWS).get(single).op('select').set(run);
            f.get(left).get(run).op('i32.sub').set(left);
            if (hasBlocks) {
              f.get(open).get(run).op('i32.add').tee(open).i32(BLOCK).op('i32.ge_s');
              f.if(() => {
                close();
                f.i32(0).set(open);
              });
            }
            f.br(0);
          });
        });
        nextRow(goneRows, goneRank, rowStarts, moving);
      });
      eachAccumulator(() => {
        a.restore(at, 0, true);
        const { value, type } = a.result(exact);
        store(value, type, (raw) => {
          for (let lane = 0; lane < LANES; lane++) {
            const write = (): void => lanes.storeLane(raw, program.output, lane, target, vectorStrides[0]);
            if (lane === 0) write();
            else f.get(group).i32(lane).op('i32.gt_s').if(write);
          }
        });
        f.get(target).get(vectorStrides[0]).i32(2).op('i32.shl').op('i32.add').set(target);
      });
      advance(columnStarts, SWEEP_COLUMNS / LANES);
      f.get(columns).i32(SWEEP_COLUMNS).op('i32.sub').set(columns);
    };
    f.loop(() => {
      copy(starts, columnStarts, moving);
      f.get(starts[0]).set(target);
      f.get(vectorSize).set(columns);
      f.loop(() => {
        sweepTile();
        f.get(columns).i32(0).op('i32.gt_s').brIf(0);
      });
      nextRow(keptRows, keptRank, starts, [0, ...moving]);
    });
  };

  lanes.holdConstants({ along, across, sweep }[direction]);
  return kernel.module;
}

export function isArg(combine: ReduceProgram['combine']): boolean {
  return combine === 'argmax' || combine === 'argmin';
}
