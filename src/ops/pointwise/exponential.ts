/** Powers, exponentials, logarithms. */
import { RuntimeError } from '../../base/errors.ts';
import * as E from '../../expr/expr.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type BinaryOp, type Call, define, type Operand, type TensorsOp, type UnaryOp } from '../define.ts';
import { runtime } from '../runtime.ts';
import { binary, BOOL_ONLY, defineOp, INTEGERS, pointwise, type PointwiseSpec, unary } from './family.ts';

/** A function of floats; integers are converted. */
function float(name: string, expr: (x: E.Expr) => E.Expr, more: Partial<PointwiseSpec> = {}): UnaryOp {
  return unary(name, { rule: 'intToFloat', expr: ([x]) => expr(x), ...more });
}

/** √x. https://pytorch.org/docs/stable/generated/torch.sqrt.html */
export const sqrt: UnaryOp = float('sqrt', E.sqrt);
/** 1/√x. https://pytorch.org/docs/stable/generated/torch.rsqrt.html */
export const rsqrt: UnaryOp = float('rsqrt', (x) => E.div(1, E.sqrt(x)), {
  derivative: (_, out) => [E.mul(E.mul(out, E.mul(out, out)), -0.5)],
});
/** 1/x. https://pytorch.org/docs/stable/generated/torch.reciprocal.html */
export const reciprocal: UnaryOp = float('reciprocal', (x) => E.div(1, x), {
  derivative: (_, out) => [E.neg(E.mul(out, out))],
});
/** eˣ. https://pytorch.org/docs/stable/generated/torch.exp.html */
export const exp: UnaryOp = float('exp', E.exp);
/** 2ˣ. https://pytorch.org/docs/stable/generated/torch.exp2.html */
export const exp2: UnaryOp = float('exp2', E.exp2);
/** eˣ − 1, exact near 0. https://pytorch.org/docs/stable/generated/torch.expm1.html */
export const expm1: UnaryOp = float('expm1', E.expm1);
/** The natural logarithm. https://pytorch.org/docs/stable/generated/torch.log.html */
export const log: UnaryOp = float('log', E.log);
/** The logarithm to base 2. https://pytorch.org/docs/stable/generated/torch.log2.html */
export const log2: UnaryOp = float('log2', E.log2);
/** The logarithm to base 10. https://pytorch.org/docs/stable/generated/torch.log10.html */
export const log10: UnaryOp = float('log10', E.log10);
/** log(1 + x), exact near 0. https://pytorch.org/docs/stable/generated/torch.log1p.html */
export const log1p: UnaryOp = float('log1p', E.log1p);
/** 1/(1 + e⁻ˣ). https://pytorch.org/docs/stable/generated/torch.sigmoid.html */
export const sigmoid: UnaryOp = float('sigmoid', (x) => E.div(1, E.add(E.exp(E.neg(x)), 1)), {
  derivative: (_, out) => [E.mul(E.sub(1, out), out)],
  backwardName: 'SigmoidBackward',
});

const logitOp = pointwise('logit', {
  rule: 'intToFloat',
  expr: ([x]) => E.log(E.div(x, E.sub(1, x))),
  derivative: ([x]) => [
    E.select(E.or(E.lt(x, 0), E.gt(x, 1)), E.constant(Number.NaN, x.type), E.div(1, E.mul(x, E.sub(1, x)))),
  ],
});
const clampedLogitOp = pointwise('logit', {
  rule: 'intToFloat',
  expr: ([x], [eps]) => {
    const z = E.select(E.lt(x, eps), eps, E.select(E.gt(x, E.sub(1, eps)), E.sub(1, eps), x));
    return E.log(E.div(z, E.sub(1, z)));
  },
  derivative: ([x], _, [eps]) => [
    E.select(
      E.or(E.lt(x, eps), E.gt(x, E.sub(1, eps))),
      E.constant(0, x.type),
      E.div(1, E.mul(x, E.sub(1, x))),
    ),
  ],
});

/** log(x/(1 − x)), x cut off at eps from 0 and 1 where given. https://pytorch.org/docs/stable/generated/torch.logit.html */
export const logit: Call<
  [input: Tensor, eps?: number | null],
  { eps?: number | null; out?: Tensor },
  Tensor
> = defineOp('logit(input, eps=None, *, out=None)', {}, (input: Tensor, eps: number | null = null) =>
  eps === null ? [logitOp, [input], []] : [clampedLogitOp, [input], [eps]],
);

/** x². https://pytorch.org/docs/stable/generated/torch.square.html */
export const square: UnaryOp = define('square(input, *, out=None)', (input: Tensor) => input.pow(2), {
  inplace: true,
});

/** Integer powers by repeated squaring; the exponents of integers are known not to be negative. */
function intPower(x: E.Expr, y: E.Expr): E.Expr {
  const bits = x.type === 'i64' ? 6 : 5;
  let result: E.Expr = E.constant(1, x.type);
  let base = x;
  for (let i = 0; i < bits; i++) {
    const set = E.ne(E.and(E.shr(y, E.constant(i, y.type)), 1), 0);
    result = E.select(set, E.mul(result, base), result);
    base = E.mul(base, base);
  }
  // Negative exponents (of tensors): 1 for 1, ±1 for −1, else 0.
  const odd = E.ne(E.and(y, 1), 0);
  const inverse = E.select(
    E.eq(x, 1),
    E.constant(1, x.type),
    E.select(E.eq(x, -1), E.select(odd, E.constant(-1, x.type), 1), E.constant(0, x.type)),
  );
  // Exponents beyond the bits above only matter for bases 0, 1 and −1, or overflow to 0 or the wrapped value.
  return E.select(E.lt(y, 0), inverse, result);
}

const powRefuses = { kernel: 'pow', dtypes: BOOL_ONLY };

const powOps = {
  scalar: pointwise('pow', {
    expr: ([x, y]) => (E.isFloat(x.type) ? E.pow(x, y) : intPower(x, y)),
    savesInputs: true,
    refuses: powRefuses,
    castMessage: (result, target) => `Found dtype ${target.scalarName} but expected ${result.scalarName}`,
  }),
  tensor: pointwise('pow', {
    overload: ([x]) => (x ? 1 : 2),
    refuses: powRefuses,
    expr: ([x, y]) => (E.isFloat(x.type) ? E.pow(x, y) : intPower(x, y)),
  }),
  zero: pointwise('pow', {
    expr: ([x]) => E.select(E.eq(x, x), E.constant(1, x.type), E.constant(1, x.type)),
    derivative: ([x]) => [E.isFloat(x.type) ? E.constant(0, x.type) : null],
  }),
  square: pointwise('pow', { expr: ([x]) => E.mul(x, x), savesInputs: true }),
  cube: pointwise('pow', {
    expr: ([x]) => E.mul(E.mul(x, x), x),
    derivative: ([x]) => [E.mul(E.mul(x, x), 3)],
  }),
  root: pointwise('pow', { expr: ([x]) => E.sqrt(x), derivative: (_, out) => [E.div(0.5, out)] }),
};

/**
 * `input` to the power of `exponent`.
 * Throws a RuntimeError for integers to negative whole powers. https://pytorch.org/docs/stable/generated/torch.pow.html
 */
export const pow: Call<[input: Operand, exponent: Operand], { exponent?: Operand; out?: Tensor }, Tensor> =
  defineOp(
    'pow(input: Operand, exponent|other: Operand, *, out=None)',
    {},
    (input: Operand, exponent: Operand) => {
      if (runtime.isTensor(exponent)) return [powOps.tensor, [input, exponent], []];
      const e = typeof exponent === 'number' ? exponent : Number.NaN;
      if (runtime.isTensor(input)) {
        const whole = !input.dtype.isFloatingPoint;
        if (whole && Number.isInteger(e) && e < 0) {
          throw new RuntimeError('Integers to negative integer powers are not allowed.');
        }
        if (!whole) {
          // Exact and fast forms of common powers; all show as PowBackward0.
          if (e === 2) return [powOps.square, [input], []];
          if (e === 3) return [powOps.cube, [input], []];
          if (e === 0.5) return [powOps.root, [input], []];
        }
      }
      return [powOps.scalar, [input, exponent], []];
    },
  );

/** `pow` in double precision. https://pytorch.org/docs/stable/generated/torch.float_power.html */
export const floatPower: Call<
  [input: Operand, exponent: Operand],
  { exponent?: Operand; out?: Tensor },
  Tensor
> = define(
  'float_power(input: Operand, exponent: Operand, *, out=None)',
  (input: Operand, exponent: Operand) => {
    const wide = (x: Operand): Operand => (runtime.isTensor(x) ? x.double() : x);
    return pow(wide(input), wide(exponent));
  },
);

/** log(eˣ + eʸ). https://pytorch.org/docs/stable/generated/torch.logaddexp.html */
export const logaddexp: TensorsOp = binary(
  'logaddexp',
  {
    expr: ([x, y]) => {
      const m = E.max(x, y);
      const sum = E.add(m, E.log1p(E.exp(E.neg(E.abs(E.sub(x, y))))));
      return E.select(E.and(E.eq(x, y), E.eq(E.abs(x), Number.POSITIVE_INFINITY)), x, sum);
    },
    derivative: ([x, y], out) => [E.exp(E.sub(x, out)), E.exp(E.sub(y, out))],
    refuses: { kernel: 'logaddexp_cpu', dtypes: INTEGERS },
  },
  { inplace: false, tensorsOnly: true },
);

/** log₂(2ˣ + 2ʸ). https://pytorch.org/docs/stable/generated/torch.logaddexp2.html */
export const logaddexp2: TensorsOp = binary(
  'logaddexp2',
  {
    expr: ([x, y]) => {
      const m = E.max(x, y);
      const sum = E.add(m, E.mul(E.log1p(E.exp2(E.neg(E.abs(E.sub(x, y))))), Math.LOG2E));
      return E.select(E.and(E.eq(x, y), E.eq(E.abs(x), Number.POSITIVE_INFINITY)), x, sum);
    },
    derivative: ([x, y], out) => [E.exp2(E.sub(x, out)), E.exp2(E.sub(y, out))],
    refuses: { kernel: 'logaddexp2_cpu', dtypes: INTEGERS },
  },
  { inplace: false, tensorsOnly: true },
);

/** x·log y, and 0 where x is 0 (unless y is NaN). https://pytorch.org/docs/stable/generated/torch.xlogy.html */
export const xlogy: BinaryOp = binary('xlogy', {
  overload: ([x, y]) => (x ? (y ? 0 : 2) : 1),
  rule: 'intToFloat',
  expr: ([x, y]) => {
    const value = E.select(E.eq(x, 0), E.constant(0, x.type), E.mul(x, E.log(y)));
    return E.select(E.isNaNExpr(y), y, value);
  },
  derivative: ([x, y]) => [
    E.select(E.and(E.eq(x, 0), E.le(y, 0)), E.constant(0, x.type), E.log(y)),
    E.div(x, y),
  ],
});

/** x·2ʸ. https://pytorch.org/docs/stable/generated/torch.ldexp.html */
export const ldexp: TensorsOp = define(
  'ldexp(input, other: Tensor, *, out=None)',
  (input: Tensor, other: Tensor) => input.mul(pow(2, other.dtype.isFloatingPoint ? other : other.float())),
  { inplace: true },
);
