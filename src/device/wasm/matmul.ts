/**
 * The matrix product template: a module with functions for one element type.
 *
 * Columns of the right operand are packed into panels of two vectors; a register tile of 4 rows × 1 panel runs down the summed dimension
 * (8 accumulators; larger tiles spill). Rows of the left operand are read in place. Where rows, columns and results lie is
 * told by tables of byte offsets, so any strides, and windows of an image, cost the same.
 */
import type { FunctionBuilder, Local, ModuleBuilder, PlainOp } from './assembler.ts';

export type MatmulType = 'f32' | 'f64' | 'i32' | 'i64';

/** Rows of the register tile. */
export const TILE_ROWS = 4;

/** Elements per vector. */
export function lanesOf(type: MatmulType): number {
  return type === 'f32' || type === 'i32' ? 4 : 2;
}

/** Columns of a packed panel. */
export function panelColumns(type: MatmulType): number {
  return 2 * lanesOf(type);
}

/** The functions of a module for one element type. */
export interface MatmulFunctions {
  /**
   * `pack(to, from, kOffsets, k, columnOffsets, n)`: packs k × n elements into panels at `to`: element (p, j) is at
   * `from + kOffsets[p] + columnOffsets[j]`.
   */
  readonly pack: FunctionBuilder;
  /**
   * `multiply(a, aRows, aStep, panels, out, outRows, outColumns, m, n, k, alpha, beta, scratch)`: out = alpha · rows · panels + beta · out. Row i
   * of the left operand starts at `a + aRows[i]` and has a uniform step of `aStep` bytes; the result (i, j) is at
   * `out + outRows[i] + outColumns[j]`. `scratch` has room for one tile.
   */
  readonly multiply: FunctionBuilder;
  /** The same for rows whose elements are at the offsets in the table at `aStep`. */
  readonly multiplyTable: FunctionBuilder;
}

/** What kernels for one element type have in common. */
export class Template {
  readonly type: MatmulType;
  readonly shape: 'f32x4' | 'f64x2' | 'i32x4' | 'i64x2';
  readonly size: number;
  readonly lanes: number;
  readonly columns: number;
  private readonly fused: boolean;

  constructor(type: MatmulType, fused: boolean) {
    this.type = type;
    this.lanes = lanesOf(type);
    this.size = 16 / this.lanes;
    this.columns = panelColumns(type);
    this.shape = `${type}x${this.lanes}` as 'f32x4';
    this.fused = fused && (type === 'f32' || type === 'f64');
  }

  op(name: 'add' | 'mul' | 'splat'): PlainOp {
    return `${this.shape}.${name}` as PlainOp;
  }

  /** A vector of a number that `emit` leaves on the stack as a double. */
  splatFactor(f: FunctionBuilder, emit: () => void): void {
    emit();
    const { type } = this;
    if (type === 'f32') f.op('f32.demote_f64');
    else if (type === 'i32') f.op('i32.trunc_sat_f64_s');
    else if (type === 'i64') f.op('i64.trunc_sat_f64_s');
    f.op(this.op('splat'));
  }

  /** acc += a · b, over locals. */
  multiplyAdd(f: FunctionBuilder, acc: Local, a: Local, b: Local): void {
    if (this.fused)
      f.get(a)
        .get(b)
        .get(acc)
        .op(`${this.shape}.relaxed_madd` as PlainOp)
        .set(acc);
    else f.get(a).get(b).op(this.op('mul')).get(acc).op(this.op('add')).set(acc);
  }

  loadSplat(f: FunctionBuilder, offset = 0): void {
    f.memory(this.size === 4 ? 'v128.load32_splat' : 'v128.load64_splat', offset);
  }
}

/** A counted loop: runs `body` while `counter` (an i32 local, counted down by `step`) is at least `least`. */
function whileAtLeast(f: FunctionBuilder, counter: Local, least: number, body: () => void): void {
  f.block(() => {
    f.loop(() => {
      f.get(counter).i32(least).op('i32.lt_s').brIf(1);
      body();
      f.br(0);
    });
  });
}

function bump(f: FunctionBuilder, local: Local, by: number): void {
  f.get(local).i32(by).op('i32.add').set(local);
}

function buildPack(module: ModuleBuilder, t: Template): FunctionBuilder {
  const f = module.function(null, ['i32', 'i32', 'i32', 'i32', 'i32', 'i32']);
  const [to, from, kOffsets, k, columnOffsets, n] = [0, 1, 2, 3, 4, 5];
  const column = f.local('i32');
  const row = f.local('i32');
  const left = f.local('i32');
  const at = f.local('i32');
  const starts = Array.from({ length: t.columns }, () => f.local('i32'));
  const { columns, size } = t;
  const element = (target: number, emitAddress: () => void): void => {
    f.get(to);
    emitAddress();
    f.memory(size === 4 ? 'i32.load' : 'i64.load').memory(
      size === 4 ? 'i32.store' : 'i64.store',
      target * size,
    );
  };
  const eachRow = (body: () => void): void => {
    f.get(kOffsets).set(row).get(k).set(left);
    whileAtLeast(f, left, 1, () => {
      body();
      bump(f, to, columns * size);
      bump(f, row, 4);
      bump(f, left, -1);
    });
  };
  f.get(columnOffsets).set(column);
  whileAtLeast(f, n, columns, () => {
    starts.forEach((s, j) => {
      f.get(column)
        .memory('i32.load', 4 * j)
        .get(from)
        .op('i32.add')
        .set(s);
    });
    // Do the columns of this panel follow each other in memory? Offsets rise or fall monotonously or not at all, so all are compared.
    f.i32(1);
    for (let j = 1; j < columns; j++)
      f.get(starts[j])
        .get(starts[0])
        .op('i32.sub')
        .i32(j * size)
        .op('i32.eq')
        .op('i32.and');
    f.if(
      () =>
        eachRow(() => {
          f.get(starts[0]).get(row).memory('i32.load').op('i32.add').set(at);
          f.get(to).get(at).memory('v128.load').memory('v128.store');
          f.get(to).get(at).memory('v128.load', 16).memory('v128.store', 16);
        }),
      () => {
        // Do the rows follow each other? Then square blocks are transposed.
        f.get(k).i32(t.lanes).op('i32.ge_s');
        f.if(
          () => {
            f.i32(1).set(at);
            for (let p = 1; p < t.lanes; p++) {
              f.get(at)
                .get(kOffsets)
                .memory('i32.load', 4 * p)
                .get(kOffsets)
                .memory('i32.load')
                .op('i32.sub');
              f.i32(p * size)
                .op('i32.eq')
                .op('i32.and')
                .set(at);
            }
          },
          () => f.i32(0).set(at),
        );
        f.get(kOffsets).set(row).get(k).set(left);
        f.get(at);
        f.if(() => transposeBlocks(f, t, starts, { to, row, left }));
        whileAtLeast(f, left, 1, () => {
          f.get(row).memory('i32.load').set(at);
          starts.forEach((s, j) => {
            element(j, () => f.get(s).get(at).op('i32.add'));
          });
          bump(f, to, columns * size);
          bump(f, row, 4);
          bump(f, left, -1);
        });
      },
    );
    bump(f, column, 4 * columns);
    bump(f, n, -columns);
  });
  // The last panel: its missing columns are zero.
  f.get(n).i32(0).op('i32.gt_s');
  f.if(() => {
    eachRow(() => {
      for (let j = 0; j < columns; j++) {
        f.get(n).i32(j).op('i32.gt_s');
        f.if(
          () =>
            element(j, () => {
              f.get(column)
                .memory('i32.load', 4 * j)
                .get(from)
                .op('i32.add');
              f.get(row).memory('i32.load').op('i32.add');
            }),
          () => {
            f.get(to);
            if (size === 4) f.i32(0).memory('i32.store', j * size);
            else f.i64(0n).memory('i64.store', j * size);
          },
        );
      }
    });
  });
  return f;
}

const LOW = [0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23];
const HIGH = [8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31];
const LOW_HALF = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];
const HIGH_HALF = [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31];

/** What `transpose` needs besides its operands. */
function transposeLocals(f: FunctionBuilder, t: Template): Local[] {
  return t.lanes === 2 ? [] : Array.from({ length: 4 }, () => f.local('v128'));
}

/** Transposes a square block of as many vectors as they have lanes; returns what leaves each row of the result on the stack. */
export function transpose(
  f: FunctionBuilder,
  c: readonly Local[],
  temporaries: readonly Local[],
): (() => void)[] {
  if (c.length === 2) {
    return [() => f.get(c[0]).get(c[1]).shuffle(LOW_HALF), () => f.get(c[0]).get(c[1]).shuffle(HIGH_HALF)];
  }
  const [x, y, z, w] = temporaries;
  f.get(c[0]).get(c[1]).shuffle(LOW).set(x);
  f.get(c[2]).get(c[3]).shuffle(LOW).set(y);
  f.get(c[0]).get(c[1]).shuffle(HIGH).set(z);
  f.get(c[2]).get(c[3]).shuffle(HIGH).set(w);
  return [
    () => f.get(x).get(y).shuffle(LOW_HALF),
    () => f.get(x).get(y).shuffle(HIGH_HALF),
    () => f.get(z).get(w).shuffle(LOW_HALF),
    () => f.get(z).get(w).shuffle(HIGH_HALF),
  ];
}

/** While blocks of `lanes` summands lie next to each other: reads columns as vectors and writes rows. */
function transposeBlocks(
  f: FunctionBuilder,
  t: Template,
  starts: readonly Local[],
  at: { readonly to: Local; readonly row: Local; readonly left: Local },
): void {
  const { lanes, size, columns } = t;
  const offset = f.local('i32');
  const apart = f.local('i32');
  const v = Array.from({ length: columns }, () => f.local('v128'));
  const temporaries = transposeLocals(f, t);
  f.block(() => {
    f.loop(() => {
      f.get(at.left).i32(lanes).op('i32.lt_s').brIf(1);
      f.get(at.row).memory('i32.load').set(offset);
      f.i32(0).set(apart);
      for (let p = 1; p < lanes; p++) {
        f.get(at.row)
          .memory('i32.load', 4 * p)
          .get(offset)
          .op('i32.sub')
          .i32(p * size)
          .op('i32.ne');
        f.get(apart).op('i32.or').set(apart);
      }
      f.get(apart).brIf(1);
      starts.forEach((s, j) => {
        f.get(s).get(offset).op('i32.add').memory('v128.load').set(v[j]);
      });
      const store = (p: number, part: number, emit: () => void): void => {
        f.get(at.to);
        emit();
        f.memory('v128.store', (p * columns + part * lanes) * size);
      };
      for (let part = 0; part < 2; part++) {
        const c = v.slice(part * lanes, (part + 1) * lanes);
        transpose(f, c, temporaries).forEach((emit, p) => {
          store(p, part, emit);
        });
      }
      bump(f, at.to, lanes * columns * size);
      bump(f, at.row, 4 * lanes);
      bump(f, at.left, -lanes);
      f.br(0);
    });
  });
}

/** `table`: the left operand's steps are looked up. */
function buildMultiply(module: ModuleBuilder, t: Template, table: boolean): FunctionBuilder {
  const { columns, size } = t;
  const f = module.function(null, [...new Array<'i32'>(10).fill('i32'), 'f64', 'f64', 'i32']);
  const [a, aRows, aStep, panels, out, outRows, outColumns, m, n, k, alphaArg, betaArg, scratch] = Array.from(
    { length: 13 },
    (_, i) => i,
  );
  const acc = Array.from({ length: TILE_ROWS * 2 }, () => f.local('v128'));
  const b = [f.local('v128'), f.local('v128')];
  const x = f.local('v128');
  const alpha = f.local('v128');
  const beta = f.local('v128');
  const betaIsZero = f.local('i32');
  const rowsLeft = f.local('i32');
  const aTable = f.local('i32');
  const outTable = f.local('i32');
  const aAt = Array.from({ length: TILE_ROWS }, () => f.local('i32'));
  const panel = f.local('i32');
  const left = f.local('i32');
  const unit = f.local('i32');
  const target = f.local('i32');
  const place = f.local('i32');
  const steps = f.local('i32');
  const step = f.local('i32');

  t.splatFactor(f, () => f.get(alphaArg));
  f.set(alpha);
  t.splatFactor(f, () => f.get(betaArg));
  f.set(beta);
  f.get(betaArg).f64(0).op('f64.eq').set(betaIsZero);

  const tile = (rows: number): void => {
    for (let r = 0; r < rows; r++) {
      f.get(aTable)
        .memory('i32.load', 4 * r)
        .get(a)
        .op('i32.add')
        .set(aAt[r]);
      for (let h = 0; h < 2; h++) f.v128(new Uint8Array(16)).set(acc[2 * r + h]);
    }
    f.get(panels).set(panel).get(k).set(left);
    if (table) f.get(aStep).set(steps);
    // The loop ends with its test: one branch a round. `vectors`: a panel of few columns has only one that counts.
    const run = (vectors: 1 | 2): void => {
      f.loop(() => {
        for (let h = 0; h < vectors; h++)
          f.get(panel)
            .memory('v128.load', 16 * h)
            .set(b[h]);
        if (table) f.get(steps).memory('i32.load').set(step);
        for (let r = 0; r < rows; r++) {
          f.get(aAt[r]);
          if (table) f.get(step).op('i32.add');
          t.loadSplat(f);
          f.set(x);
          for (let h = 0; h < vectors; h++) t.multiplyAdd(f, acc[2 * r + h], x, b[h]);
          if (!table) f.get(aAt[r]).get(aStep).op('i32.add').set(aAt[r]);
        }
        if (table) bump(f, steps, 4);
        bump(f, panel, columns * size);
        f.get(left).i32(1).op('i32.sub').tee(left).brIf(0);
      });
    };
    f.get(left).i32(0).op('i32.gt_s');
    f.if(() => {
      f.get(n).i32(t.lanes).op('i32.gt_s');
      f.if(
        () => run(2),
        () => run(1),
      );
    });
    f.get(unit);
    f.if(
      () => {
        for (let r = 0; r < rows; r++) {
          f.get(outTable)
            .memory('i32.load', 4 * r)
            .get(target)
            .op('i32.add')
            .set(aAt[r]);
          for (let h = 0; h < 2; h++)
            f.get(acc[2 * r + h])
              .get(alpha)
              .op(t.op('mul'))
              .set(acc[2 * r + h]);
        }
        f.get(betaIsZero).op('i32.eqz');
        f.if(() => {
          for (let r = 0; r < rows; r++) {
            for (let h = 0; h < 2; h++) {
              f.get(aAt[r])
                .memory('v128.load', 16 * h)
                .get(beta)
                .op(t.op('mul'));
              f.get(acc[2 * r + h])
                .op(t.op('add'))
                .set(acc[2 * r + h]);
            }
          }
        });
        for (let r = 0; r < rows; r++) {
          for (let h = 0; h < 2; h++)
            f.get(aAt[r])
              .get(acc[2 * r + h])
              .memory('v128.store', 16 * h);
        }
      },
      () => {
        const scatter = (): void => {
          for (let r = 0; r < rows; r++) {
            for (let h = 0; h < 2; h++) {
              f.get(scratch)
                .get(acc[2 * r + h])
                .get(alpha)
                .op(t.op('mul'))
                .memory('v128.store', (2 * r + h) * 16);
            }
          }
          scatterTile(rows);
        };
        if (rows < TILE_ROWS) {
          scatter();
          return;
        }
        // Where the rows of a result follow each other, a tile is written by columns.
        f.i32(1);
        for (let r = 1; r < rows; r++) {
          f.get(outTable)
            .memory('i32.load', 4 * r)
            .get(outTable)
            .memory('i32.load')
            .op('i32.sub');
          f.i32(r * size)
            .op('i32.eq')
            .op('i32.and');
        }
        f.if(storeColumns, scatter);
      },
    );
  };

  const temporaries = transposeLocals(f, t);
  /** Writes a whole tile as vectors of rows that follow each other. */
  const storeColumns = (): void => {
    const { lanes } = t;
    f.get(outTable).memory('i32.load').get(out).op('i32.add').set(target);
    for (let r = 0; r < TILE_ROWS; r++) {
      for (let h = 0; h < 2; h++)
        f.get(acc[2 * r + h])
          .get(alpha)
          .op(t.op('mul'))
          .set(acc[2 * r + h]);
    }
    for (let h = 0; h < 2; h++) {
      for (let r = 0; r < TILE_ROWS; r += lanes) {
        const block = Array.from({ length: lanes }, (_, i) => acc[2 * (r + i) + h]);
        transpose(f, block, temporaries).forEach((emit, j) => {
          const at = h * lanes + j;
          f.get(n).i32(at).op('i32.gt_s');
          f.if(() => {
            f.get(outColumns)
              .memory('i32.load', 4 * at)
              .get(target)
              .op('i32.add')
              .set(place);
            f.get(place);
            emit();
            f.get(betaIsZero).op('i32.eqz');
            f.if(
              () =>
                f
                  .get(place)
                  .memory('v128.load', r * size)
                  .get(beta)
                  .op(t.op('mul'))
                  .set(x),
              () => f.v128(new Uint8Array(16)).set(x),
            );
            f.get(x).op(t.op('add'));
            f.memory('v128.store', r * size);
          });
        });
      }
    }
    f.get(outColumns).memory('i32.load').get(out).op('i32.add').set(target);
  };

  const from = f.local('i32');
  const column = f.local('i32');
  const columnsLeft = f.local('i32');
  const rest = f.local('i32');
  const outRow = f.local('i32');
  /** Writes a tile from scratch memory to columns that do not follow each other, or are fewer than a panel has. */
  const scatterTile = (rows: number): void => {
    f.get(scratch).set(from).get(outTable).set(outRow).i32(rows).set(rest);
    whileAtLeast(f, rest, 1, () => {
      f.get(outColumns).set(column).get(n).set(columnsLeft);
      f.get(n)
        .i32(columns)
        .op('i32.gt_s')
        .if(() => f.i32(columns).set(columnsLeft));
      f.get(from).set(aAt[0]);
      whileAtLeast(f, columnsLeft, 1, () => {
        f.get(outRow)
          .memory('i32.load')
          .get(column)
          .memory('i32.load')
          .op('i32.add')
          .get(out)
          .op('i32.add')
          .set(place);
        f.get(aAt[0]);
        t.loadSplat(f);
        f.set(x);
        f.get(betaIsZero).op('i32.eqz');
        f.if(() => {
          f.get(place);
          t.loadSplat(f);
          f.get(beta).op(t.op('mul')).get(x).op(t.op('add')).set(x);
        });
        f.get(place)
          .get(x)
          .laneMemory(size === 4 ? 'v128.store32_lane' : 'v128.store64_lane', 0);
        bump(f, aAt[0], size);
        bump(f, column, 4);
        bump(f, columnsLeft, -1);
      });
      bump(f, from, columns * size);
      bump(f, outRow, 4);
      bump(f, rest, -1);
    });
  };

  const rowLoop = (): void => {
    f.get(aRows).set(aTable).get(outRows).set(outTable).get(m).set(rowsLeft);
    whileAtLeast(f, rowsLeft, TILE_ROWS, () => {
      tile(TILE_ROWS);
      bump(f, aTable, 4 * TILE_ROWS);
      bump(f, outTable, 4 * TILE_ROWS);
      bump(f, rowsLeft, -TILE_ROWS);
    });
    for (let rows = TILE_ROWS - 1; rows >= 1; rows--) {
      f.get(rowsLeft)
        .i32(rows)
        .op('i32.eq')
        .if(() => tile(rows));
    }
  };

  whileAtLeast(f, n, 1, () => {
    // May whole vectors be written?
    f.get(n).i32(columns).op('i32.ge_s');
    f.if(
      () => {
        f.i32(1).set(unit);
        for (let j = 1; j < columns; j++) {
          f.get(outColumns)
            .memory('i32.load', 4 * j)
            .get(outColumns)
            .memory('i32.load')
            .op('i32.sub');
          f.i32(j * size)
            .op('i32.eq')
            .get(unit)
            .op('i32.and')
            .set(unit);
        }
      },
      () => f.i32(0).set(unit),
    );
    f.get(outColumns).memory('i32.load').get(out).op('i32.add').set(target);
    rowLoop();
    f.get(panels)
      .get(k)
      .i32(columns * size)
      .op('i32.mul')
      .op('i32.add')
      .set(panels);
    bump(f, outColumns, 4 * columns);
    bump(f, n, -columns);
  });
  return f;
}

/** Adds the functions for one element type to a module. `fused`: multiply-adds may round once. */
export function buildMatmul(module: ModuleBuilder, type: MatmulType, fused: boolean): MatmulFunctions {
  const template = new Template(type, fused);
  return {
    pack: buildPack(module, template),
    multiply: buildMultiply(module, template, false),
    multiplyTable: buildMultiply(module, template, true),
  };
}
