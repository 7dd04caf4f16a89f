/**
 * Between what users save and load, and the values of a pickle.
 *
 * | Python | saved from | loaded as |
 * | --- | --- | --- |
 * | None, bool, str | null or undefined, boolean, string | null, boolean, string |
 * | int | number that is whole, bigint | number, or bigint beyond 2^53 |
 * | float | other numbers; `torch.pyFloat(2)` for 2.0 | number |
 * | list | Array | Array |
 * | tuple | frozen Array | frozen Array |
 * | dict | Map, plain object | Map |
 * | OrderedDict | StateDict, OrderedDict | StateDict where it is one, else OrderedDict (a Map) |
 * | set, bytes | Set, Uint8Array | Set, Uint8Array |
 * | Tensor, Parameter, torch.Size, dtype, device | the same | the same |
 * | an instance of a registered class | the same | the same |
 */
import { DType } from '../base/dtype.ts';
import { ArgumentTypeError, RuntimeError, UnpicklingError } from '../base/errors.ts';
import { StateDict } from '../nn/index.ts';
import { TorchDevice, torchDevice } from '../tensor/devices.ts';
import { PyFloat } from '../tensor/pyfloat.ts';
import { Size } from '../tensor/size.ts';
import { Tensor } from '../tensor/tensor.ts';
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
} from './pickle/values.ts';
import {
  DeviceRecord,
  DTypeRecord,
  isRecordDType,
  SizeRecord,
  StorageRecord,
  TensorRecord,
} from './pytorch/records.ts';
import type { ClassCodec } from './registry.ts';
import { dtypeOf, type TensorReader, TensorWriter } from './tensors.ts';

const METADATA = '_metadata';
/** As deep as Python's own limit on recursion lets it save. */
const MAX_DEPTH = 1000;

/** Makes what users get from the values of a pickle. */
export class ValueReader {
  private readonly tensors: TensorReader;
  private readonly codecFor: (path: string) => ClassCodec | undefined;
  /** What each container became; null while an object waits for its state. */
  private readonly made = new Map<object, unknown>();
  private static readonly pending: unique symbol = Symbol('pending');

  constructor(tensors: TensorReader, codecFor: (path: string) => ClassCodec | undefined) {
    this.tensors = tensors;
    this.codecFor = codecFor;
  }

  read(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value;
    if (value instanceof PyFloat) return value.value;
    if (value instanceof Uint8Array || value instanceof PickleComplex) return value;
    const known = this.made.get(value);
    if (known === ValueReader.pending) {
      throw new UnpicklingError('an object that contains itself is not supported');
    }
    if (known !== undefined) return known;
    return this.container(value);
  }

  private remember<T>(source: object, result: T): T {
    this.made.set(source, result);
    return result;
  }

  /** What contains itself must be known before its content is read. */
  private container(value: object): unknown {
    if (Array.isArray(value)) return this.fill(this.remember(value, []), value);
    if (value instanceof PickleTuple) return Object.freeze(this.fill(this.remember(value, []), value.items));
    if (value instanceof Map) return this.dict(value);
    if (value instanceof Set) {
      const set = this.remember(value, new Set<unknown>());
      for (const item of value) set.add(this.read(item));
      return set;
    }
    this.made.set(value, ValueReader.pending);
    return this.remember(value, this.object(value));
  }

  private fill(list: unknown[], items: readonly unknown[]): unknown[] {
    for (const item of items) list.push(this.read(item));
    return list;
  }

  private dict(value: Map<unknown, unknown>): Map<unknown, unknown> {
    if (value instanceof OrderedDict && isStateDict(value)) return this.stateDict(value);
    const out = this.remember(value, emptyLike(value));
    for (const [key, item] of value) out.set(this.read(key), this.read(item));
    if (out instanceof OrderedDict && value instanceof OrderedDict && value.attributes !== null) {
      out.attributes = new Map([...value.attributes].map(([name, item]) => [name, this.read(item)]));
    }
    return out;
  }

  private stateDict(value: OrderedDict): StateDict {
    const out = this.remember(value, new StateDict());
    for (const [name, tensor] of value) out.set(name as string, this.read(tensor) as Tensor);
    const metadata = value.attributes?.get(METADATA) as Map<string, Map<string, number>>;
    for (const [prefix, entry] of metadata) out.metadata.set(prefix, { version: entry.get('version') ?? 1 });
    return out;
  }

  private object(value: object): unknown {
    if (value instanceof TensorRecord) return this.tensors.read(value);
    if (value instanceof SizeRecord) return Size.from(value.sizes);
    if (value instanceof DTypeRecord) return dtypeOf(value.dtype);
    if (value instanceof DeviceRecord) return deviceOf(value);
    if (value instanceof PickleByteArray) return value.bytes;
    if (value instanceof PickleFrozenSet)
      return new PickleFrozenSet([...value.items].map((item) => this.read(item)));
    if (value instanceof PickleObject) return this.instance(value);
    if (value instanceof StorageRecord) {
      throw new UnpicklingError('the file holds a storage by itself; only tensors can be loaded');
    }
    if (value instanceof PickleGlobal) {
      throw new UnpicklingError(
        `the file holds ${value.path} by itself, which is nothing that can be loaded`,
      );
    }
    throw new UnpicklingError(`${value.constructor.name} cannot be loaded`);
  }

  private instance(value: PickleObject): unknown {
    const { path } = value.type;
    const codec = this.codecFor(path);
    if (codec === undefined) throw new UnpicklingError(`${path} is not an allowed class`);
    const args = value.args.items.map((item) => this.read(item));
    return codec.build(this.read(value.state), args);
  }
}

/** A state dict: tensors by name, with the versions of the modules they come from. */
function isStateDict(value: OrderedDict): boolean {
  const metadata = value.attributes?.get(METADATA);
  if (!(metadata instanceof Map)) return false;
  for (const [prefix, entry] of metadata) {
    if (typeof prefix !== 'string' || !(entry instanceof Map)) return false;
    const version = entry.get('version');
    if (version !== undefined && typeof version !== 'number') return false;
  }
  for (const [name, item] of value) {
    if (typeof name !== 'string' || !(item instanceof TensorRecord)) return false;
  }
  return true;
}

/** An empty dict of the same kind. */
function emptyLike(value: Map<unknown, unknown>): Map<unknown, unknown> {
  if (value instanceof OrderedDict) return new OrderedDict();
  if (value instanceof PickleCounter) return new PickleCounter();
  if (value instanceof PickleDefaultDict) {
    const dict = new PickleDefaultDict();
    dict.factory = value.factory;
    return dict;
  }
  return new Map();
}

function deviceOf(record: DeviceRecord): TorchDevice {
  try {
    return torchDevice(String(record));
  } catch {
    // A device that this machine does not have can be named all the same.
    return new TorchDevice(String(record));
  }
}

/** Makes values of a pickle from what users save. */
export class ValueWriter {
  private readonly tensors = new TensorWriter();
  private readonly codecFor: (instance: object) => ClassCodec | undefined;
  private readonly made = new Map<object, unknown>();
  private depth = 0;

  constructor(codecFor: (instance: object) => ClassCodec | undefined) {
    this.codecFor = codecFor;
  }

  /** Throws a TypeError for what Python could not hold. */
  write(value: unknown): unknown {
    if (value === undefined) return null;
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return value;
    if (value instanceof PyFloat || value instanceof Uint8Array || value instanceof PickleGlobal)
      return value;
    const known = this.made.get(value);
    if (known !== undefined) return known;
    if (++this.depth > MAX_DEPTH) {
      throw new RuntimeError('maximum recursion depth exceeded while pickling an object');
    }
    const result = this.container(value);
    this.depth--;
    return result;
  }

  private remember<T>(source: object, result: T): T {
    this.made.set(source, result);
    return result;
  }

  private container(value: object): unknown {
    if (value instanceof Size) return this.remember(value, new SizeRecord([...value]));
    if (Array.isArray(value)) return this.list(value);
    if (value instanceof Map) return this.dict(value);
    if (value instanceof Set) {
      const set = this.remember(value, new Set<unknown>());
      for (const item of value) set.add(this.write(item));
      return set;
    }
    if (value instanceof Tensor) return this.remember(value, this.tensors.write(value));
    if (value instanceof DType) return new DTypeRecord(recordDType(value));
    if (value instanceof TorchDevice) return this.remember(value, new DeviceRecord(value.type, value.index));
    const codec = this.codecFor(value);
    if (codec !== undefined) return this.instance(value, codec);
    const proto = Object.getPrototypeOf(value);
    if (typeof value === 'object' && (proto === Object.prototype || proto === null)) {
      const dict = this.remember(value, new Map<unknown, unknown>());
      for (const [key, item] of Object.entries(value)) dict.set(key, this.write(item));
      return dict;
    }
    if (value instanceof PickleFrozenSet) {
      return this.remember(value, new PickleFrozenSet([...value.items].map((item) => this.write(item))));
    }
    if (value instanceof PickleComplex || value instanceof PickleByteArray) return value;
    throw new ArgumentTypeError(`cannot pickle '${value.constructor?.name ?? typeof value}' object`);
  }

  private list(value: readonly unknown[]): unknown {
    const items: unknown[] = [];
    // A frozen array is a tuple. It may contain itself, through a list: it is known before its items are.
    this.made.set(value, Object.isFrozen(value) ? new PickleTuple(items) : items);
    for (let i = 0; i < value.length; i++) items.push(this.write(value[i]));
    return this.made.get(value);
  }

  private dict(value: Map<unknown, unknown>): unknown {
    const out = this.remember(value, value instanceof StateDict ? new OrderedDict() : emptyLike(value));
    for (const [key, item] of value) out.set(this.write(key), this.write(item));
    if (out instanceof OrderedDict) out.attributes = this.attributes(value);
    return out;
  }

  private attributes(value: Map<unknown, unknown>): Map<string, unknown> | null {
    if (value instanceof StateDict) {
      if (value.metadata.size === 0) return null;
      const metadata = new OrderedDict<string, unknown>();
      for (const [prefix, { version }] of value.metadata)
        metadata.set(prefix, new Map([['version', version]]));
      return new Map([[METADATA, metadata]]);
    }
    if (!(value instanceof OrderedDict) || value.attributes === null) return null;
    return new Map([...value.attributes].map(([name, item]) => [name, this.write(item)]));
  }

  private instance(value: object, codec: ClassCodec): PickleObject {
    if (codec.state === undefined) throw new ArgumentTypeError(`instances of ${codec.path} can be read only`);
    const dot = codec.path.lastIndexOf('.');
    const type = new PickleGlobal(codec.path.slice(0, dot), codec.path.slice(dot + 1));
    const object = this.remember(value, new PickleObject(type, new PickleTuple([])));
    object.state = this.write(codec.state(value as never));
    return object;
  }
}

function recordDType(dtype: DType): DTypeRecord['dtype'] {
  if (!isRecordDType(dtype.name)) throw new ArgumentTypeError(`cannot pickle ${String(dtype)}`);
  return dtype.name;
}
