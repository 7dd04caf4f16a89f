/** Comparisons and extremes of two operands. https://pytorch.org/docs/stable/torch.html#comparison-ops */
import * as E from '../../expr/expr.ts';
import type { TensorFirstOp, TensorsOp } from '../define.ts';
import { binary } from './family.ts';

function comparison(name: string, expr: (x: E.Expr, y: E.Expr) => E.Expr): TensorFirstOp {
  return binary(name, { rule: 'alwaysBool', expr: ([x, y]) => expr(x, y) }, { tensorFirst: true });
}

/** True where equal. https://pytorch.org/docs/stable/generated/torch.eq.html */
export const eq: TensorFirstOp = comparison('eq', E.eq);
/** True where not equal. https://pytorch.org/docs/stable/generated/torch.ne.html */
export const ne: TensorFirstOp = comparison('ne', E.ne);
/** True where less. https://pytorch.org/docs/stable/generated/torch.lt.html */
export const lt: TensorFirstOp = comparison('lt', E.lt);
/** True where less or equal. https://pytorch.org/docs/stable/generated/torch.le.html */
export const le: TensorFirstOp = comparison('le', E.le);
/** True where greater. https://pytorch.org/docs/stable/generated/torch.gt.html */
export const gt: TensorFirstOp = comparison('gt', E.gt);
/** True where greater or equal. https://pytorch.org/docs/stable/generated/torch.ge.html */
export const ge: TensorFirstOp = comparison('ge', E.ge);
/** Another name for `ne`. */
export const notEqual: TensorFirstOp = ne;
/** Another name for `lt`. */
export const less: TensorFirstOp = lt;
/** Another name for `le`. */
export const lessEqual: TensorFirstOp = le;
/** Another name for `gt`. */
export const greater: TensorFirstOp = gt;
/** Another name for `ge`. */
export const greaterEqual: TensorFirstOp = ge;

/** The larger operand; NaN if either is. https://pytorch.org/docs/stable/generated/torch.maximum.html */
export const maximum: TensorsOp = binary(
  'maximum',
  { expr: ([x, y]) => E.max(x, y) },
  { inplace: false, tensorsOnly: true },
);
/** The smaller operand; NaN if either is. https://pytorch.org/docs/stable/generated/torch.minimum.html */
export const minimum: TensorsOp = binary(
  'minimum',
  { expr: ([x, y]) => E.min(x, y) },
  { inplace: false, tensorsOnly: true },
);

/** The larger operand; of a NaN and a number, the number. https://pytorch.org/docs/stable/generated/torch.fmax.html */
export const fmax: TensorsOp = binary(
  'fmax',
  {
    expr: ([x, y]) => (E.isFloat(x.type) ? E.select(E.or(E.ge(x, y), E.isNaNExpr(y)), x, y) : E.max(x, y)),
  },
  { inplace: false, tensorsOnly: true },
);
/** The smaller operand; of a NaN and a number, the number. https://pytorch.org/docs/stable/generated/torch.fmin.html */
export const fmin: TensorsOp = binary(
  'fmin',
  {
    expr: ([x, y]) => (E.isFloat(x.type) ? E.select(E.or(E.le(x, y), E.isNaNExpr(y)), x, y) : E.min(x, y)),
  },
  { inplace: false, tensorsOnly: true },
);
