/**
 * Node's built-in modules, reached synchronously and without an import statement, so that bundles for browsers contain
 * no reference to them.
 */
import { NotImplementedError } from '../base/errors.ts';

interface Process {
  readonly pid?: number;
  readonly platform?: string;
  getBuiltinModule?(name: string): unknown;
}

/** What this library calls of `node:fs`. */
export interface FileSystem {
  openSync(path: string, flags: string, mode?: number): number;
  closeSync(fd: number): void;
  readSync(fd: number, into: Uint8Array, offset: number, length: number, position: number): number;
  writeSync(fd: number, from: Uint8Array, offset: number, length: number): number;
  fstatSync(fd: number): { readonly size: number; isFile(): boolean };
  fsyncSync(fd: number): void;
  renameSync(from: string, to: string): void;
  unlinkSync(path: string): void;
  realpathSync(path: string): string;
  statSync(path: string): { readonly mode: number };
}

/** What this library calls of `node:zlib`. */
export interface Zlib {
  crc32?(bytes: Uint8Array, start?: number): number;
  inflateRawSync(bytes: Uint8Array, options: { maxOutputLength: number }): Uint8Array;
}

function hostProcess(): Process | undefined {
  return (globalThis as { process?: Process }).process;
}

/** A built-in module, or null where the host is not Node (or one older than 20.16 and 22.3). */
function builtin(name: string): unknown {
  return hostProcess()?.getBuiltinModule?.(name) ?? null;
}

/** `node:fs`. Throws a NotImplementedError where there is no file system. */
export function fileSystem(): FileSystem {
  const fs = builtin('node:fs');
  if (fs === null) {
    throw new NotImplementedError(
      'files can be opened by path in Node (20.16, 22.3 or newer) only; elsewhere pass the bytes as a Uint8Array or ArrayBuffer',
    );
  }
  return fs as FileSystem;
}

/** The path of a file URL. Throws a NotImplementedError where there is no file system. */
export function pathOfUrl(url: URL): string {
  fileSystem();
  return (builtin('node:url') as { fileURLToPath(url: URL): string }).fileURLToPath(url);
}

/** `node:zlib`, or null. */
export function zlib(): Zlib | null {
  return builtin('node:zlib') as Zlib | null;
}

/** The id of this process and the platform's name; 0 and '' where there is none. */
export function processIdentity(): { pid: number; platform: string } {
  const p = hostProcess();
  return { pid: p?.pid ?? 0, platform: p?.platform ?? '' };
}
