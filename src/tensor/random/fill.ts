/** Writing random numbers into tensors: order of elements, dtypes, in-place bookkeeping. */
import { notImplementedFor } from '../../ops/refuse.ts';
import type { DType } from '../../base/dtype.ts';
import { bool, float64 } from '../../base/dtype.ts';
import { RuntimeError } from '../../base/errors.ts';
import { toBfloat16, toFloat16 } from '../../base/float16.ts';
import type { Draw } from '../../device/device.ts';
import type { TypedArray } from '../../ops/runtime.ts';
import { runtime } from '../../ops/runtime.ts';
import { empty } from '../allocate.ts';
import { memory } from '../memory.ts';
import { copyInto } from '../pointwise.ts';
import { zerosLike } from '../create.ts';
import { Tensor } from '../tensor.ts';
import { CHUNK, fillUniform64 } from './draws.ts';
import { defaultGenerator, Generator } from './generator.ts';

/** The generator of a call: the global one where none is given. Throws for anything else. */
export function generatorOf(given: Generator | null | undefined): Generator {
  if (given === null || given === undefined) return defaultGenerator;
  if (given instanceof Generator) return given;
  throw new RuntimeError(`generator: expected a torch.Generator, but got ${typeof given}`);
}

/** Throws PyTorch's error unless the dtype is a floating-point one. */
export function requireFloat(dtype: DType, kernel: string): void {
  if (!dtype.isFloatingPoint) throw notImplementedFor(kernel, dtype);
}

/** Fills doubles with numbers for consecutive elements. */
export type Filler = (chunk: Float64Array) => void;

const held = new Float64Array(CHUNK);

/** Fills a contiguous tensor. */
export function fillWith(dense: Tensor, fill: Filler): void {
  store(memory(dense), dense.dtype, fill);
}

/** How many uniform numbers wait for the functions that make others of them. */
const WAITING = 8 * CHUNK;

/** Fills a contiguous tensor with what `make` makes, in place, of uniform numbers in [0, 1) of 53 bits. */
export function fillFromUniform(dense: Tensor, g: Generator, make: Filler): void {
  const count = dense.numel();
  const waiting = empty([Math.min(count, WAITING)], float64, dense.storage.device);
  let left = count;
  let numbers: Float64Array | null = null;
  let at = 0;
  const more = (): void => {
    const drawn = Math.min(left, WAITING);
    const byDevice = deviceDraws(waiting, g, { kind: 'uniform' }, drawn);
    numbers = byDevice ? (memory(waiting) as Float64Array) : null;
    at = 0;
  };
  // The first time a device may have to make room for its kernel: before anybody looks at memory.
  more();
  fillWith(dense, (chunk) => {
    const { length } = chunk;
    if (at === WAITING && numbers !== null) more();
    if (numbers === null) fillUniform64(chunk, g);
    else chunk.set(numbers.subarray(at, at + length));
    at += length;
    left -= length;
    make(chunk);
  });
}

/** Stores what `fill` gives in the dtype: 16-bit floats as their bits, int64 from doubles that are whole. */
export function store(data: TypedArray, dtype: DType, fill: Filler): void {
  const { length } = data;
  const words = data instanceof BigInt64Array ? wordsOf(data) : null;
  for (let at = 0; at < length; at += CHUNK) {
    const count = Math.min(CHUNK, length - at);
    if (data instanceof Float64Array) fill(data.subarray(at, at + count));
    else {
      const chunk = count === CHUNK ? held : held.subarray(0, count);
      fill(chunk);
      if (words !== null) writeWords(words, at, chunk);
      else if (data instanceof Float32Array) for (let i = 0; i < count; i++) data[at + i] = chunk[i];
      else writeNarrow(data as NarrowArray, at, dtype, chunk);
    }
  }
}

type NarrowArray = Exclude<TypedArray, BigInt64Array | Float32Array | Float64Array>;

function writeNarrow(data: NarrowArray, at: number, dtype: DType, chunk: Float64Array): void {
  const { length } = chunk;
  if (dtype.name === 'float16') for (let i = 0; i < length; i++) data[at + i] = toFloat16(chunk[i]);
  else if (dtype.name === 'bfloat16') for (let i = 0; i < length; i++) data[at + i] = toBfloat16(chunk[i]);
  else if (dtype === bool) for (let i = 0; i < length; i++) data[at + i] = chunk[i] === 0 ? 0 : 1;
  else for (let i = 0; i < length; i++) data[at + i] = chunk[i];
}

/** The halves of int64, the lower one first (WebAssembly memory is little-endian). */
export function wordsOf(data: BigInt64Array): Int32Array {
  return new Int32Array(data.buffer, data.byteOffset, 2 * data.length);
}

function writeWords(words: Int32Array, at: number, chunk: Float64Array): void {
  for (let i = 0; i < chunk.length; i++) {
    const value = chunk[i];
    const high = Math.floor(value * 2 ** -32);
    words[2 * (at + i)] = value - high * 2 ** 32;
    words[2 * (at + i) + 1] = high;
  }
}

/** Fills a contiguous tensor with whole numbers of up to 64 bits. */
export function fillWhole(dense: Tensor, draw: () => bigint): void {
  const data = memory(dense);
  if (data instanceof BigInt64Array) for (let i = 0; i < data.length; i++) data[i] = draw();
  else {
    store(data, dense.dtype, (chunk) => {
      for (let i = 0; i < chunk.length; i++) chunk[i] = Number(draw());
    });
  }
}

/** The dimensions in the order in which they vary in memory, the slowest first. */
export function memoryOrder({ sizes, strides }: Tensor): number[] {
  return sizes.map((_, d) => d).sort((a, b) => strides[b] - strides[a] || a - b);
}

/** Has the device draw into a contiguous tensor, or the first `count` elements of it, where it has a kernel and that pays. */
export function deviceDraws(dense: Tensor, g: Generator, draw: Draw, count: number = dense.numel()): boolean {
  const { storage, dtype, offset } = dense;
  const out = { storage, dtype, offset, sizes: [count], strides: [1] };
  return storage.device.draw?.(out, g.engine, draw) ?? false;
}

/**
 * Overwrites `target` in place: `write` gets a contiguous tensor for all elements, in the order in which they lie in the target's memory. The
 * gradient of what was there is zero.
 */
export function overwrite(target: Tensor, name: string, write: (dense: Tensor) => void): Tensor {
  runtime.checkInplace(target);
  if (target.numel() > 0) {
    if (target.isContiguous()) write(target);
    else {
      const order = memoryOrder(target);
      const sizes = order.map((d) => target.sizes[d]);
      const dense = empty(sizes, target.dtype, target.storage.device);
      write(dense);
      const strides = order.map((d) => target.strides[d]);
      copyInto(new Tensor(target.storage, target.dtype, sizes, strides, target.offset), dense);
    }
  }
  const differentiable = target.dtype.isFloatingPoint && runtime.needsGrad([target, target.base]);
  return runtime.recordInplace(
    target,
    differentiable
      ? {
          name,
          inputs: [target],
          saved: [],
          backward: ([grad]) => [grad === null || grad === undefined ? null : zerosLike(grad)],
        }
      : null,
  );
}
