/** Checks that the in-place form, `out=` and the method of an op do what the function does. */
import assert from 'node:assert/strict';
import * as torch from 'typetorch';
import type { OpCase, Sample } from './cases.ts';
import {
  argumentsFor,
  definition,
  dtypes,
  expectSame,
  type Fn,
  methodOf,
  outcome,
  type Setting,
} from './harness.ts';
import { GAP, Operand } from './operands.ts';

export function checkForms(path: string, fn: Fn, spec: OpCase): void {
  const signature = definition(path)?.signature;
  const top = !path.includes('.');
  const inplace = top && !spec.facts.inplaceApart ? methodOf(`${path}_`) : undefined;
  const method = top ? methodOf(path) : undefined;
  const first = signature?.parameters[0]?.names[0];
  spec.samples.forEach((sample, n) => {
    for (const dtype of dtypes) {
      const where = `${path}, sample ${n}, ${dtype.name}`;
      const setting: Setting = { dtype, device: 'cpu', layout: 'contiguous' };
      const args = argumentsFor(sample, setting);
      const expected = outcome(spec.facts, () => fn(...args));
      const self = sample.args[0] instanceof Operand;
      if (inplace !== undefined && self && first === 'input')
        checkInplace(where, inplace, spec, sample, setting, expected);
      if (signature?.positions.has('inplace')) checkInplaceOption(where, fn, spec, sample, setting, expected);
      if ('error' in expected) continue;
      if (signature?.positions.has('out')) checkOut(where, fn, spec, sample, setting, expected.value);
      if (method !== undefined && self && first === 'input') {
        const [target, ...rest] = argumentsFor(sample, setting);
        if (spec.facts.random) torch.manualSeed(3);
        same(spec, method.call(target, ...rest), expected.value, `${where}: the method`);
      }
    }
  });
}

function same({ facts }: OpCase, got: unknown, expected: unknown, where: string): void {
  expectSame(got, expected, where, { looser: 0, kindOnly: facts.undefinedValues });
}

type Result = ReturnType<typeof outcome>;

function checkInplace(
  where: string,
  inplace: Fn,
  spec: OpCase,
  sample: Sample,
  setting: Setting,
  expected: Result,
): void {
  for (const layout of ['contiguous', 'transposed', 'strided'] as const) {
    if (spec.facts.layoutMatters && layout !== 'contiguous') return;
    const [target, ...rest] = argumentsFor(sample, { ...setting, layout }) as [torch.Tensor, ...unknown[]];
    const got = outcome(spec.facts, () => inplace.call(target, ...rest));
    const text = `${where}: in place, ${layout}`;
    if ('error' in expected) {
      assert.ok(
        'error' in got,
        `${text}: the function throws "${expected.error.message}", the in-place form does not`,
      );
      continue;
    }
    const result = expected.value;
    assert.ok(result instanceof torch.Tensor, `${text}: the function gives no tensor`);
    const fits =
      torch.canCast(result.dtype, target.dtype) && String(result.shape) === String(argumentShape(sample));
    const isView = result.numel() > 0 && !fits && 'value' in got;
    if (!fits && !isView) {
      assert.ok(
        'error' in got,
        `${text}: ${result.dtype} ${result.shape} was written to ${target.dtype} ${target.shape}`,
      );
      continue;
    }
    if ('error' in got) throw new Error(`${text}: ${got.error.stack}`);
    assert.equal(got.value, target, `${text}: returned another tensor`);
    same(spec, target, result.to(target.dtype), text);
    if (layout === 'strided') checkGaps(target, text);
  }
}

function argumentShape(sample: Sample): string {
  return `torch.Size([${(sample.args[0] as Operand).sizes.join(', ')}])`;
}

/** Nothing but the elements themselves was written. */
function checkGaps(target: torch.Tensor, where: string): void {
  const span = target.storage.nbytes / target.dtype.itemSize;
  const memory = target.detach().asStrided([span], [1], 0).toTypedArray();
  const own = new Set<number>();
  const visit = (d: number, at: number): void => {
    if (d === target.dim()) own.add(at);
    else for (let i = 0; i < target.sizes[d]; i++) visit(d + 1, at + i * target.strides[d]);
  };
  visit(0, target.offset);
  memory.forEach((v: number | bigint, at: number) => {
    const gap = target.dtype === torch.bool ? 1 : GAP;
    if (!own.has(at)) assert.equal(Number(v), gap, `${where}: element ${at} of the storage was overwritten`);
  });
}

function checkInplaceOption(
  where: string,
  fn: Fn,
  spec: OpCase,
  sample: Sample,
  setting: Setting,
  expected: Result,
): void {
  const args = withOption(argumentsFor(sample, setting), 'inplace', true);
  const target = args[0] as torch.Tensor;
  const got = outcome(spec.facts, () => fn(...args));
  if ('error' in expected) {
    assert.ok('error' in got, `${where}: inplace does not throw "${expected.error.message}"`);
    return;
  }
  if ('error' in got) {
    // Integers have no room for a float result.
    if ((expected.value as torch.Tensor).dtype !== target.dtype) return;
    throw new Error(`${where}: inplace: ${got.error.stack}`);
  }
  same(spec, got.value, expected.value, `${where}: inplace`);
  same(spec, target, expected.value, `${where}: inplace, the argument`);
}

function withOption(args: unknown[], name: string, value: unknown): unknown[] {
  const last = args[args.length - 1];
  const named = typeof last === 'object' && last !== null && Object.getPrototypeOf(last) === Object.prototype;
  return named ? [...args.slice(0, -1), { ...last, [name]: value }] : [...args, { [name]: value }];
}

function checkOut(
  where: string,
  fn: Fn,
  spec: OpCase,
  sample: Sample,
  setting: Setting,
  expected: unknown,
): void {
  const call = (out: unknown): unknown => {
    if (spec.facts.random) torch.manualSeed(3);
    return fn(...withOption(argumentsFor(sample, setting), 'out', out));
  };
  if (expected instanceof torch.Tensor) {
    const fresh = torch.empty(0, { dtype: expected.dtype });
    assert.equal(call(fresh), fresh, `${where}: out= was not returned`);
    same(spec, fresh, expected, `${where}: out=`);
    // Of the right size it is written to as it lies, whatever its layout.
    const strided = new Operand(expected.sizes, expected.dtype, 'none', () => GAP).make({
      ...setting,
      layout: 'strided',
    });
    const { strides } = strided;
    call(strided);
    same(spec, strided, expected, `${where}: strided out=`);
    assert.deepEqual(strided.strides, strides, `${where}: out= was laid out anew`);
    checkGaps(strided, `${where}: strided out=`);
    return;
  }
  if (!Array.isArray(expected) || !expected.every((t) => t instanceof torch.Tensor)) return;
  const fresh = expected.map((t: torch.Tensor) => torch.empty(0, { dtype: t.dtype }));
  call(fresh);
  same(spec, fresh, [...expected], `${where}: out=`);
}
