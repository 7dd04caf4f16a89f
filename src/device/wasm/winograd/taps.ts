/** Gradients of 3×3 taps: sums over all tiles of all images, in parts or with products by BLAS, and what these make of the taps. */
import type { View } from '../../../kernel/view.ts';
import { eachShare } from '../threads.ts';
import {
  BLAS_PRODUCT_NS,
  BLOCK_NS,
  GRADIENT_NS,
  IMAGE_NS,
  PART_NS,
  PRODUCT_NS,
  SUMS_NS,
  blocksFor,
  farness,
  pays,
} from './costs.ts';
import { gridOf, masksBytes, pitchBytes, planeBytes, roundUp, tilesBefore, writeMasks } from './grid.ts';
import {
  ALL,
  type CombineField,
  combineFields,
  type GradientField,
  gradientFields,
  gridFields,
  TRANSFORM,
} from './kernels.ts';
import { PANEL, PLACES } from './products.ts';
import { addressOf, plainGemm, type Runner, type Strips } from './runner.ts';

/** Parts that the gradient of a kernel is summed in: of so many tiles at least, and so many parts at most. */
const PART_TILES = 64;
const MOST_PARTS = 8;
/** Bytes of the sums of all parts. */
const MOST_SUMS = 5 << 23;

/** The sums over all images and results, of 3×3 taps: for an image of [channels, images, …] and gradients of [outputs, images, …]. */
export function taps(
  runner: Runner,
  out: View,
  image: View,
  gradient: View,
  padding: readonly [number, number],
  beta: 0 | 1,
): boolean {
  if (gradient.strides[3] !== 1) return false;
  const { heap, threads } = runner;
  const [channels, batch, , width] = image.sizes;
  const [outputs, , outHeight, outWidth] = gradient.sizes;
  const panels = Math.ceil(channels / PANEL);
  const rows = roundUp(outputs, 4);
  const [vPitch, zPitch] = [pitchBytes(panels * PANEL * 4), pitchBytes(rows * 4)];
  const blas = runner.blasFor(channels, outputs);
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
      runner.describeGrid(part, grid, image, [1, 0], padding, strips, { ...place, v });
      runner.describe<GradientField>(part, gridFields.length, gradientFields, {
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
    const run = runner.kernel('taps');
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
      runner.eachBlock(grid, (strips, k) => {
        let part = 0;
        eachShare(strips.count, threads.partsFor(k * tileNs), 1, (from, count) => {
          const before = tilesBefore(grid, strips.strip + from) - tilesBefore(grid, strips.strip);
          const share = { strip: strips.strip + from, count, stages: TRANSFORM };
          describe(part++, share, work + before * vPitch, z + before * zPitch, d);
        });
        threads.run(run, part);
        const beta = strips.strip === 0 ? 0 : 1;
        runner.multiply(blas, { ...product, k, beta }, zPlane, vPlane, dPlane, k * productNs);
      });
      used = 1;
    }
    combine(runner, out, beta, d, vPitch, dPlane, dPart, used, after);
  } finally {
    heap.free(start, bytes);
  }
  return true;
}

function combine(
  runner: Runner,
  out: View,
  beta: 0 | 1,
  d: number,
  dPitch: number,
  dPlane: number,
  dPart: number,
  parts: number,
  ns: number,
): void {
  const { threads } = runner;
  const [channels, outputs] = out.sizes;
  let used = 0;
  eachShare(outputs, threads.partsFor(ns), 1, (from, count) => {
    runner.describe<CombineField>(used++, 0, combineFields, {
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
  threads.run(runner.kernel('combine'), used);
}
