/**
 * Scopes: which storages were made since a point in time, so that they can be given back together.
 * `torch.tidy`, `torch.scope` and the backward pass free their temporaries with them.
 *
 * The scopes of synchronous code form a stack. A scope may also belong to an asynchronous function: then it is found, where
 * the host can tell (Node), by the asynchronous context in which a storage is made.
 */
import { type AsyncHooksModule, type AsyncStorage, builtin } from './host.ts';
import { baseOf, type Storage } from './storage.ts';

export class StorageScope {
  /** What was made in the scope, in order; while memory is short, only what was made since (`weaken`). */
  readonly made: Storage[] = [];
  /** The scope around this one: gets what this one keeps. */
  readonly outer: StorageScope | null;
  /** The innermost scope of the stack before this one was opened. */
  readonly before: StorageScope | null;
  /** May long-running code be inside, so that storages must be able to die before the scope ends? */
  readonly long: boolean;
  isOpen = true;
  /** Nothing may be freed when the scope ends. */
  retained = false;
  private older: WeakRef<Storage>[] = [];

  constructor(outer: StorageScope | null, before: StorageScope | null, long: boolean) {
    this.outer = outer;
    this.before = before;
    this.long = long;
  }

  /** From now on holds what was made so far weakly. */
  weaken(): void {
    for (const storage of this.made) this.older.push(new WeakRef(storage));
    this.made.length = 0;
  }

  /** Forgets what has died. */
  prune(): void {
    this.older = this.older.filter((reference) => reference.deref() !== undefined);
  }

  /** Everything that was made and is alive. */
  living(): Storage[] {
    const old = this.older.map((reference) => reference.deref());
    return [...old, ...this.made].filter((s): s is Storage => s !== undefined && !s.isDisposed);
  }
}

/** The innermost scope of the code that runs now, but for scopes of asynchronous functions. */
let current: StorageScope | null = null;
let watcher: ((storage: Storage) => void) | null = null;
/** Scopes of asynchronous functions that have not ended. */
const pending = new Set<StorageScope>();
let contexts: AsyncStorage<StorageScope> | null | undefined;

function asyncContexts(): AsyncStorage<StorageScope> | null {
  if (contexts === undefined) {
    const hooks = builtin<AsyncHooksModule>('node:async_hooks');
    contexts = hooks === null ? null : new hooks.AsyncLocalStorage<StorageScope>();
  }
  return contexts;
}

function innermost(): StorageScope | null {
  if (current !== null || pending.size === 0) return current;
  let scope = asyncContexts()?.getStore() ?? null;
  // A task that was started in a scope may run on after it.
  while (scope !== null && !scope.isOpen) scope = scope.outer;
  return scope;
}

/** Is there a scope around the code that runs now? */
export function isInScope(): boolean {
  return innermost() !== null;
}

/** Devices call this for every storage they allocate. */
export function noteStorage(storage: Storage): void {
  if (current !== null) current.made.push(storage);
  else if (pending.size > 0) innermost()?.made.push(storage);
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
export function openScope(long = false): StorageScope {
  current = new StorageScope(innermost(), current, long);
  return current;
}

/** Closes a scope (and any left open inside it): frees what it made but for `keep`, which moves to the scope around it. */
export function closeScope(scope: StorageScope, keep: ReadonlySet<Storage>): void {
  leaveScope(scope);
  endScope(scope, keep);
}

/** Takes the scope from the stack: what is made from now on belongs to the one before it. */
export function leaveScope(scope: StorageScope): void {
  current = scope.before;
}

/** Frees what the scope made, but for `keep`, which moves to the scope around it, and for what is kept for good. */
export function endScope(scope: StorageScope, keep: ReadonlySet<Storage>): void {
  scope.isOpen = false;
  pending.delete(scope);
  if (scope.retained) return;
  const outer = scope.outer?.isOpen ? scope.outer : null;
  for (const storage of scope.living()) {
    if (storage.outlivesScopes) continue;
    if (keep.has(storage)) outer?.made.push(storage);
    else storage.dispose();
  }
}

/** Ends the scope without freeing anything: what it made lives as long as something refers to it. */
export function abandonScope(scope: StorageScope): void {
  scope.isOpen = false;
  pending.delete(scope);
}

/** Runs `fn` so that the code it starts, also what it awaits, belongs to the scope where the host can tell. */
export function runInScope<R>(scope: StorageScope, fn: () => R): R {
  const storage = asyncContexts();
  return storage === null ? fn() : storage.run(scope, fn);
}

/** The function that runs in the scope is asynchronous. False where the host cannot tell what it makes from now on. */
export function keepPending(scope: StorageScope): boolean {
  if (asyncContexts() === null) return false;
  pending.add(scope);
  return true;
}

/** Synchronous code has ended: scopes of the stack that are still open must not see what other code makes. */
export function emptyStack(): void {
  current = null;
}

/** What was made in the scopes around the code that runs now stays until it is garbage. */
export function retainScopes(): void {
  for (let scope = innermost(); scope !== null; scope = scope.outer) scope.retained = true;
}

/** The storage lives as long as something refers to it, whatever scope it was made in. */
export function outliveScopes(storage: Storage): void {
  baseOf(storage).outlivesScopes = true;
}

/**
 * Before dead storages are looked for: lets go of what long-running scopes hold. Returns what to call afterwards.
 */
export function releaseScopes(): () => void {
  const scopes = new Set<StorageScope>(pending);
  for (let scope = current; scope !== null; scope = scope.outer) scopes.add(scope);
  for (const scope of scopes) if (scope.long) scope.weaken();
  return () => {
    for (const scope of scopes) if (scope.long) scope.prune();
  };
}
