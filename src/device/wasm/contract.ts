/** Contractions: chooses for each the kernel that suits it, remembers the choice, and runs it on one or several threads. */
import type { View } from '../../kernel/view.ts';
import type { Contraction } from '../device.ts';
import { type Blas, type Gemm, writeGemm } from './blas.ts';
import { Blueprint } from './blueprint.ts';
import { batchOffsets, exchanged, flattened, numel, offsetsOf, type Sorted, sorted } from './dims.ts';
import { buildDirect, type DirectField, directFields, VECTOR_BYTES, VECTOR_GROUP } from './direct.ts';
import { buildDot, type DotField, dotFields } from './dot.ts';
import { asPacked, directNs, type PackedForm } from './estimates.ts';
import { hasRelaxedSimd } from './features.ts';
import { asGemm } from './gemm.ts';
import type { Heap } from './heap.ts';
import type { Kernel, KernelCache } from './kernels.ts';
import { type MatmulType, panelColumns, tileRows } from './matmul.ts';
import { PlanCache } from './plans.ts';
import { buildProduct, type ProductField, productFields } from './product.ts';
import { eachShare, type Threads } from './threads.ts';
import { asDirect, asDot, isPerRow, type DotForm, directTables, overlaps, runsPerBlock } from './inplace.ts';

/** What one operation of a product takes on one core, about: 40 GFLOP/s. */
const OPERATION_NS = 1 / 40;
/** The same by BLAS: 90 GFLOP/s. */
const BLAS_OPERATION_NS = 1 / 90;
/** Bytes of a packed panel in a block of summands: it stays in the first-level cache, next to the rows of a tile. */
const PANEL_BLOCK_BYTES = 1 << 14;
/** Bytes of packed columns at a time. */
const PANEL_BYTES = 1 << 20;
/** Bytes of packed rows at a time: they stay in the second-level cache. So do, of at most so many tiles, the lines that their results are written to. */
const ROW_BYTES = 1 << 18;
const BLOCK_TILES = 16;
/** Packing a row or column takes as long as this many of the other side. */
const PACKING = 3;
/** Columns for scalar products are shared among threads in multiples of this: of the widths of their tiles. */
const DOT_COLUMNS = 12;
/** Bytes for one tile of results. */
const SCRATCH_BYTES = 256;

interface GemmPlan {
  readonly kind: 'gemm';
  readonly gemm: Gemm;
  /** Offsets of left, right and out of every batch. */
  readonly batches: readonly number[];
}

interface PackedPlan {
  readonly kind: 'packed';
  readonly blueprint: Blueprint<ProductField>;
  readonly swapped: boolean;
  readonly inPlace: boolean;
  /** Estimated time. */
  readonly ns: number;
  readonly m: number;
  readonly n: number;
  readonly batchCount: number;
  readonly batches: number;
  readonly rowOffsets: number;
  readonly outRows: number;
  readonly columnOffsets: number;
  readonly outColumns: number;
}

interface DirectPlan {
  readonly kind: 'direct';
  readonly blueprint: Blueprint<DirectField>;
  readonly swapped: boolean;
  /** Estimated time. */
  readonly ns: number;
  readonly batches: number;
  readonly batchCount: number;
  readonly vectors: number;
  readonly vectorCount: number;
  /** The length of the only dimension of the rows; 0 where there are others. */
  readonly rows: number;
}

interface DotPlan {
  readonly kind: 'dot';
  readonly blueprint: Blueprint<DotField>;
  readonly swapped: boolean;
  readonly ns: number;
  readonly n: number;
  readonly columnOffsets: number;
  readonly outColumns: number;
}

type Plan = GemmPlan | PackedPlan | DirectPlan | DotPlan;

/** What becomes of a product: `alpha` times it, plus `beta` times what is there. */
type Factors = Pick<Contraction, 'alpha' | 'beta'>;

/** Kernels of one kind, by element type. */
interface Family {
  readonly programs: Map<MatmulType, { readonly compiled: unknown[] }>;
  readonly build: typeof buildProduct;
}

export class Contractor {
  private readonly heap: Heap;
  private readonly kernels: KernelCache;
  private readonly threads: Threads;
  private readonly blas: Blas | null;
  private readonly slot: number;
  /** Copies a view, broadcast to the sizes of the first. */
  private readonly copy: (to: View, from: View) => void;
  private readonly packed: Family = { programs: new Map(), build: buildProduct };
  private readonly direct: Family = { programs: new Map(), build: buildDirect };
  private readonly dot: Family = { programs: new Map(), build: buildDot };
  private readonly plans: PlanCache<Plan>;
  /** Memory for packed panels and one tile, by part of the work. */
  private readonly workspaces: number[] = [];

  constructor(
    heap: Heap,
    kernels: KernelCache,
    threads: Threads,
    blas: Blas | null,
    slot: number,
    copy: (to: View, from: View) => void,
  ) {
    this.heap = heap;
    this.kernels = kernels;
    this.threads = threads;
    this.blas = blas;
    this.slot = slot;
    this.copy = copy;
    this.plans = new PlanCache(heap);
  }

  run(out: View, a: View, b: View, spec: Contraction): void {
    if (out.sizes.includes(0)) return;
    const plan = this.plans.find(out, a, b, spec) ?? this.plans.keep(this.plan(out, a, b, spec));
    const bytes = out.dtype.itemSize;
    const [left, right] = plan.kind === 'gemm' || !plan.swapped ? [a, b] : [b, a];
    const start = (v: View): number => v.storage.address + v.offset * bytes;
    const type = out.dtype.compute as MatmulType;
    let { beta } = spec;
    let from = 0;
    if (spec.start !== undefined) {
      if (plan.kind === 'direct' && !plan.swapped && isPerRow(spec.start, out, plan.rows, spec))
        from = start(spec.start);
      else {
        this.copy(out, spec.start);
        beta = 1;
      }
    }
    const factors = { alpha: spec.alpha, beta };
    switch (plan.kind) {
      case 'gemm':
        this.runGemm(plan, bytes, start(a), start(b), start(out), factors);
        break;
      case 'packed':
        this.runPacked(plan, type, start(left), start(right), start(out), factors);
        break;
      case 'direct':
        this.runDirect(plan, type, start(left), start(right), start(out), factors, from);
        break;
      case 'dot':
        this.runDot(plan, type, start(left), start(right), start(out), factors);
        break;
      default:
        plan satisfies never;
    }
  }

  private plan(out: View, a: View, b: View, spec: Contraction): Plan {
    const type = out.dtype.compute as MatmulType;
    const bytes = out.dtype.itemSize;
    const whole = sorted(out, a, b, spec);
    const flat = flattened(whole);
    if (this.blas !== null && (type === 'f32' || type === 'f64')) {
      const gemm = asGemm(flat, bytes);
      // Products with a vector run at the speed of memory: the kernels that read operands in place take half as long as BLAS.
      if (gemm !== null && Math.min(gemm.m, gemm.n) > 1) {
        const { batches } = gemm.swapped ? exchanged(flat) : flat;
        return { kind: 'gemm', gemm, batches: batchOffsets(batches, []) };
      }
    }
    const direct = asDirect(whole, bytes, PANEL_BYTES);
    const fused = hasRelaxedSimd() && (type === 'f32' || type === 'f64');
    const packed = asPacked(flat, bytes, tileRows(type, fused), fused);
    if (direct !== null && (overlaps(direct, bytes) || directNs(direct, bytes, fused) <= packed.ns)) {
      return this.planDirect(direct, bytes);
    }
    const dot = asDot(flat, bytes);
    if (dot !== null && dot.ns < packed.ns) return this.planDot(dot);
    return this.planPacked(packed, type, bytes);
  }

  private planPacked({ product: s, inPlace, ns }: PackedForm, type: MatmulType, bytes: number): PackedPlan {
    const { rows, columns, summed } = s;
    const [m, n, k, batchCount] = [numel(rows), numel(columns), numel(summed), numel(s.batches)];
    const [batches, rowOffsets, outRows, columnOffsets, outColumns, leftK, rightK] = this.plans.place([
      batchOffsets(s.batches, []),
      offsetsOf(rows, 'first', []),
      offsetsOf(rows, 'second', []),
      offsetsOf(columns, 'first', []),
      offsetsOf(columns, 'second', []),
      offsetsOf(summed, 'first', []),
      offsetsOf(summed, 'second', []),
    ]);
    const width = panelColumns(type);
    const rowsOfTile = tileRows(type, hasRelaxedSimd());
    const step = summed.length === 0 ? 0 : summed[summed.length - 1].first;
    const longest = PANEL_BLOCK_BYTES / (width * bytes);
    const blockK = Math.max(1, Math.min(k, n <= 2 * width ? 4 * longest : longest));
    const blueprint = new Blueprint<ProductField>(productFields, {
      left: 0,
      right: 0,
      out: 0,
      batches,
      batchCount,
      rowOffsets,
      m,
      leftK,
      inPlace: inPlace ? 1 : 0,
      step,
      columnOffsets,
      n,
      rightK,
      k,
      outRows,
      outColumns,
      blockTiles: Math.min(BLOCK_TILES, Math.floor(ROW_BYTES / (rowsOfTile * blockK * bytes))),
      blockN: Math.floor(PANEL_BYTES / (blockK * bytes) / width) * width,
      blockK,
      ...this.packedPlaces(0),
    });
    const tables = { batches, rowOffsets, outRows, columnOffsets, outColumns };
    return { kind: 'packed', blueprint, swapped: s.swapped, inPlace, ns, m, n, batchCount, ...tables };
  }

  private planDirect(s: Sorted, bytes: number): DirectPlan {
    const tables = directTables(s, bytes);
    const { vectorCount, blocks } = tables;
    const [batches, rowOffsets, leftK, outRows, vectors, rightK] = this.plans.place([
      tables.batches,
      tables.rowOffsets,
      tables.leftK,
      tables.outRows,
      tables.vectors,
      tables.rightK,
    ]);
    const k = tables.rightK.length;
    const batchCount = tables.batches.length / 3;
    const [fours, threes, twos, ones] = blocks;
    const blueprint = new Blueprint<DirectField>(directFields, {
      left: 0,
      right: 0,
      out: 0,
      batches,
      batchCount,
      rowOffsets,
      leftK,
      outRows,
      vectors,
      vectorCount,
      rightK,
      k,
      fours,
      threes,
      twos,
      ones,
      outStep: s.columns[s.columns.length - 1].second,
      panels: 0,
      start: 0,
    });
    const ns = 2 * numel(s.rows) * vectorCount * (16 / bytes) * k * batchCount * OPERATION_NS;
    const { swapped } = s;
    const rows = s.rows.length === 1 ? s.rows[0].size : 0;
    return { kind: 'direct', blueprint, swapped, ns, batches, batchCount, vectors, vectorCount, rows };
  }

  private planDot({ product, shape, ns }: DotForm): DotPlan {
    const { rows, columns, summed, batches: all, swapped } = product;
    const runLength = summed[summed.length - 1].size;
    const outer = summed.slice(0, -1);
    const second = offsetsOf(outer, 'second', []);
    const pairs = offsetsOf(outer, 'first', []).flatMap((first, i) => [first, second[i]]);
    const [batches, rowOffsets, outRows, columnOffsets, outColumns, runs] = this.plans.place([
      batchOffsets(all, []),
      offsetsOf(rows, 'first', []),
      offsetsOf(rows, 'second', []),
      offsetsOf(columns, 'first', []),
      offsetsOf(columns, 'second', []),
      pairs,
    ]);
    const n = numel(columns);
    const blueprint = new Blueprint<DotField>(dotFields, {
      left: 0,
      right: 0,
      out: 0,
      batches,
      batchCount: numel(all),
      rowOffsets,
      m: numel(rows),
      outRows,
      columnOffsets,
      n,
      outColumns,
      runs,
      runCount: second.length,
      runLength,
      runsPerBlock: runsPerBlock(runLength),
      shape,
    });
    return { kind: 'dot', blueprint, swapped, ns, n, columnOffsets, outColumns };
  }

  private kernel(family: Family, type: MatmulType): Kernel {
    const { programs, build } = family;
    let program = programs.get(type);
    if (program === undefined) {
      program = { compiled: [] };
      programs.set(type, program);
    }
    return this.kernels.get(program, this.slot, 0, () => build(type, hasRelaxedSimd(), this.kernels.memory));
  }

  /** The product by BLAS: batches one after another, large ones in parts. */
  private runGemm(plan: GemmPlan, bytes: number, a: number, b: number, out: number, factors: Factors): void {
    const { threads, heap } = this;
    const { batches, gemm } = plan;
    const { f32, f64 } = this.blas as Blas;
    const kernel = bytes === 4 ? f32 : f64;
    const { m, n, k } = gemm;
    // One part per thread: every call packs its operands anew.
    const parts = Math.min(threads.partsFor(2 * m * n * k * BLAS_OPERATION_NS), threads.count);
    const [left, right] = gemm.swapped ? [b, a] : [a, b];
    const part: Gemm = { ...gemm, ...factors };
    for (let i = 0; i < batches.length; i += 3) {
      part.a = left + batches[i];
      part.b = right + batches[i + 1];
      part.c = out + batches[i + 2];
      if (parts === 1) {
        writeGemm(heap, threads.descriptor(0), part);
        threads.run(kernel, 1);
        continue;
      }
      let used = 0;
      const share = (piece: Gemm): void => writeGemm(heap, threads.descriptor(used++), piece);
      if (m >= n) {
        const step = gemm.transA ? bytes : gemm.lda * bytes;
        eachShare(m, parts, 8, (from, count) => {
          share({ ...part, m: count, a: part.a + from * step, c: part.c + from * gemm.ldc * bytes });
        });
      } else {
        const step = gemm.transB ? gemm.ldb * bytes : bytes;
        eachShare(n, parts, 16, (from, count) => {
          share({ ...part, n: count, b: part.b + from * step, c: part.c + from * bytes });
        });
      }
      threads.run(kernel, used);
    }
  }

  private runPacked(
    plan: PackedPlan,
    type: MatmulType,
    left: number,
    right: number,
    out: number,
    factors: Factors,
  ): void {
    const { threads, heap } = this;
    const { m, n, batchCount, blueprint } = plan;
    const parts = threads.partsFor(plan.ns);
    const width = panelColumns(type);
    let used = 0;
    /** Describes the next part: everything but for some fields. */
    const share = (...changes: readonly (readonly [ProductField, number])[]): void => {
      const at = threads.descriptor(used);
      blueprint.write(heap, at, left, right, out, factors);
      if (used > 0) {
        const { scratch, panels, packedRows } = this.packedPlaces(used);
        blueprint.set(heap, at, 'scratch', scratch);
        blueprint.set(heap, at, 'panels', panels);
        blueprint.set(heap, at, 'packedRows', packedRows);
      }
      used++;
      for (const [field, value] of changes) blueprint.set(heap, at, field, value);
    };
    if (parts > 1 && batchCount >= parts) {
      eachShare(batchCount, parts, 1, (from, count) => {
        share(['batches', plan.batches + from * 12], ['batchCount', count]);
      });
    } else if (parts > 1) {
      const [down, across] = bestGrid(plan, parts, threads.count, width);
      eachShare(m, down, 1, (firstRow, rows) => {
        const [rowOffsets, outRows] = [plan.rowOffsets + firstRow * 4, plan.outRows + firstRow * 4];
        eachShare(n, across, width, (from, count) => {
          share(
            ['rowOffsets', rowOffsets],
            ['outRows', outRows],
            ['m', rows],
            ['columnOffsets', plan.columnOffsets + from * 4],
            ['outColumns', plan.outColumns + from * 4],
            ['n', count],
          );
        });
      });
    } else share();
    threads.run(this.kernel(this.packed, type), used);
  }

  private runDirect(
    plan: DirectPlan,
    type: MatmulType,
    left: number,
    right: number,
    out: number,
    factors: Factors,
    from: number,
  ): void {
    const { threads, heap } = this;
    const { blueprint, batchCount, vectorCount } = plan;
    const parts = threads.partsFor(plan.ns);
    let used = 0;
    const share = (...changes: readonly (readonly [DirectField, number])[]): void => {
      const at = threads.descriptor(used);
      blueprint.write(heap, at, left, right, out, factors);
      blueprint.set(heap, at, 'panels', this.workspace(used++) + SCRATCH_BYTES);
      blueprint.set(heap, at, 'start', from);
      for (const [field, value] of changes) blueprint.set(heap, at, field, value);
    };
    if (parts > 1 && batchCount >= parts) {
      eachShare(batchCount, parts, 1, (from, count) => {
        share(['batches', plan.batches + from * 12], ['batchCount', count]);
      });
    } else if (parts > 1 && vectorCount >= 2 * VECTOR_GROUP) {
      eachShare(vectorCount, parts, VECTOR_GROUP, (from, count) => {
        share(['vectors', plan.vectors + from * VECTOR_BYTES], ['vectorCount', count]);
      });
    } else share();
    threads.run(this.kernel(this.direct, type), used);
  }

  private runDot(
    plan: DotPlan,
    type: MatmulType,
    left: number,
    right: number,
    out: number,
    factors: Factors,
  ): void {
    const { threads, heap } = this;
    const { blueprint, n } = plan;
    const parts = Math.min(threads.partsFor(plan.ns), Math.ceil(n / DOT_COLUMNS));
    let used = 0;
    eachShare(n, Math.max(parts, 1), DOT_COLUMNS, (from, count) => {
      const at = threads.descriptor(used++);
      blueprint.write(heap, at, left, right, out, factors);
      blueprint.set(heap, at, 'columnOffsets', plan.columnOffsets + from * 4);
      blueprint.set(heap, at, 'outColumns', plan.outColumns + from * 4);
      blueprint.set(heap, at, 'n', count);
    });
    threads.run(this.kernel(this.dot, type), used);
  }

  /** What a part of a product with packed panels has memory for. */
  private packedPlaces(part: number): Record<'scratch' | 'panels' | 'packedRows', number> {
    const scratch = this.workspace(part);
    const panels = scratch + SCRATCH_BYTES;
    return { scratch, panels, packedRows: panels + PANEL_BYTES };
  }

  /** Memory for a part of the work: SCRATCH_BYTES, then room for packed columns and rows. */
  private workspace(part: number): number {
    while (this.workspaces.length <= part) {
      this.workspaces.push(this.heap.reserve(SCRATCH_BYTES + PANEL_BYTES + ROW_BYTES + 4096));
    }
    return this.workspaces[part];
  }
}

/** Into how many shares of rows and of columns a product is best cut, for about so many parts: every part packs what it needs. */
function bestGrid(
  { m, n, inPlace }: PackedPlan,
  parts: number,
  threads: number,
  width: number,
): readonly [down: number, across: number] {
  let best: readonly [number, number] = [1, 1];
  let least = Number.POSITIVE_INFINITY;
  // Parts that all threads finish together, or twice as many.
  for (const count of parts > threads ? [threads, parts] : [parts]) {
    for (let down = 1; down <= count; down++) {
      if (count % down !== 0) continue;
      const rows = Math.ceil(m / down);
      const columns = Math.min(n, Math.ceil((n * down) / count / width) * width);
      const packing = PACKING * ((inPlace ? 0 : rows) + columns);
      const time = Math.ceil(count / threads) * (rows * columns + packing);
      if (time < least) {
        least = time;
        best = [down, count / down];
      }
    }
  }
  return best;
}
