/** The functions of `torch.linalg`. */
export { type QrMode, qr } from './qr.ts';
export { inv, solve } from './solve.ts';
