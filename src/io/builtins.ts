/** The classes of `torch.nn` under their paths in Python. */
import type { Module } from '../nn/index.ts';
import * as nn from '../nn/index.ts';
import { type ModuleClass, type ModuleFormat, moduleCodec } from './modules.ts';
import { builtinClasses } from './registry.ts';

/** The modules of Python that define the layers, below `torch.nn.modules`. */
const definedIn: Readonly<Record<string, readonly string[]>> = {
  activation:
    'CELU ELU GELU GLU Hardshrink Hardsigmoid Hardswish Hardtanh LeakyReLU LogSigmoid LogSoftmax Mish MultiheadAttention PReLU RReLU ReLU ReLU6 SELU SiLU Sigmoid Softmax Softmax2d Softmin Softplus Softshrink Softsign Tanh Tanhshrink Threshold'.split(
      ' ',
    ),
  adaptive: ['AdaptiveLogSoftmaxWithLoss'],
  batchnorm: ['BatchNorm1d', 'BatchNorm2d', 'BatchNorm3d'],
  channelshuffle: ['ChannelShuffle'],
  container: ['ModuleDict', 'ModuleList', 'ParameterDict', 'ParameterList', 'Sequential'],
  conv: ['Conv1d', 'Conv2d', 'Conv3d', 'ConvTranspose1d', 'ConvTranspose2d', 'ConvTranspose3d'],
  distance: ['CosineSimilarity', 'PairwiseDistance'],
  dropout: ['AlphaDropout', 'Dropout', 'Dropout1d', 'Dropout2d', 'Dropout3d', 'FeatureAlphaDropout'],
  flatten: ['Flatten', 'Unflatten'],
  fold: ['Fold', 'Unfold'],
  instancenorm: ['InstanceNorm1d', 'InstanceNorm2d', 'InstanceNorm3d'],
  linear: ['Bilinear', 'Identity', 'Linear'],
  loss: 'BCELoss BCEWithLogitsLoss CTCLoss CosineEmbeddingLoss CrossEntropyLoss GaussianNLLLoss HingeEmbeddingLoss HuberLoss KLDivLoss L1Loss MSELoss MarginRankingLoss MultiLabelMarginLoss MultiLabelSoftMarginLoss MultiMarginLoss NLLLoss PoissonNLLLoss SmoothL1Loss SoftMarginLoss TripletMarginLoss TripletMarginWithDistanceLoss'.split(
    ' ',
  ),
  normalization: ['CrossMapLRN2d', 'GroupNorm', 'LayerNorm', 'LocalResponseNorm'],
  padding:
    'ConstantPad1d ConstantPad2d ConstantPad3d ReflectionPad1d ReflectionPad2d ReflectionPad3d ReplicationPad1d ReplicationPad2d ReplicationPad3d ZeroPad2d'.split(
      ' ',
    ),
  pixelshuffle: ['PixelShuffle', 'PixelUnshuffle'],
  pooling:
    'AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d AvgPool1d AvgPool2d AvgPool3d FractionalMaxPool2d FractionalMaxPool3d LPPool1d LPPool2d MaxPool1d MaxPool2d MaxPool3d MaxUnpool1d MaxUnpool2d MaxUnpool3d'.split(
      ' ',
    ),
  rnn: ['GRU', 'GRUCell', 'LSTM', 'LSTMCell', 'RNN', 'RNNCell'],
  sparse: ['Embedding', 'EmbeddingBag'],
  transformer: [
    'Transformer',
    'TransformerDecoder',
    'TransformerDecoderLayer',
    'TransformerEncoder',
    'TransformerEncoderLayer',
  ],
  upsampling: ['Upsample', 'UpsamplingBilinear2d', 'UpsamplingNearest2d'],
};

/** What a convolution of PyTorch keeps for paddings other than zeros: the padding of each dimension, last first, twice. */
function convolution(module: Module): Record<string, unknown> {
  const { kernelSize, dilation, padding } = module as unknown as {
    readonly kernelSize: readonly number[];
    readonly dilation: readonly number[];
    readonly padding: readonly number[] | string;
  };
  const reversed: number[] = [];
  for (let d = kernelSize.length - 1; d >= 0; d--) {
    if (typeof padding === 'string') {
      const total = padding === 'same' ? dilation[d] * (kernelSize[d] - 1) : 0;
      const left = Math.floor(total / 2);
      reversed.push(left, total - left);
    } else {
      reversed.push(padding[d], padding[d]);
    }
  }
  return {
    transposed: module.typeName().startsWith('ConvTranspose'),
    _reversed_padding_repeated_twice: reversed,
  };
}

/** What a recurrent network of PyTorch keeps besides its parameters: their names by layer, and all of them in a list. */
function recurrent(module: Module): Record<string, unknown> {
  const names = [...module.namedParameters('', false)].map(([name]) => name);
  const layers = new Map<string, string[]>();
  for (const name of names) {
    const layer = name.replace(/^(weight|bias)_(ih|hh|hr)_/, '');
    layers.set(layer, [...(layers.get(layer) ?? []), name]);
  }
  return {
    _flat_weights_names: names,
    _all_weights: [...layers.values()],
    _flat_weights: [...module.parameters(false)],
  };
}

const derived: Readonly<Record<string, (module: Module) => Record<string, unknown>>> = {
  ...Object.fromEntries(definedIn.conv.map((name) => [name, convolution])),
  GRU: recurrent,
  LSTM: recurrent,
  RNN: recurrent,
  ParameterList: (module) => ({ _size: [...module.parameters(false)].length }),
  ParameterDict: (module) => ({
    _keys: new Map([...module.namedParameters('', false)].map(([name]) => [name, null])),
  }),
  ReLU6: () => ({ min_val: 0, max_val: 6 }),
  Upsample: (module) => ({ name: module.typeName() }),
  UpsamplingBilinear2d: (module) => ({ name: module.typeName() }),
  UpsamplingNearest2d: (module) => ({ name: module.typeName() }),
};

const classes = nn as unknown as Readonly<Record<string, ModuleClass | undefined>>;

for (const [file, names] of Object.entries(definedIn)) {
  for (const name of names) {
    const type = classes[name];
    if (type === undefined) continue;
    const format: ModuleFormat = {
      isBuiltin: true,
      ...(derived[name] === undefined ? {} : { derived: derived[name] }),
    };
    builtinClasses.add(moduleCodec(type, `torch.nn.modules.${file}.${name}`, format));
  }
}
