/** `torch.utils`. */
export * as data from './data/index.ts';
export * as checkpoint from './tensor/checkpoint.ts';
