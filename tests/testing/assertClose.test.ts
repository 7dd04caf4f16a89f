/** assertClose: what counts as close, and PyTorch's messages where it is not. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as torch from 'typetorch';

const { assertClose } = torch.testing;
const T = torch.tensor;

function message(...args: Parameters<typeof assertClose>): string {
  try {
    assertClose(...args);
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
  return 'OK';
}

describe('assertClose', () => {
  test('tensors within the tolerance of their dtype are close', () => {
    assert.equal(message(T([1, 2, 3]), T([1, 2.000001, 3])), 'OK');
    assert.equal(message(T([Number.POSITIVE_INFINITY]), T([Number.POSITIVE_INFINITY])), 'OK');
    assert.equal(message(T([1n, 2n, 3n]), T([1n, 2n, 4n]), { rtol: 0.1, atol: 3 }), 'OK');
    assert.equal(message(T([1, 2]), T([1, 2], { dtype: torch.float64 }), { checkDtype: false }), 'OK');
    const f64 = { dtype: torch.float64 };
    assert.equal(message(T([1], f64), T([1 + 1e-7], f64)), 'OK');
    assert.match(message(T([1], f64), T([1 + 3e-7], f64)), /Tensor-likes are not close/);
  });

  test('the difference is described', () => {
    assert.equal(
      message(T([1, 2, 3]), T([1, 2, 4])),
      `AssertionError: Tensor-likes are not close!

Mismatched elements: 1 / 3 (33.3%)
Greatest absolute difference: 1.0 at index (2,) (up to 1e-05 allowed)
Greatest relative difference: 0.25 at index (2,) (up to 1.3e-06 allowed)`,
    );
    assert.equal(
      message(
        T([
          [1, 2],
          [3, 5],
        ]),
        T([
          [1, 2],
          [3, 4],
        ]),
        { rtol: 0, atol: 0 },
      ),
      `AssertionError: Tensor-likes are not equal!

Mismatched elements: 1 / 4 (25.0%)
Greatest absolute difference: 1.0 at index (1, 1)
Greatest relative difference: 0.25 at index (1, 1)`,
    );
    assert.equal(
      message(T([1n, 2n, 3n]), T([1n, 2n, 9n]), { rtol: 0.1, atol: 3 }),
      `AssertionError: Tensor-likes are not close!

Mismatched elements: 1 / 3 (33.3%)
Greatest absolute difference: 6 at index (2,) (up to 3 allowed)
Greatest relative difference: 0.6666666865348816 at index (2,) (up to 0.1 allowed)`,
    );
    assert.equal(
      message(T([0, 2]), T([0, 0])),
      `AssertionError: Tensor-likes are not close!

Mismatched elements: 1 / 2 (50.0%)
Greatest absolute difference: 2.0 at index (1,) (up to 1e-05 allowed)
Greatest relative difference: inf at index (1,) (up to 1.3e-06 allowed)`,
    );
  });

  test('NaN equals NaN only where asked', () => {
    const nan = T([Number.NaN]);
    assert.match(message(nan, nan), /Greatest absolute difference: nan at index \(0,\)/);
    assert.equal(message(nan, nan, { equalNan: true }), 'OK');
    assert.match(message(nan, T([1]), { equalNan: true }), /not close/);
  });

  test('shape, dtype, device and stride count', () => {
    assert.equal(
      message(T([1, 2, 3]), T([1, 2])),
      "AssertionError: The values for attribute 'shape' do not match: torch.Size([3]) != torch.Size([2]).",
    );
    assert.equal(
      message(T([1]), T([1], { dtype: torch.float64 })),
      "AssertionError: The values for attribute 'dtype' do not match: torch.float32 != torch.float64.",
    );
    assert.equal(
      message(T([1]), T([1], { device: 'reference' })),
      "AssertionError: The values for attribute 'device' do not match: cpu != reference.",
    );
    assert.equal(message(T([1]), T([1], { device: 'reference' }), { checkDevice: false }), 'OK');
    const x = torch.ones(2, 2);
    assert.equal(message(x, x.t()), 'OK');
    assert.equal(
      message(x, x.t(), { checkStride: true }),
      "AssertionError: The values for attribute 'stride()' do not match: (2, 1) != (1, 2).",
    );
  });

  test('numbers, booleans, null', () => {
    assert.equal(message(1, 1 + 1e-9), 'OK');
    assert.equal(message(2n, 2n), 'OK');
    assert.equal(message(null, null), 'OK');
    assert.equal(
      message(1, 2),
      `AssertionError: Scalars are not close!

Absolute difference: 1.0 (up to 1e-07 allowed)
Relative difference: 0.5 (up to 1e-07 allowed)`,
    );
    assert.equal(
      message(1n, 2n),
      `AssertionError: Scalars are not equal!

Absolute difference: 1
Relative difference: 0.5`,
    );
    assert.equal(message(true, false), 'AssertionError: Booleans mismatch: True is not False');
    assert.equal(message(null, 1), 'AssertionError: None mismatch: None is not 1');
  });

  test('nested values name the item', () => {
    assert.equal(message([1, T([2])], [1, T([2])]), 'OK');
    assert.equal(message(new Map([['a', T(1)]]), { a: T(1) }), 'OK');
    assert.match(message([1, T([2])], [1, T([3])]), /\n\nThe failure occurred for item \[1\]$/);
    assert.match(message({ a: [T(1)] }, { a: [T(3)] }), /\n\nThe failure occurred for item \['a'\]\[0\]$/);
    assert.equal(message([1, 2], [1]), 'AssertionError: The length of the sequences mismatch: 2 != 1');
    assert.equal(
      message({ a: T(1), b: 2 }, { a: T(1), c: 2 }),
      `AssertionError: The keys of the mappings do not match:
Missing keys in the actual mapping: ['c']
Additional keys in the actual mapping: ['b']`,
    );
  });

  test('arguments', () => {
    assert.equal(
      message(T([1]), T([2]), { rtol: 1e-3 }),
      "ValueError: Both 'rtol' and 'atol' must be either specified or omitted, but got no atol.",
    );
    assert.equal(message(T([1]), T([2]), { msg: 'hello' }), 'AssertionError: hello');
    assert.match(message(T([1]), T([2]), { msg: (m) => `pre ${m}` }), /^AssertionError: pre Tensor-likes/);
    assert.equal(
      message('a', 'a'),
      "TypeError: No comparison pair was able to handle inputs of type <class 'str'> and <class 'str'>.",
    );
    assert.equal(
      message(T([1]), 1),
      "TypeError: No comparison pair was able to handle inputs of type <class 'torch.Tensor'> and <class 'int'>.",
    );
  });
});
