/**
 * What PyTorch defines for complex numbers too, for real ones: conjugates and real parts are the tensor itself.
 * There are no complex dtypes.
 */
import { RuntimeError } from '../../base/errors.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define } from '../define.ts';

type Same = Call<[input: Tensor], { out?: Tensor }, Tensor>;

function itself(name: string): Same {
  return define(`${name}(input)`, (input: Tensor) => input);
}

/** The complex conjugate: the tensor itself. https://pytorch.org/docs/stable/generated/torch.conj.html */
export const conj: Same = itself('conj');
/** The complex conjugate: the tensor itself. https://pytorch.org/docs/stable/generated/torch.conj_physical.html */
export const conjPhysical: Same = define('conj_physical(input, *, out=None)', (input: Tensor) => input, {
  inplace: true,
});
/** The tensor with a pending conjugation carried out: itself. https://pytorch.org/docs/stable/generated/torch.resolve_conj.html */
export const resolveConj: Same = itself('resolve_conj');
/** The tensor with a pending negation carried out: itself. https://pytorch.org/docs/stable/generated/torch.resolve_neg.html */
export const resolveNeg: Same = itself('resolve_neg');
/** The real part: the tensor itself. https://pytorch.org/docs/stable/generated/torch.real.html */
export const real: Same & { readonly functionOnly: true } = define('real(input)', (input: Tensor) => input, {
  functionOnly: true,
});
/** The imaginary part: an error, as in PyTorch for real tensors. https://pytorch.org/docs/stable/generated/torch.imag.html */
export function imag(_input: Tensor): Tensor {
  throw new RuntimeError('imag is not implemented for tensors with non-complex dtypes.');
}
/** The last two dimensions exchanged. https://pytorch.org/docs/stable/generated/torch.adjoint.html */
export const adjoint: Call<[input: Tensor], object, Tensor> = define(
  'adjoint(input)',
  (input: Tensor) => input.mH,
);
