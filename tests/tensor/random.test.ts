/** The random stream is PyTorch's: values of PyTorch 1.13.1 on linux x86-64, the state of generators, errors. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import * as torch from 'typetorch';
import { fma32, fma64 } from '../../src/tensor/random/fma.ts';
import { raises } from '../support.ts';

const { float16, float64, int64, int8, uint8 } = torch;
const F = torch.nn.functional;
const zeros = torch.zeros;
const T = torch.tensor;

/** A call after `manualSeed(42)`, what PyTorch gives, and the number that is drawn next: it tells how many draws were used. */
type Known = [call: string, draw: () => torch.Tensor, values: readonly (number | bigint)[], next: number];

const known: Known[] = [
  [
    'rand',
    () => torch.rand(3),
    [0.8822692632675171, 0.9150039553642273, 0.38286375999450684],
    0.9593056440353394,
  ],
  [
    'rand of float64',
    () => torch.rand(2, { dtype: float64 }),
    [0.05815448596142969, 0.06291016742457756],
    0.3904482126235962,
  ],
  [
    'randn, fewer than 16',
    () => torch.randn(5),
    [0.33669036626815796, 0.12880940735340118, 0.23446236550807953, 0.23033303022384644, -1.1228563785552979],
    0.8694044351577759,
  ],
  [
    'randn, with a rest',
    () => torch.randn(20).index('14:'),
    [
      -0.2515752911567688, 0.859858512878418, -0.3097267746925354, -0.3957104980945587, 0.8034093379974365,
      -0.6215953826904297,
    ],
    0.5779253840446472,
  ],
  [
    'normal_ of a transposed tensor, in memory order',
    () => zeros(4, 5).t().normal_(1, 2).select(1, 0),
    [1.673380732536316, 1.25761878490448, 1.4689247608184814, 1.4606660604476929, -1.2457127571105957],
    0.634341835975647,
  ],
  [
    'randn of bfloat16',
    () => torch.randn(17, { dtype: torch.bfloat16 }).index('14:'),
    [0.04150390625, -0.64453125, -2.171875],
    0.5832095742225647,
  ],
  ['randint', () => torch.randint(-3, 9, [6]), [3, 8, 1, 7, 3, 8], 0.2565724849700928],
  [
    'randint of 64 bits',
    () => torch.randint(0, 2 ** 40, [2]),
    [441507790259, 395924837646],
    0.3904482126235962,
  ],
  [
    'random_',
    () => zeros(2, { dtype: int64 }).random_(),
    [6909045637428952499n, 8314211556539077902n],
    0.3904482126235962,
  ],
  [
    'random_ of all int64',
    () => zeros(2, { dtype: int64 }).random_(-(2n ** 63n), null),
    [6909045637428952499n, -909160480315697906n],
    0.3904482126235962,
  ],
  ['randperm', () => torch.randperm(10), [2, 6, 1, 8, 4, 5, 0, 9, 3, 7], 0.13318592309951782],
  ['bernoulli_', () => zeros(8).bernoulli_(0.3), [1, 1, 1, 1, 0, 0, 0, 0], 0.8854429125785828],
  ['bernoulli', () => torch.bernoulli(T([0.1, 0.5, 0.9, 0.5])), [0, 0, 1, 0], 0.3904482126235962],
  ['multinomial', () => torch.multinomial(T([1, 2, 3, 4]), 3), [3, 1, 2], 0.9407714605331421],
  [
    'multinomial with replacement',
    () => torch.multinomial(T([1, 2, 3, 4]), 6, true),
    [0, 0, 1, 0, 2, 2],
    0.8694044351577759,
  ],
  ['poisson', () => torch.poisson(T([0.5, 4, 12, 100])), [0, 1, 18, 87], 0.2969208359718323],
  [
    'exponential_',
    () => zeros(2).exponential_(),
    [0.05991401523351669, 0.06497612595558167],
    0.3904482126235962,
  ],
  ['geometric_', () => zeros(4).geometric_(0.3), [8, 8, 6, 9], 0.9407714605331421],
  ['cauchy_', () => zeros(2).cauchy_(), [-5.412487506866455, -4.993700981140137], 0.3904482126235962],
  ['logNormal_', () => zeros(2).logNormal_(), [5.330157279968262, 3.5170366764068604], 0.3904482126235962],
  [
    'uniform_',
    () => zeros(3).uniform_(-1, 2),
    [1.6468077898025513, 1.745011806488037, 0.1485912799835205],
    0.9593056440353394,
  ],
  [
    'uniform_ of float16',
    () => zeros(3, { dtype: float16 }).uniform_(-1, 2),
    [0.6494140625, 1.13671875, 0.259765625],
    0.9593056440353394,
  ],
  [
    'uniform_ of float64',
    () => zeros(2, { dtype: float64 }).uniform_(-0.3, 0.9),
    [-0.23021461684628436, -0.22450779909050692],
    0.3904482126235962,
  ],
  [
    'normal of tensors',
    () => torch.normal(T([1, 2, 3]), T([0.1, 0.2, 0.3])),
    [1.0336689949035645, 2.025761842727661, 3.070338726043701],
    0.9407714605331421,
  ],
  [
    'randLike of a transposed tensor, in memory order',
    () => torch.randLike(zeros(2, 3).t()).select(0, 0),
    [0.8822692632675171, 0.9593056440353394],
    0.2565724849700928,
  ],
  [
    'dropout',
    () => F.dropout(torch.ones(8), 0.25),
    [1, 1, 1, 1, 1, 1, 0, 0].map((kept) => kept * Math.fround(1 / 0.75)),
    0.8854429125785828,
  ],
  [
    'rrelu: one draw for each number that is not positive',
    () => F.rrelu(T([-1, 2, -3, 0]), 0.2, 0.6, true),
    [-0.22326180338859558, 2, -0.6754922270774841, 0],
    0.2565724849700928,
  ],
  [
    'the weight of a linear layer',
    () => new torch.nn.Linear(3, 2).weight.detach(),
    [
      0.4414065182209015, 0.47920528054237366, -0.1352572739124298, 0.5303604602813721, -0.1264995038509369,
      0.11650390923023224,
    ],
    0.9407714605331421,
  ],
];

describe('the stream of seed 42', () => {
  for (const [call, draw, values, next] of known) {
    test(call, () => {
      torch.manualSeed(42);
      const drawn = draw();
      assert.deepEqual(Array.from(drawn.reshape(-1).tolist() as never), values);
      assert.equal(torch.rand(1).item(), next);
    });
  }
});

/** Many numbers of seed 1, as the SHA-256 of their bytes. */
const many: [what: string, draw: () => torch.Tensor, hash: string][] = [
  ['rand', () => torch.rand(100003), 'e1651852f50b82665645548a52c15ec49c9fc6cbcdd9cff08dbd055c52f02a6a'],
  ['randn', () => torch.randn(100003), 'd97403c8276c0f0f3495d9de77b84209844f5117eae62d41bda425633c297ff6'],
  [
    'randperm',
    () => torch.randperm(20000),
    '2e836a91c33d941d948080a6363d737fca938fc233ae84bef64c46b2c1175a20',
  ],
  [
    'uniform_',
    () => torch.empty(50000).uniform_(-0.3, 0.7),
    '6656c9d2ac19265f801c15268864d1afa405db73d5e22b8858820bbf9ddcd42e',
  ],
  [
    'normal_',
    () => torch.empty(50000).normal_(0.3, 0.7),
    '82fc60561bd711dd03ada103cd5c4e63e912fc19f78b1d90d447e45b2867dab9',
  ],
  [
    'poisson',
    () => torch.poisson(torch.arange(20000).div(100)),
    'f63375cbfc6001a5cc59f65e848e912e8a1ca418d40576f712fd5569035affcd',
  ],
];

describe('every bit of many numbers', () => {
  for (const [what, draw, hash] of many) {
    test(what, () => {
      torch.manualSeed(1);
      const bytes = draw().toTypedArray();
      assert.equal(createHash('sha256').update(bytes).digest('hex'), hash);
    });
  }
});

describe('generators', () => {
  test('the state is that of PyTorch', () => {
    torch.manualSeed(3);
    const fresh = torch.getRngState();
    assert.equal(fresh.dtype, uint8);
    assert.equal(fresh.numel(), 5056);
    const [seed, left, seeded, next, first] = [3, 1, 1, 0, 3];
    assert.deepEqual(Array.from(new Int32Array(fresh.toTypedArray().buffer).subarray(0, 8)), [
      ...[seed, 0, left, seeded, next, 0, first, 0],
    ]);
    torch.randn(3);
    const used = new DataView(torch.getRngState().toTypedArray().buffer);
    assert.equal(used.getInt32(8, true), 617);
    assert.equal(used.getInt32(16, true), 8);
    assert.equal(used.getInt32(24, true), 0x8715c292 | 0);
    assert.equal(used.getInt32(5040, true), 1);
    assert.ok(Math.abs(used.getFloat64(5024, true) - -0.6137180077293578) < 1e-15);
  });

  test('a state goes on where it was taken, with the second number of a normal pair', () => {
    for (const draws of [0, 1, 3, 623, 624, 625, 2000]) {
      const generator = new torch.Generator().manualSeed(5);
      torch.rand(draws, { generator });
      if (draws > 0) torch.randn(1, { generator });
      const state = generator.getState();
      const expected = [torch.randn(3, { generator }), torch.rand(700, { generator })];
      const other = new torch.Generator();
      other.setState(state);
      assert.ok(torch.equal(torch.randn(3, { generator: other }), expected[0]));
      assert.ok(torch.equal(torch.rand(700, { generator: other }), expected[1]));
      assert.equal(other.initialSeed(), 5);
    }
  });

  test('the global stream is saved and put back', () => {
    torch.manualSeed(9);
    torch.rand(10);
    const state = torch.getRngState();
    const first = torch.rand(1000);
    torch.setRngState(state);
    assert.ok(torch.equal(torch.rand(1000), first));
    assert.equal(torch.initialSeed(), 9);
  });

  test('a generator of its own leaves the global stream alone', () => {
    torch.manualSeed(1);
    const expected = torch.rand(2);
    torch.manualSeed(1);
    const generator = new torch.Generator().manualSeed(7);
    const own = [
      torch.randperm(5, { generator }),
      torch.empty([]).random_({ generator }),
      torch.bernoulli(torch.full([3], 0.5), { generator }),
      torch.randint(10, [3], { generator }),
      torch.normal(0, 1, [3], { generator }),
    ];
    assert.ok(torch.equal(torch.rand(2), expected));
    generator.manualSeed(7);
    assert.ok(torch.equal(torch.randperm(5, { generator }), own[0]));
  });

  test('negative and large seeds', () => {
    assert.equal(new torch.Generator().manualSeed(-1).initialSeed(), 2n ** 64n - 1n);
    const large = torch.rand(4, { generator: new torch.Generator().manualSeed(2n ** 40n + 6n) });
    assert.ok(torch.equal(large, torch.rand(4, { generator: new torch.Generator().manualSeed(6) })));
    assert.equal(new torch.Generator().initialSeed(), 67280421310721);
  });

  test('seed() is unpredictable', () => {
    const generator = new torch.Generator();
    const seeds = new Set(Array.from({ length: 8 }, () => generator.seed()));
    assert.equal(seeds.size, 8);
    assert.equal(generator.initialSeed(), [...seeds][7]);
  });
});

describe('tensors that are filled', () => {
  test('out= decides the dtype that is drawn', () => {
    torch.manualSeed(42);
    const out = zeros(2, { dtype: float64 });
    assert.equal(torch.rand([2], { out }), out);
    assert.deepEqual(out.tolist(), [0.05815448596142969, 0.06291016742457756]);
  });

  test('a view fills its part only', () => {
    const x = torch.full([4, 4], 9);
    x.index(':', '1:3').uniform_();
    assert.deepEqual(x.eq(9).sum(0).tolist(), [4, 0, 0, 4]);
  });

  test('gradients of what was overwritten are zero', () => {
    const x = torch.ones([3], { requiresGrad: true });
    x.mul(2).normal_().add(x).sum().backward();
    assert.deepEqual(x.grad?.tolist(), [1, 1, 1]);
  });

  test('poisson numbers have the mean and the variance of their rate', () => {
    torch.manualSeed(0);
    for (const rate of [3, 30]) {
      const x = torch.poisson(torch.full([20000], rate, { dtype: float64 }));
      // Five standard errors of the mean and of the variance (2λ² + λ)/n.
      assert.ok(Math.abs(x.mean().item() - rate) < 5 * Math.sqrt(rate / 20000));
      const spread = 5 * Math.sqrt((2 * rate * rate + rate) / 20000);
      assert.ok(Math.abs(x.var().item() - rate) < spread);
    }
  });

  test('a permutation holds every number once', () => {
    assert.deepEqual(
      torch.randperm(3000).sort().values.tolist(),
      Array.from({ length: 3000 }, (_, i) => i),
    );
  });
});

/** Numerator and binary exponent of a double. */
function exactly(x: number): [bigint, number] {
  let [mantissa, exponent] = [x, 0];
  while (!Number.isInteger(mantissa)) {
    mantissa *= 2;
    exponent--;
  }
  return [BigInt(mantissa), exponent];
}

/** a·b + c rounded once to `digits` bits, ties to even, in whole numbers. */
function fmaExact(a: number, b: number, c: number, digits: number): number {
  const [[ma, ea], [mb, eb], [mc, ec]] = [exactly(a), exactly(b), exactly(c)];
  const exponent = Math.min(ea + eb, ec);
  const sum = ((ma * mb) << BigInt(ea + eb - exponent)) + (mc << BigInt(ec - exponent));
  const magnitude = sum < 0n ? -sum : sum;
  const extra = magnitude.toString(2).length - digits;
  if (extra <= 0) return Number(sum) * 2 ** exponent;
  const unit = 1n << BigInt(extra);
  const [kept, rest] = [magnitude / unit, magnitude % unit];
  const up = rest * 2n > unit || (rest * 2n === unit && kept % 2n === 1n);
  return (sum < 0n ? -1 : 1) * Number(kept + (up ? 1n : 0n)) * 2 ** (exponent + extra);
}

describe('fused multiply-adds', () => {
  const { fround } = Math;
  const random = (scale: number): number => (torch.rand(1, { dtype: float64 }).item() - 0.5) * scale;

  test('of float32, also where the sum in double precision is a tie', () => {
    torch.manualSeed(0);
    for (let i = 0; i < 500; i++) {
      const [a, b, c] = [fround(random(2)), fround(random(2)), fround(random(2 ** ((i % 40) - 30)))];
      assert.equal(fma32(a, b, c), fmaExact(a, b, c, 24));
      // The product is just beside half a unit in the last place of c.
      const beside = fround(1 + (i - 250) * 2 ** -23);
      const other = fround(2 ** -24 * (1 + (250 - i) * 2 ** -23));
      for (const tie of [1, -1, fround(1 + 2 ** -23), -3]) {
        assert.equal(fma32(beside, other, tie), fmaExact(beside, other, tie, 24));
      }
    }
    assert.equal(fma32(fround(1 + 2 ** -20), fround(2 ** -24 * (1 - 2 ** -20)), 1), 1);
  });

  test('of float64', () => {
    torch.manualSeed(0);
    let fused = 0;
    for (let i = 0; i < 500; i++) {
      const [a, b, c] = [random(2), random(2), random(2 ** ((i % 80) - 60))];
      assert.equal(fma64(a, b, c), fmaExact(a, b, c, 53));
      if (fma64(a, b, c) !== a * b + c) fused++;
      const [x, y] = [1 + (i - 250) * 2 ** -52, 2 ** -53 * (1 + (250 - i) * 2 ** -52)];
      for (const tie of [1, -1, 1 + 2 ** -52, -3]) assert.equal(fma64(x, y, tie), fmaExact(x, y, tie, 53));
    }
    assert.ok(fused > 0);
  });
});

/** A value of a type that TypeScript would not let through. */
const wrong = (value: unknown): never => value as never;

const refusals: [what: string, call: () => unknown, message: string | RegExp][] = [
  [
    'uniform_ bounds',
    () => zeros(2).uniform_(2, 1),
    'uniform_ expects to return a [from, to) range, but found from=2 > to=1',
  ],
  ['uniform_ beyond float', () => zeros(2).uniform_(0, 1e40), 'to is out of bounds for float'],
  [
    'uniform_ of integers',
    () => zeros(2, { dtype: int64 }).uniform_(),
    `"check_uniform_bounds" not implemented for 'Long'`,
  ],
  ['normal_ std', () => zeros(2).normal_(0, -1), 'normal expects std >= 0.0, but found std -1'],
  ['normal std', () => torch.normal(0, T([-1, 1])), 'normal expects all elements of std >= 0.0'],
  ['bernoulli_ p', () => zeros(2).bernoulli_(1.5), 'bernoulli_ expects p to be in [0, 1], but got p=1.5'],
  ['bernoulli p', () => torch.bernoulli(T([2])), /^Expected p_in >= 0 && p_in <= 1/],
  [
    'random_ bounds',
    () => zeros(2).random_(5, 2),
    "random_ expects 'from' to be less than 'to', but got from=5 >= to=2",
  ],
  [
    'random_ beyond the dtype',
    () => zeros(2, { dtype: int8 }).random_(0, 200),
    'to - 1 is out of bounds for signed char',
  ],
  [
    'exponential_ of integers',
    () => zeros(2, { dtype: int64 }).exponential_(),
    `"exponential_cpu" not implemented for 'Long'`,
  ],
  ['geometric_ p', () => zeros(2).geometric_(1), 'geometric_ expects p to be in (0, 1), but got p=1'],
  [
    'multinomial without replacement',
    () => torch.multinomial(torch.ones(3), 4),
    'cannot sample n_sample > prob_dist.size(-1) samples without replacement',
  ],
  [
    'multinomial of negative weights',
    () => torch.multinomial(T([1, -1]), 3, true),
    'invalid multinomial distribution (encountering probability entry < 0)',
  ],
  [
    'multinomial out',
    () => torch.multinomial(torch.ones(3), 2, { out: zeros(2) }),
    'multinomial expects Long tensor out, got: Float',
  ],
  ['poisson rates', () => torch.poisson(T([-1])), 'invalid Poisson rate, expected rate to be non-negative'],
  [
    'randperm of bytes',
    () => torch.randperm(300, { dtype: uint8 }),
    'value cannot be converted to type uint8_t without overflow',
  ],
  [
    'rrelu bounds',
    () => F.rrelu(zeros(2), 0.6, 0.2, true),
    'Lower bound should be less than or equal to the upper bound',
  ],
  [
    'an expanded tensor',
    () => zeros(1).expand(3).uniform_(),
    /^unsupported operation: more than one element of the written-to tensor refers to a single memory location/,
  ],
  [
    'a state of another size',
    () => torch.setRngState(zeros(10, { dtype: uint8 })),
    /^Expected a CPUGeneratorImplState of size 5056/,
  ],
];

describe('what cannot be drawn', () => {
  for (const [what, call, message] of refusals) test(what, () => raises(call, 'RuntimeError', message));

  test('a state that is no byte tensor', () => {
    raises(() => torch.setRngState(zeros(5056)), 'TypeError', 'RNG state must be a torch.ByteTensor');
  });

  test('a generator that is none', () => {
    assert.throws(() => torch.rand([2], { generator: wrong(5) }), /Generator/);
  });
});
