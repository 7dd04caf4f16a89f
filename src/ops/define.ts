/**
 * How a tensor function is defined: a Python signature and an implementation over bound arguments.
 *
 * The exported constant is the function (`torch.sum(x, 1)`); every definition whose first parameter is a tensor also becomes a
 * method (`x.sum(1)`), and one marked `inplace` gets its `name_` twin. Types, methods and docs all come from the definition.
 */
import { bind, isOptions, parseSignature, refuseType, type Signature } from '../base/arguments.ts';
import { canCast, cppName, type DType } from '../base/dtype.ts';
import { RuntimeError } from '../base/errors.ts';
import { type Observer, observer } from '../base/observer.ts';
import type { PyFloat } from '../tensor/pyfloat.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { runtime } from './runtime.ts';

type Prefixes<R extends readonly unknown[], L extends number> =
  | (R['length'] extends L ? R : never)
  | (R extends readonly [...infer H, unknown] ? Prefixes<H, L> : never);

/** Positional arguments (any number of the optional ones), then optionally one options object. */
export type Call<P extends readonly unknown[], O, R> = (
  ...args: [...Prefixes<Required<P>, P['length'] & number>, options?: O]
) => R;

/** The same for functions of `torch` that are not methods of Tensor: the definition says `functionOnly`. */
export type FreeCall<P extends readonly unknown[], O, R> = Call<P, O, R> & { readonly functionOnly: true };

/** The type of the method, for functions that are called in several ways (it cannot be derived from overloads). */
export interface HasMethod<M> {
  /** Types only: there is no such property at run time. */
  readonly asMethod: M;
}

/** A function of one tensor. */
export type UnaryOp = Call<[input: Tensor], { out?: Tensor }, Tensor>;
/** A number stands for a Python scalar in promotion: whole numbers count as int. */
export type Scalar = number | bigint | boolean;
/** A tensor or a number; `pyFloat(2)` is a whole number that counts as a float. */
export type Operand = Tensor | Scalar | PyFloat;
/** A function of two tensors, of which either may be a number. */
export type BinaryOp = Call<[input: Operand, other: Operand], { other?: Operand; out?: Tensor }, Tensor>;
/** A function of a tensor and another, or a number. */
export type TensorFirstOp = Call<[input: Tensor, other: Operand], { other?: Operand; out?: Tensor }, Tensor>;
/** A function of two tensors. */
export type TensorsOp = Call<[input: Tensor, other: Tensor], { other?: Tensor; out?: Tensor }, Tensor>;
/** One dimension or several. */
export type Dims = number | readonly number[] | null;

/**
 * The dtypes of an `out` tensor: `cast`: to which the result may be cast; `exact`: the result's; `any`. Or a function that gives the message for a
 * dtype that does not do, else null.
 */
export type OutRule = 'cast' | 'exact' | 'any' | ((result: DType, out: DType) => string | null);

/** What a definition says besides its implementation. */
export interface Traits {
  /** Not a method of Tensor. */
  readonly functionOnly?: boolean;
  /** A method of Tensor only, not a function of `torch`. */
  readonly methodOnly?: boolean;
  /** There is an in-place form, `name_`, that writes the result into the first argument. */
  readonly inplace?: boolean;
  /** The result is a view: the in-place form turns the tensor itself into it. */
  readonly view?: boolean;
  /** For compositions that are one function in PyTorch: what the result's gradFn is called after. */
  readonly shownAs?: string;
  /** Which dtypes `out` may have; without it, any that the result can be cast to, and any at all where the function takes a dtype. */
  readonly out?: OutRule;
  /** Throws for an `out` that PyTorch refuses before anything is computed. */
  readonly checkOut?: (out: Tensor) => void;
  /** Computes straight into an `out` that fits the result; false: it does not fit, and nothing was done. */
  readonly into?: (bound: readonly unknown[], out: Tensor) => boolean;
  /** One line for the generated tables and pages. */
  readonly doc?: string;
}

type Callable = (...args: unknown[]) => unknown;

/** What there is to know of a tensor function. Its signature is read when that is first asked for: most programs call few of the functions. */
export class Definition {
  /** PyTorch's name of the function. */
  readonly name: string;
  readonly traits: Traits;
  /** The implementation, over arguments in the order of the signature. */
  readonly implementation: (...args: never[]) => unknown;
  /** The function as it is called behind a method: `this` first. Its messages count the arguments after that. */
  readonly method: Callable;
  private readonly text: string;
  private parsed: Signature | null = null;

  constructor(
    text: string,
    traits: Traits,
    implementation: (...args: never[]) => unknown,
    entry: (definition: Definition, skip: number) => Callable,
  ) {
    this.text = text;
    this.name = text.slice(0, text.indexOf('('));
    this.traits = traits;
    this.implementation = implementation;
    this.method = entry(this, 1);
  }

  /** Is `input` the first argument? */
  get takesInput(): boolean {
    return /^input\b/.test(this.text.slice(this.name.length + 1));
  }

  get signature(): Signature {
    this.parsed ??= parseSignature(this.text);
    return this.parsed;
  }
}

const definitions = new WeakMap<object, Definition>();

/** The definition behind a tensor function, or undefined for any other value. */
export function definitionOf(fn: unknown): Definition | undefined {
  return typeof fn === 'function' ? definitions.get(fn) : undefined;
}

/** What a call looks at: how many arguments need no binding, and where the arguments are that all functions handle alike. */
interface Rules {
  readonly signature: Signature;
  readonly required: number;
  readonly limit: number;
  readonly outAt: number | undefined;
  readonly dtypeAt: number | undefined;
  /** Where functions that make a tensor of nothing take the dtype in which they compute: that of `out`. */
  readonly dtypeOfOut: number | undefined;
}

function rulesOf(signature: Signature): Rules {
  const { parameters, positions } = signature;
  const outAt = positions.get('out');
  const dtypeAt = positions.get('dtype');
  return {
    signature,
    required: parameters.filter((p) => p.required && !p.keywordOnly).length,
    limit: parameters.some((p) => p.variadic) ? 0 : parameters.filter((p) => !p.keywordOnly).length,
    outAt,
    dtypeAt,
    dtypeOfOut: outAt !== undefined && positions.has('requiresGrad') ? dtypeAt : undefined,
  };
}

/** Defines a tensor function. A keyword-only `out` in the signature is handled here, for every function alike. */
export function define<F extends (...args: never[]) => unknown>(
  signatureText: string,
  implementation: (...args: never[]) => ReturnType<F>,
  traits: Traits = {},
): F {
  const impl = shown(implementation as Callable, traits.shownAs);
  let rules: Rules | null = null;
  /** `skip` arguments come before what the caller wrote between the parentheses: one in a method call. */
  const entry =
    (definition: Definition, skip: number): Callable =>
    (...args) => {
      rules ??= rulesOf(definition.signature);
      const { signature, outAt } = rules;
      const n = args.length;
      // The positional path: nothing to bind.
      if (n >= rules.required && n <= rules.limit && !isOptions(args[n - 1])) {
        checkTensors(signature, args, skip);
        return observer === null
          ? impl(...args)
          : watched(observer, signature.name, args, () => impl(...args));
      }
      const bound = bind(signature, args, skip);
      checkTensors(signature, bound, skip);
      if (outAt !== undefined && bound[outAt] !== undefined && bound[outAt] !== null) {
        return callInto(bound[outAt], impl, bound, rules, traits);
      }
      return observer === null
        ? impl(...bound)
        : watched(observer, signature.name, bound, () => impl(...bound));
    };
  const definition = new Definition(signatureText, traits, implementation, entry);
  const call = entry(definition, 0);
  Object.defineProperty(call, 'name', { value: definition.name });
  if (traits.functionOnly) Object.defineProperty(call, 'functionOnly', { value: true });
  definitions.set(call, definition);
  return call as unknown as F;
}

/** Calls an implementation and writes its result to `target`, the argument `out`. */
function callInto(
  target: unknown,
  impl: Callable,
  bound: unknown[],
  { signature, outAt, dtypeAt, dtypeOfOut }: Rules,
  traits: Traits,
): unknown {
  bound[outAt as number] = undefined;
  if (runtime.needsGrad([...bound.flat(), target].filter((x) => runtime.isTensor(x)))) {
    throw new RuntimeError(
      `${signature.name}(): functions with out=... arguments don't support automatic differentiation, but one of the arguments requires grad.`,
    );
  }
  if (runtime.isTensor(target)) {
    traits.checkOut?.(target);
    if (dtypeOfOut !== undefined) bound[dtypeOfOut] ??= target.dtype;
    if (traits.into?.(bound, target)) return target;
  }
  const result = impl(...bound);
  // A dtype that was asked for must be that of `out`.
  const asked = dtypeAt !== undefined && (bound[dtypeAt] ?? null) !== null;
  const rule = asked ? 'exact' : (traits.out ?? (dtypeAt === undefined ? 'cast' : 'any'));
  checkOut(rule, result, target);
  return runtime.writeOut(result, target);
}

/** What is wrong with writing a result to `out`; null: nothing. */
function outProblem(rule: OutRule, result: DType, out: DType): string | null {
  if (rule === 'any' || result === out) return null;
  if (rule === 'exact') {
    return `Expected out tensor to have dtype ${cppName(result)}, but got ${cppName(out)} instead`;
  }
  if (rule !== 'cast') return rule(result, out);
  if (canCast(result, out)) return null;
  return `result type ${result.scalarName} can't be cast to the desired output type ${out.scalarName}`;
}

function checkOut(rule: OutRule, result: unknown, target: unknown): void {
  if (Array.isArray(result) && Array.isArray(target)) {
    for (let i = 0; i < result.length; i++) checkOut(rule, result[i], target[i]);
    return;
  }
  if (!runtime.isTensor(result) || !runtime.isTensor(target)) return;
  const problem = outProblem(rule, result.dtype, target.dtype);
  if (problem !== null) throw new RuntimeError(problem);
}

/** Runs a tensor function, told to whoever watches. */
export function watched<R>(watching: Observer, name: string, args: readonly unknown[], run: () => R): R {
  watching.begin('op', name, () => args.flat().flatMap((x) => (runtime.isTensor(x) ? [x.sizes] : [])));
  try {
    return run();
  } finally {
    watching.end();
  }
}

function shown(implementation: Callable, name: string | undefined): Callable {
  if (name === undefined) return implementation;
  return (...args) => {
    const result = implementation(...args);
    // An argument that is handed back keeps its own history.
    if (!runtime.isTensor(result) || args.includes(result)) return result;
    return runtime.showAs(
      name,
      result,
      args.filter((x) => runtime.isTensor(x)),
    );
  };
}

/** Throws a TypeError where a parameter that takes tensors got something else. */
export function checkTensors(signature: Signature, args: readonly unknown[], skip: number): void {
  const { tensors } = signature;
  for (let i = 0; i < tensors.length; i++) {
    const at = tensors[i];
    const x = args[at];
    if (runtime.isTensor(x)) continue;
    const missing = x === null || x === undefined;
    if (missing && !signature.parameters[at].required) continue;
    refuseType(signature, at, 'Tensor', x, skip);
  }
}

/** Options that creation functions share. */
export interface CreationOptions {
  dtype?: DType | null;
  requiresGrad?: boolean;
  device?: unknown;
}
