/** Where files are read from and written to: paths (in Node), bytes, objects that take bytes. */
import { ArgumentTypeError } from '../base/errors.ts';
import { readFile, writeFileAtomic } from './atomic.ts';
import { pathOfUrl } from './host.ts';
import { joinChunks } from './pytorch/writer.ts';

/** A path or file URL (in Node), or the bytes of a file. */
export type Source = string | URL | ArrayBuffer | ArrayBufferView;

/** A path or file URL (in Node), or an object that takes the bytes piece by piece. */
export type Sink = string | URL | { write(bytes: Uint8Array): unknown };

function isPath(f: unknown): f is string | URL {
  return typeof f === 'string' || f instanceof URL;
}

/** The path of a path or file URL. */
export function pathOf(f: string | URL): string {
  return typeof f === 'string' ? f : pathOfUrl(f);
}

/** The bytes of a source; those of a file are read. Throws an OSError for a file that cannot be read. */
export function readSource(f: Source): Uint8Array {
  if (isPath(f)) return readFile(pathOf(f));
  if (f instanceof ArrayBuffer) return new Uint8Array(f);
  if (ArrayBuffer.isView(f)) {
    const bytes = new Uint8Array(f.buffer, f.byteOffset, f.byteLength);
    // Text cannot be decoded from shared memory, and it could change while it is read.
    return f.buffer instanceof ArrayBuffer ? bytes : bytes.slice();
  }
  throw new ArgumentTypeError(`expected a path, a Uint8Array or an ArrayBuffer, but got ${typeof f}`);
}

/** Writes a file, or returns its bytes where there is no sink. A file at a path is replaced at once, or not at all. */
export function writeSink(chunks: readonly Uint8Array[], f: Sink | undefined): Uint8Array | undefined {
  if (f === undefined) return joinChunks(chunks);
  if (isPath(f)) {
    writeFileAtomic(pathOf(f), chunks);
  } else if (typeof (f as { write?: unknown } | null)?.write === 'function') {
    // Copies: the memory of tensors may change before a stream gets to it.
    for (const chunk of chunks) f.write(chunk.slice());
  } else {
    throw new ArgumentTypeError("expected 'f' to be a path or an object with a 'write' method");
  }
  return undefined;
}
