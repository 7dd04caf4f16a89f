/** The fused multiply-add of float32, as the hardware does it: rounded once. */

/** a·b + c in float32, rounded once. The operands are float32. */
export function fma32(a: number, b: number, c: number): number {
  // The product of two float32 is exact in double precision, the sum need not be.
  const sum = a * b + c;
  const nearest = Math.fround(sum);
  const beyond = 2 * sum - nearest;
  return Math.fround(beyond) === beyond ? ofTie(a * b, c) : nearest;
}

/** y·x + c for each element, into y. */
export function fmaConstant(y: Float32Array, x: Float32Array, c: number, count: number): void {
  for (let i = 0; i < count; i++) {
    const sum = y[i] * x[i] + c;
    const nearest = Math.fround(sum);
    const beyond = 2 * sum - nearest;
    y[i] = Math.fround(beyond) === beyond ? ofTie(y[i] * x[i], c) : nearest;
  }
}

/** y·x + c for each element, into y. */
export function fmaEach(y: Float32Array, x: Float32Array, c: Float32Array, count: number): void {
  for (let i = 0; i < count; i++) {
    const sum = y[i] * x[i] + c[i];
    const nearest = Math.fround(sum);
    const beyond = 2 * sum - nearest;
    y[i] = Math.fround(beyond) === beyond ? ofTie(y[i] * x[i], c[i]) : nearest;
  }
}

/**
 * product + c rounded once, where the sum in double precision is a float32 or lies halfway between two, `nearest` and `beyond`: only there does
 * rounding twice differ from rounding once, and the error of the sum decides.
 */
function ofTie(product: number, c: number): number {
  const sum = product + c;
  const nearest = Math.fround(sum);
  const beyond = 2 * sum - nearest;
  const part = sum - product;
  const error = product - (sum - part) + (c - part);
  if (error === 0 || sum === nearest) return nearest;
  return error > 0 === beyond > nearest ? beyond : nearest;
}
