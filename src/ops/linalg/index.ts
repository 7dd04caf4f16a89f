/** `torch.linalg`. https://pytorch.org/docs/stable/linalg.html */
export * as linalg from './functions.ts';
