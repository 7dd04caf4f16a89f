/** What the kernels of matrix products for one element type have in common. */
import type { FunctionBuilder, Local, PlainOp } from './assembler.ts';

export type MatmulType = 'f32' | 'f64' | 'i32' | 'i64';

/** Elements per vector. */
export function lanesOf(type: MatmulType): number {
  return type === 'f32' || type === 'i32' ? 4 : 2;
}

/** Columns of a packed panel: two vectors. */
export function panelColumns(type: MatmulType): number {
  return 2 * lanesOf(type);
}

/**
 * Rows of the register tile, at most. 6 rows of two vectors take 12 accumulators, two columns and one row: all that x86 has, and as one instruction
 * multiplies and adds no more is needed. Else the product takes a register too.
 */
export function tileRows(type: MatmulType, fused: boolean): number {
  return fused && (type === 'f32' || type === 'f64') ? 6 : 4;
}

/** What kernels for one element type have in common. */
export class Template {
  readonly type: MatmulType;
  readonly shape: 'f32x4' | 'f64x2' | 'i32x4' | 'i64x2';
  readonly size: number;
  readonly lanes: number;
  readonly columns: number;
  private readonly fused: boolean;

  constructor(type: MatmulType, fused: boolean) {
    this.type = type;
    this.lanes = lanesOf(type);
    this.size = 16 / this.lanes;
    this.columns = panelColumns(type);
    this.shape = `${type}x${this.lanes}` as 'f32x4';
    this.fused = fused && (type === 'f32' || type === 'f64');
  }

  op(name: 'add' | 'mul' | 'splat'): PlainOp {
    return `${this.shape}.${name}` as PlainOp;
  }

  /** A vector of a number that `emit` leaves on the stack as a double. */
  splatFactor(f: FunctionBuilder, emit: () => void): void {
    emit();
    const { type } = this;
    if (type === 'f32') f.op('f32.demote_f64');
    else if (type === 'i32') f.op('i32.trunc_sat_f64_s');
    else if (type === 'i64') f.op('i64.trunc_sat_f64_s');
    f.op(this.op('splat'));
  }

  /** acc += a · b, over locals. */
  multiplyAdd(f: FunctionBuilder, acc: Local, a: Local, b: Local): void {
    if (this.fused)
      f.get(a)
        .get(b)
        .get(acc)
        .op(`${this.shape}.relaxed_madd` as PlainOp)
        .set(acc);
    else f.get(a).get(b).op(this.op('mul')).get(acc).op(this.op('add')).set(acc);
  }

  loadSplat(f: FunctionBuilder, offset = 0): void {
    f.memory(this.size === 4 ? 'v128.load32_splat' : 'v128.load64_splat', offset);
  }
}

/** A counted loop: runs `body` while `counter` (an i32 local, counted down by `step`) is at least `least`. */
export function whileAtLeast(f: FunctionBuilder, counter: Local, least: number, body: () => void): void {
  f.block(() => {
    f.loop(() => {
      f.get(counter).i32(least).op('i32.lt_s').brIf(1);
      body();
      f.br(0);
    });
  });
}

export function bump(f: FunctionBuilder, local: Local, by: number): void {
  f.get(local).i32(by).op('i32.add').set(local);
}

/** Runs `body` `counter` times; the counter must be positive. */
export function repeat(f: FunctionBuilder, counter: Local, body: () => void): void {
  f.loop(() => {
    body();
    f.get(counter).i32(-1).op('i32.add').tee(counter).brIf(0);
  });
}
