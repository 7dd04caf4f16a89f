/** Sums of vectors inside an array: the inner loops of blocked factorizations, several terms to a pass over the result. */

/** x[to + i] −= Σ factors[at + q]·x[from + q·step + i], q < terms, i < length: term by term in this order. */
export function subtractTerms(
  x: Float64Array,
  to: number,
  from: number,
  step: number,
  factors: Float64Array,
  at: number,
  terms: number,
  length: number,
): void {
  let q = 0;
  for (; q + 4 <= terms; q += 4) {
    const [a, b, c, d] = [factors[at + q], factors[at + q + 1], factors[at + q + 2], factors[at + q + 3]];
    const first = from + q * step;
    subtractFour(x, to, first, step, a, b, c, d, length);
  }
  for (; q < terms; q++) subtractOne(x, to, from + q * step, factors[at + q], length);
}

export function subtractFour(
  x: Float64Array,
  to: number,
  from: number,
  step: number,
  a: number,
  b: number,
  c: number,
  d: number,
  length: number,
): void {
  const second = from + step;
  const third = second + step;
  const fourth = third + step;
  for (let i = 0; i < length; i++) {
    x[to + i] = x[to + i] - a * x[from + i] - b * x[second + i] - c * x[third + i] - d * x[fourth + i];
  }
}

export function subtractOne(x: Float64Array, to: number, from: number, factor: number, length: number): void {
  for (let i = 0; i < length; i++) x[to + i] -= factor * x[from + i];
}
