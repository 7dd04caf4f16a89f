/** `torch.special`: the normal distribution, entropy, scaled error and Bessel functions, the Hurwitz zeta function. */
import * as E from '../../expr/expr.ts';
import type { BinaryOp, UnaryOp } from '../define.ts';
import { binary, noDerivative, unary } from '../pointwise/family.ts';

function float(name: string, gradName: string, expr: (x: E.Expr) => E.Expr): UnaryOp {
  return unary(name, { rule: 'intToFloat', gradName, expr: ([x]) => expr(x) }, { inplace: false });
}

/** e^(−|x|)·I₀(x). https://pytorch.org/docs/stable/special.html#torch.special.i0e */
export const i0e: UnaryOp = float('special_i0e', 'SpecialI0E', E.i0e);
/** The modified Bessel function I₁. https://pytorch.org/docs/stable/special.html#torch.special.i1 */
export const i1: UnaryOp = float('special_i1', 'SpecialI1', E.i1);
/** e^(−|x|)·I₁(x). https://pytorch.org/docs/stable/special.html#torch.special.i1e */
export const i1e: UnaryOp = float('special_i1e', 'SpecialI1E', E.i1e);
/** exp(x²)·erfc(x). https://pytorch.org/docs/stable/special.html#torch.special.erfcx */
export const erfcx: UnaryOp = float('special_erfcx', 'SpecialErfcx', E.erfcx);

/**
 * The standard normal distribution function. https://pytorch.org/docs/stable/special.html#torch.special.ndtr
 *
 * @example
 * ```ts
 * console.log(torch.special.ndtr(torch.tensor([-1, 0, 1]))); // => tensor([0.1587, 0.5000, 0.8413])
 * ```
 */
export const ndtr: UnaryOp = float('special_ndtr', 'SpecialNdtr', (x) =>
  E.mul(E.erfc(E.mul(x, -Math.SQRT1_2)), 0.5),
);
/** The inverse of the standard normal distribution function. https://pytorch.org/docs/stable/special.html#torch.special.ndtri */
export const ndtri: UnaryOp = float('special_ndtri', 'SpecialNdtri', E.ndtri);
/** The logarithm of `ndtr`. https://pytorch.org/docs/stable/special.html#torch.special.log_ndtr */
export const logNdtr: UnaryOp = float('special_log_ndtr', 'SpecialLogNdtr', E.logNdtr);

/** −x·log x: 0 at 0, −∞ below. https://pytorch.org/docs/stable/special.html#torch.special.entr */
export const entr: UnaryOp = unary(
  'special_entr',
  {
    rule: 'intToFloat',
    gradName: 'SpecialEntr',
    expr: ([x]) =>
      E.select(
        E.isNaNExpr(x),
        x,
        E.select(
          E.gt(x, 0),
          E.neg(E.mul(x, E.log(x))),
          E.select(E.eq(x, 0), E.constant(0, x.type), E.constant(Number.NEGATIVE_INFINITY, x.type)),
        ),
      ),
    derivative: ([x]) => [E.sub(E.neg(E.log(x)), 1)],
  },
  { inplace: false },
);

/** x·log1p y, and 0 where x is 0 (unless y is NaN). https://pytorch.org/docs/stable/special.html#torch.special.xlog1py */
export const xlog1py: BinaryOp = binary(
  'special_xlog1py',
  {
    rule: 'intToFloat',
    gradName: 'SpecialXlog1Py',
    overload: ([x, y]) => (x ? (y ? 0 : 2) : 1),
    expr: ([x, y]) => {
      const value = E.select(E.eq(x, 0), E.constant(0, x.type), E.mul(x, E.log1p(y)));
      return E.select(E.isNaNExpr(y), y, value);
    },
    derivative: ([x, y]) => [
      E.select(E.and(E.eq(x, 0), E.le(y, -1)), E.constant(0, x.type), E.log1p(y)),
      E.div(x, E.add(y, 1)),
    ],
  },
  { inplace: false },
);

/** The Hurwitz zeta function ζ(x, q). https://pytorch.org/docs/stable/special.html#torch.special.zeta */
export const zeta: BinaryOp = binary(
  'special_zeta',
  {
    rule: 'intToFloat',
    gradName: 'SpecialZeta',
    expr: ([x, q]) => E.zeta(x, q),
    noDerivative: [noDerivative('zeta'), noDerivative('zeta')],
  },
  { inplace: false },
);
