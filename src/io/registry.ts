/**
 * Which classes files may name, and how their instances are made and saved.
 *
 * A class is known by its Python path, such as `torch.nn.modules.linear.Linear` or `__main__.Net`. What a file holds of an instance is its state: a
 * dict of attributes. A codec turns that into an object and back; nothing of a file is ever called.
 */
import { ArgumentTypeError, UnpicklingError } from '../base/errors.ts';

/** How instances of one Python class are read and written. */
export interface ClassCodec {
  /** The dotted path of the class in Python. */
  readonly path: string;
  /** The class here; null where instances are only read. */
  readonly type: Constructor | null;
  /** Makes an instance from its state (for most classes a Map of attributes) and the arguments it was made with. */
  build(state: unknown, args: readonly unknown[]): unknown;
  /** The state of an instance. */
  state?(instance: never): unknown;
}

// biome-ignore lint/suspicious/noExplicitAny: any class
export type Constructor = abstract new (...args: any[]) => object;

/** Codecs by path and by class. A class that has no codec of its own is written with that of no other: subclasses count as other classes. */
export class ClassRegistry {
  private readonly byPath = new Map<string, ClassCodec>();
  private readonly byType = new Map<unknown, ClassCodec>();

  add(codec: ClassCodec): void {
    if (!/^[^\s.]+(\.[^\s.]+)+$/.test(codec.path)) {
      throw new ArgumentTypeError(`'${codec.path}' is no path of a Python class, such as '__main__.Net'`);
    }
    this.byPath.set(codec.path, codec);
    if (codec.type !== null) this.byType.set(codec.type, codec);
  }

  remove(codec: ClassCodec): void {
    if (this.byPath.get(codec.path) === codec) this.byPath.delete(codec.path);
    if (this.byType.get(codec.type) === codec) this.byType.delete(codec.type);
  }

  clear(): void {
    this.byPath.clear();
    this.byType.clear();
  }

  has(path: string): boolean {
    return this.byPath.has(path);
  }

  forPath(path: string): ClassCodec | undefined {
    return this.byPath.get(path);
  }

  forInstance(instance: object): ClassCodec | undefined {
    return this.byType.get(instance.constructor);
  }

  get codecs(): ClassCodec[] {
    return [...this.byPath.values()];
  }
}

/** The classes of the library itself. */
export const builtinClasses: ClassRegistry = new ClassRegistry();
/** The classes that users have added. */
export const userClasses: ClassRegistry = new ClassRegistry();

/** The state as a Map of attributes. Throws an UnpicklingError for anything else. */
export function attributesOf(path: string, state: unknown): Map<string, unknown> {
  if (state === undefined || state === null) return new Map();
  if (!(state instanceof Map) || ![...state.keys()].every((key) => typeof key === 'string')) {
    throw new UnpicklingError(`the state of ${path} is not a dict of attributes`);
  }
  return state as Map<string, unknown>;
}
