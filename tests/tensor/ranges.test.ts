/** Long ranges, which kernels write, hold what the definition gives, element by element. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as torch from '../../src/index.ts';

const lengths = [255, 256, 257, 1000, 4096, 5003];

describe('arange', () => {
  for (const n of lengths) {
    test(`${n} whole numbers`, () => {
      for (const [start, step] of [
        [0, 1],
        [-7, 3],
        [1000, -2],
        [2 ** 40, 2 ** 33],
        [-(2 ** 52), 5],
      ]) {
        const got = torch.arange(start, start + n * step, step);
        assert.equal(got.dtype, torch.int64);
        assert.deepEqual(
          got.tolist(),
          Array.from({ length: n }, (_, i) => start + i * step),
        );
      }
    });

    test(`${n} numbers of narrow integer types wrap`, () => {
      for (const [dtype, wrap] of [
        [torch.int32, (x: number[]) => Int32Array.from(x)],
        [torch.int16, (x: number[]) => Int16Array.from(x)],
        [torch.int8, (x: number[]) => Int8Array.from(x)],
        [torch.uint8, (x: number[]) => Uint8Array.from(x)],
      ] as const) {
        const got = torch.arange(-5, -5 + 3 * n, 3, { dtype });
        assert.deepEqual(got.tolist(), [...wrap(Array.from({ length: n }, (_, i) => -5 + 3 * i))]);
      }
    });

    test(`${n} floats are start + i·step, rounded once`, () => {
      const values = Float64Array.from({ length: n }, (_, i) => 0.3 + i * 0.1);
      const end = 0.3 + (n - 0.5) * 0.1;
      const double = torch.arange(0.3, end, 0.1, { dtype: torch.float64 });
      assert.deepEqual(double.tolist(), [...values]);
      assert.deepEqual(torch.arange(0.3, end, 0.1).tolist(), [...Float32Array.from(values)]);
      const half = torch.arange(0.3, end, 0.1, { dtype: torch.float16 });
      assert.deepEqual(half.tolist(), torch.tensor([...values], { dtype: torch.float16 }).tolist());
    });
  }
});

describe('linspace', () => {
  for (const n of lengths) {
    test(`${n} steps count from both ends`, () => {
      for (const [dtype, round] of [
        [torch.float32, Math.fround],
        [torch.float64, (x: number) => x],
      ] as const) {
        const [a, b] = [round(-0.7), round(1.9)];
        const step = round((b - a) / (n - 1));
        const wanted = Array.from({ length: n }, (_, i) =>
          i < Math.floor(n / 2) ? round(a + round(step * i)) : round(b - round(step * (n - 1 - i))),
        );
        assert.deepEqual(torch.linspace(-0.7, 1.9, n, { dtype }).tolist(), wanted);
      }
    });

    test(`${n} steps of whole numbers are truncated`, () => {
      const step = (300 - -20) / (n - 1);
      const wanted = Array.from(
        { length: n },
        (_, i) =>
          // Adding 0 makes a plain zero of the negative one.
          0 + Math.trunc(i < Math.floor(n / 2) ? -20 + step * i : 300 - step * (n - 1 - i)),
      );
      const got = torch.linspace(-20, 300, n, { dtype: torch.int64 });
      assert.deepEqual(got.tolist(), wanted);
    });
  }
});

test('large matrices: eye, tril and triu', () => {
  const [rows, columns] = [70, 90];
  const at = (f: (i: number, j: number) => number): number[][] =>
    Array.from({ length: rows }, (_, i) => Array.from({ length: columns }, (__, j) => f(i, j)));
  for (const dtype of [torch.float32, torch.float16, torch.int32]) {
    assert.deepEqual(
      torch.eye(rows, columns, { dtype }).tolist(),
      at((i, j) => (i === j ? 1 : 0)),
    );
  }
  const x = torch
    .arange(1, 1 + rows * columns)
    .reshape(rows, columns)
    .to(torch.int32);
  const value = (i: number, j: number): number => 1 + i * columns + j;
  for (const k of [-80, -3, 0, 5, 100]) {
    assert.deepEqual(
      x.tril(k).tolist(),
      at((i, j) => (j - i <= k ? value(i, j) : 0)),
    );
    assert.deepEqual(
      x.triu(k).tolist(),
      at((i, j) => (j - i >= k ? value(i, j) : 0)),
    );
  }
});
