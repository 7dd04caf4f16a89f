/**
 * Module: the base of all networks. https://pytorch.org/docs/stable/generated/torch.nn.Module.html
 *
 * A module is a function: `net(x)` runs hooks and `forward`. Parameters, buffers and submodules are the properties that hold them, in the order
 * in which they were assigned.
 */
import { Function as AutogradFunction, type FunctionContext } from '../autograd/function.ts';
import { isGradEnabled, noGrad } from '../autograd/mode.ts';
import type { DType } from '../base/dtype.ts';
import {
  ArgumentTypeError,
  AttributeError,
  KeyError,
  NotImplementedError,
  RuntimeError,
} from '../base/errors.ts';
import { printsAs } from '../base/inspect.ts';
import { sameSizes, showSizes } from '../base/shape.ts';
import { Tensor } from '../tensor/tensor.ts';
import { Parameter } from './parameter.ts';

/** Names and tensors of a model, in order; `metadata` holds the versions of its modules, as in PyTorch's files. */
export class StateDict extends Map<string, Tensor> {
  readonly metadata: Map<string, { version: number }> = new Map();
}

/** What `loadStateDict` reports with `strict: false`. */
export interface IncompatibleKeys {
  readonly missingKeys: string[];
  readonly unexpectedKeys: string[];
}

export interface HookHandle {
  remove(): void;
}

// biome-ignore lint/suspicious/noExplicitAny: hooks see whatever the module's forward takes and gives
export type ForwardPreHook = (module: Module, args: any[]) => any;
// biome-ignore lint/suspicious/noExplicitAny: see above
export type ForwardHook = (module: Module, args: any[], output: any) => any;
export type BackwardHook = (
  module: Module,
  gradInput: readonly (Tensor | null)[],
  gradOutput: readonly (Tensor | null)[],
) => readonly (Tensor | null)[] | Tensor | null | undefined | void;

/** What every module keeps besides its properties. */
interface Hidden {
  readonly buffers: Set<string>;
  readonly nonPersistent: Set<string>;
  readonly preHooks: Set<ForwardPreHook>;
  readonly hooks: Set<ForwardHook>;
  readonly backwardHooks: Set<BackwardHook>;
}

/** Modules are called like functions, with the types of their own `forward`. */
export interface Module {
  // biome-ignore lint/style/useShorthandFunctionType: `this` in a signature needs an interface
  (...args: Parameters<this['forward']>): ReturnType<this['forward']>;
}

// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: see above
export class Module {
  /** True while training (dropout drops, batch norm uses the batch): see `train()` and `eval()`. */
  declare training: boolean;
  /** @internal */
  declare readonly internals: Hidden;

  constructor() {
    const self = ((...args: unknown[]) => call(self as unknown as Module, args)) as unknown as Module;
    Object.setPrototypeOf(self, new.target.prototype);
    // A function has these of its own; a module may want to use the names.
    delete (self as unknown as { name?: string }).name;
    delete (self as unknown as { length?: number }).length;
    const hidden: Hidden = {
      buffers: new Set(),
      nonPersistent: new Set(),
      preHooks: new Set(),
      hooks: new Set(),
      backwardHooks: new Set(),
    };
    // Not enumerable: the enumerable properties are the parameters, submodules and settings.
    Object.defineProperty(self, 'internals', { value: hidden });
    self.training = true;
    // biome-ignore lint/correctness/noConstructorReturn: this is what makes modules callable
    return self;
  }

  /** What the module computes. Every subclass has its own. */
  // biome-ignore lint/suspicious/noExplicitAny: subclasses narrow it
  forward(..._args: any[]): any {
    throw new NotImplementedError(`Module [${this.typeName()}] is missing the required "forward" function`);
  }

  /** The name that is printed: that of the class. */
  typeName(): string {
    return this.constructor.name;
  }

  /** What is printed between the parentheses. */
  extraRepr(): string {
    return '';
  }

  // --- registration ---

  /** Registers a parameter by name; null keeps the place. */
  registerParameter(name: string, parameter: Parameter | null): void {
    checkName(this, name, 'parameter');
    if (parameter !== null && !(parameter instanceof Parameter)) {
      throw new ArgumentTypeError(
        `cannot assign '${typeof parameter}' object to parameter '${name}' (torch.nn.Parameter or None required)`,
      );
    }
    (this as Record<string, unknown>)[name] = parameter;
  }

  /** Registers a tensor that belongs to the state but is not trained. */
  registerBuffer(
    name: string,
    tensor: Tensor | null,
    persistent: boolean | { persistent?: boolean } = true,
  ): void {
    checkName(this, name, 'buffer');
    const { buffers, nonPersistent } = this.internals;
    buffers.add(name);
    const kept = typeof persistent === 'boolean' ? persistent : (persistent.persistent ?? true);
    if (!kept) nonPersistent.add(name);
    (this as Record<string, unknown>)[name] = tensor;
  }

  /** Registers a submodule by name. */
  registerModule(name: string, module: Module | null): void {
    checkName(this, name, 'module');
    if (module !== null && !(module instanceof Module)) {
      throw new ArgumentTypeError(`${String(module)} is not a Module subclass`);
    }
    (this as Record<string, unknown>)[name] = module;
  }

  /** Another name for `registerModule`. */
  addModule(name: string, module: Module | null): void {
    this.registerModule(name, module);
  }

  // --- walking ---

  /** Direct submodules with their names. */
  *namedChildren(): Generator<[string, Module]> {
    const seen = new Set<Module>();
    for (const [name, value] of Object.entries(this)) {
      if (value instanceof Module && !seen.has(value)) {
        seen.add(value);
        yield [name, value];
      }
    }
  }

  /** Direct submodules. */
  *children(): Generator<Module> {
    for (const [, child] of this.namedChildren()) yield child;
  }

  /** This module and all below it, each once, with dotted names. */
  *namedModules(prefix = '', seen: Set<Module> = new Set()): Generator<[string, Module]> {
    if (seen.has(this)) return;
    seen.add(this);
    yield [prefix, this];
    for (const [name, child] of entriesOf(this)) {
      if (child instanceof Module)
        yield* child.namedModules(prefix === '' ? name : `${prefix}.${name}`, seen);
    }
  }

  /** This module and all below it. */
  *modules(): Generator<Module> {
    for (const [, module] of this.namedModules()) yield module;
  }

  /** Parameters of this module and (unless `recurse` is false) all below it, each once, with dotted names. */
  *namedParameters(prefix = '', recurse = true): Generator<[string, Parameter]> {
    yield* named(this, prefix, recurse, ownParameters);
  }

  /** Parameters of this module and all below it: what an optimizer takes. */
  *parameters(recurse = true): Generator<Parameter> {
    for (const [, parameter] of this.namedParameters('', recurse)) yield parameter;
  }

  /** Buffers of this module and all below it, each once, with dotted names. */
  *namedBuffers(prefix = '', recurse = true): Generator<[string, Tensor]> {
    yield* named(this, prefix, recurse, ownBuffers);
  }

  /** Buffers of this module and all below it. */
  *buffers(recurse = true): Generator<Tensor> {
    for (const [, buffer] of this.namedBuffers('', recurse)) yield buffer;
  }

  /** The submodule at a dotted path. Throws an AttributeError. */
  getSubmodule(target: string): Module {
    let module: Module = this;
    if (target === '') return module;
    for (const name of target.split('.')) {
      const next = (module as unknown as Record<string, unknown>)[name];
      if (next === undefined || !Object.hasOwn(module, name)) {
        throw new AttributeError(`${module.typeName()} has no attribute \`${name}\``);
      }
      if (!(next instanceof Module)) throw new AttributeError(`\`${name}\` is not an nn.Module`);
      module = next;
    }
    return module;
  }

  /** The parameter at a dotted path. Throws an AttributeError. */
  getParameter(target: string): Parameter {
    const dot = target.lastIndexOf('.');
    const module = this.getSubmodule(dot < 0 ? '' : target.slice(0, dot));
    const name = target.slice(dot + 1);
    const found = (module as unknown as Record<string, unknown>)[name];
    if (found === undefined) throw new AttributeError(`${module.typeName()} has no attribute \`${name}\``);
    if (!(found instanceof Parameter)) throw new AttributeError(`\`${name}\` is not an nn.Parameter`);
    return found;
  }

  /** The buffer of this module called `name`, or null. */
  getBuffer(name: string): Tensor | null {
    const found = (this as unknown as Record<string, unknown>)[name];
    return found instanceof Tensor && this.internals.buffers.has(name) ? found : null;
  }

  /** Calls `fn` on every module below, then on this one. */
  apply(fn: (module: Module) => void): this {
    for (const child of this.children()) child.apply(fn);
    fn(this);
    return this;
  }

  // --- modes ---

  /** Training mode, here and below. */
  train(mode: boolean | { mode?: boolean } = true): this {
    const value = typeof mode === 'boolean' ? mode : (mode.mode ?? true);
    this.training = value;
    for (const child of this.children()) child.train(value);
    return this;
  }

  /** Evaluation mode, here and below. */
  eval(): this {
    return this.train(false);
  }

  /** Switches gradients of all parameters on or off. */
  requiresGrad_(requiresGrad = true): this {
    for (const p of this.parameters()) p.requiresGrad_(requiresGrad);
    return this;
  }

  /** Forgets the gradients of all parameters (or, without `setToNone`, zeroes them). */
  zeroGrad(setToNone: boolean | { setToNone?: boolean } = true): void {
    const none = typeof setToNone === 'boolean' ? setToNone : (setToNone.setToNone ?? true);
    for (const p of this.parameters()) {
      if (p.grad === null) continue;
      if (none) p.grad = null;
      else p.grad = p.grad.detach().zero_();
    }
  }

  // --- conversion ---

  /** Converts floating-point parameters and buffers, or moves them; in place. */
  to(target: DType | string | { dtype?: DType; device?: unknown } | Tensor): this {
    return applyToTensors(this, (t) => {
      const dtype =
        target instanceof Tensor
          ? target.dtype
          : typeof target === 'object' && 'dtype' in target
            ? target.dtype
            : target;
      const isType = typeof dtype === 'object' && dtype !== null && 'itemSize' in dtype;
      if (isType && !(dtype as DType).isFloatingPoint) {
        throw new ArgumentTypeError(
          `nn.Module.to only accepts floating point or complex dtypes, but got desired dtype=${String(dtype)}`,
        );
      }
      const converted = isType && t.dtype.isFloatingPoint ? t.to(dtype as DType) : t;
      const device =
        typeof target === 'string'
          ? target
          : target instanceof Tensor
            ? target.device
            : (target as { device?: unknown }).device;
      return device === undefined || device === null ? converted : converted.to(String(device));
    });
  }

  /** All floating-point parameters and buffers to float32. */
  float(): this {
    return applyToTensors(this, (t) => (t.dtype.isFloatingPoint ? t.float() : t));
  }

  /** All floating-point parameters and buffers to float64. */
  double(): this {
    return applyToTensors(this, (t) => (t.dtype.isFloatingPoint ? t.double() : t));
  }

  /** All floating-point parameters and buffers to float16. */
  half(): this {
    return applyToTensors(this, (t) => (t.dtype.isFloatingPoint ? t.half() : t));
  }

  /** All floating-point parameters and buffers to bfloat16. */
  bfloat16(): this {
    return applyToTensors(this, (t) => (t.dtype.isFloatingPoint ? t.bfloat16() : t));
  }

  /** All parameters and buffers to `dtype`. */
  type(dtype: DType): this {
    return applyToTensors(this, (t) => t.to(dtype));
  }

  // --- state ---

  /** The version of this module's part of a state dict, as PyTorch writes it into files. */
  stateVersion(): number {
    return 1;
  }

  /** Parameters and persistent buffers, by dotted name; they share memory with the module. */
  stateDict(prefix = '', destination: StateDict = new StateDict()): StateDict {
    destination.metadata.set(prefix.replace(/\.$/, ''), { version: this.stateVersion() });
    for (const [name, tensor] of ownState(this)) destination.set(prefix + name, tensor.detach());
    for (const [name, child] of entriesOf(this)) {
      if (child instanceof Module) child.stateDict(`${prefix}${name}.`, destination);
    }
    return destination;
  }

  /**
   * Copies a state dict (a Map or plain object) into parameters and buffers. With `strict: false` missing and unexpected names are reported,
   * not errors. Throws a RuntimeError that lists everything that does not fit; then nothing is changed.
   */
  loadStateDict(
    state: ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>,
    strict: boolean | { strict?: boolean } = true,
  ): IncompatibleKeys {
    const isStrict = typeof strict === 'boolean' ? strict : (strict.strict ?? true);
    if (typeof state !== 'object' || state === null) {
      throw new ArgumentTypeError(`Expected state_dict to be dict-like, got ${typeof state}.`);
    }
    const given = new Map<string, Tensor>(state instanceof Map ? state : Object.entries(state));
    const own = new Map<string, Tensor>();
    for (const [prefix, module] of allModules(this)) {
      for (const [name, tensor] of ownState(module))
        own.set(prefix === '' ? name : `${prefix}.${name}`, tensor);
    }
    const missingKeys = [...own.keys()].filter((k) => !given.has(k));
    const unexpectedKeys = [...given.keys()].filter((k) => !own.has(k));
    const errors: string[] = [];
    if (isStrict && missingKeys.length > 0) {
      errors.push(`Missing key(s) in state_dict: ${missingKeys.map((k) => `"${k}"`).join(', ')}. `);
    }
    if (isStrict && unexpectedKeys.length > 0) {
      errors.push(`Unexpected key(s) in state_dict: ${unexpectedKeys.map((k) => `"${k}"`).join(', ')}. `);
    }
    for (const [name, target] of own) {
      const source = given.get(name);
      if (source === undefined) continue;
      if (!(source instanceof Tensor)) {
        errors.push(
          `While copying the parameter named "${name}", expected torch.Tensor or Tensor-like object from checkpoint but received ${typeof source}`,
        );
      } else if (!sameSizes(source.sizes, target.sizes) && !isOldScalar(source, target)) {
        errors.push(
          `size mismatch for ${name}: copying a param with shape torch.Size(${showSizes(source.sizes)}) from checkpoint, the shape in current model is torch.Size(${showSizes(target.sizes)}).`,
        );
      }
    }
    if (errors.length > 0) {
      throw new RuntimeError(
        `Error(s) in loading state_dict for ${this.typeName()}:\n\t${errors.join('\n\t')}`,
      );
    }
    noGrad(() => {
      for (const [name, target] of own) {
        const source = given.get(name);
        if (source !== undefined)
          target.copy_(sameSizes(source.sizes, target.sizes) ? source : source.select(0, 0));
      }
    });
    return { missingKeys, unexpectedKeys };
  }

  // --- hooks ---

  /** `hook(module, args)` before forward; what it returns replaces the arguments. */
  registerForwardPreHook(hook: ForwardPreHook): HookHandle {
    return add(this.internals.preHooks, hook);
  }

  /** `hook(module, args, output)` after forward; what it returns replaces the output. */
  registerForwardHook(hook: ForwardHook): HookHandle {
    return add(this.internals.hooks, hook);
  }

  /** `hook(module, gradInput, gradOutput)` when the gradients of the inputs are known; what it returns replaces them. */
  registerFullBackwardHook(hook: BackwardHook): HookHandle {
    return add(this.internals.backwardHooks, hook);
  }

  // --- printing ---

  toString(): string {
    const extra = this.extraRepr();
    const extraLines = extra === '' ? [] : extra.split('\n');
    const childLines: string[] = [];
    for (const [name, child] of entriesOf(this)) {
      if (child instanceof Module) childLines.push(`(${name}): ${indent(String(child), 2)}`);
    }
    if (extraLines.length === 1 && childLines.length === 0) return `${this.typeName()}(${extra})`;
    const lines = [...extraLines, ...childLines];
    return lines.length === 0 ? `${this.typeName()}()` : `${this.typeName()}(\n  ${lines.join('\n  ')}\n)`;
  }
}

printsAs(Module);

/** All lines but the first, further to the right. */
export function indent(text: string, by: number): string {
  return text.split('\n').join(`\n${' '.repeat(by)}`);
}

function add<T>(set: Set<T>, hook: T): HookHandle {
  set.add(hook);
  return { remove: () => void set.delete(hook) };
}

function entriesOf(module: Module): [string, unknown][] {
  return Object.entries(module);
}

function checkName(module: Module, name: string, kind: string): void {
  if (name.includes('.')) throw new KeyError(`${kind} name can't contain "."`);
  if (name === '') throw new KeyError(`${kind} name can't be empty string ""`);
  if (name in module && !Object.hasOwn(module, name))
    throw new KeyError(`attribute '${name}' already exists`);
}

function* ownParameters(module: Module): Generator<[string, Parameter]> {
  for (const [name, value] of entriesOf(module)) {
    if (value instanceof Parameter) yield [name, value];
  }
}

function* ownBuffers(module: Module): Generator<[string, Tensor]> {
  for (const name of module.internals.buffers) {
    const value = (module as unknown as Record<string, unknown>)[name];
    if (value instanceof Tensor) yield [name, value];
  }
}

/** Parameters, then persistent buffers, of this module alone. */
function* ownState(module: Module): Generator<[string, Tensor]> {
  yield* ownParameters(module);
  for (const [name, buffer] of ownBuffers(module)) {
    if (!module.internals.nonPersistent.has(name)) yield [name, buffer];
  }
}

/** Every module under every name it has (a shared module appears several times). */
function* allModules(module: Module, prefix = ''): Generator<[string, Module]> {
  yield [prefix, module];
  for (const [name, child] of entriesOf(module)) {
    if (child instanceof Module) yield* allModules(child, prefix === '' ? name : `${prefix}.${name}`);
  }
}

function* named<T extends Tensor>(
  root: Module,
  prefix: string,
  recurse: boolean,
  own: (module: Module) => Generator<[string, T]>,
): Generator<[string, T]> {
  const seen = new Set<Tensor>();
  const modules: Iterable<[string, Module]> = recurse ? root.namedModules(prefix) : [[prefix, root]];
  for (const [path, module] of modules) {
    for (const [name, tensor] of own(module)) {
      if (seen.has(tensor)) continue;
      seen.add(tensor);
      yield [path === '' ? name : `${path}.${name}`, tensor];
    }
  }
}

/** Checkpoints from before PyTorch 0.4 hold scalars as one-element vectors. */
function isOldScalar(source: Tensor, target: Tensor): boolean {
  return target.sizes.length === 0 && source.sizes.length === 1 && source.sizes[0] === 1;
}

/** Replaces the memory of every parameter and buffer; the objects stay the same, so optimizers keep working. */
function applyToTensors(module: Module, fn: (t: Tensor) => Tensor): Module & never {
  noGrad(() => {
    for (const m of module.modules()) {
      for (const [name, parameter] of [...ownParameters(m)]) {
        const converted = fn(parameter);
        if (converted === parameter) continue;
        if (converted.dtype === parameter.dtype) {
          parameter.data = converted;
        } else {
          // The dtype of a tensor never changes: another Parameter takes the place.
          const fresh = new Parameter(converted.detach(), parameter.requiresGrad);
          if (parameter.grad !== null) fresh.grad = fn(parameter.grad);
          (m as unknown as Record<string, unknown>)[name] = fresh;
        }
      }
      for (const [name, buffer] of [...ownBuffers(m)]) {
        (m as unknown as Record<string, unknown>)[name] = fn(buffer);
      }
    }
  });
  return module as Module & never;
}

/** Passes tensors through and calls backward hooks when their gradients come. */
class HookPoint extends AutogradFunction {
  static override forward(
    ctx: FunctionContext,
    onGradients: (grads: readonly (Tensor | null)[]) => readonly (Tensor | null)[] | null,
    ...tensors: Tensor[]
  ): Tensor[] {
    ctx.onGradients = onGradients;
    ctx.setMaterializeGrads(false);
    return tensors.map((t) => t.view(t.sizes));
  }

  static override backward(ctx: FunctionContext, ...grads: (Tensor | null)[]): (Tensor | null)[] {
    const onGradients = ctx.onGradients as (
      g: readonly (Tensor | null)[],
    ) => readonly (Tensor | null)[] | null;
    return [null, ...(onGradients(grads) ?? grads)];
  }
}

function mapTensors(value: unknown, tensors: readonly Tensor[]): unknown {
  let at = 0;
  const visit = (x: unknown): unknown => {
    if (x instanceof Tensor) return x.requiresGrad ? tensors[at++] : x;
    return Array.isArray(x) ? x.map(visit) : x;
  };
  return visit(value);
}

function tensorsIn(value: unknown): Tensor[] {
  if (value instanceof Tensor) return value.requiresGrad ? [value] : [];
  return Array.isArray(value) ? value.flatMap(tensorsIn) : [];
}

/** What calling a module does: hooks around `forward`. */
function call(module: Module, given: unknown[]): unknown {
  const { preHooks, hooks, backwardHooks } = module.internals;
  if (preHooks.size === 0 && hooks.size === 0 && backwardHooks.size === 0) return module.forward(...given);
  let args = given;
  for (const hook of [...preHooks]) {
    const replaced: unknown = hook(module, args);
    if (replaced !== undefined && replaced !== null) args = Array.isArray(replaced) ? replaced : [replaced];
  }
  let gradOutput: readonly (Tensor | null)[] | null = null;
  const watched = backwardHooks.size > 0 && isGradEnabled();
  if (watched) {
    const inputs = tensorsIn(args);
    if (inputs.length > 0) {
      const onInput = (grads: readonly (Tensor | null)[]): readonly (Tensor | null)[] | null => {
        let result: readonly (Tensor | null)[] | null = null;
        for (const hook of [...backwardHooks]) {
          const replaced = hook(module, result ?? grads, gradOutput ?? []);
          if (replaced instanceof Tensor) result = [replaced];
          else if (replaced !== undefined && replaced !== null) result = replaced;
        }
        return result;
      };
      args = mapTensors(args, HookPoint.apply(onInput, ...inputs) as Tensor[]) as unknown[];
    }
  }
  let output: unknown = module.forward(...args);
  for (const hook of [...hooks]) {
    const replaced: unknown = hook(module, args, output);
    if (replaced !== undefined && replaced !== null) output = replaced;
  }
  if (watched) {
    const outputs = tensorsIn(output);
    if (outputs.length > 0) {
      const onOutput = (grads: readonly (Tensor | null)[]): null => {
        gradOutput = grads;
        if (tensorsIn(given).length === 0) for (const hook of [...backwardHooks]) hook(module, [], grads);
        return null;
      };
      output = mapTensors(output, HookPoint.apply(onOutput, ...outputs) as Tensor[]);
    }
  }
  return output;
}
