/** Contractions of the wasm device against the reference device. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type DType, float32, float64, int32, int64 } from '../../src/base/dtype.ts';
import type { Contraction } from '../../src/device/device.ts';
import { referenceDevice } from '../../src/device/reference/device.ts';
import { cpu } from '../../src/device/wasm/device.ts';
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

interface Case {
  readonly dtype: DType;
  readonly spec: Contraction;
  readonly a: Layout;
  readonly b: Layout;
  readonly out: Layout;
  /** What the product is added to in place of `out`. */
  readonly start?: Layout;
}

/** Runs a case on both devices. The operands are whole numbers, so the results must be equal to the last bit. */
function check({ dtype, spec, a, b, out, start }: Case): void {
  const left = twins(dtype, a, wholeNumbers(dtype, 1));
  const right = twins(dtype, b, wholeNumbers(dtype, 2));
  const target = twins(dtype, out, wholeNumbers(dtype, 3));
  // beta = 0 must not even read what is there.
  if (spec.beta === 0 && dtype.isFloatingPoint) {
    (elements(target.wasm) as Float64Array).fill(Number.NaN);
    (elements(target.reference) as Float64Array).fill(Number.NaN);
  }
  const from = start === undefined ? null : twins(dtype, start, wholeNumbers(dtype, 4));
  cpu.contract(target.wasm, left.wasm, right.wasm, from === null ? spec : { ...spec, start: from.wasm });
  referenceDevice.contract(
    target.reference,
    left.reference,
    right.reference,
    from === null ? spec : { ...spec, start: from.reference },
  );
  if (from !== null) dispose(from);
  assert.deepEqual([...elements(target.wasm)].map(plain), [...elements(target.reference)].map(plain));
  dispose(left, right, target);
}

/** No difference between the two zeros. */
function plain(x: number | bigint): number | bigint {
  return x === 0 ? 0 : x;
}

const dtypes = fc.constantFrom(float32, float32, float64, int32, int64);
const factor = fc.constantFrom(0, 1, 1, 2, -1);

/** Any numbers of dimensions of any sizes in any layouts. */
const anyCase: fc.Arbitrary<Case> = fc
  .record({
    dtype: dtypes,
    batch: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 2 }),
    m: fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 2 }),
    n: fc.array(fc.integer({ min: 0, max: 11 }), { maxLength: 2 }),
    k: fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 3 }),
    alpha: factor,
    beta: factor,
  })
  .chain(({ dtype, batch, m, n, k, alpha, beta }) =>
    fc
      .record({
        a: readableLayouts([...batch, ...m, ...k]),
        b: readableLayouts([...batch, ...k, ...n]),
        out: layouts([...batch, ...m, ...n]),
      })
      .map((where) => ({
        dtype,
        spec: { batch: batch.length, m: m.length, n: n.length, k: k.length, alpha, beta },
        ...where,
      })),
  );

/** Plain matrices of sizes around the edges of tiles and blocks. */
const side = fc.constantFrom(1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 15, 16, 17, 31, 33);
const matrixCase: fc.Arbitrary<Case> = fc
  .record({
    dtype: dtypes,
    m: side,
    n: side,
    k: fc.oneof(side, fc.constantFrom(0, 64, 257)),
    alpha: factor,
    beta: factor,
  })
  .chain(({ dtype, m, n, k, alpha, beta }) =>
    fc
      .record({ a: layouts([m, k]), b: layouts([k, n]), out: layouts([m, n]) })
      .map((where) => ({ dtype, spec: { batch: 0, m: 1, n: 1, k: 1, alpha, beta }, ...where })),
  );

const plainSpec: Contraction = { batch: 0, m: 1, n: 1, k: 1, alpha: 1, beta: 0 };

/** A matrix that is stored transposed. */
function transposed(rows: number, columns: number): Layout {
  const { strides, extent } = dense([columns, rows]);
  return { sizes: [rows, columns], strides: [strides[1], strides[0]], offset: 0, extent };
}

describe('contract', () => {
  test('random shapes and layouts', () => {
    fc.assert(fc.property(anyCase, check), { numRuns: 600 });
  });

  test('random matrices', () => {
    fc.assert(fc.property(matrixCase, check), { numRuns: 250 });
  });

  for (const dtype of [float32, float64, int32, int64]) {
    test(`${dtype.name}: transposed operands of all orientations`, () => {
      for (const [m, n, k] of [
        [1, 40, 37],
        [2, 21, 70],
        [37, 1, 40],
        [20, 10, 50],
        [10, 20, 50],
        [50, 45, 19],
      ]) {
        for (const a of [dense([m, k]), transposed(m, k)]) {
          for (const b of [dense([k, n]), transposed(k, n)]) {
            for (const out of [dense([m, n]), transposed(m, n)]) check({ dtype, spec: plainSpec, a, b, out });
          }
        }
      }
    });

    test(`${dtype.name}: more than one block of every dimension`, () => {
      const [m, n, k] = [70, 75, 600];
      check({
        dtype,
        spec: { ...plainSpec, alpha: 2, beta: 3 },
        a: dense([m, k]),
        b: dense([k, n]),
        out: dense([m, n]),
      });
      check({ dtype, spec: plainSpec, a: transposed(m, k), b: transposed(k, n), out: transposed(m, n) });
    });
  }

  for (const dtype of [float32, float64, int64]) {
    test(`${dtype.name}: sums start from a bias, of rows, of columns, or of all results`, () => {
      for (const m of [1, 2, 3, 4, 5, 6, 7, 9, 11]) {
        // An image of 2 channels 9×14, kernels 3×3, m filters: columns that are read in place. Then matrices.
        const [oh, ow, rows] = [7, 12, 126];
        const convolution = {
          dtype,
          spec: { batch: 1, m: 1, n: 2, k: 3, alpha: 1, beta: 0 },
          a: { sizes: [2, m, 2, 3, 3], strides: [0, 18, 9, 3, 1], offset: 0, extent: 18 * m },
          b: {
            sizes: [2, 2, 3, 3, oh, ow],
            strides: [2 * rows, rows, 14, 1, 14, 1],
            offset: 0,
            extent: 4 * rows,
          },
          out: dense([2, m, oh, ow]),
        };
        const sizes = [2, m, oh, ow];
        const perRow = { sizes, strides: [0, 1, 0, 0], offset: 3, extent: m + 3 };
        check({ ...convolution, start: perRow });
        check({ ...convolution, start: { ...perRow, strides: [0, 2, 0, 0], extent: 2 * m + 3 } });
        check({ ...convolution, start: { ...perRow, strides: [0, 0, 0, 1], extent: ow + 3 } });
        check({ ...convolution, start: dense(sizes) });
        check({ ...convolution, spec: { ...convolution.spec, alpha: 3 }, start: perRow });
        const [n, k] = [20, 33];
        const product = { dtype, spec: plainSpec, a: dense([m, k]), b: dense([k, n]), out: dense([m, n]) };
        check({ ...product, start: { sizes: [m, n], strides: [1, 0], offset: 0, extent: m } });
        check({ ...product, start: { sizes: [m, n], strides: [0, 1], offset: 1, extent: n + 1 } });
        check({ ...product, a: dense([m, 0]), b: dense([0, n]), start: dense([m, n]) });
      }
    });
  }

  test('a window view of an image makes a convolution', () => {
    // 2 images of 3 channels 9×8, 5 filters 3×3: batch n, rows o, summed (c, kh, kw), columns (oh, ow).
    const image = { n: 3 * 72, c: 72, h: 8, w: 1 };
    for (const stride of [1, 2]) {
      const [oh, ow] = stride === 1 ? [7, 6] : [4, 3];
      check({
        dtype: float32,
        spec: { batch: 1, m: 1, n: 2, k: 3, alpha: 1, beta: 0 },
        a: { sizes: [2, 5, 3, 3, 3], strides: [0, 27, 9, 3, 1], offset: 0, extent: 135 },
        b: {
          sizes: [2, 3, 3, 3, oh, ow],
          strides: [image.n, image.c, image.h, image.w, image.h * stride, image.w * stride],
          offset: 0,
          extent: 2 * image.n,
        },
        out: dense([2, 5, oh, ow]),
      });
      // Its weight gradient: rows o, columns (c, kh, kw), summed (n, oh, ow).
      const y = dense([2, 5, oh, ow]);
      check({
        dtype: float32,
        spec: { batch: 0, m: 1, n: 3, k: 3, alpha: 1, beta: 0 },
        a: { ...y, sizes: [5, 2, oh, ow], strides: [y.strides[1], y.strides[0], y.strides[2], y.strides[3]] },
        b: {
          sizes: [2, oh, ow, 3, 3, 3],
          strides: [image.n, image.h * stride, image.w * stride, image.c, image.h, image.w],
          offset: 0,
          extent: 2 * image.n,
        },
        out: dense([5, 3, 3, 3]),
      });
    }
  });

  for (const dtype of [float32, float64, int32]) {
    test(`${dtype.name}: summands in runs of all lengths`, () => {
      for (const [m, n] of [
        [1, 1],
        [1, 6],
        [5, 1],
        [3, 3],
        [4, 2],
        [5, 7],
      ]) {
        for (const length of [5, 8, 9, 10, 11, 30]) {
          for (const runs of [1, 3, 70]) {
            // The runs of the right operand have gaps between them.
            const b = [(length + 2) * runs, length + 2, 1];
            check({
              dtype,
              spec: { batch: 0, m: 1, n: 1, k: 2, alpha: 2, beta: runs === 3 ? 3 : 0 },
              a: dense([m, runs, length]),
              b: { sizes: [runs, length, n], strides: [b[1], b[2], b[0]], offset: 0, extent: b[0] * n },
              out: length === 9 ? transposed(m, n) : dense([m, n]),
            });
          }
        }
      }
    });

    test(`${dtype.name}: columns in runs of all lengths, for any number of rows`, () => {
      const k = 33;
      for (let m = 1; m <= 11; m++) {
        for (const width of [4, 7, 8, 10, 14]) {
          // Two batches share the left operand; results lie side by side, or with gaps.
          for (const gap of [1, 2]) {
            check({
              dtype,
              spec: { batch: 1, m: 1, n: 2, k: 1, alpha: 2, beta: gap === 1 ? 0 : 3 },
              a: { sizes: [2, m, k], strides: [0, k, 1], offset: 0, extent: m * k },
              b: dense([2, k, 3, width]),
              out: {
                sizes: [2, m, 3, width],
                strides: [m * 3 * width * gap, 3 * width * gap, width * gap, gap],
                offset: 0,
                extent: 6 * m * width * gap,
              },
            });
          }
        }
      }
    });
  }

  for (const dtype of [float32, float64, int64]) {
    test(`${dtype.name}: tiles of all heights and panels of all widths`, () => {
      const k = 21;
      for (let m = 1; m <= 14; m++) {
        for (const n of [2, 3, 4, 5, 8, 9, 11, 14, 16, 23]) {
          const spec = { ...plainSpec, alpha: 2, beta: m % 3 };
          // Neither columns nor summands of the right operand follow each other: it has to be packed.
          const b = arranged([k, n], [0, 1], [0, 1], 0);
          for (const a of [dense([m, k]), transposed(m, k), arranged([m, k], [0, 1], [1, 1], 0)]) {
            for (const out of [dense([m, n]), transposed(m, n), arranged([m, n], [0, 1], [1, 2], 0)])
              check({ dtype, spec, a, b, out });
          }
        }
      }
    });
  }

  test('both operands may be the same storage', () => {
    const layout = dense([23, 23]);
    const x = twins(float32, layout, wholeNumbers(float32, 5));
    const out = twins(float32, layout, () => 0);
    cpu.contract(out.wasm, x.wasm, x.wasm, plainSpec);
    referenceDevice.contract(out.reference, x.reference, x.reference, plainSpec);
    assert.deepEqual(elements(out.wasm), elements(out.reference));
  });

  test('rounding stays within the bound of the sum', () => {
    let seed = 7;
    const random = (): number => {
      seed = (seed * 16807) % 2147483647;
      return seed / 1073741824 - 1;
    };
    const [m, n, k] = [33, 41, 500];
    const numbers = Array.from({ length: Math.max(m, n) * k }, random);
    for (const dtype of [float32, float64]) {
      const a = twins(dtype, dense([m, k]), (i) => numbers[i]);
      const b = twins(dtype, transposed(k, n), (i) => numbers[numbers.length - 1 - i]);
      const out = twins(dtype, dense([m, n]), () => 0);
      cpu.contract(out.wasm, a.wasm, b.wasm, plainSpec);
      referenceDevice.contract(out.reference, a.reference, b.reference, plainSpec);
      // |error| ≤ k·u·Σ|a||b| ≤ k·u·k for operands in [-1, 1]; errors of random signs stay near √k·u·√k.
      const bound = k * (dtype === float32 ? 2 ** -24 : 2 ** -53) * 4;
      const expected = elements(out.reference);
      elements(out.wasm).forEach((x, i) => {
        assert.ok(Math.abs(Number(x) - Number(expected[i])) <= bound, `${x} and ${expected[i]}`);
      });
    }
  });

  test('infinities and NaN travel as in scalar arithmetic', () => {
    const data = [1, Number.POSITIVE_INFINITY, 0, Number.NaN, 2, -1];
    const a = twins(float32, dense([2, 3]), (i) => data[i]);
    const b = twins(float32, dense([3, 2]), (i) => data[5 - i]);
    const out = twins(float32, dense([2, 2]), () => 0);
    cpu.contract(out.wasm, a.wasm, b.wasm, plainSpec);
    referenceDevice.contract(out.reference, a.reference, b.reference, plainSpec);
    // As numbers: which NaN it is does not matter.
    assert.deepEqual(Array.from(elements(out.wasm), Number), Array.from(elements(out.reference), Number));
  });
});
