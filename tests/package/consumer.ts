/** A TypeScript program of somebody who installed the package: what the types say of networks, operators and results. */
import * as torch from 'typetorch';
import { DataLoader, TensorDataset } from 'typetorch/data';
import * as nn from 'typetorch/nn';
import * as F from 'typetorch/nn/functional';
import { SGD } from 'typetorch/optim';

class Net extends nn.Module {
  layer: nn.Linear = new nn.Linear(2, 1);

  override forward(x: torch.Tensor, scale: number): torch.Tensor {
    return F.relu(this.layer(x)).mul(scale);
  }
}

const net = new Net();
const out: torch.Tensor = net(torch.ones(3, 2), 2);
// @ts-expect-error: forward takes two arguments
net(out);
// @ts-expect-error: the second is a number
net(out, 'two');

const optimizer = new SGD(net.parameters(), { lr: 0.1 });
const loader = new DataLoader(new TensorDataset(torch.ones(4, 2), torch.zeros(4, 1)), { batchSize: 2 });
for (const [x, y] of loader) {
  optimizer.zeroGrad();
  F.mseLoss(net(x, 1), y).backward();
  optimizer.step();
}

const rows: number = out.shape[0];
const dtype: torch.DType = out.dtype;
const state: ReadonlyMap<string, unknown> = net.stateDict();
// @ts-expect-error: there is no such method
out.adds(1);
out.detach().abs_().add_(1);
// @ts-expect-error: a sum has no in-place form
out.sum_();
export { dtype, rows, state };
