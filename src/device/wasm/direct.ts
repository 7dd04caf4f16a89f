/**
 * Products whose right operand is read where it lies: columns that follow each other in memory (an image, a row-major matrix) are
 * loaded as vectors at any address, so nothing but the rows of the left operand is packed, once for all batches that share it.
 * For convolutions this is everything: the windows of an image are never copied.
 *
 * The columns are cut into vectors, of which the last of a run may be only partly valid. A register tile has 8 or 9 accumulators: 4 rows × 2
 * vectors, 3 × 3 or 2 × 4, so that any number of rows is covered without idle ones (1 × 8 spills: a single row has 1 × 4).
 */
import { type FunctionBuilder, type Local, ModuleBuilder } from './assembler.ts';
import { factorsAt, loadFields } from './blueprint.ts';
import type { MemoryShape } from './loop.ts';
import { type MatmulType, Template } from './matmul.ts';

/** How many vectors a tile of so many rows has. */
export const VECTORS: Readonly<Record<number, number>> = { 4: 2, 3: 3, 2: 4, 1: 4 };
/** Vectors come in groups of the size of any tile when threads share them. */
export const VECTOR_GROUP = 12;
/** Room after the table of vectors: a tile looks at so many of them. */
export const VECTOR_MARGIN = 4;
/** In the table of vectors: stored as a whole, or the half of it. Else the number of valid lanes. */
export const WHOLE = 256;
export const HALF: number = 512 + 2;
/** The number of valid lanes, where it is given or half of four. */
const LANES_MASK = 15;
/** Bytes of an entry of the table of vectors: where it is in the right operand, where it goes, how much of it is valid. */
export const VECTOR_BYTES = 12;

/** What the descriptor holds, each a 32-bit integer; alpha and beta follow as doubles. Tables are of byte offsets. */
export const directFields = [
  /** Addresses of the operands of the first batch; the table `batches` has three offsets for each batch. */
  'left',
  'right',
  'out',
  'batches',
  'batchCount',
  /** Rows, and the elements of each, in the left operand. */
  'rowOffsets',
  'leftK',
  'outRows',
  'vectors',
  'vectorCount',
  'rightK',
  'k',
  /** How many blocks of 4, 3, 2 and 1 rows, which follow each other. */
  'fours',
  'threes',
  'twos',
  'ones',
  /** The distance between results of one row. */
  'outStep',
  /** Memory for the packed rows. */
  'panels',
  /** The address of a value per row from which all its sums start, one after another; 0: they start from zero. */
  'start',
] as const;

export type DirectField = (typeof directFields)[number];

type Blocks = readonly [fours: number, threes: number, twos: number, ones: number];

/** What a tile of so many rows takes: its accumulators, but for a single row, whose 4 do not hide the latency of the additions. */
const TILE_COST: Blocks = [8, 9, 8, 7];

/** Into how many blocks of 4, 3, 2 and 1 rows `m` rows are best cut, for columns of so many vectors. */
export function rowBlocks(m: number, vectors: number): Blocks {
  const cost = (blocks: Blocks): number =>
    blocks.reduce((sum, count, i) => sum + count * TILE_COST[i] * Math.ceil(vectors / VECTORS[4 - i]), 0);
  const fours = Math.floor(m / 4);
  const choices: readonly (readonly Blocks[])[] = [
    [[fours, 0, 0, 0]],
    [
      [fours, 0, 0, 1],
      [fours - 1, 1, 1, 0],
    ],
    [
      [fours, 0, 1, 0],
      [fours - 1, 2, 0, 0],
    ],
    [
      [fours, 1, 0, 0],
      [fours, 0, 1, 1],
    ],
  ];
  const rest = choices[m % 4];
  let best = rest[0];
  for (const blocks of rest) if (blocks[0] >= 0 && cost(blocks) < cost(best)) best = blocks;
  return best;
}

/** Runs `body` `counter` times; the counter must be positive. */
function repeat(f: FunctionBuilder, counter: Local, body: () => void): void {
  f.loop(() => {
    body();
    f.get(counter).i32(-1).op('i32.add').tee(counter).brIf(0);
  });
}

function bump(f: FunctionBuilder, local: Local, by: number): void {
  f.get(local).i32(by).op('i32.add').set(local);
}

/** `store(value, address, step, valid, beta)`: writes the first lanes `step` bytes apart, adding `beta` times what is there. */
function buildStore(module: ModuleBuilder, t: Template): FunctionBuilder {
  const f = module.function(null, ['v128', 'i32', 'i32', 'i32', 'v128', 'i32']);
  const [value, address, step, valid, beta, overwrite] = [0, 1, 2, 3, 4, 5];
  const result = f.local('v128');
  const store = t.size === 4 ? 'v128.store32_lane' : 'v128.store64_lane';
  for (let lane = 0; lane < t.lanes; lane++) {
    f.get(valid).i32(lane).op('i32.gt_s');
    f.if(() => {
      f.get(value).set(result);
      f.get(overwrite).op('i32.eqz');
      f.if(() => {
        f.get(address);
        t.loadSplat(f);
        f.get(beta).op(t.op('mul')).get(value).op(t.op('add')).set(result);
      });
      f.get(address).get(result).laneMemory(store, lane);
      f.get(address).get(step).op('i32.add').set(address);
    });
  }
  return f;
}

/** The kernel for one element type. `fused`: multiply-adds may round once. */
export function buildDirect(type: MatmulType, fused: boolean, memory: MemoryShape): ModuleBuilder {
  const module = new ModuleBuilder(memory);
  const t = new Template(type, fused);
  const { size, lanes } = t;
  const storeLane = size === 4 ? 'v128.store32_lane' : 'v128.store64_lane';
  const storePart = buildStore(module, t);
  const f = module.function('run', ['i32']);
  const field = loadFields(f, directFields);
  const factors = factorsAt(directFields);
  const alpha = f.local('v128');
  const beta = f.local('v128');
  const overwrite = f.local('i32');
  t.splatFactor(f, () => f.get(0).memory('f64.load', factors));
  f.set(alpha);
  t.splatFactor(f, () => f.get(0).memory('f64.load', factors + 8));
  f.set(beta);
  f.get(0)
    .memory('f64.load', factors + 8)
    .f64(0)
    .op('f64.eq')
    .set(overwrite);

  const int = (): Local => f.local('i32');
  const [left, right, out, packed, to, rows, count, steps, offset] = Array.from({ length: 9 }, int);
  const [vector, vectorsLeft, panel, rowTable, blocks, address, place] = Array.from({ length: 7 }, int);
  const starts = Array.from({ length: 4 }, int);
  const acc = Array.from({ length: 9 }, () => f.local('v128'));
  const held = Array.from({ length: 4 }, () => f.local('v128'));
  const moving = f.local('v128');

  /** Packs `field[name]` blocks of `height` rows: element p of each row, then element p + 1 of each row. */
  const pack = (name: DirectField, height: number): void => {
    f.get(field[name]).tee(blocks);
    f.if(() =>
      repeat(f, blocks, () => {
        for (let r = 0; r < height; r++) {
          f.get(rows)
            .memory('i32.load', 4 * r)
            .get(left)
            .op('i32.add')
            .set(starts[r]);
        }
        f.get(field.leftK).set(steps).get(field.k).set(count);
        repeat(f, count, () => {
          f.get(steps).memory('i32.load').set(offset);
          for (let r = 0; r < height; r++) {
            f.get(to).get(starts[r]).get(offset).op('i32.add');
            f.memory(size === 4 ? 'i32.load' : 'i64.load');
            f.memory(size === 4 ? 'i32.store' : 'i64.store', r * size);
          }
          bump(f, to, height * size);
          bump(f, steps, 4);
        });
        bump(f, rows, 4 * height);
      }),
    );
  };

  const summand = (height: number, width: number): void => {
    f.get(steps).memory('i32.load').set(offset);
    const vectorAt = (v: number): void => void f.get(starts[v]).get(offset).op('i32.add').memory('v128.load');
    const scalarAt = (r: number): void => {
      f.get(panel);
      t.loadSplat(f, r * size);
    };
    if (width < height) {
      for (let v = 0; v < width; v++) {
        vectorAt(v);
        f.set(held[v]);
      }
      for (let r = 0; r < height; r++) {
        scalarAt(r);
        f.set(moving);
        for (let v = 0; v < width; v++) t.multiplyAdd(f, acc[r * width + v], moving, held[v]);
      }
    } else {
      for (let r = 0; r < height; r++) {
        scalarAt(r);
        f.set(held[r]);
      }
      for (let v = 0; v < width; v++) {
        vectorAt(v);
        f.set(moving);
        for (let r = 0; r < height; r++) t.multiplyAdd(f, acc[r * width + v], held[r], moving);
      }
    }
  };

  /** One register tile, from zero to its results. */
  const tile = (height: number, width: number): void => {
    for (let i = 0; i < height * width; i++) f.v128(new Uint8Array(16)).set(acc[i]);
    f.get(field.rightK).set(steps);
    // Unrolled, V8 keeps the accumulators in memory: half the speed.
    f.get(field.k).set(count);
    repeat(f, count, () => {
      summand(height, width);
      bump(f, steps, 4);
      bump(f, panel, height * size);
    });
    f.get(field.start);
    f.if(() => {
      // Entries of the table of rows are 4 bytes.
      f.get(rowTable).get(field.outRows).op('i32.sub');
      if (size === 8) f.i32(1).op('i32.shl');
      f.get(field.start).op('i32.add').set(address);
      for (let r = 0; r < height; r++) {
        f.get(address);
        t.loadSplat(f, r * size);
        f.set(moving);
        for (let v = 0; v < width; v++) {
          const sum = acc[r * width + v];
          f.get(sum).get(moving).op(t.op('add')).set(sum);
        }
      }
    });
    for (let v = 0; v < width; v++) {
      f.get(out)
        .get(vector)
        .memory('i32.load', VECTOR_BYTES * v + 4)
        .op('i32.add')
        .set(offset);
      const rowAt = (r: number): void => {
        f.get(rowTable)
          .memory('i32.load', 4 * r)
          .get(offset)
          .op('i32.add');
      };
      const value = (r: number): void => {
        f.get(acc[r * width + v])
          .get(alpha)
          .op(t.op('mul'));
      };
      f.get(vector)
        .memory('i32.load', VECTOR_BYTES * v + 8)
        .tee(address)
        .i32(WHOLE)
        .op('i32.eq');
      f.if(
        () => {
          f.get(overwrite);
          f.if(
            () => {
              for (let r = 0; r < height; r++) {
                rowAt(r);
                value(r);
                f.memory('v128.store');
              }
            },
            () => {
              for (let r = 0; r < height; r++) {
                rowAt(r);
                f.tee(address).get(address).memory('v128.load').get(beta).op(t.op('mul'));
                value(r);
                f.op(t.op('add')).memory('v128.store');
              }
            },
          );
        },
        () => {
          f.get(address).i32(lanes).op('i32.eq').get(overwrite).op('i32.and');
          f.if(
            () => {
              for (let r = 0; r < height; r++) {
                value(r);
                f.set(moving);
                rowAt(r);
                f.set(place);
                for (let lane = 0; lane < lanes; lane++) {
                  f.get(place).get(moving).laneMemory(storeLane, lane);
                  if (lane + 1 < lanes) f.get(place).get(field.outStep).op('i32.add').set(place);
                }
              }
            },
            () => {
              f.get(address).i32(HALF).op('i32.eq').get(overwrite).op('i32.and');
              f.if(
                () => {
                  for (let r = 0; r < height; r++) {
                    rowAt(r);
                    value(r);
                    f.laneMemory('v128.store64_lane', 0);
                  }
                },
                () => {
                  for (let r = 0; r < height; r++) {
                    value(r);
                    rowAt(r);
                    f.get(field.outStep).get(address).i32(LANES_MASK).op('i32.and');
                    f.get(beta).get(overwrite).call(module.indexOf(storePart));
                  }
                },
              );
            },
          );
        },
      );
    }
  };

  /** All tiles of the blocks of `height` rows, whose packed rows start at `to`. */
  const tiles = (name: DirectField, height: number): void => {
    const width = VECTORS[height];
    f.get(field[name]);
    f.if(() => {
      f.get(field.vectors).set(vector).get(field.vectorCount).set(vectorsLeft);
      f.loop(() => {
        for (let v = 0; v < width; v++) {
          f.get(right)
            .get(vector)
            .memory('i32.load', VECTOR_BYTES * v)
            .op('i32.add')
            .set(starts[v]);
        }
        f.get(to).set(panel).get(rows).set(rowTable).get(field[name]).set(blocks);
        repeat(f, blocks, () => {
          tile(height, width);
          bump(f, rowTable, 4 * height);
        });
        bump(f, vector, VECTOR_BYTES * width);
        f.get(vectorsLeft).i32(-width).op('i32.add').tee(vectorsLeft).i32(0).op('i32.gt_s').brIf(0);
      });
      f.get(panel).set(to).get(rowTable).set(rows);
    });
  };

  const heights: readonly (readonly [DirectField, number])[] = [
    ['fours', 4],
    ['threes', 3],
    ['twos', 2],
    ['ones', 1],
  ];
  // No left operand is at an odd address.
  f.i32(1).set(packed);
  repeat(f, field.batchCount, () => {
    f.get(field.batches).memory('i32.load').get(field.left).op('i32.add').set(left);
    f.get(field.batches).memory('i32.load', 4).get(field.right).op('i32.add').set(right);
    f.get(field.batches).memory('i32.load', 8).get(field.out).op('i32.add').set(out);
    bump(f, field.batches, 12);
    f.get(left).get(packed).op('i32.ne');
    f.if(() => {
      f.get(field.panels).set(to).get(field.rowOffsets).set(rows);
      for (const [name, height] of heights) pack(name, height);
      f.get(left).set(packed);
    });
    f.get(field.panels).set(to).get(field.outRows).set(rows);
    for (const [name, height] of heights) tiles(name, height);
  });
  return module;
}
