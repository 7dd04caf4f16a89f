/** Numbers taken apart into mantissa and exponent. https://pytorch.org/docs/stable/generated/torch.frexp.html */
import { int32 } from '../../base/dtype.ts';
import { RuntimeError } from '../../base/errors.ts';
import * as E from '../../expr/expr.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define } from '../define.ts';
import { runtime } from '../runtime.ts';
import { pointwise } from './family.ts';

/** |x| brought into the range of normal doubles, and by what power of two. */
function normal(x: E.Expr): { value: E.Expr; shift: E.Expr } {
  const size = E.abs(E.cast(x, 'f64'));
  const tiny = E.lt(size, 2 ** -1000);
  return {
    value: E.select(tiny, E.mul(size, 2 ** 100), size),
    shift: E.select(tiny, E.constant(-100, 'f64'), E.constant(0, 'f64')),
  };
}

/** The exponent e with |x| = m·2^e, ½ ≤ m < 1; 0 for zeros, infinities and NaN. */
function exponentOf(x: E.Expr): E.Expr {
  const { value, shift } = normal(x);
  // The logarithm may be off by a rounding: two corrections make it exact.
  const guess = E.add(E.floor(E.log2(value)), 1);
  const mantissa = E.div(value, powerOfTwo(guess));
  const exact = E.select(
    E.ge(mantissa, 1),
    E.add(guess, 1),
    E.select(E.lt(mantissa, 0.5), E.sub(guess, 1), guess),
  );
  const plain = E.and(E.gt(value, 0), E.lt(value, Number.POSITIVE_INFINITY));
  return E.select(plain, E.add(exact, shift), E.constant(0, 'f64'));
}

/** 2^e as a product of two factors, neither of which overflows. */
function powerOfTwo(e: E.Expr): E.Expr {
  const half = E.floor(E.mul(e, 0.5));
  return E.mul(E.exp2(half), E.exp2(E.sub(e, half)));
}

const exponentOp = pointwise('frexp', { expr: ([x]) => E.cast(exponentOf(x), x.type) });
const mantissaOp = pointwise('frexp', {
  expr: ([x]) => {
    const e = exponentOf(x);
    const half = E.floor(E.mul(e, 0.5));
    const scaled = E.div(E.div(E.cast(x, 'f64'), E.exp2(half)), E.exp2(E.sub(e, half)));
    return E.cast(scaled, x.type);
  },
});

/** `{ mantissa, exponent }`, which destructures as a pair too. */
export type MantissaExponent = readonly [mantissa: Tensor, exponent: Tensor] & {
  readonly mantissa: Tensor;
  readonly exponent: Tensor;
};

/**
 * input = mantissa · 2^exponent with ½ ≤ |mantissa| < 1 and int32 exponents. Throws a RuntimeError for integers.
 *
 * @example
 * ```ts
 * const { mantissa, exponent } = torch.frexp(torch.tensor([3, 0.25]));
 * console.log(mantissa, exponent.tolist()); // => tensor([0.7500, 0.5000]) [ 2, -1 ]
 * ```
 */
export const frexp: Call<[input: Tensor], { out?: readonly Tensor[] }, MantissaExponent> = define(
  'frexp(input, *, out=None)',
  (input: Tensor) => {
    if (!input.dtype.isFloatingPoint) {
      throw new RuntimeError('torch.frexp() only supports floating-point dtypes');
    }
    const exponent = runtime.noGrad(() => runtime.pointwise(exponentOp, [input], []).to(int32));
    const fraction = runtime.noGrad(() => runtime.pointwise(mantissaOp, [input], []));
    const mantissa = runtime.record(fraction, {
      name: 'Frexp',
      inputs: [input],
      saved: [],
      backward: ([grad]) => [
        grad === null || grad === undefined ? null : grad.div(exponent.to(grad.dtype).exp2()),
      ],
    });
    return Object.assign([mantissa, exponent], { mantissa, exponent }) as unknown as MantissaExponent;
  },
);
