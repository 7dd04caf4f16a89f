/** The rows of `torch.special`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as torch from 'typetorch';
import { checkTable } from './check.ts';
import { table } from './samples/special.ts';

checkTable(table);

test('polynomials are not computed for what lies beyond the end of the operand', { timeout: 20_000 }, () => {
  const huge = 10n ** 18n;
  const degrees = torch.tensor([1n, 2n, 3n, 1n, 2n, huge, huge, huge]).narrow(0, 0, 5);
  const x = torch.tensor([0.5, 0.5, 0.5, 0.25, 0.25, 0.5, 0.5, 0.5]).narrow(0, 0, 5);
  assert.deepEqual(
    torch.special.legendrePolynomialP(x, degrees).tolist(),
    [0.5, -0.125, -0.4375, 0.25, -0.40625],
  );
});
