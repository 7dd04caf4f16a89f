/**
 * The constants of PyTorch's vectorised normal numbers of float32: log, sin and cos by the polynomials of the Cephes Mathematical Library (S. Moshier,
 * single precision), as in avx_mathfun.
 */
const f32 = Math.fround;

/** (log(1 + x) − x + x²/2)/x³ from the highest power. */
export const LOG_COEFFICIENTS: readonly number[] = [
  7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
  2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
].map(f32);
/** ½ as the bits of float32. */
export const HALF_BITS = 0x3f000000;
/** √½ as the bits of float32. */
export const SQRT_HALF_BITS = 0x3f3504f3;
/** ln 2 in two parts, of which the first has 9 bits. */
export const LN2_HIGH: number = f32(0.693359375);
export const LN2_LOW: number = f32(-2.1219444e-4);
export const TWO_PI: number = f32(2 * Math.PI);
export const FOUR_BY_PI: number = f32(4 / Math.PI);
/** −π/4 in three parts of few bits, the greatest first. */
export const QUARTER_PI: readonly number[] = [-0.78515625, -2.4187564849853516e-4, -3.774894977445941e-8].map(
  f32,
);
/** (cos x − 1 + x²/2)/x⁴ and (sin x − x)/x³ by powers of x², from the highest. */
export const COS_COEFFICIENTS: readonly number[] = [
  2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2,
].map(f32);
export const SIN_COEFFICIENTS: readonly number[] = [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1].map(
  f32,
);
/** Numbers that are made together: eight radii and eight angles. */
export const BLOCK = 16;
