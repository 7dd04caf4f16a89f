/**
 * The transforms of Winograd's minimal filtering F(2×2, 3×3) (Lavin and Gray, arXiv:1509.09308): a convolution of 4×4 positions with 3×3 taps gives
 * 2×2 results by 16 products instead of 36. With d a tile of the image and g the kernel
 *   y = Aᵀ [ (G g Gᵀ) ⊙ (Bᵀ d B) ] A
 * and, for an incoming gradient dy of the tile's results, dg = Gᵀ [ (A dy Aᵀ) ⊙ (Bᵀ d B) ] G.
 *
 * A vector has four channels of one tile, so that the sum over channels is a product of matrices for each of the 16 places. Tiles overlap by
 * two positions: every four columns of the image end one and are another. The zeros around an image are masks and rows that are left out.
 */
import type { FunctionBuilder, Local, ModuleBuilder } from '../assembler.ts';
import { transpose } from '../panels.ts';

/** Bytes of an entry of the table of masks, one for every four columns: a vector, and whether it masks anything. */
export const MASK_BYTES = 32;
const MASKED = 16;

/** Runs `body` `counter` times; the counter must be positive. */
export function repeat(f: FunctionBuilder, counter: Local, body: () => void): void {
  f.loop(() => {
    body();
    f.get(counter).i32(-1).op('i32.add').tee(counter).brIf(0);
  });
}

/** local += what `by` is: a number, or another local. */
export function bump(f: FunctionBuilder, local: Local, by: number): void {
  f.get(local).i32(by).op('i32.add').set(local);
}

function advance(f: FunctionBuilder, local: Local, by: Local): void {
  f.get(local).get(by).op('i32.add').set(local);
}

function vectors(f: FunctionBuilder, count: number): Local[] {
  return Array.from({ length: count }, () => f.local('v128'));
}

function integers(f: FunctionBuilder, count: number): Local[] {
  return Array.from({ length: count }, () => f.local('i32'));
}

/** Calls `body` for every four channels, with where they are; those past the last are the last. `group` becomes the bytes before them. */
function eachFour(
  f: FunctionBuilder,
  at: { readonly from: Local; readonly stride: Local; readonly channels: Local; readonly group: Local },
  pointers: readonly Local[],
  body: () => void,
): void {
  const channel = f.local('i32');
  const last = f.local('i32');
  f.get(at.channels).i32(1).op('i32.sub').set(last).i32(0).set(channel);
  f.loop(() => {
    pointers.forEach((pointer, r) => {
      f.get(channel).i32(r).op('i32.add').get(last);
      f.get(channel).i32(r).op('i32.add').get(last).op('i32.lt_s').op('select');
      f.get(at.stride).op('i32.mul').get(at.from).op('i32.add').set(pointer);
    });
    f.get(channel).i32(2).op('i32.shl').set(at.group);
    body();
    f.get(channel).i32(4).op('i32.add').tee(channel).get(at.channels).op('i32.lt_s').brIf(0);
  });
}

/** `x[r] = x[r] (op) the vector at pointers[r] + offset`, if row `row` lies in the image; without `op` zeros if it does not. */
function rows(
  f: FunctionBuilder,
  x: readonly Local[],
  pointers: readonly Local[],
  valid: Local,
  row: number,
  offset: Local | null,
  op: 'f32x4.add' | 'f32x4.sub' | null,
): void {
  f.get(valid)
    .i32(1 << row)
    .op('i32.and');
  f.if(
    () => {
      pointers.forEach((pointer, r) => {
        if (op !== null) f.get(x[r]);
        f.get(pointer);
        if (offset !== null) f.get(offset).op('i32.add');
        f.memory('v128.load');
        if (op !== null) f.op(op);
        f.set(x[r]);
      });
    },
    op !== null
      ? null
      : () => {
          for (const v of x) f.v128(new Uint8Array(16)).set(v);
        },
  );
}

/** Clears the lanes of columns outside the image. */
function masked(f: FunctionBuilder, x: readonly Local[], masks: Local, mask: Local): void {
  f.get(masks).memory('i32.load', MASKED);
  f.if(() => {
    f.get(masks).memory('v128.load').set(mask);
    for (const v of x) f.get(v).get(mask).op('v128.and').set(v);
  });
}

/** Bᵀ: which two rows (columns) of a tile make each row (column) of the transformed one, and how. */
const differences: readonly (readonly [first: number, op: 'f32x4.add' | 'f32x4.sub', second: number])[] = [
  [0, 'f32x4.sub', 2],
  [1, 'f32x4.add', 2],
  [2, 'f32x4.sub', 1],
  [1, 'f32x4.sub', 3],
];

/** A function that transforms tiles, with its arguments: see `buildImageTransform`. */
function tileTransform(module: ModuleBuilder) {
  const f = module.function(null, new Array<'i32'>(10).fill('i32'));
  const [from, rowStride, stride, channels, valid, masks, tiles, to, pitch, plane] = f.params.keys();
  return { f, from, rowStride, stride, channels, valid, masks, tiles, to, pitch, plane };
}

/**
 * `(from, rowStride, channelStride, channels, valid, masks, tiles, to, pitch, plane)`: Bᵀ d B of `tiles` tiles that lie side by side, of all
 * channels: place (i, j) of tile t and channel c goes to `to + (4i + j)·plane + t·pitch + 4c`. `from` is the first tile's first position in the
 * first channel; bit r of `valid` says that row r lies in the image.
 */
export function buildImageTransform(module: ModuleBuilder): FunctionBuilder {
  const { f, from, rowStride, stride, channels, valid, masks, tiles, to, pitch, plane } =
    tileTransform(module);
  const starts = integers(f, 4);
  const pointers = integers(f, 4);
  const [group, plane4, place, left, at, mask, inner, apart, even] = integers(f, 9);
  const x = vectors(f, 4);
  const n = vectors(f, 4);
  const before = vectors(f, 2);
  const temporaries = vectors(f, 4);
  const keep = f.local('v128');
  /** Stores a row of the transformed tile of these four columns. */
  const store = (columns: readonly Local[]): void => {
    f.get(at).set(place);
    differences.forEach(([first, op, second], j) => {
      f.get(place).get(columns[first]).get(columns[second]).op(op).memory('v128.store');
      if (j < 3) advance(f, place, plane);
    });
    advance(f, at, pitch);
  };
  f.get(plane).i32(2).op('i32.shl').set(plane4);
  // Of an even number of tiles the last ends with the last columns, and none begins there: at the count of 1.
  f.i32(1).get(tiles).i32(1).op('i32.and').op('i32.sub').set(even);
  eachFour(f, { from, stride, channels, group }, starts, () => {
    f.get(to).get(group).op('i32.add').set(group);
    for (const [first, op, second] of differences) {
      pointers.forEach((pointer, r) => {
        f.get(starts[r]);
        if (first > 0) f.get(rowStride).i32(first).op('i32.mul').op('i32.add');
        f.set(pointer);
      });
      f.get(rowStride)
        .i32(second - first)
        .op('i32.mul')
        .set(apart);
      f.get(group).set(at).get(masks).set(mask).i32(0).set(inner);
      f.get(tiles).i32(1).op('i32.shr_u').i32(1).op('i32.add').set(left);
      repeat(f, left, () => {
        rows(f, x, pointers, valid, first, null, null);
        rows(f, x, pointers, valid, second, apart, op);
        masked(f, x, mask, keep);
        transpose(f, x, temporaries).forEach((emit, j) => {
          emit();
          f.set(n[j]);
        });
        // The tile that began two columns before these four, but for the first four.
        f.get(inner);
        f.if(() => store([before[0], before[1], n[0], n[1]]));
        f.get(left).get(even).op('i32.ne');
        f.if(() => store(n));
        f.get(n[2]).set(before[0]).get(n[3]).set(before[1]).i32(1).set(inner);
        for (const pointer of pointers) bump(f, pointer, 16);
        bump(f, mask, MASK_BYTES);
      });
      advance(f, group, plane4);
    }
  });
  return f;
}

/**
 * The same arguments: A dy Aᵀ of `tiles` tiles of 2×2 gradients, but for the signs of the last row and the last column, which the kernel's gradient
 * makes good. The first row lies in the image always.
 */
export function buildGradientTransform(module: ModuleBuilder): FunctionBuilder {
  const { f, from, rowStride, stride, channels, valid, masks, tiles, to, pitch, plane } =
    tileTransform(module);
  const pointers = integers(f, 4);
  const [group, plane4, place, row, pairs, rest, at, mask] = integers(f, 8);
  const x = vectors(f, 4);
  const n = vectors(f, 4);
  const temporaries = vectors(f, 4);
  const keep = f.local('v128');
  /** Stores row i of the transformed tile of which a and b are row i, transformed by columns. */
  const store = (a: Local, b: Local): void => {
    const values = [
      () => f.get(a),
      () => f.get(a).get(b).op('f32x4.add'),
      () => f.get(a).get(b).op('f32x4.sub'),
      () => f.get(b),
    ];
    values.forEach((emit, j) => {
      f.get(place);
      emit();
      f.memory('v128.store');
      if (j < 3) advance(f, place, plane);
    });
  };
  f.get(plane).i32(2).op('i32.shl').set(plane4);
  eachFour(f, { from, stride, channels, group }, pointers, () => {
    f.get(to).get(group).op('i32.add').set(at);
    f.get(masks).set(mask).get(tiles).set(rest);
    f.get(tiles).i32(1).op('i32.add').i32(1).op('i32.shr_u').set(pairs);
    repeat(f, pairs, () => {
      f.get(at).set(row);
      for (let i = 0; i < 4; i++) {
        const first = i === 3 ? 1 : 0;
        rows(f, x, pointers, valid, first, first === 0 ? null : rowStride, null);
        if (i === 1 || i === 2) {
          rows(f, x, pointers, valid, 1, rowStride, i === 1 ? 'f32x4.add' : 'f32x4.sub');
        }
        masked(f, x, mask, keep);
        transpose(f, x, temporaries).forEach((emit, j) => {
          emit();
          f.set(n[j]);
        });
        f.get(row).set(place);
        store(n[0], n[1]);
        f.get(rest).i32(1).op('i32.gt_s');
        f.if(() => {
          f.get(row).get(pitch).op('i32.add').set(place);
          store(n[2], n[3]);
        });
        if (i < 3) advance(f, row, plane4);
      }
      for (const pointer of pointers) bump(f, pointer, 16);
      bump(f, mask, MASK_BYTES);
      bump(f, rest, -2);
      advance(f, at, pitch);
      advance(f, at, pitch);
    });
  });
  return f;
}

/** `(value, address, count)`: stores the first `count` lanes. */
function buildStorePart(module: ModuleBuilder): FunctionBuilder {
  const f = module.function(null, ['v128', 'i32', 'i32']);
  const [value, address, count] = [0, 1, 2];
  for (let lane = 0; lane < 4; lane++) {
    f.get(count).i32(lane).op('i32.gt_s');
    f.if(() =>
      f
        .get(address)
        .get(value)
        .laneMemory('v128.store32_lane', lane, 4 * lane),
    );
  }
  return f;
}

/**
 * `(from, pitch, plane, columns, to, rowStride, channelStride, channels, both)`: Aᵀ m A of tiles that lie side by side: their first `columns`
 * columns of results go to `to`; the second row only where `both` is 1.
 */
export function buildOutputTransform(module: ModuleBuilder): FunctionBuilder {
  const storePart = buildStorePart(module);
  const f = module.function(
    null,
    Array.from({ length: 9 }, () => 'i32'),
  );
  const [from, pitch, plane, columns, to, rowStride, stride, channels, both] = Array.from(
    { length: 9 },
    (_, i) => i,
  );
  const [channel, at, place, left, out, target] = integers(f, 6);
  const m = vectors(f, 4);
  const h = vectors(f, 2);
  const top = vectors(f, 4);
  const bottom = vectors(f, 4);
  const temporaries = vectors(f, 4);
  /** Adds row i of a tile, halved by Aᵀ, to the two rows of its results, by Aᵀ again. */
  const addRow = (i: number, tile: number): void => {
    f.get(m[0]).get(m[1]).get(m[2]).op('f32x4.add').op('f32x4.add').set(h[0]);
    f.get(m[1]).get(m[2]).op('f32x4.sub').get(m[3]).op('f32x4.sub').set(h[1]);
    for (let c = 0; c < 2; c++) {
      const [first, second] = [top[2 * tile + c], bottom[2 * tile + c]];
      if (i === 0) f.get(h[c]).set(first);
      else if (i < 3) f.get(first).get(h[c]).op('f32x4.add').set(first);
      if (i === 1) f.get(h[c]).set(second);
      else if (i > 1) f.get(second).get(h[c]).op('f32x4.sub').set(second);
    }
  };
  /** Stores the row of results in `row` for four channels, from local `target` on. */
  const store = (row: readonly Local[]): void => {
    f.get(left)
      .i32(4)
      .op('i32.ge_s')
      .get(channel)
      .i32(4)
      .op('i32.add')
      .get(channels)
      .op('i32.le_s')
      .op('i32.and');
    const emits = transpose(f, row, temporaries);
    f.if(
      () => {
        emits.forEach((emit, r) => {
          f.get(target);
          emit();
          f.memory('v128.store');
          if (r < 3) advance(f, target, stride);
        });
      },
      () => {
        emits.forEach((emit, r) => {
          f.get(channel).i32(r).op('i32.add').get(channels).op('i32.lt_s');
          f.if(() => {
            emit();
            f.get(target).get(left).call(module.indexOf(storePart));
            advance(f, target, stride);
          });
        });
      },
    );
  };
  f.i32(0).set(channel);
  f.loop(() => {
    f.get(channel).i32(2).op('i32.shl').get(from).op('i32.add').set(at);
    f.get(channel).get(stride).op('i32.mul').get(to).op('i32.add').set(out);
    f.get(columns).set(left);
    f.loop(() => {
      for (let tile = 0; tile < 2; tile++) {
        f.get(at).set(place);
        for (let i = 0; i < 4; i++) {
          for (let j = 0; j < 4; j++) {
            f.get(place).memory('v128.load').set(m[j]);
            if (i + j < 6) advance(f, place, plane);
          }
          addRow(i, tile);
        }
        advance(f, at, pitch);
      }
      f.get(out).set(target);
      store(top);
      f.get(both);
      f.if(() => {
        f.get(out).get(rowStride).op('i32.add').set(target);
        store(bottom);
      });
      bump(f, out, 16);
      f.get(left).i32(-4).op('i32.add').tee(left).i32(0).op('i32.gt_s').brIf(0);
    });
    f.get(channel).i32(4).op('i32.add').tee(channel).get(channels).op('i32.lt_s').brIf(0);
  });
  return f;
}
