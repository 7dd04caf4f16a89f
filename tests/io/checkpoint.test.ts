/** Checkpoints as records: files of real PyTorch, files that must be refused, and files written here. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NotImplementedError, TorchError } from '../../src/base/errors.ts';
import { type OrderedDict, PickleGlobal, PickleObject, PickleTuple } from '../../src/io/pickle/values.ts';
import { readCheckpoint } from '../../src/io/pytorch/reader.ts';
import {
  DeviceRecord,
  DTypeRecord,
  itemSizeOf,
  type RecordDType,
  recordDTypes,
  SizeRecord,
  StorageRecord,
  TensorRecord,
} from '../../src/io/pytorch/records.ts';
import { joinChunks, writeCheckpoint } from '../../src/io/pytorch/writer.ts';
import { ZipReader } from '../../src/io/zip/reader.ts';
import { ZipWriter } from '../../src/io/zip/writer.ts';
import { PyFloat } from '../../src/tensor/pyfloat.ts';
import { cases, deeplyNested, encode, expected, fixture } from './content.ts';

/** How long a refusal may take, in milliseconds: far more than it does, far less than a hang. */
const PROMPTLY = 2000;

function refusal(bytes: Uint8Array): TorchError {
  const start = performance.now();
  try {
    readCheckpoint(bytes);
  } catch (error) {
    assert.ok(error instanceof TorchError, `a ${String(error)} instead of a refusal`);
    assert.ok(performance.now() - start < PROMPTLY);
    return error;
  }
  return assert.fail('the file was read');
}

/** Reads what is written. */
function roundTrip(value: unknown, name?: string): unknown {
  const bytes = joinChunks(writeCheckpoint(value, name === undefined ? {} : { name }));
  return readCheckpoint(bytes, { allowsClass: (path) => path === 'test.Net' });
}

/** An archive as `torch.save` lays it out, around a given pickle. */
function archive(pickle: Uint8Array, extra: Readonly<Record<string, Uint8Array | string>> = {}): Uint8Array {
  const zip = new ZipWriter();
  zip.add('archive/data.pkl', pickle);
  const entries: Record<string, Uint8Array | string> = { version: '3\n', ...extra };
  for (const [name, content] of Object.entries(entries)) {
    zip.add(`archive/${name}`, typeof content === 'string' ? new TextEncoder().encode(content) : content);
  }
  return joinChunks(zip.finish());
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

describe('files of PyTorch', () => {
  for (const { id, file, tags, content } of cases) {
    if (content === undefined) continue;
    it(`${id} has the expected content`, () => {
      const value = readCheckpoint(fixture(file.replace('files/', 'conformance/')));
      assert.deepEqual(encode(value), expected(content));
    });
    it(`${id} is the same after writing and reading it`, () => {
      const value = readCheckpoint(fixture(file.replace('files/', 'conformance/')));
      assert.deepEqual(encode(roundTrip(value)), expected(content));
    });
    if (!tags.includes('zip')) continue;
    it(`${id}: bytes of storages are views of the file`, () => {
      const bytes = fixture(file.replace('files/', 'conformance/'));
      readCheckpoint(bytes);
      visitTensors(readCheckpoint(bytes), (t) => assert.equal(t.storage.bytes.buffer, bytes.buffer));
    });
  }

  it('state dicts keep their _metadata', () => {
    const state = readCheckpoint(fixture('conformance/linear_state_dict.pt')) as OrderedDict;
    const metadata = state.attributes?.get('_metadata') as OrderedDict;
    assert.deepEqual([...metadata], [['', new Map([['version', 1]])]]);
    const again = roundTrip(state) as OrderedDict;
    assert.deepEqual(again.attributes, state.attributes);
  });

  for (const version of ['1.13', '2.13']) {
    it(`a whole module of PyTorch ${version} is read as data where its classes are allowed`, () => {
      const bytes = fixture(`module_${version}.pt`);
      assert.match(
        refusal(bytes).message,
        /GLOBAL torch\.nn\.modules\.container\.Sequential was not an allowed global/,
      );
      const net = readCheckpoint(bytes, { allowsClass: (path) => path.startsWith('torch.nn.modules.') });
      assert.ok(net instanceof PickleObject);
      assert.equal(net.type.path, 'torch.nn.modules.container.Sequential');
      const state = net.state as Map<string, unknown>;
      const modules = state.get('_modules') as Map<string, PickleObject>;
      assert.deepEqual([...modules.keys()], ['0', '1', '2']);
      const linear = modules.get('0')?.state as Map<string, unknown>;
      assert.equal(linear.get('in_features'), 3);
      const weight = (linear.get('_parameters') as Map<string, unknown>).get('weight') as TensorRecord;
      assert.deepEqual([weight.sizes, weight.isParameter, weight.requiresGrad], [[4, 3], true, true]);
    });
  }
});

describe('files that must be refused', () => {
  for (const { id, file, tags, why } of cases) {
    if (!tags.includes('must_reject')) continue;
    it(`${id}: ${why}`, () => {
      refusal(fixture(file.replace('files/', 'conformance/')));
    });
  }

  it('lists that nest 100,000 deep', () => {
    assert.match(refusal(archive(deeplyNested(100_000))).message, /more than 1000 deep/);
  });

  it('PyTorch has words for some of them', () => {
    const message = (name: string) => refusal(fixture(`conformance/hostile_${name}.pt`)).message;
    assert.match(
      message('truncated_tail'),
      /^PytorchStreamReader failed reading zip archive: failed finding central/,
    );
    assert.match(message('no_pickle'), /^PytorchStreamReader failed locating file data.pkl: file not found$/);
    assert.match(message('size_negative'), /^Trying to create tensor with negative dimension -4: \[-4\]$/);
    assert.equal(
      message('offset_beyond'),
      'setStorage: sizes [4], strides [1], storage offset 1, and itemsize 4 requiring a storage size of 20 are out of ' +
        'bounds for storage of size 16',
    );
    assert.match(
      message('reduce_print'),
      /^Unsupported global: GLOBAL print was not an allowed global by default\./,
    );
  });

  it('files that are no checkpoints', () => {
    assert.match(refusal(new Uint8Array(0)).message, /Ran out of input/);
    assert.match(refusal(ascii('hello world')).message, /^invalid load key, 'h'\.$/);
    assert.match(refusal(Uint8Array.of(0)).message, /^invalid load key, '\\x00'\.$/);
    assert.match(refusal(ascii('\x80\x02K\x01.')).message, /^Invalid magic number; corrupt file\?$/);
    const tar = new Uint8Array(1024);
    tar.set(ascii('ustar'), 257);
    assert.ok(refusal(tar) instanceof NotImplementedError);
  });

  it('archives of TorchScript, of newer versions, of unknown byte order', () => {
    const none = ascii('\x80\x02N.');
    assert.ok(refusal(archive(none, { 'constants.pkl': none })) instanceof NotImplementedError);
    assert.match(
      refusal(archive(none, { version: '11' })).message,
      /with version 11, but the maximum supported version for reading is 10/,
    );
    assert.match(refusal(archive(none, { version: 'x' })).message, /"x" is no version/);
    assert.match(
      refusal(archive(none, { byteorder: 'middle' })).message,
      /^Unknown endianness type: middle$/,
    );
  });

  it('one storage used with two dtypes', () => {
    const storage = '(X\x07\0\0\0storagectorch\n%Storage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x01tQ';
    const text = `\x80\x02]${storage.replace('%', 'Float')}a${storage.replace('%', 'Int')}a.`;
    assert.match(
      refusal(archive(ascii(text), { 'data/0': new Uint8Array(4) })).message,
      /the storage 0 is used as float32 and as int32/,
    );
  });

  it('sparse and quantized tensors, by name', () => {
    const error = refusal(archive(ascii('\x80\x02ctorch._utils\n_rebuild_sparse_tensor\n.')));
    assert.ok(error instanceof NotImplementedError);
    assert.match(error.message, /sparse tensors/);
  });
});

function visitTensors(value: unknown, visit: (tensor: TensorRecord) => void): void {
  if (value instanceof TensorRecord) visit(value);
  else if (value instanceof PickleTuple) for (const item of value.items) visitTensors(item, visit);
  else if (Array.isArray(value)) for (const item of value) visitTensors(item, visit);
  else if (value instanceof Map) for (const item of value.values()) visitTensors(item, visit);
}

describe('files written here', () => {
  for (const name of ['tensors', 'values']) {
    it(`${name}.pt is, byte for byte, what PyTorch 2.13 wrote`, () => {
      const real = fixture(`${name}_2.13.pt`);
      const written = joinChunks(writeCheckpoint(readCheckpoint(real), { name }));
      // The serialization id, the last entry, is a hash of our own.
      const end = Buffer.from(real).indexOf('.data/serialization_id');
      assert.equal(written.length, real.length);
      assert.deepEqual(written.subarray(0, end), real.subarray(0, end));
    });
  }

  it('the entries are in the order of PyTorch, their contents aligned', () => {
    const storage = new StorageRecord('float32', 3, new Uint8Array(12));
    const bytes = joinChunks(writeCheckpoint([new TensorRecord(storage, 0, [3], [1])], { name: 'net' }));
    const zip = new ZipReader(bytes);
    assert.deepEqual(
      zip.names,
      [
        'data.pkl',
        '.format_version',
        '.storage_alignment',
        'byteorder',
        'data/0',
        'version',
        '.data/serialization_id',
      ].map((entry) => `net/${entry}`),
    );
    for (const name of zip.names) assert.equal(zip.read(name).byteOffset % 64, 0, name);
    const text = (name: string) => new TextDecoder().decode(zip.read(`net/${name}`));
    assert.deepEqual(['.format_version', '.storage_alignment', 'byteorder', 'version'].map(text), [
      '1',
      '64',
      'little',
      '3\n',
    ]);
    assert.match(text('.data/serialization_id'), /^\d{40}$/);
  });

  it('storages are numbered as they are met, shared ones once', () => {
    const shared = new StorageRecord('float32', 6, new Uint8Array(24).fill(1), 'x');
    const other = new StorageRecord('int64', 1, new Uint8Array(8), 'y');
    const value = [
      new TensorRecord(shared, 0, [2, 3], [3, 1]),
      new TensorRecord(other, 0, [], []),
      new TensorRecord(shared, 1, [2, 2], [1, 3], { requiresGrad: true }),
    ];
    const [a, b, c] = roundTrip(value) as TensorRecord[];
    assert.equal(a.storage, c.storage);
    assert.deepEqual([a.storage.key, b.storage.key], ['0', '1']);
    assert.deepEqual([c.offset, c.sizes, c.strides, c.requiresGrad], [1, [2, 2], [1, 3], true]);
  });

  for (const dtype of recordDTypes) {
    it(`tensors of ${dtype}`, () => {
      const bytes = Uint8Array.from({ length: 3 * itemSizeOf(dtype) }, (_, i) => 7 * i);
      const tensor = new TensorRecord(new StorageRecord(dtype, 3, bytes), 1, [2], [1]);
      const read = roundTrip(tensor) as TensorRecord;
      assert.deepEqual([read.dtype, read.sizes, read.offset], [dtype, [2], 1]);
      assert.deepEqual(read.storage.bytes, bytes);
    });
  }

  it('Parameters, tensors with attributes and metadata', () => {
    const storage = new StorageRecord('complex64', 1, new Uint8Array(8));
    const attributes = new Map([['tag', 'x']]);
    const plain = new TensorRecord(storage, 0, [1], [1], { attributes, metadata: new Map([['conj', true]]) });
    const parameter = new TensorRecord(storage, 0, [1], [1], {
      isParameter: true,
      requiresGrad: true,
      attributes,
    });
    const [p, q] = roundTrip([plain, parameter]) as TensorRecord[];
    assert.deepEqual([p.attributes, p.metadata, p.isParameter], [attributes, plain.metadata, false]);
    assert.deepEqual([q.attributes, q.isParameter, q.requiresGrad], [attributes, true, true]);
  });

  it('sizes, dtypes, devices, instances of allowed classes', () => {
    const net = new PickleObject(
      new PickleGlobal('test', 'Net'),
      new PickleTuple([]),
      new Map([['lr', new PyFloat(1)]]),
    );
    const value = [
      new SizeRecord([2, 3]),
      new SizeRecord([]),
      new DTypeRecord('int8'),
      new DeviceRecord('cuda', 1),
      net,
    ];
    const [size, none, dtype, device, object] = roundTrip(value) as unknown[];
    assert.deepEqual([size, none, device], [value[0], value[1], value[3]]);
    assert.ok(dtype instanceof DTypeRecord && dtype.dtype === 'int8');
    assert.ok(object instanceof PickleObject);
    assert.deepEqual([object.type.path, object.state], ['test.Net', net.state]);
  });

  it('the folder of the archive has the name that is given', () => {
    assert.equal(roundTrip(1, 'häßlich'), 1);
    assert.throws(() => writeCheckpoint(1, { name: 'a/b' }), { name: 'ValueError' });
  });

  it('a storage whose bytes do not fit its elements is an error', () => {
    const storage = new StorageRecord('float32', 2, new Uint8Array(4));
    assert.throws(() => writeCheckpoint(storage), { name: 'RuntimeError' });
  });

  it('big-endian files are read', () => {
    const storage = new StorageRecord('int16' as RecordDType, 2, Uint8Array.of(0, 1, 0, 2));
    const zip = new ZipReader(joinChunks(writeCheckpoint(storage)));
    const big = archive(zip.read('archive/data.pkl'), {
      byteorder: 'big',
      'data/0': zip.read('archive/data/0'),
    });
    assert.deepEqual((readCheckpoint(big) as StorageRecord).bytes, Uint8Array.of(1, 0, 2, 0));
  });
});
