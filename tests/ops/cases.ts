/**
 * The vocabulary of sample tables: `exp: op(s(x([2, 3])))` says that `torch.exp` is to be checked on a 2×3 operand.
 *
 * The checks (harness.ts) run every sample on both devices in every dtype and layout, compare in-place forms, `out=` and the
 * method with the function, and check first and second derivatives in float64.
 */
import { Operand } from './operands.ts';

/** Can the derivative be checked? */
type ResultKind = 'smooth' | 'discrete' | 'unchecked' | 'refused';

/** One call. Operands in `args` and `options`, also in arrays, become tensors. */
export class Sample {
  readonly args: readonly unknown[];
  readonly options: Readonly<Record<string, unknown>> | null;
  readonly result: ResultKind;

  constructor(
    args: readonly unknown[],
    options: Readonly<Record<string, unknown>> | null,
    result: ResultKind = 'smooth',
  ) {
    this.args = args;
    this.options = options;
    this.result = result;
  }

  /** With these arguments no gradient flows: the result is discrete. */
  discrete(): Sample {
    return new Sample(this.args, this.options, 'discrete');
  }

  /** With these arguments backward is an error. */
  refusesBackward(): Sample {
    return new Sample(this.args, this.options, 'refused');
  }

  /** With these arguments finite differences cannot tell, for this reason (the result is rounded coarsely, say). */
  unchecked(reason: string): Sample {
    void reason;
    return new Sample(this.args, this.options, 'unchecked');
  }
}

/** In `options`: the device that the check runs on, for functions without a tensor argument. */
export const DEVICE: unique symbol = Symbol('device');
/** In `options`: the dtype that the check runs in. */
export const DTYPE: unique symbol = Symbol('dtype');

/** A sample: the arguments of a call, its keyword arguments last. */
export function s(...args: readonly unknown[]): Sample {
  const last = args[args.length - 1];
  const named = typeof last === 'object' && last !== null && Object.getPrototypeOf(last) === Object.prototype;
  return named ? new Sample(args.slice(0, -1), last as Record<string, unknown>) : new Sample(args, null);
}

/** What is known of an op besides its samples. */
interface Facts {
  /** No gradient flows: the result is discrete, or the op creates a tensor. */
  readonly gradient: boolean;
  /** The derivative is zero wherever it exists. */
  readonly flat: boolean;
  /** PyTorch has no derivative of it: asking for one is an error. */
  readonly underivable: boolean;
  /** The gradient of the gradient is not to be checked, for this reason. */
  readonly noSecond: string | null;
  /** The result depends on how the operands lie in memory. */
  readonly layoutMatters: boolean;
  /** Draws random numbers: the generator is seeded before each call. */
  readonly random: boolean;
  /** Elements of the result are undefined: only shape and dtype are compared. */
  readonly undefinedValues: boolean;
  /** The in-place form is another function, with samples of its own. */
  readonly inplaceApart: boolean;
  /** Not implemented yet: calling it is a NotImplementedError. */
  readonly missing: boolean;
  /** How far devices may be apart, in multiples of the usual tolerance, and why. */
  readonly looser: number;
}

const usual: Facts = {
  gradient: true,
  flat: false,
  underivable: false,
  noSecond: null,
  layoutMatters: false,
  random: false,
  undefinedValues: false,
  inplaceApart: false,
  missing: false,
  looser: 1,
};

export class OpCase {
  readonly samples: readonly Sample[];
  readonly facts: Facts;

  constructor(samples: readonly Sample[], facts: Facts = usual) {
    this.samples = samples;
    this.facts = facts;
  }

  private with(facts: Partial<Facts>): OpCase {
    return new OpCase(this.samples, { ...this.facts, ...facts });
  }

  /** The result is discrete or new: no gradient. */
  discrete(): OpCase {
    return this.with({ gradient: false });
  }

  /** The derivative is zero wherever it exists. */
  flat(): OpCase {
    return this.with({ flat: true });
  }

  /** PyTorch records it but has no derivative: backward is an error. */
  underivable(): OpCase {
    return this.with({ underivable: true });
  }

  /** PyTorch has no second derivative either, or finite differences cannot tell. */
  noSecond(reason: string): OpCase {
    return this.with({ noSecond: reason });
  }

  /** The result depends on how the operands lie in memory. */
  layoutMatters(): OpCase {
    return this.with({ layoutMatters: true });
  }

  /** Draws random numbers. */
  random(): OpCase {
    return this.with({ random: true });
  }

  /** The in-place form is another function, with samples of its own. */
  inplaceApart(): OpCase {
    return this.with({ inplaceApart: true });
  }

  /** Not implemented yet: calling it is a NotImplementedError. The samples are checked once it is. */
  missing(): OpCase {
    return this.with({ missing: true });
  }

  /** The result is uninitialised memory. */
  uninitialised(): OpCase {
    return this.with({ undefinedValues: true });
  }

  /** Devices may differ by `times` the usual tolerance; `reason` says why. */
  looser(times: number, reason: string): OpCase {
    void reason;
    return this.with({ looser: times });
  }
}

/** An op and its samples. */
export function op(...samples: readonly Sample[]): OpCase {
  return new OpCase(samples);
}

/** Another name of an op: must be called alike and give the same. */
export class Alias {
  readonly of: string;
  constructor(of: string) {
    this.of = of;
  }
}

export function alias(of: string): Alias {
  return new Alias(of);
}

/** Functions by their path from `torch`: `sum`, `nn.functional.relu`, `Tensor.fill_`. */
export type Table = Readonly<Record<string, OpCase | Alias>>;

/** Samples of the same form for several names. */
export function each(names: readonly string[], make: () => OpCase): Table {
  return Object.fromEntries(names.map((name) => [name, make()]));
}

/** The operands of a sample in order. */
export function operandsOf(sample: Sample): Operand[] {
  const found: Operand[] = [];
  const visit = (value: unknown): void => {
    if (value instanceof Operand) found.push(value);
    else if (Array.isArray(value)) value.forEach(visit);
  };
  sample.args.forEach(visit);
  if (sample.options !== null) Object.values(sample.options).forEach(visit);
  return found;
}

/** The arguments of a call with every operand replaced by what `make` gives for it. */
export function fill(sample: Sample, make: (operand: Operand, i: number) => unknown): unknown[] {
  let count = 0;
  const visit = (value: unknown): unknown => {
    if (value instanceof Operand) return make(value, count++);
    return Array.isArray(value) ? value.map(visit) : value;
  };
  const args = sample.args.map(visit);
  if (sample.options === null) return args;
  const options = Object.entries(sample.options).map(([key, value]) => [key, visit(value)]);
  return [...args, Object.fromEntries(options)];
}

/** The sample with other operands. */
export function replaced(sample: Sample, make: (operand: Operand) => Operand): Sample {
  const [...args] = fill(sample, make);
  if (sample.options === null) return new Sample(args, null, sample.result);
  return new Sample(args.slice(0, -1), args[args.length - 1] as Record<string, unknown>, sample.result);
}
