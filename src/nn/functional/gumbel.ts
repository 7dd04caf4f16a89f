/** Samples from the Gumbel-softmax distribution. https://pytorch.org/docs/stable/generated/torch.nn.functional.gumbel_softmax.html */
import { define, type FreeCall } from '../../ops/define.ts';
import { softmaxAlong } from '../../ops/reduction/softmax.ts';
import { emptyLike, zerosLike } from '../../tensor/create.ts';
import type { Tensor } from '../../tensor/tensor.ts';

/** softmax((logits + Gumbel noise)/tau) along `dim`; with `hard` one-hot, its gradient that of the soft sample. */
export const gumbelSoftmax: FreeCall<
  [logits: Tensor, tau?: number, hard?: boolean, eps?: number, dim?: number],
  { tau?: number; hard?: boolean; eps?: number; dim?: number },
  Tensor
> = define(
  'gumbel_softmax(logits: Tensor, tau=1, hard=False, eps=1e-10, dim=-1)',
  (logits: Tensor, tau = 1, hard = false, _eps = 1e-10, dim = -1) => {
    const noise = emptyLike(logits, { memoryFormat: 'contiguous' }).exponential_().log().neg();
    const soft = softmaxAlong(logits.add(noise).div(tau), dim);
    if (!hard) return soft;
    const { indices } = soft.max(dim, true);
    const oneHot = zerosLike(logits, { memoryFormat: 'contiguous' }).scatter_(dim, indices, 1);
    return oneHot.sub(soft.detach()).add(soft);
  },
  { functionOnly: true },
);
