/** Evenly spaced numbers: `arange`, `linspace`, `logspace`. */
import { notImplementedFor } from '../ops/refuse.ts';
import { bool, type DType, float32, float64, getDefaultDtype, int32, int64 } from '../base/dtype.ts';
import { RuntimeError } from '../base/errors.ts';
import * as E from '../expr/expr.ts';
import { LoopProgram } from '../kernel/program.ts';
import { define, type FreeCall, type Scalar } from '../ops/define.ts';
import { empty } from './allocate.ts';
import { CREATION, filled, type Options, scalarOf, writeValues } from './create.ts';
import { memory } from './memory.ts';
import type { PyFloat } from './pyfloat.ts';
import { alias } from './runtime.ts';
import type { Tensor } from './tensor.ts';

/** Shorter ranges are written from JavaScript. */
const FEW_ELEMENTS = 256;
/** Whole numbers up to here are exact in float32. */
const EXACT_IN_FLOAT32 = 2 ** 24;

/** Numbers that position i of a vector gets from the sum of a row's and a column's number: i = row·(number of columns) + column. */
interface Grid {
  /** Makes the vectors, in which row r is worth r·(number of columns)·step + start, and column c c·step. */
  readonly start: number;
  readonly step: number;
  readonly rowDtype: DType;
  readonly columnDtype: DType;
}

/**
 * Writes `program(row, column)` to all elements of a fresh contiguous vector. Kernels know no positions: the vector is walked as a matrix, whose
 * rows' and columns' numbers are two short operands.
 */
function fillByPosition(t: Tensor, program: LoopProgram, grid: Grid, params: readonly number[]): void {
  const count = t.numel();
  const { device } = t.storage;
  const width = columnsFor(count);
  const height = Math.floor(count / width);
  const rows = progression(height + 1, grid.rowDtype, device, grid.start, grid.step * width);
  const columns = progression(width, grid.columnDtype, device, 0, grid.step);
  const run = (from: number, sizes: readonly number[]): void => {
    const out = alias(t, sizes, [width, 1], t.offset + from * width);
    device.loop(program, [out], [alias(rows, sizes, [1, 0], from), alias(columns, sizes, [0, 1], 0)], params);
  };
  run(0, [height, width]);
  const rest = count - height * width;
  if (rest > 0) run(height, [1, rest]);
  rows.storage.dispose();
  columns.storage.dispose();
}

/** About as many columns as rows. */
function columnsFor(count: number): number {
  return 2 ** Math.round(Math.log2(count) / 2);
}

function progression(
  count: number,
  dtype: DType,
  device: Tensor['storage']['device'],
  start: number,
  step: number,
): Tensor {
  const out = empty([count], dtype, device);
  const values = memory(out);
  for (let i = 0; i < count; i++) {
    const value = start + i * step;
    values[i] = values instanceof BigInt64Array ? BigInt(value) : value;
  }
  return out;
}

const programs = new Map<string, LoopProgram>();

/** The program of a name that stores a dtype; `build` makes it when it is first asked for. */
function programFor(name: string, dtype: DType, build: () => LoopProgram): LoopProgram {
  const key = `${name} ${dtype.name}`;
  let program = programs.get(key);
  if (program === undefined) {
    program = build();
    programs.set(key, program);
  }
  return program;
}

/** start + i·step of whole numbers. */
function wholeProgram(dtype: DType): LoopProgram {
  const type = dtype === int64 ? 'i64' : 'i32';
  const expr = E.add(E.input(0, type), E.input(1, type));
  return new LoopProgram([{ expr, dtype }], [dtype === int64 ? int64 : int32, int32]);
}

/** params[0] + i·params[1] in double precision, rounded once. */
function floatProgram(dtype: DType): LoopProgram {
  const position = E.add(E.input(0, 'f64'), E.input(1, 'f64'));
  const expr = E.add(E.param(0, 'f64'), E.mul(position, E.param(1, 'f64')));
  return new LoopProgram([{ expr, dtype }], [float64, float64]);
}

/** Can the elements of a range be computed by a kernel as JavaScript would? 16-bit floats are rounded from double precision, which kernels do not. */
function suits(dtype: DType, count: number): boolean {
  return count >= FEW_ELEMENTS && !(dtype.isFloatingPoint && dtype.itemSize === 2);
}

/** Writes start + i·step to a vector; for integers both are whole. */
function fillRange(t: Tensor, start: number, step: number): void {
  const { dtype } = t;
  const count = t.numel();
  const width = columnsFor(count);
  // What the rows and columns hold must fit their dtypes.
  const limit = dtype === int64 ? Number.MAX_SAFE_INTEGER : 2 ** 31 - 1;
  const fits =
    Math.abs(start) + Math.abs(step) * (count + width) <= limit && Math.abs(step) * width < 2 ** 31;
  if (!suits(dtype, count) || !(dtype.isFloatingPoint || fits)) {
    const values = new Float64Array(count);
    for (let i = 0; i < count; i++) values[i] = start + i * step;
    writeValues(t, values);
  } else if (dtype.isFloatingPoint) {
    const positions = { start: 0, step: 1, rowDtype: float64, columnDtype: float64 };
    fillByPosition(
      t,
      programFor('range', dtype, () => floatProgram(dtype)),
      positions,
      [start, step],
    );
  } else {
    const rowDtype = dtype === int64 ? int64 : int32;
    fillByPosition(
      t,
      programFor('range', dtype, () => wholeProgram(dtype)),
      { start, step, rowDtype, columnDtype: int32 },
      [],
    );
  }
}

function isWhole(x: Scalar | PyFloat | undefined | null): boolean {
  return (
    x === undefined || x === null || typeof x === 'bigint' || (typeof x === 'number' && Number.isInteger(x))
  );
}

/**
 * Numbers from `start` (0) up to, not including, `end`, by `step` (1): int64 where all are whole, else the default float dtype.
 * https://pytorch.org/docs/stable/generated/torch.arange.html
 */
export const arange: FreeCall<
  [start: Scalar | PyFloat, end?: Scalar | PyFloat | null, step?: Scalar | PyFloat],
  Options & { start?: Scalar | PyFloat; end?: Scalar | PyFloat; step?: Scalar | PyFloat },
  Tensor
> = define(
  `arange(start=0, end=None, step=1, ${CREATION}, out=None)`,
  (
    first: Scalar | PyFloat | undefined,
    second: Scalar | PyFloat | null | undefined,
    third: Scalar | PyFloat | undefined,
    dtype?: DType | null,
    requiresGrad?: boolean,
    device?: unknown,
  ) => {
    const given = second === undefined || second === null;
    const [from, to] = given ? [0, first ?? 0] : [first ?? 0, second];
    const by = third ?? 1;
    const chosen = dtype ?? ([from, to, by].every(isWhole) ? int64 : getDefaultDtype());
    const start = Number(scalarOf(from));
    const end = Number(scalarOf(to));
    const step = Number(scalarOf(by));
    if (!Number.isFinite(start) || !Number.isFinite(end)) {
      const show = (x: number): string => String(x).replace('Infinity', 'inf').replace('NaN', 'nan');
      throw new RuntimeError(`unsupported range: ${show(start)} -> ${show(end)}`);
    }
    if ((step > 0 && end < start) || (step < 0 && end > start)) {
      throw new RuntimeError('upper bound and larger bound inconsistent with step sign');
    }
    const whole = !chosen.isFloatingPoint;
    if (chosen === bool) throw notImplementedFor('arange_cpu', bool);
    const [a, b, s] = whole ? [Math.trunc(start), Math.trunc(end), Math.trunc(step)] : [start, end, step];
    if (s === 0) throw new RuntimeError('step must be nonzero');
    // PyTorch counts in whole numbers for int64 only.
    const count = Math.max(Math.ceil(chosen === int64 ? (b - a) / s : (end - start) / step), 0);
    return filled([count], chosen, device, requiresGrad, (t) => fillRange(t, a, s));
  },
  { functionOnly: true },
);

/** Steps from start to end; the second half is counted from the end, as PyTorch does, so that the last value is exact. */
function steps(start: number, end: number, count: number, round: (x: number) => number): Float64Array {
  const values = new Float64Array(count);
  const step = round((end - start) / (count - 1));
  const half = Math.floor(count / 2);
  for (let i = 0; i < count; i++) {
    values[i] = i < half ? round(start + round(step * i)) : round(end - round(step * (count - i - 1)));
  }
  return values;
}

/** `steps` evenly spaced numbers from `start` to `end`, both included. https://pytorch.org/docs/stable/generated/torch.linspace.html */
export const linspace: FreeCall<
  [start: number | PyFloat, end: number | PyFloat, steps: number],
  Options & { start?: number; end?: number; steps?: number },
  Tensor
> = define(
  `linspace(start, end, steps=100, ${CREATION}, out=None)`,
  (
    start: number | PyFloat,
    end: number | PyFloat,
    count: number = 100,
    dtype?: DType | null,
    requiresGrad?: boolean,
    device?: unknown,
  ) => {
    const chosen = dtype ?? getDefaultDtype();
    if (count < 0) throw new RuntimeError('number of steps must be non-negative');
    const [a, b] = endsFor(chosen, start, end);
    return filled([count], chosen, device, requiresGrad, (t) => fillSteps(t, a, b));
  },
  { functionOnly: true },
);

/** The ends as elements of the dtype: whole for integers. */
function endsFor(dtype: DType, start: number | PyFloat, end: number | PyFloat): [number, number] {
  const [a, b] = [Number(scalarOf(start)), Number(scalarOf(end))];
  if (dtype === float32) return [Math.fround(a), Math.fround(b)];
  return dtype.isFloatingPoint ? [a, b] : [Math.trunc(a), Math.trunc(b)];
}

/** What `steps` computes, in float32 where that gives the same: products with positions and sums are rounded once either way. */
function stepsProgram(dtype: DType): LoopProgram {
  const type = dtype === float32 ? 'f32' : 'f64';
  const at = E.add(E.input(0, type), E.input(1, type));
  const [start, end, step, half, last] = [0, 1, 2, 3, 4].map((k) => E.param(k, type));
  const expr = E.select(
    E.lt(at, half),
    E.add(start, E.mul(step, at)),
    E.sub(end, E.mul(step, E.sub(last, at))),
  );
  const positions = type === 'f32' ? float32 : float64;
  return new LoopProgram([{ expr, dtype }], [positions, positions]);
}

/** Writes the steps from start to end to a vector. */
function fillSteps(t: Tensor, start: number, end: number): void {
  const { dtype } = t;
  const count = t.numel();
  const round = dtype === float32 ? Math.fround : (x: number): number => x;
  if (!suits(dtype, count) || (dtype === float32 && count > EXACT_IN_FLOAT32)) {
    writeValues(t, count === 1 ? new Float64Array([start]) : steps(start, end, count, round));
    return;
  }
  const program = programFor('steps', dtype, () => stepsProgram(dtype));
  const positions = program.inputs[0];
  const step = round((end - start) / (count - 1));
  fillByPosition(t, program, { start: 0, step: 1, rowDtype: positions, columnDtype: positions }, [
    ...[start, end, step],
    ...[Math.floor(count / 2), count - 1],
  ]);
}

/** `base` to the power of evenly spaced exponents. https://pytorch.org/docs/stable/generated/torch.logspace.html */
export const logspace: FreeCall<
  [start: number | PyFloat, end: number | PyFloat, steps: number, base?: number | PyFloat],
  Options & { start?: number; end?: number; steps?: number; base?: number },
  Tensor
> = define(
  `logspace(start, end, steps=100, base=10, ${CREATION}, out=None)`,
  (
    start: number | PyFloat,
    end: number | PyFloat,
    count: number = 100,
    base: number | PyFloat = 10,
    dtype?: DType | null,
    requiresGrad?: boolean,
    device?: unknown,
  ) => {
    const chosen = dtype ?? getDefaultDtype();
    if (count < 0) throw new RuntimeError('number of steps must be non-negative');
    const [a, b] = endsFor(chosen, start, end);
    const exponents = count === 1 ? new Float64Array([a]) : steps(a, b, count, (x) => x);
    const radix = Number(scalarOf(base));
    const values = exponents.map((e) => radix ** e);
    return filled([count], chosen, device, requiresGrad, (t) => writeValues(t, values));
  },
  { functionOnly: true },
);
