/** Samples of pointwise ops. The ranges are where the function is defined and its derivatives are not zero. */
import { alias, each, op, s, type Table } from '../cases.ts';
import { exactly, mask, positive, type Range, x } from '../operands.ts';

const one = (range: Range = {}) => op(s(x([2, 3], range)), s(x([3], range)));
const two = (range: Range = {}) =>
  op(s(x([2, 3], range), x([2, 3], range)), s(x([2, 1], range), x([3], range)));
/** Two operands or a number in either place. */
const numbers = (range: Range = {}) =>
  op(...two(range).samples, s(x([2, 3], range), 2), s(x([2, 3], range), 1.5), s(2.5, x([3], range)));
const compared = () => op(...two().samples, s(x([2, 3]), 2), s(x([2, 3]), 1.5)).discrete();
const unitInterval: Range = { low: 0.05, high: 0.95 };

/** Arithmetic, rounding, comparison, bits and truth values. */
export const arithmetic: Table = {
  add: op(...numbers().samples, s(x([2, 3]), x([3]), { alpha: 3 }), s(x([2, 3]), 1, { alpha: 2 })),
  sub: op(...numbers().samples, s(x([2, 3]), x([3]), { alpha: 3 })),
  subtract: alias('sub'),
  rsub: op(s(x([2, 3]), x([3])), s(x([2, 3]), 2, { alpha: 3 })),
  mul: numbers(),
  multiply: alias('mul'),
  div: op(
    s(x([2, 3]), positive([2, 3])),
    s(x([2, 1]), positive([3])),
    s(x([2, 3]), 2),
    s(2.5, positive([3])),
    s(x([2, 3]), positive([3]), { roundingMode: null }),
  ),
  divide: alias('div'),
  trueDivide: numbers({ low: 0.6, high: 3 }),
  floorDivide: op(
    s(x([2, 3], { low: -9, high: 9 }), positive([3])),
    s(x([3]), 2),
    s(7, positive([3])),
  ).underivable(),
  neg: one(),
  positive: one(),
  relu: one(),
  negative: alias('neg'),
  abs: one(),
  absolute: alias('abs'),
  square: one(),
  sign: one().flat(),
  sgn: one().flat(),
  floor: one({ unit: 1 }).flat(),
  ceil: one({ unit: 1 }).flat(),
  trunc: one({ unit: 1 }).flat(),
  fix: alias('trunc'),
  round: op(s(x([2, 3], { unit: 0.5 })), s(x([2, 3], { unit: 0.5 }), { decimals: 0 })).flat(),
  frac: one({ unit: 1 }),
  copysign: op(s(x([2, 3]), x([2, 3]).level()), s(x([2, 3]), -2), s(x([2, 1]), x([3]).level())),
  fmod: op(s(x([2, 3], { low: -9, high: 9 }), positive([3])), s(x([2, 3], { low: -9, high: 9 }), 2.5)),
  remainder: op(
    s(x([2, 3], { low: -9, high: 9 }), positive([3])),
    s(x([2, 3], { low: -9, high: 9 }), -2.5),
    s(7, positive([3])),
  ),
  heaviside: two().underivable(),
  nextafter: two().underivable(),

  ...each(['eq', 'ne', 'lt', 'le', 'gt', 'ge'], compared),
  notEqual: alias('ne'),
  less: alias('lt'),
  lessEqual: alias('le'),
  greater: alias('gt'),
  greaterEqual: alias('ge'),
  ...each(['maximum', 'minimum', 'fmax', 'fmin'], two),

  ...each(['bitwiseAnd', 'bitwiseOr', 'bitwiseXor'], () =>
    op(
      s(x([2, 3], { low: -90, high: 90 }), x([2, 3], { low: -90, high: 90 })),
      s(x([2, 3]), 6),
      s(5, x([3])),
    ).discrete(),
  ),
  bitwiseNot: one({ low: -90, high: 90 }).discrete(),
  ...each(['bitwiseLeftShift', 'bitwiseRightShift'], () =>
    op(s(x([2, 3], { low: -90, high: 90 }), x([3], { low: 0, high: 5 })), s(x([2, 3]), 2)).discrete(),
  ),
  ...each(['logicalAnd', 'logicalOr', 'logicalXor'], () => two({ low: -1, high: 1 }).discrete()),
  logicalNot: one({ low: -1, high: 1 }).discrete(),
};

/** Exponential, trigonometric and other elementary functions; choices between operands. */
export const elementary: Table = {
  exp: one(),
  exp2: one(),
  expm1: one(),
  ...each(['log', 'log10', 'log1p', 'log2', 'sqrt', 'rsqrt'], () => one({ low: 0.3, high: 4 })),
  reciprocal: one({ low: 0.5, high: 2 }),
  sigmoid: one(),
  logit: op(s(x([2, 3], unitInterval)), s(x([2, 3], unitInterval), { eps: 0.01 })),
  pow: op(
    s(positive([2, 3]), x([2, 3], { low: 0, high: 3 })),
    s(x([2, 3]), 3),
    s(positive([2, 3]), 0.5),
    s(2.5, x([3], { low: 0, high: 3 })),
    s(positive([2, 1]), x([3], { low: 0, high: 3 })),
  ),
  floatPower: op(s(positive([2, 3]), x([3])), s(x([2, 3]), 2), s(1.5, x([3]))),
  ldexp: op(s(x([2, 3]), x([3], { low: -3, high: 5 }))),
  ...each(['logaddexp', 'logaddexp2'], two),
  xlogy: op(
    s(x([2, 3]), positive([2, 3])),
    s(x([2, 3]), 2.5),
    s(1.5, positive([3])),
    s(x([2, 1]), positive([3])),
  ),

  ...each(['sin', 'cos', 'sinh', 'cosh', 'tanh', 'asinh', 'atan', 'deg2rad', 'rad2deg', 'sinc'], one),
  tan: one({ low: -1, high: 1 }),
  ...each(['acos', 'asin', 'atanh'], () => one({ low: -0.9, high: 0.9 })),
  acosh: one({ low: 1.2, high: 4 }),
  ...each(['atan2', 'hypot'], two),
  arccos: alias('acos'),
  arccosh: alias('acosh'),
  arcsin: alias('asin'),
  arcsinh: alias('asinh'),
  arctan: alias('atan'),
  arctan2: alias('atan2'),
  arctanh: alias('atanh'),
  angle: one().flat(),

  ...each(['digamma', 'lgamma'], () => one({ low: 0.4, high: 4 })),
  ...each(['erf', 'erfc', 'i0'], one),
  erfinv: one({ low: -0.9, high: 0.9 }),
  ...each(['igamma', 'igammac'], () =>
    op(s(positive([2, 3]).constant(), positive([2, 3])), s(positive([2, 1]).constant(), positive([3]))),
  ),
  mvlgamma: op(s(x([2, 3], { low: 1.6, high: 4 }), 2)),
  polygamma: op(s(1, positive([2, 3])), s(2, positive([3])), s(0, positive([3]))),

  addcdiv: op(s(x([2, 3]), x([2, 3]), positive([3])), s(x([2, 3]), x([2, 1]), positive([3]), { value: 2.5 })),
  addcmul: op(s(x([2, 3]), x([2, 3]), x([3])), s(x([2, 3]), x([2, 1]), x([3]), { value: 2 })),
  clamp: op(
    s(x([2, 3]), -1, 1),
    s(x([2, 3]), { min: -0.5 }),
    s(x([2, 3]), { max: 0.5 }),
    s(x([2, 3]), x([3], { low: -2, high: -1 }), x([2, 1], { low: 0.5, high: 1 })),
  ),
  clip: alias('clamp'),
  clampMax: op(s(x([2, 3]), 0.7), s(x([2, 3]), x([3]))),
  clampMin: op(s(x([2, 3]), -0.7), s(x([2, 3]), x([3]))),
  lerp: op(s(x([2, 3]), x([2, 3]), x([2, 3])), s(x([2, 3]), x([3]), 0.3), s(x([2, 3]), x([3]), 0.7)),
  maskedFill: op(
    s(x([2, 3]), mask([2, 3]), 2.5),
    s(x([2, 3]), mask([3]), 3),
    s(x([2, 3]), mask([2, 1]), x([])),
  ),
  nanToNum: op(s(x([2, 3])), s(exactly([1, 2, 3]), { nan: 1.5, posinf: 2, neginf: -2 })),
  where: op(
    s(mask([2, 3]), x([2, 3]), x([2, 3])),
    s(mask([2, 1]), x([3]), x([2, 3])),
    s(mask([3]), x([2, 3]), 2.5),
    s(mask([3]), 1, x([2, 3])),
  ),
  ...each(['isfinite', 'isinf', 'isnan', 'isneginf', 'isposinf', 'isreal', 'signbit'], () =>
    one().discrete(),
  ),
};
