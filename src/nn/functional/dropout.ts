/** Dropout. https://pytorch.org/docs/stable/nn.functional.html#dropout-functions */
import { bool, type DType } from '../../base/dtype.ts';
import { RuntimeError, ValueError } from '../../base/errors.ts';
import * as E from '../../expr/expr.ts';
import { define, type FreeCall } from '../../ops/define.ts';
import { pointwise } from '../../ops/pointwise/family.ts';
import { runtime } from '../../ops/runtime.ts';
import { roundTo } from '../../tensor/random/rounding.ts';
import type { Tensor } from '../../tensor/tensor.ts';

type DropoutCall = FreeCall<
  [input: Tensor, p?: number, training?: boolean, inplace?: boolean],
  { p?: number; training?: boolean; inplace?: boolean },
  Tensor
>;

function checkProbability(p: number): void {
  if (p < 0 || p > 1) throw new ValueError(`dropout probability has to be between 0 and 1, but got ${p}`);
}

/** x times the scale where the mask holds, times 0 elsewhere (of an infinite x that is NaN, as with a mask of numbers). */
const scaleKept = pointwise('scale_kept', {
  gradName: 'Mul',
  conditions: [1],
  expr: ([x, mask], [scale]) => E.mul(x, E.mul(E.cast(mask, x.type), scale)),
});

/** 1/(1 − p) as PyTorch's mask has it: divided in the arithmetic of the dtype, then rounded to it. */
function scaleOf(p: number, dtype: DType): number {
  if (dtype.compute === 'f64') return 1 / (1 - p);
  return roundTo(dtype)(Math.fround(1 / Math.fround(1 - p)));
}

/** Multiplies by keep/(1 − p), where what is kept is drawn over `shape`. */
function drop(input: Tensor, p: number, inplace: boolean, shape: readonly number[]): Tensor {
  if (input.numel() === 0) return input;
  const { dtype } = input;
  if (p === 1 || !dtype.isFloatingPoint) {
    // Integers: dividing the mask throws PyTorch's error.
    const mask = p === 1 ? 0 : newMask(input, shape, dtype, p).div_(1 - p);
    return inplace ? input.mul_(mask) : input.mul(mask);
  }
  const operands = [input, newMask(input, shape, bool, p)];
  const attributes = [scaleOf(p, dtype)];
  return inplace
    ? runtime.pointwiseInplace(scaleKept, operands, attributes)
    : runtime.pointwise(scaleKept, operands, attributes);
}

function newMask(input: Tensor, shape: readonly number[], dtype: DType, p: number): Tensor {
  return runtime.empty(shape, dtype, input).bernoulli_(1 - p);
}

function defineDropout(
  name: string,
  shapeOf: (input: Tensor) => readonly number[],
  byDefault: boolean,
): DropoutCall {
  return define(
    `${name}(input, p=0.5, training=${byDefault ? 'True' : 'False'}, inplace=False)`,
    (input: Tensor, p = 0.5, training = byDefault, inplace = false) => {
      checkProbability(p);
      if (!training || p === 0) return input;
      return drop(input, p, inplace, shapeOf(input));
    },
    { functionOnly: true },
  );
}

/** One decision per channel of every image. */
function channels(input: Tensor): readonly number[] {
  return input.sizes.map((s, d) => (d < 2 ? s : 1));
}

/** Zeroes elements with probability p, scaling the others by 1/(1 − p). */
export const dropout: DropoutCall = defineDropout('dropout', (x) => x.sizes, true);
/** Zeroes whole channels of (N, C, …). */
export const featureDropout: DropoutCall = defineDropout('feature_dropout', channels, true);

function perChannel(name: string, rank: number): DropoutCall {
  return define(
    `${name}(input, p=0.5, training=True, inplace=False)`,
    (input: Tensor, p = 0.5, training = true, inplace = false) => {
      checkProbability(p);
      if (!training || p === 0) return input;
      // Without a batch dimension the first one is the channel.
      const single = input.sizes.length === rank - 1 && rank !== 4;
      const x = single ? input.unsqueeze(0) : input;
      const out = drop(x, p, inplace, channels(x));
      return single ? out.squeeze(0) : out;
    },
    { functionOnly: true },
  );
}

/** Zeroes whole channels of a signal (N, C, L). */
export const dropout1d: DropoutCall = perChannel('dropout1d', 3);
/** Zeroes whole channels of an image (N, C, H, W). */
export const dropout2d: DropoutCall = perChannel('dropout2d', 4);
/** Zeroes whole channels of a volume (N, C, D, H, W). */
export const dropout3d: DropoutCall = perChannel('dropout3d', 5);

// −λα of SELU: what a dropped unit is set to. Klambauer et al. 2017.
const DROPPED = 1.7580993408473766;

function alpha(name: string, shapeOf: (input: Tensor) => readonly number[]): DropoutCall {
  return define(
    `${name}(input, p=0.5, training=False, inplace=False)`,
    (input: Tensor, p = 0.5, training = false, inplace = false) => {
      checkProbability(p);
      if (!training || p === 0) return input;
      if (p === 1) return inplace ? input.mul_(0) : input.mul(0);
      if (input.numel() === 0) return input;
      const scale = 1 / Math.sqrt((DROPPED * DROPPED * p + 1) * (1 - p));
      const keep = input
        .detach()
        .newEmpty(shapeOf(input))
        .bernoulli_(1 - p);
      const shift = keep
        .add(-1)
        .mul_(DROPPED * scale)
        .add_(DROPPED * scale * p);
      keep.mul_(scale);
      return inplace ? input.mul_(keep).add_(shift) : input.mul(keep).add(shift);
    },
    { functionOnly: true },
  );
}

/** Dropout that keeps mean and variance of self-normalizing networks. */
export const alphaDropout: DropoutCall = alpha('alpha_dropout', (x) => x.sizes);
/** Alpha dropout of whole channels. */
export const featureAlphaDropout: DropoutCall = alpha('feature_alpha_dropout', (x) => {
  if (x.sizes.length < 2)
    throw new RuntimeError('Feature dropout requires at least 2 dimensions in the input');
  return channels(x);
});
