/**
 * `import * as torch from 'typetorch'`: everything, under PyTorch's names in camelCase.
 * https://pytorch.org/docs/stable/torch.html
 */
import './tensor/index.ts';

export * as autograd from './autograd.ts';
export {
  detectAnomaly,
  enableGrad,
  inferenceMode,
  isGradEnabled,
  isInferenceModeEnabled as isInferenceMode,
  noGrad,
  setGradEnabled,
} from './autograd/mode.ts';
export {
  bfloat16,
  bool,
  canCast,
  DType,
  float16,
  float16 as half,
  float32,
  float32 as float,
  float64,
  float64 as double,
  getDefaultDtype,
  int8,
  int16,
  int16 as short,
  int32,
  int32 as int,
  int64,
  int64 as long,
  promoteTypes,
  setDefaultDtype,
  uint8,
} from './base/dtype.ts';
export * from './base/errors.ts';
export {
  channelsLast,
  channelsLast3d,
  contiguousFormat,
  MemoryFormat,
  type MemoryFormatLike,
  preserveFormat,
} from './base/memoryFormat.ts';
export { finfo, type FloatInfo, iinfo, type IntegerInfo } from './base/typeinfo.ts';
export * as data from './data/index.ts';
export * from './io/index.ts';
export * as nn from './nn/index.ts';
// Functions of torch.nn.functional that `torch` has under the same name, with the same arguments.
export {
  adaptiveAvgPool1d,
  adaptiveMaxPool1d,
  avgPool1d,
  bilinear,
  celu,
  channelShuffle,
  conv1d,
  conv2d,
  conv3d,
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
  cosineSimilarity,
  groupNorm,
  hardshrink,
  layerNorm,
  maxPool1d,
  maxPool2d,
  maxPool3d,
  pairwiseDistance,
  pixelShuffle,
  pixelUnshuffle,
  prelu,
  selu,
  threshold,
} from './nn/functional/index.ts';
export { nativeBatchNorm, nativeLayerNorm } from './nn/functional/native.ts';
export { linalg } from './ops/linalg/index.ts';
export * from './ops/index.ts';
export * as fft from './ops/fft/index.ts';
export * as masked from './ops/masked/index.ts';
export * as special from './ops/special/index.ts';
export * as optim from './optim/index.ts';
export * as profiler from './profiler/index.ts';
export {
  asTensor,
  empty,
  emptyLike,
  emptyStrided,
  eye,
  fromBlob,
  full,
  fullLike,
  ones,
  onesLike,
  type Options,
  scalarTensor,
  tensor,
  type TensorData,
  zeros,
  zerosLike,
} from './tensor/create.ts';
export { arange, linspace, logspace } from './tensor/ranges.ts';
export * as config from './tensor/config.ts';
export { isComplex, isFloatingPoint } from './tensor/access.ts';
export { setDefaultDevice } from './tensor/defaults.ts';
export { getNumThreads, setNumThreads } from './tensor/threads.ts';
export { TorchDevice as Device, torchDevice as device } from './tensor/devices.ts';
export { type Index, Slice, slice } from './tensor/indexing.ts';
export {
  BoolTensor,
  ByteTensor,
  CharTensor,
  DoubleTensor,
  FloatTensor,
  IntTensor,
  LongTensor,
  ShortTensor,
} from './tensor/legacy.ts';
export { getPrintoptions, type PrintOptions, setPrintoptions } from './tensor/printing.ts';
export { type PyFloat, pyFloat } from './tensor/pyfloat.ts';
export {
  bernoulli,
  defaultGenerator,
  Generator,
  getRngState,
  initialSeed,
  manualSeed,
  multinomial,
  normal,
  pcaLowrank,
  poisson,
  rand,
  randint,
  randintLike,
  randLike,
  randn,
  randnLike,
  randperm,
  seed,
  setRngState,
  svdLowrank,
} from './tensor/random.ts';
export {
  bartlettWindow,
  blackmanWindow,
  hammingWindow,
  hannWindow,
  kaiserWindow,
} from './tensor/windows.ts';
export { isTensor, numel, resultType } from './tensor/queries.ts';
export {
  keep,
  memoryStats,
  resetPeakMemoryStats,
  scope,
  type TensorScope,
  tidy,
} from './tensor/scopes.ts';
export { Size } from './tensor/size.ts';
export { Tensor } from './tensor/tensor.ts';
export * as testing from './testing/index.ts';
export * as utils from './utils.ts';
