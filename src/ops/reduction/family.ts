/** Reductions: what is combined, in which type, and the gradient. */
import type { DType } from '../../base/dtype.ts';
import type { Expr } from '../../expr/expr.ts';
import type { Combine } from '../../kernel/program.ts';
import type { Tensor } from '../../tensor/tensor.ts';

export interface ReductionSpec {
  readonly combine: Combine;
  /** Applied to each element before combining (identity by default). */
  readonly map?: (x: Expr, attributes: readonly Expr[]) => Expr;
  /** Applied to the combined value (identity by default). */
  readonly finish?: (total: Expr, attributes: readonly Expr[]) => Expr;
  /** PyTorch's gradFn name; 'Sum' prints as SumBackward0. */
  readonly gradName: string;
  /** Does the gradient need the input, the output? */
  readonly saves?: readonly ('input' | 'output')[];
  /**
   * The gradient of the input. `grad` and `output` still have the reduced dimensions, with size 1; `saved` holds what `saves` names.
   */
  readonly backward?: (
    grad: Tensor,
    context: {
      readonly sizes: readonly number[];
      readonly mask: readonly boolean[];
      readonly input: Tensor;
      readonly output: Tensor;
      readonly attributes: readonly number[];
      readonly inputDtype: DType;
    },
  ) => Tensor;
}

/** The node's name of a reduction that PyTorch has in two forms: of everything (0) and over `dim` (1). */
export function byDim(name: string, dim: unknown): string {
  return `${name}Backward${dim === null || dim === undefined ? 0 : 1}`;
}

export class ReductionOp {
  readonly name: string;
  readonly spec: ReductionSpec;
  readonly instances: Map<number, unknown> = new Map();

  constructor(name: string, spec: ReductionSpec) {
    this.name = name;
    this.spec = spec;
  }
}
