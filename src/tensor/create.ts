/** Creation functions. https://pytorch.org/docs/stable/torch.html#creation-ops */
import {
  bool,
  type DType,
  dtypeFromName,
  float32,
  getDefaultDtype,
  int64,
  promoteTypes,
} from '../base/dtype.ts';
import { ArgumentTypeError, RuntimeError, ValueError } from '../base/errors.ts';
import { toBfloat16, toFloat16 } from '../base/float16.ts';
import {
  contiguousFormat,
  formatStrides,
  type MemoryFormatLike,
  memoryFormatOf,
  preserveFormat,
} from '../base/memoryFormat.ts';
import { showSizes, storageExtent } from '../base/shape.ts';
import { type Call, define, type FreeCall, type Scalar } from '../ops/define.ts';
import type { TypedArray } from '../ops/runtime.ts';
import { currentDevice, empty as allocateEmpty } from './allocate.ts';
import { resolveDevice } from './devices.ts';
import { memory } from './memory.ts';
import { PyFloat } from './pyfloat.ts';
import { copyInto } from './pointwise.ts';
import { alias, emptyLike as memoryLike, fillMemory } from './runtime.ts';
import { Tensor } from './tensor.ts';

/** Options of all creation functions. */
export interface Options {
  dtype?: DType | null;
  requiresGrad?: boolean;
  device?: unknown;
  layout?: unknown;
  pinMemory?: boolean;
}

/** Nested arrays of numbers, bigints (int64) or booleans (bool); typed arrays and tensors count as rows. */
export type TensorData =
  | Scalar
  | PyFloat
  | Tensor
  | ArrayLike<number>
  | ArrayLike<bigint>
  | readonly TensorData[];

export const CREATION = '*, dtype=None, requiresGrad=False, device=None, layout=None, pinMemory=False';

/** A fresh contiguous tensor, written by `write` through its memory. */
export function filled(
  sizes: readonly number[],
  dtype: DType,
  device: unknown,
  requiresGrad: boolean | undefined,
  write: (t: Tensor) => void,
): Tensor {
  checkSizes(sizes);
  const out = allocateEmpty(
    sizes,
    dtype,
    device === undefined || device === null ? currentDevice() : resolveDevice(device),
  );
  write(out);
  return wanting(out, requiresGrad);
}

/** A new tensor that takes gradients where wanted. */
function wanting(out: Tensor, requiresGrad: boolean | undefined): Tensor {
  if (!requiresGrad) return out;
  if (!out.dtype.isFloatingPoint) {
    throw new RuntimeError('Only Tensors of floating point and complex dtype can require gradients');
  }
  return out.requiresGrad_();
}

function checkSizes(sizes: readonly number[]): void {
  for (const s of sizes) {
    if (!Number.isInteger(s)) {
      throw new ArgumentTypeError(
        `a size must be a whole number, but got ${String(s)} in ${showSizes(sizes)}`,
      );
    }
    if (s < 0) {
      throw new RuntimeError(`Trying to create tensor with negative dimension ${s}: ${showSizes(sizes)}`);
    }
  }
}

type SizesOptions = Options & { out?: Tensor | null; memoryFormat?: MemoryFormatLike | null };

type SizesCall = {
  (...size: number[]): Tensor;
  (size: readonly number[], options?: SizesOptions): Tensor;
  (s0: number, options: SizesOptions): Tensor;
  (s0: number, s1: number, options: SizesOptions): Tensor;
  (s0: number, s1: number, s2: number, options: SizesOptions): Tensor;
  (s0: number, s1: number, s2: number, s3: number, options: SizesOptions): Tensor;
  (s0: number, s1: number, s2: number, s3: number, s4: number, options: SizesOptions): Tensor;
  (options: SizesOptions & { size: readonly number[] }): Tensor;
} & { readonly functionOnly: true };

function constantCreation(name: string, value: number | null): SizesCall {
  return define(
    `${name}(*size, ${CREATION}, out=None, memoryFormat=None)`,
    (
      size: readonly number[] | undefined,
      dtype?: DType | null,
      requiresGrad?: boolean,
      device?: unknown,
      _layout?: unknown,
      _pinMemory?: boolean,
      _out?: Tensor | null,
      memoryFormat?: MemoryFormatLike | null,
    ) => {
      const out = filled(size ?? [], dtype ?? getDefaultDtype(), device, requiresGrad, (t) => {
        if (value !== null) fillMemory(t, value);
      });
      const format = memoryFormatOf(memoryFormat, contiguousFormat);
      if (format === preserveFormat) throw new RuntimeError('unsupported memory format Preserve');
      if (format !== contiguousFormat)
        out.rebind(out.storage, out.sizes, formatStrides(out.sizes, format), 0);
      return out;
    },
    { functionOnly: true },
  ) as unknown as SizesCall;
}

/** Zeros. https://pytorch.org/docs/stable/generated/torch.zeros.html */
export const zeros: SizesCall = constantCreation('zeros', 0);
/** Ones. https://pytorch.org/docs/stable/generated/torch.ones.html */
export const ones: SizesCall = constantCreation('ones', 1);
/** Uninitialised memory. https://pytorch.org/docs/stable/generated/torch.empty.html */
export const empty: SizesCall = constantCreation('empty', null);

/** Uninitialised memory that is walked with the given strides. */
function stridedMemory(
  sizes: readonly number[],
  strides: readonly number[],
  dtype: DType,
  device: unknown,
  requiresGrad: boolean | undefined,
): Tensor {
  if (sizes.length !== strides.length) {
    throw new RuntimeError(
      `dimensionality of sizes (${sizes.length}) must match dimensionality of strides (${strides.length})`,
    );
  }
  if (strides.some((s) => s < 0)) {
    throw new RuntimeError(
      `Storage size calculation overflowed with sizes=${showSizes(sizes)} and strides=${showSizes(strides)}`,
    );
  }
  const out = filled([storageExtent(sizes, strides, 0)], dtype, device, false, () => undefined);
  out.rebind(out.storage, [...sizes], [...strides], 0);
  return wanting(out, requiresGrad);
}

type StridedOptions = Options & { size?: readonly number[]; stride?: readonly number[] };

/** Uninitialised memory with sizes and strides. https://pytorch.org/docs/stable/generated/torch.empty_strided.html */
export const emptyStrided: FreeCall<
  [size: readonly number[], stride: readonly number[]],
  StridedOptions,
  Tensor
> = define(
  `empty_strided(size, stride, ${CREATION})`,
  (
    size: readonly number[],
    stride: readonly number[],
    dtype?: DType | null,
    requiresGrad?: boolean,
    device?: unknown,
  ) => stridedMemory(size, stride, dtype ?? getDefaultDtype(), device, requiresGrad),
  { functionOnly: true },
);

/** The same with the dtype and device of the tensor. */
export const newEmptyStrided: Call<
  [input: Tensor, size: readonly number[], stride: readonly number[]],
  StridedOptions,
  Tensor
> = define(
  `new_empty_strided(input, size, stride, ${CREATION})`,
  (
    input: Tensor,
    size: readonly number[],
    stride: readonly number[],
    dtype?: DType | null,
    requiresGrad?: boolean,
    device?: unknown,
  ) => stridedMemory(size, stride, dtype ?? input.dtype, device ?? input.storage.device.name, requiresGrad),
  { methodOnly: true },
);

/** The dtype a bare value implies: bool, int64 for bigint, else the default float dtype (numbers are floats here). */
function valueDtype(value: unknown): DType {
  if (typeof value === 'boolean') return bool;
  return typeof value === 'bigint' ? int64 : getDefaultDtype();
}

export function scalarOf(value: Scalar | PyFloat | Tensor): Scalar {
  if (value instanceof Tensor) return value.item() as Scalar;
  return value instanceof PyFloat ? value.value : value;
}

/** One value everywhere. https://pytorch.org/docs/stable/generated/torch.full.html */
export const full: FreeCall<
  [size: readonly number[], fillValue: Scalar | PyFloat | Tensor],
  Options & { size?: readonly number[]; fillValue?: Scalar | PyFloat },
  Tensor
> = define(
  `full(size, fillValue, ${CREATION}, out=None)`,
  (
    size: readonly number[],
    fillValue: Scalar | PyFloat | Tensor,
    dtype?: DType | null,
    requiresGrad?: boolean,
    device?: unknown,
  ) => {
    const value = scalarOf(fillValue);
    return filled(size, dtype ?? valueDtype(value), device, requiresGrad, (t) => fillMemory(t, value));
  },
  { functionOnly: true },
);

type LikeOptions = Options & { memoryFormat?: MemoryFormatLike | null };
type LikeCall = Call<[input: Tensor], LikeOptions, Tensor>;

/** A tensor with the size of `input`, in its memory order unless a format is given; uninitialised where `value` is null. */
function filledLike(
  input: Tensor,
  value: Scalar | null,
  dtype: DType | null | undefined,
  requiresGrad: boolean | undefined,
  device: unknown,
  memoryFormat: MemoryFormatLike | null | undefined,
): Tensor {
  const format = memoryFormatOf(memoryFormat, preserveFormat);
  const place = device === undefined || device === null ? input.storage.device : resolveDevice(device);
  const out = memoryLike(input, dtype ?? input.dtype, format, place);
  if (value !== null) fillMemory(out, value);
  return wanting(out, requiresGrad);
}

function likeCreation(name: string, value: number | null): LikeCall {
  return define(
    `${name}(input, ${CREATION}, memoryFormat=None)`,
    (
      input: Tensor,
      dtype?: DType | null,
      requiresGrad?: boolean,
      device?: unknown,
      _layout?: unknown,
      _pinMemory?: boolean,
      memoryFormat?: MemoryFormatLike | null,
    ) => filledLike(input, value, dtype, requiresGrad, device, memoryFormat),
    { functionOnly: true },
  );
}

/** Zeros with the size and dtype of `input`. */
export const zerosLike: LikeCall & { readonly functionOnly: true } = likeCreation('zeros_like', 0) as never;
/** Ones with the size and dtype of `input`. */
export const onesLike: LikeCall & { readonly functionOnly: true } = likeCreation('ones_like', 1) as never;
/** Uninitialised memory with the size and dtype of `input`. */
export const emptyLike: LikeCall & { readonly functionOnly: true } = likeCreation(
  'empty_like',
  null,
) as never;

/** `value` everywhere, with the size and dtype of `input`. */
export const fullLike: FreeCall<
  [input: Tensor, fillValue: Scalar | PyFloat | Tensor],
  LikeOptions & { fillValue?: Scalar | PyFloat },
  Tensor
> = define(
  `full_like(input, fillValue, ${CREATION}, memoryFormat=None)`,
  (
    input: Tensor,
    value: Scalar | PyFloat,
    dtype?: DType | null,
    requiresGrad?: boolean,
    device?: unknown,
    _layout?: unknown,
    _pinMemory?: boolean,
    memoryFormat?: MemoryFormatLike | null,
  ) => filledLike(input, scalarOf(value), dtype, requiresGrad, device, memoryFormat),
  { functionOnly: true },
);

type NewCall = (
  input: Tensor,
  ...size: number[] | [size: readonly number[], options?: Options] | [Options]
) => Tensor;

function newCreation(name: string, value: number | null): NewCall {
  return define(
    `${name}(input, *size, ${CREATION})`,
    (
      input: Tensor,
      size: readonly number[] | undefined,
      dtype?: DType | null,
      requiresGrad?: boolean,
      device?: unknown,
    ) =>
      filled(size ?? [], dtype ?? input.dtype, device ?? input.storage.device.name, requiresGrad, (t) => {
        if (value !== null) fillMemory(t, value);
      }),
    { methodOnly: true },
  );
}

/** Zeros of another size, with the dtype and device of the tensor. */
export const newZeros: NewCall = newCreation('new_zeros', 0);
/** Ones of another size, with the dtype and device of the tensor. */
export const newOnes: NewCall = newCreation('new_ones', 1);
/** Uninitialised memory, with the dtype and device of the tensor. */
export const newEmpty: NewCall = newCreation('new_empty', null);

/** One value everywhere, with the dtype and device of the tensor. */
export const newFull: Call<
  [input: Tensor, size: readonly number[], fillValue: Scalar | PyFloat],
  Options & { size?: readonly number[]; fillValue?: Scalar | PyFloat },
  Tensor
> = define(
  `new_full(input, size, fillValue, ${CREATION})`,
  (
    input: Tensor,
    size: readonly number[],
    value: Scalar | PyFloat,
    dtype?: DType | null,
    requiresGrad?: boolean,
    device?: unknown,
  ) =>
    filled(size, dtype ?? input.dtype, device ?? input.storage.device.name, requiresGrad, (t) =>
      fillMemory(t, scalarOf(value)),
    ),
  { methodOnly: true },
);

/** A tensor of the given data with the dtype and device of the tensor. */
export const newTensor: Call<[input: Tensor, data: TensorData], Options & { data?: TensorData }, Tensor> =
  define(
    `new_tensor(input, data, ${CREATION})`,
    (input: Tensor, data: TensorData, dtype?: DType | null, requiresGrad?: boolean, device?: unknown) =>
      tensor(data, {
        dtype: dtype ?? input.dtype,
        device: device ?? input.storage.device.name,
        requiresGrad: requiresGrad ?? false,
      }),
    { methodOnly: true },
  );

function isArrayLike(x: unknown): x is ArrayLike<unknown> {
  return Array.isArray(x) || (ArrayBuffer.isView(x) && 'length' in x);
}

/** The shape of nested arrays. Throws PyTorch's ValueError for ragged ones. */
function shapeOf(data: unknown): number[] {
  if (data instanceof Tensor) return [...data.sizes];
  if (!isArrayLike(data)) return [];
  return data.length === 0 ? [0] : [data.length, ...shapeOf(data[0])];
}

function collect(data: unknown, shape: readonly number[], depth: number, out: Scalar[]): void {
  if (data instanceof Tensor && data.sizes.length > 0) {
    if (depth + data.sizes.length !== shape.length) throw ragged(shape, depth, data.sizes[0]);
    collect(data.tolist(), shape, depth, out);
    return;
  }
  if (depth === shape.length) {
    if (isArrayLike(data)) {
      throw new ValueError(`expected a number at dim ${depth}, but got an array (a ragged nested array?)`);
    }
    const value = data instanceof Tensor || data instanceof PyFloat ? scalarOf(data) : data;
    if (typeof value !== 'number' && typeof value !== 'bigint' && typeof value !== 'boolean') {
      if (value === null || value === undefined) {
        throw new RuntimeError(`Could not infer dtype of ${value === null ? 'null' : 'undefined'}`);
      }
      throw new ArgumentTypeError(
        typeof value === 'string'
          ? "new(): invalid data type 'str'"
          : `Could not infer dtype of ${typeof value}`,
      );
    }
    out.push(value);
    return;
  }
  if (!isArrayLike(data)) throw new ArgumentTypeError('not a sequence');
  if (data.length !== shape[depth]) throw ragged(shape, depth, data.length);
  for (let i = 0; i < data.length; i++) collect(data[i], shape, depth + 1, out);
}

function ragged(shape: readonly number[], depth: number, got: number): ValueError {
  return new ValueError(`expected sequence of length ${shape[depth]} at dim ${depth} (got ${got})`);
}

/** The dtype that nested data implies. */
function inferDtype(values: readonly Scalar[], data: unknown): DType {
  const typed = firstTyped(data);
  if (typed !== null) return typed;
  let dtype: DType | null = null;
  for (const v of values) {
    const d = valueDtype(v);
    dtype = dtype === null ? d : promoteTypes(dtype, d);
    if (dtype.isFloatingPoint) break;
  }
  return dtype ?? getDefaultDtype();
}

/** A typed array or tensor inside decides the dtype. */
function firstTyped(data: unknown): DType | null {
  if (data instanceof Tensor) return data.dtype;
  if (ArrayBuffer.isView(data)) return typedArrayDtype(data as unknown as TypedArray);
  if (Array.isArray(data) && data.length > 0) return firstTyped(data[0]);
  return null;
}

/** Writes numbers to a contiguous tensor, converting as PyTorch converts Python numbers. */
export function writeValues(t: Tensor, values: ArrayLike<Scalar>): void {
  const target = memory(t);
  const n = values.length;
  if (target instanceof BigInt64Array) {
    for (let i = 0; i < n; i++) {
      const v = values[i];
      target[i] = typeof v === 'bigint' ? v : toBigInt(Number(v));
    }
    return;
  }
  if (t.dtype === bool) {
    for (let i = 0; i < n; i++) target[i] = values[i] ? 1 : 0;
  } else if (t.dtype.name === 'float16') {
    for (let i = 0; i < n; i++) target[i] = toFloat16(Number(values[i]));
  } else if (t.dtype.name === 'bfloat16') {
    for (let i = 0; i < n; i++) target[i] = toBfloat16(Number(values[i]));
  } else {
    for (let i = 0; i < n; i++) target[i] = Number(values[i]);
  }
}

function toBigInt(x: number): bigint {
  if (Number.isFinite(x)) return BigInt(Math.trunc(x));
  throw new RuntimeError(
    Number.isNaN(x) ? 'cannot convert float NaN to integer' : 'cannot convert float infinity to integer',
  );
}

/**
 * A tensor with a copy of the data: nested arrays, typed arrays, tensors, numbers. Numbers make float32 (the default dtype), bigints int64,
 * booleans bool; typed arrays keep their type.
 * https://pytorch.org/docs/stable/generated/torch.tensor.html
 *
 * @example
 * ```ts
 * const x = torch.tensor([[1, 2], [3, 4]], { requiresGrad: true });
 * console.log(x.mul(x).sum()); // => tensor(30., grad_fn=<SumBackward0>)
 * ```
 */
export const tensor: FreeCall<[data: TensorData], Options & { data?: TensorData }, Tensor> = define(
  `tensor(data, ${CREATION})`,
  (data: TensorData, dtype?: DType | null, requiresGrad?: boolean, device?: unknown) => {
    if (data instanceof Tensor) {
      const copy = data.detach().clone();
      const typed = dtype === undefined || dtype === null ? copy : copy.to(dtype);
      const placed = device === undefined || device === null ? typed : typed.to(device as string);
      return wanting(placed, requiresGrad);
    }
    if (ArrayBuffer.isView(data)) {
      const array = data as unknown as TypedArray;
      const own = typedArrayDtype(array);
      return filled([array.length], dtype ?? own, device, requiresGrad, (t) =>
        writeValues(t, array as ArrayLike<Scalar>),
      );
    }
    const shape = shapeOf(data);
    const values: Scalar[] = [];
    collect(data, shape, 0, values);
    const chosen = dtype ?? inferDtype(values, data);
    return filled(shape, chosen, device, requiresGrad, (t) => writeValues(t, values));
  },
  { functionOnly: true },
);

/** The dtype whose memory looks like this typed array. */
export function typedArrayDtype(array: TypedArray | Uint16Array | Uint8ClampedArray): DType {
  switch (array.constructor) {
    case Float64Array:
      return dtypeFromName('float64');
    case Int32Array:
      return dtypeFromName('int32');
    case Int16Array:
      return dtypeFromName('int16');
    case Int8Array:
      return dtypeFromName('int8');
    case Uint8Array:
    case Uint8ClampedArray:
      return dtypeFromName('uint8');
    case BigInt64Array:
      return int64;
    case Float32Array:
      return float32;
    default:
      // Node's Buffer is a Uint8Array of its own class.
      if (array instanceof Uint8Array) return dtypeFromName('uint8');
      throw new ArgumentTypeError(`no dtype is stored as ${array.constructor.name}; convert the array first`);
  }
}

/** A tensor of the given data, sharing nothing; tensors pass through. https://pytorch.org/docs/stable/generated/torch.as_tensor.html */
export const asTensor: FreeCall<[data: TensorData], Options & { data?: TensorData }, Tensor> = define(
  'as_tensor(data, dtype=None, device=None)',
  (data: TensorData, dtype?: DType | null, device?: unknown) => {
    if (data instanceof Tensor) {
      const typed = dtype === undefined || dtype === null ? data : data.to(dtype);
      return device === undefined || device === null ? typed : typed.to(device as string);
    }
    return tensor(data, { dtype: dtype ?? null, device });
  },
  { functionOnly: true },
);

/**
 * Takes over a typed array as the content of a tensor of the given sizes (copied into the device's memory).
 * For float16 and bfloat16 pass a Uint16Array of bits and the dtype.
 */
export function fromBlob(
  data: TypedArray,
  sizes: readonly number[] = [data.length],
  options: Options = {},
): Tensor {
  const dtype = options.dtype ?? typedArrayDtype(data);
  return filled(sizes, dtype, options.device, options.requiresGrad, (t) => {
    if (data.length !== t.numel()) {
      throw new RuntimeError(`shape '${showSizes(sizes)}' is invalid for input of size ${data.length}`);
    }
    const target = memory(t);
    if (
      target.constructor !== data.constructor &&
      !(target instanceof Uint8Array && data instanceof Uint8Array)
    ) {
      throw new ArgumentTypeError(
        `${dtype} is stored as ${target.constructor.name}, but got ${data.constructor.name}`,
      );
    }
    (target as Uint8Array).set(data as Uint8Array);
  });
}

/** The identity matrix, possibly not square. https://pytorch.org/docs/stable/generated/torch.eye.html */
export const eye: FreeCall<
  [n: number, m?: number | null],
  Options & { n?: number; m?: number | null },
  Tensor
> = define(
  `eye(n, m=None, ${CREATION}, out=None)`,
  (n: number, m?: number | null, dtype?: DType | null, requiresGrad?: boolean, device?: unknown) => {
    const columns = m ?? n;
    if (n < 0) throw new RuntimeError(`n must be greater or equal to 0, got ${n}`);
    if (columns < 0) throw new RuntimeError(`m must be greater or equal to 0, got ${columns}`);
    return filled([n, columns], dtype ?? getDefaultDtype(), device, requiresGrad, (t) => {
      fillMemory(t, 0);
      const diagonal = alias(t, [Math.min(n, columns)], [columns + 1], 0);
      const one = allocateEmpty([], t.dtype, t.storage.device);
      fillMemory(one, 1);
      copyInto(diagonal, one);
    });
  },
  { functionOnly: true },
);

/** A zero-dimensional tensor of the default dtype. */
export const scalarTensor: FreeCall<[value: Scalar | PyFloat], Options, Tensor> = define(
  `scalar_tensor(value, ${CREATION})`,
  (value: Scalar | PyFloat, dtype?: DType | null, requiresGrad?: boolean, device?: unknown) =>
    filled([], dtype ?? getDefaultDtype(), device, requiresGrad, (t) => fillMemory(t, scalarOf(value))),
  { functionOnly: true },
);
