/** Runs samples: resolves names, makes operands, catches errors, compares what came out. */
import assert from 'node:assert/strict';
import * as torch from 'typetorch';
import { definitionOf, type Definition } from '../../src/ops/define.ts';
import { DEVICE, DTYPE, fill, type OpCase, replaced, type Sample } from './cases.ts';
import { type Layout, Operand } from './operands.ts';

export type Fn = (...args: unknown[]) => unknown;

/**
 * A function by its path from `torch`; `Tensor.name`, and a name that only methods have, is a method, its first argument the
 * tensor.
 */
export function resolve(path: string): Fn {
  const parts = path.split('.');
  const name = parts[parts.length - 1];
  let fn: Fn;
  const plain = parts.length === 1 && !(name in torch);
  if (parts[0] === 'Tensor' || plain) {
    const method = methodOf(name);
    assert.ok(method, `Tensor has no method ${name}`);
    fn = (self, ...args) => method.call(self, ...args);
  } else {
    let at: unknown = torch;
    for (const part of parts) at = (at as Record<string, unknown> | undefined)?.[part];
    assert.equal(typeof at, 'function', `torch.${path} is not a function`);
    fn = at as Fn;
  }
  if (!name.endsWith('_')) return fn;
  // A leaf must not be changed in place: an operand with a gradient is copied first.
  return (self, ...args) =>
    fn(
      self instanceof torch.Tensor && self.requiresGrad && torch.isGradEnabled() ? self.clone() : self,
      ...args,
    );
}

export function methodOf(name: string): Fn | undefined {
  return (torch.Tensor.prototype as unknown as Record<string, Fn | undefined>)[name];
}

export function definition(path: string): Definition | undefined {
  return path.startsWith('Tensor.') || path.endsWith('_') ? undefined : definitionOf(resolve(path));
}

export interface Setting {
  readonly dtype: torch.DType;
  readonly device: string;
  readonly layout: Layout;
  readonly requiresGrad?: boolean;
}

/** A sample's arguments as values for one setting. */
export function argumentsFor(sample: Sample, setting: Setting): unknown[] {
  return callArguments(sample, setting, (operand) => operand.make(setting));
}

/** A sample's arguments with `make` for the operands, and the setting's device and dtype where it asks for them. */
export function callArguments(
  sample: Sample,
  setting: Setting,
  make: (operand: Operand, i: number) => unknown,
): unknown[] {
  return fill(sample, make).map((a) => withSetting(a, setting));
}

function withSetting(value: unknown, setting: Setting): unknown {
  if (value === DEVICE) return setting.device;
  if (value === DTYPE) return setting.dtype;
  if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, withSetting(v, setting)]));
  }
  return value;
}

/** The tensors among arguments, in order. */
export function tensorsIn(value: unknown): torch.Tensor[] {
  if (value instanceof torch.Tensor) return [value];
  if (Array.isArray(value)) return value.flatMap(tensorsIn);
  if (value instanceof Map) return [...value.values()].flatMap(tensorsIn);
  if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.values(value).flatMap(tensorsIn);
  }
  return [];
}

export type Outcome = { readonly value: unknown } | { readonly error: Error };

/** Calls and catches. Errors that are not the library's own (a TypeError of the engine) are failures. */
export function outcome(facts: OpCase['facts'], call: () => unknown): Outcome {
  if (facts.random) torch.manualSeed(3);
  try {
    return { value: call() };
  } catch (error) {
    if (error instanceof torch.TorchError || error instanceof torch.ArgumentTypeError) return { error };
    throw error;
  }
}

interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

/**
 * How far two devices may be apart. Both compute in the same precision and differ in the last place of elementary functions
 * and in the order of short sums: 16-bit floats by one unit of theirs (2⁻¹⁰ and 2⁻⁷, where a rounding goes the other way), float32 by
 * PyTorch's tolerance, float64 by what is left of 2⁻⁵³ after a few cancelling operations.
 */
const tolerances: Readonly<Record<string, Tolerance>> = {
  float16: { rtol: 2 ** -10, atol: 1e-5 },
  bfloat16: { rtol: 2 ** -7, atol: 1e-5 },
  float32: { rtol: 1.3e-6, atol: 1e-5 },
  float64: { rtol: 1e-12, atol: 1e-13 },
};

export interface Comparison {
  /** Multiples of the usual tolerance. */
  readonly looser?: number;
  readonly strides?: boolean;
  /** Only shapes and dtypes. */
  readonly kindOnly?: boolean;
}

/** Compares results of any kind. */
export function expectSame(got: unknown, expected: unknown, where: string, how: Comparison = {}): void {
  const { looser = 1, strides = false, kindOnly = false } = how;
  if (got instanceof torch.Tensor && expected instanceof torch.Tensor) {
    const { rtol, atol } = tolerances[expected.dtype.name] ?? { rtol: 0, atol: 0 };
    torch.testing.assertClose(
      kindOnly ? got.mul(0).isnan() : got,
      kindOnly ? expected.mul(0).isnan() : expected,
      {
        rtol: rtol * looser,
        atol: atol * looser,
        equalNan: true,
        checkDevice: false,
        checkStride: strides,
        msg: (m) => `${where}: ${m}\ngot ${short(got)}\nexpected ${short(expected)}`,
      },
    );
    return;
  }
  if (Array.isArray(got) && Array.isArray(expected)) {
    assert.equal(got.length, expected.length, `${where}: number of results`);
    got.forEach((g, i) => {
      expectSame(g, expected[i], `${where}[${i}]`, how);
    });
    return;
  }
  assert.deepEqual(String(got), String(expected), where);
}

function short(t: torch.Tensor): string {
  const values = [...t.detach().toTypedArray()];
  return `[${values.slice(0, 12).join(', ')}${values.length > 12 ? ', …' : ''}]`;
}

/** The same value, or the same error. */
export function expectSameOutcome(got: Outcome, expected: Outcome, where: string, how?: Comparison): void {
  if ('error' in expected) {
    const text = 'error' in got ? got.error.message : `the value ${String(got.value)}`;
    assert.ok(
      'error' in got && text === expected.error.message,
      `${where}: expected the error "${expected.error.message}", got ${text}`,
    );
    return;
  }
  if ('error' in got) throw new Error(`${where}: threw ${got.error.stack}`);
  expectSame(got.value, expected.value, where, how);
}

export const dtypes: readonly torch.DType[] = [
  torch.float32,
  torch.float64,
  torch.int64,
  torch.int32,
  torch.int16,
  torch.int8,
  torch.uint8,
  torch.bool,
  torch.float16,
  torch.bfloat16,
];

/** A direction without pattern, of whole quarters, so that 16-bit floats hold it exactly. */
export function direction(t: torch.Tensor): torch.Tensor {
  const values = Array.from({ length: t.numel() }, (_, i) => (((i * 7) % 11) - 4) / 4 + 0.125);
  return torch.tensor(values, { dtype: t.dtype, device: t.device }).reshape(t.shape);
}

/** A sample to compare devices on. Variants of a sample are run in fewer dtypes, and only as they lie. */
export interface Variant {
  readonly sample: Sample;
  readonly name: string;
  readonly dtypes: readonly torch.DType[];
  /** Is it a sample itself? Then it must work in some dtype; variants may be refused, by all devices alike. */
  readonly given: boolean;
  /** Dtypes in which other memory layouts are compared. */
  readonly layouts: readonly torch.DType[];
}

/** Every dtype is laid out in all ways for the first sample of an op, these for the others. */
const laidOut: readonly torch.DType[] = [torch.float32, torch.float64, torch.int64, torch.uint8];

/** The sample as it stands, with all operands without dimensions, and with an empty dimension. */
export function variantsOf(sample: Sample, i: number): readonly Variant[] {
  const layouts = i === 0 ? dtypes : laidOut;
  const given: Variant = { sample, name: `sample ${i}`, dtypes, given: true, layouts };
  if (!sample.args.some(tensorLike)) return [given];
  const resized = (
    name: string,
    some: readonly torch.DType[],
    change: (sizes: readonly number[]) => readonly number[],
  ): Variant => ({
    sample: replaced(sample, (operand) => operand.resized(change(operand.sizes))),
    name: `sample ${i} with ${name}`,
    dtypes: some,
    given: false,
    layouts: [],
  });
  const few = [torch.float32, torch.int64];
  return [
    given,
    resized('no dimensions', dtypes, () => []),
    resized('an empty first dimension', few, (sizes) => sizes.map((n, d) => (d === 0 ? 0 : n))),
    resized('an empty last dimension', few, (sizes) => sizes.map((n, d) => (d === sizes.length - 1 ? 0 : n))),
  ];
}

function tensorLike(a: unknown): boolean {
  return a instanceof Operand || (Array.isArray(a) && a.some(tensorLike));
}
