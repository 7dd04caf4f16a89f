/** Numbers that are written into tensors: converted to the dtype, with PyTorch's overflow check. */
import { BOOL, type DType, type DTypeName } from './dtype.ts';
import { RuntimeError } from './errors.ts';

/** The types as PyTorch's overflow message names them. */
const names: Readonly<Record<DTypeName, string>> = {
  bool: 'bool',
  uint8: 'uint8_t',
  int8: 'int8_t',
  int16: 'int16_t',
  int32: 'int',
  int64: 'int64_t',
  float16: 'at::Half',
  bfloat16: 'at::BFloat16',
  float32: 'float',
  float64: 'double',
};

/** The largest finite value of each float dtype. */
const largest: Readonly<Partial<Record<DTypeName, number>>> = {
  float16: 65504,
  bfloat16: 3.3895313892515355e38,
  float32: 3.4028234663852886e38,
};

/**
 * `value` (a number, or an object that stands for one) as an element of `dtype`: a boolean, a whole number, or a number. Fractions are
 * cut off; negative numbers wrap in unsigned types. Throws a RuntimeError for what does not fit.
 */
export function scalarFor(value: unknown, dtype: DType): number | bigint | boolean {
  if (dtype.category === BOOL) return Boolean(typeof value === 'bigint' ? value : Number(value));
  if (dtype.isFloatingPoint) {
    const x = Number(value);
    if (Number.isFinite(x) && Math.abs(x) > (largest[dtype.name] ?? Number.POSITIVE_INFINITY))
      overflow(dtype);
    return x;
  }
  const x = typeof value === 'bigint' ? value : Math.trunc(Number(value));
  if (typeof x === 'number' && !Number.isFinite(x)) overflow(dtype);
  const bits = dtype.itemSize * 8;
  const whole = BigInt(x);
  const top = 2n ** BigInt(dtype.isSigned ? bits - 1 : bits);
  const bottom = dtype.isSigned ? -top : 1n - top;
  if (whole >= top || whole < bottom) overflow(dtype);
  return x;
}

function overflow(dtype: DType): never {
  throw new RuntimeError(`value cannot be converted to type ${names[dtype.name]} without overflow`);
}
