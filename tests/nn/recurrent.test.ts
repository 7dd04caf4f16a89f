/**
 * Recurrent layers run as one node per direction: against the same layer written out in tensor functions, gradients of both orders
 * against finite differences, and what users may do to results and weights between forward and backward.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as torch from 'typetorch';

const { nn } = torch;
type Tensor = torch.Tensor;

const float64 = { dtype: torch.float64 };

/** What a step computes in PyTorch's documentation. */
const steps: Record<
  string,
  (x: Tensor, h: Tensor, c: Tensor, w: Record<string, Tensor>) => [Tensor, Tensor]
> = {
  LSTM: (x, h, c, w) => {
    const gates = x.matmul(w.ih.t()).add(w.bih).add(h.matmul(w.hh.t())).add(w.bhh);
    const [i, f, g, o] = gates.chunk(4, -1);
    const cell = f.sigmoid().mul(c).add(i.sigmoid().mul(g.tanh()));
    const wide = o.sigmoid().mul(cell.tanh());
    return [w.hr === undefined ? wide : wide.matmul(w.hr.t()), cell];
  },
  GRU: (x, h, c, w) => {
    const [xr, xz, xn] = x.matmul(w.ih.t()).add(w.bih).chunk(3, -1);
    const [hr, hz, hn] = h.matmul(w.hh.t()).add(w.bhh).chunk(3, -1);
    const [r, z] = [xr.add(hr).sigmoid(), xz.add(hz).sigmoid()];
    const n = xn.add(r.mul(hn)).tanh();
    return [n.mul(z.neg().add(1)).add(z.mul(h)), c];
  },
  tanh: (x, h, c, w) => [x.matmul(w.ih.t()).add(w.bih).add(h.matmul(w.hh.t())).add(w.bhh).tanh(), c],
  relu: (x, h, c, w) => [x.matmul(w.ih.t()).add(w.bih).add(h.matmul(w.hh.t())).add(w.bhh).relu(), c],
};

interface Case {
  readonly step: string;
  readonly options: Record<string, unknown>;
}
const cases: readonly Case[] = [
  { step: 'LSTM', options: {} },
  { step: 'LSTM', options: { bidirectional: true, numLayers: 2 } },
  { step: 'LSTM', options: { projSize: 2, bidirectional: true } },
  { step: 'LSTM', options: { projSize: 2, numLayers: 2, batchFirst: true } },
  { step: 'GRU', options: {} },
  { step: 'GRU', options: { bidirectional: true, numLayers: 2, batchFirst: true } },
  { step: 'tanh', options: { bidirectional: true } },
  { step: 'relu', options: { numLayers: 2 } },
];

interface Layer {
  readonly module: torch.nn.Module;
  /** Runs the module: output and all final states. */
  run(x: Tensor, states: readonly Tensor[]): Tensor[];
}

function layerOf({ step, options }: Case, dtype: torch.DType = torch.float64): Layer {
  const all = { ...options, dtype };
  if (step === 'LSTM') {
    const module = new nn.LSTM(3, 4, all);
    return {
      module,
      run: (x, [h, c]) => {
        const [output, state] = module(x, [h, c]);
        return [output, ...state];
      },
    };
  }
  const module =
    step === 'GRU'
      ? new nn.GRU(3, 4, all)
      : new nn.RNN(3, 4, { ...all, nonlinearity: step as 'tanh' | 'relu' });
  return { module, run: (x, [h]) => module(x, h) };
}

/** The layer written out. */
function written(
  { step, options }: Case,
  module: torch.nn.Module,
  x: Tensor,
  states: readonly Tensor[],
): Tensor[] {
  const { numLayers = 1, bidirectional = false, batchFirst = false } = options as Record<string, number>;
  const p = Object.fromEntries(module.namedParameters());
  let input = batchFirst ? x.transpose(0, 1) : x;
  const finals: Tensor[][] = [[], []];
  for (let layer = 0; layer < numLayers; layer++) {
    const outputs: Tensor[] = [];
    for (let direction = 0; direction < (bidirectional ? 2 : 1); direction++) {
      const suffix = `l${layer}${direction === 1 ? '_reverse' : ''}`;
      const w = {
        ih: p[`weight_ih_${suffix}`],
        hh: p[`weight_hh_${suffix}`],
        bih: p[`bias_ih_${suffix}`],
        bhh: p[`bias_hh_${suffix}`],
        hr: p[`weight_hr_${suffix}`],
      };
      const at = finals[0].length;
      let [h, c] = [states[0].select(0, at), states[1].select(0, at)];
      const seen: Tensor[] = [];
      const time = input.sizes[0];
      for (let i = 0; i < time; i++) {
        const t = direction === 1 ? time - 1 - i : i;
        [h, c] = steps[step](input.select(0, t), h, c, w);
        seen[t] = h;
      }
      outputs.push(torch.stack(seen));
      finals[0].push(h);
      finals[1].push(c);
    }
    input = torch.cat(outputs, -1);
  }
  const output = batchFirst ? input.transpose(0, 1) : input;
  return [output, ...finals.slice(0, step === 'LSTM' ? 2 : 1).map((f) => torch.stack(f))];
}

/** Input and initial states for a layer. */
function inputsOf({ step, options }: Case, dtype: torch.DType = torch.float64): Tensor[] {
  const { numLayers = 1, bidirectional = false, projSize = 0 } = options as Record<string, number>;
  const count = numLayers * (bidirectional ? 2 : 1);
  const leaf = (...sizes: number[]): Tensor => torch.randn(sizes, { dtype }).requiresGrad_();
  const x = options.batchFirst === true ? leaf(2, 5, 3) : leaf(5, 2, 3);
  const h = leaf(count, 2, projSize || 4);
  return step === 'LSTM' ? [x, h, leaf(count, 2, 4)] : [x, h];
}

/** A number that depends on all results in different ways. */
function loss(results: readonly Tensor[]): Tensor {
  return results
    .map((t, k) => t.mul(torch.arange(t.numel(), { dtype: t.dtype }).sin().add(k).reshape(t.sizes)).sum())
    .reduce((a, b) => a.add(b));
}

function expectClose(got: Tensor | null, expected: Tensor | null, what: string, tolerance = 1e-12): void {
  assert.ok(got !== null && expected !== null, `${what}: no tensor`);
  assert.deepEqual([...got.sizes], [...expected.sizes], what);
  const distance = got.sub(expected).abs().max().item();
  assert.ok(distance <= tolerance, `${what}: off by ${distance}`);
}

const label = (c: Case): string => `${c.step} ${JSON.stringify(c.options)}`;

describe('layers as one node per direction', () => {
  for (const c of cases) {
    test(`${label(c)}: values and gradients are those of the layer written out`, () => {
      torch.manualSeed(1);
      for (const [dtype, tolerance] of [
        [torch.float64, 1e-12],
        [torch.float32, 2e-5],
      ] as const) {
        const { module, run } = layerOf(c, dtype);
        const inputs = inputsOf(c, dtype);
        const leaves = [...inputs, ...module.parameters()];
        const results = run(inputs[0], inputs.slice(1));
        const grads = torch.autograd.grad(loss(results), leaves);
        const expected = written(c, module, inputs[0], [...inputs.slice(1), inputs[1]]);
        const expectedGrads = torch.autograd.grad(loss(expected), leaves);
        for (const [i, t] of results.entries()) expectClose(t, expected[i], `result ${i}`, tolerance);
        for (const [i, g] of grads.entries())
          expectClose(g, expectedGrads[i], `gradient ${i}`, tolerance * 20);
        const inferred = torch.noGrad(() => run(inputs[0], inputs.slice(1)));
        inferred.forEach((t, i) => {
          expectClose(t, expected[i], `without gradients, result ${i}`, tolerance);
          assert.equal(t.requiresGrad, false);
        });
      }
    });

    test(`${label(c)}: gradients of both orders`, () => {
      torch.manualSeed(2);
      const { module, run } = layerOf(c);
      const inputs = inputsOf(c);
      const parameters = [...module.parameters()];
      const fn = (...args: Tensor[]): Tensor[] => run(args[0], args.slice(1, inputs.length));
      // Parameters are looked up in the module: they take part as further inputs of which finite differences know nothing.
      assert.ok(torch.autograd.gradcheck(fn, inputs));
      assert.ok(torch.autograd.gradgradcheck(fn, inputs));
      const first = torch.autograd.grad(loss(run(inputs[0], inputs.slice(1))), parameters, {
        createGraph: true,
      });
      const plain = torch.autograd.grad(loss(run(inputs[0], inputs.slice(1))), parameters);
      for (const [i, g] of first.entries()) expectClose(g, plain[i], `recorded gradient ${i}`);
      const second = torch.autograd.grad(loss(first as Tensor[]), [...inputs, ...parameters]);
      const states = [...inputs.slice(1), inputs[1]];
      const again = torch.autograd.grad(loss(written(c, module, inputs[0], states)), parameters, {
        createGraph: true,
      });
      const expected = torch.autograd.grad(loss(again as Tensor[]), [...inputs, ...parameters]);
      for (const [i, g] of second.entries()) expectClose(g, expected[i], `second gradient ${i}`, 1e-10);
    });
  }

  test('an input that was computed from another keeps its own share of the second derivative', () => {
    torch.manualSeed(3);
    const gru = new nn.GRU(4, 4, float64);
    const fn = (x: Tensor): Tensor => gru(x, x.select(0, 0).mul(2).unsqueeze(0))[0];
    const x = torch.randn(3, 2, 4, float64).requiresGrad_();
    assert.ok(torch.autograd.gradgradcheck(fn, [x]));
    const [plain] = torch.autograd.grad(loss([fn(x)]), [x]);
    const [recorded] = torch.autograd.grad(loss([fn(x)]), [x], { createGraph: true });
    expectClose(recorded, plain, 'recorded gradient');
  });

  test('without biases, without a batch, from zeros', () => {
    torch.manualSeed(4);
    const lstm = new nn.LSTM(3, 4, { bias: false, ...float64 });
    const x = torch.randn(5, 3, float64).requiresGrad_();
    const [output, [h, c]] = lstm(x);
    assert.deepEqual([output.sizes, h.sizes, c.sizes].map(String), ['5,4', '1,4', '1,4']);
    assert.ok(torch.autograd.gradcheck((t: Tensor) => lstm(t)[0], [x]));
    const zeros = torch.zeros(1, 1, 4, float64);
    const [batched] = lstm(x.unsqueeze(1), [zeros, zeros]);
    expectClose(output, batched.squeeze(1), 'output');
  });

  test('only what is asked for gets a gradient', () => {
    torch.manualSeed(5);
    const gru = new nn.GRU(3, 4);
    for (const p of gru.parameters()) p.requiresGrad_(false);
    const x = torch.randn(5, 2, 3).requiresGrad_();
    gru(x)[0].sum().backward();
    assert.ok(x.grad !== null);
    gru.requiresGrad_(true);
    const again = torch.randn(5, 2, 3);
    gru(again)[0].sum().backward();
    assert.equal(again.grad, null);
    for (const p of gru.parameters()) assert.ok(p.grad !== null);
  });

  test('gradients of only the output, only the hidden state, only the cell state', () => {
    torch.manualSeed(6);
    const c: Case = { step: 'LSTM', options: {} };
    const { module, run } = layerOf(c);
    const inputs = inputsOf(c);
    const leaves = [...inputs, ...module.parameters()];
    for (const k of [0, 1, 2]) {
      const grads = torch.autograd.grad(run(inputs[0], inputs.slice(1))[k].sum(), leaves);
      const expected = torch.autograd.grad(written(c, module, inputs[0], inputs.slice(1))[k].sum(), leaves);
      for (const [i, g] of grads.entries()) expectClose(g, expected[i], `result ${k}, gradient ${i}`);
    }
  });

  test('results may be changed in place; weights may not before backward', () => {
    torch.manualSeed(7);
    const lstm = new nn.LSTM(3, 4, float64);
    const x = torch.randn(5, 2, 3, float64).requiresGrad_();
    const [plain] = torch.autograd.grad(lstm(x)[0].mul(2).sum(), [x]);
    const [output, [h, c]] = lstm(x);
    h.mul_(3);
    c.zero_();
    const [changed] = torch.autograd.grad(output.mul_(2).sum(), [x]);
    expectClose(changed, plain as Tensor, 'gradient');
    const [stale] = lstm(x);
    torch.noGrad(() => [...lstm.parameters()][1].add_(1));
    assert.throws(() => stale.sum().backward(), /modified by an inplace operation/);
  });

  test('the graph is freed by a backward pass and kept on demand', () => {
    torch.manualSeed(8);
    const rnn = new nn.RNN(3, 4);
    const x = torch.randn(5, 2, 3).requiresGrad_();
    const total = rnn(x)[0].sum();
    total.backward({ retainGraph: true });
    const once = (x.grad as Tensor).clone();
    total.backward();
    expectClose(x.grad, once.mul(2), 'accumulated', 1e-6);
    assert.throws(() => total.backward(), /second time/);
  });

  test('what only backward needed is given back by it', () => {
    const lstm = new nn.LSTM(8, 32);
    const x = torch.randn(50, 4, 8);
    lstm(x)[0].sum().backward();
    const before = torch.memoryStats().liveBytes;
    const [output] = lstm(x);
    const kept = torch.memoryStats().liveBytes - before;
    output.sum().backward();
    const left = torch.memoryStats().liveBytes - before;
    // The gates of all steps and the cell states, in float32.
    assert.ok(kept - left >= 50 * 4 * (4 * 32 + 32) * 4, `${kept} bytes before backward, ${left} after it`);
  });

  test('names in the graph, and a sequence of no steps', () => {
    const lstm = new nn.LSTM(3, 4);
    const [output, [h, c]] = lstm(torch.randn(5, 2, 3));
    assert.deepEqual(
      [output, h, c].map((t) => t.gradFn?.name),
      ['StackBackward0', 'StackBackward0', 'StackBackward0'],
    );
    assert.throws(() => lstm(torch.zeros(0, 2, 3)), /Expected sequence length to be larger than 0 in RNN/);
    assert.deepEqual([...lstm(torch.zeros(5, 0, 3))[0].shape], [5, 0, 4]);
  });
});

describe('cells', () => {
  for (const name of ['LSTMCell', 'GRUCell', 'RNNCell'] as const) {
    test(`${name}: a sequence of steps is the layer; gradients of both orders`, () => {
      torch.manualSeed(9);
      const cell = new nn[name](3, 4, float64);
      const type = name.replace('Cell', '') as 'LSTM';
      const layer = new nn[type](3, 4, float64);
      layer.loadStateDict(
        new Map([...cell.stateDict()].map(([key, value]) => [`${key}_l0`, value])) as never,
      );
      const x = torch.randn(5, 2, 3, float64).requiresGrad_();
      const all = (given: Tensor): Tensor => {
        let state: unknown = null;
        const outputs: Tensor[] = [];
        for (const part of given.unbind(0)) {
          const next: unknown = (cell as (x: Tensor, state: unknown) => unknown)(part, state);
          state = next;
          outputs.push(Array.isArray(next) ? (next[0] as Tensor) : (next as Tensor));
        }
        return torch.stack(outputs);
      };
      expectClose(all(x), layer(x)[0], 'outputs');
      const [a] = torch.autograd.grad(loss([all(x)]), [x]);
      const [b] = torch.autograd.grad(loss([layer(x)[0]]), [x]);
      expectClose(a, b as Tensor, 'gradient');
      const one = torch.randn(2, 3, float64).requiresGrad_();
      const results = (t: Tensor): Tensor[] => [cell(t)].flat() as Tensor[];
      assert.ok(torch.autograd.gradcheck(results, [one]));
      assert.ok(torch.autograd.gradgradcheck(results, [one]));
      const names = { LSTMCell: ['Mul', 'Add'], GRUCell: ['Add'], RNNCell: ['Tanh'] }[name];
      assert.deepEqual(
        results(one).map((t) => t.gradFn?.name),
        names.map((n) => `${n}Backward0`),
      );
    });
  }
});

test('the reference device computes the same', () => {
  torch.manualSeed(10);
  for (const c of cases) {
    const { module, run } = layerOf(c);
    const inputs = inputsOf(c);
    const leaves = [...inputs, ...module.parameters()];
    const here = run(inputs[0], inputs.slice(1));
    const grads = torch.autograd.grad(loss(here), leaves);
    module.to('reference' as never);
    const there = inputs.map((t) =>
      t
        .detach()
        .to('reference' as never)
        .requiresGrad_(),
    );
    const results = run(there[0], there.slice(1));
    for (const [i, t] of results.entries())
      expectClose(t.to('cpu' as never), here[i], `${label(c)} result ${i}`);
    const weights = results.map((t, k) =>
      torch
        .arange(t.numel(), float64)
        .sin()
        .add(k)
        .reshape(t.sizes)
        .to('reference' as never),
    );
    const total = results.map((t, k) => t.mul(weights[k]).sum()).reduce((a, b) => a.add(b));
    const again = torch.autograd.grad(total, [...there, ...module.parameters()]);
    for (const [i, g] of again.entries())
      expectClose((g as Tensor).to('cpu' as never), grads[i], `${label(c)} gradient ${i}`);
  }
});
