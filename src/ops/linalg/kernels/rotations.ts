/** Plane rotations (Golub and Van Loan, "Matrix Computations", 5.1), applied to rows of a matrix whose rows are basis vectors. */

/** The rotation with (c s; −s c)·(f, g) = (r, 0), with LAPACK's signs: c ≥ 0. */
export class Rotation {
  c = 1;
  s = 0;
  r = 0;

  turn(f: number, g: number): void {
    if (g === 0) {
      this.c = 1;
      this.s = 0;
      this.r = f;
    } else if (f === 0) {
      this.c = 0;
      this.s = Math.sign(g);
      this.r = Math.abs(g);
    } else {
      const length = Math.sqrt(f * f + g * g);
      this.c = Math.abs(f) / length;
      this.r = f < 0 ? -length : length;
      this.s = g / this.r;
    }
  }
}

/** Vectors as the rows of a matrix. */
export class Basis {
  readonly data: Float64Array;
  readonly width: number;
  readonly count: number;

  constructor(count: number, width: number, data: Float64Array = new Float64Array(count * width)) {
    this.data = data;
    this.width = width;
    this.count = count;
  }

  static identity(count: number, width: number): Basis {
    const basis = new Basis(count, width);
    for (let i = 0; i < Math.min(count, width); i++) basis.data[i * width + i] = 1;
    return basis;
  }

  copy(): Basis {
    return new Basis(this.count, this.width, this.data.slice());
  }

  /** Row i becomes c·i + s·j, row j becomes c·j − s·i. */
  rotate(i: number, j: number, c: number, s: number): void {
    const { data, width } = this;
    let x = i * width;
    let y = j * width;
    for (let k = 0; k < width; k++, x++, y++) {
      const held = c * data[x] + s * data[y];
      data[y] = c * data[y] - s * data[x];
      data[x] = held;
    }
  }

  negate(i: number): void {
    const { data, width } = this;
    for (let k = i * width; k < (i + 1) * width; k++) data[k] = -data[k];
  }

  exchange(i: number, j: number): void {
    const { data, width } = this;
    for (let k = 0; k < width; k++) {
      const held = data[i * width + k];
      data[i * width + k] = data[j * width + k];
      data[j * width + k] = held;
    }
  }

  /** Does row i point away from row i of another basis? */
  opposes(other: Basis, i: number): boolean {
    let dot = 0;
    for (let k = i * this.width; k < (i + 1) * this.width; k++) dot += this.data[k] * other.data[k];
    return dot < 0;
  }
}

/** |a| with the sign of b. */
export function withSign(a: number, b: number): number {
  return b < 0 || Object.is(b, -0) ? -Math.abs(a) : Math.abs(a);
}

/** A power of two that brings numbers of this size near 1 where their squares would overflow or vanish; else 1. */
export function safeScale(largest: number): number {
  if (!(largest > 0) || largest === Number.POSITIVE_INFINITY) return 1;
  return largest > 2 ** 480 || largest < 2 ** -480 ? 2 ** -Math.round(Math.log2(largest)) : 1;
}

/** The relative rounding error of float64. */
export const DOUBLE: number = 2 ** -53;
/** The smallest normal number. */
export const SAFE_MINIMUM: number = 2 ** -1022;
/** LAPACK's direct algorithms go up to this size; beyond it divides and conquers, with signs that are not followed here. */
export const SIGNS_UP_TO = 25;
