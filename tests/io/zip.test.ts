/** Zip archives: what is written can be read, and nothing ambiguous can. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deflateRawSync, crc32 as zlibCrc32 } from 'node:zlib';
import fc from 'fast-check';
import { TorchError } from '../../src/base/errors.ts';
import { crc32, crc32Portable } from '../../src/io/crc32.ts';
import { joinChunks } from '../../src/io/pytorch/writer.ts';
import { hostInflate, looksLikeZip, ZipReader } from '../../src/io/zip/reader.ts';
import { ZipWriter } from '../../src/io/zip/writer.ts';

const text = (s: string): Uint8Array => new TextEncoder().encode(s);

function write(entries: Readonly<Record<string, Uint8Array>>, zip64From?: number): Uint8Array {
  const zip = new ZipWriter(zip64From === undefined ? {} : { zip64From });
  for (const [name, content] of Object.entries(entries)) zip.add(name, content);
  return joinChunks(zip.finish());
}

function readAll(bytes: Uint8Array): [string, Uint8Array][] {
  const zip = new ZipReader(bytes);
  return zip.names.map((name) => [name, zip.read(name)]);
}

/** An archive as other programs write it: sizes in the local headers, compressed on demand, no descriptors. */
function plainArchive(
  entries: readonly { name: string; content: Uint8Array; deflate?: boolean; size?: number }[],
): Uint8Array {
  const chunks: Uint8Array[] = [];
  const central: Uint8Array[] = [];
  let offset = 0;
  for (const { name, content, deflate = false, size = content.length } of entries) {
    const data = deflate ? new Uint8Array(deflateRawSync(content)) : content;
    const encoded = text(name);
    const header = new DataView(new ArrayBuffer(30 + encoded.length));
    header.setUint32(0, 0x04034b50, true);
    header.setUint16(4, 20, true);
    header.setUint16(8, deflate ? 8 : 0, true);
    header.setUint32(14, crc32(content), true);
    header.setUint32(18, data.length, true);
    header.setUint32(22, size, true);
    header.setUint16(26, encoded.length, true);
    new Uint8Array(header.buffer).set(encoded, 30);
    const record = new DataView(new ArrayBuffer(46 + encoded.length));
    record.setUint32(0, 0x02014b50, true);
    new Uint8Array(record.buffer).set(new Uint8Array(header.buffer, 4, 26), 6);
    record.setUint32(42, offset, true);
    new Uint8Array(record.buffer).set(encoded, 46);
    chunks.push(new Uint8Array(header.buffer), data);
    central.push(new Uint8Array(record.buffer));
    offset += header.byteLength + data.length;
  }
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(8, entries.length, true);
  end.setUint16(10, entries.length, true);
  end.setUint32(12, joinChunks(central).length, true);
  end.setUint32(16, offset, true);
  return joinChunks([...chunks, ...central, new Uint8Array(end.buffer)]);
}

function refused(bytes: Uint8Array, message: RegExp, read?: string): void {
  assert.throws(
    () => {
      const zip = new ZipReader(bytes);
      if (read !== undefined) zip.read(read);
    },
    (error: unknown) => error instanceof TorchError && message.test(error.message),
  );
}

describe('crc32', () => {
  it('has the check value of the standard', () => {
    assert.equal(crc32Portable(text('123456789')), 0xcbf43926);
    assert.equal(crc32(text('123456789')), 0xcbf43926);
    assert.equal(crc32(new Uint8Array(0)), 0);
  });

  it('is the same in pieces, and the same as zlib where it has one', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (bytes, at) => {
        const whole = crc32Portable(bytes);
        assert.equal(crc32Portable(bytes.subarray(at), crc32Portable(bytes.subarray(0, at))), whole);
        assert.equal(crc32(bytes), whole);
        if (zlibCrc32 !== undefined) assert.equal(zlibCrc32(bytes), whole);
      }),
    );
  });
});

describe('archives', () => {
  const entry = fc.tuple(
    fc.string({ minLength: 1, maxLength: 8, unit: 'grapheme-ascii' }),
    fc.uint8Array({ maxLength: 200 }),
  );
  const entries = fc
    .array(entry, { maxLength: 6 })
    .map((all) =>
      Object.fromEntries(
        all.map(([name, content], i) => [`f${i}${name.replace(/[^A-Za-z0-9]/g, '_')}`, content]),
      ),
    );

  it('are read as they were written', () => {
    fc.assert(
      fc.property(entries, fc.boolean(), (content, isLarge) => {
        const bytes = write(content, isLarge ? 100 : undefined);
        assert.deepEqual(readAll(bytes), Object.entries(content));
      }),
    );
  });

  it('contents are aligned to 64 bytes and are not copied', () => {
    const bytes = write({ 'a/b': text('x'), c: text('yy') });
    const zip = new ZipReader(bytes);
    for (const name of zip.names) {
      assert.equal(zip.read(name).byteOffset % 64, 0);
      assert.equal(zip.read(name).buffer, bytes.buffer);
    }
    assert.equal(zip.size('c'), 2);
  });

  it('what other programs write is read, too', () => {
    const bytes = plainArchive([
      { name: 'a', content: text('hello') },
      { name: 'b', content: new Uint8Array(0) },
    ]);
    assert.ok(looksLikeZip(bytes));
    assert.deepEqual(readAll(bytes), [
      ['a', text('hello')],
      ['b', new Uint8Array(0)],
    ]);
  });

  it('compressed entries are read where there is an inflater, and refused where not', () => {
    const content = text('hello '.repeat(100));
    const bytes = plainArchive([{ name: 'a', content, deflate: true }]);
    refused(bytes, /the entry is compressed/, 'a');
    const zip = new ZipReader(bytes, { inflate: hostInflate() });
    assert.deepEqual(zip.read('a'), Buffer.from(content));
  });

  it('compressed entries never expand to more than they say, nor beyond what deflate can do', () => {
    const content = new Uint8Array(1_000_000);
    const read = (size: number, maxInflatedSize?: number) => {
      const options = {
        inflate: hostInflate(),
        ...(maxInflatedSize === undefined ? {} : { maxInflatedSize }),
      };
      return new ZipReader(plainArchive([{ name: 'a', content, deflate: true, size }]), options).read('a');
    };
    assert.throws(() => read(16), /decompression failed/);
    assert.throws(() => read(1_000_001), /expands to 1000000 bytes, not 1000001/);
    assert.throws(() => read(2 ** 31), /it claims to expand/);
    assert.throws(() => read(1_000_000, 999_999), /it claims to expand/);
    assert.equal(read(1_000_000).length, 1_000_000);
  });

  it('names that lead elsewhere, and names that occur twice, are refused', () => {
    for (const name of ['/a', '../a', 'a/../b', 'a//b', 'a/', 'a/.', 'a\\b', 'C:a', 'a\0b', '']) {
      refused(plainArchive([{ name, content: text('x') }]), /unsafe name/);
      assert.throws(() => write({ [name]: text('x') }), { name: 'ValueError' });
    }
    refused(
      plainArchive([
        { name: 'a', content: text('x') },
        { name: 'a', content: text('y') },
      ]),
      /occurs twice/,
    );
    assert.throws(() => new ZipWriter().add('a', text('x')) && new ZipWriter().add('..', text('x')), {
      name: 'ValueError',
    });
  });

  it('anything before the first entry or after the end is refused', () => {
    const bytes = plainArchive([{ name: 'a', content: text('x') }]);
    refused(joinChunks([text('junk'), bytes]), /does not end where it should|disagree/);
    refused(joinChunks([bytes, text('junk')]), /failed finding central directory/);
    refused(new Uint8Array(0), /failed finding central directory/);
  });

  it('entries beyond the end of the file are refused', () => {
    const archive = plainArchive(['a', 'b', 'c'].map((name) => ({ name, content: text('x') })));
    const view = new DataView(archive.buffer);
    const directory = view.getUint32(archive.length - 22 + 16, true);
    // The offsets of the second and the third entry, each with a name of one letter.
    view.setUint32(directory + 47 + 42, 0x1000_0000, true);
    view.setUint32(directory + 2 * 47 + 42, 0x2000_0000, true);
    assert.throws(() => new ZipReader(archive), TorchError);
  });

  it('encryption and methods other than deflate are refused', () => {
    for (const [offset, value, message] of [
      [6, 1, /unsupported encryption/],
      [8, 12, /unsupported method \(12\)/],
      [6, 0x20, /unsupported feature/],
    ] as const) {
      const bytes = plainArchive([{ name: 'a', content: text('x') }]);
      const view = new DataView(bytes.buffer);
      const central = 30 + 1 + 1;
      view.setUint16(offset, value, true);
      view.setUint16(central + offset + 2, value, true);
      refused(bytes, message);
    }
  });

  it('with any one byte changed, an archive is refused or says the same', () => {
    const content = { 'a/data.pkl': text('hello'), 'a/version': text('3\n'), 'a/empty': new Uint8Array(0) };
    for (const archive of [
      write(content),
      write(content, 50),
      plainArchive([{ name: 'x', content: text('y') }]),
    ]) {
      const truth = readAll(archive);
      for (let at = 0; at < archive.length; at++) {
        for (const flip of [1, 0x80, 0xff]) {
          const changed = archive.slice();
          changed[at] ^= flip;
          let read: unknown;
          try {
            read = readAll(changed);
          } catch (error) {
            assert.ok(error instanceof TorchError, `byte ${at}: ${String(error)}`);
            continue;
          }
          assert.deepEqual(read, truth, `byte ${at}`);
        }
      }
    }
  });

  it('with its end cut off anywhere, an archive is refused', () => {
    const archive = write({ a: text('hello'), b: new Uint8Array(100) });
    for (let n = 0; n < archive.length; n++) refused(archive.subarray(0, n), /./);
  });
});
