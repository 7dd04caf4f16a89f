/**
 * Correlations of images by Winograd's minimal filtering: which of them it suits, and how their work is laid out and shared among threads.
 *
 * With 3×3 taps the results are made from 16 products of matrices, with 3×3 results (the gradient of a kernel) the taps are: see transforms.ts.
 */
import type { View } from '../../../kernel/view.ts';
import type { ModuleBuilder } from '../assembler.ts';
import { type Blas, type Gemm, writeGemm } from '../blas.ts';
import { hasRelaxedSimd } from '../features.ts';
import type { Heap } from '../heap.ts';
import type { Kernel, KernelCache } from '../kernels.ts';
import { eachShare, type Threads } from '../threads.ts';
import {
  ALL,
  buildCombine,
  buildForward,
  buildKernelTransform,
  buildTaps,
  type CombineField,
  combineFields,
  FINISH,
  type GradientField,
  gradientFields,
  type GridField,
  gridFields,
  type KernelField,
  kernelFields,
  type ResultField,
  resultFields,
  TRANSFORM,
} from './kernels.ts';
import {
  type Blocks,
  type Grid,
  gridOf,
  masksBytes,
  planeBytes,
  roundUp,
  tilesBefore,
  writeMasks,
} from './grid.ts';
import { PANEL, PLACES } from './products.ts';

/** What is transformed at a time stays in the second-level cache. */
const OWN_BLOCKS: Blocks = { bytes: 1 << 18, fewest: 32, most: 64 };
/** Kernels that are larger, transformed, than this are read from far away: better not so often. */
const LARGE_BYTES = 1 << 23;
const LARGE_BLOCKS: Blocks = { bytes: 1 << 18, fewest: 256, most: 256 };
/** For BLAS: its calls cost more, and all threads work on one block. */
const BLAS_BLOCKS: Blocks = { bytes: 1 << 20, fewest: 64, most: 512 };
/** With as many channels and outputs BLAS makes the products faster. */
const BLAS_CHANNELS = 48;
/** The taps that the filtering is made for, in each dimension. */
const TAPS = 3;
/** Reading before and after an image must stay in the heap. */
const MOST_PADDING = 2;
/** Parts that the gradient of a kernel is summed in: of so many tiles at least, and so many parts at most. */
const PART_TILES = 64;
const MOST_PARTS = 8;
/** Bytes of the sums of all parts. */
const MOST_SUMS = 1 << 24;

function blocksFor(channels: number, outputs: number, byBlas: boolean): Blocks {
  if (byBlas) return BLAS_BLOCKS;
  return farness(channels, outputs) > 1 ? LARGE_BLOCKS : OWN_BLOCKS;
}

/** How much longer than from a cache it takes to reach a transformed kernel. */
function farness(channels: number, outputs: number): number {
  return PLACES * channels * outputs * 4 > LARGE_BYTES ? FAR : 1;
}

/** A product of matrices that lie as they are; the rest is filled in. */
const plainGemm: Gemm = {
  transA: false,
  transB: false,
  m: 0,
  n: 0,
  k: 0,
  a: 0,
  lda: 0,
  b: 0,
  ldb: 0,
  c: 0,
  ldc: 0,
  alpha: 1,
  beta: 0,
  swapped: false,
};

/** Which strips to work on, and what to do with them. */
interface Strips {
  readonly strip: number;
  readonly count: number;
  readonly stages: number;
}

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

export class Correlator {
  private readonly heap: Heap;
  private readonly kernels: KernelCache;
  private readonly threads: Threads;
  private readonly blas: Blas | null;
  private readonly slot: number;
  private readonly programs = programs({
    forward: buildForward,
    taps: buildTaps,
    transform: (_, memory) => buildKernelTransform(memory),
    combine: (_, memory) => buildCombine(memory),
  });

  constructor(heap: Heap, kernels: KernelCache, threads: Threads, blas: Blas | null, slot: number) {
    this.heap = heap;
    this.kernels = kernels;
    this.threads = threads;
    this.blas = blas;
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
    const blas = this.blasFor(channels, outputs);
    const grid = gridOf(
      batch,
      outHeight,
      outWidth,
      PLACES * (vPitch + mPitch),
      blocksFor(channels, outputs, blas !== null),
    );
    const tiles = batch * grid.tileRows * grid.tileColumns;
    const productNs = PLACES * channels * panels * PANEL * (blas === null ? PRODUCT_NS : BLAS_PRODUCT_NS);
    const tileNs = vPitch * (IMAGE_NS / 4) + outputs * OUTPUT_NS;
    const ns = tiles * (productNs + tileNs);
    const operations = 9 * batch * channels * outputs * outHeight * outWidth;
    const before = channels * panels * PANEL * KERNEL_NS * farness(channels, outputs);
    if (!pays(ns + before, operations)) return false;
    const parts = blas === null ? Math.min(threads.partsFor(ns), grid.total) : 1;
    // Eight outputs of all channels lie in one piece, or for BLAS all outputs of a channel.
    const [uPitch, uPanel] = blas === null ? [PANEL * 4, channels * PANEL * 4] : [mPitch, PANEL * 4];
    const uPlane = planeBytes(panels * channels * PANEL * 4);
    const [vPlane, mPlane] = [planeBytes(grid.room * vPitch), planeBytes(grid.room * mPitch)];
    const masks = masksBytes(grid);
    const partBytes = PLACES * (vPlane + mPlane);
    const bytes = masks + PLACES * uPlane + parts * partBytes;
    const start = heap.allocate(bytes);
    if (start < 0) return false;
    try {
      const u = start + masks;
      const v = u + PLACES * uPlane;
      writeMasks(heap, start, grid, width, padding[1]);
      this.transformKernel(kernel, u, uPitch, uPanel, uPlane);
      const place = { vPitch, vPlane, masks: start };
      const describe = (part: number, strips: Strips, v: number, m: number): void => {
        this.describeGrid(part, grid, image, [0, 1], padding, strips, { ...place, v });
        this.describe<ResultField>(part, gridFields.length, resultFields, {
          out: addressOf(out),
          outBatch: out.strides[0] * 4,
          outChannel: out.strides[1] * 4,
          outRow: out.strides[2] * 4,
          outputs,
          outHeight,
          outWidth,
          u,
          uPitch,
          uPanel,
          uPlane,
          panels,
          m,
          mPitch,
          mPlane,
        });
      };
      const run = this.kernel('forward');
      if (blas === null) {
        let used = 0;
        eachShare(grid.total, parts, parts === 1 ? 1 : grid.stripsAtOnce, (strip, count) => {
          const at = v + used * partBytes;
          describe(used++, { strip, count, stages: ALL }, at, at + PLACES * vPlane);
        });
        threads.run(run, used);
      } else {
        const m = v + PLACES * vPlane;
        const product = {
          ...plainGemm,
          n: panels * PANEL,
          k: channels,
          a: v,
          lda: vPitch / 4,
          b: u,
          ldb: uPitch / 4,
          c: m,
          ldc: mPitch / 4,
        };
        this.eachBlock(grid, (strips, blockTiles) => {
          const stage = (stages: number): void => {
            let used = 0;
            eachShare(strips.count, threads.partsFor((blockTiles * tileNs) / 2), 1, (from, count) => {
              const before = tilesBefore(grid, strips.strip + from) - tilesBefore(grid, strips.strip);
              const part = { strip: strips.strip + from, count, stages };
              describe(used++, part, v + before * vPitch, m + before * mPitch);
            });
            threads.run(run, used);
          };
          stage(TRANSFORM);
          this.multiply(blas, { ...product, m: blockTiles }, vPlane, uPlane, mPlane, blockTiles * productNs);
          stage(FINISH);
        });
      }
    } finally {
      heap.free(start, bytes);
    }
    return true;
  }

  /** BLAS, where it makes the products faster. */
  private blasFor(channels: number, outputs: number): Blas | null {
    return Math.min(channels, outputs) >= BLAS_CHANNELS ? this.blas : null;
  }

  /** Calls `body` for all blocks of strips and the number of their tiles. */
  private eachBlock(grid: Grid, body: (strips: Strips, tiles: number) => void): void {
    for (let strip = 0; strip < grid.total; strip += grid.stripsAtOnce) {
      const count = Math.min(grid.stripsAtOnce, grid.total - strip);
      body({ strip, count, stages: ALL }, tilesBefore(grid, strip + count) - tilesBefore(grid, strip));
    }
  }

  /** The 16 products by BLAS, of matrices that lie so far apart. */
  private multiply(
    blas: Blas,
    product: Gemm,
    aPlane: number,
    bPlane: number,
    cPlane: number,
    ns: number,
  ): void {
    const { threads, heap } = this;
    const shared = threads.partsFor(ns) > 1;
    for (let p = 0; p < PLACES; p++) {
      writeGemm(heap, threads.descriptor(shared ? p : 0), product);
      product.a += aPlane;
      product.b += bPlane;
      product.c += cPlane;
      if (!shared) threads.run(blas.f32, 1);
    }
    if (shared) threads.run(blas.f32, PLACES);
  }

  private transformKernel(kernel: View, u: number, uPitch: number, uPanel: number, uPlane: number): void {
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
        uPitch,
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
    const blas = this.blasFor(channels, outputs);
    const grid = gridOf(
      batch,
      outHeight,
      outWidth,
      PLACES * (vPitch + zPitch),
      blocksFor(channels, outputs, blas !== null),
    );
    const [vPlane, zPlane] = [planeBytes(grid.room * vPitch), planeBytes(grid.room * zPitch)];
    const dPlane = planeBytes(rows * vPitch);
    const dPart = PLACES * dPlane;
    // The same parts for any number of threads: sums depend on them.
    const tiles = batch * grid.tileRows * grid.tileColumns;
    const most = Math.min(MOST_PARTS, Math.floor(tiles / PART_TILES), Math.floor(MOST_SUMS / dPart));
    const parts = blas === null ? Math.max(1, most) : 1;
    const blocks = tiles / (grid.stripsAtOnce * grid.stripTiles);
    const sums = rows * panels * PANEL;
    const far = farness(channels, outputs);
    const productNs = PLACES * sums * (blas === null ? PRODUCT_NS : BLAS_PRODUCT_NS);
    const tileNs = vPitch * (IMAGE_NS / 4) + zPitch * (GRADIENT_NS / 4);
    const ns = tiles * (productNs + tileNs) + blocks * sums * BLOCK_NS * far;
    const after = sums * (SUMS_NS + parts * PART_NS) * far;
    const operations = 9 * batch * channels * outputs * outHeight * outWidth;
    if (!pays(ns + after, operations)) return false;
    const shared = blas === null && threads.partsFor(ns) > 1;
    const masks = masksBytes(grid);
    const workBytes = PLACES * (vPlane + zPlane);
    const bytes = 2 * masks + parts * dPart + (shared ? parts : 1) * workBytes;
    const start = heap.allocate(bytes);
    if (start < 0) return false;
    try {
      writeMasks(heap, start, grid, width, padding[1]);
      writeMasks(heap, start + masks, grid, outWidth, 0);
      const d = start + 2 * masks;
      const work = d + parts * dPart;
      const place = { vPitch, vPlane, masks: start };
      const describe = (part: number, strips: Strips, v: number, z: number, d: number): void => {
        this.describeGrid(part, grid, image, [1, 0], padding, strips, { ...place, v });
        this.describe<GradientField>(part, gridFields.length, gradientFields, {
          gradient: addressOf(gradient),
          gradientBatch: gradient.strides[1] * 4,
          gradientChannel: gradient.strides[0] * 4,
          gradientRow: gradient.strides[2] * 4,
          outputs,
          outHeight,
          gradientMasks: start + masks,
          z,
          zPitch,
          zPlane,
          d,
          dPitch: vPitch,
          dPlane,
          rows,
          panels,
        });
      };
      const run = this.kernel('taps');
      let used = 0;
      if (blas === null) {
        eachShare(grid.total, parts, 1, (strip, count) => {
          const v = work + (shared ? used * workBytes : 0);
          const strips = { strip, count, stages: ALL };
          describe(shared ? used : 0, strips, v, v + PLACES * vPlane, d + used * dPart);
          used++;
          if (!shared) threads.run(run, 1);
        });
        if (shared) threads.run(run, used);
      } else {
        const z = work + PLACES * vPlane;
        const product = {
          ...plainGemm,
          transA: true,
          m: rows,
          n: panels * PANEL,
          a: z,
          lda: zPitch / 4,
          b: work,
          ldb: vPitch / 4,
          c: d,
          ldc: vPitch / 4,
        };
        this.eachBlock(grid, (strips, k) => {
          let part = 0;
          eachShare(strips.count, threads.partsFor(k * tileNs), 1, (from, count) => {
            const before = tilesBefore(grid, strips.strip + from) - tilesBefore(grid, strips.strip);
            const share = { strip: strips.strip + from, count, stages: TRANSFORM };
            describe(part++, share, work + before * vPitch, z + before * zPitch, d);
          });
          threads.run(run, part);
          const beta = strips.strip === 0 ? 0 : 1;
          this.multiply(blas, { ...product, k, beta }, zPlane, vPlane, dPlane, k * productNs);
        });
        used = 1;
      }
      this.combine(out, beta, d, vPitch, dPlane, dPart, used, after);
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
    { strip, count, stages }: Strips,
    { v, vPitch, vPlane, masks }: Readonly<Record<'v' | 'vPitch' | 'vPlane' | 'masks', number>>,
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
      stages,
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
/** By BLAS. */
const BLAS_PRODUCT_NS = 2 / 85;
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
/** Where what is transformed, or summed, is larger than LARGE_BYTES, these take so many times as long: for the way to memory. */
const FAR = 4;
/** What a call takes besides. */
const CALL_NS = 3000;

/** Is it worth it to make `operations` multiplications of a direct kernel in `ns` instead? Only where the gain is not in doubt. */
function pays(ns: number, operations: number): boolean {
  return MARGIN * (ns + CALL_NS) < operations * DIRECT_NS;
}

function addressOf(v: View): number {
  return v.storage.address + v.offset * 4;
}
