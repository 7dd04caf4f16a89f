/**
 * The logarithm of the gamma function and its derivative as vector code. How the polynomials were made: functions.ts. Those of float32 are computed in
 * double precision, with shorter polynomials.
 */
import { LOG_64, LOG_MIDDLE, log64 } from './exponential.ts';
import type { Vec } from './lanes.ts';
import type { VectorMath } from './math.ts';

interface Form {
  readonly log: readonly number[];
  /** From here on asymptotic series serve. */
  readonly far: number;
  /** From here on log Γ(2 + z)/z serves, up to 2.5. */
  readonly near: number;
  readonly near2: readonly number[];
  /** (log Γ(x) − (x − ½)·log x + x − ½·log 2π)·x in 1/x², for an error relative to log Γ. */
  readonly stirling: readonly number[];
  /** The lowest argument of the series for ψ, and (log x − 1/(2x) − ψ(x))·x² in 1/x² from there on, for an absolute error. */
  readonly digammaFar: number;
  readonly digamma: readonly number[];
  /** sin(πr)/r and cos(πr) in r², |r| ≤ ½. */
  readonly sin: readonly number[];
  readonly cos: readonly number[];
}

/** float32: 2.4e-9, 8.7e-11, 1.1e-11, 2.2e-11 and 2.2e-10; float64: 6.9e-17, 9.8e-20, 2.2e-19, 4.1e-17 and 1.2e-17. */
const FORMS: Readonly<Record<'f32' | 'f64', Form>> = {
  f32: {
    log: LOG_MIDDLE,
    far: 4,
    near: 1.5,
    near2: [
      0.422784334510907, 0.32246701883890894, -0.06735221862685793, 0.02058160112866528,
      -0.0073874304005559915, 0.002879059947397266, -0.0011778221104689509, 0.0005698181125471304,
      -0.00026989041766593293,
    ],
    stirling: [0.08333330220629658, -0.0027751442668224016, 0.0007253359879837093],
    digammaFar: 4,
    digamma: [0.08333332796691285, -0.008332471628092714, 0.003924658364085174, -0.003261818769952279],
    sin: [
      3.1415926535241954, -5.167712762187137, 2.5501632417581965, -0.5992513417580971, 0.08204651895188275,
      -0.007022211834647994,
    ],
    cos: [
      0.9999999997808469, -4.934802137232985, 4.058709164458115, -1.3352120574454953, 0.2349375605295506,
      -0.024396716665319375,
    ],
  },
  f64: {
    log: LOG_64,
    far: 8,
    near: 1.25,
    near2: [
      0.42278433509846713, 0.32246703342411315, -0.06735230105320111, 0.02058080842779538,
      -0.0073855510283829225, 0.002890510330348232, -0.0011927539225978464, 0.0005096695273767266,
      -0.00022315455351579246, 9.945761086039622e-5, -4.492838587598233e-5, 2.05049999553471e-5,
      -9.42662266950711e-6, 4.394668296814589e-6, -2.0804787872057613e-6, 8.641428354268532e-7,
      -3.9890831747264756e-7, 4.2356261565103696e-7, -4.7847905346173166e-8, -1.4570082229657676e-7,
      -1.7110539704809464e-7,
    ],
    stirling: [
      0.08333333333333245, -0.0027777777768034973, 0.0007936504184347993, -0.0005951698256021577,
      0.000835318618821919, -0.001608986672909196,
    ],
    digammaFar: 6,
    digamma: [
      0.08333333333333298, -0.0083333333329193, 0.0039682537990406415, -0.004166633042600263,
      0.0075720253191542235, -0.020846959040972467, 0.07357948957150726, -0.21479244811150333,
    ],
    sin: [
      Math.PI,
      -5.167712780049969,
      2.550164039877294,
      -0.5992645293187393,
      0.08214588656990833,
      -0.0073704304788918115,
      0.00046629968936255347,
      -2.190318681921566e-5,
      7.694740809164016e-7,
    ],
    cos: [
      1, -4.934802200544677, 4.058712126416504, -1.335262768843156, 0.23533063011719493,
      -0.025806888562976693, 0.0019295551242925289, -0.0001045629480109314, 4.1452149261090105e-6,
    ],
  },
};
/** ½·log 2π − ½ */
const STIRLING = 0.4189385332046727;

/** Stirling's formula from log a, a ≥ `far`. */
function stirling(d: VectorMath, a: Vec, log: Vec, form: Form): Vec {
  const inverse = d.div(d.constant('f64', 1), a);
  const rest = d.fma(inverse, d.polynomial(d.mul(inverse, inverse), form.stirling), STIRLING);
  return d.fma(d.sub(a, 0.5), d.sub(log, 1), rest);
}

/**
 * log |Γ(x)|. With z = a − 2 + (a whole number), a = |x|, log Γ(a) is log Γ(2 + z) and the logarithm of what Γ(a) is larger by (from 2.5 on), or
 * less that of what it is smaller by (below `near`). Below 0 reflection gives log(π/(a·|sin πa|)) − log Γ(a); nearer to 0 than 2⁻⁶⁰ it is the same
 * on both sides.
 */
export function lgamma(m: VectorMath, args: readonly Vec[]): Vec {
  const form = FORMS[m.type];
  return m.inDouble(args, (d, [x]) => {
    const one = d.constant('f64', 1);
    const a = d.abs(x);
    const far = d.compare('ge', a, form.far);
    const small = d.compare('lt', a, form.near);
    const tiny = d.compare('lt', a, form.near - 1);
    let y = a;
    let larger: Vec = one;
    for (let top = form.far; top > 2.5; top--) {
      const over = d.compare('gt', y, 2.5);
      y = d.sub(y, d.bits('and', over, one));
      larger = d.select(over, d.mul(larger, y), larger);
    }
    const next = d.select(tiny, d.add(a, 1), one);
    const factor = d.select(small, d.mul(a, next), larger);
    const z = d.select(small, d.select(tiny, a, d.sub(a, 1)), d.sub(y, 2));
    const near = d.mul(z, d.polynomial(z, form.near2));
    const ofFactor = (log: Vec): Vec =>
      d.add(near, d.bits('xor', log, d.bits('and', small, d.constant('f64', -0))));
    const argument = d.select(far, a, factor);
    const negative = d.compare('lt', x, -(2 ** -60));
    return d.ifAny(
      negative,
      () => {
        const r = d.abs(d.sub(a, d.nearest(a)));
        const sine = d.mul(r, d.polynomial(d.mul(r, r), form.sin));
        // π/(a·sine) times what Γ(a) is smaller by, or by what it is larger.
        const divisor = d.mul(sine, d.select(small, one, d.mul(a, d.select(far, one, larger))));
        const reflected = d.div(d.mul(d.select(small, next, one), Math.PI), divisor);
        const log = log64(d, d.select(negative, reflected, argument), form.log);
        const nearby = d.select(negative, d.sub(log, near), ofFactor(log));
        return d.unlessAny(
          far,
          () => nearby,
          () => {
            const value = stirling(d, a, log64(d, a, form.log), form);
            const inside = d.bits('and', negative, d.compare('lt', value, Number.POSITIVE_INFINITY));
            return d.select(far, d.select(inside, d.sub(log, value), value), nearby);
          },
        );
      },
      () => {
        const log = log64(d, argument, form.log);
        return d.select(far, stirling(d, a, log, form), ofFactor(log));
      },
    );
  });
}

/** The coefficients of x(x+1)…(x+n−1), and of its derivative. */
function rising(n: number): { readonly product: readonly number[]; readonly derivative: readonly number[] } {
  let product = [1];
  for (let k = 0; k < n; k++) {
    product = [...product, 0].map((c, i) => c * k + (i > 0 ? product[i - 1] : 0));
  }
  return { product, derivative: product.slice(1).map((c, i) => c * (i + 1)) };
}

/** ψ(x) for x ≥ 0, −∞ at 0: from ψ(x + n) − 1/x − 1/(x+1) − … where x is small; their sum is the derivative of x(x+1)…(x+n−1) by it. */
function digammaPositive(d: VectorMath, x: Vec, form: Form): Vec {
  const n = form.digammaFar;
  const { product, derivative } = rising(n);
  const low = d.compare('lt', x, n);
  const c = d.atMost(x, n);
  const sum = d.div(d.polynomial(c, derivative), d.polynomial(c, product));
  const y = d.select(low, d.add(x, n), x);
  const inverse = d.div(d.constant('f64', 1), y);
  const square = d.mul(inverse, inverse);
  const rest = d.fma(square, d.polynomial(square, form.digamma), d.mul(inverse, 0.5));
  return d.sub(d.sub(log64(d, y, form.log), rest), d.bits('and', sum, low));
}

/** ψ(x) = ψ(1 − x) − π·cot πx for x < 0; ±∞ at ∓0, NaN at the negative integers and −∞. */
export function digamma(m: VectorMath, args: readonly Vec[]): Vec {
  const form = FORMS[m.type];
  return m.inDouble(args, (d, [x]) => {
    const negative = d.compare('lt', x, 0);
    const value = digammaPositive(d, d.select(negative, d.sub(1, x), x), form);
    return d.ifAny(
      d.not(d.compare('gt', x, 0)),
      () => {
        const r = d.sub(x, d.nearest(x));
        const s = d.mul(r, r);
        const tangent = d.div(d.mul(r, d.polynomial(s, form.sin)), d.polynomial(s, form.cos));
        const reflected = d.sub(value, d.div(d.constant('f64', Math.PI), tangent));
        const pole = d.select(d.compare('eq', r, 0), d.constant('f64', Number.NaN), reflected);
        const zero = d.withSign(d.constant('f64', Number.POSITIVE_INFINITY), d.negate(x));
        return d.select(negative, pole, d.select(d.compare('eq', x, 0), zero, value));
      },
      () => value,
    );
  });
}
