/** `torch.nn`. https://pytorch.org/docs/stable/nn.html */
export * from './containers.ts';
export * as functional from './functional/index.ts';
export * as init from './init.ts';
export * from './layers/activation.ts';
export { AdaptiveLogSoftmaxWithLoss, type AdaptiveOutput } from './layers/adaptive.ts';
export {
  Conv1d,
  Conv2d,
  Conv3d,
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  Fold,
  Unfold,
} from './layers/conv.ts';
export * from './layers/dropout.ts';
export { Embedding, EmbeddingBag } from './layers/embedding.ts';
export { MultiheadAttention, type MultiheadAttentionOptions } from './layers/attention.ts';
export { Bilinear, Identity, Linear } from './layers/linear.ts';
export {
  Transformer,
  TransformerDecoder,
  TransformerDecoderLayer,
  TransformerEncoder,
  TransformerEncoderLayer,
  type TransformerLayerOptions,
  type TransformerOptions,
} from './layers/transformer.ts';
export * from './layers/crossMap.ts';
export * from './layers/normalization.ts';
export * from './layers/padding.ts';
export {
  GRU,
  GRUCell,
  LSTM,
  LSTMCell,
  type LSTMOptions,
  type RecurrentOptions,
  RNN,
  RNNCell,
  type RNNOptions,
} from './layers/recurrent.ts';
export * from './layers/pooling.ts';
export * from './layers/shape.ts';
export type { LossOptions, Reduction } from './losses/loss.ts';
export * from './losses/losses.ts';
export { Module, StateDict } from './module.ts';
export { Parameter } from './parameter.ts';
export * as utils from './utils/index.ts';
