/** `torch.utils.data`. https://pytorch.org/docs/stable/data.html */
export { type Collated, type Converted, defaultCollate, defaultConvert } from './collate.ts';
export {
  ChainDataset,
  ConcatDataset,
  Dataset,
  IterableDataset,
  type MapStyle,
  Subset,
  TensorDataset,
} from './dataset.ts';
export { type Batch, DataLoader, type LoaderOptions, type SingleOptions } from './loader.ts';
export {
  BatchSampler,
  RandomSampler,
  type RandomSamplerOptions,
  Sampler,
  SequentialSampler,
  type Sized,
  SubsetRandomSampler,
  WeightedRandomSampler,
  type WeightedSamplerOptions,
} from './sampler.ts';
export { randomSplit, type SplitOptions } from './split.ts';
