/** Arguments of the constructors of `torch.utils.data`: by position, then one options object. */
import { bind, isOptions, pythonType, type Signature } from '../base/arguments.ts';
import { ArgumentTypeError, AttributeError } from '../base/errors.ts';

/** Binds `first` and `rest`. `first` may itself be a plain object (a dataset): it is never taken for the options. */
export function bindAfter(signature: Signature, first: unknown, rest: readonly unknown[]): unknown[] {
  const last = rest.at(-1);
  return bind(signature, isOptions(last) ? [first, ...rest] : [first, ...rest, {}]);
}

/** A value as Python prints it, for messages. */
export function pythonText(x: unknown): string {
  if (typeof x === 'boolean') return x ? 'True' : 'False';
  if (x === null || x === undefined) return 'None';
  if (typeof x === 'number' || typeof x === 'bigint') return String(x);
  if (typeof x === 'string') return x;
  return `<${pythonType(x)}>`;
}

/** A whole number above zero: not a boolean, not a fraction. */
export function isPositiveInteger(x: unknown): x is number {
  return typeof x === 'number' && Number.isInteger(x) && x > 0;
}

/** Python's `len(x)`. Throws its TypeError where there is none. */
export function lengthOf(x: unknown): number {
  const length = (x as { length?: unknown } | null | undefined)?.length;
  if (typeof length !== 'number' || typeof x === 'function') {
    throw new ArgumentTypeError(`object of type '${pythonType(x)}' has no len(): it needs a \`length\``);
  }
  return length;
}

/** The element at `index` of a dataset or of an array. */
export function itemOf(dataset: unknown, index: number): unknown {
  const { getItem } = dataset as { getItem?: unknown };
  if (typeof getItem === 'function') return getItem.call(dataset, index);
  if (Array.isArray(dataset) || ArrayBuffer.isView(dataset)) return (dataset as ArrayLike<unknown>)[index];
  throw new AttributeError(
    `'${pythonType(dataset)}' object has no attribute 'getItem': a dataset has \`length\` and \`getItem(i)\``,
  );
}
