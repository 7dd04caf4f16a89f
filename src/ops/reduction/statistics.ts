/** Products, variances, norms and log-sum-exp. */
import { type DType, getDefaultDtype } from '../../base/dtype.ts';
import { RuntimeError, ValueError } from '../../base/errors.ts';
import { dimsToMask } from '../../base/shape.ts';
import * as E from '../../expr/expr.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define, type Dims } from '../define.ts';
import { cat } from '../movement/joining.ts';
import { nuclearNormOver } from '../linalg/nuclear.ts';
import { runtime } from '../runtime.ts';
import { byDim, ReductionOp } from './family.ts';
import { countReduced, type SumCall, sumDtype } from './sums.ts';

const prodOp = new ReductionOp('prod', {
  combine: 'prod',
  gradName: 'Prod',
  saves: ['input', 'output'],
  backward: (grad, { input, output, mask }) => {
    // Without zeros: total/x. With zeros: the product of the others, element by element.
    if (!input.eq(0).any().item()) return grad.mul(output).div(input);
    return grad.mul(productOfOthers(input, mask));
  },
});

/** At each element the product of all other reduced elements; differentiable, also at zeros. */
function productOfOthers(input: Tensor, mask: readonly boolean[]): Tensor {
  const rank = input.sizes.length;
  if (rank === 0) return input.detach().newOnes([]);
  const kept = input.sizes.map((_, i) => i).filter((i) => !mask[i]);
  const reduced = input.sizes.map((_, i) => i).filter((i) => mask[i]);
  const order = [...kept, ...reduced];
  const inverse = new Array<number>(rank);
  order.forEach((d, i) => {
    inverse[d] = i;
  });
  const moved = input.permute(order);
  const flat = moved.reshape([...kept.map((d) => input.sizes[d]), -1]);
  const n = flat.sizes[flat.sizes.length - 1];
  // Products of everything before and everything after each element.
  const one = flat.detach().newOnes([...flat.sizes.slice(0, -1)]);
  const before: Tensor[] = [one];
  const after: Tensor[] = [one];
  for (let i = 1; i < n; i++) {
    before.push(before[i - 1].mul(flat.select(-1, i - 1)));
    after.push(after[i - 1].mul(flat.select(-1, n - i)));
  }
  after.reverse();
  const products = before.map((b, i) => b.mul(after[i]).unsqueeze(-1));
  const joined = products.length === 1 ? products[0] : cat(products, -1);
  return joined.reshape(moved.sizes).permute(inverse);
}

/** The product. Integers and bools give int64. https://pytorch.org/docs/stable/generated/torch.prod.html */
export const prod: Call<
  [input: Tensor, dim?: number | null, keepdim?: boolean],
  { dim?: number | null; keepdim?: boolean; dtype?: DType | null; out?: Tensor },
  Tensor
> = define(
  'prod(input, dim=None, keepdim=False, *, dtype=None, out=None)',
  (input: Tensor, dim: number | null = null, keepdim = false, dtype: DType | null = null) =>
    runtime.reduce(
      prodOp,
      input,
      dimsToMask(dim, input.sizes.length),
      keepdim,
      sumDtype(input, dtype),
      [],
      byDim('Prod', dim),
    ),
);

/** The mean, NaN left out. https://pytorch.org/docs/stable/generated/torch.nanmean.html */
export const nanmean: SumCall = define(
  'nanmean(input, dim=None, keepdim=False, *, dtype=None, out=None)',
  (input: Tensor, dim: Dims = null, keepdim = false, dtype: DType | null = null) => {
    if (!input.dtype.isFloatingPoint) {
      throw new RuntimeError(
        `nanmean(): expected input to have floating point dtype but got ${input.dtype.scalarName}`,
      );
    }
    const count = input.isnan().logicalNot().sum(dim, keepdim);
    return input.nansum(dim, keepdim, { dtype }).div(count);
  },
);

interface VarianceOptions {
  dim?: Dims;
  unbiased?: boolean;
  correction?: number | null;
  keepdim?: boolean;
  out?: Tensor;
}

type VarianceCall<R> = (
  input: Tensor,
  ...args:
    | []
    | [VarianceOptions]
    | [
        dim: Dims | boolean,
        ...rest:
          | []
          | [VarianceOptions]
          | [unbiased: boolean]
          | [unbiased: boolean, keepdim: boolean | VarianceOptions],
      ]
) => R;

/** The arguments of var and std: `(unbiased)`, `(dim, unbiased, keepdim)`, `(dim, { correction })`. */
function varianceArguments(
  input: Tensor,
  dim: Dims | boolean,
  unbiased: boolean | null,
  keepdim: boolean,
  correction: number | null,
  name: string,
): { dims: Dims; keepdim: boolean; correction: number; mask: boolean[] } {
  if (!input.dtype.isFloatingPoint) {
    const subject = name.endsWith('_mean') ? name : 'std and var';
    throw new RuntimeError(`${subject} only support floating point and complex dtypes`);
  }
  const dims = typeof dim === 'boolean' ? null : dim;
  const flag = typeof dim === 'boolean' ? dim : (unbiased ?? true);
  const by = correction ?? (flag ? 1 : 0);
  return { dims, keepdim, correction: by, mask: dimsToMask(dims, input.sizes.length) };
}

function variance(name: string, input: Tensor, a: ReturnType<typeof varianceArguments>): Tensor {
  const count = countReduced(input.sizes, a.mask);
  const out = runtime.noGrad(() => {
    const centred = input.sub(input.mean(a.dims, true));
    const total = centred.mul(centred).sum(a.dims, a.keepdim);
    return total.div(Math.max(count - a.correction, 0));
  });
  return runtime.record(out, {
    name,
    inputs: [input],
    saved: [input],
    backward: ([grad], [x]) => {
      if (grad === null || grad === undefined) return [null];
      const kept = a.keepdim ? grad : grad.reshape(x.sizes.map((s, i) => (a.mask[i] ? 1 : s)));
      return [x.sub(x.mean(a.dims, true)).mul(kept.mul(2 / (count - a.correction)))];
    },
  });
}

const VARIANCE = 'input, dim=None, unbiased=None, keepdim=False, *, correction=None, out=None';

function varianceLike<R>(
  name: string,
  compute: (input: Tensor, a: ReturnType<typeof varianceArguments>) => R,
): VarianceCall<R> {
  return define(`${name}(${VARIANCE})`, ((
    input: Tensor,
    dim: Dims | boolean = null,
    unbiased: boolean | null = null,
    keepdim = false,
    correction: number | null = null,
  ) =>
    compute(
      input,
      varianceArguments(input, dim, unbiased, keepdim, correction, name),
    )) as never) as unknown as VarianceCall<R>;
}

/** The square root of a variance, with 0 as the gradient where it is 0. */
function root(name: string, input: Tensor, a: ReturnType<typeof varianceArguments>): Tensor {
  const out = runtime.noGrad(() => variance('Var', input, a).sqrt());
  const count = countReduced(input.sizes, a.mask);
  return runtime.record(out, {
    name,
    inputs: [input],
    saved: [input, out],
    backward: ([grad], [x, result]) => {
      if (grad === null || grad === undefined) return [null];
      const scaled = grad.div(result.mul(2)).maskedFill(result.eq(0), 0);
      const kept = a.keepdim ? scaled : scaled.reshape(x.sizes.map((s, i) => (a.mask[i] ? 1 : s)));
      return [x.sub(x.mean(a.dims, true)).mul(kept.mul(2 / (count - a.correction)))];
    },
  });
}

const varianceFn: VarianceCall<Tensor> = varianceLike('var', (x, a) => variance('Var', x, a));
/** The variance, divided by n − 1 (or n − correction). https://pytorch.org/docs/stable/generated/torch.var.html */
export { varianceFn as var };
/** The standard deviation. https://pytorch.org/docs/stable/generated/torch.std.html */
export const std: VarianceCall<Tensor> = varianceLike('std', (x, a) => root('Std', x, a));
/** Variance and mean. https://pytorch.org/docs/stable/generated/torch.var_mean.html */
export const varMean: VarianceCall<[Tensor, Tensor]> = varianceLike('var_mean', (x, a) => [
  variance('VarMean', x, a),
  x.mean(a.dims, a.keepdim),
]);
/** Standard deviation and mean. https://pytorch.org/docs/stable/generated/torch.std_mean.html */
export const stdMean: VarianceCall<[Tensor, Tensor]> = varianceLike('std_mean', (x, a) => [
  root('StdMean', x, a),
  x.mean(a.dims, a.keepdim),
]);

/** log Σ exp x, without overflow. https://pytorch.org/docs/stable/generated/torch.logsumexp.html */
export const logsumexp: Call<
  [input: Tensor, dim: Dims, keepdim?: boolean],
  { dim?: Dims; keepdim?: boolean; out?: Tensor },
  Tensor
> = define(
  'logsumexp(input, dim, keepdim=False, *, out=None)',
  (given: Tensor, dim: Dims, keepdim = false) => {
    const input = given.dtype.isFloatingPoint ? given : given.to(getDefaultDtype());
    const mask = dimsToMask(dim, input.sizes.length);
    const out = runtime.noGrad(() => {
      if (input.numel() === 0) return input.exp().sum(dim, keepdim).log();
      const peak = input.amax(dim, true);
      const safe = peak.maskedFill(peak.abs().eq(Number.POSITIVE_INFINITY), 0);
      const kept = input.sub(safe).exp().sum(dim, true).log().add(safe);
      return keepdim ? kept : kept.reshape(input.sizes.filter((_, i) => !mask[i]));
    });
    return runtime.record(out, {
      name: 'Logsumexp',
      inputs: [input],
      saved: [input, out],
      backward: ([grad], [x, result]) => {
        if (grad === null || grad === undefined) return [null];
        const shape = x.sizes.map((s, i) => (mask[i] ? 1 : s));
        return [grad.reshape(shape).mul(x.sub(result.reshape(shape)).exp())];
      },
    });
  },
);

const sumAbsOp = new ReductionOp('norm', {
  combine: 'sum',
  map: (x) => E.abs(x),
  gradName: 'NormBackward1',
  saves: ['input'],
  backward: (grad, { input }) => grad.mul(input.sgn()),
});
const maxAbsOp = new ReductionOp('norm', {
  combine: 'max',
  map: (x) => E.abs(x),
  gradName: 'NormBackward1',
});
const minAbsOp = new ReductionOp('norm', {
  combine: 'min',
  map: (x) => E.abs(x),
  gradName: 'NormBackward1',
});
const countNonzeroOp = new ReductionOp('norm', {
  combine: 'sum',
  map: (x) => E.cast(E.ne(x, 0), x.type),
  gradName: 'NormBackward1',
});
const euclidOp = new ReductionOp('norm', {
  combine: 'sum',
  map: (x) => E.mul(x, x),
  finish: (s) => E.sqrt(s),
  gradName: 'NormBackward1',
  saves: ['input', 'output'],
  // x/‖x‖, and 0 where the norm is 0
  backward: (grad, { input, output }) => input.mul(grad.div(output).maskedFill(output.eq(0), 0)),
});
const powerOp = new ReductionOp('norm', {
  combine: 'sum',
  map: (x, [p]) => E.pow(E.abs(x), p),
  finish: (s, [p]) => E.pow(s, E.div(1, p)),
  gradName: 'NormBackward1',
  saves: ['input', 'output'],
  backward: (grad, { input, output, attributes: [p] }) => {
    const scaled = grad.div(output.pow(p - 1)).maskedFill(output.eq(0), 0);
    const magnitude = input.abs().pow(p - 1);
    return input
      .sgn()
      .mul(p < 2 ? magnitude.maskedFill(input.eq(0), 0) : magnitude)
      .mul(scaled);
  },
});

/** The vector norm over `dim` (null: all): the p-th root of Σ|x|ᵖ, and the limits for p = 0, ±∞. */
export function vectorNorm(
  input: Tensor,
  p: number,
  dim: Dims,
  keepdim: boolean,
  dtype: DType | null,
): Tensor {
  if (!input.dtype.isFloatingPoint && dtype === null) {
    throw new RuntimeError(
      `linalg.vector_norm: Expected a floating point or complex tensor as input. Got ${input.dtype.scalarName}`,
    );
  }
  const x = dtype === null || dtype === input.dtype ? input : input.to(dtype);
  const mask = dimsToMask(dim, x.sizes.length);
  const reduceWith = (op: ReductionOp, attributes: readonly number[] = []): Tensor =>
    runtime.reduce(op, x, mask, keepdim, x.dtype, attributes);
  if (p === 2) return reduceWith(euclidOp);
  if (p === 1) return reduceWith(sumAbsOp);
  if (p === 0) {
    // The count does not vary with the elements: it is recorded, without a gradient.
    const count = runtime.noGrad(() => reduceWith(countNonzeroOp));
    return runtime.record(count, { name: 'NormBackward1', inputs: [x], saved: [], backward: () => [null] });
  }
  if (Math.abs(p) === Number.POSITIVE_INFINITY) {
    if (runtime.needsGrad([x]))
      return p > 0 ? x.abs().amax(dim ?? [], keepdim) : x.abs().amin(dim ?? [], keepdim);
    return reduceWith(p > 0 ? maxAbsOp : minAbsOp);
  }
  return reduceWith(powerOp, [p]);
}

/** Norms as `torch.norm` has them: by number, 'fro' or 'nuc'. https://pytorch.org/docs/stable/generated/torch.norm.html */
export const norm: Call<
  [input: Tensor, p?: number | string | null, dim?: Dims, keepdim?: boolean],
  { p?: number | string | null; dim?: Dims; keepdim?: boolean; dtype?: DType | null; out?: Tensor },
  Tensor
> = define(
  "norm(input, p='fro', dim=None, keepdim=False, *, dtype=None, out=None)",
  (
    input: Tensor,
    p: number | string | null = 'fro',
    dim: Dims = null,
    keepdim = false,
    dtype: DType | null = null,
  ) => {
    if (typeof p === 'string' && dtype !== null) {
      const which = p === 'nuc' ? 'nuclear' : 'frobenius';
      throw new ValueError(`dtype argument is not supported in ${which} norm`);
    }
    const target = dtype ?? input.dtype;
    if (!target.isFloatingPoint) {
      throw new RuntimeError(
        `norm(): ${dtype === null ? 'input dtype' : 'the desired output dtype'} should be either floating point or complex. Got ${target.scalarName} instead.`,
      );
    }
    if (p === 'nuc') return nuclearNormOver(input, dim, keepdim);
    if (typeof p === 'string' && p !== 'fro') {
      throw new RuntimeError(`only valid string values are 'fro' and 'nuc', found ${p}`);
    }
    return vectorNorm(input, typeof p === 'string' || p === null ? 2 : Number(p), dim, keepdim, dtype);
  },
);

/** The p-norm of the difference. https://pytorch.org/docs/stable/generated/torch.dist.html */
export const dist: Call<[input: Tensor, other: Tensor, p?: number], { other?: Tensor; p?: number }, Tensor> =
  define('dist(input, other, p=2)', (input: Tensor, other: Tensor, p = 2) => input.sub(other).norm(p));
