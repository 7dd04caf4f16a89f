/** `torch.nn.functional`. https://pytorch.org/docs/stable/nn.functional.html */
export * from './activations.ts';
export { _scaledDotProductAttention, scaledDotProductAttention } from './attention.ts';
export * from './conv.ts';
export { ctcLoss } from './ctc.ts';
export * from './dropout.ts';
export { type BagMode, embeddingBag } from './embeddingBag.ts';
export { fractionalMaxPool2d, fractionalMaxPool3d } from './fractional.ts';
export { gumbelSoftmax } from './gumbel.ts';
export { interpolate, upsample, upsampleBilinear, upsampleNearest } from './interpolate.ts';
export * from './linear.ts';
export * from './losses.ts';
export { pdist } from '../../ops/contraction/distances.ts';
export * from './normalization.ts';
export * from './padding.ts';
export * from './pooling.ts';
export { affineGrid, type GridMode, type GridPadding, gridSample } from './sampling.ts';
export * from './unpooling.ts';
export * from './vision.ts';
