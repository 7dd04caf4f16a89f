/** Divisors and multiples of whole numbers. */
import { notImplementedFor } from '../refuse.ts';
import { type DType, int64, promoteTypes } from '../../base/dtype.ts';
import { broadcastSizes } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { define, type TensorsOp } from '../define.ts';
import { runtime } from '../runtime.ts';

function gcdOf(a: bigint, b: bigint): bigint {
  let x = a < 0n ? -a : a;
  let y = b < 0n ? -b : b;
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}

function lcmOf(a: bigint, b: bigint): bigint {
  const divisor = gcdOf(a, b);
  if (divisor === 0n) return 0n;
  const product = (a / divisor) * b;
  return product < 0n ? -product : product;
}

/** An elementwise function of whole numbers, computed on the host: no kernel has a loop in its elements. Results wrap. */
function onIntegers(name: string, fn: (a: bigint, b: bigint) => bigint): TensorsOp {
  return define<TensorsOp>(
    `${name}(input, other: Tensor, *, out=None)`,
    (input: Tensor, other: Tensor) => {
      const dtype: DType = promoteTypes(input.dtype, other.dtype);
      if (dtype.isFloatingPoint || dtype.name === 'bool') {
        throw notImplementedFor(`${name}_cpu`, dtype);
      }
      const sizes = broadcastSizes([input.sizes, other.sizes]);
      const host = (t: Tensor): BigInt64Array => runtime.toArray(t.long().expand(sizes)) as BigInt64Array;
      const a = host(input).slice();
      const b = host(other);
      const out = a.map((x, i) => fn(x, b[i]));
      // int64 wraps when it is stored, the narrower types in the conversion.
      const whole = runtime.fromArray(out, sizes, int64, input);
      return whole.to(dtype);
    },
    { inplace: true },
  );
}

/** The greatest common divisor. https://pytorch.org/docs/stable/generated/torch.gcd.html */
export const gcd: TensorsOp = onIntegers('gcd', gcdOf);
/** The least common multiple. https://pytorch.org/docs/stable/generated/torch.lcm.html */
export const lcm: TensorsOp = onIntegers('lcm', lcmOf);
