/**
 * The arithmetic of recurrent cells: each as a composition of tensor functions, which has gradients of any order, and as
 * expressions for kernels that compute a whole step, forward or backward, in one pass.
 */
import type { DType } from '../../base/dtype.ts';
import * as E from '../../expr/expr.ts';
import type { Expr } from '../../expr/expr.ts';
import { LoopProgram } from '../../kernel/program.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import * as F from '../functional/index.ts';

/** The weights of one direction of one layer. */
export interface Weights {
  readonly ih: Tensor;
  readonly hh: Tensor;
  readonly biasIh: Tensor | null;
  readonly biasHh: Tensor | null;
  /** LSTM with projections: from the hidden state to what is given on. */
  readonly hr: Tensor | null;
}

/** What one step computes, per element of the hidden state. */
interface Forward {
  /** What `backward` gets as `kept`: one value per gate, then further ones. */
  readonly kept: readonly Expr[];
  readonly h: Expr;
  /** The cell state, where the kind has one. */
  readonly c?: Expr;
}

interface BackwardValues {
  readonly kept: readonly Expr[];
  /** The states before the step, and after it. */
  readonly h: Expr;
  readonly c: Expr;
  readonly nextH: Expr;
  readonly nextC: Expr;
  /** Gradients of the states after the step. */
  readonly dh: Expr;
  readonly dc: Expr;
}

interface Backward {
  /** Gradients of what the input contributes to the gates. */
  readonly gates: readonly Expr[];
  /** Where they differ: of what the hidden state contributes. */
  readonly hidden?: readonly Expr[];
  /** The gradient of the hidden state before the step, besides what flows through the gates. */
  readonly h?: Expr;
  readonly c?: Expr;
}

/** A kind of cell. */
export interface CellKind {
  /** How often the hidden size goes into the rows of the weights. */
  readonly gates: number;
  /** Does the step need what input and hidden state contribute to the gates apart, or only their sum? */
  readonly apart: boolean;
  /** Is there a cell state besides the hidden one? */
  readonly hasCell: boolean;
  /** How many values per hidden element `backward` needs, besides states. */
  readonly kept: number;
  /** From the input's contribution to the gates, and the state, to the new state: as tensors. */
  readonly step: (gates: Tensor, state: readonly Tensor[], w: Weights) => Tensor[];
  /** The same for one element. `gates` are sums, or, where apart, of the input only. */
  readonly forward: (gates: readonly Expr[], hidden: readonly Expr[], h: Expr, c: Expr) => Forward;
  readonly backward: (values: BackwardValues) => Backward;
  /** Names of the gradient functions of a single cell's hidden and cell state. */
  readonly cellNames: readonly string[];
  /** Programs by name and dtype. */
  readonly programs: Map<string, CellProgram>;
}

function affine(h: Tensor, w: Tensor, b: Tensor | null): Tensor {
  return F.linear(h, w, b);
}

const sigmoid = (x: Expr): Expr => E.div(1, E.add(E.exp(E.neg(x)), 1));
/** Derivatives of sigmoid and tanh from their values. */
const sigmoidSlope = (y: Expr): Expr => E.mul(E.sub(1, y), y);
const tanhSlope = (y: Expr): Expr => E.sub(1, E.mul(y, y));

function elman(
  activation: (x: Tensor) => Tensor,
  value: (x: Expr) => Expr,
  slope: (y: Expr) => Expr,
  name: string,
): CellKind {
  return {
    gates: 1,
    apart: false,
    hasCell: false,
    kept: 0,
    step: (gates, [h], w) => [activation(gates.add(affine(h, w.hh, w.biasHh)))],
    forward: ([gate]) => ({ kept: [], h: value(gate) }),
    backward: ({ nextH, dh }) => ({ gates: [E.mul(dh, slope(nextH))] }),
    cellNames: [name],
    programs: new Map(),
  };
}

/** Elman 1990: h' = tanh(gate). */
export const tanhCell: CellKind = elman((x) => x.tanh(), E.tanh, tanhSlope, 'Tanh');

/** h' = relu(gate). */
export const reluCell: CellKind = elman(
  (x) => x.relu(),
  (x) => E.select(E.le(x, 0), E.constant(0, x.type), x),
  (y) => E.cast(E.gt(y, 0), y.type),
  'Relu',
);

/** Hochreiter and Schmidhuber 1997; gates in the order input, forget, cell, output: c' = f·c + i·g, h' = o·tanh(c'). */
export const lstmCell: CellKind = {
  gates: 4,
  apart: false,
  hasCell: true,
  kept: 4,
  step: (gates, [h, c], w) => {
    const [i, f, g, o] = gates.add(affine(h, w.hh, w.biasHh)).chunk(4, -1);
    const cell = f.sigmoid().mul(c).add(i.sigmoid().mul(g.tanh()));
    const hidden = o.sigmoid().mul(cell.tanh());
    return [w.hr === null ? hidden : affine(hidden, w.hr, null), cell];
  },
  forward: (gates, _, __, c) => {
    const [i, f, o] = [gates[0], gates[1], gates[3]].map(sigmoid);
    const g = E.tanh(gates[2]);
    const cell = E.add(E.mul(f, c), E.mul(i, g));
    return { kept: [i, f, g, o], c: cell, h: E.mul(o, E.tanh(cell)) };
  },
  backward: ({ kept: [i, f, g, o], c, nextC, dh, dc }) => {
    const t = E.tanh(nextC);
    const cell = E.add(dc, E.mul(E.mul(dh, o), tanhSlope(t)));
    return {
      gates: [
        E.mul(E.mul(cell, g), sigmoidSlope(i)),
        E.mul(E.mul(cell, c), sigmoidSlope(f)),
        E.mul(E.mul(cell, i), tanhSlope(g)),
        E.mul(E.mul(dh, t), sigmoidSlope(o)),
      ],
      c: E.mul(cell, f),
    };
  },
  cellNames: ['Mul', 'Add'],
  programs: new Map(),
};

/** Cho et al. 2014; gates in the order reset, update, new: n = tanh(xn + r·hn), h' = n + z·(h − n). */
export const gruCell: CellKind = {
  gates: 3,
  apart: true,
  hasCell: false,
  kept: 4,
  step: (gates, [h], w) => {
    const [xr, xz, xn] = gates.chunk(3, -1);
    const [hr, hz, hn] = affine(h, w.hh, w.biasHh).chunk(3, -1);
    const r = xr.add(hr).sigmoid();
    const z = xz.add(hz).sigmoid();
    const n = xn.add(r.mul(hn)).tanh();
    return [n.add(z.mul(h.sub(n)))];
  },
  forward: ([xr, xz, xn], [hr, hz, hn], h) => {
    const r = sigmoid(E.add(xr, hr));
    const z = sigmoid(E.add(xz, hz));
    const n = E.tanh(E.add(xn, E.mul(r, hn)));
    return { kept: [r, z, n, hn], h: E.add(n, E.mul(z, E.sub(h, n))) };
  },
  backward: ({ kept: [r, z, n, hn], h, dh }) => {
    const dn = E.mul(E.mul(dh, E.sub(1, z)), tanhSlope(n));
    const dr = E.mul(E.mul(dn, hn), sigmoidSlope(r));
    const dz = E.mul(E.mul(dh, E.sub(h, n)), sigmoidSlope(z));
    return { gates: [dr, dz, dn], hidden: [dr, dz, E.mul(dn, r)], h: E.mul(dh, z) };
  },
  cellNames: ['Add'],
  programs: new Map(),
};

/** A loop program with names for its operands; inputs that its expressions do not use are left out. */
export class CellProgram {
  readonly program: LoopProgram;
  readonly outputs: readonly string[];
  readonly inputs: readonly string[];

  constructor(dtype: DType, build: (input: (name: string) => Expr) => Readonly<Record<string, Expr>>) {
    const names: string[] = [];
    const results = build((name) => {
      let at = names.indexOf(name);
      if (at < 0) at = names.push(name) - 1;
      return E.input(at, dtype.compute);
    });
    const roots = Object.values(results);
    const used = E.postorder(roots).flatMap((e) => (e.op === 'input' ? [Number(e.value)] : []));
    this.outputs = Object.keys(results);
    this.inputs = used.map((at) => names[at]);
    const renamed = (e: Expr): Expr | undefined =>
      e.op === 'input' ? E.input(used.indexOf(Number(e.value)), e.type) : undefined;
    this.program = new LoopProgram(
      roots.map((root) => ({ expr: E.substitute(root, renamed), dtype })),
      used.map(() => dtype),
    );
  }
}

function programOf(
  kind: CellKind,
  key: string,
  dtype: DType,
  build: (input: (name: string) => Expr) => Readonly<Record<string, Expr>>,
): CellProgram {
  const full = `${key} ${dtype.name}`;
  let program = kind.programs.get(full);
  if (program === undefined) {
    program = new CellProgram(dtype, build);
    kind.programs.set(full, program);
  }
  return program;
}

function numbered(prefix: string, values: readonly Expr[]): [string, Expr][] {
  return values.map((value, i) => [`${prefix}${i}`, value]);
}

/**
 * One step: from `gate…` (and `hidden…`, where apart), `bias…` (and `hiddenBias…`) and the states `h` and `c` to `nextH`, `nextC` and,
 * with `keep`, `kept…`.
 */
export function forwardProgram(kind: CellKind, dtype: DType, bias: boolean, keep: boolean): CellProgram {
  return programOf(kind, `forward${bias ? ' bias' : ''}${keep ? ' keep' : ''}`, dtype, (input) => {
    const sums = (values: string, biases: string): Expr[] =>
      Array.from({ length: kind.gates }, (_, i) => {
        const value = input(`${values}${i}`);
        return bias ? E.add(value, input(`${biases}${i}`)) : value;
      });
    const gates = sums('gate', 'bias');
    const hidden = kind.apart ? sums('hidden', 'hiddenBias') : [];
    const { kept, h, c } = kind.forward(gates, hidden, input('h'), input('c'));
    return Object.fromEntries([
      ...(keep ? numbered('kept', kept) : []),
      ...(c === undefined ? [] : [['nextC', c] as const]),
      ['nextH', h],
    ]);
  });
}

/**
 * Backwards through one step: from `kept…`, the states before and after it, the gradient `dOut` of the output and those of the states as
 * later steps use them, `dH` and `dC`, to `dGate…` (and `dHidden…`, where they differ) and the new `dH` (as far as it does not come from a product)
 * and `dC`. Without `out` there is no `dOut`.
 */
export function backwardProgram(kind: CellKind, dtype: DType, out: boolean): CellProgram {
  return programOf(kind, out ? 'backward' : 'backward projected', dtype, (input) => {
    const kept = Array.from({ length: kind.kept }, (_, i) => input(`kept${i}`));
    const later = input('dH');
    const d = kind.backward({
      kept,
      h: input('h'),
      c: input('c'),
      nextH: input('nextH'),
      nextC: input('nextC'),
      dh: out ? E.add(input('dOut'), later) : later,
      dc: input('dC'),
    });
    return Object.fromEntries([
      ...numbered('dGate', d.gates),
      ...numbered('dHidden', d.hidden ?? []),
      ...(d.h === undefined ? [] : [['dH', d.h] as const]),
      ...(d.c === undefined ? [] : [['dC', d.c] as const]),
    ]);
  });
}

const sums = new Map<DType, CellProgram>();

/** `total` = `dOut` + `dH`. */
export function sumProgram(dtype: DType): CellProgram {
  let program = sums.get(dtype);
  if (program === undefined) {
    program = new CellProgram(dtype, (input) => ({ total: E.add(input('dOut'), input('dH')) }));
    sums.set(dtype, program);
  }
  return program;
}
