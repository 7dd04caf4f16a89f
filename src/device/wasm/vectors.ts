/** Vector code by values: every operation goes into a register of its own. */
import type { FunctionBuilder, Local, MemoryOp, PlainOp } from './assembler.ts';
import type { ConstantPool } from './constants.ts';

export type Shift = 'i32x4.shl' | 'i32x4.shr_u' | 'i64x2.shr_u';

export class Vectors {
  readonly f: FunctionBuilder;
  private readonly pool: ConstantPool;

  constructor(f: FunctionBuilder, pool: ConstantPool) {
    this.f = f;
    this.pool = pool;
  }

  /** A register with what is on the stack. */
  private kept(): Local {
    const local = this.f.local('v128');
    this.f.set(local);
    return local;
  }

  op(name: PlainOp, ...args: readonly Local[]): Local {
    for (const a of args) this.f.get(a);
    this.f.op(name);
    return this.kept();
  }

  shift(name: Shift, x: Local, by: number): Local {
    this.f.get(x).i32(by).op(name);
    return this.kept();
  }

  shuffle(a: Local, b: Local, bytes: readonly number[]): Local {
    this.f.get(a).get(b).shuffle(bytes);
    return this.kept();
  }

  load(from: Local, offset: number, how: MemoryOp = 'v128.load'): Local {
    this.f.get(from).memory(how, offset);
    return this.kept();
  }

  store(to: Local, x: Local, offset: number): void {
    this.f.get(to).get(x).memory('v128.store', offset);
  }

  /** The 32-bit lanes with these bits. */
  i32(value: number): Local {
    this.pool.i32(this.f, value);
    return this.kept();
  }

  i64(value: bigint): Local {
    this.pool.i64(this.f, value);
    return this.kept();
  }

  f32(value: number): Local {
    this.pool.f32(this.f, value);
    return this.kept();
  }

  f64(value: number): Local {
    this.pool.f64(this.f, value);
    return this.kept();
  }

  /** Two float32 of the lower or the higher half as float64. */
  promote(x: Local, half: 0 | 1): Local {
    if (half === 0) return this.op('f64x2.promote_low_f32x4', x);
    return this.op(
      'f64x2.promote_low_f32x4',
      this.shuffle(x, x, [8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15]),
    );
  }

  /** Four float64 as float32. */
  demote(low: Local, high: Local): Local {
    const [a, b] = [low, high].map((x) => this.op('f32x4.demote_f64x2_zero', x));
    return this.shuffle(a, b, [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]);
  }
}
