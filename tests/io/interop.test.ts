/**
 * Files are exchanged with a real PyTorch, both ways. Needs a Python that has it: TYPETORCH_PYTHON names one, `python3` is tried
 * otherwise. Without one these tests are skipped.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import * as torch from '../../src/index.ts';

const { nn } = torch;
const python = process.env.TYPETORCH_PYTHON ?? 'python3';

function run(script: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(python, ['-W', 'ignore', '-c', script, ...args], {
    encoding: 'utf8',
    timeout: 120_000,
    maxBuffer: 2 ** 26,
  });
  assert.equal(status, 0, stderr);
  return stdout;
}

const probe = spawnSync(python, ['-c', 'import torch; print(torch.__version__)'], {
  encoding: 'utf8',
  timeout: 60_000,
});
const skip = probe.status === 0 ? false : 'no PyTorch found; TYPETORCH_PYTHON can name a Python that has it';

let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'typetorch-'));
});
after(() => {
  rmSync(folder, { recursive: true });
});

/** Every layer that can be compared: a module and an input for it. */
const layers: readonly (readonly [string, () => torch.nn.Module, readonly number[]])[] = [
  ['Linear', () => new nn.Linear(4, 3), [2, 4]],
  ['Linear without bias', () => new nn.Linear(4, 3, false), [2, 4]],
  ['Identity', () => new nn.Identity(), [2, 4]],
  ['Conv1d same', () => new nn.Conv1d(2, 3, 3, { padding: 'same' }), [1, 2, 6]],
  ['Conv2d', () => new nn.Conv2d(2, 4, 3, { padding: 1, stride: 2, groups: 2 }), [1, 2, 6, 6]],
  ['Conv2d circular', () => new nn.Conv2d(1, 2, 3, { padding: 1, paddingMode: 'circular' }), [1, 1, 5, 5]],
  ['ConvTranspose2d', () => new nn.ConvTranspose2d(2, 3, 3, { stride: 2, outputPadding: 1 }), [1, 2, 3, 3]],
  ['BatchNorm2d', () => new nn.BatchNorm2d(2).eval(), [2, 2, 3, 3]],
  ['BatchNorm1d plain', () => new nn.BatchNorm1d(2, { affine: false, momentum: null }), [4, 2]],
  ['InstanceNorm1d', () => new nn.InstanceNorm1d(2), [2, 2, 4]],
  ['LayerNorm', () => new nn.LayerNorm([3, 4]), [2, 3, 4]],
  ['GroupNorm', () => new nn.GroupNorm(2, 4), [2, 4, 3]],
  ['MaxPool2d', () => new nn.MaxPool2d(2), [1, 1, 4, 4]],
  ['AvgPool1d', () => new nn.AvgPool1d(2), [1, 1, 4]],
  ['AvgPool2d', () => new nn.AvgPool2d([2, 1], { padding: [1, 0] }), [1, 1, 4, 4]],
  ['AdaptiveAvgPool2d', () => new nn.AdaptiveAvgPool2d([2, 2]), [1, 1, 4, 4]],
  ['Dropout', () => new nn.Dropout(0.25).eval(), [3]],
  ['ReLU', () => new nn.ReLU(true), [3]],
  ['ReLU6', () => new nn.ReLU6(), [3]],
  ['LeakyReLU', () => new nn.LeakyReLU(0.2), [3]],
  ['PReLU', () => new nn.PReLU(2, { init: 0.3 }), [1, 2, 3]],
  ['GELU', () => new nn.GELU(), [3]],
  ['Softmax', () => new nn.Softmax(-1), [2, 3]],
  ['Hardtanh', () => new nn.Hardtanh(-2, 2), [3]],
  ['Flatten', () => new nn.Flatten(), [2, 3, 4]],
  ['ConstantPad2d', () => new nn.ConstantPad2d([1, 2, 0, 1], 3), [1, 1, 2, 2]],
  ['Sequential', () => new nn.Sequential(new nn.Linear(4, 8), new nn.Tanh(), new nn.Linear(8, 2)), [2, 4]],
];

/** What a folder of saved modules says in PyTorch: how each prints, and what it makes of its input. */
const DESCRIBE = `
import json, sys, torch
options = {} if torch.__version__ < '2' else {'weights_only': False}
out = {}
for name, (net, x) in torch.load(sys.argv[1], **options).items():
    y = net(x)
    out[name] = [str(net), y.reshape(-1).tolist(), list(net.state_dict())]
print(json.dumps(out))
`;

const SAVE_AGAIN = `
import sys, torch
options = {} if torch.__version__ < '2' else {'weights_only': False}
nets = torch.load(sys.argv[1], **options)
torch.save(nets, sys.argv[2])
torch.save(nets, sys.argv[3], _use_new_zipfile_serialization=False)
`;

function close(got: readonly number[], expected: readonly number[], what: string): void {
  assert.equal(got.length, expected.length, what);
  got.forEach((x, i) => {
    assert.ok(
      Math.abs(x - expected[i]) <= 1e-5 + 1e-5 * Math.abs(expected[i]),
      `${what}: ${x} and ${expected[i]}`,
    );
  });
}

describe('with a real PyTorch', { skip }, () => {
  const inputs = new Map<string, readonly [torch.nn.Module, torch.Tensor]>();
  before(() => {
    torch.manualSeed(0);
    for (const [name, make, size] of layers)
      inputs.set(name, Object.freeze([make(), torch.randn([...size])] as const));
  });
  const output = (net: torch.nn.Module, x: torch.Tensor) =>
    (net(x) as torch.Tensor).reshape(-1).tolist() as number[];

  it('modules saved here work there', () => {
    const path = join(folder, 'ours.pt');
    torch.save(inputs, path);
    const there = JSON.parse(run(DESCRIBE, path)) as Record<string, [string, number[], string[]]>;
    for (const [name, [net, x]] of inputs) {
      const [text, values, keys] = there[name];
      assert.equal(text.replace(/(\d)\.0(?=[,)])/g, '$1'), String(net).replace(/(\d)\.0(?=[,)])/g, '$1'));
      assert.deepEqual(keys, [...net.stateDict().keys()], name);
      close(output(net, x), values, name);
    }
  });

  it('modules saved there work here, in both formats', () => {
    const [ours, current, legacy] = ['ours.pt', 'current.pt', 'legacy.pt'].map((name) => join(folder, name));
    torch.save(inputs, ours);
    run(SAVE_AGAIN, ours, current, legacy);
    for (const path of [current, legacy]) {
      const read = torch.load(path) as Map<string, readonly [torch.nn.Module, torch.Tensor]>;
      for (const [name, [net, x]] of read) {
        const [source] = inputs.get(name) as readonly [torch.nn.Module, torch.Tensor];
        assert.equal(String(net), String(source));
        assert.deepEqual(Object.keys(net).sort(), Object.keys(source).sort(), name);
        close(output(net, x), output(source, x), name);
      }
    }
  });

  it('tensors of every dtype, nested values', () => {
    const path = join(folder, 'values.pt');
    const x = torch.arange(12).reshape(3, 4);
    const dtypes = [
      'bool',
      'uint8',
      'int8',
      'int16',
      'int32',
      'int64',
      'float16',
      'bfloat16',
      'float32',
      'float64',
    ] as const;
    torch.save(
      {
        ...Object.fromEntries(dtypes.map((name) => [name, torch.tensor([0, 1, 1], { dtype: torch[name] })])),
        shared: [x, x.t(), x.select(0, 1)],
        parameter: new nn.Parameter(torch.ones(1), false),
        scalar: torch.tensor(2.5),
        empty: torch.zeros(0, 3),
        plain: [
          1,
          2.5,
          torch.pyFloat(1),
          2n ** 70n,
          null,
          true,
          'häß',
          Uint8Array.of(0, 255),
          new Set([1]),
          x.shape,
          torch.int8,
        ],
        tuple: Object.freeze([1, Object.freeze([])]),
        dict: new Map<unknown, unknown>([[5, { a: 1 }]]),
      },
      path,
    );
    const script = `
import sys, torch
d = torch.load(sys.argv[1])
for k in ${JSON.stringify(dtypes)}: print(k, d[k].dtype, d[k].tolist())
a, b, c = d['shared']
print(a.data_ptr() == b.data_ptr(), b.stride(), c.storage_offset(), c.tolist())
print(type(d['parameter']).__name__, d['parameter'].requires_grad, d['scalar'], d['empty'].shape)
print(d['plain'], d['tuple'], d['dict'])
`;
    const safe = script.replace(
      'sys.argv[1])',
      "sys.argv[1], **({} if torch.__version__ < '2' else {'weights_only': True}))",
    );
    assert.equal(
      run(safe, path),
      `bool torch.bool [False, True, True]
uint8 torch.uint8 [0, 1, 1]
int8 torch.int8 [0, 1, 1]
int16 torch.int16 [0, 1, 1]
int32 torch.int32 [0, 1, 1]
int64 torch.int64 [0, 1, 1]
float16 torch.float16 [0.0, 1.0, 1.0]
bfloat16 torch.bfloat16 [0.0, 1.0, 1.0]
float32 torch.float32 [0.0, 1.0, 1.0]
float64 torch.float64 [0.0, 1.0, 1.0]
True (1, 4) 4 [4, 5, 6, 7]
Parameter False tensor(2.5000) torch.Size([0, 3])
[1, 2.5, 1.0, 1180591620717411303424, None, True, 'häß', b'\\x00\\xff', {1}, torch.Size([3, 4]), torch.int8] (1, ()) {5: {'a': 1}}
`,
    );
  });

  it('state dicts of models and optimizers are loaded there without any class', () => {
    const path = join(folder, 'state.pt');
    const net = new nn.Sequential(new nn.Linear(2, 2), new nn.BatchNorm1d(2));
    torch.save({ model: net.stateDict() }, path);
    const script = `
import sys, torch
options = {} if torch.__version__ < '1.13' else {'weights_only': torch.__version__ >= '2'}
net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
state = torch.load(sys.argv[1], **options)['model']
print(net.load_state_dict(state), type(state).__name__, dict(state._metadata))
`;
    assert.equal(
      run(script, path),
      "<All keys matched successfully> OrderedDict {'': {'version': 1}, '0': {'version': 1}, '1': {'version': 2}}\n",
    );
  });
});
