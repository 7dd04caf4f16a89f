/** Copies and conversions: `clone`, `contiguous`, `to`, `copy_`. */
import { DType, dtypeFromName } from '../../base/dtype.ts';
import { RuntimeError } from '../../base/errors.ts';
import {
  channelsLast,
  channelsLast3d,
  contiguousFormat,
  isInFormat,
  type MemoryFormat,
  type MemoryFormatLike,
  memoryFormatOf,
  preserveFormat,
} from '../../base/memoryFormat.ts';
import { scalarFor } from '../../base/scalar.ts';
import { broadcastTwo, sameSizes, showSizes } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define, type FreeCall, type HasMethod, type Scalar } from '../define.ts';
import { runtime } from '../runtime.ts';

function copied(name: string, input: Tensor, dtype: DType, format: MemoryFormat): Tensor {
  const out = runtime.emptyLike(input, dtype, format);
  runtime.copyInto(out, input);
  const from = input.dtype;
  return runtime.record(out, {
    name,
    inputs: [input],
    saved: [],
    backward: ([grad]) => [
      grad === null || grad === undefined || from === grad.dtype ? (grad ?? null) : grad.to(from),
    ],
  });
}

/** A copy with its own memory; gradients flow through. https://pytorch.org/docs/stable/generated/torch.clone.html */
export const clone: Call<[input: Tensor], { memoryFormat?: MemoryFormatLike | null }, Tensor> = define(
  'clone(input, *, memoryFormat=None)',
  (input: Tensor, memoryFormat?: MemoryFormatLike | null) =>
    copied('Clone', input, input.dtype, memoryFormatOf(memoryFormat, preserveFormat)),
);

/**
 * The tensor itself where its memory is in the order of the format (row-major unless given), else a copy.
 * https://pytorch.org/docs/stable/generated/torch.Tensor.contiguous.html
 */
export const contiguous: Call<
  [input: Tensor, memoryFormat?: MemoryFormatLike | null],
  { memoryFormat?: MemoryFormatLike | null },
  Tensor
> = define(
  'contiguous(input, memoryFormat=None)',
  (input: Tensor, memoryFormat?: MemoryFormatLike | null) => {
    const format = memoryFormatOf(memoryFormat, contiguousFormat);
    if (format === preserveFormat) {
      throw new RuntimeError('preserve memory format is unsupported by the contiguous operator');
    }
    const already =
      format === contiguousFormat ? input.isContiguous() : isInFormat(input.sizes, input.strides, format);
    return already ? input : copied('Clone', input, input.dtype, format);
  },
  { methodOnly: true },
);

interface ToOptions {
  dtype?: DType | null;
  device?: unknown;
  copy?: boolean;
  nonBlocking?: boolean;
  memoryFormat?: MemoryFormatLike | null;
  other?: Tensor;
}

/**
 * Conversion to another dtype or device (a dtype, a device name, or a tensor to be like). Returns the tensor itself when nothing changes.
 * https://pytorch.org/docs/stable/generated/torch.Tensor.to.html
 *
 * @example
 * ```ts
 * console.log(torch.tensor([1.7, -1.7]).to(torch.int64)); // => tensor([ 1, -1])
 * ```
 */
export const to: (
  input: Tensor,
  target?: DType | Tensor | string | ToOptions | null,
  ...rest: unknown[]
) => Tensor = define(
  'to(input, other|dtype=None, second=None, third=None, fourth=None, *, device=None, copy=False, nonBlocking=False, memoryFormat=None)',
  (
    input: Tensor,
    first: unknown,
    second: unknown,
    third: unknown,
    fourth: unknown,
    device: unknown,
    copy: boolean = false,
    _nonBlocking: boolean = false,
    memoryFormat: MemoryFormatLike | null = null,
  ) => {
    let dtype = input.dtype;
    let place: unknown = device;
    // By position the flags are nonBlocking, then copy.
    const flags: boolean[] = [];
    for (const x of [first, second, third, fourth]) {
      if (x instanceof DType) dtype = x;
      else if (runtime.isTensor(x)) {
        dtype = x.dtype;
        place = x.device;
      } else if (typeof x === 'boolean') flags.push(x);
      else if (x !== undefined && x !== null) place = x;
    }
    const moved = place === undefined || place === null ? input : runtime.toDevice(input, place);
    return converted(moved, dtype, copy || (flags[1] ?? false), memoryFormat);
  },
  { methodOnly: true },
);

/** The tensor itself where dtype and memory format are so already. */
function converted(
  input: Tensor,
  dtype: DType,
  always: boolean,
  memoryFormat: MemoryFormatLike | null | undefined,
): Tensor {
  const format = memoryFormatOf(memoryFormat, preserveFormat);
  const fits = format === preserveFormat || format === apparentFormat(input);
  return input.dtype === dtype && fits && !always ? input : copied('ToCopy', input, dtype, format);
}

/** The format that the strides suggest (PyTorch's suggest_memory_format): contiguous unless they are those of channels last. */
function apparentFormat(input: Tensor): MemoryFormat {
  const { sizes, strides } = input;
  if (input.isContiguous()) return contiguousFormat;
  return [channelsLast, channelsLast3d].find((f) => isInFormat(sizes, strides, f)) ?? contiguousFormat;
}

type Conversion = Call<
  [input: Tensor, memoryFormat?: MemoryFormatLike | null],
  { memoryFormat?: MemoryFormatLike | null },
  Tensor
>;

function conversion(name: string, dtypeName: string): Conversion {
  const dtype = dtypeFromName(dtypeName);
  return define(
    `${name}(input, memoryFormat=None)`,
    (input: Tensor, memoryFormat?: MemoryFormatLike | null) => converted(input, dtype, false, memoryFormat),
    { methodOnly: true },
  );
}

/** To float32. */
export const float: Conversion = conversion('float', 'float32');
/** To float64. */
export const double: Conversion = conversion('double', 'float64');
/** To float16. */
export const half: Conversion = conversion('half', 'float16');
/** To bfloat16. */
export const bfloat16: Conversion = conversion('bfloat16', 'bfloat16');
/** To int64. */
export const long: Conversion = conversion('long', 'int64');
/** To int32. */
export const int: Conversion = conversion('int', 'int32');
/** To int16. */
export const short: Conversion = conversion('short', 'int16');
/** To int8. */
export const char: Conversion = conversion('char', 'int8');
/** To uint8. */
export const byte: Conversion = conversion('byte', 'uint8');
/** To bool: true where not zero. */
export const bool: Conversion = conversion('bool', 'bool');

/** To the dtype of `other`. https://pytorch.org/docs/stable/generated/torch.Tensor.type_as.html */
export const typeAs: Call<[input: Tensor, other: Tensor], { other?: Tensor }, Tensor> = define(
  'type_as(input, other)',
  (input: Tensor, other: Tensor) => input.to(other.dtype),
  { methodOnly: true },
);

interface TypeCall extends HasMethod<TypeMethod> {
  (input: Tensor): string;
  (input: Tensor, dtype: DType): Tensor;
}

interface TypeMethod {
  (): string;
  (dtype: DType): Tensor;
}

/** To a dtype, or the name of the legacy class without one ('torch.FloatTensor'). */
export const type: TypeCall = define<(input: Tensor, dtype?: DType | null) => Tensor | string>(
  'type(input, dtype=None)',
  (input: Tensor, dtype?: DType | null) =>
    dtype === undefined || dtype === null ? `torch.${input.dtype.scalarName}Tensor` : input.to(dtype),
  { methodOnly: true },
) as unknown as TypeCall;

/** `source` broadcast to `sizes`. Throws PyTorch's errors where that cannot be. */
function fitTo(source: Tensor, sizes: readonly number[]): Tensor {
  const together = broadcastTwo(sizes, source.sizes);
  if (!sameSizes(together, sizes)) {
    throw new RuntimeError(
      `output with shape ${showSizes(sizes)} doesn't match the broadcast shape ${showSizes(together)}`,
    );
  }
  return source.expand(sizes);
}

/** Overwrites `input` with `source`, broadcast and converted. https://pytorch.org/docs/stable/generated/torch.Tensor.copy_.html */
export const copy_: Call<[input: Tensor, source: Tensor], { src?: Tensor; nonBlocking?: boolean }, Tensor> =
  define(
    'copy_(input, other|src: Tensor, nonBlocking=False)',
    (input: Tensor, source: Tensor) => {
      runtime.checkInplace(input, [source]);
      const expanded = sameSizes(source.sizes, input.sizes) ? source : fitTo(source, input.sizes);
      const on = source.device === input.device ? expanded : runtime.toDevice(expanded, input.device);
      runtime.copyInto(input, on);
      const { sizes, dtype } = source;
      return runtime.recordInplace(input, {
        name: 'CopyBackwards',
        inputs: [input, source],
        saved: [],
        backward: ([grad], _, needs) => {
          if (grad === null || grad === undefined) return [null, null];
          const zero = needs[0] ? runtime.full(grad.sizes, 0, grad.dtype, grad) : null;
          if (!needs[1]) return [zero, null];
          const g = grad.sumToSize(sizes);
          return [zero, g.dtype === dtype ? g : g.to(dtype)];
        },
      });
    },
    { methodOnly: true },
  );

/** A tensor of the same memory that takes no part in the graph. https://pytorch.org/docs/stable/generated/torch.Tensor.detach.html */
export const detach: Call<[input: Tensor], object, Tensor> = define('detach(input)', (input: Tensor) =>
  runtime.alias(input, input.sizes, input.strides, input.offset),
);

/** Writes one value everywhere. */
function fillWith(input: Tensor, value: Scalar | Tensor, name: string): Tensor {
  runtime.checkInplace(input, [value]);
  if (runtime.isTensor(value) && value.sizes.length !== 0) {
    throw new RuntimeError(
      `fill_ only supports 0-dimension value tensor but got tensor with ${value.sizes.length} dimensions.`,
    );
  }
  if (Object.is(value, 0)) runtime.zero(input);
  else {
    const source = runtime.isTensor(value)
      ? value
      : runtime.full([], scalarFor(value, input.dtype), input.dtype, input);
    runtime.copyInto(input, source);
  }
  return runtime.recordInplace(input, {
    name,
    inputs: [input, runtime.isTensor(value) ? value : null],
    saved: [],
    backward: ([grad], _, needs) => {
      if (grad === null || grad === undefined) return [null, null];
      return [needs[0] ? runtime.full(grad.sizes, 0, grad.dtype, grad) : null, needs[1] ? grad.sum() : null];
    },
  });
}

/** A tensor like `input` with `value` everywhere. */
export const fill: FreeCall<[input: Tensor, value: Scalar | Tensor], { value?: Scalar | Tensor }, Tensor> =
  define(
    'fill(input, value)',
    (input: Tensor, value: Scalar | Tensor) => {
      const tensor = runtime.isTensor(value) ? value : null;
      const out = runtime.noGrad(() => fillWith(runtime.emptyLike(input, input.dtype), value, 'Fill'));
      return runtime.record(out, {
        name: tensor === null ? 'FillBackward0' : 'FillBackward1',
        inputs: [input, tensor],
        saved: [],
        backward: ([grad], _, needs) => {
          if (grad === null || grad === undefined) return [null, null];
          const zero = needs[0] ? runtime.full(grad.sizes, 0, grad.dtype, grad) : null;
          return [zero, needs[1] ? grad.sum().to((tensor as Tensor).dtype) : null];
        },
      });
    },
    { functionOnly: true },
  );

/** Writes `value` everywhere, in place. https://pytorch.org/docs/stable/generated/torch.Tensor.fill_.html */
export const fill_: Call<[input: Tensor, value: Scalar | Tensor], { value?: Scalar | Tensor }, Tensor> =
  define('fill_(input, value)', (input: Tensor, value: Scalar | Tensor) =>
    fillWith(input, value, runtime.isTensor(value) ? 'FillBackward3' : 'FillBackward2'),
  );

/** Writes zeros, in place. https://pytorch.org/docs/stable/generated/torch.Tensor.zero_.html */
export const zero_: Call<[input: Tensor], object, Tensor> = define('zero_(input)', (input: Tensor) =>
  fillWith(input, 0, 'Zero'),
);
