/**
 * What a device can do. Everything TypeTorch computes is one of these requests; shapes are already broadcast and checked
 * and outputs allocated when a device sees them.
 */
import type { Mt19937 } from '../base/mt19937.ts';
import type { View } from '../kernel/view.ts';
import type { LoopProgram, ReduceProgram, RowProgram } from '../kernel/program.ts';
import type { Storage } from './storage.ts';
import { RuntimeError } from '../base/errors.ts';

/** How a scatter combines with what is there. */
export type ScatterMode = 'set' | 'add' | 'mul' | 'min' | 'max';

/**
 * Operands of `gather` and `scatter`: besides its strided position, an element of the indexed tensor moves by
 * `index[k] * stride[k]` elements for each index tensor; `index[k]` must lie in [0, size[k]), or with
 * `wrap` in [-size[k], size[k]), negative ones counting from the end.
 */
export interface Indices {
  /** int64 views with the sizes of the iteration. */
  readonly index: readonly View[];
  readonly stride: readonly number[];
  readonly size: readonly number[];
  /** May indices be negative (advanced indexing), or are they an error like those that are too large (gather)? */
  readonly wrap: boolean;
}

/** An index that does not fit: which index tensor, and its value. */
export interface BadIndex {
  readonly which: number;
  readonly value: number;
}

/**
 * A contraction (matrix product and all its relatives): `out[B…, M…, N…] (+)= Σ over K… of a[B…, M…, K…] · b[B…, K…, N…]`.
 * Each group may have any number of dimensions, with any strides (broadcast ones and overlapping ones in `a` and `b` too,
 * so that a window view of an image makes a convolution).
 */
export interface Contraction {
  /** Number of batch, row, column and summed dimensions. */
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Factor of the product. */
  readonly alpha: number;
  /** Factor of what `out` holds: 0 overwrites without reading. */
  readonly beta: number;
  /** What the product is added to, broadcast to the sizes of `out`, in place of what that holds: a bias. `beta` is then 0. */
  readonly start?: View;
}

/**
 * Random numbers that a device may have kernels for. What they are bit by bit, and how many draws they take, is what the functions of
 * `tensor/random` do, which make them where a device does not.
 */
export type Draw =
  /** Of U[0, 1): of 24 bits for float32, 53 for float64. */
  | { readonly kind: 'uniform' }
  /** Those times `width` plus `low`, rounded once. */
  | { readonly kind: 'scaled'; readonly low: number; readonly width: number }
  /** 1 with probability `p`, else 0. */
  | { readonly kind: 'bernoulli'; readonly p: number }
  /** N(mean, std²) in blocks of 16 float32. */
  | { readonly kind: 'normal'; readonly mean: number; readonly std: number }
  /** Whole numbers in [low, low + range), the range at most 2³². */
  | { readonly kind: 'integers'; readonly low: number; readonly range: number }
  /** The numbers 0 … n − 1 in random order. */
  | { readonly kind: 'permutation' };

/** What the memory of a device is used for, in bytes unless said. */
export interface MemoryStats {
  /** In blocks that storages hold. */
  readonly liveBytes: number;
  readonly liveBlocks: number;
  /** In blocks that were freed and wait to be used again. */
  readonly cachedBytes: number;
  /** The permanent area of kernels. */
  readonly reservedBytes: number;
  /** The size of the heap: all of the above and what was never used. */
  readonly heapBytes: number;
  /** The most that `liveBytes` has been. */
  readonly peakBytes: number;
  /** How many blocks were handed out so far. */
  readonly allocations: number;
}

export interface Device {
  /** What `String(x.device)` shows: 'cpu', 'reference'. */
  readonly name: string;
  /** This device's place in `program.compiled`. */
  readonly slot: number;

  /** A new block; its content is undefined. */
  allocate(nbytes: number): Storage;
  /** Takes the block back and sets `storage.address` to -1. */
  release(storage: Storage): void;
  /** The storage's memory for direct access from JavaScript. Valid until the next allocation. */
  bytes(storage: Storage): Uint8Array;
  /** What the memory is used for, where the device counts it. */
  memoryStats?(): MemoryStats;
  /** `peakBytes` counts from now on. */
  resetPeak?(): void;

  /** Writes zeros to a contiguous view. */
  zero(out: View): void;
  /** Runs a loop program; all views have the same sizes. */
  loop(program: LoopProgram, outs: readonly View[], ins: readonly View[], params: readonly number[]): void;
  /**
   * Runs a reduction. All views have the same rank and sizes but for `out`, whose reduced dimensions have size 1
   * (`reduced[d]` tells which are reduced).
   */
  reduce(
    program: ReduceProgram,
    out: View,
    ins: readonly View[],
    reduced: readonly boolean[],
    params: readonly number[],
  ): void;
  /**
   * Runs passes over rows. All views have the same sizes; `outs` are the program's outputs and then its results, which do not move along the
   * reduced dimensions. There is at least one element.
   */
  rows(
    program: RowProgram,
    outs: readonly View[],
    ins: readonly View[],
    reduced: readonly boolean[],
    params: readonly number[],
  ): void;
  /** float32, float64, int32 and int64; a, b and out have the same dtype. */
  contract(out: View, a: View, b: View, spec: Contraction): void;
  /**
   * A correlation of images that are zero beyond their edges, `out[b, k, y, x] = Σ over c, i, j of image[b, c, y + i − padding[0], x + j − padding[1]] ·
   * kernel[k, c, i, j]`, plus `beta` (0 or 1) times what `out` holds, in the dtypes of contractions. False where the device knows no better way than a contraction over windows of a padded
   * copy: then nothing has happened. The gradients of a convolution are correlations too: with the kernel reversed, and with images as channels.
   */
  correlate(
    out: View,
    image: View,
    kernel: View,
    padding: readonly [top: number, left: number],
    beta: 0 | 1,
  ): boolean;
  /** `out[i] = source[i, index]`; dtypes of out and source are equal. Returns an index that does not fit, or null. */
  gather(out: View, source: View, indices: Indices): BadIndex | null;
  /** `target[i, index] (mode)= source[i]`, in row-major order of i. Nothing is written when an index does not fit. */
  scatter(target: View, source: View, indices: Indices, mode: ScatterMode): BadIndex | null;
  /**
   * Writes the positions of the elements of `mask` that are true (bool, contiguous, at least one dimension), in row-major order, to the rows of
   * `out`: int64 [their number, rank], contiguous.
   */
  nonzero(out: View, mask: View): void;
  /**
   * Writes the next numbers of the engine's stream to `out`, which is contiguous, and advances the engine. False where the device has no kernel for
   * them, or so few are not worth one: then nothing has happened.
   */
  draw?(out: View, engine: Mt19937, draw: Draw): boolean;
}

const devices = new Map<string, Device>();

/** Makes a device known by its name. */
export function registerDevice(device: Device): void {
  devices.set(device.name, device);
}

/** Every device. */
export function allDevices(): readonly Device[] {
  return [...devices.values()];
}

/** The device called `name`; throws a RuntimeError for an unknown one. */
export function getDevice(name: string): Device {
  const device = devices.get(name);
  if (device === undefined) {
    throw new RuntimeError(
      `Expected one of ${[...devices.keys()].join(', ')} device type at start of device string: ${name}`,
    );
  }
  return device;
}
