/** Padding. https://pytorch.org/docs/stable/generated/torch.nn.functional.pad.html */
import { int64 } from '../../base/dtype.ts';
import { NotImplementedError, RuntimeError } from '../../base/errors.ts';
import { showSizes } from '../../base/shape.ts';
import { define, type FreeCall } from '../../ops/define.ts';
import { runtime } from '../../ops/runtime.ts';
import type { Tensor } from '../../tensor/tensor.ts';

export type PadMode = 'constant' | 'reflect' | 'replicate' | 'circular';

/** Constants around the last dimensions; negative amounts cut off. Differentiable. */
export function constantPad(input: Tensor, amounts: readonly number[], value: number): Tensor {
  const rank = input.sizes.length;
  if (amounts.length % 2 !== 0)
    throw new RuntimeError(`Length of pad must be even but instead it equals ${amounts.length}`);
  if (amounts.length > rank * 2) {
    throw new RuntimeError(
      `Length of pad should be no more than twice the number of dimensions of the input. Pad length is ${amounts.length}while the input has ${rank}dimensions.`,
    );
  }
  let x = input;
  const sizes = [...input.sizes];
  const before = new Array<number>(rank).fill(0);
  for (let i = 0; i < amounts.length / 2; i++) {
    const d = rank - 1 - i;
    const [left, right] = [amounts[2 * i], amounts[2 * i + 1]];
    if (sizes[d] + left + right < 0) {
      throw new RuntimeError(
        `The input size ${sizes[d]}, plus negative padding ${left} and ${right} resulted in a negative output size, which is invalid. Check dimension ${d} of your input.`,
      );
    }
    sizes[d] += left + right;
    const cutLeft = Math.max(-left, 0);
    const cutRight = Math.max(-right, 0);
    if (cutLeft + cutRight > 0) x = x.narrow(d, cutLeft, x.sizes[d] - cutLeft - cutRight);
    before[d] = Math.max(left, 0);
  }
  const inner = x;
  const out = runtime.noGrad(() => {
    const whole = runtime.full(sizes, value, inner.dtype, inner);
    let place = whole;
    before.forEach((b, d) => {
      place = place.narrow(d, b, inner.sizes[d]);
    });
    runtime.copyInto(place, inner);
    return whole;
  });
  const kept = inner.sizes;
  return runtime.record(out, {
    name: 'ConstantPadNd',
    inputs: [inner],
    saved: [],
    backward: ([grad]) => {
      if (grad === null || grad === undefined) return [null];
      let g = grad;
      before.forEach((b, d) => {
        if (g.sizes[d] !== kept[d]) g = g.narrow(d, b, kept[d]);
      });
      return [g];
    },
  });
}

/** Positions of the padded dimension in the original one. */
function positions(
  size: number,
  left: number,
  right: number,
  mode: 'reflect' | 'replicate' | 'circular',
): BigInt64Array {
  return BigInt64Array.from({ length: size + left + right }, (_, i) => {
    const at = i - left;
    if (mode === 'replicate') return BigInt(Math.min(Math.max(at, 0), size - 1));
    if (mode === 'circular') return BigInt(((at % size) + size) % size);
    const folded = Math.abs(at);
    return BigInt(folded >= size ? 2 * (size - 1) - folded : folded);
  });
}

function indexPad(
  input: Tensor,
  amounts: readonly number[],
  mode: 'reflect' | 'replicate' | 'circular',
): Tensor {
  const rank = input.sizes.length;
  const spatial = amounts.length / 2;
  if (rank !== spatial + 1 && rank !== spatial + 2) {
    throw new NotImplementedError(
      'Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now',
    );
  }
  let out = input;
  for (let i = 0; i < spatial; i++) {
    const d = rank - 1 - i;
    const [left, right] = [amounts[2 * i], amounts[2 * i + 1]];
    const size = out.sizes[d];
    if (mode === 'reflect' && (left >= size || right >= size)) {
      throw new RuntimeError(
        `Padding size should be less than the corresponding input dimension, but got: padding (${left}, ${right}) at dimension ${d} of input ${showSizes(input.sizes)}`,
      );
    }
    if (mode === 'circular' && (left > size || right > size)) {
      throw new RuntimeError('Padding value causes wrapping around more than once.');
    }
    if (left < 0 || right < 0) {
      const cut = out.narrow(d, Math.max(-left, 0), size - Math.max(-left, 0) - Math.max(-right, 0));
      const rest = new Array<number>(2 * i).fill(0);
      out =
        left > 0 || right > 0 ? indexPad(cut, [...rest, Math.max(left, 0), Math.max(right, 0)], mode) : cut;
      continue;
    }
    if (left === 0 && right === 0) continue;
    if (size === 0)
      throw new RuntimeError(
        `Expected 2D or 3D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, but got: ${showSizes(input.sizes)}`,
      );
    const index = positions(size, left, right, mode);
    out = out.indexSelect(d, runtime.fromArray(index, [index.length], int64, out));
  }
  return out === input ? input.clone() : out;
}

/**
 * Pads the last dimensions: `pad` lists two amounts per dimension, the last dimension first.
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
    if (value !== null && value !== 0) {
      throw new RuntimeError(`Padding mode "${mode}" doesn't take in value argument`);
    }
    if (mode !== 'reflect' && mode !== 'replicate' && mode !== 'circular') {
      throw new NotImplementedError(`Unrecognised padding mode ${String(mode satisfies never)}`);
    }
    return indexPad(input, amounts, mode);
  },
  { functionOnly: true },
);
