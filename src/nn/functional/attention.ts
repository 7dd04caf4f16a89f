/** Attention. Vaswani et al. 2017, "Attention Is All You Need". */
import { bool } from '../../base/dtype.ts';
import { RuntimeError } from '../../base/errors.ts';
import { showSizes } from '../../base/shape.ts';
import { define, type FreeCall } from '../../ops/define.ts';
import { cat } from '../../ops/index.ts';
import { softmaxAlong } from '../../ops/reduction/softmax.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { dropout } from './dropout.ts';
import { linear } from './linear.ts';

/** What `multiHeadAttentionForward` computes with. */
export interface AttentionWeights {
  readonly heads: number;
  /** Projections of query, key and value, each (embed, size). */
  readonly projections: readonly [query: Tensor, key: Tensor, value: Tensor];
  /** (3 · embed), or null. */
  readonly projectionBias: Tensor | null;
  /** One more key and value, (1, 1, embed) each. */
  readonly biasK: Tensor | null;
  readonly biasV: Tensor | null;
  readonly addZeroAttention: boolean;
  readonly dropout: number;
  readonly outWeight: Tensor;
  readonly outBias: Tensor | null;
}

export interface AttentionOptions {
  readonly training: boolean;
  /** (batch, keys): true, or −∞, where a key is left out. */
  readonly keyPaddingMask: Tensor | null;
  /** (queries, keys) or (batch · heads, queries, keys): bool, true where attention is not allowed, or added to the scores. */
  readonly attentionMask: Tensor | null;
  readonly needWeights: boolean;
  readonly averageWeights: boolean;
}

/** A mask as numbers that are added to scores. */
function additive(mask: Tensor | null, like: Tensor): Tensor | null {
  if (mask === null || mask.dtype !== bool) return mask;
  return like.detach().newZeros(mask.sizes).maskedFill(mask, Number.NEGATIVE_INFINITY);
}

function checkMask(mask: Tensor | null, batchHeads: number, queries: number, keys: number): Tensor | null {
  if (mask === null) return null;
  if (mask.sizes.length === 2) {
    if (mask.sizes[0] !== queries || mask.sizes[1] !== keys) {
      throw new RuntimeError(
        `The shape of the 2D attn_mask is torch.Size(${showSizes(mask.sizes)}), but should be (${queries}, ${keys}).`,
      );
    }
    return mask.unsqueeze(0);
  }
  if (mask.sizes.length !== 3)
    throw new RuntimeError(`attn_mask's dimension ${mask.sizes.length} is not supported`);
  if (mask.sizes[0] !== batchHeads || mask.sizes[1] !== queries || mask.sizes[2] !== keys) {
    throw new RuntimeError(
      `The shape of the 3D attn_mask is torch.Size(${showSizes(mask.sizes)}), but should be (${batchHeads}, ${queries}, ${keys}).`,
    );
  }
  return mask;
}

/**
 * Multi-head attention of query (queries, batch, embed), key and value (keys, batch, …). Returns the output (queries, batch, embed) and the
 * weights (batch, queries, keys), averaged over heads or per head, or null.
 */
export function multiHeadAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  w: AttentionWeights,
  options: AttentionOptions,
): [output: Tensor, weights: Tensor | null] {
  const { heads } = w;
  const [queries, batch, embed] = query.sizes;
  const width = embed / heads;
  const biases = w.projectionBias === null ? [null, null, null] : w.projectionBias.chunk(3);
  const [q, projectedK, projectedV] = [query, key, value].map((x, i) =>
    linear(x, w.projections[i], biases[i]),
  );
  let [k, v] = [projectedK, projectedV];
  let mask = additive(checkMask(options.attentionMask, batch * heads, queries, key.sizes[0]), q);
  let padding = additive(options.keyPaddingMask, q);
  // One more key: no mask hides it.
  const lengthen = (x: Tensor | null): Tensor | null =>
    x === null ? null : cat([x, x.newZeros([...x.sizes.slice(0, -1), 1])], -1);
  if (w.biasK !== null && w.biasV !== null) {
    k = cat([k, w.biasK.expand([1, batch, embed])]);
    v = cat([v, w.biasV.expand([1, batch, embed])]);
    mask = lengthen(mask);
    padding = lengthen(padding);
  }
  if (w.addZeroAttention) {
    k = cat([k, k.newZeros([1, batch, embed])]);
    v = cat([v, v.newZeros([1, batch, embed])]);
    mask = lengthen(mask);
    padding = lengthen(padding);
  }
  const keys = k.sizes[0];
  // (batch · heads, length, width)
  const split = (x: Tensor, length: number): Tensor =>
    x.reshape([length, batch * heads, width]).transpose(0, 1);
  if (padding !== null) {
    const perHead = padding
      .reshape([batch, 1, 1, keys])
      .expand([batch, heads, 1, keys])
      .reshape([batch * heads, 1, keys]);
    mask = mask === null ? perHead : mask.add(perHead);
  }
  let scores = split(q, queries)
    .mul(1 / Math.sqrt(width))
    .bmm(split(k, keys).transpose(1, 2));
  if (mask !== null) scores = scores.add(mask);
  let attention = softmaxAlong(scores, -1);
  if (options.training && w.dropout > 0) attention = dropout(attention, w.dropout, true);
  const mixed = attention
    .bmm(split(v, keys))
    .transpose(0, 1)
    .reshape([queries * batch, embed]);
  const output = linear(mixed, w.outWeight, w.outBias).reshape([queries, batch, embed]);
  if (!options.needWeights) return [output, null];
  const perHead = attention.reshape([batch, heads, queries, keys]);
  return [output, options.averageWeights ? perHead.sum(1).div(heads) : perHead];
}

/**
 * softmax(scale · query keyᵀ + mask) value, and the softmax. Where a bool mask is false a key takes no part.
 */
function attend(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  mask: Tensor | null,
  dropoutP: number,
  isCausal: boolean,
  scale: number,
  name: string,
): [output: Tensor, weights: Tensor] {
  let scores = query.mul(scale).matmul(key.transpose(-2, -1));
  if (isCausal) {
    if (mask !== null) {
      throw new RuntimeError(`${name}: Explicit attn_mask should not be set when is_causal=True`);
    }
    const [queries, keys] = scores.sizes.slice(-2);
    const allowed = scores.detach().newOnes([queries, keys], { dtype: bool }).tril();
    scores = scores.maskedFill(allowed.logicalNot(), Number.NEGATIVE_INFINITY);
  } else if (mask !== null) {
    if (mask.dtype === bool) scores = scores.maskedFill(mask.logicalNot(), Number.NEGATIVE_INFINITY);
    else scores = scores.add(mask);
  }
  let weights = softmaxAlong(scores, -1);
  if (dropoutP > 0) weights = dropout(weights, dropoutP, true);
  return [weights.matmul(value), weights];
}

/**
 * Attention of queries (…, L, E) to keys (…, S, E) with values (…, S, V): a tensor (…, L, V). `attnMask` broadcasts to (…, L, S): a bool one
 * says which keys take part, any other is added to the scores; with `isCausal` a query sees no key after it. Dropout is applied whenever
 * `dropoutP` is above 0. Throws a RuntimeError for a mask together with `isCausal`.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.scaled_dot_product_attention.html
 *
 * @example
 * ```ts
 * const [query, key] = [torch.zeros(1, 2, 4), torch.zeros(1, 2, 4)];
 * const value = torch.tensor([[[1, 2], [3, 4]]]);
 * const options = { isCausal: true };
 * console.log(torch.nn.functional.scaledDotProductAttention(query, key, value, options).tolist()); // => [ [ [ 1, 2 ], [ 2, 3 ] ] ]
 * ```
 */
export const scaledDotProductAttention: FreeCall<
  [
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attnMask?: Tensor | null,
    dropoutP?: number,
    isCausal?: boolean,
    scale?: number | null,
  ],
  { attnMask?: Tensor | null; dropoutP?: number; isCausal?: boolean; scale?: number | null },
  Tensor
> = define(
  'scaled_dot_product_attention(query, key, value, attnMask=None, dropoutP=0, isCausal=False, scale=None)',
  (
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attnMask: Tensor | null = null,
    dropoutP = 0,
    isCausal = false,
    scale: number | null = null,
  ) => {
    const width = query.sizes[query.sizes.length - 1];
    const factor = scale ?? 1 / Math.sqrt(width);
    const name = 'scaled_dot_product_attention';
    return attend(query, key, value, attnMask, dropoutP, isCausal, factor, name)[0];
  },
  { functionOnly: true },
);

/** The same under the name and with the arguments that it has in PyTorch 1.13: the output, and the weights. */
export const _scaledDotProductAttention: FreeCall<
  [
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attnMask?: Tensor | null,
    dropoutP?: number,
    needAttnWeights?: boolean,
    isCausal?: boolean,
  ],
  { attnMask?: Tensor | null; dropoutP?: number; needAttnWeights?: boolean; isCausal?: boolean },
  [output: Tensor, weights: Tensor]
> = define(
  '_scaled_dot_product_attention(query, key, value, attnMask=None, dropoutP=0, needAttnWeights=True, isCausal=False)',
  (
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attnMask: Tensor | null = null,
    dropoutP = 0,
    _needAttnWeights = true,
    isCausal = false,
  ) => {
    const factor = 1 / Math.sqrt(query.sizes[query.sizes.length - 1]);
    const name = '_scaled_dot_product_attention';
    return attend(query, key, value, attnMask, dropoutP, isCausal, factor, name);
  },
  { functionOnly: true },
);
