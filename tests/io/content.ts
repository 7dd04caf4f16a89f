/** The content of checkpoint fixtures (expected.json.gz), and records written in the same notation. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { fromBfloat16, fromFloat16 } from '../../src/base/float16.ts';
import { OrderedDict, PickleByteArray, PickleObject, PickleTuple } from '../../src/io/pickle/values.ts';
import {
  DeviceRecord,
  DTypeRecord,
  itemSizeOf,
  type RecordDType,
  SizeRecord,
  type StorageRecord,
  TensorRecord,
} from '../../src/io/pytorch/records.ts';
import { PyFloat } from '../../src/tensor/pyfloat.ts';

export const folder: URL = new URL('./fixtures/conformance/', import.meta.url);

export interface Case {
  readonly id: string;
  readonly file: string;
  readonly tags: readonly string[];
  readonly content?: unknown;
  readonly why?: string;
}

export const cases: readonly Case[] = (
  JSON.parse(gunzipSync(readFileSync(new URL('expected.json.gz', folder))).toString()) as { cases: Case[] }
).cases;

/** The bytes of a fixture. */
export function fixture(path: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`./fixtures/${path}`, import.meta.url)));
}

/** 100,000 lists within one another, as a pickle in an archive would have them. */
export function deeplyNested(depth: number): Uint8Array {
  const bytes = new Uint8Array(2 + 2 * depth + 1).fill(0x5d, 2, 2 + depth).fill(0x61, 2 + depth);
  bytes.set([0x80, 2]);
  bytes[1 + 2 * depth] = 0x2e;
  return bytes.subarray(0, 2 + 2 * depth);
}

type Element = number | string | boolean;

function showNumber(x: number): Element {
  return Number.isFinite(x) ? x : String(x);
}

/** One element at byte `at`; complex numbers have two. */
function elements(view: DataView, dtype: RecordDType, at: number): Element[] {
  switch (dtype) {
    case 'bool':
      return [view.getUint8(at) !== 0];
    case 'uint8':
      return [view.getUint8(at)];
    case 'int8':
      return [view.getInt8(at)];
    case 'int16':
      return [view.getInt16(at, true)];
    case 'int32':
      return [view.getInt32(at, true)];
    case 'int64': {
      const value = view.getBigInt64(at, true);
      return [Number.isSafeInteger(Number(value)) ? Number(value) : String(value)];
    }
    case 'float16':
      return [showNumber(fromFloat16(view.getUint16(at, true)))];
    case 'bfloat16':
      return [showNumber(fromBfloat16(view.getUint16(at, true)))];
    case 'float32':
      return [showNumber(view.getFloat32(at, true))];
    case 'float64':
      return [showNumber(view.getFloat64(at, true))];
    case 'complex64':
      return [showNumber(view.getFloat32(at, true)), showNumber(view.getFloat32(at + 4, true))];
    case 'complex128':
      return [showNumber(view.getFloat64(at, true)), showNumber(view.getFloat64(at + 8, true))];
    default:
      throw new Error(`no notation for ${dtype}`);
  }
}

function data(tensor: TensorRecord): Element[] {
  const { bytes } = tensor.storage;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const itemSize = itemSizeOf(tensor.dtype);
  const out: Element[] = [];
  const walk = (dim: number, offset: number) => {
    if (dim === tensor.sizes.length) out.push(...elements(view, tensor.dtype, offset * itemSize));
    else for (let i = 0; i < tensor.sizes[dim]; i++) walk(dim + 1, offset + i * tensor.strides[dim]);
  };
  walk(0, tensor.offset);
  return out;
}

/** Python values in the notation of the expected content. */
export function encode(value: unknown, storages: StorageRecord[] = []): unknown {
  const each = (items: Iterable<unknown>) => [...items].map((item) => encode(item, storages));
  const pairs = (map: ReadonlyMap<unknown, unknown>) => [...map].map(each);
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : { $float: String(value) };
  if (typeof value === 'bigint') return { $int: String(value) };
  if (value instanceof PyFloat) return { $float: value.value };
  if (Array.isArray(value)) return each(value);
  if (value instanceof PickleTuple) return { $tuple: each(value.items) };
  if (value instanceof OrderedDict) return { $ordered_dict: pairs(value) };
  if (value instanceof Map) return { $dict: pairs(value) };
  if (value instanceof Set) return { $set: each(value) };
  if (value instanceof Uint8Array) return { $bytes: [...value] };
  if (value instanceof PickleByteArray) return { $bytes: [...value.bytes] };
  if (value instanceof SizeRecord) return { $size: [...value.sizes] };
  if (value instanceof DTypeRecord) return { $dtype: value.dtype };
  if (value instanceof DeviceRecord) return { $device: String(value) };
  if (value instanceof PickleObject)
    return { $object: value.type.path, state: encode(value.state, storages) };
  if (value instanceof TensorRecord) return { $tensor: encodeTensor(value, storages) };
  throw new Error(`no notation for ${String(value)}`);
}

function encodeTensor(tensor: TensorRecord, storages: StorageRecord[]): unknown {
  if (!storages.includes(tensor.storage)) storages.push(tensor.storage);
  return {
    dtype: tensor.dtype,
    shape: [...tensor.sizes],
    data: data(tensor),
    strides: [...tensor.strides],
    offset: tensor.offset,
    storage: storages.indexOf(tensor.storage),
    storage_size: tensor.storage.numel,
    requires_grad: tensor.requiresGrad,
    ...(tensor.isParameter ? { parameter: true } : {}),
  };
}

/** The expected content, with float32 numbers rounded to what they name. */
export function expected(content: unknown): unknown {
  if (Array.isArray(content)) return content.map(expected);
  if (typeof content !== 'object' || content === null) return content;
  const entries = Object.entries(content).map(([key, value]) => [key, expected(value)]);
  const result = Object.fromEntries(entries) as Record<string, unknown>;
  if (Array.isArray(result.data) && (result.dtype === 'float32' || result.dtype === 'complex64')) {
    result.data = result.data.map((x: unknown) => (typeof x === 'number' ? Math.fround(x) : x));
  }
  return result;
}
