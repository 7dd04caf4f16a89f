/** `torch.autograd`. https://pytorch.org/docs/stable/autograd.html */
import './tensor/index.ts';

export * from './autograd/public.ts';
export { Variable } from './tensor/legacy.ts';
