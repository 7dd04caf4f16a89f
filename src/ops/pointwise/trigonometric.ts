/** Trigonometric and hyperbolic functions. */
import * as E from '../../expr/expr.ts';
import type { TensorsOp, UnaryOp } from '../define.ts';
import { binary, INTEGERS, unary } from './family.ts';

function float(name: string, expr: (x: E.Expr) => E.Expr): UnaryOp {
  return unary(name, { rule: 'intToFloat', expr: ([x]) => expr(x) });
}

/** https://pytorch.org/docs/stable/generated/torch.sin.html */
export const sin: UnaryOp = float('sin', E.sin);
/** https://pytorch.org/docs/stable/generated/torch.cos.html */
export const cos: UnaryOp = float('cos', E.cos);
/** https://pytorch.org/docs/stable/generated/torch.tan.html */
export const tan: UnaryOp = float('tan', E.tan);
/** https://pytorch.org/docs/stable/generated/torch.asin.html */
export const asin: UnaryOp = float('asin', E.asin);
/** https://pytorch.org/docs/stable/generated/torch.acos.html */
export const acos: UnaryOp = float('acos', E.acos);
/** https://pytorch.org/docs/stable/generated/torch.atan.html */
export const atan: UnaryOp = float('atan', E.atan);
/** https://pytorch.org/docs/stable/generated/torch.sinh.html */
export const sinh: UnaryOp = float('sinh', E.sinh);
/** https://pytorch.org/docs/stable/generated/torch.cosh.html */
export const cosh: UnaryOp = float('cosh', E.cosh);
/** https://pytorch.org/docs/stable/generated/torch.tanh.html */
export const tanh: UnaryOp = unary('tanh', {
  rule: 'intToFloat',
  expr: ([x]) => E.tanh(x),
  backwardName: 'TanhBackward',
});
/** https://pytorch.org/docs/stable/generated/torch.asinh.html */
export const asinh: UnaryOp = float('asinh', E.asinh);
/** https://pytorch.org/docs/stable/generated/torch.acosh.html */
export const acosh: UnaryOp = float('acosh', E.acosh);
/** https://pytorch.org/docs/stable/generated/torch.atanh.html */
export const atanh: UnaryOp = float('atanh', E.atanh);
/** Another name for `asin`. */
export const arcsin: UnaryOp = asin;
/** Another name for `acos`. */
export const arccos: UnaryOp = acos;
/** Another name for `atan`. */
export const arctan: UnaryOp = atan;
/** Another name for `asinh`. */
export const arcsinh: UnaryOp = asinh;
/** Another name for `acosh`. */
export const arccosh: UnaryOp = acosh;
/** Another name for `atanh`. */
export const arctanh: UnaryOp = atanh;

/** The angle of (other, input). https://pytorch.org/docs/stable/generated/torch.atan2.html */
export const atan2: TensorsOp = binary(
  'atan2',
  { rule: 'intToFloat', expr: ([y, x]) => E.atan2(y, x) },
  { tensorsOnly: true },
);
/** Another name for `atan2`. */
export const arctan2: TensorsOp = atan2;
/** √(x² + y²). https://pytorch.org/docs/stable/generated/torch.hypot.html */
export const hypot: TensorsOp = binary(
  'hypot',
  { expr: ([x, y]) => E.hypot(x, y), refuses: { kernel: 'hypot_cpu', dtypes: INTEGERS } },
  { tensorsOnly: true },
);

/** Degrees to radians. https://pytorch.org/docs/stable/generated/torch.deg2rad.html */
export const deg2rad: UnaryOp = unary('deg2rad', {
  gradName: 'Deg2Rad',
  rule: 'intToFloat',
  expr: ([x]) => E.mul(x, Math.PI / 180),
});
/** Radians to degrees. https://pytorch.org/docs/stable/generated/torch.rad2deg.html */
export const rad2deg: UnaryOp = unary('rad2deg', {
  gradName: 'Rad2Deg',
  rule: 'intToFloat',
  expr: ([x]) => E.mul(x, 180 / Math.PI),
});
/** sin(πx)/(πx), 1 at 0. https://pytorch.org/docs/stable/generated/torch.sinc.html */
export const sinc: UnaryOp = unary('sinc', {
  rule: 'intToFloat',
  expr: ([x]) => {
    const px = E.mul(x, Math.PI);
    return E.select(E.eq(x, 0), E.constant(1, x.type), E.div(E.sin(px), px));
  },
  derivative: ([x]) => {
    const px = E.mul(x, Math.PI);
    const slope = E.div(E.sub(E.mul(E.cos(px), px), E.sin(px)), E.mul(px, x));
    return [E.select(E.eq(x, 0), E.constant(0, x.type), slope)];
  },
});
/** 0, or π where negative. https://pytorch.org/docs/stable/generated/torch.angle.html */
export const angle: UnaryOp = unary(
  'angle',
  {
    rule: 'intToFloat',
    expr: ([x]) =>
      E.select(E.isNaNExpr(x), x, E.select(E.lt(x, 0), E.constant(Math.PI, x.type), E.constant(0, x.type))),
    derivative: ([x]) => [E.constant(0, x.type)],
  },
  { inplace: false },
);
