/** `torch.nn.utils`. https://pytorch.org/docs/stable/nn.html#utilities */
export { clipGradNorm_, type ClipGradNormOptions, clipGradValue_ } from './clipGrad.ts';
export { parametersToVector, vectorToParameters } from './vector.ts';
export * as rnn from './rnn.ts';
export { removeSpectralNorm, spectralNorm } from './spectralNorm.ts';
export { removeWeightNorm, weightNorm } from './weightNorm.ts';
