/** The wasm device, called 'cpu': SIMD WebAssembly that is generated when a kernel is first asked for. */
import { RuntimeError } from '../../base/errors.ts';
import type { DType } from '../../base/dtype.ts';
import type { Mt19937 } from '../../base/mt19937.ts';
import { product } from '../../base/shape.ts';
import { input } from '../../expr/expr.ts';
import { LoopProgram, type ReduceProgram, type RowProgram } from '../../kernel/program.ts';
import type { View } from '../../kernel/view.ts';
import type { BadIndex, Contraction, Device, Draw, Indices, MemoryStats, ScatterMode } from '../device.ts';
import { noteStorage } from '../scope.ts';
import { Storage } from '../storage.ts';
import { Blas } from './blas.ts';
import { ConstantPool } from './constants.ts';
import { Contractor } from './contract.ts';
import { Copier } from './copy.ts';
import { writeDescriptor } from './descriptor.ts';
import { Drawer } from './drawer.ts';
import { costOf, memoryCost } from './emit.ts';
import { Indexer } from './gather.ts';
import { Heap } from './heap.ts';
import { type Kernel, KernelCache } from './kernels.ts';
import { LANES } from './lanes.ts';
import { accessCodeOf, accessNames, Walk } from './layout.ts';
import { buildLoop } from './loop.ts';
import { writeNonzero } from './nonzero.ts';
import { Reclaimer } from './reclaim.ts';
import { Reducer } from './reduce.ts';
import { RowRunner } from './rows.ts';
import { Threads } from './threads.ts';
import { correlate } from './winograd/correlate.ts';
import { Runner } from './winograd/runner.ts';
import { writeZeros } from './zero.ts';

/** No operand. */
const none = {} as View;

export class WasmDevice implements Device {
  readonly name = 'cpu';
  readonly slot = 0;
  readonly heap: Heap = new Heap();
  private readonly reclaimer: Reclaimer = new Reclaimer(this.heap);
  private readonly pool: ConstantPool = new ConstantPool(this.heap);
  private readonly kernels: KernelCache = new KernelCache(this.heap);
  readonly threads: Threads = new Threads(this.heap);
  private foundBlas: Blas | null | undefined;
  private readonly descriptor: number = this.threads.descriptor(0);
  private readonly walk: Walk = new Walk();
  private readonly operands: View[] = [];
  private readonly reducer: Reducer = new Reducer(
    this.heap,
    this.kernels,
    this.pool,
    this.threads,
    this.slot,
  );
  private readonly rowRunner: RowRunner = new RowRunner(
    this.heap,
    this.kernels,
    this.pool,
    this.threads,
    this.slot,
  );
  private contractor: Contractor | null = null;
  private correlations: Runner | null = null;
  private readonly copier: Copier = new Copier(this.heap, this.kernels, this.threads, this.slot);
  private readonly indexer: Indexer = new Indexer(this.heap, this.kernels, this.threads, this.slot);
  private readonly drawer: Drawer = new Drawer(this.heap, this.kernels, this.pool, this.slot);

  /** The system's BLAS, or null. It is looked for at the first question: loading one takes longer than a small program. */
  get blas(): Blas | null {
    if (this.foundBlas === undefined) this.foundBlas = Blas.find(this.heap);
    return this.foundBlas;
  }

  allocate(nbytes: number): Storage {
    const { heap, reclaimer } = this;
    if (heap.liveBytes > reclaimer.limit) reclaimer.relieve();
    let address = heap.allocate(nbytes);
    if (address < 0) {
      reclaimer.sweep();
      address = heap.allocate(nbytes);
      if (address < 0) throw heap.outOfMemory(nbytes);
    }
    const storage = new Storage(this, address, nbytes);
    reclaimer.adopt(storage);
    noteStorage(storage);
    return storage;
  }

  release(storage: Storage): void {
    this.heap.free(storage.address, storage.nbytes);
    this.reclaimer.abandon(storage);
    storage.address = -1;
  }

  bytes(storage: Storage): Uint8Array {
    if (storage.address < 0) throw disposed();
    return this.heap.u8.subarray(storage.address, storage.address + storage.nbytes);
  }

  memoryStats(): MemoryStats {
    return this.heap.stats();
  }

  resetPeak(): void {
    this.heap.resetPeak();
  }

  zero(out: View): void {
    const { storage, offset, sizes, dtype } = out;
    if (storage.address < 0) throw disposed();
    const bytes = product(sizes) * dtype.itemSize;
    const address = storage.address + offset * dtype.itemSize;
    if (bytes > 0) writeZeros(this.heap, this.kernels, this.threads, this.slot, address, bytes);
  }

  loop(program: LoopProgram, outs: readonly View[], ins: readonly View[], params: readonly number[]): void {
    const { operands, walk } = this;
    let count = 0;
    for (let k = 0; k < outs.length; k++) operands[count++] = outs[k];
    for (let k = 0; k < ins.length; k++) operands[count++] = ins[k];
    for (let k = 0; k < count; k++) if (operands[k].storage.address < 0) throw disposed();
    walk.set(outs[0].sizes, operands, null, count);
    if (walk.numel === 0) return;
    walk.simplify();
    // Two bits per operand say how it moves; a product, as there may be more than 16 of them.
    let key = 0;
    const { rank, strides } = walk;
    for (let k = 0; k < count; k++) {
      const { itemSize } = operands[k].dtype;
      key *= 4;
      if (rank > 0) key += accessCodeOf(strides[k][rank - 1], itemSize, k >= outs.length);
      // So that nothing keeps the storages of the last kernel alive.
      operands[k] = none;
    }
    if (program.isCopy && this.copier.run(walk, program.inputs[0].itemSize as 1 | 2 | 4 | 8)) return;
    const kernel =
      this.kernels.find(program, this.slot, key) ?? this.compileLoop(program, key, params.length);
    try {
      this.runLoop(program, kernel, params);
    } catch (error) {
      throw trapped(error);
    }
  }

  private compileLoop(program: LoopProgram, key: number, scalars: number): Kernel {
    const count = program.outputs.length + program.inputs.length;
    const accesses = Array.from(
      { length: count },
      (_, k) => accessNames[Math.floor(key / 4 ** (count - 1 - k)) % 4],
    );
    return this.kernels.get(program, this.slot, key, () =>
      buildLoop(program, accesses, scalars, this.kernels.memory, this.pool),
    );
  }

  /** Runs a loop over the walk, on several threads where that pays. */
  private runLoop(program: LoopProgram, kernel: Kernel, params: readonly number[]): void {
    const { heap, walk, threads } = this;
    if (kernel.cost === 0) {
      const outs = program.outputs.map((o) => o.dtype);
      kernel.cost = costOf(program.outputs.map((o) => o.expr)) + memoryCost(outs, program.inputs);
    }
    const work = walk.numel * kernel.cost;
    // Outputs that accumulate may overlap themselves.
    const parts =
      kernel.portable && !program.accumulate && walk.rank > 0 ? threads.partsFor(work, kernel) : 1;
    if (parts === 1) {
      writeDescriptor(heap, this.descriptor, walk, params);
      threads.run(kernel, 1);
      return;
    }
    let used = 0;
    walk.eachShare(parts, LANES, () => writeDescriptor(heap, threads.descriptor(used++), walk, params));
    threads.run(kernel, used);
  }

  reduce(
    program: ReduceProgram,
    out: View,
    ins: readonly View[],
    reduced: readonly boolean[],
    params: readonly number[],
  ): void {
    if (out.storage.address < 0 || ins.some((v) => v.storage.address < 0)) throw disposed();
    this.reducer.run(program, out, ins, reduced, params);
  }

  rows(
    program: RowProgram,
    outs: readonly View[],
    ins: readonly View[],
    reduced: readonly boolean[],
    params: readonly number[],
  ): void {
    if (outs.some((v) => v.storage.address < 0) || ins.some((v) => v.storage.address < 0)) throw disposed();
    this.rowRunner.run(program, outs, ins, reduced, params);
  }

  contract(out: View, a: View, b: View, spec: Contraction): void {
    if (out.storage.address < 0 || a.storage.address < 0 || b.storage.address < 0) throw disposed();
    if (spec.start !== undefined && spec.start.storage.address < 0) throw disposed();
    this.contractor ??= new Contractor(
      this.heap,
      this.kernels,
      this.threads,
      this.blas,
      this.slot,
      (to, from) => this.loop(copyOf(to.dtype), [to], [from], []),
    );
    this.contractor.run(out, a, b, spec);
  }

  correlate(out: View, image: View, kernel: View, padding: readonly [number, number], beta: 0 | 1): boolean {
    if (out.storage.address < 0 || image.storage.address < 0 || kernel.storage.address < 0) throw disposed();
    this.correlations ??= new Runner(this.heap, this.kernels, this.threads, this.blas, this.slot);
    return correlate(this.correlations, out, image, kernel, padding, beta);
  }

  gather(out: View, source: View, indices: Indices): BadIndex | null {
    return this.indexer.gather(out, source, indices);
  }

  scatter(target: View, source: View, indices: Indices, mode: ScatterMode): BadIndex | null {
    return this.indexer.scatter(target, source, indices, mode);
  }

  nonzero(out: View, mask: View): void {
    if (out.storage.address < 0 || mask.storage.address < 0) throw disposed();
    writeNonzero(this.heap, this.kernels, this.slot, this.descriptor, out, mask);
  }

  draw(out: View, engine: Mt19937, draw: Draw): boolean {
    if (out.storage.address < 0) throw disposed();
    return this.drawer.draw(out, engine, draw);
  }
}

const copies = new Map<DType, LoopProgram>();

/** The program that copies elements as they are. */
function copyOf(dtype: DType): LoopProgram {
  let program = copies.get(dtype);
  if (program === undefined) {
    program = new LoopProgram([{ expr: input(0, dtype.compute), dtype }], [dtype]);
    copies.set(dtype, program);
  }
  return program;
}

function disposed(): RuntimeError {
  return new RuntimeError(
    'a tensor was used after its memory was given back (dispose, or the end of a tidy scope)',
  );
}

/** A trap of generated code as an error of the framework. */
function trapped(error: unknown): unknown {
  if (error instanceof WebAssembly.RuntimeError && /divide|remainder/.test(error.message)) {
    return new RuntimeError('ZeroDivisionError');
  }
  return error;
}

export const cpu: WasmDevice = new WasmDevice();
