/** Suite `random`: the seeded stream over a sequence of calls: draws, initialisation, shuffling, samplers. */
import type { Case, Json, JsonObject, TensorSpec } from '../cases.ts';
import { tensorSpec } from '../cases.ts';
import { expectElements, expectValue, type Tolerance, toleranceOf } from '../compare.ts';
import { type DecodeContext, decode, decodeAll, decodeContext, decodeKwargs } from '../decode.ts';
import { type Library, Mismatch, options, type TensorLike } from '../library.ts';
import { creationDtype, invoke, isInPlace } from '../translate.ts';

/** A dataset of the numbers 0 … n-1: Python's `range(n)`. */
function rangeOf(n: number): unknown {
  return { length: n, getItem: (i: number) => i };
}

const generatorOption = (context: DecodeContext, step: JsonObject): Record<string, unknown> =>
  step.generator === undefined ? {} : { generator: decode(context, step.generator) };

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  return value;
}

/** The first values of a long result, and its whole shape. */
function expectHead(library: Library, got: unknown, step: JsonObject, tolerance: Tolerance): void {
  const tensor = library.asTensor(got);
  const shape = step.shape as number[];
  if (tensor.shape.join() !== shape.join()) {
    throw new Mismatch(`out: expected shape [${shape}], got [${[...tensor.shape]}]`);
  }
  const spec = tensorSpec(step.out) as TensorSpec;
  const flat = library.method(tensor, 'flatten');
  const head = library.method(flat, 'narrow', 0, 0, step.head);
  expectElements(head, spec, tolerance, 'out');
}

function runOp(context: DecodeContext, step: JsonObject, tolerance: Tolerance): void {
  const { library } = context;
  const op = step.op as string;
  const args = decodeAll(context, step.args as Json[]);
  const kwargs = decodeKwargs(context, step.kwargs as JsonObject);
  const dtype = creationDtype(library, step as unknown as Case);
  const got = invoke(library, { op, args, kwargs: dtype === undefined ? kwargs : { ...kwargs, dtype } });
  const result = isInPlace(op) ? args[0] : got;
  if (step.head !== undefined) expectHead(library, result, step, tolerance);
  else expectValue(library, result, step.out, tolerance);
}

function runModuleInit(context: DecodeContext, step: JsonObject, tolerance: Tolerance): void {
  const { library } = context;
  const module = decode(context, step.module);
  const got = [...(library.send(module, 'named_parameters') as Iterable<[string, TensorLike]>)];
  const expected = step.parameters as [string, Json][];
  const names = got.map(([name]) => name);
  if (names.join() !== expected.map(([name]) => name).join()) {
    throw new Mismatch(`parameters: expected [${expected.map(([name]) => name)}], got [${names}]`);
  }
  expected.forEach(([name, value], i) => {
    expectValue(library, got[i][1], value, tolerance, name);
  });
}

function runLoader(context: DecodeContext, step: JsonObject, tolerance: Tolerance): void {
  const { library } = context;
  const data = library.call('torch.arange', step.dataset_size);
  const dataset = library.construct('torch.utils.data.TensorDataset', data);
  const loader = library.construct('torch.utils.data.DataLoader', dataset, {
    batchSize: step.batch_size,
    shuffle: step.shuffle,
    dropLast: step.drop_last,
    ...generatorOption(context, step),
  });
  const epochs = Array.from({ length: step.epochs as number }, () =>
    Array.from(loader as Iterable<unknown[]>, (batch) => plain(library.send(batch[0], 'tolist'))),
  );
  expectValue(library, epochs, step.out, tolerance);
}

function runSplit(context: DecodeContext, step: JsonObject, tolerance: Tolerance): void {
  const { library } = context;
  const lengths = decode(context, step.lengths);
  const parts = library.call(
    'torch.utils.data.random_split',
    rangeOf(step.dataset_size as number),
    lengths,
    ...options(generatorOption(context, step)),
  );
  const indices = (parts as { indices: unknown }[]).map((part) => plain(part.indices));
  expectValue(library, indices, step.out, tolerance);
}

function runSampler(context: DecodeContext, step: JsonObject, tolerance: Tolerance): void {
  const { library } = context;
  const { call: _call, type, n, weights, num_samples: count, out, generator: _g, tags: _t, ...rest } = step;
  const settings = { ...decodeKwargs(context, rest), ...generatorOption(context, step) };
  const sampler =
    weights === undefined
      ? library.construct(
          type as string,
          rangeOf(n as number),
          ...options(count === undefined ? settings : { ...settings, num_samples: count }),
        )
      : library.construct(type as string, decode(context, weights), count, ...options(settings));
  expectValue(library, plain([...(sampler as Iterable<unknown>)]), out, tolerance);
}

const runners: Readonly<
  Record<string, (context: DecodeContext, step: JsonObject, tolerance: Tolerance) => void>
> = {
  module_init: runModuleInit,
  dataloader: runLoader,
  random_split: runSplit,
  sampler: runSampler,
};

export function runRandom(library: Library, testCase: Case): void {
  const context = decodeContext(library);
  const tolerance = toleranceOf(testCase);
  library.call('torch.manual_seed', decode(context, testCase.seed));
  (testCase.calls as JsonObject[]).forEach((step, i) => {
    const name = step.call as string | undefined;
    const run = name === undefined ? runOp : runners[name];
    if (run === undefined) throw new Error(`unknown call ${name}`);
    try {
      run(context, step, tolerance);
    } catch (error) {
      if (error instanceof Mismatch) throw new Mismatch(`call ${i} (${name ?? step.op}): ${error.message}`);
      throw error;
    }
  });
}
