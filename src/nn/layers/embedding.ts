/** Embeddings. https://pytorch.org/docs/stable/nn.html#sparse-layers */
import { noGrad } from '../../autograd/mode.ts';
import { isOptions } from '../../base/arguments.ts';
import { RuntimeError } from '../../base/errors.ts';
import { Tensor } from '../../tensor/tensor.ts';
import type { BagMode } from '../functional/embeddingBag.ts';
import * as F from '../functional/index.ts';
import * as init from '../init.ts';
import { Module } from '../module.ts';
import { Parameter } from '../parameter.ts';
import { type Factory, settings, show, showFloat } from './common.ts';
import { newParameter } from './linear.ts';

export interface EmbeddingOptions extends Factory {
  paddingIdx?: number | null;
  maxNorm?: number | null;
  normType?: number;
  scaleGradByFreq?: boolean;
  sparse?: boolean;
  _weight?: Tensor | null;
}

interface EmbeddingSettings extends EmbeddingOptions {
  numEmbeddings: number;
  embeddingDim: number;
}

/**
 * A table of vectors, looked up by index: (…) int64 → (…, embeddingDim).
 * https://pytorch.org/docs/stable/generated/torch.nn.Embedding.html
 */
export class Embedding extends Module {
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  readonly paddingIdx: number | null;
  readonly maxNorm: number | null;
  readonly normType: number;
  readonly scaleGradByFreq: boolean;
  readonly sparse: boolean;
  weight: Parameter;

  constructor(
    ...args:
      | [numEmbeddings: number, embeddingDim: number, options?: EmbeddingOptions]
      | [numEmbeddings: number, embeddingDim: number, paddingIdx: number | null, ...rest: unknown[]]
      | [options: EmbeddingSettings]
  ) {
    super();
    const names = [
      'numEmbeddings',
      'embeddingDim',
      'paddingIdx',
      'maxNorm',
      'normType',
      'scaleGradByFreq',
      'sparse',
      '_weight',
      'device',
      'dtype',
    ] as const;
    const s = settings<EmbeddingSettings>('Embedding', names, 2, args);
    const padding = s.paddingIdx ?? null;
    if (padding !== null && (padding >= s.numEmbeddings || padding < -s.numEmbeddings)) {
      throw new RuntimeError('Padding_idx must be within num_embeddings');
    }
    this.numEmbeddings = s.numEmbeddings;
    this.embeddingDim = s.embeddingDim;
    this.paddingIdx = padding !== null && padding < 0 ? padding + s.numEmbeddings : padding;
    this.maxNorm = s.maxNorm ?? null;
    this.normType = s.normType ?? 2;
    this.scaleGradByFreq = s.scaleGradByFreq ?? false;
    this.sparse = s.sparse ?? false;
    if (s._weight !== undefined && s._weight !== null) {
      this.weight = new Parameter(s._weight);
    } else {
      this.weight = newParameter([s.numEmbeddings, s.embeddingDim], s);
      this.resetParameters();
    }
  }

  resetParameters(): void {
    init.normal_(this.weight);
    const { paddingIdx } = this;
    if (paddingIdx !== null) noGrad(() => this.weight.select(0, paddingIdx).fill_(0));
  }

  /** A layer with the given table; by default frozen. */
  static fromPretrained(
    embeddings: Tensor,
    freeze: boolean | (EmbeddingOptions & { freeze?: boolean }) = true,
    options: EmbeddingOptions = {},
  ): Embedding {
    const named = typeof freeze === 'boolean' ? { ...options, freeze } : freeze;
    const { freeze: frozen = true, ...rest } = named;
    const [rows, columns] = embeddings.sizes;
    const layer = new Embedding(rows, columns, { ...rest, _weight: embeddings });
    layer.weight.requiresGrad_(!frozen);
    return layer;
  }

  override forward(input: Tensor): Tensor {
    return F.embedding(
      input,
      this.weight,
      this.paddingIdx,
      this.maxNorm,
      this.normType,
      this.scaleGradByFreq,
      this.sparse,
    );
  }

  override extraRepr(): string {
    const parts = [`${this.numEmbeddings}, ${this.embeddingDim}`];
    if (this.paddingIdx !== null) parts.push(`padding_idx=${this.paddingIdx}`);
    if (this.maxNorm !== null) parts.push(`max_norm=${show(this.maxNorm)}`);
    if (this.normType !== 2) parts.push(`norm_type=${showFloat(this.normType)}`);
    if (this.scaleGradByFreq) parts.push('scale_grad_by_freq=True');
    if (this.sparse) parts.push('sparse=True');
    return parts.join(', ');
  }
}

export interface EmbeddingBagOptions extends Factory {
  maxNorm?: number | null;
  normType?: number;
  scaleGradByFreq?: boolean;
  mode?: BagMode;
  sparse?: boolean;
  _weight?: Tensor | null;
  includeLastOffset?: boolean;
  paddingIdx?: number | null;
}

interface EmbeddingBagSettings extends EmbeddingBagOptions {
  numEmbeddings: number;
  embeddingDim: number;
}

/**
 * Sums, means or maxima of bags of embeddings. https://pytorch.org/docs/stable/generated/torch.nn.EmbeddingBag.html
 */
export class EmbeddingBag extends Module {
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  readonly maxNorm: number | null;
  readonly normType: number;
  readonly scaleGradByFreq: boolean;
  readonly mode: BagMode;
  readonly sparse: boolean;
  readonly includeLastOffset: boolean;
  readonly paddingIdx: number | null;
  weight: Parameter;

  constructor(
    ...args:
      | [numEmbeddings: number, embeddingDim: number, options?: EmbeddingBagOptions]
      | [numEmbeddings: number, embeddingDim: number, maxNorm: number | null, ...rest: unknown[]]
      | [options: EmbeddingBagSettings]
  ) {
    super();
    const names = [
      'numEmbeddings',
      'embeddingDim',
      'maxNorm',
      'normType',
      'scaleGradByFreq',
      'mode',
      'sparse',
      '_weight',
      'includeLastOffset',
      'paddingIdx',
      'device',
      'dtype',
    ] as const;
    const s = settings<EmbeddingBagSettings>('EmbeddingBag', names, 2, args);
    const padding = s.paddingIdx ?? null;
    if (padding !== null && (padding >= s.numEmbeddings || padding < -s.numEmbeddings)) {
      throw new RuntimeError('padding_idx must be within num_embeddings');
    }
    this.numEmbeddings = s.numEmbeddings;
    this.embeddingDim = s.embeddingDim;
    this.maxNorm = s.maxNorm ?? null;
    this.normType = s.normType ?? 2;
    this.scaleGradByFreq = s.scaleGradByFreq ?? false;
    this.mode = s.mode ?? 'mean';
    this.sparse = s.sparse ?? false;
    this.includeLastOffset = s.includeLastOffset ?? false;
    this.paddingIdx = padding !== null && padding < 0 ? padding + s.numEmbeddings : padding;
    if (s._weight !== undefined && s._weight !== null) {
      this.weight = new Parameter(s._weight);
    } else {
      this.weight = newParameter([s.numEmbeddings, s.embeddingDim], s);
      this.resetParameters();
    }
  }

  resetParameters(): void {
    init.normal_(this.weight);
    const { paddingIdx } = this;
    if (paddingIdx !== null) noGrad(() => this.weight.select(0, paddingIdx).fill_(0));
  }

  override forward(
    input: Tensor,
    offsets: Tensor | null | { offsets?: Tensor | null; perSampleWeights?: Tensor | null } = null,
    perSampleWeights: Tensor | null | { perSampleWeights?: Tensor | null } = null,
  ): Tensor {
    const named = isOptions(offsets) ? offsets : isOptions(perSampleWeights) ? perSampleWeights : {};
    return F.embeddingBag(
      input,
      this.weight,
      offsets instanceof Tensor ? offsets : ((named as { offsets?: Tensor | null }).offsets ?? null),
      this.maxNorm,
      this.normType,
      this.scaleGradByFreq,
      this.mode,
      this.sparse,
      perSampleWeights instanceof Tensor
        ? perSampleWeights
        : ((named as { perSampleWeights?: Tensor | null }).perSampleWeights ?? null),
      this.includeLastOffset,
      this.paddingIdx,
    );
  }

  override extraRepr(): string {
    const parts = [`${this.numEmbeddings}, ${this.embeddingDim}`];
    if (this.maxNorm !== null) parts.push(`max_norm=${show(this.maxNorm)}`);
    if (this.normType !== 2) parts.push(`norm_type=${showFloat(this.normType)}`);
    if (this.scaleGradByFreq) parts.push('scale_grad_by_freq=True');
    parts.push(`mode=${this.mode}`);
    if (this.paddingIdx !== null) parts.push(`padding_idx=${this.paddingIdx}`);
    return parts.join(', ');
  }
}
