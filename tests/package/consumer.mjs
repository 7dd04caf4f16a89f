/** A program of somebody who installed the package: plain JavaScript, no tools. Its arguments are the entry points to import. */
import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import * as torch from 'typetorch';

const entries = process.argv.slice(2);
for (const entry of entries) {
  const module = await import(entry);
  assert.ok(Object.keys(module).length > 0, `${entry} exports nothing`);
  // One instance of everything, whichever way it is reached.
  const namespace = entry
    .split('/')
    .slice(1)
    .reduce((within, name) => within[name], torch);
  for (const [name, value] of Object.entries(module)) {
    assert.ok(Object.is(value, namespace[name]), `${name} of ${entry} is another one than that of typetorch`);
  }
}
console.log(`imported ${entries.join(', ')}`);

const { nn, optim } = torch;
torch.manualSeed(0);
const net = new nn.Sequential(new nn.Linear(4, 16), new nn.ReLU(), new nn.Linear(16, 3));
const [x, y] = [torch.randn(32, 4), torch.randint(0, 3, [32])];
const criterion = new nn.CrossEntropyLoss();
const optimizer = new optim.SGD(net.parameters(), { lr: 0.1 });
const losses = [];
for (let step = 0; step < 3; step++) {
  optimizer.zeroGrad();
  const loss = criterion(net(x), y);
  loss.backward();
  optimizer.step();
  losses.push(loss.item());
}
assert.ok(losses[0] > losses[1] && losses[1] > losses[2], `the loss falls: ${losses}`);

torch.save(net.stateDict(), 'net.pt');
const again = new nn.Sequential(new nn.Linear(4, 16), new nn.ReLU(), new nn.Linear(16, 3));
again.loadStateDict(torch.load('net.pt'));
assert.ok(torch.equal(net(x), again(x)), 'a checkpoint gives the same network');
rmSync('net.pt');
assert.ok(!readdirSync('.').some((name) => name.includes('net.pt')));
console.log(
  `Node ${process.version}: three steps of training, losses ${losses.map((l) => l.toFixed(4)).join(', ')}; saved and loaded`,
);
