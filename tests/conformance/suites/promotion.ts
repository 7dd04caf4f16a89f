/** Suite `promotion`: result dtypes of every combination of operands. */
import { type Case, errorOf, type Json, type JsonObject, tagsOf } from '../cases.ts';
import { exact, expectElements, expectEqual, expectNumber, expectThrows, flatten } from '../compare.ts';
import { decode, decodeContext, decodeKwargs, makeTensor } from '../decode.ts';
import { camelCase, type Library, Mismatch, type TensorLike } from '../library.ts';
import { creationDtype, invoke } from '../translate.ts';

/** Operands of one shape, all ones. */
function ones(library: Library, dtype: Json, shape: readonly number[]): TensorLike {
  const numel = shape.reduce((a, b) => a * b, 1);
  return makeTensor(library, { dtype: dtype as string, shape: [...shape], data: new Array(numel).fill(1) });
}

type Runner = (library: Library, testCase: Case) => unknown;

const call = (
  library: Library,
  testCase: Case,
  args: unknown[],
  kwargs: Record<string, unknown> = {},
): unknown => invoke(library, { op: testCase.op as string, args, kwargs });

/** Two tensors of the given shapes, and `rounding_mode` where the case has one. */
const ofTensors =
  (left: readonly number[], right: readonly number[]): Runner =>
  (library, testCase) => {
    const mode = testCase.rounding_mode;
    const args = [ones(library, testCase.a, left), ones(library, testCase.b, right)];
    return call(library, testCase, args, mode === undefined ? {} : { rounding_mode: mode });
  };

const withNumber: Runner = (library, testCase) => {
  const value = decode(decodeContext(library, true), testCase.value);
  return call(library, testCase, [ones(library, testCase.a, [2]), value]);
};

const ofList: Runner = (library, testCase) =>
  call(library, testCase, [[ones(library, testCase.a, [2]), ones(library, testCase.b, [2])]]);

const reduction: Runner = (library, testCase) => {
  const kwargs = decodeKwargs(decodeContext(library), (testCase.kwargs as JsonObject | undefined) ?? {});
  const dtype =
    testCase.dtype_arg === undefined ? {} : { dtype: library.dtype(testCase.dtype_arg as string) };
  return call(library, testCase, [ones(library, testCase.a, [2])], { ...kwargs, ...dtype });
};

function literal(library: Library, testCase: Case): unknown {
  const dtype = creationDtype(library, { ...testCase, args: [testCase.value] });
  const value = decode(decodeContext(library), testCase.value);
  return call(library, testCase, [value], dtype === undefined ? {} : { dtype });
}

/** What the labels of the creation cases stand for, in TypeScript, where ints are bigints in creation from values. */
const creations: Readonly<Record<string, (library: Library) => unknown>> = {
  arange_int: (t) => t.call('torch.arange', 3),
  arange_float: (t) => t.call('torch.arange', 0, 1.5, 0.5),
  full_int: (t) => t.call('torch.full', [2], 3n),
  full_float: (t) => t.call('torch.full', [2], 2.5),
  full_bool: (t) => t.call('torch.full', [2], true),
  zeros: (t) => t.call('torch.zeros', 2),
  ones: (t) => t.call('torch.ones', 2),
  empty: (t) => t.call('torch.empty', 2),
  linspace: (t) => t.call('torch.linspace', 0, 1, 3),
  logspace: (t) => t.call('torch.logspace', 0, 1, 3),
  eye: (t) => t.call('torch.eye', 2),
  rand: (t) => t.call('torch.rand', 2),
  randn: (t) => t.call('torch.randn', 2),
  randint: (t) => t.call('torch.randint', 5, [2]),
  randperm: (t) => t.call('torch.randperm', 3),
  scalar_tensor: (t) => t.call('torch.scalar_tensor', 3),
  int_plus_float: (t) => t.call('torch.add', ones(t, 'int64', [2]), 2.5),
  int_plus_int: (t) => t.call('torch.add', ones(t, 'int64', [2]), 2),
  int_times_float: (t) => t.call('torch.mul', ones(t, 'int64', [2]), 2.5),
  int_div_int: (t) => t.call('torch.div', ones(t, 'int64', [2]), 2),
  sqrt_int: (t) => t.call('torch.sqrt', ones(t, 'int64', [2])),
  mean_bool_cast: (t) => t.send(t.send(ones(t, 'bool', [2]), 'float'), 'mean'),
};

function creation(library: Library, testCase: Case): unknown {
  const make = creations[testCase.label as string];
  if (make === undefined) throw new Error(`unknown label ${testCase.label}`);
  return make(library);
}

const square = (library: Library, dtype: Json): TensorLike => ones(library, dtype, [2, 2]);
const pair = (library: Library, dtype: Json): TensorLike => ones(library, dtype, [2]);

const runners: Readonly<Record<string, Runner>> = {
  tensor_tensor: ofTensors([2], [2]),
  tensor_zerodim: ofTensors([2], []),
  zerodim_zerodim: ofTensors([], []),
  inplace: ofTensors([2], [2]),
  tensor_number: withNumber,
  number_tensor: withNumber,
  inplace_number: withNumber,
  unary: (library, c) => call(library, c, [pair(library, c.a)]),
  reduction,
  literal,
  creation,
  cat: ofList,
  stack: ofList,
  result_type: ofTensors([2], [2]),
  promote_types: (library, c) =>
    call(library, c, [library.dtype(c.a as string), library.dtype(c.b as string)]),
  can_cast: (library, c) => call(library, c, [library.dtype(c.a as string), library.dtype(c.b as string)]),
  matmul: (library, c) => call(library, c, [square(library, c.a), square(library, c.b)]),
  lerp: (library, c) => call(library, c, [pair(library, c.a), pair(library, c.b), 0.5]),
  addcmul: (library, c) => call(library, c, [pair(library, c.a), pair(library, c.b), pair(library, c.b)]),
  where: (library, c) => {
    const condition = makeTensor(library, { dtype: 'bool', shape: [2], data: [true, false] });
    return call(library, c, [condition, pair(library, c.a), pair(library, c.b)]);
  },
};

function runCast(library: Library, testCase: Case): void {
  const values = testCase.values as number[];
  const result = testCase.result as number[];
  const source = makeTensor(library, { dtype: testCase.a as string, shape: [values.length], data: values });
  const got = library.method(source, 'to', library.dtype(testCase.b as string));
  expectEqual(library.dtypeName(got), testCase.b, 'dtype');
  const spec = { dtype: testCase.b as string, shape: [result.length], data: result };
  expectElements(got, spec, exact, 'out');
}

function runTypeInfo(library: Library, testCase: Case): void {
  const info = library.call(testCase.op as string, library.dtype(testCase.a as string));
  for (const [field, expected] of Object.entries(testCase.result as JsonObject)) {
    const got = (info as Record<string, unknown>)[camelCase(field)];
    const value = typeof expected === 'string' ? BigInt(expected) : (expected as number);
    expectNumber(got, value, exact, field);
  }
}

/** The dtype names of a result: of one tensor, of several, or a dtype itself. */
function dtypesOf(library: Library, got: unknown): Json {
  if (typeof got === 'boolean') return got;
  const tensors = flatten(library, got);
  const names = tensors.map((t) => library.dtypeName(t));
  if (library.isTensor(got)) return names[0];
  return names.length > 0 ? names : String(got).replace(/^torch\./, '');
}

function runOperands(library: Library, testCase: Case): void {
  const kind = testCase.kind as string;
  const runner = runners[kind];
  if (runner === undefined) throw new Error(`unknown kind ${kind}`);
  const error = errorOf(testCase);
  if (error !== undefined) {
    expectThrows(() => runner(library, testCase), error, tagsOf(testCase).includes('message_free'));
    return;
  }
  const got = JSON.stringify(dtypesOf(library, runner(library, testCase)));
  const expected = JSON.stringify(testCase.result);
  if (got !== expected) throw new Mismatch(`expected ${expected}, got ${got}`);
}

function runWithDefault(library: Library, testCase: Case): void {
  if (testCase.kind === 'cast') runCast(library, testCase);
  else if (testCase.kind === 'type_info') runTypeInfo(library, testCase);
  else runOperands(library, testCase);
}

export function runPromotion(library: Library, testCase: Case): void {
  const wanted = testCase.default_dtype as string | undefined;
  if (wanted === undefined || wanted === 'float32') {
    runWithDefault(library, testCase);
    return;
  }
  const before = library.call('torch.get_default_dtype');
  library.call('torch.set_default_dtype', library.dtype(wanted));
  try {
    runWithDefault(library, testCase);
  } finally {
    library.call('torch.set_default_dtype', before);
  }
}
