/** What a product of matrices takes with the kernels for packed panels (product.ts) and for columns in place (direct.ts), about; fitted on Zen 4. */
import { type Dim, exchanged, numel, type Sorted } from './dims.ts';
import { rowBlocks, VECTORS } from './direct.ts';

/** Nanoseconds of a clock. */
const CLOCK = 0.28;
/** Clocks per turn of a tile, however small: the latency of a multiply-add. */
const LATENCY = 4;
/** Clocks that a tile takes besides its turns, that its results take where they do not lie side by side, and that a panel takes. */
const TILE = 55;
const SCATTERED_TILE = 200;
const PANEL = 80;
/** Multiply-adds of vectors in a clock where one instruction does both, and where it takes two. */
const FUSED = 2;
const APART = 1.4;
/** What turns take of that time, for packed rows and for rows in place. */
const PACKED = 1.04;
const IN_PLACE = 1.2;
/** Nanoseconds for packing an element: where vectors can be read, and where not. */
const PACK_NS = 0.12;
const PACK_SINGLE_NS = 0.5;
/** Nanoseconds that packing a tile's rows or a panel takes besides. */
const PACK_CALL_NS = 20;
/** Summands per block, about. */
const BLOCK = 512;

/** A product in the form for packed panels. */
export interface PackedForm {
  readonly product: Sorted;
  /** Are the rows read in place? */
  readonly inPlace: boolean;
  /** Estimated time. */
  readonly ns: number;
}

function dense(dims: readonly Dim[], which: 'first' | 'second', bytes: number): boolean {
  return dims.length === 0 || dims[dims.length - 1][which] === bytes;
}

/** Does the left operand walk all summed dimensions element by element? */
function rowsInOnePiece({ summed }: Sorted, bytes: number): boolean {
  for (let d = 1; d < summed.length; d++) {
    if (summed[d - 1].first !== summed[d].first * summed[d].size) return false;
  }
  return summed.length > 0 && dense(summed, 'first', bytes);
}

function packedNs(s: Sorted, inPlace: boolean, bytes: number, tileRows: number, fused: boolean): number {
  const lanes = 16 / bytes;
  const width = 2 * lanes;
  const [m, n, k] = [numel(s.rows), numel(s.columns), numel(s.summed)];
  const tiles = Math.ceil(m / tileRows);
  const height = m / tiles;
  const turn = (vectors: number): number => Math.max((height * vectors) / (fused ? FUSED : APART), LATENCY);
  const panels = Math.ceil(n / width);
  const rest = Math.ceil((n % width) / lanes);
  const turns = turn(2) * Math.floor(n / width) + (rest > 0 ? turn(rest) : 0);
  const perTile = TILE + (dense(s.columns, 'second', bytes) ? 0 : SCATTERED_TILE);
  const clocks =
    tiles * k * turns * (inPlace ? IN_PLACE : PACKED) +
    Math.ceil(k / BLOCK) * panels * (tiles * perTile + PANEL);
  const packing = (side: readonly Dim[], summed: 'first' | 'second'): number =>
    dense(side, 'first', bytes) || dense(s.summed, summed, bytes) ? PACK_NS : PACK_SINGLE_NS;
  const packed = n * packing(s.columns, 'second') + (inPlace ? 0 : m * packing(s.rows, 'first'));
  const calls = Math.ceil(k / BLOCK) * (panels + (inPlace ? 0 : tiles));
  return numel(s.batches) * (clocks * CLOCK + k * packed + calls * PACK_CALL_NS);
}

/** The product in the best form for packed panels, with tiles of at most `tileRows` rows. */
export function asPacked(s: Sorted, bytes: number, tileRows: number, fused: boolean): PackedForm {
  let best: PackedForm | null = null;
  for (const product of [s, exchanged(s)]) {
    for (const inPlace of rowsInOnePiece(product, bytes) ? [false, true] : [false]) {
      const ns = packedNs(product, inPlace, bytes, tileRows, fused);
      if (best === null || ns < best.ns) best = { product, inPlace, ns };
    }
  }
  return best as PackedForm;
}

/** Clocks per turn of the tiles for 4, 3, 2 and 1 rows, and what their tiles take besides. */
const DIRECT_TURNS = [4.4, 4.9, 4.4, 4];
const DIRECT_TILE = 45;
const DIRECT_PACK_NS = 0.35;

/** What the product in the form for direct.ts takes. */
export function directNs(s: Sorted, bytes: number, fused: boolean): number {
  const lanes = 16 / bytes;
  const [m, k] = [numel(s.rows), numel(s.summed)];
  const inner = s.columns[s.columns.length - 1];
  const vectors = numel(s.columns.slice(0, -1)) * Math.ceil(inner.size / lanes);
  const clocks = rowBlocks(m, vectors).reduce(
    (sum, count, i) =>
      sum +
      count *
        Math.ceil(vectors / VECTORS[4 - i]) *
        (k * DIRECT_TURNS[i] * (FUSED / (fused ? FUSED : APART)) + DIRECT_TILE),
    0,
  );
  let packed = 1;
  for (const d of s.batches) if (d.a !== 0) packed *= d.size;
  return numel(s.batches) * clocks * CLOCK + packed * m * k * DIRECT_PACK_NS;
}
