/** Recurrent layers. https://pytorch.org/docs/stable/nn.html#recurrent-layers */
import { pythonType } from '../../base/arguments.ts';
import { ArgumentTypeError, RuntimeError, ValueError } from '../../base/errors.ts';
import { showSizes } from '../../base/shape.ts';
import { cat, stack } from '../../ops/index.ts';
import { runtime } from '../../ops/runtime.ts';
import { Tensor } from '../../tensor/tensor.ts';
import * as F from '../functional/index.ts';
import * as init from '../init.ts';
import { Module } from '../module.ts';
import type { Parameter } from '../parameter.ts';
import { PackedSequence } from '../utils/rnn.ts';
import { type Factory, settings, show } from './common.ts';
import { newParameter } from './linear.ts';
import { type CellKind, gruCell, lstmCell, reluCell, tanhCell, type Weights } from './recurrentCells.ts';
import { blocksOf, runBlocks } from './recurrentBlocks.ts';
import { runCell } from './recurrentSequence.ts';

/** Options of recurrent layers. */
export interface RecurrentOptions extends Factory {
  numLayers?: number;
  bias?: boolean;
  /** Are inputs (batch, time, features) instead of (time, batch, features)? */
  batchFirst?: boolean;
  /** Dropout between layers. */
  dropout?: number;
  bidirectional?: boolean;
}

export interface RNNOptions extends RecurrentOptions {
  nonlinearity?: 'tanh' | 'relu';
}

export interface LSTMOptions extends RecurrentOptions {
  /** The size that hidden states are projected to; 0 for none. */
  projSize?: number;
}

interface Settings extends LSTMOptions, RNNOptions {
  inputSize: number;
  hiddenSize: number;
}

const names = [
  'inputSize',
  'hiddenSize',
  'numLayers',
  'bias',
  'batchFirst',
  'dropout',
  'bidirectional',
] as const;

/** An input as blocks (time, batch, features) of steps, one after another, that have the same number of sequences; the first block has most. */
interface Arranged {
  /** What layers pass on to each other. */
  readonly data: Tensor;
  readonly batch: number;
  readonly batched: boolean;
  readonly split: (data: Tensor) => Tensor[];
  readonly join: (blocks: readonly Tensor[]) => Tensor;
  /** Outputs as the caller gave the input. */
  readonly output: (data: Tensor) => Tensor | PackedSequence;
  /** States (layers · directions, batch, size) in the order of `data`, and back. */
  readonly stateIn: (state: Tensor) => Tensor;
  readonly stateOut: (state: Tensor) => Tensor;
}

/** Layers are called with packed sequences as well; the types of the call with tensors come from the last signature of `forward`. */
// biome-ignore lint/correctness/noUnusedVariables: it merges with the class
interface RecurrentBase<Given, Final> {
  // biome-ignore lint/style/useShorthandFunctionType: it merges with the class
  (input: PackedSequence, hx?: Given | null): [output: PackedSequence, state: Final];
}

// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: see above
// biome-ignore lint/correctness/noUnusedVariables: the parameters of the interface
abstract class RecurrentBase<Given, Final> extends Module {
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly projSize: number;
  readonly numLayers: number;
  readonly batchFirst: boolean;
  readonly dropout: number;
  readonly bidirectional: boolean;
  private readonly hasBias: boolean;

  constructor(name: string, gates: number, extra: readonly (keyof Settings)[], args: readonly unknown[]) {
    super();
    const s = settings<Settings>(name, [...names, ...extra, 'device', 'dtype'], 2, args);
    const {
      numLayers = 1,
      batchFirst = false,
      dropout = 0,
      bidirectional = false,
      bias = true,
      projSize = 0,
    } = s;
    if (!(dropout >= 0 && dropout <= 1)) {
      throw new ValueError(
        'dropout should be a number in range [0, 1] representing the probability of an element being zeroed',
      );
    }
    if (projSize < 0)
      throw new ValueError('proj_size should be a positive integer or zero to disable projections');
    if (projSize >= s.hiddenSize) throw new ValueError('proj_size has to be smaller than hidden_size');
    this.inputSize = s.inputSize;
    this.hiddenSize = s.hiddenSize;
    this.projSize = projSize;
    this.numLayers = numLayers;
    this.batchFirst = batchFirst;
    this.dropout = dropout;
    this.bidirectional = bidirectional;
    this.hasBias = bias;
    const out = projSize > 0 ? projSize : s.hiddenSize;
    const rows = gates * s.hiddenSize;
    for (let layer = 0; layer < numLayers; layer++) {
      for (const suffix of this.suffixes(layer)) {
        const inputs = layer === 0 ? s.inputSize : out * this.directions;
        this.registerParameter(`weight_ih_${suffix}`, newParameter([rows, inputs], s));
        this.registerParameter(`weight_hh_${suffix}`, newParameter([rows, out], s));
        if (bias) {
          this.registerParameter(`bias_ih_${suffix}`, newParameter([rows], s));
          this.registerParameter(`bias_hh_${suffix}`, newParameter([rows], s));
        }
        if (projSize > 0)
          this.registerParameter(`weight_hr_${suffix}`, newParameter([projSize, s.hiddenSize], s));
      }
    }
    this.resetParameters();
  }

  private get directions(): number {
    return this.bidirectional ? 2 : 1;
  }

  private suffixes(layer: number): string[] {
    return this.bidirectional ? [`l${layer}`, `l${layer}_reverse`] : [`l${layer}`];
  }

  resetParameters(): void {
    const bound = this.hiddenSize > 0 ? 1 / Math.sqrt(this.hiddenSize) : 0;
    for (const p of this.parameters()) init.uniform_(p, -bound, bound);
  }

  private weights(suffix: string): Weights {
    const own = this as unknown as Record<string, Parameter | undefined>;
    return {
      ih: own[`weight_ih_${suffix}`] as Parameter,
      hh: own[`weight_hh_${suffix}`] as Parameter,
      biasIh: own[`bias_ih_${suffix}`] ?? null,
      biasHh: own[`bias_hh_${suffix}`] ?? null,
      hr: own[`weight_hr_${suffix}`] ?? null,
    };
  }

  /** The input as blocks of steps, and how its outputs and states are handed back. */
  private arrange(input: Tensor | PackedSequence): Arranged {
    if (input instanceof PackedSequence) return this.arrangePacked(input);
    const name = this.typeName();
    if (!(input instanceof Tensor)) {
      throw new ArgumentTypeError(
        `${name}: input must be a tensor or a packed sequence, not ${pythonType(input)}`,
      );
    }
    const rank = input.sizes.length;
    if (rank !== 2 && rank !== 3) {
      throw new RuntimeError(`${name}: Expected input to be 2-D or 3-D but received ${rank}-D tensor`);
    }
    this.checkFeatures(input);
    const batched = rank === 3;
    const x = !batched ? input.unsqueeze(1) : this.batchFirst ? input.transpose(0, 1) : input;
    if (x.sizes[0] === 0) throw new RuntimeError('Expected sequence length to be larger than 0 in RNN');
    const out = (t: Tensor): Tensor => (!batched ? t.squeeze(1) : this.batchFirst ? t.transpose(0, 1) : t);
    return {
      data: x,
      batch: x.sizes[1],
      batched,
      split: (data) => [data],
      join: ([block]) => block,
      output: out,
      stateIn: (state) => state,
      stateOut: (state) => (batched ? state : state.squeeze(1)),
    };
  }

  private arrangePacked(packed: PackedSequence): Arranged {
    const { data, sortedIndices, unsortedIndices } = packed;
    if (data.dim() !== 2) throw new RuntimeError(`input must have 2 dimensions, got ${data.dim()}`);
    this.checkFeatures(data);
    const blocks = blocksOf(packed);
    return {
      data,
      batch: blocks[0].batch,
      batched: true,
      split: (all) =>
        blocks.map(({ start, steps, batch }) =>
          all.narrow(0, start, steps * batch).view([steps, batch, all.sizes[1]]),
        ),
      join: (list) => cat(list.map((block) => block.flatten(0, 1))),
      output: (all) => packed.withData(all),
      stateIn: (state) => (sortedIndices === null ? state : state.indexSelect(1, sortedIndices)),
      stateOut: (state) => (unsortedIndices === null ? state : state.indexSelect(1, unsortedIndices)),
    };
  }

  private checkFeatures(input: Tensor): void {
    const features = input.sizes[input.sizes.length - 1];
    if (features !== this.inputSize) {
      throw new RuntimeError(
        `input.size(-1) must be equal to input_size. Expected ${this.inputSize}, got ${features}`,
      );
    }
  }

  /** A given state as (layers · directions, batch, size), or zeros. */
  private initial(
    given: Tensor | null,
    batched: boolean,
    batch: number,
    size: number,
    like: Tensor,
    what: string,
  ): Tensor {
    const count = this.numLayers * this.directions;
    if (given === null) return like.newZeros([count, batch, size]);
    if (given.sizes.length !== (batched ? 3 : 2)) {
      throw new RuntimeError(
        `For ${batched ? 'batched 3-D' : 'unbatched 2-D'} input, hx should also be ${batched ? '3-D' : '2-D'} but got ${given.sizes.length}-D tensor`,
      );
    }
    const state = batched ? given : given.unsqueeze(1);
    const expected = [count, batch, size];
    if (state.sizes.some((s, i) => s !== expected[i])) {
      throw new RuntimeError(
        `Expected hidden${what} size (${expected.join(', ')}), got ${showSizes(state.sizes)}`,
      );
    }
    return state;
  }

  /** Runs all layers; `given` are the initial states (h, or h and c). Returns the outputs and the final states. */
  protected run<I extends Tensor | PackedSequence>(
    input: I,
    given: readonly (Tensor | null)[],
    sizes: readonly number[],
    kind: CellKind,
  ): { output: I; states: Tensor[] } {
    const arranged = this.arrange(input);
    const { batch, batched, split } = arranged;
    const labels = given.length === 1 ? [''] : ['[0]', '[1]'];
    const initial = given.map((g, k) => {
      const state = this.initial(g, batched, batch, sizes[k], arranged.data, labels[k]);
      return g === null ? state : arranged.stateIn(state);
    });
    const finals: Tensor[][] = given.map(() => []);
    let { data } = arranged;
    for (let layer = 0; layer < this.numLayers; layer++) {
      const blocks = split(data);
      const outputs = this.suffixes(layer).map((suffix, direction) => {
        const at = layer * this.directions + direction;
        const state = initial.map((s) => s.select(0, at));
        const w = this.weights(suffix);
        const result = runBlocks({ kind, state, w, reverse: direction === 1 }, blocks);
        result.state.forEach((s, k) => {
          finals[k].push(s);
        });
        return arranged.join(result.outputs);
      });
      data = outputs.length === 1 ? outputs[0] : cat(outputs, -1);
      if (this.dropout > 0 && layer < this.numLayers - 1) data = F.dropout(data, this.dropout, this.training);
    }
    const states = finals.map((list) => {
      const state = list.length === 1 ? runtime.showAs('Stack', list[0].unsqueeze(0)) : stack(list);
      return arranged.stateOut(state);
    });
    return { output: arranged.output(data) as I, states };
  }

  override extraRepr(): string {
    const parts = [`${this.inputSize}, ${this.hiddenSize}`];
    if (this.projSize !== 0) parts.push(`proj_size=${this.projSize}`);
    if (this.numLayers !== 1) parts.push(`num_layers=${this.numLayers}`);
    if (!this.hasBias) parts.push('bias=False');
    if (this.batchFirst) parts.push('batch_first=True');
    if (this.dropout !== 0) parts.push(`dropout=${show(this.dropout)}`);
    if (this.bidirectional) parts.push('bidirectional=True');
    return parts.join(', ');
  }
}

type Arguments<O> =
  | [inputSize: number, hiddenSize: number, options?: O]
  | [inputSize: number, hiddenSize: number, numLayers: number, ...rest: unknown[]]
  | [options: O & { inputSize: number; hiddenSize: number }];

/** The hidden state and the cell state. */
type LSTMState = readonly [hidden: Tensor, cell: Tensor];

/**
 * Elman's network: h' = tanh(W·x + b + U·h + c), or relu. Input (time, batch, inputSize); returns the outputs (time, batch, hiddenSize) and the
 * final states (layers · directions, batch, hiddenSize). https://pytorch.org/docs/stable/generated/torch.nn.RNN.html
 */
export class RNN extends RecurrentBase<Tensor, Tensor> {
  readonly nonlinearity: 'tanh' | 'relu';

  constructor(...args: Arguments<RNNOptions>) {
    super('RNN', 1, ['nonlinearity'], args);
    const last = args[args.length - 1] as RNNOptions | number;
    this.nonlinearity = (typeof last === 'object' ? last.nonlinearity : undefined) ?? 'tanh';
    if (this.nonlinearity !== 'tanh' && this.nonlinearity !== 'relu') {
      throw new ValueError(`Unknown nonlinearity '${String(this.nonlinearity)}'`);
    }
  }

  override forward(input: PackedSequence, hx?: Tensor | null): [output: PackedSequence, hidden: Tensor];
  override forward(input: Tensor, hx?: Tensor | null): [output: Tensor, hidden: Tensor];
  override forward<I extends Tensor | PackedSequence>(input: I, hx: Tensor | null = null): [I, Tensor] {
    const kind = this.nonlinearity === 'tanh' ? tanhCell : reluCell;
    const { output, states } = this.run(input, [hx], [this.hiddenSize], kind);
    return [output, states[0]];
  }
}

/**
 * Long short-term memory. Input (time, batch, inputSize) and, if given, the states [h, c]; returns [outputs, [h, c]].
 * https://pytorch.org/docs/stable/generated/torch.nn.LSTM.html
 *
 * @example
 * ```ts
 * const lstm = new nn.LSTM(3, 4);
 * const [output, [h, c]] = lstm(torch.zeros(5, 2, 3));
 * console.log(output.shape, h.shape, c.shape); // => torch.Size([5, 2, 4]) torch.Size([1, 2, 4]) torch.Size([1, 2, 4])
 * ```
 */
export class LSTM extends RecurrentBase<LSTMState, [hidden: Tensor, cell: Tensor]> {
  constructor(...args: Arguments<LSTMOptions>) {
    super('LSTM', 4, ['projSize'], args);
  }

  override forward(
    input: PackedSequence,
    hx?: LSTMState | null,
  ): [output: PackedSequence, state: [hidden: Tensor, cell: Tensor]];
  override forward(
    input: Tensor,
    hx?: LSTMState | null,
  ): [output: Tensor, state: [hidden: Tensor, cell: Tensor]];
  override forward<I extends Tensor | PackedSequence>(
    input: I,
    hx: LSTMState | null = null,
  ): [I, [Tensor, Tensor]] {
    const sizes = [this.projSize > 0 ? this.projSize : this.hiddenSize, this.hiddenSize];
    const { output, states } = this.run(input, hx ?? [null, null], sizes, lstmCell);
    return [output, states as [Tensor, Tensor]];
  }
}

/** Gated recurrent unit. https://pytorch.org/docs/stable/generated/torch.nn.GRU.html */
export class GRU extends RecurrentBase<Tensor, Tensor> {
  constructor(...args: Arguments<RecurrentOptions>) {
    super('GRU', 3, [], args);
  }

  override forward(input: PackedSequence, hx?: Tensor | null): [output: PackedSequence, hidden: Tensor];
  override forward(input: Tensor, hx?: Tensor | null): [output: Tensor, hidden: Tensor];
  override forward<I extends Tensor | PackedSequence>(input: I, hx: Tensor | null = null): [I, Tensor] {
    const { output, states } = this.run(input, [hx], [this.hiddenSize], gruCell);
    return [output, states[0]];
  }
}

interface CellOptions extends Factory {
  bias?: boolean;
}

type CellArguments<O> =
  | [inputSize: number, hiddenSize: number, options?: O]
  | [inputSize: number, hiddenSize: number, bias: boolean, ...rest: unknown[]]
  | [options: O & { inputSize: number; hiddenSize: number }];

abstract class CellBase extends Module {
  readonly inputSize: number;
  readonly hiddenSize: number;
  declare weight_ih: Parameter;
  declare weight_hh: Parameter;
  declare bias_ih: Parameter | null;
  declare bias_hh: Parameter | null;
  private readonly hasBias: boolean;

  constructor(name: string, gates: number, extra: readonly (keyof Settings)[], args: readonly unknown[]) {
    super();
    const s = settings<Settings>(
      name,
      ['inputSize', 'hiddenSize', 'bias', ...extra, 'device', 'dtype'],
      2,
      args,
    );
    this.inputSize = s.inputSize;
    this.hiddenSize = s.hiddenSize;
    this.hasBias = s.bias ?? true;
    const rows = gates * s.hiddenSize;
    this.registerParameter('weight_ih', newParameter([rows, s.inputSize], s));
    this.registerParameter('weight_hh', newParameter([rows, s.hiddenSize], s));
    this.registerParameter('bias_ih', this.hasBias ? newParameter([rows], s) : null);
    this.registerParameter('bias_hh', this.hasBias ? newParameter([rows], s) : null);
    this.resetParameters();
  }

  resetParameters(): void {
    const bound = this.hiddenSize > 0 ? 1 / Math.sqrt(this.hiddenSize) : 0;
    for (const p of this.parameters()) init.uniform_(p, -bound, bound);
  }

  /** One step for inputs (batch, inputSize) or (inputSize). */
  protected step(input: Tensor, given: readonly (Tensor | null)[], kind: CellKind): Tensor[] {
    const rank = input.sizes.length;
    if (rank !== 1 && rank !== 2) {
      throw new RuntimeError(
        `${this.typeName()}: Expected input to be 1-D or 2-D but received ${rank}-D tensor`,
      );
    }
    const x = rank === 1 ? input.unsqueeze(0) : input;
    if (x.sizes[1] !== this.inputSize) {
      throw new RuntimeError(
        `input has inconsistent input_size: got ${x.sizes[1]} expected ${this.inputSize}`,
      );
    }
    const state = given.map((s) => {
      if (s === null) return x.newZeros([x.sizes[0], this.hiddenSize]);
      return rank === 1 ? s.unsqueeze(0) : s;
    });
    const w: Weights = {
      ih: this.weight_ih,
      hh: this.weight_hh,
      biasIh: this.bias_ih,
      biasHh: this.bias_hh,
      hr: null,
    };
    const next = runCell(kind, x, state, w);
    return rank === 1 ? next.map((s) => s.squeeze(0)) : next;
  }

  override extraRepr(): string {
    return `${this.inputSize}, ${this.hiddenSize}${this.hasBias ? '' : ', bias=False'}`;
  }
}

/** One step of `RNN`. https://pytorch.org/docs/stable/generated/torch.nn.RNNCell.html */
export class RNNCell extends CellBase {
  readonly nonlinearity: 'tanh' | 'relu';

  constructor(...args: CellArguments<CellOptions & { nonlinearity?: 'tanh' | 'relu' }>) {
    super('RNNCell', 1, ['nonlinearity'], args);
    const last = args[args.length - 1] as { nonlinearity?: 'tanh' | 'relu' } | number;
    this.nonlinearity = (typeof last === 'object' ? last.nonlinearity : undefined) ?? 'tanh';
  }

  override forward(input: Tensor, hx: Tensor | null = null): Tensor {
    return this.step(input, [hx], this.nonlinearity === 'tanh' ? tanhCell : reluCell)[0];
  }

  override extraRepr(): string {
    return super.extraRepr() + (this.nonlinearity === 'tanh' ? '' : `, nonlinearity=${this.nonlinearity}`);
  }
}

/** One step of `LSTM`: (x, [h, c]) → [h', c']. https://pytorch.org/docs/stable/generated/torch.nn.LSTMCell.html */
export class LSTMCell extends CellBase {
  constructor(...args: CellArguments<CellOptions>) {
    super('LSTMCell', 4, [], args);
  }

  override forward(input: Tensor, hx: LSTMState | null = null): [hidden: Tensor, cell: Tensor] {
    return this.step(input, hx ?? [null, null], lstmCell) as [Tensor, Tensor];
  }
}

/** One step of `GRU`. https://pytorch.org/docs/stable/generated/torch.nn.GRUCell.html */
export class GRUCell extends CellBase {
  constructor(...args: CellArguments<CellOptions>) {
    super('GRUCell', 3, [], args);
  }

  override forward(input: Tensor, hx: Tensor | null = null): Tensor {
    return this.step(input, [hx], gruCell)[0];
  }
}
