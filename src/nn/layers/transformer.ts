/** Transformers. Vaswani et al. 2017; https://pytorch.org/docs/stable/nn.html#transformer-layers */
import { isOptions } from '../../base/arguments.ts';
import { RuntimeError } from '../../base/errors.ts';
import { full } from '../../tensor/create.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { ModuleList } from '../containers.ts';
import { copyModule } from '../copy.ts';
import * as F from '../functional/index.ts';
import * as init from '../init.ts';
import { Module } from '../module.ts';
import { MultiheadAttention } from './attention.ts';
import { type Factory, settings } from './common.ts';
import { Dropout } from './dropout.ts';
import { Linear } from './linear.ts';
import { LayerNorm } from './normalization.ts';

type Activation = (x: Tensor) => Tensor;

/** Options of transformer layers. */
export interface TransformerLayerOptions extends Factory {
  dimFeedforward?: number;
  dropout?: number;
  activation?: 'relu' | 'gelu' | Activation;
  layerNormEps?: number;
  batchFirst?: boolean;
  /** Normalise before attention and feed-forward instead of after. */
  normFirst?: boolean;
}

interface LayerSettings extends TransformerLayerOptions {
  dModel: number;
  nhead: number;
}

const layerNames = [
  'dModel',
  'nhead',
  'dimFeedforward',
  'dropout',
  'activation',
  'layerNormEps',
  'batchFirst',
  'normFirst',
  'device',
  'dtype',
] as const;

type LayerArguments =
  | [dModel: number, nhead: number, options?: TransformerLayerOptions]
  | [dModel: number, nhead: number, dimFeedforward: number, ...rest: unknown[]]
  | [options: LayerSettings];

function activationOf(given: 'relu' | 'gelu' | Activation = 'relu'): Activation {
  if (typeof given === 'function') return given;
  if (given === 'relu') return (x) => F.relu(x);
  if (given === 'gelu') return (x) => F.gelu(x);
  throw new RuntimeError(`activation should be relu/gelu, not ${String(given)}`);
}

/** Masks by position or by name, after the tensors of a call. */
function masks<K extends string>(
  names: readonly K[],
  rest: readonly unknown[],
): Partial<Record<K, Tensor | null>> {
  const last = rest[rest.length - 1];
  const named = isOptions(last) ? (last as Partial<Record<K, Tensor | null>>) : {};
  const positional = isOptions(last) ? rest.slice(0, -1) : rest;
  const out: Partial<Record<K, Tensor | null>> = { ...named };
  positional.forEach((mask, i) => {
    out[names[i]] = mask as Tensor | null;
  });
  return out;
}

type Mask = Tensor | null | undefined;
type Rest<O> = (Mask | boolean | O)[];

/** What encoder and decoder layers share. */
abstract class TransformerLayer extends Module {
  readonly normFirst: boolean;
  declare self_attn: MultiheadAttention;
  declare linear1: Linear;
  declare linear2: Linear;
  declare dropout: Dropout;
  declare norm1: LayerNorm;
  declare norm2: LayerNorm;
  declare dropout1: Dropout;
  declare dropout2: Dropout;
  protected readonly activation: Activation;

  constructor(s: LayerSettings, crosses: boolean) {
    super();
    const {
      dModel,
      nhead,
      dimFeedforward = 2048,
      dropout = 0.1,
      layerNormEps = 1e-5,
      batchFirst = false,
    } = s;
    const place = { dtype: s.dtype ?? null, device: s.device };
    const attention = (): MultiheadAttention =>
      new MultiheadAttention(dModel, nhead, { dropout, batchFirst, ...place });
    const norm = (): LayerNorm => new LayerNorm(dModel, { eps: layerNormEps, ...place });
    this.normFirst = s.normFirst ?? false;
    this.activation = activationOf(s.activation);
    // Names and order of PyTorch's files and prints.
    this.registerModule('self_attn', attention());
    if (crosses) this.registerModule('multihead_attn', attention());
    this.registerModule('linear1', new Linear(dModel, dimFeedforward, true, place));
    this.registerModule('dropout', new Dropout(dropout));
    this.registerModule('linear2', new Linear(dimFeedforward, dModel, true, place));
    this.registerModule('norm1', norm());
    this.registerModule('norm2', norm());
    if (crosses) this.registerModule('norm3', norm());
    this.registerModule('dropout1', new Dropout(dropout));
    this.registerModule('dropout2', new Dropout(dropout));
    if (crosses) this.registerModule('dropout3', new Dropout(dropout));
  }

  protected attend(x: Tensor, mask: Mask, padding: Mask): Tensor {
    const named = { attnMask: mask ?? null, keyPaddingMask: padding ?? null, needWeights: false };
    return this.dropout1(this.self_attn(x, x, x, named)[0]);
  }

  protected feedForward(x: Tensor, last: Dropout): Tensor {
    return last(this.linear2(this.dropout(this.activation(this.linear1(x)))));
  }
}

/** Named arguments of an encoder layer. */
export interface EncoderMasks {
  srcMask?: Tensor | null;
  srcKeyPaddingMask?: Tensor | null;
}

/**
 * Self-attention and a feed-forward network, each with a residual connection and layer norm.
 * https://pytorch.org/docs/stable/generated/torch.nn.TransformerEncoderLayer.html
 */
export class TransformerEncoderLayer extends TransformerLayer {
  constructor(...args: LayerArguments) {
    super(settings<LayerSettings>('TransformerEncoderLayer', layerNames, 2, args), false);
  }

  override forward(src: Tensor, ...rest: Rest<EncoderMasks>): Tensor {
    const { srcMask, srcKeyPaddingMask } = masks(['srcMask', 'srcKeyPaddingMask'], rest);
    if (this.normFirst) {
      const x = src.add(this.attend(this.norm1(src), srcMask, srcKeyPaddingMask));
      return x.add(this.feedForward(this.norm2(x), this.dropout2));
    }
    const x = this.norm1(src.add(this.attend(src, srcMask, srcKeyPaddingMask)));
    return this.norm2(x.add(this.feedForward(x, this.dropout2)));
  }
}

/** Named arguments of a decoder layer. */
export interface DecoderMasks {
  tgtMask?: Tensor | null;
  memoryMask?: Tensor | null;
  tgtKeyPaddingMask?: Tensor | null;
  memoryKeyPaddingMask?: Tensor | null;
}

const decoderMasks = ['tgtMask', 'memoryMask', 'tgtKeyPaddingMask', 'memoryKeyPaddingMask'] as const;

/**
 * Self-attention, attention to an encoder's output, and a feed-forward network.
 * https://pytorch.org/docs/stable/generated/torch.nn.TransformerDecoderLayer.html
 */
export class TransformerDecoderLayer extends TransformerLayer {
  declare multihead_attn: MultiheadAttention;
  declare norm3: LayerNorm;
  declare dropout3: Dropout;

  constructor(...args: LayerArguments) {
    super(settings<LayerSettings>('TransformerDecoderLayer', layerNames, 2, args), true);
  }

  private cross(x: Tensor, memory: Tensor, mask: Mask, padding: Mask): Tensor {
    const named = { attnMask: mask ?? null, keyPaddingMask: padding ?? null, needWeights: false };
    return this.dropout2(this.multihead_attn(x, memory, memory, named)[0]);
  }

  override forward(tgt: Tensor, memory: Tensor, ...rest: Rest<DecoderMasks>): Tensor {
    const m = masks(decoderMasks, rest);
    if (this.normFirst) {
      let x = tgt.add(this.attend(this.norm1(tgt), m.tgtMask, m.tgtKeyPaddingMask));
      x = x.add(this.cross(this.norm2(x), memory, m.memoryMask, m.memoryKeyPaddingMask));
      return x.add(this.feedForward(this.norm3(x), this.dropout3));
    }
    let x = this.norm1(tgt.add(this.attend(tgt, m.tgtMask, m.tgtKeyPaddingMask)));
    x = this.norm2(x.add(this.cross(x, memory, m.memoryMask, m.memoryKeyPaddingMask)));
    return this.norm3(x.add(this.feedForward(x, this.dropout3)));
  }
}

/** Copies of one layer. */
function clones<M extends Module>(layer: M, count: number): ModuleList {
  return new ModuleList(Array.from({ length: count }, () => copyModule(layer)));
}

/** A stack of encoder layers, copies of the given one. https://pytorch.org/docs/stable/generated/torch.nn.TransformerEncoder.html */
export class TransformerEncoder extends Module {
  readonly numLayers: number;
  declare layers: ModuleList;
  declare norm: Module | null;

  constructor(
    encoderLayer: TransformerEncoderLayer,
    numLayers: number | { numLayers: number; norm?: Module | null; enableNestedTensor?: boolean },
    norm: Module | null | { norm?: Module | null; enableNestedTensor?: boolean } = null,
    _enableNestedTensor = true,
  ) {
    super();
    const named =
      typeof numLayers === 'object'
        ? numLayers
        : isOptions(norm)
          ? { numLayers, norm: norm.norm ?? null }
          : { numLayers, norm: norm as Module | null };
    this.registerModule('layers', clones(encoderLayer, named.numLayers));
    this.numLayers = named.numLayers;
    this.norm = named.norm ?? null;
  }

  override forward(
    src: Tensor,
    ...rest: Rest<{ mask?: Tensor | null; srcKeyPaddingMask?: Tensor | null }>
  ): Tensor {
    const { mask = null, srcKeyPaddingMask = null } = masks(['mask', 'srcKeyPaddingMask'], rest);
    let x = src;
    for (const layer of this.layers)
      x = (layer as TransformerEncoderLayer)(x, { srcMask: mask, srcKeyPaddingMask });
    return this.norm === null ? x : (this.norm as LayerNorm)(x);
  }
}

/** A stack of decoder layers. https://pytorch.org/docs/stable/generated/torch.nn.TransformerDecoder.html */
export class TransformerDecoder extends Module {
  readonly numLayers: number;
  declare layers: ModuleList;
  declare norm: Module | null;

  constructor(
    decoderLayer: TransformerDecoderLayer,
    numLayers: number | { numLayers: number; norm?: Module | null },
    norm: Module | null | { norm?: Module | null } = null,
  ) {
    super();
    const named =
      typeof numLayers === 'object'
        ? numLayers
        : isOptions(norm)
          ? { numLayers, norm: norm.norm ?? null }
          : { numLayers, norm: norm as Module | null };
    this.registerModule('layers', clones(decoderLayer, named.numLayers));
    this.numLayers = named.numLayers;
    this.norm = named.norm ?? null;
  }

  override forward(tgt: Tensor, memory: Tensor, ...rest: Rest<DecoderMasks>): Tensor {
    const named = masks(decoderMasks, rest);
    let x = tgt;
    for (const layer of this.layers) x = (layer as TransformerDecoderLayer)(x, memory, named as DecoderMasks);
    return this.norm === null ? x : (this.norm as LayerNorm)(x);
  }
}

/** Options of `Transformer`. */
export interface TransformerOptions extends TransformerLayerOptions {
  dModel?: number;
  nhead?: number;
  numEncoderLayers?: number;
  numDecoderLayers?: number;
  customEncoder?: Module | null;
  customDecoder?: Module | null;
}

const transformerNames = [
  'dModel',
  'nhead',
  'numEncoderLayers',
  'numDecoderLayers',
  'dimFeedforward',
  'dropout',
  'activation',
  'customEncoder',
  'customDecoder',
  'layerNormEps',
  'batchFirst',
  'normFirst',
  'device',
  'dtype',
] as const;

/** Named arguments of `Transformer.forward`. */
export interface TransformerMasks extends DecoderMasks, EncoderMasks {}

/** Encoder and decoder. https://pytorch.org/docs/stable/generated/torch.nn.Transformer.html */
export class Transformer extends Module {
  readonly dModel: number;
  readonly nhead: number;
  readonly batchFirst: boolean;
  declare encoder: Module;
  declare decoder: Module;

  constructor(
    ...args: [options?: TransformerOptions] | [dModel: number, nhead?: number, ...rest: unknown[]]
  ) {
    super();
    const s = settings<TransformerOptions>('Transformer', transformerNames, 0, args);
    const { dModel = 512, nhead = 8, numEncoderLayers = 6, numDecoderLayers = 6, layerNormEps = 1e-5 } = s;
    const { customEncoder, customDecoder, numEncoderLayers: _e, numDecoderLayers: _d, ...layer } = s;
    const place = { dtype: s.dtype ?? null, device: s.device };
    const options: LayerSettings = { ...layer, dModel, nhead };
    const norm = (): LayerNorm => new LayerNorm(dModel, { eps: layerNormEps, ...place });
    this.registerModule(
      'encoder',
      customEncoder ?? new TransformerEncoder(new TransformerEncoderLayer(options), numEncoderLayers, norm()),
    );
    this.registerModule(
      'decoder',
      customDecoder ?? new TransformerDecoder(new TransformerDecoderLayer(options), numDecoderLayers, norm()),
    );
    for (const p of this.parameters()) if (p.sizes.length > 1) init.xavierUniform_(p);
    this.dModel = dModel;
    this.nhead = nhead;
    this.batchFirst = s.batchFirst ?? false;
  }

  override forward(
    src: Tensor,
    tgt: Tensor,
    ...rest: Rest<TransformerMasks & { memoryMask?: Tensor | null }>
  ): Tensor {
    const names = [
      'srcMask',
      'tgtMask',
      'memoryMask',
      'srcKeyPaddingMask',
      'tgtKeyPaddingMask',
      'memoryKeyPaddingMask',
    ] as const;
    const m = masks(names, rest);
    const batched = src.sizes.length === 3;
    const axis = this.batchFirst ? 0 : 1;
    if (batched && src.sizes[axis] !== tgt.sizes[axis]) {
      throw new RuntimeError('the batch number of src and tgt must be equal');
    }
    const last = (x: Tensor): number => x.sizes[x.sizes.length - 1];
    if (last(src) !== this.dModel || last(tgt) !== this.dModel) {
      throw new RuntimeError('the feature number of src and tgt must be equal to d_model');
    }
    const memory = (this.encoder as TransformerEncoder)(src, {
      mask: m.srcMask ?? null,
      srcKeyPaddingMask: m.srcKeyPaddingMask ?? null,
    });
    return (this.decoder as TransformerDecoder)(tgt, memory, {
      tgtMask: m.tgtMask ?? null,
      memoryMask: m.memoryMask ?? null,
      tgtKeyPaddingMask: m.tgtKeyPaddingMask ?? null,
      memoryKeyPaddingMask: m.memoryKeyPaddingMask ?? null,
    });
  }

  /** A mask (size, size) that lets every position attend to itself and earlier ones only. */
  static generateSquareSubsequentMask(size: number): Tensor {
    return full([size, size], Number.NEGATIVE_INFINITY).triu(1);
  }
}
