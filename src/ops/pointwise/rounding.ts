/** Rounding, signs and remainders. */
import { notImplementedFor } from '../refuse.ts';
import * as E from '../../expr/expr.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { BinaryOp, Call, TensorFirstOp, TensorsOp, UnaryOp } from '../define.ts';
import {
  binary,
  BOOL_ONLY,
  defineOp,
  INTEGERS,
  noDerivative,
  pointwise,
  unary,
  underivable,
} from './family.ts';

/** sgn(x): −1, 0 or 1; 0 for NaN as in PyTorch. */
function signOf(x: E.Expr): E.Expr {
  return E.sub(E.cast(E.gt(x, 0), x.type), E.cast(E.lt(x, 0), x.type));
}

/** |x|. https://pytorch.org/docs/stable/generated/torch.abs.html */
export const abs: UnaryOp = unary('abs', {
  expr: ([x]) => E.abs(x),
  refuses: { kernel: 'abs_cpu', dtypes: BOOL_ONLY },
});
/** Another name for `abs`. */
export const absolute: UnaryOp = abs;
/** The sign: −1, 0 or 1. https://pytorch.org/docs/stable/generated/torch.sign.html */
export const sign: UnaryOp = unary('sign', {
  expr: ([x]) => signOf(x),
  derivative: ([x]) => [E.isFloat(x.type) ? E.constant(0, x.type) : null],
});
/** The sign, under its complex name. https://pytorch.org/docs/stable/generated/torch.sgn.html */
export const sgn: UnaryOp = unary('sgn', {
  expr: ([x]) => signOf(x),
  derivative: ([x]) => [E.isFloat(x.type) ? E.constant(0, x.type) : null],
});

/** Rounding ops have gradients of zero, as in PyTorch, not none. */
function zeroSlope(name: string, round: (x: E.Expr) => E.Expr): UnaryOp {
  return unary(name, {
    expr: ([x]) => round(x),
    derivative: ([x]) => [zero(x)],
    refuses: { kernel: `${name}_vml_cpu`, dtypes: BOOL_ONLY },
  });
}

function zero(x: E.Expr): E.Expr | null {
  return E.isFloat(x.type) ? E.constant(0, x.type) : null;
}

/** Up to a whole number. https://pytorch.org/docs/stable/generated/torch.ceil.html */
export const ceil: UnaryOp = zeroSlope('ceil', E.ceil);
/** Down to a whole number. https://pytorch.org/docs/stable/generated/torch.floor.html */
export const floor: UnaryOp = zeroSlope('floor', E.floor);
/** Towards zero to a whole number. https://pytorch.org/docs/stable/generated/torch.trunc.html */
export const trunc: UnaryOp = zeroSlope('trunc', E.trunc);
/** Another name for `trunc`. */
export const fix: UnaryOp = trunc;

const roundOp = pointwise('round', {
  expr: ([x]) => E.round(x),
  derivative: ([x]) => [zero(x)],
  refuses: { kernel: 'round_vml_cpu', dtypes: BOOL_ONLY },
});
const roundUpTo = pointwise('round', {
  overload: () => 1,
  expr: ([x], [scale]) => E.div(E.round(E.mul(x, scale)), scale),
  derivative: ([x]) => [zero(x)],
});
const roundDownTo = pointwise('round', {
  overload: () => 1,
  expr: ([x], [scale]) => E.mul(E.round(E.div(x, scale)), scale),
  derivative: ([x]) => [zero(x)],
});

/** To the nearest whole number (or `decimals` places), halves to even. https://pytorch.org/docs/stable/generated/torch.round.html */
export const round: Call<[input: Tensor], { decimals?: number; out?: Tensor }, Tensor> = defineOp(
  'round(input, *, decimals=0, out=None)',
  {},
  (input: Tensor, decimals: number = 0) => {
    if (decimals === 0) return [roundOp, [input], []];
    if (!input.dtype.isFloatingPoint) {
      throw notImplementedFor('round_cpu', input.dtype);
    }
    return [decimals > 0 ? roundUpTo : roundDownTo, [input], [10 ** Math.abs(decimals)]];
  },
);

/** x − trunc x. https://pytorch.org/docs/stable/generated/torch.frac.html */
export const frac: UnaryOp = unary('frac', {
  expr: ([x]) => E.sub(x, E.trunc(x)),
  refuses: { kernel: 'frac_cpu', dtypes: INTEGERS },
});

/** C's remainder: the sign of the dividend. https://pytorch.org/docs/stable/generated/torch.fmod.html */
export const fmod: TensorFirstOp = binary(
  'fmod',
  {
    overload: ([, other]) => (other ? 1 : 0),
    expr: ([x, y]) => E.rem(x, y),
    refuses: { kernel: 'fmod_cpu', dtypes: BOOL_ONLY },
  },
  { tensorFirst: true },
);

/** Python's remainder: the sign of the divisor. https://pytorch.org/docs/stable/generated/torch.remainder.html */
export const remainder: BinaryOp = binary('remainder', {
  overload: ([, other]) => (other ? 1 : 0),
  expr: ([x, y]) => {
    const r = E.rem(x, y);
    return E.select(E.and(E.ne(r, 0), E.ne(E.lt(y, 0), E.lt(r, 0))), E.add(r, y), r);
  },
  derivative: ([x, y]) =>
    E.isFloat(x.type) ? [E.constant(1, x.type), E.neg(E.floor(E.div(x, y)))] : [null, null],
  refuses: { kernel: 'remainder_cpu', dtypes: BOOL_ONLY },
});

/** |x| with the sign of `other`. https://pytorch.org/docs/stable/generated/torch.copysign.html */
export const copysign: TensorFirstOp = binary(
  'copysign',
  {
    overload: ([, other]) => (other ? 0 : 1),
    rule: 'intToFloat',
    expr: ([x, y]) => E.copysign(x, y),
  },
  { tensorFirst: true },
);

/** 0 where negative, 1 where positive, `values` where 0. https://pytorch.org/docs/stable/generated/torch.heaviside.html */
export const heaviside: Call<[input: Tensor, values: Tensor], { values?: Tensor; out?: Tensor }, Tensor> =
  defineOp('heaviside(input, values|other: Tensor, *, out=None)', {}, (input: Tensor, values: Tensor) => [
    heavisideOp,
    [input, values],
    [],
  ]);
const heavisideOp = pointwise('heaviside', {
  expr: ([x, v]) => E.select(E.eq(x, 0), v, E.cast(E.gt(x, 0), x.type)),
  noDerivative: [underivable('heaviside'), underivable('heaviside')],
});

/** The next float after `input` towards `other`. https://pytorch.org/docs/stable/generated/torch.nextafter.html */
export const nextafter: TensorsOp = binary(
  'nextafter',
  {
    expr: ([x, y]) => E.nextafter(x, y),
    noDerivative: [noDerivative('nextafter'), noDerivative('nextafter')],
    refuses: { kernel: 'nextafter_cpu', dtypes: INTEGERS },
  },
  { tensorsOnly: true },
);
