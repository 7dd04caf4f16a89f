/** `torch.optim`. https://pytorch.org/docs/stable/optim.html */
export { Adadelta, type AdadeltaOptions, Adagrad, type AdagradOptions } from './adagrad.ts';
export { Adam, type AdamOptions, AdamW } from './adam.ts';
export {
  Adamax,
  type AdamaxOptions,
  NAdam,
  type NAdamOptions,
  RAdam,
  type RAdamOptions,
} from './adamVariants.ts';
export { ASGD, type ASGDOptions } from './asgd.ts';
export { LBFGS, type LBFGSOptions } from './lbfgs.ts';
export { Newton, type NewtonOptions } from './newton.ts';
export { type Closure, Optimizer, type ParamGroup, type Params, type ParamState } from './optimizer.ts';
export { RMSprop, type RMSpropOptions } from './rmsprop.ts';
export { Rprop, type RpropOptions } from './rprop.ts';
export { SGD, type SGDOptions } from './sgd.ts';
export * as lrScheduler from './lrScheduler/index.ts';
