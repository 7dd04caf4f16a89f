/** The same view on two devices: what kernel tests compare. */
import fc from 'fast-check';
import type { DType } from '../../src/base/dtype.ts';
import type { Device } from '../../src/device/device.ts';
import { referenceDevice } from '../../src/device/reference/device.ts';
import { cpu } from '../../src/device/wasm/device.ts';
import type { View } from '../../src/kernel/view.ts';

/** A tensor on the wasm device and its twin on the reference device. */
export interface Twins {
  readonly wasm: View;
  readonly reference: View;
}

/** How a view lies in its storage. */
export interface Layout {
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
  /** Elements of storage. */
  readonly extent: number;
}

export type TypedArray =
  | Uint8Array
  | Int8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

const arrays = {
  bool: Uint8Array,
  uint8: Uint8Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  float32: Float32Array,
  float64: Float64Array,
} as const;

/** The whole storage of a view as elements. */
export function elements(view: View): TypedArray {
  const bytes = view.storage.device.bytes(view.storage);
  const Type = arrays[view.dtype.name];
  return new Type(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength / view.dtype.itemSize);
}

function place(device: Device, dtype: DType, layout: Layout, fill: (i: number) => number | bigint): View {
  const storage = device.allocate(layout.extent * dtype.itemSize);
  const view: View = { storage, dtype, sizes: layout.sizes, strides: layout.strides, offset: layout.offset };
  const data = elements(view) as { [i: number]: number | bigint };
  for (let i = 0; i < layout.extent; i++) data[i] = fill(i);
  return view;
}

export function twins(dtype: DType, layout: Layout, fill: (i: number) => number | bigint): Twins {
  return { wasm: place(cpu, dtype, layout, fill), reference: place(referenceDevice, dtype, layout, fill) };
}

export function dispose(...all: readonly Twins[]): void {
  for (const { wasm } of all) wasm.storage.dispose();
}

/** Row-major, with `offset` elements before it. */
export function dense(sizes: readonly number[], offset = 0): Layout {
  const order = sizes.map((_, d) => d);
  return arranged(
    sizes,
    order,
    sizes.map(() => 0),
    offset,
  );
}

/** Dimensions laid out in `order` (outermost first), with `gaps[d]` unused elements after each step of dimension d. */
export function arranged(
  sizes: readonly number[],
  order: readonly number[],
  gaps: readonly number[],
  offset: number,
): Layout {
  const strides = new Array<number>(sizes.length).fill(0);
  let step = 1;
  for (const d of [...order].reverse()) {
    strides[d] = step + gaps[d];
    step = strides[d] * Math.max(sizes[d], 1);
  }
  return { sizes, strides, offset, extent: offset + step };
}

/** Any layout without two positions on the same element. */
export function layouts(sizes: readonly number[]): fc.Arbitrary<Layout> {
  return fc
    .record({
      order: fc.shuffledSubarray(
        sizes.map((_, d) => d),
        { minLength: sizes.length },
      ),
      dense: fc.boolean(),
      gaps: fc.array(fc.constantFrom(0, 0, 1, 3), { minLength: sizes.length, maxLength: sizes.length }),
      offset: fc.constantFrom(0, 0, 1, 5),
    })
    .map((r) => arranged(sizes, r.dense ? sizes.map((_, d) => d) : r.order, r.gaps, r.offset));
}

/** Layouts to read from: also broadcast, overlapping (windows) and reversed dimensions. */
export function readableLayouts(sizes: readonly number[]): fc.Arbitrary<Layout> {
  const strange = fc
    .array(fc.integer({ min: -3, max: 3 }), { minLength: sizes.length, maxLength: sizes.length })
    .map((strides): Layout => {
      let low = 0;
      let high = 0;
      strides.forEach((stride, d) => {
        const reach = stride * Math.max(sizes[d] - 1, 0);
        if (reach < 0) low += reach;
        else high += reach;
      });
      return { sizes, strides, offset: -low, extent: high - low + 1 };
    });
  return fc.oneof({ weight: 3, arbitrary: layouts(sizes) }, { weight: 1, arbitrary: strange });
}

/** Small whole numbers, exactly representable in every dtype, so that sums of products are exact in any order. */
export function wholeNumbers(dtype: DType, seed: number): (i: number) => number | bigint {
  return (i) => {
    const x = (((i + 1) * 7919 + seed * 104729) % 9) - 4;
    return dtype.name === 'int64' ? BigInt(x) : x;
  };
}
