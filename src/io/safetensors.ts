/**
 * The safetensors format: a length, a JSON header, and the bytes of all tensors without holes.
 * https://github.com/huggingface/safetensors#format
 *
 * Everything the specification forbids is refused: overlaps, holes, duplicate keys, a header that does not begin with `{`, sizes that
 * disagree with dtypes and shapes.
 */
import { NotImplementedError, RuntimeError, ValueError } from '../base/errors.ts';
import { ArrayRecord, byteSize } from './arrays.ts';
import { type Json, JsonError, parseStrictJson } from './json.ts';
import type { RecordDType } from './pytorch/records.ts';

/** The limit that the format sets. */
const MAX_HEADER = 100_000_000;
const LENGTH_SIZE = 8;
/** Headers are padded with spaces so that the data begins at a multiple of this. */
const ALIGNMENT = 8;
const METADATA = '__metadata__';
const MAX_RANK = 64;

/** In the order of the format's own enumeration, which decides the order of tensors that are written. */
const names: readonly (readonly [string, RecordDType])[] = [
  ['BOOL', 'bool'],
  ['U8', 'uint8'],
  ['I8', 'int8'],
  ['F8_E5M2', 'float8_e5m2'],
  ['F8_E4M3', 'float8_e4m3fn'],
  ['I16', 'int16'],
  ['U16', 'uint16'],
  ['F16', 'float16'],
  ['BF16', 'bfloat16'],
  ['I32', 'int32'],
  ['U32', 'uint32'],
  ['F32', 'float32'],
  ['C64', 'complex64'],
  ['F64', 'float64'],
  ['I64', 'int64'],
  ['U64', 'uint64'],
];
const fromName: ReadonlyMap<string, RecordDType> = new Map(names);
const toName: ReadonlyMap<RecordDType, string> = new Map(names.map(([name, dtype]) => [dtype, name]));
const rank: ReadonlyMap<string, number> = new Map(names.map(([name], i) => [name, i]));

/** The content of a file. */
export interface SafetensorsContent {
  /** In the order of the header. */
  readonly tensors: Map<string, ArrayRecord>;
  /** The free-form texts of `__metadata__`; empty where the file has none. */
  readonly metadata: Map<string, string>;
}

interface Placed {
  readonly name: string;
  readonly dtype: RecordDType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function failure(why: string): RuntimeError {
  return new RuntimeError(`Error while deserializing: ${why}`);
}

function isCount(x: Json | undefined): x is number {
  return typeof x === 'number' && Number.isSafeInteger(x) && x >= 0;
}

function parseHeader(bytes: Uint8Array): { header: Map<string, Json>; dataOffset: number } {
  if (bytes.length < LENGTH_SIZE) throw failure('header too small');
  const length = new DataView(bytes.buffer, bytes.byteOffset, LENGTH_SIZE).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER)) throw failure('header too large');
  const dataOffset = LENGTH_SIZE + Number(length);
  if (dataOffset > bytes.length) throw failure('invalid header length');
  const raw = bytes.subarray(LENGTH_SIZE, dataOffset);
  if (raw[0] !== 0x7b) throw failure('invalid start character in header, must start with {');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw);
  } catch {
    throw failure('invalid UTF-8 in header');
  }
  return { header: parseObject(text), dataOffset };
}

function parseObject(text: string): Map<string, Json> {
  try {
    return parseStrictJson(text, 4) as Map<string, Json>;
  } catch (error) {
    if (error instanceof JsonError) throw failure(`invalid JSON in header: ${error.message}`);
    throw error;
  }
}

function parseMetadata(value: Json): Map<string, string> {
  if (!(value instanceof Map) || ![...value.values()].every((text) => typeof text === 'string')) {
    throw failure(`invalid JSON in header: ${METADATA} must map strings to strings`);
  }
  return value as Map<string, string>;
}

function parseEntry(name: string, value: Json): Placed {
  const wrong = (why: string) => failure(`invalid JSON in header: tensor ${JSON.stringify(name)}: ${why}`);
  if (!(value instanceof Map)) throw wrong('not an object');
  const dtypeName = value.get('dtype');
  const shape = value.get('shape');
  const offsets = value.get('data_offsets');
  if (typeof dtypeName !== 'string') throw wrong('no dtype');
  if (!Array.isArray(shape) || !shape.every(isCount)) throw wrong('the shape is no list of sizes');
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount))
    throw wrong('invalid data_offsets');
  const dtype = fromName.get(dtypeName);
  if (dtype === undefined) {
    throw new NotImplementedError(
      `the tensor ${JSON.stringify(name)} has the dtype ${dtypeName}, which is not supported`,
    );
  }
  if (shape.length > MAX_RANK) throw wrong(`${shape.length} dimensions are not supported`);
  return { name, dtype, shape: shape as number[], begin: offsets[0] as number, end: offsets[1] as number };
}

/** The tensors must fill the data from its first to its last byte, each byte once. */
function checkPlacement(placed: readonly Placed[], available: number): void {
  const inOrder = [...placed].sort((a, b) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const { name, dtype, shape, begin, end } of inOrder) {
    if (begin !== at || end < begin) throw failure(`invalid offset for tensor \`${name}\``);
    if (byteSize(dtype, shape) !== end - begin) {
      throw failure(`invalid shape, data type, or offset for tensor \`${name}\``);
    }
    at = end;
  }
  if (at !== available) throw failure('incomplete metadata, file not fully covered');
}

/** Reads a file; the bytes of the tensors are views of `bytes`. Throws a RuntimeError for a file that breaks a rule of the format. */
export function readSafetensors(bytes: Uint8Array): SafetensorsContent {
  const { header, dataOffset } = parseHeader(bytes);
  const metadata = header.has(METADATA)
    ? parseMetadata(header.get(METADATA) as Json)
    : new Map<string, string>();
  header.delete(METADATA);
  const placed = [...header].map(([name, value]) => parseEntry(name, value));
  checkPlacement(placed, bytes.length - dataOffset);
  const tensors = new Map<string, ArrayRecord>();
  for (const { name, dtype, shape, begin, end } of placed) {
    tensors.set(name, new ArrayRecord(dtype, shape, bytes.subarray(dataOffset + begin, dataOffset + end)));
  }
  return { tensors, metadata };
}

function nameOf(dtype: RecordDType): string {
  const name = toName.get(dtype);
  if (name === undefined) throw new NotImplementedError(`safetensors has no dtype for ${dtype}`);
  return name;
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/**
 * The file for `tensors`, as a list of chunks. Wide dtypes come first, so that all data is aligned, and equal dtypes in the order of
 * their names. Throws a ValueError for a tensor named `__metadata__`.
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, ArrayRecord>,
  metadata: ReadonlyMap<string, string> = new Map(),
): Uint8Array[] {
  const entries = [...tensors].map(([name, tensor]) => ({ name, tensor, dtype: nameOf(tensor.dtype) }));
  const rankOf = (dtype: string) => rank.get(dtype) as number;
  entries.sort((a, b) => rankOf(b.dtype) - rankOf(a.dtype) || compareText(a.name, b.name));
  const parts: string[] = [];
  if (metadata.size > 0) parts.push(`"${METADATA}":${JSON.stringify(Object.fromEntries(metadata))}`);
  let at = 0;
  for (const { name, tensor, dtype } of entries) {
    if (name === METADATA) throw new ValueError(`a tensor cannot be named ${METADATA}`);
    const end = at + tensor.bytes.length;
    const value = { dtype, shape: tensor.shape, data_offsets: [at, end] };
    parts.push(`${JSON.stringify(name)}:${JSON.stringify(value)}`);
    at = end;
  }
  const header = new TextEncoder().encode(`{${parts.join(',')}}`);
  const padded = Math.ceil(header.length / ALIGNMENT) * ALIGNMENT;
  if (padded > MAX_HEADER)
    throw new ValueError(
      `the header of the file would have ${padded} bytes; the format allows ${MAX_HEADER}`,
    );
  const head = new Uint8Array(LENGTH_SIZE + padded).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(padded), true);
  head.set(header, LENGTH_SIZE);
  return [head, ...entries.map(({ tensor }) => tensor.bytes)];
}
