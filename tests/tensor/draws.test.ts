/**
 * The device's kernels draw what the functions in JavaScript draw, bit for bit, and leave the generator in the same state. The reference device
 * has no such kernels: there everything is drawn in JavaScript.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as torch from 'typetorch';
import { getDevice } from '../../src/device/device.ts';
import { ModuleBuilder } from '../../src/device/wasm/assembler.ts';
import { ConstantPool } from '../../src/device/wasm/constants.ts';
import { cpu } from '../../src/device/wasm/device.ts';
import { emulated } from '../../src/device/wasm/fused.ts';
import { normal32 } from '../../src/device/wasm/normal32.ts';
import { BUFFER_BYTES, buildDraws, plan } from '../../src/device/wasm/twister.ts';
import { Vectors } from '../../src/device/wasm/vectors.ts';
import { toArray } from '../../src/tensor/memory.ts';
import { randomSlopes } from '../../src/tensor/random/slopes.ts';
import { fma32 } from '../../src/tensor/random/fma.ts';

type Draws = (device: string, generator: torch.Generator, n: number, a: number) => torch.Tensor;

/** Every kind of draw that has a kernel in some dtype, and some that have none; `a` is in (0, 1). */
const kinds: Record<string, Draws> = {
  rand: (device, generator, n) => torch.rand([n], { device, generator }),
  'rand of float64': (device, generator, n) => torch.rand([n], { device, generator, dtype: torch.float64 }),
  uniform_: (device, generator, n, a) => torch.empty([n], { device }).uniform_(-a, a * 3, { generator }),
  'uniform_ of float64': (device, generator, n, a) =>
    torch.empty([n], { device, dtype: torch.float64 }).uniform_(a, 1, { generator }),
  bernoulli_: (device, generator, n, a) => torch.empty([n], { device }).bernoulli_(a, { generator }),
  'bernoulli_ of bool': (device, generator, n, a) =>
    torch.empty([n], { device, dtype: torch.bool }).bernoulli_(a, { generator }),
  'bernoulli_, always': (device, generator, n) => torch.empty([n], { device }).bernoulli_(1, { generator }),
  'bernoulli_, never': (device, generator, n) => torch.empty([n], { device }).bernoulli_(0, { generator }),
  randn: (device, generator, n) => torch.randn([n], { device, generator }),
  normal_: (device, generator, n, a) => torch.empty([n], { device }).normal_(a - 0.5, a * 7, { generator }),
  'randn of float64': (device, generator, n) => torch.randn([n], { device, generator, dtype: torch.float64 }),
  randint: (device, generator, n, a) =>
    torch.randint(-5, Math.floor(2 ** (a * 31)) + 1, [n], { device, generator }),
  'randint, wide': (device, generator, n, a) =>
    torch.randint(-(2 ** 30), 3 * 2 ** 30 - Math.floor(1 / a), [n], { device, generator }),
  randperm: (device, generator, n) => torch.randperm(n, { device, generator }),
  'randint of int32': (device, generator, n, a) =>
    torch.randint(-9, Math.floor(a * 1000) + 1, [n], { device, generator, dtype: torch.int32 }),
  'randint of int16': (device, generator, n, a) =>
    torch.randint(-9, Math.floor(a * 1000) + 1, [n], { device, generator, dtype: torch.int16 }),
  'randint of uint8': (device, generator, n) =>
    torch.randint(3, 256, [n], { device, generator, dtype: torch.uint8 }),
  'randint of float32': (device, generator, n, a) =>
    torch.randint(-(2 ** 28), Math.floor(a * 2 ** 30), [n], { device, generator, dtype: torch.float32 }),
  'random_ of bool': (device, generator, n) =>
    torch.zeros([n], { device, dtype: torch.bool }).random_({ generator }),
  'random_ of float64': (device, generator, n, a) =>
    torch.zeros([n], { device, dtype: torch.float64 }).random_(-7, Math.floor(a * 2 ** 31), { generator }),
  'bernoulli_ by a tensor': (device, generator, n, a) =>
    torch.empty([n], { device }).bernoulli_(torch.arange(0, n, { device }).div(n).mul(a), { generator }),
  'bernoulli_ by float64, transposed': (device, generator, n, a) =>
    torch
      .empty([4, Math.ceil(n / 4)], { device, dtype: torch.int32 })
      .t()
      .bernoulli_(torch.tensor([0, 0.2, a, 1], { device, dtype: torch.float64 }), { generator }),
  geometric_: (device, generator, n, a) =>
    torch.empty([n], { device }).geometric_(a * 0.9 + 0.05, { generator }),
  'transposed uniform_': (device, generator, n, a) =>
    torch
      .empty([5, Math.ceil(n / 5)], { device })
      .t()
      .uniform_(0, a, { generator }),
  'part of a tensor': (device, generator, n, a) =>
    torch
      .zeros([n + 7], { device })
      .narrow(0, 3, n)
      .bernoulli_(a, { generator }),
  'rand of bfloat16': (device, generator, n) => torch.rand([n], { device, generator, dtype: torch.bfloat16 }),
  exponential_: (device, generator, n) => torch.empty([n], { device }).exponential_(1, { generator }),
};

const names = Object.keys(kinds);

/** The bits of the elements: −0 is not 0. */
function bitsOf(t: torch.Tensor): string {
  const data = toArray(t);
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
}

function sameState(a: torch.Generator, b: torch.Generator): void {
  assert.deepEqual(a.getState().tolist(), b.getState().tolist());
}

/** A source of plan decisions that is not the one under test. */
function lcg(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('the kernels of random numbers', () => {
  test('the reference device has none, the wasm device has', () => {
    assert.equal(getDevice('reference').draw, undefined);
    assert.equal(typeof getDevice('cpu').draw, 'function');
  });

  for (const name of names) {
    test(`${name}: lengths around those of groups, chunks and blocks`, () => {
      const draws = kinds[name];
      // So that kernels are compiled for fewer.
      draws('cpu', new torch.Generator(), 5000, 0.5);
      for (const n of [
        1, 15, 16, 127, 128, 129, 143, 311, 312, 313, 623, 624, 625, 1024, 2047, 2048, 2049, 4999,
      ]) {
        const [a, b] = [0, 1].map(() => new torch.Generator().manualSeed(n));
        assert.equal(bitsOf(draws('cpu', a, n, 0.3)), bitsOf(draws('reference', b, n, 0.3)), `${n} elements`);
        sameState(a, b);
      }
    });
  }

  test('any order of kinds and lengths gives one stream', () => {
    const choose = lcg(20);
    for (let round = 0; round < 12; round++) {
      const [a, b] = [0, 1].map(() => new torch.Generator().manualSeed(round * 977));
      const calls: string[] = [];
      for (let call = 0; call < 24; call++) {
        const name = names[Math.floor(choose() * names.length)];
        const n = 1 + Math.floor(choose() ** 3 * 3000);
        const x = choose();
        calls.push(`${name} of ${n}`);
        assert.equal(
          bitsOf(kinds[name]('cpu', a, n, x)),
          bitsOf(kinds[name]('reference', b, n, x)),
          calls.join(', '),
        );
      }
      sameState(a, b);
    }
  });

  test('slopes of rrelu, one draw for each element that is not positive', () => {
    for (const n of [1, 49, 1024, 5000]) {
      const x = torch.randn([n]);
      torch.manualSeed(n);
      const slopes = randomSlopes(x, 0.1, 0.4);
      torch.manualSeed(n);
      const low = Math.fround(0.1);
      const expected = (x.tolist() as number[]).map((v) =>
        v <= 0
          ? Math.fround(
              (torch.rand([1], { dtype: torch.float64 }).item() as number) * (Math.fround(0.4) - low) + low,
            )
          : 1,
      );
      assert.deepEqual(slopes.tolist(), expected);
    }
  });

  test('a state that was saved in between goes on the same', () => {
    const generator = new torch.Generator().manualSeed(3);
    torch.rand([777], { generator });
    torch.randn([4000], { generator });
    const state = generator.getState();
    const next = torch.rand([9000], { generator });
    const other = new torch.Generator().setState(state);
    assert.equal(bitsOf(torch.rand([9000], { generator: other })), bitsOf(next));
    sameState(generator, other);
  });

  test('a bernoulli threshold is exact to the last of 53 bits', () => {
    // The 53 bits of the first numbers, and probabilities just at them and just above.
    const uniform = torch
      .rand([300], {
        generator: new torch.Generator().manualSeed(8),
        dtype: torch.float64,
      })
      .tolist() as number[];
    for (const i of [0, 1, 17, 128, 299]) {
      for (const p of [uniform[i], uniform[i] + 2 ** -53]) {
        const mask = torch
          .empty([300], { dtype: torch.bool })
          .bernoulli_(p, { generator: new torch.Generator().manualSeed(8) });
        assert.deepEqual(
          mask.tolist(),
          uniform.map((u) => u < p),
        );
      }
    }
  });
});

describe('the emulated multiply-add', () => {
  const { heap } = cpu;
  const memory = { maximum: heap.shared ? heap.maximumPages : null, shared: heap.shared };
  const instantiate = (module: ModuleBuilder): ((descriptor: number) => void) => {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.encode()), {
      env: { memory: heap.memory },
    });
    return exports.run as (descriptor: number) => void;
  };

  test('rounds once, as fma32 does', () => {
    const module = new ModuleBuilder(memory);
    const f = module.function('run', ['i32']);
    const v = new Vectors(f, new ConstantPool(heap));
    v.store(0, emulated(v, v.load(0, 0), v.load(0, 16), v.load(0, 32)), 48);
    const run = instantiate(module);
    const place = heap.reserve(64);
    const f32 = (): Float32Array => new Float32Array(heap.memory.buffer, place, 16);
    const choose = lcg(5);
    const some = (): number => {
      // Few bits, so that ties happen, and exponents that let all three operands matter.
      const bits = Math.floor(choose() * 2 ** (1 + Math.floor(choose() * 24)));
      return (choose() < 0.5 ? -1 : 1) * bits * 2 ** (Math.floor(choose() * 40) - 40);
    };
    let twice = 0;
    for (let round = 0; round < 20_000; round++) {
      for (let i = 0; i < 12; i++) f32()[i] = some();
      if (round % 3 === 0) for (let i = 8; i < 12; i++) f32()[i] *= 2 ** -24;
      run(place);
      const data = f32();
      for (let i = 0; i < 4; i++) {
        const [a, b, c] = [data[i], data[4 + i], data[8 + i]];
        assert.ok(Object.is(data[12 + i], fma32(a, b, c)), `${a}·${b} + ${c} = ${data[12 + i]}`);
        if (Math.fround(a * b + c) !== data[12 + i]) twice++;
      }
    }
    assert.ok(twice > 0, 'no operands for which rounding twice is wrong');
    for (const [a, b, c] of [
      [1, 0, Number.POSITIVE_INFINITY],
      [3e38, 2, 0],
      [3e38, 2, Number.NEGATIVE_INFINITY],
      [-0, 1, 0],
      [-0, 1, -0],
      [2 ** -100, 2 ** -49, 2 ** -149],
      [2 ** -75, 2 ** -75 * 1.5, 2 ** -140],
    ]) {
      f32().set([a, a, a, a, b, b, b, b, c, c, c, c]);
      run(place);
      const expected = Math.fround(a) * Math.fround(b);
      assert.ok(
        Object.is(f32()[12], Math.abs(c) === Number.POSITIVE_INFINITY ? c : fma32(a, b, c)),
        `${a}·${b} + ${c}, ${expected}`,
      );
    }
  });

  test('makes the same normal numbers as the instruction', () => {
    const run = instantiate(buildDraws(normal32(emulated), memory, new ConstantPool(heap)));
    const generator = new torch.Generator().manualSeed(11);
    const buffer = heap.reserve(BUFFER_BYTES + 64) + 64;
    const count = 20_000;
    const out = torch.empty([count]);
    const descriptor = buffer - 64;
    heap.i32.set(generator.engine.words, buffer >> 2);
    heap.f64[(descriptor + plan.scalar(0)) >> 3] = 0.25;
    heap.f64[(descriptor + plan.scalar(1)) >> 3] = 1.5;
    const words: [number, number][] = [
      [plan.buffer, buffer],
      [plan.position, generator.engine.next],
      [plan.out, out.storage.address],
      [plan.count, count],
    ];
    for (const [at, value] of words) heap.i32[(descriptor + at) >> 2] = value;
    run(descriptor);
    const expected = torch.empty([count], { device: 'reference' }).normal_(0.25, 1.5, { generator });
    assert.equal(bitsOf(out), bitsOf(expected));
  });
});
