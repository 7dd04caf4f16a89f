/** Suite `modules`: construction, repr, names, state, forward, gradients of inputs and parameters, changed buffers. */
import { type Case, type Json, type JsonObject, tagsOf } from '../cases.ts';
import { expectEqual, expectValue, flatten, toleranceOf } from '../compare.ts';
import { decode, decodeAll, decodeContext, decodeKwargs, tensorsIn } from '../decode.ts';
import { expectGradients, gradients } from '../gradients.ts';
import { type Callable, type Library, Mismatch, options, type TensorLike } from '../library.ts';

type Named = [string, Json][];

function names(library: Library, module: unknown, method: string): string[] {
  const pairs = library.send(module, method) as Iterable<[string, unknown]>;
  return [...pairs].map(([name]) => name);
}

function expectNames(got: readonly string[], expected: readonly string[], what: string): void {
  if (got.join() !== expected.join()) throw new Mismatch(`${what}: expected [${expected}], got [${got}]`);
}

/** Sets dtype and mode and loads the state; checks repr and names on the way. */
function configure(library: Library, testCase: Case, module: unknown): void {
  const context = decodeContext(library);
  if (testCase.dtype === 'float64') library.send(module, 'double');
  library.send(module, 'train', testCase.training);
  expectEqual(String(module), testCase.repr, 'repr');
  expectNames(names(library, module, 'named_parameters'), testCase.parameters as string[], 'parameters');
  expectNames(names(library, module, 'named_buffers'), testCase.buffers as string[], 'buffers');
  const state = testCase.state_dict as Named;
  const keys = [...(library.send(module, 'state_dict') as Map<string, unknown>).keys()];
  expectNames(
    keys,
    state.map(([name]) => name),
    'state_dict',
  );
  const values = new Map(state.map(([name, value]) => [name, decode(context, value)]));
  library.send(module, 'load_state_dict', values);
}

function forward(library: Library, testCase: Case, module: unknown, inputs: unknown[]): unknown {
  const kwargs = decodeKwargs(decodeContext(library), (testCase.kwargs as JsonObject | undefined) ?? {});
  if (testCase.forward !== 'chain') return (module as Callable)(...inputs, ...options(kwargs));
  const children = library.send(module, 'children') as Iterable<Callable>;
  return [...children].reduce((value: unknown, child) => child(value), inputs[0]);
}

function expectNamed(
  library: Library,
  module: unknown,
  method: string,
  expected: Named,
  testCase: Case,
): void {
  const pairs = library.send(module, method) as Iterable<[string, unknown]>;
  const got = new Map(pairs);
  for (const [name, value] of expected) {
    expectValue(library, got.get(name), value, toleranceOf(testCase), `${name} after the call`);
  }
}

function checkGradients(
  library: Library,
  testCase: Case,
  module: unknown,
  outputs: TensorLike[],
  inputs: TensorLike[],
): void {
  const grads = testCase.grads as unknown as { inputs: Json[]; params: Named };
  const parameters = [...(library.send(module, 'named_parameters') as Iterable<[string, TensorLike]>)];
  const wanted = [...inputs.filter((t) => t.requiresGrad), ...parameters.map(([, p]) => p)];
  const expected = [...grads.inputs, ...grads.params.map(([, g]) => g)];
  const labels = [
    ...grads.inputs.map((_, i) => `grads.inputs[${i}]`),
    ...grads.params.map(([n]) => `grad of ${n}`),
  ];
  const got = gradients(library, { outputs, inputs: wanted, gradOut: testCase.grad_out as Json[] });
  expectGradients(library, got, expected, toleranceOf(testCase, 'grad_'), (i) => labels[i]);
}

export function runModule(library: Library, testCase: Case): void {
  const context = decodeContext(library);
  const module = decode(context, testCase.module);
  configure(library, testCase, module);
  if (testCase.forward === 'none') return;
  const inputs = decodeAll(context, testCase.inputs as Json[]);
  if (testCase.seed !== undefined) library.call('torch.manual_seed', testCase.seed);
  const got = forward(library, testCase, module, inputs);
  if (testCase.out !== undefined) expectValue(library, got, testCase.out, toleranceOf(testCase));
  expectNamed(
    library,
    module,
    'named_buffers',
    (testCase.buffers_after as Named | undefined) ?? [],
    testCase,
  );
  expectNamed(
    library,
    module,
    'named_parameters',
    (testCase.params_after as Named | undefined) ?? [],
    testCase,
  );
  if (testCase.grads === undefined || tagsOf(testCase).includes('shape_only')) return;
  const tensors = inputs.flatMap((v) => tensorsIn(library, v));
  checkGradients(library, testCase, module, flatten(library, got), tensors);
}
