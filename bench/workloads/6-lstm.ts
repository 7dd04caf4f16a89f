/** An LSTM, 64 → 128, sequences of 32, batch 32: one SGD step. */
import { numbers, type Workload } from '../harness/workload.ts';

const [LENGTH, BATCH, IN, HIDDEN] = [32, 32, 64, 128];

export default {
  title: 'LSTM, training step',

  typetorch: (torch) => ({
    LSTM: () => {
      const { nn, optim } = torch;
      const lstm = new nn.LSTM(IN, HIDDEN);
      const optimizer = new optim.SGD(lstm.parameters(), { lr: 0.01 });
      const x = torch.randn(LENGTH, BATCH, IN);
      const y = torch.randn(LENGTH, BATCH, HIDDEN);
      return () => {
        optimizer.zeroGrad();
        const [output] = lstm(x);
        nn.functional.mseLoss(output, y).backward();
        optimizer.step();
      };
    },
  }),

  pytorch: `
from torch import nn

def lstm():
    lstm = nn.LSTM(${IN}, ${HIDDEN})
    optimizer = torch.optim.SGD(lstm.parameters(), lr=0.01)
    x, y = torch.randn(${LENGTH}, ${BATCH}, ${IN}), torch.randn(${LENGTH}, ${BATCH}, ${HIDDEN})
    def step():
        optimizer.zero_grad()
        output, _ = lstm(x)
        nn.functional.mse_loss(output, y).backward()
        optimizer.step()
    return step

cases = {"LSTM": lstm}
`,

  jax: 'not written: jax-js has no recurrent layers',

  tfjs: (tf) => ({
    LSTM: () => {
      const lstm = tf.layers.lstm({ units: HIDDEN, returnSequences: true, recurrentActivation: 'sigmoid' });
      const x = tf.tensor3d(numbers(BATCH * LENGTH * IN, 1), [BATCH, LENGTH, IN]);
      const y = tf.tensor3d(numbers(BATCH * LENGTH * HIDDEN, 2), [BATCH, LENGTH, HIDDEN]);
      lstm.apply(x);
      const optimizer = tf.train.sgd(0.01);
      return () =>
        void optimizer.minimize(() => {
          const output = lstm.apply(x) as typeof y;
          return tf.losses.meanSquaredError(y, output).asScalar();
        });
    },
  }),

  target: () => ({ wasm: 1.8, blas: 1.2 }),
} satisfies Workload;
