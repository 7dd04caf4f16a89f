/** The kernels of pointwise ops: the program for operands of given dtypes, and the programs of its gradients. */
import { notImplementedFor } from '../ops/refuse.ts';
import { bool, canCast, type ComputeType, type DType, getDefaultDtype } from '../base/dtype.ts';
import { RuntimeError } from '../base/errors.ts';
import { derivative } from '../expr/derivative.ts';
import type { Expr } from '../expr/expr.ts';
import { LoopProgram } from '../kernel/program.ts';
import type { Operand } from '../ops/define.ts';
import type { PointwiseOp } from '../ops/pointwise/family.ts';
import { Tensor } from './tensor.ts';
import { KINDS, kindOf, numberDtype, resultDtype } from './promotion.ts';
import * as E from '../expr/expr.ts';

/** What a kernel's gradients are besides the symbolic derivative, per tensor operand. */
export interface GradientRules {
  /** Derivatives given by the op; null: symbolic. */
  readonly override: readonly (Expr | null)[] | null;
  /** Messages where PyTorch has no derivative. */
  readonly refusals: readonly (string | null)[] | null;
  readonly savesInputs: boolean;
  /** How many of the scalar arguments stand for operands: PyTorch saves those like tensors. */
  readonly numbers: number;
  /** The node's name in the gradient's own graph; null: by its last operation. */
  readonly backwardName: string | null;
}

const plainRules: GradientRules = {
  override: null,
  refusals: null,
  savesInputs: false,
  numbers: 0,
  backwardName: null,
};

/** A differentiable pointwise kernel for operands of fixed dtypes. */
export class PointwiseKernel {
  /** The node's name: 'AddBackward0'. */
  readonly name: string;
  readonly expr: Expr;
  readonly inputs: readonly DType[];
  readonly output: DType;
  readonly program: LoopProgram;
  private readonly gradients: (GradientKernel | null | undefined)[] = [];
  private readonly rules: GradientRules;

  constructor(name: string, expr: Expr, inputs: readonly DType[], output: DType, rules: GradientRules) {
    this.name = name;
    this.expr = expr;
    this.inputs = inputs;
    this.output = output;
    this.rules = rules;
    this.program = new LoopProgram([{ expr, dtype: output }], inputs);
  }

  /** The kernel of input `i`'s gradient, or null where there is none: for integers, and where `refusal` has a message. */
  gradient(i: number): GradientKernel | null {
    const known = this.gradients[i];
    if (known !== undefined) return known;
    const made = this.makeGradient(i);
    this.gradients[i] = made;
    return made;
  }

  private makeGradient(i: number): GradientKernel | null {
    const { expr, rules } = this;
    const node = inputNode(expr, i);
    if (!E.isFloat(expr.type) || !this.inputs[i].isFloatingPoint || this.refusal(i) !== null) return null;
    const known = rules.override?.[i] ?? (node === null ? null : derivative(expr, node));
    // Where the output does not vary with the input the gradient is zero, not absent.
    const slope = known ?? E.constant(0, expr.type);
    // input(0) is the incoming gradient; the forward operands and output that the slope mentions follow.
    const uses: number[] = [];
    const place = (operand: number, type: ComputeType): Expr => {
      let at = uses.indexOf(operand);
      if (at < 0) at = uses.push(operand) - 1;
      return E.input(at + 1, type);
    };
    const outIndex = this.inputs.length;
    const replaced = E.substitute(slope, (e) => {
      if (e === expr && !rules.savesInputs && expr.args.length > 0) return place(outIndex, expr.type);
      return e.op === 'input' ? place(Number(e.value), e.type) : undefined;
    });
    const total = times(E.input(0, replaced.type), replaced);
    const dtypes = [this.output, ...uses.map((u) => (u === outIndex ? this.output : this.inputs[u]))];
    const name = rules.backwardName ?? lastOperation(total);
    const numbers = E.postorder([total]).some((e) => e.op === 'param' && Number(e.value) < rules.numbers);
    return {
      kernel: new PointwiseKernel(`${name}Backward0`, total, dtypes, this.inputs[i], plainRules),
      uses,
      numbers,
    };
  }

  /** PyTorch's message where it has no derivative with respect to input `i`. */
  refusal(i: number): string | null {
    return this.rules.refusals?.[i] ?? null;
  }

  /** Does backward need numbers that were operands? PyTorch saves and frees them like tensors. */
  savesNumbers(mask: number): boolean {
    return this.inputs.some((_, i) => (mask & (1 << i)) !== 0 && (this.gradient(i)?.numbers ?? false));
  }

  private readonly needs = new Map<number, readonly number[]>();

  /** Which operands (and, as the last index, the output) backward needs when the inputs in `mask` want gradients. */
  saves(mask: number): readonly number[] {
    const known = this.needs.get(mask);
    if (known !== undefined) return known;
    const all = new Set<number>();
    for (let i = 0; i < this.inputs.length; i++) {
      if (mask & (1 << i)) for (const u of this.gradient(i)?.uses ?? []) all.add(u);
    }
    const list = [...all];
    this.needs.set(mask, list);
    return list;
  }
}

export interface GradientKernel {
  readonly kernel: PointwiseKernel;
  /** Forward operands after the incoming gradient; the number of inputs stands for the output. */
  readonly uses: readonly number[];
  /** Uses numbers that were operands. */
  readonly numbers: boolean;
}

/** grad · slope. Where the slope is 0 by a condition the gradient is 0, even if what arrives there is infinite or NaN. */
function times(grad: Expr, slope: Expr): Expr {
  if (slope.op === 'select') {
    const [condition, yes, no] = slope.args;
    return E.select(condition, times(grad, yes), times(grad, no));
  }
  if (slope.op === 'cast' && slope.args[0].type === 'bool') {
    return E.select(slope.args[0], grad, E.constant(0, grad.type));
  }
  return E.mul(grad, slope);
}

/** What the node of a gradient is called after: the operation that its expression ends with. */
function lastOperation(expr: Expr): string {
  if (expr.op === 'neg' && expr.args[0].op === 'input') return 'Neg';
  const byInverse = expr.op === 'mul' && expr.args[1].op === 'div' && expr.args[1].args[0].op === 'const';
  return expr.op === 'div' || byInverse ? 'Div' : 'Mul';
}

function inputNode(expr: Expr, i: number): Expr | null {
  return E.postorder([expr]).find((e) => e.op === 'input' && e.value === i) ?? null;
}

function buildKernel(
  op: PointwiseOp,
  operands: readonly Operand[],
  attributeCount: number,
  into: DType | null,
): PointwiseKernel {
  const { spec } = op;
  const conditions = spec.conditions ?? [];
  let common = resultDtype(operands, conditions);
  if (op.rule === 'intToFloat' && !common.isFloatingPoint) common = getDefaultDtype();
  if (spec.refuses?.dtypes.includes(common.name)) {
    throw notImplementedFor(spec.refuses.kernel, common);
  }
  spec.check?.(
    common.compute,
    operands.map((x) => ({
      dtype: x instanceof Tensor ? x.dtype.name : numberDtype(kindOf(x, op.name)).name,
      isTensor: x instanceof Tensor,
    })),
  );
  let compute: ComputeType = common.compute;
  if (op.rule === 'logical') compute = 'bool';
  else if (compute === 'bool' && !spec.boolAsTruth) compute = 'i32';
  const output = op.rule === 'alwaysBool' || op.rule === 'logical' ? bool : common;
  if (into !== null && !canCast(output, into)) {
    const usual = `result type ${output.scalarName} can't be cast to the desired output type ${into.scalarName}`;
    throw new RuntimeError(spec.castMessage?.(output, into) ?? usual);
  }
  const dtypes: DType[] = [];
  let paramCount = 0;
  const nodes = operands.map((x, i) => {
    const type = conditions.includes(i) ? 'bool' : compute;
    if (!(x instanceof Tensor)) return E.param(paramCount++, type);
    dtypes.push(x.dtype);
    return E.input(dtypes.length - 1, type);
  });
  const attributes = Array.from({ length: attributeCount }, (_, i) => E.param(paramCount + i, compute));
  const expr = spec.expr(nodes, attributes);
  const slopes = spec.derivative?.(nodes, expr, attributes) ?? null;
  const ofTensors = <T>(list: readonly T[] | null): readonly T[] | null =>
    list === null ? null : list.filter((_, i) => operands[i] instanceof Tensor);
  const overload = spec.overload?.(operands.map((x) => x instanceof Tensor)) ?? 0;
  return new PointwiseKernel(`${op.gradName}Backward${overload}`, expr, dtypes, into ?? output, {
    override: ofTensors(slopes),
    refusals: ofTensors(spec.noDerivative ?? null),
    savesInputs: spec.savesInputs ?? false,
    numbers: paramCount,
    backwardName: spec.backwardName ?? null,
  });
}

/** The kernel for these operands: made once per combination of kinds, then only looked up. */
export function kernelFor(
  op: PointwiseOp,
  operands: readonly Operand[],
  attributeCount: number,
  into: DType | null,
): PointwiseKernel {
  let key = into === null ? 15 : into.code;
  for (let i = 0; i < operands.length; i++) key = key * KINDS + kindOf(operands[i], op.name);
  key = key * 16 + getDefaultDtype().code;
  let kernel = op.instances.get(key) as PointwiseKernel | undefined;
  if (kernel === undefined) {
    kernel = buildKernel(op, operands, attributeCount, into);
    op.instances.set(key, kernel);
  }
  return kernel;
}
