/** Compiled kernels: instantiated over the heap, and at most so many of them. */
import { nextafter32 } from '../../expr/interpret.ts';
import type { ModuleBuilder } from './assembler.ts';
import { importedFunctions } from './emit.ts';
import type { Heap } from './heap.ts';
import type { MemoryShape } from './loop.ts';

/** `run(descriptor)`: does the work that the descriptor at this address describes. */
export interface Kernel {
  readonly run: (descriptor: number) => void;
  /** Unique in the process. */
  readonly id: number;
  readonly code: Uint8Array<ArrayBuffer>;
  /** Can a worker run it? Not when it calls JavaScript, or may trap. */
  readonly portable: boolean;
  /** Where workers find its code; 0 while none has asked. */
  address: number;
  /** What an element takes on one core, about, in nanoseconds; 0 while nobody has estimated it. */
  cost: number;
  /** What jobs have taken, measured over estimated. */
  pace: number;
  /** The number of the last call that used it: the oldest go first. */
  used: number;
}

type Variants = Map<number, Kernel>;

/** Beyond this many kernels the longest unused half is forgotten. */
const LIMIT = 4096;

let kernelCount = 0;

export class KernelCache {
  readonly memory: MemoryShape;
  private readonly imports: WebAssembly.ModuleImports;
  private readonly entries: { readonly owner: Variants; readonly key: number; readonly kernel: Kernel }[] =
    [];
  private clock = 0;

  constructor(heap: Heap) {
    this.memory = { maximum: heap.shared ? heap.maximumPages : null, shared: heap.shared };
    this.imports = {
      memory: heap.memory,
      ...importedFunctions(),
      nextafter32,
    } as WebAssembly.ModuleImports;
  }

  private compile(module: ModuleBuilder): Kernel {
    const code = module.encode();
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code), { env: this.imports });
    return {
      run: exports.run as (descriptor: number) => void,
      id: kernelCount++,
      code,
      portable: module.isSelfContained && !module.mayTrap,
      address: 0,
      cost: 0,
      pace: 1,
      used: 0,
    };
  }

  /** The kernel of `program` for `key`, if it was compiled. */
  find(program: { readonly compiled: unknown[] }, slot: number, key: number): Kernel | undefined {
    const kernel = (program.compiled[slot] as Variants | undefined)?.get(key);
    if (kernel !== undefined) kernel.used = this.clock++;
    return kernel;
  }

  /** The kernel of `program` for `key`, compiled by `build` when it is first asked for. */
  get(
    program: { readonly compiled: unknown[] },
    slot: number,
    key: number,
    build: () => ModuleBuilder,
  ): Kernel {
    let variants = program.compiled[slot] as Variants | undefined;
    if (variants === undefined) {
      variants = new Map();
      program.compiled[slot] = variants;
    }
    let kernel = variants.get(key);
    if (kernel === undefined) {
      kernel = this.compile(build());
      variants.set(key, kernel);
      this.entries.push({ owner: variants, key, kernel });
      if (this.entries.length > LIMIT) this.forget();
    }
    kernel.used = this.clock++;
    return kernel;
  }

  private forget(): void {
    this.entries.sort((a, b) => b.kernel.used - a.kernel.used);
    for (const { owner, key } of this.entries.splice(LIMIT / 2)) owner.delete(key);
  }
}
