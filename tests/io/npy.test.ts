/** npy and npz: files of NumPy, files written here, broken ones. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { TorchError } from '../../src/base/errors.ts';
import { ArrayRecord } from '../../src/io/arrays.ts';
import { LiteralError, parseLiteral } from '../../src/io/literal.ts';
import { readNpy, readNpz, writeNpy, writeNpz } from '../../src/io/npy.ts';
import { itemSizeOf, type RecordDType } from '../../src/io/pytorch/records.ts';
import { joinChunks } from '../../src/io/pytorch/writer.ts';
import { ZipWriter } from '../../src/io/zip/writer.ts';
import { fixture } from './content.ts';

/** A file with the given header, in version 1 of the format. */
function file(
  header: string,
  data: Uint8Array = new Uint8Array(0),
  version: readonly number[] = [1, 0],
): Uint8Array {
  const text = new TextEncoder().encode(header);
  const length =
    version[0] === 1 ? [text.length & 0xff, text.length >> 8] : [text.length & 0xff, text.length >> 8, 0, 0];
  return joinChunks([
    Uint8Array.of(0x93, ...'NUMPY'.split('').map((c) => c.charCodeAt(0)), ...version, ...length),
    text,
    data,
  ]);
}

function refused(bytes: Uint8Array, message: RegExp): void {
  assert.throws(
    () => readNpy(bytes),
    (error: unknown) => error instanceof TorchError && message.test(error.message),
  );
}

const doubles = (array: ArrayRecord) => [...new Float64Array(array.bytes.slice().buffer)];

describe('files of NumPy', () => {
  it('archives', () => {
    const arrays = readNpz(fixture('arrays.npz'));
    assert.deepEqual([...arrays.keys()], ['a', 'b', 'c']);
    const a = arrays.get('a') as ArrayRecord;
    assert.deepEqual(
      [a.dtype, a.shape, [...new Float32Array(a.bytes.slice().buffer)]],
      ['float32', [3], [0, 1, 2]],
    );
    assert.deepEqual(arrays.get('b')?.shape, []);
    assert.deepEqual(arrays.get('c'), new ArrayRecord('bool', [1, 2], Uint8Array.of(1, 0)));
  });

  it('compressed archives', () => {
    const arrays = readNpz(fixture('compressed.npz'));
    assert.deepEqual(arrays.get('zeros')?.shape, [10, 10]);
    assert.equal(arrays.get('ints')?.bytes[32], 4);
  });

  it('column-major and big-endian arrays', () => {
    const fortran = readNpy(fixture('fortran.npy'));
    assert.deepEqual([fortran.dtype, fortran.shape], ['int32', [2, 3, 4]]);
    assert.deepEqual(
      [...new Int32Array(fortran.bytes.slice().buffer)],
      Array.from({ length: 24 }, (_, i) => i),
    );
    assert.deepEqual(doubles(readNpy(fixture('big_endian.npy'))), [0, 1, 2]);
  });
});

describe('files written here', () => {
  const dtypes: RecordDType[] = ['bool', 'uint8', 'int16', 'float16', 'float32', 'int64', 'complex128'];
  const array = fc
    .tuple(fc.constantFrom(...dtypes), fc.array(fc.nat(3), { maxLength: 4 }))
    .map(([dtype, shape]) => {
      const size = shape.reduce((a, b) => a * b, 1) * itemSizeOf(dtype);
      return new ArrayRecord(
        dtype,
        shape,
        Uint8Array.from({ length: size }, (_, i) => i),
      );
    });

  it('are read as they were written', () => {
    fc.assert(fc.property(array, (a) => assert.deepEqual(readNpy(joinChunks(writeNpy(a))), a)));
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z]{2}[a-z.:]{0,4}$/), array), (all) => {
        const arrays = new Map(Object.entries(all));
        assert.deepEqual(readNpz(joinChunks(writeNpz(arrays))), arrays);
      }),
    );
  });

  it('have the header that NumPy writes', () => {
    const [header] = writeNpy(new ArrayRecord('float32', [3], new Uint8Array(12)));
    assert.equal(header.length % 64, 0);
    assert.deepEqual([...header.subarray(0, 10)], [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 128 - 10, 0]);
    assert.match(
      new TextDecoder().decode(header.subarray(10)),
      /^\{'descr': '<f4', 'fortran_order': False, 'shape': \(3,\), \} +\n$/,
    );
  });

  it('cannot have dtypes that NumPy lacks', () => {
    assert.throws(() => writeNpy(new ArrayRecord('bfloat16', [1], new Uint8Array(2))), {
      name: 'NotImplementedError',
    });
  });
});

describe('files that are refused', () => {
  const header = (descr: string, shape = '(1,)', fortran = 'False') =>
    `{'descr': ${descr}, 'fortran_order': ${fortran}, 'shape': ${shape}, }\n`;

  it('pickles, structures, texts', () => {
    refused(file(header("'|O'")), /Object arrays cannot be loaded/);
    refused(file(header("[('a', '<f4')]")), /dtype with fields/);
    refused(file(header("'<U3'")), /dtype '<U3', which is not supported/);
    refused(file(header("'<f16'")), /not supported/);
  });

  it('magic, versions, lengths', () => {
    refused(new Uint8Array(20), /magic string is not correct/);
    refused(file(header("'<f4'"), new Uint8Array(4), [4, 0]), /format version/);
    refused(file(header("'<f4'")).subarray(0, 20), /EOF: reading array header/);
    refused(file(' '.repeat(20_000)), /may not be safe/);
    assert.deepEqual(readNpy(file(header("'<f4'"), new Uint8Array(4), [2, 0])).shape, [1]);
  });

  it('headers that are no such dict', () => {
    for (const text of [
      '',
      '()',
      '{}',
      "{'descr': '<f4'}",
      "{'descr': __import__('os')}",
      header("'<f4'").replace('}', ", 'x': 1}"),
    ]) {
      refused(file(text), /Cannot parse header|correct keys/);
    }
    refused(file(header("'<f4'", '(1.5,)')), /Cannot parse header/);
    refused(file(header("'<f4'", '(-1,)')), /shape is not valid/);
    refused(file(header("'<f4'", "('1',)")), /shape is not valid/);
    refused(file(header("'<f4'", '(1,)', '0')), /fortran_order is not a valid bool/);
  });

  it('data of the wrong size', () => {
    refused(file(header("'<f4'"), new Uint8Array(3)), /does not have 3 bytes/);
    refused(file(header("'<f4'"), new Uint8Array(5)), /does not have 5 bytes/);
    refused(file(header("'<f4'", '(9007199254740991, 9007199254740991)')), /does not have 0 bytes/);
    refused(file(header("'<f4'", '(9007199254740991, 9007199254740991, 0)')), /does not have 0 bytes/);
  });

  it('archives with anything else in them', () => {
    const zip = new ZipWriter();
    zip.add('x.txt', new Uint8Array(1));
    const bytes = joinChunks(zip.finish());
    assert.throws(() => readNpz(bytes), /no npy file/);
  });
});

describe('Python literals', () => {
  it('are read', () => {
    const map = (entries: Record<string, unknown>) => new Map(Object.entries(entries));
    assert.deepEqual(
      parseLiteral("{'a': (1, 2), \"b\": [], 'c': None, 'd': (3L,), 'e': -4, }"),
      map({ a: [1, 2], b: [], c: null, d: [3], e: -4 }),
    );
    assert.deepEqual(parseLiteral('()'), []);
  });

  it('nothing else is', () => {
    for (const text of [
      '',
      '(',
      ')',
      '(1 2)',
      "{'a'}",
      '{1: 2}',
      "{'a': 1, 'a': 2}",
      'f()',
      "'\\x41'",
      '1 + 1',
      '9007199254740993',
      '['.repeat(100),
      '(1,',
      "{'a': 1",
    ]) {
      assert.throws(() => parseLiteral(text), LiteralError, text);
    }
  });
});
