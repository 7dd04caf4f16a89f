/**
 * What runs both in the page and in Node, to be compared: training, large products, a checkpoint through bytes. Returns plain data.
 */
export function program(torch) {
  const { nn, optim } = torch;
  torch.manualSeed(0);
  const net = new nn.Sequential(
    new nn.Conv2d(1, 4, 3, { padding: 1 }),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Linear(4 * 8 * 8, 10),
  );
  const [x, y] = [torch.randn(16, 1, 16, 16), torch.randint(0, 10, [16])];
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.02 });
  const losses = [];
  for (let step = 0; step < 20; step++) {
    optimizer.zeroGrad();
    const loss = nn.functional.crossEntropy(net(x), y);
    loss.backward();
    optimizer.step();
    losses.push(loss.item());
  }

  // Large enough for several threads.
  const [a, b] = [torch.randn(384, 384), torch.randn(384, 384)];
  const product = a.matmul(b);
  const total = product.double().sum().item();
  const wave = torch
    .linspace(0, 1, 1 << 20)
    .sin()
    .sum()
    .item();

  const bytes = torch.save(net.stateDict());
  const again = torch.load(bytes);
  const same = [...net.stateDict()].every(([name, value]) => torch.equal(value, again.get(name)));

  return {
    losses,
    total,
    wave,
    savedAndLoaded: same,
    printed: String(
      torch.tensor([
        [1, 2],
        [3, 4.5],
      ]),
    ),
    threads: torch.getNumThreads(),
    config: torch.config.show(),
  };
}
