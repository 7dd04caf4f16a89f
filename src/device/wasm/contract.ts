/** Contractions: brings any of them into the form of matrix products over packed panels, block by block. */
import type { View } from '../../kernel/view.ts';
import type { Contraction } from '../device.ts';
import { hasRelaxedSimd } from './features.ts';
import type { Heap } from './heap.ts';
import type { KernelCache } from './kernels.ts';
import { buildMatmul, type MatmulFunctions, type MatmulType, panelColumns, TILE_ROWS } from './matmul.ts';

/** A dimension with the byte strides of two operands. */
interface Dim {
  readonly size: number;
  readonly first: number;
  readonly second: number;
}

/** A batch dimension: of all three. */
interface BatchDim {
  readonly size: number;
  readonly a: number;
  readonly b: number;
  readonly out: number;
}

/** Summands per block: a panel of this many rows (8 KiB of float32) stays in the first-level cache. */
const BLOCK_K = 256;
/** Rows per block: their part of the left operand stays in the second-level cache. */
const BLOCK_M = 128;
/** Bytes of packed panels at a time. */
const PANEL_BYTES = 1 << 20;

function numel(dims: readonly { readonly size: number }[]): number {
  return dims.reduce((n, d) => n * d.size, 1);
}

/** Drops dimensions of size 1 and merges those that both operands walk as one. */
function merged(dims: readonly Dim[]): Dim[] {
  const out: Dim[] = [];
  for (const d of dims) {
    if (d.size === 1) continue;
    const last = out[out.length - 1];
    if (last !== undefined && last.first === d.first * d.size && last.second === d.second * d.size) {
      out[out.length - 1] = { size: last.size * d.size, first: d.first, second: d.second };
    } else out.push(d);
  }
  return out;
}

/** Writes the byte offsets of all positions of a group, in row-major order. */
function fillOffsets(
  i32: Int32Array,
  address: number,
  dims: readonly Dim[],
  which: 'first' | 'second',
): void {
  let at = address >> 2;
  if (dims.length === 0) {
    i32[at] = 0;
    return;
  }
  if (dims.length === 1) {
    const { size } = dims[0];
    const step = dims[0][which];
    for (let i = 0, offset = 0; i < size; i++, offset += step) i32[at++] = offset;
    return;
  }
  const visit = (d: number, start: number): void => {
    const { size } = dims[d];
    const step = dims[d][which];
    if (d === dims.length - 1) {
      for (let i = 0, offset = start; i < size; i++, offset += step) i32[at++] = offset;
    } else for (let i = 0; i < size; i++) visit(d + 1, start + i * step);
  };
  visit(0, 0);
}

/** One side of a product after everything is sorted out. */
interface Side {
  readonly base: number;
  readonly batch: 'a' | 'b';
}

export class Contractor {
  private readonly heap: Heap;
  private readonly kernels: KernelCache;
  private readonly functions = new Map<MatmulType, MatmulFunctions>();
  private panels = 0;
  private tables = 0;
  private tableCapacity = 0;
  private readonly scratch: number;

  constructor(heap: Heap, kernels: KernelCache) {
    this.heap = heap;
    this.kernels = kernels;
    this.scratch = heap.reserve(TILE_ROWS * 64);
  }

  private functionsFor(type: MatmulType): MatmulFunctions {
    let found = this.functions.get(type);
    if (found === undefined) {
      const module = buildMatmul(type, hasRelaxedSimd(), this.kernels.memory);
      found = this.kernels.instantiate(module) as unknown as MatmulFunctions;
      this.functions.set(type, found);
    }
    return found;
  }

  run(out: View, a: View, b: View, spec: Contraction): void {
    if (out.sizes.includes(0)) return;
    const type = out.dtype.compute as MatmulType;
    const bytes = out.dtype.itemSize;
    const stride = (v: View, d: number): number => v.strides[d] * bytes;
    const { batch, m, n, k } = spec;
    let rows: Dim[] = [];
    let columns: Dim[] = [];
    let summed: Dim[] = [];
    const batches: BatchDim[] = [];
    for (let d = 0; d < batch; d++) {
      const size = out.sizes[d];
      if (size === 1) continue;
      const [sa, sb, so] = [stride(a, d), stride(b, d), stride(out, d)];
      // What one operand does not move along is a dimension of the other one's rows or columns.
      if (sb === 0) rows.push({ size, first: sa, second: so });
      else if (sa === 0) columns.push({ size, first: sb, second: so });
      else batches.push({ size, a: sa, b: sb, out: so });
    }
    for (let d = 0; d < m; d++) {
      rows.push({ size: out.sizes[batch + d], first: stride(a, batch + d), second: stride(out, batch + d) });
    }
    for (let d = 0; d < n; d++) {
      columns.push({
        size: out.sizes[batch + m + d],
        first: stride(b, batch + k + d),
        second: stride(out, batch + m + d),
      });
    }
    for (let d = 0; d < k; d++) {
      summed.push({
        size: a.sizes[batch + m + d],
        first: stride(a, batch + m + d),
        second: stride(b, batch + d),
      });
    }
    rows = merged(rows);
    columns = merged(columns);
    summed = merged(summed);
    const start = (v: View): number => v.storage.address + v.offset * bytes;
    let left: Side = { base: start(a), batch: 'a' };
    let right: Side = { base: start(b), batch: 'b' };
    if (prefersSwap(rows, columns, bytes)) {
      [rows, columns] = [columns, rows];
      [left, right] = [right, left];
      summed = summed.map((d) => ({ size: d.size, first: d.second, second: d.first }));
    }
    const factors = { alpha: spec.alpha, beta: spec.beta };
    this.prepare(rows, columns, summed);
    const product = { type, bytes, rows, columns, summed, ...factors };
    this.eachBatch(batches, 0, left, right, start(out), product);
  }

  private rowOffsets = 0;
  private outRows = 0;
  private columnOffsets = 0;
  private outColumns = 0;
  private leftK = 0;
  private rightK = 0;

  /** Writes the offset tables. */
  private prepare(rows: readonly Dim[], columns: readonly Dim[], summed: readonly Dim[]): void {
    const [m, n, k] = [numel(rows), numel(columns), numel(summed)];
    // A panel's worth of room after each, as kernels look at whole panels of offsets.
    const needed = (2 * (m + 16) + 2 * (n + 16) + 2 * (k + 16)) * 4;
    if (needed > this.tableCapacity) {
      this.tableCapacity = 2 ** Math.ceil(Math.log2(needed));
      this.tables = this.heap.reserve(this.tableCapacity);
    }
    const { i32 } = this.heap;
    let at = this.tables;
    const table = (dims: readonly Dim[], which: 'first' | 'second', count: number): number => {
      const here = at;
      fillOffsets(i32, here, dims, which);
      at += (count + 16) * 4;
      return here;
    };
    this.rowOffsets = table(rows, 'first', m);
    this.outRows = table(rows, 'second', m);
    this.columnOffsets = table(columns, 'first', n);
    this.outColumns = table(columns, 'second', n);
    this.leftK = table(summed, 'first', k);
    this.rightK = table(summed, 'second', k);
  }

  private eachBatch(
    batches: readonly BatchDim[],
    depth: number,
    left: Side,
    right: Side,
    out: number,
    product: Product,
  ): void {
    if (depth === batches.length) {
      this.multiply(left.base, right.base, out, product);
      return;
    }
    const d = batches[depth];
    for (let i = 0; i < d.size; i++) {
      const move = (s: Side): Side => ({ base: s.base + i * d[s.batch], batch: s.batch });
      this.eachBatch(batches, depth + 1, move(left), move(right), out + i * d.out, product);
    }
  }

  /** One matrix product, by blocks. */
  private multiply(left: number, right: number, out: number, product: Product): void {
    const { type, bytes, rows, columns, summed, alpha, beta } = product;
    const functions = this.functionsFor(type);
    const [m, n, k] = [numel(rows), numel(columns), numel(summed)];
    const width = panelColumns(type);
    if (this.panels === 0) this.panels = this.heap.reserve(PANEL_BYTES + 4096);
    // Few columns make small panels: longer ones then, as every block adds to the whole result once.
    const blockK = Math.max(1, Math.min(k, n <= 4 * width ? 4 * BLOCK_K : BLOCK_K));
    const blockN = Math.floor(PANEL_BYTES / (blockK * bytes) / width) * width;
    // Rows are walked by one stride where the summed dimensions allow it, else by a table.
    const uniform = sameStep(summed);
    const aStep = summed.length === 0 ? 0 : summed[summed.length - 1].first;
    const run = uniform ? functions.multiply : functions.multiplyTable;
    for (let j = 0; j < n; j += blockN) {
      const nj = Math.min(blockN, n - j);
      for (let p = 0; p === 0 || p < k; p += blockK) {
        const kp = Math.min(blockK, k - p);
        functions.pack(this.panels, right, this.rightK + p * 4, kp, this.columnOffsets + j * 4, nj);
        for (let i = 0; i < m; i += BLOCK_M) {
          const mi = Math.min(BLOCK_M, m - i);
          run(
            uniform ? left + p * aStep : left,
            this.rowOffsets + i * 4,
            uniform ? aStep : this.leftK + p * 4,
            this.panels,
            out,
            this.outRows + i * 4,
            this.outColumns + j * 4,
            mi,
            nj,
            kp,
            alpha,
            p === 0 ? beta : 1,
            this.scratch,
          );
        }
      }
    }
  }
}

interface Product {
  readonly type: MatmulType;
  readonly bytes: number;
  readonly rows: readonly Dim[];
  readonly columns: readonly Dim[];
  readonly summed: readonly Dim[];
  readonly alpha: number;
  readonly beta: number;
}

/** Does the left operand walk all summed dimensions with one step? */
function sameStep(summed: readonly Dim[]): boolean {
  for (let d = 1; d < summed.length; d++) {
    if (summed[d - 1].first !== summed[d].first * summed[d].size) return false;
  }
  return true;
}

/**
 * Panels are packed, rows are read in place: the smaller side is packed unless both are much alike; then it is the side whose results lie
 * next to each other.
 */
function prefersSwap(rows: readonly Dim[], columns: readonly Dim[], bytes: number): boolean {
  const [m, n] = [numel(rows), numel(columns)];
  if (n > 2 * m) return true;
  if (m > 2 * n) return false;
  const step = (dims: readonly Dim[]): number =>
    dims.length === 0 ? 0 : Math.abs(dims[dims.length - 1].second);
  return step(columns) !== bytes && step(rows) === bytes;
}
