/**
 * The accuracy of the vector code of special functions and powers: float32 against double precision over the whole range, float64 against values that are
 * right to the last digit.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as torch from 'typetorch';
import { elementary } from '../../src/expr/interpret.ts';
import { ulps } from '../../src/testing/ulps.ts';

const functions = {
  erf: torch.erf,
  erfc: torch.erfc,
  erfinv: torch.erfinv,
  erfcx: torch.special.erfcx,
  lgamma: torch.lgamma,
  digamma: torch.digamma,
  ndtri: torch.special.ndtri,
  logNdtr: torch.special.logNdtr,
} as const;
type Name = keyof typeof functions;

/**
 * Computed with 54 decimal digits (mpmath) and rounded to float64: x and f(x). A fifth of the numbers of each function are those where the vector code was
 * worst among some thousands.
 */
const exact = JSON.parse(
  readFileSync(new URL('./special.fixtures.json', import.meta.url), 'utf8'),
) as Readonly<Record<Name, readonly (readonly [x: number, value: number])[]>>;

const count = 20_000;
const tiny = 2 ** -149;

/** Numbers of every size between `low` and `high`, both positive: spaced evenly in their bits as float32. */
function everySize(low: number, high: number): number[] {
  const [first, last] = new Int32Array(new Float32Array([low, high]).buffer);
  const bits = Int32Array.from(
    { length: count },
    (_, i) => first + Math.floor(((last - first) * i) / (count - 1)),
  );
  return [...new Float32Array(bits.buffer)];
}

const evenly = (low: number, high: number): number[] =>
  Array.from({ length: count }, (_, i) => Math.fround(low + ((high - low) * i) / count));
const both = (xs: readonly number[]): number[] => [...xs, ...xs.map((x) => -x)];

/** Functions with zeros, or poles that are no multiples of a power of two: their error is measured in units of 1 at least. */
const float32: readonly (readonly [name: Name, xs: readonly number[], limit: number, unit: number])[] = [
  ['erfc', [...both(everySize(tiny, 11)), ...evenly(-1, 10.2)], 0.7, 0],
  ['erfinv', both([...everySize(tiny, 1), ...evenly(0.9, 1)]), 0.6, 0],
  ['erfcx', [...both(everySize(tiny, 9)), ...everySize(9, 1e30)], 0.6, 0],
  ['lgamma', [...everySize(tiny, 1e36), ...evenly(0, 6)], 0.6, 0],
  ['lgamma', [...everySize(tiny, 9).map((x) => -x), ...evenly(-9, 0)], 0.6, 1],
  ['digamma', [...both(everySize(1e-30, 20)), ...everySize(20, 1e30), ...evenly(-9, 9)], 0.6, 1],
  ['ndtri', [...everySize(tiny, 1), ...evenly(0, 1)], 0.6, 0],
  ['logNdtr', [...both(everySize(tiny, 1e18)), ...evenly(-12, 12)], 0.7, 0],
];

for (const [name, xs, limit, unit] of float32) {
  test(`float32 ${name} is within ${limit} ulp${unit > 0 ? ` of what is ${unit} or larger` : ''}`, () => {
    const got = functions[name](torch.tensor(xs)).toTypedArray() as Float32Array;
    let worst = 0;
    let at = 0;
    xs.forEach((x, i) => {
      const value = elementary[name](x);
      let error = ulps(got[i], value);
      if (Math.abs(value) < unit) error = Math.abs(got[i] - value) / (unit * 2 ** -23);
      if (!(error <= worst)) [worst, at] = [error, x];
    });
    assert.ok(worst <= limit, `${worst} ulp at ${at}`);
  });
}

const float64: Readonly<Record<Name, readonly [limit: number, unit: number]>> = {
  erf: [2, 0],
  erfc: [2, 0],
  erfinv: [3, 0],
  erfcx: [3, 0],
  lgamma: [4, 1],
  digamma: [8, 1],
  // Where p is below 2⁻⁵⁴ JavaScript computes it.
  ndtri: [13, 0],
  logNdtr: [4, 0],
};

for (const name of Object.keys(float64) as Name[]) {
  const [limit, unit] = float64[name];
  test(`float64 ${name} is within ${limit} ulp${unit > 0 ? ` of what is ${unit} or larger` : ''}`, () => {
    const xs = exact[name].map(([x]) => x);
    assert.ok(xs.length >= 60);
    const got = functions[name](torch.tensor(xs, { dtype: torch.float64 })).toTypedArray() as Float64Array;
    exact[name].forEach(([x, value], i) => {
      const size = Math.max(Math.abs(value), unit, 2 ** -1022);
      const error = Math.abs(got[i] - value) / 2 ** (Math.floor(Math.log2(size)) - 52);
      assert.ok(error <= limit, `${name}(${x}) is ${got[i]}, ${error} ulp off`);
    });
  });
}

test('edges are those of the scalar functions', () => {
  const { NaN: none, POSITIVE_INFINITY: infinity } = Number;
  const edges = [
    none,
    infinity,
    -infinity,
    0,
    -0,
    1,
    -1,
    2,
    -2,
    0.5,
    1.5,
    -1e-20,
    1e-20,
    2.5,
    -3,
    1e30,
    -1e30,
    4,
    8,
    5e-324,
    -5e-324,
    -1e-200,
    1.7e308,
    -1.7e308,
  ];
  for (const dtype of [torch.float32, torch.float64]) {
    const round = dtype === torch.float32 ? Math.fround : (x: number): number => x;
    for (const name of Object.keys(functions) as Name[]) {
      const xs = edges.map(round);
      // Each in a group of its own too, as the group decides which code runs.
      const alone = xs.flatMap((x) => [x, x, x, x]);
      const got = [
        ...(functions[name](torch.tensor([...xs, ...alone], { dtype })).toTypedArray() as Float64Array),
      ];
      [...xs, ...alone].forEach((x, i) => {
        const expected = round(elementary[name](x));
        const small = expected !== 0 && Math.abs(got[i] - expected) <= 1e-6 * Math.abs(expected);
        // A zero of the function, or what is left of a result that is none.
        const zero = Math.abs(expected) < 1e-15 && Math.abs(got[i]) < 1e-7 && name !== 'erf';
        assert.ok(
          Object.is(got[i], expected) || small || zero,
          `${name}(${Object.is(x, -0) ? '-0' : x}) is ${got[i]}, expected ${expected} (${dtype})`,
        );
      });
    }
  }
});

test('erfc is 1 at 0, erf and erfinv keep the sign of 0', () => {
  for (const dtype of [torch.float32, torch.float64]) {
    assert.equal(torch.erfc(torch.zeros(4, { dtype })).sum().item(), 4);
    for (const of of [torch.erf, torch.erfinv]) {
      assert.ok(Object.is(of(torch.tensor([-0], { dtype })).item(), -0));
      assert.ok(Object.is(of(torch.tensor([0], { dtype })).item(), 0));
    }
  }
});

test('powers are within 0.6 ulp in float32, 2 in float64 (of powers that are 1 off), of all bases and signs', () => {
  const bases = everySize(tiny, 3e38);
  for (const y of [-3.7, -1, 0.3, 1.5, 2.5, 7, -35.5, 1e-3]) {
    for (const dtype of [torch.float32, torch.float64]) {
      const power = dtype === torch.float32 ? Math.fround(y) : y;
      const got = torch.pow(torch.tensor(bases, { dtype }), torch.tensor(power, { dtype })).toTypedArray();
      bases.forEach((x, i) => {
        const value = x ** power;
        const unit = 2 ** (Math.floor(Math.log2(Math.max(value, 2 ** -1022))) - 52);
        const error =
          dtype === torch.float32
            ? ulps(Number(got[i]), value)
            : Number(got[i]) === value
              ? 0
              : Math.abs(Number(got[i]) - value) / unit;
        assert.ok(
          error <= (dtype === torch.float32 ? 0.6 : 2),
          `${x} ** ${power} is ${got[i]}, ${error} ulp off`,
        );
      });
    }
  }
  const negative = [-1.5, -2, -0.3, -1e10, -7];
  for (const y of [3, -3, 2, -2, 0.5, -1.5, 2 ** 53, 2 ** 24 + 1]) {
    const got = torch.pow(torch.tensor(negative, { dtype: torch.float64 }), y).toTypedArray();
    negative.forEach((x, i) => {
      const value = x ** y;
      const close = Object.is(got[i], value) || Math.abs(Number(got[i]) - value) <= 1e-15 * Math.abs(value);
      assert.ok(close, `${x} ** ${y} is ${got[i]}, not ${value}`);
    });
  }
});

test('powers have the edges of C', () => {
  const { NaN: none, POSITIVE_INFINITY: infinity } = Number;
  const edges = [none, infinity, -infinity, 0, -0, 1, -1, -2, 3, 0.5, -0.5, 2 ** -1074, 1.7e308];
  for (const dtype of [torch.float32, torch.float64]) {
    const round = dtype === torch.float32 ? Math.fround : (x: number): number => x;
    for (const x of edges.map(round)) {
      for (const y of edges.map(round)) {
        const of = torch.pow(torch.tensor([x], { dtype }), torch.tensor([y], { dtype }));
        const got = of.item() as number;
        const value = round(elementary.pow(x, y));
        const close = Math.abs(got - value) <= 1e-15 * Math.abs(value);
        assert.ok(
          Object.is(got, value) || (value !== 0 && close),
          `${x} ** ${y} is ${got}, not ${value} (${dtype})`,
        );
      }
    }
  }
});
