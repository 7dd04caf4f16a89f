/** Response normalization across channels as Torch 7 had it. https://pytorch.org/docs/stable/generated/torch.nn.CrossMapLRN2d.html */
import { Function, type FunctionContext } from '../../autograd/function.ts';
import { RuntimeError } from '../../base/errors.ts';
import { tensor } from '../../tensor/create.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { Module } from '../module.ts';
import { settings, show } from './common.ts';

interface Settings {
  size: number;
  alpha?: number;
  beta?: number;
  k?: number;
}

/** Sums over the channels that `counts(c, j)` names: (batch, channels, height, width) to the same. */
function overChannels(x: Tensor, counts: (c: number, j: number) => boolean): Tensor {
  const channels = x.sizes[1];
  const band = Array.from({ length: channels * channels }, (_, i) =>
    Number(counts(Math.floor(i / channels), i % channels)),
  );
  const matrix = tensor(band, { dtype: x.dtype, device: x.device }).view(channels, channels);
  return matrix.matmul(x.flatten(2)).viewAs(x);
}

/**
 * What `CrossMapLRN2d` computes: y = x · s^−β with s = k + α/size · Σ x² over neighbouring channels. What counts as neighbour is PyTorch's: its running sum never drops the
 * first channel, and its gradient sums over other channels than the derivative does, so that a difference quotient does not agree with it.
 */
class CrossMapLRN extends Function {
  static override forward(ctx: FunctionContext, input: Tensor, s: Required<Settings>): Tensor {
    const reach = Math.trunc((s.size - 1) / 2 + 1);
    const scale = overChannels(input.square(), (c, j) => Math.abs(c - j) < reach || j === 0)
      .mul(s.alpha / s.size)
      .add(s.k);
    const output = scale.pow(-s.beta).mul(input);
    ctx.saveForBackward(input, output, scale);
    ctx.settings = s;
    return output;
  }

  static override backward(ctx: FunctionContext, grad: Tensor): readonly (Tensor | null)[] {
    const [input, output, scale] = ctx.savedTensors as [Tensor, Tensor, Tensor];
    const { size, alpha, beta } = ctx.settings as Required<Settings>;
    const back = Math.trunc(size - (size - 1) / 2);
    const ratio = overChannels(grad.mul(output).div(scale), (c, j) => j >= c - back && j < c - back + size);
    const direct = scale.pow(-beta).mul(grad);
    return [direct.sub(input.mul(ratio).mul((2 * alpha * beta) / size)), null];
  }
}

/**
 * Normalization over neighbouring channels, PyTorch's older form of `LocalResponseNorm`, with PyTorch's numbers. Input (batch, channels, height, width). Throws a RuntimeError for other ranks.
 * https://pytorch.org/docs/stable/generated/torch.nn.CrossMapLRN2d.html
 */
export class CrossMapLRN2d extends Module {
  readonly size: number;
  readonly alpha: number;
  readonly beta: number;
  readonly k: number;

  constructor(...args: [size: number, ...rest: unknown[]] | [options: Settings]) {
    super();
    const s = settings<Settings>('CrossMapLRN2d', ['size', 'alpha', 'beta', 'k'], 1, args);
    this.size = s.size;
    this.alpha = s.alpha ?? 1e-4;
    this.beta = s.beta ?? 0.75;
    this.k = s.k ?? 1;
  }

  override forward(input: Tensor): Tensor {
    if (input.dim() !== 4) {
      throw new RuntimeError(`CrossMapLRN2d: input must have 4 dimensions, got ${input.dim()}`);
    }
    const { size, alpha, beta, k } = this;
    return CrossMapLRN.apply(input, { size, alpha, beta, k });
  }

  override extraRepr(): string {
    return `${this.size}, alpha=${show(this.alpha)}, beta=${show(this.beta)}, k=${show(this.k)}`;
  }
}
