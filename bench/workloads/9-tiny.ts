/** The cost of an operation itself: 10,000 additions of 16 elements. */
import { numbers, type Workload } from '../harness/workload.ts';

const COUNT = 10_000;
const SIZE = 16;

export default {
  title: '10,000 additions of 16 elements',

  typetorch: (torch) => ({
    'add of 16': () => {
      const x = torch.randn(SIZE);
      const y = torch.randn(SIZE);
      return () => {
        for (let i = 0; i < COUNT; i++) x.add(y);
      };
    },
    'add of 16, recorded': () => {
      const x = torch.randn(SIZE, { requiresGrad: true });
      const y = torch.randn(SIZE);
      return () => {
        for (let i = 0; i < COUNT; i++) x.add(y);
      };
    },
  }),

  pytorch: `
def add(requires_grad):
    def setup():
        x, y = torch.randn(${SIZE}, requires_grad=requires_grad), torch.randn(${SIZE})
        def step():
            for _ in range(${COUNT}):
                x + y
        return step
    return setup

cases = {"add of 16": add(False), "add of 16, recorded": add(True)}
`,

  jax: ({ numpy: np }) => ({
    'add of 16': () => {
      const x = np.array(numbers(SIZE, 1));
      const y = np.array(numbers(SIZE, 2));
      return async () => {
        for (let i = 0; i < COUNT; i++) {
          const z = x.ref.add(y.ref);
          await z.blockUntilReady();
          z.dispose();
        }
      };
    },
  }),

  tfjs: (tf) => ({
    'add of 16': () => {
      const x = tf.tensor1d(numbers(SIZE, 1));
      const y = tf.tensor1d(numbers(SIZE, 2));
      return () => {
        for (let i = 0; i < COUNT; i++) tf.add(x, y).dispose();
      };
    },
  }),

  target: () => ({ wasm: 0.8, blas: 0.8 }),
} satisfies Workload;
