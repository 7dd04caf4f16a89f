/** Suites `ops` and `indexing`: one call, its result, what it changed, views, gradients of both orders, errors. */
import { type Case, errorOf, type Json, type JsonObject, tagsOf } from '../cases.ts';
import { expectEqual, expectShares, expectThrows, expectValue, flatten, toleranceOf } from '../compare.ts';
import { decodeAll, decodeContext, decodeKwargs, tensorsIn } from '../decode.ts';
import { compareOutputs } from '../decompositions.ts';
import { checkGradients } from '../gradients.ts';
import type { Library, TensorLike } from '../library.ts';
import { creationDtype, invoke, needsFloatMarks } from '../translate.ts';

interface Prepared {
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  /** Makes the call; an in-place call acts on a clone of the first argument and gives that clone. */
  run(): unknown;
}

function prepare(library: Library, testCase: Case): Prepared {
  const rawArgs = (testCase.args as Json[] | undefined) ?? [];
  const rawKwargs = (testCase.kwargs as JsonObject | undefined) ?? {};
  const context = decodeContext(library, needsFloatMarks(rawArgs, rawKwargs));
  const args = decodeAll(context, rawArgs);
  const kwargs = decodeKwargs(context, rawKwargs);
  const dtype = creationDtype(library, testCase);
  const callKwargs = dtype === undefined ? kwargs : { ...kwargs, dtype };
  const op = testCase.op as string;
  const run = (): unknown => {
    if (!tagsOf(testCase).includes('inplace')) return invoke(library, { op, args, kwargs: callKwargs });
    const target = library.send(args[0], 'clone');
    invoke(library, { op, args: [target, ...args.slice(1)], kwargs: callKwargs });
    return target;
  };
  return { args, kwargs, run };
}

function checkMutated(library: Library, testCase: Case, prepared: Prepared): void {
  for (const change of (testCase.mutated as JsonObject[] | undefined) ?? []) {
    const name = change.kwarg as string | undefined;
    const index = change.arg as number;
    const got = name === undefined ? prepared.args[index] : prepared.kwargs[name];
    expectValue(library, got, change.value, toleranceOf(testCase), `mutated ${name ?? index}`);
  }
}

function checkViews(
  library: Library,
  testCase: Case,
  outputs: readonly TensorLike[],
  args: readonly TensorLike[],
): void {
  // Uninitialised and random results are new memory in PyTorch as well, and in-place results are the clone.
  if (tagsOf(testCase).includes('inplace')) return;
  const view = testCase.view as boolean | undefined;
  const flags = view === undefined ? ((testCase.out_shares as boolean[] | undefined) ?? []) : [view];
  expectShares(library, outputs, args, flags, testCase.out);
}

export function runCall(library: Library, testCase: Case): void {
  const tags = tagsOf(testCase);
  const error = errorOf(testCase);
  if (error !== undefined) {
    const prepared = prepare(library, testCase);
    expectThrows(prepared.run, error, tags.includes('message_free'));
    return;
  }
  const prepared = prepare(library, testCase);
  const got = prepared.run();
  const { grads } = compareOutputs(library, testCase, got);
  checkMutated(library, testCase, prepared);
  const values = [...prepared.args, ...Object.values(prepared.kwargs)];
  const tensors = values.flatMap((v) => tensorsIn(library, v));
  const outputs = flatten(library, got);
  checkViews(library, testCase, outputs, tensors);
  if (testCase.grads === undefined || !grads) return;
  const inputs = tensors.filter((t) => t.requiresGrad);
  expectEqual(inputs.length, (testCase.grads as Json[]).length, 'the number of inputs that require grad');
  checkGradients(library, testCase, outputs, inputs);
}
