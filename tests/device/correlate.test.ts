/** Correlations of the wasm device, which makes some of them by Winograd's minimal filtering, against the reference device. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type DType, float32, float64 } from '../../src/base/dtype.ts';
import { referenceDevice } from '../../src/device/reference/device.ts';
import { cpu } from '../../src/device/wasm/device.ts';
import { arranged, dense, dispose, elements, type Layout, twins, wholeNumbers } from './views.ts';

type Padding = readonly [number, number];

interface Case {
  readonly image: Layout;
  readonly kernel: Layout;
  readonly out: Layout;
  readonly padding: Padding;
  readonly dtype?: DType;
  readonly beta?: 0 | 1;
}

/** Sizes and layouts of [b, c, h, w] images with 3×3 taps to k channels. */
function convolution(
  [b, c, h, w, k]: readonly [b: number, c: number, h: number, w: number, k: number],
  padding: Padding,
  layout: (sizes: readonly number[]) => Layout = dense,
): Case {
  return {
    image: layout([b, c, h, w]),
    kernel: layout([k, c, 3, 3]),
    out: layout([b, k, h + 2 * padding[0] - 2, w + 2 * padding[1] - 2]),
    padding,
  };
}

/** The same with images as channels, whose results are the gradient of taps. */
function taps(
  [b, c, h, w, k]: readonly [b: number, c: number, h: number, w: number, k: number],
  padding: Padding,
  layout: (sizes: readonly number[]) => Layout = dense,
): Case {
  return {
    image: layout([c, b, h, w]),
    kernel: layout([k, b, h + 2 * padding[0] - 2, w + 2 * padding[1] - 2]),
    out: layout([c, k, 3, 3]),
    padding,
  };
}

/** Gaps everywhere but between the columns. */
function gaps(sizes: readonly number[]): Layout {
  return arranged(sizes, [1, 0, 2, 3], [1, 5, 3, 0], 3);
}

/** Runs the case on both devices, on whole numbers, for which the filtering is exact. Returns whether the wasm device took it. */
function check({ image, kernel, out, padding, dtype = float32, beta = 0 }: Case): boolean {
  const x = twins(dtype, image, wholeNumbers(dtype, 1));
  const w = twins(dtype, kernel, wholeNumbers(dtype, 2));
  const y = twins(dtype, out, () => 1000);
  // What lies between the elements of the image must not reach the results.
  for (const view of [x.wasm, x.reference]) {
    const data = elements(view) as Float32Array;
    const inside = new Set<number>();
    const { sizes, strides, offset } = view;
    const visit = (d: number, at: number): void => {
      if (d === sizes.length) inside.add(at);
      else for (let i = 0; i < sizes[d]; i++) visit(d + 1, at + i * strides[d]);
    };
    visit(0, offset);
    for (let i = 0; i < data.length; i++) if (!inside.has(i)) data[i] = Number.NaN;
  }
  const taken = cpu.correlate(y.wasm, x.wasm, w.wasm, padding, beta);
  if (taken) {
    assert.equal(referenceDevice.correlate(y.reference, x.reference, w.reference, padding, beta), true);
    const plain = (n: number | bigint): number => Number(n) + 0;
    assert.deepEqual([...elements(y.wasm)].map(plain), [...elements(y.reference)].map(plain));
  } else assert.ok([...elements(y.wasm)].every((n) => Number(n) === 1000));
  dispose(x, w, y);
  return taken;
}

const shapes: readonly (readonly [
  sizes: readonly [number, number, number, number, number],
  padding: Padding,
])[] = [
  [
    [1, 32, 8, 8, 32],
    [1, 1],
  ],
  [
    [3, 16, 9, 11, 22],
    [1, 1],
  ],
  [
    [3, 25, 8, 12, 32],
    [0, 0],
  ],
  [
    [2, 24, 8, 7, 16],
    [2, 2],
  ],
  [
    [2, 20, 6, 13, 24],
    [0, 2],
  ],
  [
    [1, 14, 11, 150, 16],
    [1, 0],
  ],
  [
    [6, 31, 4, 3, 31],
    [1, 2],
  ],
];

describe('correlations by minimal filtering', () => {
  for (const [sizes, padding] of shapes) {
    test(`images ${sizes.slice(0, 4)} to ${sizes[4]} channels, padding ${padding}`, () => {
      assert.ok(check(convolution(sizes, padding)));
      assert.ok(check(convolution(sizes, padding, gaps)));
    });
    test(`gradients of taps, images ${sizes.slice(0, 4)} and ${sizes[4]} channels, padding ${padding}`, () => {
      assert.ok(check(taps(sizes, padding)));
      assert.ok(check({ ...taps(sizes, padding, gaps), beta: 1 }));
    });
  }

  test('a reversed kernel', () => {
    const { image, kernel, out, padding } = convolution([2, 16, 9, 11, 16], [1, 1]);
    const reversed = { ...kernel, strides: [9, 144, -3, -1], offset: 8 };
    assert.ok(check({ image, kernel: reversed, out, padding }));
  });

  test('a broadcast image', () => {
    const { image, kernel, out, padding } = convolution([2, 16, 9, 11, 16], [1, 1]);
    assert.ok(check({ image: { ...image, strides: [0, 99, 0, 1] }, kernel, out, padding }));
  });
});

describe('other correlations are left to contractions', () => {
  const sizes = [2, 16, 12, 12, 16] as const;
  test('of float64', () => assert.equal(check({ ...convolution(sizes, [1, 1]), dtype: float64 }), false));
  test('with few channels', () => {
    assert.equal(check(convolution([2, 1, 12, 12, 16], [1, 1])), false);
    assert.equal(check(taps([2, 1, 12, 12, 16], [1, 1])), false);
  });
  test('of tiny images', () => assert.equal(check(convolution([1, 16, 4, 4, 16], [1, 1])), false));
  test('with wide padding', () => assert.equal(check(convolution(sizes, [3, 1])), false));
  test('of columns that do not lie side by side', () => {
    const last = (s: readonly number[]): Layout => arranged(s, [0, 2, 3, 1], [0, 0, 0, 0], 0);
    assert.equal(check(convolution(sizes, [1, 1], last)), false);
    assert.equal(check(taps(sizes, [1, 1], last)), false);
  });
  test('that are added to results', () =>
    assert.equal(check({ ...convolution(sizes, [1, 1]), beta: 1 }), false));
  test('with other taps', () => {
    const { image, out, padding } = convolution(sizes, [1, 1]);
    assert.equal(check({ image, kernel: dense([16, 16, 2, 3]), out, padding }), false);
  });
});
