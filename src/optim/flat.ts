/** Several parameters as one vector: what LBFGS and Newton work on. */
import { product } from '../base/shape.ts';
import { cat } from '../ops/index.ts';
import { zeros } from '../tensor/create.ts';
import { tidy } from '../tensor/scopes.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** All gradients one after another, copied; zeros where there is none. */
export function flatGrad(params: readonly Tensor[]): Tensor {
  return tidy(() =>
    cat(
      params.map((p) =>
        p.grad === null ? zeros([p.numel()], { dtype: p.dtype, device: p.device }) : p.grad.reshape(-1),
      ),
    ),
  );
}

/** Adds `step` times a vector to the parameters. */
export function addFlat(params: readonly Tensor[], step: number, direction: Tensor): void {
  let at = 0;
  for (const p of params) {
    const count = product(p.sizes);
    p.add_(direction.narrow(0, at, count).reshape(p.sizes), { alpha: step });
    at += count;
  }
}

/** The scalar product as a number. */
export function dot(a: Tensor, b: Tensor): number {
  return tidy(() => a.dot(b).item());
}
