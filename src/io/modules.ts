/**
 * Whole modules in files: PyTorch pickles a module as its class and its attributes.
 *
 * A module is made without running its constructor, as Python's unpickler does; what the file holds becomes its parameters, buffers,
 * submodules and attributes. Attributes have Python's names in files (`in_features`) and ours in memory (`inFeatures`).
 */
import { ArgumentTypeError, NotImplementedError, UnpicklingError } from '../base/errors.ts';
import { Module, Parameter } from '../nn/index.ts';
import { Size } from '../tensor/size.ts';
import { Tensor } from '../tensor/tensor.ts';
import { OrderedDict } from './pickle/values.ts';
import { attributesOf, type ClassCodec } from './registry.ts';

// biome-ignore lint/suspicious/noExplicitAny: constructors of modules take anything
export type ModuleClass = new (...args: any[]) => Module;

type Attributes = Map<string, unknown>;

/** What makes the files of a class differ from its properties. */
export interface ModuleFormat {
  /** Is this a class of `torch.nn`? Then attributes whose names begin with an underscore are PyTorch's own affair. */
  readonly isBuiltin?: boolean;
  /** Attributes that PyTorch's class has and ours does not need: computed when writing. */
  readonly derived?: (module: Module) => Readonly<Record<string, unknown>>;
}

/** `numBatchesTracked` in memory is `num_batches_tracked` in files. */
export function snakeCase(name: string): string {
  return name.replace(/(?<=[a-z0-9])[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The inverse; leading and trailing underscores stay. */
export function camelCase(name: string): string {
  return name.replace(/(?<=[A-Za-z0-9])_([A-Za-z0-9])/g, (_, next: string) => next.toUpperCase());
}

/** The hooks of PyTorch's modules, in the order of its constructor. They are functions: files never hold any. */
const hookTables = [
  '_backward_pre_hooks',
  '_backward_hooks',
  '_forward_hooks',
  '_forward_hooks_with_kwargs',
  '_forward_hooks_always_called',
  '_forward_pre_hooks',
  '_forward_pre_hooks_with_kwargs',
  '_state_dict_hooks',
  '_state_dict_pre_hooks',
  '_load_state_dict_pre_hooks',
  '_load_state_dict_post_hooks',
] as const;

const FULL_BACKWARD_HOOK = '_is_full_backward_hook';
const NON_PERSISTENT = '_non_persistent_buffers_set';
const bookkeeping: ReadonlySet<string> = new Set([
  'training',
  '_parameters',
  '_buffers',
  '_modules',
  NON_PERSISTENT,
  FULL_BACKWARD_HOOK,
  ...hookTables,
]);

/** Names of parameters that layers may lack: a null of such a name is a missing parameter, not an attribute. */
const optionalParameters: ReadonlySet<string> = new Set([
  'weight',
  'bias',
  'in_proj_weight',
  'in_proj_bias',
  'q_proj_weight',
  'k_proj_weight',
  'v_proj_weight',
  'bias_k',
  'bias_v',
]);

// --- writing ---

function stateOf(module: Module, format: ModuleFormat): Attributes {
  if (!module.internals.hooks.isEmpty) {
    throw new ArgumentTypeError("cannot pickle 'function' object: the module has hooks");
  }
  const parameters = new OrderedDict();
  const buffers = new OrderedDict();
  const modules = new OrderedDict();
  const attributes: [string, unknown][] = [];
  for (const [name, value] of Object.entries(module)) {
    if (name === 'training') continue;
    if (module.internals.buffers.has(name)) buffers.set(name, value);
    else if (value instanceof Parameter) parameters.set(name, value);
    else if (value instanceof Module) modules.set(name, value);
    else if (value === null && optionalParameters.has(name)) parameters.set(name, null);
    else attributes.push([snakeCase(name), value]);
  }
  const state: Attributes = new Map<string, unknown>([
    ['training', module.training],
    ['_parameters', parameters],
    ['_buffers', buffers],
    [NON_PERSISTENT, new Set(module.internals.nonPersistent)],
  ]);
  for (const name of hookTables) {
    state.set(name, new OrderedDict());
    if (name === '_backward_hooks') state.set(FULL_BACKWARD_HOOK, null);
  }
  state.set('_modules', modules);
  for (const [name, value] of attributes) state.set(name, format.isBuiltin === true ? setting(value) : value);
  for (const [name, value] of Object.entries(format.derived?.(module) ?? {})) state.set(name, value);
  return state;
}

/** Sizes and the like are tuples in Python. */
function setting(value: unknown): unknown {
  return Array.isArray(value) && !(value instanceof Size) ? Object.freeze(value.map(setting)) : value;
}

// --- reading ---

/** An instance whose constructor was not run: a Module with the prototype of `type`. */
function bareInstance(type: ModuleClass): Module {
  return Reflect.construct(Module, [], type) as Module;
}

/** A file must not replace what a module does, nor reach beyond the module. */
function checkAttribute(module: Module, path: string, name: string): void {
  const refuse = () => new UnpicklingError(`${path} cannot have an attribute called ${JSON.stringify(name)}`);
  if (Object.getOwnPropertyDescriptor(module, name)?.writable === false) throw refuse();
  if (Object.hasOwn(module, name)) return;
  for (
    let proto: unknown = Object.getPrototypeOf(module);
    proto !== null;
    proto = Object.getPrototypeOf(proto)
  ) {
    const descriptor = Object.getOwnPropertyDescriptor(proto, name);
    if (descriptor === undefined) continue;
    if (descriptor.set === undefined || proto === Object.prototype) throw refuse();
    return;
  }
}

/** Fills a bare module with what a file holds of one. */
class Restorer {
  private readonly path: string;
  private readonly state: Attributes;
  private readonly module: Module;

  constructor(type: ModuleClass, path: string, state: unknown) {
    this.path = path;
    this.state = attributesOf(path, state);
    this.module = bareInstance(type);
  }

  restore(format: ModuleFormat): Module {
    const { module, state } = this;
    for (const name of hookTables) {
      const hooks = state.get(name);
      if (hooks instanceof Map && hooks.size > 0) {
        throw new NotImplementedError(`${this.path} has hooks, which cannot be loaded`);
      }
    }
    this.members();
    for (const [name, value] of state) {
      if (bookkeeping.has(name) || (format.isBuiltin === true && /^_[^_]/.test(name))) continue;
      const property = camelCase(name);
      checkAttribute(module, this.path, property);
      (module as unknown as Attributed)[property] = value;
    }
    module.training = state.get('training') !== false;
    return module;
  }

  private members(): void {
    const { module, state } = this;
    this.each(
      '_parameters',
      (x) => x instanceof Parameter,
      (name, x) => module.registerParameter(name, x),
    );
    const names = state.get(NON_PERSISTENT);
    const isPersistent = (name: string) => !(names instanceof Set && names.has(name));
    this.each(
      '_buffers',
      (x) => x instanceof Tensor,
      (name, x) => module.registerBuffer(name, x, isPersistent(name)),
    );
    this.each(
      '_modules',
      (x) => x instanceof Module,
      (name, x) => module.registerModule(name, x),
    );
  }

  private each<T>(
    table: string,
    accepts: (x: unknown) => x is T,
    add: (name: string, x: T | null) => void,
  ): void {
    const entries = this.state.get(table);
    if (entries === undefined) throw new UnpicklingError(`the state of ${this.path} has no ${table}`);
    for (const [name, value] of attributesOf(`${table} of ${this.path}`, entries)) {
      if (value !== null && !accepts(value)) {
        throw new UnpicklingError(`${name}, among ${table} of ${this.path}, is something else`);
      }
      checkAttribute(this.module, this.path, name);
      add(name, value);
    }
  }
}

type Attributed = Record<string, unknown>;

/** How modules of a class are read and written, under a path in Python. */
export function moduleCodec(type: ModuleClass, path: string, format: ModuleFormat = {}): ClassCodec {
  return {
    path,
    type,
    build: (state) => new Restorer(type, path, state).restore(format),
    state: (module: Module) => stateOf(module, format),
  };
}
