/** Suite `optim`: optimizers step by step, closures, learning-rate schedulers, gradient clipping, constructor errors. */
import { type Case, errorOf, isObject, type Json, type JsonObject, tagsOf, tensorSpec } from '../cases.ts';
import {
  expectNumber,
  expectState,
  expectTensor,
  expectThrows,
  expectValue,
  toleranceOf,
} from '../compare.ts';
import { decode, decodeContext, decodeKwargs, makeConstant, makeTensor } from '../decode.ts';
import { evaluate, evaluateNumber } from '../expressions.ts';
import { type Library, options, type TensorLike } from '../library.ts';

interface ParamGroup {
  lr: number;
  momentum?: number;
}

interface Optimizer {
  readonly paramGroups: ParamGroup[];
}

function parameter(library: Library, value: Json): TensorLike {
  const spec = tensorSpec(value);
  if (spec === undefined) throw new Error('a parameter must be a tensor');
  return makeTensor(library, { ...spec, requires_grad: true });
}

function setGrad(tensor: TensorLike, grad: TensorLike | null): void {
  (tensor as { grad?: TensorLike | null }).grad = grad;
}

const gradOf = (tensor: TensorLike): unknown => (tensor as { grad?: unknown }).grad;

function decodeOptions(library: Library, raw: Json | undefined): readonly unknown[] {
  return options(decodeKwargs(decodeContext(library), (raw as JsonObject | undefined) ?? {}));
}

function makeOptimizer(library: Library, testCase: Case, params: readonly TensorLike[]): Optimizer {
  const groups = testCase.param_groups as JsonObject[] | undefined;
  const target =
    groups?.map(({ params: indices, ...rest }) => ({
      params: (indices as number[]).map((i) => params[i]),
      ...(decodeOptions(library, rest)[0] as object | undefined),
    })) ?? params;
  const made = library.construct(
    testCase.optimizer as string,
    target,
    ...decodeOptions(library, testCase.options),
  );
  return made as unknown as Optimizer;
}

function expectParams(library: Library, params: readonly TensorLike[], testCase: Case, step: number): void {
  const expected = (testCase.params_after as Json[][])[step];
  expected.forEach((value, i) => {
    expectValue(library, params[i], value, toleranceOf(testCase), `parameter ${i} after step ${step + 1}`);
  });
}

function takeStep(
  library: Library,
  optimizer: Optimizer,
  params: TensorLike[],
  step: JsonObject,
  onlyChanges: boolean,
): void {
  const added = step.add_param_group as JsonObject | undefined;
  if (added !== undefined) {
    const { params: values, ...rest } = added;
    const fresh = (values as Json[]).map((v) => parameter(library, v));
    if (!onlyChanges) params.push(...fresh);
    const group = { params: onlyChanges ? params.slice(-fresh.length) : fresh };
    library.send(optimizer, 'add_param_group', {
      ...group,
      ...(decodeOptions(library, rest)[0] as object | undefined),
    });
  }
  if (onlyChanges) return;
  const setLr = step.set_lr as { group: number; lr: Json } | undefined;
  if (setLr !== undefined) {
    optimizer.paramGroups[setLr.group].lr = decode(decodeContext(library), setLr.lr) as number;
  }
  (step.grads as Json[]).forEach((g, i) => {
    setGrad(params[i], g === null ? null : makeConstant(library, g));
  });
  library.send(optimizer, 'step');
}

/** Continues from `state_dict_mid` with a fresh optimizer on fresh parameters. */
function resume(library: Library, testCase: Case): void {
  const mid = testCase.state_dict_mid as unknown as { after_step: number; value: Json } | undefined;
  const steps = testCase.steps as JsonObject[];
  if (mid === undefined || mid.after_step >= steps.length) return;
  const values = (testCase.params_after as Json[][])[mid.after_step - 1];
  const initial = (testCase.params as Json[]).length;
  const params = values.map((v) => parameter(library, v));
  const optimizer = makeOptimizer(library, testCase, params.slice(0, initial));
  for (const step of steps.slice(0, mid.after_step)) takeStep(library, optimizer, params, step, true);
  library.send(optimizer, 'load_state_dict', decode(decodeContext(library), mid.value));
  steps.slice(mid.after_step).forEach((step, i) => {
    takeStep(library, optimizer, params, step, false);
    expectParams(library, params, testCase, mid.after_step + i);
  });
}

function runSteps(library: Library, testCase: Case): void {
  const params = (testCase.params as Json[]).map((v) => parameter(library, v));
  const optimizer = makeOptimizer(library, testCase, params);
  const mid = testCase.state_dict_mid as unknown as { after_step: number; value: Json } | undefined;
  (testCase.steps as JsonObject[]).forEach((step, i) => {
    takeStep(library, optimizer, params, step, false);
    expectParams(library, params, testCase, i);
    if (mid?.after_step === i + 1) expectStateDict(library, optimizer, mid.value, testCase, 'state_dict_mid');
  });
  expectStateDict(library, optimizer, testCase.state_dict, testCase, 'state_dict');
  resume(library, testCase);
}

function expectStateDict(
  library: Library,
  owner: unknown,
  expected: Json | undefined,
  testCase: Case,
  what: string,
): void {
  if (expected === undefined) return;
  expectState(library, library.send(owner, 'state_dict'), expected, toleranceOf(testCase), what);
}

function runClosure(library: Library, testCase: Case): void {
  const context = decodeContext(library);
  const params = (testCase.params as Json[]).map((v) => parameter(library, v));
  const optimizer = makeOptimizer(library, testCase, params);
  const expression = (testCase.function as JsonObject).expr;
  let calls = 0;
  const closure = (): unknown => {
    calls++;
    library.send(optimizer, 'zero_grad');
    const loss = evaluate(context, expression, new Map([['x', params[0]]]));
    library.send(loss, 'backward');
    return loss;
  };
  (testCase.losses as Json[]).forEach((expected, i) => {
    const loss = library.send(optimizer, 'step', closure);
    const value = library.isTensor(loss) ? library.send(loss, 'item') : loss;
    expectValue(library, value, expected, toleranceOf(testCase), `loss of step ${i + 1}`);
    expectParams(library, params, testCase, i);
    const counts = testCase.closure_calls as number[] | undefined;
    if (counts !== undefined) {
      expectNumber(calls, counts[i], { rtol: 0, atol: 0 }, `closure calls after step ${i + 1}`);
    }
  });
  expectStateDict(library, optimizer, testCase.state_dict, testCase, 'state_dict');
}

/** Builds `{"$scheduler": {type, kwargs}}`; nested schedulers first, formulas as functions of the epoch. */
function makeScheduler(library: Library, optimizer: Optimizer, value: Json): unknown {
  const { type, kwargs } = (value as JsonObject).$scheduler as unknown as {
    type: string;
    kwargs: JsonObject;
  };
  const build = (v: Json): unknown => {
    if (Array.isArray(v)) return v.map(build);
    if (isObject(v) && v.$scheduler !== undefined) return makeScheduler(library, optimizer, v);
    if (isObject(v) && v.$formula !== undefined) {
      const formula = v.$formula;
      return (epoch: number) => evaluateNumber(formula, { epoch });
    }
    return decode(decodeContext(library), v);
  };
  const built = Object.fromEntries(Object.entries(kwargs).map(([k, v]) => [k, build(v)]));
  if (type.endsWith('.ChainedScheduler')) return library.construct(type, built.schedulers);
  return library.construct(type, optimizer, ...options(built));
}

function runScheduler(library: Library, testCase: Case): void {
  const { type, group_lrs: groupLrs, ...defaults } = testCase.optimizer as JsonObject;
  const context = decodeContext(library);
  const groups = (groupLrs as Json[]).map((lr) => ({
    params: [library.method(library.call('torch.zeros', [2]), 'requires_grad_', true)],
    lr: decode(context, lr),
  }));
  const made = library.construct(type as string, groups, ...decodeOptions(library, defaults));
  const optimizer = made as unknown as Optimizer;
  const scheduler = makeScheduler(library, optimizer, testCase.scheduler);
  const tolerance = toleranceOf(testCase);
  const expectRow = (got: unknown, expected: Json | undefined, where: string): void => {
    if (expected !== undefined) expectValue(library, got, expected, tolerance, where);
  };
  const lrs = testCase.lrs as Json[];
  const lastLr = testCase.last_lr as Json[] | undefined;
  const momenta = testCase.momenta as Json[] | undefined;
  const metrics = testCase.metrics as Json[] | undefined;
  lrs.forEach((expected, k) => {
    if (k > 0) {
      library.send(optimizer, 'step');
      library.send(scheduler, 'step', ...(metrics === undefined ? [] : [decode(context, metrics[k - 1])]));
      if (lastLr?.[k - 1] !== undefined) {
        expectRow(library.send(scheduler, 'get_last_lr'), lastLr[k - 1], `last_lr[${k - 1}]`);
      }
    }
    expectRow(
      optimizer.paramGroups.map((g) => g.lr),
      expected,
      `lrs[${k}]`,
    );
    expectRow(
      optimizer.paramGroups.map((g) => g.momentum),
      momenta?.[k],
      `momenta[${k}]`,
    );
  });
  expectStateDict(library, scheduler, testCase.state_dict, testCase, 'state_dict');
}

function runClipping(library: Library, testCase: Case): void {
  const device = library.device === null ? [] : [{ device: library.device }];
  const params = (testCase.shapes as number[][]).map((shape) =>
    library.method(library.call('torch.zeros', shape, ...device), 'requires_grad_', true),
  );
  (testCase.grads as Json[]).forEach((g, i) => {
    setGrad(params[i], g === null ? null : makeConstant(library, g));
  });
  const got = library.call(testCase.op as string, params, ...decodeOptions(library, testCase.kwargs));
  const tolerance = toleranceOf(testCase);
  expectValue(library, got, testCase.out ?? null, tolerance);
  (testCase.grads_after as Json[]).forEach((expected, i) => {
    const spec = tensorSpec(expected);
    const grad = gradOf(params[i]);
    if (spec === undefined) expectValue(library, grad, null, tolerance, `gradient ${i}`);
    else expectTensor(library, grad, spec, tolerance, `gradient ${i}`);
  });
}

export function runOptim(library: Library, testCase: Case): void {
  const error = errorOf(testCase);
  if (error !== undefined) {
    const params = (testCase.params as Json[]).map((v) => parameter(library, v));
    const construct = (): unknown => makeOptimizer(library, testCase, params);
    expectThrows(construct, error, tagsOf(testCase).includes('message_free'));
  } else if (testCase.scheduler !== undefined) runScheduler(library, testCase);
  else if (testCase.op !== undefined) runClipping(library, testCase);
  else if (testCase.function !== undefined) runClosure(library, testCase);
  else runSteps(library, testCase);
}
