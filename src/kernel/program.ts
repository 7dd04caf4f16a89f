/**
 * Loop and reduction kernels: expressions over operands, independent of any size.
 *
 * A program is made once for a combination of expression and dtypes and then run on many views. Devices keep what they
 * compiled for it in `compiled[device.slot]`.
 */
import type { DType } from '../base/dtype.ts';
import type { Expr } from '../expr/expr.ts';

let programCount = 0;

/** One value per iterated element and output: `out_k[i] = outputs_k(in_0[i], in_1[i], …; params)`. */
export class LoopProgram {
  readonly kind = 'loop';
  /** Unique in the process. */
  readonly id: number = programCount++;
  /** What is computed (`input(i)` and `param(j)` refer to operands), converted to the dtype that is stored. */
  readonly outputs: readonly { readonly expr: Expr; readonly dtype: DType }[];
  /** The storage dtypes of the operands. A load converts to the type of the `input` node (first to the dtype's own). */
  readonly inputs: readonly DType[];
  /** Add to what the output holds instead of overwriting it. Outputs may then overlap themselves (col2im). */
  readonly accumulate: boolean;
  /** Does it move the bytes of one operand as they are? */
  readonly isCopy: boolean;
  /** Per device slot: what that device compiled for this program. */
  readonly compiled: unknown[] = [];

  constructor(
    outputs: readonly { readonly expr: Expr; readonly dtype: DType }[],
    inputs: readonly DType[],
    accumulate = false,
  ) {
    this.outputs = outputs;
    this.inputs = inputs;
    this.accumulate = accumulate;
    const [{ expr, dtype }] = outputs;
    this.isCopy =
      !accumulate &&
      outputs.length === 1 &&
      inputs.length === 1 &&
      expr.op === 'input' &&
      expr.type === dtype.compute &&
      inputs[0] === dtype;
  }
}

/**
 * How a reduction combines. `max`/`min` propagate NaN; `argmax`/`argmin` yield the row-major position within the
 * reduced dimensions (int64) of the first extreme element, a NaN counting as extreme; `and`/`or` are logical.
 */
export type Combine = 'sum' | 'prod' | 'max' | 'min' | 'and' | 'or' | 'argmax' | 'argmin';

/** Combines `expr(in_0[i], …; params)` over the reduced dimensions, then applies `finish` to the result. */
export class ReduceProgram {
  readonly kind = 'reduce';
  readonly id: number = programCount++;
  readonly combine: Combine;
  /** Its type is the type of accumulation: f32, f64, i64 (sum, prod of integers), i32, or bool (and, or). */
  readonly expr: Expr;
  /** Applied to the accumulated value, which is `input(0)`; may use the same params. Null for the identity. */
  readonly finish: Expr | null;
  readonly inputs: readonly DType[];
  readonly output: DType;
  readonly compiled: unknown[] = [];

  constructor(
    combine: Combine,
    expr: Expr,
    inputs: readonly DType[],
    output: DType,
    finish: Expr | null = null,
  ) {
    this.combine = combine;
    this.expr = expr;
    this.inputs = inputs;
    this.output = output;
    this.finish = finish;
  }
}

/** Leaves of the expressions of a `RowProgram` beyond its operands: `input(ROW_VALUES + j)` is value j of the row, … */
export const ROW_VALUES: number = 1 << 8;
/** … and `input(ROW_OUTPUTS + k)` what an earlier pass stored in output k. */
export const ROW_OUTPUTS: number = 1 << 9;

/** One pass over the elements of a row: it stores elements of outputs, and reduces to values of the row. */
export interface RowPass {
  readonly stores: readonly { readonly output: number; readonly expr: Expr }[];
  readonly reductions: readonly { readonly combine: 'sum' | 'max' | 'min'; readonly expr: Expr }[];
  /** More values of the row, computed once from those that are known after the pass. */
  readonly after: readonly Expr[];
}

/** What a pass computes at every element: what it stores, then what it reduces. */
export function elementExprs({ stores, reductions }: RowPass): Expr[] {
  return [...stores, ...reductions].map((x) => x.expr);
}

/**
 * Several passes over each row (all elements along the reduced dimensions) while it is in the cache: later passes use what earlier
 * ones reduced and stored. Normalizations are of this kind. Reductions are numbered in the order of the passes.
 */
export class RowProgram {
  readonly kind = 'rows';
  readonly id: number = programCount++;
  readonly passes: readonly RowPass[];
  readonly inputs: readonly DType[];
  /** Outputs with an element for each of the input's. */
  readonly outputs: readonly DType[];
  /** Outputs with one element per row: which of its values. */
  readonly results: readonly { readonly value: number; readonly dtype: DType }[];
  readonly compiled: unknown[] = [];

  constructor(
    passes: readonly RowPass[],
    inputs: readonly DType[],
    outputs: readonly DType[],
    results: readonly { readonly value: number; readonly dtype: DType }[],
  ) {
    this.passes = passes;
    this.inputs = inputs;
    this.outputs = outputs;
    this.results = results;
  }

  /** Every expression of the program. */
  get roots(): Expr[] {
    return this.passes.flatMap((pass) => [...elementExprs(pass), ...pass.after]);
  }
}
