/** Checks first and second derivatives in float64 against finite differences, at points where they are not zero. */
import assert from 'node:assert/strict';
import * as torch from 'typetorch';
import { fill, type OpCase, operandsOf, type Sample } from './cases.ts';
import { callArguments, direction, type Fn, methodOf, outcome, tensorsIn } from './harness.ts';
import type { Layout } from './operands.ts';

const { gradcheck, gradgradcheck } = torch.autograd;

/** The call as a function of its tensor operands, and these. */
function asFunction(
  fn: Fn,
  spec: OpCase,
  sample: Sample,
  layout: Layout,
): { readonly call: (...tensors: torch.Tensor[]) => torch.Tensor[]; readonly inputs: torch.Tensor[] } {
  const setting = { dtype: torch.float64, device: 'cpu', layout, requiresGrad: true };
  const inputs = operandsOf(sample).map((operand) => operand.make(setting));
  const call = (...tensors: torch.Tensor[]): torch.Tensor[] => {
    if (spec.facts.random) torch.manualSeed(3);
    const args = callArguments(sample, setting, (_, i) => tensors[i]);
    return tensorsIn(fn(...args));
  };
  return { call, inputs };
}

export function checkGradients(path: string, given: Fn, spec: OpCase): void {
  const { facts } = spec;
  // What works in place must not change the operands between evaluations.
  const fn: Fn = path.endsWith('_')
    ? (target, ...rest) => given((target as torch.Tensor).clone(), ...rest)
    : given;
  let recorded = false;
  spec.samples.forEach((sample, n) => {
    for (const layout of facts.layoutMatters
      ? (['contiguous'] as const)
      : (['contiguous', 'strided'] as const)) {
      const { call, inputs } = asFunction(fn, spec, sample, layout);
      const where = `${path}, sample ${n}, ${layout}`;
      const leaves = inputs.filter((t) => t.requiresGrad);
      const result = outcome(facts, () => call(...inputs));
      if ('error' in result) {
        if (facts.gradient) throw new Error(`${where}: ${result.error.stack}`);
        continue;
      }
      const outputs = (result.value as torch.Tensor[]).filter((t) => t.requiresGrad);
      if (!facts.gradient || sample.result === 'discrete') {
        assert.equal(outputs.length, 0, `${where}: recorded a gradient`);
        continue;
      }
      if (leaves.length === 0) continue;
      assert.ok(outputs.length > 0, `${where}: recorded no gradient`);
      recorded = true;
      if (facts.underivable) {
        assert.throws(() => outputs[0].sum().backward(), /derivative for .* is not implemented/, where);
        continue;
      }
      if (sample.result === 'refused') {
        assert.throws(() => outputs[0].sum().backward(), torch.RuntimeError, where);
        continue;
      }
      const gradients = torch.autograd.grad(outputs, leaves, {
        gradOutputs: outputs.map(direction),
        retainGraph: true,
        allowUnused: true,
      });
      const expected = operandsOf(sample).filter((_, i) => inputs[i].requiresGrad);
      gradients.forEach((g, i) => {
        if (leaves[i].numel() === 0) return;
        const zero = g === null || [...g.toTypedArray()].every((v) => v === 0);
        const flat = facts.flat || expected[i].gradient === 'zero';
        assert.equal(zero, flat, `${where}: the gradient of operand ${i} is ${zero ? '' : 'not '}zero`);
      });
      if (sample.result === 'unchecked') continue;
      named(where, () => gradcheck(call, inputs));
      if (facts.flat || facts.noSecond !== null) continue;
      named(`${where}, second derivative`, () => gradgradcheck(call, inputs));
    }
  });
  assert.ok(
    recorded || !facts.gradient,
    `${path}: no sample has a gradient to check; add one or say discrete()`,
  );
}

/** The in-place form on one half of a larger tensor: its gradient goes through the whole. */
export function checkInplaceGradients(path: string, spec: OpCase): void {
  const { facts } = spec;
  const inplace = path.includes('.') ? undefined : methodOf(`${path}_`);
  if (inplace === undefined || !facts.gradient || facts.flat || facts.underivable) return;
  spec.samples.forEach((sample, n) => {
    if (operandsOf(sample)[0] !== sample.args[0] || sample.result !== 'smooth') return;
    const { inputs } = asFunction(inplace, spec, sample, 'contiguous');
    const first = inputs[0];
    if (!first.requiresGrad) return;
    const probe = (target: torch.Tensor, rest: torch.Tensor[]): unknown => {
      const args = fill(sample, (_, i) => (i === 0 ? target : rest[i - 1]));
      return inplace.call(...(args as [unknown]));
    };
    // Where the in-place form is refused (the result is larger, say) there is nothing to check.
    try {
      torch.noGrad(() => probe(first.clone(), inputs.slice(1)));
    } catch {
      return;
    }
    const whole = (x: torch.Tensor, ...rest: torch.Tensor[]): torch.Tensor => {
      const pair = torch.stack([x, x.mul(2)]);
      probe(pair.select(0, 1).mul_(0.5), rest);
      return pair;
    };
    const where = `${path}_, sample ${n}`;
    named(where, () => gradcheck(whole, inputs));
    if (facts.noSecond === null) named(`${where}, second derivative`, () => gradgradcheck(whole, inputs));
  });
}

function named(where: string, check: () => boolean): void {
  try {
    check();
  } catch (error) {
    if (error instanceof Error) error.message = `${where}: ${error.message}`;
    throw error;
  }
}
