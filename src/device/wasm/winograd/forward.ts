/** Convolutions of images with 3×3 taps: the transformed kernel, then all tiles, in one go or with products by BLAS. */
import type { View } from '../../../kernel/view.ts';
import { eachShare } from '../threads.ts';
import {
  BLAS_PRODUCT_NS,
  IMAGE_NS,
  KERNEL_NS,
  OUTPUT_NS,
  PRODUCT_NS,
  blocksFor,
  farness,
  pays,
} from './costs.ts';
import { gridOf, masksBytes, planeBytes, roundUp, tilesBefore, writeMasks } from './grid.ts';
import {
  ALL,
  FINISH,
  gridFields,
  type KernelField,
  kernelFields,
  type ResultField,
  resultFields,
  TRANSFORM,
} from './kernels.ts';
import { PANEL, PLACES } from './products.ts';
import { addressOf, plainGemm, type Runner, type Strips } from './runner.ts';

/** A convolution of images with 3×3 taps. False where that does not pay: then nothing has happened. */
export function forward(
  runner: Runner,
  out: View,
  image: View,
  kernel: View,
  padding: readonly [number, number],
): boolean {
  if (out.strides[3] !== 1) return false;
  const { heap, threads } = runner;
  const [batch, channels, , width] = image.sizes;
  const [, outputs, outHeight, outWidth] = out.sizes;
  const panels = Math.ceil(outputs / PANEL);
  const vPitch = roundUp(channels, 4) * 4;
  const mPitch = panels * PANEL * 4;
  const blas = runner.blasFor(channels, outputs);
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
    transformKernel(runner, kernel, u, uPitch, uPanel, uPlane);
    const place = { vPitch, vPlane, masks: start };
    const describe = (part: number, strips: Strips, v: number, m: number): void => {
      runner.describeGrid(part, grid, image, [0, 1], padding, strips, { ...place, v });
      runner.describe<ResultField>(part, gridFields.length, resultFields, {
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
    const run = runner.kernel('forward');
    if (blas === null) {
      let used = 0;
      eachShare(grid.total, parts, 1, (strip, count) => {
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
      runner.eachBlock(grid, (strips, blockTiles) => {
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
        runner.multiply(blas, { ...product, m: blockTiles }, vPlane, uPlane, mPlane, blockTiles * productNs);
        stage(FINISH);
      });
    }
  } finally {
    heap.free(start, bytes);
  }
  return true;
}

function transformKernel(
  runner: Runner,
  kernel: View,
  u: number,
  uPitch: number,
  uPanel: number,
  uPlane: number,
): void {
  const { threads } = runner;
  const [outputs, channels] = kernel.sizes;
  const panels = Math.ceil(outputs / PANEL);
  let used = 0;
  eachShare(panels, threads.partsFor(panels * PANEL * channels * KERNEL_NS), 1, (from, count) => {
    runner.describe<KernelField>(used++, 0, kernelFields, {
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
  threads.run(runner.kernel('transform'), used);
}
