/** Which contractions suit the kernel that reads its right operand in place (direct.ts), and the tables for it. */
import { batchOffsets, type Dim, exchanged, numel, offsetsOf, type Sorted, sharingLeft } from './dims.ts';
import { rowBlocks, VECTOR_MARGIN, WHOLE } from './direct.ts';

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
    let span = bytes;
    for (const d of s.columns) span += (d.size - 1) * Math.abs(d.first);
    for (const d of s.summed) span += (d.size - 1) * Math.abs(d.second);
    const overlaps = 2 * span < n * k * bytes;
    if (!overlaps && span > MOST_BYTES) return null;
  }
  return { ...s, columns: [...s.columns.filter((d) => d !== inner), inner] };
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
      const whole = valid === lanes && inner.second === bytes;
      vectors.push(from[i] + j * inner.first, to[i] + j * inner.second, whole ? WHOLE : valid);
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
    blocks: rowBlocks(numel(s.rows)),
  };
}
