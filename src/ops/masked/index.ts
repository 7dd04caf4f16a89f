/**
 * `torch.masked`: reductions and normalizations of which a mask (true where an element counts) leaves elements out.
 * https://pytorch.org/docs/stable/masked.html
 */
export { cumprod, cumsum, logaddexp, logSoftmax, softmax, softmin } from './along.ts';
export type { MaskedOptions, MaskedReduction } from './family.ts';
export {
  amax,
  amin,
  argmax,
  argmin,
  logsumexp,
  mean,
  median,
  norm,
  normalize,
  prod,
  std,
  sum,
  var,
} from './reductions.ts';
