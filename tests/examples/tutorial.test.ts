/** The programs of the tutorial, run as they are. Their output is what PyTorch 1.13 prints for the same program in Python. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, mock, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { format } from 'node:util';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** What the program prints. It runs in this process, on import. */
async function run(name: string): Promise<string> {
  let printed = '';
  const log = mock.method(console, 'log', (...values: unknown[]) => {
    printed += `${format(...values)}\n`;
  });
  try {
    await import(`../../examples/${name}.ts`);
  } finally {
    log.mock.restore();
  }
  return printed;
}

/** The program must print exactly this. */
function prints(name: string, expected: string): void {
  test(name, async () => assert.equal(await run(name), expected.replace(/^\n/, '')));
}

prints(
  'autograd',
  `
tensor([[1., 1.],
        [1., 1.]], requires_grad=True)
tensor([[3., 3.],
        [3., 3.]], grad_fn=<AddBackward0>)
<AddBackward0>
tensor([[27., 27.],
        [27., 27.]], grad_fn=<MulBackward0>) tensor(27., grad_fn=<MeanBackward0>)
<MeanBackward0>
tensor([[4.5000, 4.5000],
        [4.5000, 4.5000]])
false
true
`,
);

prints(
  'vectorJacobian',
  `
tensor([ 1.5410, -0.2934, -2.1788], requires_grad=True)
tensor([  788.9900,  -150.2356, -1115.5402], grad_fn=<MulBackward0>)
tensor([5.1200e+01, 5.1200e+02, 5.1200e-02])
tensor([[ 6.,  0.],
        [ 0., 12.]])
true
false
`,
);

prints(
  'variable',
  `
tensor([5.], grad_fn=<AddBackward0>)
tensor([2.]) tensor([1.]) tensor([1.])
tensor([5.])
`,
);

describe('the two-layer network', () => {
  /** The losses of PyTorch, epoch by epoch. */
  const losses = [
    48420316, 88131760, 352313792, 854586560, 108476872, 26148334, 14872012, 9936756, 7206931.5, 5498470,
    4345033.5, 3524536.5, 2916498, 2452750, 2091124.625, 1803561.875, 1571464.125, 1381563.375, 1224400.375,
    1093067.5,
  ];
  for (const name of ['twoLayersByHand', 'twoLayersAutograd', 'twoLayersModule']) {
    test(name, async () => {
      const lines = (await run(name)).trimEnd().split('\n');
      assert.equal(lines.length, 20);
      lines.forEach((line, epoch) => {
        const [, number, loss] = line.match(/^Epoch: (\d+), Loss: ([\d.]+)$/) ?? [];
        assert.equal(Number(number), epoch);
        // The loss swings by a factor of ten: sums in another order show in its sixth figure.
        const off = Math.abs(Number(loss) / losses[epoch] - 1);
        assert.ok(off < 1e-5, `epoch ${epoch}: ${loss}, PyTorch: ${losses[epoch]}`);
      });
    });
  }
});

prints(
  'datasetAndLoader',
  `
8 [ tensor([1., 1.]), 'Earth: the one with oceans' ]
3
tensor([[ 1.0000,  1.0000],
        [ 0.3870,  0.2410],
        [ 9.5370, 29.4470]]) [
  'Earth: the one with oceans',
  'Mercury: the smallest, and the one with the shortest year',
  'Saturn: the one with the widest rings'
]
tensor([[ 1.5240,  1.8810],
        [ 0.7230,  0.6150],
        [ 5.2030, 11.8620]]) [
  'Mars: the red one',
  'Venus: the hottest, under thick clouds',
  'Jupiter: the largest'
]
tensor([[ 30.0690, 164.7910],
        [ 19.1910,  84.0170]]) [
  'Neptune: the farthest, found with pencil and paper',
  'Uranus: the one that rolls on its side'
]
torch.Size([3, 2])
torch.Size([3, 2])
2
`,
);

prints(
  'sequential',
  `
Sequential(
  (0): Linear(in_features=1000, out_features=100, bias=True)
  (1): ReLU()
  (2): Linear(in_features=100, out_features=10, bias=True)
)
Epoch: 0, Loss: 1.0992
Epoch: 5, Loss: 0.9928
Epoch: 10, Loss: 0.8993
Epoch: 15, Loss: 0.8167
Epoch: 19, Loss: 0.7574
Sequential(
  (linear1): Linear(in_features=1000, out_features=100, bias=True)
  (relu): ReLU()
  (linear2): Linear(in_features=100, out_features=10, bias=True)
)
`,
);

prints(
  'lenet',
  `
Net(
  (conv1): Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))
  (conv2): Conv2d(6, 16, kernel_size=(5, 5), stride=(1, 1))
  (fc1): Linear(in_features=400, out_features=120, bias=True)
  (fc2): Linear(in_features=120, out_features=84, bias=True)
  (fc3): Linear(in_features=84, out_features=10, bias=True)
)
10
torch.Size([6, 1, 5, 5])
tensor([[-0.1007, -0.0902,  0.0364,  0.0591, -0.0421,  0.0203,  0.0314,  0.0724,
         -0.0276,  0.1233]], grad_fn=<AddmmBackward0>)
tensor(1.2249, grad_fn=<MseLossBackward0>)
<MseLossBackward0>
<AddmmBackward0>
<AccumulateGrad>
tensor([0., 0., 0., 0., 0., 0.])
tensor([-0.0129, -0.0038,  0.0006, -0.0094, -0.0046,  0.0233])
1.2041
1.1865
1.1700
`,
);

// The lines of SGD are PyTorch's; it has no Newton, whose first steps are the textbook's.
prints(
  'optimizers',
  `
SGD, step 1000: tensor([0.3273, 0.1040])
SGD, step 2000: tensor([0.7207, 0.5180])
SGD, step 3000: tensor([0.8425, 0.7091])
SGD, step 4000: tensor([0.9036, 0.8160])
SGD, step 5000: tensor([0.9387, 0.8810])
Newton, step 1: tensor([-1.1753,  1.3807])
Newton, step 2: tensor([ 0.7631, -3.1749])
Newton, step 3: tensor([0.7634, 0.5827])
Newton, step 4: tensor([1.0000, 0.9440])
Newton, step 5: tensor([1.0000, 1.0000])
Newton, step 6: tensor([1., 1.])
by hand: tensor([1., 1.])
`,
);

prints(
  'saveAndLoad',
  `
tensor([[-0.0624],
        [ 0.0916]], grad_fn=<AddmmBackward0>)
0.weight torch.Size([4, 3])
0.bias torch.Size([4])
2.weight torch.Size([1, 4])
2.bias torch.Size([1])
{ missingKeys: [], unexpectedKeys: [] }
true
Sequential(
  (0): Linear(in_features=3, out_features=4, bias=True)
  (1): ReLU()
  (2): Linear(in_features=4, out_features=1, bias=True)
)
true
UnpicklingError
true
1 0.1
true true
`,
);

test('an example runs as its first line says', () => {
  const out = execFileSync('npx', ['tsx', 'examples/variable.ts'], { cwd: root, encoding: 'utf8' });
  assert.match(out, /^tensor\(\[5\.\], grad_fn=<AddBackward0>\)$/m);
});
