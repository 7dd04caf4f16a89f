/** The accuracy of the vector code of elementary functions: units in the last place, against double precision, over the whole range. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as torch from 'typetorch';
import { elementary } from '../../src/expr/interpret.ts';
import { ulps } from '../../src/testing/ulps.ts';

type Name =
  | 'exp'
  | 'exp2'
  | 'expm1'
  | 'log'
  | 'log2'
  | 'log10'
  | 'log1p'
  | 'tanh'
  | 'erf'
  | 'sin'
  | 'cos'
  | 'tan'
  | 'asin'
  | 'acos'
  | 'atan'
  | 'sinh'
  | 'cosh'
  | 'asinh'
  | 'acosh'
  | 'atanh';

const count = 40_000;

/** Numbers of every size between `low` and `high`, spaced evenly in their bits as float32. */
function everySize(low: number, high: number): Float32Array {
  const bits = new Int32Array(new Float32Array([low, high]).buffer);
  const [first, last] = bits;
  return new Float32Array(
    Int32Array.from({ length: count }, (_, i) => first + Math.floor(((last - first) * i) / (count - 1)))
      .buffer,
  );
}

const tiny = 2 ** -149;
const huge = 3.4e38;
const both = (low: number, high: number): Float32Array =>
  Float32Array.from([...everySize(low, high), ...everySize(low, high).map((x) => -x)]);

const float32: readonly (readonly [Name, Float32Array, number])[] = [
  ['exp', both(tiny, 120), 1.5],
  ['exp2', both(tiny, 160), 1.5],
  ['expm1', both(tiny, 120), 2],
  ['log', everySize(tiny, huge), 1],
  ['log2', everySize(tiny, huge), 1.5],
  ['log10', everySize(tiny, huge), 1.5],
  ['log1p', Float32Array.from([...everySize(tiny, huge), ...everySize(tiny, 0.99999).map((x) => -x)]), 1.5],
  ['tanh', both(tiny, huge), 2],
  ['erf', both(tiny, huge), 1.5],
  ['sin', both(tiny, huge), 0.55],
  ['cos', both(tiny, huge), 0.55],
  ['tan', both(tiny, huge), 0.55],
  ['asin', both(tiny, 1), 2],
  ['acos', both(tiny, 1), 2],
  ['atan', both(tiny, huge), 2],
  ['sinh', both(tiny, 89.5), 2],
  ['cosh', both(tiny, 89.5), 2],
  ['asinh', both(tiny, huge), 0.55],
  ['acosh', everySize(1, huge), 0.55],
  ['atanh', both(tiny, 0.99999994), 0.55],
];

for (const [name, xs, limit] of float32) {
  test(`float32 ${name} is within ${limit} ulp`, () => {
    const got = torch.tensor(xs)[name]().toTypedArray() as Float32Array;
    let worst = 0;
    let at = 0;
    xs.forEach((x, i) => {
      const error = ulps(got[i], elementary[name](x));
      if (!(error <= worst)) [worst, at] = [error, x];
    });
    assert.ok(worst <= limit, `${worst} ulp at ${at}`);
  });
}

const spread = (low: number, high: number): Float64Array =>
  Float64Array.from({ length: count }, (_, i) => low + ((high - low) * i) / count);
/** Numbers of every size down to 2 to the power of `low`, positive or negative. */
const sizes = (low: number, high: number, sign: number): Float64Array =>
  spread(low, high).map((power) => sign * 2 ** power);

const float64: readonly (readonly [Name, Float64Array, number])[] = [
  ['exp', spread(-750, 715), 1.5],
  ['log', sizes(-1074, 1022, 1), 1.5],
  ['expm1', Float64Array.from([...spread(-40, 710), ...sizes(-1070, 6, 1), ...sizes(-1070, 6, -1)]), 2],
  ['tanh', Float64Array.from([...spread(-25, 25), ...sizes(-1070, 6, 1), ...sizes(-1070, 6, -1)]), 3],
  ['sin', Float64Array.from([...spread(-40, 40), ...spread(-1e6, 1.1e6), ...sizes(-1070, 30, -1)]), 1],
  ['cos', Float64Array.from([...spread(-40, 40), ...spread(-1e6, 1.1e6), ...sizes(-1070, 30, -1)]), 1],
  ['tan', Float64Array.from([...spread(-40, 40), ...spread(-1e6, 1.1e6), ...sizes(-1070, 30, -1)]), 3],
  ['exp2', spread(-1080, 1026), 1.5],
  ['log2', Float64Array.from([...sizes(-1074, 1023, 1), ...spread(0.5, 2)]), 2],
  ['log10', Float64Array.from([...sizes(-1074, 1023, 1), ...spread(0.5, 2)]), 2],
  ['log1p', Float64Array.from([...sizes(-1070, 1023, 1), ...sizes(-1070, 0, -1), ...spread(-0.999, 3)]), 2],
  ['asin', Float64Array.from([...spread(-1, 1), ...sizes(-1070, 0, 1)]), 2],
  ['acos', Float64Array.from([...spread(-1, 1), ...sizes(-1070, 0, 1)]), 2],
  ['atan', Float64Array.from([...spread(-10, 10), ...sizes(-1070, 1020, 1), ...sizes(-1070, 1020, -1)]), 2],
  ['sinh', Float64Array.from([...spread(-2, 2), ...spread(-710, 710), ...sizes(-1070, 6, 1)]), 2.5],
  ['cosh', Float64Array.from([...spread(-2, 2), ...spread(-710, 710), ...sizes(-1070, 6, 1)]), 2.5],
];

for (const [name, xs, limit] of float64) {
  test(`float64 ${name} is within ${limit} ulp`, () => {
    const got = torch.tensor(xs)[name]().toTypedArray() as Float64Array;
    let worst = 0;
    xs.forEach((x, i) => {
      const expected = elementary[name](x);
      if (got[i] === expected) return;
      const size = Math.max(Math.abs(expected), 2 ** -1022);
      const error = Math.abs(got[i] - expected) / 2 ** (Math.floor(Math.log2(size)) - 52);
      if (!(error <= worst)) worst = error;
    });
    assert.ok(worst <= limit, `${worst} ulp`);
  });
}

test('float32 gelu, which is computed as one, is within 3e-7 of x·Φ(x), and 0 or NaN far below 0', () => {
  const xs = Float32Array.from({ length: count }, (_, i) => -7 + (14 * i) / count);
  const got = torch.nn.functional.gelu(torch.tensor(xs)).toTypedArray() as Float32Array;
  xs.forEach((x, i) => {
    const error = Math.abs(got[i] - 0.5 * x * elementary.erfc(-x * Math.SQRT1_2));
    assert.ok(error <= 3e-7 * Math.max(1, x), `${error} off at ${x}`);
  });
  const far = torch.tensor([-6, -1e30, Number.NEGATIVE_INFINITY, Number.NaN, 1e30, Number.POSITIVE_INFINITY]);
  const ends = [...(torch.nn.functional.gelu(far).toTypedArray() as Float32Array)];
  assert.deepEqual(ends, [0, 0, Number.NaN, Number.NaN, Math.fround(1e30), Number.POSITIVE_INFINITY]);
});

test('edges are those of IEEE 754', () => {
  const edges = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, 1, -1, -2];
  for (const dtype of [torch.float32, torch.float64]) {
    for (const [name] of float32) {
      const got = [...(torch.tensor(edges, { dtype })[name]().toTypedArray() as Float32Array)];
      edges.forEach((x, i) => {
        const expected = dtype === torch.float32 ? Math.fround(elementary[name](x)) : elementary[name](x);
        const close =
          Object.is(got[i], expected) ||
          (expected !== 0 && Math.abs(got[i] - expected) <= 1e-6 * Math.abs(expected));
        assert.ok(
          close,
          `${name}(${Object.is(x, -0) ? '-0' : x}) is ${got[i]}, expected ${expected} (${dtype})`,
        );
      });
    }
  }
});

test('float32 powers are within 0.6 ulp, and have the edges of C', () => {
  const bases = everySize(1e-6, 1e6);
  for (const y of [-3.7, -1, 0.3, 1.5, 2.5, 7]) {
    const got = torch.tensor(bases).pow(torch.tensor(y)).toTypedArray() as Float32Array;
    bases.forEach((x, i) => {
      const error = ulps(got[i], x ** Math.fround(y));
      assert.ok(error <= 0.6, `${x} ** ${y} is ${got[i]}, ${error} ulp off`);
    });
  }
  const edges = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, 1, -1, -2, 3];
  for (const x of edges) {
    for (const y of edges) {
      const got = torch
        .tensor([x])
        .pow(torch.tensor([y]))
        .item();
      assert.ok(Object.is(got, Math.fround(elementary.pow(x, y))), `${x} ** ${y} is ${String(got)}`);
    }
  }
});

for (const [dtype, round] of [
  [torch.float32, Math.fround],
  [torch.float64, (x: number): number => x],
] as const) {
  for (const name of ['atan2', 'hypot'] as const) {
    const limit = name === 'atan2' && dtype === torch.float64 ? 3 : 2;
    test(`${dtype} ${name} is within ${limit} ulp, and has the edges of C`, () => {
      const [ys, xs]: [number[], number[]] = [[], []];
      // Angles all around, at lengths of every size and near the largest and the smallest.
      for (let i = 0; i < count; i++) {
        const power = i % 2 === 0 ? ((i * 37) % 41) - 20 : ((i * 37) % 121) - 60;
        ys.push(round(Math.sin(i) * 2 ** power));
        xs.push(round(Math.cos(i) * 2 ** (power + ((i * 13) % 7) - 3)));
      }
      const large = dtype === torch.float32 ? Math.fround(3e38) : 1.7e308;
      const edges = [
        0,
        -0,
        1,
        -1,
        large,
        -large,
        1 / large,
        Number.POSITIVE_INFINITY,
        Number.NEGATIVE_INFINITY,
        Number.NaN,
      ];
      for (const y of edges)
        for (const x of edges)
          for (let lane = 0; lane < 4; lane++) {
            ys.push(round(y));
            xs.push(round(x));
          }
      const of = name === 'atan2' ? torch.atan2 : torch.hypot;
      const got = of(torch.tensor(ys, { dtype }), torch.tensor(xs, { dtype })).toTypedArray() as Float64Array;
      ys.forEach((y, i) => {
        const exact = elementary[name](y, xs[i]);
        const unit = 2 ** (Math.floor(Math.log2(Math.max(Math.abs(exact), 2 ** -1022))) - 52);
        const error =
          dtype === torch.float32
            ? ulps(got[i], exact)
            : Object.is(got[i], exact)
              ? 0
              : Math.abs(got[i] - exact) / unit;
        assert.ok(error <= limit, `${name}(${y}, ${xs[i]}) is ${got[i]}, not ${exact}`);
      });
    });
  }
}
