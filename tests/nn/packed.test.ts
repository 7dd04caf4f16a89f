/** nn.utils.rnn: padding and packing of sequences, and recurrent layers over packed ones against each sequence run alone. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as torch from 'typetorch';
import { close, equal, raises } from '../support.ts';

const { nn } = torch;
const { rnn } = nn.utils;
type Tensor = torch.Tensor;

const float64 = { dtype: torch.float64 };

/** Exactly the elements of another tensor. */
function same(got: Tensor | null, expected: Tensor | null): void {
  equal(got, expected?.tolist() as never);
}

function near(got: Tensor, expected: Tensor, tolerance: number): void {
  close(got, expected.tolist() as never, tolerance);
}

/** Sequences of these lengths, of two features. */
function sequences(lengths: readonly number[], options: object = float64): Tensor[] {
  return lengths.map((length, n) =>
    torch
      .arange(length * 2)
      .to(torch.float64)
      .add(10 * n)
      .sin()
      .view(length, 2)
      .to({ dtype: torch.float64, ...options }),
  );
}

describe('padding', () => {
  test('pads at the end, in either layout, with any value', () => {
    const list = [torch.tensor([1, 2]), torch.tensor([3, 4, 5]), torch.tensor([6])];
    same(
      rnn.padSequence(list, { batchFirst: true }),
      torch.tensor([
        [1, 2, 0],
        [3, 4, 5],
        [6, 0, 0],
      ]),
    );
    same(
      rnn.padSequence(list, false, -1),
      torch.tensor([
        [1, 3, 6],
        [2, 4, -1],
        [-1, 5, -1],
      ]),
    );
  });

  test('gives each sequence its part of the gradient', () => {
    const list = sequences([2, 4, 1]).map((t) => t.requiresGrad_());
    assert.ok(torch.autograd.gradcheck((...given: Tensor[]) => rnn.padSequence(given).sin(), list));
  });

  test('is undone by unpadSequence, which leaves the batch alone', () => {
    const list = sequences([2, 4, 1]);
    const padded = rnn.padSequence(list);
    rnn.unpadSequence(padded, torch.tensor([2n, 4n, 1n])).forEach((t, n) => {
      same(t, list[n]);
    });
    assert.deepEqual([...padded.shape], [4, 3, 2]);
  });

  test('refuses what PyTorch refuses', () => {
    raises(() => rnn.padSequence([]), 'RuntimeError', /received an empty list of sequences/);
    raises(
      () => rnn.padSequence(5 as never),
      'RuntimeError',
      /Expected iterable for input sequences, but got arg of type: int/,
    );
    raises(() => rnn.padSequence([torch.zeros(2, 3), torch.zeros(1, 4)]), 'RuntimeError', /size/);
  });
});

describe('packing', () => {
  // The example of PyTorch's documentation.
  const padded = torch.tensor([
    [1n, 2n, 0n],
    [3n, 0n, 0n],
    [4n, 5n, 6n],
  ]);
  const packed = rnn.packPaddedSequence(padded, [2, 1, 3], { batchFirst: true, enforceSorted: false });

  test('goes step by step, the longest sequence first', () => {
    assert.equal(
      String(packed),
      'PackedSequence(data=tensor([4, 1, 3, 5, 2, 6]), batch_sizes=tensor([3, 2, 1]), sorted_indices=tensor([2, 0, 1]), unsorted_indices=tensor([1, 2, 0]))',
    );
    const [data, batchSizes, sorted, unsorted] = packed;
    same(data, packed.data);
    same(batchSizes, packed.batchSizes);
    same(sorted, packed.sortedIndices);
    same(unsorted, packed.unsortedIndices);
  });

  test('is undone, in the first order', () => {
    const [again, lengths] = rnn.padPackedSequence(packed, { batchFirst: true });
    same(again, padded);
    same(lengths, torch.tensor([2n, 1n, 3n]));
    const [longer] = rnn.padPackedSequence(packed, false, -1, 4);
    same(
      longer,
      torch.tensor([
        [1n, 3n, 4n],
        [2n, -1n, 5n],
        [-1n, -1n, 6n],
        [-1n, -1n, -1n],
      ]),
    );
    rnn.unpackSequence(packed).forEach((t, n) => {
      same(t, [torch.tensor([1n, 2n]), torch.tensor([3n]), torch.tensor([4n, 5n, 6n])][n]);
    });
  });

  test('takes sorted sequences without indices, and inputs of any rank', () => {
    const list = sequences([3, 1]);
    const one = rnn.packSequence(list);
    assert.equal(one.sortedIndices, null);
    assert.equal(one.unsortedIndices, null);
    same(one.data, torch.cat([list[0].narrow(0, 0, 1), list[1], list[0].narrow(0, 1, 2)]));
    const high = torch.arange(24).view(3, 2, 2, 2);
    same(rnn.padPackedSequence(rnn.packPaddedSequence(high, [3, 3]))[0], high);
  });

  test('is differentiable both ways', () => {
    const x = rnn.padSequence(sequences([2, 4, 1])).requiresGrad_();
    const there = (t: Tensor): torch.nn.utils.rnn.PackedSequence =>
      rnn.packPaddedSequence(t, [2, 4, 1], { enforceSorted: false });
    assert.ok(torch.autograd.gradcheck((t: Tensor) => there(t).data.sin(), [x]));
    assert.ok(torch.autograd.gradcheck((t: Tensor) => rnn.padPackedSequence(there(t))[0].sin(), [x]));
  });

  test('converts its data', () => {
    assert.equal(packed.to(torch.int64), packed);
    const double = packed.double();
    assert.equal(double.data.dtype, torch.float64);
    assert.equal(double.batchSizes, packed.batchSizes);
    assert.equal(packed.float().half().data.dtype, torch.float16);
  });

  test('refuses what PyTorch refuses', () => {
    const x = torch.zeros(4, 3, 2);
    const refused = (lengths: number[] | Tensor, message: RegExp, input = x): void => {
      raises(() => rnn.packPaddedSequence(input, lengths), 'RuntimeError', message);
    };
    refused([4, 2, 0], /Length of all samples has to be greater than 0/);
    refused([2, 4, 1], /`lengths` array must be sorted in decreasing order when `enforce_sorted` is True/);
    refused([2, 4], /Expected `len\(lengths\)` to be equal to batch_size, but got 2 \(batch_size=3\)/);
    refused(torch.tensor([[2n, 1n, 1n]]), /'lengths' argument should be a 1D CPU int64 tensor, but got 2D/);
    refused([2, 1, 1], /Cannot pack empty tensors/, torch.zeros(0, 3, 2));
    // PyTorch takes what lies beyond the input.
    refused([5, 2, 1], /a length of 5 is more than the 4 steps/);
    raises(
      () => rnn.padPackedSequence(packed, { totalLength: 2 }),
      'ValueError',
      /Expected total_length to be at least the length of the longest sequence in input, but got total_length=2 and max sequence length being 3/,
    );
  });
});

describe('recurrent layers over packed sequences', () => {
  const lengths = [3, 5, 1, 3];
  type Layer = (x: never, state?: never) => [unknown, unknown];
  const layers: Record<string, (options: object) => Layer> = {
    LSTM: (options) => new nn.LSTM(2, 3, { ...float64, ...options }) as unknown as Layer,
    'LSTM with projections': (options) =>
      new nn.LSTM(2, 3, { ...float64, projSize: 2, ...options }) as unknown as Layer,
    GRU: (options) => new nn.GRU(2, 3, { ...float64, ...options }) as unknown as Layer,
    RNN: (options) => new nn.RNN(2, 3, { ...float64, ...options }) as unknown as Layer,
  };
  const variants = [{}, { bidirectional: true }, { numLayers: 2, bidirectional: true }];

  /** The states as a list. */
  const listOf = (state: unknown): Tensor[] =>
    Array.isArray(state) ? (state as Tensor[]) : [state as Tensor];

  for (const [name, make] of Object.entries(layers)) {
    for (const options of variants) {
      for (const enforceSorted of [true, false]) {
        test(`${name} ${JSON.stringify(options)}, ${enforceSorted ? 'sorted' : 'in any order'}`, () => {
          torch.manualSeed(1);
          const layer = make(options);
          const order = enforceSorted ? [...lengths].sort((a, b) => b - a) : lengths;
          const list = sequences(order);
          const leaf = rnn.padSequence(list).requiresGrad_();
          const packed = rnn.packPaddedSequence(leaf, order, { enforceSorted });
          const [, shape] = layer(leaf as never);
          const given = listOf(shape).map((s) => s.detach().cos());
          const state = (n?: number): unknown => {
            const part = given.map((s) => (n === undefined ? s : s.narrow(1, n, 1)));
            return part.length === 1 ? part[0] : part;
          };
          const [out, final] = layer(packed as never, state() as never) as [
            torch.nn.utils.rnn.PackedSequence,
            unknown,
          ];
          const outputs = rnn.unpackSequence(out);
          const total = outputs.reduce((sum, t) => sum.add(t.sin().sum()), torch.zeros([], float64));
          const all = listOf(final).reduce((sum, t) => sum.add(t.cos().sum()), total);
          const [grad] = torch.autograd.grad(all, [leaf], { createGraph: true }) as Tensor[];

          list.forEach((x, n) => {
            const alone = x.unsqueeze(1).requiresGrad_();
            const [expected, last] = layer(alone as never, state(n) as never) as [Tensor, unknown];
            near(outputs[n], expected.squeeze(1), 1e-12);
            listOf(final).forEach((s, k) => {
              near(s.narrow(1, n, 1), listOf(last)[k], 1e-12);
            });
            const own = listOf(last).reduce((sum, t) => sum.add(t.cos().sum()), expected.sin().sum());
            own.backward();
            near(grad.narrow(0, 0, order[n]).select(1, n), (alone.grad as Tensor).squeeze(1), 1e-12);
            assert.equal(
              grad
                .narrow(0, order[n], 5 - order[n])
                .select(1, n)
                .abs()
                .sum()
                .item(),
              0,
            );
          });
          assert.equal(
            (torch.autograd.grad(grad.square().sum(), [leaf])[0] as Tensor).isfinite().all().item(),
            true,
          );
        });
      }
    }
  }

  test('drop the same elements as PyTorch: over the packed data', () => {
    const layer = new nn.LSTM(2, 3, { numLayers: 2, dropout: 0.5 });
    const packed = rnn.packSequence(sequences([3, 1], { dtype: torch.float32 }));
    torch.manualSeed(5);
    const [out] = layer(packed);
    torch.manualSeed(5);
    const mask = nn.functional.dropout(torch.ones(4, 3), 0.5);
    const first = new nn.LSTM(2, 3);
    const second = new nn.LSTM(3, 3);
    const weights = layer.stateDict();
    const part = (k: number): Map<string, Tensor> =>
      new Map(
        [...weights]
          .filter(([name]) => name.endsWith(`l${k}`))
          .map(([name, t]) => [name.replace(/\d$/, '0'), t]),
      );
    first.loadStateDict(part(0));
    second.loadStateDict(part(1));
    const [between] = first(packed);
    const [expected] = second(between.withData(between.data.mul(mask)));
    near(out.data, expected.data, 1e-6);
  });

  test('refuse what does not fit', () => {
    const packed = rnn.packSequence([torch.zeros(3, 2), torch.zeros(1, 2)]);
    raises(() => new nn.LSTM(3, 4)(packed), 'RuntimeError', /Expected 3, got 2/);
    raises(
      () => new nn.GRU(2, 4)(packed, torch.zeros(1, 3, 4)),
      'RuntimeError',
      /Expected hidden size \(1, 2, 4\), got \[1, 3, 4\]/,
    );
    const flat = new rnn.PackedSequence(torch.zeros(3), torch.tensor([1n, 1n, 1n]));
    raises(() => new nn.RNN(2, 4)(flat), 'RuntimeError', /input must have 2 dimensions, got 1/);
    const wrong = new rnn.PackedSequence(torch.zeros(3, 2), torch.tensor([1n, 2n]));
    raises(() => new nn.RNN(2, 4)(wrong), 'RuntimeError', /must be positive and never increase/);
    raises(() => new nn.RNN(2, 4)([1] as never), 'TypeError', /a tensor or a packed sequence/);
    raises(() => new rnn.PackedSequence([1] as never, null as never), 'ValueError', /must be a tensor/);
  });
});
