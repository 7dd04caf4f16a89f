/** A Python call of the conformance files as the TypeScript call that the translation table of the docs gives. */
import { type Case, isObject, type Json, type JsonObject, tensorSpec } from './cases.ts';
import { describe, Inexpressible, type Library, options, Unsupported } from './library.ts';

/** A call with decoded arguments. */
export interface Call {
  readonly op: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
}

/**
 * Python's reflected operators as the function that takes the left operand first. `__rsub__` has a function of its own in
 * PyTorch, which takes the right operand first.
 */
const reflected: Readonly<Record<string, string>> = {
  __radd__: 'torch.add',
  __rmul__: 'torch.mul',
  __rdiv__: 'torch.div',
  __rtruediv__: 'torch.div',
  __rfloordiv__: 'torch.floor_divide',
  __rmod__: 'torch.remainder',
  __rpow__: 'torch.pow',
  __rmatmul__: 'torch.matmul',
  __rand__: 'torch.bitwise_and',
  __ror__: 'torch.bitwise_or',
  __rxor__: 'torch.bitwise_xor',
  __rlshift__: 'torch.bitwise_left_shift',
  __rrshift__: 'torch.bitwise_right_shift',
};

function invokeOperator(library: Library, name: string, self: unknown, rest: readonly unknown[]): unknown {
  if (name === '__getitem__') return library.send(self, 'index', ...(rest[0] as unknown[]));
  if (name === '__setitem__') return library.send(self, 'index_put_', rest[0], rest[1]);
  if (name === '__rsub__') return library.call('torch.rsub', self, rest[0]);
  const target = reflected[name];
  if (target === undefined) throw new Unsupported(`the operator ${name} has no translation`);
  // `__rpow__` copies its left operand (`torch.tensor(left) ** right`), so no gradient goes there.
  const copied = name === '__rpow__' && library.isTensor(rest[0]);
  return library.call(target, copied ? library.send(rest[0], 'detach') : rest[0], self);
}

/** Makes the call; throws Unsupported where the function or method does not exist. */
export function invoke(library: Library, call: Call): unknown {
  const [owner, ...path] = call.op.split('.');
  if (owner === 'torch') return library.call(call.op, ...call.args, ...options(call.kwargs));
  if (owner !== 'Tensor' || path.length !== 1) throw new Unsupported(`${call.op} has no translation`);
  const [self, ...rest] = call.args;
  if (!library.isTensor(self)) throw new Inexpressible(`${path[0]} as a method of ${describe(self)}`);
  if (path[0].startsWith('__')) return invokeOperator(library, path[0], self, rest);
  return library.send(self, path[0], ...rest, ...options(call.kwargs));
}

/** The method name of an in-place call (`normal_`, `torch.nn.init.ones_`), which changes its first argument. */
export function isInPlace(op: string): boolean {
  return op === 'Tensor.__setitem__' || (op.endsWith('_') && !op.endsWith('__'));
}

function anyTensor(value: Json, test: (dtype: string) => boolean): boolean {
  const spec = tensorSpec(value);
  if (spec !== undefined) return test(spec.dtype);
  if (Array.isArray(value)) return value.some((v) => anyTensor(v, test));
  return isObject(value) && Object.values(value).some((v) => anyTensor(v, test));
}

/**
 * Whole Python floats (2.0) must be told from ints (2) where only the Python type decides the dtype: a call on tensors none of which is
 * floating-point.
 */
export function needsFloatMarks(args: Json[], kwargs: JsonObject): boolean {
  const values = [...args, ...Object.values(kwargs)];
  const isFloat = (dtype: string): boolean => dtype.includes('float');
  return anyTensor(values, () => true) && !anyTensor(values, isFloat);
}

type PythonType = 'bool' | 'int' | 'float' | 'other';

/** The widest Python type among the numbers of a nested list. */
function pythonType(value: Json): PythonType {
  if (Array.isArray(value)) {
    const types = new Set(value.map(pythonType));
    return (['other', 'float', 'int', 'bool'] as const).find((t) => types.has(t)) ?? 'other';
  }
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float';
  if (isObject(value) && Object.hasOwn(value, '$int')) return 'int';
  if (isObject(value) && Object.hasOwn(value, '$float')) return 'float';
  return 'other';
}

/** Which argument decides the dtype of a creation function: its position and its keyword. */
const valueArgument: Readonly<Record<string, readonly [number, string]>> = {
  'torch.tensor': [0, 'data'],
  'torch.as_tensor': [0, 'data'],
  'torch.full': [1, 'fill_value'],
};

/**
 * Creation from numbers: TypeScript makes whole numbers float32 where Python's ints make int64, and `arange` of whole numbers int64 where
 * Python's floats make the default dtype. A case that leaves the dtype to Python's types gets it as an option.
 */
export function creationDtype(library: Library, testCase: Case): object | undefined {
  const op = testCase.op as string;
  const args = (testCase.args as Json[] | undefined) ?? [];
  const kwargs = (testCase.kwargs as JsonObject | undefined) ?? {};
  if ((kwargs.dtype ?? null) !== null) return undefined;
  if (op === 'torch.arange') {
    const numbers = [...args, kwargs.start ?? null, kwargs.end ?? null, kwargs.step ?? null];
    const anyFloat = numbers.some((v) => pythonType(v) === 'float');
    return anyFloat ? (library.call('torch.get_default_dtype') as object) : undefined;
  }
  const argument = valueArgument[op];
  if (argument === undefined) return undefined;
  const value = args[argument[0]] ?? kwargs[argument[1]] ?? null;
  return pythonType(value) === 'int' ? library.dtype('int64') : undefined;
}
