/** The strong Wolfe line search: Nocedal and Wright, "Numerical Optimization" (2006), algorithms 3.5 and 3.6. */
import type { Tensor } from '../tensor/tensor.ts';
import { dot } from './flat.ts';

/** The loss and its gradient (a tensor of its own) at a step length. */
export interface Evaluation {
  readonly f: number;
  readonly g: Tensor;
}

interface Point extends Evaluation {
  readonly t: number;
  /** The derivative along the direction. */
  readonly slope: number;
}

const SUFFICIENT_DECREASE = 1e-4;
const CURVATURE = 0.9;
const TOLERANCE_CHANGE = 1e-9;
const MAX_STEPS = 25;

/** The minimum of the cubic through two points with slopes, within bounds. */
function cubicMinimum(a: Point, b: Point, bounds: readonly [number, number] | null = null): number {
  const [low, high] = bounds ?? (a.t <= b.t ? [a.t, b.t] : [b.t, a.t]);
  const d1 = a.slope + b.slope - (3 * (a.f - b.f)) / (a.t - b.t);
  const square = d1 * d1 - a.slope * b.slope;
  if (!(square >= 0)) return (low + high) / 2;
  const d2 = Math.sqrt(square);
  const t =
    a.t <= b.t
      ? b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
      : a.t - (a.t - b.t) * ((a.slope + d2 - d1) / (a.slope - b.slope + 2 * d2));
  return Math.min(Math.max(t, low), high);
}

/** A step along `d` that fulfils the strong Wolfe conditions, or the best one found. `first` is tried first; `reach` is the largest element of `d`. */
export function strongWolfe(
  evaluate: (t: number) => Evaluation,
  first: number,
  d: Tensor,
  f: number,
  g: Tensor,
  slope: number,
  reach: number,
): Point & { readonly evaluations: number } {
  let evaluations = 0;
  const at = (t: number): Point => {
    evaluations++;
    const e = evaluate(t);
    return { t, f: e.f, g: e.g, slope: dot(e.g, d) };
  };
  const start: Point = { t: 0, f, g, slope };
  const decreases = (p: Point): boolean => p.f <= f + SUFFICIENT_DECREASE * p.t * slope;
  const flat = (p: Point): boolean => Math.abs(p.slope) <= -CURVATURE * slope;
  let previous = start;
  let now = at(first);
  let bracket: Point[] | null = null;
  let done = false;
  let steps = 0;
  for (; steps < MAX_STEPS; steps++) {
    if (!decreases(now) || (steps > 1 && now.f >= previous.f)) {
      bracket = [previous, now];
      break;
    }
    if (flat(now)) {
      bracket = [now];
      done = true;
      break;
    }
    if (now.slope >= 0) {
      bracket = [previous, now];
      break;
    }
    const least = now.t + 0.01 * (now.t - previous.t);
    const t = cubicMinimum(previous, now, [least, now.t * 10]);
    previous = now;
    now = at(t);
  }
  bracket ??= [start, now];
  let stuck = false;
  let [low, high] = bracket.length === 1 ? [0, 0] : bracket[0].f <= bracket[1].f ? [0, 1] : [1, 0];
  while (!done && steps < MAX_STEPS) {
    const [a, b] = bracket;
    if (Math.abs(b.t - a.t) * reach < TOLERANCE_CHANGE) break;
    let t = cubicMinimum(a, b);
    // Not too near to an end of the bracket twice in a row.
    const [smallest, largest] = [Math.min(a.t, b.t), Math.max(a.t, b.t)];
    const margin = 0.1 * (largest - smallest);
    if (Math.min(largest - t, t - smallest) < margin) {
      if (stuck || t >= largest || t <= smallest) {
        t = Math.abs(t - largest) < Math.abs(t - smallest) ? largest - margin : smallest + margin;
        stuck = false;
      } else stuck = true;
    } else stuck = false;
    const p = at(t);
    steps++;
    if (!decreases(p) || p.f >= bracket[low].f) {
      bracket[high] = p;
      [low, high] = bracket[0].f <= bracket[1].f ? [0, 1] : [1, 0];
    } else {
      if (flat(p)) done = true;
      else if (p.slope * (bracket[high].t - bracket[low].t) >= 0) bracket[high] = bracket[low];
      bracket[low] = p;
    }
  }
  return { ...bracket[low], evaluations };
}
