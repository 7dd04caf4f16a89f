/** Normalization. https://pytorch.org/docs/stable/nn.html#normalization-layers */
import { int64 } from '../../base/dtype.ts';
import { noGrad } from '../../autograd/mode.ts';
import { ValueError } from '../../base/errors.ts';
import { ones, tensor, zeros } from '../../tensor/create.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import * as F from '../functional/index.ts';
import * as init from '../init.ts';
import { Module } from '../module.ts';
import type { Parameter } from '../parameter.ts';
import { type Factory, settings, show, showFloat } from './common.ts';
import { newParameter } from './linear.ts';

export interface NormOptions extends Factory {
  eps?: number;
  momentum?: number | null;
  affine?: boolean;
  trackRunningStats?: boolean;
}

interface NormSettings extends NormOptions {
  numFeatures: number;
}

type NormArguments =
  | [numFeatures: number, options?: NormOptions]
  | [numFeatures: number, eps: number, ...rest: unknown[]]
  | [options: NormSettings];

const names = ['numFeatures', 'eps', 'momentum', 'affine', 'trackRunningStats', 'device', 'dtype'] as const;

/** Layers that keep running statistics of their input. */
abstract class RunningNorm extends Module {
  readonly numFeatures: number;
  readonly eps: number;
  readonly momentum: number | null;
  readonly affine: boolean;
  readonly trackRunningStats: boolean;
  weight: Parameter | null;
  bias: Parameter | null;
  declare runningMean: Tensor | null;
  declare runningVar: Tensor | null;
  declare numBatchesTracked: Tensor | null;

  constructor(byDefault: { affine: boolean; trackRunningStats: boolean }, args: readonly unknown[]) {
    super();
    const s = settings<NormSettings>(new.target.name, names, 1, args);
    this.numFeatures = s.numFeatures;
    this.eps = s.eps ?? 1e-5;
    this.momentum = s.momentum === undefined ? 0.1 : s.momentum;
    this.affine = s.affine ?? byDefault.affine;
    this.trackRunningStats = s.trackRunningStats ?? byDefault.trackRunningStats;
    this.weight = this.affine ? newParameter([s.numFeatures], s) : null;
    this.bias = this.affine ? newParameter([s.numFeatures], s) : null;
    const place = { dtype: s.dtype ?? null, device: s.device };
    const track = this.trackRunningStats;
    // In PyTorch's files these are running_mean, running_var and num_batches_tracked: state dicts use those names.
    this.registerBuffer('running_mean', track ? zeros([s.numFeatures], place) : null);
    this.registerBuffer('running_var', track ? ones([s.numFeatures], place) : null);
    this.registerBuffer('num_batches_tracked', track ? tensor(0n, { dtype: int64, device: s.device }) : null);
    this.resetParameters();
  }

  resetRunningStats(): void {
    if (!this.trackRunningStats) return;
    noGrad(() => {
      this.runningMean?.zero_();
      this.runningVar?.fill_(1);
      this.numBatchesTracked?.zero_();
    });
  }

  resetParameters(): void {
    this.resetRunningStats();
    if (this.weight !== null) init.ones_(this.weight);
    if (this.bias !== null) init.zeros_(this.bias);
  }

  override stateVersion(): number {
    return 2;
  }

  /** Before version 2 there was no count of batches. */
  override upgradeState(state: Map<string, Tensor>, prefix: string, version: number | null): void {
    const key = `${prefix}num_batches_tracked`;
    if ((version ?? 1) < 2 && this.trackRunningStats && !state.has(key))
      state.set(key, tensor(0n, { dtype: int64 }));
  }

  override extraRepr(): string {
    return `${this.numFeatures}, eps=${show(this.eps)}, momentum=${show(this.momentum)}, affine=${show(this.affine)}, track_running_stats=${show(this.trackRunningStats)}`;
  }

  /** Throws a ValueError for inputs of another rank. */
  protected abstract checkInput(input: Tensor): void;
}

/** What a batch norm layer computes, whatever the rank of its input. */
abstract class BatchNormBase extends RunningNorm {
  constructor(...args: NormArguments) {
    super({ affine: true, trackRunningStats: true }, args);
  }

  override forward(input: Tensor): Tensor {
    this.checkInput(input);
    let factor = this.momentum ?? 0;
    if (this.training && this.trackRunningStats && this.numBatchesTracked !== null) {
      this.numBatchesTracked.add_(1);
      // Without a momentum: the plain average of all batches so far.
      if (this.momentum === null) factor = 1 / this.numBatchesTracked.item();
    }
    const useBatch = this.training || (this.runningMean === null && this.runningVar === null);
    const update = !this.training || this.trackRunningStats;
    return F.batchNorm(
      input,
      update ? this.runningMean : null,
      update ? this.runningVar : null,
      this.weight,
      this.bias,
      useBatch,
      factor,
      this.eps,
    );
  }
}

/** Batch normalization of (N, C) or (N, C, L). Ioffe and Szegedy 2015. https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html */
export class BatchNorm1d extends BatchNormBase {
  protected override checkInput(input: Tensor): void {
    const rank = input.sizes.length;
    if (rank !== 2 && rank !== 3) throw new ValueError(`expected 2D or 3D input (got ${rank}D input)`);
  }
}

/** Batch normalization of (N, C, H, W). https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html */
export class BatchNorm2d extends BatchNormBase {
  protected override checkInput(input: Tensor): void {
    const rank = input.sizes.length;
    if (rank !== 4) throw new ValueError(`expected 4D input (got ${rank}D input)`);
  }
}

/** Batch normalization of (N, C, D, H, W). https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm3d.html */
export class BatchNorm3d extends BatchNormBase {
  protected override checkInput(input: Tensor): void {
    const rank = input.sizes.length;
    if (rank !== 5) throw new ValueError(`expected 5D input (got ${rank}D input)`);
  }
}

/** What an instance norm layer computes, whatever the rank of its input. */
abstract class InstanceNormBase extends RunningNorm {
  protected abstract readonly batchedRank: number;

  constructor(...args: NormArguments) {
    super({ affine: false, trackRunningStats: false }, args);
  }

  protected override checkInput(input: Tensor): void {
    const rank = input.sizes.length;
    if (rank !== this.batchedRank && rank !== this.batchedRank - 1) {
      throw new ValueError(
        `expected ${this.batchedRank - 1}D or ${this.batchedRank}D input (got ${rank}D input)`,
      );
    }
  }

  override forward(input: Tensor): Tensor {
    this.checkInput(input);
    const batched = input.sizes.length === this.batchedRank ? input : input.unsqueeze(0);
    const out = F.instanceNorm(
      batched,
      this.runningMean,
      this.runningVar,
      this.weight,
      this.bias,
      this.training || !this.trackRunningStats,
      this.momentum ?? 0,
      this.eps,
    );
    return batched === input ? out : out.squeeze(0);
  }
}

/** Instance normalization of (N, C, L). https://pytorch.org/docs/stable/generated/torch.nn.InstanceNorm1d.html */
export class InstanceNorm1d extends InstanceNormBase {
  protected override get batchedRank(): number {
    return 3;
  }
}

/** Instance normalization of (N, C, H, W). https://pytorch.org/docs/stable/generated/torch.nn.InstanceNorm2d.html */
export class InstanceNorm2d extends InstanceNormBase {
  protected override get batchedRank(): number {
    return 4;
  }
}

/** Instance normalization of (N, C, D, H, W). https://pytorch.org/docs/stable/generated/torch.nn.InstanceNorm3d.html */
export class InstanceNorm3d extends InstanceNormBase {
  protected override get batchedRank(): number {
    return 5;
  }
}

// The buffers' names in state dicts are PyTorch's; in code they read like all others.
for (const [camel, snake] of [
  ['runningMean', 'running_mean'],
  ['runningVar', 'running_var'],
  ['numBatchesTracked', 'num_batches_tracked'],
] as const) {
  Object.defineProperty(RunningNorm.prototype, camel, {
    get(this: Record<string, unknown>): unknown {
      return this[snake];
    },
    set(this: Record<string, unknown>, value: unknown) {
      this[snake] = value;
    },
    configurable: true,
  });
}

interface LayerNormSettings extends Factory {
  normalizedShape: number | readonly number[];
  eps?: number;
  elementwiseAffine?: boolean;
}

/** Normalization over the last dimensions. Ba et al. 2016. https://pytorch.org/docs/stable/generated/torch.nn.LayerNorm.html */
export class LayerNorm extends Module {
  readonly normalizedShape: readonly number[];
  readonly eps: number;
  readonly elementwiseAffine: boolean;
  weight: Parameter | null;
  bias: Parameter | null;

  constructor(
    ...args:
      | [normalizedShape: number | readonly number[], options?: Omit<LayerNormSettings, 'normalizedShape'>]
      | [normalizedShape: number | readonly number[], eps: number, ...rest: unknown[]]
      | [options: LayerNormSettings]
  ) {
    super();
    const order = ['normalizedShape', 'eps', 'elementwiseAffine', 'device', 'dtype'] as const;
    const s = settings<LayerNormSettings>('LayerNorm', order, 1, args);
    this.normalizedShape =
      typeof s.normalizedShape === 'number' ? [s.normalizedShape] : [...s.normalizedShape];
    this.eps = s.eps ?? 1e-5;
    this.elementwiseAffine = s.elementwiseAffine ?? true;
    this.weight = this.elementwiseAffine ? newParameter(this.normalizedShape, s) : null;
    this.bias = this.elementwiseAffine ? newParameter(this.normalizedShape, s) : null;
    if (this.weight !== null) init.ones_(this.weight);
    if (this.bias !== null) init.zeros_(this.bias);
  }

  override forward(input: Tensor): Tensor {
    return F.layerNorm(input, this.normalizedShape, this.weight, this.bias, this.eps);
  }

  override extraRepr(): string {
    return `${show(this.normalizedShape)}, eps=${show(this.eps)}, elementwise_affine=${show(this.elementwiseAffine)}`;
  }
}

interface GroupNormSettings extends Factory {
  numGroups: number;
  numChannels: number;
  eps?: number;
  affine?: boolean;
}

/** Normalization over groups of channels. Wu and He 2018. https://pytorch.org/docs/stable/generated/torch.nn.GroupNorm.html */
export class GroupNorm extends Module {
  readonly numGroups: number;
  readonly numChannels: number;
  readonly eps: number;
  readonly affine: boolean;
  weight: Parameter | null;
  bias: Parameter | null;

  constructor(
    ...args:
      | [
          numGroups: number,
          numChannels: number,
          options?: Omit<GroupNormSettings, 'numGroups' | 'numChannels'>,
        ]
      | [numGroups: number, numChannels: number, eps: number, ...rest: unknown[]]
      | [options: GroupNormSettings]
  ) {
    super();
    const order = ['numGroups', 'numChannels', 'eps', 'affine', 'device', 'dtype'] as const;
    const s = settings<GroupNormSettings>('GroupNorm', order, 2, args);
    if (s.numChannels % s.numGroups !== 0)
      throw new ValueError('num_channels must be divisible by num_groups');
    this.numGroups = s.numGroups;
    this.numChannels = s.numChannels;
    this.eps = s.eps ?? 1e-5;
    this.affine = s.affine ?? true;
    this.weight = this.affine ? newParameter([s.numChannels], s) : null;
    this.bias = this.affine ? newParameter([s.numChannels], s) : null;
    if (this.weight !== null) init.ones_(this.weight);
    if (this.bias !== null) init.zeros_(this.bias);
  }

  override forward(input: Tensor): Tensor {
    return F.groupNorm(input, this.numGroups, this.weight, this.bias, this.eps);
  }

  override extraRepr(): string {
    return `${this.numGroups}, ${this.numChannels}, eps=${show(this.eps)}, affine=${show(this.affine)}`;
  }
}

interface ResponseSettings {
  size: number;
  alpha?: number;
  beta?: number;
  k?: number;
}

/** Normalization over neighbouring channels. Krizhevsky et al. 2012. https://pytorch.org/docs/stable/generated/torch.nn.LocalResponseNorm.html */
export class LocalResponseNorm extends Module {
  readonly size: number;
  readonly alpha: number;
  readonly beta: number;
  readonly k: number;

  constructor(...args: [size: number, ...rest: unknown[]] | [options: ResponseSettings]) {
    super();
    const s = settings<ResponseSettings>('LocalResponseNorm', ['size', 'alpha', 'beta', 'k'], 1, args);
    this.size = s.size;
    this.alpha = s.alpha ?? 1e-4;
    this.beta = s.beta ?? 0.75;
    this.k = s.k ?? 1;
  }

  override forward(input: Tensor): Tensor {
    return F.localResponseNorm(input, this.size, this.alpha, this.beta, this.k);
  }

  override extraRepr(): string {
    return `${this.size}, alpha=${show(this.alpha)}, beta=${show(this.beta)}, k=${Number.isInteger(this.k) ? showFloat(this.k) : show(this.k)}`;
  }
}
