/** Questions about single elements: NaN, infinity, sign. The result is bool. */
import * as E from '../../expr/expr.ts';
import type { UnaryOp } from '../define.ts';
import { unary } from './family.ts';

const INF = Number.POSITIVE_INFINITY;

function test(name: string, onFloats: (x: E.Expr) => E.Expr, onIntegers: boolean): UnaryOp {
  const spec = {
    rule: 'alwaysBool' as const,
    expr: ([x]: readonly E.Expr[]) =>
      E.isFloat(x.type) ? onFloats(x) : onIntegers ? E.eq(x, x) : E.ne(x, x),
  };
  return unary(name, spec, { inplace: false });
}

/** True where NaN. https://pytorch.org/docs/stable/generated/torch.isnan.html */
export const isnan: UnaryOp = test('isnan', E.isNaNExpr, false);
/** True where infinite. https://pytorch.org/docs/stable/generated/torch.isinf.html */
export const isinf: UnaryOp = test('isinf', (x) => E.eq(E.abs(x), INF), false);
/** True where neither NaN nor infinite. https://pytorch.org/docs/stable/generated/torch.isfinite.html */
export const isfinite: UnaryOp = test('isfinite', (x) => E.lt(E.abs(x), INF), true);
/** True where +∞. https://pytorch.org/docs/stable/generated/torch.isposinf.html */
export const isposinf: UnaryOp = test('isposinf', (x) => E.eq(x, INF), false);
/** True where −∞. https://pytorch.org/docs/stable/generated/torch.isneginf.html */
export const isneginf: UnaryOp = test('isneginf', (x) => E.eq(x, -INF), false);
/** True everywhere: there are no complex dtypes. https://pytorch.org/docs/stable/generated/torch.isreal.html */
export const isreal: UnaryOp = unary(
  'isreal',
  { rule: 'alwaysBool', expr: ([x]) => E.or(E.eq(x, x), E.ne(x, x)) },
  { inplace: false },
);

/** True where the sign bit is set (also of −0 and negative NaN). https://pytorch.org/docs/stable/generated/torch.signbit.html */
export const signbit: UnaryOp = unary(
  'signbit',
  {
    rule: 'alwaysBool',
    expr: ([x]) => (E.isFloat(x.type) ? E.lt(E.copysign(E.constant(1, x.type), x), 0) : E.lt(x, 0)),
  },
  { inplace: false },
);
