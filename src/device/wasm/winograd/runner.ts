/** Runs the kernels of Winograd's filtering: makes them, fills in their descriptors, and has BLAS make products between them. */
import type { View } from '../../../kernel/view.ts';
import type { ModuleBuilder } from '../assembler.ts';
import { type Blas, type Gemm, writeGemm } from '../blas.ts';
import { hasRelaxedSimd } from '../features.ts';
import type { Heap } from '../heap.ts';
import type { Kernel, KernelCache } from '../kernels.ts';
import type { Threads } from '../threads.ts';
import { BLAS_CHANNELS } from './costs.ts';
import { type Grid, tilesBefore } from './grid.ts';
import {
  ALL,
  buildCombine,
  buildForward,
  buildKernelTransform,
  buildTaps,
  type GridField,
  gridFields,
} from './kernels.ts';
import { PLACES } from './products.ts';

/** A product of matrices that lie as they are; the rest is filled in. */
export const plainGemm: Gemm = {
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
export interface Strips {
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

export class Runner {
  readonly heap: Heap;
  readonly threads: Threads;
  private readonly kernels: KernelCache;
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

  /** BLAS, where it makes the products faster. */
  blasFor(channels: number, outputs: number): Blas | null {
    return Math.min(channels, outputs) >= BLAS_CHANNELS ? this.blas : null;
  }

  /** Calls `body` for all blocks of strips and the number of their tiles. */
  eachBlock(grid: Grid, body: (strips: Strips, tiles: number) => void): void {
    for (let strip = 0; strip < grid.total; strip += grid.stripsAtOnce) {
      const count = Math.min(grid.stripsAtOnce, grid.total - strip);
      body({ strip, count, stages: ALL }, tilesBefore(grid, strip + count) - tilesBefore(grid, strip));
    }
  }

  /** The 16 products by BLAS, of matrices that lie so far apart. */
  multiply(blas: Blas, product: Gemm, aPlane: number, bPlane: number, cPlane: number, ns: number): void {
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

  kernel(name: 'forward' | 'taps' | 'transform' | 'combine'): Kernel {
    const program = this.programs[name];
    const { memory } = this.kernels;
    return this.kernels.get(program, this.slot, 0, () => program.build(hasRelaxedSimd(), memory));
  }

  /** Writes the first fields of the descriptor of a part of the work; the image's dimensions of images and channels are given. */
  describeGrid(
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
  describe<Field extends string>(
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

export function addressOf(v: View): number {
  return v.storage.address + v.offset * 4;
}
