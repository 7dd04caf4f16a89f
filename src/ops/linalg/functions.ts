/** The functions of `torch.linalg`. */
export { choleskyEx, linalgCholesky as cholesky } from './cholesky.ts';
export { linalgDet as det, linalgSlogdet as slogdet } from './determinants.ts';
export { type QrMode, qr } from './qr.ts';
export { inv, invEx, solve, solveEx } from './solve.ts';
export { svd, svdvals } from './svd.ts';
export { solveTriangular } from './triangular.ts';
