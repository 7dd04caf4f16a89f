/** How cost grows: the batch of LeNet, the depth of a network. (Matrix products and elementwise functions have their own workloads.) */
import type { Tensor } from 'typetorch';
import type { Workload } from '../harness/workload.ts';

export default {
  title: 'Growth with batch and depth, training step',

  typetorch: (torch) => {
    const { nn, optim } = torch;
    const { functional: F } = nn;
    const train = (net: () => InstanceType<typeof nn.Sequential>, x: () => Tensor, classes: number) => () => {
      const model = net();
      const input = x();
      const target = torch.randint(classes, [input.size(0)]);
      const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 });
      return () => {
        optimizer.zeroGrad();
        F.crossEntropy(model(input), target).backward();
        optimizer.step();
      };
    };
    const convolutional = () =>
      new nn.Sequential(
        new nn.Conv2d(1, 6, 5),
        new nn.ReLU(),
        new nn.MaxPool2d(2),
        new nn.Conv2d(6, 16, 5),
        new nn.ReLU(),
        new nn.MaxPool2d(2),
        new nn.Flatten(),
        new nn.Linear(400, 10),
      );
    const deep = (depth: number) => () =>
      new nn.Sequential(
        ...Array.from({ length: depth }, () => new nn.Sequential(new nn.Linear(128, 128), new nn.Tanh())),
      );
    return {
      ...Object.fromEntries(
        [16, 32, 64, 128, 256].map((batch) => [
          `batch ${batch}`,
          train(convolutional, () => torch.randn(batch, 1, 32, 32), 10),
        ]),
      ),
      ...Object.fromEntries(
        [4, 8, 16, 32, 64].map((depth) => [
          `depth ${depth}`,
          train(deep(depth), () => torch.randn(64, 128), 128),
        ]),
      ),
    };
  },

  pytorch: null,
  jax: 'not compared',
  tfjs: 'not compared',
} satisfies Workload;
