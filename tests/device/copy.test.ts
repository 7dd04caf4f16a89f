/** Copies: every pair of layouts, of elements of every size, gives what the reference device gives, and nothing beside it is touched. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  bfloat16,
  bool,
  type DType,
  float16,
  float32,
  float64,
  int16,
  int32,
  int64,
  int8,
  uint8,
} from '../../src/base/dtype.ts';
import { referenceDevice } from '../../src/device/reference/device.ts';
import { cpu } from '../../src/device/wasm/device.ts';
import { input } from '../../src/expr/expr.ts';
import { LoopProgram } from '../../src/kernel/program.ts';
import { arranged, dense, dispose, elements, type Layout, layouts, readableLayouts, twins } from './views.ts';

const dtypes = [bool, uint8, int8, int16, float16, bfloat16, int32, float32, int64, float64];

/** Numbers that tell neighbours apart, as each dtype's memory holds them. */
function distinct(dtype: DType): (i: number) => number | bigint {
  if (dtype === int64) return (i) => BigInt(i);
  if (dtype === bool) return (i) => ((i * 7919) % 13 > 5 ? 1 : 0);
  // Of 16-bit floats these are the bits: below 0x7c00 there are no NaN.
  if (dtype.itemSize === 2) return (i) => i % 0x7c00;
  return (i) => i % (dtype.itemSize === 1 ? 127 : 1_000_003);
}

/** What the target holds before. */
function blank(dtype: DType): (i: number) => number | bigint {
  return () => (dtype === int64 ? 1n : 1);
}

function check(dtype: DType, from: Layout, to: Layout): void {
  const program = new LoopProgram([{ expr: input(0, dtype.compute), dtype }], [dtype]);
  const source = twins(dtype, from, distinct(dtype));
  const target = twins(dtype, to, blank(dtype));
  cpu.loop(program, [target.wasm], [source.wasm], []);
  referenceDevice.loop(program, [target.reference], [source.reference], []);
  assert.deepEqual(elements(target.wasm), elements(target.reference));
  dispose(source, target);
}

describe('copies', () => {
  for (const dtype of dtypes) {
    test(`transposed matrices with every kind of edge (${dtype})`, () => {
      for (const [rows, columns] of [
        [16, 16],
        [64, 128],
        [67, 41],
        [41, 150],
        [200, 17],
        [17, 16],
      ]) {
        check(dtype, arranged([rows, columns], [1, 0], [0, 0], 3), dense([rows, columns], 1));
        check(dtype, dense([rows, columns], 1), arranged([rows, columns], [1, 0], [0, 5], 2));
      }
    });

    test(`transposed inner and outer dimensions (${dtype})`, () => {
      check(dtype, arranged([3, 33, 20, 2], [3, 0, 2, 1], [0, 0, 0, 0], 0), dense([3, 33, 20, 2]));
      check(dtype, arranged([2, 18, 5, 35], [0, 2, 3, 1], [0, 0, 1, 0], 0), dense([2, 18, 5, 35]));
      check(dtype, dense([2, 70, 3, 21]), arranged([2, 70, 3, 21], [2, 0, 3, 1], [0, 0, 0, 1], 4));
    });

    test(`rows, one element for many, and backwards (${dtype})`, () => {
      for (const n of [1, 3, 4, 15, 16, 63, 64, 65, 200]) {
        check(dtype, arranged([3, n], [0, 1], [2, 0], 1), dense([3, n], 1));
        check(dtype, { sizes: [3, n], strides: [1, 0], offset: 0, extent: 3 }, dense([3, n], 1));
        const backwards = { sizes: [3, n], strides: [n, -1], offset: n - 1, extent: 3 * n };
        check(dtype, backwards, dense([3, n], 1));
        check(dtype, dense([3, n], 1), backwards);
      }
    });
  }

  test('any layouts', () => {
    const cases = fc
      .record({
        sizes: fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 0, maxLength: 4 }),
        dtype: fc.constantFrom(...dtypes),
      })
      .chain(({ sizes, dtype }) =>
        fc.record({ dtype: fc.constant(dtype), from: readableLayouts(sizes), to: layouts(sizes) }),
      );
    fc.assert(
      fc.property(cases, ({ dtype, from, to }) => check(dtype, from, to)),
      { numRuns: 200 },
    );
  });
});

describe('floats to int64', () => {
  const edges = [
    ...[0, -0, 0.5, -0.5, 0.999999, -0.999999, 1, -1, 1.5, -1.5, 2 ** 31, -(2 ** 31), 2 ** 32, -(2 ** 32)],
    ...[2 ** 32 - 1, 1 - 2 ** 32, 2 ** 32 + 0.75, -(2 ** 32) - 0.75, 2 ** 51 + 0.5, -(2 ** 51) - 0.5],
    ...[2 ** 52 + 1, 2 ** 53 - 1, 1 - 2 ** 53, 2 ** 62 + 2 ** 12, -(2 ** 62) - 2 ** 12, 2 ** 63 - 1024],
    ...[2 ** 63, -(2 ** 63), -(2 ** 63) - 2048, 2 ** 64, 1e300, -1e300, 5e-324, -5e-324],
    ...[Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 123456789012.75, -123456789012.75],
  ];
  for (const dtype of [float32, float64]) {
    test(`towards zero, INT64_MIN where it does not fit (${dtype})`, () => {
      const program = new LoopProgram([{ expr: input(0, dtype.compute), dtype: int64 }], [dtype]);
      const layout = dense([edges.length]);
      const source = twins(dtype, layout, (i) => edges[i]);
      const target = twins(int64, layout, () => 0n);
      cpu.loop(program, [target.wasm], [source.wasm], []);
      const got = elements(target.wasm);
      edges.forEach((x, i) => {
        const stored = dtype === float32 ? Math.fround(x) : x;
        const fits = stored >= -(2 ** 63) && stored < 2 ** 63;
        assert.equal(got[i], fits ? BigInt(Math.trunc(stored)) : -(2n ** 63n), `${stored}`);
      });
      dispose(source, target);
    });
  }
});
