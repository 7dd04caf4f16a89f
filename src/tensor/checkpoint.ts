/** `torch.utils.checkpoint`: trade computation for memory. https://pytorch.org/docs/stable/checkpoint.html */
import { backward } from '../autograd/api.ts';
import { Function, type FunctionContext } from '../autograd/function.ts';
import { enableGrad } from '../autograd/mode.ts';
import { RuntimeError } from '../base/errors.ts';
import { isOptions } from '../base/arguments.ts';
import { getRngState, setRngState } from './random.ts';
import { Tensor } from './tensor.ts';

type Run = (...args: unknown[]) => Tensor | readonly Tensor[];

class CheckpointFunction extends Function {
  static override forward(ctx: FunctionContext, run: Run, state: Tensor | null, ...args: unknown[]): unknown {
    ctx.run = run;
    ctx.state = state;
    ctx.args = args.map((a) => (a instanceof Tensor ? null : a));
    ctx.places = args.flatMap((a, i) => (a instanceof Tensor ? [i] : []));
    ctx.saveForBackward(...args.filter((a): a is Tensor => a instanceof Tensor));
    return run(...args);
  }

  static override backward(ctx: FunctionContext, ...grads: (Tensor | null)[]): (Tensor | null)[] {
    const args = [...(ctx.args as unknown[])];
    const places = ctx.places as number[];
    const inputs = ctx.savedTensors as Tensor[];
    const detached = inputs.map((x) => x.detach().requiresGrad_(x.requiresGrad));
    places.forEach((place, i) => {
      args[place] = detached[i];
    });
    const outputs = withState(ctx.state as Tensor | null, () => enableGrad(() => (ctx.run as Run)(...args)));
    const list = outputs instanceof Tensor ? [outputs] : outputs;
    const wanted = list.flatMap((o, i) =>
      o.requiresGrad && grads[i] !== null ? [{ o, grad: grads[i] }] : [],
    );
    if (wanted.length === 0) {
      throw new RuntimeError('none of output has requires_grad=True, this checkpoint() is not necessary');
    }
    backward(
      wanted.map(({ o }) => o),
      wanted.map(({ grad }) => grad as Tensor),
    );
    const result: (Tensor | null)[] = [null, null, ...args.map(() => null)];
    places.forEach((place, i) => {
      result[place + 2] = detached[i].grad;
    });
    return result;
  }
}

/** Runs `fn` with the random stream at `state`, and puts the stream back. */
function withState<R>(state: Tensor | null, fn: () => R): R {
  if (state === null) return fn();
  const now = getRngState();
  setRngState(state);
  try {
    return fn();
  } finally {
    setRngState(now);
  }
}

export interface CheckpointOptions {
  /** Does the second run start from the state of the random stream that the first one had? True unless given. */
  preserveRngState?: boolean;
}

/**
 * Runs `fn(...args)` without keeping what its backward pass needs; that pass runs `fn` again, from the same state of the random stream.
 *
 * @example
 * ```ts
 * const x = torch.ones(3, { requiresGrad: true });
 * torch.utils.checkpoint.checkpoint((t: torch.Tensor) => t.mul(t), x).sum().backward();
 * console.log(x.grad); // => tensor([2., 2., 2.])
 * ```
 */
export function checkpoint<A extends readonly unknown[], R extends Tensor | readonly Tensor[]>(
  fn: (...args: A) => R,
  ...given: [...args: A] | [...args: A, options: CheckpointOptions]
): R {
  const last = given[given.length - 1];
  const options: CheckpointOptions = isOptions(last) ? last : {};
  const args = isOptions(last) ? given.slice(0, -1) : given;
  const state = options.preserveRngState === false ? null : getRngState();
  return CheckpointFunction.apply(fn as unknown as Run, state, ...args) as R;
}
