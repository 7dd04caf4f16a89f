/**
 * Fixed and scientific decimal notation of doubles, correctly rounded with ties to even: the text of Python's
 * `'{:.4f}'.format(x)` and `'{:.4e}'.format(x)`.
 *
 * JavaScript's `toFixed` and `toExponential` round the exact binary value too, but send ties away from zero
 * (`(0.03125).toFixed(4)` is 0.0313, Python's is 0.0312), stop at 1e21 and at 100 digits, and write short exponents.
 */

/** A finite non-negative double as `numerator / 2 ** shift`, both exact. */
function exactFraction(x: number): { numerator: bigint; shift: number } {
  let mantissa = x;
  let shift = 0;
  // Doubling is exact below the overflow threshold, and a double has at most 1074 fraction bits.
  while (!Number.isInteger(mantissa)) {
    mantissa *= 2;
    shift++;
  }
  return { numerator: BigInt(mantissa), shift };
}

/** `numerator / denominator` to the nearest integer, ties to even. */
function divideToEven(numerator: bigint, denominator: bigint): bigint {
  const quotient = numerator / denominator;
  const twice = 2n * (numerator % denominator);
  const up = twice > denominator || (twice === denominator && quotient % 2n === 1n);
  return up ? quotient + 1n : quotient;
}

/** `x * 10 ** power` to the nearest integer, ties to even, for finite `x >= 0`. */
function scaledInteger(x: number, power: number): bigint {
  const { numerator, shift } = exactFraction(x);
  const denominator = 1n << BigInt(shift);
  if (power >= 0) return divideToEven(numerator * 10n ** BigInt(power), denominator);
  return divideToEven(numerator, denominator * 10n ** BigInt(-power));
}

function fixedOfMagnitude(x: number, digits: number): string {
  if (x < 1e21 && digits < 100) {
    // Rounding to one digit more gives the value back only where the value ends there: a possible tie.
    const longer = x.toFixed(digits + 1);
    if (!longer.endsWith('5') || Number(longer) !== x) return x.toFixed(digits);
  }
  const text = scaledInteger(x, digits)
    .toString()
    .padStart(digits + 1, '0');
  if (digits === 0) return text;
  return `${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

function exponentialOfMagnitude(x: number, digits: number): string {
  let mantissa: string;
  let exponent: number;
  const longer = digits < 100 ? x.toExponential(digits + 1) : '';
  const [longMantissa, longExponent] = longer.split('e');
  if (digits < 100 && (!longMantissa.endsWith('5') || Number(longer) !== x)) {
    const parts = x.toExponential(digits).split('e');
    mantissa = parts[0];
    exponent = Number(parts[1]);
  } else {
    // toExponential of so many digits cannot round up to the next power of ten, so this is the true exponent.
    exponent = digits < 100 ? Number(longExponent) : Number(x.toExponential(100).split('e')[1]);
    let digitsText = scaledInteger(x, digits - exponent).toString();
    if (digitsText.length > digits + 1) {
      exponent++;
      digitsText = digitsText.slice(0, -1);
    }
    digitsText = digitsText.padEnd(digits + 1, '0');
    mantissa = digits === 0 ? digitsText : `${digitsText[0]}.${digitsText.slice(1)}`;
  }
  const exponentText = Math.abs(exponent).toString().padStart(2, '0');
  return `${mantissa}e${exponent < 0 ? '-' : '+'}${exponentText}`;
}

function nonFinite(x: number): string {
  if (Number.isNaN(x)) return 'nan';
  return x > 0 ? 'inf' : '-inf';
}

const isNegative = (x: number): boolean => x < 0 || Object.is(x, -0);

/** `x` with `digits` digits after the point, as Python's `'{:.<digits>f}'` writes it; `nan`, `inf`, `-inf`. */
export function formatFixed(x: number, digits: number): string {
  if (!Number.isFinite(x)) return nonFinite(x);
  const text = fixedOfMagnitude(Math.abs(x), digits);
  return isNegative(x) ? `-${text}` : text;
}

/** `x` in scientific notation, as Python's `'{:.<digits>e}'` writes it (`1.0000e-05`); `nan`, `inf`, `-inf`. */
export function formatExponential(x: number, digits: number): string {
  if (!Number.isFinite(x)) return nonFinite(x);
  const text = exponentialOfMagnitude(Math.abs(x), digits);
  return isNegative(x) ? `-${text}` : text;
}
