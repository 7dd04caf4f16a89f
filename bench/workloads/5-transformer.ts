/** A transformer encoder layer, d 128, 4 heads, sequences of 64, batch 16: one AdamW step. */
import type { Workload } from '../harness/workload.ts';

const DROPOUT: ReadonlyArray<readonly [string, number]> = [
  ['dropout 0.1', 0.1],
  ['no dropout', 0],
];

export default {
  title: 'Transformer encoder layer, training step',

  typetorch: (torch) => {
    const { nn, optim } = torch;
    const train = (dropout: number) => () => {
      const layer = new nn.TransformerEncoderLayer(128, 4, { dropout, batchFirst: true });
      const optimizer = new optim.AdamW(layer.parameters(), { lr: 1e-4 });
      const x = torch.randn(16, 64, 128);
      const y = torch.randn(16, 64, 128);
      return () => {
        optimizer.zeroGrad();
        nn.functional.mseLoss(layer(x), y).backward();
        optimizer.step();
      };
    };
    return Object.fromEntries(DROPOUT.map(([name, p]) => [name, train(p)]));
  },

  pytorch: `
from torch import nn

def train(dropout):
    def setup():
        layer = nn.TransformerEncoderLayer(128, 4, dropout=dropout, batch_first=True)
        optimizer = torch.optim.AdamW(layer.parameters(), lr=1e-4)
        x, y = torch.randn(16, 64, 128), torch.randn(16, 64, 128)
        def step():
            optimizer.zero_grad()
            nn.functional.mse_loss(layer(x), y).backward()
            optimizer.step()
        return step
    return setup

cases = {name: train(p) for name, p in ${JSON.stringify(DROPOUT)}}
`,

  jax: 'not written: jax-js has no transformer layer and no AdamW',
  tfjs: 'not written: TensorFlow.js has no attention layer and no AdamW',
  target: () => ({ wasm: 1.8, blas: 1.2 }),
} satisfies Workload;
