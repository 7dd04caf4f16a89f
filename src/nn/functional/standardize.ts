/**
 * (x − mean)/√(var + eps)·weight + bias over some dimensions, with the batch's own statistics: one node of the graph, one kernel each way.
 * All normalization layers are this.
 */
import type { DType } from '../../base/dtype.ts';
import { contiguousStrides, product, sameSizes } from '../../base/shape.ts';
import * as E from '../../expr/expr.ts';
import { RowOp } from '../../ops/rows/family.ts';
import { runtime } from '../../ops/runtime.ts';
import type { Tensor } from '../../tensor/tensor.ts';

/** Factor and summand, and the sizes in which they broadcast to the input. */
export interface Affine {
  readonly weight: Tensor | null;
  readonly bias: Tensor | null;
  readonly shape: readonly number[];
}

export const noAffine: Affine = { weight: null, bias: null, shape: [] };

export interface Standardized {
  readonly out: Tensor;
  /** With size 1 along the dimensions; no gradient flows through them. */
  readonly mean: Tensor;
  readonly variance: Tensor;
}

/** Makes the variants of a row op on demand: by two facts about its operands. */
function variants(make: (first: boolean, second: boolean) => RowOp): typeof make {
  const made: RowOp[] = [];
  return (first, second) => {
    const at = (first ? 2 : 0) + (second ? 1 : 0);
    made[at] ??= make(first, second);
    return made[at];
  };
}

/** Operands: x, weight, bias. Scalars: the length of a row, eps. */
const forwardOp = variants(
  (weighted, biased) =>
    new RowOp('standardize', (rows) => {
      const x = rows.input(0);
      const length = rows.param(0);
      const mean = rows.once(E.div(rows.reduce('sum', x), length));
      const centred = E.sub(x, mean);
      const variance = rows.once(E.div(rows.reduce('sum', E.mul(centred, centred)), length));
      const rstd = rows.once(E.div(1, E.sqrt(E.add(variance, rows.param(1)))));
      const normal = E.mul(centred, rstd);
      const scaled = weighted ? E.mul(normal, rows.input(1)) : normal;
      rows.store(0, biased ? E.add(scaled, rows.input(weighted ? 2 : 1)) : scaled);
      rows.result(mean);
      rows.result(variance);
      rows.result(rstd);
    }),
);

/**
 * With x̂ the normalized x, r = 1/√(var + eps) and g the gradient times the weight: dx = r·(g − mean(g) − x̂·mean(g·x̂)).
 * Operands: gradient, x, mean, r, weight. Scalar: the length of a row. `steady`: the weight is the same along a row; then the sums over
 * the row of gradient·x̂ and gradient, which are the gradients of weight and bias, are results.
 */
const backwardOp = variants(
  (weighted, steady) =>
    new RowOp('standardize_backward', (rows) => {
      const [grad, x, mean, rstd] = [0, 1, 2, 3].map((i) => rows.input(i));
      const normal = E.mul(E.sub(x, mean), rstd);
      const g = weighted && !steady ? E.mul(grad, rows.input(4)) : grad;
      const total = rows.reduce('sum', g);
      const along = rows.reduce('sum', E.mul(g, normal));
      const meanG = rows.once(E.div(total, rows.param(0)));
      const meanAlong = rows.once(E.div(along, rows.param(0)));
      const factor = weighted && steady ? E.mul(rstd, rows.input(4)) : rstd;
      rows.store(0, E.mul(E.sub(E.sub(g, meanG), E.mul(normal, meanAlong)), factor));
      if (steady) {
        rows.result(along);
        rows.result(total);
      }
    }),
);

/** The sums of gradient·x̂ and of the gradient. Operands: gradient, x, mean, r. */
const affineOp = new RowOp('standardize_affine_backward', (rows) => {
  const [grad, x, mean, rstd] = [0, 1, 2, 3].map((i) => rows.input(i));
  rows.result(rows.reduce('sum', E.mul(grad, E.mul(E.sub(x, mean), rstd))));
  rows.result(rows.reduce('sum', grad));
});

/** The same of differentiable ops: for gradients of gradients, and for nothing at all. */
function composed(
  x: Tensor,
  dims: readonly number[],
  eps: number,
): { normal: Tensor; mean: Tensor; variance: Tensor; rstd: Tensor } {
  const mean = x.mean(dims, true);
  const centred = x.sub(mean);
  const variance = centred.mul(centred).mean(dims, true);
  const rstd = variance.add(eps).rsqrt();
  return { normal: centred.mul(rstd), mean, variance, rstd };
}

/** `x` in the sizes and dtype of `like`; it has the elements of `like`, or several to be summed for each. */
function fitted(x: Tensor, like: Tensor, shape: readonly number[]): Tensor {
  return runtime.noGrad(() => {
    const summed = sameSizes(x.sizes, shape) ? x : x.sumToSize(shape);
    return inDtype(reshaped(summed, like.sizes), like.dtype);
  });
}

function inDtype(x: Tensor, dtype: DType): Tensor {
  return x.dtype === dtype ? x : runtime.noGrad(() => x.to(dtype));
}

/** A view of other sizes, of which nothing is recorded. */
function reshaped(x: Tensor, sizes: readonly number[]): Tensor {
  if (sameSizes(x.sizes, sizes)) return x;
  if (x.isContiguous()) return runtime.alias(x, sizes, contiguousStrides(sizes), x.offset);
  return runtime.noGrad(() => x.reshape(sizes));
}

/** Standardizes `input` over `dims`. */
export function standardize(
  name: string,
  input: Tensor,
  dims: readonly number[],
  eps: number,
  { weight, bias, shape }: Affine = noAffine,
): Standardized {
  const { sizes, dtype } = input;
  if (input.numel() === 0) {
    const { normal, mean, variance } = composed(input, dims, eps);
    const scaled = weight === null ? normal : normal.mul(weight.reshape(shape));
    return { out: bias === null ? scaled : scaled.add(bias.reshape(shape)), mean, variance };
  }
  const mask = sizes.map((_, d) => dims.includes(d));
  const length = product(dims.map((d) => sizes[d]));
  const seen = (t: Tensor): Tensor => reshaped(t, shape);
  const operands = [input];
  if (weight !== null) operands.push(seen(weight));
  if (bias !== null) operands.push(seen(bias));
  const { outputs, results } = runtime.rows(forwardOp(weight !== null, bias !== null), operands, mask, [
    length,
    eps,
  ]);
  const [mean, variance, rstd] = results;
  const out = inDtype(outputs[0], dtype);
  // Does the weight stay the same along a row?
  const steady = shape.every((s, d) => s === 1 || !mask[d]);
  const result = runtime.record(out, {
    name,
    inputs: [input, weight, bias],
    saved: weight === null ? [input] : [input, weight],
    backward: ([grad], [x, w = null], needs) => {
      if (grad === null || grad === undefined) return [null, null, null];
      if (runtime.needsGrad([grad, x, w])) return composedBackward(grad, x, w, needs);
      let dx: Tensor | null = null;
      let sums: readonly Tensor[] = [];
      if (needs[0]) {
        const op = backwardOp(w !== null, steady);
        const rows = w === null ? [grad, x, mean, rstd] : [grad, x, mean, rstd, seen(w)];
        const done = runtime.rows(op, rows, mask, [length]);
        sums = done.results;
        dx = inDtype(done.outputs[0], dtype);
      }
      if (sums.length === 0 && (needs[1] || needs[2])) {
        const others = sizes.map((_, d) => shape[d] === 1);
        sums = runtime.rows(affineOp, [grad, x, mean, rstd], others, []).results;
      }
      return [
        dx,
        needs[1] && w !== null ? fitted(sums[0], w, shape) : null,
        needs[2] && bias !== null ? fitted(sums[1], bias, shape) : null,
      ];
    },
  });
  const composedBackward = (
    grad: Tensor,
    x: Tensor,
    w: Tensor | null,
    needs: readonly boolean[],
  ): (Tensor | null)[] => {
    const { normal, rstd: r } = composed(x, dims, eps);
    const g = w === null ? grad : grad.mul(w.reshape(shape));
    const inner = g.sub(g.mean(dims, true)).sub(normal.mul(g.mul(normal).mean(dims, true)));
    const summed = (t: Tensor, like: Tensor): Tensor => t.sumToSize(shape).reshape(like.sizes);
    return [
      needs[0] ? inner.mul(r) : null,
      needs[1] && w !== null ? summed(grad.mul(normal), w) : null,
      needs[2] && bias !== null ? summed(grad, bias) : null,
    ];
  };
  return { out: result, mean, variance };
}
