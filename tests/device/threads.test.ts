/** Threads: the same results on one and on several, a process that ends, and settings. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import * as torch from 'typetorch';
import { assertClose } from '../../src/testing/assertClose.ts';
import { cpu } from '../../src/device/wasm/device.ts';
import { eachShare } from '../../src/device/wasm/threads.ts';
const { getNumThreads, setNumThreads } = torch;

const entry = new URL('../../src/index.ts', import.meta.url).href;

function wave(...sizes: number[]): torch.Tensor {
  const count = sizes.reduce((a, b) => a * b, 1);
  return torch.arange(count).mul(0.7).sin().reshape(sizes);
}

/** Waits until the workers have started; they need no turn of the event loop. */
function waitForWorkers(): void {
  const end = performance.now() + 10_000;
  while (cpu.threads.partsFor(1e9) === 1) {
    if (performance.now() > end) throw new Error('no worker started');
  }
}

describe('threads', () => {
  const initial = getNumThreads();
  before(() => {
    setNumThreads(3);
    waitForWorkers();
  });
  after(() => {
    setNumThreads(initial);
  });

  const work: Readonly<Record<string, () => torch.Tensor>> = {
    'a large sum of two': () => wave(700_001).add(wave(700_001)),
    'a transcendental function of a transposed matrix': () => wave(601, 503).t().exp(),
    'a broadcast product': () => wave(601, 1).mul(wave(1, 503)),
    'sums of rows': () => wave(601, 503).sum(1),
    'sums of columns': () => wave(601, 503).sum(0),
    'largest of columns': () => wave(601, 503).argmax(0),
    'a product split by columns': () => wave(150, 301).mm(wave(301, 403)),
    'a product split by rows': () => wave(503, 301).mm(wave(301, 9)),
    'a product split by rows and columns': () => wave(301, 257).mm(wave(305, 257).t()),
    'a product split by batches': () => wave(12, 65, 67).bmm(wave(12, 67, 63)),
    'a convolution': () => torch.nn.functional.conv2d(wave(8, 3, 40, 40), wave(6, 3, 5, 5)),
    'remainders of integers': () => torch.arange(500_001).remainder(7),
  };
  for (const [name, run] of Object.entries(work)) {
    test(`${name} is the same as on one thread`, () => {
      setNumThreads(1);
      const one = run();
      setNumThreads(3);
      for (let round = 0; round < 5; round++) {
        const several = run();
        // A BLAS may sum in another order for another shape.
        const apart = cpu.blas === null ? 0 : 1e-4;
        assert.ok(several.sub(one).abs().max().item() <= apart, `round ${round}`);
      }
    });
  }

  const whole: Readonly<Record<string, () => torch.Tensor>> = {
    'the sum of a tensor': () => wave(1_200_007).abs().sum(),
    'the sum of a part': () => wave(1100, 1101).narrow(1, 3, 1000).abs().sum(),
    'sums of three long rows': () => wave(3, 400_009).abs().sum(1),
    'sums of three long columns': () => wave(400_009, 3).abs().sum(0),
    'the mean of the outer and inner dimension': () => wave(700, 5, 301).abs().mean([0, 2]),
    'the largest element': () => wave(1_200_007).max(),
    'the largest element where one is NaN': () =>
      torch.where(torch.arange(900_000).eq(899_998), Number.NaN, wave(900_000)).max(),
    'a norm': () => wave(1_200_007).norm(),
    'a sum of integers': () => torch.arange(1_200_007).sum(),
    'whether all are true': () => torch.arange(1_200_007).ne(1_200_006).all(),
    'sums of many long columns': () => wave(1003, 1101).abs().sum(0),
    'largest of many long columns, one NaN': () =>
      torch
        .where(torch.arange(1003 * 1101).eq(5000), Number.NaN, wave(1003 * 1101))
        .reshape(1003, 1101)
        .amax(0),
    'sums of the outer dimensions': () => wave(301, 7, 613).abs().sum([0, 1]),
    'products of columns of a part': () => wave(700, 1101).mul(0.01).add(1).narrow(1, 5, 1003).prod(0),
    'the place of the largest element': () => wave(1_200_007).argmax(),
  };
  for (const [name, run] of Object.entries(whole)) {
    test(`${name} is on several threads what it is on one, but for the order of additions`, () => {
      setNumThreads(1);
      const one = run();
      setNumThreads(3);
      // Sums of positive numbers, in blocks of 256 and these in double precision.
      for (let round = 0; round < 5; round++)
        assertClose(run(), one, { rtol: 1e-6, atol: 0, equalNan: true });
    });
  }

  test('a sum is the same to the last bit whether workers are there or not', () => {
    const x = wave(1_200_007).double().abs();
    const sum = x.sum().item();
    // As while workers sleep or start: nothing is shared.
    const { partsFor } = cpu.threads;
    cpu.threads.partsFor = () => 1;
    try {
      for (const f of [() => x.sum(), () => x.reshape(1_200_007, 1).sum(0)]) assert.equal(f().item(), sum);
    } finally {
      cpu.threads.partsFor = partsFor;
    }
  });

  test('shares cover everything once and are alike', () => {
    for (const total of [1, 7, 84, 1000]) {
      for (const parts of [1, 2, 4, 6]) {
        for (const unit of [1, 4, 16]) {
          const counts: number[] = [];
          let next = 0;
          eachShare(total, parts, unit, (from, count) => {
            assert.equal(from, next);
            assert.equal(from % unit, 0);
            next += count;
            counts.push(count);
          });
          assert.equal(next, total);
          const units = counts.map((count) => Math.ceil(count / unit));
          assert.ok(
            Math.max(...units) - Math.min(...units) <= 1,
            `${total} in ${parts} by ${unit}: ${counts}`,
          );
          assert.ok(counts.length <= parts && counts.every((count) => count > 0));
        }
      }
    }
  });

  test('a sum over rows that no cache holds is that of its columns, also in double precision', () => {
    for (const dtype of [torch.float32, torch.float64, torch.int64]) {
      const x = wave(1003, 1303).mul(1000).abs().to(dtype);
      const columns = Array.from({ length: 7 }, (_, i) =>
        x.narrow(1, 200 * i, Math.min(200, 1303 - 200 * i)).sum(0),
      );
      const rtol = dtype === torch.float32 ? 1e-6 : 1e-14;
      assertClose(x.sum(0), torch.cat(columns), { rtol, atol: 0 });
    }
  });

  test('division by zero is an error on any number of threads', () => {
    const x = torch.ones(500_000, { dtype: torch.int32 });
    assert.throws(() => x.remainder(torch.zeros(500_000, { dtype: torch.int32 })), /ZeroDivisionError/);
  });

  test('the number must be positive and whole', () => {
    for (const bad of [0, -1, 1.5, Number.NaN]) {
      assert.throws(() => setNumThreads(bad), /set_num_threads expects a positive integer/);
    }
  });
});

test('a process that has used threads ends by itself', () => {
  const code = `
    import * as torch from ${JSON.stringify(entry)};
    for (let i = 0; i < 50; i++) torch.ones(300, 300).mm(torch.ones(300, 300));
    console.log('done');`;
  const { stdout, status } = spawnSync(
    process.execPath,
    [...process.execArgv.filter((a) => !a.startsWith('--test')), '--input-type=module', '-e', code],
    {
      encoding: 'utf8',
      timeout: 60_000,
      env: { ...process.env, TYPETORCH_NUM_THREADS: '2' },
    },
  );
  assert.equal(stdout.trim(), 'done');
  assert.equal(status, 0);
});
