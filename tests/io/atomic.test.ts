/** Files: whole ones are read and written, and nothing is left behind where writing fails. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { readFile, writeFileAtomic } from '../../src/io/atomic.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'typetorch-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const chunks = [Uint8Array.of(1, 2), new Uint8Array(0), Uint8Array.of(3)];

describe('writeFileAtomic', () => {
  it('writes all chunks, and leaves only the file', () => {
    const path = join(folder, 'x.pt');
    writeFileAtomic(path, chunks);
    assert.deepEqual([...readFile(path)], [1, 2, 3]);
    assert.deepEqual(readdirSync(folder), ['x.pt']);
  });

  it('replaces a file, keeping its permissions', () => {
    const path = join(folder, 'x.pt');
    writeFileSync(path, 'a long old content');
    chmodSync(path, 0o640);
    writeFileAtomic(path, chunks);
    assert.deepEqual([...readFileSync(path)], [1, 2, 3]);
    assert.equal(statSync(path).mode & 0o777, 0o640);
  });

  it('writes through a symbolic link', () => {
    const target = join(folder, 'target.pt');
    const link = join(folder, 'link.pt');
    writeFileSync(target, 'old');
    symlinkSync(target, link);
    writeFileAtomic(link, chunks);
    assert.deepEqual([...readFileSync(target)], [1, 2, 3]);
    assert.deepEqual(readdirSync(folder).sort(), ['link.pt', 'target.pt']);
  });

  it('leaves the old file, and nothing else, where writing fails half-way', () => {
    const path = join(folder, 'x.pt');
    writeFileSync(path, 'old');
    function* failing(): Generator<Uint8Array> {
      yield Uint8Array.of(1);
      throw new Error('half-way');
    }
    assert.throws(() => writeFileAtomic(path, failing()), /half-way/);
    assert.equal(readFileSync(path, 'utf8'), 'old');
    assert.deepEqual(readdirSync(folder), ['x.pt']);
  });

  it("fails with Python's words", () => {
    assert.throws(() => writeFileAtomic(join(folder, 'no', 'x.pt'), chunks), {
      name: 'OSError',
      code: 'ENOENT',
      message: `[Errno 2] No such file or directory: '${join(folder, 'no', 'x.pt')}'`,
    });
    assert.throws(() => writeFileAtomic(folder, chunks), { name: 'OSError' });
    assert.throws(() => readFile(join(folder, 'no')), { name: 'OSError', code: 'ENOENT' });
    assert.throws(() => readFile(folder), { name: 'OSError', code: 'EISDIR' });
  });
});
