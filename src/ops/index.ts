/** The op table: every tensor function that is also a method of Tensor, and the functions of `torch`. */
export {
  addbmm,
  addmm,
  addmv,
  addr,
  baddbmm,
  bmm,
  dot,
  ger,
  inner,
  matmul,
  mm,
  mv,
  outer,
} from './contraction/products.ts';
export { cdist, pdist } from './contraction/distances.ts';
export { einsum } from './contraction/einsum.ts';
export { kron, tensordot } from './contraction/tensordot.ts';
export { cross, vander, vdot } from './contraction/vectors.ts';
export { indexPut, nonzero } from './indexing/advanced.ts';
export {
  atleast1d,
  atleast2d,
  atleast3d,
  moveaxis,
  movedim,
  ravel,
  swapaxes,
  swapdims,
  unflatten,
} from './movement/arranging.ts';
export * from './movement/copying.ts';
export * from './movement/diagonals.ts';
export { cholesky, choleskyInverse, choleskySolve } from './linalg/cholesky.ts';
export { det, logdet, slogdet } from './linalg/determinants.ts';
export { symeig } from './linalg/eigh.ts';
export { matrixExp } from './linalg/exponential.ts';
export { legacyLu as lu, luSolve, luUnpack } from './linalg/lu.ts';
export { chainMatmul, matrixPower } from './linalg/products.ts';
export { legacyQr as qr } from './linalg/qr.ts';
export { geqrf, orgqr, ormqr } from './linalg/reflections.ts';
export { inverse } from './linalg/solve.ts';
export { pinverse } from './linalg/spectral.ts';
export { legacySvd as svd } from './linalg/svd.ts';
export { triangularSolve } from './linalg/triangular.ts';
export { cat, concat, concatenate, stack } from './movement/joining.ts';
export {
  asStridedScatter,
  diagonalScatter,
  narrowCopy,
  selectScatter,
  sliceScatter,
} from './movement/replacing.ts';
export * from './movement/splitting.ts';
export * from './movement/stacking.ts';
export { fliplr, flipud, rot90 } from './movement/flipping.ts';
export { constantPadNd } from './movement/padding.ts';
export * from './movement/views.ts';
export { positive, relu } from './pointwise/activations.ts';
export * from './pointwise/arithmetic.ts';
export { mean, nansum, sum, sumToSize } from './reduction/sums.ts';
export * from './pointwise/closeness.ts';
export * from './pointwise/comparison.ts';
export {
  adjoint,
  conj,
  conjPhysical,
  imag,
  real,
  resolveConj,
  resolveNeg,
} from './pointwise/complex.ts';
export { frexp } from './pointwise/frexp.ts';
export { gcd, lcm } from './pointwise/integers.ts';
export * from './pointwise/exponential.ts';
export * from './pointwise/logical.ts';
export * from './pointwise/rounding.ts';
export * from './pointwise/special.ts';
export * from './pointwise/ternary.ts';
export * from './pointwise/tests.ts';
export * from './pointwise/trigonometric.ts';
export {
  gather,
  takeAlongDim,
  indexSelect,
  take,
  maskedSelect,
  scatter_,
  scatter,
  scatterAdd_,
  scatterAdd,
  indexAdd_,
  indexAdd,
  indexCopy_,
  indexCopy,
  indexFill_,
  indexFill,
  maskedScatter_,
  maskedScatter,
  put_,
  put,
} from './indexing/gather.ts';
export { indexReduce, scatterReduce } from './indexing/reducing.ts';
export * from './movement/broadcasting.ts';
export { cumulativeTrapezoid, diff, gradient, trapezoid, trapz } from './reduction/calculus.ts';
export { segmentReduce } from './reduction/segments.ts';
export { renorm } from './reduction/renorm.ts';
export { corrcoef, cov } from './reduction/covariance.ts';
export * from './reduction/extremes.ts';
export * from './reduction/scans.ts';
export { logSoftmax, softmax } from './reduction/softmax.ts';
export { dist, logsumexp, nanmean, norm, prod, std, stdMean, var, varMean } from './reduction/statistics.ts';
export { bincount, histc } from './sorting/counting.ts';
export { bucketize, searchsorted } from './sorting/searching.ts';
export { argsort, msort, sort, topk } from './sorting/sort.ts';
export { kthvalue, median, mode, nanmedian } from './sorting/statistics.ts';
export { unique, uniqueConsecutive } from './sorting/unique.ts';
export { histogram, histogramdd } from './sorting/histogram.ts';
export { argwhere, isin } from './sorting/membership.ts';
export { nanquantile, quantile } from './sorting/quantiles.ts';
