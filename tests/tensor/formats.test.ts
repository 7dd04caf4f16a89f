/** Memory formats, conversions out of range, and which dtypes `out` may have. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as torch from 'typetorch';

describe('memory formats', () => {
  const x = torch.arange(120, { dtype: torch.float32 }).reshape(2, 3, 4, 5);
  const last = [60, 1, 15, 3];

  test('clone, contiguous, to, conversions and creation follow the format', () => {
    const { channelsLast: memoryFormat } = torch;
    assert.deepEqual(x.clone({ memoryFormat }).stride(), last);
    assert.deepEqual(x.contiguous({ memoryFormat }).stride(), last);
    assert.deepEqual(x.to({ memoryFormat }).stride(), last);
    assert.deepEqual(x.double({ memoryFormat }).stride(), last);
    assert.deepEqual(torch.zerosLike(x, { memoryFormat }).stride(), last);
    assert.deepEqual(torch.empty([2, 3, 4, 5], { memoryFormat }).stride(), last);
    assert.ok(torch.equal(x.clone({ memoryFormat }), x));
  });

  test('by default copies keep the order, and contiguous() is row-major', () => {
    const y = x.contiguous({ memoryFormat: 'channelsLast' });
    assert.deepEqual(y.clone().stride(), last);
    assert.deepEqual(torch.onesLike(y).stride(), last);
    assert.deepEqual(y.contiguous().stride(), [60, 20, 5, 1]);
    assert.equal(y.contiguous({ memoryFormat: torch.channelsLast }), y);
    assert.ok(y.isContiguous({ memoryFormat: torch.channelsLast }) && !y.isContiguous());
  });

  test('formats print as in PyTorch, and need their rank', () => {
    assert.equal(String(torch.channelsLast3d), 'torch.channels_last_3d');
    assert.throws(() => torch.zeros(3).clone({ memoryFormat: torch.channelsLast }), {
      message: 'required rank 4 tensor to use channels_last format',
    });
    assert.throws(() => x.contiguous({ memoryFormat: torch.preserveFormat }), {
      message: 'preserve memory format is unsupported by the contiguous operator',
    });
  });
});

test('floats beyond the range of an integer type become what x86-64 makes of them', () => {
  const x = torch.tensor([3e9, -3e9, Number.POSITIVE_INFINITY, Number.NaN, -1.7, 300]);
  for (const t of [x, x.double()]) {
    assert.deepEqual(t.int().tolist(), [-(2 ** 31), -(2 ** 31), -(2 ** 31), -(2 ** 31), -1, 300]);
    assert.deepEqual(t.byte().tolist(), [0, 0, 0, 0, 255, 44]);
  }
});

test('to() takes the flags nonBlocking and copy by position', () => {
  const x = torch.ones(2);
  assert.equal(x.to(torch.float32, true), x);
  assert.notEqual(x.to(torch.float32, false, true), x);
});

describe('out=', () => {
  const x = torch.tensor([1.5, 2.5]);
  const long = (): torch.Tensor => torch.zeros(2, { dtype: torch.int64 });

  test('must be able to hold the result, or have exactly its dtype', () => {
    assert.throws(() => torch.exp(x, { out: long() }), {
      message: "result type Float can't be cast to the desired output type Long",
    });
    assert.throws(() => torch.mv(torch.eye(2), x, { out: torch.zeros(2).double() }), {
      message: 'Expected out tensor to have dtype float, but got double instead',
    });
    assert.deepEqual(torch.exp(x, { out: torch.zeros(2).double() }).dtype, torch.float64);
  });

  test('has no gradient', () => {
    assert.throws(() => torch.exp(x.clone().requiresGrad_(), { out: torch.zeros(2) }), {
      message:
        "exp(): functions with out=... arguments don't support automatic differentiation, but one of the arguments requires grad.",
    });
  });

  test('must not overlap itself', () => {
    assert.throws(() => torch.exp(x, { out: torch.zeros(1).expand(2) }), {
      message: /^unsupported operation: more than one element of the written-to tensor/,
    });
  });
});
