/** The same network with gradients by autograd. Run it with `npx tsx examples/twoLayersAutograd.ts`. */
import * as torch from 'typetorch';

const [batch, inputs, hidden, outputs] = [100, 1000, 100, 10];
const [epochs, learningRate] = [20, 1e-6];

torch.manualSeed(0);
const x = torch.randn(batch, inputs);
const y = torch.randn(batch, outputs);
const w1 = torch.randn(inputs, hidden, { requiresGrad: true });
const w2 = torch.randn(hidden, outputs, { requiresGrad: true });

for (let epoch = 0; epoch < epochs; epoch++) {
  const prediction = x.mm(w1).clamp({ min: 0 }).mm(w2);
  const loss = prediction.sub(y).pow(2).sum();
  console.log(`Epoch: ${epoch}, Loss: ${loss.item()}`);

  // The gradients of the loss, added to w1.grad and w2.grad.
  loss.backward();

  // The step itself is nothing to take gradients of.
  torch.noGrad(() => {
    for (const w of [w1, w2]) {
      w.sub_(w.grad!, { alpha: learningRate });
      w.grad!.zero_();
    }
  });
}
