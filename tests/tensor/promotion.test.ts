/** Type promotion: PyTorch's tables of result dtypes, and what each kind of op makes of its operands. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as torch from 'typetorch';
import { equal, raises } from '../support.ts';

type DTypeName =
  | 'bool'
  | 'uint8'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'float16'
  | 'bfloat16'
  | 'float32'
  | 'float64';

/** Short names, in the order of the tables below. */
const short: readonly (readonly [string, DTypeName])[] = [
  ['b', 'bool'],
  ['u1', 'uint8'],
  ['i1', 'int8'],
  ['i2', 'int16'],
  ['i4', 'int32'],
  ['i8', 'int64'],
  ['f2', 'float16'],
  ['bf', 'bfloat16'],
  ['f4', 'float32'],
  ['f8', 'float64'],
];
const names = short.map(([, name]) => name);
const byShort = new Map(short.map(([key, name]) => [key, torch[name]]));

// What PyTorch 1.13 printed for torch.promote_types(row, column).
const promotion = `
b  u1 i1 i2 i4 i8 f2 bf f4 f8
u1 u1 i2 i2 i4 i8 f2 bf f4 f8
i1 i2 i1 i2 i4 i8 f2 bf f4 f8
i2 i2 i2 i2 i4 i8 f2 bf f4 f8
i4 i4 i4 i4 i4 i8 f2 bf f4 f8
i8 i8 i8 i8 i8 i8 f2 bf f4 f8
f2 f2 f2 f2 f2 f2 f2 f4 f4 f8
bf bf bf bf bf bf f4 bf f4 f8
f4 f4 f4 f4 f4 f4 f4 f4 f4 f8
f8 f8 f8 f8 f8 f8 f8 f8 f8 f8`;

// … for a tensor of the row's dtype plus a tensor without dimensions of the column's.
const withZeroDim = `
b  u1 i1 i2 i4 i8 f2 bf f4 f8
u1 u1 u1 u1 u1 u1 f2 bf f4 f8
i1 i1 i1 i1 i1 i1 f2 bf f4 f8
i2 i2 i2 i2 i2 i2 f2 bf f4 f8
i4 i4 i4 i4 i4 i4 f2 bf f4 f8
i8 i8 i8 i8 i8 i8 f2 bf f4 f8
f2 f2 f2 f2 f2 f2 f2 f2 f2 f2
bf bf bf bf bf bf bf bf bf bf
f4 f4 f4 f4 f4 f4 f4 f4 f4 f4
f8 f8 f8 f8 f8 f8 f8 f8 f8 f8`;

// … for a tensor plus True, 1 and 1.5.
const withNumbers = `
b  i8 f4
u1 u1 f4
i1 i1 f4
i2 i2 f4
i4 i4 f4
i8 i8 f4
f2 f2 f2
bf bf bf
f4 f4 f4
f8 f8 f8`;

function table(text: string): torch.DType[][] {
  return text
    .trim()
    .split('\n')
    .map((line) => line.split(/ +/).map((key) => byShort.get(key) as torch.DType));
}

const ones = (name: DTypeName): torch.Tensor => torch.ones(2, { dtype: torch[name] });
const one = (name: DTypeName): torch.Tensor => torch.ones([], { dtype: torch[name] });

describe('result dtypes', () => {
  test('promoteTypes, resultType, and the dtype of sums, stacks and choices of two tensors', () => {
    table(promotion).forEach((row, i) => {
      row.forEach((expected, j) => {
        const [a, b] = [names[i], names[j]];
        const what = `${a} and ${b}`;
        assert.equal(torch.promoteTypes(torch[a], torch[b]), expected, what);
        assert.equal(torch.resultType(ones(a), ones(b)), expected, what);
        assert.equal(ones(a).add(ones(b)).dtype, expected, what);
        assert.equal(one(a).mul(one(b)).dtype, expected, `${what} without dimensions`);
        assert.equal(torch.stack([ones(a), ones(b)]).dtype, expected, `${what} stacked`);
        assert.equal(torch.where(torch.tensor([true, false]), ones(a), ones(b)).dtype, expected, what);
      });
    });
  });

  test('a tensor without dimensions counts only by its category', () => {
    table(withZeroDim).forEach((row, i) => {
      row.forEach((expected, j) => {
        const got = ones(names[i]).add(one(names[j])).dtype;
        assert.equal(got, expected, `${names[i]} and ${names[j]} without dimensions`);
      });
    });
  });

  test('so does a number: whole numbers are ints, others floats', () => {
    table(withNumbers).forEach((row, i) => {
      const x = ones(names[i]);
      [true, 1, 1.5].forEach((number, j) => {
        assert.equal(x.add(number).dtype, row[j], `${names[i]} and ${number}`);
        assert.equal(torch.add(number, x).dtype, row[j], `${number} and ${names[i]}`);
      });
      assert.equal(x.add(1n).dtype, row[1], 'bigints are ints');
    });
  });

  test('a float number takes the default dtype where the tensor is no float', () => {
    torch.setDefaultDtype(torch.float64);
    try {
      assert.equal(torch.arange(3).mul(0.5).dtype, torch.float64);
      assert.equal(torch.arange(3).sqrt().dtype, torch.float64);
      assert.equal(ones('float32').mul(0.5).dtype, torch.float32);
      assert.equal(torch.tensor([1.5]).dtype, torch.float64);
    } finally {
      torch.setDefaultDtype(torch.float32);
    }
    assert.equal(torch.arange(3).mul(0.5).dtype, torch.float32);
  });

  test('pyFloat makes a whole number a float', () => {
    assert.equal(torch.arange(3).mul(torch.pyFloat(2)).dtype, torch.float32);
  });
});

describe('kinds of ops', () => {
  test('functions of floats convert integers, divisions too', () => {
    for (const name of ['bool', 'uint8', 'int64'] as const) {
      assert.equal(ones(name).exp().dtype, torch.float32);
      assert.equal(ones(name).div(ones(name)).dtype, torch.float32);
      assert.equal(ones(name).atan2(ones(name)).dtype, torch.float32);
    }
    assert.equal(ones('bfloat16').exp().dtype, torch.bfloat16);
    assert.equal(ones('int32').div(ones('int32'), { roundingMode: 'trunc' }).dtype, torch.int32);
  });

  test('comparisons and logic give bools', () => {
    for (const name of names) {
      assert.equal(ones(name).eq(1).dtype, torch.bool);
      assert.equal(ones(name).logicalNot().dtype, torch.bool);
    }
    assert.equal(ones('int32').lt(ones('float64')).dtype, torch.bool);
  });

  test('sums and products of integers are int64, also running ones; extremes keep the dtype', () => {
    for (const name of ['bool', 'uint8', 'int32'] as const) {
      assert.equal(ones(name).sum().dtype, torch.int64);
      assert.equal(ones(name).prod().dtype, torch.int64);
      assert.equal(ones(name).cumsum(0).dtype, torch.int64);
      assert.equal(ones(name).cumprod(0).dtype, torch.int64);
      assert.equal(ones(name).max().dtype, torch[name]);
      assert.equal(ones(name).cummax(0).values.dtype, torch[name]);
    }
    assert.equal(ones('float16').sum().dtype, torch.float16);
    assert.equal(ones('int32').sum({ dtype: torch.float64 }).dtype, torch.float64);
    assert.equal(ones('int32').argmax().dtype, torch.int64);
    assert.equal(ones('uint8').any().dtype, torch.uint8);
    assert.equal(ones('int16').any().dtype, torch.bool);
  });

  test('int64 arithmetic is exact and wraps', () => {
    const big = torch.tensor([9007199254740993n, 9223372036854775807n]);
    assert.deepEqual(big.add(1).toTypedArray(), BigInt64Array.of(9007199254740994n, -9223372036854775808n));
    assert.deepEqual(big.add(9007199254740993n).toTypedArray()[0], 18014398509481986n);
    assert.deepEqual(torch.tensor([3n, 4n]).cumprod(0).toTypedArray(), BigInt64Array.of(3n, 12n));
  });

  test('float64 is computed in float64', () => {
    const x = torch.tensor([1 / 3], { dtype: torch.float64 });
    assert.equal(x.exp().item(), Math.exp(1 / 3));
    assert.equal(x.mul(3).sub(1).item(), 0);
    assert.equal(x.cumsum(0).item(), 1 / 3);
  });
});

describe('in place', () => {
  test('the result must fit the category of the target', () => {
    for (const [a, b, fits] of [
      ['float32', 'float64', true],
      ['float32', 'int64', true],
      ['int8', 'int64', true],
      ['uint8', 'bool', true],
      ['int64', 'float16', false],
      ['bool', 'uint8', false],
      ['bool', 'float32', false],
    ] as const) {
      assert.equal(torch.canCast(torch[b], torch[a]), fits);
      if (fits) assert.equal(ones(a).add_(ones(b)).dtype, torch[a]);
      else {
        const [from, to] = [torch.promoteTypes(torch[a], torch[b]).scalarName, torch[a].scalarName];
        raises(
          () => ones(a).add_(ones(b)),
          'RuntimeError',
          `result type ${from} can't be cast to the desired output type ${to}`,
        );
      }
    }
  });

  test('small integers wrap', () => {
    equal(torch.tensor([250], { dtype: torch.uint8 }).add_(10), [4]);
    equal(torch.tensor([127], { dtype: torch.int8 }).add_(1), [-128]);
  });
});

describe('ops that take tensors only', () => {
  test('refuse numbers, by the name of the parameter', () => {
    const x = ones('float32');
    const number = 2 as unknown as torch.Tensor;
    for (const name of [
      'maximum',
      'minimum',
      'fmax',
      'fmin',
      'atan2',
      'hypot',
      'logaddexp',
      'nextafter',
      'ldexp',
    ] as const) {
      raises(
        () => torch[name](x, number),
        'TypeError',
        `${name}(): argument 'other' (position 2) must be Tensor, not int`,
      );
      raises(
        () => torch[name](number, x),
        'TypeError',
        `${name}(): argument 'input' (position 1) must be Tensor, not int`,
      );
    }
    raises(
      () => torch.logicalAnd(x, number),
      'TypeError',
      "logical_and(): argument 'other' (position 2) must be Tensor, not int",
    );
    raises(
      () => x.heaviside(number),
      'TypeError',
      "heaviside(): argument 'values' (position 1) must be Tensor, not int",
    );
  });
});

describe('dtypes without a kernel', () => {
  test("are refused by the name of PyTorch's kernel", () => {
    const bools = ones('bool');
    const ints = ones('int64');
    const floats = ones('float64');
    const refusals: [() => unknown, string][] = [
      [() => bools.abs(), '"abs_cpu" not implemented for \'Bool\''],
      [() => bools.ceil(), '"ceil_vml_cpu" not implemented for \'Bool\''],
      [() => bools.floorDivide(bools), '"div_floor_cpu" not implemented for \'Bool\''],
      [() => bools.remainder(true), '"remainder_cpu" not implemented for \'Bool\''],
      [() => bools.fmod(bools), '"fmod_cpu" not implemented for \'Bool\''],
      [() => bools.pow(bools), '"pow" not implemented for \'Bool\''],
      [() => bools.argmax(), '"argmax_cpu" not implemented for \'Bool\''],
      [() => bools.bitwiseLeftShift(bools), '"lshift_cpu" not implemented for \'Bool\''],
      [() => bools.mm(bools.t()), 'self must be a matrix'],
      [() => ints.frac(), '"frac_cpu" not implemented for \'Long\''],
      [() => ints.hypot(ints), '"hypot_cpu" not implemented for \'Long\''],
      [() => ints.lerp(ints, 0.5), '"lerp_kernel_scalar" not implemented for \'Long\''],
      [() => ints.softmax(0), '"softmax_lastdim_kernel_impl" not implemented for \'Long\''],
      [() => floats.bitwiseXor(1), '"bitwise_xor_cpu" not implemented for \'Double\''],
      [() => floats.nansum({ dtype: torch.int64 }), '"nansum_cpu" not implemented for \'Long\''],
    ];
    for (const [call, message] of refusals) raises(call, 'RuntimeError', message);
  });
});
