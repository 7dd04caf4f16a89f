/** Packing: elements of an operand, wherever they lie, go into panels that a register tile reads from start to end. */
import type { FunctionBuilder, Local, ModuleBuilder } from './assembler.ts';
import { bump, type Template, whileAtLeast } from './matmul.ts';

/**
 * `pack(to, from, kOffsets, k, columnOffsets, n)`: packs k × n elements into panels of `width` columns at `to`, row after row: element (p, j) is
 * at `from + kOffsets[p] + columnOffsets[j]`. What a last panel has instead of missing columns is anything. Rows of a left operand are packed by
 * the same function, as columns of its transpose.
 */
export function buildPack(module: ModuleBuilder, t: Template, width: number): FunctionBuilder {
  const f = module.function(null, ['i32', 'i32', 'i32', 'i32', 'i32', 'i32']);
  const [to, from, kOffsets, k, columnOffsets, n] = [0, 1, 2, 3, 4, 5];
  const { size } = t;
  const column = f.local('i32');
  const row = f.local('i32');
  const left = f.local('i32');
  const at = f.local('i32');
  const starts = Array.from({ length: width }, () => f.local('i32'));
  const blocks = buildTransposed(f, t, starts, { to, row, left });
  const eachRow = (body: () => void): void => {
    whileAtLeast(f, left, 1, () => {
      f.get(row).memory('i32.load').set(at);
      body();
      bump(f, to, width * size);
      bump(f, row, 4);
      bump(f, left, -1);
    });
  };
  f.get(columnOffsets).set(column);
  whileAtLeast(f, n, 1, () => {
    // The last column stands for those that are missing.
    starts.forEach((s, j) => {
      f.get(column)
        .memory('i32.load', 4 * j)
        .get(from)
        .op('i32.add');
      if (j > 0)
        f.get(starts[j - 1])
          .get(n)
          .i32(j)
          .op('i32.gt_s')
          .op('select');
      f.set(s);
    });
    f.get(kOffsets).set(row).get(k).set(left);
    // Do the columns of this panel follow each other in memory? Then those that are missing may be whatever follows.
    f.i32(1);
    for (let j = 1; j < width; j++) {
      f.get(starts[j])
        .get(starts[0])
        .op('i32.sub')
        .i32(j * size)
        .op('i32.eq');
      f.get(n).i32(j).op('i32.le_s').op('i32.or').op('i32.and');
    }
    f.if(
      () =>
        eachRow(() => {
          f.get(starts[0]).get(at).op('i32.add').set(at);
          copyRow(f, t, width, to, at);
        }),
      () => {
        blocks();
        eachRow(() => {
          starts.forEach((s, j) => {
            f.get(to).get(s).get(at).op('i32.add');
            f.memory(size === 4 ? 'i32.load' : 'i64.load');
            f.memory(size === 4 ? 'i32.store' : 'i64.store', j * size);
          });
        });
      },
    );
    bump(f, column, 4 * width);
    bump(f, n, -width);
  });
  return f;
}

/** Copies the elements of a row of a panel. */
function copyRow(f: FunctionBuilder, { size }: Template, width: number, to: Local, from: Local): void {
  const bytes = width * size;
  let done = 0;
  for (; done + 16 <= bytes; done += 16)
    f.get(to).get(from).memory('v128.load', done).memory('v128.store', done);
  if (done < bytes) f.get(to).get(from).memory('i64.load', done).memory('i64.store', done);
}

/** Returns what emits this: while as many rows as a vector has lanes follow each other, columns are read as vectors and blocks transposed. */
function buildTransposed(
  f: FunctionBuilder,
  t: Template,
  starts: readonly Local[],
  at: { readonly to: Local; readonly row: Local; readonly left: Local },
): () => void {
  const { lanes, size } = t;
  const width = starts.length;
  const offset = f.local('i32');
  const v = Array.from({ length: lanes }, () => f.local('v128'));
  const temporaries = transposeLocals(f, t);
  const block = (): void => {
    for (let first = 0; first < width; first += lanes) {
      const count = Math.min(lanes, width - first);
      const c = v.slice(0, count);
      c.forEach((x, j) => {
        f.get(starts[first + j])
          .get(offset)
          .op('i32.add')
          .memory('v128.load')
          .set(x);
      });
      const place = (p: number): number => (p * width + first) * size;
      if (count === lanes) {
        transpose(f, c, temporaries).forEach((emit, p) => {
          f.get(at.to);
          emit();
          f.memory('v128.store', place(p));
        });
        continue;
      }
      // Two columns of four-lane vectors.
      [LOW, HIGH].forEach((half, i) => {
        f.get(c[0]).get(c[1]).shuffle(half).set(temporaries[i]);
        for (const lane of [0, 1])
          f.get(at.to)
            .get(temporaries[i])
            .laneMemory('v128.store64_lane', lane, place(2 * i + lane));
      });
    }
  };
  return () => {
    f.block(() => {
      f.loop(() => {
        f.get(at.left).i32(lanes).op('i32.lt_s').brIf(1);
        f.get(at.row).memory('i32.load').set(offset);
        f.i32(0);
        for (let p = 1; p < lanes; p++) {
          f.get(at.row)
            .memory('i32.load', 4 * p)
            .get(offset)
            .op('i32.sub')
            .i32(p * size)
            .op('i32.ne')
            .op('i32.or');
        }
        f.brIf(1);
        block();
        bump(f, at.to, lanes * width * size);
        bump(f, at.row, 4 * lanes);
        bump(f, at.left, -lanes);
        f.br(0);
      });
    });
  };
}

const LOW = [0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23];
const HIGH = [8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31];
const LOW_HALF = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];
const HIGH_HALF = [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31];

/** What `transpose` needs besides its operands. */
export function transposeLocals(f: FunctionBuilder, t: Template): Local[] {
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
