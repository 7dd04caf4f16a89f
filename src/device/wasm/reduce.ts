/** Runs reductions: decides which way a kernel walks over memory, and how its work is shared among threads. */
import {
  bool,
  type ComputeType,
  type DType,
  float32,
  float64,
  int32,
  int64,
  uint8,
} from '../../base/dtype.ts';
import * as E from '../../expr/expr.ts';
import { ReduceProgram } from '../../kernel/program.ts';
import type { View } from '../../kernel/view.ts';
import type { ConstantPool } from './constants.ts';
import { costOf } from './emit.ts';
import type { Heap } from './heap.ts';
import type { Kernel, KernelCache } from './kernels.ts';
import { LANES } from './lanes.ts';
import { buildReduction, type Direction, isArg, SWEEP_BYTES } from './reduction.ts';
import { accessesOf, SplitWalk } from './splitwalk.ts';
import type { Threads } from './threads.ts';

/** Where a whole tensor becomes few results: threads reduce parts of it, and what they find is reduced again. */
interface InTwoSteps {
  readonly parts: ReduceProgram;
  readonly whole: ReduceProgram;
}

/** What holds the results of parts. Sums of single precision stay in double. */
const partial: Readonly<Record<ComputeType, DType>> = {
  bool,
  i32: int32,
  i64: int64,
  f32: float32,
  f64: float64,
};

const directions: readonly Direction[] = ['along', 'across', 'sweep'];

/** More results than this are shared among threads without a second step. */
const FEW_RESULTS = 1024;

/** A sweep is worth it from rows of this many columns, ... */
const SWEEP_ROW = 256;
/** ... so many of them ... */
const SWEEP_LEAST_ROWS = 16;
/** ... and more bytes than the second-level cache of a core. */
const SWEEP_LEAST_BYTES = 2 ** 20;

export class Reducer {
  private readonly heap: Heap;
  private readonly kernels: KernelCache;
  private readonly pool: ConstantPool;
  private readonly threads: Threads;
  private readonly slot: number;
  private readonly walk: SplitWalk = new SplitWalk();
  private readonly twoSteps: WeakMap<ReduceProgram, InTwoSteps> = new WeakMap();

  constructor(heap: Heap, kernels: KernelCache, pool: ConstantPool, threads: Threads, slot: number) {
    this.heap = heap;
    this.kernels = kernels;
    this.pool = pool;
    this.threads = threads;
    this.slot = slot;
  }

  run(
    program: ReduceProgram,
    out: View,
    ins: readonly View[],
    reduced: readonly boolean[],
    params: readonly number[],
  ): void {
    const { kept, gone } = this.walk;
    const { sizes } = ins[0];
    const keeps = reduced.map((r) => !r);
    kept.set(sizes, [out, ...ins, still(sizes)], keeps);
    if (kept.numel === 0) return;
    // Positions count in the order of the dimensions; without them dimensions merge in any order.
    const last = isArg(program.combine) ? positions(sizes, reduced) : still(sizes);
    gone.set(sizes, [still(sizes), ...ins, last], reduced);
    kept.simplify();
    gone.simplify();
    const direction = this.sweeps(program, ins) ? 'sweep' : this.walk.direction(1, ins[0].dtype.itemSize);
    const kernel = this.kernelFor(program, out, ins, direction, params.length);
    const { threads, heap } = this;
    if (kernel.cost === 0) kernel.cost = costOf([program.expr]) + 0.1 * ins.length;
    const work = kept.numel * gone.numel * kernel.cost;
    // How many shares the kept dimensions can be cut into.
    const shares = kept.rank === 0 ? 1 : kept.rank === 1 ? Math.ceil(kept.sizes[0] / LANES) : kept.sizes[0];
    if (kernel.portable && gone.rank > 0 && kept.numel <= FEW_RESULTS && !isArg(program.combine)) {
      const steps = threads.steadyParts(work);
      if (shares < steps) {
        this.runInTwoSteps(program, out, ins, reduced, params, steps, work);
        return;
      }
    }
    const parts = kernel.portable ? threads.partsFor(work, kernel) : 1;
    const scratch = direction === 'sweep' ? parts * SWEEP_BYTES : 0;
    const accumulators = scratch === 0 ? 0 : heap.allocate(scratch);
    if (accumulators < 0) throw heap.outOfMemory(scratch);
    let used = 0;
    const describe = (): void => {
      if (scratch > 0) kept.pointers[ins.length + 1] = accumulators + used * SWEEP_BYTES;
      this.walk.describe(heap, threads.descriptor(used++), direction === 'along', params);
    };
    if (parts === 1 || shares === 1) describe();
    else kept.eachShare(parts, LANES, describe);
    threads.run(kernel, used);
    if (scratch > 0) heap.free(accumulators, scratch);
  }

  /** Are there long rows to be combined, more than the caches hold, and so many that starting accumulators does not matter? */
  private sweeps(program: ReduceProgram, ins: readonly View[]): boolean {
    const { kept, gone } = this.walk;
    if (isArg(program.combine) || kept.rank === 0 || gone.rank === 0) return false;
    const inner = kept.rank - 1;
    const rows = gone.sizes[gone.rank - 1];
    if (kept.sizes[inner] < SWEEP_ROW || rows < SWEEP_LEAST_ROWS) return false;
    if (kept.sizes[inner] * gone.numel * ins[0].dtype.itemSize < SWEEP_LEAST_BYTES) return false;
    return ins.every((v, i) => {
      const stride = kept.strides[i + 1][inner];
      return stride === 0 || stride === v.dtype.itemSize;
    });
  }

  private kernelFor(
    program: ReduceProgram,
    out: View,
    ins: readonly View[],
    direction: Direction,
    scalars: number,
  ): Kernel {
    const itemSizes = [out, ...ins].map((v) => v.dtype.itemSize);
    // The last operand is none: its address is a position, or where a sweep accumulates.
    itemSizes.push(uint8.itemSize);
    const key = this.walk.key(directions.indexOf(direction), direction === 'along', itemSizes);
    return this.kernels.get(program, this.slot, key, () => {
      const accesses = accessesOf(key, itemSizes.length);
      return buildReduction(program, direction, accesses, scalars, this.kernels.memory, this.pool);
    });
  }

  /** Reduces shares of the reduced dimensions on threads, then their results. The walks are those of the whole. */
  private runInTwoSteps(
    program: ReduceProgram,
    out: View,
    ins: readonly View[],
    reduced: readonly boolean[],
    params: readonly number[],
    parts: number,
    work: number,
  ): void {
    const { heap, threads, walk } = this;
    const { kept, gone } = walk;
    const steps = this.stepsOf(program);
    const { sizes } = ins[0];
    const dtype = steps.parts.output;
    const keptSizes = sizes.map((size, d) => (reduced[d] ? 1 : size));
    const nbytes = parts * kept.numel * dtype.itemSize;
    const address = heap.allocate(nbytes);
    if (address < 0) throw heap.outOfMemory(nbytes);
    const storage = { address } as View['storage'];
    const found: View = { storage, dtype, sizes, strides: rowMajor(keptSizes), offset: 0 };
    kept.set(
      sizes,
      [found, ...ins, still(sizes)],
      reduced.map((r) => !r),
    );
    kept.simplify();
    const direction = this.walk.direction(1, ins[0].dtype.itemSize);
    const kernel = this.kernelFor(steps.parts, found, ins, direction, params.length);
    const step = kept.numel * dtype.itemSize;
    let used = 0;
    gone.eachShare(parts, LANES * 8, () => {
      // What belongs to the reduced dimensions moves the operands of the kept ones.
      const first = kept.pointers.slice(0, kept.count);
      for (let k = 1; k < kept.count; k++) kept.pointers[k] = gone.pointers[k];
      kept.pointers[0] = address + used * step;
      this.walk.describe(heap, threads.descriptor(used++), direction === 'along', params);
      for (let k = 0; k < kept.count; k++) kept.pointers[k] = first[k];
    });
    threads.run(kernel, used, threads.partsFor(work, kernel) > 1);
    const results: View = {
      storage,
      dtype,
      sizes: [used, ...keptSizes],
      strides: [kept.numel, ...rowMajor(keptSizes)],
      offset: 0,
    };
    const target: View = {
      storage: out.storage,
      dtype: out.dtype,
      sizes: results.sizes,
      strides: [0, ...out.strides],
      offset: out.offset,
    };
    this.run(steps.whole, target, [results], [true, ...sizes.map(() => false)], params);
    heap.free(address, nbytes);
  }

  private stepsOf(program: ReduceProgram): InTwoSteps {
    let steps = this.twoSteps.get(program);
    if (steps === undefined) {
      const { combine, expr, inputs, output, finish } = program;
      const dtype = combine === 'sum' && expr.type === 'f32' ? float64 : partial[expr.type];
      steps = {
        parts: new ReduceProgram(combine, expr, inputs, dtype),
        whole: new ReduceProgram(combine, E.input(0, dtype.compute), [dtype], output, finish),
      };
      this.twoSteps.set(program, steps);
    }
    return steps;
  }
}

/** Strides of elements that follow each other in the order of the dimensions; 0 where there is one only. */
function rowMajor(sizes: readonly number[]): number[] {
  const strides = new Array<number>(sizes.length).fill(0);
  let step = 1;
  for (let d = sizes.length - 1; d >= 0; d--) {
    if (sizes[d] !== 1) strides[d] = step;
    step *= sizes[d];
  }
  return strides;
}

/** An operand that does not move. */
function still(sizes: readonly number[]): View {
  return { storage: nowhere, dtype: uint8, sizes, strides: sizes.map(() => 0), offset: 0 };
}

/** An "operand" whose address is the row-major position within the reduced dimensions. */
function positions(sizes: readonly number[], reduced: readonly boolean[]): View {
  const strides = new Array<number>(sizes.length).fill(0);
  let step = 1;
  for (let d = sizes.length - 1; d >= 0; d--) {
    if (!reduced[d]) continue;
    strides[d] = step;
    step *= sizes[d];
  }
  return { storage: nowhere, dtype: uint8, sizes, strides, offset: 0 };
}

const nowhere = { address: 0 } as View['storage'];
