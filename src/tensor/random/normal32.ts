/**
 * PyTorch's vectorised normal numbers of float32. They are made in blocks of 16 uniform numbers d: d[j] and d[j + 8] give the pair
 * r·cos θ, r·sin θ with r = √(−2 ln(1 − d[j])), θ = 2π·d[j + 8] (Box and Muller 1958).
 *
 * PyTorch computes in float32 with fused multiply-adds, log, sin and cos by the polynomials of the Cephes Mathematical Library (S. Moshier,
 * single precision). This does the same operations in the same order, one operation over many pairs at a time. Where the comments say
 * "exact", the sum is exact in double precision, and one rounding to float32 is what a fused multiply-add gives.
 */
import {
  BLOCK,
  COS_COEFFICIENTS,
  FOUR_BY_PI,
  HALF_BITS,
  LN2_HIGH,
  LN2_LOW,
  LOG_COEFFICIENTS,
  QUARTER_PI,
  SIN_COEFFICIENTS,
  SQRT_HALF_BITS,
  TWO_PI,
} from '../../base/boxMuller.ts';
import { nextBits } from './draws.ts';
import { fma32, fmaConstant, fmaEach } from './fma.ts';
import type { Generator } from './generator.ts';

const f32 = Math.fround;
const [DP1, DP2, DP3] = QUARTER_PI;
/** Pairs in flight: all arrays below together stay in the first-level cache. */
const PAIRS = 512;

const lane = (): Float32Array => new Float32Array(PAIRS);
/** First the uniform number, then the radius. */
const radius = lane();
/** First the uniform number, then the angle reduced to an octant. */
const angle = lane();
const quadrant = new Int32Array(PAIRS);
const [x, square, addend, cosine, sine] = [lane(), lane(), lane(), lane(), lane()];
const xBits = new Int32Array(x.buffer);

/** Replaces uniform numbers in (0, 1] by √(−2 ln u). */
function radii(count: number): void {
  const y = sine;
  y.fill(LOG_COEFFICIENTS[0], 0, count);
  x.set(count === PAIRS ? radius : radius.subarray(0, count));
  const exponents = quadrant;
  for (let i = 0; i < count; i++) {
    const bits = xBits[i];
    const fractionBits = (bits & 0x7fffff) | HALF_BITS;
    // 1 where the fraction, in [½, 1), is below √½: then it is doubled. Branches on random numbers would be slow, here and below.
    const small = (fractionBits - SQRT_HALF_BITS) >>> 31;
    xBits[i] = fractionBits;
    const fraction = x[i];
    const reduced = f32(f32(fraction - 1) + small * fraction);
    const e = (bits >>> 23) - 126 - small;
    x[i] = reduced;
    square[i] = reduced * reduced;
    exponents[i] = e;
    addend[i] = e * LN2_LOW;
  }
  for (let k = 1; k < LOG_COEFFICIENTS.length; k++) fmaConstant(y, x, LOG_COEFFICIENTS[k], count);
  for (let i = 0; i < count; i++) y[i] *= x[i];
  fmaEach(y, square, addend, count);
  for (let i = 0; i < count; i++) {
    // Exact: halving is, and numbers too far apart for the sum leave the greater one as it is.
    const tail = f32(y[i] - square[i] * 0.5);
    // Exact: a product of 14 bits.
    const log = f32(exponents[i] * LN2_HIGH + f32(x[i] + tail));
    radius[i] = Math.sqrt(f32(-2 * log));
  }
}

/** Puts the cosine and sine of 2π times the uniform numbers into `cosine` and `sine`, up to which is which and the signs. */
function angles(count: number): void {
  for (let i = 0; i < count; i++) {
    const theta = f32(TWO_PI * angle[i]);
    const q = (Math.trunc(f32(theta * FOUR_BY_PI)) + 1) & ~1;
    quadrant[i] = q;
    // Exact, all three: q is 0, 2, 4, 6 or 8, and theta, unless q is 0, has no bits below 2⁻²⁴.
    const r = f32(q * DP3 + f32(q * DP2 + f32(q * DP1 + theta)));
    const z = f32(r * r);
    angle[i] = r;
    square[i] = z;
    addend[i] = -z * 0.5;
  }
  cosine.fill(COS_COEFFICIENTS[0], 0, count);
  sine.fill(SIN_COEFFICIENTS[0], 0, count);
  for (let k = 1; k < COS_COEFFICIENTS.length; k++) {
    fmaConstant(cosine, square, COS_COEFFICIENTS[k], count);
    fmaConstant(sine, square, SIN_COEFFICIENTS[k], count);
  }
  for (let i = 0; i < count; i++) {
    cosine[i] *= square[i];
    sine[i] *= square[i];
  }
  fmaEach(cosine, square, addend, count);
  for (let i = 0; i < count; i++) cosine[i] += 1;
  fmaEach(sine, angle, angle, count);
}

/** Makes `count` normal numbers, a multiple of 16 and at most 2·PAIRS, at `at`. */
function blocks(
  data: Float32Array,
  at: number,
  count: number,
  g: Generator,
  mean: number,
  std: number,
): void {
  const drawn = nextBits(g, count);
  const half = BLOCK / 2;
  for (let i = 0, pair = 0; i < count; i += BLOCK) {
    for (let j = i; j < i + half; j++, pair++) {
      // 1 − u has 24 bits.
      radius[pair] = 1 - (drawn[j] & 0xffffff) * 2 ** -24;
      angle[pair] = (drawn[j + half] & 0xffffff) * 2 ** -24;
    }
  }
  radii(count / 2);
  angles(count / 2);
  for (let pair = 0; pair < count / 2; pair++) {
    const q = quadrant[pair];
    // 0 or 1: whether sine and cosine change places; then the signs, 1 or −1.
    const swap = (q >> 1) & 1;
    const cos = (cosine[pair] * (1 - swap) + sine[pair] * swap) * (1 - ((q + 2) & 4) / 2);
    const sin = (sine[pair] * (1 - swap) + cosine[pair] * swap) * (1 - (q & 4) / 2);
    const first = f32(radius[pair] * cos);
    const second = f32(radius[pair] * sin);
    // Pair 8·b + j lies at 16·b + j.
    const to = at + pair + (pair & ~(half - 1));
    data[to] = fma32(first, std, mean);
    data[to + half] = fma32(second, std, mean);
  }
}

/**
 * Fills 16 or more elements with N(mean, std²), of which the first `done`, a multiple of 16, have been made. The rest of a length that is no multiple
 * of 16 is made by drawing the last 16 again.
 */
export function fillNormal32(
  data: Float32Array,
  generator: Generator,
  mean: number,
  std: number,
  done = 0,
): void {
  const [m, s] = [f32(mean), f32(std)];
  const rest = data.length % BLOCK;
  const whole = data.length - rest;
  for (let at = done; at < whole; at += 2 * PAIRS) {
    blocks(data, at, Math.min(2 * PAIRS, whole - at), generator, m, s);
  }
  if (rest === 0) return;
  nextBits(generator, rest);
  blocks(data, data.length - BLOCK, BLOCK, generator, m, s);
}
