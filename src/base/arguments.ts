/**
 * Argument binding: Python's call convention in JavaScript.
 *
 * A signature such as `'sum(input, dim=None, keepdim=False, *, dtype=None)'` gives every argument a position. A call may
 * pass arguments by position and, in one trailing options object, by camelCase name. Calls that are purely positional pay one
 * check of their last argument.
 *
 * A parameter may name its type: `other: Tensor` takes tensors only, and numbers get PyTorch's TypeError. The first parameter is a
 * tensor wherever it is called `input`, unless it says `input: Operand`.
 */
import { ArgumentTypeError } from './errors.ts';

export interface Parameter {
  /** Accepted names: the first is the usual one (`dim|other` in the signature gives two). */
  readonly names: readonly string[];
  readonly required: boolean;
  readonly keywordOnly: boolean;
  /** `*shape`: takes the remaining positional arguments, or one array. */
  readonly variadic: boolean;
  /** Takes tensors only (and null, where it is not required). */
  readonly tensor: boolean;
}

export interface Signature {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly positions: ReadonlyMap<string, number>;
  /** The positions of the parameters that take tensors only. */
  readonly tensors: readonly number[];
  readonly text: string;
}

/** NumPy's names, which PyTorch accepts everywhere. */
const aliases: Readonly<Record<string, string>> = { axis: 'dim', keepdims: 'keepdim', self: 'input' };

export function parseSignature(text: string): Signature {
  const open = text.indexOf('(');
  const name = text.slice(0, open);
  const inner = text.slice(open + 1, text.lastIndexOf(')'));
  const parameters: Parameter[] = [];
  let keywordOnly = false;
  for (const part of inner.split(',').map((s) => s.trim())) {
    if (part === '') continue;
    if (part === '*') {
      keywordOnly = true;
      continue;
    }
    const variadic = part.startsWith('*');
    const [declared, byDefault] = part.replace(/^\*/, '').split('=');
    const [namePart, type] = declared.split(':').map((s) => s.trim());
    const first = parameters.length === 0 && namePart.split('|')[0] === 'input';
    parameters.push({
      names: namePart.split('|').map((s) => s.trim()),
      required: byDefault === undefined && !variadic,
      keywordOnly,
      variadic,
      tensor: (type ?? (first ? 'Tensor' : '')) === 'Tensor',
    });
  }
  const positions = new Map<string, number>();
  parameters.forEach((p, i) => {
    for (const n of p.names) positions.set(n, i);
  });
  for (const [alias, target] of Object.entries(aliases)) {
    const at = positions.get(target);
    if (at !== undefined && !positions.has(alias)) positions.set(alias, at);
  }
  const tensors = parameters.flatMap((p, i) => (p.tensor ? [i] : []));
  return { name, parameters, positions, tensors, text };
}

/** What Python calls the type of a value, for messages. */
export function pythonType(x: unknown): string {
  switch (typeof x) {
    case 'number':
      return Number.isInteger(x) ? 'int' : 'float';
    case 'bigint':
      return 'int';
    case 'boolean':
      return 'bool';
    case 'string':
      return 'str';
    case 'function':
      return 'function';
    case 'undefined':
      return 'NoneType';
    default:
      break;
  }
  if (x === null) return 'NoneType';
  if (Array.isArray(x)) return 'list';
  return isOptions(x) ? 'dict' : ((x as object).constructor?.name ?? 'object');
}

/** Throws the TypeError of PyTorch for an argument of a wrong type: `atan2(): argument 'other' (position 2) must be Tensor, not int`. */
export function refuseType(
  signature: Signature,
  at: number,
  expected: string,
  given: unknown,
  skip = 0,
): never {
  const { names, keywordOnly } = signature.parameters[at];
  const place = keywordOnly ? '' : ` (position ${at + 1 - skip})`;
  throw new ArgumentTypeError(
    `${signature.name}(): argument '${names[0]}'${place} must be ${expected}, not ${pythonType(given)}`,
  );
}

/** A trailing options object: a plain object, never a tensor, an array or an instance of a class. */
export function isOptions(x: unknown): x is Record<string, unknown> {
  if (typeof x !== 'object' || x === null) return false;
  const proto = Object.getPrototypeOf(x);
  return proto === Object.prototype || proto === null;
}

/** Where a signature has one, the variadic parameter gathers its arguments into one array. */
function gather(signature: Signature, args: unknown[]): unknown[] {
  const at = signature.parameters.findIndex((p) => p.variadic);
  if (at < 0 || args.length <= at) return args;
  if (args.length === at + 1 && Array.isArray(args[at])) return args;
  return [...args.slice(0, at), args.slice(at)];
}

/**
 * All arguments by position; missing ones are undefined. Throws a TypeError in Python's words, which does not count the first `skip`
 * arguments (`self`).
 */
export function bind(signature: Signature, args: readonly unknown[], skip = 0): unknown[] {
  const { name, parameters } = signature;
  const last = args.length > 0 ? args[args.length - 1] : undefined;
  const options = isOptions(last) ? last : undefined;
  const positional = gather(signature, options === undefined ? [...args] : args.slice(0, -1));
  const limit = parameters.filter((p) => !p.keywordOnly).length;
  if (positional.length > limit) {
    const count = limit - skip;
    throw new ArgumentTypeError(
      `${name}() takes ${count} positional argument${count === 1 ? '' : 's'} but ${positional.length - skip} were given; it is called as ${signature.text}`,
    );
  }
  if (options !== undefined) {
    for (const key of Object.keys(options)) {
      const at = signature.positions.get(key);
      if (at === undefined) {
        throw new ArgumentTypeError(
          `${name}() got an unexpected keyword argument '${key}'; it is called as ${signature.text}`,
        );
      }
      if (positional[at] !== undefined && at < args.length - 1) {
        throw new ArgumentTypeError(`${name}() got multiple values for argument '${key}'`);
      }
      positional[at] = options[key];
    }
  }
  for (let i = 0; i < parameters.length; i++) {
    if (parameters[i].required && positional[i] === undefined) {
      throw new ArgumentTypeError(
        `${name}() missing required argument: '${parameters[i].names[0]}'; it is called as ${signature.text}`,
      );
    }
  }
  return positional;
}
