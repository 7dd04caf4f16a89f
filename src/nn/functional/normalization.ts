/** Normalization. https://pytorch.org/docs/stable/nn.functional.html#normalization-functions */
import { RuntimeError, ValueError } from '../../base/errors.ts';
import { product, sameSizes, showSizes } from '../../base/shape.ts';
import * as E from '../../expr/expr.ts';
import { define, type FreeCall } from '../../ops/define.ts';
import { cat } from '../../ops/movement/joining.ts';
import { pointwise } from '../../ops/pointwise/family.ts';
import { refuseIntegers } from '../../ops/refuse.ts';
import { runtime } from '../../ops/runtime.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { standardize } from './standardize.ts';

/** The sizes in which a per-channel tensor broadcasts over (N, C, …). */
function channelShape(rank: number, channels: number): number[] {
  return Array.from({ length: rank }, (_, d) => (d === 1 ? channels : 1));
}

function affine(x: Tensor, weight: Tensor | null, bias: Tensor | null): Tensor {
  const scaled = weight === null ? x : x.mul(weight);
  return bias === null ? scaled : scaled.add(bias);
}

/** x·alpha + beta: normalization with statistics that are known. */
const scaleAndShift = pointwise('batch_norm', {
  gradName: 'NativeBatchNorm',
  expr: ([x, alpha, beta]) => E.add(E.mul(x, alpha), beta),
});

function updateRunning(running: Tensor | null, value: Tensor, momentum: number): void {
  if (running === null) return;
  runtime.noGrad(() =>
    running.mul_(1 - momentum).add_(value.reshape(running.sizes).to(running.dtype), { alpha: momentum }),
  );
}

/**
 * Normalization per channel over the batch; in training the running statistics are updated.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.batch_norm.html
 */
export const batchNorm: FreeCall<
  [
    input: Tensor,
    runningMean: Tensor | null,
    runningVar: Tensor | null,
    weight?: Tensor | null,
    bias?: Tensor | null,
    training?: boolean,
    momentum?: number,
    eps?: number,
  ],
  {
    runningMean?: Tensor | null;
    runningVar?: Tensor | null;
    weight?: Tensor | null;
    bias?: Tensor | null;
    training?: boolean;
    momentum?: number;
    eps?: number;
  },
  Tensor
> = define(
  'batch_norm(input, runningMean=None, runningVar=None, weight=None, bias=None, training=False, momentum=0.1, eps=1e-05)',
  (
    input: Tensor,
    runningMean: Tensor | null = null,
    runningVar: Tensor | null = null,
    weight: Tensor | null = null,
    bias: Tensor | null = null,
    training = false,
    momentum = 0.1,
    eps = 1e-5,
  ) => {
    const rank = input.sizes.length;
    const channels = input.sizes[1];
    const count = input.numel() / Math.max(channels, 1);
    if (input.numel() === 0) {
      // As PyTorch has it: of nothing, a copy.
      const scaled = weight === null ? input.clone() : input.mul(weight.select(0, 0));
      return bias === null ? scaled : scaled.add(bias.select(0, 0));
    }
    if (training && rank >= 2 && count === 1) {
      throw new ValueError(
        `Expected more than 1 value per channel when training, got input size torch.Size(${showSizes(input.sizes)})`,
      );
    }
    for (const [name, t] of [
      ['running_mean', runningMean],
      ['running_var', runningVar],
      ['weight', weight],
      ['bias', bias],
    ] as const) {
      if (t !== null && t.numel() !== channels) {
        throw new RuntimeError(`${name} should contain ${channels} elements not ${t.numel()}`);
      }
    }
    refuseIntegers('batch_norm', input);
    const shape = channelShape(rank, channels);
    if (!training) {
      if (runningMean === null || runningVar === null) {
        throw new RuntimeError('Expected running_mean and running_var to be defined when training=False');
      }
      const rstd = runningVar.reshape(shape).add(eps).rsqrt();
      const constants = [runningMean, runningVar, weight, bias];
      if (!runtime.needsGrad(constants)) {
        // One multiplication and addition per element, as PyTorch has it.
        const alpha = weight === null ? rstd : rstd.mul(weight.reshape(shape));
        const shift = runningMean.reshape(shape).mul(alpha);
        const beta = bias === null ? shift.neg() : bias.reshape(shape).sub(shift);
        return runtime.pointwise(scaleAndShift, [input, alpha, beta], []);
      }
      // The weight's gradient would lose digits in Σg·x − mean·Σg where the mean is large: this is Σg·(x − mean).
      return affine(
        input.sub(runningMean.reshape(shape)).mul(rstd),
        weight === null ? null : weight.reshape(shape),
        bias === null ? null : bias.reshape(shape),
      );
    }
    const dims = input.sizes.map((_, d) => d).filter((d) => d !== 1);
    const { out, mean, variance } = standardize('NativeBatchNorm', input, dims, eps, { weight, bias, shape });
    updateRunning(runningMean, mean, momentum);
    // The running variance is the unbiased one.
    updateRunning(
      runningVar,
      runtime.noGrad(() => variance.mul(count / (count - 1))),
      momentum,
    );
    return out;
  },
  { functionOnly: true },
);

/** Normalization over the last dimensions. https://pytorch.org/docs/stable/generated/torch.nn.functional.layer_norm.html */
export const layerNorm: FreeCall<
  [
    input: Tensor,
    normalizedShape: readonly number[],
    weight?: Tensor | null,
    bias?: Tensor | null,
    eps?: number,
  ],
  { normalizedShape?: readonly number[]; weight?: Tensor | null; bias?: Tensor | null; eps?: number },
  Tensor
> = define(
  'layer_norm(input, normalizedShape, weight=None, bias=None, eps=1e-05)',
  (
    input: Tensor,
    normalizedShape: readonly number[],
    weight: Tensor | null = null,
    bias: Tensor | null = null,
    eps = 1e-5,
  ) => {
    const tail = input.sizes.slice(input.sizes.length - normalizedShape.length);
    if (normalizedShape.length < 1) {
      throw new RuntimeError(
        `Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got normalized_shape = ${showSizes(normalizedShape)}`,
      );
    }
    for (const [name, t] of [
      ['weight', weight],
      ['bias', bias],
    ] as const) {
      if (t !== null && !sameSizes(t.sizes, normalizedShape)) {
        throw new RuntimeError(
          `Expected ${name} to be of same shape as normalized_shape, but got ${name} of shape ${showSizes(t.sizes)} and normalized_shape = ${showSizes(normalizedShape)}`,
        );
      }
    }
    if (input.sizes.length < normalizedShape.length || !sameSizes(tail, normalizedShape)) {
      throw new RuntimeError(
        `Given normalized_shape=${showSizes(normalizedShape)}, expected input with shape [*, ${normalizedShape.join(', ')}], but got input of size${showSizes(input.sizes)}`,
      );
    }
    const first = input.sizes.length - normalizedShape.length;
    const dims = normalizedShape.map((_, i) => first + i);
    refuseIntegers('LayerNormKernelImpl', input);
    const shape = input.sizes.map((s, d) => (d < first ? 1 : s));
    return standardize('NativeLayerNorm', input, dims, eps, { weight, bias, shape }).out;
  },
  { functionOnly: true },
);

/** Normalization over groups of channels. https://pytorch.org/docs/stable/generated/torch.nn.functional.group_norm.html */
export const groupNorm: FreeCall<
  [input: Tensor, numGroups: number, weight?: Tensor | null, bias?: Tensor | null, eps?: number],
  { numGroups?: number; weight?: Tensor | null; bias?: Tensor | null; eps?: number },
  Tensor
> = define(
  'group_norm(input, numGroups, weight=None, bias=None, eps=1e-05)',
  (
    input: Tensor,
    numGroups: number,
    weight: Tensor | null = null,
    bias: Tensor | null = null,
    eps = 1e-5,
  ) => {
    const rank = input.sizes.length;
    if (rank < 2)
      throw new RuntimeError(`Expected at least 2 dimensions for input tensor but received ${rank}`);
    const [batch, channels] = input.sizes;
    if (channels % numGroups !== 0) {
      throw new RuntimeError(
        `Expected number of channels in input to be divisible by num_groups, but got input of shape ${showSizes(input.sizes)} and num_groups=${numGroups}`,
      );
    }
    refuseIntegers('GroupNormKernelImpl', input);
    const perGroup = channels / numGroups;
    const grouped = input.reshape([batch, numGroups, perGroup, product(input.sizes.slice(2))]);
    const shape = [1, numGroups, perGroup, 1];
    const { out } = standardize('NativeGroupNorm', grouped, [2, 3], eps, { weight, bias, shape });
    return out.reshape(input.sizes);
  },
  { functionOnly: true, shownAs: 'NativeGroupNorm' },
);

/** Normalization per channel and instance. https://pytorch.org/docs/stable/generated/torch.nn.functional.instance_norm.html */
export const instanceNorm: FreeCall<
  [
    input: Tensor,
    runningMean?: Tensor | null,
    runningVar?: Tensor | null,
    weight?: Tensor | null,
    bias?: Tensor | null,
    useInputStats?: boolean,
    momentum?: number,
    eps?: number,
  ],
  {
    runningMean?: Tensor | null;
    runningVar?: Tensor | null;
    weight?: Tensor | null;
    bias?: Tensor | null;
    useInputStats?: boolean;
    momentum?: number;
    eps?: number;
  },
  Tensor
> = define(
  'instance_norm(input, runningMean=None, runningVar=None, weight=None, bias=None, useInputStats=True, momentum=0.1, eps=1e-05)',
  (
    input: Tensor,
    runningMean: Tensor | null = null,
    runningVar: Tensor | null = null,
    weight: Tensor | null = null,
    bias: Tensor | null = null,
    useInputStats = true,
    momentum = 0.1,
    eps = 1e-5,
  ) => {
    const rank = input.sizes.length;
    if (!useInputStats) {
      return batchNorm(input, runningMean, runningVar, weight, bias, false, momentum, eps);
    }
    const count = product(input.sizes.slice(2));
    if (count === 1) {
      throw new ValueError(
        `Expected more than 1 spatial element when training, got input size torch.Size(${showSizes(input.sizes)})`,
      );
    }
    const dims = input.sizes.map((_, d) => d).slice(2);
    refuseIntegers('batch_norm', input);
    const shape = channelShape(rank, input.sizes[1]);
    const { out, mean, variance } = standardize('InstanceNorm', input, dims, eps, { weight, bias, shape });
    runtime.noGrad(() => {
      updateRunning(runningMean, mean.mean(0), momentum);
      updateRunning(runningVar, variance.mul(count / (count - 1)).mean(0), momentum);
    });
    return out;
  },
  { functionOnly: true },
);

/** x/(k + α·mean of squares of neighbouring channels)^β. https://pytorch.org/docs/stable/generated/torch.nn.functional.local_response_norm.html */
export const localResponseNorm: FreeCall<
  [input: Tensor, size: number, alpha?: number, beta?: number, k?: number],
  { size?: number; alpha?: number; beta?: number; k?: number },
  Tensor
> = define(
  'local_response_norm(input, size, alpha=0.0001, beta=0.75, k=1)',
  (input: Tensor, size: number, alpha = 1e-4, beta = 0.75, k = 1) => {
    const rank = input.sizes.length;
    if (rank < 3) {
      throw new ValueError(`Expected 3D or higher dimensionality input (got ${rank} dimensions)`);
    }
    if (input.numel() === 0) return input;
    const channels = input.sizes[1];
    const squares = input.mul(input);
    // The mean over a window of channels, zeros outside: a sum of shifted slices.
    const before = Math.floor(size / 2);
    const parts: Tensor[] = [];
    for (let c = 0; c < channels; c++) {
      const from = Math.max(c - before, 0);
      const to = Math.min(c - before + size, channels);
      parts.push(squares.narrow(1, from, to - from).sum(1, true));
    }
    const window = cat(parts, 1).div(size);
    return input.div(window.mul(alpha).add(k).pow(beta));
  },
  { functionOnly: true },
);

/** x/max(‖x‖ₚ, eps) along `dim`. https://pytorch.org/docs/stable/generated/torch.nn.functional.normalize.html */
export const normalize: FreeCall<
  [input: Tensor, p?: number, dim?: number, eps?: number],
  { p?: number; dim?: number; eps?: number; out?: Tensor },
  Tensor
> = define(
  'normalize(input, p=2, dim=1, eps=1e-12, out=None)',
  (input: Tensor, p = 2, dim = 1, eps = 1e-12) => input.div(input.norm(p, dim, true).clampMin(eps)),
  { functionOnly: true },
);
