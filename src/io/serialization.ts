/**
 * `torch.save`, `torch.load` and `torch.serialization`. https://pytorch.org/docs/stable/notes/serialization.html
 *
 * Files are read as data: nothing in them is run, whatever the options.
 */
import { isOptions } from '../base/arguments.ts';
import { ArgumentTypeError, RuntimeError } from '../base/errors.ts';
import type { Device } from '../device/device.ts';
import { Module } from '../nn/index.ts';
import { resolveDevice, TorchDevice } from '../tensor/devices.ts';
import { pathOf, readSource, type Sink, type Source, writeSink } from './files.ts';
import { type ModuleClass, moduleCodec } from './modules.ts';
import type { PickleLimits } from './pickle/unpickler.ts';
import { readCheckpoint } from './pytorch/reader.ts';
import type { StorageRecord } from './pytorch/records.ts';
import { writeCheckpoint } from './pytorch/writer.ts';
import { builtinClasses, type ClassCodec, userClasses } from './registry.ts';
import { TensorReader } from './tensors.ts';
import { ValueReader, ValueWriter } from './values.ts';

/**
 * Where tensors go: one device for all of them, devices by the location they were saved from, or a function of that location
 * that gives a device (or null: the location itself).
 */
export type MapLocation =
  | string
  | TorchDevice
  | ReadonlyMap<string, string>
  | Readonly<Record<string, string>>
  | ((storage: StorageRecord, location: string) => unknown)
  | null;

export interface LoadOptions {
  mapLocation?: MapLocation;
  /** Refuse whole modules: only tensors, plain values and the classes given to `addSafeGlobals` may occur. */
  weightsOnly?: boolean;
  /** Bounds on what a file may make the reader do. */
  limits?: Partial<PickleLimits>;
}

// --- saving ---

/** What PyTorch names the folder in the archive: the name of the file without its last extension. */
function archiveName(f: Sink | undefined): string {
  if (typeof f !== 'string' && !(f instanceof URL)) return 'archive';
  const base = pathOf(f).split(/[\\/]/).at(-1) as string;
  const dot = base.lastIndexOf('.');
  const name = dot < 0 ? base : base.slice(0, dot);
  // The names of entries must be safe wherever the archive is unpacked.
  return /^[\w-][\w .()+-]*$/.test(name) ? name : 'archive';
}

function codecForInstance(instance: object): ClassCodec | undefined {
  const known = userClasses.forInstance(instance) ?? builtinClasses.forInstance(instance);
  if (known !== undefined || !(instance instanceof Module)) return known;
  // As in Python, where a class of the main program is called __main__.Net.
  return moduleCodec(instance.constructor as ModuleClass, `__main__.${instance.typeName()}`);
}

/**
 * Saves an object in PyTorch's file format: a tensor, a state dict, nested arrays, Maps and plain objects of them, a whole module.
 * https://pytorch.org/docs/stable/generated/torch.save.html
 *
 * `f` is a path (in Node; the file is replaced at once or not at all) or an object with a `write` method. Without it the bytes of
 * the file are returned. Tensors that share memory share it in the file. Frozen arrays become tuples.
 * Throws a TypeError for what Python could not hold, and an OSError where the file cannot be written.
 *
 * @example
 * ```ts
 * const bytes = torch.save({ epoch: 3, weight: torch.ones(2) });
 * const checkpoint = torch.load(bytes) as Map<string, unknown>;
 * console.log(checkpoint.get('epoch'), String(checkpoint.get('weight'))); // => 3 tensor([1., 1.])
 * ```
 */
export function save(obj: unknown): Uint8Array;
export function save(obj: unknown, f: Sink): void;
export function save(obj: unknown, f?: Sink): Uint8Array | undefined {
  const value = new ValueWriter(codecForInstance).write(obj);
  return writeSink(writeCheckpoint(value, { name: archiveName(f) }), f);
}

// --- loading ---

function unavailable(location: string): RuntimeError {
  const type = location.replace(/:\d+$/, '');
  if (type === 'cuda') {
    return new RuntimeError(
      'Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False. ' +
        "If you are running on a CPU-only machine, please use torch.load with mapLocation: 'cpu' to map your storages to the CPU.",
    );
  }
  return new RuntimeError(
    `don't know how to restore data location of torch.storage.UntypedStorage (tagged with ${location}); ` +
      "torch.load with mapLocation: 'cpu' puts it on the CPU",
  );
}

function deviceAt(location: string): Device {
  try {
    return resolveDevice(location);
  } catch {
    throw unavailable(location);
  }
}

function mapped(map: MapLocation, storage: StorageRecord): Device {
  const { location } = storage;
  if (map === null) return deviceAt(location);
  if (typeof map === 'string' || map instanceof TorchDevice) return resolveDevice(map);
  if (typeof map === 'function') {
    const result = map(storage, location);
    if (result === null || result === undefined) return deviceAt(location);
    // PyTorch's functions return the storage itself to leave it on the CPU.
    return result === storage ? resolveDevice('cpu') : resolveDevice(result);
  }
  const target = map instanceof Map ? map.get(location) : (map as Readonly<Record<string, string>>)[location];
  return deviceAt(target ?? location);
}

/**
 * Loads what `torch.save` wrote, here or in PyTorch (the current format and that before 1.6).
 * https://pytorch.org/docs/stable/generated/torch.load.html
 *
 * `f` is a path (in Node) or the bytes of the file. Dicts become Maps, tuples frozen arrays, state dicts StateDicts. Whole modules of
 * `torch.nn` become modules; other classes have to be named with `torch.serialization.addSafeGlobals` first.
 * Throws an UnpicklingError or a RuntimeError for a file that is broken or has something that is not allowed.
 *
 * @example
 * ```ts
 * const net = new nn.Linear(2, 1);
 * const bytes = torch.save(net.stateDict());
 * net.loadStateDict(torch.load(bytes, { weightsOnly: true }) as Map<string, torch.Tensor>);
 * ```
 */
export function load(
  f: Source,
  mapLocation?: Exclude<MapLocation, Readonly<Record<string, string>>> | LoadOptions,
  options: LoadOptions = {},
): unknown {
  const named: LoadOptions = isOptions(mapLocation)
    ? { ...(mapLocation as LoadOptions), ...options }
    : options;
  const positional = isOptions(mapLocation) ? undefined : (mapLocation as MapLocation | undefined);
  const map = positional ?? named.mapLocation ?? null;
  const codecFor = (path: string) =>
    userClasses.forPath(path) ?? (named.weightsOnly === true ? undefined : builtinClasses.forPath(path));
  const value = readCheckpoint(readSource(f), {
    allowsClass: (path) => codecFor(path) !== undefined,
    limits: named.limits ?? {},
  });
  const tensors = new TensorReader((storage) => mapped(map, storage));
  return new ValueReader(tensors, codecFor).read(value);
}

// --- torch.serialization ---

/**
 * A class that files may name: a Module subclass (known as `__main__.Net`, or by the path beside it), or a codec for any other
 * class.
 */
export type SafeGlobal = ModuleClass | readonly [ModuleClass, string] | ClassCodec;

function isModuleClass(x: unknown): x is ModuleClass {
  return typeof x === 'function' && (x === Module || x.prototype instanceof Module);
}

function codecOf(entry: SafeGlobal): ClassCodec {
  if (isModuleClass(entry)) return moduleCodec(entry, `__main__.${entry.name}`);
  if (Array.isArray(entry)) {
    const [type, path] = entry as readonly [unknown, unknown];
    if (isModuleClass(type) && typeof path === 'string') return moduleCodec(type, path);
  } else if (typeof (entry as Partial<ClassCodec> | null)?.build === 'function') {
    return entry as ClassCodec;
  }
  throw new ArgumentTypeError(
    'expected a Module subclass, [subclass, python path], or { path, type, build, state }',
  );
}

/**
 * Lets files name these classes: instances of them are loaded.
 * https://pytorch.org/docs/stable/notes/serialization.html#torch.serialization.add_safe_globals
 *
 * A Module subclass is made without running its constructor, as in Python: its attributes are those of the file, `hidden_size` becoming
 * `hiddenSize`.
 */
export function addSafeGlobals(safeGlobals: readonly SafeGlobal[]): void {
  for (const entry of safeGlobals) userClasses.add(codecOf(entry));
}

/** The classes that files may name, apart from those of the library. */
export function getSafeGlobals(): ClassCodec[] {
  return userClasses.codecs;
}

/** Forgets all classes given to `addSafeGlobals`. */
export function clearSafeGlobals(): void {
  userClasses.clear();
}

/** Lets files name these classes while `fn` runs. */
export function safeGlobals<R>(globals: readonly SafeGlobal[], fn: () => R): R {
  const before = userClasses.codecs;
  try {
    addSafeGlobals(globals);
    return fn();
  } finally {
    userClasses.clear();
    for (const codec of before) userClasses.add(codec);
  }
}
