/** `torch.masked`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as torch from 'typetorch';
import { checkTable } from './check.ts';
import { table } from './samples/masked.ts';

checkTable(table);

const x = torch.tensor([
  [0, 1, 2],
  [3, 4, 5],
]);
const mask = torch.tensor([
  [true, false, true],
  [false, false, false],
]);

test('what the mask leaves out does not count; of nothing, what counts for nothing', () => {
  const { POSITIVE_INFINITY, NEGATIVE_INFINITY } = Number;
  assert.deepEqual(torch.masked.sum(x, 1, { mask }).tolist(), [2, 0]);
  assert.deepEqual(torch.masked.prod(x, 1, { mask }).tolist(), [0, 1]);
  assert.deepEqual(torch.masked.amax(x, 1, { mask }).tolist(), [2, NEGATIVE_INFINITY]);
  assert.deepEqual(torch.masked.amin(x, 1, { mask }).tolist(), [0, POSITIVE_INFINITY]);
  assert.equal(torch.masked.amax(x.int(), 1, { mask }).tolist().toString(), '2,-2147483648');
  assert.equal(String(torch.masked.mean(x, 1, { mask }).tolist()), '1,NaN');
});

test('a row of which nothing is kept has a gradient of zero', () => {
  const w = x.clone().requiresGrad_();
  torch.masked.softmax(w, 1, { mask }).select(0, 0).select(0, 2).backward();
  const grad = w.grad?.tolist() as number[][];
  assert.deepEqual(grad[1], [0, 0, 0]);
  assert.ok(Math.abs(grad[0][2] - 0.1192 * 0.8808) < 1e-4 && grad[0][1] === 0);
});

test('a median of nothing is an error for integers', () => {
  assert.throws(() => torch.masked.median(x.int(), 1, { mask }), {
    message: 'masked median expects no fully masked out rows if dtype is not floating point',
  });
});
