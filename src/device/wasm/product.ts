/**
 * Whole matrix products: a kernel that walks batches and blocks, packs panels and multiplies. Everything it needs is in a
 * descriptor, so that threads can each work on a part of the rows, the columns or the batches.
 */
import { type FunctionBuilder, type Local, ModuleBuilder } from './assembler.ts';
import { factorsAt, loadFields } from './blueprint.ts';
import type { MemoryShape } from './loop.ts';
import { type MatmulType, repeat, Template, tileRows } from './matmul.ts';
import { buildPack } from './panels.ts';
import { buildScatter, buildTiles, followEachOther } from './tile.ts';

/** What the descriptor holds, each a 32-bit integer; alpha and beta follow as doubles. Tables are of byte offsets. */
export const productFields = [
  /** Addresses of the operands of the first batch; the table `batches` has three offsets for each batch. */
  'left',
  'right',
  'out',
  'batches',
  'batchCount',
  /** Left operand: the offsets of rows and of their elements. */
  'rowOffsets',
  'm',
  'leftK',
  /** Are rows read where they are, their elements `step` bytes apart? Else they are packed. */
  'inPlace',
  'step',
  /** Right operand. */
  'columnOffsets',
  'n',
  'rightK',
  'k',
  /** Where results go, relative to the batch's out. */
  'outRows',
  'outColumns',
  /** Block sizes: tiles, columns, summands. */
  'blockTiles',
  'blockN',
  'blockK',
  /** Memory of this part of the work: for one tile, for packed columns and for packed rows. */
  'scratch',
  'panels',
  'packedRows',
] as const;

export type ProductField = (typeof productFields)[number];

/** The kernel for one element type. `fused`: multiply-adds may round once. */
export function buildProduct(type: MatmulType, fused: boolean, memory: MemoryShape): ModuleBuilder {
  const module = new ModuleBuilder(memory);
  const t = new Template(type, fused);
  const most = tileRows(type, fused);
  const heights = Array.from({ length: most }, (_, i) => i + 1);
  const packColumns = module.indexOf(buildPack(module, t, t.columns));
  const packRows = module.indexOf(buildPack(module, t, most));
  const scatter = buildScatter(module, t);
  const tiles = (packed: boolean): number[] =>
    heights.map((rows) => module.indexOf(buildTiles(module, t, rows, most, packed, scatter)));
  const tilesPacked = tiles(true);
  const tilesInPlace = tiles(false);

  const f = module.function('run', ['i32']);
  const descriptor = 0;
  const fields = loadFields(f, productFields);
  const alpha = f.local('f64');
  const givenBeta = f.local('f64');
  const beta = f.local('f64');
  const factors = factorsAt(productFields);
  f.get(descriptor).memory('f64.load', factors).set(alpha);
  f.get(descriptor)
    .memory('f64.load', factors + 8)
    .set(givenBeta);
  const int = (): Local => f.local('i32');
  const [batch, left, right, out, j, nj, p, kp, end, one] = Array.from({ length: 10 }, int);
  const [allTiles, tall, height, tile, count, row, at, columnsLeft, panel] = Array.from({ length: 9 }, int);
  /** Where a block of tiles starts; do the columns of the present panel lie side by side in the result? */
  const [blockRow, dense] = [int(), int()];
  /** Tiles of a block that have one row more, those that do not, and how many rows the first ones have. */
  const [tallTiles, lowTiles, tallRows] = Array.from({ length: 3 }, int);

  /** `start`, `start + step`, … below `end`; the first step is always made. `length` becomes what is left of each. */
  const blocks = (start: Local, length: Local, end: Local, step: Local, body: () => void): void => {
    f.i32(0).set(start);
    f.loop(() => {
      f.get(end).get(start).op('i32.sub').set(length);
      f.get(length).get(step).op('i32.gt_s');
      f.if(() => f.get(step).set(length));
      body();
      f.get(start).get(step).op('i32.add').tee(start).get(end).op('i32.lt_s').brIf(0);
    });
  };
  const entry = (table: Local, index: Local): FunctionBuilder =>
    f.get(index).i32(2).op('i32.shl').get(table).op('i32.add');
  /** Packed bytes of `each` rows or columns of this block's summands. */
  const packedBytes = (each: number): void => {
    f.get(kp)
      .i32(each * t.size)
      .op('i32.mul');
  };

  /** The tiles of one height of this block, first for packed rows, then for those in place. `first`: leaves the index of their first row. */
  const tilesOf = (number: Local, taller: number, firstTile: () => void, firstRow: () => void): void => {
    const call = (functions: readonly number[], emitRows: () => void): void => {
      heights.forEach((rows, i) => {
        f.get(height)
          .i32(rows - taller)
          .op('i32.eq');
        f.if(() => {
          emitRows();
          f.get(fields.step).get(panel).get(out);
          f.get(fields.outRows);
          firstRow();
          f.i32(2).op('i32.shl').op('i32.add');
          entry(fields.outColumns, at);
          f.get(number).get(columnsLeft).get(kp).get(alpha).get(beta).get(fields.scratch).get(dense);
          f.call(functions[i]);
        });
      });
    };
    const tableOfRows = (): void => {
      f.get(fields.rowOffsets);
      firstRow();
      f.i32(2).op('i32.shl').op('i32.add');
    };
    f.get(number);
    f.if(() => {
      f.get(fields.inPlace);
      f.if(
        () =>
          call(tilesInPlace, () => {
            f.get(p).get(fields.step).op('i32.mul').get(left).op('i32.add');
            tableOfRows();
          }),
        () =>
          call(tilesPacked, () => {
            packedBytes(most);
            firstTile();
            f.op('i32.mul').get(fields.packedRows).op('i32.add').i32(0);
          }),
      );
    });
  };

  /** Packs the rows of one height, from row `row` on. */
  const packTiles = (number: Local, taller: number): void => {
    f.get(number);
    f.if(() => {
      f.get(number).set(count);
      repeat(f, count, () => {
        f.get(at).get(left);
        entry(fields.leftK, p);
        f.get(kp);
        entry(fields.rowOffsets, row);
        f.get(height).i32(taller).op('i32.add').call(packRows);
        f.get(height).i32(taller).op('i32.add').get(row).op('i32.add').set(row);
        packedBytes(most);
        f.get(at).op('i32.add').set(at);
      });
    });
  };

  const blockOfTiles = (): void => {
    // Of `count` tiles from `tile` on those before number `tall` have one row more.
    f.get(tall).get(tile).op('i32.sub').set(tallTiles);
    f.get(tallTiles).i32(0).op('i32.lt_s');
    f.if(() => f.i32(0).set(tallTiles));
    f.get(tallTiles).get(count).op('i32.gt_s');
    f.if(() => f.get(count).set(tallTiles));
    f.get(count).get(tallTiles).op('i32.sub').set(lowTiles);
    f.get(height).i32(1).op('i32.add').get(tallTiles).op('i32.mul').set(tallRows);
    f.get(row).set(blockRow);
    f.get(fields.inPlace).op('i32.eqz');
    f.if(() => {
      f.get(fields.packedRows).set(at);
      packTiles(tallTiles, 1);
      packTiles(lowTiles, 0);
    });
    f.get(fields.panels).set(panel).get(j).set(at).get(nj).set(columnsLeft);
    f.loop(() => {
      followEachOther(f, () => entry(fields.outColumns, at), t.columns, t.size, columnsLeft);
      f.set(dense);
      tilesOf(
        tallTiles,
        1,
        () => f.i32(0),
        () => f.get(blockRow),
      );
      tilesOf(
        lowTiles,
        0,
        () => f.get(tallTiles),
        () => f.get(blockRow).get(tallRows).op('i32.add'),
      );
      packedBytes(t.columns);
      f.get(panel).op('i32.add').set(panel);
      f.get(at).i32(t.columns).op('i32.add').set(at);
      f.get(columnsLeft).i32(t.columns).op('i32.sub').tee(columnsLeft).i32(0).op('i32.gt_s').brIf(0);
    });
    f.get(lowTiles)
      .get(height)
      .op('i32.mul')
      .get(tallRows)
      .op('i32.add')
      .get(blockRow)
      .op('i32.add')
      .set(row);
  };

  // Rows are shared out evenly: `tall` tiles have one row more than the others.
  f.get(fields.m)
    .i32(most - 1)
    .op('i32.add')
    .i32(most)
    .op('i32.div_u')
    .set(allTiles);
  f.get(fields.m).get(allTiles).op('i32.div_u').set(height);
  f.get(fields.m).get(allTiles).op('i32.rem_u').set(tall);
  f.i32(1).set(one);
  f.get(fields.batches).set(batch);
  blocks(end, kp, fields.batchCount, one, () => {
    f.get(batch).memory('i32.load').get(fields.left).op('i32.add').set(left);
    f.get(batch).memory('i32.load', 4).get(fields.right).op('i32.add').set(right);
    f.get(batch).memory('i32.load', 8).get(fields.out).op('i32.add').set(out);
    f.get(batch).i32(12).op('i32.add').set(batch);
    blocks(j, nj, fields.n, fields.blockN, () => {
      blocks(p, kp, fields.k, fields.blockK, () => {
        // The first block of summands overwrites, the others add.
        f.get(givenBeta).f64(1).get(p).op('i32.eqz').op('select').set(beta);
        f.get(fields.panels).get(right);
        entry(fields.rightK, p);
        f.get(kp);
        entry(fields.columnOffsets, j);
        f.get(nj).call(packColumns);
        f.i32(0).set(row);
        blocks(tile, count, allTiles, fields.blockTiles, blockOfTiles);
      });
    });
  });
  return module;
}
