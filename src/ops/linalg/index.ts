/** `torch.linalg`. https://pytorch.org/docs/stable/linalg.html */
import type { Tensor } from '../../tensor/tensor.ts';
export const linalg = {} as { qr(x: Tensor): [Tensor, Tensor] };
