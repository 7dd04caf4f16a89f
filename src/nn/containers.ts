/** Containers of modules and parameters. https://pytorch.org/docs/stable/nn.html#containers */
import { IndexError, KeyError, NotImplementedError, RuntimeError } from '../base/errors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { Module } from './module.ts';
import { Parameter } from './parameter.ts';

type Named<T> = ReadonlyMap<string, T> | Readonly<Record<string, T>>;

function entries<T>(named: Named<T>): [string, T][] {
  return named instanceof Map ? [...named] : Object.entries(named as Record<string, T>);
}

function isNamed(x: unknown): x is Named<Module> {
  return (
    x instanceof Map || (typeof x === 'object' && x !== null && Object.getPrototypeOf(x) === Object.prototype)
  );
}

function at<T>(list: readonly T[], index: number): T {
  const i = index < 0 ? index + list.length : index;
  if (i < 0 || i >= list.length) throw new IndexError(`index ${index} is out of range`);
  return list[i];
}

/**
 * Modules in a row: the output of each is the input of the next.
 * https://pytorch.org/docs/stable/generated/torch.nn.Sequential.html
 *
 * @example
 * ```ts
 * const net = new nn.Sequential(new nn.Linear(4, 8), new nn.ReLU(), new nn.Linear(8, 2));
 * console.log(net(torch.zeros(1, 4)).shape); // => torch.Size([1, 2])
 * ```
 */
export class Sequential extends Module {
  constructor(...modules: Module[] | [Named<Module>]) {
    super();
    const named = modules.length === 1 && isNamed(modules[0]) ? entries(modules[0]) : null;
    if (named !== null) for (const [name, module] of named) this.registerModule(name, module);
    else for (const [i, module] of (modules as Module[]).entries()) this.registerModule(String(i), module);
  }

  override forward(input: Tensor): Tensor {
    let x: unknown = input;
    for (const module of this.list()) x = module(x);
    return x as Tensor;
  }

  private list(): Module[] {
    return Object.values(this).filter((v): v is Module => v instanceof Module);
  }

  override get length(): number {
    return this.list().length;
  }

  /** The module at a position; negative counts from the end. */
  get(index: number): Module {
    return at(this.list(), index);
  }

  append(module: Module): this {
    this.registerModule(String(this.length), module);
    return this;
  }

  *[Symbol.iterator](): Generator<Module> {
    yield* this.list();
  }
}

/** A list of modules that are found as submodules. https://pytorch.org/docs/stable/generated/torch.nn.ModuleList.html */
export class ModuleList extends Module {
  constructor(modules: Iterable<Module> = []) {
    super();
    this.extend(modules);
  }

  private list(): Module[] {
    return Object.values(this).filter((v): v is Module => v instanceof Module);
  }

  override get length(): number {
    return this.list().length;
  }

  get(index: number): Module {
    return at(this.list(), index);
  }

  append(module: Module): this {
    this.registerModule(String(this.length), module);
    return this;
  }

  extend(modules: Iterable<Module>): this {
    for (const m of modules) this.append(m);
    return this;
  }

  insert(index: number, module: Module): void {
    const list = this.list();
    list.splice(index, 0, module);
    list.forEach((m, i) => {
      this.registerModule(String(i), m);
    });
  }

  *[Symbol.iterator](): Generator<Module> {
    yield* this.list();
  }

  override forward(..._args: never[]): never {
    throw new NotImplementedError('Module [ModuleList] is missing the required "forward" function');
  }
}

/** Modules by name. https://pytorch.org/docs/stable/generated/torch.nn.ModuleDict.html */
export class ModuleDict extends Module {
  constructor(modules: Named<Module> = {}) {
    super();
    this.update(modules);
  }

  update(modules: Named<Module>): void {
    for (const [name, module] of entries(modules)) this.registerModule(name, module);
  }

  /** The module called `name`. Throws a KeyError. */
  get(name: string): Module {
    const found = Object.hasOwn(this, name) ? (this as unknown as Record<string, unknown>)[name] : undefined;
    if (!(found instanceof Module)) throw new KeyError(name);
    return found;
  }

  set(name: string, module: Module): void {
    this.registerModule(name, module);
  }

  has(name: string): boolean {
    return Object.hasOwn(this, name);
  }

  keys(): string[] {
    return [...this.namedChildren()].map(([name]) => name);
  }

  values(): Module[] {
    return [...this.children()];
  }

  items(): [string, Module][] {
    return [...this.namedChildren()];
  }

  override get length(): number {
    return this.keys().length;
  }

  override forward(..._args: never[]): never {
    throw new NotImplementedError('Module [ModuleDict] is missing the required "forward" function');
  }
}

function asParameter(x: Tensor): Parameter {
  return x instanceof Parameter ? x : new Parameter(x);
}

/** The lines that PyTorch prints: two columns in from those of submodules. */
function describeParameters(module: Module, type: (p: Parameter) => string): string {
  return [...module.namedParameters('', false)]
    .map(([name, p]) => `  (${name}): Parameter containing: [${type(p)} of size ${p.sizes.join('x')}]`)
    .join('\n');
}

/** Parameters in a list. https://pytorch.org/docs/stable/generated/torch.nn.ParameterList.html */
export class ParameterList extends Module {
  constructor(values: Iterable<Tensor> = []) {
    super();
    for (const v of values) this.append(v);
  }

  private list(): Parameter[] {
    return Object.values(this).filter((v): v is Parameter => v instanceof Parameter);
  }

  override get length(): number {
    return this.list().length;
  }

  get(index: number): Parameter {
    return at(this.list(), index);
  }

  append(value: Tensor): this {
    this.registerParameter(String(this.length), asParameter(value));
    return this;
  }

  *[Symbol.iterator](): Generator<Parameter> {
    yield* this.list();
  }

  override forward(..._args: never[]): never {
    throw new RuntimeError('ParameterList should not be called.');
  }

  override extraRepr(): string {
    return describeParameters(this, (p) => String(p.dtype));
  }
}

/** Parameters by name. https://pytorch.org/docs/stable/generated/torch.nn.ParameterDict.html */
export class ParameterDict extends Module {
  constructor(values: Named<Tensor> = {}) {
    super();
    for (const [name, v] of entries(values)) this.registerParameter(name, asParameter(v));
  }

  /** The parameter called `name`. Throws a KeyError. */
  get(name: string): Parameter {
    const found = Object.hasOwn(this, name) ? (this as unknown as Record<string, unknown>)[name] : undefined;
    if (!(found instanceof Parameter)) throw new KeyError(name);
    return found;
  }

  set(name: string, value: Tensor): void {
    this.registerParameter(name, asParameter(value));
  }

  keys(): string[] {
    return [...this.namedParameters('', false)].map(([name]) => name);
  }

  values(): Parameter[] {
    return [...this.parameters(false)];
  }

  items(): [string, Parameter][] {
    return [...this.namedParameters('', false)];
  }

  override forward(..._args: never[]): never {
    throw new RuntimeError('ParameterDict should not be called.');
  }

  override extraRepr(): string {
    return describeParameters(this, (p) => `torch.${p.dtype.scalarName}Tensor`);
  }
}
