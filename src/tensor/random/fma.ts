/** The fused multiply-add, as the hardware does it: rounded once. */

/** a·b + c in float32, rounded once. The operands are float32. */
export function fma32(a: number, b: number, c: number): number {
  // The product of two float32 is exact in double precision, the sum need not be.
  const sum = a * b + c;
  const nearest = Math.fround(sum);
  const beyond = 2 * sum - nearest;
  return Math.fround(beyond) === beyond && sum !== nearest ? ofTie(a * b, c) : nearest;
}

/** y·x + c for each element, into y. */
export function fmaConstant(y: Float32Array, x: Float32Array, c: number, count: number): void {
  for (let i = 0; i < count; i++) {
    const sum = y[i] * x[i] + c;
    const nearest = Math.fround(sum);
    const beyond = 2 * sum - nearest;
    y[i] = Math.fround(beyond) === beyond && sum !== nearest ? ofTie(y[i] * x[i], c) : nearest;
  }
}

/** y·x + c for each element, into y. */
export function fmaEach(y: Float32Array, x: Float32Array, c: Float32Array, count: number): void {
  for (let i = 0; i < count; i++) {
    const sum = y[i] * x[i] + c[i];
    const nearest = Math.fround(sum);
    const beyond = 2 * sum - nearest;
    y[i] = Math.fround(beyond) === beyond && sum !== nearest ? ofTie(y[i] * x[i], c[i]) : nearest;
  }
}

/**
 * product + c rounded once, where the sum in double precision lies halfway between two float32, `nearest` and `beyond`: only there does rounding
 * twice differ from rounding once, and the error of the sum decides.
 */
function ofTie(product: number, c: number): number {
  const sum = product + c;
  const nearest = Math.fround(sum);
  const beyond = 2 * sum - nearest;
  const part = sum - product;
  const error = product - (sum - part) + (c - part);
  if (error === 0) return nearest;
  return error > 0 === beyond > nearest ? beyond : nearest;
}

const double = new Float64Array(1);
const halves = new Uint32Array(double.buffer);

/** 2²⁷ + 1 splits a double into two halves of 26 bits (Veltkamp 1968, Dekker 1971). */
const SPLITTER = 2 ** 27 + 1;

/**
 * a·b + c in float64, rounded once, where nothing over- or underflows. S. Boldo and G. Melquiond 2008, "Emulation of a FMA and correctly rounded
 * sums: proved algorithms using rounding to odd".
 */
export function fma64(a: number, b: number, c: number): number {
  const product = a * b;
  const sum = product + c;
  // product + error = a·b
  const [aScaled, bScaled] = [a * SPLITTER, b * SPLITTER];
  const aHigh = aScaled - (aScaled - a);
  const bHigh = bScaled - (bScaled - b);
  const [aLow, bLow] = [a - aHigh, b - bHigh];
  const error = aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow);
  if (error === 0 || !Number.isFinite(sum) || !Number.isFinite(error)) return sum;
  // c + error = small + smallRest; product + small = large + largeRest
  const small = c + error;
  const smallRest = restOfSum(c, error, small);
  const large = product + small;
  const largeRest = restOfSum(product, small, large);
  const rest = largeRest + smallRest;
  return large + toOdd(rest, restOfSum(largeRest, smallRest, rest));
}

/** a + b − sum, exactly (Knuth's TwoSum). */
function restOfSum(a: number, b: number, sum: number): number {
  const part = sum - a;
  return a - (sum - part) + (b - part);
}

/** Of the two doubles around x + rest the one whose last bit is odd; x itself where rest is 0. */
function toOdd(x: number, rest: number): number {
  if (rest === 0) return x;
  double[0] = x;
  if ((halves[0] & 1) === 1) return x;
  if (x > 0 === rest > 0) halves[0] += 1;
  else if (halves[0] === 0) {
    halves[0] = 0xffffffff;
    halves[1] -= 1;
  } else halves[0] -= 1;
  return double[0];
}
