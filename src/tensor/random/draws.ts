/**
 * Single draws and bulk fills of PyTorch's CPU stream, reproduced bit for bit.
 *
 * The vectorised normal path of PyTorch works in float32 with fused multiply-adds and the Cephes polynomials for log, sin and cos
 * (S. Moshier, Cephes Mathematical Library, single precision); it is emulated operation by operation.
 */
import type { Generator } from './generator.ts';

/** Uniform in [0, 1) with 24 bits. */
export function uniform32({ engine }: Generator): number {
  return (engine.draw() & 0xffffff) * 2 ** -24;
}

/** 53 low bits of two draws, of which the first is the high word. */
function bits53({ engine }: Generator): number {
  const high = engine.draw();
  const low = engine.draw();
  return (high & 0x1fffff) * 2 ** 32 + low;
}

/** Uniform in [0, 1) with 53 bits. */
export function uniform64(generator: Generator): number {
  return bits53(generator) * 2 ** -53;
}

/** Two draws as a 64-bit whole number. */
export function bits64({ engine }: Generator): bigint {
  const high = engine.draw();
  const low = engine.draw();
  return (BigInt(high) << 32n) | BigInt(low);
}

/** A standard normal number by Box and Muller's method (1958); the second of each pair waits in the generator. */
export function normal64(generator: Generator): number {
  const { spareNormal } = generator;
  if (spareNormal !== null) {
    generator.spareNormal = null;
    return spareNormal;
  }
  const u1 = uniform64(generator);
  const u2 = uniform64(generator);
  const r = Math.sqrt(-2 * Math.log1p(-u2));
  const theta = 2 * Math.PI * u1;
  generator.spareNormal = r * Math.sin(theta);
  return r * Math.cos(theta);
}

/** float32 a·b + c, rounded once. The operands are float32. */
export function fma32(a: number, b: number, c: number): number {
  // The product of two float32 is exact in double precision, the sum need not be.
  const product = a * b;
  const sum = product + c;
  const nearest = Math.fround(sum);
  const beyond = 2 * sum - nearest;
  // Rounding twice differs from rounding once only where the first result lies halfway between two float32.
  if (sum === nearest || Math.fround(beyond) !== beyond) return nearest;
  const part = sum - product;
  const error = product - (sum - part) + (c - part);
  if (error === 0) return nearest;
  return error > 0 === beyond > nearest ? beyond : nearest;
}

const f32 = Math.fround;
const LOG_COEFFICIENTS = [
  7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
  2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
].map(f32);
const SQRT_HALF = f32(Math.SQRT1_2);
const LN2_LOW = f32(-2.1219444e-4);
const LN2_HIGH = f32(0.693359375);
const SMALLEST_NORMAL = 2 ** -126;
const FOUR_BY_PI = f32(4 / Math.PI);
const [DP1, DP2, DP3] = [-0.78515625, -2.4187564849853516e-4, -3.774894977445941e-8].map(f32);
const COS_COEFFICIENTS = [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2].map(f32);
const SIN_COEFFICIENTS = [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1].map(f32);
const TWO_PI = f32(2 * Math.PI);

const floatBits = new Float32Array(1);
const intBits = new Int32Array(floatBits.buffer);

/** log x of a float32 in (0, 1]. */
function log32(given: number): number {
  floatBits[0] = Math.max(given, SMALLEST_NORMAL);
  let e = (intBits[0] >>> 23) - 0x7f + 1;
  // The fraction in [½, 1).
  intBits[0] = (intBits[0] & ~0x7f800000) | 0x3f000000;
  let x = floatBits[0];
  if (x < SQRT_HALF) {
    e -= 1;
    x = f32(f32(x - 1) + x);
  } else x = f32(x - 1);
  const z = f32(x * x);
  let y = LOG_COEFFICIENTS[0];
  for (let i = 1; i < LOG_COEFFICIENTS.length; i++) y = fma32(y, x, LOG_COEFFICIENTS[i]);
  y = f32(y * x);
  y = fma32(y, z, f32(e * LN2_LOW));
  y = fma32(-z, 0.5, y);
  return fma32(e, LN2_HIGH, f32(x + y));
}

let sine = 0;
let cosine = 0;

/** Puts sin x and cos x of a float32 x ≥ 0 into `sine` and `cosine`. */
function sincos32(x: number): void {
  const quadrant = (Math.trunc(f32(x * FOUR_BY_PI)) + 1) & ~1;
  let r = fma32(quadrant, DP1, x);
  r = fma32(quadrant, DP2, r);
  r = fma32(quadrant, DP3, r);
  const z = f32(r * r);
  let c = fma32(COS_COEFFICIENTS[0], z, COS_COEFFICIENTS[1]);
  c = f32(fma32(c, z, COS_COEFFICIENTS[2]) * z);
  c = f32(fma32(c, z, -f32(z * 0.5)) + 1);
  let s = fma32(SIN_COEFFICIENTS[0], z, SIN_COEFFICIENTS[1]);
  s = f32(fma32(s, z, SIN_COEFFICIENTS[2]) * z);
  s = fma32(s, r, r);
  const swap = (quadrant & 2) !== 0;
  const sin = swap ? c : s;
  const cos = swap ? s : c;
  sine = (quadrant & 4) === 0 ? sin : -sin;
  cosine = ((quadrant - 2) & 4) === 0 ? -cos : cos;
}

/** Turns 16 uniform float32 from `at` into normal ones. */
function normalBlock32(data: Float32Array, at: number, mean: number, std: number): void {
  for (let j = at; j < at + 8; j++) {
    const u1 = f32(1 - data[j]);
    const radius = f32(Math.sqrt(f32(-2 * log32(u1))));
    sincos32(f32(TWO_PI * data[j + 8]));
    data[j] = fma32(f32(radius * cosine), std, mean);
    data[j + 8] = fma32(f32(radius * sine), std, mean);
  }
}

function normalBlock64(data: Float64Array, at: number, mean: number, std: number): void {
  for (let j = at; j < at + 8; j++) {
    const radius = Math.sqrt(-2 * Math.log(1 - data[j]));
    const theta = 2 * Math.PI * data[j + 8];
    data[j] = radius * Math.cos(theta) * std + mean;
    data[j + 8] = radius * Math.sin(theta) * std + mean;
  }
}

/** Normal numbers in blocks of 16, for 16 or more; a rest is made by drawing the last 16 again. */
function fillBlocks<T extends Float32Array | Float64Array>(
  data: T,
  uniform: () => number,
  block: (data: T, at: number) => void,
): void {
  const { length } = data;
  for (let i = 0; i < length; i++) data[i] = uniform();
  for (let i = 0; i + 16 <= length; i += 16) block(data, i);
  if (length % 16 !== 0) {
    for (let i = length - 16; i < length; i++) data[i] = uniform();
    block(data, length - 16);
  }
}

/**
 * The same for 16-bit floats, as doubles. `round` rounds what is stored in the dtype; functions and products of float16 are float32
 * in PyTorch, those of bfloat16 are bfloat16: `step` rounds them.
 */
function normalBlock16(
  data: Float64Array,
  at: number,
  mean: number,
  std: number,
  round: (x: number) => number,
  step: (x: number) => number,
): void {
  for (let j = at; j < at + 8; j++) {
    const u1 = round(1 - data[j]);
    const radius = round(step(Math.sqrt(step(-2 * step(Math.log(u1))))));
    const theta = round(2 * Math.PI * data[j + 8]);
    data[j] = round(step(step(step(radius * step(Math.cos(theta))) * std) + mean));
    data[j + 8] = round(step(step(step(radius * step(Math.sin(theta))) * std) + mean));
  }
}

/** 16 or more normal numbers of a 16-bit float type with `digits` significant bits. */
export function normals16(
  count: number,
  generator: Generator,
  mean: number,
  std: number,
  digits: number,
  round: (x: number) => number,
): Float64Array {
  const data = new Float64Array(count);
  const uniform = (): number => (generator.engine.draw() & (2 ** digits - 1)) * 2 ** -digits;
  const [m, s] = [round(mean), round(std)];
  const step = digits === 11 ? f32 : round;
  fillBlocks(data, uniform, (d, at) => normalBlock16(d, at, m, s, round, step));
  return data;
}

/** Fills contiguous memory of 16 or more elements with N(mean, std²). */
export function fillNormal(
  data: Float32Array | Float64Array,
  generator: Generator,
  mean: number,
  std: number,
): void {
  if (data instanceof Float32Array) {
    const [m, s] = [f32(mean), f32(std)];
    fillBlocks(
      data,
      () => uniform32(generator),
      (d, at) => normalBlock32(d, at, m, s),
    );
  } else
    fillBlocks(
      data,
      () => uniform64(generator),
      (d, at) => normalBlock64(d, at, mean, std),
    );
}
