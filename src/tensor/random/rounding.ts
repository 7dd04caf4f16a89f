/** The floating-point dtypes: their precision, rounding to them. */
import type { DType } from '../../base/dtype.ts';
import { fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from '../../base/float16.ts';

/** Bits of the significand, the hidden one included: how many random bits a uniform number has. */
export const significand: Readonly<Record<string, number>> = {
  float16: 11,
  bfloat16: 8,
  float32: 24,
  float64: 53,
};

/** Rounds a double to the nearest number of the dtype. */
export function roundTo(dtype: DType): (x: number) => number {
  switch (dtype.name) {
    case 'float16':
      return (x) => fromFloat16(toFloat16(x));
    case 'bfloat16':
      return (x) => fromBfloat16(toBfloat16(x));
    case 'float32':
      return Math.fround;
    default:
      return (x) => x;
  }
}
