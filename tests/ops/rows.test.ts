/** Row ops: the wasm kernels against the reference device, over shapes, layouts and dtypes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as E from '../../src/expr/expr.ts';
import * as torch from '../../src/index.ts';
import { RowOp } from '../../src/ops/rows/family.ts';
import { runtime } from '../../src/ops/runtime.ts';

/** Every feature: reductions of three kinds, values of the row, an output that is read back, an operand per row, a scalar. */
const everything = new RowOp('everything', (rows) => {
  const x = rows.input(0);
  const top = rows.reduce('max', x);
  const bottom = rows.reduce('min', x);
  const span = rows.once(E.sub(top, bottom));
  const kept = rows.store(0, E.exp(E.sub(x, top)));
  const total = rows.reduce('sum', E.mul(E.exp(E.sub(x, top)), rows.input(1)));
  rows.pass();
  rows.store(0, E.add(E.mul(kept, rows.param(0)), total));
  rows.store(1, E.mul(E.sub(x, bottom), span));
  rows.result(total);
  rows.result(span);
});

type Shape = readonly [sizes: readonly number[], reduced: readonly number[]];

const shapes: readonly Shape[] = [
  [[1], [0]],
  [[5], [0]],
  [[37], [0]],
  [[3, 1], [1]],
  [[3, 1], [0]],
  [[4, 64], [1]],
  [[4, 67], [1]],
  [[40, 33], [0]],
  [[33, 2], [1]],
  [
    [2, 3, 5, 7],
    [0, 2, 3],
  ],
  [
    [2, 19, 5, 7],
    [0, 2, 3],
  ],
  [[6, 21], [0]],
  [[3, 4, 5], [1]],
  [
    [3, 4, 5],
    [0, 2],
  ],
  [[2, 1100], [1]],
  [[1100, 6], [0]],
  [[3, 4], []],
];

for (const [sizes, reduced] of shapes) {
  test(`sizes [${sizes}], reduced [${reduced}]`, () => {
    torch.manualSeed(3);
    const rank = sizes.length;
    const mask = sizes.map((_, d) => reduced.includes(d));
    const perRow = sizes.map((s, d) => (mask[d] ? 1 : s));
    const backwards = Array.from({ length: rank }, (_, d) => rank - 1 - d);
    for (const dtype of [torch.float32, torch.float64, torch.float16]) {
      const plain = torch.randn(...sizes).to(dtype);
      const layouts = {
        plain,
        transposed: plain.permute(backwards).contiguous().permute(backwards),
        spaced: torch.cat([plain, plain], rank - 1).narrow(rank - 1, 0, sizes[rank - 1]),
      };
      for (const [layout, x] of Object.entries(layouts)) {
        for (const scale of [torch.rand(...perRow).to(dtype), torch.rand(...sizes).to(dtype)]) {
          const run = (device: string): torch.Tensor[] => {
            const { outputs, results } = runtime.rows(
              everything,
              [x.to(device), scale.to(device)],
              mask,
              [0.5],
            );
            return [...outputs, ...results].map((t) => t.to('cpu'));
          };
          const [got, expected] = [run('cpu'), run('reference')];
          assert.equal(got.length, 4);
          got.forEach((t, i) => {
            const tolerance = dtype === torch.float64 ? 1e-13 : 2e-6;
            assert.deepEqual(t.sizes, expected[i].sizes);
            const close = torch.allclose(t, expected[i], { rtol: tolerance, atol: tolerance });
            assert.ok(close, `${dtype} ${layout} output ${i}: ${t} against ${expected[i]}`);
          });
        }
      }
    }
  });
}

test('several threads give what one gives', () => {
  const before = torch.getNumThreads();
  try {
    const x = torch.randn(300, 1000);
    const scale = torch.rand(300, 1);
    const run = (threads: number, mask: boolean[]): torch.Tensor[] => {
      torch.setNumThreads(threads);
      const { outputs, results } = runtime.rows(everything, [x, scale], mask, [2]);
      return [...outputs, ...results];
    };
    for (const mask of [
      [false, true],
      [true, false],
    ]) {
      const one = run(1, mask);
      run(3, mask).forEach((t, i) => {
        assert.ok(torch.equal(t, one[i]));
      });
    }
  } finally {
    torch.setNumThreads(before);
  }
});

test('a long row is summed without losing small terms', () => {
  const x = torch.ones(2, 400_000).mul(0.1);
  const { results } = runtime.rows(everything, [x, torch.ones(1, 1)], [false, true], [1]);
  assert.ok(torch.allclose(results[0], torch.full([2, 1], 400_000), { rtol: 1e-7 }));
});
