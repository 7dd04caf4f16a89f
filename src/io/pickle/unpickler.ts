/**
 * A safe unpickler: a machine that makes data and nothing else.
 *
 * Opcodes and globals are on allow-lists; a global is a name for one of our own constructors and nothing is ever imported. Every length
 * is checked against the bytes that are there before anything is allocated, and the number of containers, the memo and the depth of nesting
 * are bounded.
 */
import { UnpicklingError } from '../../base/errors.ts';
import { checkDepth, checkHashable, describe } from './inspect.ts';
import * as op from './opcodes.ts';
import { decodeText } from './text.ts';
import {
  floatValue,
  intValue,
  OrderedDict,
  PickleByteArray,
  PickleFrozenSet,
  PickleGlobal,
  PickleObject,
  PickleTuple,
  type PickleValue,
} from './values.ts';

/** A class or function that a pickle may call: `construct` is what is done instead. */
export class PickleCallable extends PickleGlobal {
  readonly construct: (args: readonly PickleValue[]) => PickleValue;
  constructor(module: string, name: string, construct: (args: readonly PickleValue[]) => PickleValue) {
    super(module, name);
    this.construct = construct;
  }
}

export interface PickleLimits {
  /** How deeply containers may nest. */
  readonly depth: number;
  /** How many containers and objects there may be. */
  readonly containers: number;
  /** How many values the pickle may remember for later use. */
  readonly memo: number;
  /** The size of the pickle itself, in bytes (not of the tensors, which are stored beside it). */
  readonly size: number;
  /** The size of an int, in bytes. */
  readonly intSize: number;
}

export const defaultLimits: PickleLimits = {
  depth: 1000,
  containers: 4_000_000,
  memo: 8_000_000,
  size: 2 ** 28,
  intSize: 1024,
};

export interface UnpicklerOptions {
  /** The value that a global stands for (a PickleCallable where it may be called), or undefined to refuse it. */
  readonly findGlobal: (module: string, name: string) => PickleValue;
  /** The value that a persistent id stands for. */
  readonly persistentLoad?: (id: PickleValue) => PickleValue;
  readonly limits?: Partial<PickleLimits>;
}

/** Python 2 names of modules, which protocol 2 uses. */
const renamedModules: ReadonlyMap<string, string> = new Map([
  ['__builtin__', 'builtins'],
  ['copy_reg', 'copyreg'],
]);

const MAX_GLOBAL_NAME = 512;
const NEWLINE = 0x0a;

/** Reads one pickle. */
export class Unpickler {
  /** Where the next byte is read: after `load`, the end of the pickle. */
  position: number;
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly options: UnpicklerOptions;
  private readonly limits: PickleLimits;
  private stack: PickleValue[] = [];
  private readonly marks: number[] = [];
  private readonly memo = new Map<number, PickleValue>();
  private containers = 0;

  constructor(bytes: Uint8Array, options: UnpicklerOptions, position = 0) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.options = options;
    this.limits = { ...defaultLimits, ...options.limits };
    this.position = position;
  }

  /** The value that the pickle holds. Throws an UnpicklingError for a pickle that is broken or asks for too much. */
  load(): PickleValue {
    const start = this.position;
    for (;;) {
      if (this.position >= this.bytes.length)
        throw new UnpicklingError('Ran out of input: the pickle has no end');
      if (this.position - start > this.limits.size) {
        throw new UnpicklingError(`the pickle is larger than ${this.limits.size} bytes (limits.size)`);
      }
      const code = this.bytes[this.position++];
      if (code === op.STOP) return this.finish();
      this.step(code);
    }
  }

  private finish(): PickleValue {
    if (this.stack.length !== 1 || this.marks.length !== 0) {
      throw new UnpicklingError(`the pickle ends with ${this.stack.length} values instead of one`);
    }
    const value = this.stack[0];
    checkDepth(value, this.limits.depth);
    return value;
  }

  private step(code: number): void {
    switch (code) {
      case op.MARK:
        this.marks.push(this.stack.length);
        return;
      case op.NONE:
        this.stack.push(null);
        return;
      case op.NEWTRUE:
        this.stack.push(true);
        return;
      case op.NEWFALSE:
        this.stack.push(false);
        return;
      case op.BININT:
        this.stack.push(this.view.getInt32(this.take(4), true));
        return;
      case op.BININT1:
        this.stack.push(this.bytes[this.take(1)]);
        return;
      case op.BININT2:
        this.stack.push(this.view.getUint16(this.take(2), true));
        return;
      case op.LONG1:
        this.stack.push(this.long(this.length8()));
        return;
      case op.LONG4:
        this.stack.push(this.long(this.length32()));
        return;
      case op.BINFLOAT:
        this.stack.push(floatValue(this.view.getFloat64(this.take(8), false)));
        return;
      case op.SHORT_BINUNICODE:
      case op.SHORT_BINSTRING:
        this.stack.push(decodeText(this.slice(this.length8())));
        return;
      case op.BINUNICODE:
      case op.BINSTRING:
        this.stack.push(decodeText(this.slice(this.length32())));
        return;
      case op.BINUNICODE8:
        this.stack.push(decodeText(this.slice(this.length64())));
        return;
      case op.SHORT_BINBYTES:
        this.stack.push(this.slice(this.length8()).slice());
        return;
      case op.BINBYTES:
        this.stack.push(this.slice(this.length32()).slice());
        return;
      case op.BINBYTES8:
        this.stack.push(this.slice(this.length64()).slice());
        return;
      case op.BYTEARRAY8:
        this.container(new PickleByteArray(this.slice(this.length64()).slice()));
        return;
      case op.BINGET:
        this.stack.push(this.recall(this.bytes[this.take(1)]));
        return;
      case op.LONG_BINGET:
        this.stack.push(this.recall(this.length32()));
        return;
      case op.BINPUT:
        this.remember(this.bytes[this.take(1)]);
        return;
      case op.LONG_BINPUT:
        this.remember(this.length32());
        return;
      case op.MEMOIZE:
        this.remember(this.memo.size);
        return;
      case op.POP:
        this.popOrMark();
        return;
      case op.POP_MARK:
        this.popMark();
        return;
      case op.PROTO:
        this.protocol(this.bytes[this.take(1)]);
        return;
      case op.FRAME:
        this.take(8);
        return;
      default:
        this.stepContainer(code);
    }
  }

  private stepContainer(code: number): void {
    switch (code) {
      case op.EMPTY_LIST:
        this.container([]);
        return;
      case op.EMPTY_DICT:
        this.container(new Map());
        return;
      case op.EMPTY_SET:
        this.container(new Set());
        return;
      case op.EMPTY_TUPLE:
        this.container(new PickleTuple([]));
        return;
      case op.TUPLE:
        this.container(new PickleTuple(this.popMark()));
        return;
      case op.TUPLE1:
        this.container(new PickleTuple(this.popSome(1)));
        return;
      case op.TUPLE2:
        this.container(new PickleTuple(this.popSome(2)));
        return;
      case op.TUPLE3:
        this.container(new PickleTuple(this.popSome(3)));
        return;
      case op.FROZENSET:
        this.container(new PickleFrozenSet(this.popMark().map(checkHashable)));
        return;
      case op.APPEND:
        this.append(this.popSome(1));
        return;
      case op.APPENDS:
        this.append(this.popMark());
        return;
      case op.SETITEM:
        this.setItems(this.popSome(2));
        return;
      case op.SETITEMS:
        this.setItems(this.popMark());
        return;
      case op.ADDITEMS:
        this.addItems(this.popMark());
        return;
      case op.GLOBAL:
        this.global(this.line(), this.line());
        return;
      case op.STACK_GLOBAL:
        this.stackGlobal();
        return;
      case op.REDUCE:
      case op.NEWOBJ:
        this.reduce();
        return;
      case op.BUILD:
        this.build();
        return;
      case op.BINPERSID:
        this.persistentId();
        return;
      default:
        throw new UnpicklingError(`Unsupported operand ${code}`);
    }
  }

  /** Moves past `n` bytes; returns where they begin. */
  private take(n: number): number {
    const at = this.position;
    if (n > this.bytes.length - at) throw new UnpicklingError('pickle data was truncated');
    this.position = at + n;
    return at;
  }

  private slice(n: number): Uint8Array {
    const at = this.take(n);
    return this.bytes.subarray(at, at + n);
  }

  private length8(): number {
    return this.bytes[this.take(1)];
  }

  private length32(): number {
    return this.view.getUint32(this.take(4), true);
  }

  private length64(): number {
    const n = this.view.getBigUint64(this.take(8), true);
    if (n > BigInt(this.bytes.length)) throw new UnpicklingError('pickle data was truncated');
    return Number(n);
  }

  private long(n: number): number | bigint {
    const bytes = this.slice(n);
    if (n > this.limits.intSize) {
      throw new UnpicklingError(
        `an int of ${n} bytes is larger than ${this.limits.intSize} bytes (limits.intSize)`,
      );
    }
    if (n === 0) return 0;
    let hex = '0x';
    for (let i = n - 1; i >= 0; i--) hex += bytes[i].toString(16).padStart(2, '0');
    return intValue(BigInt.asIntN(8 * n, BigInt(hex)));
  }

  private line(): string {
    const end = this.bytes.indexOf(NEWLINE, this.position);
    if (end < 0) throw new UnpicklingError('pickle data was truncated');
    if (end - this.position > MAX_GLOBAL_NAME) throw new UnpicklingError('the name of a global is too long');
    const text = decodeText(this.bytes.subarray(this.position, end));
    this.position = end + 1;
    return text;
  }

  private protocol(version: number): void {
    if (version < 2 || version > 5) throw new UnpicklingError(`unsupported pickle protocol: ${version}`);
  }

  private floor(): number {
    return this.marks.length === 0 ? 0 : this.marks[this.marks.length - 1];
  }

  private top(): PickleValue {
    if (this.stack.length <= this.floor())
      throw new UnpicklingError('the pickle reads a value that is not there');
    return this.stack[this.stack.length - 1];
  }

  private pop(): PickleValue {
    const value = this.top();
    this.stack.pop();
    return value;
  }

  private popSome(n: number): PickleValue[] {
    if (this.stack.length - n < this.floor()) {
      throw new UnpicklingError('the pickle reads a value that is not there');
    }
    const items = new Array<PickleValue>(n);
    for (let i = n - 1; i >= 0; i--) items[i] = this.stack.pop();
    return items;
  }

  private popMark(): PickleValue[] {
    const mark = this.marks.pop();
    if (mark === undefined) throw new UnpicklingError('could not find MARK');
    const items = this.stack.slice(mark);
    this.stack.length = mark;
    return items;
  }

  private popOrMark(): void {
    if (this.stack.length > this.floor()) this.stack.pop();
    else this.popMark();
  }

  private container(value: object): void {
    this.countContainer();
    this.stack.push(value);
  }

  private countContainer(): void {
    if (++this.containers > this.limits.containers) {
      throw new UnpicklingError(
        `the pickle has more than ${this.limits.containers} containers (limits.containers)`,
      );
    }
  }

  private recall(index: number): PickleValue {
    if (!this.memo.has(index)) throw new UnpicklingError(`Memo value not found at index ${index}`);
    return this.memo.get(index);
  }

  private remember(index: number): void {
    const value = this.top();
    if (this.memo.size >= this.limits.memo && !this.memo.has(index)) {
      throw new UnpicklingError(`the pickle remembers more than ${this.limits.memo} values (limits.memo)`);
    }
    this.memo.set(index, value);
  }

  private append(items: readonly PickleValue[]): void {
    const list = this.top();
    if (!Array.isArray(list))
      throw new UnpicklingError(`Can only append to lists, but got ${describe(list)}`);
    for (const item of items) list.push(item);
  }

  private setItems(items: readonly PickleValue[]): void {
    const dict = this.top();
    if (!(dict instanceof Map)) {
      throw new UnpicklingError(
        `Can only SETITEM for dict, collections.OrderedDict, collections.Counter, but got ${describe(dict)}`,
      );
    }
    if (items.length % 2 !== 0) throw new UnpicklingError('odd number of items for SETITEMS');
    for (let i = 0; i < items.length; i += 2) dict.set(checkHashable(items[i]), items[i + 1]);
  }

  private addItems(items: readonly PickleValue[]): void {
    const set = this.top();
    if (!(set instanceof Set))
      throw new UnpicklingError(`Can only add items to sets, but got ${describe(set)}`);
    for (const item of items) set.add(checkHashable(item));
  }

  private global(module: string, name: string): void {
    const renamed = renamedModules.get(module) ?? module;
    const value = this.options.findGlobal(renamed, name);
    if (value === undefined) throw unsupportedGlobal(renamed, name);
    this.stack.push(value);
  }

  private stackGlobal(): void {
    const [module, name] = this.popSome(2);
    if (typeof module !== 'string' || typeof name !== 'string') {
      throw new UnpicklingError('STACK_GLOBAL requires str');
    }
    this.global(module, name);
  }

  private reduce(): void {
    const args = this.pop();
    const callable = this.pop();
    if (!(callable instanceof PickleCallable)) {
      throw new UnpicklingError(`Trying to call reduce for unrecognized function ${describe(callable)}`);
    }
    if (!(args instanceof PickleTuple)) {
      throw new UnpicklingError(`the arguments of ${callable.path} are not a tuple`);
    }
    this.countContainer();
    this.stack.push(callable.construct(args.items));
  }

  private build(): void {
    const state = this.pop();
    const target = this.top();
    if (target instanceof OrderedDict) {
      if (!(state instanceof Map) || ![...state.keys()].every((key) => typeof key === 'string')) {
        throw new UnpicklingError('the state of an OrderedDict is not a dict of attributes');
      }
      target.attributes = new Map([...(target.attributes ?? []), ...(state as Map<string, PickleValue>)]);
    } else if (target instanceof PickleObject && target.state === undefined) {
      target.state = state;
    } else {
      throw new UnpicklingError(
        'Can only build Tensor, Parameter, OrderedDict or types allowlisted via `addSafeGlobals`, ' +
          `but got ${describe(target)}`,
      );
    }
  }

  private persistentId(): void {
    const id = this.pop();
    if (this.options.persistentLoad === undefined) {
      throw new UnpicklingError('unsupported persistent id encountered');
    }
    this.stack.push(this.options.persistentLoad(id));
  }
}

/** Reads one pickle that fills `bytes` exactly. */
export function unpickle(bytes: Uint8Array, options: UnpicklerOptions): PickleValue {
  const reader = new Unpickler(bytes, options);
  const value = reader.load();
  if (reader.position !== bytes.length)
    throw new UnpicklingError('there are bytes after the end of the pickle');
  return value;
}

/** The error for a global that is not on the allow-list. */
export function unsupportedGlobal(module: string, name: string): UnpicklingError {
  const path = module === 'builtins' ? name : `${module}.${name}`;
  return new UnpicklingError(
    `Unsupported global: GLOBAL ${path} was not an allowed global by default. ` +
      `Please use \`torch.serialization.addSafeGlobals\` to allowlist this global if you trust this class/function.`,
  );
}
