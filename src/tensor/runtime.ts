/** Binds the op definitions to the devices and to autograd: fills in `runtime` of ops/runtime.ts. */
import { noGrad } from '../autograd/mode.ts';
import { bool, type DType } from '../base/dtype.ts';
import { RuntimeError } from '../base/errors.ts';
import { formatStrides, type MemoryFormat, preserveFormat } from '../base/memoryFormat.ts';
import { contiguousStrides, product, sameSizes } from '../base/shape.ts';
import type { Device } from '../device/device.ts';
import { runtime, type Runtime, type TypedArray } from '../ops/runtime.ts';
import { toBfloat16, toFloat16 } from '../base/float16.ts';
import { empty } from './allocate.ts';
import { toDevice } from './devices.ts';
import { memory, toArray } from './memory.ts';
import {
  commonDevice,
  copyInto,
  denseStridesLike,
  pointwise,
  pointwiseInplace,
  pointwiseInto,
} from './pointwise.ts';
import { checkInplace, needsGrad, rebase, record, recordInplace, recordView, showAs } from './record.ts';
import { reduce } from './reduce.ts';
import { rows } from './rows.ts';
import { Tensor } from './tensor.ts';

/** Another view of the memory of `input`. */
export function alias(
  input: Tensor,
  sizes: readonly number[],
  strides: readonly number[],
  offset: number,
): Tensor {
  const out = new Tensor(input.storage, input.dtype, sizes, strides, offset);
  // Another view of the same memory is what the memory is, whatever the mode is now.
  out.inference = input.inference;
  return out;
}

/** Filling from JavaScript is slow in shared memory: from this many elements on a kernel does it. */
const MANY_ELEMENTS = 4096;

/** Writes `value` to every element of a fresh contiguous tensor. */
export function fillMemory(t: Tensor, value: number | bigint | boolean): void {
  // Not −0.
  if (Object.is(Number(value), 0)) {
    t.storage.device.zero(t);
    return;
  }
  if (t.numel() < MANY_ELEMENTS) {
    fillElements(t, value);
    return;
  }
  const one = empty([], t.dtype, t.storage.device);
  fillElements(one, value);
  copyInto(t, one);
  one.storage.dispose();
}

function fillElements(t: Tensor, value: number | bigint | boolean): void {
  const data = memory(t);
  if (data instanceof BigInt64Array) {
    data.fill(typeof value === 'number' ? BigInt(Math.trunc(value)) : BigInt(value));
  } else if (t.dtype === bool) {
    data.fill(value ? 1 : 0);
  } else if (t.dtype.name === 'float16') {
    data.fill(toFloat16(Number(value)));
  } else if (t.dtype.name === 'bfloat16') {
    data.fill(toBfloat16(Number(value)));
  } else {
    data.fill(Number(value));
  }
}

function zero(target: Tensor): void {
  if (target.isContiguous()) target.storage.device.zero(target);
  else copyInto(target, full([], 0, target.dtype, target));
}

function full(
  sizes: readonly number[],
  value: number | bigint | boolean,
  dtype: DType,
  like?: Tensor,
): Tensor {
  const out = empty(sizes, dtype, like?.storage.device);
  fillMemory(out, value);
  return out;
}

function fromArray(data: TypedArray, sizes: readonly number[], dtype: DType, like?: Tensor): Tensor {
  const out = empty(sizes, dtype, like?.storage.device);
  if (data.length !== out.numel()) {
    throw new RuntimeError(
      `a tensor of shape [${sizes.join(', ')}] has ${out.numel()} elements, but got ${data.length}`,
    );
  }
  const target = memory(out);
  if (target instanceof BigInt64Array) target.set(data as BigInt64Array);
  else target.set(data as Exclude<TypedArray, BigInt64Array>);
  return out;
}

/** An uninitialised tensor in a memory format: by default the memory order of `input` where that has no gaps. */
export function emptyLike(
  input: Tensor,
  dtype: DType,
  format: MemoryFormat = preserveFormat,
  device: Device = input.storage.device,
): Tensor {
  const strides = format === preserveFormat ? preserved(input) : formatStrides(input.sizes, format);
  if (strides === null) return empty(input.sizes, dtype, device);
  return new Tensor(device.allocate(input.numel() * dtype.itemSize), dtype, input.sizes, strides, 0);
}

/** The strides of a dense tensor in the memory order of `input`; null: row-major. */
function preserved(input: Tensor): readonly number[] | null {
  return input.isContiguous() ? null : denseStridesLike(input);
}

function writeOut(result: unknown, target: unknown): unknown {
  if (result instanceof Tensor && target instanceof Tensor) {
    checkInplace(target);
    if (!sameSizes(result.sizes, target.sizes)) resize(target, result.sizes);
    return target.copy_(result);
  }
  if (Array.isArray(result) && Array.isArray(target)) return result.map((r, i) => writeOut(r, target[i]));
  throw new RuntimeError('out= does not fit the result of this function');
}

/** Gives `target` another size; memory is kept where it suffices. */
export function resize(target: Tensor, sizes: readonly number[]): Tensor {
  const needed = (target.offset + product(sizes)) * target.dtype.itemSize;
  if (needed <= target.storage.nbytes) {
    target.rebind(target.storage, sizes, contiguousStrides(sizes), target.offset);
    return target;
  }
  const grown = empty(sizes, target.dtype, target.storage.device);
  const old = memory(alias(target, [target.storage.nbytes / target.dtype.itemSize], [1], 0));
  const fresh = memory(grown);
  if (fresh instanceof BigInt64Array) fresh.set((old as BigInt64Array).subarray(target.offset));
  else fresh.set((old as Uint8Array).subarray(target.offset));
  target.rebind(grown.storage, sizes, grown.strides, 0);
  return target;
}

const bound: Runtime = {
  pointwise,
  pointwiseInplace,
  pointwiseInto,
  reduce,
  rows,
  empty: (sizes, dtype, like) => empty(sizes, dtype, like?.storage.device),
  emptyLike,
  fromArray,
  full,
  zero,
  toArray,
  memory,
  alias,
  reinterpret: (input, dtype, sizes, strides, offset) =>
    new Tensor(input.storage, dtype, sizes, strides, offset),
  record,
  recordView,
  showAs,
  needsGrad,
  noGrad: (fn) => noGrad(fn),
  recordInplace,
  checkInplace,
  rebase,
  contract: (out, a, b, spec) => {
    commonDevice(spec.start === undefined ? [a, b] : [a, b, spec.start]);
    out.storage.device.contract(out, a, b, spec);
  },
  correlate: (out, image, kernel, padding, beta) => {
    commonDevice([image, kernel]);
    return out.storage.device.correlate(out, image, kernel, padding, beta);
  },
  gather: (out, source, indices) => {
    commonDevice([source, ...indices.index]);
    return out.storage.device.gather(out, source, indices);
  },
  scatter: (target, source, indices, mode) => {
    commonDevice([target, source, ...indices.index]);
    return target.storage.device.scatter(target, source, indices, mode);
  },
  nonzero: (out, mask) => out.storage.device.nonzero(out, mask),
  copyInto,
  writeOut,
  toDevice,
  isTensor: (x): x is Tensor => x instanceof Tensor,
};

Object.assign(runtime, bound);
