/** Normalizations that return their statistics too, as `torch` has them. */
import { define, type FreeCall } from '../../ops/define.ts';
import { runtime } from '../../ops/runtime.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { batchNorm, layerNorm } from './normalization.ts';

type WithStatistics = readonly [out: Tensor, mean: Tensor, rstd: Tensor];

/** Mean and 1/√(variance + eps) over dimensions. They take no gradient. */
function statistics(input: Tensor, dims: readonly number[], eps: number, keepdim: boolean): [Tensor, Tensor] {
  return runtime.noGrad(() => {
    const mean = input.mean(dims, keepdim);
    const variance = input.var(dims, { unbiased: false, keepdim });
    return [mean, variance.add(eps).rsqrt()];
  });
}

/** Layer normalization with its mean and 1/deviation. */
export const nativeLayerNorm: FreeCall<
  [
    input: Tensor,
    normalizedShape: readonly number[],
    weight: Tensor | null,
    bias: Tensor | null,
    eps: number,
  ],
  {
    normalizedShape?: readonly number[];
    weight?: Tensor | null;
    bias?: Tensor | null;
    eps?: number;
  },
  WithStatistics
> = define(
  'native_layer_norm(input, normalizedShape, weight, bias, eps)',
  (
    input: Tensor,
    normalizedShape: readonly number[],
    weight: Tensor | null,
    bias: Tensor | null,
    eps: number,
  ) => {
    const out = layerNorm(input, normalizedShape, weight, bias, eps);
    const first = input.sizes.length - normalizedShape.length;
    const [mean, rstd] = statistics(
      input,
      normalizedShape.map((_, i) => first + i),
      eps,
      true,
    );
    return [out, mean, rstd] as const;
  },
  { functionOnly: true },
);

/** Batch normalization with the batch's mean and 1/deviation; without training they are empty. */
export const nativeBatchNorm: FreeCall<
  [
    input: Tensor,
    weight: Tensor | null,
    bias: Tensor | null,
    runningMean: Tensor | null,
    runningVar: Tensor | null,
    training: boolean,
    momentum: number,
    eps: number,
  ],
  {
    weight?: Tensor | null;
    bias?: Tensor | null;
    runningMean?: Tensor | null;
    runningVar?: Tensor | null;
    training?: boolean;
    momentum?: number;
    eps?: number;
  },
  WithStatistics
> = define(
  'native_batch_norm(input, weight, bias, runningMean, runningVar, training, momentum, eps)',
  (
    input: Tensor,
    weight: Tensor | null,
    bias: Tensor | null,
    runningMean: Tensor | null,
    runningVar: Tensor | null,
    training: boolean,
    momentum: number,
    eps: number,
  ) => {
    const out = batchNorm(input, runningMean, runningVar, weight, bias, training, momentum, eps);
    const none = (): Tensor => runtime.empty([0], input.dtype, input);
    if (!training) return [out, none(), none()] as const;
    const dims = input.sizes.map((_, d) => d).filter((d) => d !== 1);
    const [mean, rstd] = statistics(input, dims, eps, false);
    return [out, mean, rstd] as const;
  },
  { functionOnly: true },
);
