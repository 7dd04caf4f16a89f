/** Distance of a float32 from the exact value, in units in the last place. */

/** The spacing of float32 numbers at `x`. */
function spacing(x: number): number {
  const size = Math.abs(x);
  if (size < 2 ** -126) return 2 ** -149;
  let exponent = Math.floor(Math.log2(size));
  if (2 ** exponent > size) exponent--;
  return 2 ** (exponent - 23);
}

/** How many float32 units in the last place `got` is from `exact` (a double): 0 where both overflow or are NaN. */
export function ulps(got: number, exact: number): number {
  const rounded = Math.fround(exact);
  if (Object.is(got, rounded))
    return Math.min(Number.isFinite(rounded) ? Math.abs(got - exact) / spacing(exact) : 0, 0.5);
  if (Number.isNaN(got) || Number.isNaN(exact) || !Number.isFinite(got) || !Number.isFinite(rounded))
    return Number.POSITIVE_INFINITY;
  return Math.abs(got - exact) / spacing(exact);
}
