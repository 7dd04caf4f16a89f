/** Sums that the special functions share. */

/** Σ cₖ·Tₖ(t), the Chebyshev polynomials, by Clenshaw's recurrence. |t| ≤ 1. */
export function chebyshevSum(c: readonly number[], t: number): number {
  let b1 = 0;
  let b2 = 0;
  for (let k = c.length - 1; k > 0; k--) {
    const b0 = 2 * t * b1 - b2 + c[k];
    b2 = b1;
    b1 = b0;
  }
  return t * b1 - b2 + c[0];
}

/** c₀ + c₁x + c₂x² + … */
export function powerSum(c: readonly number[], x: number): number {
  let sum = 0;
  for (let k = c.length - 1; k >= 0; k--) sum = sum * x + c[k];
  return sum;
}
