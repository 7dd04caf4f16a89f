/** Activation functions. https://pytorch.org/docs/stable/nn.functional.html#non-linear-activation-functions */
import { notImplementedFor } from '../../ops/refuse.ts';
import { type DType, uint8 } from '../../base/dtype.ts';
import { RuntimeError } from '../../base/errors.ts';
import { wrapDim } from '../../base/shape.ts';
import * as E from '../../expr/expr.ts';
import { define, type FreeCall } from '../../ops/define.ts';
import { reluOp } from '../../ops/pointwise/activations.ts';
import { BOOL_ONLY, INTEGERS, type Plan, pointwise, type PointwiseOp } from '../../ops/pointwise/family.ts';
import { logSoftmaxAlong, softmaxAlong } from '../../ops/reduction/softmax.ts';
import { runtime } from '../../ops/runtime.ts';
import { randomSlopes } from '../../tensor/random/slopes.ts';
import type { Tensor } from '../../tensor/tensor.ts';

type Simple = FreeCall<[input: Tensor, inplace?: boolean], { inplace?: boolean }, Tensor>;

/** The result of a plan: a new tensor, or the input itself where `inplace`. */
function run([op, operands, attributes]: Plan, inplace: boolean): Tensor {
  return inplace
    ? runtime.pointwiseInplace(op, operands, attributes)
    : runtime.pointwise(op, operands, attributes);
}

function simple(name: string, op: PointwiseOp): Simple {
  return define(
    `${name}(input, inplace=False)`,
    (input: Tensor, inplace = false) => run([op, [input], []], inplace),
    { functionOnly: true },
  );
}

/** max(x, 0). https://pytorch.org/docs/stable/generated/torch.nn.functional.relu.html */
export const relu: Simple = simple('relu', reluOp);
/** max(x, 0), in place. */
export const relu_: FreeCall<[input: Tensor], object, Tensor> = define(
  'relu_(input)',
  (x: Tensor) => relu(x, true),
  {
    functionOnly: true,
  },
);

const hardtanhOp = pointwise('hardtanh', {
  check: (_, [x]) => {
    if (x.dtype === 'bool') throw new RuntimeError('Bool inputs not supported for hardtanh');
  },
  expr: ([x], [low, high]) => E.min(E.max(x, low), high),
  derivative: ([x], _, [low, high]) => [E.cast(E.and(E.gt(x, low), E.lt(x, high)), x.type)],
});

/** min(max(x, 0), 6). */
export const relu6: Simple = define(
  'relu6(input, inplace=False)',
  (input: Tensor, inplace = false) => run([hardtanhOp, [input], [0, 6]], inplace),
  { functionOnly: true },
);

/** x cut off outside [minVal, maxVal]. */
export const hardtanh: FreeCall<
  [input: Tensor, minVal?: number, maxVal?: number, inplace?: boolean],
  { minVal?: number; maxVal?: number; inplace?: boolean },
  Tensor
> = define(
  'hardtanh(input, minVal=-1, maxVal=1, inplace=False)',
  (input: Tensor, minVal = -1, maxVal = 1, inplace = false) => {
    if (input.dtype === uint8 && (minVal < 0 || maxVal < 0)) {
      throw new RuntimeError('cannot do hardtanh on an unsigned type with negative limits');
    }
    return run([hardtanhOp, [input], [minVal, maxVal]], inplace);
  },
  { functionOnly: true },
);

const leakyOp = pointwise('leaky_relu', {
  refuses: { kernel: 'leaky_relu_cpu', dtypes: INTEGERS },
  gradName: 'LeakyRelu',
  expr: ([x], [slope]) => E.select(E.gt(x, 0), x, E.mul(x, slope)),
});

/** x, or slope·x where not positive. */
export const leakyRelu: FreeCall<
  [input: Tensor, negativeSlope?: number, inplace?: boolean],
  { negativeSlope?: number; inplace?: boolean },
  Tensor
> = define(
  'leaky_relu(input, negativeSlope=0.01, inplace=False)',
  (input: Tensor, slope = 0.01, inplace = false) => run([leakyOp, [input], [slope]], inplace),
  { functionOnly: true },
);

const eluOp = pointwise('elu', {
  refuses: { kernel: 'elu_cpu', dtypes: INTEGERS },
  // alpha, scale, inputScale
  expr: ([x], [alpha, scale, by]) =>
    E.select(E.le(x, 0), E.mul(E.mul(alpha, scale), E.expm1(E.mul(x, by))), E.mul(x, scale)),
  derivative: ([x], _, [alpha, scale, by]) => [
    E.select(E.le(x, 0), E.mul(E.mul(E.mul(alpha, scale), by), E.exp(E.mul(x, by))), scale),
  ],
});
const celuOp = pointwise('celu', { ...eluOp.spec, gradName: 'Celu' });

type AlphaCall = FreeCall<
  [input: Tensor, alpha?: number, inplace?: boolean],
  { alpha?: number; inplace?: boolean },
  Tensor
>;

/** x, or α(eˣ − 1) where negative. */
export const elu: AlphaCall = define(
  'elu(input, alpha=1, inplace=False)',
  (input: Tensor, alpha = 1, inplace = false) => run([eluOp, [input], [alpha, 1, 1]], inplace),
  { functionOnly: true },
);

/** max(0, x) + min(0, α(exp(x/α) − 1)). */
export const celu: AlphaCall = define(
  'celu(input, alpha=1, inplace=False)',
  (input: Tensor, alpha = 1, inplace = false) => {
    if (alpha === 0) throw new RuntimeError('ZeroDivisionError: alpha cannot be 0 for CELU');
    return run([celuOp, [input], [alpha, 1, 1 / alpha]], inplace);
  },
  { functionOnly: true },
);

// Klambauer et al. 2017, "Self-Normalizing Neural Networks", equation 14.
const SELU_ALPHA = 1.6732632423543772;
const SELU_SCALE = 1.0507009873554805;

/** ELU with the constants of self-normalizing networks. */
export const selu: Simple = define(
  'selu(input, inplace=False)',
  (input: Tensor, inplace = false) => run([eluOp, [input], [SELU_ALPHA, SELU_SCALE, 1]], inplace),
  { functionOnly: true },
);

const geluOp = pointwise('gelu', {
  refuses: { kernel: 'GeluKernelImpl', dtypes: INTEGERS },
  expr: ([x]) => E.mul(E.mul(x, 0.5), E.add(E.erf(E.mul(x, Math.SQRT1_2)), 1)),
  derivative: ([x]) => {
    const cdf = E.mul(E.add(E.erf(E.mul(x, Math.SQRT1_2)), 1), 0.5);
    const pdf = E.mul(E.exp(E.mul(E.mul(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return [E.add(cdf, E.mul(x, pdf))];
  },
});
const geluTanhOp = pointwise('gelu', {
  refuses: { kernel: 'GeluKernelImpl', dtypes: INTEGERS },
  expr: ([x]) => {
    const inner = E.mul(E.add(x, E.mul(E.mul(E.mul(x, x), x), 0.044715)), Math.sqrt(2 / Math.PI));
    return E.mul(E.mul(x, 0.5), E.add(E.tanh(inner), 1));
  },
});

/** x·Φ(x), exactly or approximated by tanh. Hendrycks and Gimpel 2016. */
export const gelu: FreeCall<[input: Tensor], { approximate?: 'none' | 'tanh' }, Tensor> = define(
  "gelu(input, *, approximate='none')",
  (input: Tensor, approximate: 'none' | 'tanh' = 'none') => {
    switch (approximate) {
      case 'none':
        return runtime.pointwise(geluOp, [input], []);
      case 'tanh':
        return runtime.pointwise(geluTanhOp, [input], []);
      default:
        throw new RuntimeError(`approximate argument must be either none or tanh.`);
    }
  },
  { functionOnly: true },
);

function sigmoidOf(x: E.Expr): E.Expr {
  return E.div(1, E.add(E.exp(E.neg(x)), 1));
}

const siluOp = pointwise('silu', {
  refuses: { kernel: 'silu_cpu', dtypes: INTEGERS },
  expr: ([x]) => E.div(x, E.add(E.exp(E.neg(x)), 1)),
  derivative: ([x]) => {
    const s = sigmoidOf(x);
    return [E.mul(s, E.add(E.mul(x, E.sub(1, s)), 1))];
  },
});
/** x·σ(x). */
export const silu: Simple = simple('silu', siluOp);

/** log(1 + eˣ) without overflow. */
function softplusOf(x: E.Expr): E.Expr {
  return E.add(E.max(x, E.constant(0, x.type)), E.log1p(E.exp(E.neg(E.abs(x)))));
}

const mishOp = pointwise('mish', {
  refuses: { kernel: 'mish_cpu', dtypes: INTEGERS },
  expr: ([x]) => E.mul(x, E.tanh(softplusOf(x))),
  derivative: ([x]) => {
    const t = E.tanh(softplusOf(x));
    return [E.add(t, E.mul(E.mul(x, sigmoidOf(x)), E.sub(1, E.mul(t, t))))];
  },
});
/** x·tanh(softplus(x)). Misra 2019. */
export const mish: Simple = simple('mish', mishOp);

const softplusOp = pointwise('softplus', {
  refuses: { kernel: 'softplus_cpu', dtypes: INTEGERS },
  // Linear above the threshold, as PyTorch has it.
  expr: ([x], [beta, threshold]) => {
    const z = E.mul(x, beta);
    return E.select(E.gt(z, threshold), x, E.div(E.log1p(E.exp(z)), beta));
  },
  derivative: ([x], _, [beta, threshold]) => {
    const z = E.mul(x, beta);
    return [E.select(E.gt(z, threshold), E.constant(1, x.type), sigmoidOf(z))];
  },
});
/** log(1 + exp(βx))/β. */
export const softplus: FreeCall<
  [input: Tensor, beta?: number, threshold?: number],
  { beta?: number; threshold?: number },
  Tensor
> = define(
  'softplus(input, beta=1, threshold=20)',
  (input: Tensor, beta = 1, threshold = 20) => runtime.pointwise(softplusOp, [input], [beta, threshold]),
  { functionOnly: true },
);

const softsignOp = pointwise('softsign', {
  refuses: { kernel: 'abs_cpu', dtypes: BOOL_ONLY },
  expr: ([x]) => E.div(x, E.add(E.abs(x), 1)),
  gradName: 'Div',
  rule: 'intToFloat',
});
/** x/(1 + |x|). */
export const softsign: FreeCall<[input: Tensor], object, Tensor> = define(
  'softsign(input)',
  (input: Tensor) => runtime.pointwise(softsignOp, [input], []),
  { functionOnly: true },
);

const logSigmoidOp = pointwise('log_sigmoid', {
  refuses: { kernel: 'log_sigmoid_cpu', dtypes: INTEGERS },
  gradName: 'LogSigmoid',
  expr: ([x]) => E.sub(E.min(x, E.constant(0, x.type)), E.log1p(E.exp(E.neg(E.abs(x))))),
  derivative: ([x]) => [sigmoidOf(E.neg(x))],
});
/** log σ(x). */
export const logsigmoid: FreeCall<[input: Tensor], object, Tensor> = define(
  'logsigmoid(input)',
  (input: Tensor) => runtime.pointwise(logSigmoidOp, [input], []),
  { functionOnly: true },
);

const hardsigmoidOp = pointwise('hardsigmoid', {
  refuses: { kernel: 'hardsigmoid_cpu', dtypes: INTEGERS },
  expr: ([x]) => E.div(E.min(E.max(E.add(x, 3), E.constant(0, x.type)), E.constant(6, x.type)), 6),
  derivative: ([x]) => [
    E.select(E.and(E.gt(x, -3), E.lt(x, 3)), E.constant(1 / 6, x.type), E.constant(0, x.type)),
  ],
});
/** relu6(x + 3)/6. */
export const hardsigmoid: Simple = simple('hardsigmoid', hardsigmoidOp);

const hardswishOp = pointwise('hardswish', {
  refuses: { kernel: 'hardswish_cpu', dtypes: INTEGERS },
  expr: ([x]) => E.div(E.mul(x, E.min(E.max(E.add(x, 3), E.constant(0, x.type)), E.constant(6, x.type))), 6),
  derivative: ([x]) => [
    E.select(
      E.lt(x, -3),
      E.constant(0, x.type),
      E.select(E.le(x, 3), E.add(E.div(x, 3), 0.5), E.constant(1, x.type)),
    ),
  ],
});
/** x·relu6(x + 3)/6. */
export const hardswish: Simple = simple('hardswish', hardswishOp);

const hardshrinkOp = pointwise('hardshrink', {
  refuses: { kernel: 'hardshrink_cpu', dtypes: INTEGERS },
  expr: ([x], [l]) => E.select(E.and(E.ge(x, E.neg(l)), E.le(x, l)), E.constant(0, x.type), x),
});
const softshrinkOp = pointwise('softshrink', {
  refuses: { kernel: 'softshrink_cpu', dtypes: INTEGERS },
  expr: ([x], [l]) =>
    E.select(
      E.gt(x, l),
      E.sub(x, l),
      E.select(E.lt(x, E.neg(l)), E.add(x, l), E.mul(x, E.constant(0, x.type))),
    ),
  derivative: ([x], _, [l]) => [E.cast(E.or(E.gt(x, l), E.lt(x, E.neg(l))), x.type)],
});

type ShrinkCall = FreeCall<[input: Tensor, lambd?: number], { lambd?: number }, Tensor>;

/** x where |x| > λ, else 0. */
export const hardshrink: ShrinkCall = define(
  'hardshrink(input, lambd=0.5)',
  (input: Tensor, lambd = 0.5) => runtime.pointwise(hardshrinkOp, [input], [lambd]),
  { functionOnly: true },
);
/** x moved towards 0 by λ. */
export const softshrink: ShrinkCall = define(
  'softshrink(input, lambd=0.5)',
  (input: Tensor, lambd = 0.5) => {
    if (lambd < 0) throw new RuntimeError(`lambda must be greater or equal to 0, but found to be ${lambd}.`);
    return runtime.pointwise(softshrinkOp, [input], [lambd]);
  },
  { functionOnly: true },
);

/** x − tanh x. */
export const tanhshrink: FreeCall<[input: Tensor], object, Tensor> = define(
  'tanhshrink(input)',
  (input: Tensor) => input.sub(input.tanh()),
  { functionOnly: true },
);

const thresholdOp = pointwise('threshold', {
  refuses: { kernel: 'threshold_cpu', dtypes: BOOL_ONLY },
  expr: ([x], [t, v]) => E.select(E.le(x, t), v, x),
  derivative: ([x], _, [t]) => [E.isFloat(x.type) ? E.cast(E.gt(x, t), x.type) : null],
});
/** x where x > threshold, else value. */
export const threshold: FreeCall<
  [input: Tensor, threshold: number, value: number, inplace?: boolean],
  { threshold?: number; value?: number; inplace?: boolean },
  Tensor
> = define(
  'threshold(input, threshold, value, inplace=False)',
  (input: Tensor, t: number, value: number, inplace = false) =>
    run([thresholdOp, [input], [t, value]], inplace),
  { functionOnly: true },
);

const preluOp = pointwise('prelu', {
  refuses: { kernel: 'prelu_cpu', dtypes: INTEGERS },
  expr: ([x, w]) => E.select(E.gt(x, 0), x, E.mul(x, w)),
});
/** x, or weight·x where not positive; one weight, or one per channel. */
export const prelu: FreeCall<[input: Tensor, weight: Tensor], { weight?: Tensor }, Tensor> = define(
  'prelu(input, weight)',
  (input: Tensor, weight: Tensor) => {
    if (weight.numel() !== 1) {
      if (input.sizes.length === 0) throw new RuntimeError('Not allow zero-dim input tensor.');
      const channels = input.sizes.length > 1 ? input.sizes[1] : 1;
      if (channels !== weight.numel()) {
        throw new RuntimeError(
          `Mismatch of parameter numbers and input channel size. Found parameter numbers = ${weight.numel()} and channel size = ${channels}.`,
        );
      }
    }
    if (weight.sizes.length > 1) {
      throw new RuntimeError(
        `prelu: Expected \`weight\` to be a scalar or 1D tensor, but got ndim = ${weight.sizes.length}`,
      );
    }
    const shape = input.sizes.map((_, d) => (d === 1 || input.sizes.length === 1 ? weight.numel() : 1));
    return runtime.pointwise(preluOp, [input, weight.reshape(input.sizes.length === 0 ? [] : shape)], []);
  },
  { functionOnly: true },
);

/** Leaky ReLU whose slope is drawn per element in training, and the mean otherwise. */
export const rrelu: FreeCall<
  [input: Tensor, lower?: number, upper?: number, training?: boolean, inplace?: boolean],
  { lower?: number; upper?: number; training?: boolean; inplace?: boolean },
  Tensor
> = define(
  'rrelu(input, lower=0.125, upper=0.3333333333333333, training=False, inplace=False)',
  (input: Tensor, lower = 1 / 8, upper = 1 / 3, training = false, inplace = false) => {
    if (lower > upper) {
      throw new RuntimeError('Lower bound should be less than or equal to the upper bound');
    }
    if (!training) return leakyRelu(input, (lower + upper) / 2, inplace);
    if (!input.dtype.isFloatingPoint) {
      throw notImplementedFor('rrelu_with_noise_out_cpu', input.dtype);
    }
    return run([preluOp, [input, randomSlopes(input, lower, upper)], []], inplace);
  },
  { functionOnly: true },
);

/** a·σ(b) for the two halves a, b along `dim`. */
export const glu: FreeCall<[input: Tensor, dim?: number], { dim?: number }, Tensor> = define(
  'glu(input, dim=-1)',
  (input: Tensor, dim = -1) => {
    if (input.sizes.length === 0) {
      throw new RuntimeError('glu does not support scalars because halving size must be even');
    }
    const d = wrapDim(dim, input.sizes.length);
    const size = input.sizes[d];
    if (size % 2 !== 0) {
      throw new RuntimeError(`Halving dimension must be even, but dimension ${d} is size ${size}`);
    }
    if (!input.dtype.isFloatingPoint) {
      throw notImplementedFor('glu_cpu', input.dtype);
    }
    return input.narrow(d, 0, size / 2).mul(input.narrow(d, size / 2, size / 2).sigmoid());
  },
  { functionOnly: true, shownAs: 'Glu' },
);

type SoftmaxCall = FreeCall<
  [input: Tensor, dim?: number | null],
  { dim?: number | null; dtype?: DType | null; _stacklevel?: number },
  Tensor
>;

/** The dimension PyTorch used to choose when none is given. */
function implicitDim(rank: number): number {
  return rank === 0 || rank === 1 || rank === 3 ? 0 : 1;
}

function floatInput(input: Tensor, dtype: DType | null): Tensor {
  return dtype === null || dtype === input.dtype ? input : input.to(dtype);
}

function softmaxLike(name: string, along: (x: Tensor, dim: number) => Tensor): SoftmaxCall {
  return define(
    `${name}(input, dim=None, _stacklevel=3, dtype=None)`,
    (input: Tensor, dim: number | null = null, _stacklevel = 3, dtype: DType | null = null) =>
      along(floatInput(input, dtype), dim ?? implicitDim(input.sizes.length)),
    { functionOnly: true },
  );
}

/** exp(x)/Σexp(x) along `dim`. https://pytorch.org/docs/stable/generated/torch.nn.functional.softmax.html */
export const softmax: SoftmaxCall = softmaxLike('softmax', softmaxAlong);
/** log(softmax(x)), computed without loss. */
export const logSoftmax: SoftmaxCall = softmaxLike('log_softmax', logSoftmaxAlong);
/** softmax(−x). */
export const softmin: SoftmaxCall = softmaxLike('softmin', (x, dim) => softmaxAlong(x.neg(), dim));

/** σ(x). */
export const sigmoid: FreeCall<[input: Tensor], object, Tensor> = define(
  'sigmoid(input)',
  (x: Tensor) => x.sigmoid(),
  {
    functionOnly: true,
  },
);
/** tanh x. */
export const tanh: FreeCall<[input: Tensor], object, Tensor> = define(
  'tanh(input)',
  (x: Tensor) => x.tanh(),
  {
    functionOnly: true,
  },
);
