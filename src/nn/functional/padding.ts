/** Padding. https://pytorch.org/docs/stable/generated/torch.nn.functional.pad.html */
import { NotImplementedError, RuntimeError } from '../../base/errors.ts';
import { define, type FreeCall } from '../../ops/define.ts';
import { constantPad, type Continuation, continuedPad } from '../../ops/movement/padding.ts';
import type { Tensor } from '../../tensor/tensor.ts';

export type PadMode = 'constant' | Continuation;

/**
 * Pads the last dimensions: `pad` lists two amounts per dimension, the last dimension first; negative amounts cut off.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.pad.html
 *
 * @example
 * ```ts
 * console.log(torch.nn.functional.pad(torch.ones(2), [1, 0])); // => tensor([0., 1., 1.])
 * ```
 */
export const pad: FreeCall<
  [input: Tensor, pad: readonly number[], mode?: PadMode, value?: number | null],
  { pad?: readonly number[]; mode?: PadMode; value?: number | null },
  Tensor
> = define(
  "pad(input, pad, mode='constant', value=None)",
  (input: Tensor, amounts: readonly number[], mode: PadMode = 'constant', value: number | null = null) => {
    if (mode === 'constant') return constantPad(input, amounts, value ?? 0);
    if (value !== null && Number(value) !== 0) {
      throw new RuntimeError(`Padding mode "${mode}" doesn't take in value argument`);
    }
    if (mode !== 'reflect' && mode !== 'replicate' && mode !== 'circular') {
      throw new NotImplementedError(`Unrecognised padding mode ${String(mode satisfies never)}`);
    }
    return continuedPad(input, amounts, mode);
  },
  { functionOnly: true },
);
