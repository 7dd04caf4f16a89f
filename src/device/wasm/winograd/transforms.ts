/**
 * The transforms of Winograd's minimal filtering F(2×2, 3×3) (Lavin and Gray, arXiv:1509.09308): a convolution of 4×4 positions with 3×3 taps gives
 * 2×2 results by 16 products instead of 36. With d a tile of the image and g the kernel
 *   y = Aᵀ [ (G g Gᵀ) ⊙ (Bᵀ d B) ] A
 * and, for an incoming gradient dy of the tile's results, dg = Gᵀ [ (A dy Aᵀ) ⊙ (Bᵀ d B) ] G.
 *
 * A vector has four channels of one tile, so that the sum over channels is a product of matrices for each of the 16 places. Tiles overlap by
 * two positions and come in pairs: six columns of the image. The zeros around an image are masks and rows that are left out.
 */
import type { FunctionBuilder, Local, ModuleBuilder } from '../assembler.ts';
import { HIGH_HALF, LOW, LOW_HALF, transpose } from '../matmul.ts';

/** Bytes of an entry of the table of masks, one for each pair of tiles. */
export const MASK_BYTES = 32;
/** Where an entry says that something in it is masked. */
const MASKED = 28;

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
  load: 'v128.load' | 'v128.load64_zero',
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
        f.memory(load, load === 'v128.load' ? 0 : 16);
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
function masked(f: FunctionBuilder, x: readonly Local[], masks: Local, mask: Local, offset: 0 | 16): void {
  f.get(masks).memory('i32.load', MASKED);
  f.if(() => {
    f.get(masks)
      .memory(offset === 0 ? 'v128.load' : 'v128.load64_zero', offset)
      .set(mask);
    for (const v of x) f.get(v).get(mask).op('v128.and').set(v);
  });
}

/**
 * `(from, rowStride, channelStride, channels, valid, masks, tiles, to, pitch, plane)`: Bᵀ d B of `tiles` tiles that lie side by side, of all
 * channels: place (i, j) of tile t and channel c goes to `to + (4i + j)·plane + t·pitch + 4c`. `from` is the first tile's first position in the
 * first channel; bit r of `valid` says that row r lies in the image. One tile more than `tiles` may be written.
 */
export function buildImageTransform(module: ModuleBuilder): FunctionBuilder {
  const f = module.function(null, Array.from({ length: 10 }, () => 'i32'));
  const [from, rowStride, stride, channels, valid, masks, tiles, to, pitch, plane] = Array.from(
    { length: 10 },
    (_, i) => i,
  );
  const pointers = integers(f, 4);
  const [group, second, third, place, pairs, at, mask] = integers(f, 7);
  const x = vectors(f, 4);
  const n = vectors(f, 6);
  const temporaries = vectors(f, 4);
  const keep = f.local('v128');
  const offsets = [null, rowStride, second, third];
  f.get(rowStride).i32(1).op('i32.shl').tee(second).get(rowStride).op('i32.add').set(third);

  /** Bᵀ: which rows make each row of the transformed tile. */
  const vertical: readonly (readonly [row: number, op: 'f32x4.add' | 'f32x4.sub', row: number])[] = [
    [0, 'f32x4.sub', 2],
    [1, 'f32x4.add', 2],
    [2, 'f32x4.sub', 1],
    [1, 'f32x4.sub', 3],
  ];
  eachFour(f, { from, stride, channels, group }, pointers, () => {
    f.get(to).get(group).op('i32.add').set(at);
    f.get(masks).set(mask);
    f.get(tiles).i32(1).op('i32.add').i32(1).op('i32.shr_u').set(pairs);
    repeat(f, pairs, () => {
      f.get(at).set(place);
      for (const [first, op, other] of vertical) {
        rows(f, x, pointers, valid, first, offsets[first], null, 'v128.load');
        rows(f, x, pointers, valid, other, offsets[other], op, 'v128.load');
        masked(f, x, mask, keep, 0);
        transpose(f, x, temporaries).forEach((emit, j) => {
          emit();
          f.set(n[j]);
        });
        rows(f, x, pointers, valid, first, offsets[first], null, 'v128.load64_zero');
        rows(f, x, pointers, valid, other, offsets[other], op, 'v128.load64_zero');
        masked(f, x, mask, keep, 16);
        f.get(x[0]).get(x[1]).shuffle(LOW).set(temporaries[0]);
        f.get(x[2]).get(x[3]).shuffle(LOW).set(temporaries[1]);
        f.get(temporaries[0]).get(temporaries[1]).shuffle(LOW_HALF).set(n[4]);
        f.get(temporaries[0]).get(temporaries[1]).shuffle(HIGH_HALF).set(n[5]);
        vertical.forEach(([a, sign, b]) => {
          f.get(place).get(n[a]).get(n[b]).op(sign).memory('v128.store');
          f.get(place).get(pitch).op('i32.add');
          f.get(n[a + 2])
            .get(n[b + 2])
            .op(sign)
            .memory('v128.store');
          advance(f, place, plane);
        });
      }
      for (const pointer of pointers) bump(f, pointer, 16);
      bump(f, mask, MASK_BYTES);
      advance(f, at, pitch);
      advance(f, at, pitch);
    });
  });
  return f;
}

/**
 * The same arguments: A dy Aᵀ of `tiles` tiles of 2×2 gradients, but for the signs of the last row and the last column, which the kernel's gradient
 * makes good. The first row lies in the image always.
 */
export function buildGradientTransform(module: ModuleBuilder): FunctionBuilder {
  const f = module.function(null, Array.from({ length: 10 }, () => 'i32'));
  const [from, rowStride, stride, channels, valid, masks, tiles, to, pitch, plane] = Array.from(
    { length: 10 },
    (_, i) => i,
  );
  const pointers = integers(f, 4);
  const [group, place, pairs, at, mask] = integers(f, 5);
  const x = vectors(f, 4);
  const n = vectors(f, 4);
  const temporaries = vectors(f, 4);
  const keep = f.local('v128');
  const store = (target: () => void, emit: () => void): void => {
    target();
    emit();
    f.memory('v128.store');
  };
  eachFour(f, { from, stride, channels, group }, pointers, () => {
    f.get(to).get(group).op('i32.add').set(at);
    f.get(masks).set(mask);
    f.get(tiles).i32(1).op('i32.add').i32(1).op('i32.shr_u').set(pairs);
    repeat(f, pairs, () => {
      f.get(at).set(place);
      for (let i = 0; i < 4; i++) {
        const first = i === 3 ? 1 : 0;
        rows(f, x, pointers, valid, first, first === 0 ? null : rowStride, null, 'v128.load');
        if (i === 1 || i === 2) {
          rows(f, x, pointers, valid, 1, rowStride, i === 1 ? 'f32x4.add' : 'f32x4.sub', 'v128.load');
        }
        masked(f, x, mask, keep, 0);
        transpose(f, x, temporaries).forEach((emit, j) => {
          emit();
          f.set(n[j]);
        });
        for (let j = 0; j < 4; j++) {
          for (let tile = 0; tile < 2; tile++) {
            const [a, b] = [n[2 * tile], n[2 * tile + 1]];
            store(
              () => {
                f.get(place);
                if (tile === 1) f.get(pitch).op('i32.add');
              },
              () => {
                if (j === 0) f.get(a);
                else if (j === 3) f.get(b);
                else f.get(a).get(b).op(j === 1 ? 'f32x4.add' : 'f32x4.sub');
              },
            );
          }
          advance(f, place, plane);
        }
      }
      for (const pointer of pointers) bump(f, pointer, 16);
      bump(f, mask, MASK_BYTES);
      advance(f, at, pitch);
      advance(f, at, pitch);
    });
  });
  return f;
}

/** `(value, address, count)`: stores the first `count` lanes, at most three. */
function buildStorePart(module: ModuleBuilder): FunctionBuilder {
  const f = module.function(null, ['v128', 'i32', 'i32']);
  const [value, address, count] = [0, 1, 2];
  for (let lane = 0; lane < 3; lane++) {
    f.get(count).i32(lane).op('i32.gt_s');
    f.if(() => f.get(address).get(value).laneMemory('v128.store32_lane', lane, 4 * lane));
  }
  return f;
}

/**
 * `(from, pitch, plane, columns, to, rowStride, channelStride, channels, both)`: Aᵀ m A of tiles that lie side by side: their first `columns`
 * columns of results go to `to`; the second row only where `both` is 1.
 */
export function buildOutputTransform(module: ModuleBuilder): FunctionBuilder {
  const storePart = buildStorePart(module);
  const f = module.function(null, Array.from({ length: 9 }, () => 'i32'));
  const [from, pitch, plane, columns, to, rowStride, stride, channels, both] = Array.from(
    { length: 9 },
    (_, i) => i,
  );
  const [channel, at, place, left, out, target] = integers(f, 6);
  const top = vectors(f, 4);
  const bottom = vectors(f, 4);
  const m = vectors(f, 4);
  const y = vectors(f, 8);
  const temporaries = vectors(f, 4);
  /** Aᵀ on one row or column: of four, two. */
  const halve = (v: readonly Local[], first: Local, second: Local): void => {
    f.get(v[0]).get(v[1]).get(v[2]).op('f32x4.add').op('f32x4.add').set(first);
    f.get(v[1]).get(v[2]).op('f32x4.sub').get(v[3]).op('f32x4.sub').set(second);
  };
  /** Stores the row of results in `row` for four channels. */
  const store = (row: readonly Local[], address: Local): void => {
    f.get(address).set(target);
    transpose(f, row, temporaries).forEach((emit, r) => {
      f.get(channel).i32(r).op('i32.add').get(channels).op('i32.lt_s');
      f.if(() => {
        f.get(left).i32(4).op('i32.ge_s');
        f.if(
          () => {
            f.get(target);
            emit();
            f.memory('v128.store');
          },
          () => {
            emit();
            f.get(target).get(left).call(module.indexOf(storePart));
          },
        );
        advance(f, target, stride);
      });
    });
  };
  f.i32(0).set(channel);
  f.loop(() => {
    f.get(channel).i32(2).op('i32.shl').get(from).op('i32.add').set(at);
    f.get(channel).get(stride).op('i32.mul').get(to).op('i32.add').set(out);
    f.get(columns).set(left);
    f.loop(() => {
      for (let tile = 0; tile < 2; tile++) {
        for (let j = 0; j < 4; j++) {
          f.get(at).set(place);
          if (j > 0) f.get(plane).i32(j).op('i32.mul').get(at).op('i32.add').set(place);
          for (let i = 0; i < 4; i++) {
            f.get(place).memory('v128.load').set(m[i]);
            if (i < 3) f.get(plane).i32(2).op('i32.shl').get(place).op('i32.add').set(place);
          }
          halve(m, top[j], bottom[j]);
        }
        halve(top, y[2 * tile], y[2 * tile + 1]);
        halve(bottom, y[4 + 2 * tile], y[5 + 2 * tile]);
        advance(f, at, pitch);
      }
      store(y.slice(0, 4), out);
      f.get(both);
      f.if(() => {
        f.get(out).get(rowStride).op('i32.add').set(place);
        store(y.slice(4), place);
      });
      bump(f, out, 16);
      f.get(left).i32(-4).op('i32.add').tee(left).i32(0).op('i32.gt_s').brIf(0);
    });
    f.get(channel).i32(4).op('i32.add').tee(channel).get(channels).op('i32.lt_s').brIf(0);
  });
  return f;
}
