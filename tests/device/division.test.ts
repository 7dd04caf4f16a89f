/** Remainders, integer quotients and conversions to and from int64 are exact, on both sides of where the vector code ends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as torch from 'typetorch';

const count = 20_000;

/** Reproducible numbers in [0, 1). */
function random(): () => number {
  let state = 12345;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Floats of every size, of both signs. */
function sizes(draw: () => number, span: number, round: (x: number) => number): number[] {
  return Array.from({ length: count }, () => {
    const mantissa = 1 + draw() + draw() * 2 ** -30;
    return round((draw() < 0.5 ? -1 : 1) * mantissa * 2 ** Math.floor((draw() - 0.5) * span));
  });
}

/** Pairs whose quotient is a whole number, or the next number to one. */
function multiples(draw: () => number, spread: number, round: (x: number) => number): [number[], number[]] {
  const ys = Array.from({ length: count }, () => round((1 + draw()) * 2 ** Math.floor(draw() * 20)));
  const xs = ys.map((y) => {
    const product = round(Math.floor(2 ** (draw() * spread)) * y);
    return round(product * (1 + Math.round(draw() * 2 - 1) * 2 ** (round === Math.fround ? -23 : -52)));
  });
  return [xs, ys];
}

const floats = [
  { dtype: torch.float32, round: Math.fround, spans: [20, 60, 250], spreads: [5, 24, 29] },
  { dtype: torch.float64, round: (x: number) => x, spans: [20, 60, 2000], spreads: [5, 25, 27] },
] as const;

for (const { dtype, round, spans, spreads } of floats) {
  const check = (xs: readonly number[], ys: readonly number[]): void => {
    const got = [
      ...(torch.tensor(xs, { dtype }).fmod(torch.tensor(ys, { dtype })).toTypedArray() as Float64Array),
    ];
    xs.forEach((x, i) => {
      const expected = x % ys[i];
      assert.ok(Object.is(got[i], expected), `fmod(${x}, ${ys[i]}) is ${got[i]}, not ${expected}`);
    });
  };

  test(`${dtype} fmod is exact`, () => {
    const draw = random();
    for (const span of spans) check(sizes(draw, span, round), sizes(draw, span, round));
    for (const spread of spreads) check(...multiples(draw, spread, round));
  });

  test(`${dtype} fmod has the edges of C`, () => {
    const largest = dtype === torch.float32 ? Math.fround(3.4028234663852886e38) : Number.MAX_VALUE;
    const least = dtype === torch.float32 ? 2 ** -149 : Number.MIN_VALUE;
    const edges = [
      0,
      -0,
      1,
      -1,
      2.5,
      largest,
      -largest,
      least,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
    ];
    // One pair at a time, so that no neighbour decides which code runs.
    for (const x of edges) for (const y of edges) check(new Array(4).fill(x), new Array(4).fill(y));
  });

  test(`${dtype} to int64 and back`, () => {
    const draw = random();
    const limit = 2 ** 63;
    const edges = [
      0,
      -0,
      0.5,
      -0.99,
      2 ** 31,
      2 ** 51 - 2 ** 28,
      -(2 ** 51),
      2 ** 53,
      -limit,
      limit,
      1e30,
      Number.NaN,
      Number.NEGATIVE_INFINITY,
    ];
    const wanted = (x: number): bigint =>
      Number.isNaN(x) || x >= limit || x < -limit ? -(2n ** 63n) : BigInt(Math.trunc(x));
    const lists = [...edges.map((x) => new Array<number>(4).fill(round(x))), sizes(draw, 90, round)];
    for (const xs of lists) {
      const whole = torch.tensor(xs, { dtype }).to(torch.int64);
      const values = [...(whole.toTypedArray() as BigInt64Array)];
      assert.deepEqual(values, xs.map(wanted));
      assert.deepEqual(
        [...(whole.to(dtype).toTypedArray() as Float64Array)],
        values.map((v) => round(Number(v))),
      );
    }
  });
}

test('int64 to float32 is rounded once', () => {
  const draw = random();
  // Just beside the middle between two float32 numbers.
  const values = Array.from({ length: count }, () => {
    const top = BigInt(2 ** 23 + Math.floor(draw() * 2 ** 23));
    const shift = 2n + BigInt(Math.floor(draw() * 36));
    const near = (top << shift) + (1n << (shift - 1n)) + BigInt(Math.floor(draw() * 3) - 1);
    return draw() < 0.5 ? near : -near;
  });
  const got = torch.tensor(BigInt64Array.from(values)).to(torch.float32).toTypedArray() as Float32Array;
  values.forEach((v, i) => {
    const size = v < 0n ? -v : v;
    const shift = BigInt(size.toString(2).length - 24);
    const half = 1n << (shift - 1n);
    let top = size >> shift;
    const rest = size - (top << shift);
    if (rest > half || (rest === half && top % 2n === 1n)) top += 1n;
    const expected = Number(top << shift) * (v < 0n ? -1 : 1);
    assert.equal(got[i], expected, String(v));
  });
});

test('int64 quotients and remainders are exact', () => {
  const draw = random();
  const least = -(2n ** 63n);
  const integer = (bits: number): bigint => {
    const size = BigInt(Math.floor(2 ** (draw() * Math.min(bits, 52)))) << BigInt(Math.max(0, bits - 52));
    const value = size + BigInt(Math.floor(draw() * 3) - 1);
    return draw() < 0.5 ? -value : value;
  };
  const xs: bigint[] = [];
  const ys: bigint[] = [];
  for (const bits of [8, 50, 51, 52, 62]) {
    for (let i = 0; i < count / 4; i++) {
      const y = integer(Math.ceil(draw() * bits)) || 1n;
      // Every second one a multiple, or next to it.
      const x =
        i % 2 === 0 ? integer(bits) : BigInt.asIntN(50, y * integer(20)) + BigInt(Math.floor(draw() * 3) - 1);
      xs.push(x);
      ys.push(y);
    }
  }
  const edges = [least, least + 1n, 2n ** 63n - 1n, 2n ** 51n, -(2n ** 51n), 2n ** 51n - 1n, 1n, -1n, 7n];
  for (const x of edges)
    for (const y of edges)
      for (let i = 0; i < 4; i++) {
        xs.push(x);
        ys.push(y);
      }
  const x = torch.tensor(BigInt64Array.from(xs));
  const y = torch.tensor(BigInt64Array.from(ys));
  const wrap = (v: bigint): bigint => BigInt.asIntN(64, v);
  const floored = (a: bigint, b: bigint): bigint => a / b - (a % b !== 0n && a < 0n !== b < 0n ? 1n : 0n);
  const read = (t: torch.Tensor): bigint[] => [...(t.toTypedArray() as BigInt64Array)];
  assert.deepEqual(
    read(torch.div(x, y, { roundingMode: 'trunc' })),
    xs.map((a, i) => wrap(a / ys[i])),
  );
  assert.deepEqual(
    read(x.floorDivide(y)),
    xs.map((a, i) => wrap(floored(a, ys[i]))),
  );
  assert.deepEqual(
    read(x.fmod(y)),
    xs.map((a, i) => a % ys[i]),
  );
  assert.deepEqual(
    read(torch.remainder(x, y)),
    xs.map((a, i) => wrap(a - floored(a, ys[i]) * ys[i])),
  );
  assert.throws(() => x.floorDivide(torch.tensor(new BigInt64Array(xs.length))), /ZeroDivisionError/);
});
