/**
 * The harness itself: a made-up library of a few lines, cases it satisfies, and the same cases with one thing wrong. A harness that cannot
 * fail proves nothing.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Case, Json, TensorSpec } from './cases.ts';
import { usesComplex } from './cases.ts';
import { isClose } from './compare.ts';
import { camelCase, Library } from './library.ts';
import { runCase } from './runner.ts';

class Size extends Array<number> {}

/** Just enough of a tensor to be compared, with gradients that are set by hand. */
class FakeTensor {
  readonly data: number[];
  readonly shape: number[];
  readonly dtype: object;
  storage: object = {};
  requiresGrad = false;
  /** Doubled inputs, for `autograd.grad`. */
  factor = 1;

  constructor(data: ArrayLike<number>, shape: readonly number[], dtype: object) {
    this.data = Array.from(data, Number);
    this.shape = Size.from(shape);
    this.dtype = dtype;
  }

  toTypedArray(): ArrayLike<number | bigint> {
    return String(this.dtype) === 'torch.int64'
      ? BigInt64Array.from(this.data, BigInt)
      : Float64Array.from(this.data);
  }

  reshape(shape: number[]): FakeTensor {
    const view = new FakeTensor(this.data, shape, this.dtype);
    view.storage = this.storage;
    return view;
  }

  clone(): FakeTensor {
    return new FakeTensor(this.data, this.shape, this.dtype);
  }

  requiresGrad_(value = true): this {
    this.requiresGrad = value;
    return this;
  }

  mul_(factor: number): this {
    this.data.forEach((v, i) => {
      this.data[i] = v * factor;
    });
    return this;
  }
}

class RuntimeError extends Error {
  override readonly name = 'RuntimeError';
}

class NotImplementedError extends RuntimeError {
  override readonly name = 'NotImplementedError' as 'RuntimeError';
}

const dtypes = Object.fromEntries(
  ['float32', 'float64', 'int64', 'bool'].map((name) => [name, { toString: () => `torch.${name}` }]),
);

const fakeTorch = {
  ...dtypes,
  Tensor: FakeTensor,
  tensor: (data: ArrayLike<number>, { dtype }: { dtype: object }) =>
    new FakeTensor(data, [data.length], dtype),
  double: (x: FakeTensor) =>
    Object.assign(
      new FakeTensor(
        x.data.map((v) => 2 * v),
        x.shape,
        x.dtype,
      ),
      { factor: 2 },
    ),
  identity: (x: FakeTensor) => x,
  sortWithTies: (x: FakeTensor) => [
    new FakeTensor([1, 1], [2], x.dtype),
    new FakeTensor([1, 0], [2], dtypes.int64),
  ],
  raise: () => {
    throw new RuntimeError('sizes do not match Hint: look closer');
  },
  crash: () => {
    throw new TypeError('Cannot read properties of undefined');
  },
  later: () => {
    throw new NotImplementedError('later is not implemented');
  },
  autograd: {
    grad: (outputs: FakeTensor[], inputs: FakeTensor[], { gradOutputs }: { gradOutputs: FakeTensor[] }) =>
      inputs.map(
        (x) =>
          new FakeTensor(
            gradOutputs[0].data.map((g) => g * outputs[0].factor),
            x.shape,
            x.dtype,
          ),
      ),
  },
};

const library = new Library(fakeTorch);

function tensor(spec: Partial<TensorSpec> = {}): Json {
  return { $tensor: { dtype: 'float32', shape: [2], data: [1, 2], ...spec } as unknown as Json };
}

const base = { id: 'ops/made_up#0', dtype: 'float32', kwargs: {}, tags: [], rtol: 1e-5, atol: 1e-6 };

function doubled(change: Partial<Case> = {}): Case {
  return {
    ...base,
    op: 'torch.double',
    args: [tensor({ requires_grad: true })],
    out: tensor({ data: [2, 4] }),
    grad_out: [tensor({ data: [1, 10] })],
    grads: [tensor({ data: [2, 20] })],
    ...change,
  };
}

function statusOf(testCase: Case): string {
  return runCase(library, 'ops', testCase, '').status;
}

function failure(testCase: Case): string {
  const { status, message } = runCase(library, 'ops', testCase, '');
  assert.equal(status, 'failed');
  return message;
}

describe('a call', () => {
  it('passes when everything agrees', () => {
    assert.deepEqual(runCase(library, 'ops', doubled(), ''), { status: 'passed', message: '' });
  });

  it('fails on a wrong value', () => {
    const message = failure(doubled({ out: tensor({ data: [2, 5] }) }));
    assert.match(message, /1 of 2 elements differ; element 1 is 4, expected 5/);
  });

  it('fails on a value just outside the tolerance and passes just inside', () => {
    assert.equal(statusOf(doubled({ out: tensor({ data: [2, 4.00003] }) })), 'passed');
    assert.equal(statusOf(doubled({ out: tensor({ data: [2, 4.0001] }) })), 'failed');
  });

  it('fails on a finite value where an infinity is expected', () => {
    assert.match(failure(doubled({ out: tensor({ data: [2, 'Infinity'] }) })), /expected Infinity/);
  });

  it('fails on a wrong dtype', () => {
    const message = failure(doubled({ out: tensor({ dtype: 'float64', data: [2, 4] }) }));
    assert.match(message, /expected dtype float64, got float32/);
  });

  it('fails on a wrong shape', () => {
    assert.match(
      failure(doubled({ out: tensor({ shape: [1, 2], data: [2, 4] }) })),
      /expected shape \[1, 2\]/,
    );
  });

  it('fails when one tensor comes where several are expected, and the other way round', () => {
    assert.match(failure(doubled({ out: [tensor(), tensor()] })), /expected 2 values/);
    assert.match(
      failure({ ...base, op: 'torch.sortWithTies', args: [tensor()], out: tensor() }),
      /expected a tensor/,
    );
  });

  it('fails on a wrong gradient and on one that should not be', () => {
    assert.match(failure(doubled({ grads: [tensor({ data: [2, 21] })] })), /grads\[0\]: 1 of 2/);
    assert.match(failure(doubled({ grads: [null] })), /expected no gradient/);
  });

  it('fails when a copy should be a view, and a view a copy', () => {
    const identity = { ...base, op: 'torch.identity', args: [tensor()], out: tensor() };
    assert.equal(statusOf({ ...identity, out_shares: [true] }), 'passed');
    assert.match(failure(identity), /should be a copy/);
    const copy = doubled({ out_shares: [true] });
    assert.match(failure(copy), /should view an argument/);
  });

  it('acts in place on a clone', () => {
    const inPlace = {
      ...base,
      op: 'Tensor.mul_',
      args: [tensor(), 3],
      out: tensor({ data: [3, 6] }),
      tags: ['inplace'],
    };
    assert.equal(statusOf(inPlace), 'passed');
    assert.equal(statusOf({ ...inPlace, out: tensor() }), 'failed');
  });

  it('fails when an argument that should have changed did not', () => {
    const mutated = [{ arg: 0, value: tensor({ data: [9, 9] }) }];
    assert.match(failure(doubled({ mutated })), /mutated 0/);
  });

  it('lets positions differ among equal elements only', () => {
    const index = (data: number[]): Json => tensor({ dtype: 'int64', data });
    const sorted = (input: number[], expected: number[]): Case => ({
      ...base,
      op: 'torch.sortWithTies',
      compare: 'ties',
      args: [tensor({ data: input })],
      out: [tensor({ data: [1, 1] }), index(expected)],
    });
    assert.equal(statusOf(sorted([1, 1], [0, 1])), 'passed');
    assert.match(failure(sorted([1, 2], [0, 1])), /position 0 points at 2, not 1/);
  });
});

describe('an error', () => {
  const raising = (op: string, type: string, message: string, tags: string[] = []): Case => ({
    ...base,
    op,
    args: [],
    error: { type, message },
    tags,
  });

  it('passes with the right type and message, hints aside', () => {
    assert.equal(statusOf(raising('torch.raise', 'RuntimeError', 'sizes do not match')), 'passed');
  });

  it('fails when nothing is thrown', () => {
    const missing = {
      ...raising('torch.double', 'RuntimeError', 'sizes do not match'),
      args: [tensor()],
    };
    assert.match(failure(missing), /but the call returned/);
  });

  it('fails on another type and on another message, unless the message is free', () => {
    assert.match(failure(raising('torch.raise', 'IndexError', 'sizes do not match')), /expected IndexError/);
    assert.match(failure(raising('torch.raise', 'RuntimeError', 'other')), /expected the message "other"/);
    assert.equal(statusOf(raising('torch.raise', 'RuntimeError', 'other', ['message_free'])), 'passed');
  });

  it('does not take a native TypeError for a reported one', () => {
    assert.match(failure(raising('torch.crash', 'TypeError', '', ['message_free'])), /native TypeError/);
  });

  it('fails on an error where a result is expected', () => {
    assert.match(failure({ ...base, op: 'torch.raise', args: [], out: tensor() }), /RuntimeError: sizes/);
  });
});

describe('what is missing', () => {
  it('is unsupported: functions, methods, and what the library says itself', () => {
    const call = (op: string): Case => ({ ...base, op, args: [tensor()], out: tensor() });
    assert.deepEqual(runCase(library, 'ops', call('torch.linalg.some_thing'), ''), {
      status: 'unsupported',
      message: 'torch.linalg.someThing does not exist',
    });
    assert.equal(statusOf(call('Tensor.some_thing')), 'unsupported');
    assert.equal(statusOf(call('torch.later')), 'unsupported');
  });

  it('is unsupported also where an error is expected', () => {
    const error = { type: 'RuntimeError', message: 'x' };
    assert.equal(statusOf({ ...base, op: 'torch.nothing', args: [], error }), 'unsupported');
    assert.equal(statusOf({ ...base, op: 'torch.later', args: [], error }), 'unsupported');
  });

  it('sets complex arithmetic apart', () => {
    const testCase = doubled({ args: [tensor({ dtype: 'complex64' })] });
    assert.deepEqual(runCase(library, 'ops', testCase, ''), { status: 'unsupported', message: 'complex' });
    assert.equal(usesComplex({ kwargs: { dtype: { $dtype: 'complex128' } } }), true);
    assert.equal(usesComplex({ value: { $complex: [1, 2] } }), true);
  });
});

describe('decompositions', () => {
  const matrix = (data: number[]): Json => tensor({ dtype: 'float64', shape: [2, 2], data });
  const qr = (q: number[], r: number[]): Case => {
    const pair = [q, r].map((data) => new FakeTensor(data, [2, 2], dtypes.float64));
    Object.assign(fakeTorch, { qr: () => pair });
    return {
      ...base,
      op: 'torch.qr',
      compare: 'qr',
      args: [matrix([0, -2, 3, 0])],
      out: [matrix([0, 1, 1, 0]), matrix([3, 0, 0, -2])],
    };
  };

  it('accepts other signs and nothing else', () => {
    assert.equal(statusOf(qr([0, -1, 1, 0], [3, 0, 0, 2])), 'passed');
    assert.match(failure(qr([0, 1, 1, 0], [3, 0, 0, 2])), /Q R = A does not hold/);
    assert.match(failure(qr([0, -2, 3, 0], [1, 0, 0, 1])), /Q orthonormal does not hold/);
    assert.match(failure(qr([0, -1, 1, 0], [3, 0, 1, 2])), /R upper triangular/);
  });
});

it('compares numbers as the data asks', () => {
  const tolerance = { rtol: 0.1, atol: 0 };
  assert.ok(isClose(Number.NaN, Number.NaN, tolerance));
  assert.ok(!isClose(1, Number.NaN, tolerance));
  assert.ok(!isClose(1e300, Number.POSITIVE_INFINITY, tolerance));
  assert.ok(!isClose(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, tolerance));
  assert.ok(isClose(1.1, 1, { rtol: 0.11, atol: 0 }));
  assert.ok(!isClose(1.1, 1, { rtol: 0.09, atol: 0 }));
});

it('translates names mechanically', () => {
  const names = ['conv_transpose2d', 'index_put_', '_scaled_dot_product_attention', 'T_max', 'atleast_1d'];
  assert.deepEqual(names.map(camelCase), [
    'convTranspose2d',
    'indexPut_',
    '_scaledDotProductAttention',
    'TMax',
    'atleast1d',
  ]);
});
