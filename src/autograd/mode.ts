/** Grad mode: whether ops record a graph. https://pytorch.org/docs/stable/notes/autograd.html#locally-disabling-gradient-computation */

let gradEnabled = true;
let inferenceEnabled = false;
let anomalyEnabled = false;

export function isGradEnabled(): boolean {
  return gradEnabled;
}

export function isInferenceModeEnabled(): boolean {
  return inferenceEnabled;
}

export function isAnomalyEnabled(): boolean {
  return anomalyEnabled;
}

/** A mode that ends when it is disposed: `using _ = torch.noGrad()`. */
export interface ModeGuard {
  [Symbol.dispose](): void;
}

// Node 20 has no Symbol.dispose; TypeScript's `using` emits code that looks it up by this name.
if (Symbol.dispose === undefined) {
  Object.defineProperty(Symbol, 'dispose', { value: Symbol.for('Symbol.dispose') });
}

type Setter = () => () => void;

function mode<R>(set: Setter, fn: (() => R) | undefined): R | ModeGuard {
  const restore = set();
  if (fn === undefined) return { [Symbol.dispose]: restore };
  let result: R;
  try {
    result = fn();
  } catch (error) {
    restore();
    throw error;
  }
  if (result instanceof Promise) {
    // The mode is global to the thread: it holds until the promise settles.
    return result.finally(restore) as R;
  }
  restore();
  return result;
}

function grad(value: boolean): Setter {
  return () => {
    const before = gradEnabled;
    gradEnabled = value;
    return () => {
      gradEnabled = before;
    };
  };
}

/** Both ways to switch a mode: around a function, or as a guard for `using`. */
export interface ModeSwitch {
  <R>(fn: () => R): R;
  (): ModeGuard;
}

/**
 * Runs `fn` without recording gradients, or returns a guard for `using`.
 * https://pytorch.org/docs/stable/generated/torch.no_grad.html
 *
 * @example
 * ```ts
 * const x = torch.ones(2, { requiresGrad: true });
 * const y = torch.noGrad(() => x.mul(2));
 * console.log(y.requiresGrad); // => false
 * ```
 */
export const noGrad: ModeSwitch = (<R>(fn?: () => R) => mode(grad(false), fn)) as ModeSwitch;

/**
 * Runs `fn` with recording on, or returns a guard for `using`.
 * https://pytorch.org/docs/stable/generated/torch.enable_grad.html
 */
export const enableGrad: ModeSwitch = (<R>(fn?: () => R) => mode(grad(true), fn)) as ModeSwitch;

/** Switches recording on or off: for good, or (with `fn`) while it runs. */
export function setGradEnabled(value: boolean): ModeGuard;
export function setGradEnabled<R>(value: boolean, fn: () => R): R;
export function setGradEnabled<R>(value: boolean, fn?: () => R): R | ModeGuard {
  return mode(grad(value), fn);
}

/**
 * Like `noGrad`; tensors made inside can never take part in autograd later.
 * https://pytorch.org/docs/stable/generated/torch.inference_mode.html
 */
export const inferenceMode: ModeSwitch = (<R>(fn?: () => R) =>
  mode(() => {
    const before = [gradEnabled, inferenceEnabled] as const;
    gradEnabled = false;
    inferenceEnabled = true;
    return () => {
      [gradEnabled, inferenceEnabled] = before;
    };
  }, fn)) as ModeSwitch;

/**
 * While on, every recorded op remembers where it was called, and errors in its backward say so.
 * https://pytorch.org/docs/stable/autograd.html#anomaly-detection
 */
export const detectAnomaly: ModeSwitch = (<R>(fn?: () => R) =>
  mode(() => {
    const before = anomalyEnabled;
    anomalyEnabled = true;
    return () => {
      anomalyEnabled = before;
    };
  }, fn)) as ModeSwitch;

/** Switches anomaly detection on or off: for good, or (with `fn`) while it runs. */
export function setDetectAnomaly(value: boolean): ModeGuard;
export function setDetectAnomaly<R>(value: boolean, fn: () => R): R;
export function setDetectAnomaly<R>(value: boolean, fn?: () => R): R | ModeGuard {
  return mode(() => {
    const before = anomalyEnabled;
    anomalyEnabled = value;
    return () => {
      anomalyEnabled = before;
    };
  }, fn);
}

/** `noGrad` without a closure, for hot paths: returns the mode to restore. */
export function enterNoGrad(): boolean {
  const before = gradEnabled;
  gradEnabled = false;
  return before;
}

/** Sets grad mode directly; pair with the value that was there before. */
export function restoreGradMode(before: boolean): void {
  gradEnabled = before;
}
