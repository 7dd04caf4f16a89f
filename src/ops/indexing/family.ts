/**
 * Indexed reading and writing: one pair of primitives for `gather`, `index_select`, `take`, advanced indexing, embedding and all that
 * scatters. Reading's gradient is writing with `add`, and the other way round.
 */
import { int64 } from '../../base/dtype.ts';
import { IndexError, RuntimeError } from '../../base/errors.ts';
import { broadcastStrides, sameSizes } from '../../base/shape.ts';
import type { BadIndex, Indices, ScatterMode } from '../../device/device.ts';
import type { View } from '../../kernel/view.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { runtime } from '../runtime.ts';

/** Which elements of a tensor of given sizes and strides are meant: an iteration with index tensors. */
export interface Selection extends Indices {
  /** The sizes of the iteration, hence of the result. */
  readonly sizes: readonly number[];
  /** Strides of the indexed tensor per iterated dimension: 0 where an index decides. */
  readonly strides: readonly number[];
  readonly offset: number;
}

/** The selection seen on a particular tensor: its strides decide. */
export type Locate = (target: Tensor) => Selection;

/** What is thrown for an index that does not fit. */
export type OnBadIndex = (bad: BadIndex, selection: Selection) => Error;

/** gather's message. */
export function boundsError(dim: number): OnBadIndex {
  return (bad, s) =>
    new RuntimeError(
      `index ${bad.value} is out of bounds for dimension ${dim} with size ${s.size[bad.which]}`,
    );
}

/** Advanced indexing's message; dimensions count the indexed ones. */
export const advancedBounds: OnBadIndex = (bad, s) =>
  new IndexError(
    `index ${bad.value} is out of bounds for dimension ${bad.which} with size ${s.size[bad.which]}`,
  );

/** index_select's and embedding's message. */
export const selfBounds: OnBadIndex = () => new IndexError('index out of range in self');

/** An index tensor as a view over the iteration. */
export function indexView(index: Tensor, sizes: readonly number[], strides?: readonly number[]): View {
  const i = index.dtype === int64 ? index : index.to(int64);
  return {
    storage: i.storage,
    dtype: int64,
    sizes,
    strides: strides ?? (sameSizes(i.sizes, sizes) ? i.strides : broadcastStrides(i.sizes, i.strides, sizes)),
    offset: i.offset,
  };
}

function selected(target: Tensor, s: Selection): View {
  return {
    storage: target.storage,
    dtype: target.dtype,
    sizes: s.sizes,
    strides: s.strides,
    offset: s.offset,
  };
}

/** The selected elements, as a new tensor. */
export function readAt(name: string, input: Tensor, locate: Locate, onBad: OnBadIndex): Tensor {
  const s = locate(input);
  const out = runtime.empty(s.sizes, input.dtype, input);
  if (out.numel() > 0) {
    const bad = runtime.gather(out, selected(input, s), s);
    if (bad !== null) throw onBad(bad, s);
  }
  const { sizes } = input;
  return runtime.record(out, {
    name,
    inputs: [input],
    saved: [],
    backward: ([grad]) => [grad === null || grad === undefined ? null : addAt(grad, sizes, locate, onBad)],
  });
}

/** Zeros of `sizes` with `values` added at the selected places: the gradient of reading. */
export function addAt(values: Tensor, sizes: readonly number[], locate: Locate, onBad: OnBadIndex): Tensor {
  const out = runtime.full(sizes, 0, values.dtype, values);
  writeAt(out, values, locate, 'add', onBad);
  return runtime.record(out, {
    name: 'IndexPut',
    inputs: [values],
    saved: [],
    backward: ([grad]) => [grad === null || grad === undefined ? null : readAt('Index', grad, locate, onBad)],
  });
}

/** Writes `values` (broadcast over the selection, same dtype) into the selected places. Records nothing. */
export function writeAt(
  target: Tensor,
  values: Tensor,
  locate: Locate,
  mode: ScatterMode,
  onBad: OnBadIndex,
): void {
  const s = locate(target);
  if (s.sizes.includes(0)) return;
  const source: View = {
    storage: values.storage,
    dtype: values.dtype,
    sizes: s.sizes,
    strides: sameSizes(values.sizes, s.sizes)
      ? values.strides
      : broadcastStrides(values.sizes, values.strides, s.sizes),
    offset: values.offset,
  };
  const bad = runtime.scatter(selected(target, s), source, s, mode);
  if (bad !== null) throw onBad(bad, s);
}
