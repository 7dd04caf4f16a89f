/** A network of two layers, gradients worked out by hand. Run it with `npx tsx examples/twoLayersByHand.ts`. */
import * as torch from 'typetorch';

const [batch, inputs, hidden, outputs] = [100, 1000, 100, 10];
const [epochs, learningRate] = [20, 1e-6];

torch.manualSeed(0);
const x = torch.randn(batch, inputs);
const y = torch.randn(batch, outputs);
const w1 = torch.randn(inputs, hidden);
const w2 = torch.randn(hidden, outputs);

for (let epoch = 0; epoch < epochs; epoch++) {
  // Forward: matrix product, everything below zero cut off, matrix product.
  const h = x.mm(w1).clamp({ min: 0 });
  const prediction = h.mm(w2);
  const loss = prediction.sub(y).pow(2).sum();
  console.log(`Epoch: ${epoch}, Loss: ${loss.item()}`);

  // Backward: the chain rule, from the loss to the weights.
  const gradPrediction = prediction.sub(y).mul(2);
  const gradW2 = h.t().mm(gradPrediction);
  const gradH = gradPrediction.mm(w2.t());
  gradH.indexPut_([h.eq(0)], 0); // where it was cut off, nothing comes back
  const gradW1 = x.t().mm(gradH);

  // A step downhill.
  w1.sub_(gradW1, { alpha: learningRate });
  w2.sub_(gradW2, { alpha: learningRate });
}
