/** `torch.testing`: comparing tensors in tests. https://pytorch.org/docs/stable/testing.html */
export { assertClose, type AssertCloseOptions, defaultTolerance } from './assertClose.ts';
