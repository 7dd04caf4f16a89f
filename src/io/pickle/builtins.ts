/** The globals of Python's standard library that pickled data may name: containers, bytes and complex numbers. */
import { UnpicklingError } from '../../base/errors.ts';
import { PyFloat } from '../../tensor/pyfloat.ts';
import { checkHashable, describe } from './inspect.ts';
import { PickleCallable } from './unpickler.ts';
import {
  OrderedDict,
  PickleByteArray,
  PickleComplex,
  PickleCounter,
  PickleDefaultDict,
  PickleFrozenSet,
  PickleGlobal,
  PickleTuple,
  type PickleValue,
} from './values.ts';

function wrongArguments(name: string): UnpicklingError {
  return new UnpicklingError(`${name} was called with arguments that it does not take`);
}

function hashables(name: string, args: readonly PickleValue[]): PickleValue[] {
  if (args.length === 0) return [];
  const items = args[0] instanceof PickleTuple ? args[0].items : args[0];
  if (args.length > 1 || !Array.isArray(items)) throw wrongArguments(name);
  return items.map(checkHashable);
}

/** Python 2 pickles an OrderedDict as a list of pairs. */
function orderedDict(args: readonly PickleValue[]): OrderedDict {
  const dict = new OrderedDict();
  if (args.length === 0) return dict;
  if (args.length > 1 || !Array.isArray(args[0])) throw wrongArguments('collections.OrderedDict');
  for (const entry of args[0]) {
    const pair = entry instanceof PickleTuple ? entry.items : entry;
    if (!Array.isArray(pair) || pair.length !== 2) throw wrongArguments('collections.OrderedDict');
    dict.set(checkHashable(pair[0]), pair[1]);
  }
  return dict;
}

function counter(args: readonly PickleValue[]): PickleCounter {
  const counts = new PickleCounter();
  if (args.length === 0) return counts;
  if (args.length > 1 || !(args[0] instanceof Map)) throw wrongArguments('collections.Counter');
  for (const [key, count] of args[0]) counts.set(key, count);
  return counts;
}

function defaultDict(args: readonly PickleValue[]): PickleDefaultDict {
  const factory = args[0] ?? null;
  if (args.length > 1 || !(factory === null || factory instanceof PickleGlobal)) {
    throw wrongArguments('collections.defaultdict');
  }
  const dict = new PickleDefaultDict();
  dict.factory = factory;
  return dict;
}

/** Protocol 2 has no bytes: Python writes them as a str with one character per byte. */
function encode(args: readonly PickleValue[]): Uint8Array {
  const [text, encoding] = args;
  if (typeof text !== 'string' || args.length > 2) throw wrongArguments('_codecs.encode');
  if (encoding !== 'latin1' && encoding !== 'latin-1') {
    throw new UnpicklingError(
      `_codecs.encode was called with the encoding ${describe(encoding)}, not 'latin1'`,
    );
  }
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0xff)
      throw new UnpicklingError("'latin-1' codec can't encode a character: ordinal not in range(256)");
    bytes[i] = code;
  }
  return bytes;
}

function bytearray(args: readonly PickleValue[]): PickleByteArray {
  if (args.length === 0) return new PickleByteArray(new Uint8Array(0));
  if (args.length === 1 && args[0] instanceof Uint8Array) return new PickleByteArray(args[0].slice());
  return new PickleByteArray(encode(args));
}

function emptyBytes(args: readonly PickleValue[]): Uint8Array {
  if (args.length > 0) throw wrongArguments('bytes');
  return new Uint8Array(0);
}

function complex(args: readonly PickleValue[]): PickleComplex {
  const [re, im] = args.map((x) => (x instanceof PyFloat ? x.value : x));
  if (args.length !== 2 || typeof re !== 'number' || typeof im !== 'number') throw wrongArguments('complex');
  return new PickleComplex(re, im);
}

const callables: readonly PickleCallable[] = [
  new PickleCallable('collections', 'OrderedDict', orderedDict),
  new PickleCallable('collections', 'Counter', counter),
  new PickleCallable('collections', 'defaultdict', defaultDict),
  new PickleCallable('_codecs', 'encode', encode),
  new PickleCallable('builtins', 'bytearray', bytearray),
  new PickleCallable('builtins', 'bytes', emptyBytes),
  new PickleCallable('builtins', 'complex', complex),
  new PickleCallable('builtins', 'set', (args) => new Set(hashables('set', args))),
  new PickleCallable('builtins', 'frozenset', (args) => new PickleFrozenSet(hashables('frozenset', args))),
];

/** Classes that data may mention (as the factory of a defaultdict), but not call. */
const mentioned: readonly PickleGlobal[] = ['list', 'dict', 'int', 'float', 'str', 'bool'].map(
  (name) => new PickleGlobal('builtins', name),
);

/** By dotted path. */
export const builtinGlobals: ReadonlyMap<string, PickleGlobal> = new Map(
  [...callables, ...mentioned].map((global) => [global.path, global]),
);
