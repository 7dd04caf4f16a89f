/**
 * The heap of the wasm device: one WebAssembly.Memory, and a caching allocator in it.
 *
 * Blocks up to 32 KiB come from size classes: fixed-size slots cut from spans. Larger blocks are runs of 4 KiB pages. Freed
 * runs wait in a list per exact length, so that a loop that asks for the same sizes again gets the memory that is still in
 * the caches; only when that has nothing fitting are neighbours merged and the best-fitting hole split. The heap grows when
 * that fails too. All addresses are multiples of 64.
 */
import { OutOfMemoryError } from '../../base/errors.ts';
import type { MemoryStats } from '../device.ts';

const WASM_PAGE = 65536;
/** One page less than the 4 GiB that 32-bit addresses reach: a byte array over 2³² bytes is too long for some engines. */
const MAX_WASM_PAGES = 65535;
const PAGE_SHIFT = 12;
const PAGE = 1 << PAGE_SHIFT;
/** Larger blocks are runs of pages. */
const SMALL_LIMIT = 32768;
/** Freed runs of fewer pages than this (16 MiB) wait for a request of the same length before they are merged. */
const QUICK_PAGES = 4096;
/** Nothing is handed out below this address (so that 0 is never a valid one), and nothing above the end minus this, so that
 * a kernel may read, not write, one vector past the end of a block. */
const MARGIN = PAGE;

/** Class sizes: multiples of 64 up to 1 KiB, then eight steps per doubling. */
function makeClasses(): { sizes: number[]; table: Uint8Array } {
  const sizes: number[] = [];
  for (let size = 64; size <= 1024; size += 64) sizes.push(size);
  for (let base = 1024; base < SMALL_LIMIT; base *= 2) {
    for (let step = 1; step <= 8; step++) sizes.push(base + (base / 8) * step);
  }
  // table[ceil(nbytes / 64)] is the smallest class that holds nbytes.
  const table = new Uint8Array(SMALL_LIMIT / 64 + 1);
  let c = 0;
  for (let units = 0; units < table.length; units++) {
    while (sizes[c] < units * 64) c++;
    table[units] = c;
  }
  return { sizes, table };
}

const { sizes: CLASS_SIZES, table: CLASS_OF } = makeClasses();

function spanBytes(classSize: number): number {
  return classSize <= 4096 ? 65536 : 262144;
}

/** First-level bins double, eight second-level bins divide each: bin of a run of `pages`, rounded down. */
function binOf(pages: number): number {
  if (pages < 16) return pages;
  const log = 31 - Math.clz32(pages);
  return 16 + (log - 4) * 8 + ((pages >>> (log - 3)) & 7);
}
const BINS = binOf(MAX_WASM_PAGES * (WASM_PAGE / PAGE)) + 1;

let warned = false;

function createMemory(): { memory: WebAssembly.Memory; maximum: number; shared: boolean } {
  if (typeof SharedArrayBuffer === 'undefined') {
    if (!warned) {
      warned = true;
      console.warn(
        'TypeTorch: SharedArrayBuffer is not available, so computations use one thread. To enable threads serve the page ' +
          'with the headers "Cross-Origin-Opener-Policy: same-origin" and "Cross-Origin-Embedder-Policy: require-corp".',
      );
    }
    return { memory: new WebAssembly.Memory({ initial: 16 }), maximum: MAX_WASM_PAGES, shared: false };
  }
  // Hosts that cannot reserve 4 GiB of address space (phones) may still reserve less.
  for (let maximum = MAX_WASM_PAGES; ; maximum >>>= 1) {
    try {
      return {
        memory: new WebAssembly.Memory({ initial: 16, maximum, shared: true }),
        maximum,
        shared: true,
      };
    } catch (error) {
      if (maximum <= 2048) throw error;
    }
  }
}

export class Heap {
  readonly memory: WebAssembly.Memory;
  /** Is the memory shared, so that threads can work on it? */
  readonly shared: boolean;
  /** The memory's maximum, in pages of 64 KiB: what an importing module declares. */
  readonly maximumPages: number;
  /** Views of the whole memory; replaced when it grows. */
  u8: Uint8Array;
  i32: Int32Array;
  f64: Float64Array;
  /** In blocks that are handed out, rounded up to what they occupy. */
  liveBytes = 0;
  liveBlocks = 0;
  private peak = 0;
  private allocations = 0;

  // Free slots per class, last freed last; addresses in units of 64 bytes so that they stay small integers.
  private readonly slots: number[][] = CLASS_SIZES.map(() => []);
  private readonly spans: number[][] = CLASS_SIZES.map(() => []);
  private readonly capacities: number[] = CLASS_SIZES.map(() => 0);

  // Runs of pages. At the first and last page of a run: its length, negative when free.
  private run: Int32Array = new Int32Array(0);
  private next: Int32Array = new Int32Array(0);
  private previous: Int32Array = new Int32Array(0);
  private readonly bins: Int32Array = new Int32Array(BINS).fill(-1);
  private readonly quick: (number[] | undefined)[] = new Array<number[] | undefined>(QUICK_PAGES).fill(
    undefined,
  );
  /** The lengths for which there is a list. */
  private readonly quickLengths: number[] = [];
  private freeBytes = 0;
  /** The end of the pages that belong to runs. */
  private end = MARGIN >>> PAGE_SHIFT;
  private readonly reserved: number[] = [];
  private reservedBytes = 0;
  private reserveAt = 0;
  private reserveEnd = 0;

  constructor() {
    const { memory, maximum, shared } = createMemory();
    this.memory = memory;
    this.maximumPages = maximum;
    this.shared = shared;
    this.u8 = new Uint8Array(0);
    this.i32 = new Int32Array(0);
    this.f64 = new Float64Array(0);
    this.refresh();
  }

  /** A block of at least `nbytes`; -1 where the heap cannot grow any further. */
  allocate(nbytes: number): number {
    if (nbytes <= SMALL_LIMIT) {
      const c = CLASS_OF[(nbytes + 63) >>> 6];
      const free = this.slots[c];
      if (free.length === 0 && !this.refill(c)) return -1;
      this.account(CLASS_SIZES[c]);
      return (free.pop() as number) * 64;
    }
    const pages = Math.ceil(nbytes / PAGE);
    let page = -1;
    if (pages < QUICK_PAGES) {
      const same = this.quick[pages];
      if (same !== undefined && same.length > 0) {
        page = same.pop() as number;
        this.freeBytes -= pages * PAGE;
      }
    }
    if (page < 0) page = this.takeRun(pages);
    if (page < 0) return -1;
    this.account(pages * PAGE);
    return page * PAGE;
  }

  /** Takes a block back; `nbytes` is what was asked for. */
  free(address: number, nbytes: number): void {
    this.liveBlocks--;
    if (nbytes <= SMALL_LIMIT) {
      const c = CLASS_OF[(nbytes + 63) >>> 6];
      this.liveBytes -= CLASS_SIZES[c];
      this.slots[c].push(address / 64);
      return;
    }
    const pages = Math.ceil(nbytes / PAGE);
    this.liveBytes -= pages * PAGE;
    const page = address / PAGE;
    if (pages < QUICK_PAGES) {
      const same = this.quick[pages];
      if (same === undefined) {
        this.quick[pages] = [page];
        this.quickLengths.push(pages);
      } else same.push(page);
      this.freeBytes += pages * PAGE;
    } else this.mergeRun(page, pages);
  }

  /** Permanent memory for kernels (constants, tables), aligned to 64 bytes and zero. Throws an OutOfMemoryError. */
  reserve(nbytes: number): number {
    const size = Math.ceil(nbytes / 64) * 64;
    if (this.reserveAt + size > this.reserveEnd) {
      const pages = Math.ceil(Math.max(size, WASM_PAGE) / PAGE);
      const page = this.takeRun(pages);
      if (page < 0) throw this.outOfMemory(nbytes);
      this.reserveAt = page * PAGE;
      this.reserveEnd = this.reserveAt + pages * PAGE;
      this.reserved.push(page);
      this.u8.fill(0, this.reserveAt, this.reserveEnd);
      this.reservedBytes += pages * PAGE;
    }
    const address = this.reserveAt;
    this.reserveAt += size;
    return address;
  }

  stats(): MemoryStats {
    let cached = this.freeBytes;
    for (let c = 0; c < CLASS_SIZES.length; c++) cached += this.slots[c].length * CLASS_SIZES[c];
    return {
      liveBytes: this.liveBytes,
      liveBlocks: this.liveBlocks,
      cachedBytes: cached,
      reservedBytes: this.reservedBytes,
      heapBytes: this.memory.buffer.byteLength,
      peakBytes: this.peak,
      allocations: this.allocations,
    };
  }

  /** `peakBytes` counts from now on. */
  resetPeak(): void {
    this.peak = this.liveBytes;
  }

  /** How many blocks of which size are handed out, the sizes with the most bytes first. */
  census(): { size: number; count: number }[] {
    const found = new Map<number, number>();
    const count = (size: number, n: number): void => void found.set(size, (found.get(size) ?? 0) + n);
    const known = new Set<number>(this.reserved);
    for (let c = 0; c < CLASS_SIZES.length; c++) {
      count(CLASS_SIZES[c], this.capacities[c] - this.slots[c].length);
      for (const page of this.spans[c]) known.add(page);
    }
    for (let page = MARGIN >>> PAGE_SHIFT; page < this.end; page += Math.abs(this.run[page])) {
      if (this.run[page] > 0 && !known.has(page)) count(this.run[page] * PAGE, 1);
    }
    this.quick.forEach((list, pages) => {
      if (list !== undefined) count(pages * PAGE, -list.length);
    });
    return [...found]
      .map(([size, n]) => ({ size, count: n }))
      .filter((entry) => entry.count > 0)
      .sort((a, b) => b.size * b.count - a.size * a.count);
  }

  /** The error for a request that cannot be met: says what is alive. */
  outOfMemory(nbytes: number): OutOfMemoryError {
    const limit = this.maximumPages * WASM_PAGE;
    const lines = this.census()
      .slice(0, 8)
      .map(({ size, count }) => `  ${count} × ${megabytes(size)} = ${megabytes(size * count)}`);
    return new OutOfMemoryError(
      `cannot allocate ${megabytes(nbytes)}: ${megabytes(this.liveBytes)} in ${this.liveBlocks} storages are alive, and ` +
        `the heap ends at ${megabytes(limit)}. The largest groups:\n${lines.join('\n')}`,
    );
  }

  private account(bytes: number): void {
    this.liveBlocks++;
    this.allocations++;
    this.liveBytes += bytes;
    if (this.liveBytes > this.peak) this.peak = this.liveBytes;
  }

  /** Cuts a new span into slots of class `c`. */
  private refill(c: number): boolean {
    const size = CLASS_SIZES[c];
    const bytes = spanBytes(size);
    const page = this.takeRun(bytes / PAGE);
    if (page < 0) return false;
    const free = this.slots[c];
    const start = (page * PAGE) / 64;
    const count = Math.floor(bytes / size);
    // The first slot is the last one pushed: memory is used from low to high.
    for (let i = count - 1; i >= 0; i--) free.push(start + (i * size) / 64);
    this.spans[c].push(page);
    this.capacities[c] += count;
    return true;
  }

  /** Gives spans without a used slot back to the runs. Returns whether there were any. */
  private trimSpans(): boolean {
    let any = false;
    for (let c = 0; c < CLASS_SIZES.length; c++) {
      const free = this.slots[c];
      const size = CLASS_SIZES[c];
      const bytes = spanBytes(size);
      const perSpan = Math.floor(bytes / size);
      if (free.length < perSpan) continue;
      const spans = this.spans[c].sort((a, b) => a - b);
      const spanIndex = (slot: number): number => {
        const page = Math.floor((slot * 64) / PAGE);
        let low = 0;
        for (let high = spans.length - 1; low < high; ) {
          const middle = (low + high + 1) >>> 1;
          if (spans[middle] <= page) low = middle;
          else high = middle - 1;
        }
        return low;
      };
      const counts = new Int32Array(spans.length);
      for (const slot of free) counts[spanIndex(slot)]++;
      if (!counts.includes(perSpan)) continue;
      any = true;
      this.slots[c] = free.filter((slot) => counts[spanIndex(slot)] < perSpan);
      this.spans[c] = spans.filter((page, i) => {
        if (counts[i] < perSpan) return true;
        this.capacities[c] -= perSpan;
        this.mergeRun(page, bytes / PAGE);
        return false;
      });
    }
    return any;
  }

  /** Merges the freed runs that wait for a request of their own length. Returns whether there were any. */
  private flushQuick(): boolean {
    let any = false;
    for (const pages of this.quickLengths) {
      const list = this.quick[pages] as number[];
      if (list.length === 0) continue;
      any = true;
      this.freeBytes -= list.length * pages * PAGE;
      for (const page of list) this.mergeRun(page, pages);
      list.length = 0;
    }
    return any;
  }

  /** A run of exactly `pages`, from a hole, from merged holes, or from a grown heap; -1 where there is none. */
  private takeRun(pages: number): number {
    let page = this.takeHole(pages);
    if (page < 0 && this.flushQuick()) page = this.takeHole(pages);
    if (page < 0 && this.grow(pages)) page = this.takeHole(pages);
    if (page < 0 && this.trimSpans()) page = this.takeHole(pages);
    return page;
  }

  private takeHole(pages: number): number {
    let bin = binOf(pages);
    // In the run's own bin some holes may be too short; in all later ones every hole fits.
    let page = this.bins[bin];
    while (page >= 0 && -this.run[page] < pages) page = this.next[page];
    while (page < 0 && ++bin < BINS) page = this.bins[bin];
    if (page < 0) return -1;
    const length = -this.run[page];
    this.unlink(page, length);
    this.mark(page, pages);
    if (length > pages) this.link(page + pages, length - pages);
    return page;
  }

  /** Frees a run and merges it with free neighbours. */
  private mergeRun(page: number, pages: number): void {
    const after = this.run[page + pages];
    if (page + pages < this.end && after < 0) {
      this.unlink(page + pages, -after);
      pages -= after;
    }
    const before = this.run[page - 1];
    if (page > MARGIN >>> PAGE_SHIFT && before < 0) {
      page += before;
      pages -= before;
      this.unlink(page, -before);
    }
    this.link(page, pages);
  }

  private mark(page: number, length: number): void {
    this.run[page] = length;
    this.run[page + Math.abs(length) - 1] = length;
  }

  private link(page: number, pages: number): void {
    this.mark(page, -pages);
    const bin = binOf(pages);
    const first = this.bins[bin];
    this.next[page] = first;
    this.previous[page] = -1;
    if (first >= 0) this.previous[first] = page;
    this.bins[bin] = page;
    this.freeBytes += pages * PAGE;
  }

  private unlink(page: number, pages: number): void {
    const next = this.next[page];
    const previous = this.previous[page];
    if (next >= 0) this.previous[next] = previous;
    if (previous >= 0) this.next[previous] = next;
    else this.bins[binOf(pages)] = next;
    this.freeBytes -= pages * PAGE;
  }

  /** Makes room for a run of `pages` at the end, in steps of an eighth of the heap. */
  private grow(pages: number): boolean {
    const free = this.end > MARGIN >>> PAGE_SHIFT && this.run[this.end - 1] < 0 ? -this.run[this.end - 1] : 0;
    const bytes = this.end * PAGE;
    const needed = (this.end + pages - free) * PAGE + MARGIN;
    const limit = this.maximumPages * WASM_PAGE;
    if (needed > limit) return false;
    const wanted = Math.min(limit, Math.max(needed, bytes + Math.max(bytes / 8, 1 << 20)));
    if (!this.growTo(wanted) && !this.growTo(needed)) return false;
    const end = Math.floor((this.memory.buffer.byteLength - MARGIN) / PAGE);
    const start = this.end;
    this.end = end;
    this.mergeRun(start, end - start);
    return true;
  }

  private growTo(bytes: number): boolean {
    const pages = Math.ceil(bytes / WASM_PAGE) - this.memory.buffer.byteLength / WASM_PAGE;
    if (pages <= 0) return true;
    try {
      this.memory.grow(pages);
    } catch {
      return false;
    }
    this.refresh();
    return true;
  }

  /** New views and page tables after the memory has grown. */
  private refresh(): void {
    const { buffer } = this.memory;
    this.u8 = new Uint8Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.f64 = new Float64Array(buffer);
    const pages = buffer.byteLength / PAGE;
    if (pages > this.run.length) {
      const capacity = Math.max(pages, this.run.length * 2) + 1;
      this.run = enlarged(this.run, capacity);
      this.next = enlarged(this.next, capacity);
      this.previous = enlarged(this.previous, capacity);
    }
  }
}

function enlarged(old: Int32Array, length: number): Int32Array {
  const array = new Int32Array(length);
  array.set(old);
  return array;
}

function megabytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1 << 20) return `${(bytes / 1024).toFixed(1)} KiB`;
  if (bytes < 2 ** 30) return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  return `${(bytes / 2 ** 30).toFixed(2)} GiB`;
}
