/**
 * Row ops: what is computed from each row (all elements along the reduced dimensions) in several passes while it is in the cache.
 * Normalizations, softmax and their gradients are of this kind.
 */
import type { ComputeType, DType } from '../../base/dtype.ts';
import * as E from '../../expr/expr.ts';
import type { Expr } from '../../expr/expr.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { ROW_OUTPUTS, ROW_VALUES, type RowPass, RowProgram } from '../../kernel/program.ts';

/** Writes down the passes of a row op, one after another. */
export class Rows {
  /** The type that is computed in. */
  readonly type: ComputeType;
  private readonly done: RowPass[] = [];
  private stores: { output: number; expr: Expr }[] = [];
  private reductions: RowPass['reductions'][number][] = [];
  private after: Expr[] = [];
  private values = 0;
  private outputCount = 0;
  private readonly resultValues: number[] = [];

  constructor(type: ComputeType) {
    this.type = type;
  }

  /** Operand `i` at an element; one that does not move along the row is a value of the row. */
  input(i: number, type: ComputeType = this.type): Expr {
    return E.input(i, type);
  }

  /** Scalar argument `i`. */
  param(i: number): Expr {
    return E.param(i, this.type);
  }

  private value(type: ComputeType): Expr {
    return E.input(ROW_VALUES + this.values++, type);
  }

  /** The value that the expressions of all elements of the row combine to. It is known when the pass has ended. */
  reduce(combine: 'sum' | 'max' | 'min', expr: Expr): Expr {
    if (this.after.length > 0) this.pass();
    this.reductions.push({ combine, expr });
    return this.value(expr.type);
  }

  /** Ends the pass with a value of the row that follows from known ones, computed once. */
  once(expr: Expr): Expr {
    this.after.push(expr);
    return this.value(expr.type);
  }

  /** Stores an element of output `output`; returns what later passes read there. */
  store(output: number, expr: Expr): Expr {
    if (this.after.length > 0) this.pass();
    this.stores.push({ output, expr });
    this.outputCount = Math.max(this.outputCount, output + 1);
    return E.input(ROW_OUTPUTS + output, expr.type);
  }

  /** Ends the pass: what comes next may use what it reduced and stored. */
  pass(): void {
    const { stores, reductions, after } = this;
    if (stores.length + reductions.length === 0) return;
    this.done.push({ stores, reductions, after });
    this.stores = [];
    this.reductions = [];
    this.after = [];
  }

  /** The next output with one element per row is this value of it. */
  result(value: Expr): void {
    this.resultValues.push(Number(value.value) - ROW_VALUES);
  }

  /** The program for operands of these dtypes; outputs and results are of dtype `output`. */
  program(inputs: readonly DType[], output: DType): RowProgram {
    this.pass();
    return new RowProgram(
      this.done,
      inputs,
      Array.from({ length: this.outputCount }, () => output),
      this.resultValues.map((value) => ({ value, dtype: output })),
    );
  }
}

export class RowOp {
  readonly name: string;
  readonly build: (rows: Rows) => void;
  /** Programs by operand dtypes: filled by the tensor layer. */
  readonly instances: Map<number, RowProgram> = new Map();

  constructor(name: string, build: (rows: Rows) => void) {
    this.name = name;
    this.build = build;
  }
}

/** What a row op gave: tensors of the size of the operands, and tensors with size 1 along the rows. */
export interface RowsOut {
  readonly outputs: Tensor[];
  readonly results: Tensor[];
}
