/** Questions about single elements: NaN, infinity, sign. The result is bool. */
import * as E from '../../expr/expr.ts';
import type { UnaryOp } from '../define.ts';
import { unary } from './family.ts';

/** True where NaN. https://pytorch.org/docs/stable/generated/torch.isnan.html */
export const isnan: UnaryOp = unary(
  'isnan',
  { rule: 'alwaysBool', expr: ([x]) => E.isNaNExpr(x) },
  { inplace: false },
);
