/** The network of the tutorial: LeNet, for images of 32×32 pixels. */
import { nn, type Tensor } from 'typetorch';
import * as F from 'typetorch/nn/functional';

/** (N, 1, 32, 32) images to (N, 10) scores, one for each digit. */
export class Net extends nn.Module {
  // 1 input channel, 6 output channels, 5×5 convolution
  conv1: nn.Conv2d = new nn.Conv2d(1, 6, 5);
  conv2: nn.Conv2d = new nn.Conv2d(6, 16, 5);
  // an affine operation: y = Wx + b; 5×5 is what is left of the image
  fc1: nn.Linear = new nn.Linear(16 * 5 * 5, 120);
  fc2: nn.Linear = new nn.Linear(120, 84);
  fc3: nn.Linear = new nn.Linear(84, 10);

  override forward(x: Tensor): Tensor {
    // max pooling over a window of 2×2
    x = F.maxPool2d(F.relu(this.conv1(x)), [2, 2]);
    // a square window may be given by one number
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
