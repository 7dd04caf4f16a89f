/** The step counts of optimizers: numbers, or float32 tensors where PyTorch's state has tensors. */
import { float32 } from '../base/dtype.ts';
import { scalarTensor, zerosLike } from '../tensor/create.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { ParamState } from './optimizer.ts';

/** Counts a step in a float32 tensor, as most of PyTorch's optimizers do; returns the new count. */
export function countStep(state: ParamState): number {
  const known = state.get('step');
  if (!(known instanceof Tensor)) {
    const count = (typeof known === 'number' ? known : 0) + 1;
    state.set('step', scalarTensor(count, { dtype: float32 }));
    return count;
  }
  known.add_(1);
  return known.item();
}

/** Counts a step in a plain number; returns the new count. */
export function countPlainStep(state: ParamState): number {
  const known = state.get('step') ?? 0;
  const count = (known instanceof Tensor ? known.item() : Number(known)) + 1;
  state.set('step', count);
  return count;
}

/** A tensor of the state that starts as zeros like the parameter. */
export function zerosState(state: ParamState, name: string, param: Tensor): Tensor {
  let known = state.get(name) as Tensor | undefined;
  if (known === undefined) {
    known = zerosLike(param);
    state.set(name, known);
  }
  return known;
}
