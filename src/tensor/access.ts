/** Reading tensors from JavaScript: `item`, `tolist`, `toTypedArray`, metadata. */
import { bool, type DType } from '../base/dtype.ts';
import { pythonType } from '../base/arguments.ts';
import { ArgumentTypeError, RuntimeError, ValueError } from '../base/errors.ts';
import { fromBfloat16, fromFloat16 } from '../base/float16.ts';
import { wrapDim } from '../base/shape.ts';
import { StorageAlias } from '../device/storage.ts';
import { type Call, define, type HasMethod } from '../ops/define.ts';
import { runtime } from '../ops/runtime.ts';
import { type TorchDevice, torchDevice } from './devices.ts';
import { memory } from './memory.ts';
import { Size } from './size.ts';
import { Tensor } from './tensor.ts';

/** A tensor's content for JavaScript: int64 as BigInt64Array, bool as 0 and 1, 16-bit floats as Float32Array. */
export type HostArray =
  | Float32Array
  | Float64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint8Array
  | BigInt64Array;

/** One element of host memory as a JavaScript value. */
function decode(dtype: DType, raw: number | bigint): number | bigint | boolean {
  if (dtype === bool) return raw !== 0;
  if (dtype.name === 'float16') return fromFloat16(Number(raw));
  if (dtype.name === 'bfloat16') return fromBfloat16(Number(raw));
  return raw;
}

/** int64 values that a double holds exactly are given as numbers. */
function plain(value: number | bigint | boolean): number | bigint | boolean {
  if (typeof value !== 'bigint') return value;
  const n = Number(value);
  return Number.isSafeInteger(n) ? n : value;
}

/** The single element as a number (bool: boolean; int64 beyond 2⁵³: bigint). https://pytorch.org/docs/stable/generated/torch.Tensor.item.html */
export const item: (input: Tensor) => number = define(
  'item(input)',
  (input: Tensor) => {
    if (input.numel() !== 1) {
      throw new ValueError('only one element tensors can be converted to Python scalars');
    }
    const one = runtime.alias(input, [1], [1], input.offset);
    return plain(decode(input.dtype, memory(one)[0])) as number;
  },
  { methodOnly: true },
);

/** Nested arrays of numbers (a number for a tensor without dimensions). */
export type NestedNumbers = number | NestedNumbers[];

/** The content as nested arrays. https://pytorch.org/docs/stable/generated/torch.Tensor.tolist.html */
export const tolist: (input: Tensor) => NestedNumbers = define(
  'tolist(input)',
  (input: Tensor) => {
    const data = runtime.toArray(input);
    let at = 0;
    const build = (depth: number): unknown => {
      if (depth === input.sizes.length) return plain(decode(input.dtype, data[at++]));
      return Array.from({ length: input.sizes[depth] }, () => build(depth + 1));
    };
    return build(0) as NestedNumbers;
  },
  { methodOnly: true },
);

/** A copy of the content in row-major order. */
export const toTypedArray: (input: Tensor) => HostArray = define(
  'toTypedArray(input)',
  (input: Tensor) => {
    const data = runtime.toArray(input);
    if (data instanceof Uint16Array) {
      const convert = input.dtype.name === 'float16' ? fromFloat16 : fromBfloat16;
      return Float32Array.from(data, convert);
    }
    // A copy on memory of its own: what is shared with the kernels must not leave the library.
    return new (data.constructor as new (d: ArrayLike<number>) => HostArray)(
      data as unknown as ArrayLike<number>,
    );
  },
  { methodOnly: true },
);

/** @internal One element, by its indices. */
export function elementAt(t: Tensor, indices: readonly number[]): number | bigint | boolean {
  let offset = t.offset;
  for (let i = 0; i < indices.length; i++) offset += indices[i] * t.strides[i];
  return decode(t.dtype, memory(runtime.alias(t, [1], [1], offset))[0]);
}

interface SizeCall extends HasMethod<SizeMethod> {
  (input: Tensor): Size;
  (input: Tensor, dim: number | { dim: number }): number;
}

interface SizeMethod {
  (): Size;
  (dim: number | { dim: number }): number;
}

/** The size of one dimension, or the whole shape. https://pytorch.org/docs/stable/generated/torch.Tensor.size.html */
export const size: SizeCall = define<(input: Tensor, dim?: number | null) => never>(
  'size(input, dim=None)',
  (input: Tensor, dim?: number | null) =>
    (dim === undefined || dim === null
      ? Size.from(input.sizes)
      : input.sizes[wrapDim(dim, input.sizes.length)]) as never,
  { methodOnly: true },
) as unknown as SizeCall;

interface StrideCall extends HasMethod<StrideMethod> {
  (input: Tensor): number[];
  (input: Tensor, dim: number | { dim: number }): number;
}

interface StrideMethod {
  (): number[];
  (dim: number | { dim: number }): number;
}

/** The strides in elements, or that of one dimension. https://pytorch.org/docs/stable/generated/torch.Tensor.stride.html */
export const stride: StrideCall = define<(input: Tensor, dim?: number | null) => never>(
  'stride(input, dim=None)',
  (input: Tensor, dim?: number | null) =>
    (dim === undefined || dim === null
      ? [...input.strides]
      : input.strides[wrapDim(dim, input.sizes.length)]) as never,
  { methodOnly: true },
) as unknown as StrideCall;

type Query<R> = Call<[input: Tensor], object, R>;

/** Where the first element is in the storage, in elements. */
export const storageOffset: Query<number> = define('storage_offset(input)', (input: Tensor) => input.offset, {
  methodOnly: true,
});
/** Bytes per element. */
export const elementSize: Query<number> = define(
  'element_size(input)',
  (input: Tensor) => input.dtype.itemSize,
  {
    methodOnly: true,
  },
);
/** Is the dtype a floating-point one? */
export const isFloatingPoint: Query<boolean> = define(
  'is_floating_point(input)',
  (input: Tensor) => input.dtype.isFloatingPoint,
);
/** Always false: complex dtypes are not supported. */
export const isComplex: Query<boolean> = define('is_complex(input)', () => false);
/** Is the dtype signed? */
export const isSigned: Query<boolean> = define('is_signed(input)', (input: Tensor) => input.dtype.isSigned, {
  methodOnly: true,
});

Object.defineProperties(Tensor.prototype, {
  device: {
    get(this: Tensor): TorchDevice {
      return torchDevice(this.storage.device.name);
    },
    configurable: true,
  },
  T: {
    get(this: Tensor): Tensor {
      return this.permute(this.sizes.map((_, i) => this.sizes.length - 1 - i));
    },
    configurable: true,
  },
  mT: {
    get(this: Tensor): Tensor {
      if (this.sizes.length === 0) return this.permute([]);
      if (this.sizes.length < 2) {
        throw new RuntimeError(
          `tensor.mT is only supported on matrices or batches of matrices. Got ${this.sizes.length}-D tensor.`,
        );
      }
      return this.transpose(-2, -1);
    },
    configurable: true,
  },
  H: {
    get(this: Tensor): Tensor {
      if (this.sizes.length !== 2 && this.sizes.length !== 0) {
        throw new RuntimeError(
          `tensor.H is only supported on matrices (2-D tensors). Got ${this.sizes.length}-D tensor. For batches of matrices, consider using tensor.mH`,
        );
      }
      return this.sizes.length === 0 ? this.permute([]) : this.transpose(0, 1);
    },
    configurable: true,
  },
  mH: {
    get(this: Tensor): Tensor {
      if (this.sizes.length === 0) return this.permute([]);
      if (this.sizes.length < 2) {
        throw new RuntimeError(
          `tensor.mH is only supported on matrices or batches of matrices. Got ${this.sizes.length}-D tensor.`,
        );
      }
      return this.transpose(-2, -1);
    },
    configurable: true,
  },
  data: {
    get(this: Tensor): Tensor {
      return new Tensor(new StorageAlias(this.storage), this.dtype, this.sizes, this.strides, this.offset);
    },
    set(this: Tensor, value: Tensor): void {
      if (!(value instanceof Tensor)) {
        throw new ArgumentTypeError(`Variable data has to be a tensor, but got ${pythonType(value)}`);
      }
      if (this.requiresGrad && !value.dtype.isFloatingPoint) {
        throw new RuntimeError(
          'data set to a tensor that requires gradients must be floating point or complex dtype',
        );
      }
      this.rebind(value.storage, value.sizes, value.strides, value.offset, value.dtype);
    },
    configurable: true,
  },
});

declare module './tensor.ts' {
  interface Tensor {
    /** Where the tensor lives. */
    readonly device: TorchDevice;
    /** All dimensions in reverse order (the transpose of a matrix). */
    readonly T: Tensor;
    /** The last two dimensions swapped. */
    readonly mT: Tensor;
    /** The conjugate transpose: of real matrices, the transpose. */
    readonly H: Tensor;
    /** As `mT`. */
    readonly mH: Tensor;
    /** The same memory, outside of autograd and with its own version count. Assigning replaces the memory. */
    data: Tensor;
  }
}
