/** Matrix products of float32: squares, skinny shapes, operands read transposed, batches. */
import type { Tensor } from 'typetorch';
import { PROBE_OPERATIONS, probe } from '../harness/probe.ts';
import { numbers, type Workload } from '../harness/workload.ts';

/** Name, batch, m, k, n; a letter after the name's colon says which operands are stored transposed. */
const shapes: ReadonlyArray<readonly [string, number, number, number, number]> = [
  ...[64, 128, 256, 512, 1024].map((n) => [`${n}`, 1, n, n, n] as const),
  ['row 1×1024×1024', 1, 1, 1024, 1024],
  ['column 1024×1024×1', 1, 1024, 1024, 1],
  ['narrow 100×1000×10', 1, 100, 1000, 10],
  ['outer 512×8×512', 1, 512, 8, 512],
  ['512, aᵀ b', 1, 512, 512, 512],
  ['512, a bᵀ', 1, 512, 512, 512],
  ['512, aᵀ bᵀ', 1, 512, 512, 512],
  ['64 of 64', 64, 64, 64, 64],
  ['16 of 128', 16, 128, 128, 128],
  ['16 of 128, one b', 16, 128, 128, 128],
];

export default {
  title: 'Matrix product',

  typetorch: (torch) => ({
    ...Object.fromEntries(
      shapes.map(([name, batch, m, k, n]) => [
        name,
        () => {
          const make = (rows: number, columns: number, batch: number, transposed: boolean): Tensor => {
            const size = transposed ? [columns, rows] : [rows, columns];
            const x = torch.randn(batch > 1 ? [batch, ...size] : size);
            return transposed ? x.mT : x;
          };
          const a = make(m, k, batch, name.includes('aᵀ'));
          const b = make(k, n, name.includes('one b') ? 1 : batch, name.includes('bᵀ'));
          return () => void torch.matmul(a, b);
        },
      ]),
    ),
  }),

  pytorch: `
def product(name, batch, m, k, n):
    def make(rows, columns, batch, transposed):
        size = (columns, rows) if transposed else (rows, columns)
        x = torch.randn((batch, *size) if batch > 1 else size)
        return x.mT if transposed else x
    def setup():
        a = make(m, k, batch, "aᵀ" in name)
        b = make(k, n, 1 if "one b" in name else batch, "bᵀ" in name)
        return lambda: torch.matmul(a, b)
    return setup

cases = {shape[0]: product(*shape) for shape in ${JSON.stringify(shapes)}}
`,

  jax: ({ numpy: np }) =>
    Object.fromEntries(
      shapes
        .filter(([name, batch]) => batch === 1 && !name.includes('ᵀ'))
        .map(([name, , m, k, n]) => [
          name,
          () => {
            const a = np.array(numbers(m * k)).reshape([m, k]);
            const b = np.array(numbers(k * n)).reshape([k, n]);
            return async () => {
              const c = np.matmul(a.ref, b.ref);
              await c.blockUntilReady();
              c.dispose();
            };
          },
        ]),
    ),

  tfjs: (tf) =>
    Object.fromEntries(
      shapes
        .filter(([name]) => !name.includes('one b'))
        .map(([name, batch, m, k, n]) => [
          name,
          () => {
            const [ta, tb] = [name.includes('aᵀ'), name.includes('bᵀ')];
            const a = tf.tensor3d(numbers(batch * m * k), ta ? [batch, k, m] : [batch, m, k]);
            const b = tf.tensor3d(numbers(batch * k * n), tb ? [batch, n, k] : [batch, k, n]);
            return () => tf.matMul(a, b, ta, tb).dispose();
          },
        ]),
    ),

  openblas: (blas) =>
    Object.fromEntries(
      shapes
        .filter(([name, batch]) => batch === 1 && !name.includes('ᵀ'))
        .map(([name, , m, k, n]) => [
          name,
          () => {
            const [a, b, c] = [numbers(m * k), numbers(k * n), new Float32Array(m * n)];
            return () => blas.sgemm(m, n, k, a, b, c);
          },
        ]),
    ),

  probe: () => ({ [PROBE]: probe }),

  operations: (name) => {
    if (name === PROBE) return PROBE_OPERATIONS;
    const shape = shapes.find((s) => s[0] === name);
    return shape === undefined ? null : 2 * shape[1] * shape[2] * shape[3] * shape[4];
  },
  rateTarget: (name) => (name === '512' || name === '1024' ? { wasm: 0.85, blas: 0.95 } : null),
} satisfies Workload;

/** The case that measures the machine, not a library. */
export const PROBE = '128-bit multiply-add, one core';
