/**
 * Module: the base of all networks. https://pytorch.org/docs/stable/generated/torch.nn.Module.html
 *
 * A module is a function: `net(x)` runs hooks and `forward`. Parameters, buffers and submodules are the properties that hold them, in the order
 * in which they were assigned.
 */
import { clearGradients, type SetToNone } from '../autograd/clear.ts';
import { noGrad } from '../autograd/mode.ts';
import { isOptions, pythonType } from '../base/arguments.ts';
import { DType } from '../base/dtype.ts';
import {
  ArgumentTypeError,
  AttributeError,
  KeyError,
  NotImplementedError,
  RuntimeError,
  ValueError,
} from '../base/errors.ts';
import { printsAs } from '../base/inspect.ts';
import { sameSizes, showSizes } from '../base/shape.ts';
import { Tensor } from '../tensor/tensor.ts';
import {
  addHook,
  type BackwardHook,
  callWithHooks,
  type ForwardHook,
  type ForwardPreHook,
  type HookHandle,
  Hooks,
} from './hooks.ts';
import { Parameter } from './parameter.ts';

export type { BackwardHook, ForwardHook, ForwardPreHook, HookHandle };

/** Names and tensors of a model, in order; `metadata` holds the versions of its modules, as in PyTorch's files. */
export class StateDict extends Map<string, Tensor> {
  readonly metadata: Map<string, { version: number }> = new Map();
}

/** What `loadStateDict` reports with `strict: false`. */
export interface IncompatibleKeys {
  readonly missingKeys: string[];
  readonly unexpectedKeys: string[];
}

/** What every module keeps besides its properties. */
interface Hidden {
  readonly buffers: Set<string>;
  readonly nonPersistent: Set<string>;
  /** Names of submodules that were registered as null: they are printed. */
  readonly emptySlots: Set<string>;
  readonly hooks: Hooks;
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
    // A method: other functions may have a `prototype` of their own.
    const { self } = {
      self(...args: unknown[]): unknown {
        return call(self, args);
      },
    } as unknown as { self: Module };
    Object.setPrototypeOf(self, new.target.prototype);
    // A function has these of its own; a module may want to use the names.
    delete (self as unknown as { name?: string }).name;
    delete (self as unknown as { length?: number }).length;
    const hidden: Hidden = {
      buffers: new Set(),
      nonPersistent: new Set(),
      emptySlots: new Set(),
      hooks: new Hooks(),
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
    checkName(this, name, 'parameter', (x) => x instanceof Parameter);
    if (parameter !== null && !(parameter instanceof Parameter)) {
      throw new ArgumentTypeError(
        `cannot assign '${typeName(parameter)}' object to parameter '${name}' (torch.nn.Parameter or None required)`,
      );
    }
    (this as Record<string, unknown>)[name] = parameter;
  }

  /** Registers a tensor that belongs to the state (unless `persistent` is false) but is not trained. */
  registerBuffer(
    name: string,
    tensor: Tensor | null,
    persistent: boolean | { persistent?: boolean } = true,
  ): void {
    const { buffers, nonPersistent } = this.internals;
    checkName(this, name, 'buffer', () => buffers.has(name));
    if (tensor !== null && !(tensor instanceof Tensor)) {
      throw new ArgumentTypeError(
        `cannot assign '${typeName(tensor)}' object to buffer '${name}' (torch Tensor or None required)`,
      );
    }
    buffers.add(name);
    const kept = typeof persistent === 'boolean' ? persistent : (persistent.persistent ?? true);
    if (kept) nonPersistent.delete(name);
    else nonPersistent.add(name);
    (this as Record<string, unknown>)[name] = tensor;
  }

  /** Registers a submodule by name; null keeps the place. */
  registerModule(name: string, module: Module | null): void {
    checkName(this, name, 'module', (x) => x instanceof Module);
    if (module !== null && !(module instanceof Module)) {
      throw new ArgumentTypeError(`${typeName(module)} is not a Module subclass`);
    }
    if (module === null) this.internals.emptySlots.add(name);
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
  *namedParameters(prefix: string | WalkOptions = '', recurse = true): Generator<[string, Parameter]> {
    yield* named(this, walk(prefix, recurse), ownParameters);
  }

  /** Parameters of this module and all below it: what an optimizer takes. */
  *parameters(recurse: boolean | { recurse?: boolean } = true): Generator<Parameter> {
    for (const [, parameter] of named(this, walk('', recurse), ownParameters)) yield parameter;
  }

  /** Buffers of this module and all below it, each once, with dotted names. */
  *namedBuffers(prefix: string | WalkOptions = '', recurse = true): Generator<[string, Tensor]> {
    yield* named(this, walk(prefix, recurse), ownBuffers);
  }

  /** Buffers of this module and all below it. */
  *buffers(recurse: boolean | { recurse?: boolean } = true): Generator<Tensor> {
    for (const [, buffer] of named(this, walk('', recurse), ownBuffers)) yield buffer;
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
    const [found, name] = attributeAt(this, target);
    if (!(found instanceof Parameter)) throw new AttributeError(`\`${name}\` is not an nn.Parameter`);
    return found;
  }

  /** The buffer at a dotted path (null where it was registered as null). Throws an AttributeError. */
  getBuffer(target: string): Tensor | null {
    const [found, name, owner] = attributeAt(this, target);
    if (!owner.internals.buffers.has(name)) throw new AttributeError(`\`${name}\` is not a buffer`);
    return found as Tensor | null;
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
    const value = isOptions(mode) ? (mode.mode ?? true) : mode;
    if (typeof value !== 'boolean') throw new ValueError('training mode is expected to be boolean');
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

  /** Fills the gradients of all parameters with zeros, or with `setToNone: true` makes them null (PyTorch 2's default). */
  zeroGrad(setToNone: SetToNone = false): void {
    clearGradients(this.parameters(), setToNone);
  }

  // --- conversion ---

  /**
   * Converts floating-point parameters and buffers, or moves all of them: `to(dtype)`, `to(device)`, `to(device, dtype)`, `to(tensor)`,
   * `to({ dtype, device })`. In place: parameters stay the same objects. Throws a TypeError for dtypes that are not floating-point.
   */
  to(...targets: ModuleTarget[]): this {
    const { dtype, device } = conversion(targets);
    if (dtype !== null && !dtype.isFloatingPoint) {
      throw new ArgumentTypeError(
        `nn.Module.to only accepts floating point or complex dtypes, but got desired dtype=${String(dtype)}`,
      );
    }
    return applyToTensors(this, (t) => {
      const converted = dtype !== null && t.dtype.isFloatingPoint ? t.to(dtype) : t;
      return device === null ? converted : converted.to(device);
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

  /** Brings a state dict of an older version up to date, before it is loaded. `version` is null where none was written. */
  upgradeState(_state: Map<string, Tensor>, _prefix: string, _version: number | null): void {}

  /**
   * Parameters and persistent buffers, by dotted name; they share memory with the module.
   * https://pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.state_dict
   */
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
      throw new ArgumentTypeError(`Expected state_dict to be dict-like, got <class '${pythonType(state)}'>.`);
    }
    const given = new Map<string, Tensor>(state instanceof Map ? state : Object.entries(state));
    const metadata = state instanceof StateDict ? state.metadata : null;
    const own = new Map<string, Tensor>();
    for (const [path, module] of allModules(this)) {
      const prefix = path === '' ? '' : `${path}.`;
      module.upgradeState(given, prefix, metadata?.get(path)?.version ?? null);
      for (const [name, tensor] of ownState(module)) own.set(prefix + name, tensor);
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
          `While copying the parameter named "${name}", expected torch.Tensor or Tensor-like object from checkpoint but received <class '${pythonType(source)}'>`,
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
    return addHook(this.internals.hooks.forwardPre, hook);
  }

  /** `hook(module, args, output)` after forward; what it returns replaces the output. */
  registerForwardHook(hook: ForwardHook): HookHandle {
    return addHook(this.internals.hooks.forward, hook);
  }

  /** `hook(module, gradInput, gradOutput)` when the gradients of the inputs are known; what it returns replaces them. */
  registerFullBackwardHook(hook: BackwardHook): HookHandle {
    return addHook(this.internals.hooks.backward, hook);
  }

  // --- printing ---

  toString(): string {
    const extra = this.extraRepr();
    const extraLines = extra === '' ? [] : extra.split('\n');
    const childLines: string[] = [];
    for (const [name, child] of entriesOf(this)) {
      if (child instanceof Module) childLines.push(`(${name}): ${indent(String(child), 2)}`);
      else if (child === null && this.internals.emptySlots.has(name)) childLines.push(`(${name}): None`);
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

function entriesOf(module: Module): [string, unknown][] {
  return Object.entries(module);
}

/** What PyTorch calls the type of a value in messages: 'torch.FloatTensor', 'int'. */
function typeName(x: unknown): string {
  return x instanceof Tensor ? `torch.${x.dtype.scalarName}Tensor` : pythonType(x);
}

/** Throws a KeyError for names that cannot be used; `mayReplace` tells whether what is there now is of the same kind. */
function checkName(module: Module, name: string, kind: string, mayReplace: (x: unknown) => boolean): void {
  if (name.includes('.')) {
    throw new KeyError(
      kind === 'module' ? `module name can't contain ".", got: ${name}` : `${kind} name can't contain "."`,
    );
  }
  if (name === '') throw new KeyError(`${kind} name can't be empty string ""`);
  const there = (module as unknown as Record<string, unknown>)[name];
  if (there !== undefined && there !== null && !mayReplace(there)) {
    throw new KeyError(`attribute '${name}' already exists`);
  }
}

/** What is at a dotted path, its last name and the module that has it. Throws an AttributeError. */
function attributeAt(root: Module, target: string): [value: unknown, name: string, owner: Module] {
  const dot = target.lastIndexOf('.');
  const owner = root.getSubmodule(dot < 0 ? '' : target.slice(0, dot));
  const name = target.slice(dot + 1);
  const value = (owner as unknown as Record<string, unknown>)[name];
  if (value === undefined || !Object.hasOwn(owner, name)) {
    throw new AttributeError(`${owner.typeName()} has no attribute \`${name}\``);
  }
  return [value, name, owner];
}

interface WalkOptions {
  prefix?: string;
  recurse?: boolean;
}

/** Where to walk, from positional arguments or options. */
function walk(prefix: string | WalkOptions, recurse: boolean | { recurse?: boolean }): Required<WalkOptions> {
  const named: WalkOptions = isOptions(prefix) ? prefix : isOptions(recurse) ? recurse : {};
  return {
    prefix: typeof prefix === 'string' ? prefix : (named.prefix ?? ''),
    recurse: typeof recurse === 'boolean' && named.recurse === undefined ? recurse : (named.recurse ?? true),
  };
}

/** What `module.to` takes. */
type ModuleTarget = DType | string | object | Tensor | null;

function conversion(targets: readonly ModuleTarget[]): { dtype: DType | null; device: string | null } {
  let dtype: DType | null = null;
  let device: string | null = null;
  for (const target of targets) {
    if (target === null || target === undefined) continue;
    if (target instanceof DType) dtype = target;
    else if (target instanceof Tensor) {
      dtype = target.dtype;
      device = String(target.device);
    } else if (isOptions(target)) {
      const named = target as { dtype?: DType | null; device?: unknown };
      dtype = named.dtype ?? dtype;
      device = named.device === undefined || named.device === null ? device : String(named.device);
    } else device = String(target);
  }
  return { dtype, device };
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
  { prefix, recurse }: Required<WalkOptions>,
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
      for (const [, parameter] of [...ownParameters(m)]) {
        const converted = fn(parameter);
        if (converted === parameter) continue;
        parameter.data = converted;
        if (parameter.grad !== null) {
          const grad = parameter.grad;
          grad.data = fn(grad);
        }
      }
      for (const [name, buffer] of [...ownBuffers(m)]) {
        (m as unknown as Record<string, unknown>)[name] = fn(buffer);
      }
    }
  });
  return module as Module & never;
}

/** What calling a module does. */
function call(module: Module, args: unknown[]): unknown {
  const { hooks } = module.internals;
  return hooks.isEmpty ? module.forward(...args) : callWithHooks(module, hooks, args);
}
