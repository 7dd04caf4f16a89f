/**
 * Whole matrix products: a kernel that walks batches and blocks, packs panels and multiplies. Everything it needs is in a
 * descriptor, so that threads can each work on a part of the rows, the columns or the batches.
 */
import { type Local, ModuleBuilder } from './assembler.ts';
import { factorsAt, loadFields } from './blueprint.ts';
import type { MemoryShape } from './loop.ts';
import { buildMatmul, type MatmulType } from './matmul.ts';

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
  /** Do the elements of a row lie `step` bytes apart? Else the table `leftK` counts. */
  'uniform',
  'step',
  /** Right operand. */
  'columnOffsets',
  'n',
  'rightK',
  'k',
  /** Where results go, relative to the batch's out. */
  'outRows',
  'outColumns',
  /** Block sizes. */
  'blockM',
  'blockN',
  'blockK',
  /** Memory of this part of the work: for packed panels, and for one tile. */
  'panels',
  'scratch',
] as const;

export type ProductField = (typeof productFields)[number];

/** The kernel for one element type. `fused`: multiply-adds may round once. */
export function buildProduct(type: MatmulType, fused: boolean, memory: MemoryShape): ModuleBuilder {
  const module = new ModuleBuilder(memory);
  const functions = buildMatmul(module, type, fused);
  const f = module.function('run', ['i32']);
  const descriptor = 0;
  const fields = loadFields(f, productFields);
  const alpha = f.local('f64');
  const beta = f.local('f64');
  const factors = factorsAt(productFields);
  f.get(descriptor).memory('f64.load', factors).set(alpha);
  f.get(descriptor)
    .memory('f64.load', factors + 8)
    .set(beta);
  const batch = f.local('i32');
  const [j, nj, p, kp, i, mi] = Array.from({ length: 6 }, () => f.local('i32'));
  const [left, right, out] = Array.from({ length: 3 }, () => f.local('i32'));

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
  const offset = (table: Local, index: Local): void => {
    f.get(index).i32(2).op('i32.shl').get(table).op('i32.add');
  };
  const multiply = (uniform: boolean): void => {
    f.get(left);
    if (uniform) f.get(p).get(fields.step).op('i32.mul').op('i32.add');
    offset(fields.rowOffsets, i);
    if (uniform) f.get(fields.step);
    else offset(fields.leftK, p);
    f.get(fields.panels).get(out);
    offset(fields.outRows, i);
    offset(fields.outColumns, j);
    f.get(mi).get(nj).get(kp).get(alpha);
    // The first block of summands overwrites, the others add.
    f.get(beta).f64(1).get(p).op('i32.eqz').op('select');
    f.get(fields.scratch);
    f.call(module.indexOf(uniform ? functions.multiply : functions.multiplyTable));
  };
  const end = f.local('i32');
  const one = f.local('i32');
  f.i32(1).set(one);
  f.get(fields.batches).set(batch);
  blocks(end, kp, fields.batchCount, one, () => {
    f.get(batch).memory('i32.load').get(fields.left).op('i32.add').set(left);
    f.get(batch).memory('i32.load', 4).get(fields.right).op('i32.add').set(right);
    f.get(batch).memory('i32.load', 8).get(fields.out).op('i32.add').set(out);
    f.get(batch).i32(12).op('i32.add').set(batch);
    blocks(j, nj, fields.n, fields.blockN, () => {
      blocks(p, kp, fields.k, fields.blockK, () => {
        f.get(fields.panels).get(right);
        offset(fields.rightK, p);
        f.get(kp);
        offset(fields.columnOffsets, j);
        f.get(nj).call(module.indexOf(functions.pack));
        blocks(i, mi, fields.m, fields.blockM, () => {
          f.get(fields.uniform);
          f.if(
            () => multiply(true),
            () => multiply(false),
          );
        });
      });
    });
  });
  return module;
}
