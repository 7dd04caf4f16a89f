/** Damaged checkpoints: whatever is changed, reading ends soon, in a value or a typed error, without large allocations. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { TorchError } from '../../src/base/errors.ts';
import { readNpy, readNpz } from '../../src/io/npy.ts';
import { readCheckpoint } from '../../src/io/pytorch/reader.ts';
import { joinChunks } from '../../src/io/pytorch/writer.ts';
import { readSafetensors } from '../../src/io/safetensors.ts';
import { ZipReader } from '../../src/io/zip/reader.ts';
import { ZipWriter } from '../../src/io/zip/writer.ts';
import { cases, fixture } from './content.ts';

type Read = (bytes: Uint8Array) => unknown;

const readers: Readonly<Record<string, Read>> = {
  pt: (bytes) => readCheckpoint(bytes, { allowsClass: (path) => path.startsWith('torch.nn.') }),
  safetensors: readSafetensors,
  npz: readNpz,
  npy: readNpy,
};

const names = [
  ...cases
    .filter((c) => c.content !== undefined && !/large|transformer/.test(c.id))
    .map((c) => c.file.replace('files/', 'conformance/')),
  'module_1.13.pt',
  'tensors_2.13.pt',
  'values_2.13.pt',
  'tensors.safetensors',
  'arrays.npz',
  'compressed.npz',
  'fortran.npy',
];

/** Milliseconds of computing (not of waiting for a core): far more than any of these files needs. */
const PROMPTLY = 1000;

function computed(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function attempt(read: Read, bytes: Uint8Array): void {
  const start = computed();
  try {
    read(bytes);
  } catch (error) {
    assert.ok(error instanceof TorchError, `not a typed error: ${(error as Error).stack}`);
  }
  assert.ok(computed() - start < PROMPTLY, 'it took too long');
}

interface Edit {
  readonly at: number;
  readonly value: number;
}

const edits = fc.array(fc.record({ at: fc.nat(), value: fc.nat(255) }), { minLength: 1, maxLength: 4 });

function apply(bytes: Uint8Array, changes: readonly Edit[]): Uint8Array {
  const out = bytes.slice();
  for (const { at, value } of changes) out[at % out.length] = value;
  return out;
}

/** The archive with another pickle in it, its checksums right: damage gets past the zip reader. */
function withPickle(bytes: Uint8Array, change: (pickle: Uint8Array) => Uint8Array): Uint8Array {
  const source = new ZipReader(bytes);
  const target = new ZipWriter();
  for (const name of source.names) {
    const content = source.read(name);
    target.add(name, name.endsWith('/data.pkl') ? change(content) : content);
  }
  return joinChunks(target.finish());
}

describe('damaged files', () => {
  for (const name of names) {
    const bytes = fixture(name);
    const read = readers[name.slice(name.lastIndexOf('.') + 1)];
    it(`${name} with bytes changed`, () => {
      fc.assert(
        fc.property(edits, (changes) => attempt(read, apply(bytes, changes))),
        { numRuns: 150 },
      );
    });

    it(`${name} cut off`, () => {
      fc.assert(
        fc.property(fc.nat(bytes.length - 1), (n) => attempt(read, bytes.subarray(0, n))),
        { numRuns: 50 },
      );
    });

    if (!name.endsWith('.pt') || name.includes('legacy')) continue;
    it(`${name} with another pickle`, () => {
      fc.assert(
        fc.property(edits, (changes) =>
          attempt(
            read,
            withPickle(bytes, (pickle) => apply(pickle, changes)),
          ),
        ),
        { numRuns: 150 },
      );
    });
  }

  it('random bytes', () => {
    for (const read of Object.values(readers)) {
      fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => attempt(read, bytes)));
    }
  });
});
