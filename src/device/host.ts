/**
 * Node's built-in modules, reached synchronously and without an import statement, so that bundles for browsers contain
 * no reference to them.
 */

interface HostProcess {
  readonly versions?: { readonly v8?: string };
  getBuiltinModule?(name: string): unknown;
}

/** What the devices call of `node:v8`. */
export interface V8Module {
  setFlagsFromString(flags: string): void;
}

/** What the devices call of `node:vm`. */
export interface VmModule {
  createContext(context: object, options: { microtaskMode: 'afterEvaluate' }): object;
  runInNewContext(code: string): unknown;
  Script: new (code: string) => { runInContext(context: object): unknown };
}

/** A value that follows a function through everything it awaits. */
export interface AsyncStorage<T> {
  run<R>(value: T, fn: () => R): R;
  getStore(): T | undefined;
}

/** What the scopes use of `node:async_hooks`. */
export interface AsyncHooksModule {
  AsyncLocalStorage: new <T>() => AsyncStorage<T>;
}

function hostProcess(): HostProcess | undefined {
  return (globalThis as { process?: HostProcess }).process;
}

/** A built-in module, or null where the host has none by that name (a browser; Node before 20.16 and 22.3). */
export function builtin<T>(name: string): T | null {
  return (hostProcess()?.getBuiltinModule?.(name) as T | undefined) ?? null;
}

/** Does the host have Node's built-in modules? */
export function isNode(): boolean {
  return hostProcess()?.getBuiltinModule !== undefined;
}

/** V8's version as [major, minor] where the host tells it, else null. */
export function v8Version(): readonly [number, number] | null {
  const [major, minor] = (hostProcess()?.versions?.v8 ?? '').split('.').map(Number);
  return Number.isInteger(major) && Number.isInteger(minor) ? [major, minor] : null;
}
