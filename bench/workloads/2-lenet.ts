/** LeNet on 1×32×32 images: one training step, SGD with momentum, cross-entropy. */
import type { Array as JaxArray } from '@jax-js/jax';
import type { Tensor4D, Variable } from '@tensorflow/tfjs';
import type { Tensor } from 'typetorch';
import { numbers, type Workload } from '../harness/workload.ts';

const BATCHES = [1, 64];

export default {
  title: 'LeNet, training step',

  typetorch: (torch) => {
    const { nn, optim } = torch;
    const { functional: F } = nn;
    class LeNet extends nn.Module {
      conv1 = new nn.Conv2d(1, 6, 5);
      conv2 = new nn.Conv2d(6, 16, 5);
      fc1 = new nn.Linear(16 * 5 * 5, 120);
      fc2 = new nn.Linear(120, 84);
      fc3 = new nn.Linear(84, 10);

      override forward(x: Tensor): Tensor {
        x = F.maxPool2d(F.relu(this.conv1(x)), 2);
        x = F.maxPool2d(F.relu(this.conv2(x)), 2);
        x = F.relu(this.fc1(x.flatten(1)));
        x = F.relu(this.fc2(x));
        return this.fc3(x);
      }
    }
    const train = (batch: number) => () => {
      const net = new LeNet();
      const optimizer = new optim.SGD(net.parameters(), { lr: 0.01, momentum: 0.9 });
      const x = torch.randn(batch, 1, 32, 32);
      const target = torch.randint(10, [batch]);
      return () => {
        optimizer.zeroGrad();
        F.crossEntropy(net(x), target).backward();
        optimizer.step();
      };
    };
    return Object.fromEntries(BATCHES.map((batch) => [`batch ${batch}`, train(batch)]));
  },

  pytorch: `
from torch import nn
import torch.nn.functional as F

class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc1(x.flatten(1)))
        x = F.relu(self.fc2(x))
        return self.fc3(x)

def train(batch):
    def setup():
        net = LeNet()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
        x, target = torch.randn(batch, 1, 32, 32), torch.randint(10, (batch,))
        def step():
            optimizer.zero_grad()
            F.cross_entropy(net(x), target).backward()
            optimizer.step()
        return step
    return setup

cases = {f"batch {batch}": train(batch) for batch in (${BATCHES})}
`,

  jax: ({ blockUntilReady, grad, jit, lax, nn, numpy: np }) => {
    type Net = readonly JaxArray[];
    const parameter = (...shape: number[]): JaxArray =>
      np
        .array(numbers(shape.reduce((a, b) => a * b)))
        .mul(0.1)
        .reshape(shape);
    const pool = (x: JaxArray): JaxArray => {
      const [n, channels, height, width] = x.shape;
      return np.max(x.reshape([n, channels, height / 2, 2, width / 2, 2]), [3, 5]);
    };
    const layer = (x: JaxArray, w: JaxArray, b: JaxArray): JaxArray => np.matmul(x, w).add(b);
    const forward = ([k1, c1, k2, c2, w1, b1, w2, b2, w3, b3]: Net, x: JaxArray): JaxArray => {
      x = pool(nn.relu(lax.conv(x, k1, [1, 1], 'VALID').add(c1)));
      x = pool(nn.relu(lax.conv(x, k2, [1, 1], 'VALID').add(c2)));
      x = nn.relu(layer(x.reshape([x.shape[0], 400]), w1, b1));
      return layer(nn.relu(layer(x, w2, b2)), w3, b3);
    };
    const loss = (net: Net, x: JaxArray, target: JaxArray): JaxArray => {
      const batch = x.shape[0];
      return nn
        .logSoftmax(forward(net, x), 1)
        .mul(target)
        .sum()
        .mul(-1 / batch);
    };
    const train = (batch: number) => () => {
      let net: JaxArray[] = [
        ...[parameter(6, 1, 5, 5), parameter(6, 1, 1), parameter(16, 6, 5, 5), parameter(16, 1, 1)],
        ...[parameter(400, 120), parameter(120), parameter(120, 84), parameter(84)],
        ...[parameter(84, 10), parameter(10)],
      ];
      let momentum: JaxArray[] = net.map(({ shape }) => np.zeros(shape));
      const x = np.array(numbers(batch * 32 * 32)).reshape([batch, 1, 32, 32]);
      const labels = Array.from({ length: batch }, (_, i) => i % 10);
      const target = nn.oneHot(np.array(labels, { dtype: np.int32 }), 10);
      const step = jit((net: JaxArray[], momentum: JaxArray[], x: JaxArray, target: JaxArray) => {
        const gradients = grad(loss)(
          net.map((w) => w.ref),
          x,
          target,
        ) as JaxArray[];
        const velocity = momentum.map((v, i) => v.mul(0.9).add(gradients[i]));
        return [net.map((w, i) => w.sub(velocity[i].ref.mul(0.01))), velocity];
      });
      return async () => {
        [net, momentum] = step(net, momentum, x.ref, target.ref) as [JaxArray[], JaxArray[]];
        await blockUntilReady([net, momentum]);
      };
    };
    return Object.fromEntries(BATCHES.map((batch) => [`batch ${batch}`, train(batch)]));
  },

  tfjsBackend: 'cpu',
  tfjs: (tf) => {
    const parameter = (shape: number[]) =>
      tf.variable(tf.tensor(numbers(tf.util.sizeFromShape(shape)), shape).mul(0.1));
    return Object.fromEntries(
      BATCHES.map((batch) => [
        `batch ${batch}`,
        () => {
          const [k1, k2] = [parameter([5, 5, 1, 6]), parameter([5, 5, 6, 16])];
          const [w1, w2, w3] = [parameter([400, 120]), parameter([120, 84]), parameter([84, 10])];
          const [c1, c2, b1, b2, b3] = [6, 16, 120, 84, 10].map((n) => parameter([n]));
          const x = tf.tensor4d(numbers(batch * 32 * 32), [batch, 32, 32, 1]);
          const target = tf.oneHot(
            Array.from({ length: batch }, (_, i) => i % 10),
            10,
          );
          const optimizer = tf.train.momentum(0.01, 0.9);
          const net = () => {
            const stage = (x: Tensor4D, kernel: Variable, bias: Variable): Tensor4D =>
              tf.maxPool(tf.relu(tf.conv2d(x, kernel as Tensor4D, 1, 'valid').add(bias)), 2, 2, 'valid');
            const h2 = stage(stage(x, k1, c1), k2, c2);
            const h3 = tf.relu(tf.matMul(h2.reshape([batch, 400]), w1).add(b1));
            return tf.matMul(tf.relu(tf.matMul(h3, w2).add(b2)), w3).add(b3);
          };
          return () => void optimizer.minimize(() => tf.losses.softmaxCrossEntropy(target, net()).asScalar());
        },
      ]),
    );
  },

  target: (name) => (name === 'batch 1' ? { wasm: 0.5, blas: 0.5 } : { wasm: 0.8, blas: 0.8 }),
} satisfies Workload;
