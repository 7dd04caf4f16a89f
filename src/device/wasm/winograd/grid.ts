/** How the tiles of Winograd's filtering are cut into strips and blocks, and which of their columns lie in the image. */
import type { Heap } from '../heap.ts';
import { TILE_GROUP } from './products.ts';
import { MASK_BYTES } from './transforms.ts';

/** Tiles this many bytes apart, or a multiple, share so few sets that what is read of them does not stay in the first-level cache. */
const ALIASING = 512;

export function roundUp(x: number, unit: number): number {
  return Math.ceil(x / unit) * unit;
}

/** Bytes between the places of transformed tiles, such that the 16 of them do not meet in one set of a cache. */
export function planeBytes(bytes: number): number {
  const lines = Math.ceil(bytes / 64);
  return (lines + 1 - (lines % 2)) * 64;
}

/** Bytes between tiles, of which many are read side by side: at large powers of two these would meet in few sets of a cache. */
export function pitchBytes(bytes: number): number {
  return bytes % ALIASING === 0 ? bytes + 64 : bytes;
}

/** How tiles are cut into strips. */
export interface Grid {
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

/** How many tiles are transformed at a time: what they take stays in a cache. */
export interface Blocks {
  readonly bytes: number;
  readonly fewest: number;
  readonly most: number;
}

export function gridOf(
  batch: number,
  height: number,
  width: number,
  tileBytes: number,
  { bytes, fewest, most }: Blocks,
): Grid {
  const tileRows = Math.ceil(height / 2);
  const tileColumns = Math.ceil(width / 2);
  const atOnce = Math.max(fewest, Math.min(most, Math.floor(bytes / tileBytes)));
  const strips = Math.ceil(tileColumns / atOnce);
  const stripTiles = roundUp(Math.ceil(tileColumns / strips), 2);
  const stripsAtOnce = Math.max(1, Math.floor(atOnce / Math.min(stripTiles, tileColumns)));
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

/** The number of tiles in strips before this one. */
export function tilesBefore({ strips, stripTiles, tileColumns }: Grid, strip: number): number {
  const rest = strip % strips;
  return ((strip - rest) / strips) * tileColumns + rest * stripTiles;
}

/** Bytes of the table of masks for a row of tiles: of all columns, four by four. */
export function masksBytes({ tileColumns }: Grid): number {
  return roundUp((Math.floor(tileColumns / 2) + 1) * MASK_BYTES, 64);
}

/** Writes, for every four columns of a row of tiles, which of them lie in an image that wide. */
export function writeMasks(heap: Heap, address: number, grid: Grid, width: number, padLeft: number): void {
  const { i32 } = heap;
  const words = MASK_BYTES / 4;
  for (let entry = 0, at = address >> 2; entry <= grid.tileColumns / 2; entry++, at += words) {
    const first = 4 * entry - padLeft;
    for (let c = 0; c < 4; c++) i32[at + c] = first + c >= 0 && first + c < width ? -1 : 0;
    i32[at + 4] = first < 0 || first + 4 > width ? 1 : 0;
  }
}
