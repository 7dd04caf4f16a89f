/** Padding the last dimensions: with a constant, or with elements of the tensor itself. */
import { notImplementedFor } from '../refuse.ts';
import { type DTypeName, int64 } from '../../base/dtype.ts';
import { NotImplementedError, RuntimeError } from '../../base/errors.ts';
import { scalarFor } from '../../base/scalar.ts';
import { showSizes } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { define, type FreeCall, type Scalar } from '../define.ts';
import { INTEGERS } from '../pointwise/family.ts';
import { runtime } from '../runtime.ts';

/** Constants around the last dimensions; negative amounts cut off. */
export function constantPad(input: Tensor, amounts: readonly number[], value: Scalar): Tensor {
  const rank = input.sizes.length;
  if (amounts.length % 2 !== 0)
    throw new RuntimeError(`Length of pad must be even but instead it equals ${amounts.length}`);
  if (amounts.length > rank * 2) {
    throw new RuntimeError(
      `Length of pad should be no more than twice the number of dimensions of the input. Pad length is ${amounts.length}while the input has ${rank}dimensions.`,
    );
  }
  let inner = input;
  const sizes = [...input.sizes];
  const before = new Array<number>(rank).fill(0);
  for (let i = 0; i < amounts.length / 2; i++) {
    const d = rank - 1 - i;
    const [left, right] = [amounts[2 * i], amounts[2 * i + 1]];
    if (left < 0) inner = inner.narrow(d, -left, inner.sizes[d] + left);
    if (right < 0) inner = inner.narrow(d, 0, inner.sizes[d] + right);
    before[d] = Math.max(left, 0);
    sizes[d] = inner.sizes[d] + before[d] + Math.max(right, 0);
  }
  const out = runtime.noGrad(() => {
    const whole = runtime.full(sizes, scalarFor(value, inner.dtype), inner.dtype, inner);
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

/** A constant around the last dimensions: two amounts per dimension, the last dimension first; negative ones cut off. */
export const constantPadNd: FreeCall<
  [input: Tensor, pad: readonly number[], value?: Scalar],
  { pad?: readonly number[]; value?: Scalar },
  Tensor
> = define(
  'constant_pad_nd(input, pad, value=0)',
  (input: Tensor, amounts: readonly number[], value: Scalar = 0) => constantPad(input, amounts, value),
  { functionOnly: true },
);

/** How a dimension goes on beyond its ends: mirrored without repeating the end, with its end, or from its other end. */
export type Continuation = 'reflect' | 'replicate' | 'circular';

/** Which position of the original dimension is at each position of the padded one. */
function positions(size: number, left: number, right: number, mode: Continuation): BigInt64Array {
  return BigInt64Array.from({ length: size + left + right }, (_, i) => {
    const at = i - left;
    if (mode === 'replicate') return BigInt(Math.min(Math.max(at, 0), size - 1));
    if (mode === 'circular') return BigInt(((at % size) + size) % size);
    const folded = Math.abs(at);
    return BigInt(folded >= size ? 2 * (size - 1) - folded : folded);
  });
}

/** What PyTorch calls the functions, in kernels and in the graph. */
const names = {
  reflect: { kernel: (n: number) => `reflection_pad${n}d`, node: (n: number) => `ReflectionPad${n}D` },
  replicate: {
    kernel: (n: number) => `replication_pad${n}d_cpu`,
    node: (n: number) => `ReplicationPad${n}D`,
  },
} as const;

/** The last dimensions continued; negative amounts cut off. */
export function continuedPad(input: Tensor, amounts: readonly number[], mode: Continuation): Tensor {
  const rank = input.sizes.length;
  const spatial = amounts.length / 2;
  if (amounts.length % 2 !== 0) throw new RuntimeError('Padding length must be divisible by 2');
  if (rank !== spatial + 1 && rank !== spatial + 2) {
    throw new NotImplementedError(
      'Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now',
    );
  }
  if (mode === 'circular') return wrapped(input, amounts);
  checkContinued(input, amounts, mode);
  let out = input;
  for (let i = 0; i < spatial; i++) {
    const d = rank - 1 - i;
    const [left, right] = [amounts[2 * i], amounts[2 * i + 1]];
    if (left !== 0 || right !== 0) out = pick(out, d, positions(out.sizes[d], left, right, mode));
  }
  return runtime.showAs(names[mode].node(spatial), out === input ? input.clone() : out);
}

function pick(input: Tensor, dim: number, index: BigInt64Array): Tensor {
  return input.indexSelect(dim, runtime.fromArray(index, [index.length], int64, input));
}

function checkContinued(input: Tensor, amounts: readonly number[], mode: 'reflect' | 'replicate'): void {
  const rank = input.sizes.length;
  const spatial = amounts.length / 2;
  const batched = rank === spatial + 2;
  if (input.sizes.slice(batched ? 1 : 0).includes(0)) {
    const ranks = `${spatial + 1}D or ${spatial + 2}D (batch mode) tensor`;
    throw new RuntimeError(
      mode === 'reflect'
        ? `${ranks} expected for input, but got: ${showSizes(input.sizes)}`
        : `Expected ${ranks} with possibly 0 batch size and other non-zero dimensions for input, but got: ${showSizes(input.sizes)}`,
    );
  }
  const dims = Array.from({ length: spatial }, (_, i) => rank - 1 - i);
  if (mode === 'reflect') {
    dims.forEach((d, i) => {
      const [left, right] = [amounts[2 * i], amounts[2 * i + 1]];
      if (left < input.sizes[d] && right < input.sizes[d]) return;
      throw new RuntimeError(
        `Argument #${4 + 2 * i}: Padding size should be less than the corresponding input dimension, but got: padding (${left}, ${right}) at dimension ${d} of input ${spatial === 2 ? rank : showSizes(input.sizes)}`,
      );
    });
  }
  const after = dims.map((d, i) => input.sizes[d] + amounts[2 * i] + amounts[2 * i + 1]);
  if (after.some((n) => n < 1)) {
    const labels = ['W', 'H', 'D'];
    const show = (of: readonly number[]): string =>
      of
        .map((n, i) => `${labels[i]}: ${n}`)
        .reverse()
        .join(' ');
    throw new RuntimeError(
      `input (${show(dims.map((d) => input.sizes[d]))}) is too small. Calculated output ${show(after)}`,
    );
  }
  if ((INTEGERS as readonly DTypeName[]).includes(input.dtype.name)) {
    throw notImplementedFor(names[mode].kernel(spatial), input.dtype);
  }
}

/** Circular padding: what negative amounts leave is continued from its other end. */
function wrapped(input: Tensor, amounts: readonly number[]): Tensor {
  const rank = input.sizes.length;
  if (rank !== amounts.length / 2 + 2) {
    throw new RuntimeError(`Invalid padding size, expected ${(rank - 2) * 2} but got ${amounts.length}`);
  }
  let out = input;
  for (let i = 0; i < amounts.length / 2; i++) {
    const d = rank - 1 - i;
    const [left, right] = [amounts[2 * i], amounts[2 * i + 1]];
    const size = out.sizes[d];
    const kept = size + Math.min(left, 0) + Math.min(right, 0);
    if (left > size || right > size) {
      throw new RuntimeError('Padding value causes wrapping around more than once.');
    }
    if (size + left + right < 0) {
      throw new RuntimeError('Negative padding value is resulting in an empty dimension');
    }
    if (left < 0 || right < 0) out = out.narrow(d, Math.max(-left, 0), kept);
    if (left <= 0 && right <= 0) continue;
    if (left > kept || right > kept) {
      throw new RuntimeError('Padding value causes wrapping around more than once.');
    }
    out = pick(out, d, positions(kept, Math.max(left, 0), Math.max(right, 0), 'circular'));
  }
  return out === input || out.storage === input.storage ? out.clone() : out;
}
