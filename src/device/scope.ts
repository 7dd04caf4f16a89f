/**
 * Scopes: which storages were made since a point in time, so that they can be given back together.
 * `torch.tidy`, the backward pass and the optimizers free their temporaries with them.
 */
import type { Storage } from './storage.ts';

export class StorageScope {
  readonly made: Storage[] = [];
  /** The scope around this one, while this one is open. */
  readonly parent: StorageScope | null;

  constructor(parent: StorageScope | null) {
    this.parent = parent;
  }
}

let current: StorageScope | null = null;
let watcher: ((storage: Storage) => void) | null = null;

/** Devices call this for every storage they allocate. */
export function noteStorage(storage: Storage): void {
  if (current !== null) current.made.push(storage);
  if (watcher !== null) watcher(storage);
}

/** Lets `watch` see every new storage from now on (null: nobody). Returns who watched before. */
export function watchStorages(
  watch: ((storage: Storage) => void) | null,
): ((storage: Storage) => void) | null {
  const before = watcher;
  watcher = watch;
  return before;
}

/** Opens a scope: storages made from now on belong to it. */
export function openScope(): StorageScope {
  current = new StorageScope(current);
  return current;
}

/** Closes a scope (and any left open inside it): frees what it made but for `keep`, which moves to the scope around it. */
export function closeScope(scope: StorageScope, keep: ReadonlySet<Storage>): void {
  current = scope.parent;
  for (const storage of scope.made) {
    if (storage.isDisposed) continue;
    if (keep.has(storage)) current?.made.push(storage);
    else storage.dispose();
  }
}
