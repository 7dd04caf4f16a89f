/**
 * The kernels of Winograd's filtering, whose work a descriptor describes. All walk **strips**: tiles that lie side by side in one row of tiles of
 * one image, and take so many strips at a time that what is transformed stays in the cache.
 */
import { type FunctionBuilder, type Local, ModuleBuilder } from '../assembler.ts';
import { loadFields } from '../blueprint.ts';
import type { MemoryShape } from '../loop.ts';
import { Template } from '../matmul.ts';
import { buildForwardProduct, buildTapsProduct, PANEL } from './products.ts';
import {
  buildGradientTransform,
  buildImageTransform,
  buildOutputTransform,
  bump,
  MASK_BYTES,
  repeat,
} from './transforms.ts';

/** The steps of a kernel. */
export const TRANSFORM = 1;
const MULTIPLY = 2;
export const FINISH = 4;
export const ALL: number = TRANSFORM | MULTIPLY | FINISH;

/** Which strips there are, and the image that they are read from. */
export const gridFields = [
  /** The first position of the first image, that of the first tile of all, and the table of masks for the pairs of a row of tiles. */
  'image',
  'imageBatch',
  'imageChannel',
  'imageRow',
  'channels',
  'height',
  'padTop',
  'padLeft',
  'masks',
  /** Rows of tiles of an image, strips of a row, tiles of a strip (even) and of a row. */
  'tileRows',
  'strips',
  'stripTiles',
  'tileColumns',
  /** The strips to be worked on: the first, how many, and how many at a time. */
  'strip',
  'count',
  'stripsAtOnce',
  /** Which of the steps to take: the sum of TRANSFORM, MULTIPLY and FINISH. */
  'stages',
  /** Transformed tiles: where, and the bytes between tiles and between places. */
  'v',
  'vPitch',
  'vPlane',
] as const;

export type GridField = (typeof gridFields)[number];

/** The results, and the 16 products; after the grid. */
export const resultFields = [
  'out',
  'outBatch',
  'outChannel',
  'outRow',
  'outputs',
  'outHeight',
  'outWidth',
  /** The transformed kernel: the bytes between channels, between panels and between places. */
  'u',
  'uPitch',
  'uPanel',
  'uPlane',
  'panels',
  'm',
  'mPitch',
  'mPlane',
] as const;

export type ResultField = (typeof resultFields)[number];

const forwardFields: readonly (GridField | ResultField)[] = [...gridFields, ...resultFields];

/** The gradients of results, and the 16 products with them; after the grid. */
export const gradientFields = [
  'gradient',
  'gradientBatch',
  'gradientChannel',
  'gradientRow',
  'outputs',
  'outHeight',
  'gradientMasks',
  'z',
  'zPitch',
  'zPlane',
  'd',
  'dPitch',
  'dPlane',
  /** Rows and panels of the products. */
  'rows',
  'panels',
] as const;

export type GradientField = (typeof gradientFields)[number];

const tapsFields: readonly (GridField | GradientField)[] = [...gridFields, ...gradientFields];

interface Strip {
  readonly batch: Local;
  readonly row: Local;
  /** The first tile, and how many. */
  readonly start: Local;
  readonly tiles: Local;
}

/** Calls `body` for each of the next strips; leaves the number of their tiles in `total`, which goes up on the way. */
function eachStrip(
  f: FunctionBuilder,
  field: Readonly<Record<GridField, Local>>,
  strip: Strip,
  total: Local,
  strips: Local,
  body: () => void,
): void {
  const at = f.local('i32');
  const left = f.local('i32');
  f.get(field.strip).set(at).get(strips).set(left).i32(0).set(total);
  repeat(f, left, () => {
    f.get(at).get(field.strips).op('i32.rem_u').get(field.stripTiles).op('i32.mul').set(strip.start);
    f.get(at).get(field.strips).op('i32.div_u').tee(strip.row);
    f.get(field.tileRows).op('i32.div_u').set(strip.batch);
    f.get(strip.row).get(field.tileRows).op('i32.rem_u').set(strip.row);
    const rest = (): void =>
      void f.get(field.tileColumns).get(strip.start).op('i32.sub').get(field.stripTiles);
    rest();
    rest();
    f.op('i32.lt_s').op('select').set(strip.tiles);
    body();
    f.get(total).get(strip.tiles).op('i32.add').set(total);
    bump(f, at, 1);
  });
}

/** Emits the calls that transform the next strips of the image. */
function transformStrips(
  f: FunctionBuilder,
  module: ModuleBuilder,
  transform: FunctionBuilder,
  field: Readonly<Record<GridField, Local>>,
  strip: Strip,
  total: Local,
  strips: Local,
): void {
  const top = f.local('i32');
  eachStrip(f, field, strip, total, strips, () => {
    f.get(strip.row).i32(1).op('i32.shl').get(field.padTop).op('i32.sub').set(top);
    // from
    f.get(strip.batch).get(field.imageBatch).op('i32.mul').get(field.image).op('i32.add');
    f.get(top).get(field.imageRow).op('i32.mul').op('i32.add');
    f.get(strip.start).i32(3).op('i32.shl').op('i32.add');
    f.get(field.padLeft).i32(2).op('i32.shl').op('i32.sub');
    f.get(field.imageRow).get(field.imageChannel).get(field.channels);
    // valid
    for (let r = 0; r < 4; r++) {
      f.get(top).i32(r).op('i32.add').get(field.height).op('i32.lt_u').i32(r).op('i32.shl');
      if (r > 0) f.op('i32.or');
    }
    maskOf(f, field.masks, strip);
    f.get(strip.tiles);
    f.get(total).get(field.vPitch).op('i32.mul').get(field.v).op('i32.add');
    f.get(field.vPitch).get(field.vPlane).call(module.indexOf(transform));
  });
}

/** Emits the place of the first mask of a strip: there is one for two tiles. */
function maskOf(f: FunctionBuilder, masks: Local, strip: Strip): void {
  f.get(strip.start)
    .i32(Math.log2(MASK_BYTES / 2))
    .op('i32.shl')
    .get(masks)
    .op('i32.add');
}

function stripLocals(f: FunctionBuilder): Strip {
  const [batch, row, start, tiles] = Array.from({ length: 4 }, () => f.local('i32'));
  return { batch, row, start, tiles };
}

/** Runs `body` for all strips of the descriptor, `strips` at a time. */
function eachBlock(
  f: FunctionBuilder,
  field: Readonly<Record<GridField, Local>>,
  strips: Local,
  body: () => void,
): void {
  f.loop(() => {
    f.get(field.count).get(field.stripsAtOnce).get(field.count).get(field.stripsAtOnce).op('i32.lt_s');
    f.op('select').set(strips);
    body();
    f.get(field.strip).get(strips).op('i32.add').set(field.strip);
    f.get(field.count).get(strips).op('i32.sub').tee(field.count).i32(0).op('i32.gt_s').brIf(0);
  });
}

/** Runs `body` where it is among the stages asked for. */
function stage(f: FunctionBuilder, stages: Local, which: number, body: () => void): void {
  f.get(stages).i32(which).op('i32.and');
  f.if(body);
}

/** The convolution of images with a transformed kernel. `fused`: multiply-adds may round once. */
export function buildForward(fused: boolean, memory: MemoryShape): ModuleBuilder {
  const module = new ModuleBuilder(memory);
  const transform = buildImageTransform(module);
  const product = buildForwardProduct(module, new Template('f32', fused));
  const output = buildOutputTransform(module);
  const f = module.function('run', ['i32']);
  const field = loadFields(f, forwardFields);
  const strip = stripLocals(f);
  const total = f.local('i32');
  const strips = f.local('i32');
  const columns = f.local('i32');
  eachBlock(f, field, strips, () => {
    stage(f, field.stages, TRANSFORM, () => {
      transformStrips(f, module, transform, field, strip, total, strips);
    });
    stage(f, field.stages, MULTIPLY, () => {
      f.get(field.v).get(field.vPitch).get(field.vPlane);
      f.get(field.u).get(field.uPitch).get(field.uPanel).get(field.uPlane);
      f.get(field.m).get(field.mPitch).get(field.mPlane);
      f.get(total).get(field.channels).get(field.panels).call(module.indexOf(product));
    });
    stage(f, field.stages, FINISH, () =>
      eachStrip(f, field, strip, total, strips, () => {
        f.get(total).get(field.mPitch).op('i32.mul').get(field.m).op('i32.add');
        f.get(field.mPitch).get(field.mPlane);
        // columns
        f.get(strip.tiles).i32(1).op('i32.shl').tee(columns);
        f.get(field.outWidth).get(strip.start).i32(1).op('i32.shl').op('i32.sub');
        f.get(columns).get(field.outWidth).get(strip.start).i32(1).op('i32.shl').op('i32.sub').op('i32.lt_s');
        f.op('select');
        // to
        f.get(strip.batch).get(field.outBatch).op('i32.mul').get(field.out).op('i32.add');
        f.get(strip.row).i32(1).op('i32.shl').get(field.outRow).op('i32.mul').op('i32.add');
        f.get(strip.start).i32(3).op('i32.shl').op('i32.add');
        f.get(field.outRow).get(field.outChannel).get(field.outputs);
        // both
        f.get(strip.row).i32(1).op('i32.shl').i32(1).op('i32.add').get(field.outHeight).op('i32.lt_s');
        f.call(module.indexOf(output));
      }),
    );
  });
  return module;
}

/** The sums over tiles that the gradient of the kernel is made of. */
export function buildTaps(fused: boolean, memory: MemoryShape): ModuleBuilder {
  const module = new ModuleBuilder(memory);
  const transform = buildImageTransform(module);
  const gradientTransform = buildGradientTransform(module);
  const product = buildTapsProduct(module, new Template('f32', fused));
  const f = module.function('run', ['i32']);
  const field = loadFields(f, tapsFields);
  const strip = stripLocals(f);
  const total = f.local('i32');
  const strips = f.local('i32');
  const more = f.local('i32');
  eachBlock(f, field, strips, () => {
    stage(f, field.stages, TRANSFORM, () => {
      transformStrips(f, module, transform, field, strip, total, strips);
      eachStrip(f, field, strip, total, strips, () => {
        f.get(strip.batch).get(field.gradientBatch).op('i32.mul').get(field.gradient).op('i32.add');
        f.get(strip.row).i32(1).op('i32.shl').get(field.gradientRow).op('i32.mul').op('i32.add');
        f.get(strip.start).i32(3).op('i32.shl').op('i32.add');
        f.get(field.gradientRow).get(field.gradientChannel).get(field.outputs);
        // valid
        f.get(strip.row).i32(1).op('i32.shl').i32(1).op('i32.add').get(field.outHeight).op('i32.lt_s');
        f.i32(1).op('i32.shl').i32(1).op('i32.or');
        maskOf(f, field.gradientMasks, strip);
        f.get(strip.tiles);
        f.get(total).get(field.zPitch).op('i32.mul').get(field.z).op('i32.add');
        f.get(field.zPitch).get(field.zPlane).call(module.indexOf(gradientTransform));
      });
    });
    stage(f, field.stages, MULTIPLY, () => {
      f.get(field.z).get(field.zPitch).get(field.zPlane);
      f.get(field.v).get(field.vPitch).get(field.vPlane);
      f.get(field.d).get(field.dPitch).get(field.dPlane);
      f.get(total).get(field.rows).get(field.panels).get(more).call(module.indexOf(product));
    });
    f.i32(1).set(more);
  });
  return module;
}

/** How kernels are transformed, and their gradients back: `from` and `count` are the panels or rows to be worked on. */
export const kernelFields = [
  'kernel',
  'kernelOutput',
  'kernelChannel',
  'kernelRow',
  'kernelColumn',
  'outputs',
  'channels',
  'u',
  'uPitch',
  'uPanel',
  'uPlane',
  'from',
  'count',
] as const;

export type KernelField = (typeof kernelFields)[number];

/** G g Gᵀ of a kernel: place p, channel c and output k go to u + p·uPlane + (k / 8)·uPanel + c·uPitch + 4(k mod 8); panels are filled up with copies. */
export function buildKernelTransform(memory: MemoryShape): ModuleBuilder {
  const module = new ModuleBuilder(memory);
  const f = module.function('run', ['i32']);
  const field = loadFields(f, kernelFields);
  const int = (): Local => f.local('i32');
  const [output, panelsLeft, channelsLeft, last, place, panel, row, at] = Array.from({ length: 8 }, int);
  const pointers = Array.from({ length: 4 }, int);
  const g = Array.from({ length: 9 }, () => f.local('v128'));
  const column = Array.from({ length: 4 }, () => Array.from({ length: 3 }, () => f.local('v128')));
  const half = f.local('v128');
  const sum = f.local('v128');
  /** G on three: four. */
  const spread = (v: readonly Local[], use: (i: number, emit: () => void) => void): void => {
    use(0, () => f.get(v[0]));
    f.get(v[0]).get(v[2]).op('f32x4.add').set(sum);
    for (const [i, op] of [
      [1, 'f32x4.add'],
      [2, 'f32x4.sub'],
    ] as const) {
      use(i, () => f.get(sum).get(v[1]).op(op).get(half).op('f32x4.mul'));
    }
    use(3, () => f.get(v[2]));
  };
  f.f32(0.5).op('f32x4.splat').set(half);
  f.get(field.outputs).i32(1).op('i32.sub').set(last);
  f.get(field.from).i32(PANEL).op('i32.mul').set(output);
  f.get(field.from).get(field.uPanel).op('i32.mul').get(field.u).op('i32.add').set(panel);
  f.get(field.count).i32(1).op('i32.shl').set(panelsLeft);
  repeat(f, panelsLeft, () => {
    pointers.forEach((pointer, r) => {
      f.get(output).i32(r).op('i32.add').get(last);
      f.get(output).i32(r).op('i32.add').get(last).op('i32.lt_s').op('select');
      f.get(field.kernelOutput).op('i32.mul').get(field.kernel).op('i32.add').set(pointer);
    });
    f.get(output).i32(4).op('i32.and').i32(2).op('i32.shl').get(panel).op('i32.add').set(at);
    f.get(field.channels).set(channelsLeft);
    repeat(f, channelsLeft, () => {
      pointers.forEach((pointer, r) => {
        f.get(pointer).set(row);
        for (let i = 0; i < 3; i++) {
          f.get(row).set(place);
          for (let j = 0; j < 3; j++) {
            const tap = g[3 * i + j];
            if (r === 0) f.get(place).memory('v128.load32_zero').set(tap);
            else f.get(place).get(tap).laneMemory('v128.load32_lane', r).set(tap);
            if (j < 2) f.get(place).get(field.kernelColumn).op('i32.add').set(place);
          }
          if (i < 2) f.get(row).get(field.kernelRow).op('i32.add').set(row);
        }
        f.get(pointer).get(field.kernelChannel).op('i32.add').set(pointer);
      });
      for (let j = 0; j < 3; j++) {
        spread([g[j], g[3 + j], g[6 + j]], (i, emit) => {
          emit();
          f.set(column[i][j]);
        });
      }
      f.get(at).set(place);
      for (let i = 0; i < 4; i++) {
        spread(column[i], (_, emit) => {
          f.get(place);
          emit();
          f.memory('v128.store');
          f.get(place).get(field.uPlane).op('i32.add').set(place);
        });
      }
      f.get(at).get(field.uPitch).op('i32.add').set(at);
    });
    f.get(output).i32(4).op('i32.add').tee(output).i32(4).op('i32.and').op('i32.eqz');
    f.if(() => f.get(panel).get(field.uPanel).op('i32.add').set(panel));
  });
  return module;
}

/** How sums become the gradient of a kernel, whose taps and channels lie side by side in this order or as the strides say. */
export const combineFields = [
  'out',
  'outOutput',
  'outChannel',
  'outRow',
  'outColumn',
  'channels',
  /** The sums: of several parts of the work, which are added up in their order. */
  'd',
  'dPitch',
  'dPlane',
  'dPart',
  'parts',
  /** 1 where the gradient is added to what is there. */
  'add',
  'from',
  'count',
] as const;

export type CombineField = (typeof combineFields)[number];

/** Gᵀ s G of the sums s over all parts, with the signs that the transform of gradients leaves out. */
export function buildCombine(memory: MemoryShape): ModuleBuilder {
  const module = new ModuleBuilder(memory);
  const f = module.function('run', ['i32']);
  const field = loadFields(f, combineFields);
  const int = (): Local => f.local('i32');
  const [rowsLeft, channel, at, plane, place, partsLeft, out, target, row] = Array.from({ length: 9 }, int);
  const value = f.local('v128');
  const s = Array.from({ length: 4 }, () => f.local('v128'));
  const rows = Array.from({ length: 3 }, () => Array.from({ length: 4 }, () => f.local('v128')));
  const taps = Array.from({ length: 9 }, () => f.local('v128'));
  const half = f.local('v128');
  const [sum, difference] = [f.local('v128'), f.local('v128')];
  /** Gᵀ on four, of which the last has the other sign: three. */
  const gather = (v: readonly Local[], to: readonly Local[]): void => {
    f.get(v[1]).get(v[2]).op('f32x4.add').get(half).op('f32x4.mul').set(sum);
    f.get(v[1]).get(v[2]).op('f32x4.sub').get(half).op('f32x4.mul').set(difference);
    f.get(v[0]).get(sum).op('f32x4.add').set(to[0]);
    f.get(difference).set(to[1]);
    f.get(sum).get(v[3]).op('f32x4.sub').set(to[2]);
  };
  f.f32(0.5).op('f32x4.splat').set(half);
  f.get(field.count).set(rowsLeft);
  repeat(f, rowsLeft, () => {
    f.i32(0).set(channel);
    f.loop(() => {
      f.get(field.from).get(field.dPitch).op('i32.mul').get(field.d).op('i32.add');
      f.get(channel).i32(2).op('i32.shl').op('i32.add').set(at);
      for (let j = 0; j < 4; j++) {
        f.get(field.dPlane).i32(j).op('i32.mul').get(at).op('i32.add').set(plane);
        for (let i = 0; i < 4; i++) {
          f.get(plane).memory('v128.load').set(value);
          f.get(plane).set(place).get(field.parts).i32(1).op('i32.sub').tee(partsLeft);
          f.if(() =>
            repeat(f, partsLeft, () => {
              f.get(place).get(field.dPart).op('i32.add').set(place);
              f.get(value).get(place).memory('v128.load').op('f32x4.add').set(value);
            }),
          );
          f.get(value).set(s[i]);
          f.get(field.dPlane).i32(2).op('i32.shl').get(plane).op('i32.add').set(plane);
        }
        gather(
          s,
          rows.map((r) => r[j]),
        );
      }
      rows.forEach((r, i) => {
        gather(r, taps.slice(3 * i, 3 * i + 3));
      });
      f.get(field.from).get(field.outOutput).op('i32.mul').get(field.out).op('i32.add');
      f.get(channel).get(field.outChannel).op('i32.mul').op('i32.add').set(out);
      for (let lane = 0; lane < 4; lane++) {
        f.get(channel).i32(lane).op('i32.add').get(field.channels).op('i32.lt_s');
        f.if(() => {
          f.get(out).set(row);
          for (let i = 0; i < 3; i++) {
            f.get(row).set(target);
            for (let j = 0; j < 3; j++) {
              const tap = taps[3 * i + j];
              f.get(field.add);
              f.if(
                () => {
                  f.get(target).get(target).memory('f32.load').get(tap).lane('f32x4.extract_lane', lane);
                  f.op('f32.add').memory('f32.store');
                },
                () => f.get(target).get(tap).laneMemory('v128.store32_lane', lane),
              );
              if (j < 2) f.get(target).get(field.outColumn).op('i32.add').set(target);
            }
            if (i < 2) f.get(row).get(field.outRow).op('i32.add').set(row);
          }
          f.get(out).get(field.outChannel).op('i32.add').set(out);
        });
      }
      f.get(channel).i32(4).op('i32.add').tee(channel).get(field.channels).op('i32.lt_s').brIf(0);
    });
    bump(f, field.from, 1);
  });
  return module;
}
