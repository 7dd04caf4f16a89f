/**
 * The base of all optimizers: parameter groups, state, state dicts. https://pytorch.org/docs/stable/optim.html
 *
 * Options have camelCase names in code. State dicts have PyTorch's names, so that the files of either load in the other.
 */
import { clearGradients, type SetToNone } from '../autograd/clear.ts';
import { enableGrad, noGrad } from '../autograd/mode.ts';
import { isOptions } from '../base/arguments.ts';
import { ArgumentTypeError, KeyError, RuntimeError, ValueError } from '../base/errors.ts';
import { printsAs } from '../base/inspect.ts';
import { showFloat, showNumber } from '../base/numbers.ts';
import { isInScope } from '../device/scope.ts';
import { keep } from '../tensor/scopes.ts';
import { Tensor } from '../tensor/tensor.ts';

/** The options of a group of parameters. */
export interface ParamGroup {
  params: Tensor[];
  lr: number;
  [option: string]: unknown;
}

/** Parameters, or groups of them with options of their own. */
export type Params =
  | Iterable<Tensor>
  | Iterable<{ params: Tensor | Iterable<Tensor>; [option: string]: unknown }>;

/** What an optimizer remembers about a parameter, by PyTorch's names. */
export type ParamState = Map<string, unknown>;

/** A function that evaluates the model again and returns the loss. */
export type Closure = () => Tensor | number;

/** `momentum_buffer` of `momentumBuffer`. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
}

export function camelCase(name: string): string {
  return name.replace(/(?<=[A-Za-z0-9])_([A-Za-z0-9])/g, (_, c: string) => c.toUpperCase());
}

/** An option as Python prints it. */
function show(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return showNumber(value);
  if (Array.isArray(value)) return `(${value.map(show).join(', ')})`;
  return String(value);
}

/** Throws PyTorch's ValueError unless `valid`. */
export function check(valid: boolean, what: string, value: number): void {
  if (!valid) throw new ValueError(`Invalid ${what}: ${showFloat(value)}`);
}

/** Throws PyTorch's ValueErrors for decay rates outside [0, 1). */
export function checkBetas(betas: readonly [number, number]): void {
  betas.forEach((beta, i) => {
    check(beta >= 0 && beta < 1, `beta parameter at index ${i}`, beta);
  });
}

export abstract class Optimizer {
  /** The groups of parameters and their options; changing an option here takes effect at the next step. */
  paramGroups: ParamGroup[] = [];
  /** What is remembered about each parameter. */
  readonly state: Map<Tensor, ParamState> = new Map();
  /** The options of groups that say nothing else. `lr: undefined` must be given. */
  readonly defaults: Readonly<Record<string, unknown>>;
  /** How often `step` was called, since a scheduler was attached if there is one. */
  stepCount = 0;

  constructor(params: Params, defaults: Readonly<Record<string, unknown>>) {
    this.defaults = defaults;
    if (
      params instanceof Tensor ||
      typeof (params as Iterable<unknown> | null)?.[Symbol.iterator] !== 'function'
    ) {
      const kind = params instanceof Tensor ? 'torch.FloatTensor' : typeof params;
      throw new ArgumentTypeError(
        `params argument given to the optimizer should be an iterable of Tensors or dicts, but got ${kind}`,
      );
    }
    const list = [...(params as Iterable<unknown>)];
    if (list.length === 0) throw new ValueError('optimizer got an empty parameter list');
    const groups = isOptions(list[0]) ? list : [{ params: list }];
    for (const group of groups) this.addParamGroup(group as { params: Iterable<Tensor> });
  }

  /** Adds a group of parameters. Throws for what is not a leaf tensor, and for parameters that are there already. */
  addParamGroup(group: { params: Tensor | Iterable<Tensor>; [option: string]: unknown }): void {
    if (!isOptions(group)) throw new ArgumentTypeError('param group must be a dict');
    const { params, ...options } = group;
    const list = params instanceof Tensor ? [params] : [...(params as Iterable<unknown>)];
    for (const p of list) {
      if (!(p instanceof Tensor)) {
        throw new ArgumentTypeError(
          `optimizer can only optimize Tensors, but one of the params is ${typeof p}`,
        );
      }
      if (!p.isLeaf) throw new ValueError("can't optimize a non-leaf Tensor");
    }
    const made: Record<string, unknown> = { params: list, ...options };
    for (const [name, value] of Object.entries(this.defaults)) {
      if (options[name] !== undefined) continue;
      if (value === undefined) {
        throw new ValueError(
          `parameter group didn't specify a value of required optimization parameter ${snakeCase(name)}`,
        );
      }
      made[name] = value;
    }
    const known = new Set(this.paramGroups.flatMap((g) => g.params));
    if (new Set(list).size !== list.length || list.some((p) => known.has(p as Tensor))) {
      throw new ValueError('some parameters appear in more than one parameter group');
    }
    this.paramGroups.push(made as ParamGroup);
  }

  /**
   * One step along the gradients in `.grad`; parameters without one stay as they are. With a closure, which clears the gradients, evaluates
   * the loss, calls `backward` and returns the loss, that is called first (by LBFGS and Newton, as often as they need). Returns the loss, or null.
   */
  step(closure: Closure | null = null): Tensor | number | null {
    this.stepCount++;
    const loss = closure === null ? null : enableGrad(closure);
    noGrad(() => {
      for (const group of this.paramGroups) {
        for (const param of group.params) {
          if (param.grad !== null) this.update(param, param.grad, group, this.stateOf(param));
        }
      }
    });
    this.keepState();
    return loss;
  }

  /** The state outlives a `torch.tidy` around the step. */
  protected keepState(): void {
    if (isInScope()) keep(this.state);
  }

  /** Changes one parameter. Runs without recording gradients. */
  protected abstract update(param: Tensor, grad: Tensor, group: ParamGroup, state: ParamState): void;

  protected stateOf(param: Tensor): ParamState {
    let state = this.state.get(param);
    if (state === undefined) {
      state = new Map();
      this.state.set(param, state);
    }
    return state;
  }

  /**
   * Fills the gradients of all parameters with zeros, as PyTorch 1.13 does. With `setToNone: true` they become null, which is PyTorch 2's default:
   * their memory comes back, and steps pass over parameters that get no gradient. https://pytorch.org/docs/1.13/generated/torch.optim.Optimizer.zero_grad.html
   */
  zeroGrad(setToNone: SetToNone = false): void {
    for (const { params } of this.paramGroups) clearGradients(params, setToNone);
  }

  /**
   * The state as Maps with PyTorch's names; parameters are numbers in the order of the groups.
   * https://pytorch.org/docs/stable/generated/torch.optim.Optimizer.state_dict.html
   */
  stateDict(): Map<string, unknown> {
    const numbers = new Map<Tensor, number>();
    for (const p of this.paramGroups.flatMap((g) => g.params))
      if (!numbers.has(p)) numbers.set(p, numbers.size);
    const state = new Map<number, ParamState>();
    for (const [param, number] of numbers) {
      const known = this.state.get(param);
      if (known !== undefined && known.size > 0) state.set(number, new Map(known));
    }
    const groups = this.paramGroups.map((group) => {
      const { params, ...options } = group;
      const packed = new Map<string, unknown>();
      // In the order of the defaults, then what a scheduler or a user added.
      const names = new Set([...Object.keys(this.defaults), ...Object.keys(options)]);
      for (const name of names) packed.set(snakeCase(name), options[name]);
      packed.set(
        'params',
        params.map((p) => numbers.get(p)),
      );
      return packed;
    });
    return new Map<string, unknown>([
      ['state', state],
      ['param_groups', groups],
    ]);
  }

  /**
   * Takes over a state that `stateDict` gave, also one that PyTorch wrote. Tensors are copied, floating-point ones to the parameter's dtype.
   * Throws a ValueError for groups that do not fit, and a KeyError for what is not the state dict of an optimizer.
   */
  loadStateDict(stateDict: Map<string, unknown> | { stateDict: Map<string, unknown> }): void {
    const given = stateDict instanceof Map ? stateDict : stateDict.stateDict;
    for (const key of ['state', 'param_groups']) {
      if (!given.has(key)) throw new KeyError(`'${key}': this is not the state dict of an optimizer`);
    }
    const groups = (given.get('param_groups') as unknown[]).map(asMap);
    if (groups.length !== this.paramGroups.length) {
      throw new ValueError('loaded state dict has a different number of parameter groups');
    }
    groups.forEach((saved, i) => {
      if ((saved.get('params') as unknown[]).length !== this.paramGroups[i].params.length) {
        throw new ValueError(
          "loaded state dict contains a parameter group that doesn't match the size of optimizer's group",
        );
      }
    });
    const byNumber = new Map<number, Tensor>();
    groups.forEach((saved, i) => {
      (saved.get('params') as number[]).forEach((number, k) => {
        byNumber.set(Number(number), this.paramGroups[i].params[k]);
      });
    });
    this.state.clear();
    for (const [number, saved] of asMap(given.get('state'))) {
      const param = byNumber.get(Number(number));
      if (param === undefined)
        throw new ValueError(
          `loaded state dict has state for parameter ${String(number)}, which no group has`,
        );
      const entries = [...asMap(saved)].map(
        ([name, value]) => [String(name), adopt(value, param, String(name))] as const,
      );
      this.state.set(param, new Map(entries));
    }
    groups.forEach((saved, i) => {
      const { params } = this.paramGroups[i];
      const options = [...saved]
        .filter(([name]) => name !== 'params')
        .map(([name, value]) => [camelCase(String(name)), value]);
      this.paramGroups[i] = { params, ...Object.fromEntries(options) } as ParamGroup;
    });
  }

  /** What PyTorch prints for an optimizer. */
  toString(): string {
    const groups = this.paramGroups.map(({ params: _, ...options }, i) => {
      const lines = Object.keys(options)
        .map((name) => [snakeCase(name), options[name]] as const)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, value]) => `    ${name}: ${show(value)}\n`);
      return `Parameter Group ${i}\n${lines.join('')}`;
    });
    return `${this.constructor.name} (\n${groups.join('\n')})`;
  }
}

printsAs(Optimizer);

function asMap(value: unknown): Map<unknown, unknown> {
  if (value instanceof Map) return value;
  if (isOptions(value)) return new Map(Object.entries(value));
  throw new RuntimeError('not the state dict of an optimizer: expected a dict of "state" and "param_groups"');
}

/** A copy of a saved value for `param`. Counters keep their dtype. */
function adopt(value: unknown, param: Tensor, name: string): unknown {
  if (value instanceof Tensor) {
    return noGrad(() => {
      const keeps = name === 'step' || !param.dtype.isFloatingPoint || value.sizes.length === 0;
      return (keeps ? value : value.to(param.dtype)).detach().clone();
    });
  }
  if (Array.isArray(value)) return value.map((v) => adopt(v, param, name));
  return value;
}
