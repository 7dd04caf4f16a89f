/** `torch.autograd`. https://pytorch.org/docs/stable/autograd.html */
export { backward, type BackwardOptions, grad, type GradOptions } from './api.ts';
export { Function, type FunctionContext, onceDifferentiable } from './function.ts';
export * as functional from './functional.ts';
export { gradcheck, gradgradcheck, type GradcheckOptions } from './gradcheck.ts';
export {
  detectAnomaly,
  enableGrad,
  inferenceMode,
  noGrad,
  setDetectAnomaly,
  setGradEnabled,
} from './mode.ts';
export { Node } from './node.ts';
