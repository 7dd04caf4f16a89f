/** Whole-number functions, vector products, quantiles, histograms, window functions. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as torch from 'typetorch';
import { checkTable } from './check.ts';
import { table } from './samples/numbers.ts';

checkTable(table);

describe('frexp', () => {
  const values = [0, -0, 1, -0.1, 3, 1e-45, 1e38, Number.POSITIVE_INFINITY];
  for (const dtype of [torch.float32, torch.float64]) {
    test(`takes ${dtype} apart and together again`, () => {
      const x = torch.tensor(values, { dtype });
      const { mantissa, exponent } = torch.frexp(x);
      assert.equal(exponent.dtype, torch.int32);
      const sizes = mantissa.abs().tolist() as number[];
      for (const m of sizes)
        assert.ok(m === 0 || m === Number.POSITIVE_INFINITY || (m >= 0.5 && m < 1), `${m}`);
      const back = (mantissa.tolist() as number[]).map((m, i) => m * 2 ** (exponent.tolist() as number[])[i]);
      assert.deepEqual(back, x.tolist());
    });
  }

  test('of the smallest and largest doubles', () => {
    const { mantissa, exponent } = torch.frexp(
      torch.tensor([Number.MIN_VALUE, Number.MAX_VALUE], { dtype: torch.float64 }),
    );
    assert.deepEqual(mantissa.tolist(), [0.5, 1 - 2 ** -53]);
    assert.deepEqual(exponent.tolist(), [-1073, 1024]);
  });
});

describe('quantile', () => {
  test('one NaN makes the result NaN; nanquantile leaves it out', () => {
    const x = torch.tensor([1, Number.NaN, 3]);
    assert.ok(Number.isNaN(torch.quantile(x, 0.5).item()));
    assert.equal(torch.nanquantile(x, 0.5).item(), 2);
  });

  test('refuses levels outside [0, 1]', () => {
    assert.throws(() => torch.quantile(torch.ones(3), 1.5), {
      message: 'quantile() q must be in the range [0, 1] but got 1.5',
    });
  });
});

test('histogram: the last bin has its upper edge too, and what lies outside is not counted', () => {
  const { hist, binEdges } = torch.histogram(torch.tensor([0, 1, 2, 2, 3, 9]), 3, { range: [0, 3] });
  assert.deepEqual(binEdges.tolist(), [0, 1, 2, 3]);
  assert.deepEqual(hist.tolist(), [1, 1, 3]);
});

test('windows', () => {
  torch.testing.assertClose(torch.hannWindow(4), torch.tensor([0, 0.5, 1, 0.5]));
  torch.testing.assertClose(torch.bartlettWindow(5, false), torch.tensor([0, 0.5, 1, 0.5, 0]));
  torch.testing.assertClose(torch.hammingWindow(3, false), torch.tensor([0.08, 1, 0.08]));
  torch.testing.assertClose(torch.blackmanWindow(3, false, { dtype: torch.float64 }).sum().item(), 1);
  torch.testing.assertClose(
    torch.kaiserWindow(3, false, 2),
    torch.tensor([1 / 2.279585302336067, 1, 1 / 2.279585302336067]),
  );
  assert.deepEqual(torch.hannWindow(1).tolist(), [1]);
  assert.throws(() => torch.hannWindow(-1), {
    message: 'hann_window requires non-negative window_length, got window_length=-1',
  });
});

test('lcm of nothing, isin of NaN, imag of a real tensor', () => {
  const zero = torch.zeros(1, { dtype: torch.int64 });
  assert.deepEqual(torch.lcm(zero, zero).tolist(), [0]);
  const nan = torch.tensor([Number.NaN]);
  assert.deepEqual(torch.isin(nan, nan).tolist(), [false]);
  assert.throws(() => torch.imag(nan), {
    message: 'imag is not implemented for tensors with non-complex dtypes.',
  });
});
