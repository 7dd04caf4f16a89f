/** First and second derivatives of a call, compared with PyTorch's. */
import { type Case, type Json, tensorSpec } from './cases.ts';
import { expectTensor, type Tolerance, toleranceOf } from './compare.ts';
import { makeConstant } from './decode.ts';
import { describe, type Library, Mismatch, type TensorLike } from './library.ts';

export interface GradRequest {
  readonly outputs: readonly TensorLike[];
  readonly inputs: readonly TensorLike[];
  /** Parallel to `outputs`; null: that output takes no part. */
  readonly gradOut: readonly Json[];
  readonly createGraph?: boolean;
}

type MaybeTensor = TensorLike | null;

/** `torch.autograd.grad(outputs, inputs, grad_out, allow_unused=True)` over the outputs that take part. */
export function gradients(library: Library, request: GradRequest): MaybeTensor[] {
  const { outputs, inputs, gradOut, createGraph = false } = request;
  if (gradOut.length !== outputs.length) {
    throw new Mismatch(`expected ${gradOut.length} output tensors, got ${outputs.length}`);
  }
  const taking = outputs.filter((_, i) => gradOut[i] !== null);
  const given = gradOut.filter((g) => g !== null).map((g) => makeConstant(library, g));
  const result = library.call('torch.autograd.grad', taking, [...inputs], {
    gradOutputs: given,
    allowUnused: true,
    ...(createGraph ? { createGraph } : {}),
  });
  if (!Array.isArray(result)) throw new Mismatch(`autograd.grad gave ${describe(result)}`);
  return result as MaybeTensor[];
}

export function expectGradients(
  library: Library,
  got: readonly MaybeTensor[],
  expected: readonly Json[],
  tolerance: Tolerance,
  name: (index: number) => string,
): void {
  if (got.length !== expected.length) {
    throw new Mismatch(`expected ${expected.length} gradients, got ${got.length}`);
  }
  expected.forEach((e, i) => {
    const spec = tensorSpec(e);
    const actual = got[i] ?? null;
    if (spec !== undefined) expectTensor(library, actual, spec, tolerance, name(i));
    else if (actual !== null) throw new Mismatch(`${name(i)}: expected no gradient, got ${describe(actual)}`);
  });
}

/** Whether a second derivative is None or zeros depends on how a formula is written, not on what it means. */
function expectSecond(
  library: Library,
  got: MaybeTensor,
  expected: Json,
  tolerance: Tolerance,
  name: string,
): void {
  const spec = tensorSpec(expected);
  if (spec !== undefined && (got ?? null) !== null) {
    expectTensor(library, got, spec, tolerance, name);
    return;
  }
  const values = spec === undefined ? got?.toTypedArray() : spec.data?.map(Number);
  const isZero =
    values === undefined || Array.from(values).every((v) => Math.abs(Number(v)) <= tolerance.atol);
  if (!isZero) {
    throw new Mismatch(`${name}: ${spec === undefined ? 'expected no gradient, got one' : 'no gradient'}`);
  }
}

/** The gradient of `sum over i of sum(g[i] * v[i])`, which PyTorch computed in double precision. */
function secondOrder(
  library: Library,
  inputs: readonly TensorLike[],
  first: readonly MaybeTensor[],
  testCase: Case,
): void {
  const vectors = testCase.grad2_v as Json[];
  const expected = testCase.grad2 as Json[];
  let total: TensorLike | null = null;
  first.forEach((g, i) => {
    if (g === null || g === undefined || vectors[i] === null || !g.requiresGrad) return;
    const term = library.method(library.send(g, 'mul', makeConstant(library, vectors[i])), 'sum');
    total = total === null ? term : library.method(total, 'add', term);
  });
  const got: MaybeTensor[] =
    total === null
      ? inputs.map(() => null)
      : (library.call('torch.autograd.grad', [total], [...inputs], { allowUnused: true }) as MaybeTensor[]);
  const { rtol, atol } = toleranceOf(testCase, 'grad_');
  const tolerance = { rtol: Math.max(rtol, 1e-6), atol: Math.max(atol, 1e-8) };
  expected.forEach((e, i) => {
    expectSecond(library, got[i], e, tolerance, `grad2[${i}]`);
  });
}

/** Compares `grads` and, where the case has it, `grad2`. */
export function checkGradients(
  library: Library,
  testCase: Case,
  outputs: readonly TensorLike[],
  inputs: readonly TensorLike[],
): void {
  const gradOut = testCase.grad_out as Json[];
  const second = testCase.grad2 !== undefined;
  const got = gradients(library, { outputs, inputs, gradOut, createGraph: second });
  const tolerance = toleranceOf(testCase, 'grad_');
  expectGradients(library, got, testCase.grads as Json[], tolerance, (i) => `grads[${i}]`);
  if (second) secondOrder(library, inputs, got, testCase);
}
