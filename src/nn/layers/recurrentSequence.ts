/**
 * One direction of one recurrent layer as one node of the graph.
 *
 * The products that do not wait for one another are made at once: what the input contributes to the gates of all steps, and all
 * gradients of weights and of the input. What is left per step is a product with the state and one kernel. Everything is written into
 * blocks (time, batch, …), of which a step sees slices.
 */
import { recordComposite } from '../../autograd/composite.ts';
import { float32, float64 } from '../../base/dtype.ts';
import { sameSizes } from '../../base/shape.ts';
import type { Contraction } from '../../device/device.ts';
import type { View } from '../../kernel/view.ts';
import { stack } from '../../ops/index.ts';
import { runtime } from '../../ops/runtime.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import * as F from '../functional/index.ts';
import {
  backwardProgram,
  type CellKind,
  type CellProgram,
  forwardProgram,
  sumProgram,
  type Weights,
} from './recurrentCells.ts';

/** A view whose place changes from step to step. */
type Moving = { -readonly [K in keyof View]: View[K] };

/** Views of time steps: of each block the slice of the step in question. */
class Steps {
  private readonly views: Moving[] = [];
  private readonly starts: number[] = [];
  private readonly strides: number[] = [];

  /** A block (time, batch, columns), `shift` steps on; of a block for one time, that one. */
  slice(block: Tensor, shift = 0): View {
    return this.columns(block, 0, block.sizes[2], shift);
  }

  /** As `slice`, `width` columns from column `first`. */
  columns(block: Tensor, first: number, width: number, shift = 0): View {
    const [times, batch] = block.sizes;
    const [time, row, element] = block.strides;
    const step = times === 1 ? 0 : time;
    const start = block.offset + first * element + shift * step;
    const { storage, dtype } = block;
    const view: Moving = { storage, dtype, sizes: [batch, width], strides: [row, element], offset: start };
    this.views.push(view);
    this.starts.push(start);
    this.strides.push(step);
    return view;
  }

  moveTo(step: number): void {
    const { views, starts, strides } = this;
    for (let i = 0; i < views.length; i++) views[i].offset = starts[i] + step * strides[i];
  }
}

/** A kernel with its operands. */
class Kernel {
  private readonly program: CellProgram;
  private readonly outs: readonly View[];
  private readonly ins: readonly View[];

  constructor(program: CellProgram, operands: ReadonlyMap<string, View>) {
    this.program = program;
    const find = (name: string): View => operands.get(name) as View;
    this.outs = program.outputs.map(find);
    this.ins = program.inputs.map(find);
  }

  run(): void {
    this.outs[0].storage.device.loop(this.program.program, this.outs, this.ins, []);
  }
}

/** `view` with other dimensions. */
function seen(t: Tensor, sizes: readonly number[], strides: readonly number[]): View {
  return { storage: t.storage, dtype: t.dtype, sizes, strides, offset: t.offset };
}

function transposed(t: Tensor): View {
  return seen(t, [t.sizes[1], t.sizes[0]], [t.strides[1], t.strides[0]]);
}

/** A block (time, batch, columns) as (columns, time, batch). */
function columnsFirst(block: Tensor): View {
  const [time, batch, columns] = block.sizes;
  const [t, n, c] = block.strides;
  return seen(block, [columns, time, batch], [c, t, n]);
}

const plain: Contraction = { batch: 0, m: 1, n: 1, k: 1, alpha: 1, beta: 0 };
const added: Contraction = { ...plain, beta: 1 };
/** Of a block with a matrix, and of two blocks over all steps. */
const everyStep: Contraction = { ...plain, m: 2 };
const overSteps: Contraction = { ...plain, k: 2 };

/** What a layer gets. */
export interface Sequence {
  readonly kind: CellKind;
  /** (time, batch, features). */
  readonly x: Tensor;
  /** The hidden state and, where the kind has one, the cell state: (batch, size) each. */
  readonly state: readonly Tensor[];
  readonly w: Weights;
  /** From the last time to the first? */
  readonly reverse: boolean;
}

/** A layer by differentiable functions, step by step. */
function composed({ kind, x, state, w, reverse }: Sequence): { output: Tensor; state: readonly Tensor[] } {
  const gates = F.linear(x, w.ih, w.biasIh).unbind(0);
  const time = gates.length;
  const steps = new Array<Tensor>(time);
  let now: readonly Tensor[] = state;
  for (let i = 0; i < time; i++) {
    const t = reverse ? time - 1 - i : i;
    now = kind.step(gates[t], now, w);
    steps[t] = now[0];
  }
  return { output: stack(steps), state: now };
}

/** Do all parts have the sizes and the one dtype that the kernels expect? Where not, the composition has the words for it. */
function fits({ kind, x, state, w }: Sequence): boolean {
  const [time, batch, features] = x.sizes;
  const rows = w.hh.sizes[0];
  const hidden = rows / kind.gates;
  const size = w.hr === null ? hidden : w.hr.sizes[0];
  const expected: [Tensor | null, readonly number[]][] = [
    [x, [time, batch, features]],
    [state[0], [batch, size]],
    [w.ih, [rows, features]],
    [w.hh, [rows, size]],
    [w.biasIh, [rows]],
    [w.biasHh, [rows]],
    [w.hr, [size, hidden]],
  ];
  if (kind.hasCell) expected.push([state[1], [batch, hidden]]);
  if (x.dtype !== float32 && x.dtype !== float64) return false;
  if ((w.biasIh === null) !== (w.biasHh === null)) return false;
  return expected.every(
    ([t, sizes]) =>
      t === null ||
      (t.dtype === x.dtype &&
        t.storage.device === x.storage.device &&
        sameSizes(t.sizes, sizes) &&
        t.numel() > 0),
  );
}

/** What forward leaves to backward. */
interface Trace {
  /** What the kernels kept: the gates (time, batch, rows), and further values (time, batch, …). */
  readonly gates: Tensor;
  readonly further: Tensor | null;
  /** States before the first step and after every one: (time + 1, batch, size). */
  readonly h: Tensor;
  readonly c: Tensor | null;
  /** With a projection: the hidden state before it, (time, batch, hidden). */
  readonly wide: Tensor | null;
}

/** Operands of kernels, by name. */
type Operands = Map<string, View>;

/** The work on one sequence whose parts fit. Records nothing. */
class Layer {
  private readonly given: Sequence;
  private readonly time: number;
  private readonly batch: number;
  private readonly rows: number;
  private readonly hidden: number;
  private readonly size: number;
  /** How far the states before and after a step are from the step's own place, in blocks of states. */
  private readonly before: number;
  private readonly after: number;

  constructor(given: Sequence) {
    this.given = given;
    [this.time, this.batch] = given.x.sizes;
    [this.rows, this.size] = given.w.hh.sizes;
    this.hidden = this.rows / given.kind.gates;
    this.before = given.reverse ? 1 : 0;
    this.after = 1 - this.before;
  }

  private block(time: number, columns: number): Tensor {
    const { x } = this.given;
    return runtime.empty([time, this.batch, columns], x.dtype, x);
  }

  /** The time of step `i`. */
  private timeOf(i: number): number {
    return this.given.reverse ? this.time - 1 - i : i;
  }

  /** Biases as operands: the sum of both, or both where they are needed apart. Returns whether there are any. */
  private addBiases(operands: Operands): boolean {
    const { kind, w } = this.given;
    const { hidden, batch } = this;
    if (w.biasIh === null || w.biasHh === null) return false;
    const add = (name: string, bias: Tensor): void => {
      const [stride] = bias.strides;
      for (let g = 0; g < kind.gates; g++) {
        const offset = bias.offset + g * hidden * stride;
        operands.set(`${name}${g}`, { ...seen(bias, [batch, hidden], [0, stride]), offset });
      }
    };
    if (kind.apart) {
      add('bias', w.biasIh);
      add('hiddenBias', w.biasHh);
    } else add('bias', w.biasIh.add(w.biasHh));
    return true;
  }

  /** The gates in a block (time, batch, rows). */
  private addGates(operands: Operands, steps: Steps, name: string, block: Tensor): void {
    const { hidden } = this;
    for (let g = 0; g < this.given.kind.gates; g++)
      operands.set(`${name}${g}`, steps.columns(block, g * hidden, hidden));
  }

  /** What is kept for backward: as many values per step as there are gates in their block, the others in a further one. */
  private addKept(operands: Operands, steps: Steps, gates: Tensor, further: Tensor | null): void {
    const { gates: count, kept } = this.given.kind;
    const { hidden } = this;
    if (kept >= count) this.addGates(operands, steps, 'kept', gates);
    for (let k = count; k < kept; k++)
      operands.set(`kept${k}`, steps.columns(further as Tensor, (k - count) * hidden, hidden));
  }

  private addStates(operands: Operands, steps: Steps, { h, c, wide }: Trace): void {
    operands.set('h', steps.slice(h, this.before));
    operands.set('nextH', wide === null ? steps.slice(h, this.after) : steps.slice(wide));
    if (c === null) return;
    operands.set('c', steps.slice(c, this.before));
    operands.set('nextC', steps.slice(c, this.after));
  }

  /** Runs all steps; with `keep`, what backward needs is kept. */
  forward(keep: boolean, withOutput: boolean): { trace: Trace; output: Tensor | null; state: Tensor[] } {
    const { kind, x, state, w } = this.given;
    const { time, hidden, rows, before, after } = this;
    const steps = new Steps();
    const operands: Operands = new Map();
    const extra = (kind.kept - kind.gates) * hidden;
    // Without a backward pass one place will do that every step overwrites.
    const trace: Trace = {
      gates: this.block(time, rows),
      further: keep && extra > 0 ? this.block(time, extra) : null,
      h: this.block(time + 1, this.size),
      c: kind.hasCell ? this.block(keep ? time + 1 : 1, hidden) : null,
      wide: w.hr === null ? null : this.block(keep ? time : 1, hidden),
    };
    const { gates, further, h, c, wide } = trace;
    runtime.contract(gates, x, transposed(w.ih), everyStep);
    this.addGates(operands, steps, 'gate', gates);
    if (keep) this.addKept(operands, steps, gates, further);
    this.addStates(operands, steps, trace);
    // What the hidden state contributes: added to the gates, or in a place of its own.
    const apart = kind.apart ? this.block(1, rows) : null;
    if (apart !== null) this.addGates(operands, steps, 'hidden', apart);
    const contribution = steps.slice(apart ?? gates);
    const how = apart === null ? added : plain;
    const [previous, next] = [steps.slice(h, before), steps.slice(h, after)];
    const [weight, projection] = [transposed(w.hh), w.hr === null ? null : transposed(w.hr)];
    const bias = this.addBiases(operands);
    const kernel = new Kernel(forwardProgram(kind, x.dtype, bias, keep), operands);

    const first = this.timeOf(0) + before;
    runtime.copyInto(h.select(0, first), state[0]);
    if (c !== null) runtime.copyInto(c.select(0, keep ? first : 0), state[1]);
    for (let i = 0; i < time; i++) {
      steps.moveTo(this.timeOf(i));
      runtime.contract(contribution, previous, weight, how);
      kernel.run();
      if (projection !== null) runtime.contract(next, operands.get('nextH') as View, projection, plain);
    }
    const last = this.timeOf(time - 1) + after;
    // Copies: results may be changed in place, what backward needs may not.
    const results = {
      trace,
      output: withOutput ? h.narrow(0, after, time).clone() : null,
      state: [h, c].flatMap((s) => (s === null ? [] : [s.select(0, s === h || keep ? last : 0).clone()])),
    };
    apart?.dispose();
    if (!keep || kind.kept === 0) gates.dispose();
    if (!keep) for (const t of [h, c, wide]) t?.dispose();
    return results;
  }

  /** Gradients in the order of `inputsOf`, from those of the output, the hidden state and the cell state. */
  backward(
    trace: Trace,
    grads: readonly (Tensor | null | undefined)[],
    needs: readonly boolean[],
  ): (Tensor | null)[] {
    const { kind, x, state, w } = this.given;
    const { time, batch, rows, hidden, size } = this;
    const count = state.length;
    const needsOf = (i: number): boolean => needs[1 + count + i];
    const steps = new Steps();
    const operands: Operands = new Map();
    const dGates = this.block(time, rows);
    const dHidden = kind.apart ? this.block(time, rows) : dGates;
    this.addGates(operands, steps, 'dGate', dGates);
    if (kind.apart) this.addGates(operands, steps, 'dHidden', dHidden);
    this.addKept(operands, steps, trace.gates, trace.further);
    this.addStates(operands, steps, trace);
    const later = state.map((s, k) => {
      const d = runtime.empty(s.sizes, x.dtype, x);
      const grad = grads[1 + k];
      return grad === null || grad === undefined ? d.zero_() : d.copy_(grad);
    });
    const [dh, dc] = later;
    const dOut = grads[0] ?? runtime.full([1, 1, 1], 0, x.dtype, x).expand([time, batch, size]);
    operands.set('dOut', steps.slice(dOut));
    operands.set('dH', dh);
    if (dc !== undefined) operands.set('dC', dc);
    // With a projection the gradient of what was projected comes first.
    const projected = w.hr === null ? null : this.block(time, size);
    const wide = w.hr === null ? null : runtime.empty([batch, hidden], x.dtype, x);
    let project: (() => void) | null = null;
    if (w.hr !== null && projected !== null && wide !== null) {
      const { hr } = w;
      const total = steps.slice(projected);
      const sum = new Kernel(sumProgram(x.dtype), new Map(operands).set('total', total));
      project = () => {
        sum.run();
        runtime.contract(wide, total, hr, plain);
      };
      operands.set('dH', wide);
    }
    const program = backwardProgram(kind, x.dtype, project === null);
    const kernel = new Kernel(program, operands);
    const how = program.outputs.includes('dH') ? added : plain;
    const hiddenGates = steps.slice(dHidden);
    for (let i = time - 1; i >= 0; i--) {
      steps.moveTo(this.timeOf(i));
      project?.();
      kernel.run();
      if (i > 0 || needs[1]) runtime.contract(dh, hiddenGates, w.hh, how);
    }

    const weight = (like: Tensor, d: Tensor, block: Tensor): Tensor => {
      const out = runtime.empty(like.sizes, x.dtype, x);
      runtime.contract(out, columnsFirst(d), block, overSteps);
      return out;
    };
    let dx: Tensor | null = null;
    if (needs[0]) {
      dx = runtime.emptyLike(x, x.dtype);
      runtime.contract(dx, dGates, w.ih, everyStep);
    }
    const biasIh = needsOf(2) || (needsOf(3) && !kind.apart) ? dGates.sum([0, 1]) : null;
    const biasHh = needsOf(3) && kind.apart ? dHidden.sum([0, 1]) : biasIh;
    const results = [
      dx,
      ...later,
      needsOf(0) ? weight(w.ih, dGates, x) : null,
      needsOf(1) ? weight(w.hh, dHidden, trace.h.narrow(0, this.before, time)) : null,
      biasIh,
      biasHh,
      needsOf(4) && projected !== null ? weight(w.hr as Tensor, projected, trace.wide as Tensor) : null,
    ];
    for (const t of [dGates, dHidden, projected, wide]) t?.dispose();
    return results;
  }
}

/** The inputs of the node, in order. */
function inputsOf({ x, state, w }: Sequence): (Tensor | null)[] {
  return [x, ...state, w.ih, w.hh, w.biasIh, w.biasHh, w.hr];
}

function withInputs(given: Sequence, inputs: readonly (Tensor | null)[]): Sequence {
  const count = given.state.length;
  const [ih, hh, biasIh, biasHh, hr] = inputs.slice(1 + count);
  return {
    ...given,
    x: inputs[0] as Tensor,
    state: inputs.slice(1, 1 + count) as Tensor[],
    w: { ih: ih as Tensor, hh: hh as Tensor, biasIh, biasHh, hr },
  };
}

/** Tensors whose values first derivatives need, besides the trace. */
function savedOf({ x, state, w }: Sequence): Tensor[] {
  const saved: Tensor[] = w.hr === null ? [] : [w.hr];
  if (w.ih.requiresGrad) saved.push(x);
  if (x.requiresGrad) saved.push(w.ih);
  if (x.sizes[0] > 1 || state[0].requiresGrad) saved.push(w.hh);
  return saved;
}

/** Runs a sequence. `name` is what its node is called after; the results are the output and the states, or the states only. */
function runAs(name: string, given: Sequence, withOutput: boolean): Tensor[] {
  const stepwise = (again: Sequence): Tensor[] => {
    const { output, state } = composed(again);
    return withOutput ? [output, ...state] : [...state];
  };
  if (!fits(given)) return stepwise(given);
  const inputs = inputsOf(given);
  const keep = runtime.needsGrad(inputs);
  const layer = new Layer(given);
  const { trace, output, state } = runtime.noGrad(() => layer.forward(keep, withOutput));
  const outputs = output === null ? state : [output, ...state];
  if (keep) {
    const { gates, further, h, c, wide } = trace;
    recordComposite(outputs, {
      name,
      inputs,
      saved: savedOf(given),
      owned: [gates, further, h, c, wide].filter((t) => t !== null),
      backward: (grads, _, needs) => layer.backward(trace, withOutput ? grads : [null, ...grads], needs),
      composition: (again) => stepwise(withInputs(given, again)),
    });
  }
  return outputs;
}

/** Outputs (time, batch, size) of a layer for all times, and the states after the last step. */
export function runSequence(given: Sequence): { output: Tensor; state: Tensor[] } {
  const [output, ...state] = runAs('Stack', given, true);
  return { output, state };
}

/** One step: inputs (batch, features) to the new state. */
export function runCell(kind: CellKind, x: Tensor, state: readonly Tensor[], w: Weights): Tensor[] {
  const given = { kind, x: x.unsqueeze(0), state, w, reverse: false };
  const [h, ...c] = runAs(kind.cellNames[0], given, false);
  return [h, ...c.map((t, k) => renamed(kind.cellNames[k + 1], t))];
}

/** A second result of a node under a name of its own. */
function renamed(name: string, t: Tensor): Tensor {
  if (t.gradFn === null) return t;
  return runtime.record(runtime.alias(t, t.sizes, t.strides, t.offset), {
    name,
    inputs: [t],
    saved: [],
    backward: ([grad]) => [grad],
  });
}
