/** Tensor printing against texts that PyTorch 1.13.1 printed (printing.fixtures.json) and the rules one by one. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { afterEach, describe, it } from 'node:test';
import { type DTypeName, dtypeFromName } from '../../src/base/dtype.ts';
import { formatExponential, formatFixed } from '../../src/tensor/decimal.ts';
import {
  formatSize,
  formatTensor,
  getPrintoptions,
  type Printable,
  type PrintableElement,
  setPrintoptions,
} from '../../src/tensor/printing.ts';

interface Fixture {
  shape: number[];
  dtype: DTypeName;
  data: (number | string | boolean)[];
  options: Record<string, unknown>;
  requiresGrad: boolean;
  gradFn: string | null;
  parameter: boolean;
  str: string;
}

function printable(
  shape: readonly number[],
  dtypeName: DTypeName,
  data: readonly PrintableElement[],
  more: Partial<Printable> = {},
): Printable & { reads: number } {
  const dtype = dtypeFromName(dtypeName);
  const result = {
    sizes: shape,
    dtype,
    requiresGrad: false,
    gradFnName: null,
    ...more,
    reads: 0,
    at(indices: readonly number[]): PrintableElement {
      result.reads++;
      return data[indices.reduce((flat, index, dim) => flat * shape[dim] + index, 0)];
    },
  };
  return result;
}

function element(dtype: DTypeName, value: number | string | boolean): PrintableElement {
  if (typeof value === 'boolean') return value;
  return dtypeFromName(dtype).isFloatingPoint ? Number(value) : BigInt(value);
}

afterEach(() => setPrintoptions({ profile: 'default' }));

describe('printed by PyTorch', () => {
  const fixtures = JSON.parse(
    readFileSync(new URL('./printing.fixtures.json', import.meta.url), 'utf8'),
  ) as Fixture[];
  fixtures.forEach((fixture, i) => {
    it(`fixture ${i}: ${fixture.dtype} [${fixture.shape}] ${JSON.stringify(fixture.options)}`, () => {
      const data = fixture.data.map((v) => element(fixture.dtype, v));
      const tensor = printable(fixture.shape, fixture.dtype, data, {
        requiresGrad: fixture.requiresGrad,
        gradFnName: fixture.gradFn,
        isParameter: fixture.parameter,
      });
      const { sci_mode: sciMode, ...options } = fixture.options;
      setPrintoptions({ ...options, sciMode: sciMode as boolean | undefined });
      assert.equal(formatTensor(tensor), fixture.str);
      assert.equal(formatTensor({ ...tensor, values: () => data }), fixture.str);
    });
  });
});

describe('formatTensor', () => {
  it('appends a point to whole floats and precision digits to others', () => {
    assert.equal(formatTensor(printable([3], 'float32', [1, -2, 30])), 'tensor([ 1., -2., 30.])');
    assert.equal(formatTensor(printable([], 'float32', [2.5])), 'tensor(2.5000)');
  });

  it('switches to scientific notation beyond three decades, above 1e8 and below 1e-4', () => {
    assert.equal(formatTensor(printable([2], 'float32', [1, 1000])), 'tensor([   1., 1000.])');
    assert.equal(formatTensor(printable([2], 'float32', [1, 1001])), 'tensor([1.0000e+00, 1.0010e+03])');
    assert.equal(formatTensor(printable([1], 'float32', [2e8])), 'tensor([2.0000e+08])');
    assert.equal(
      formatTensor(printable([1], 'float64', [0.00009])),
      'tensor([9.0000e-05], dtype=torch.float64)',
    );
  });

  it('gives nan and inf no say in the notation', () => {
    const values = [Number.NaN, Number.POSITIVE_INFINITY, 1];
    assert.equal(formatTensor(printable([3], 'float32', values)), 'tensor([nan, inf, 1.])');
  });

  it('names size and dtype of empty tensors', () => {
    assert.equal(formatTensor(printable([0], 'float32', [])), 'tensor([])');
    assert.equal(formatTensor(printable([0, 3], 'float32', [])), 'tensor([], size=(0, 3))');
    assert.equal(formatTensor(printable([0], 'int64', [])), 'tensor([], dtype=torch.int64)');
    assert.equal(
      formatTensor(printable([2, 0], 'float16', [])),
      'tensor([], size=(2, 0), dtype=torch.float16)',
    );
  });

  it('reads only the edges of a large tensor', () => {
    const tensor = printable([1000, 1000], 'float32', []);
    const counted = {
      ...tensor,
      at: () => {
        counted.reads++;
        return 0;
      },
    };
    assert.match(formatTensor(counted), /^tensor\(\[\[0\., 0\., 0\., {2}\.\.\., 0\., 0\., 0\.\],\n/);
    assert.equal(counted.reads, 36);
  });

  it('prints a summary without edge items as [...]', () => {
    setPrintoptions({ edgeitems: 0, threshold: 3 });
    assert.equal(formatTensor(printable([5], 'int64', [0n, 1n, 2n, 3n, 4n])), 'tensor([...])');
    assert.equal(formatTensor(printable([2, 2], 'float32', [1, 2, 3, 4])), 'tensor([...])');
  });

  it('breaks the line before a suffix that does not fit', () => {
    const tensor = printable([2], 'float32', [1, 2], { requiresGrad: true, gradFnName: 'AddBackward0' });
    assert.equal(formatTensor(tensor), 'tensor([1., 2.], grad_fn=<AddBackward0>)');
    setPrintoptions({ linewidth: 30 });
    assert.equal(formatTensor(tensor), 'tensor([1., 2.],\n       grad_fn=<AddBackward0>)');
  });

  it('names a device other than the CPU', () => {
    assert.equal(
      formatTensor(printable([1], 'int64', [7n], { device: 'webgpu:0' })),
      "tensor([7], device='webgpu:0')",
    );
  });
});

describe('setPrintoptions', () => {
  it('applies a profile first and takes options by position', () => {
    setPrintoptions({ profile: 'short', edgeitems: 5 });
    assert.deepEqual(getPrintoptions(), {
      precision: 2,
      threshold: 1000,
      edgeitems: 5,
      linewidth: 80,
      sciMode: null,
    });
    setPrintoptions(7, null, 2);
    assert.equal(getPrintoptions().precision, 7);
    assert.equal(getPrintoptions().edgeitems, 2);
  });

  it('returns sciMode to automatic when a call leaves it out', () => {
    setPrintoptions({ sciMode: true });
    assert.equal(getPrintoptions().sciMode, true);
    setPrintoptions({ precision: 3 });
    assert.equal(getPrintoptions().sciMode, null);
  });

  it('rejects unknown options', () => {
    assert.throws(() => setPrintoptions({ digits: 3 } as object), { name: 'TypeError' });
  });
});

it('formats shapes as torch.Size', () => {
  assert.equal(formatSize([]), 'torch.Size([])');
  assert.equal(formatSize([2, 3]), 'torch.Size([2, 3])');
});

describe("Python's decimal notation", () => {
  // Value, digits, '{:.<digits>f}' and '{:.<digits>e}' as CPython 3.11 writes them.
  const rows: readonly [number, number, string, string][] = [
    [0.03125, 4, '0.0312', '3.1250e-02'],
    [0.03125, 2, '0.03', '3.12e-02'],
    [0.5, 0, '0', '5e-01'],
    [2.5, 0, '2', '2e+00'],
    [-2.5, 0, '-2', '-2e+00'],
    [0.375, 2, '0.38', '3.75e-01'],
    [9.5, 0, '10', '1e+01'],
    [99.5, 0, '100', '1e+02'],
    [0.00625, 4, '0.0063', '6.2500e-03'],
    [1e22, 2, '10000000000000000000000.00', '1.00e+22'],
    [1e23, 0, '99999999999999991611392', '1e+23'],
    [5e-324, 2, '0.00', '4.94e-324'],
    [-0, 2, '-0.00', '-0.00e+00'],
    [Number.NaN, 2, 'nan', 'nan'],
    [Number.NEGATIVE_INFINITY, 2, '-inf', '-inf'],
  ];
  for (const [x, digits, fixed, exponential] of rows) {
    it(`${x} with ${digits} digits`, () => {
      assert.equal(formatFixed(x, digits), fixed);
      assert.equal(formatExponential(x, digits), exponential);
    });
  }

  it('goes beyond the 100 digits of toFixed', () => {
    assert.equal(formatFixed(0.5, 120), `0.5${'0'.repeat(119)}`);
    assert.equal(formatExponential(0.5, 120), `5.${'0'.repeat(120)}e-01`);
  });
});
