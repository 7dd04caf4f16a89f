/** What Winograd's filtering takes, by estimate, and whether that is less than what the direct kernels take. */
import type { Blocks } from './grid.ts';
import { PLACES } from './products.ts';

/** What one core takes in nanoseconds, about. Of the direct kernels: a product and its addition (48 GFLOP/s, less what padding takes). */
export const DIRECT_NS: number = 2 / 46;
/** Of these: the same, and for each tile the transform of a channel of the image, of a gradient, and of results. */
export const PRODUCT_NS: number = 2 / 54;
/** By BLAS. */
export const BLAS_PRODUCT_NS: number = 2 / 85;
export const IMAGE_NS: number = 2.2;
export const GRADIENT_NS: number = 1.6;
export const OUTPUT_NS: number = 2.5;
/** The transform of a kernel's output and channel; that of its sums, for each part; and adding to sums, for each block of tiles. */
export const KERNEL_NS: number = 3.5;
export const SUMS_NS: number = 3.5;
export const PART_NS: number = 0.7;
export const BLOCK_NS: number = 1.7;
/** The gain must be larger than the doubt about it. */
const MARGIN = 1.1;
/** Where what is transformed, or summed, is larger than LARGE_BYTES, these take so many times as long: for the way to memory. */
const FAR = 4;
/** What a call takes besides. */
const CALL_NS = 3000;

/** Is it worth it to make `operations` multiplications of a direct kernel in `ns` instead? Only where the gain is not in doubt. */
export function pays(ns: number, operations: number): boolean {
  return MARGIN * (ns + CALL_NS) < operations * DIRECT_NS;
}

/** What is transformed at a time stays in the second-level cache. */
const OWN_BLOCKS: Blocks = { bytes: 1 << 18, fewest: 32, most: 64 };
/** Kernels that are larger, transformed, than this are read from far away: better not so often. */
const LARGE_BYTES = 1 << 23;
const LARGE_BLOCKS: Blocks = { bytes: 1 << 18, fewest: 256, most: 256 };
/** For BLAS: its calls cost more, and all threads work on one block. */
const BLAS_BLOCKS: Blocks = { bytes: 1 << 20, fewest: 64, most: 512 };
/** With as many channels and outputs BLAS makes the products faster. */
export const BLAS_CHANNELS: number = 48;

/** How many tiles to take at a time. */
export function blocksFor(channels: number, outputs: number, byBlas: boolean): Blocks {
  if (byBlas) return BLAS_BLOCKS;
  return farness(channels, outputs) > 1 ? LARGE_BLOCKS : OWN_BLOCKS;
}

/** How much longer than from a cache it takes to reach a transformed kernel. */
export function farness(channels: number, outputs: number): number {
  return PLACES * channels * outputs * 4 > LARGE_BYTES ? FAR : 1;
}
