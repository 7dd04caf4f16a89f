/** The small expression language of the conformance files, over tensors and over plain numbers. */
import { isObject, type Json } from './cases.ts';
import { type DecodeContext, decode } from './decode.ts';
import type { Library } from './library.ts';

export type Environment = ReadonlyMap<string, unknown>;

const reductionsAndUnary = new Set([
  'neg',
  'exp',
  'log',
  'sin',
  'cos',
  'tanh',
  'sigmoid',
  'relu',
  'sqrt',
  'abs',
  'sum',
  'mean',
  'prod',
  'detach',
  'clone',
  't',
]);
const binary = new Set(['add', 'sub', 'mul', 'div', 'pow', 'matmul']);
const numeric: Readonly<Record<string, (...args: number[]) => number>> = {
  neg: (x) => -x,
  exp: Math.exp,
  log: Math.log,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  relu: (x) => Math.max(x, 0),
  sqrt: Math.sqrt,
  abs: Math.abs,
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  pow: (a, b) => a ** b,
};

/** `a - b` and the like; with a number on the left, the reflected operator. */
function applyBinary(library: Library, name: string, a: unknown, b: unknown): unknown {
  if (typeof a !== 'number') return library.send(a, name, b);
  if (typeof b === 'number') return numeric[name](a, b);
  if (name === 'add' || name === 'mul') return library.send(b, name, a);
  if (name === 'sub') return library.call('torch.rsub', b, a);
  return library.call(`torch.${name}`, a, b);
}

/** Evaluates an expression with the variables of `environment`. */
export function evaluate(context: DecodeContext, expression: Json, environment: Environment): unknown {
  const { library } = context;
  if (typeof expression === 'number') return expression;
  if (typeof expression === 'string') {
    if (!environment.has(expression)) throw new Error(`unknown variable ${expression}`);
    return environment.get(expression);
  }
  if (isObject(expression)) return decode(context, expression);
  if (!Array.isArray(expression)) return expression;
  const [name, ...rest] = expression as [string, ...Json[]];
  const value = (e: Json): unknown => evaluate(context, e, environment);
  if (reductionsAndUnary.has(name)) return library.send(value(rest[0]), name);
  if (binary.has(name)) return applyBinary(library, name, value(rest[0]), value(rest[1]));
  switch (name) {
    case 'slice':
      return library.send(value(rest[0]), 'index', library.call('torch.slice', rest[1], rest[2]));
    case 'index':
      return library.send(value(rest[0]), 'index', rest[1]);
    case 'reshape':
    case 'expand':
      return library.send(value(rest[0]), name, rest[1]);
    case 'sum_dim':
      return library.send(value(rest[0]), 'sum', rest[1]);
    case 'stack':
    case 'cat':
      return library.call(`torch.${name}`, rest.map(value));
    case 'tuple':
      return rest.map(value);
    default:
      throw new Error(`unknown function ${name} in an expression`);
  }
}

/** Evaluates an expression over numbers, such as a learning-rate rule of `epoch`. */
export function evaluateNumber(expression: Json, environment: Readonly<Record<string, number>>): number {
  if (typeof expression === 'number') return expression;
  if (typeof expression === 'string') {
    if (!Object.hasOwn(environment, expression)) throw new Error(`unknown variable ${expression}`);
    return environment[expression];
  }
  if (isObject(expression)) return Number(expression.$float);
  const [name, ...rest] = expression as [string, ...Json[]];
  const fn = numeric[name];
  if (fn === undefined) throw new Error(`unknown function ${name} of numbers`);
  return fn(...rest.map((e) => evaluateNumber(e, environment)));
}
