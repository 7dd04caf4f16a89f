/**
 * The leak checker: which storages that a function made are still alive after it, and where they were made.
 *
 * ```ts
 * const { alive } = trackAllocations(() => step(model, batch));
 * assert.deepEqual(alive, [], describeLeaks(alive));
 * ```
 */
import { collectGarbage } from './gc.ts';
import { watchStorages } from './scope.ts';
import type { Storage } from './storage.ts';

/** A storage that survived: its size and the stack of the code that made it. */
export interface AliveStorage {
  readonly nbytes: number;
  readonly site: string;
}

export interface AllocationReport<T> {
  /** What the function returned. */
  readonly result: T;
  /** How many storages it made. */
  readonly made: number;
  /** Those that are neither disposed nor garbage, in the order of their creation. */
  readonly alive: readonly AliveStorage[];
}

interface Trace {
  readonly storage: WeakRef<Storage>;
  readonly nbytes: number;
  readonly stack: string;
}

/**
 * Runs `fn` and reports the storages that it made and that are still alive, its result's own among them. Where the host
 * cannot collect garbage inside synchronous code (browsers), a storage counts as alive until it is disposed.
 */
export function trackAllocations<T>(fn: () => T): AllocationReport<T> {
  const traces: Trace[] = [];
  const before = watchStorages((storage) => {
    // As text: an error whose stack was never read holds the receivers of the calls on it, tensors among them.
    const stack = new Error('allocated').stack ?? '';
    traces.push({ storage: new WeakRef(storage), nbytes: storage.nbytes, stack });
    before?.(storage);
  });
  let result: T;
  try {
    result = fn();
  } finally {
    watchStorages(before);
  }
  const living = (): Trace[] => traces.filter(({ storage }) => storage.deref()?.isDisposed === false);
  // The engine's compiler, which works in the background, holds objects of the code that it has in hand for a moment.
  for (const pause of [0, 5, 30]) {
    if (pause > 0) sleep(pause);
    if (!collectGarbage()) break;
    if (living().length === 0) break;
  }
  const alive = living().map(({ nbytes, stack }) => ({ nbytes, site: callSite(stack) }));
  return { result, made: traces.length, alive };
}

/** Blocks for some milliseconds, where the host can collect garbage on request (Node): it can then wait, too. */
function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** A readable list for assertion messages. */
export function describeLeaks(alive: readonly AliveStorage[]): string {
  const lines = alive.map(({ nbytes, site }) => `${nbytes} bytes allocated\n${site}`);
  return `${alive.length} storages are alive:\n${lines.join('\n')}`;
}

/** The stack without the frames of the checker and of the devices themselves. */
function callSite(stack: string): string {
  const frames = stack.split('\n').slice(1);
  const first = frames.findIndex(
    (frame) => !/[\\/]device[\\/][\w.\\/]*?(leaks|scope|device)\.[jt]s/.test(frame),
  );
  return frames.slice(Math.max(first, 0)).join('\n');
}
