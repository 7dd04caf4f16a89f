/** Random numbers: PyTorch's CPU stream, bit for bit. https://pytorch.org/docs/stable/torch.html#random-sampling */
export * from './random/create.ts';
export * from './random/generator.ts';
export * from './random/lowrank.ts';
export * from './random/methods.ts';
export * from './random/sampling.ts';
