/**
 * Giving memory back at a known time: `tidy`, `scope`, `keep`; and what memory is used for: `memoryStats`.
 * Nobody has to call these: memory comes back by itself (device/wasm/reclaim.ts).
 */
import { nextSequence } from '../autograd/node.ts';
import { NotImplementedError, RuntimeError } from '../base/errors.ts';
import {
  abandonScope,
  closeScope,
  emptyStack,
  endScope,
  keepPending,
  leaveScope,
  openScope,
  outliveScopes,
  runInScope,
  type StorageScope,
} from '../device/scope.ts';
import type { MemoryStats } from '../device/device.ts';
import { baseOf, type Storage } from '../device/storage.ts';
import { resolveDevice, type TorchDevice } from './devices.ts';
import { Tensor } from './tensor.ts';

/** All tensors that can be reached from a value through arrays, maps, sets and the properties of objects. */
function tensorsIn(value: unknown): Tensor[] {
  const found: Tensor[] = [];
  const seen = new Set<unknown>();
  const stack: unknown[] = [value];
  while (stack.length > 0) {
    const next = stack.pop();
    if ((typeof next !== 'object' && typeof next !== 'function') || next === null || seen.has(next)) continue;
    seen.add(next);
    if (next instanceof Tensor) {
      found.push(next);
      if (next.grad !== null) stack.push(next.grad);
    } else if (next instanceof Map) stack.push(...next.keys(), ...next.values());
    else if (next instanceof Set) stack.push(...next);
    else if (!ArrayBuffer.isView(next)) stack.push(...Object.values(next));
  }
  return found;
}

/** Ends a scope whose result is `value`. `since` is the sequence number of the graph when it was opened. */
function finish(scope: StorageScope, value: unknown, since: number): void {
  const kept = tensorsIn(value);
  // A graph made in the scope may hold any of its tensors: then nothing is freed early.
  if (kept.some((t) => (t.recordedNode?.sequence ?? -1) >= since)) {
    abandonScope(scope);
    return;
  }
  endScope(scope, new Set<Storage>(kept.map((t) => baseOf(t.storage))));
}

/**
 * Runs `fn` and gives back at once the memory of all tensors made in it, except those in its result: tensors anywhere in
 * arrays, maps or objects. Gradients of leaves and the state of optimizers stay. If a tensor of the result has a graph
 * that was made inside, everything is left to the garbage collector, as without `tidy`.
 *
 * `fn` may be asynchronous: then the memory comes back when its promise settles. Where the host cannot tell which code an
 * asynchronous function runs (browsers), it is left to the garbage collector.
 *
 * @example
 * ```ts
 * const x = torch.ones(1000);
 * const total = torch.tidy(() => x.mul(2).exp().sum());
 * console.log(total.shape); // => torch.Size([])
 * ```
 */
export function tidy<R>(fn: () => R): R {
  const since = nextSequence();
  const scope = openScope(true);
  let result: R;
  try {
    result = runInScope(scope, fn);
  } catch (error) {
    closeScope(scope, new Set());
    throw error;
  }
  leaveScope(scope);
  if (!isPromise(result)) {
    finish(scope, result, since);
    return result;
  }
  if (!keepPending(scope)) {
    abandonScope(scope);
    return result;
  }
  return result.then(
    (value) => {
      finish(scope, value, since);
      return value;
    },
    (error: unknown) => {
      endScope(scope, new Set());
      throw error;
    },
  ) as R;
}

function isPromise(x: unknown): x is Promise<unknown> {
  return x instanceof Promise;
}

/** What `torch.scope()` gives: ends when it is disposed. */
export interface TensorScope {
  /** The tensors in `value` live on after the scope. Returns the value. */
  keep<T>(value: T): T;
  /** Ends the scope: memory that was made in it, and is not kept, comes back. */
  [Symbol.dispose](): void;
}

/**
 * A scope for `using`: when the block ends, the memory of tensors that were made in it comes back, except of those that
 * were given to `keep`. Gradients of leaves and the state of optimizers stay.
 * Throws a RuntimeError at its end where the block has awaited something: use `tidy` for asynchronous code.
 *
 * @example
 * ```ts
 * const total = torch.zeros(1);
 * for (let i = 0; i < 3; i++) {
 *   using _ = torch.scope();
 *   total.add_(torch.full([1], i).exp());
 * }
 * console.log(total); // => tensor([11.1073])
 * ```
 */
export function scope(): TensorScope {
  const since = nextSequence();
  const opened = openScope(true);
  const kept: unknown[] = [];
  queueMicrotask(() => {
    // Nobody's synchronous code runs now: the block has awaited, and other code makes tensors.
    if (opened.isOpen) {
      abandonScope(opened);
      emptyStack();
    }
  });
  let ended = false;
  return {
    keep<T>(value: T): T {
      kept.push(value);
      return value;
    },
    [Symbol.dispose](): void {
      if (ended) return;
      ended = true;
      if (!opened.isOpen) {
        throw new RuntimeError(
          'a scope of torch.scope() was open across an await, where other code may run; its tensors were left to the ' +
            'garbage collector. Use torch.tidy(async () => …) for asynchronous code.',
        );
      }
      leaveScope(opened);
      finish(opened, kept, since);
    },
  };
}

/**
 * The tensors in `value` outlive every scope: `tidy` and `scope` do not give their memory back. Returns the value.
 *
 * @example
 * ```ts
 * let best: torch.Tensor | null = null;
 * torch.tidy(() => {
 *   best = torch.keep(torch.ones(2).mul(3));
 * });
 * console.log(best); // => tensor([3., 3.])
 * ```
 */
export function keep<T>(value: T): T {
  for (const t of tensorsIn(value)) outliveScopes(t.storage);
  return value;
}

/**
 * What the memory of a device is used for. `liveBytes` counts tensors that are garbage but were not found to be yet.
 * Throws a NotImplementedError for devices that do not count.
 * https://pytorch.org/docs/stable/generated/torch.cuda.memory_stats.html
 *
 * @example
 * ```ts
 * const before = torch.memoryStats().liveBytes;
 * const x = torch.zeros(1024, 1024);
 * console.log(torch.memoryStats().liveBytes - before); // => 4194304
 * x.dispose();
 * ```
 */
export function memoryStats(device: string | TorchDevice = 'cpu'): MemoryStats {
  return counted(device).memoryStats();
}

/** `memoryStats().peakBytes` counts from now on. https://pytorch.org/docs/stable/generated/torch.cuda.reset_peak_memory_stats.html */
export function resetPeakMemoryStats(device: string | TorchDevice = 'cpu'): void {
  counted(device).resetPeak();
}

function counted(device: string | TorchDevice): { memoryStats(): MemoryStats; resetPeak(): void } {
  const found = resolveDevice(device);
  const { memoryStats: stats, resetPeak } = found;
  if (stats === undefined || resetPeak === undefined) {
    throw new NotImplementedError(`the device '${found.name}' does not count its memory`);
  }
  return { memoryStats: () => stats.call(found), resetPeak: () => resetPeak.call(found) };
}
