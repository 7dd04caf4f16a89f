/** 16-bit floats as bits: IEEE binary16 and bfloat16, rounding to nearest even. */

const f32 = new Float32Array(1);
const u32 = new Uint32Array(f32.buffer);

/** The bits of the float16 nearest to `x`. */
export function toFloat16(x: number): number {
  f32[0] = x;
  // Rounding twice (double → float → half) is wrong only when the first rounding makes a tie: then fix the direction.
  const single = f32[0];
  const bits = u32[0];
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x47800000) return sign | 0x7c00;
  const error = Number.isFinite(x) ? Math.sign(Math.abs(x) - Math.abs(single)) : 0;
  let exponent = (magnitude >>> 23) - 127;
  let mantissa = (magnitude & 0x7fffff) | 0x800000;
  let shift = 13;
  if (exponent < -14) {
    shift += -14 - exponent;
    exponent = -15;
    if (shift > 31) return sign;
  }
  if (magnitude >>> 23 === 0) mantissa = 0;
  const kept = mantissa >>> shift;
  const rest = mantissa & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  let up = rest > half || (rest === half && (kept & 1) === 1);
  if (rest === half && error !== 0) up = error > 0;
  const base = exponent === -15 ? 0 : ((exponent + 15) << 10) - 0x400;
  // A carry out of the mantissa moves on to the next exponent (and to infinity) by itself.
  return sign | (base + kept + (up ? 1 : 0));
}

export function fromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const mantissa = bits & 0x3ff;
  if (exponent === 31) return mantissa !== 0 ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  return sign * (mantissa + 1024) * 2 ** (exponent - 25);
}

/** The bits of the bfloat16 nearest to `x`. */
export function toBfloat16(x: number): number {
  f32[0] = x;
  const bits = u32[0];
  if ((bits & 0x7fffffff) > 0x7f800000) return 0x7fc0;
  const rest = bits & 0xffff;
  const kept = bits >>> 16;
  let up = rest > 0x8000 || (rest === 0x8000 && (kept & 1) === 1);
  if (rest === 0x8000 && Number.isFinite(x)) {
    const error = Math.sign(Math.abs(x) - Math.abs(f32[0]));
    if (error !== 0) up = error > 0;
  }
  return (kept + (up ? 1 : 0)) & 0xffff;
}

export function fromBfloat16(bits: number): number {
  u32[0] = bits << 16;
  return f32[0];
}
