/** Elementwise functions, reductions and normalisation of float32, stored in order and transposed. */
import type { Tensor } from 'typetorch';
import { numbers, type Workload } from '../harness/workload.ts';

const sizes: ReadonlyArray<readonly [string, number, number]> = [
  ['1e3', 10, 100],
  ['1e5', 100, 1000],
  ['1e7', 10_000, 1000],
];
const layouts = ['', ', transposed'] as const;

export default {
  title: 'Elementwise, reductions, normalisation',

  typetorch: (torch) => {
    const F = torch.nn.functional;
    const ops: Record<string, (x: Tensor, y: Tensor) => Tensor> = {
      add: (x, y) => x.add(y),
      exp: (x) => x.exp(),
      gelu: (x) => F.gelu(x),
      softmax: (x) => x.softmax(1),
      sum: (x) => x.sum(),
      'sum of rows': (x) => x.sum(1),
      'layer norm': (x) => F.layerNorm(x, [x.size(1)]),
    };
    const make = (rows: number, columns: number, transposed: boolean): Tensor =>
      transposed ? torch.randn(columns, rows).t() : torch.randn(rows, columns);
    return Object.fromEntries(
      Object.entries(ops).flatMap(([op, f]) =>
        sizes.flatMap(([size, rows, columns]) =>
          layouts.map((layout) => [
            `${op} ${size}${layout}`,
            () => {
              const x = make(rows, columns, layout !== '');
              const y = make(rows, columns, layout !== '');
              return () => void f(x, y);
            },
          ]),
        ),
      ),
    );
  },

  pytorch: `
import torch.nn.functional as F

ops = {
    "add": lambda x, y: x + y,
    "exp": lambda x, y: x.exp(),
    "gelu": lambda x, y: F.gelu(x),
    "softmax": lambda x, y: x.softmax(1),
    "sum": lambda x, y: x.sum(),
    "sum of rows": lambda x, y: x.sum(1),
    "layer norm": lambda x, y: F.layer_norm(x, [x.size(1)]),
}

def make(rows, columns, transposed):
    return torch.randn(columns, rows).t() if transposed else torch.randn(rows, columns)

def timed(f, rows, columns, layout):
    def setup():
        x, y = make(rows, columns, layout != ""), make(rows, columns, layout != "")
        return lambda: f(x, y)
    return setup

cases = {
    f"{op} {size}{layout}": timed(f, rows, columns, layout)
    for op, f in ops.items()
    for size, rows, columns in ${JSON.stringify(sizes)}
    for layout in ${JSON.stringify(layouts)}
}
`,

  jax: ({ nn, numpy: np }) => {
    type A = ReturnType<typeof np.array>;
    const ops: Record<string, (x: A, y: A) => A> = {
      add: (x, y) => x.add(y.ref),
      exp: (x) => np.exp(x),
      gelu: (x) => nn.gelu(x, { approximate: false }),
      softmax: (x) => nn.softmax(x, 1),
      sum: (x) => x.sum(),
      'sum of rows': (x) => x.sum(1),
      'layer norm': (x) => nn.standardize(x, 1),
    };
    return Object.fromEntries(
      Object.entries(ops).flatMap(([op, f]) =>
        sizes.map(([size, rows, columns]) => [
          `${op} ${size}`,
          () => {
            const x = np.array(numbers(rows * columns, 1)).reshape([rows, columns]);
            const y = np.array(numbers(rows * columns, 2)).reshape([rows, columns]);
            return async () => {
              const z = f(x.ref, y);
              await z.blockUntilReady();
              z.dispose();
            };
          },
        ]),
      ),
    );
  },

  tfjs: (tf) => {
    const half = Math.SQRT1_2;
    type T = ReturnType<typeof tf.tensor2d>;
    const ops: Record<string, (x: T, y: T) => unknown> = {
      add: (x, y) => tf.add(x, y),
      exp: (x) => tf.exp(x),
      gelu: (x) => x.mul(0.5).mul(x.mul(half).erf().add(1)),
      softmax: (x) => tf.softmax(x, 1),
      sum: (x) => tf.sum(x),
      'sum of rows': (x) => tf.sum(x, 1),
      'layer norm': (x) => {
        const centred = x.sub(x.mean(1, true));
        return centred.mul(tf.rsqrt(centred.square().mean(1, true).add(1e-5)));
      },
    };
    return Object.fromEntries(
      Object.entries(ops).flatMap(([op, f]) =>
        sizes.map(([size, rows, columns]) => [
          `${op} ${size}`,
          () => {
            const x = tf.tensor2d(numbers(rows * columns, 1), [rows, columns]);
            const y = tf.tensor2d(numbers(rows * columns, 2), [rows, columns]);
            return () => void tf.tidy(() => void f(x, y));
          },
        ]),
      ),
    );
  },

  target: (name) => {
    if (!name.includes('1e7')) return { wasm: 1.25, blas: 1.25 };
    const limit = /^(add|exp|gelu)/.test(name) ? 0.6 : 1.25;
    return { wasm: limit, blas: limit };
  },
} satisfies Workload;
