/** Pooling. https://pytorch.org/docs/stable/nn.html#pooling-layers */
import { isOptions } from '../../base/arguments.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import * as F from '../functional/index.ts';
import { Module } from '../module.ts';
import { repeat, settings, show, type Sizes } from './common.ts';

interface MaxPoolSettings {
  kernelSize: Sizes;
  stride?: Sizes | null;
  padding?: Sizes;
  dilation?: Sizes;
  returnIndices?: boolean;
  ceilMode?: boolean;
}

type PoolArguments<T> =
  | [kernelSize: Sizes, options?: Omit<T, 'kernelSize'>]
  | [kernelSize: Sizes, stride: Sizes | null, ...rest: unknown[]]
  | [options: T];

/** What max pooling layers have in common. */
abstract class MaxPoolBase extends Module {
  readonly kernelSize: Sizes;
  readonly stride: Sizes;
  readonly padding: Sizes;
  readonly dilation: Sizes;
  readonly returnIndices: boolean;
  readonly ceilMode: boolean;

  constructor(...args: PoolArguments<MaxPoolSettings>) {
    super();
    const names = ['kernelSize', 'stride', 'padding', 'dilation', 'returnIndices', 'ceilMode'] as const;
    const s = settings<MaxPoolSettings>(new.target.name, names, 1, args);
    this.kernelSize = s.kernelSize;
    this.stride = s.stride ?? s.kernelSize;
    this.padding = s.padding ?? 0;
    this.dilation = s.dilation ?? 1;
    this.returnIndices = s.returnIndices ?? false;
    this.ceilMode = s.ceilMode ?? false;
  }

  protected get options(): { ceilMode: boolean; returnIndices: boolean } {
    return { ceilMode: this.ceilMode, returnIndices: this.returnIndices };
  }

  override extraRepr(): string {
    return `kernel_size=${show(this.kernelSize)}, stride=${show(this.stride)}, padding=${show(this.padding)}, dilation=${show(this.dilation)}, ceil_mode=${show(this.ceilMode)}`;
  }
}

interface UnpoolSettings {
  kernelSize: Sizes;
  stride?: Sizes | null;
  padding?: Sizes;
}

/** What max unpooling layers have in common: the sizes are one per dimension. */
abstract class MaxUnpoolBase extends Module {
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];

  constructor(rank: number, args: PoolArguments<UnpoolSettings>) {
    super();
    const names = ['kernelSize', 'stride', 'padding'] as const;
    const s = settings<UnpoolSettings>(new.target.name, names, 1, args);
    this.kernelSize = repeat(s.kernelSize, rank);
    this.stride = repeat(s.stride ?? s.kernelSize, rank);
    this.padding = repeat(s.padding ?? 0, rank);
  }

  override extraRepr(): string {
    return `kernel_size=${show(this.kernelSize)}, stride=${show(this.stride)}, padding=${show(this.padding)}`;
  }
}

/** `outputSize` chooses between the sizes that pool to one size. */
type UnpoolOutput = readonly number[] | null | { outputSize?: readonly number[] | null };

function unpoolSize(given: UnpoolOutput): readonly number[] | null {
  return isOptions(given) ? (given.outputSize ?? null) : (given as readonly number[] | null);
}

/** Maxima put back where they were. https://pytorch.org/docs/stable/generated/torch.nn.MaxUnpool1d.html */
export class MaxUnpool1d extends MaxUnpoolBase {
  constructor(...args: PoolArguments<UnpoolSettings>) {
    super(1, args);
  }
  override forward(input: Tensor, indices: Tensor, outputSize: UnpoolOutput = null): Tensor {
    return F.maxUnpool1d(input, indices, this.kernelSize, this.stride, this.padding, unpoolSize(outputSize));
  }
}

/** Maxima put back where they were. https://pytorch.org/docs/stable/generated/torch.nn.MaxUnpool2d.html */
export class MaxUnpool2d extends MaxUnpoolBase {
  constructor(...args: PoolArguments<UnpoolSettings>) {
    super(2, args);
  }
  override forward(input: Tensor, indices: Tensor, outputSize: UnpoolOutput = null): Tensor {
    return F.maxUnpool2d(input, indices, this.kernelSize, this.stride, this.padding, unpoolSize(outputSize));
  }
}

/** Maxima put back where they were. https://pytorch.org/docs/stable/generated/torch.nn.MaxUnpool3d.html */
export class MaxUnpool3d extends MaxUnpoolBase {
  constructor(...args: PoolArguments<UnpoolSettings>) {
    super(3, args);
  }
  override forward(input: Tensor, indices: Tensor, outputSize: UnpoolOutput = null): Tensor {
    return F.maxUnpool3d(input, indices, this.kernelSize, this.stride, this.padding, unpoolSize(outputSize));
  }
}

interface PowerPoolSettings {
  normType: number;
  kernelSize: Sizes;
  stride?: Sizes | null;
  ceilMode?: boolean;
}

type PowerPoolArguments =
  | [normType: number, kernelSize: Sizes, options?: Omit<PowerPoolSettings, 'normType' | 'kernelSize'>]
  | [normType: number, kernelSize: Sizes, stride: Sizes | null, ceilMode?: boolean]
  | [options: PowerPoolSettings];

/** What power-average pooling layers have in common. */
abstract class LPPoolBase extends Module {
  readonly normType: number;
  readonly kernelSize: Sizes;
  readonly stride: Sizes | null;
  readonly ceilMode: boolean;

  constructor(...args: PowerPoolArguments) {
    super();
    const names = ['normType', 'kernelSize', 'stride', 'ceilMode'] as const;
    const s = settings<PowerPoolSettings>(new.target.name, names, 2, args);
    this.normType = s.normType;
    this.kernelSize = s.kernelSize;
    this.stride = s.stride ?? null;
    this.ceilMode = s.ceilMode ?? false;
  }

  override extraRepr(): string {
    return `norm_type=${show(this.normType)}, kernel_size=${show(this.kernelSize)}, stride=${show(this.stride)}, ceil_mode=${show(this.ceilMode)}`;
  }
}

/** The p-norm of each window of a signal. https://pytorch.org/docs/stable/generated/torch.nn.LPPool1d.html */
export class LPPool1d extends LPPoolBase {
  override forward(input: Tensor): Tensor {
    return F.lpPool1d(input, this.normType, this.kernelSize, this.stride, this.ceilMode);
  }
}

/** The p-norm of each window of an image. https://pytorch.org/docs/stable/generated/torch.nn.LPPool2d.html */
export class LPPool2d extends LPPoolBase {
  override forward(input: Tensor): Tensor {
    return F.lpPool2d(input, this.normType, this.kernelSize, this.stride, this.ceilMode);
  }
}

/** The largest element of each window of a signal. https://pytorch.org/docs/stable/generated/torch.nn.MaxPool1d.html */
export class MaxPool1d extends MaxPoolBase {
  override forward(input: Tensor): Tensor {
    return F.maxPool1d(
      input,
      this.kernelSize,
      this.stride,
      this.padding,
      this.dilation,
      this.options,
    ) as Tensor;
  }
}

/** The largest element of each window of an image. https://pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html */
export class MaxPool2d extends MaxPoolBase {
  override forward(input: Tensor): Tensor {
    return F.maxPool2d(
      input,
      this.kernelSize,
      this.stride,
      this.padding,
      this.dilation,
      this.options,
    ) as Tensor;
  }
}

/** The largest element of each window of a volume. https://pytorch.org/docs/stable/generated/torch.nn.MaxPool3d.html */
export class MaxPool3d extends MaxPoolBase {
  override forward(input: Tensor): Tensor {
    return F.maxPool3d(
      input,
      this.kernelSize,
      this.stride,
      this.padding,
      this.dilation,
      this.options,
    ) as Tensor;
  }
}

interface AvgPoolSettings {
  kernelSize: Sizes;
  stride?: Sizes | null;
  padding?: Sizes;
  ceilMode?: boolean;
  countIncludePad?: boolean;
  divisorOverride?: number | null;
}

/** What average pooling layers have in common. */
abstract class AvgPoolBase extends Module {
  readonly kernelSize: Sizes;
  readonly stride: Sizes;
  readonly padding: Sizes;
  readonly ceilMode: boolean;
  readonly countIncludePad: boolean;
  readonly divisorOverride: number | null;

  constructor(...args: PoolArguments<AvgPoolSettings>) {
    super();
    const names = [
      'kernelSize',
      'stride',
      'padding',
      'ceilMode',
      'countIncludePad',
      'divisorOverride',
    ] as const;
    const s = settings<AvgPoolSettings>(new.target.name, names, 1, args);
    this.kernelSize = s.kernelSize;
    this.stride = s.stride ?? s.kernelSize;
    this.padding = s.padding ?? 0;
    this.ceilMode = s.ceilMode ?? false;
    this.countIncludePad = s.countIncludePad ?? true;
    this.divisorOverride = s.divisorOverride ?? null;
  }

  override extraRepr(): string {
    return `kernel_size=${show(this.kernelSize)}, stride=${show(this.stride)}, padding=${show(this.padding)}`;
  }
}

/** The mean of each window of a signal. https://pytorch.org/docs/stable/generated/torch.nn.AvgPool1d.html */
export class AvgPool1d extends AvgPoolBase {
  constructor(...args: PoolArguments<AvgPoolSettings>) {
    super(...args);
    // PyTorch's one-dimensional layer keeps its sizes as tuples, and prints them so.
    const tuple = (x: Sizes): readonly number[] => (typeof x === 'number' ? [x] : x);
    Object.assign(this, {
      kernelSize: tuple(this.kernelSize),
      stride: tuple(this.stride),
      padding: tuple(this.padding),
    });
  }

  override forward(input: Tensor): Tensor {
    return F.avgPool1d(
      input,
      this.kernelSize,
      this.stride,
      this.padding,
      this.ceilMode,
      this.countIncludePad,
    );
  }
}

/** The mean of each window of an image. https://pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html */
export class AvgPool2d extends AvgPoolBase {
  override forward(input: Tensor): Tensor {
    return F.avgPool2d(
      input,
      this.kernelSize,
      this.stride,
      this.padding,
      this.ceilMode,
      this.countIncludePad,
      this.divisorOverride,
    );
  }
}

/** The mean of each window of a volume. https://pytorch.org/docs/stable/generated/torch.nn.AvgPool3d.html */
export class AvgPool3d extends AvgPoolBase {
  override forward(input: Tensor): Tensor {
    return F.avgPool3d(
      input,
      this.kernelSize,
      this.stride,
      this.padding,
      this.ceilMode,
      this.countIncludePad,
      this.divisorOverride,
    );
  }
}

type AdaptiveSize = number | readonly (number | null)[];

/** What adaptive pooling layers have in common: the size of the output is given. */
abstract class AdaptiveBase extends Module {
  readonly outputSize: AdaptiveSize;

  constructor(
    outputSize: AdaptiveSize | { outputSize: AdaptiveSize; returnIndices?: boolean },
    ..._rest: unknown[]
  ) {
    super();
    this.outputSize =
      typeof outputSize === 'object' && 'outputSize' in outputSize
        ? outputSize.outputSize
        : (outputSize as AdaptiveSize);
  }

  override extraRepr(): string {
    return `output_size=${show(this.outputSize)}`;
  }
}

/** Means over windows chosen so that the output has the given length. https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool1d.html */
export class AdaptiveAvgPool1d extends AdaptiveBase {
  override forward(input: Tensor): Tensor {
    return F.adaptiveAvgPool1d(input, this.outputSize as Sizes);
  }
}

/** Means over windows chosen so that the output has the given size. https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html */
export class AdaptiveAvgPool2d extends AdaptiveBase {
  override forward(input: Tensor): Tensor {
    return F.adaptiveAvgPool2d(input, this.outputSize as Sizes);
  }
}

/** Means over windows chosen so that the output has the given size. https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool3d.html */
export class AdaptiveAvgPool3d extends AdaptiveBase {
  override forward(input: Tensor): Tensor {
    return F.adaptiveAvgPool3d(input, this.outputSize as Sizes);
  }
}

/** What adaptive max pooling layers have in common. */
abstract class AdaptiveMaxBase extends AdaptiveBase {
  readonly returnIndices: boolean;

  constructor(
    outputSize: AdaptiveSize | { outputSize: AdaptiveSize; returnIndices?: boolean },
    returnIndices: boolean | { returnIndices?: boolean } = false,
  ) {
    super(outputSize);
    const named =
      typeof outputSize === 'object' && 'outputSize' in outputSize ? outputSize.returnIndices : undefined;
    this.returnIndices =
      named ?? (typeof returnIndices === 'boolean' ? returnIndices : (returnIndices.returnIndices ?? false));
  }
}

/** https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool1d.html */
export class AdaptiveMaxPool1d extends AdaptiveMaxBase {
  override forward(input: Tensor): Tensor {
    return F.adaptiveMaxPool1d(input, this.outputSize as Sizes, this.returnIndices) as Tensor;
  }
}

/** https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool2d.html */
export class AdaptiveMaxPool2d extends AdaptiveMaxBase {
  override forward(input: Tensor): Tensor {
    return F.adaptiveMaxPool2d(input, this.outputSize as Sizes, this.returnIndices) as Tensor;
  }
}

/** https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool3d.html */
export class AdaptiveMaxPool3d extends AdaptiveMaxBase {
  override forward(input: Tensor): Tensor {
    return F.adaptiveMaxPool3d(input, this.outputSize as Sizes, this.returnIndices) as Tensor;
  }
}
