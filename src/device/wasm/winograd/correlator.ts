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
  type ForwardField,
  forwardFields,
  type KernelField,
  kernelFields,
  type TapsField,
  tapsFields,
} from './kernels.ts';
import { PANEL, PLACES, TILE_GROUP } from './products.ts';
import { MASK_BYTES } from './transforms.ts';

/** What is transformed at a time stays in the second-level cache. */
const BLOCK_BYTES = 1 << 17;
const FEWEST_TILES = 16;
const MOST_TILES = 64;
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

function programs<Name extends string>(builders: Readonly<Record<Name, Program['build']>>): Record<Name, Program> {
  const entries = Object.entries(builders) as [Name, Program['build']][];
  return Object.fromEntries(entries.map(([name, build]) => [name, { compiled: [], build }])) as unknown as Record<
    Name,
    Program
  >;
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
  run(out: View, image: View, kernel: View, padding: readonly [number, number]): boolean {
    if (out.dtype.name !== 'float32') return false;
    if (out.strides[3] < 0 || padding.some((p) => p < 0 || p > MOST_PADDING)) return false;
    if (image.strides[3] !== 1 || out.sizes.includes(0) || image.sizes.includes(0)) return false;
    if (kernel.sizes[2] === 3 && kernel.sizes[3] === 3) return this.forward(out, image, kernel, padding);
    if (out.sizes[2] === 3 && out.sizes[3] === 3) return this.taps(out, image, kernel, padding);
    return false;
  }

  private forward(out: View, image: View, kernel: View, [padTop, padLeft]: readonly [number, number]): boolean {
    if (out.strides[3] !== 1) return false;
    const { heap, threads } = this;
    const [batch, channels, height, width] = image.sizes;
    const [, outputs, outHeight, outWidth] = out.sizes;
    const panels = Math.ceil(outputs / PANEL);
    const vPitch = roundUp(channels, 4) * 4;
    const mPitch = panels * PANEL * 4;
    const grid = gridOf(batch, outHeight, outWidth, PLACES * (vPitch + mPitch));
    const ns = forwardNs(grid, batch, channels, panels);
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
      writeMasks(heap, start, grid, width, padLeft);
      this.transformKernel(kernel, u, uPanel, uPlane);
      let used = 0;
      eachShare(grid.total, parts, parts === 1 ? 1 : grid.stripsAtOnce, (strip, count) => {
        const at = v + used * partBytes;
        this.describe<ForwardField>(used++, forwardFields, {
          ...imageFields(image, 0, 1, height, padTop, padLeft, start),
          ...strips(grid, strip, count),
          channels,
          v: at,
          vPitch,
          vPlane,
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
    eachShare(panels, threads.partsFor(panels * channels * KERNEL_NS), 1, (from, count) => {
      this.describe<KernelField>(used++, kernelFields, {
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
  private taps(out: View, image: View, gradient: View, [padTop, padLeft]: readonly [number, number]): boolean {
    if (gradient.strides[3] !== 1) return false;
    const { heap, threads } = this;
    const [channels, batch, height, width] = image.sizes;
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
    const parts = Math.max(1, Math.min(MOST_PARTS, Math.floor(tiles / PART_TILES), Math.floor(MOST_SUMS / dPart)));
    const shared = threads.partsFor(tapsNs(grid, batch, channels, outputs)) > 1;
    const masks = roundUp(masksOf(grid) * MASK_BYTES, 64);
    const workBytes = PLACES * (vPlane + zPlane);
    const bytes = 2 * masks + parts * dPart + (shared ? parts : 1) * workBytes;
    const start = heap.allocate(bytes);
    if (start < 0) return false;
    try {
      writeMasks(heap, start, grid, width, padLeft);
      writeMasks(heap, start + masks, grid, outWidth, 0);
      const d = start + 2 * masks;
      const work = d + parts * dPart;
      const kernel = this.kernel('taps');
      let part = 0;
      eachShare(grid.total, parts, 1, (strip, count) => {
        const v = work + (shared ? part * workBytes : 0);
        this.describe<TapsField>(shared ? part : 0, tapsFields, {
          ...imageFields(image, 1, 0, height, padTop, padLeft, start),
          ...strips(grid, strip, count),
          channels,
          v,
          vPitch,
          vPlane,
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
      this.combine(out, d, vPitch, dPlane, dPart, part);
    } finally {
      heap.free(start, bytes);
    }
    return true;
  }

  private combine(out: View, d: number, dPitch: number, dPlane: number, dPart: number, parts: number): void {
    const { threads } = this;
    const [channels, outputs] = out.sizes;
    let used = 0;
    eachShare(outputs, threads.partsFor(outputs * channels * parts * COMBINE_NS), 1, (from, count) => {
      this.describe<CombineField>(used++, combineFields, {
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

  /** Writes the descriptor of a part of the work. */
  private describe<Field extends string>(
    part: number,
    fields: readonly Field[],
    values: Readonly<Record<Field, number>>,
  ): void {
    const { i32 } = this.heap;
    const at = this.threads.descriptor(part) >> 2;
    for (let i = 0; i < fields.length; i++) i32[at + i] = values[fields[i]];
  }
}

/** What transforming kernels takes, for eight outputs and a channel; and summing up one place of one part. */
const KERNEL_NS = 30;
const COMBINE_NS = 10;

function forwardNs(grid: Grid, batch: number, channels: number, panels: number): number {
  const tiles = batch * grid.tileRows * grid.tileColumns;
  return tiles * (channels * panels * PANEL * PLACES * 0.05 + channels * 2 + panels * PANEL * 2);
}

function tapsNs(grid: Grid, batch: number, channels: number, outputs: number): number {
  return forwardNs(grid, batch, channels, Math.ceil(outputs / PANEL));
}

function addressOf(v: View): number {
  return v.storage.address + v.offset * 4;
}

function imageFields(
  image: View,
  batch: 0 | 1,
  channel: 0 | 1,
  height: number,
  padTop: number,
  padLeft: number,
  masks: number,
): {
  image: number;
  imageBatch: number;
  imageChannel: number;
  imageRow: number;
  height: number;
  padTop: number;
  padLeft: number;
  masks: number;
} {
  return {
    image: addressOf(image),
    imageBatch: image.strides[batch] * 4,
    imageChannel: image.strides[channel] * 4,
    imageRow: image.strides[2] * 4,
    height,
    padTop,
    padLeft,
    masks,
  };
}

function strips(
  { tileRows, strips: each, stripTiles, tileColumns, stripsAtOnce }: Grid,
  strip: number,
  count: number,
): Record<'tileRows' | 'strips' | 'stripTiles' | 'tileColumns' | 'stripsAtOnce' | 'strip' | 'count', number> {
  return { tileRows, strips: each, stripTiles, tileColumns, stripsAtOnce, strip, count };
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
