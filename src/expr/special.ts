import { NotImplementedError } from '../base/errors.ts';
function missing(): never {
  throw new NotImplementedError('special function');
}
export function erf(_x: number): number {
  return missing();
}
export function erfc(_x: number): number {
  return missing();
}
export function erfinv(_x: number): number {
  return missing();
}
export function lgamma(_x: number): number {
  return missing();
}
export function digamma(_x: number): number {
  return missing();
}
export function i0(_x: number): number {
  return missing();
}
export function i0e(_x: number): number {
  return missing();
}
export function i1(_x: number): number {
  return missing();
}
export function i1e(_x: number): number {
  return missing();
}
export function erfcx(_x: number): number {
  return missing();
}
export function ndtri(_x: number): number {
  return missing();
}
export function logNdtr(_x: number): number {
  return missing();
}
export function polygamma(_a: number, _x: number): number {
  return missing();
}
export function zeta(_a: number, _x: number): number {
  return missing();
}
export function igamma(_a: number, _x: number): number {
  return missing();
}
export function igammac(_a: number, _x: number): number {
  return missing();
}
