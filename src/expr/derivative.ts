/**
 * Symbolic derivatives of scalar expressions.
 *
 * `derivative(e, x)` is de/dx as an expression over the same inputs, so a gradient is again a pointwise kernel and can be
 * differentiated again. The table is exhaustive: an intrinsic without a rule does not compile.
 */
import { NotImplementedError } from '../base/errors.ts';
import * as E from './expr.ts';
import type { Expr, Intrinsic, Leaf } from './expr.ts';

/** Partial derivatives of `out = op(...args)` with respect to each argument; null where there is none (zero). */
type Rule = (args: readonly Expr[], out: Expr) => readonly (Expr | null)[];

const zero: Rule = (args) => args.map(() => null);

const SQRT_PI = 1.7724538509055159; // √π
const LN2 = Math.LN2;
const LN10 = Math.LN10;

/** Where two arguments tie, each gets half the gradient (PyTorch's rule for maximum and minimum). */
function shareOnTie(x: Expr, y: Expr, wins: Expr): Expr {
  return E.select(E.eq(x, y), E.constant(0.5, x.type), E.cast(wins, x.type));
}

function missing(name: string): never {
  throw new NotImplementedError(`the derivative for '${name}' is not implemented.`);
}

const rules: Record<Exclude<Intrinsic, Leaf>, Rule> = {
  add: ([x]) => [E.constant(1, x.type), E.constant(1, x.type)],
  sub: ([x]) => [E.constant(1, x.type), E.constant(-1, x.type)],
  mul: ([x, y]) => [y, x],
  div: ([x, y], out) => [E.div(1, y), E.neg(E.div(x.type === 'i64' ? x : out, y))],
  rem: ([x, y]) => [E.constant(1, x.type), E.neg(E.trunc(E.div(x, y)))],
  neg: ([x]) => [E.constant(-1, x.type)],
  // sgn(x), which is 0 at 0
  abs: ([x]) => [E.sub(E.cast(E.gt(x, 0), x.type), E.cast(E.lt(x, 0), x.type))],
  min: ([x, y]) => [shareOnTie(x, y, E.lt(x, y)), shareOnTie(x, y, E.gt(x, y))],
  max: ([x, y]) => [shareOnTie(x, y, E.gt(x, y)), shareOnTie(x, y, E.lt(x, y))],
  sqrt: (_, out) => [E.div(1, E.mul(out, 2))],
  floor: zero,
  ceil: zero,
  trunc: zero,
  round: zero,
  // 0 where x is 0, as PyTorch has it
  copysign: ([x], out) => [
    E.select(
      E.eq(x, 0),
      E.constant(0, x.type),
      E.select(E.eq(E.lt(x, 0), E.lt(out, 0)), E.constant(1, x.type), -1),
    ),
    null,
  ],
  and: zero,
  or: zero,
  xor: zero,
  not: zero,
  shl: zero,
  shr: zero,
  eq: zero,
  ne: zero,
  lt: zero,
  le: zero,
  gt: zero,
  ge: zero,
  exp: (_, out) => [out],
  exp2: (_, out) => [E.mul(out, LN2)],
  expm1: (_, out) => [E.add(out, 1)],
  log: ([x]) => [E.div(1, x)],
  log2: ([x]) => [E.div(1, E.mul(x, LN2))],
  log10: ([x]) => [E.div(1, E.mul(x, LN10))],
  log1p: ([x]) => [E.div(1, E.add(x, 1))],
  sin: ([x]) => [E.cos(x)],
  cos: ([x]) => [E.neg(E.sin(x))],
  tan: (_, out) => [E.add(1, E.mul(out, out))],
  asin: ([x]) => [E.div(1, E.sqrt(E.sub(1, E.mul(x, x))))],
  acos: ([x]) => [E.neg(E.div(1, E.sqrt(E.sub(1, E.mul(x, x)))))],
  atan: ([x]) => [E.div(1, E.add(E.mul(x, x), 1))],
  atan2: ([y, x]) => {
    const r2 = E.add(E.mul(x, x), E.mul(y, y));
    // At the origin PyTorch answers 0, not NaN.
    const inverse = E.select(E.eq(r2, 0), E.constant(0, x.type), E.div(1, r2));
    return [E.mul(x, inverse), E.neg(E.mul(y, inverse))];
  },
  sinh: ([x]) => [E.cosh(x)],
  cosh: ([x]) => [E.sinh(x)],
  tanh: (_, out) => [E.sub(1, E.mul(out, out))],
  asinh: ([x]) => [E.div(1, E.sqrt(E.add(E.mul(x, x), 1)))],
  acosh: ([x]) => [E.div(1, E.mul(E.sqrt(E.sub(x, 1)), E.sqrt(E.add(x, 1))))],
  atanh: ([x]) => [E.div(1, E.sub(1, E.mul(x, x)))],
  pow: ([x, y], out) => [
    // y·x^(y−1), and 0 where y is 0 (x^-1 would be infinite at 0)
    E.select(E.eq(y, 0), E.constant(0, x.type), E.mul(y, E.pow(x, E.sub(y, 1)))),
    // out·log x, and 0 where x is 0 and y is not negative
    E.select(E.and(E.eq(x, 0), E.ge(y, 0)), E.constant(0, x.type), E.mul(out, E.log(x))),
  ],
  hypot: ([x, y], out) => [E.div(x, out), E.div(y, out)],
  erf: ([x]) => [E.mul(E.exp(E.neg(E.mul(x, x))), 2 / SQRT_PI)],
  erfc: ([x]) => [E.mul(E.exp(E.neg(E.mul(x, x))), -2 / SQRT_PI)],
  erfinv: (_, out) => [E.mul(E.exp(E.mul(out, out)), SQRT_PI / 2)],
  lgamma: ([x]) => [E.digamma(x)],
  digamma: ([x]) => [E.polygamma(E.constant(1, x.type), x)],
  polygamma: ([n, x]) => [null, E.polygamma(E.add(n, 1), x)],
  zeta: () => missing('zeta'),
  i0: ([x]) => [E.i1(x)],
  i0e: ([x], out) => [E.sub(E.i1e(x), E.mul(sign(x), out))],
  // I1'(x) = I0(x) − I1(x)/x, which tends to 1/2 at 0
  i1: ([x], out) => {
    const safe = E.select(E.eq(x, 0), E.constant(1, x.type), x);
    return [E.select(E.eq(x, 0), E.constant(0.5, x.type), E.sub(E.i0(safe), E.div(out, safe)))];
  },
  i1e: ([x], out) => {
    const safe = E.select(E.eq(x, 0), E.constant(1, x.type), x);
    const slope = E.sub(E.i0e(safe), E.mul(out, E.add(sign(safe), E.div(1, safe))));
    return [E.select(E.eq(x, 0), E.constant(0.5, x.type), slope)];
  },
  erfcx: ([x], out) => [E.sub(E.mul(E.mul(x, out), 2), E.constant(2 / SQRT_PI, x.type))],
  // Φ⁻¹'(p) = √(2π)·exp(out²/2)
  ndtri: (_, out) => [E.mul(E.exp(E.mul(E.mul(out, out), 0.5)), Math.sqrt(2 * Math.PI))],
  // φ(x)/Φ(x), written with erfcx so that it does not underflow
  logNdtr: ([x]) => [E.div(Math.sqrt(2 / Math.PI), E.erfcx(E.mul(x, -Math.SQRT1_2)))],
  igamma: ([a, x]) => [null, gammaDensity(a, x)],
  igammac: ([a, x]) => [null, E.neg(gammaDensity(a, x))],
  nextafter: () => missing('nextafter'),
  airyAi: () => missing('airyAi'),
  besselJ0: () => missing('besselJ0'),
  besselJ1: () => missing('besselJ1'),
  besselY0: () => missing('besselY0'),
  besselY1: () => missing('besselY1'),
  modifiedBesselK0: () => missing('modifiedBesselK0'),
  modifiedBesselK1: () => missing('modifiedBesselK1'),
  scaledModifiedBesselK0: () => missing('scaledModifiedBesselK0'),
  scaledModifiedBesselK1: () => missing('scaledModifiedBesselK1'),
  chebyshevPolynomialT: () => missing('chebyshevPolynomialT'),
  chebyshevPolynomialU: () => missing('chebyshevPolynomialU'),
  chebyshevPolynomialV: () => missing('chebyshevPolynomialV'),
  chebyshevPolynomialW: () => missing('chebyshevPolynomialW'),
  hermitePolynomialH: () => missing('hermitePolynomialH'),
  hermitePolynomialHe: () => missing('hermitePolynomialHe'),
  laguerrePolynomialL: () => missing('laguerrePolynomialL'),
  legendrePolynomialP: () => missing('legendrePolynomialP'),
  cast: ([x], out) => [E.isFloat(x.type) && E.isFloat(out.type) ? E.constant(1, out.type) : null],
  select: ([c, x]) => [null, E.select(c, E.constant(1, x.type), 0), E.select(c, E.constant(0, x.type), 1)],
};

function sign(x: Expr): Expr {
  return E.sub(E.cast(E.gt(x, 0), x.type), E.cast(E.lt(x, 0), x.type));
}

/** d/dx of the regularised lower incomplete gamma function: x^(a−1)·e^(−x)/Γ(a). */
function gammaDensity(a: Expr, x: Expr): Expr {
  return E.exp(E.sub(E.sub(E.mul(E.sub(a, 1), E.log(x)), x), E.lgamma(a)));
}

/** Is any part of `e` equal to `x`? */
export function dependsOn(e: Expr, x: Expr): boolean {
  return e === x || e.args.some((a) => dependsOn(a, x));
}

/**
 * de/dx, or null where `e` does not depend on `x` differentiably.
 * `e` and `x` are floats; casts between floats pass the derivative through, in the type of `e`.
 */
export function derivative(e: Expr, x: Expr): Expr | null {
  const memo = new Map<Expr, Expr | null>();
  const visit = (n: Expr): Expr | null => {
    if (n === x) return E.constant(1, n.type);
    if (n.op === 'input' || n.op === 'param' || n.op === 'const') return null;
    const known = memo.get(n);
    if (known !== undefined) return known;
    const inner = n.args.map((a) => (E.isFloat(a.type) && dependsOn(a, x) ? visit(a) : null));
    let total: Expr | null = null;
    if (inner.some((d) => d !== null)) {
      const outer = rules[n.op](n.args, n);
      for (let i = 0; i < n.args.length; i++) {
        const d = inner[i];
        const o = outer[i];
        if (d === null || o === null || d === undefined || o === undefined) continue;
        const term = product(n, i, o, E.cast(d, o.type));
        total = total === null ? term : E.add(total, term);
      }
    }
    memo.set(n, total);
    return total;
  };
  return visit(e);
}

/**
 * outer·inner. Of a `select`, the side that is not taken may have an infinite or undefined derivative: it is masked
 * by selecting, not by multiplying with 0.
 */
function product(n: Expr, i: number, outer: Expr, inner: Expr): Expr {
  if (n.op === 'select') {
    const none = E.constant(0, inner.type);
    return i === 1 ? E.select(n.args[0], inner, none) : E.select(n.args[0], none, inner);
  }
  return E.mul(outer, inner);
}
