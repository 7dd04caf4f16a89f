/**
 * The reference device: kernels interpreted element by element. Slow, and the definition that other devices are tested against.
 */
import { product } from '../../base/shape.ts';
import type { ComputeType, DType } from '../../base/dtype.ts';
import { fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from '../../base/float16.ts';
import { type Expr, postorder } from '../../expr/expr.ts';
import { compile, convert, inputType, type Value } from '../../expr/interpret.ts';
import {
  type Combine,
  elementExprs,
  type LoopProgram,
  type ReduceProgram,
  ROW_OUTPUTS,
  ROW_VALUES,
  type RowProgram,
} from '../../kernel/program.ts';
import type { View } from '../../kernel/view.ts';
import type { BadIndex, Contraction, Device, Indices, ScatterMode } from '../device.ts';
import { noteStorage } from '../scope.ts';
import { Storage } from '../storage.ts';

interface Access {
  read(view: DataView, at: number): Value;
  write(view: DataView, at: number, x: Value): void;
}

/** Reading gives a value of the dtype's own compute type; writing takes one. */
const access: Readonly<Record<DType['name'], Access>> = {
  bool: {
    read: (v, p) => (v.getUint8(p) !== 0 ? 1 : 0),
    write: (v, p, x) => v.setUint8(p, Number(x) !== 0 ? 1 : 0),
  },
  uint8: { read: (v, p) => v.getUint8(p), write: (v, p, x) => v.setUint8(p, Number(x)) },
  int8: { read: (v, p) => v.getInt8(p), write: (v, p, x) => v.setInt8(p, Number(x)) },
  int16: { read: (v, p) => v.getInt16(p * 2, true), write: (v, p, x) => v.setInt16(p * 2, Number(x), true) },
  int32: { read: (v, p) => v.getInt32(p * 4, true), write: (v, p, x) => v.setInt32(p * 4, Number(x), true) },
  int64: {
    read: (v, p) => v.getBigInt64(p * 8, true),
    write: (v, p, x) => v.setBigInt64(p * 8, BigInt(x), true),
  },
  float16: {
    read: (v, p) => fromFloat16(v.getUint16(p * 2, true)),
    write: (v, p, x) => v.setUint16(p * 2, toFloat16(Number(x)), true),
  },
  bfloat16: {
    read: (v, p) => fromBfloat16(v.getUint16(p * 2, true)),
    write: (v, p, x) => v.setUint16(p * 2, toBfloat16(Number(x)), true),
  },
  float32: {
    read: (v, p) => v.getFloat32(p * 4, true),
    write: (v, p, x) => v.setFloat32(p * 4, Number(x), true),
  },
  float64: {
    read: (v, p) => v.getFloat64(p * 8, true),
    write: (v, p, x) => v.setFloat64(p * 8, Number(x), true),
  },
};

/** Calls `visit` with every index of an iteration, in row-major order. */
function forEachIndex(sizes: readonly number[], visit: (index: readonly number[]) => void): void {
  const index = new Array<number>(sizes.length).fill(0);
  if (sizes.includes(0)) return;
  for (;;) {
    visit(index);
    let d = sizes.length - 1;
    while (d >= 0 && ++index[d] === sizes[d]) index[d--] = 0;
    if (d < 0) return;
  }
}

function position(view: View, index: readonly number[]): number {
  let at = view.offset;
  for (let d = 0; d < index.length; d++) at += index[d] * view.strides[d];
  return at;
}

/** A dtype's own type of values: what reading it gives. */
function ownType(dtype: DType): ComputeType {
  return dtype.compute;
}

class Memory {
  readonly view: View;
  private readonly data: DataView;
  private readonly how: Access;

  constructor(view: View, bytes: Uint8Array) {
    this.view = view;
    this.data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.how = access[view.dtype.name];
  }

  get(at: number): Value {
    return this.how.read(this.data, at);
  }

  set(at: number, x: Value): void {
    this.how.write(this.data, at, x);
  }
}

/** A value and the type it is of. */
interface Typed {
  readonly value: Value;
  readonly type: ComputeType;
}

/** The element of an operand at an index. */
function element(memory: Memory, index: readonly number[]): Typed {
  return { value: memory.get(position(memory.view, index)), type: ownType(memory.view.dtype) };
}

const identity: Readonly<Record<'sum' | 'prod' | 'and' | 'or', number>> = { sum: 0, prod: 1, and: 1, or: 0 };

export class ReferenceDevice implements Device {
  readonly name = 'reference';
  readonly slot = 1;
  private readonly blocks = new WeakMap<Storage, Uint8Array>();

  allocate(nbytes: number): Storage {
    const storage = new Storage(this, 0, nbytes);
    // Filled with a pattern that no test mistakes for zeros: results must be written.
    this.blocks.set(storage, new Uint8Array(nbytes).fill(0xa5));
    noteStorage(storage);
    return storage;
  }

  release(storage: Storage): void {
    this.blocks.delete(storage);
    storage.address = -1;
  }

  bytes(storage: Storage): Uint8Array {
    const owner = storage.owner instanceof Storage ? storage.owner : storage;
    return this.blocks.get(owner) as Uint8Array;
  }

  private open(view: View): Memory {
    return new Memory(view, this.bytes(view.storage));
  }

  /** Reads operands of an iteration, converted to the types that the expressions ask for. */
  private loader(
    roots: LoopProgram['outputs'][number]['expr'][],
    ins: readonly View[],
  ): (index: readonly number[]) => Value[] {
    const sources = ins.map((v) => this.open(v));
    const types = ins.map((v, i) => inputType(roots, i) ?? ownType(v.dtype));
    return (index) =>
      sources.map((m, i) => convert(m.get(position(m.view, index)), ownType(m.view.dtype), types[i]));
  }

  loop(program: LoopProgram, outs: readonly View[], ins: readonly View[], params: readonly number[]): void {
    const roots = program.outputs.map((o) => o.expr);
    const evaluate = compile(roots);
    const load = this.loader(roots, ins);
    const targets = outs.map((v) => this.open(v));
    forEachIndex(outs[0].sizes, (index) => {
      const values = evaluate(load(index), params);
      values.forEach((value, k) => {
        const { view } = targets[k];
        const at = position(view, index);
        const type = roots[k].type;
        const own = ownType(view.dtype);
        if (program.accumulate) {
          const sum = Number(convert(value, type, own)) + Number(targets[k].get(at));
          targets[k].set(
            at,
            own === 'i64' ? BigInt(convert(value, type, own)) + BigInt(targets[k].get(at)) : sum,
          );
        } else targets[k].set(at, convert(value, type, own));
      });
    });
  }

  reduce(
    program: ReduceProgram,
    out: View,
    ins: readonly View[],
    reduced: readonly boolean[],
    params: readonly number[],
  ): void {
    const { combine, expr, finish } = program;
    const evaluate = compile([expr]);
    const load = this.loader([expr], ins);
    const target = this.open(out);
    const after = finish === null ? null : compile([finish]);
    const inner = ins[0].sizes.map((s, d) => (reduced[d] ? s : 1));
    const full = new Array<number>(out.sizes.length);
    forEachIndex(out.sizes, (outer) => {
      let total: Value | null = null;
      let best = 0;
      let count = 0;
      forEachIndex(inner, (index) => {
        for (let d = 0; d < full.length; d++) full[d] = outer[d] + index[d];
        const x = evaluate(load(full), params)[0];
        if (total === null) total = x;
        else if (combine === 'argmax' || combine === 'argmin') {
          if (beats(combine, x, total)) {
            total = x;
            best = count;
          }
        } else total = merge(combine, total, x);
        count++;
      });
      const arg = combine === 'argmax' || combine === 'argmin';
      const type: ComputeType = arg ? 'i64' : expr.type;
      let result: Value = arg ? BigInt(best) : roundTotal(total ?? neutral(combine, expr.type), expr.type);
      let resultType = type;
      if (after !== null && finish !== null) {
        result = after([result], params)[0];
        resultType = finish.type;
      }
      target.set(position(out, outer), convert(result, resultType, ownType(out.dtype)));
    });
  }

  rows(
    program: RowProgram,
    outs: readonly View[],
    ins: readonly View[],
    reduced: readonly boolean[],
    params: readonly number[],
  ): void {
    const { sizes } = ins[0];
    const sources = ins.map((v) => this.open(v));
    const targets = outs.map((v) => this.open(v));
    const inner = sizes.map((s, d) => (reduced[d] ? s : 1));
    const full = new Array<number>(sizes.length);
    /** Evaluates expressions of the program, of which each leaf is read in the type that it asks for. */
    const evaluator = (exprs: readonly Expr[]): ((values: readonly Typed[]) => Value[]) => {
      const evaluate = compile(exprs);
      const leaves = exprs.length === 0 ? [] : postorder(exprs).filter((e) => e.op === 'input');
      return (values) => {
        const operands: Value[] = [];
        for (const e of leaves) {
          const leaf = Number(e.value);
          let known: Typed;
          if (leaf >= ROW_OUTPUTS) known = element(targets[leaf - ROW_OUTPUTS], full);
          else if (leaf >= ROW_VALUES) known = values[leaf - ROW_VALUES];
          else known = element(sources[leaf], full);
          operands[leaf] = convert(known.value, known.type, e.type);
        }
        return evaluate(operands, params);
      };
    };
    const passes = program.passes.map((pass) => ({
      ...pass,
      evaluate: evaluator(elementExprs(pass)),
      evaluateAfter: pass.after.map((expr) => ({ type: expr.type, evaluate: evaluator([expr]) })),
    }));
    forEachIndex(
      sizes.map((s, d) => (reduced[d] ? 1 : s)),
      (outer) => {
        const values: Typed[] = [];
        for (const { stores, reductions, evaluate, evaluateAfter } of passes) {
          const totals: (Value | null)[] = reductions.map(() => null);
          forEachIndex(inner, (index) => {
            for (let d = 0; d < full.length; d++) full[d] = outer[d] + index[d];
            const results = evaluate(values);
            stores.forEach(({ output, expr }, i) => {
              const { view } = targets[output];
              targets[output].set(position(view, full), convert(results[i], expr.type, ownType(view.dtype)));
            });
            reductions.forEach(({ combine }, i) => {
              const x = results[stores.length + i];
              const total = totals[i];
              totals[i] = total === null ? x : merge(combine, total, x);
            });
          });
          reductions.forEach(({ combine, expr }, i) => {
            const total = totals[i] ?? neutral(combine, expr.type);
            values.push({ value: roundTotal(total, expr.type), type: expr.type });
          });
          for (const { type, evaluate: after } of evaluateAfter) {
            values.push({ value: after(values)[0], type });
          }
        }
        program.results.forEach(({ value: j }, i) => {
          const target = targets[program.outputs.length + i];
          const { value, type } = values[j];
          target.set(position(target.view, outer), convert(value, type, ownType(target.view.dtype)));
        });
      },
    );
  }

  contract(out: View, a: View, b: View, spec: Contraction): void {
    const { batch, m, n, alpha, start } = spec;
    const beta = start === undefined ? spec.beta : 1;
    const left = this.open(a);
    const right = this.open(b);
    const target = this.open(out);
    const base = start === undefined ? target : this.open(start);
    const summed = a.sizes.slice(batch + m);
    const integer = !out.dtype.isFloatingPoint;
    forEachIndex(out.sizes, (index) => {
      const head = index.slice(0, batch);
      const rows = index.slice(batch, batch + m);
      const columns = index.slice(batch + m, batch + m + n);
      let total = 0;
      let exact = 0n;
      forEachIndex(summed, (inner) => {
        const x = left.get(position(a, [...head, ...rows, ...inner]));
        const y = right.get(position(b, [...head, ...inner, ...columns]));
        if (integer) exact += BigInt(x) * BigInt(y);
        else total += Number(x) * Number(y);
      });
      const at = position(out, index);
      const from = position(start ?? out, index);
      if (integer) {
        const old = beta === 0 ? 0n : BigInt(beta) * BigInt(base.get(from));
        const sum = BigInt.asIntN(64, BigInt(alpha) * exact + old);
        target.set(at, out.dtype.compute === 'i64' ? sum : Number(BigInt.asIntN(32, sum)));
      } else {
        const old = beta === 0 ? 0 : beta * Number(base.get(from));
        target.set(at, alpha * total + old);
      }
    });
  }

  correlate(out: View, image: View, kernel: View, padding: readonly [number, number], beta: 0 | 1): boolean {
    const from = this.open(image);
    const weight = this.open(kernel);
    const target = this.open(out);
    const [, channels, height, width] = image.sizes;
    const [, , rows, columns] = kernel.sizes;
    const { compute } = out.dtype;
    forEachIndex(out.sizes, (index) => {
      const [b, k, y, x] = index;
      const at = position(out, index);
      const old = beta === 0 ? 0 : target.get(at);
      let total = out.dtype.isFloatingPoint ? Number(old) : 0;
      let exact = out.dtype.isFloatingPoint ? 0n : BigInt(old);
      forEachIndex([channels, rows, columns], ([c, i, j]) => {
        const [row, column] = [y + i - padding[0], x + j - padding[1]];
        if (row < 0 || row >= height || column < 0 || column >= width) return;
        const p = from.get(position(image, [b, c, row, column]));
        const q = weight.get(position(kernel, [k, c, i, j]));
        if (out.dtype.isFloatingPoint) total += Number(p) * Number(q);
        else exact += BigInt(p) * BigInt(q);
      });
      if (out.dtype.isFloatingPoint) target.set(at, total);
      else target.set(at, compute === 'i64' ? BigInt.asIntN(64, exact) : Number(BigInt.asIntN(32, exact)));
    });
    return true;
  }

  gather(out: View, source: View, indices: Indices): BadIndex | null {
    const bad = this.check(out.sizes, indices);
    if (bad !== null) return bad;
    const from = this.open(source);
    const to = this.open(out);
    const move = this.mover(indices);
    forEachIndex(out.sizes, (index) => {
      to.set(position(out, index), from.get(position(source, index) + move(index)));
    });
    return null;
  }

  scatter(target: View, source: View, indices: Indices, mode: ScatterMode): BadIndex | null {
    const bad = this.check(target.sizes, indices);
    if (bad !== null) return bad;
    const from = this.open(source);
    const to = this.open(target);
    const move = this.mover(indices);
    forEachIndex(target.sizes, (index) => {
      const at = position(target, index) + move(index);
      const x = from.get(position(source, index));
      to.set(at, mode === 'set' ? x : update(mode, to.get(at), x, target.dtype));
    });
    return null;
  }

  zero(out: View): void {
    const { itemSize } = out.dtype;
    const from = out.offset * itemSize;
    this.bytes(out.storage).fill(0, from, from + product(out.sizes) * itemSize);
  }

  nonzero(out: View, mask: View): void {
    const from = this.open(mask);
    const to = this.open(out);
    let row = 0;
    forEachIndex(mask.sizes, (index) => {
      if (Number(from.get(position(mask, index))) === 0) return;
      index.forEach((i, d) => {
        to.set(position(out, [row, d]), BigInt(i));
      });
      row++;
    });
  }

  private check(sizes: readonly number[], { index, size, wrap }: Indices): BadIndex | null {
    const memories = index.map((v) => this.open(v));
    let bad: BadIndex | null = null;
    forEachIndex(sizes, (at) => {
      if (bad !== null) return;
      memories.forEach((m, which) => {
        const value = Number(m.get(position(m.view, at)));
        if (bad === null && (value >= size[which] || value < (wrap ? -size[which] : 0)))
          bad = { which, value };
      });
    });
    return bad;
  }

  private mover({ index, stride, size }: Indices): (at: readonly number[]) => number {
    const memories = index.map((v) => this.open(v));
    return (at) => {
      let moved = 0;
      memories.forEach((m, k) => {
        const i = Number(m.get(position(m.view, at)));
        moved += (i < 0 ? i + size[k] : i) * stride[k];
      });
      return moved;
    };
  }
}

function neutral(combine: Combine, type: ComputeType): Value {
  if (!(combine in identity)) throw new Error(`${combine} of nothing`);
  const x = identity[combine as keyof typeof identity];
  return type === 'i64' ? BigInt(x) : x;
}

/** Sums of f32 are kept in double and rounded once: the best answer there is. */
function merge(combine: Combine, a: Value, b: Value): Value {
  switch (combine) {
    case 'sum':
      return typeof a === 'bigint' ? BigInt.asIntN(64, a + (b as bigint)) : a + (b as number);
    case 'prod':
      return typeof a === 'bigint' ? BigInt.asIntN(64, a * (b as bigint)) : a * (b as number);
    case 'and':
      return a !== 0 && b !== 0 ? 1 : 0;
    case 'or':
      return a !== 0 || b !== 0 ? 1 : 0;
    case 'max':
    case 'min':
      if (Number.isNaN(a as number)) return a;
      if (Number.isNaN(b as number)) return b;
      return (combine === 'max' ? b > a : b < a) ? b : a;
    default:
      throw new Error(`${combine} is not a plain reduction`);
  }
}

function beats(combine: 'argmax' | 'argmin', x: Value, best: Value): boolean {
  if (Number.isNaN(best as number)) return false;
  if (Number.isNaN(x as number)) return true;
  return combine === 'argmax' ? x > best : x < best;
}

function roundTotal(x: Value, type: ComputeType): Value {
  if (type === 'f32') return Math.fround(Number(x));
  return type === 'i32' ? Number(x) | 0 : x;
}

function update(mode: Exclude<ScatterMode, 'set'>, old: Value, x: Value, dtype: DType): Value {
  if (dtype.name === 'bool') {
    const a = old !== 0;
    const b = x !== 0;
    return (mode === 'add' || mode === 'max' ? a || b : a && b) ? 1 : 0;
  }
  switch (mode) {
    case 'add':
      return typeof old === 'bigint' ? BigInt.asIntN(64, old + (x as bigint)) : old + (x as number);
    case 'mul':
      return typeof old === 'bigint' ? BigInt.asIntN(64, old * (x as bigint)) : old * (x as number);
    case 'min':
    case 'max':
      return merge(mode, old, x);
    default:
      return mode satisfies never;
  }
}

export const referenceDevice: ReferenceDevice = new ReferenceDevice();
