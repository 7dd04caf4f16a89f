/**
 * The register tile of matrix products: up to 6 rows (4 without fused multiply-adds) × 2 vectors of results, which stay in registers while the tile
 * runs down the summed dimension.
 *
 * Older V8 moves a multiply-add down to the end of its basic block, past the loads of all rows: more than 4 rows would then need more registers than there
 * are, and the accumulators would go to memory at every turn. So a branch that is never taken ends the block after each row.
 */
import type { FunctionBuilder, Local, ModuleBuilder } from './assembler.ts';
import { movesInstructions } from './features.ts';
import { bump, repeat, type Template, whileAtLeast } from './matmul.ts';
import { transpose, transposeLocals } from './panels.ts';

/** Vector registers that V8 has on x86. */
const REGISTERS = 15;

/** A branch, out of two blocks, that is never taken: blocks of summands are short. Each tests another bit, so that none follows from another. */
function endBlock(f: FunctionBuilder, k: Local, bit: number): void {
  f.get(k)
    .i32(1 << (24 + bit))
    .op('i32.and')
    .brIf(1);
}

/**
 * `tiles(a, aRows, aStep, panel, out, outRows, outColumns, count, n, k, alpha, beta, scratch, dense)`: out = alpha · rows · panel + beta · out for
 * `count` tiles below each other and the `n` columns of one panel. The result (i, j) is at `out + outRows[i] + outColumns[j]`; `dense`: these columns follow
 * each other. Else a tile goes to its place by way of `scratch`.
 * Packed: each tile's rows are a panel of `width` columns, and these follow each other at `a`. In place: row i starts at
 * `a + aRows[i]` and its elements are `aStep` bytes apart.
 */
export function buildTiles(
  module: ModuleBuilder,
  t: Template,
  rows: number,
  width: number,
  packed: boolean,
  scatter: FunctionBuilder,
): FunctionBuilder {
  const { columns, size, lanes } = t;
  const f = module.function(null, [...new Array<'i32'>(10).fill('i32'), 'f64', 'f64', 'i32', 'i32']);
  const [a, aRows, aStep, panels, out, outRows, outColumns, count, n, k, alphaArg, betaArg, scratch, dense] =
    Array.from({ length: 14 }, (_, i) => i);
  const acc = Array.from({ length: rows }, () => [f.local('v128'), f.local('v128')]);
  const b = [f.local('v128'), f.local('v128')];
  const x = f.local('v128');
  const factor = f.local('v128');
  const int = (): Local => f.local('i32');
  const [overwrite, panel, left, target] = Array.from({ length: 4 }, int);
  const at = Array.from({ length: rows }, int);
  const storeLane = size === 4 ? 'v128.store32_lane' : 'v128.store64_lane';

  /** Sums up products over the summed dimension. A panel of few columns has only one vector that counts. */
  const sum = (vectors: 1 | 2): void => {
    const rowsAtOnce = REGISTERS - (rows + 1) * vectors;
    const apart = rowsAtOnce < rows && movesInstructions();
    f.block(() => {
      // The loop ends with its test: one branch a round.
      f.loop(() => {
        for (let h = 0; h < vectors; h++)
          f.get(panel)
            .memory('v128.load', 16 * h)
            .set(b[h]);
        for (let r = 0; r < rows; r++) {
          f.get(packed ? a : at[r]);
          t.loadSplat(f, packed ? r * size : 0);
          f.set(x);
          for (let h = 0; h < vectors; h++) t.multiplyAdd(f, acc[r][h], x, b[h]);
          if (!packed) f.get(at[r]).get(aStep).op('i32.add').set(at[r]);
          if (apart && r < rows - 1 && (r + 1) % rowsAtOnce === 0) endBlock(f, left, r);
        }
        if (packed) bump(f, a, width * size);
        bump(f, panel, columns * size);
        f.get(left).i32(1).op('i32.sub').tee(left).brIf(0);
      });
    });
  };

  /** `times` is made anew for each tile: kept, it would take a register from it. */
  const scaled = (times: Local): void => {
    t.splatFactor(f, () => f.get(times));
    f.set(factor);
  };
  /** Writes vector `h` of all rows. */
  const storeVectors = (h: number): void => {
    for (let r = 0; r < rows; r++)
      f.get(at[r])
        .get(acc[r][h])
        .memory('v128.store', 16 * h);
  };
  /** Adds what is there to `acc[r][h]`. */
  const addOld = (r: number, h: number): void => {
    f.get(at[r])
      .memory('v128.load', 16 * h)
      .get(factor)
      .op(t.op('mul'))
      .get(acc[r][h])
      .op(t.op('add'))
      .set(acc[r][h]);
  };
  /** Part of a vector, lane by lane. What is read beyond the last column is not used. */
  const storePart = (h: number): void => {
    for (let lane = 0; lane < lanes - 1; lane++) {
      const j = h * lanes + lane;
      f.get(n).i32(j).op('i32.gt_s');
      f.if(() => {
        for (let r = 0; r < rows; r++)
          f.get(at[r])
            .get(acc[r][h])
            .laneMemory(storeLane, lane, j * size);
      });
    }
  };

  f.get(outColumns).memory('i32.load').get(out).op('i32.add').set(target);
  f.get(betaArg).f64(0).op('f64.eq');
  f.get(dense).op('i32.eqz').op('i32.or').set(overwrite);
  repeat(f, count, () => {
    for (const row of acc) for (const c of row) f.v128(new Uint8Array(16)).set(c);
    if (!packed) {
      for (let r = 0; r < rows; r++) {
        f.get(aRows)
          .memory('i32.load', 4 * r)
          .get(a)
          .op('i32.add')
          .set(at[r]);
      }
      bump(f, aRows, 4 * rows);
    }
    f.get(panels).set(panel).get(k).tee(left).i32(0).op('i32.gt_s');
    f.if(() => {
      f.get(n).i32(lanes).op('i32.gt_s');
      f.if(
        () => sum(2),
        () => sum(1),
      );
    });
    scaled(alphaArg);
    for (const row of acc) for (const c of row) f.get(c).get(factor).op(t.op('mul')).set(c);
    for (let r = 0; r < rows; r++) {
      f.get(outRows)
        .memory('i32.load', 4 * r)
        .get(target)
        .op('i32.add');
      f.get(scratch)
        .i32(32 * r)
        .op('i32.add');
      f.get(dense).op('select').set(at[r]);
    }
    f.get(overwrite).op('i32.eqz');
    f.if(() => {
      scaled(betaArg);
      for (let r = 0; r < rows; r++) {
        addOld(r, 0);
        addOld(r, 1);
      }
    });
    f.get(n).i32(columns).op('i32.ge_s').get(dense).op('i32.eqz').op('i32.or');
    f.if(
      () => {
        storeVectors(0);
        storeVectors(1);
      },
      () => {
        f.get(n).i32(lanes).op('i32.ge_s');
        f.if(
          () => {
            storeVectors(0);
            storePart(1);
          },
          () => storePart(0),
        );
      },
    );
    f.get(dense).op('i32.eqz');
    f.if(() => {
      f.get(scratch).get(out).get(outRows).get(outColumns).i32(rows).get(n).get(betaArg);
      f.call(module.indexOf(scatter));
    });
    bump(f, outRows, 4 * rows);
  });
  return f;
}

/** Emits: do the first `count` offsets of `table` belong to elements that follow each other? Those from number `valid` on do not matter. */
export function followEachOther(
  f: FunctionBuilder,
  table: () => void,
  count: number,
  size: number,
  valid: Local | null,
): void {
  f.i32(1);
  for (let j = 1; j < count; j++) {
    table();
    f.memory('i32.load', 4 * j);
    table();
    f.memory('i32.load')
      .op('i32.sub')
      .i32(j * size)
      .op('i32.eq');
    if (valid !== null) f.get(valid).i32(j).op('i32.le_s').op('i32.or');
    f.op('i32.and');
  }
}

/**
 * `scatter(from, out, outRows, outColumns, rows, n, beta)`: out = tile + beta · out, for a tile of rows of two vectors at `from`, of which `n` columns
 * count. Where rows follow each other, it is written by columns.
 */
export function buildScatter(module: ModuleBuilder, t: Template): FunctionBuilder {
  const { columns, size, lanes } = t;
  const f = module.function(null, [...new Array<'i32'>(6).fill('i32'), 'f64']);
  const [from, out, outRows, outColumns, rows, n, betaArg] = Array.from({ length: 7 }, (_, i) => i);
  const int = (): Local => f.local('i32');
  const [overwrite, start, place, column, columnsLeft, value] = Array.from({ length: 6 }, int);
  const beta = f.local('v128');
  const x = f.local('v128');
  const block = Array.from({ length: lanes }, () => f.local('v128'));
  const temporaries = transposeLocals(f, t);
  t.splatFactor(f, () => f.get(betaArg));
  f.set(beta);
  f.get(betaArg).f64(0).op('f64.eq').set(overwrite);
  /** Writes x to `place`, by `store`, adding to what `load` finds there. */
  const write = (load: () => void, store: () => void): void => {
    f.get(overwrite).op('i32.eqz');
    f.if(() => {
      f.get(place);
      load();
      f.get(beta).op(t.op('mul')).get(x).op(t.op('add')).set(x);
    });
    f.get(place).get(x);
    store();
  };
  whileAtLeast(f, rows, 1, () => {
    f.get(outRows).memory('i32.load').get(out).op('i32.add').set(start);
    followEachOther(f, () => f.get(outRows), lanes, size, null);
    f.get(rows).i32(lanes).op('i32.ge_s').op('i32.and');
    f.if(
      () => {
        for (let h = 0; h < 2; h++) {
          block.forEach((row, r) => {
            f.get(from)
              .memory('v128.load', 32 * r + 16 * h)
              .set(row);
          });
          transpose(f, block, temporaries).forEach((emit, lane) => {
            const j = h * lanes + lane;
            f.get(n).i32(j).op('i32.gt_s');
            f.if(() => {
              f.get(outColumns)
                .memory('i32.load', 4 * j)
                .get(start)
                .op('i32.add')
                .set(place);
              emit();
              f.set(x);
              write(
                () => f.memory('v128.load'),
                () => f.memory('v128.store'),
              );
            });
          });
        }
        bump(f, from, 32 * lanes);
        bump(f, outRows, 4 * lanes);
        bump(f, rows, -lanes);
      },
      () => {
        f.get(outColumns).set(column).get(from).set(value);
        f.get(n).i32(columns).get(n).i32(columns).op('i32.lt_s').op('select').set(columnsLeft);
        repeat(f, columnsLeft, () => {
          f.get(column).memory('i32.load').get(start).op('i32.add').set(place).get(value);
          t.loadSplat(f);
          f.set(x);
          write(
            () => t.loadSplat(f),
            () => f.laneMemory(size === 4 ? 'v128.store32_lane' : 'v128.store64_lane', 0),
          );
          bump(f, value, size);
          bump(f, column, 4);
        });
        bump(f, from, 32);
        bump(f, outRows, 4);
        bump(f, rows, -1);
      },
    );
  });
  return f;
}
