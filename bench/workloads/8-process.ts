/** A whole process: from its start to the end of a small program, with the time of loading everything and the peak of memory. */

/** Each program ends by printing the loss and the peak of its memory in KiB. */
export const title = 'Whole process: start, 20 epochs of the two-layer network, end';

/** Ratios of time and of peak memory to PyTorch's. */
export const target = { time: 0.15, memory: 0.6 };

export const typetorch = `
import * as torch from 'typetorch';

torch.manualSeed(0);
const x = torch.randn(100, 1000);
const y = torch.randn(100, 10);
const net = new torch.nn.Sequential(new torch.nn.Linear(1000, 100), new torch.nn.ReLU(), new torch.nn.Linear(100, 10));
const optimizer = new torch.optim.SGD(net.parameters(), { lr: 0.01 });
let loss;
for (let epoch = 0; epoch < 20; epoch++) {
  loss = torch.nn.functional.mseLoss(net(x), y);
  optimizer.zeroGrad();
  loss.backward();
  optimizer.step();
}
console.log(loss.item(), process.resourceUsage().maxRSS);
`;

export const pytorch = `
import resource
import torch

torch.manual_seed(0)
x = torch.randn(100, 1000)
y = torch.randn(100, 10)
net = torch.nn.Sequential(torch.nn.Linear(1000, 100), torch.nn.ReLU(), torch.nn.Linear(100, 10))
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(20):
    loss = torch.nn.functional.mse_loss(net(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(loss.item(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
`;

export const jax = `
import { defaultDevice, grad, init, jit, nn, numpy as np, random } from '@jax-js/jax';

await init('wasm');
defaultDevice('wasm');
const [k1, k2, k3, k4] = [1, 2, 3, 4].map((seed) => random.key(seed));
const x = random.normal(k1, [100, 1000]);
const y = random.normal(k2, [100, 10]);
let w = [random.normal(k3, [1000, 100]).mul(0.03), random.normal(k4, [100, 10]).mul(0.1), np.zeros([100]), np.zeros([10])];
const lossOf = ([w1, w2, b1, b2], x, y) => {
  const error = np.matmul(nn.relu(np.matmul(x, w1).add(b1)), w2).add(b2).sub(y);
  return error.ref.mul(error).mean();
};
const step = jit((w, x, y) => {
  const g = grad(lossOf)(w.map((p) => p.ref), x, y);
  return w.map((p, i) => p.sub(g[i].mul(0.01)));
});
for (let epoch = 0; epoch < 20; epoch++) w = step(w, x.ref, y.ref);
const loss = lossOf(w, x, y);
console.log(loss.item(), process.resourceUsage().maxRSS);
process.exit(0);
`;

export const tfjs = `
import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';

await tf.setBackend('wasm');
await tf.ready();
const x = tf.randomNormal([100, 1000]);
const y = tf.randomNormal([100, 10]);
const w1 = tf.variable(tf.randomNormal([1000, 100], 0, 0.03));
const w2 = tf.variable(tf.randomNormal([100, 10], 0, 0.1));
const b1 = tf.variable(tf.zeros([100]));
const b2 = tf.variable(tf.zeros([10]));
const optimizer = tf.train.sgd(0.01);
let loss;
for (let epoch = 0; epoch < 20; epoch++) {
  loss = optimizer.minimize(
    () => tf.losses.meanSquaredError(y, tf.relu(x.matMul(w1).add(b1)).matMul(w2).add(b2)).asScalar(),
    true,
  );
}
console.log((await loss.data())[0], process.resourceUsage().maxRSS);
`;
