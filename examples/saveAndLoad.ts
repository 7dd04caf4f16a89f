/** Saving and loading: parameters, whole networks, checkpoints, in PyTorch's format. Run it with `npx tsx examples/saveAndLoad.ts`. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as torch from 'typetorch';
import { nn, optim, type Tensor } from 'typetorch';

const folder = mkdtempSync(join(tmpdir(), 'typetorch-'));

torch.manualSeed(0);
const makeModel = () => new nn.Sequential(new nn.Linear(3, 4), new nn.ReLU(), new nn.Linear(4, 1));
const model = makeModel();
const x = torch.randn(2, 3);
console.log(model(x));

// The parameters only: the network that they belong to is made anew. This is the usual way.
torch.save(model.stateDict(), join(folder, 'parameters.pt'));
const parameters = torch.load(join(folder, 'parameters.pt')) as Map<string, Tensor>;
for (const [name, value] of parameters) console.log(name, value.shape);
const fresh = makeModel();
console.log(fresh.loadStateDict(parameters));
console.log(fresh(x).equal(model(x)));

// A whole network of built-in modules.
torch.save(model, join(folder, 'model.pt'));
const loaded = torch.load(join(folder, 'model.pt'), { weightsOnly: false }) as typeof model;
console.log(loaded);
console.log(loaded(x).equal(model(x)));

// A class of one's own is loaded where it is allowed by name: files never bring code along.
class Doubled extends nn.Module {
  linear: nn.Linear = new nn.Linear(3, 1);
  override forward(x: Tensor): Tensor {
    return this.linear(x).mul(2);
  }
}
const own = new Doubled();
torch.save(own, join(folder, 'own.pt'));
try {
  torch.load(join(folder, 'own.pt'));
} catch (error) {
  console.log((error as Error).name);
}
torch.serialization.addSafeGlobals([Doubled]);
const again = torch.load(join(folder, 'own.pt')) as Doubled;
console.log(again(x).equal(own(x)));

// A checkpoint to go on from: everything that training needs.
const optimizer = new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
const train = (net: typeof model, by: optim.Optimizer): number => {
  by.zeroGrad();
  const loss = net(x).pow(2).sum();
  loss.backward();
  by.step();
  return loss.item();
};
train(model, optimizer);
torch.save(
  { epoch: 1, model: model.stateDict(), optimizer: optimizer.stateDict() },
  join(folder, 'checkpoint.pt'),
);
const losses = [train(model, optimizer), train(model, optimizer)];

const checkpoint = torch.load(join(folder, 'checkpoint.pt')) as Map<string, unknown>;
const resumed = makeModel();
const resumedBy = new optim.SGD(resumed.parameters(), { lr: 1 });
resumed.loadStateDict(checkpoint.get('model') as Map<string, Tensor>);
resumedBy.loadStateDict(checkpoint.get('optimizer') as Map<string, unknown>);
console.log(checkpoint.get('epoch'), resumedBy.paramGroups[0].lr);
console.log(losses[0] === train(resumed, resumedBy), losses[1] === train(resumed, resumedBy));

rmSync(folder, { recursive: true });
