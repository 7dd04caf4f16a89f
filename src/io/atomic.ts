/**
 * Reading and writing whole files in Node. A file is written atomically: after a crash, or an error half-way, the path holds the old content or
 * the new one, never a part.
 */
import { OSError } from './errors.ts';
import { type FileSystem, fileSystem, processIdentity } from './host.ts';

/** The system reads and writes at most 2 GiB at once. */
const PIECE = 2 ** 30;
const ATTEMPTS = 100;
/** What a new file may be by whom, less the process's umask. */
const MODE = 0o666;

interface SystemError {
  readonly code?: string;
}

function codeOf(error: unknown): string {
  return (error as SystemError | null)?.code ?? '';
}

/** The error that Python raises in the same situation. */
function asOSError(error: unknown, path: string): unknown {
  const messages: Readonly<Record<string, string>> = {
    ENOENT: '[Errno 2] No such file or directory',
    EACCES: '[Errno 13] Permission denied',
    EISDIR: '[Errno 21] Is a directory',
    ENOSPC: '[Errno 28] No space left on device',
    ENOTDIR: '[Errno 20] Not a directory',
  };
  const message = messages[codeOf(error)];
  if (message === undefined) return error;
  return new OSError(`${message}: '${path}'`, codeOf(error), error);
}

/** The content of the file at `path`. Throws an OSError where it cannot be read. */
export function readFile(path: string): Uint8Array {
  const fs = fileSystem();
  try {
    const fd = fs.openSync(path, 'r');
    try {
      return readAll(fs, fd);
    } finally {
      fs.closeSync(fd);
    }
  } catch (error) {
    throw asOSError(error, path);
  }
}

/** Reads in pieces: Node's own function refuses files of 2 GiB and more. */
function readAll(fs: FileSystem, fd: number): Uint8Array {
  const { size } = fs.fstatSync(fd);
  const bytes = new Uint8Array(size);
  let at = 0;
  while (at < size) {
    const n = fs.readSync(fd, bytes, at, Math.min(PIECE, size - at), at);
    if (n === 0) break;
    at += n;
  }
  return at === size ? bytes : bytes.slice(0, at);
}

let counter = 0;

/** Creates a file that did not exist, in the folder of `target`. */
function createTemporary(fs: FileSystem, target: string, mode: number): { fd: number; path: string } {
  for (let attempt = 0; ; attempt++) {
    const unique = `${processIdentity().pid}.${counter++}.${Math.random().toString(36).slice(2, 10)}`;
    const path = `${target}.${unique}.tmp`;
    try {
      // 'wx': fails where something of that name exists, a symbolic link included.
      return { fd: fs.openSync(path, 'wx', mode), path };
    } catch (error) {
      if (codeOf(error) !== 'EEXIST' || attempt >= ATTEMPTS) throw error;
    }
  }
}

function writeAll(fs: FileSystem, fd: number, chunks: Iterable<Uint8Array>): void {
  for (const chunk of chunks) {
    let at = 0;
    while (at < chunk.length) at += fs.writeSync(fd, chunk, at, Math.min(PIECE, chunk.length - at));
  }
}

/** Makes the renaming durable. Not every system can open folders; there the system takes care of it. */
function syncFolder(fs: FileSystem, folder: string): void {
  if (processIdentity().platform === 'win32') return;
  const fd = fs.openSync(folder, 'r');
  try {
    fs.fsyncSync(fd);
  } catch (error) {
    // Some file systems do not support it (EINVAL); the file itself is complete in any case.
    if (codeOf(error) !== 'EINVAL' && codeOf(error) !== 'EPERM') throw error;
  } finally {
    fs.closeSync(fd);
  }
}

function folderOf(path: string): string {
  const slash = Math.max(
    path.lastIndexOf('/'),
    processIdentity().platform === 'win32' ? path.lastIndexOf('\\') : -1,
  );
  if (slash < 0) return '.';
  return slash === 0 ? '/' : path.slice(0, slash);
}

/** Where a path leads: a link is written through, not replaced. The permissions are those of the file that is there. */
function resolve(fs: FileSystem, path: string): { target: string; mode: number } {
  try {
    const target = fs.realpathSync(path);
    return { target, mode: fs.statSync(target).mode & 0o777 };
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    return { target: path, mode: MODE };
  }
}

/**
 * Writes a file: into a temporary one beside it, which is flushed to disk and takes its place. Where anything fails the temporary file is
 * removed and the path is as it was. Throws an OSError where the file cannot be written.
 */
export function writeFileAtomic(path: string, chunks: Iterable<Uint8Array>): void {
  const fs = fileSystem();
  try {
    const { target, mode } = resolve(fs, path);
    const temporary = createTemporary(fs, target, mode);
    try {
      try {
        writeAll(fs, temporary.fd, chunks);
        fs.fsyncSync(temporary.fd);
      } finally {
        fs.closeSync(temporary.fd);
      }
      fs.renameSync(temporary.path, target);
    } catch (error) {
      removeQuietly(fs, temporary.path);
      throw error;
    }
    syncFolder(fs, folderOf(target));
  } catch (error) {
    throw asOSError(error, path);
  }
}

function removeQuietly(fs: FileSystem, path: string): void {
  try {
    fs.unlinkSync(path);
  } catch {
    // The error that led here is the one to report.
  }
}
