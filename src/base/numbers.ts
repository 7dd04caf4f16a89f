/** Numbers as Python prints them. */

/** Python's repr of a number that may be an int: `2`, `0.5`, `1e-05`, `inf`. */
export function showNumber(x: number): string {
  if (Number.isInteger(x) && Math.abs(x) < 1e16) return Object.is(x, -0) ? '-0' : String(x);
  if (x === Number.POSITIVE_INFINITY) return 'inf';
  if (x === Number.NEGATIVE_INFINITY) return '-inf';
  if (Number.isNaN(x)) return 'nan';
  const magnitude = Math.abs(x);
  if (magnitude < 1e-4 || magnitude >= 1e16) {
    const [mantissa, exponent] = x.toExponential().split('e');
    const sign = exponent.startsWith('-') ? '-' : '+';
    return `${mantissa}e${sign}${exponent.slice(1).padStart(2, '0')}`;
  }
  return String(x);
}

/** Python's repr of a float: whole values keep their point. */
export function showFloat(x: number): string {
  const text = showNumber(x);
  return Number.isInteger(x) && Math.abs(x) < 1e16 ? `${text}.0` : text;
}
