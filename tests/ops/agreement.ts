/** Checks that the wasm device computes what the reference device does, for every dtype and memory layout, gradients too. */
import assert from 'node:assert/strict';
import * as torch from 'typetorch';
import { type OpCase, operandsOf, replaced, type Sample } from './cases.ts';
import {
  argumentsFor,
  direction,
  dtypes,
  expectSameOutcome,
  type Fn,
  type Outcome,
  outcome,
  type Setting,
  tensorsIn,
  variantsOf,
} from './harness.ts';
import type { Layout } from './operands.ts';

/** A call's outcome, and (for float results of differentiable ops) that of the gradients of its operands. */
interface Run {
  readonly result: Outcome;
  readonly gradients: Outcome | null;
}

function run(fn: Fn, { facts }: OpCase, sample: Sample, setting: Setting): Run {
  const wanted =
    facts.gradient && !facts.underivable && !facts.undefinedValues && setting.dtype.isFloatingPoint;
  const args = argumentsFor(sample, { ...setting, requiresGrad: wanted });
  const result = outcome(facts, () => fn(...args));
  if ('error' in result || !wanted) return { result, gradients: null };
  const outputs = tensorsIn(result.value).filter((t) => t.requiresGrad && t.numel() > 0);
  const leaves = tensorsIn(args).filter((t) => t.requiresGrad && t.isLeaf);
  if (outputs.length === 0 || leaves.length === 0) return { result, gradients: null };
  const gradOutputs = outputs.map((t) => direction(t));
  const gradients = outcome(facts, () =>
    torch.autograd.grad(outputs, leaves, { gradOutputs, allowUnused: true }),
  );
  return { result, gradients };
}

function compare(got: Run, expected: Run, where: string, { facts }: OpCase, strides: boolean): void {
  const how = { looser: facts.looser, strides, kindOnly: facts.undefinedValues };
  expectSameOutcome(got.result, expected.result, where, how);
  assert.equal(got.gradients === null, expected.gradients === null, `${where}: only one has gradients`);
  if (got.gradients === null || expected.gradients === null) return;
  expectSameOutcome(got.gradients, expected.gradients, `${where}: gradients`, { looser: facts.looser });
}

export function checkDevices(path: string, fn: Fn, spec: OpCase): void {
  for (const variant of spec.samples.flatMap((sample, i) => variantsOf(sample, i))) {
    const { sample, name, given, layouts } = variant;
    let refusal: Error | null = null;
    let succeeded = false;
    for (const dtype of variant.dtypes) {
      const where = (layout: string): string => `${path}, ${name}, ${dtype.name}, ${layout}`;
      const on = (device: string, layout: Layout): Run => run(fn, spec, sample, { dtype, device, layout });
      const expected = on('reference', 'contiguous');
      if ('error' in expected.result) refusal = expected.result.error;
      else succeeded = true;
      compare(on('cpu', 'contiguous'), expected, where('contiguous'), spec, true);
      if (!layouts.includes(dtype)) continue;
      if (spec.facts.layoutMatters) {
        for (const layout of ['transposed', 'strided'] as const) {
          compare(on('cpu', layout), on('reference', layout), where(layout), spec, true);
        }
        continue;
      }
      compare(on('cpu', 'transposed'), expected, where('transposed'), spec, false);
      compare(on('cpu', 'strided'), expected, where('strided'), spec, false);
      compare(on('cpu', 'broadcast'), on('reference', 'broadcast'), where('broadcast'), spec, true);
    }
    assert.ok(succeeded || !given, `${path}, ${name} fails in every dtype: ${refusal?.message}`);
  }
}

/** Numbers at the edges of a dtype. */
function edges(dtype: torch.DType, zero: boolean): readonly number[] {
  if (dtype === torch.bool) return [0, 1];
  if (!dtype.isFloatingPoint) {
    const { min, max } = torch.iinfo(dtype);
    const all = dtype.isSigned ? [min, -7, -2, -1, 0, 1, 2, 5, max] : [0, 1, 2, 5, 100, max];
    // As doubles the largest int64 numbers would be rounded up, out of range.
    const safe = all.map((n) =>
      Math.abs(Number(n)) > 2 ** 62 ? Math.sign(Number(n)) * (2 ** 62 - 2 ** 10) : Number(n),
    );
    return zero ? safe : safe.filter((n) => n !== 0);
  }
  const { max, tiny, eps } = torch.finfo(dtype);
  const sizes = [0, tiny / 2, tiny, eps, 0.5, 1, 1 + eps, 2, 2.5, 9.75, 300, max, Number.POSITIVE_INFINITY];
  return [Number.NaN, ...sizes, ...sizes.map((n) => -n)];
}

/** Every combination of numbers at the edges of the dtype: where wrong shortcuts of vector code show. */
export function checkEdges(path: string, fn: Fn, spec: OpCase): void {
  for (const sample of spec.samples) {
    const open = operandsOf(sample).filter((operand) => operand.dtype === null);
    for (const dtype of dtypes) {
      for (const zero of dtype.isFloatingPoint || dtype === torch.bool ? [true] : [true, false]) {
        const values = edges(dtype, zero);
        // Of three operands not all combinations, but all pairs of neighbours.
        const count = values.length ** Math.min(open.length, 2);
        const at = (operand: number, i: number): number =>
          operand === 0
            ? i
            : operand === 1
              ? Math.floor(i / values.length) + i
              : Math.floor(i / values.length) * 3 + i;
        let seen = 0;
        const swapped = replaced(sample, (operand) => {
          if (operand.dtype !== null) return operand.resized([count]);
          const k = seen++;
          return operand.holding(count, (i) => values[at(k, i) % values.length]);
        });
        const where = `${path}, edges of ${dtype.name}${zero ? '' : ' without zero'}`;
        const on = (device: string): Run => run(fn, spec, swapped, { dtype, device, layout: 'contiguous' });
        compare(on('cpu'), on('reference'), where, spec, true);
      }
    }
  }
}
