/**
 * `torch.special`: special functions, and other names of those that `torch` has itself.
 * https://pytorch.org/docs/stable/special.html
 */
export { exp2, expm1, log1p, logit, sigmoid as expit, xlogy } from '../pointwise/exponential.ts';
export { round } from '../pointwise/rounding.ts';
export {
  digamma,
  digamma as psi,
  erf,
  erfc,
  erfinv,
  i0,
  igamma as gammainc,
  igammac as gammaincc,
  lgamma as gammaln,
  mvlgamma as multigammaln,
  polygamma,
} from '../pointwise/special.ts';
export { sinc } from '../pointwise/trigonometric.ts';
export { logSoftmax, softmax } from '../reduction/softmax.ts';
export { logsumexp } from '../reduction/statistics.ts';
export * from './bessel.ts';
export { entr, erfcx, i0e, i1, i1e, logNdtr, ndtr, ndtri, xlog1py, zeta } from './normal.ts';
export * from './polynomials.ts';
