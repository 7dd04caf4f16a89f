/** Broadcasting as ops of its own, and repetition. */
import { int64 } from '../../base/dtype.ts';
import { RuntimeError } from '../../base/errors.ts';
import { broadcastSizes, wrapDim } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Call, define } from '../define.ts';
import { runtime } from '../runtime.ts';
import { cat } from './joining.ts';

type BroadcastCall = ((...tensors: Tensor[] | [readonly Tensor[]]) => Tensor[]) & {
  readonly functionOnly: true;
};

/** All tensors as views of their common size. https://pytorch.org/docs/stable/generated/torch.broadcast_tensors.html */
export const broadcastTensors: BroadcastCall = define<BroadcastCall>(
  'broadcast_tensors(*tensors)',
  (tensors: readonly Tensor[]) => {
    const sizes = broadcastSizes(tensors.map((t) => t.sizes));
    return tensors.map((t) => t.expand(sizes));
  },
  { functionOnly: true },
);

/** A view of a larger size. https://pytorch.org/docs/stable/generated/torch.broadcast_to.html */
export const broadcastTo: Call<
  [input: Tensor, size: readonly number[]],
  { size?: readonly number[]; shape?: readonly number[] },
  Tensor
> = define('broadcast_to(input, size|shape)', (input: Tensor, size: readonly number[]) => input.expand(size));

/** The common size of shapes. https://pytorch.org/docs/stable/generated/torch.broadcast_shapes.html */
export function broadcastShapes(...shapes: (number | readonly number[])[]): number[] {
  const lists = shapes.map((s) => (typeof s === 'number' ? [s] : s));
  try {
    return [...broadcastSizes(lists)];
  } catch {
    throw new RuntimeError('Shape mismatch: objects cannot be broadcast to a single shape');
  }
}

/** A view with the size of `other`. https://pytorch.org/docs/stable/generated/torch.Tensor.expand_as.html */
export const expandAs: Call<[input: Tensor, other: Tensor], { other?: Tensor }, Tensor> = define(
  'expand_as(input, other)',
  (input: Tensor, other: Tensor) => input.expand(other.sizes),
  { methodOnly: true },
);

type Repeats = (
  input: Tensor,
  ...repeats: number[] | [repeats: readonly number[]] | [options: object]
) => Tensor;

/** Copies side by side, `repeats[d]` times along dimension d. https://pytorch.org/docs/stable/generated/torch.Tensor.repeat.html */
export const repeat: Repeats = define(
  'repeat(input, *sizes|repeats)',
  (input: Tensor, repeats: readonly number[]) => {
    if (repeats.length < input.sizes.length) {
      throw new RuntimeError(
        'Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor',
      );
    }
    if (repeats.some((r) => r < 0)) {
      throw new RuntimeError(`Trying to create tensor with negative dimension ${Math.min(...repeats)}`);
    }
    const lead = repeats.length - input.sizes.length;
    const sizes = repeats.map((_, i) => (i < lead ? 1 : input.sizes[i - lead]));
    // [r0, s0, r1, s1, …] by expansion, then merged.
    const split = input.reshape(sizes.flatMap((s) => [1, s]));
    const expanded = split.expand(sizes.flatMap((s, i) => [repeats[i], s]));
    const merged = expanded
      .clone({ memoryFormat: 'contiguous' })
      .reshape(sizes.map((s, i) => s * repeats[i]));
    return runtime.showAs('Repeat', merged);
  },
  { methodOnly: true },
);

/** As `repeat`, with missing leading counts taken as 1. https://pytorch.org/docs/stable/generated/torch.tile.html */
export const tile: Repeats = define('tile(input, *dims)', (input: Tensor, dims: readonly number[]) => {
  const missing = Math.max(input.sizes.length - dims.length, 0);
  return input.repeat([...new Array<number>(missing).fill(1), ...dims]);
});

/** Each element several times in a row. https://pytorch.org/docs/stable/generated/torch.repeat_interleave.html */
export const repeatInterleave: Call<
  [input: Tensor, repeats?: number | Tensor, dim?: number | null],
  { repeats?: number | Tensor; dim?: number | null; outputSize?: number | null },
  Tensor
> = define(
  'repeat_interleave(input, repeats=None, dim=None, *, outputSize=None)',
  (input: Tensor, repeats?: number | Tensor, dim: number | null = null) => {
    const counts = (t: Tensor): number[] => t.reshape([-1]).tolist() as number[];
    if (repeats === undefined || repeats === null) {
      const positions = counts(input).flatMap((n, i) => new Array<bigint>(n).fill(BigInt(i)));
      return runtime.fromArray(BigInt64Array.from(positions), [positions.length], int64, input);
    }
    const x = dim === null ? input.reshape([-1]) : input;
    const d = dim === null ? 0 : wrapDim(dim, x.sizes.length);
    const list = typeof repeats === 'number' ? [repeats] : counts(repeats);
    const each = x.sizes[d] ?? 1;
    if (list.length !== 1 && list.length !== each) {
      throw new RuntimeError('repeats must have the same size as input along dim');
    }
    if (list.some((n) => n < 0)) throw new RuntimeError('repeats can not be negative');
    const positions: bigint[] = [];
    for (let i = 0; i < each; i++) {
      const n = list.length === 1 ? list[0] : list[i];
      for (let k = 0; k < n; k++) positions.push(BigInt(i));
    }
    const index = runtime.fromArray(BigInt64Array.from(positions), [positions.length], int64, x);
    return x.indexSelect(d, index);
  },
);

/** Dimensions in reverse direction. https://pytorch.org/docs/stable/generated/torch.flip.html */
export const flip: (
  input: Tensor,
  ...dims: number[] | [dims: readonly number[]] | [options: object]
) => Tensor = define('flip(input, *dims)', (input: Tensor, dims: readonly number[]) => {
  const wrapped = dims.map((d) => wrapDim(d, input.sizes.length));
  if (new Set(wrapped).size !== wrapped.length) {
    throw new RuntimeError(
      `dim ${wrapped.find((d, i) => wrapped.indexOf(d) !== i)} appears multiple times in the list of dims`,
    );
  }
  return reversed(input, wrapped);
});

/** Flipping is its own inverse and gradient. */
function reversed(input: Tensor, dims: readonly number[]): Tensor {
  const { sizes } = input;
  const strides = [...input.strides];
  let { offset } = input;
  for (const d of dims) {
    if (sizes.length === 0 || sizes[d] < 2) continue;
    offset += (sizes[d] - 1) * strides[d];
    strides[d] = -strides[d];
  }
  const out = runtime.noGrad(() => {
    const result = runtime.emptyLike(input, input.dtype);
    // A view that runs backwards: tensors that users hold have none.
    runtime.copyInto(result, runtime.alias(input, sizes, strides, offset));
    return result;
  });
  return runtime.record(out, {
    name: 'Flip',
    inputs: [input],
    saved: [],
    backward: ([grad]) => [grad ? reversed(grad, dims) : null],
  });
}

/** Elements moved along dimensions, around the end. https://pytorch.org/docs/stable/generated/torch.roll.html */
export const roll: Call<
  [input: Tensor, shifts: number | readonly number[], dims?: number | readonly number[] | null],
  { shifts?: number | readonly number[]; dims?: number | readonly number[] | null },
  Tensor
> = define(
  'roll(input, shifts, dims=None)',
  (input: Tensor, shifts: number | readonly number[], dims: number | readonly number[] | null = null) => {
    const by = [shifts].flat() as number[];
    const along = dims === null ? [] : ([dims].flat() as number[]);
    if (along.length === 0) {
      if (by.length !== 1)
        throw new RuntimeError('shifts and dimensions must align. shifts: ' + by.length + ', dims:0');
      return runtime.showAs('Roll', input.reshape([-1]).roll(by[0], 0).reshape(input.sizes));
    }
    if (by.length !== along.length) {
      throw new RuntimeError(`shifts and dimensions must align. shifts: ${by.length}, dims:${along.length}`);
    }
    let out = input;
    along.forEach((dim, i) => {
      const d = wrapDim(dim, out.sizes.length);
      const n = out.sizes[d] ?? 0;
      if (n === 0) return;
      const start = ((-by[i] % n) + n) % n;
      if (start !== 0) out = cat([out.narrow(d, start, n - start), out.narrow(d, 0, start)], d);
    });
    return runtime.showAs('Roll', out === input ? input.clone() : out);
  },
);
