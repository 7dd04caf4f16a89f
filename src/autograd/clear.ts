/** Clearing gradients: what `Module.zeroGrad` and `Optimizer.zeroGrad` do. */
import type { Tensor } from '../tensor/tensor.ts';

/** The argument of `zeroGrad`. */
export type SetToNone = boolean | { setToNone?: boolean };

/**
 * Fills gradients with zeros, as PyTorch 1.13 does, or with `setToNone` makes them null, which is PyTorch 2's default. What held a zeroed gradient
 * sees the zeros; a graph that the gradient had is gone.
 */
export function clearGradients(tensors: Iterable<Tensor>, setToNone: SetToNone): void {
  const drop = typeof setToNone === 'boolean' ? setToNone : (setToNone.setToNone ?? false);
  for (const t of tensors) {
    if (t.grad === null) continue;
    if (drop) {
      t.grad = null;
      continue;
    }
    if (t.grad.gradFn !== null) t.grad = t.grad.detach();
    else t.grad.requiresGrad_(false);
    t.grad.zero_();
  }
}
