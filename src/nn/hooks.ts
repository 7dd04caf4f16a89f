/**
 * Hooks: user code around a module's `forward` and in its backward pass.
 * https://pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.register_forward_hook
 */
import { Function as AutogradFunction, type FunctionContext } from '../autograd/function.ts';
import { isGradEnabled } from '../autograd/mode.ts';
import { RuntimeError } from '../base/errors.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { Module } from './module.ts';

/** What registering a hook gives: `remove()` takes it away again. */
export interface HookHandle {
  remove(): void;
}

// biome-ignore lint/suspicious/noExplicitAny: hooks see whatever the module's forward takes and gives
export type ForwardPreHook = (module: Module, args: any[]) => any;
// biome-ignore lint/suspicious/noExplicitAny: see above
export type ForwardHook = (module: Module, args: any[], output: any) => any;
/** Gradients are listed per argument and per output; null for those that are no tensors or have none. */
export type BackwardHook = (
  module: Module,
  gradInput: Gradients,
  gradOutput: Gradients,
) => Gradients | Tensor | null | undefined | void;

type Gradients = readonly (Tensor | null)[];

/** The hooks of one module, in the order in which they run. */
export class Hooks {
  readonly forwardPre: Set<ForwardPreHook> = new Set();
  readonly forward: Set<ForwardHook> = new Set();
  readonly backward: Set<BackwardHook> = new Set();

  get isEmpty(): boolean {
    return this.forwardPre.size === 0 && this.forward.size === 0 && this.backward.size === 0;
  }
}

export function addHook<T>(hooks: Set<T>, hook: T): HookHandle {
  hooks.add(hook);
  return { remove: () => void hooks.delete(hook) };
}

/** Passes tensors through, and their gradients by `seen`, which may replace them. */
class BackwardHookFunction extends AutogradFunction {
  static override forward(
    ctx: FunctionContext,
    seen: (grads: Gradients) => Gradients | null,
    zeros: boolean,
    ...tensors: Tensor[]
  ): Tensor[] {
    ctx.seen = seen;
    ctx.setMaterializeGrads(zeros);
    return tensors.map((t) => t.view(t.sizes));
  }

  static override backward(ctx: FunctionContext, ...grads: (Tensor | null)[]): (Tensor | null)[] {
    const seen = ctx.seen as (grads: Gradients) => Gradients | null;
    return [null, null, ...(seen(grads) ?? grads)];
  }
}

/** `values` with the tensors among them sent past a hook; null where no gradient will come. */
function watch(
  values: readonly unknown[],
  zeros: boolean,
  seen: (grads: Gradients) => Gradients | null,
): unknown[] | null {
  const places = values.flatMap((v, i) => (v instanceof Tensor && v.dtype.isFloatingPoint ? [i] : []));
  const tensors = places.map((i) => values[i] as Tensor);
  if (!tensors.some((t) => t.requiresGrad)) return null;
  const spread = (grads: Gradients): (Tensor | null)[] => {
    const all = values.map((): Tensor | null => null);
    places.forEach((place, i) => {
      all[place] = grads[i];
    });
    return all;
  };
  const onGradients = (grads: Gradients): Gradients | null => {
    const replaced = seen(spread(grads));
    return replaced === null ? null : places.map((i) => replaced[i]);
  };
  const passed = BackwardHookFunction.apply(onGradients, zeros, ...tensors) as Tensor[];
  const out = [...values];
  places.forEach((place, i) => {
    out[place] = passed[i];
  });
  return out;
}

/** Runs backward hooks; each sees the gradients that the one before it gave. */
function runBackward(
  module: Module,
  hooks: Hooks,
  gradInput: Gradients,
  gradOutput: Gradients,
): Gradients | null {
  let result: Gradients | null = null;
  for (const hook of [...hooks.backward]) {
    const given = hook(module, result ?? gradInput, gradOutput);
    if (given === null || given === undefined) continue;
    const list: Gradients = given instanceof Tensor ? [given] : given;
    if (list.length !== gradInput.length) {
      throw new RuntimeError(
        `Backward hook returned an invalid number of grad_input, got ${list.length}, but expected ${gradInput.length}`,
      );
    }
    result = list;
  }
  return result;
}

/** Calls `module.forward` with its hooks around it. */
export function callWithHooks(module: Module, hooks: Hooks, given: unknown[]): unknown {
  let args = given;
  for (const hook of [...hooks.forwardPre]) {
    const replaced: unknown = hook(module, args);
    if (replaced !== undefined && replaced !== null) args = Array.isArray(replaced) ? replaced : [replaced];
  }
  const watching = hooks.backward.size > 0 && isGradEnabled();
  let gradOutput: Gradients = [];
  const watchedArgs = watching
    ? watch(args, true, (gradInput) => runBackward(module, hooks, gradInput, gradOutput))
    : null;
  let output: unknown = module.forward(...(watchedArgs ?? args));
  for (const hook of [...hooks.forward]) {
    const replaced: unknown = hook(module, args, output);
    if (replaced !== undefined && replaced !== null) output = replaced;
  }
  if (!watching) return output;
  const single = !Array.isArray(output);
  const watchedOutput = watch(single ? [output] : (output as unknown[]), false, (grads) => {
    gradOutput = grads;
    // Without an input that wants gradients the hooks run here.
    if (watchedArgs === null) {
      const replaced = runBackward(
        module,
        hooks,
        args.map(() => null),
        grads,
      );
      if (replaced?.some((g) => g !== null)) {
        throw new RuntimeError(
          'Backward hook for Modules where no input requires gradient should always return None or None for all gradients.',
        );
      }
    }
    return null;
  });
  if (watchedOutput === null) return output;
  return single ? watchedOutput[0] : watchedOutput;
}
