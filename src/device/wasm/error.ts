/**
 * The error function, its complement, scaled complement and inverse, and the inverse of the normal distribution function as vector code. How the
 * polynomials were made: functions.ts. Those of float32 are computed in double precision (but for erf), with shorter polynomials.
 */
import {
  EXP_32,
  EXP_64,
  LN2_HIGH_64,
  LN2_LOW_64,
  LOG_64,
  LOG_SHORT,
  log64Usual,
  round64,
  scale64,
  scaleUsual64,
} from './exponential.ts';
import type { Vec } from './lanes.ts';
import type { VectorMath } from './math.ts';

/** erf x/x − 1 in x², on |x| ≤ 1.1: 4.8e-9. */
const ERF_32 = [
  0.12837916612625122, -0.37612611055374146, 0.11283364146947861, -0.026843518018722534, 0.005167731549590826,
  -0.0007824748754501343, 7.236114470288157e-5,
];
/** The fourth root of erfc x in x − 2.5, on 1.1 ≤ x ≤ 4.125, for an absolute error of erfc of 1.1e-8. Beyond, erf is 1 in float32. */
const ROOT_ERFC_32 = [
  0.14203278720378876, -0.1900612711906433, 0.09362996369600296, -0.012326853349804878, -0.006503245793282986,
  0.002754931803792715, 0.00010689804812544787, -0.0001756009296514094,
];
/** The same in x, on 0 ≤ x ≤ 3.9375, for 1.1e-8. */
const ROOT_ERFC_FROM_0_32 = [
  1, -0.2820946276187897, -0.11936958879232407, 0.015485002659261227, 0.01855498179793358,
  -0.0011027539148926735, -0.0020556056406348944, 0.00026748719392344356, 0.00011569827620405704,
  -3.366223245393485e-5, 2.592873670437257e-6,
];
/** The fourth root of erfc(x·√½) in x, on 0 ≤ x ≤ 5.5625, for an error of x·erfc(x·√½) of 2.6e-8. */
const ROOT_TAIL_32 = [
  1, -0.19947034120559692, -0.059692103415727615, 0.005501465406268835, 0.004591099452227354,
  -0.00014710765390191227, -0.000285687594441697, 3.415379978832789e-5, 4.945747150486568e-6,
  -1.217105250361783e-6, 6.763957571820356e-8,
];
/** erf x/x − 1 in x², on |x| ≤ 1.15, for an error of erf of 1.1e-17. */
const ERF_64 = [
  0.1283791670955126, -0.37612638903183754, 0.11283791670955122, -0.02686617064513034, 0.0052239776254316694,
  -0.0008548327022718424, 0.00012055332948430972, -1.4925649314358113e-5, 1.6462091222645018e-6,
  -1.636547528498575e-7, 1.4802925310171552e-8, -1.2255100438388497e-9, 9.215152129727215e-11,
  -5.888393289407299e-12, 2.4135589743596583e-13,
];
/** The fourth root of erfc x in x − 3.5, on 1.15 ≤ x ≤ 6, for an absolute error of erfc of 9e-18. Beyond, erf is 1 in double precision. */
const ROOT_ERFC_64 = [
  0.029360373599540687, -0.0533338496314352, 0.04134507513973261, -0.016479699267527195, 0.002546306326532443,
  0.0006252853211070614, -0.0003758443908455919, 4.9477342606144315e-5, 1.2064397802932073e-5,
  -5.025942211163353e-6, 2.9249991871451673e-7, 1.7648103922870402e-7, -3.761914160961179e-8,
  -1.5955373901756706e-9, 1.4955297981602432e-9, -1.2669288515192646e-10, -2.970007347239874e-11,
  8.829636169803362e-12, 3.5064065584499804e-13, -3.664418972638644e-13, -4.302301779182718e-14,
  -8.379055213096074e-16,
];

/** How e^(x²)·erfc x is computed for x ≥ 0, times x + pole for float32 and 1 + 2x for float64, and the exponential function of what is left of −x². */
interface Scaled {
  /** Beyond it erfc is 0. */
  readonly limit: number;
  readonly pole: number;
  /** In (x − pole)/(x + pole). */
  readonly coefficients: readonly number[];
  readonly exp: readonly number[];
}
/** float32: 4.6e-9; float64: 3.7e-17. */
const SCALED: Readonly<Record<'f32' | 'f64', Scaled>> = {
  f32: {
    limit: 10.5,
    pole: 3,
    coefficients: [
      1.0740069098873375, -0.8833944040727597, 0.5902281049658824, -0.31046837831668317, 0.11953122153725104,
      -0.026820104240395194, -0.0012292583082052267, 0.003014872214787252, -0.0005114875786621805,
      -0.00025201713010852497, 6.930952996529037e-5, 1.4817674264663723e-5,
    ],
    exp: EXP_32,
  },
  f64: {
    limit: 28,
    pole: 3.5,
    coefficients: [
      1.2423492448711544, -0.1400091801376198, -0.010555596332221123, 0.09751909515329617,
      -0.11508959816005382, 0.08798315382378523, -0.04882332583050593, 0.01909933095645352,
      -0.004215019882938304, -0.00030226797565367764, 0.0005643842822560958, -0.00012151202663198683,
      -4.2781786430806086e-5, 2.4260045160475567e-5, 2.327420806456404e-6, -3.8135592604467457e-6,
      -4.3203657034121333e-8, 6.009602745830269e-7, -8.526208262707512e-9, -9.602385405543542e-8,
      6.282690763455305e-10, 1.3469985564907542e-8, 6.728556786792784e-11, -1.138179281881181e-9,
    ],
    exp: EXP_64,
  },
};

/** How erf⁻¹(x)/x is computed from w = −log(1 − x²). */
interface Inverse {
  readonly log: readonly number[];
  /** Up to this w, in w − limit/2. */
  readonly limit: number;
  readonly center: readonly number[];
  /** From there on, in √w − `from`. */
  readonly from: number;
  readonly tail: readonly number[];
}
/** float32: 2.3e-9 up to w = 5, 1.6e-9 from there to 16.9; float64: 2.3e-17 up to w = 6.25, 2.1e-16 from there to 37.2. */
const INVERSE: Readonly<Record<'f32' | 'f64', Inverse>> = {
  f32: {
    log: LOG_SHORT,
    limit: 5,
    center: [
      1.5014093535070223, 0.24664028763545798, -0.004177339370095941, -0.0012527446620772128,
      0.00021828259598316428, -4.961912512487534e-6, -3.4345979353674335e-6, 4.65892576571322e-7,
      1.8034918268242417e-8, -8.772876545416678e-9, 3.356756449283167e-10,
    ],
    from: 3.15,
    tail: [
      2.983417436986714, 1.0040613547141657, 0.006664440808413677, -0.004936328363836993,
      0.003487680284447408, -0.0023389879524608006, 0.0012166270985055805, -0.0003349335226695512,
      -9.06356616179905e-5, 0.00011627587969570058, -2.9513180925499734e-5,
    ],
  },
  f64: {
    log: LOG_64,
    limit: 6.25,
    center: [
      1.6536545626831027, 0.24015818242558834, -0.006033670871426995, -0.0007407025341545553,
      0.0001867342080205267, -1.3882523394195006e-5, -1.3654691772598858e-6, 4.234788171181826e-7,
      -2.9070389898885958e-8, -4.112660641603846e-9, 1.0512225684951695e-9, -5.4142946701285075e-11,
      -1.2978504664646328e-11, 2.630503556366441e-12, -8.079281259448886e-14, -4.001591338096297e-14,
      6.533326585813073e-15, -3.987640458563156e-17, -1.2344720368145422e-16, 1.5545096943107693e-17,
      6.955668273966329e-19, -3.487610891218068e-19, 1.6542924765265597e-20, 3.219308585777669e-21,
      -3.0021989622021414e-22,
    ],
    from: 4.3,
    tail: [
      4.142724044720679, 1.0100450970686874, 0.0006246699907277633, -0.0005670163614388895,
      0.00019685383441894904, -5.832285396856557e-5, 1.8785621799630106e-5, -8.142445336165784e-6,
      4.5195689653679755e-6, -2.5342271564292327e-6, 1.2229304270037379e-6, -4.55553365919715e-7,
      1.0378346235084877e-7, 7.824728894344232e-9, -2.096258815847245e-8, 1.0960928002659027e-8,
      -3.095831926326596e-9, 1.5243309423648512e-10, 3.139138297169219e-10, -1.5248503111300036e-10,
      2.969767410759164e-11, -1.0722617657079378e-12, -1.1312485452507498e-12, 1.2970128307747623e-12,
      -5.545173800129677e-13, -8.253000893835251e-15, 4.8119521729547134e-14, -4.647886354389565e-15,
      -8.601734436371532e-16,
    ],
  },
};

/** 1 − ψ⁴ */
function oneMinusFourthPower(m: VectorMath, root: Vec): Vec {
  const square = m.mul(root, root);
  return m.fnma(square, square, m.constant(m.type, 1));
}

export function erf(m: VectorMath, [x]: readonly Vec[]): Vec {
  const [limit, middle, end] = m.type === 'f32' ? [1.1, 2.5, 4.125] : [1.15, 3.5, 6];
  const a = m.abs(x);
  const s = m.mul(a, a);
  const near = m.fma(a, m.polynomial(s, m.type === 'f32' ? ERF_32 : ERF_64), a);
  const offset = m.sub(m.atMost(a, end), middle);
  const far = oneMinusFourthPower(m, m.polynomial(offset, m.type === 'f32' ? ROOT_ERFC_32 : ROOT_ERFC_64));
  return m.withSign(m.select(m.compare('lt', a, limit), near, far), x);
}

/**
 * 1 + erf x, which is erfc(−x): 2 ulp off where it is near 1, and for x < 0 as exact as the sum, whose terms cancel. Below −3.9375 it is 0,
 * as the sum is.
 */
export function onePlusErf32(m: VectorMath, x: Vec): Vec {
  const a = m.abs(x);
  const root = m.polynomial(m.atMost(a, 3.9375), ROOT_ERFC_FROM_0_32);
  const square = m.mul(root, root);
  const erfc = m.bits('andnot', m.mul(square, square), m.compare('ge', a, 3.9375));
  return m.select(m.compare('lt', x, 0), erfc, m.sub(2, erfc));
}

/**
 * ½x·(1 + erf(x·√½)), which is max(x, 0) − ½|x|·erfc(|x|·√½): 4 ulp off where x > 0, 2.6e-7 elsewhere. Below −5.5625 it is 0 (the sum
 * is 0 there), and NaN at −∞, as ∞·0 is.
 */
export function gelu32(m: VectorMath, x: Vec): Vec {
  const limit = 5.5625;
  // |x|, but no infinity for +∞.
  const a = m.larger(m.negate(x), m.atMost(x, limit));
  const root = m.polynomial(m.atMost(a, limit), ROOT_TAIL_32);
  const square = m.mul(root, root);
  const erfc = m.bits('andnot', m.mul(square, square), m.compare('ge', a, limit));
  return m.fnma(m.mul(a, 0.5), erfc, m.larger(x, 0));
}

/** A number as a sum of two, the second of which is small; for float32 the first alone is exact enough. */
interface Parts {
  readonly high: Vec;
  readonly low: Vec | null;
}

/** e^(a²)·erfc a, for finite a ≥ 0. */
function scaledComplement(m: VectorMath, d: VectorMath, a: Vec): Parts {
  const { pole, coefficients } = SCALED[m.type];
  const one = d.constant('f64', 1);
  const sum = d.add(a, pole);
  if (m.type === 'f32') {
    const w = d.div(one, sum);
    return { high: d.mul(d.polynomial(d.fnma(w, 2 * pole, one), coefficients), w), low: null };
  }
  const t = d.div(d.sub(a, pole), sum);
  const [first, ...others] = coefficients;
  const slope = d.mul(t, d.polynomial(t, others));
  const value = d.add(slope, first);
  const double = d.add(a, a);
  const den = d.add(double, 1);
  const high = d.div(value, den);
  // What the two sums have lost (of the second, the larger term counts first), and the quotient.
  const valueLost = d.sub(slope, d.sub(value, first));
  const large = d.compare('gt', double, 1);
  const denLost = d.sub(d.select(large, one, double), d.sub(den, d.select(large, double, one)));
  const lost = d.fnma(high, denLost, d.add(valueLost, remainder(d, value, high, den)));
  return { high, low: d.div(lost, den) };
}

function wholeOf(d: VectorMath, { high, low }: Parts): Vec {
  return low === null ? high : d.add(high, low);
}

/** a − q·b, where q is a/b rounded. */
function remainder(d: VectorMath, a: Vec, q: Vec, b: Vec): Vec {
  const qHigh = d.firstBits(q);
  const bHigh = d.firstBits(b);
  const first = d.sub(d.sub(a, d.mul(qHigh, bHigh)), d.mul(qHigh, d.sub(b, bHigh)));
  return d.fnma(d.sub(q, qHigh), b, first);
}

/**
 * y·e^(by·a²), for a ≥ 0 and `by` a power of two or −1 times one: the square of the first bits of a is exact, and what they leave of a² is added
 * after the multiple of log 2 is taken off. A float32 has no more than those first bits.
 */
function timesGaussian(m: VectorMath, d: VectorMath, a: Vec, { high: y, low }: Parts, by: number): Vec {
  const first = m.type === 'f32' ? a : d.firstBits(a);
  const square = d.mul(d.mul(first, first), by);
  const n = round64(d, d.mul(square, Math.LOG2E));
  const main = d.fnma(n.float, LN2_HIGH_64, square);
  let tail = d.mul(n.float, -LN2_LOW_64);
  if (m.type === 'f64') tail = d.fma(d.mul(d.sub(a, first), by), d.add(a, first), tail);
  const r = d.add(main, tail);
  let rest = d.mul(d.mul(r, r), d.polynomial(r, SCALED[m.type].exp));
  if (m.type === 'f64') rest = d.add(rest, d.sub(tail, d.sub(r, main)));
  const e = d.add(rest, r);
  const added = low === null ? d.mul(y, e) : d.fma(y, e, low);
  const product = d.add(y, added);
  return m.type === 'f32' ? scaleUsual64(d, product, n.int) : scale64(d, product, n.int);
}

export function erfc(m: VectorMath, args: readonly Vec[]): Vec {
  const form = SCALED[m.type];
  return m.inDouble(args, (d, [x]) => {
    const size = d.abs(x);
    const a = d.atMost(size, form.limit);
    const right = timesGaussian(m, d, a, scaledComplement(m, d, a), -1);
    const value = d.select(d.compare('lt', x, 0), d.sub(2, right), right);
    if (m.type === 'f32') return value;
    // In double precision 1 − erf is more exact where erf is small.
    const near = d.sub(1, d.fma(x, d.polynomial(d.mul(x, x), ERF_64), x));
    return d.select(d.compare('lt', size, 0.5), near, value);
  });
}

/**
 * x·(erf⁻¹(x)/x) for 1 − x² = u: for x of ±1, where u is 0, infinite, and NaN beyond.
 */
function inverseOf(m: VectorMath, d: VectorMath, x: Vec, u: Vec): Vec {
  const { log, limit, center, from, tail } = INVERSE[m.type];
  const w = d.negate(log64Usual(d, u, log));
  const near = d.mul(x, d.polynomial(d.sub(w, limit / 2), center));
  return d.unlessAny(
    d.not(d.compare('gt', u, Math.exp(-limit))),
    () => near,
    () => {
      const far = d.mul(x, d.polynomial(d.sub(d.sqrt(w), from), tail));
      const value = d.select(d.compare('gt', w, limit), far, near);
      const end = d.withSign(d.constant('f64', Number.POSITIVE_INFINITY), x);
      const edge = d.select(d.compare('eq', u, 0), end, d.constant('f64', Number.NaN));
      return d.select(d.compare('gt', u, 0), value, edge);
    },
  );
}

export function erfinv(m: VectorMath, args: readonly Vec[]): Vec {
  return m.inDouble(args, (d, [x]) => inverseOf(m, d, x, d.mul(d.sub(1, x), d.add(x, 1))));
}

/** e^(x²)·erfc x; below 0 it is 2e^(x²) − e^(x²)·erfc |x|. */
export function erfcx(m: VectorMath, args: readonly Vec[]): Vec {
  return m.inDouble(args, (d, [x]) => {
    const size = d.abs(x);
    // From here on it is 1/(x·√π).
    const large = 2 ** 500;
    const a = d.atMost(size, large);
    const far = d.div(d.constant('f64', 1 / Math.sqrt(Math.PI)), size);
    const right = d.select(d.compare('gt', size, large), far, wholeOf(d, scaledComplement(m, d, a)));
    return d.ifAny(
      d.compare('lt', x, 0),
      () => {
        const two = { high: d.constant('f64', 2), low: null };
        const twice = timesGaussian(m, d, d.atMost(a, SCALED[m.type].limit), two, 1);
        return d.select(d.compare('lt', x, 0), d.sub(twice, right), right);
      },
      () => right,
    );
  });
}

/** √2·erf⁻¹(2p − 1); where p or 1 − p is so small that the polynomial does not reach, and outside (0, 1), JavaScript computes it. */
export function ndtri(m: VectorMath, args: readonly Vec[], scalar: () => Vec): Vec {
  const [low, high] = m.type === 'f32' ? [2 ** -25, 1 - 2 ** -25] : [2 ** -54, 1 - 2 ** -53];
  const [p] = args;
  const inside = m.bits('and', m.compare('ge', p, low), m.compare('lt', p, high));
  const value = m.inDouble(args, (d, [x]) => {
    const centered = d.mul(d.sub(x, 0.5), Math.SQRT2 * 2);
    return inverseOf(m, d, centered, d.mul(d.mul(x, 4), d.sub(1, x)));
  });
  return m.unlessAny(
    m.not(inside),
    () => value,
    // An element's value is the same whichever it is computed with.
    () => m.select(inside, value, scalar()),
  );
}

/** log Φ(x): log(½e^(x²/2)·erfc|x·√½|) − x²/2 below 0, and log(1 − ½erfc(x·√½)) from there on. */
export function logNdtr(m: VectorMath, args: readonly Vec[]): Vec {
  return m.inDouble(args, (d, [x]) => {
    const negative = d.compare('lt', x, 0);
    const a = d.atMost(d.mul(d.abs(x), Math.SQRT1_2), 2 ** 500);
    const scaled = scaledComplement(m, d, a);
    const limit = Math.SQRT2 * SCALED[m.type].limit;
    const upper = d.mul(timesGaussian(m, d, d.atMost(d.abs(x), limit), scaled, -0.5), 0.5);
    const half = d.mul(wholeOf(d, scaled), 0.5);
    const rest = d.sub(1, upper);
    const log = log64Usual(d, d.select(negative, half, rest), INVERSE[m.type].log);
    // What 1 − upper has lost.
    const lost = d.sub(d.sub(1, rest), upper);
    const right = d.add(log, d.div(lost, rest));
    return d.select(negative, d.fnma(d.mul(x, 0.5), x, log), right);
  });
}
