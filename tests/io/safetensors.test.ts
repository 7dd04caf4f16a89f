/** safetensors: files of the reference implementation, files written here, and every rule of the format. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { NotImplementedError, TorchError } from '../../src/base/errors.ts';
import { ArrayRecord } from '../../src/io/arrays.ts';
import { JsonError, parseStrictJson } from '../../src/io/json.ts';
import { itemSizeOf, type RecordDType } from '../../src/io/pytorch/records.ts';
import { joinChunks } from '../../src/io/pytorch/writer.ts';
import { readSafetensors, writeSafetensors } from '../../src/io/safetensors.ts';
import { fixture } from './content.ts';

/** A file with the given header and data. */
function file(header: unknown, data = '', length?: number): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const head = new Uint8Array(8);
  new DataView(head.buffer).setBigUint64(0, BigInt(length ?? text.length), true);
  return joinChunks([head, text, new TextEncoder().encode(data)]);
}

function refused(bytes: Uint8Array, message: RegExp): void {
  assert.throws(
    () => readSafetensors(bytes),
    (error: unknown) => error instanceof TorchError && message.test(error.message),
  );
}

const f32 = (shape: unknown, ...offsets: unknown[]) => ({ dtype: 'F32', shape, data_offsets: offsets });

describe('files of the reference implementation', () => {
  const bytes = fixture('tensors.safetensors');
  const { tensors, metadata } = readSafetensors(bytes);

  it('are read, without copying', () => {
    assert.deepEqual([...metadata], [['format', 'pt']]);
    assert.equal(tensors.size, 20);
    const matrix = tensors.get('matrix') as ArrayRecord;
    assert.deepEqual([matrix.dtype, matrix.shape], ['float32', [2, 3]]);
    assert.equal(matrix.bytes.buffer, bytes.buffer);
    assert.deepEqual([...new Float32Array(matrix.bytes.slice().buffer)], [0, 1, 2, 3, 4, 5]);
    assert.deepEqual(tensors.get('scalar')?.shape, []);
    assert.deepEqual(tensors.get('empty')?.shape, [0, 3]);
    assert.deepEqual(tensors.get('i64')?.bytes[8], 1);
    assert.ok(tensors.has('sché\u{1f600}"ma'));
  });

  it('are written again byte for byte', () => {
    assert.deepEqual(joinChunks(writeSafetensors(tensors, metadata)), bytes);
  });
});

describe('files written here', () => {
  const dtypes: RecordDType[] = ['bool', 'int8', 'int64', 'float32', 'bfloat16', 'float64', 'complex64'];
  const array = fc
    .tuple(fc.constantFrom(...dtypes), fc.array(fc.nat(3), { maxLength: 3 }))
    .map(([dtype, shape]) => {
      const size = shape.reduce((a, b) => a * b, 1) * itemSizeOf(dtype);
      return new ArrayRecord(dtype, shape, new Uint8Array(size).fill(shape.length));
    });

  it('are read as they were written', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), array),
        fc.dictionary(fc.string(), fc.string()),
        (all, texts) => {
          const metadata = new Map(Object.entries(texts));
          const content = readSafetensors(
            joinChunks(writeSafetensors(new Map(Object.entries(all)), metadata)),
          );
          assert.deepEqual(content.metadata, metadata);
          assert.deepEqual(Object.fromEntries(content.tensors), { ...all });
        },
      ),
    );
  });

  it('begin their data at a multiple of 8', () => {
    for (let n = 1; n < 20; n++) {
      const [head] = writeSafetensors(
        new Map([['x'.repeat(n), new ArrayRecord('uint8', [1], new Uint8Array(1))]]),
      );
      assert.equal(head.length % 8, 0);
    }
  });

  it('cannot have what the format has no name for', () => {
    const record = (dtype: RecordDType) => new ArrayRecord(dtype, [], new Uint8Array(itemSizeOf(dtype)));
    assert.throws(() => writeSafetensors(new Map([['x', record('complex128')]])), {
      name: 'NotImplementedError',
    });
    assert.throws(() => writeSafetensors(new Map([['__metadata__', record('int8')]])), {
      name: 'ValueError',
    });
    assert.throws(() => new ArrayRecord('float32', [2], new Uint8Array(4)), { name: 'RuntimeError' });
  });
});

describe('files that break a rule', () => {
  it('headers of the wrong size', () => {
    refused(new Uint8Array(7), /header too small/);
    refused(file({}, '', 2 ** 40), /header too large/);
    refused(file({}, '', 100), /invalid header length/);
  });

  it('headers that are no JSON object', () => {
    refused(file(' {}'), /must start with \{/);
    refused(file('[]'), /must start with \{/);
    refused(file(''), /must start with \{/);
    refused(file('{}x'), /invalid JSON in header: text after the end/);
    refused(file('{"a":'), /invalid JSON/);
    refused(
      joinChunks([file('').subarray(0, 0), Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0xff, 0x7d)]),
      /UTF-8/,
    );
    assert.equal(readSafetensors(file('{} \n ')).tensors.size, 0);
  });

  it('duplicate keys, also where JSON.parse would not notice', () => {
    refused(
      file(
        '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
        'x',
      ),
      /occurs twice/,
    );
    refused(file('{"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}}', 'x'), /occurs twice/);
    refused(file('{"a":{},"\\u0061":{}}'), /occurs twice/);
  });

  it('holes, overlaps, data that is too long or too short', () => {
    refused(file({ a: f32([1], 1, 5) }, '12345'), /invalid offset for tensor `a`/);
    refused(file({ a: f32([1], 0, 4), b: f32([1], 0, 4) }, '1234'), /invalid offset for tensor/);
    refused(file({ a: f32([1], 0, 4), b: f32([1], 2, 6) }, '123456'), /invalid offset for tensor/);
    refused(file({ a: f32([1], 0, 4), b: f32([1], 5, 9) }, '123456789'), /invalid offset for tensor `b`/);
    refused(file({ a: f32([1], 0, 4) }, '12345'), /not fully covered/);
    refused(file({ a: f32([1], 0, 4) }, '123'), /not fully covered/);
    refused(file({ a: f32([1], 4, 0) }, '1234'), /invalid offset/);
  });

  it('sizes that disagree with dtype and shape', () => {
    refused(file({ a: f32([2], 0, 4) }, '1234'), /invalid shape, data type, or offset/);
    refused(file({ a: f32([2 ** 40, 2 ** 40], 0, 4) }, '1234'), /invalid shape, data type, or offset/);
    refused(file({ a: f32([2 ** 40, 2 ** 40, 0], 0, 0) }), /invalid shape, data type, or offset/);
    refused(
      file('{"a":{"dtype":"F32","shape":[9007199254740993],"data_offsets":[0,4]}}', '1234'),
      /out of range/,
    );
  });

  it('fields that are missing or of the wrong kind', () => {
    for (const entry of [
      1,
      {},
      f32('x', 0, 4),
      f32([-1], 0, 4),
      f32([1.5], 0, 4),
      f32([1], 0),
      f32([1], '0', 4),
      { ...f32([1], 0, 4), dtype: 3 },
    ]) {
      refused(file({ a: entry }, '1234'), /invalid JSON in header/);
    }
    refused(file({ __metadata__: { a: 1 } }), /must map strings to strings/);
    refused(file({ __metadata__: [] }), /must map strings to strings/);
    assert.throws(
      () => readSafetensors(file({ a: { ...f32([1], 0, 4), dtype: 'F4' } }, '1234')),
      NotImplementedError,
    );
  });
});

describe('strict JSON', () => {
  const plain = (value: unknown): unknown => {
    if (value instanceof Map) return Object.fromEntries([...value].map(([k, v]) => [k, plain(v)]));
    return Array.isArray(value) ? value.map(plain) : value;
  };

  it('reads what JSON.parse reads', () => {
    const value = fc.jsonValue({ maxDepth: 5 });
    fc.assert(
      fc.property(value, fc.constantFrom(undefined, 2), (v, indent) => {
        const text = JSON.stringify(v, null, indent);
        let read: unknown;
        try {
          read = parseStrictJson(text);
        } catch (error) {
          // Integers beyond 2^53 are refused on purpose.
          assert.match(String(error), /out of range/);
          return;
        }
        assert.deepEqual(plain(read), JSON.parse(text));
      }),
    );
  });

  it('refuses what JSON.parse refuses', () => {
    for (const text of [
      '',
      '{',
      '[1,]',
      '{"a":1,}',
      '01',
      '+1',
      '1.',
      '.5',
      'nul',
      "'a'",
      '"\n"',
      '"\\x"',
      '"',
      '"\\"',
      '{1:2}',
      '[1 2]',
      '1 2',
      'NaN',
      '\u00a01',
    ]) {
      assert.throws(() => JSON.parse(text));
      assert.throws(() => parseStrictJson(text), JsonError, text);
    }
    assert.throws(() => parseStrictJson('['.repeat(100_000)), JsonError);
    assert.throws(() => parseStrictJson('1e999'), JsonError);
  });

  it('reads long strings', () => {
    const text = 'x\\"'.repeat(500_000);
    assert.equal(parseStrictJson(JSON.stringify(text)), text);
  });
});
