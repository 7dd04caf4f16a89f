/**
 * The system's BLAS, where Node can reach one through the optional package `koffi`: matrix products on the heap itself, without copies.
 *
 * The library is told to use one thread; large products are split over the device's own threads, each of which calls it. So
 * there is one pool of threads and not two that take cores from each other.
 */
import { builtin } from '../host.ts';
import type { Heap } from './heap.ts';
import type { Kernel } from './kernels.ts';

/** What is used of koffi. */
interface Koffi {
  load(name: string): { func(declaration: string): (...args: number[]) => void };
  address(data: Uint8Array): bigint | number;
}

/** How a thread finds the library: plain data, for workers. */
export interface BlasSource {
  /** The file of koffi's module. */
  readonly koffi: string;
  readonly library: string;
}

/** Where systems keep a BLAS with the C interface. */
const libraries: Readonly<Record<string, readonly string[]>> = {
  linux: [
    'libopenblas.so.0',
    'libopenblas.so',
    'libmkl_rt.so.2',
    'libmkl_rt.so',
    'libblis.so.4',
    'libcblas.so.3',
  ],
  darwin: ['/System/Library/Frameworks/Accelerate.framework/Accelerate'],
  win32: ['libopenblas.dll', 'openblas.dll', 'mkl_rt.2.dll'],
};

/** Where each library takes its number of threads. */
const threadSetters = [
  'void openblas_set_num_threads(int)',
  'void MKL_Set_Num_Threads(int)',
  'void bli_thread_set_num_threads(int)',
];

/** The kernels' numbers: below those of generated kernels. */
const SGEMM = -1;
const DGEMM = -2;

/** A product `c = alpha · op(a) · op(b) + beta · c` of row-major matrices; byte addresses, leading dimensions in elements. */
export interface Gemm {
  transA: boolean;
  transB: boolean;
  m: number;
  n: number;
  k: number;
  a: number;
  lda: number;
  b: number;
  ldb: number;
  c: number;
  ldc: number;
  alpha: number;
  beta: number;
  /** The left operand is the second one of the contraction. */
  swapped: boolean;
}

/** Integers of a descriptor; alpha and beta follow as doubles. */
const INTEGERS = 12;

/** Writes the descriptor of a product at byte `address`. */
export function writeGemm(heap: Heap, address: number, g: Gemm): void {
  const { i32, f64 } = heap;
  let at = address >> 2;
  i32[at++] = g.transA ? 112 : 111;
  i32[at++] = g.transB ? 112 : 111;
  i32[at++] = g.m;
  i32[at++] = g.n;
  i32[at++] = g.k;
  i32[at++] = g.a;
  i32[at++] = g.lda;
  i32[at++] = g.b;
  i32[at++] = g.ldb;
  i32[at++] = g.c;
  i32[at++] = g.ldc;
  f64[(address >> 3) + INTEGERS / 2] = g.alpha;
  f64[(address >> 3) + INTEGERS / 2 + 1] = g.beta;
}

/**
 * The functions on descriptors, by kernel number, as JavaScript source: workers run it too, and it must not refer to anything outside.
 */
export const blasSource: string = `
function blasKernels(koffi, library, memory) {
  const lib = koffi.load(library);
  const base = Number(koffi.address(new Uint8Array(memory.buffer)));
  let ints = new Int32Array(memory.buffer);
  let doubles = new Float64Array(memory.buffer);
  for (const declaration of ${JSON.stringify(threadSetters)}) {
    try {
      lib.func(declaration)(1);
      break;
    } catch {}
  }
  const make = (name, scalar) => {
    const args = 'int, int, int, int, int, int, ' + scalar + ', uintptr_t, int, uintptr_t, int, ' + scalar + ', uintptr_t, int';
    const gemm = lib.func('void ' + name + '(' + args + ')');
    return (descriptor) => {
      if (ints.length * 4 <= descriptor + 128) {
        ints = new Int32Array(memory.buffer);
        doubles = new Float64Array(memory.buffer);
      }
      const i = descriptor >> 2;
      const d = (descriptor >> 3) + ${INTEGERS / 2};
      gemm(101, ints[i], ints[i + 1], ints[i + 2], ints[i + 3], ints[i + 4], doubles[d], base + (ints[i + 5] >>> 0), ints[i + 6],
        base + (ints[i + 7] >>> 0), ints[i + 8], doubles[d + 1], base + (ints[i + 9] >>> 0), ints[i + 10]);
    };
  };
  return new Map([[${SGEMM}, make('cblas_sgemm', 'float')], [${DGEMM}, make('cblas_dgemm', 'double')]]);
}
`;

interface NodeModule {
  createRequire(from: string): { (name: string): unknown; resolve(name: string): string };
}

function setting(): string {
  const { env } = (globalThis as { process?: { env?: Record<string, string | undefined> } }).process ?? {};
  return env?.TYPETORCH_BLAS ?? 'auto';
}

export class Blas {
  readonly source: BlasSource;
  readonly f32: Kernel;
  readonly f64: Kernel;

  private constructor(source: BlasSource, kernels: ReadonlyMap<number, (descriptor: number) => void>) {
    this.source = source;
    // What a worker needs in place of code.
    const code = new TextEncoder().encode(JSON.stringify(source));
    const kernel = (id: number): Kernel => ({
      run: kernels.get(id) as (descriptor: number) => void,
      id,
      code,
      portable: true,
      address: 0,
      cost: 0,
      pace: 1,
      used: 0,
    });
    this.f32 = kernel(SGEMM);
    this.f64 = kernel(DGEMM);
  }

  /**
   * The BLAS of this system, or null: outside Node, without koffi, without a library, or with `TYPETORCH_BLAS=off`. `TYPETORCH_BLAS` may also be
   * the path of a library.
   */
  static find(heap: Heap): Blas | null {
    const wanted = setting();
    // Memories that are not shared may move when they grow.
    if (wanted === 'off' || !heap.shared) return null;
    const node = builtin<NodeModule>('node:module');
    if (node === null) return null;
    const { platform } = (globalThis as unknown as { process: { platform: string } }).process;
    const candidates = wanted === 'auto' ? (libraries[platform] ?? []) : [wanted];
    try {
      const require = node.createRequire(import.meta.url);
      const file = require.resolve('koffi');
      const koffi = require(file) as Koffi;
      const make = new Function(`${blasSource}; return blasKernels;`)() as (
        koffi: Koffi,
        library: string,
        memory: WebAssembly.Memory,
      ) => Map<number, (descriptor: number) => void>;
      for (const library of candidates) {
        try {
          return new Blas({ koffi: file, library }, make(koffi, library, heap.memory));
        } catch {
          // Not on this system, or without the functions: the next one.
        }
      }
    } catch {
      // koffi is not installed, or has no binary for this system.
    }
    return null;
  }
}
