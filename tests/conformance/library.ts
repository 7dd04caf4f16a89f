/**
 * The library under test, reached by name only: what it lacks is found out at the call and reported as unsupported.
 */

/** A tensor, as far as the harness knows it. Everything else is looked up by name. */
export interface TensorLike {
  readonly shape: readonly number[];
  readonly dtype: object;
  readonly requiresGrad: boolean;
  toTypedArray(): ArrayLike<number | bigint>;
}

export type Callable = (...args: unknown[]) => unknown;
export type Constructor = new (...args: unknown[]) => object;

/** The library has no such function, method or class, or says itself that it is not implemented. */
export class Unsupported extends Error {
  override readonly name = 'Unsupported';
}

/** Python has this call and TypeScript has not, whatever the library does: set apart and not counted. */
export class Inexpressible extends Error {
  override readonly name = 'Inexpressible';
}

/** The library answered, but not what PyTorch answers. */
export class Mismatch extends Error {
  override readonly name = 'Mismatch';
}

/** `foo_bar_` in Python is `fooBar_` in TypeScript; a leading or trailing underscore stays. */
export function camelCase(name: string): string {
  return name.replace(/(?<=[A-Za-z0-9])_([A-Za-z0-9])/g, (_, next: string) => next.toUpperCase());
}

function property(holder: unknown, name: string): unknown {
  if (holder === null || (typeof holder !== 'object' && typeof holder !== 'function')) return undefined;
  return (holder as Record<string, unknown>)[name];
}

/** A keyword-argument object with TypeScript's names, or nothing at all where there are no keyword arguments. */
export function options(kwargs: Readonly<Record<string, unknown>>): readonly unknown[] {
  const entries = Object.entries(kwargs);
  if (entries.length === 0) return [];
  return [Object.fromEntries(entries.map(([key, value]) => [camelCase(key), value]))];
}

export class Library {
  readonly torch: object;
  /** Where tensors are made, when it is not the default device. */
  readonly device: string | null;
  private readonly tensorClass: Constructor | undefined;
  private readonly moduleClass: Constructor | undefined;

  constructor(torch: object, device: string | null = null) {
    this.torch = torch;
    this.device = device;
    this.tensorClass = property(torch, 'Tensor') as Constructor | undefined;
    this.moduleClass = property(property(torch, 'nn'), 'Module') as Constructor | undefined;
  }

  /** Imports the sources; the specifier is computed so that the harness compiles before they exist. */
  static async load(device: string | null): Promise<Library> {
    const entry = new URL('../../src/index.ts', import.meta.url).href;
    return new Library((await import(entry)) as object, device);
  }

  /** What a Python path such as `torch.nn.functional.max_pool2d` names here, or undefined. */
  find(path: string): unknown {
    const [root, ...names] = path.split('.');
    if (root !== 'torch') throw new Error(`not a path into torch: ${path}`);
    return names.reduce((holder: unknown, name) => property(holder, camelCase(name)), this.torch);
  }

  /** The same; throws Unsupported where there is nothing of that name. */
  get(path: string): unknown {
    const found = this.find(path);
    if (found === undefined)
      throw new Unsupported(`${path.split('.').map(camelCase).join('.')} does not exist`);
    return found;
  }

  call(path: string, ...args: readonly unknown[]): unknown {
    const found = this.get(path);
    if (typeof found !== 'function') throw new Unsupported(`${path} is not a function`);
    return (found as Callable)(...args);
  }

  construct(path: string, ...args: readonly unknown[]): object {
    const found = this.get(path);
    if (typeof found !== 'function') throw new Unsupported(`${path} is not a class`);
    return new (found as Constructor)(...args);
  }

  /** Calls a method by its Python name. */
  send(target: unknown, method: string, ...args: readonly unknown[]): unknown {
    const found = property(target, camelCase(method));
    if (found === undefined) {
      const owner = this.isTensor(target) ? 'Tensor' : ((target as object).constructor?.name ?? 'object');
      throw new Unsupported(`${owner}.${camelCase(method)} does not exist`);
    }
    if (typeof found !== 'function') return found;
    return Reflect.apply(found, target, [...args]) as unknown;
  }

  /** A call that gives a tensor. */
  tensor(path: string, ...args: readonly unknown[]): TensorLike {
    return this.asTensor(this.call(path, ...args));
  }

  /** A method call that gives a tensor. */
  method(target: unknown, method: string, ...args: readonly unknown[]): TensorLike {
    return this.asTensor(this.send(target, method, ...args));
  }

  asTensor(value: unknown): TensorLike {
    if (!this.isTensor(value)) throw new Mismatch(`expected a tensor, got ${describe(value)}`);
    return value;
  }

  isTensor(value: unknown): value is TensorLike {
    return this.tensorClass !== undefined && value instanceof this.tensorClass;
  }

  isModule(value: unknown): boolean {
    return this.moduleClass !== undefined && value instanceof this.moduleClass;
  }

  dtype(name: string): object {
    return this.get(`torch.${name}`) as object;
  }

  dtypeName(tensor: TensorLike): string {
    return String(tensor.dtype).replace(/^torch\./, '');
  }

  /** Do two tensors view the same memory? */
  sharesStorage(a: TensorLike, b: TensorLike): boolean {
    const storageOf = (t: TensorLike): unknown => property(t, 'storage') ?? property(t, 'untypedStorage');
    const [first, second] = [storageOf(a), storageOf(b)];
    if (typeof first !== 'function') return first === second;
    return first.call(a) === (second as Callable).call(b);
  }
}

/** A short name of a value, for messages. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object') return `a ${value.constructor?.name ?? 'bare object'}`;
  if (typeof value === 'function') return 'a function';
  return `${typeof value} ${String(value)}`;
}
