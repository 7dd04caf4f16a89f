/**
 * Singular values and vectors of bidiagonal matrices by implicit QR iterations with zero shift where accuracy asks for it (Demmel and Kahan 1990,
 * "Accurate singular values of bidiagonal matrices"), with LAPACK's choice of direction, shift and stopping.
 */
import { type Basis, Rotation, SAFE_MINIMUM, withSign } from './rotations.ts';

/** An upper bidiagonal matrix. */
export interface Bidiagonal {
  readonly diagonal: Float64Array;
  readonly above: Float64Array;
}

/** Sweeps over n² elements before giving up. */
const ITERATIONS = 6;

/**
 * Makes the matrix diagonal, its values positive and in descending order. The rows of `left` and `right` (left and right singular vectors) turn
 * along. False where that does not converge.
 */
export function diagonalize(
  matrix: Bidiagonal,
  left: Basis | null,
  right: Basis | null,
  epsilon: number,
): boolean {
  const { diagonal: d } = matrix;
  const converged = new Iteration(matrix, left, right, epsilon).run();
  for (let i = 0; i < d.length; i++) {
    if (d[i] >= 0) continue;
    d[i] = -d[i];
    right?.negate(i);
  }
  // The smallest goes to the end, then the next.
  for (let end = d.length - 1; end > 0; end--) {
    let least = 0;
    for (let j = 1; j <= end; j++) if (d[j] <= d[least]) least = j;
    if (least === end) continue;
    [d[least], d[end]] = [d[end], d[least]];
    left?.exchange(least, end);
    right?.exchange(least, end);
  }
  return converged;
}

class Iteration {
  private readonly d: Float64Array;
  private readonly e: Float64Array;
  private readonly left: Basis | null;
  private readonly right: Basis | null;
  private readonly epsilon: number;
  /** Relative accuracy that is asked for. */
  private readonly tolerance: number;
  /** Elements above the diagonal below this are zero. */
  private readonly threshold: number;
  private readonly rotation: Rotation = new Rotation();
  private readonly rotation2: Rotation = new Rotation();

  constructor({ diagonal, above }: Bidiagonal, left: Basis | null, right: Basis | null, epsilon: number) {
    this.d = diagonal;
    this.e = above;
    this.left = left;
    this.right = right;
    this.epsilon = epsilon;
    const n = diagonal.length;
    this.tolerance = Math.max(10, Math.min(100, epsilon ** -0.125)) * epsilon;
    // A lower bound of the smallest singular value, over √n.
    let mu = Math.abs(diagonal[0] ?? 0);
    let least = mu;
    for (let i = 1; i < n && least !== 0; i++) {
      mu = Math.abs(diagonal[i]) * (mu / (mu + Math.abs(above[i - 1])));
      least = Math.min(least, mu);
    }
    this.threshold = Math.max((this.tolerance * least) / Math.sqrt(n), ITERATIONS * n * n * SAFE_MINIMUM);
  }

  run(): boolean {
    const { d, e } = this;
    let budget = ITERATIONS * d.length * d.length;
    let end = d.length - 1;
    let [oldStart, oldEnd] = [-1, -1];
    let downwards = true;
    while (end > 0) {
      if (budget < 0) return false;
      // The block that ends at `end`.
      let start = end;
      let largest = Math.abs(d[end]);
      while (start > 0 && !(Math.abs(e[start - 1]) <= this.threshold)) {
        start--;
        largest = Math.max(largest, Math.abs(d[start]), Math.abs(e[start]));
      }
      if (start > 0) e[start - 1] = 0;
      if (start === end) {
        end--;
        continue;
      }
      if (start === end - 1) {
        this.solveTwo(start);
        end -= 2;
        continue;
      }
      if (start > oldEnd || end < oldStart) downwards = Math.abs(d[start]) >= Math.abs(d[end]);
      const least = this.deflate(start, end, downwards);
      if (least === null) continue;
      [oldStart, oldEnd] = [start, end];
      budget -= end - start;
      const shift = this.shiftFor(start, end, downwards, least / largest);
      if (shift === 0) this.sweepUnshifted(start, end, downwards);
      else this.sweep(start, end, downwards, shift);
    }
    return true;
  }

  /** Sets an element above the diagonal to zero where that changes no singular value much: null. Else a lower bound of them. */
  private deflate(start: number, end: number, downwards: boolean): number | null {
    const { d, e, tolerance } = this;
    const [first, last, step] = downwards ? [start, end, 1] : [end, start, -1];
    const near = downwards ? end - 1 : start;
    if (Math.abs(e[near]) <= tolerance * Math.abs(d[last])) {
      e[near] = 0;
      return null;
    }
    let mu = Math.abs(d[first]);
    let least = mu;
    for (let i = first; i !== last; i += step) {
      const at = downwards ? i : i - 1;
      const size = Math.abs(e[at]);
      if (size <= tolerance * mu) {
        e[at] = 0;
        return null;
      }
      mu = Math.abs(d[i + step]) * (mu / (mu + size));
      least = Math.min(least, mu);
    }
    return least;
  }

  /** The smaller singular value of the last two rows in the direction of the sweep, or 0 where a shift would spoil the small ones. */
  private shiftFor(start: number, end: number, downwards: boolean, ratio: number): number {
    const { d, e, epsilon, tolerance } = this;
    if (d.length * tolerance * ratio <= Math.max(epsilon, 0.01 * tolerance)) return 0;
    const low = downwards ? end - 1 : start;
    const head = Math.abs(downwards ? d[start] : d[end]);
    const shift = smallerOfTwo(d[low], e[low], d[low + 1]);
    return head > 0 && (shift / head) ** 2 < epsilon ? 0 : shift;
  }

  /** Bases in the order of the direction: going upwards, left and right change places. */
  private bases(downwards: boolean): readonly [Basis | null, Basis | null] {
    return downwards ? [this.right, this.left] : [this.left, this.right];
  }

  private sweepUnshifted(start: number, end: number, downwards: boolean): void {
    const { d, e, rotation, rotation2 } = this;
    const [first, last, step] = downwards ? [start, end, 1] : [end, start, -1];
    const between = (i: number): number => (downwards ? i : i - 1);
    const [near, far] = this.bases(downwards);
    let c = 1;
    let oldC = 1;
    let oldS = 0;
    for (let i = first; i !== last; i += step) {
      rotation.turn(d[i] * c, e[between(i)]);
      c = rotation.c;
      if (i !== first) e[between(i - step)] = oldS * rotation.r;
      rotation2.turn(oldC * rotation.r, d[i + step] * rotation.s);
      oldC = rotation2.c;
      oldS = rotation2.s;
      d[i] = rotation2.r;
      near?.rotate(i, i + step, c, rotation.s);
      far?.rotate(i, i + step, oldC, oldS);
    }
    const h = d[last] * c;
    d[last] = h * oldC;
    this.finish(between(last - step), h * oldS);
  }

  private sweep(start: number, end: number, downwards: boolean, shift: number): void {
    const { d, e, rotation } = this;
    const [first, last, step] = downwards ? [start, end, 1] : [end, start, -1];
    const between = (i: number): number => (downwards ? i : i - 1);
    const [near, far] = this.bases(downwards);
    let f = (Math.abs(d[first]) - shift) * (withSign(1, d[first]) + shift / d[first]);
    let g = e[between(first)];
    for (let i = first; i !== last; i += step) {
      const at = between(i);
      rotation.turn(f, g);
      let { c, s } = rotation;
      if (i !== first) e[between(i - step)] = rotation.r;
      f = c * d[i] + s * e[at];
      e[at] = c * e[at] - s * d[i];
      g = s * d[i + step];
      d[i + step] *= c;
      near?.rotate(i, i + step, c, s);
      rotation.turn(f, g);
      ({ c, s } = rotation);
      d[i] = rotation.r;
      f = c * e[at] + s * d[i + step];
      d[i + step] = c * d[i + step] - s * e[at];
      if (i + step !== last) {
        g = s * e[between(i + step)];
        e[between(i + step)] *= c;
      }
      far?.rotate(i, i + step, c, s);
    }
    this.finish(between(last - step), f);
  }

  private finish(at: number, value: number): void {
    this.e[at] = Math.abs(value) <= this.threshold ? 0 : value;
  }

  /** The 2 × 2 block at `start`. */
  private solveTwo(start: number): void {
    const { d, e } = this;
    const two = singularOfTwo(d[start], e[start], d[start + 1], this.epsilon);
    d[start] = two.larger;
    d[start + 1] = two.smaller;
    e[start] = 0;
    this.right?.rotate(start, start + 1, two.right.c, two.right.s);
    this.left?.rotate(start, start + 1, two.left.c, two.left.s);
  }
}

/** The smaller singular value of (f g; 0 h), without overflow. */
function smallerOfTwo(f: number, g: number, h: number): number {
  const least = Math.min(Math.abs(f), Math.abs(h));
  const most = Math.max(Math.abs(f), Math.abs(h));
  const beside = Math.abs(g);
  if (least === 0) return 0;
  const sum = 1 + least / most;
  const difference = (most - least) / most;
  if (beside < most) {
    const square = (beside / most) ** 2;
    return least * (2 / (Math.sqrt(sum * sum + square) + Math.sqrt(difference * difference + square)));
  }
  const ratio = most / beside;
  if (ratio === 0) return (least * most) / beside;
  const factor = 1 / (Math.sqrt(1 + (sum * ratio) ** 2) + Math.sqrt(1 + (difference * ratio) ** 2));
  return 2 * (least * factor * ratio);
}

interface Turn {
  readonly c: number;
  readonly s: number;
}

interface SingularOfTwo {
  readonly larger: number;
  readonly smaller: number;
  readonly left: Turn;
  readonly right: Turn;
}

/**
 * The signed singular values of (f g; 0 h) and the rotations that diagonalize it (Demmel and Kahan 1990; Bai and Demmel 1993, "Computing the
 * generalized singular value decomposition").
 */
function singularOfTwo(f: number, g: number, h: number, epsilon: number): SingularOfTwo {
  const swapped = Math.abs(h) > Math.abs(f);
  const [top, bottom] = swapped ? [h, f] : [f, h];
  const [big, small] = [Math.abs(top), Math.abs(bottom)];
  const beside = Math.abs(g);
  let larger = big;
  let smaller = small;
  let left: Turn = { c: 1, s: 0 };
  let right: Turn = { c: 1, s: 0 };
  if (beside !== 0 && beside > big && big / beside < epsilon) {
    larger = beside;
    smaller = small > 1 ? big / (beside / small) : (big / beside) * small;
    left = { c: 1, s: bottom / g };
    right = { c: top / g, s: 1 };
  } else if (beside !== 0) {
    const difference = big - small;
    const l = difference === big ? 1 : difference / big;
    const m = g / top;
    const t = 2 - l;
    const s = Math.sqrt(t * t + m * m);
    const r = l === 0 ? Math.abs(m) : Math.sqrt(l * l + m * m);
    const mean = 0.5 * (s + r);
    smaller = small / mean;
    larger = big * mean;
    let tangent: number;
    if (m * m !== 0) tangent = (m / (s + t) + m / (r + l)) * (1 + mean);
    else if (l === 0) tangent = withSign(2, top) * withSign(1, g);
    else tangent = g / withSign(difference, top) + m / t;
    const length = Math.sqrt(tangent * tangent + 4);
    right = { c: 2 / length, s: tangent / length };
    left = { c: (right.c + right.s * m) / mean, s: ((bottom / top) * right.s) / mean };
  }
  if (swapped) [left, right] = [turned(right), turned(left)];
  const sign = signOfLarger(f, g, h, left, right);
  return {
    larger: withSign(larger, sign),
    smaller: withSign(smaller, sign * withSign(1, f) * withSign(1, h)),
    left,
    right,
  };
}

const turned = ({ c, s }: Turn): Turn => ({ c: s, s: c });

/** The sign that the rotations give the larger singular value: that of the element which weighs most. */
function signOfLarger(f: number, g: number, h: number, left: Turn, right: Turn): number {
  const one = (x: number): number => withSign(1, x);
  const [big, beside] = [Math.max(Math.abs(f), Math.abs(h)), Math.abs(g)];
  if (beside > big) return one(right.s) * one(left.c) * one(g);
  if (Math.abs(h) > Math.abs(f)) return one(right.s) * one(left.s) * one(h);
  return one(right.c) * one(left.c) * one(f);
}
