/** `torch.testing`: comparing tensors in tests. https://pytorch.org/docs/stable/testing.html */
export {
  type AliveStorage,
  type AllocationReport,
  describeLeaks,
  trackAllocations,
} from '../device/leaks.ts';
export { assertClose, type AssertCloseOptions, defaultTolerance } from './assertClose.ts';
