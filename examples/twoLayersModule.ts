/** The same network as a module whose forward takes the weights. Run it with `npx tsx examples/twoLayersModule.ts`. */
import * as torch from 'typetorch';
import { nn, type Tensor } from 'typetorch';

class Model extends nn.Module {
  override forward(x: Tensor, w1: Tensor, w2: Tensor): Tensor {
    return x.mm(w1).clamp({ min: 0 }).mm(w2);
  }
}

const [batch, inputs, hidden, outputs] = [100, 1000, 100, 10];
const [epochs, learningRate] = [20, 1e-6];

torch.manualSeed(0);
const x = torch.randn(batch, inputs);
const y = torch.randn(batch, outputs);
const w1 = torch.randn(inputs, hidden, { requiresGrad: true });
const w2 = torch.randn(hidden, outputs, { requiresGrad: true });

// A module is called like a function; TypeScript knows what this one takes.
const model = new Model();
for (let epoch = 0; epoch < epochs; epoch++) {
  const prediction = model(x, w1, w2);
  const loss = prediction.sub(y).pow(2).sum();
  console.log(`Epoch: ${epoch}, Loss: ${loss.item()}`);
  loss.backward();

  // `data` is the tensor without its history: what changes it is not recorded.
  for (const w of [w1, w2]) {
    w.data.sub_(w.grad!.data, { alpha: learningRate });
    w.grad!.data.zero_();
  }
}
