/** Contractions: brings any of them into the form of matrix products over packed panels, block by block. */
import type { View } from '../../kernel/view.ts';
import type { Contraction } from '../device.ts';
import { hasRelaxedSimd } from './features.ts';
import { type Blas, type Gemm, writeGemm } from './blas.ts';
import type { Heap } from './heap.ts';
import type { Kernel, KernelCache } from './kernels.ts';
import { type MatmulType, panelColumns, TILE_ROWS } from './matmul.ts';
import { buildProduct, type Product, writeProduct } from './product.ts';
import { eachShare, type Threads } from './threads.ts';

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

/** What one operation of a product takes on one core, about: 40 GFLOP/s. */
const OPERATION_NS = 1 / 40;
/** The same by BLAS: 90 GFLOP/s. */
const BLAS_OPERATION_NS = 1 / 90;
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
  private readonly threads: Threads;
  private readonly blas: Blas | null;
  private readonly slot: number;
  private readonly programs = new Map<MatmulType, { readonly compiled: unknown[] }>();
  private tables = 0;
  private tableCapacity = 0;
  /** Memory for packed panels and one tile, by part of the work. */
  private readonly workspaces: number[] = [];

  constructor(heap: Heap, kernels: KernelCache, threads: Threads, blas: Blas | null, slot: number) {
    this.heap = heap;
    this.kernels = kernels;
    this.threads = threads;
    this.blas = blas;
    this.slot = slot;
  }

  private kernel(type: MatmulType): Kernel {
    let program = this.programs.get(type);
    if (program === undefined) {
      program = { compiled: [] };
      this.programs.set(type, program);
    }
    return this.kernels.get(program, this.slot, 0, () =>
      buildProduct(type, hasRelaxedSimd(), this.kernels.memory),
    );
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
    if (this.blas !== null && (type === 'f32' || type === 'f64')) {
      const gemm = asGemm(rows, columns, summed, left.base, right.base, start(out), bytes, spec);
      if (gemm !== null) {
        this.callBlas(type === 'f32' ? this.blas.f32 : this.blas.f64, gemm, batches, bytes);
        return;
      }
    }
    if (prefersSwap(rows, columns, bytes)) {
      [rows, columns] = [columns, rows];
      [left, right] = [right, left];
      summed = summed.map((d) => ({ size: d.size, first: d.second, second: d.first }));
    }
    const product = this.prepare(rows, columns, summed, batches, left, right, start(out), spec);
    const width = panelColumns(type);
    product.blockK = Math.max(1, Math.min(product.k, product.n <= 4 * width ? 4 * BLOCK_K : BLOCK_K));
    product.blockN = Math.floor(PANEL_BYTES / (product.blockK * bytes) / width) * width;
    this.multiply(this.kernel(type), product, width);
  }

  /** The product by BLAS: batches one after another, large ones in parts. `gemm` is of the first batch. */
  private callBlas(kernel: Kernel, gemm: Gemm, batches: readonly BatchDim[], bytes: number): void {
    const { threads, heap } = this;
    const { m, n, k } = gemm;
    const parts = threads.partsFor(2 * m * n * k * BLAS_OPERATION_NS);
    const call = (part: Gemm, at: number): void => writeGemm(heap, threads.descriptor(at), part);
    eachBatch(batches, gemm.a, gemm.b, gemm.c, gemm.swapped, (a, b, c) => {
      let used = 0;
      const whole = { ...gemm, a, b, c };
      if (parts === 1) call(whole, used++);
      else if (m >= n) {
        const step = gemm.transA ? bytes : gemm.lda * bytes;
        eachShare(m, parts, 8, (from, count) => {
          call({ ...whole, m: count, a: a + from * step, c: c + from * gemm.ldc * bytes }, used++);
        });
      } else {
        const step = gemm.transB ? gemm.ldb * bytes : bytes;
        eachShare(n, parts, 16, (from, count) => {
          call({ ...whole, n: count, b: b + from * step, c: c + from * bytes }, used++);
        });
      }
      threads.run(kernel, used);
    });
  }

  /** Runs a product, on several threads where that pays. */
  private multiply(kernel: Kernel, product: Product, width: number): void {
    const { threads, heap } = this;
    const { m, n, k, batchCount } = product;
    const parts = threads.partsFor(2 * m * n * k * batchCount * OPERATION_NS);
    const share = (part: Product, at: number): void => {
      [part.panels, part.scratch] = this.workspace(at);
      writeProduct(heap, threads.descriptor(at), part);
    };
    let used = 0;
    if (parts > 1 && batchCount >= parts) {
      eachShare(batchCount, parts, 1, (from, count) => {
        share({ ...product, batches: product.batches + from * 12, batchCount: count }, used++);
      });
    } else if (parts > 1 && n >= m && n >= 2 * width) {
      eachShare(n, parts, width, (from, count) => {
        const columnOffsets = product.columnOffsets + from * 4;
        share({ ...product, columnOffsets, outColumns: product.outColumns + from * 4, n: count }, used++);
      });
    } else if (parts > 1 && m >= 2 * TILE_ROWS) {
      eachShare(m, parts, TILE_ROWS, (from, count) => {
        const rowOffsets = product.rowOffsets + from * 4;
        share({ ...product, rowOffsets, outRows: product.outRows + from * 4, m: count }, used++);
      });
    } else share(product, used++);
    threads.run(kernel, used);
  }

  private workspace(part: number): [panels: number, scratch: number] {
    const scratchBytes = TILE_ROWS * 64;
    while (this.workspaces.length <= part)
      this.workspaces.push(this.heap.reserve(PANEL_BYTES + 4096 + scratchBytes));
    const place = this.workspaces[part];
    return [place + scratchBytes, place];
  }

  /** Writes the offset tables and the batches. */
  private prepare(
    rows: readonly Dim[],
    columns: readonly Dim[],
    summed: readonly Dim[],
    batches: readonly BatchDim[],
    left: Side,
    right: Side,
    out: number,
    spec: Contraction,
  ): Product {
    const [m, n, k, batchCount] = [numel(rows), numel(columns), numel(summed), numel(batches)];
    // A panel's worth of room after each, as kernels look at whole panels of offsets.
    const needed = (2 * (m + 16) + 2 * (n + 16) + 2 * (k + 16) + 3 * batchCount) * 4;
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
    const product: Product = {
      rowOffsets: table(rows, 'first', m),
      outRows: table(rows, 'second', m),
      columnOffsets: table(columns, 'first', n),
      outColumns: table(columns, 'second', n),
      leftK: table(summed, 'first', k),
      rightK: table(summed, 'second', k),
      uniform: sameStep(summed) ? 1 : 0,
      step: summed.length === 0 ? 0 : summed[summed.length - 1].first,
      batches: at,
      batchCount,
      m,
      n,
      k,
      alpha: spec.alpha,
      beta: spec.beta,
      blockM: BLOCK_M,
      blockN: 0,
      blockK: 0,
      panels: 0,
      scratch: 0,
    };
    let place = at >> 2;
    eachBatch(batches, left.base, right.base, out, left.batch === 'b', (l, r, o) => {
      i32[place++] = l;
      i32[place++] = r;
      i32[place++] = o;
    });
    return product;
  }
}

/** Calls `visit` with the addresses of every batch. `swapped`: the left operand is `b`. */
function eachBatch(
  batches: readonly BatchDim[],
  left: number,
  right: number,
  out: number,
  swapped: boolean,
  visit: (left: number, right: number, out: number) => void,
): void {
  const walk = (depth: number, l: number, r: number, o: number): void => {
    if (depth === batches.length) {
      visit(l, r, o);
      return;
    }
    const { size, a, b, out: step } = batches[depth];
    const [stepLeft, stepRight] = swapped ? [b, a] : [a, b];
    for (let i = 0; i < size; i++) walk(depth + 1, l + i * stepLeft, r + i * stepRight, o + i * step);
  };
  walk(0, left, right, out);
}

/** A step in elements as a leading dimension of a matrix with rows of `width`; null where BLAS cannot have it. */
function leading(step: number, bytes: number, width: number): number | null {
  const elements = step / bytes;
  return Number.isInteger(elements) && elements >= Math.max(width, 1) ? elements : null;
}

/**
 * A contraction as one matrix product of BLAS: one dimension per side, of which one lies element by element. A side without
 * dimensions has one row. Null where the layout does not allow it.
 */
function asGemm(
  rows: readonly Dim[],
  columns: readonly Dim[],
  summed: readonly Dim[],
  left: number,
  right: number,
  out: number,
  bytes: number,
  spec: Contraction,
): Gemm | null {
  if (rows.length > 1 || columns.length > 1 || summed.length > 1) return null;
  const none: Dim = { size: 1, first: 0, second: 0 };
  const [r = none] = rows;
  const [c = none] = columns;
  const [s = none] = summed;
  // The result is row-major: swapped where it lies by columns.
  if (c.size > 1 && c.second !== bytes) {
    if (r.second !== bytes && r.size > 1) return null;
    const turned = summed.map((d) => ({ size: d.size, first: d.second, second: d.first }));
    const gemm = asGemm(columns, rows, turned, right, left, out, bytes, spec);
    return gemm === null ? null : { ...gemm, swapped: !gemm.swapped };
  }
  const { size: m } = r;
  const { size: n } = c;
  const { size: k } = s;
  if (k === 0) return null;
  const matrix = (
    outer: number,
    outerSize: number,
    inner: number,
    innerSize: number,
  ): { trans: boolean; lead: number } | null => {
    if (inner === bytes || innerSize === 1) {
      const lead = outerSize === 1 ? innerSize : leading(outer, bytes, innerSize);
      if (lead !== null) return { trans: false, lead };
    }
    if (outer === bytes || outerSize === 1) {
      const lead = innerSize === 1 ? outerSize : leading(inner, bytes, outerSize);
      if (lead !== null) return { trans: true, lead };
    }
    return null;
  };
  const a = matrix(r.first, m, s.first, k);
  const b = matrix(s.second, k, c.first, n);
  const ldc = m === 1 ? n : leading(r.second, bytes, n);
  if (a === null || b === null || ldc === null) return null;
  return {
    transA: a.trans,
    transB: b.trans,
    m,
    n,
    k,
    a: left,
    lda: a.lead,
    b: right,
    ldb: b.lead,
    c: out,
    ldc,
    alpha: spec.alpha,
    beta: spec.beta,
    swapped: false,
  };
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
