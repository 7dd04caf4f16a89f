/** Softmax over very many classes, by clusters of rare ones. Grave et al. 2016, "Efficient softmax approximation for GPUs". */
import { int64 } from '../../base/dtype.ts';
import { RuntimeError, ValueError } from '../../base/errors.ts';
import { zeros } from '../../tensor/create.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { ModuleList, Sequential } from '../containers.ts';
import * as F from '../functional/index.ts';
import { Module } from '../module.ts';
import { type Factory, settings } from './common.ts';
import { Linear } from './linear.ts';

interface AdaptiveOptions extends Factory {
  divValue?: number;
  headBias?: boolean;
}

interface AdaptiveSettings extends AdaptiveOptions {
  inFeatures: number;
  nClasses: number;
  cutoffs: readonly number[];
}

/** The log-probabilities of the targets, and their negative mean. */
export type AdaptiveOutput = readonly [output: Tensor, loss: Tensor] & {
  readonly output: Tensor;
  readonly loss: Tensor;
};

/**
 * The head knows the frequent classes and one more per cluster; each cluster of the tail knows its own.
 * https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveLogSoftmaxWithLoss.html
 */
export class AdaptiveLogSoftmaxWithLoss extends Module {
  readonly inFeatures: number;
  readonly nClasses: number;
  readonly cutoffs: readonly number[];
  readonly divValue: number;
  readonly headBias: boolean;
  readonly shortlistSize: number;
  readonly nClusters: number;
  readonly headSize: number;
  readonly head: Linear;
  readonly tail: ModuleList;

  constructor(
    ...args:
      | [inFeatures: number, nClasses: number, cutoffs: readonly number[], options?: AdaptiveOptions]
      | [
          inFeatures: number,
          nClasses: number,
          cutoffs: readonly number[],
          divValue: number,
          ...rest: unknown[],
        ]
      | [options: AdaptiveSettings]
  ) {
    super();
    const names = ['inFeatures', 'nClasses', 'cutoffs', 'divValue', 'headBias', 'device', 'dtype'] as const;
    const s = settings<AdaptiveSettings>('AdaptiveLogSoftmaxWithLoss', names, 3, args);
    const given = [...s.cutoffs];
    const rising = given.every((c, i) => i === 0 || c > given[i - 1]);
    if (
      !rising ||
      given[0] <= 0 ||
      given[given.length - 1] > s.nClasses - 1 ||
      !given.every(Number.isInteger)
    ) {
      throw new ValueError(
        'cutoffs should be a sequence of unique, positive integers sorted in an increasing order, where each value is between 1 and n_classes-1',
      );
    }
    const place: Factory = {
      ...(s.dtype === undefined ? {} : { dtype: s.dtype }),
      ...(s.device === undefined ? {} : { device: s.device }),
    };
    this.inFeatures = s.inFeatures;
    this.nClasses = s.nClasses;
    this.cutoffs = [...given, s.nClasses];
    this.divValue = s.divValue ?? 4;
    this.headBias = s.headBias ?? false;
    this.shortlistSize = given[0];
    this.nClusters = this.cutoffs.length - 1;
    this.headSize = this.shortlistSize + this.nClusters;
    this.head = new Linear(s.inFeatures, this.headSize, { bias: this.headBias, ...place });
    this.tail = new ModuleList();
    for (let i = 0; i < this.nClusters; i++) {
      const hidden = Math.floor(s.inFeatures / this.divValue ** (i + 1));
      const size = this.cutoffs[i + 1] - this.cutoffs[i];
      this.tail.append(
        new Sequential(
          new Linear(s.inFeatures, hidden, { bias: false, ...place }),
          new Linear(hidden, size, { bias: false, ...place }),
        ),
      );
    }
  }

  resetParameters(): void {
    this.head.resetParameters();
    for (const cluster of this.tail) {
      for (const layer of cluster as Sequential) (layer as Linear).resetParameters();
    }
  }

  override forward(given: Tensor, target: Tensor): AdaptiveOutput {
    const single = target.dim() === 0;
    if (target.dim() > 1) {
      throw new RuntimeError('0D or 1D target tensor expected, multi-target not supported');
    }
    if (given.dim() !== (single ? 1 : 2)) {
      throw new RuntimeError(
        single ? '0D target tensor expects 1D input tensor' : '1D target tensor expects 2D input tensor',
      );
    }
    const input = single ? given.unsqueeze(0) : given;
    const labels = single ? target.unsqueeze(0) : target;
    const batch = labels.shape[0];
    let output = zeros(batch, { dtype: input.dtype });
    let inHead = zeros(batch, { dtype: int64 });
    let used = 0;
    [0, ...this.cutoffs.slice(0, -1)].forEach((low, i) => {
      const mask = labels.ge(low).logicalAnd(labels.lt(this.cutoffs[i]));
      const rows = mask.nonzero().squeeze(1);
      if (rows.numel() === 0) return;
      used += rows.numel();
      const own = labels.indexSelect(0, rows);
      if (i === 0) {
        inHead = inHead.indexCopy(0, rows, own);
        return;
      }
      inHead = inHead.indexFill(0, rows, this.shortlistSize + i - 1);
      const cluster = this.tail.get(i - 1)(input.indexSelect(0, rows)) as Tensor;
      const local = F.logSoftmax(cluster, 1).gather(1, own.sub(low).unsqueeze(1));
      output = output.indexCopy(0, rows, local.squeeze(1));
    });
    if (used !== batch) {
      throw new RuntimeError(
        `Target values should be in [0, ${this.nClasses - 1}], but values in range [${labels.min().item()}, ${labels.max().item()}] were found. `,
      );
    }
    const head = F.logSoftmax(this.head(input), 1).gather(1, inHead.unsqueeze(1)).squeeze(1);
    const total = output.add(head);
    const loss = total.neg().mean();
    const shaped = single ? total.squeeze(0) : total;
    return Object.assign([shaped, loss] as const, { output: shaped, loss });
  }

  /** The log-probabilities of all classes: [N, nClasses]. */
  logProb(input: Tensor): Tensor {
    const head = F.logSoftmax(this.head(input), 1);
    let out = zeros(input.shape[0], this.nClasses, { dtype: head.dtype });
    const write = (from: number, to: number, values: Tensor): void => {
      const columns = zeros(to - from, { dtype: int64 })
        .fill_(1)
        .cumsum(0)
        .add(from - 1);
      out = out.indexCopy(1, columns, values);
    };
    write(0, this.shortlistSize, head.narrow(1, 0, this.shortlistSize));
    for (let i = 0; i < this.nClusters; i++) {
      const cluster = F.logSoftmax(this.tail.get(i)(input) as Tensor, 1);
      write(this.cutoffs[i], this.cutoffs[i + 1], cluster.add(head.narrow(1, this.shortlistSize + i, 1)));
    }
    return out;
  }

  /** The most likely class of each row. */
  predict(input: Tensor): Tensor {
    return this.logProb(input).argmax(1);
  }
}
