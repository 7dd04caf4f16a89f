/**
 * A pickler for protocol 2, the one `torch.save` uses. It writes what CPython's C pickler writes for the same values
 * (the same opcodes and memo indices), except that equal strings are always shared.
 */
import { ArgumentTypeError, RuntimeError } from '../../base/errors.ts';
import { PyFloat } from '../../tensor/pyfloat.ts';
import * as op from './opcodes.ts';
import { encodeText } from './text.ts';
import {
  OrderedDict,
  PickleByteArray,
  PickleComplex,
  PickleCounter,
  PickleDefaultDict,
  PickleFrozenSet,
  PickleGlobal,
  PickleObject,
  PickleTuple,
  type PickleValue,
} from './values.ts';

/** How an object is made again: call `callable` (or create an instance of it), then add items, then set the state. */
export interface Reduction {
  readonly callable: PickleGlobal;
  readonly args: PickleTuple;
  /** Create an instance of the class `callable` without calling its constructor. */
  readonly asNewObject?: boolean;
  readonly items?: ReadonlyMap<PickleValue, PickleValue>;
  readonly state?: PickleValue;
}

/** What is stored outside of the pickle, by the id that finds it. */
export interface PersistentId {
  readonly persistentId: PickleTuple;
}

export interface PicklerOptions {
  /** How a value that the pickler does not know is written; undefined refuses it. */
  readonly reduce?: (value: object) => Reduction | PersistentId | undefined;
  /** How deeply containers may nest. */
  readonly maxDepth?: number;
}

/** How many items one APPENDS or SETITEMS adds. */
const BATCH = 1000;
const DEFAULT_DEPTH = 1000;

/** Python 2 names, which protocol 2 uses. */
const renamedModules: ReadonlyMap<string, string> = new Map([
  ['builtins', '__builtin__'],
  ['copyreg', 'copy_reg'],
]);

const CODECS_ENCODE = new PickleGlobal('_codecs', 'encode');
const ORDERED_DICT = new PickleGlobal('collections', 'OrderedDict');
const COUNTER = new PickleGlobal('collections', 'Counter');
const DEFAULT_DICT = new PickleGlobal('collections', 'defaultdict');
const SET = new PickleGlobal('builtins', 'set');
const FROZENSET = new PickleGlobal('builtins', 'frozenset');
const BYTEARRAY = new PickleGlobal('builtins', 'bytearray');
const COMPLEX = new PickleGlobal('builtins', 'complex');

/** Bytes that grow. */
class Output {
  private buffer = new Uint8Array(1024);
  private view = new DataView(this.buffer.buffer);
  private length = 0;

  /** Makes room for `n` bytes; returns where they go. The buffer may be another one afterwards. */
  private room(n: number): number {
    const at = this.length;
    if (at + n > this.buffer.length) {
      const larger = new Uint8Array(Math.max(2 * this.buffer.length, at + n));
      larger.set(this.buffer.subarray(0, at));
      this.buffer = larger;
      this.view = new DataView(larger.buffer);
    }
    this.length = at + n;
    return at;
  }

  u8(...values: number[]): void {
    const at = this.room(values.length);
    for (let i = 0; i < values.length; i++) this.buffer[at + i] = values[i];
  }

  u16(value: number): void {
    const at = this.room(2);
    this.view.setUint16(at, value, true);
  }

  u32(value: number): void {
    const at = this.room(4);
    this.view.setUint32(at, value, true);
  }

  f64(value: number): void {
    const at = this.room(8);
    this.view.setFloat64(at, value, false);
  }

  bytes(bytes: Uint8Array): void {
    const at = this.room(bytes.length);
    this.buffer.set(bytes, at);
  }

  finish(): Uint8Array {
    return this.buffer.slice(0, this.length);
  }
}

/** Two's complement, little-endian, as short as possible. */
function encodeLong(value: bigint): Uint8Array {
  let size = 1;
  while (BigInt.asIntN(8 * size, value) !== value) size++;
  const bytes = new Uint8Array(size);
  let hex = BigInt.asUintN(8 * size, value)
    .toString(16)
    .padStart(2 * size, '0');
  for (let i = 0; i < size; i++) {
    bytes[i] = Number.parseInt(hex.slice(-2), 16);
    hex = hex.slice(0, -2);
  }
  return bytes;
}

function latin1(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let i = 0; i < bytes.length; i += 4096)
    parts.push(String.fromCharCode(...bytes.subarray(i, i + 4096)));
  return parts.join('');
}

class Pickler {
  private readonly out = new Output();
  private readonly options: PicklerOptions;
  /** Objects by identity, strings by value. */
  private readonly memo = new Map<unknown, number>();
  /** One object for every path, so that equal globals are the same. */
  private readonly globals = new Map<string, PickleGlobal>();
  private memoSize = 0;
  private depth = 0;

  constructor(options: PicklerOptions) {
    this.options = options;
  }

  dump(value: PickleValue): Uint8Array {
    this.out.u8(op.PROTO, 2);
    this.save(value);
    this.out.u8(op.STOP);
    return this.out.finish();
  }

  private save(value: PickleValue): void {
    if (value === null) this.out.u8(op.NONE);
    else if (typeof value === 'boolean') this.out.u8(value ? op.NEWTRUE : op.NEWFALSE);
    else if (typeof value === 'number') this.number(value);
    else if (typeof value === 'bigint') this.long(value);
    else if (typeof value === 'string') this.text(value);
    else if (value instanceof PyFloat) this.float(value.value);
    else if (typeof value === 'object') this.object(value);
    else throw new ArgumentTypeError(`cannot pickle '${typeof value}' object`);
  }

  private object(value: object): void {
    if (this.recall(value)) return;
    if (++this.depth > (this.options.maxDepth ?? DEFAULT_DEPTH)) {
      throw new RuntimeError('maximum recursion depth exceeded while pickling an object');
    }
    if (value instanceof PickleTuple) this.tuple(value);
    else if (value instanceof PickleGlobal) this.global(value);
    else if (Array.isArray(value)) this.list(value);
    else if (value instanceof Uint8Array) this.reduce(value, bytesReduction(value));
    else if (Object.getPrototypeOf(value) === Map.prototype)
      this.dict(value as Map<PickleValue, PickleValue>);
    else this.other(value);
    this.depth--;
  }

  private other(value: object): void {
    const how = knownReduction(value) ?? this.options.reduce?.(value);
    if (how === undefined) {
      throw new ArgumentTypeError(`cannot pickle '${value.constructor?.name ?? 'object'}' object`);
    }
    if ('persistentId' in how) {
      this.save(how.persistentId);
      this.out.u8(op.BINPERSID);
    } else {
      this.reduce(value, how);
    }
  }

  private reduce(value: object, how: Reduction): void {
    this.save(how.callable);
    this.save(how.args);
    this.out.u8(how.asNewObject === true ? op.NEWOBJ : op.REDUCE);
    this.remember(value);
    if (how.items !== undefined) this.items(how.items);
    if (how.state !== undefined) {
      this.save(how.state);
      this.out.u8(op.BUILD);
    }
  }

  private remember(key: unknown): void {
    const index = this.memoSize++;
    this.memo.set(key, index);
    if (index < 256) {
      this.out.u8(op.BINPUT, index);
    } else {
      this.out.u8(op.LONG_BINPUT);
      this.out.u32(index);
    }
  }

  /** Writes a reference where the value was written before. */
  private recall(key: unknown): boolean {
    const index = this.memo.get(key);
    if (index === undefined) return false;
    if (index < 256) {
      this.out.u8(op.BINGET, index);
    } else {
      this.out.u8(op.LONG_BINGET);
      this.out.u32(index);
    }
    return true;
  }

  private number(value: number): void {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
      this.float(value);
    } else if (value >= 0 && value <= 0xff) {
      this.out.u8(op.BININT1, value);
    } else if (value >= 0 && value <= 0xffff) {
      this.out.u8(op.BININT2);
      this.out.u16(value);
    } else if (value === (value | 0)) {
      this.out.u8(op.BININT);
      this.out.u32(value >>> 0);
    } else {
      this.long(BigInt(value));
    }
  }

  private long(value: bigint): void {
    const small = Number(value);
    if (small === (small | 0)) {
      this.number(small);
      return;
    }
    const bytes = encodeLong(value);
    if (bytes.length < 256) {
      this.out.u8(op.LONG1, bytes.length);
    } else {
      this.out.u8(op.LONG4);
      this.out.u32(bytes.length);
    }
    this.out.bytes(bytes);
  }

  private float(value: number): void {
    this.out.u8(op.BINFLOAT);
    this.out.f64(value);
  }

  private text(value: string): void {
    if (this.recall(value)) return;
    const bytes = encodeText(value);
    this.out.u8(op.BINUNICODE);
    this.out.u32(bytes.length);
    this.out.bytes(bytes);
    this.remember(value);
  }

  private global(value: PickleGlobal): void {
    const key = this.globals.get(value.path) ?? value;
    this.globals.set(value.path, key);
    if (this.recall(key)) return;
    const module = renamedModules.get(value.module) ?? value.module;
    this.out.u8(op.GLOBAL);
    this.out.bytes(encodeText(`${module}\n${value.name}\n`));
    this.remember(key);
  }

  private tuple(value: PickleTuple): void {
    const n = value.items.length;
    if (n === 0) {
      this.out.u8(op.EMPTY_TUPLE);
      return;
    }
    if (n > 3) this.out.u8(op.MARK);
    for (const item of value.items) this.save(item);
    if (this.memo.has(value)) {
      // The tuple contains itself, through a list or a dict: it was written meanwhile.
      if (n > 3) this.out.u8(op.POP_MARK);
      else for (let i = 0; i < n; i++) this.out.u8(op.POP);
      this.recall(value);
      return;
    }
    this.out.u8(n > 3 ? op.TUPLE : [op.TUPLE1, op.TUPLE2, op.TUPLE3][n - 1]);
    this.remember(value);
  }

  private list(value: readonly PickleValue[]): void {
    this.out.u8(op.EMPTY_LIST);
    this.remember(value);
    if (value.length === 1) {
      this.save(value[0]);
      this.out.u8(op.APPEND);
      return;
    }
    for (let from = 0; from < value.length; from += BATCH) {
      this.out.u8(op.MARK);
      for (const item of value.slice(from, from + BATCH)) this.save(item);
      this.out.u8(op.APPENDS);
    }
  }

  private dict(value: ReadonlyMap<PickleValue, PickleValue>): void {
    this.out.u8(op.EMPTY_DICT);
    this.remember(value);
    this.items(value);
  }

  private items(value: ReadonlyMap<PickleValue, PickleValue>): void {
    const entries = [...value];
    for (let from = 0; from < entries.length; from += BATCH) {
      const batch = entries.slice(from, from + BATCH);
      if (batch.length > 1) this.out.u8(op.MARK);
      for (const [key, item] of batch) {
        this.save(key);
        this.save(item);
      }
      this.out.u8(batch.length > 1 ? op.SETITEMS : op.SETITEM);
    }
  }
}

/** Protocol 2 has no bytes: they become a str with one character per byte. */
function bytesReduction(bytes: Uint8Array): Reduction {
  return { callable: CODECS_ENCODE, args: new PickleTuple([latin1(bytes), 'latin1']) };
}

function knownReduction(value: object): Reduction | undefined {
  if (value instanceof OrderedDict) {
    const reduction = { callable: ORDERED_DICT, args: new PickleTuple([]), items: value };
    return value.attributes === null ? reduction : { ...reduction, state: value.attributes };
  }
  if (value instanceof PickleCounter) return { callable: COUNTER, args: new PickleTuple([new Map(value)]) };
  if (value instanceof PickleDefaultDict) {
    return { callable: DEFAULT_DICT, args: new PickleTuple([value.factory]), items: value };
  }
  if (value instanceof Set) return { callable: SET, args: new PickleTuple([[...value]]) };
  if (value instanceof PickleFrozenSet)
    return { callable: FROZENSET, args: new PickleTuple([[...value.items]]) };
  if (value instanceof PickleByteArray) return { callable: BYTEARRAY, args: new PickleTuple([value.bytes]) };
  if (value instanceof PickleComplex) {
    return { callable: COMPLEX, args: new PickleTuple([new PyFloat(value.re), new PyFloat(value.im)]) };
  }
  if (value instanceof PickleObject) {
    return { callable: value.type, args: value.args, asNewObject: true, state: value.state };
  }
  return undefined;
}

/** Writes `value` as a pickle of protocol 2. Throws a TypeError for what is no Python value. */
export function pickle(value: PickleValue, options: PicklerOptions = {}): Uint8Array {
  return new Pickler(options).dump(value);
}
