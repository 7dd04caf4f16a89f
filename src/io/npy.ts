/**
 * NumPy's formats: npy (one array) and npz (a zip archive of them).
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 *
 * Arrays of Python objects are refused: they are pickles.
 */
import { NotImplementedError, ValueError } from '../base/errors.ts';
import { ArrayRecord, byteSize } from './arrays.ts';
import { type Literal, LiteralError, parseLiteral } from './literal.ts';
import { itemSizeOf, type RecordDType, wordSizeOf } from './pytorch/records.ts';
import { swapWords } from './words.ts';
import { hostInflate, ZipReader } from './zip/reader.ts';
import { ZipWriter } from './zip/writer.ts';

const MAGIC: readonly number[] = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY
const ALIGNMENT = 64;
/** NumPy refuses longer headers too (`max_header_size`). */
const MAX_HEADER = 10_000;
const MAX_RANK = 64;

const kinds: readonly (readonly [string, RecordDType])[] = [
  ['b1', 'bool'],
  ['u1', 'uint8'],
  ['u2', 'uint16'],
  ['u4', 'uint32'],
  ['u8', 'uint64'],
  ['i1', 'int8'],
  ['i2', 'int16'],
  ['i4', 'int32'],
  ['i8', 'int64'],
  ['f2', 'float16'],
  ['f4', 'float32'],
  ['f8', 'float64'],
  ['c8', 'complex64'],
  ['c16', 'complex128'],
];
const fromKind: ReadonlyMap<string, RecordDType> = new Map(kinds);
const toKind: ReadonlyMap<RecordDType, string> = new Map(kinds.map(([kind, dtype]) => [dtype, kind]));

interface Header {
  readonly dtype: RecordDType;
  readonly isBigEndian: boolean;
  readonly isFortran: boolean;
  readonly shape: readonly number[];
  readonly dataOffset: number;
}

/** The length field of the header has 2 bytes in version 1 and 4 from version 2 on. */
function headerRange(bytes: Uint8Array): { from: number; to: number } {
  if (bytes.length < 10 || MAGIC.some((b, i) => bytes[i] !== b)) {
    throw new ValueError('the magic string is not correct; expected \\x93NUMPY');
  }
  const major = bytes[6];
  if (major < 1 || major > 3 || bytes[7] !== 0) {
    throw new ValueError(
      `we only support format version (1,0), (2,0), and (3,0), not (${major}, ${bytes[7]})`,
    );
  }
  const from = major === 1 ? 10 : 12;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < from) throw new ValueError('EOF: reading array header length');
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > MAX_HEADER)
    throw new ValueError(`Header info length (${length}) is large and may not be safe to load securely.`);
  if (from + length > bytes.length) throw new ValueError('EOF: reading array header');
  return { from, to: from + length };
}

function parseDescription(text: string): Map<string, Literal> {
  try {
    const value = parseLiteral(text);
    if (value instanceof Map) return value;
  } catch (error) {
    if (!(error instanceof LiteralError)) throw error;
  }
  throw new ValueError(`Cannot parse header: ${JSON.stringify(text.trimEnd())}`);
}

function parseHeader(bytes: Uint8Array): Header {
  const { from, to } = headerRange(bytes);
  const fields = parseDescription(new TextDecoder().decode(bytes.subarray(from, to)));
  const descr = fields.get('descr');
  const isFortran = fields.get('fortran_order');
  const shape = fields.get('shape');
  if (fields.size !== 3 || descr === undefined || isFortran === undefined || shape === undefined) {
    throw new ValueError('Header does not contain the correct keys: descr, fortran_order and shape');
  }
  const isShape = Array.isArray(shape) && shape.every((n) => typeof n === 'number' && n >= 0);
  if (!isShape || shape.length > MAX_RANK) throw new ValueError('shape is not valid');
  if (typeof isFortran !== 'boolean') throw new ValueError('fortran_order is not a valid bool');
  return { ...parseDType(descr), isFortran, shape: shape as number[], dataOffset: to };
}

function parseDType(descr: Literal): { dtype: RecordDType; isBigEndian: boolean } {
  if (descr === '|O') throw new ValueError('Object arrays cannot be loaded: they are pickles');
  const found = typeof descr === 'string' ? /^([<>|=])([a-zA-Z]\d+)$/.exec(descr) : null;
  const dtype = found === null ? undefined : fromKind.get(found[2]);
  if (found === null || dtype === undefined) {
    const shown = typeof descr === 'string' ? `'${descr}'` : 'with fields';
    throw new NotImplementedError(`the array has the NumPy dtype ${shown}, which is not supported`);
  }
  return { dtype, isBigEndian: found[1] === '>' };
}

/** The elements of a column-major array, in row-major order. */
function fromFortran(bytes: Uint8Array, shape: readonly number[], itemSize: number): Uint8Array {
  const out = new Uint8Array(bytes.length);
  const rank = shape.length;
  const index = new Array<number>(rank).fill(0);
  const strides = new Array<number>(rank).fill(itemSize);
  for (let d = 1; d < rank; d++) strides[d] = strides[d - 1] * shape[d - 1];
  let source = 0;
  for (let at = 0; at < out.length; at += itemSize) {
    for (let k = 0; k < itemSize; k++) out[at + k] = bytes[source + k];
    // The last dimension runs fastest in the result.
    for (let d = rank - 1; d >= 0; d--) {
      source += strides[d];
      if (++index[d] < shape[d]) break;
      source -= strides[d] * shape[d];
      index[d] = 0;
    }
  }
  return out;
}

/**
 * Reads an npy file; the elements are a view of `bytes` unless the file is column-major or big-endian. Throws a ValueError for a
 * file that is broken, and a NotImplementedError for dtypes other than bool, integers, floats and complex numbers.
 */
export function readNpy(bytes: Uint8Array): ArrayRecord {
  const { dtype, isBigEndian, isFortran, shape, dataOffset } = parseHeader(bytes);
  const data = bytes.subarray(dataOffset);
  const expected = byteSize(dtype, shape);
  if (expected !== data.length) {
    throw new ValueError(
      `an array of shape (${shape.join(', ')}) and dtype ${dtype} does not have ${data.length} bytes`,
    );
  }
  const little = isBigEndian ? swapWords(data, wordSizeOf(dtype)) : data;
  const rows = isFortran && shape.length > 1 ? fromFortran(little, shape, itemSizeOf(dtype)) : little;
  return new ArrayRecord(dtype, shape, rows);
}

/** `(3,)` has a comma, as in Python. */
function showTuple(shape: readonly number[]): string {
  return shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
}

/** The npy file of an array, as a list of chunks. Throws a NotImplementedError for dtypes that NumPy does not have. */
export function writeNpy(array: ArrayRecord): Uint8Array[] {
  const kind = toKind.get(array.dtype);
  if (kind === undefined) {
    throw new NotImplementedError(
      `NumPy has no dtype for ${array.dtype}; convert the tensor, for instance to float32`,
    );
  }
  const order = itemSizeOf(array.dtype) === 1 ? '|' : '<';
  const text = `{'descr': '${order}${kind}', 'fortran_order': False, 'shape': ${showTuple(array.shape)}, }`;
  const prefix = MAGIC.length + 4;
  // At least one space's room for the final line feed.
  const total = Math.ceil((prefix + text.length + 1) / ALIGNMENT) * ALIGNMENT;
  const header = new Uint8Array(total).fill(0x20);
  header.set(MAGIC);
  header.set([1, 0], MAGIC.length);
  new DataView(header.buffer).setUint16(MAGIC.length + 2, total - prefix, true);
  header.set(new TextEncoder().encode(text), prefix);
  header[total - 1] = 0x0a;
  return [header, array.bytes];
}

const SUFFIX = '.npy';

/**
 * Reads an npz archive: its arrays by name, in the order of the archive. Compressed archives can be read in Node.
 * Throws a RuntimeError for a broken archive; else as `readNpy`.
 */
export function readNpz(bytes: Uint8Array): Map<string, ArrayRecord> {
  const zip = new ZipReader(bytes, { reader: 'NpzReader', inflate: hostInflate() });
  const arrays = new Map<string, ArrayRecord>();
  for (const name of zip.names) {
    if (!name.endsWith(SUFFIX))
      throw new ValueError(`the archive has an entry ${name}, which is no npy file`);
    arrays.set(name.slice(0, -SUFFIX.length), readNpy(zip.read(name)));
  }
  return arrays;
}

/** The npz archive of some arrays (not compressed), as a list of chunks. */
export function writeNpz(arrays: ReadonlyMap<string, ArrayRecord>): Uint8Array[] {
  const zip = new ZipWriter({ alignment: ALIGNMENT });
  for (const [name, array] of arrays) zip.add(`${name}${SUFFIX}`, ...writeNpy(array));
  return zip.finish();
}
