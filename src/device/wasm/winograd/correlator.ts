/**
 * Correlations of images by Winograd's minimal filtering: which of them it suits, and how their work is laid out and shared among threads.
 *
 * With 3×3 taps the results are made from 16 products of matrices, with 3×3 results (the gradient of a kernel) the taps are: see transforms.ts.
 */
import type { View } from '../../../kernel/view.ts';
import type { ModuleBuilder } from '../assembler.ts';
import { hasRelaxedSimd } from '../features.ts';
import type { Heap } from '../heap.ts';
import type { Kernel, KernelCache } from '../kernels.ts';
import { eachShare, type Threads } from '../threads.ts';
import {
  buildCombine,
  buildForward,
  buildKernelTransform,
  buildTaps,
  type CombineField,
  combineFields,
  type GradientField,
  gradientFields,
  type GridField,
  gridFields,
  type KernelField,
  kernelFields,
  type ResultField,
  resultFields,
} from './kernels.ts';
import { PANEL, PLACES, TILE_GROUP } from './products.ts';
import { MASK_BYTES } from './transforms.ts';

/** What is transformed at a time stays in the second-level cache. */
const BLOCK_BYTES = 1 << 18;
const FEWEST_TILES = 32;
const MOST_TILES = 64;
/** The taps that the filtering is made for, in each dimension. */
const TAPS = 3;
/** Reading before and after an image must stay in the heap. */
const MOST_PADDING = 2;
/** Parts that the gradient of a kernel is summed in: of so many tiles at least, and so many parts at most. */
const PART_TILES = 64;
const MOST_PARTS = 8;
/** Bytes of the sums of all parts. */
const MOST_SUMS = 1 << 24;

/** One of the kernels, made when it is first asked for. */
interface Program {
  readonly compiled: unknown[];
  readonly build: (fused: boolean, memory: KernelCache['memory']) => ModuleBuilder;
}

function programs<Name extends string>(
  builders: Readonly<Record<Name, Program['build']>>,
): Record<Name, Program> {
  const entries = Object.entries(builders) as [Name, Program['build']][];
  return Object.fromEntries(
    entries.map(([name, build]) => [name, { compiled: [], build }]),
  ) as unknown as Record<Name, Program>;
}

function roundUp(x: number, unit: number): number {
  return Math.ceil(x / unit) * unit;
}

/** Bytes between the places of transformed tiles, such that the 16 of them do not meet in one set of a cache. */
function planeBytes(bytes: number): number {
  const lines = Math.ceil(bytes / 64);
  return (lines + 1 - (lines % 2)) * 64;
}

/** How tiles are cut into strips. */
interface Grid {
  readonly tileRows: number;
  readonly tileColumns: number;
  readonly strips: number;
  readonly stripTiles: number;
  readonly stripsAtOnce: number;
  /** Tiles that there is room for. */
  readonly room: number;
  /** All strips of all images. */
  readonly total: number;
}

function gridOf(batch: number, height: number, width: number, tileBytes: number): Grid {
  const tileRows = Math.ceil(height / 2);
  const tileColumns = Math.ceil(width / 2);
  const most = Math.max(FEWEST_TILES, Math.min(MOST_TILES, Math.floor(BLOCK_BYTES / tileBytes)));
  const strips = Math.ceil(tileColumns / most);
  const stripTiles = roundUp(Math.ceil(tileColumns / strips), 2);
  const stripsAtOnce = Math.max(1, Math.floor(most / Math.min(stripTiles, tileColumns)));
  return {
    tileRows,
    tileColumns,
    strips,
    stripTiles,
    stripsAtOnce,
    room: roundUp(stripsAtOnce * stripTiles + 1, TILE_GROUP),
    total: batch * tileRows * strips,
  };
}

export class Correlator {
  private readonly heap: Heap;
  private readonly kernels: KernelCache;
  private readonly threads: Threads;
  private readonly slot: number;
  private readonly programs = programs({
    forward: buildForward,
    taps: buildTaps,
    transform: (_, memory) => buildKernelTransform(memory),
    combine: (_, memory) => buildCombine(memory),
  });

  constructor(heap: Heap, kernels: KernelCache, threads: Threads, slot: number) {
    this.heap = heap;
    this.kernels = kernels;
    this.threads = threads;
    this.slot = slot;
  }

  /** Runs it where that pays: else nothing happens, and the answer is false. */
  run(out: View, image: View, kernel: View, padding: readonly [number, number], beta: 0 | 1): boolean {
    if (out.dtype.name !== 'float32' || image.strides[3] !== 1) return false;
    if (out.sizes.includes(0) || image.sizes.includes(0)) return false;
    for (let d = 0; d < 2; d++) {
      const [size, taps, results] = [image.sizes[2 + d], kernel.sizes[2 + d], out.sizes[2 + d]];
      if (padding[d] < 0 || padding[d] > MOST_PADDING || taps + results > size + 2 * padding[d] + 1)
        return false;
    }
    if (kernel.sizes[2] === TAPS && kernel.sizes[3] === TAPS) {
      // Nobody asks for images that are added to others.
      return beta === 0 && this.forward(out, image, kernel, padding);
    }
    if (out.sizes[2] === TAPS && out.sizes[3] === TAPS) return this.taps(out, image, kernel, padding, beta);
    return false;
  }

  private forward(out: View, image: View, kernel: View, padding: readonly [number, number]): boolean {
    if (out.strides[3] !== 1) return false;
    const { heap, threads } = this;
    const [batch, channels, , width] = image.sizes;
    const [, outputs, outHeight, outWidth] = out.sizes;
    const panels = Math.ceil(outputs / PANEL);
    const vPitch = roundUp(channels, 4) * 4;
    const mPitch = panels * PANEL * 4;
    const grid = gridOf(batch, outHeight, outWidth, PLACES * (vPitch + mPitch));
    const tiles = batch * grid.tileRows * grid.tileColumns;
    const ns =
      tiles *
      (PLACES * channels * panels * PANEL * PRODUCT_NS + vPitch * (IMAGE_NS / 4) + outputs * OUTPUT_NS);
    const operations = 9 * batch * channels * outputs * outHeight * outWidth;
    if (!pays(ns + channels * panels * PANEL * KERNEL_NS, operations)) return false;
    const parts = Math.min(threads.partsFor(ns), grid.total);
    const uPanel = channels * PANEL * 4;
    const uPlane = planeBytes(panels * uPanel);
    const [vPlane, mPlane] = [planeBytes(grid.room * vPitch), planeBytes(grid.room * mPitch)];
    const maskBytes = roundUp(masksOf(grid) * MASK_BYTES, 64);
    const partBytes = PLACES * (vPlane + mPlane);
    const bytes = maskBytes + PLACES * uPlane + parts * partBytes;
    const start = heap.allocate(bytes);
    if (start < 0) return false;
    try {
      const u = start + maskBytes;
      const v = u + PLACES * uPlane;
      writeMasks(heap, start, grid, width, padding[1]);
      this.transformKernel(kernel, u, uPanel, uPlane);
      let used = 0;
      eachShare(grid.total, parts, parts === 1 ? 1 : grid.stripsAtOnce, (strip, count) => {
        const at = v + used * partBytes;
        this.describeGrid(used, grid, image, [0, 1], padding, start, strip, count, at, vPitch, vPlane);
        this.describe<ResultField>(used++, gridFields.length, resultFields, {
          out: addressOf(out),
          outBatch: out.strides[0] * 4,
          outChannel: out.strides[1] * 4,
          outRow: out.strides[2] * 4,
          outputs,
          outHeight,
          outWidth,
          u,
          uPitch: PANEL * 4,
          uPanel,
          uPlane,
          panels,
          m: at + PLACES * vPlane,
          mPitch,
          mPlane,
        });
      });
      threads.run(this.kernel('forward'), used);
    } finally {
      heap.free(start, bytes);
    }
    return true;
  }

  private transformKernel(kernel: View, u: number, uPanel: number, uPlane: number): void {
    const { threads } = this;
    const [outputs, channels] = kernel.sizes;
    const panels = Math.ceil(outputs / PANEL);
    let used = 0;
    eachShare(panels, threads.partsFor(panels * PANEL * channels * KERNEL_NS), 1, (from, count) => {
      this.describe<KernelField>(used++, 0, kernelFields, {
        kernel: addressOf(kernel),
        kernelOutput: kernel.strides[0] * 4,
        kernelChannel: kernel.strides[1] * 4,
        kernelRow: kernel.strides[2] * 4,
        kernelColumn: kernel.strides[3] * 4,
        outputs,
        channels,
        u,
        uPanel,
        uPlane,
        from,
        count,
      });
    });
    threads.run(this.kernel('transform'), used);
  }

  /** The sums over all images and results, of 3×3 taps: for an image of [channels, images, …] and gradients of [outputs, images, …]. */
  private taps(
    out: View,
    image: View,
    gradient: View,
    padding: readonly [number, number],
    beta: 0 | 1,
  ): boolean {
    if (gradient.strides[3] !== 1) return false;
    const { heap, threads } = this;
    const [channels, batch, , width] = image.sizes;
    const [outputs, , outHeight, outWidth] = gradient.sizes;
    const panels = Math.ceil(channels / PANEL);
    const rows = roundUp(outputs, 4);
    const [vPitch, zPitch] = [panels * PANEL * 4, rows * 4];
    const grid = gridOf(batch, outHeight, outWidth, PLACES * (vPitch + zPitch));
    const [vPlane, zPlane] = [planeBytes(grid.room * vPitch), planeBytes(grid.room * zPitch)];
    const dPlane = planeBytes(rows * vPitch);
    const dPart = PLACES * dPlane;
    // The same parts for any number of threads: sums depend on them.
    const tiles = batch * grid.tileRows * grid.tileColumns;
    const parts = Math.max(
      1,
      Math.min(MOST_PARTS, Math.floor(tiles / PART_TILES), Math.floor(MOST_SUMS / dPart)),
    );
    const blocks = tiles / (grid.stripsAtOnce * grid.stripTiles);
    const sums = rows * panels * PANEL;
    const ns =
      tiles * (PLACES * sums * PRODUCT_NS + vPitch * (IMAGE_NS / 4) + zPitch * (GRADIENT_NS / 4)) +
      blocks * sums * BLOCK_NS;
    const after = sums * (SUMS_NS + parts * PART_NS);
    const operations = 9 * batch * channels * outputs * outHeight * outWidth;
    if (!pays(ns + after, operations)) return false;
    const shared = threads.partsFor(ns) > 1;
    const masks = roundUp(masksOf(grid) * MASK_BYTES, 64);
    const workBytes = PLACES * (vPlane + zPlane);
    const bytes = 2 * masks + parts * dPart + (shared ? parts : 1) * workBytes;
    const start = heap.allocate(bytes);
    if (start < 0) return false;
    try {
      writeMasks(heap, start, grid, width, padding[1]);
      writeMasks(heap, start + masks, grid, outWidth, 0);
      const d = start + 2 * masks;
      const work = d + parts * dPart;
      const kernel = this.kernel('taps');
      let part = 0;
      eachShare(grid.total, parts, 1, (strip, count) => {
        const v = work + (shared ? part * workBytes : 0);
        const place = shared ? part : 0;
        this.describeGrid(place, grid, image, [1, 0], padding, start, strip, count, v, vPitch, vPlane);
        this.describe<GradientField>(place, gridFields.length, gradientFields, {
          gradient: addressOf(gradient),
          gradientBatch: gradient.strides[1] * 4,
          gradientChannel: gradient.strides[0] * 4,
          gradientRow: gradient.strides[2] * 4,
          outputs,
          outHeight,
          gradientMasks: start + masks,
          z: v + PLACES * vPlane,
          zPitch,
          zPlane,
          d: d + part * dPart,
          dPitch: vPitch,
          dPlane,
          rows,
          panels,
        });
        part++;
        if (!shared) threads.run(kernel, 1);
      });
      if (shared) threads.run(kernel, part);
      this.combine(out, beta, d, vPitch, dPlane, dPart, part, after);
    } finally {
      heap.free(start, bytes);
    }
    return true;
  }

  private combine(
    out: View,
    beta: 0 | 1,
    d: number,
    dPitch: number,
    dPlane: number,
    dPart: number,
    parts: number,
    ns: number,
  ): void {
    const { threads } = this;
    const [channels, outputs] = out.sizes;
    let used = 0;
    eachShare(outputs, threads.partsFor(ns), 1, (from, count) => {
      this.describe<CombineField>(used++, 0, combineFields, {
        out: addressOf(out),
        outOutput: out.strides[1] * 4,
        outChannel: out.strides[0] * 4,
        outRow: out.strides[2] * 4,
        outColumn: out.strides[3] * 4,
        channels,
        d,
        dPitch,
        dPlane,
        dPart,
        parts,
        add: beta,
        from,
        count,
      });
    });
    threads.run(this.kernel('combine'), used);
  }

  private kernel(name: keyof Correlator['programs']): Kernel {
    const program = this.programs[name];
    const { memory } = this.kernels;
    return this.kernels.get(program, this.slot, 0, () => program.build(hasRelaxedSimd(), memory));
  }

  /** Writes the first part of the descriptor of a part of the work; `dims` are the image's dimensions of images and channels. */
  private describeGrid(
    part: number,
    grid: Grid,
    image: View,
    [images, channels]: readonly [number, number],
    [padTop, padLeft]: readonly [number, number],
    masks: number,
    strip: number,
    count: number,
    v: number,
    vPitch: number,
    vPlane: number,
  ): void {
    this.describe<GridField>(part, 0, gridFields, {
      image: addressOf(image),
      imageBatch: image.strides[images] * 4,
      imageChannel: image.strides[channels] * 4,
      imageRow: image.strides[2] * 4,
      channels: image.sizes[channels],
      height: image.sizes[2],
      padTop,
      padLeft,
      masks,
      tileRows: grid.tileRows,
      strips: grid.strips,
      stripTiles: grid.stripTiles,
      tileColumns: grid.tileColumns,
      strip,
      count,
      stripsAtOnce: grid.stripsAtOnce,
      v,
      vPitch,
      vPlane,
    });
  }

  /** Writes fields of the descriptor of a part of the work, from word `from` on. */
  private describe<Field extends string>(
    part: number,
    from: number,
    fields: readonly Field[],
    values: Readonly<Record<Field, number>>,
  ): void {
    const { i32 } = this.heap;
    const at = (this.threads.descriptor(part) >> 2) + from;
    for (let i = 0; i < fields.length; i++) i32[at + i] = values[fields[i]];
  }
}

/** What one core takes in nanoseconds, about. Of the direct kernels: a product and its addition (48 GFLOP/s, less what padding takes). */
const DIRECT_NS = 2 / 46;
/** Of these: the same, and for each tile the transform of a channel of the image, of a gradient, and of results. */
const PRODUCT_NS = 2 / 54;
const IMAGE_NS = 2.2;
const GRADIENT_NS = 1.6;
const OUTPUT_NS = 2.5;
/** The transform of a kernel's output and channel; that of its sums, for each part; and adding to sums, for each block of tiles. */
const KERNEL_NS = 3.5;
const SUMS_NS = 3.5;
const PART_NS = 0.7;
const BLOCK_NS = 1.7;
/** The gain must be larger than the doubt about it. */
const MARGIN = 1.1;
/** What a call takes besides. */
const CALL_NS = 3000;

/** Is it worth it to make `operations` multiplications of a direct kernel in `ns` instead? Only where the gain is not in doubt. */
function pays(ns: number, operations: number): boolean {
  return MARGIN * (ns + CALL_NS) < operations * DIRECT_NS;
}

function addressOf(v: View): number {
  return v.storage.address + v.offset * 4;
}

/** The size of the table of masks for a row of tiles: the columns before the last tile, and its own four. */
function masksOf({ tileColumns }: Grid): number {
  return Math.floor(tileColumns / 2) + 1;
}

/** Writes, for every four columns of a row of tiles, which of them lie in an image that wide. */
function writeMasks(heap: Heap, address: number, grid: Grid, width: number, padLeft: number): void {
  const { i32 } = heap;
  const words = MASK_BYTES / 4;
  for (let entry = 0, at = address >> 2; entry < masksOf(grid); entry++, at += words) {
    const first = 4 * entry - padLeft;
    for (let c = 0; c < 4; c++) i32[at + c] = first + c >= 0 && first + c < width ? -1 : 0;
    i32[at + 4] = first < 0 || first + 4 > width ? 1 : 0;
  }
}
