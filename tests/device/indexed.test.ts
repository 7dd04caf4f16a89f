/** Kernels that follow indices against the reference device: every layout, element by element and in whole rows, on one thread and several. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import * as torch from 'typetorch';
import { type DType, dtypes } from '../../src/base/dtype.ts';
import type { Indices, ScatterMode } from '../../src/device/device.ts';
import { referenceDevice } from '../../src/device/reference/device.ts';
import { cpu } from '../../src/device/wasm/device.ts';
import type { View } from '../../src/kernel/view.ts';
import {
  arranged,
  dense,
  dispose,
  elements,
  type Layout,
  layouts,
  readableLayouts,
  twins,
  wholeNumbers,
} from './views.ts';

const { float64, int64 } = torch;

/** An iteration over a tensor of three dimensions, of which some are indexed. */
interface Case {
  readonly dtype: DType;
  readonly sizes: readonly number[];
  readonly count: number;
  readonly dims: readonly number[];
  /** Does an index tensor have elements only along the first indexed dimension (whole slices), or for every step? */
  readonly slices: boolean;
  readonly wrap: boolean;
  readonly indexed: Layout;
  readonly other: Layout;
  readonly index: Layout;
  readonly mode: ScatterMode;
  /** Where an index that does not fit is put. */
  readonly bad: number | null;
  readonly seed: number;
}

const size = fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constantFrom(16, 19, 37));

const cases: fc.Arbitrary<Case> = fc
  .record({
    dtype: fc.constantFrom(...dtypes),
    sizes: fc.tuple(size, size, size),
    count: fc.integer({ min: 1, max: 21 }),
    dims: fc.constantFrom([0], [1], [2], [0, 1], [1, 2], [0, 2]),
    slices: fc.boolean(),
    wrap: fc.boolean(),
    mode: fc.constantFrom<ScatterMode>('set', 'set', 'add', 'add', 'mul', 'min', 'max'),
    bad: fc.option(fc.nat(), { freq: 5 }),
    splat: fc.boolean(),
    seed: fc.nat(1000),
  })
  .chain(({ splat, ...given }) => {
    const { sizes, count, dims, slices } = given;
    const iterated = iteratedSizes(sizes, dims, count);
    return fc
      .record({
        indexed: layouts(sizes),
        other: layouts(iterated),
        index: slices ? layouts([count]) : readableLayouts(iterated),
      })
      .map((laid) => ({
        ...given,
        ...laid,
        other: splat
          ? { ...laid.other, strides: laid.other.strides.map((s, d) => (d === 2 ? 0 : s)) }
          : laid.other,
      }));
  });

/** The first of the indexed dimensions is walked in `count` steps, the others not at all. */
function iteratedSizes(sizes: readonly number[], dims: readonly number[], count: number): number[] {
  return sizes.map((s, d) => (d === dims[0] ? count : dims.includes(d) ? 1 : s));
}

/** Runs a case on both devices and compares what the indexed tensor or the result hold, and what is returned. */
function check(c: Case, write: boolean): void {
  const { sizes, count, dims, dtype } = c;
  const iterated = iteratedSizes(sizes, dims, count);
  const tensor = twins(dtype, c.indexed, bits(dtype, c.seed));
  const layout = write ? c.other : arranged(iterated, [0, 1, 2], [0, 0, 0], 0);
  const other = twins(dtype, layout, bits(dtype, c.seed + 1));
  const indices = dims.map((d, k) =>
    twins(int64, c.index, (i) => {
      if (c.bad !== null && i === c.bad % c.index.extent)
        return BigInt(sizes[d]) + (k === 0 ? 2n ** 32n : 0n);
      const value = (i * 7 + c.seed + k) % sizes[d];
      return BigInt(c.wrap && i % 3 === 0 ? value - sizes[d] : value);
    }),
  );
  const strides = c.slices
    ? iterated.map((_, d) => (d === dims[0] ? c.index.strides[0] : 0))
    : c.index.strides;
  const select = (view: View): View => ({
    ...view,
    sizes: iterated,
    strides: view.strides.map((s, d) => (dims.includes(d) ? 0 : s)),
  });
  const results = (['wasm', 'reference'] as const).map((side) => {
    const device = side === 'wasm' ? cpu : referenceDevice;
    const how: Indices = {
      index: indices.map((t) => ({ ...t[side], sizes: iterated, strides })),
      stride: dims.map((d) => c.indexed.strides[d]),
      size: dims.map((d) => sizes[d]),
      wrap: c.wrap,
    };
    return write
      ? device.scatter(select(tensor[side]), { ...other[side], sizes: iterated }, how, c.mode)
      : device.gather(other[side], select(tensor[side]), how);
  });
  assert.equal(results[0] === null, results[1] === null);
  const changed = write ? tensor : other;
  // What was read is of no use where an index did not fit; nothing may have been written.
  if (write || results[0] === null)
    assert.deepEqual([...elements(changed.wasm)], [...elements(changed.reference)]);
  dispose(tensor, other, ...indices);
}

/** Whole numbers, as bits where elements are: exact in any order of additions. */
function bits(dtype: DType, seed: number): (i: number) => number | bigint {
  const whole = wholeNumbers(dtype, seed);
  if (dtype.name === 'bool') return (i) => (Number(whole(i)) > 0 ? 1 : 0);
  if (!dtype.isFloatingPoint || dtype.itemSize > 2) return whole;
  // 0, 1 and 2.
  const values = dtype.name === 'float16' ? [0, 0x3c00, 0x4000] : [0, 0x3f80, 0x4000];
  return (i) => values[Math.abs(Number(whole(i))) % 3];
}

describe('following indices', () => {
  test('reading is what the reference device reads', () => {
    fc.assert(
      fc.property(cases, (c) => check(c, false)),
      { numRuns: 400 },
    );
  });

  test('writing is what the reference device writes', () => {
    fc.assert(
      fc.property(cases, (c) => check(c, true)),
      { numRuns: 400 },
    );
  });

  test('a step that stands still takes the whole tensor', () => {
    const base: Omit<Case, 'indexed' | 'other'> = {
      dtype: float64,
      sizes: [3, 5, 37],
      count: 1,
      dims: [0],
      slices: true,
      wrap: false,
      index: dense([1]),
      mode: 'add',
      bad: null,
      seed: 1,
    };
    const c = { ...base, indexed: dense([3, 5, 37]), other: dense([1, 5, 37]) };
    check(c, false);
    check(c, true);
  });
});

describe('with several threads', () => {
  const before_ = torch.getNumThreads();
  before(() => torch.setNumThreads(2));
  after(() => torch.setNumThreads(before_));

  test('large reads are shared, and an index that does not fit is found wherever it is', () => {
    const x = torch.arange(512 * 512).reshape([512, 512]);
    const index = torch.arange(4096).mul(37).remainder(512);
    const expected = index.reshape([4096, 1]).mul(512).add(torch.arange(512));
    // Workers are started after some work.
    for (let i = 0; i < 60; i++) torch.indexSelect(x, 0, index).dispose();
    assert.ok(torch.indexSelect(x, 0, index).eq(expected).all().item());
    for (const at of [0, 2047, 4095]) {
      const wrong = index.clone();
      wrong.indexFill_(0, torch.tensor([at], { dtype: int64 }), 512);
      assert.throws(() => torch.indexSelect(x, 0, wrong), /index out of range in self/);
    }
  });
});
