/**
 * A garbage collection at once, inside synchronous code, after which `WeakRef.deref()` tells what is dead. Node only.
 *
 * An object that a WeakRef was made for, or was read from, stays alive until the engine clears its keep-alive list, which it
 * does when a job ends; running an empty script in a context with its own microtask queue counts as such an end.
 */
import { builtin, isNode, type V8Module, type VmModule } from './host.ts';

type Collector = () => void;

let collector: Collector | null | undefined;

function makeCollector(): Collector | null {
  const vm = builtin<VmModule>('node:vm');
  const v8 = builtin<V8Module>('node:v8');
  if (vm === null || v8 === null) return null;
  try {
    const exposed = (globalThis as { gc?: unknown }).gc;
    if (typeof exposed !== 'function') v8.setFlagsFromString('--expose-gc');
    const gc = typeof exposed === 'function' ? exposed : vm.runInNewContext('gc');
    if (typeof gc !== 'function') return null;
    const context = vm.createContext({}, { microtaskMode: 'afterEvaluate' });
    const script = new vm.Script('0');
    return () => {
      script.runInContext(context);
      gc();
    };
  } catch {
    return null;
  }
}

/** Runs a full collection; false where the host has no way to do that from synchronous code. */
export function collectGarbage(): boolean {
  if (collector === undefined) collector = makeCollector();
  collector?.();
  return collector !== null;
}

/** Can `collectGarbage` do anything here, as far as is known? It is tried when it is first called, as that takes some milliseconds. */
export function canCollectGarbage(): boolean {
  return collector === undefined ? isNode() : collector !== null;
}
