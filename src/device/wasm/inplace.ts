/** Which contractions suit the kernels that read operands in place (direct.ts, dot.ts), and the tables for them. */
import type { View } from '../../kernel/view.ts';
import type { Contraction } from '../device.ts';
import { batchOffsets, type Dim, exchanged, numel, offsetsOf, type Sorted, sharingLeft } from './dims.ts';
import { HALF, rowBlocks, VECTOR_MARGIN, WHOLE } from './direct.ts';
import { SHAPES } from './dot.ts';

/** At least so much of the vectors must be valid: the last one of a run of columns has idle lanes. */
const LEAST_USE = 0.8;
/** The packed rows of one tile stay in the second-level cache. */
const MOST_SUMMANDS = 8192;
/** A right operand that spans more than this is better packed, unless its columns overlap or there are few rows. */
const MOST_BYTES = 3 << 16;
const FEW_ROWS = 8;
/** With more rows than this for each column, packing all of the left operand is the dearer way. */
const MOST_ROWS_PER_COLUMN = 4;
/** Results that do not lie side by side are stored one by one: that pays for long sums only. */
const LEAST_SUMMANDS = 32;

/** The product in the form for the kernel: its columns end with a dimension that lies element by element; null where there is none. */
export function asDirect(s: Sorted, bytes: number, panelBytes: number): Sorted | null {
  const plain = suited(sharingLeft(s), bytes, panelBytes);
  // Best where results lie side by side too.
  if (plain !== null && lastOf(plain.columns).second === bytes) return plain;
  const turned = suited(sharingLeft(exchanged(s)), bytes, panelBytes);
  if (turned !== null && (plain === null || lastOf(turned.columns).second === bytes)) return turned;
  return plain;
}

function lastOf(dims: readonly Dim[]): Dim {
  return dims[dims.length - 1];
}

function suited(s: Sorted, bytes: number, panelBytes: number): Sorted | null {
  const lanes = 16 / bytes;
  const k = numel(s.summed);
  if (k === 0 || k > MOST_SUMMANDS || numel(s.rows) * k * bytes > panelBytes) return null;
  let inner: Dim | null = null;
  for (const d of s.columns) if (d.first === bytes && (inner === null || d.size > inner.size)) inner = d;
  if (inner === null || inner.size < LEAST_USE * Math.ceil(inner.size / lanes) * lanes) return null;
  if (inner.second !== bytes && k < LEAST_SUMMANDS) return null;
  const m = numel(s.rows);
  if (m > FEW_ROWS) {
    const n = numel(s.columns);
    let shared = 1;
    for (const d of s.batches) if (d.a === 0) shared *= d.size;
    if (m > MOST_ROWS_PER_COLUMN * n * shared) return null;
    if (!overlaps(s, bytes) && span(s, bytes) > MOST_BYTES) return null;
  }
  return { ...s, columns: [...s.columns.filter((d) => d !== inner), inner] };
}

/** From the first to the last byte of the right operand. */
function span({ columns, summed }: Sorted, bytes: number): number {
  let total = bytes;
  for (const d of columns) total += (d.size - 1) * Math.abs(d.first);
  for (const d of summed) total += (d.size - 1) * Math.abs(d.second);
  return total;
}

/** Do columns of the right operand share their elements, as windows of an image do? Packing would copy these several times. */
export function overlaps(s: Sorted, bytes: number): boolean {
  return 2 * span(s, bytes) < numel(s.columns) * numel(s.summed) * bytes;
}

/** The tables of a product in that form. */
export interface DirectTables {
  readonly batches: number[];
  readonly rowOffsets: number[];
  readonly leftK: number[];
  readonly outRows: number[];
  readonly vectors: number[];
  readonly rightK: number[];
  readonly vectorCount: number;
  readonly blocks: readonly [fours: number, threes: number, twos: number, ones: number];
}

export function directTables(s: Sorted, bytes: number): DirectTables {
  const lanes = 16 / bytes;
  const inner = lastOf(s.columns);
  const outer = s.columns.slice(0, -1);
  const from = offsetsOf(outer, 'first', []);
  const to = offsetsOf(outer, 'second', []);
  const vectors: number[] = [];
  for (let i = 0; i < from.length; i++) {
    for (let j = 0; j < inner.size; j += lanes) {
      const valid = Math.min(inner.size - j, lanes);
      const dense = inner.second === bytes;
      const half = dense && lanes === 4 && valid === 2;
      const how = dense && valid === lanes ? WHOLE : half ? HALF : valid;
      vectors.push(from[i] + j * inner.first, to[i] + j * inner.second, how);
    }
  }
  const vectorCount = vectors.length / 3;
  for (let i = 0; i < VECTOR_MARGIN; i++) vectors.push(0, 0, 0);
  return {
    batches: batchOffsets(s.batches, []),
    rowOffsets: offsetsOf(s.rows, 'first', []),
    leftK: offsetsOf(s.summed, 'first', []),
    outRows: offsetsOf(s.rows, 'second', []),
    vectors,
    rightK: offsetsOf(s.summed, 'second', []),
    vectorCount,
    blocks: rowBlocks(numel(s.rows), vectorCount),
  };
}

/** Is a bias one value for each of the `rows` rows of the kernel, side by side? */
export function isPerRow(start: View, out: View, rows: number, { batch, m, alpha }: Contraction): boolean {
  if (m !== 1 || alpha !== 1 || rows !== out.sizes[batch]) return false;
  for (let d = 0; d < out.sizes.length; d++) {
    if (out.sizes[d] > 1 && start.strides[d] !== (d === batch ? 1 : 0)) return false;
  }
  return true;
}

/** What a product by scalar products (dot.ts) needs to know. */
export interface DotForm {
  /** Its summands end with a dimension that lies element by element in both operands. */
  readonly product: Sorted;
  /** Which of SHAPES suits it best. */
  readonly shape: number;
  /** Estimated time. */
  readonly ns: number;
}

/** Multiply-adds of vectors per nanosecond, about. */
const VECTORS_PER_NS = 6.4;
/** What a tile takes for each run of summands, and for its results. */
const RUN_NS = 2;
const TILE_NS = 12;
/** Without packing, every tile reads its operands anew: there must not be many tiles, or only a row or column. */
const MOST_RESULTS = 4096;
const LONGEST_RUN = 4096;
/** In shorter runs there is nothing to gain. */
const SHORTEST_RUN = 8;
/** Summands in a block of runs: their parts of the operands stay in the cache. */
const BLOCK_SUMMANDS = 1024;

/** The product in the form for the kernel of scalar products; null where it has none. */
export function asDot(s: Sorted, bytes: number): DotForm | null {
  const inner = s.summed.find((d) => d.first === bytes && d.second === bytes);
  if (inner === undefined || inner.size < SHORTEST_RUN || numel(s.summed) === 0) return null;
  const [m, n] = [numel(s.rows), numel(s.columns)];
  if (Math.min(m, n) > 1 && (m * n > MOST_RESULTS || inner.size > LONGEST_RUN)) return null;
  const summed = [...s.summed.filter((d) => d !== inner), inner];
  const lanes = 16 / bytes;
  const run = inner.size;
  const steps = Math.floor(run / lanes) + (lanes === 4 ? (run >> 1) & 1 : 0) + (run & 1);
  const runs = numel(s.summed) / run;
  const blocks = Math.ceil(runs / runsPerBlock(run));
  let best: DotForm | null = null;
  for (const turned of [false, true]) {
    SHAPES.forEach(([height, width], shape) => {
      const tiles = turned
        ? Math.ceil(n / height) * Math.ceil(m / width)
        : Math.ceil(m / height) * Math.ceil(n / width);
      // Eight accumulators hide the latency of an addition.
      const work = Math.max(height * width, 8) * steps;
      const ns = tiles * numel(s.batches) * (runs * (work / VECTORS_PER_NS + RUN_NS) + blocks * TILE_NS);
      if (best !== null && best.ns <= ns) return;
      const product = { ...s, summed };
      best = { product: turned ? exchanged(product) : product, shape, ns };
    });
  }
  return best;
}

/** How many runs of this length make a block. */
export function runsPerBlock(run: number): number {
  return Math.max(1, Math.floor(BLOCK_SUMMANDS / run));
}
