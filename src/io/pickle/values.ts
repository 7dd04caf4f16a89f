/**
 * Python values as data: what a pickle holds, kept apart as far as Python keeps it apart, so that it can be compared and written again.
 *
 * | Python | here |
 * | --- | --- |
 * | None, bool, str | null, boolean, string |
 * | int | number where it is a safe integer, else bigint |
 * | float | number; PyFloat where a number would read as an int (2.0, -0.0, 1e300) |
 * | list, dict, set | Array, Map, Set |
 * | tuple, frozenset, bytes, bytearray, complex, slice | PickleTuple, PickleFrozenSet, Uint8Array, PickleByteArray, PickleComplex |
 * | collections.OrderedDict, Counter, defaultdict | OrderedDict, PickleCounter, PickleDefaultDict |
 * | a class, a function | PickleGlobal |
 * | an instance of another class | PickleObject |
 */
import { PyFloat } from '../../tensor/pyfloat.ts';

/** A Python value. What persistent ids stand for and what a format adds (tensors, dtypes) is an object of its own. */
export type PickleValue = unknown;

/** A tuple. */
export class PickleTuple {
  readonly items: readonly PickleValue[];
  constructor(items: readonly PickleValue[]) {
    this.items = items;
  }
}

/** A frozenset. */
export class PickleFrozenSet {
  readonly items: ReadonlySet<PickleValue>;
  constructor(items: Iterable<PickleValue>) {
    this.items = new Set(items);
  }
}

/** A bytearray: bytes that can be changed. (`bytes` is a plain Uint8Array.) */
export class PickleByteArray {
  readonly bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/** A complex number. */
export class PickleComplex {
  readonly re: number;
  readonly im: number;
  constructor(re: number, im: number) {
    this.re = re;
    this.im = im;
  }
}

/**
 * `collections.OrderedDict`: a Map, and the attributes that were set on it (`_metadata` of a state dict), or null.
 */
export class OrderedDict<K = PickleValue, V = PickleValue> extends Map<K, V> {
  attributes: Map<string, PickleValue> | null = null;
}

/** `collections.Counter`. */
export class PickleCounter extends Map<PickleValue, PickleValue> {}

/** `collections.defaultdict`, with the class that makes its missing values (or null). */
export class PickleDefaultDict extends Map<PickleValue, PickleValue> {
  factory: PickleGlobal | null = null;
}

/** A class or function, by name. It is never called. */
export class PickleGlobal {
  readonly module: string;
  readonly name: string;
  constructor(module: string, name: string) {
    this.module = module;
    this.name = name;
  }

  /** `torch.nn.modules.linear.Linear` */
  get path(): string {
    return `${this.module}.${this.name}`;
  }
}

/** An instance of a class, as data: the class, what it was made from, and its state. */
export class PickleObject {
  readonly type: PickleGlobal;
  readonly args: PickleTuple;
  /** The argument of BUILD: for ordinary classes a Map of attributes; undefined where there is none. */
  state: PickleValue = undefined;
  constructor(type: PickleGlobal, args: PickleTuple, state?: PickleValue) {
    this.type = type;
    this.args = args;
    this.state = state;
  }
}

/** A Python float: a number, boxed where the plain number would count as an int. */
export function floatValue(value: number): number | PyFloat {
  return Number.isInteger(value) ? new PyFloat(value) : value;
}

/** A Python int: a number where that is exact, else a bigint. */
export function intValue(value: bigint): number | bigint {
  const n = Number(value);
  return Number.isSafeInteger(n) ? n : value;
}
