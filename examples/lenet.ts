/** LeNet: a convolutional network as a class of its own. Run it with `npx tsx examples/lenet.ts`. */
import * as torch from 'typetorch';
import { nn, optim, type Tensor } from 'typetorch';
import * as F from 'typetorch/nn/functional';

class Net extends nn.Module {
  // 1 input channel, 6 output channels, 5×5 convolution
  conv1: nn.Conv2d = new nn.Conv2d(1, 6, 5);
  conv2: nn.Conv2d = new nn.Conv2d(6, 16, 5);
  // an affine operation: y = Wx + b; 5×5 is what is left of the image
  fc1: nn.Linear = new nn.Linear(16 * 5 * 5, 120);
  fc2: nn.Linear = new nn.Linear(120, 84);
  fc3: nn.Linear = new nn.Linear(84, 10);

  override forward(x: Tensor): Tensor {
    // max pooling over a window of 2×2; a square window may be given by one number
    x = F.maxPool2d(F.relu(this.conv1(x)), [2, 2]);
    x = F.maxPool2d(F.relu(this.conv2(x)), 2);
    x = x.view(-1, this.numFlatFeatures(x));
    x = F.relu(this.fc1(x));
    x = F.relu(this.fc2(x));
    return this.fc3(x);
  }

  /** How many numbers there are for one image: all dimensions but the batch. */
  numFlatFeatures(x: Tensor): number {
    return x.shape.slice(1).reduce((a, b) => a * b, 1);
  }
}

torch.manualSeed(0);
const net = new Net();
console.log(net);

const parameters = [...net.parameters()];
console.log(parameters.length);
console.log(parameters[0].size()); // the weights of conv1

// A batch of one image with one channel.
const input = torch.randn(1, 1, 32, 32);
const out = net(input);
console.log(out);

// Backward from all ten outputs, with random gradients.
net.zeroGrad();
out.backward(torch.randn(1, 10));

// A loss, and the graph behind it.
const target = torch.randn(10).view(1, -1);
const criterion = new nn.MSELoss();
const loss = criterion(net(input), target);
console.log(loss);
console.log(loss.gradFn);
const [linear] = loss.gradFn!.nextFunctions[0]!;
console.log(linear); // the last layer
console.log(linear.nextFunctions[0]![0]); // its bias

net.zeroGrad();
console.log(net.conv1.bias!.grad); // before backward
loss.backward();
console.log(net.conv1.bias!.grad); // after

// The simplest step: weight = weight - learning rate · gradient.
for (const p of net.parameters()) p.data.sub_(p.grad!.data.mul(0.01));

// An optimizer does the same, and better.
const optimizer = new optim.SGD(net.parameters(), { lr: 0.01 });
for (let step = 0; step < 3; step++) {
  optimizer.zeroGrad(); // gradients add up until they are cleared
  const loss = criterion(net(input), target);
  loss.backward();
  optimizer.step();
  console.log(loss.item().toFixed(4));
}
