/** Suite `autograd`: jacobians and the like of small functions, and programs about the graph. */
import { type Case, errorOf, type Json, type JsonObject, tagsOf } from '../cases.ts';
import { expectEqual, expectThrows, expectValue, type Tolerance, toleranceOf } from '../compare.ts';
import {
  type DecodeContext,
  decode,
  decodeAll,
  decodeContext,
  decodeKwargs,
  makeConstant,
} from '../decode.ts';
import { evaluate } from '../expressions.ts';
import { type Callable, type Constructor, Mismatch, options, type TensorLike } from '../library.ts';

function runFunctional(context: DecodeContext, testCase: Case): void {
  const { library } = context;
  const { params, body } = testCase.fn as unknown as { params: string[]; body: Json };
  const inputs = decodeAll(context, testCase.inputs as Json[]);
  const fn = (...args: unknown[]): unknown =>
    evaluate(context, body, new Map(params.map((name, i) => [name, args[i]])));
  const call = (): unknown =>
    library.call(
      testCase.op as string,
      fn,
      inputs.length === 1 ? inputs[0] : inputs,
      ...(testCase.v === undefined || testCase.v === null ? [] : [decode(context, testCase.v)]),
      ...options(decodeKwargs(context, (testCase.options as JsonObject | undefined) ?? {})),
    );
  const error = errorOf(testCase);
  if (error !== undefined) expectThrows(call, error, tagsOf(testCase).includes('message_free'));
  else expectValue(library, call(), testCase.out, toleranceOf(testCase));
}

/** What the autograd properties of a tensor are called here. */
interface GraphTensor extends TensorLike {
  readonly isLeaf: boolean;
  readonly gradFn: { readonly name: string } | null;
  readonly _version: number;
  grad: TensorLike | null;
}

/** A program's variables, hooks and log. */
class Program {
  readonly context: DecodeContext;
  readonly tolerance: Tolerance;
  readonly variables = new Map<string, unknown>();
  readonly hooks = new Map<string, unknown>();
  readonly log: [string, unknown][] = [];

  constructor(context: DecodeContext, tolerance: Tolerance) {
    this.context = context;
    this.tolerance = tolerance;
  }

  tensor(name: Json): GraphTensor {
    return this.context.library.asTensor(this.evaluate(name)) as GraphTensor;
  }

  tensors(names: Json | undefined): GraphTensor[] {
    return ((names as Json[] | undefined) ?? []).map((n) => this.tensor(n));
  }

  evaluate(expression: Json, more: Iterable<readonly [string, unknown]> = []): unknown {
    return evaluate(this.context, expression, new Map([...this.variables, ...more]));
  }

  expect(got: unknown, expected: Json, where: string): void {
    expectValue(this.context.library, got, expected, this.tolerance, where);
  }

  run(steps: Json[]): void {
    for (const step of steps as JsonObject[]) {
      const action = actions[step.do as string];
      if (action === undefined) throw new Error(`unknown step ${step.do}`);
      const error = errorOf(step);
      if (error !== undefined) expectThrows(() => action(this, step), error, false);
      else action(this, step);
    }
  }
}

function modeFlags(step: JsonObject, names: readonly string[]): readonly unknown[] {
  return options(Object.fromEntries(names.filter((n) => step[n] !== undefined).map((n) => [n, step[n]])));
}

function runBackward(program: Program, step: JsonObject): void {
  const { library } = program.context;
  const gradient = step.gradient === undefined ? [] : [decode(program.context, step.gradient)];
  const flags = modeFlags(step, ['retain_graph', 'create_graph'])[0] as object | undefined;
  const inputs = step.inputs === undefined ? {} : { inputs: program.tensors(step.inputs) };
  const settings = { ...flags, ...inputs };
  library.send(
    program.tensor(step.of),
    'backward',
    ...gradient,
    ...(Object.keys(settings).length > 0 ? [settings] : []),
  );
}

function runGrad(program: Program, step: JsonObject): void {
  const { library } = program.context;
  const flags = modeFlags(step, ['create_graph', 'retain_graph', 'allow_unused'])[0] as object | undefined;
  const gradOutputs = step.grad_outputs as Json[] | null | undefined;
  const given = gradOutputs?.map((g) => (g === null ? null : makeConstant(library, g)));
  const result = library.call(
    'torch.autograd.grad',
    program.tensors(step.outputs),
    program.tensors(step.inputs),
    { ...(given === undefined ? {} : { gradOutputs: given }), ...flags },
  );
  if (step.out !== undefined) program.expect(result, step.out, 'grad');
  ((step.names as string[] | undefined) ?? []).forEach((name, i) => {
    program.variables.set(name, (result as unknown[])[i]);
  });
}

function checkFlags(program: Program, step: JsonObject): void {
  const tensor = program.tensor(step.of);
  const read: Readonly<Record<string, () => unknown>> = {
    requires_grad: () => tensor.requiresGrad,
    is_leaf: () => tensor.isLeaf,
    has_grad_fn: () => tensor.gradFn !== null,
    grad_fn: () => tensor.gradFn?.name ?? null,
    version: () => tensor._version,
  };
  for (const [flag, expected] of Object.entries(step.out as JsonObject)) {
    const reader = read[flag];
    if (reader === undefined) throw new Error(`unknown flag ${flag}`);
    expectEqual(reader(), expected, `${flag} of ${step.of}`);
  }
}

function runHook(program: Program, step: JsonObject): void {
  const name = step.name as string;
  const hook = (g: unknown): unknown => {
    program.log.push([name, g]);
    return step.expr === undefined ? undefined : program.evaluate(step.expr, [['g', g]]);
  };
  program.hooks.set(name, program.context.library.send(program.tensor(step.of), 'register_hook', hook));
}

/** A custom Function whose forward and backward are the step's expressions. */
function runFunction(program: Program, step: JsonObject): void {
  const { library } = program.context;
  const params = step.params as string[];
  const bind = (values: readonly unknown[]): [string, unknown][] => params.map((p, i) => [p, values[i]]);
  const Base = library.get('torch.autograd.Function') as Constructor;
  class StepFunction extends Base {
    static forward(ctx: object, ...args: unknown[]): unknown {
      library.send(ctx, 'save_for_backward', ...args);
      return evaluate(program.context, step.forward, new Map(bind(args)));
    }
    static backward(ctx: { savedTensors: unknown[] }, g: unknown): unknown {
      const variables = new Map([...bind([...ctx.savedTensors]), ['g', g] as const]);
      return (step.backward as Json[]).map((e) =>
        e === null ? null : evaluate(program.context, e, variables),
      );
    }
  }
  const result = library.send(StepFunction, 'apply', ...program.tensors(step.args));
  program.variables.set(step.name as string, result);
}

function runCheckpoint(program: Program, step: JsonObject): void {
  const { library } = program.context;
  const names = step.args as string[];
  const body = (...args: unknown[]): unknown =>
    program.evaluate(
      step.expr,
      names.map((n, i) => [n, args[i]] as const),
    );
  const result = library.call('torch.utils.checkpoint.checkpoint', body, ...program.tensors(step.args), {
    useReentrant: false,
  });
  program.variables.set(step.name as string, result);
}

const inMode =
  (path: string) =>
  (program: Program, step: JsonObject): void => {
    program.context.library.call(path, () => program.run(step.steps as Json[]));
  };

/** Index entries of `target[index]`: a tuple is written as an array. */
function indexEntries(program: Program, index: Json): unknown[] {
  const decoded = typeof index === 'string' ? program.evaluate(index) : decode(program.context, index);
  return Array.isArray(decoded) ? decoded : [decoded];
}

const actions: Readonly<Record<string, (program: Program, step: JsonObject) => void>> = {
  leaf: (program, step) => {
    program.variables.set(step.name as string, decode(program.context, step.value));
  },
  let: (program, step) => {
    program.variables.set(step.name as string, program.evaluate(step.expr));
  },
  backward: runBackward,
  grad: runGrad,
  expect: (program, step) => program.expect(program.evaluate(step.of), step.out, String(step.of)),
  expect_grad: (program, step) => program.expect(program.tensor(step.of).grad, step.out, `${step.of}.grad`),
  flags: checkFlags,
  inplace: (program, step) => {
    const args = (step.args as Json[]).map((a) => program.evaluate(a));
    program.context.library.send(program.tensor(step.target), step.method as string, ...args);
  },
  setitem: (program, step) => {
    const value = program.evaluate(step.value);
    const target = program.tensor(step.target);
    program.context.library.send(target, 'index_put_', indexEntries(program, step.index), value);
  },
  no_grad: inMode('torch.no_grad'),
  enable_grad: inMode('torch.enable_grad'),
  inference_mode: inMode('torch.inference_mode'),
  is_grad_enabled: (program, step) =>
    program.expect(program.context.library.call('torch.is_grad_enabled'), step.out, 'is_grad_enabled'),
  requires_grad_: (program, step) => {
    program.context.library.send(program.tensor(step.of), 'requires_grad_', step.value ?? true);
  },
  detach_: (program, step) => {
    program.context.library.send(program.tensor(step.of), 'detach_');
  },
  retain_grad: (program, step) => {
    program.context.library.send(program.tensor(step.of), 'retain_grad');
  },
  zero_grad: (program, step) => {
    program.tensor(step.of).grad = null;
  },
  hook: runHook,
  remove_hook: (program, step) => {
    (program.hooks.get(step.name as string) as { remove: Callable }).remove();
  },
  expect_hook_log: (program, step) => program.expect(program.log, step.out, 'hook log'),
  function: runFunction,
  checkpoint: runCheckpoint,
};

export function runAutograd(library: DecodeContext['library'], testCase: Case): void {
  const context = decodeContext(library);
  if (testCase.kind !== 'program') {
    runFunctional(context, testCase);
    return;
  }
  const steps = testCase.steps as JsonObject[];
  const program = new Program(context, toleranceOf(testCase));
  steps.forEach((step, i) => {
    try {
      program.run([step]);
    } catch (error) {
      if (error instanceof Mismatch) throw new Mismatch(`step ${i} (${step.do}): ${error.message}`);
      throw error;
    }
  });
}
