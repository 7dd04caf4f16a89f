/** `torch.finfo` and `torch.iinfo`: the limits of the number types. https://pytorch.org/docs/stable/type_info.html */
import { DType, getDefaultDtype } from './dtype.ts';
import { ArgumentTypeError } from './errors.ts';

/** Limits of a floating-point type. */
export interface FloatInfo {
  readonly bits: number;
  /** The distance from 1 to the next larger number. */
  readonly eps: number;
  readonly max: number;
  readonly min: number;
  /** The smallest positive normal number. */
  readonly tiny: number;
  readonly smallestNormal: number;
  readonly resolution: number;
  readonly dtype: string;
}

/** Limits of an integer type; bigints for int64. */
export interface IntegerInfo {
  readonly bits: number;
  readonly max: number | bigint;
  readonly min: number | bigint;
  readonly dtype: string;
}

/** Bits of significand (with the hidden one), largest and smallest exponent, decimal digits that survive. */
const floatFormats: Readonly<Record<string, readonly [number, number, number, number]>> = {
  float16: [11, 15, -14, 1e-3],
  bfloat16: [8, 127, -126, 1e-2],
  float32: [24, 127, -126, 1e-6],
  float64: [53, 1023, -1022, 1e-15],
};

/**
 * The limits of a floating-point dtype (the default one if none is given). Throws a TypeError for other dtypes.
 *
 * @example
 * ```ts
 * console.log(torch.finfo(torch.float32).eps); // => 1.1920928955078125e-7
 * ```
 */
export function finfo(dtype: DType = getDefaultDtype()): FloatInfo {
  const format = dtype instanceof DType ? floatFormats[dtype.name] : undefined;
  if (format === undefined) {
    throw new ArgumentTypeError(
      `torch.finfo() requires a floating point input type. Use torch.iinfo to handle '${String(dtype)}'`,
    );
  }
  const [digits, top, bottom, resolution] = format;
  const max = (2 - 2 ** (1 - digits)) * 2 ** top;
  const tiny = 2 ** bottom;
  return {
    bits: dtype.itemSize * 8,
    eps: 2 ** (1 - digits),
    max,
    min: -max,
    tiny,
    smallestNormal: tiny,
    resolution,
    dtype: dtype.name,
  };
}

/**
 * The limits of an integer dtype. Throws a TypeError for other dtypes.
 *
 * @example
 * ```ts
 * console.log(torch.iinfo(torch.int8).max); // => 127
 * ```
 */
export function iinfo(dtype: DType): IntegerInfo {
  if (!(dtype instanceof DType) || dtype.isFloatingPoint || dtype.name === 'bool') {
    throw new ArgumentTypeError(
      `torch.iinfo() requires an integer input type. Use torch.finfo to handle '${String(dtype)}'`,
    );
  }
  const bits = dtype.itemSize * 8;
  const magnitude = dtype.isSigned ? 2n ** BigInt(bits - 1) : 2n ** BigInt(bits);
  const max = magnitude - 1n;
  const min = dtype.isSigned ? -magnitude : 0n;
  const wide = bits === 64;
  return { bits, max: wide ? max : Number(max), min: wide ? min : Number(min), dtype: dtype.name };
}
