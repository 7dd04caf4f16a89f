/**
 * Threads: workers over the shared memory that run the same kernels on parts of the work.
 *
 * The calling thread and the workers take parts one after another from a common counter until none is left, so that a worker which
 * is late, or has lost its core to something else, costs nothing; the call returns when all parts are done. A worker has no
 * messages: it waits on a word of the shared memory, reads there what to run, and compiles a kernel's code when it sees the
 * kernel for the first time. It spins for a moment before it sleeps, as the next kernel of a training step usually comes soon.
 */
import { RuntimeError, ValueError } from '../../base/errors.ts';
import { builtin } from '../host.ts';
import { blasSource } from './blas.ts';
import type { Heap } from './heap.ts';
import type { Kernel } from './kernels.ts';

/** Bytes for the descriptor of a part of a running kernel. */
const DESCRIPTOR_BYTES = 16384;
/** Work below this takes less time than waking a worker and waiting for it, ... */
const WORTH_NS = 80_000;
/** ... unless more of it is coming, as where so much came within so many milliseconds. */
const DENSE_NS = 120_000;
const DENSE_MS = 0.5;
/** The same while the workers are awake: they take their parts at once. */
const AWAKE_WORTH_NS = 20_000;
/**
 * Workers are started after this much work that they could have shared: starting and ending one takes about as long as it would then have
 * saved. A program with less to do ends sooner without.
 */
const START_NS = 50_000_000;
/** Jobs that should take at least this long are measured. */
const MEASURED_NS = 5_000;
/** Every part should be at least this long. */
const PART_NS = 10_000;
const MAX_THREADS = 64;
/** Parts per thread: more let threads that are ahead take from those that are behind. */
const PARTS_PER_THREAD = 2;
/** How often a worker looks for the next job before it sleeps: 100 to 200 µs, as the next large product of a small network is that far. */
const SPINS = 30_000;
/** After so many looks, 5 to 10 µs, a thread that waits asks itself whether it should go on. */
const ROUND = 1024;
/** For so many rounds a caller waits for parts that others have begun before it sleeps. */
const CALLER_ROUNDS = 30;

// The control words, by index from the start of the control block.
/** Goes up by one for every job: what workers wait on. */
const SEQUENCE = 0;
/** How many parts of the job have not been taken: whoever lowers it from p > 0 has part p − 1. Zero or less between jobs. */
const LEFT = 1;
const DONE = 2;
/** How many workers have started. */
const READY = 3;
const FAILED = 4;
/** The job: the kernel's number, and address and length of its code. Written between jobs only. */
const KERNEL = 5;
/** How many workers sleep, and have to be woken. */
const SLEEPERS = 8;
/** How many parts the job has, and the sequence number of the last job whose caller has seen it done. */
const PARTS = 9;
const SEEN_DONE = 10;
/** 1 while the caller sleeps until the parts are done. */
const CALLER_SLEEPS = 11;
/** The descriptors of the parts. */
const DESCRIPTORS = 16;

/**
 * What a worker runs: self-contained, so that it loads the same way in every host. Functions other than the memory are not there, so kernels that
 * import some stay on the calling thread.
 */
const workerSource = `
${blasSource}
function work({ memory, control }) {
  const base = control >> 2;
  const kernels = new Map();
  let words = new Int32Array(memory.buffer);
  let seen = Atomics.load(words, base + ${SEQUENCE});
  const load = () => {
    const id = words[base + ${KERNEL}];
    let run = kernels.get(id);
    if (run === undefined) {
      const at = words[base + ${KERNEL + 1}];
      const code = new Uint8Array(memory.buffer).slice(at, at + words[base + ${KERNEL + 2}]);
      if (id < 0) {
        // While the caller waits: a process that is about to end must not be loading native code.
        const { koffi, library } = JSON.parse(new TextDecoder().decode(code));
        run = blasKernels(require(koffi), library, memory).get(id);
      } else run = new WebAssembly.Instance(new WebAssembly.Module(code), { env: { memory } }).exports.run;
      if (kernels.size > 4096) kernels.clear();
      kernels.set(id, run);
    }
    return run;
  };
  Atomics.add(words, base + ${READY}, 1);
  for (;;) {
    let part;
    while ((part = Atomics.sub(words, base + ${LEFT}, 1)) > 0) {
      // The job stays as it is until this part is done. The memory may have grown since the last one.
      words = new Int32Array(memory.buffer);
      try {
        load()(words[base + ${DESCRIPTORS} + part - 1]);
      } catch {
        Atomics.store(words, base + ${FAILED}, 1);
      }
      Atomics.add(words, base + ${DONE}, 1);
      if (Atomics.load(words, base + ${CALLER_SLEEPS}) === 1) Atomics.notify(words, base + ${DONE});
    }
    let now = seen;
    let unseen = false;
    for (let i = 1; i <= ${SPINS} && now === seen; i++) {
      now = Atomics.load(words, base + ${SEQUENCE});
      if (i % ${ROUND} !== 0) continue;
      // A caller that does not notice that all is done has no core; perhaps it needs this one.
      const done = Atomics.load(words, base + ${DONE}) === Atomics.load(words, base + ${PARTS});
      const before = unseen;
      unseen = done && Atomics.load(words, base + ${SEEN_DONE}) !== seen;
      if (before && unseen) break;
    }
    if (now === seen) {
      // Announced before the word is looked at again, so that either the caller sees the sleeper or the sleeper sees the job.
      Atomics.add(words, base + ${SLEEPERS}, 1);
      while (now === seen) {
        Atomics.wait(words, base + ${SEQUENCE}, seen);
        now = Atomics.load(words, base + ${SEQUENCE});
      }
      Atomics.sub(words, base + ${SLEEPERS}, 1);
    }
    seen = now;
  }
}
`;

interface WorkerData {
  readonly memory: WebAssembly.Memory;
  readonly control: number;
}

/** What is used of node:worker_threads. */
interface WorkerThreads {
  Worker: new (
    code: string,
    options: { eval: true; workerData: WorkerData; execArgv: string[]; stdin: boolean },
  ) => {
    unref(): void;
    terminate(): Promise<number>;
    on(event: 'error', listener: (error: unknown) => void): void;
  };
}

/** What is used of node:os. */
interface Os {
  availableParallelism(): number;
}

/** How many threads the host can run at once. */
function hostParallelism(): number {
  const os = builtin<Os>('node:os');
  if (os !== null) return os.availableParallelism();
  const { hardwareConcurrency } =
    (globalThis as { navigator?: { hardwareConcurrency?: number } }).navigator ?? {};
  return hardwareConcurrency ?? 1;
}

/** `TYPETORCH_NUM_THREADS`, where it is set to a whole number. */
function wantedThreads(): number | null {
  const { env } = (globalThis as { process?: { env?: Record<string, string | undefined> } }).process ?? {};
  const text = env?.TYPETORCH_NUM_THREADS;
  return text !== undefined && /^[1-9]\d*$/.test(text) ? Number(text) : null;
}

export class Threads {
  private readonly heap: Heap;
  private readonly control: number;
  private readonly descriptors: number[] = [];
  /** 0 until it is asked for. */
  private wanted = 0;
  private started = 1;
  /** How much work was done on one thread because the others were not there. */
  private missed = 0;
  /** Work of which workers could have done a part, had they not slept, and since when, in milliseconds. */
  private sleptThrough = 0;
  private sleptThroughSince = 0;
  /** What the next job should take in nanoseconds, if it is to be measured; else 0. */
  private estimate = 0;

  constructor(heap: Heap) {
    this.heap = heap;
    this.control = heap.reserve((DESCRIPTORS + MAX_THREADS * PARTS_PER_THREAD) * 4);
    this.descriptor(0);
  }

  /** How many threads work on a large kernel. */
  get count(): number {
    if (this.wanted === 0) {
      this.wanted = this.heap.shared ? Math.min(wantedThreads() ?? hostParallelism(), MAX_THREADS) : 1;
    }
    return this.wanted;
  }

  /** `torch.set_num_threads`. Throws a ValueError unless `count` is a positive whole number. */
  set count(count: number) {
    if (!Number.isInteger(count) || count < 1) {
      throw new ValueError(`set_num_threads expects a positive integer, got ${String(count)}`);
    }
    this.wanted = this.heap.shared ? Math.min(count, MAX_THREADS) : 1;
  }

  /** The address of the descriptor for a part of the work; part 0 is the calling thread's. */
  descriptor(part: number): number {
    while (this.descriptors.length <= part) this.descriptors.push(this.heap.reserve(DESCRIPTOR_BYTES));
    return this.descriptors[part];
  }

  /**
   * Into how many parts work of about `nanoseconds` is best split; 1 where threads do not pay or are not there yet. With the kernel that will do it, what
   * this took before corrects the estimate.
   */
  partsFor(nanoseconds: number, kernel?: Kernel): number {
    if (this.count === 1) return 1;
    this.estimate = kernel === undefined ? 0 : nanoseconds;
    const work = kernel === undefined ? nanoseconds : nanoseconds * kernel.pace;
    if (work < AWAKE_WORTH_NS) return 1;
    if (this.started < this.wanted) {
      this.missed += work;
      if (this.missed < START_NS) return 1;
      this.start();
    }
    const { i32 } = this.heap;
    const base = this.control >> 2;
    const available = 1 + Atomics.load(i32, base + READY);
    const threads = Math.min(this.wanted, available);
    if (threads === 1) return 1;
    if (Atomics.load(i32, base + SLEEPERS) > 0 && !this.worthWaking(work)) return 1;
    return partsOf(work, threads);
  }

  /** Is it worth waking workers for this work, or for as much as came lately? */
  private worthWaking(work: number): boolean {
    const now = performance.now();
    if (now - this.sleptThroughSince > DENSE_MS) {
      this.sleptThroughSince = now;
      this.sleptThrough = 0;
    }
    this.sleptThrough += work;
    return work >= WORTH_NS || this.sleptThrough >= DENSE_NS;
  }

  /** The same for work whose result depends on the parts: whatever the threads are doing, the parts are the same. */
  steadyParts(nanoseconds: number): number {
    return this.count === 1 || nanoseconds < WORTH_NS ? 1 : partsOf(nanoseconds, this.count);
  }

  /** Runs `kernel` on the descriptors of parts 0 to `parts` − 1, on all threads or on this one. */
  run(kernel: Kernel, parts: number, together = true): void {
    const { estimate } = this;
    this.estimate = 0;
    const start = estimate >= MEASURED_NS ? performance.now() : 0;
    let own = 0;
    if (parts === 1 || !together) {
      while (own < parts) kernel.run(this.descriptors[own++]);
      if (start > 0) observe(kernel, estimate, start, 1);
      return;
    }
    const base = this.control >> 2;
    const code = this.place(kernel);
    const { i32 } = this.heap;
    i32[base + KERNEL] = kernel.id;
    i32[base + KERNEL + 1] = code;
    i32[base + KERNEL + 2] = kernel.code.length;
    for (let part = 0; part < parts; part++) i32[base + DESCRIPTORS + part] = this.descriptors[part];
    i32[base + PARTS] = parts;
    Atomics.store(i32, base + DONE, 0);
    Atomics.store(i32, base + LEFT, parts);
    const sequence = Atomics.add(i32, base + SEQUENCE, 1) + 1;
    if (Atomics.load(i32, base + SLEEPERS) > 0) Atomics.notify(i32, base + SEQUENCE);
    const posted = start > 0 ? performance.now() : 0;
    for (;;) {
      const part = Atomics.sub(i32, base + LEFT, 1);
      if (part <= 0) break;
      kernel.run(this.descriptors[part - 1]);
      own++;
      Atomics.add(i32, base + DONE, 1);
    }
    if (posted > 0 && own > 0) observe(kernel, estimate, posted, own / parts);
    if (Atomics.load(i32, base + DONE) < parts) this.await(parts);
    Atomics.store(i32, base + SEEN_DONE, sequence);
    if (Atomics.load(i32, base + FAILED) !== 0) {
      Atomics.store(i32, base + FAILED, 0);
      throw new RuntimeError('a kernel failed on a worker thread');
    }
  }

  /** Waits for parts that others have begun. */
  private await(parts: number): void {
    const { i32 } = this.heap;
    const base = this.control >> 2;
    for (let spins = 1; Atomics.load(i32, base + DONE) < parts; spins++) {
      // Whoever has them may need this core.
      if (spins % (ROUND * CALLER_ROUNDS) === 0) this.sleep(i32, base, parts);
    }
  }

  /** Sleeps until a part is done, where this thread may (not on the main thread of a page). */
  private sleep(i32: Int32Array, base: number, parts: number): void {
    // Announced before the word is looked at again, so that either the worker sees the sleeper or the sleeper sees the part.
    Atomics.store(i32, base + CALLER_SLEEPS, 1);
    try {
      const done = Atomics.load(i32, base + DONE);
      if (done < parts) Atomics.wait(i32, base + DONE, done, 5);
    } catch {
      // Spinning goes on.
    }
    Atomics.store(i32, base + CALLER_SLEEPS, 0);
  }

  /** Puts the code of a kernel where workers can read it. */
  private place(kernel: Kernel): number {
    if (kernel.address === 0) {
      kernel.address = this.heap.reserve(kernel.code.length);
      this.heap.u8.set(kernel.code, kernel.address);
    }
    return kernel.address;
  }

  /** Starts the workers that are missing. They count themselves ready once they run. */
  private start(): void {
    const threads = builtin<WorkerThreads>('node:worker_threads');
    for (; this.started < this.wanted; this.started++) {
      const data: WorkerData = {
        memory: this.heap.memory,
        control: this.control,
      };
      if (threads !== null) {
        const code = `${workerSource}; work(require('node:worker_threads').workerData);`;
        new threads.Worker(code, { eval: true, workerData: data, execArgv: [], stdin: false }).unref();
      } else startWebWorker(data);
    }
  }
}

function partsOf(nanoseconds: number, threads: number): number {
  return Math.max(1, Math.min(threads * PARTS_PER_THREAD, Math.floor(nanoseconds / PART_NS)));
}

/** Lets the kernel's pace follow what a share of the estimated work has taken, so slowly that what interrupts a job once does not matter. */
function observe(kernel: Kernel, estimate: number, start: number, share: number): void {
  const pace = ((performance.now() - start) * 1e6) / (estimate * share);
  kernel.pace += (Math.min(pace, 2 * kernel.pace) - kernel.pace) / 8;
}

/** A worker of a browser, from its source text. */
function startWebWorker(data: WorkerData): void {
  const code = `${workerSource}; onmessage = (event) => work(event.data);`;
  const url = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
  const worker = new Worker(url);
  worker.postMessage(data);
  URL.revokeObjectURL(url);
}

/** Calls `visit` for at most `parts` shares of `total`, each but the last a multiple of `unit`; none has more than one unit more than another. */
export function eachShare(
  total: number,
  parts: number,
  unit: number,
  visit: (from: number, count: number) => void,
): void {
  const units = Math.ceil(total / unit);
  const count = Math.min(parts, units);
  for (let part = 0; part < count; part++) {
    const from = Math.floor((units * part) / count) * unit;
    const to = Math.min(Math.floor((units * (part + 1)) / count) * unit, total);
    visit(from, to - from);
  }
}
