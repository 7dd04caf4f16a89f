/** Layers in a row, a loss function and an optimizer: nothing is written by hand any more. Run it with `npx tsx examples/sequential.ts`. */
import * as torch from 'typetorch';
import { nn, optim } from 'typetorch';

const [batch, inputs, hidden, outputs] = [100, 1000, 100, 10];

torch.manualSeed(0);
const x = torch.randn(batch, inputs);
const y = torch.randn(batch, outputs);

const model = new nn.Sequential(new nn.Linear(inputs, hidden), new nn.ReLU(), new nn.Linear(hidden, outputs));
console.log(model);

const criterion = new nn.MSELoss();
const optimizer = new optim.Adam(model.parameters(), { lr: 1e-4 });
for (let epoch = 0; epoch < 20; epoch++) {
  const loss = criterion(model(x), y);
  if (epoch % 5 === 0 || epoch === 19) console.log(`Epoch: ${epoch}, Loss: ${loss.item().toFixed(4)}`);
  optimizer.zeroGrad();
  loss.backward();
  optimizer.step();
}

// Layers can have names.
const named = new nn.Sequential({
  linear1: new nn.Linear(inputs, hidden),
  relu: new nn.ReLU(),
  linear2: new nn.Linear(hidden, outputs),
});
console.log(named);
