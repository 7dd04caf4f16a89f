/** Sums of products in Einstein's notation. https://pytorch.org/docs/stable/generated/torch.einsum.html */
import { ValueError } from '../../base/errors.ts';
import { product } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { define } from '../define.ts';
import { runtime } from '../runtime.ts';
import {
  ELLIPSIS,
  type Equation,
  implicitOutput,
  LABELS,
  letterOf,
  parseEquation,
  problem,
  type Subscripts,
} from './equation.ts';

/** The dimensions of an operand or of the result as numbers from 0 to 51 and '...'. */
export type Sublist = readonly (number | '...')[];

interface EinsumCall {
  (equation: string, ...operands: readonly Tensor[]): Tensor;
  (equation: string, operands: readonly Tensor[]): Tensor;
  (operand: Tensor, subscripts: Sublist, ...more: readonly (Tensor | Sublist)[]): Tensor;
  readonly functionOnly: true;
}

function labelsOf(list: Sublist): Subscripts {
  return list.map((item) => {
    if (item === '...') return ELLIPSIS;
    const label = Number(item);
    if (label >= 0 && label < LABELS) return label;
    throw new ValueError(
      `einsum(): subscript in subscript list is not within the valid range [0, ${LABELS})`,
    );
  });
}

/** The two forms of a call as one. */
function read(args: readonly unknown[]): { equation: Equation; operands: readonly Tensor[] } {
  if (args.length < 2) {
    throw new ValueError(
      'einsum(): must specify the equation string and at least one operand, or at least one operand and its subscripts list',
    );
  }
  if (typeof args[0] === 'string') {
    const operands = (args.length === 2 && Array.isArray(args[1]) ? args[1] : args.slice(1)) as Tensor[];
    return { equation: parseEquation(args[0], operands.length), operands };
  }
  const operands: Tensor[] = [];
  const inputs: Subscripts[] = [];
  for (let i = 0; i + 1 < args.length; i += 2) {
    operands.push(args[i] as Tensor);
    inputs.push(labelsOf(args[i + 1] as Sublist));
  }
  const last = args.length % 2 === 1 ? labelsOf(args[args.length - 1] as Sublist) : null;
  return { equation: { inputs, output: last }, operands };
}

/** How many dimensions the ellipsis of an operand stands for. */
function ellipsisRank(operand: Tensor, labels: Subscripts, place: number): number {
  const rank = operand.sizes.length;
  if (!labels.includes(ELLIPSIS)) {
    if (labels.length === rank) return 0;
    problem(
      `the number of subscripts in the equation (${labels.length}) does not match the number of dimensions (${rank}) for operand ${place} and no ellipsis was given`,
    );
  }
  if (labels.length - 1 > rank) {
    problem(
      `the number of subscripts in the equation (${labels.length - 1}) is more than the number of dimensions (${rank}) for operand ${place}`,
    );
  }
  return rank - labels.length + 1;
}

/** The dimensions of the computation, all operands alike: where each label is, and where the ellipsis starts. */
interface Plan {
  readonly places: ReadonlyMap<number, number>;
  readonly ellipsisAt: number;
  readonly ellipsisRank: number;
  readonly rank: number;
  /** The first dimensions are those of the result, the others are summed. */
  readonly outputRank: number;
}

function planOf({ inputs, output }: Equation, ranks: readonly number[]): Plan {
  const ellipsis = Math.max(...ranks);
  const labels = output ?? implicitOutput(inputs);
  const places = new Map<number, number>();
  const known = new Set(inputs.flat());
  let rank = 0;
  let ellipsisAt = -1;
  for (const label of labels) {
    if (label === ELLIPSIS) {
      ellipsisAt = rank;
      rank += ellipsis;
      continue;
    }
    if (!known.has(label)) {
      problem(`output subscript ${letterOf(label)} does not appear in the equation for any input operand`);
    }
    places.set(label, rank++);
  }
  const outputRank = rank;
  if (ellipsisAt < 0) {
    ellipsisAt = rank;
    rank += ellipsis;
  }
  for (const label of known) if (label !== ELLIPSIS && !places.has(label)) places.set(label, rank++);
  return { places, ellipsisAt, ellipsisRank: ellipsis, rank, outputRank };
}

/** An operand with the dimensions of the plan, repeated labels as diagonals, those it lacks with size 1. */
function arrange(
  operand: Tensor,
  labels: Subscripts,
  ownEllipsis: number,
  plan: Plan,
  place: number,
): Tensor {
  let t = operand;
  /** The dimension of `t` for each of the plan's. */
  const from = new Array<number>(plan.rank).fill(-1);
  let d = 0;
  for (const label of labels) {
    if (label === ELLIPSIS) {
      const first = plan.ellipsisAt + plan.ellipsisRank - ownEllipsis;
      for (let i = 0; i < ownEllipsis; i++) from[first + i] = d++;
      continue;
    }
    const at = plan.places.get(label) as number;
    const earlier = from[at];
    if (earlier < 0) {
      from[at] = d++;
      continue;
    }
    if (t.sizes[earlier] !== t.sizes[d]) {
      problem(
        `subscript ${letterOf(label)} is repeated for operand ${place} but the sizes don't match, ${t.sizes[d]} != ${t.sizes[earlier]}`,
      );
    }
    // The diagonal becomes the last dimension: back with it to where the label was first.
    t = t.diagonal(0, earlier, d).movedim(-1, earlier);
  }
  const lacking = from.filter((x) => x < 0).length;
  for (let i = 0; i < lacking; i++) t = t.unsqueeze(-1);
  let next = d;
  return t.permute(from.map((x) => (x < 0 ? next++ : x)));
}

function checkSizes(operands: readonly Tensor[], plan: Plan): void {
  for (const [label, at] of plan.places) {
    let seen = 1;
    operands.forEach((t, place) => {
      const size = t.sizes[at];
      if (seen !== 1 && size !== 1 && size !== seen) {
        problem(
          `subscript ${letterOf(label)} has size ${size} for operand ${place} which does not broadcast with previously seen size ${seen}`,
        );
      }
      if (size !== 1) seen = size;
    });
  }
}

/** The product of two operands of equal rank, summed over `dims`, which stay with size 1. */
function multiplyAndSum(left: Tensor, right: Tensor, dims: readonly number[]): Tensor {
  // What only one of them has is summed before.
  const alone = (a: Tensor, b: Tensor): number[] => dims.filter((d) => a.sizes[d] !== 1 && b.sizes[d] === 1);
  const [onlyLeft, onlyRight] = [alone(left, right), alone(right, left)];
  const a = onlyLeft.length > 0 ? left.sum(onlyLeft, true) : left;
  const b = onlyRight.length > 0 ? right.sum(onlyRight, true) : right;
  const summed = dims.filter((d) => a.sizes[d] !== 1 && b.sizes[d] !== 1);
  if (summed.length === 0) return a.mul(b);
  const rest = a.sizes.map((_, d) => d).filter((d) => !summed.includes(d));
  const both = rest.filter((d) => a.sizes[d] !== 1 && b.sizes[d] !== 1);
  const ofA = rest.filter((d) => !both.includes(d) && b.sizes[d] === 1);
  const ofB = rest.filter((d) => !both.includes(d) && b.sizes[d] !== 1);
  const sizesOf = (t: Tensor, list: readonly number[]): number[] => list.map((d) => t.sizes[d]);
  const count = (t: Tensor, list: readonly number[]): number => product(sizesOf(t, list));
  const [m, k, n] = [count(a, ofA), count(a, summed), count(b, ofB)];
  const batch = count(a, both);
  const x = a.permute([...both, ...ofA, ...summed, ...ofB]).reshape([batch, m, k]);
  const y = b.permute([...both, ...summed, ...ofB, ...ofA]).reshape([batch, k, n]);
  const order = [...both, ...ofA, ...ofB, ...summed];
  const sizes = [...sizesOf(a, both), ...sizesOf(a, ofA), ...sizesOf(b, ofB), ...summed.map(() => 1)];
  const inverse = new Array<number>(order.length);
  order.forEach((d, i) => {
    inverse[d] = i;
  });
  return x.bmm(y).reshape(sizes).permute(inverse);
}

/**
 * Sums of products of the operands' elements: `einsum('ij,jk->ik', a, b)` is a matrix product. Letters name dimensions; those that the part after the arrow
 * lacks are summed; a letter twice in one operand is its diagonal; '...' stands for the other dimensions, which broadcast. Without an arrow the result
 * has the letters that occur once, in order. Operands may also be followed by lists of numbers: `einsum(a, [0, 1], b, [1, 2], [0, 2])`.
 * https://pytorch.org/docs/stable/generated/torch.einsum.html
 *
 * @example
 * ```ts
 * const a = torch.arange(4).reshape(2, 2);
 * console.log(torch.einsum('ij,kj->ik', a, a)); // => tensor([[ 1, 3], [ 3, 13]])
 * console.log(torch.einsum('ii', a)); // => tensor(3)
 * ```
 */
export const einsum: EinsumCall = define(
  'einsum(*args)',
  ((args: readonly unknown[] = []): Tensor => {
    const { equation, operands } = read(args);
    for (const t of operands) {
      if (!runtime.isTensor(t)) throw new ValueError('einsum(): operands must be tensors');
    }
    const { inputs } = equation;
    const ranks = operands.map((t, i) => ellipsisRank(t, inputs[i], i));
    const plan = planOf(equation, ranks);
    const arranged = operands.map((t, i) => arrange(t, inputs[i], ranks[i], plan, i));
    checkSizes(arranged, plan);
    /** Does an operand from number `from` on have more than one element along d? */
    const later = (d: number, from: number): boolean => arranged.slice(from).some((t) => t.sizes[d] !== 1);
    const summed = Array.from({ length: plan.rank - plan.outputRank }, (_, i) => plan.outputRank + i);
    let result = arranged[0];
    if (operands.length > 1) {
      const early = summed.filter((d) => result.sizes[d] !== 1 && !later(d, 1));
      if (early.length > 0) result = result.sum(early, true);
    } else if (summed.length > 0) result = result.sum(summed, true);
    for (let i = 1; i < arranged.length; i++) {
      const dims = summed.filter((d) => !later(d, i + 1));
      result = multiplyAndSum(result, arranged[i], dims);
    }
    for (let i = 0; i < summed.length; i++) result = result.squeeze(-1);
    return result;
  }) as never,
  { functionOnly: true },
) as never;
