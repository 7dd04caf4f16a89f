/** Convolutions. https://pytorch.org/docs/stable/nn.html#convolution-layers */
import { ValueError } from '../../base/errors.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import * as F from '../functional/index.ts';
import * as init from '../init.ts';
import { Module } from '../module.ts';
import type { Parameter } from '../parameter.ts';
import { type Factory, repeat, settings, show, type Sizes } from './common.ts';
import { newParameter } from './linear.ts';

export type PaddingMode = 'zeros' | 'reflect' | 'replicate' | 'circular';

export interface ConvOptions extends Factory {
  stride?: Sizes;
  padding?: Sizes | 'same' | 'valid';
  dilation?: Sizes;
  groups?: number;
  bias?: boolean;
  paddingMode?: PaddingMode;
}

interface ConvSettings extends ConvOptions {
  inChannels: number;
  outChannels: number;
  kernelSize: Sizes;
}

interface TransposeSettings extends ConvSettings {
  outputPadding?: Sizes;
}

const convNames = [
  'inChannels',
  'outChannels',
  'kernelSize',
  'stride',
  'padding',
  'dilation',
  'groups',
  'bias',
  'paddingMode',
  'device',
  'dtype',
] as const;

const transposeNames = [
  'inChannels',
  'outChannels',
  'kernelSize',
  'stride',
  'padding',
  'outputPadding',
  'groups',
  'bias',
  'dilation',
  'paddingMode',
  'device',
  'dtype',
] as const;

/** What all convolutions have in common. */
abstract class ConvBase extends Module {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[] | 'same' | 'valid';
  readonly dilation: readonly number[];
  readonly outputPadding: readonly number[];
  readonly groups: number;
  readonly paddingMode: PaddingMode;
  weight: Parameter;
  bias: Parameter | null;

  constructor(rank: number, transposed: boolean, s: TransposeSettings) {
    super();
    const groups = s.groups ?? 1;
    if (groups <= 0) throw new ValueError('groups must be a positive integer');
    if (s.inChannels % groups !== 0) throw new ValueError('in_channels must be divisible by groups');
    if (s.outChannels % groups !== 0) throw new ValueError('out_channels must be divisible by groups');
    const padding = s.padding ?? 0;
    const stride = repeat(s.stride ?? 1, rank);
    if (typeof padding === 'string') {
      if (padding !== 'same' && padding !== 'valid') {
        throw new ValueError(
          `Invalid padding string '${String(padding satisfies never)}', should be one of {'same', 'valid'}`,
        );
      }
      if (padding === 'same' && stride.some((x) => x !== 1)) {
        throw new ValueError("padding='same' is not supported for strided convolutions");
      }
    }
    const paddingMode = s.paddingMode ?? 'zeros';
    if (!['zeros', 'reflect', 'replicate', 'circular'].includes(paddingMode)) {
      throw new ValueError(
        `padding_mode must be one of {'zeros', 'reflect', 'replicate', 'circular'}, but got padding_mode='${paddingMode}'`,
      );
    }
    if (transposed && paddingMode !== 'zeros') {
      throw new ValueError(`Only "zeros" padding mode is supported for ${new.target.name}`);
    }
    this.inChannels = s.inChannels;
    this.outChannels = s.outChannels;
    this.kernelSize = repeat(s.kernelSize, rank);
    this.stride = stride;
    this.padding = typeof padding === 'string' ? padding : repeat(padding, rank);
    this.dilation = repeat(s.dilation ?? 1, rank);
    this.outputPadding = repeat(s.outputPadding ?? 0, rank);
    this.groups = groups;
    this.paddingMode = paddingMode;
    const [first, second] = transposed ? [s.inChannels, s.outChannels] : [s.outChannels, s.inChannels];
    this.weight = newParameter([first, second / groups, ...this.kernelSize], s);
    this.bias = s.bias === false ? null : newParameter([s.outChannels], s);
    this.resetParameters();
  }

  resetParameters(): void {
    init.kaimingUniform_(this.weight, Math.sqrt(5));
    if (this.bias !== null) {
      const fan = init.fanIn(this.weight);
      if (fan !== 0) init.uniform_(this.bias, -1 / Math.sqrt(fan), 1 / Math.sqrt(fan));
    }
  }

  /** The input padded by hand and the padding that is left, for modes other than zeros. */
  protected padded(input: Tensor): [Tensor, readonly number[] | 'same' | 'valid'] {
    if (this.paddingMode === 'zeros') return [input, this.padding];
    const amounts: number[] = [];
    for (let d = this.kernelSize.length - 1; d >= 0; d--) {
      if (typeof this.padding === 'string') {
        const total = this.padding === 'same' ? this.dilation[d] * (this.kernelSize[d] - 1) : 0;
        const left = Math.floor(total / 2);
        amounts.push(left, total - left);
      } else amounts.push(this.padding[d], this.padding[d]);
    }
    return [F.pad(input, amounts, this.paddingMode), this.kernelSize.map(() => 0)];
  }

  override extraRepr(): string {
    const parts = [
      `${this.inChannels}, ${this.outChannels}, kernel_size=${show(this.kernelSize)}, stride=${show(this.stride)}`,
    ];
    const padding = typeof this.padding === 'string' || this.padding.some((p) => p !== 0);
    if (padding)
      parts.push(`padding=${typeof this.padding === 'string' ? this.padding : show(this.padding)}`);
    if (this.dilation.some((d) => d !== 1)) parts.push(`dilation=${show(this.dilation)}`);
    if (this.outputPadding.some((d) => d !== 0)) parts.push(`output_padding=${show(this.outputPadding)}`);
    if (this.groups !== 1) parts.push(`groups=${this.groups}`);
    if (this.bias === null) parts.push('bias=False');
    if (this.paddingMode !== 'zeros') parts.push(`padding_mode=${this.paddingMode}`);
    return parts.join(', ');
  }
}

type ConvArguments =
  | [inChannels: number, outChannels: number, kernelSize: Sizes, options?: ConvOptions]
  | [inChannels: number, outChannels: number, kernelSize: Sizes, stride: Sizes, ...rest: unknown[]]
  | [options: ConvSettings];

/** Convolution of (N, C, L) signals. https://pytorch.org/docs/stable/generated/torch.nn.Conv1d.html */
export class Conv1d extends ConvBase {
  constructor(...args: ConvArguments) {
    super(1, false, settings<ConvSettings>('Conv1d', convNames, 3, args));
  }

  override forward(input: Tensor): Tensor {
    const [x, padding] = this.padded(input);
    return F.conv1d(x, this.weight, this.bias, this.stride, padding, this.dilation, this.groups);
  }
}

/**
 * Convolution of (N, C, H, W) images.
 * https://pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
 *
 * @example
 * ```ts
 * const conv = new nn.Conv2d(1, 6, 5, { padding: 2 });
 * console.log(conv(torch.zeros(1, 1, 8, 8)).shape); // => torch.Size([1, 6, 8, 8])
 * ```
 */
export class Conv2d extends ConvBase {
  constructor(...args: ConvArguments) {
    super(2, false, settings<ConvSettings>('Conv2d', convNames, 3, args));
  }

  override forward(input: Tensor): Tensor {
    const [x, padding] = this.padded(input);
    return F.conv2d(x, this.weight, this.bias, this.stride, padding, this.dilation, this.groups);
  }
}

/** Convolution of (N, C, D, H, W) volumes. https://pytorch.org/docs/stable/generated/torch.nn.Conv3d.html */
export class Conv3d extends ConvBase {
  constructor(...args: ConvArguments) {
    super(3, false, settings<ConvSettings>('Conv3d', convNames, 3, args));
  }

  override forward(input: Tensor): Tensor {
    const [x, padding] = this.padded(input);
    return F.conv3d(x, this.weight, this.bias, this.stride, padding, this.dilation, this.groups);
  }
}

export interface ConvTransposeOptions extends ConvOptions {
  outputPadding?: Sizes;
}

type TransposeArguments =
  | [inChannels: number, outChannels: number, kernelSize: Sizes, options?: ConvTransposeOptions]
  | [inChannels: number, outChannels: number, kernelSize: Sizes, stride: Sizes, ...rest: unknown[]]
  | [options: TransposeSettings];

/** What transposed convolutions have in common. */
abstract class ConvTransposeBase extends ConvBase {
  /** The output padding that gives `outputSize`. Throws a ValueError where none does. */
  protected outputPaddingFor(input: Tensor, outputSize: readonly number[] | null): readonly number[] {
    if (outputSize === null) return this.outputPadding;
    const rank = this.kernelSize.length;
    const wanted = outputSize.length > rank ? outputSize.slice(-rank) : outputSize;
    const padding = this.padding as readonly number[];
    return wanted.map((want, d) => {
      const size = input.sizes[input.sizes.length - rank + d];
      const least =
        (size - 1) * this.stride[d] - 2 * padding[d] + this.dilation[d] * (this.kernelSize[d] - 1) + 1;
      if (want < least || want > least + this.stride[d] - 1) {
        throw new ValueError(
          `requested an output size of ${show(wanted)}, but valid sizes range from ${least} to ${least + this.stride[d] - 1} in dimension ${d}`,
        );
      }
      return want - least;
    });
  }
}

/** The gradient of Conv1d with respect to its input, as a layer. https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose1d.html */
export class ConvTranspose1d extends ConvTransposeBase {
  constructor(...args: TransposeArguments) {
    super(1, true, settings<TransposeSettings>('ConvTranspose1d', transposeNames, 3, args));
  }

  override forward(input: Tensor, outputSize: readonly number[] | null = null): Tensor {
    const extra = this.outputPaddingFor(input, outputSize);
    const padding = this.padding as readonly number[];
    return F.convTranspose1d(
      input,
      this.weight,
      this.bias,
      this.stride,
      padding,
      extra,
      this.groups,
      this.dilation,
    );
  }
}

/** The gradient of Conv2d with respect to its input, as a layer. https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html */
export class ConvTranspose2d extends ConvTransposeBase {
  constructor(...args: TransposeArguments) {
    super(2, true, settings<TransposeSettings>('ConvTranspose2d', transposeNames, 3, args));
  }

  override forward(input: Tensor, outputSize: readonly number[] | null = null): Tensor {
    const extra = this.outputPaddingFor(input, outputSize);
    const padding = this.padding as readonly number[];
    return F.convTranspose2d(
      input,
      this.weight,
      this.bias,
      this.stride,
      padding,
      extra,
      this.groups,
      this.dilation,
    );
  }
}

/** The gradient of Conv3d with respect to its input, as a layer. https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose3d.html */
export class ConvTranspose3d extends ConvTransposeBase {
  constructor(...args: TransposeArguments) {
    super(3, true, settings<TransposeSettings>('ConvTranspose3d', transposeNames, 3, args));
  }

  override forward(input: Tensor, outputSize: readonly number[] | null = null): Tensor {
    const extra = this.outputPaddingFor(input, outputSize);
    const padding = this.padding as readonly number[];
    return F.convTranspose3d(
      input,
      this.weight,
      this.bias,
      this.stride,
      padding,
      extra,
      this.groups,
      this.dilation,
    );
  }
}

interface FoldSettings {
  outputSize: Sizes;
  kernelSize: Sizes;
  dilation?: Sizes;
  padding?: Sizes;
  stride?: Sizes;
}

/** Sums sliding blocks into an image. https://pytorch.org/docs/stable/generated/torch.nn.Fold.html */
export class Fold extends Module {
  private readonly options: FoldSettings;

  constructor(...args: [outputSize: Sizes, kernelSize: Sizes, ...rest: unknown[]] | [FoldSettings]) {
    super();
    this.options = settings<FoldSettings>(
      'Fold',
      ['outputSize', 'kernelSize', 'dilation', 'padding', 'stride'],
      2,
      args,
    );
  }

  override forward(input: Tensor): Tensor {
    const { outputSize, kernelSize, dilation = 1, padding = 0, stride = 1 } = this.options;
    return F.fold(input, outputSize, kernelSize, dilation, padding, stride);
  }

  override extraRepr(): string {
    const { outputSize, kernelSize, dilation = 1, padding = 0, stride = 1 } = this.options;
    return `output_size=${show(outputSize)}, kernel_size=${show(kernelSize)}, dilation=${show(dilation)}, padding=${show(padding)}, stride=${show(stride)}`;
  }
}

/** Sliding blocks of an image as columns. https://pytorch.org/docs/stable/generated/torch.nn.Unfold.html */
export class Unfold extends Module {
  private readonly options: Omit<FoldSettings, 'outputSize'>;

  constructor(...args: [kernelSize: Sizes, ...rest: unknown[]] | [Omit<FoldSettings, 'outputSize'>]) {
    super();
    this.options = settings<Omit<FoldSettings, 'outputSize'>>(
      'Unfold',
      ['kernelSize', 'dilation', 'padding', 'stride'],
      1,
      args,
    );
  }

  override forward(input: Tensor): Tensor {
    const { kernelSize, dilation = 1, padding = 0, stride = 1 } = this.options;
    return F.unfold(input, kernelSize, dilation, padding, stride);
  }

  override extraRepr(): string {
    const { kernelSize, dilation = 1, padding = 0, stride = 1 } = this.options;
    return `kernel_size=${show(kernelSize)}, dilation=${show(dilation)}, padding=${show(padding)}, stride=${show(stride)}`;
  }
}
