/**
 * Pointwise ops: a scalar expression, a dtype rule, and nothing else.
 *
 * From the expression come the kernel on every device, the gradient (its symbolic derivative, again pointwise) and hence
 * gradients of any order.
 */
import type { ComputeType, DType, DTypeName } from '../../base/dtype.ts';
import type { Expr } from '../../expr/expr.ts';
import { define, type Operand, type Traits } from '../define.ts';
import { runtime } from '../runtime.ts';
import type { Tensor } from '../../tensor/tensor.ts';

/**
 * The dtype rule, by PyTorch's names (torch/_prims_common ELEMENTWISE_TYPE_PROMOTION_KIND):
 * - `default`: computed and returned in the promoted dtype;
 * - `intToFloat`: as default, integers and bools becoming the default float dtype;
 * - `alwaysBool`: computed in the promoted dtype, returned as bool;
 * - `logical`: every operand is taken as a truth value, the result is bool.
 */
export type DtypeRule = 'default' | 'intToFloat' | 'alwaysBool' | 'logical';

/** Builds the expression for inputs of one compute type; `attributes` are scalars of that type. */
export type Build = (inputs: readonly Expr[], attributes: readonly Expr[]) => Expr;

export interface PointwiseSpec {
  /** The name PyTorch's gradFn has: 'Add' prints as AddBackward0. Defaults to the name in title case ('clamp_min': 'ClampMin'). */
  readonly gradName?: string;
  /** The number at its end, where PyTorch has several functions of the name for tensors and numbers. */
  readonly overload?: (isTensor: readonly boolean[]) => number;
  /** The name of the gradient's own gradFn, where PyTorch has a function for the gradient: 'TanhBackward'. */
  readonly backwardName?: string;
  readonly rule?: DtypeRule;
  readonly expr: Build;
  /**
   * Derivatives with respect to each input (null: symbolic), for where the symbolic derivative is numerically poor.
   * `out` is the forward value.
   */
  readonly derivative?: (
    inputs: readonly Expr[],
    out: Expr,
    attributes: readonly Expr[],
  ) => readonly (Expr | null)[];
  /** Inputs that are conditions: loaded as truth values, not promoted with the others. */
  readonly conditions?: readonly number[];
  /** Per operand the message with which a backward pass ends where PyTorch has no derivative; null where it has one. */
  readonly noDerivative?: readonly (string | null)[];
  /** On bool operands compute on truth values (`and`, `or`, `not`) instead of on 0 and 1. */
  readonly boolAsTruth?: boolean;
  /** In the gradient, use the inputs even where the derivative could be had from the output (PyTorch saves the inputs). */
  readonly savesInputs?: boolean;
  /** Promoted dtypes for which PyTorch has no kernel: `"frac_cpu" not implemented for 'Char'`. */
  readonly refuses?: Refusal;
  /** The message where the result cannot be cast to the dtype of an in-place target, when it is not the usual one. */
  readonly castMessage?: (result: DType, target: DType) => string;
  /** Refuses dtypes in other words. Called once per combination of operand dtypes. */
  readonly check?: (compute: ComputeType, operands: readonly OperandInfo[]) => void;
}

/** A kernel of PyTorch, by the name in its messages, and the dtypes it lacks. */
export interface Refusal {
  readonly kernel: string;
  readonly dtypes: readonly DTypeName[];
}

export const BOOL_ONLY: readonly DTypeName[] = ['bool'];
export const INTEGERS: readonly DTypeName[] = ['bool', 'uint8', 'int8', 'int16', 'int32', 'int64'];
export const FLOATS: readonly DTypeName[] = ['float16', 'bfloat16', 'float32', 'float64'];

/** PyTorch's message for a derivative that it declares as missing. */
export function noDerivative(name: string): string {
  return `the derivative for '${name}' is not implemented.`;
}

/** PyTorch's message for a function without any derivative. */
export function underivable(name: string): string {
  return `derivative for aten::${name} is not implemented`;
}

/** What dtype rules see of an operand. */
export interface OperandInfo {
  /** The dtype name for tensors, or the kind of number. */
  readonly dtype: string;
  readonly isTensor: boolean;
}

/** Python's title case without underscores, which names PyTorch's gradient functions: 'log1p' is 'Log1P'. */
export function titleCase(name: string): string {
  return name
    .replace(/(^|[^a-z])([a-z])/g, (_, lead: string, letter: string) => lead + letter.toUpperCase())
    .replaceAll('_', '');
}

export class PointwiseOp {
  readonly name: string;
  readonly gradName: string;
  readonly rule: DtypeRule;
  readonly spec: PointwiseSpec;
  /** Programs by operand dtypes: filled by the tensor layer. */
  readonly instances: Map<number, unknown> = new Map();

  constructor(name: string, spec: PointwiseSpec) {
    this.name = name;
    this.spec = spec;
    this.rule = spec.rule ?? 'default';
    this.gradName = spec.gradName ?? titleCase(name);
  }
}

/** The single operator definition of a pointwise op without a public function of its own. */
export function pointwise(name: string, spec: PointwiseSpec): PointwiseOp {
  return new PointwiseOp(name, spec);
}

/** `name(input)`, with its in-place form. */
export function unary<F extends (...args: never[]) => unknown>(
  name: string,
  spec: PointwiseSpec,
  traits: Traits = {},
): F {
  const op = new PointwiseOp(name, spec);
  return defineOp<F>(`${name}(input, *, out=None)`, traits, (input) => [op, [input], []]);
}

/** Traits of binary ops. */
export interface BinaryTraits extends Traits {
  /** Neither operand may be a number. */
  readonly tensorsOnly?: boolean;
  /** The first operand may not be a number. */
  readonly tensorFirst?: boolean;
}

/** `name(input, other)`, with its in-place form. */
export function binary<F extends (...args: never[]) => unknown>(
  name: string,
  spec: PointwiseSpec,
  { tensorsOnly = false, tensorFirst = tensorsOnly, ...traits }: BinaryTraits = {},
): F {
  const op = new PointwiseOp(name, spec);
  const type = (only: boolean): string => (only ? 'Tensor' : 'Operand');
  const signature = `${name}(input: ${type(tensorFirst)}, other: ${type(tensorsOnly)}, *, out=None)`;
  return defineOp<F>(signature, traits, (input, other) => [op, [input, other], []]);
}

/** What a call of a pointwise function comes to: the op, its operands, its scalar attributes. */
export type Plan = readonly [op: PointwiseOp, operands: readonly Operand[], attributes: readonly number[]];

/**
 * Defines a pointwise function whose call is a plan: `plan` turns the bound arguments into an op, operands and attributes.
 * The in-place form runs the same plan into the first operand.
 */
export function defineOp<F extends (...args: never[]) => unknown>(
  signature: string,
  traits: Traits,
  plan: (...args: never[]) => Plan,
): F {
  const planned = plan as unknown as (...args: unknown[]) => Plan;
  const fn = define<F>(
    signature,
    ((...args: unknown[]): Tensor => {
      const [op, operands, attributes] = planned(...args);
      return runtime.pointwise(op, operands, attributes);
    }) as unknown as (...args: never[]) => ReturnType<F>,
    { inplace: true, into: (bound, out) => runtime.pointwiseInto(...planned(...bound), out), ...traits },
  );
  inplacePlans.set(fn, planned);
  return fn;
}

const inplacePlans = new WeakMap<object, (...args: unknown[]) => Plan>();

/** The plan behind a function made by `defineOp`. */
export function planOf(fn: object): ((...args: unknown[]) => Plan) | undefined {
  return inplacePlans.get(fn);
}
