/** The functions of `torch.linalg`. */
export { choleskyEx, linalgCholesky as cholesky } from './cholesky.ts';
export { linalgDet as det, linalgSlogdet as slogdet } from './determinants.ts';
export { eig, eigh, eigvals, eigvalsh } from './eigh.ts';
export { linalgMatrixExp as matrixExp } from './exponential.ts';
export { ldlFactor, ldlFactorEx, ldlSolve } from './ldl.ts';
export { lstsq, type LstsqDriver } from './lstsq.ts';
export { linalgLuSolve as luSolve, lu, luFactor, luFactorEx } from './lu.ts';
export { matrixNorm, norm, vectorNorm } from './norms.ts';
export {
  cross,
  linalgMatrixPower as matrixPower,
  multiDot,
  tensorinv,
  tensorsolve,
  vander,
  vecdot,
} from './products.ts';
export { type QrMode, qr } from './qr.ts';
export { householderProduct } from './reflections.ts';
export { inv, invEx, solve, solveEx } from './solve.ts';
export { cond, matrixRank, pinv } from './spectral.ts';
export { svd, svdvals } from './svd.ts';
export { solveTriangular } from './triangular.ts';
