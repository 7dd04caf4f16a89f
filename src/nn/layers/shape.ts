/** Layers that only rearrange: flatten, unflatten, upsampling, pixel shuffles. */
import type { Tensor } from '../../tensor/tensor.ts';
import * as F from '../functional/index.ts';
import type { InterpolationMode } from '../functional/interpolate.ts';
import { Module } from '../module.ts';
import { settings, show, showFloat, type Sizes } from './common.ts';

interface FlattenOptions {
  startDim?: number;
  endDim?: number;
}

/** Merges dimensions; by default all but the batch. https://pytorch.org/docs/stable/generated/torch.nn.Flatten.html */
export class Flatten extends Module {
  readonly startDim: number;
  readonly endDim: number;

  constructor(...args: [options?: FlattenOptions] | [startDim: number, endDim?: number | FlattenOptions]) {
    super();
    const s = settings<FlattenOptions>('Flatten', ['startDim', 'endDim'], 0, args);
    this.startDim = s.startDim ?? 1;
    this.endDim = s.endDim ?? -1;
  }

  override forward(input: Tensor): Tensor {
    return input.flatten(this.startDim, this.endDim);
  }

  override extraRepr(): string {
    return `start_dim=${this.startDim}, end_dim=${this.endDim}`;
  }
}

interface UnflattenOptions {
  dim: number;
  unflattenedSize: readonly number[];
}

/** Splits a dimension into several. https://pytorch.org/docs/stable/generated/torch.nn.Unflatten.html */
export class Unflatten extends Module {
  readonly dim: number;
  readonly unflattenedSize: readonly number[];

  constructor(...args: [dim: number, unflattenedSize: readonly number[]] | [options: UnflattenOptions]) {
    super();
    const s = settings<UnflattenOptions>('Unflatten', ['dim', 'unflattenedSize'], 2, args);
    this.dim = s.dim;
    this.unflattenedSize = s.unflattenedSize;
  }

  override forward(input: Tensor): Tensor {
    return input.unflatten(this.dim, this.unflattenedSize);
  }

  override extraRepr(): string {
    return `dim=${this.dim}, unflattened_size=${show(this.unflattenedSize)}`;
  }
}

interface UpsampleOptions {
  size?: Sizes | null;
  scaleFactor?: Sizes | null;
  mode?: InterpolationMode;
  alignCorners?: boolean | null;
  recomputeScaleFactor?: boolean | null;
}

/** Enlarges images by interpolation. https://pytorch.org/docs/stable/generated/torch.nn.Upsample.html */
export class Upsample extends Module {
  readonly size: Sizes | null;
  readonly scaleFactor: Sizes | null;
  readonly mode: InterpolationMode;
  readonly alignCorners: boolean | null;
  readonly recomputeScaleFactor: boolean | null;

  constructor(...args: [options: UpsampleOptions] | [size: Sizes | null, ...rest: unknown[]]) {
    super();
    const names = ['size', 'scaleFactor', 'mode', 'alignCorners', 'recomputeScaleFactor'] as const;
    const s = settings<UpsampleOptions>('Upsample', names, 0, args);
    this.size = s.size ?? null;
    this.scaleFactor = s.scaleFactor ?? null;
    this.mode = s.mode ?? 'nearest';
    this.alignCorners = s.alignCorners ?? null;
    this.recomputeScaleFactor = s.recomputeScaleFactor ?? null;
  }

  override forward(input: Tensor): Tensor {
    return F.interpolate(
      input,
      this.size,
      this.scaleFactor,
      this.mode,
      this.alignCorners,
      this.recomputeScaleFactor,
    );
  }

  override extraRepr(): string {
    const { scaleFactor } = this;
    const factor =
      typeof scaleFactor === 'number'
        ? showFloat(scaleFactor)
        : `(${scaleFactor?.map(showFloat).join(', ')})`;
    return `${scaleFactor !== null ? `scale_factor=${factor}` : `size=${show(this.size)}`}, mode=${this.mode}`;
  }
}

type UpsamplingArguments =
  | [options: { size?: Sizes | null; scaleFactor?: Sizes | null }]
  | [size: Sizes | null, scaleFactor?: Sizes | null];

function upsampling(name: string, args: UpsamplingArguments): UpsampleOptions {
  return settings<UpsampleOptions>(name, ['size', 'scaleFactor'], 0, args);
}

/** https://pytorch.org/docs/stable/generated/torch.nn.UpsamplingNearest2d.html */
export class UpsamplingNearest2d extends Upsample {
  constructor(...args: UpsamplingArguments) {
    super({ ...upsampling('UpsamplingNearest2d', args), mode: 'nearest' });
  }
}

/** https://pytorch.org/docs/stable/generated/torch.nn.UpsamplingBilinear2d.html */
export class UpsamplingBilinear2d extends Upsample {
  constructor(...args: UpsamplingArguments) {
    super({ ...upsampling('UpsamplingBilinear2d', args), mode: 'bilinear', alignCorners: true });
  }
}

/** Channels to space. https://pytorch.org/docs/stable/generated/torch.nn.PixelShuffle.html */
export class PixelShuffle extends Module {
  readonly upscaleFactor: number;

  constructor(upscaleFactor: number | { upscaleFactor: number }) {
    super();
    this.upscaleFactor = typeof upscaleFactor === 'number' ? upscaleFactor : upscaleFactor.upscaleFactor;
  }

  override forward(input: Tensor): Tensor {
    return F.pixelShuffle(input, this.upscaleFactor);
  }

  override extraRepr(): string {
    return `upscale_factor=${this.upscaleFactor}`;
  }
}

/** Space to channels. https://pytorch.org/docs/stable/generated/torch.nn.PixelUnshuffle.html */
export class PixelUnshuffle extends Module {
  readonly downscaleFactor: number;

  constructor(downscaleFactor: number | { downscaleFactor: number }) {
    super();
    this.downscaleFactor =
      typeof downscaleFactor === 'number' ? downscaleFactor : downscaleFactor.downscaleFactor;
  }

  override forward(input: Tensor): Tensor {
    return F.pixelUnshuffle(input, this.downscaleFactor);
  }

  override extraRepr(): string {
    return `downscale_factor=${this.downscaleFactor}`;
  }
}

/** Interleaves groups of channels. https://pytorch.org/docs/stable/generated/torch.nn.ChannelShuffle.html */
export class ChannelShuffle extends Module {
  readonly groups: number;

  constructor(groups: number | { groups: number }) {
    super();
    this.groups = typeof groups === 'number' ? groups : groups.groups;
  }

  override forward(input: Tensor): Tensor {
    return F.channelShuffle(input, this.groups);
  }

  override extraRepr(): string {
    return `groups=${this.groups}`;
  }
}
