/** A small ResNet (3×3 convolutions, batch norm) on 16×3×32×32: one training step, SGD with momentum. */
import type { Tensor } from 'typetorch';
import type { Workload } from '../harness/workload.ts';

export default {
  title: 'Small ResNet, training step',

  typetorch: (torch) => {
    const { nn, optim } = torch;
    const { functional: F } = nn;
    class Block extends nn.Module {
      readonly conv1;
      readonly bn1;
      readonly conv2;
      readonly bn2;
      readonly shortcut;

      constructor(input: number, output: number, stride: number) {
        super();
        this.conv1 = new nn.Conv2d(input, output, 3, { stride, padding: 1, bias: false });
        this.bn1 = new nn.BatchNorm2d(output);
        this.conv2 = new nn.Conv2d(output, output, 3, { padding: 1, bias: false });
        this.bn2 = new nn.BatchNorm2d(output);
        this.shortcut =
          stride === 1
            ? new nn.Sequential()
            : new nn.Sequential(
                new nn.Conv2d(input, output, 1, { stride, bias: false }),
                new nn.BatchNorm2d(output),
              );
      }

      override forward(x: Tensor): Tensor {
        const y = this.bn2(this.conv2(F.relu(this.bn1(this.conv1(x)))));
        return F.relu(y.add(this.shortcut(x)));
      }
    }
    return {
      ResNet: () => {
        const net = new nn.Sequential(
          new nn.Conv2d(3, 16, 3, { padding: 1, bias: false }),
          new nn.BatchNorm2d(16),
          new nn.ReLU(),
          new Block(16, 16, 1),
          new Block(16, 32, 2),
          new Block(32, 64, 2),
          new nn.AdaptiveAvgPool2d(1),
          new nn.Flatten(),
          new nn.Linear(64, 10),
        );
        const optimizer = new optim.SGD(net.parameters(), { lr: 0.01, momentum: 0.9 });
        const x = torch.randn(16, 3, 32, 32);
        const target = torch.randint(10, [16]);
        return () => {
          optimizer.zeroGrad();
          F.crossEntropy(net(x), target).backward();
          optimizer.step();
        };
      },
    };
  },

  pytorch: `
from torch import nn
import torch.nn.functional as F

class Block(nn.Module):
    def __init__(self, input, output, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(input, output, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(output)
        self.conv2 = nn.Conv2d(output, output, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(output)
        self.shortcut = nn.Sequential() if stride == 1 else nn.Sequential(
            nn.Conv2d(input, output, 1, stride=stride, bias=False), nn.BatchNorm2d(output))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))

def resnet():
    net = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
        Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    x, target = torch.randn(16, 3, 32, 32), torch.randint(10, (16,))
    def step():
        optimizer.zero_grad()
        F.cross_entropy(net(x), target).backward()
        optimizer.step()
    return step

cases = {"ResNet": resnet}
`,

  jax: 'not written: jax-js has no batch norm; its convolutions are measured on LeNet',
  tfjs: 'the wasm backend of TensorFlow.js has no gradient of convolutions; its cpu backend is measured on LeNet',
  target: () => ({ wasm: 1.8, blas: 1.2 }),
} satisfies Workload;
