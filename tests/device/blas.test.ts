/** BLAS: agrees with the generated kernels for every layout, where this machine has one. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import * as torch from 'typetorch';
import { cpu } from '../../src/device/wasm/device.ts';

const missing = cpu.blas === null ? 'no BLAS, or no koffi, on this machine' : false;
const entry = new URL('../../src/index.ts', import.meta.url).href;

function wave(dtype: torch.DType, ...sizes: number[]): torch.Tensor {
  const count = sizes.reduce((a, b) => a * b, 1);
  return torch.arange(count, { dtype: torch.float64 }).mul(0.7).add(count).sin().reshape(sizes).to(dtype);
}

/** The product on the reference device. */
function reference(a: torch.Tensor, b: torch.Tensor): torch.Tensor {
  return a.to('reference').matmul(b.to('reference')).to('cpu');
}

for (const dtype of [torch.float32, torch.float64]) {
  test(`products of every layout agree with the reference device (${dtype})`, { skip: missing }, () => {
    const tolerance = dtype === torch.float32 ? 1e-4 : 1e-12;
    const cases: readonly (readonly [string, torch.Tensor, torch.Tensor])[] = [
      ['plain', wave(dtype, 17, 23), wave(dtype, 23, 19)],
      ['left transposed', wave(dtype, 23, 17).t(), wave(dtype, 23, 19)],
      ['right transposed', wave(dtype, 17, 23), wave(dtype, 19, 23).t()],
      ['both transposed', wave(dtype, 23, 17).t(), wave(dtype, 19, 23).t()],
      [
        'a part of a matrix',
        wave(dtype, 30, 40).narrow(0, 3, 17).narrow(1, 5, 23),
        wave(dtype, 23, 50).narrow(1, 7, 19),
      ],
      ['every second column', wave(dtype, 17, 46).index(':', '::2'), wave(dtype, 23, 19)],
      ['one row', wave(dtype, 1, 23), wave(dtype, 23, 19)],
      ['one column', wave(dtype, 17, 23), wave(dtype, 23, 1)],
      ['one summand', wave(dtype, 17, 1), wave(dtype, 1, 19)],
      ['a vector on the left', wave(dtype, 23), wave(dtype, 23, 19)],
      ['a vector on the right', wave(dtype, 17, 23), wave(dtype, 23)],
      ['batches', wave(dtype, 3, 17, 23), wave(dtype, 3, 23, 19)],
      ['a broadcast batch', wave(dtype, 3, 17, 23), wave(dtype, 23, 19)],
      ['an expanded operand', wave(dtype, 1, 23).expand([17, 23]), wave(dtype, 23, 19)],
      ['large, on several threads', wave(dtype, 200, 64), wave(dtype, 64, 300)],
    ];
    for (const [name, a, b] of cases) {
      const got = a.matmul(b);
      const expected = reference(a, b);
      assert.deepEqual([...got.shape], [...expected.shape], name);
      const apart = got.sub(expected).abs().max().item();
      assert.ok(apart <= tolerance, `${name}: ${apart} apart`);
    }
  });
}

test('addmm adds to what is there', { skip: missing }, () => {
  const [a, b, c] = [wave(torch.float32, 17, 23), wave(torch.float32, 23, 19), wave(torch.float32, 17, 19)];
  const got = torch.addmm(c, a, b, { beta: 0.5, alpha: 2 });
  const expected = reference(a, b).mul(2).add(c.mul(0.5));
  assert.ok(got.sub(expected).abs().max().item() < 1e-4);
});

test('TYPETORCH_BLAS=off leaves it out, and an unknown library is no error', () => {
  for (const setting of ['off', '/no/such/library.so']) {
    const code = `
      import * as torch from ${JSON.stringify(entry)};
      console.log(torch.ones(3, 4).mm(torch.ones(4, 5)).sum().item());
      console.log(torch.config.show().includes('BLAS: none'));`;
    const flags = process.execArgv.filter((a) => !a.startsWith('--test'));
    const { stdout } = spawnSync(process.execPath, [...flags, '--input-type=module', '-e', code], {
      encoding: 'utf8',
      env: { ...process.env, TYPETORCH_BLAS: setting },
    });
    assert.equal(stdout, '60\ntrue\n');
  }
});

test('a process may end while its threads are starting', { skip: missing }, () => {
  // A worker that loads native code while its process ends takes the process down with it.
  const code = `
    import * as torch from ${JSON.stringify(entry)};
    torch.ones(1500, 1500).mm(torch.ones(1500, 1500));
    torch.ones(1500, 1500).mm(torch.ones(1500, 1500));
    console.log('done');`;
  const flags = process.execArgv.filter((a) => !a.startsWith('--test'));
  for (let round = 0; round < 3; round++) {
    const { stdout, status } = spawnSync(process.execPath, [...flags, '--input-type=module', '-e', code], {
      encoding: 'utf8',
      env: { ...process.env, TYPETORCH_NUM_THREADS: '2' },
    });
    assert.equal(stdout, 'done\n');
    assert.equal(status, 0);
  }
});
