/**
 * Products whose summands follow each other in memory on both sides: each result is a scalar product, summed four (two) at a time. Nothing is
 * packed, and no lane idles for want of rows or columns: for weight gradients of small convolutions, and for matrices times vectors.
 *
 * Summands come in runs that lie in one piece. A tile keeps a vector of partial sums for each of its results while it goes through a
 * block of runs; then the vectors are added up and go to the results.
 */
import { type FunctionBuilder, type Local, ModuleBuilder } from './assembler.ts';
import { factorsAt, loadFields } from './blueprint.ts';
import type { MemoryShape } from './loop.ts';
import { type MatmulType, Template } from './matmul.ts';

/** Rows and columns of the tiles. */
export const SHAPES: readonly (readonly [rows: number, columns: number])[] = [
  [3, 3],
  [4, 2],
  [1, 4],
];

/** What the descriptor holds, each a 32-bit integer; alpha and beta follow as doubles. Tables are of byte offsets. */
export const dotFields = [
  /** Addresses of the operands of the first batch; the table `batches` has three offsets for each batch. */
  'left',
  'right',
  'out',
  'batches',
  'batchCount',
  'rowOffsets',
  'm',
  'outRows',
  'columnOffsets',
  'n',
  'outColumns',
  /** For every run where it is in the left and the right operand. */
  'runs',
  'runCount',
  'runLength',
  'runsPerBlock',
  /** Which of the tiles. */
  'shape',
] as const;

export type DotField = (typeof dotFields)[number];

function bump(f: FunctionBuilder, local: Local, by: number): void {
  f.get(local).i32(by).op('i32.add').set(local);
}

/** Runs `body` until `counter`, which is positive and lowered by `step` each time, is used up. */
function countDown(f: FunctionBuilder, counter: Local, step: number, body: () => void): void {
  f.loop(() => {
    body();
    f.get(counter).i32(-step).op('i32.add').tee(counter).i32(0).op('i32.gt_s').brIf(0);
  });
}

/** The kernel for one element type. `fused`: multiply-adds may round once. */
export function buildDot(type: MatmulType, fused: boolean, memory: MemoryShape): ModuleBuilder {
  const module = new ModuleBuilder(memory);
  const t = new Template(type, fused);
  const { size, lanes } = t;
  const f = module.function('run', ['i32']);
  const field = loadFields(f, dotFields);
  const factors = factorsAt(dotFields);
  const alpha = f.local('v128');
  const givenBeta = f.local('v128');
  const beta = f.local('v128');
  const overwrite = f.local('i32');
  t.splatFactor(f, () => f.get(0).memory('f64.load', factors));
  f.set(alpha);
  t.splatFactor(f, () => f.get(0).memory('f64.load', factors + 8));
  f.set(givenBeta);

  const int = (): Local => f.local('i32');
  const [left, right, out, runs, runsLeft, blockRuns, run, count, steps] = Array.from({ length: 9 }, int);
  const [row, rowsLeft, outRow, column, columnsLeft, outColumn, address] = Array.from({ length: 7 }, int);
  const a = Array.from({ length: 4 }, int);
  const b = Array.from({ length: 4 }, int);
  const aAt = Array.from({ length: 4 }, int);
  const bAt = Array.from({ length: 4 }, int);
  const acc = Array.from({ length: 9 }, () => f.local('v128'));
  const held = Array.from({ length: 4 }, () => f.local('v128'));
  const moving = f.local('v128');

  type Load = 'v128.load' | 'v128.load64_zero' | 'v128.load32_zero';
  /** Multiplies the next elements of all rows with those of all columns. */
  const step = (height: number, width: number, load: Load, bytes: number): void => {
    // The fewer ones stay in registers.
    const rowsHeld = height <= width;
    const [kept, passing] = rowsHeld ? [aAt, bAt] : [bAt, aAt];
    const [keptCount, passingCount] = rowsHeld ? [height, width] : [width, height];
    for (let i = 0; i < keptCount; i++) f.get(kept[i]).memory(load).set(held[i]);
    for (let j = 0; j < passingCount; j++) {
      f.get(passing[j]).memory(load).set(moving);
      for (let i = 0; i < keptCount; i++) {
        const [r, c] = rowsHeld ? [i, j] : [j, i];
        t.multiplyAdd(f, acc[r * width + c], held[i], moving);
      }
    }
    for (let r = 0; r < height; r++) bump(f, aAt[r], bytes);
    for (let c = 0; c < width; c++) bump(f, bAt[c], bytes);
  };

  /** The sum of a vector's lanes, in all lanes. */
  const addUp = (x: Local): void => {
    for (let half = lanes / 2; half >= 1; half /= 2) {
      f.get(x).get(x).get(x);
      f.shuffle(Array.from({ length: 16 }, (_, i) => (i + half * size) % 16));
      f.op(t.op('add')).set(x);
    }
  };

  const store = (height: number, width: number): void => {
    for (let r = 0; r < height; r++) {
      for (let c = 0; c < width; c++) {
        const value = acc[r * width + c];
        f.get(rowsLeft).i32(r).op('i32.gt_s').get(columnsLeft).i32(c).op('i32.gt_s').op('i32.and');
        f.if(() => {
          addUp(value);
          f.get(outRow).memory('i32.load', 4 * r);
          f.get(outColumn)
            .memory('i32.load', 4 * c)
            .op('i32.add');
          f.get(out).op('i32.add').set(address);
          f.get(value).get(alpha).op(t.op('mul')).set(value);
          f.get(overwrite).op('i32.eqz');
          f.if(() => {
            f.get(address);
            t.loadSplat(f);
            f.get(beta).op(t.op('mul')).get(value).op(t.op('add')).set(value);
          });
          f.get(address)
            .get(value)
            .laneMemory(size === 4 ? 'v128.store32_lane' : 'v128.store64_lane', 0);
        });
      }
    }
  };

  const tile = (height: number, width: number): void => {
    for (let i = 0; i < height * width; i++) f.v128(new Uint8Array(16)).set(acc[i]);
    f.get(runs).set(run).get(blockRuns).set(count);
    countDown(f, count, 1, () => {
      for (let r = 0; r < height; r++) f.get(run).memory('i32.load').get(a[r]).op('i32.add').set(aAt[r]);
      for (let c = 0; c < width; c++) f.get(run).memory('i32.load', 4).get(b[c]).op('i32.add').set(bAt[c]);
      f.get(field.runLength).i32(Math.log2(lanes)).op('i32.shr_u').tee(steps);
      f.if(() => countDown(f, steps, 1, () => step(height, width, 'v128.load', 16)));
      if (lanes === 4) {
        f.get(field.runLength).i32(2).op('i32.and');
        f.if(() => step(height, width, 'v128.load64_zero', 8));
      }
      f.get(field.runLength).i32(1).op('i32.and');
      f.if(() => step(height, width, lanes === 4 ? 'v128.load32_zero' : 'v128.load64_zero', size));
      bump(f, run, 8);
    });
    store(height, width);
  };

  /** All tiles for the runs of a block. */
  const tiles = (height: number, width: number): void => {
    f.get(field.rowOffsets).set(row).get(field.outRows).set(outRow).get(field.m).set(rowsLeft);
    countDown(f, rowsLeft, height, () => {
      for (let r = 0; r < height; r++) {
        f.get(row)
          .memory('i32.load', 4 * r)
          .get(left)
          .op('i32.add')
          .set(a[r]);
      }
      f.get(field.columnOffsets).set(column).get(field.outColumns).set(outColumn);
      f.get(field.n).set(columnsLeft);
      countDown(f, columnsLeft, width, () => {
        for (let c = 0; c < width; c++) {
          f.get(column)
            .memory('i32.load', 4 * c)
            .get(right)
            .op('i32.add')
            .set(b[c]);
        }
        tile(height, width);
        bump(f, column, 4 * width);
        bump(f, outColumn, 4 * width);
      });
      bump(f, row, 4 * height);
      bump(f, outRow, 4 * height);
    });
  };

  countDown(f, field.batchCount, 1, () => {
    f.get(field.batches).memory('i32.load').get(field.left).op('i32.add').set(left);
    f.get(field.batches).memory('i32.load', 4).get(field.right).op('i32.add').set(right);
    f.get(field.batches).memory('i32.load', 8).get(field.out).op('i32.add').set(out);
    bump(f, field.batches, 12);
    f.get(field.runs).set(runs).get(field.runCount).set(runsLeft);
    f.get(givenBeta).set(beta);
    f.get(0)
      .memory('f64.load', factors + 8)
      .f64(0)
      .op('f64.eq')
      .set(overwrite);
    f.loop(() => {
      f.get(runsLeft).get(field.runsPerBlock).get(runsLeft).get(field.runsPerBlock).op('i32.lt_s');
      f.op('select').set(blockRuns);
      SHAPES.forEach(([height, width], i) => {
        f.get(field.shape).i32(i).op('i32.eq');
        f.if(() => tiles(height, width));
      });
      // The first block overwrites, the others add.
      t.splatFactor(f, () => f.f64(1));
      f.set(beta).i32(0).set(overwrite);
      f.get(blockRuns).i32(8).op('i32.mul').get(runs).op('i32.add').set(runs);
      f.get(runsLeft).get(blockRuns).op('i32.sub').tee(runsLeft).i32(0).op('i32.gt_s').brIf(0);
    });
  });
  return module;
}
