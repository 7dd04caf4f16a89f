/** Multi-head attention. https://pytorch.org/docs/stable/generated/torch.nn.MultiheadAttention.html */
import { RuntimeError } from '../../base/errors.ts';
import { isOptions } from '../../base/arguments.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { multiHeadAttention } from '../functional/attention.ts';
import * as init from '../init.ts';
import { Module } from '../module.ts';
import type { Parameter } from '../parameter.ts';
import { type Factory, settings } from './common.ts';
import { Linear, newParameter } from './linear.ts';

/** A Linear layer by the name under which PyTorch prints and saves the output projection. */
class NonDynamicallyQuantizableLinear extends Linear {}

export interface MultiheadAttentionOptions extends Factory {
  dropout?: number;
  bias?: boolean;
  addBiasKv?: boolean;
  addZeroAttn?: boolean;
  /** The size of keys and of values; embedDim by default. */
  kdim?: number | null;
  vdim?: number | null;
  /** Are inputs (batch, length, embed) instead of (length, batch, embed)? */
  batchFirst?: boolean;
}

interface Settings extends MultiheadAttentionOptions {
  embedDim: number;
  numHeads: number;
}

/** Named arguments of `MultiheadAttention.forward`. */
export interface AttentionArguments {
  keyPaddingMask?: Tensor | null;
  needWeights?: boolean;
  attnMask?: Tensor | null;
  averageAttnWeights?: boolean;
}

/**
 * Attention by several heads: `attention(query, key, value)` gives the output and the weights, averaged over the heads.
 *
 * @example
 * ```ts
 * const attention = new nn.MultiheadAttention(8, 2);
 * const x = torch.zeros(5, 1, 8);
 * const [output, weights] = attention(x, x, x);
 * console.log(output.shape, weights?.shape); // => torch.Size([5, 1, 8]) torch.Size([1, 5, 5])
 * ```
 */
export class MultiheadAttention extends Module {
  readonly embedDim: number;
  readonly numHeads: number;
  readonly dropout: number;
  readonly batchFirst: boolean;
  readonly addZeroAttn: boolean;
  declare in_proj_weight: Parameter | null;
  declare q_proj_weight: Parameter | null;
  declare k_proj_weight: Parameter | null;
  declare v_proj_weight: Parameter | null;
  declare in_proj_bias: Parameter | null;
  declare out_proj: Linear;
  declare bias_k: Parameter | null;
  declare bias_v: Parameter | null;

  constructor(
    ...args:
      | [embedDim: number, numHeads: number, options?: MultiheadAttentionOptions]
      | [embedDim: number, numHeads: number, dropout: number, ...rest: unknown[]]
      | [options: Settings]
  ) {
    super();
    const names = [
      'embedDim',
      'numHeads',
      'dropout',
      'bias',
      'addBiasKv',
      'addZeroAttn',
      'kdim',
      'vdim',
      'batchFirst',
      'device',
      'dtype',
    ] as const;
    const s = settings<Settings>('MultiheadAttention', names, 2, args);
    const {
      embedDim,
      numHeads,
      dropout = 0,
      bias = true,
      addBiasKv = false,
      addZeroAttn = false,
      batchFirst = false,
    } = s;
    const [kdim, vdim] = [s.kdim ?? embedDim, s.vdim ?? embedDim];
    if (embedDim % numHeads !== 0) throw new RuntimeError('embed_dim must be divisible by num_heads');
    this.embedDim = embedDim;
    this.numHeads = numHeads;
    this.dropout = dropout;
    this.batchFirst = batchFirst;
    this.addZeroAttn = addZeroAttn;
    const same = kdim === embedDim && vdim === embedDim;
    // The names of PyTorch's files.
    this.registerParameter('in_proj_weight', same ? newParameter([3 * embedDim, embedDim], s) : null);
    this.registerParameter('q_proj_weight', same ? null : newParameter([embedDim, embedDim], s));
    this.registerParameter('k_proj_weight', same ? null : newParameter([embedDim, kdim], s));
    this.registerParameter('v_proj_weight', same ? null : newParameter([embedDim, vdim], s));
    this.registerParameter('in_proj_bias', bias ? newParameter([3 * embedDim], s) : null);
    const place = { dtype: s.dtype ?? null, device: s.device };
    this.registerModule('out_proj', new NonDynamicallyQuantizableLinear(embedDim, embedDim, bias, place));
    this.registerParameter('bias_k', addBiasKv ? newParameter([1, 1, embedDim], s) : null);
    this.registerParameter('bias_v', addBiasKv ? newParameter([1, 1, embedDim], s) : null);
    this.resetParameters();
  }

  resetParameters(): void {
    for (const weight of [this.in_proj_weight, this.q_proj_weight, this.k_proj_weight, this.v_proj_weight]) {
      if (weight !== null) init.xavierUniform_(weight);
    }
    if (this.in_proj_bias !== null) init.zeros_(this.in_proj_bias);
    if (this.in_proj_bias !== null && this.out_proj.bias !== null) init.zeros_(this.out_proj.bias);
    if (this.bias_k !== null) init.xavierNormal_(this.bias_k);
    if (this.bias_v !== null) init.xavierNormal_(this.bias_v);
  }

  private projections(): readonly [Tensor, Tensor, Tensor] {
    if (this.in_proj_weight !== null)
      return this.in_proj_weight.chunk(3) as unknown as readonly [Tensor, Tensor, Tensor];
    return [this.q_proj_weight as Tensor, this.k_proj_weight as Tensor, this.v_proj_weight as Tensor];
  }

  override forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    ...rest: (Tensor | boolean | null | undefined | AttentionArguments)[]
  ): [output: Tensor, weights: Tensor | null] {
    const given = attentionArguments(rest);
    const batched = query.sizes.length === 3;
    if (!batched && query.sizes.length !== 2) {
      throw new RuntimeError(
        `query should be unbatched 2D or batched 3D tensor but received ${query.sizes.length}-D query tensor`,
      );
    }
    if (query.sizes[query.sizes.length - 1] !== this.embedDim) {
      throw new RuntimeError(
        `was expecting embedding dimension of ${this.embedDim}, but got ${query.sizes[query.sizes.length - 1]}`,
      );
    }
    const turn = (x: Tensor): Tensor => {
      if (!batched) return x.unsqueeze(1);
      return this.batchFirst ? x.transpose(0, 1) : x;
    };
    const padding = given.keyPaddingMask ?? null;
    const [output, weights] = multiHeadAttention(
      turn(query),
      turn(key),
      turn(value),
      {
        heads: this.numHeads,
        projections: this.projections(),
        projectionBias: this.in_proj_bias,
        biasK: this.bias_k,
        biasV: this.bias_v,
        addZeroAttention: this.addZeroAttn,
        dropout: this.dropout,
        outWeight: this.out_proj.weight,
        outBias: this.out_proj.bias,
      },
      {
        training: this.training,
        keyPaddingMask: padding !== null && !batched ? padding.unsqueeze(0) : padding,
        attentionMask: given.attnMask ?? null,
        needWeights: given.needWeights ?? true,
        averageWeights: given.averageAttnWeights ?? true,
      },
    );
    if (!batched) return [output.squeeze(1), weights === null ? null : weights.squeeze(0)];
    return [this.batchFirst ? output.transpose(0, 1) : output, weights];
  }
}

/** Positional and named arguments after query, key and value. */
function attentionArguments(rest: readonly unknown[]): AttentionArguments {
  const last = rest[rest.length - 1];
  const named = isOptions(last) ? (last as AttentionArguments) : {};
  const [keyPaddingMask, needWeights, attnMask, averageAttnWeights] = isOptions(last)
    ? rest.slice(0, -1)
    : rest;
  const positional = { keyPaddingMask, needWeights, attnMask, averageAttnWeights } as AttentionArguments;
  return { ...Object.fromEntries(Object.entries(positional).filter(([, v]) => v !== undefined)), ...named };
}
