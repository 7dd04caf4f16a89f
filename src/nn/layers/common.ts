/** What layers share: keyword arguments, sizes per dimension, Python's way of printing values. */
import { isOptions } from '../../base/arguments.ts';
import type { DType } from '../../base/dtype.ts';
import { ArgumentTypeError } from '../../base/errors.ts';
import { showFloat, showNumber } from '../../base/numbers.ts';

export { showFloat };

/** A size, or one per spatial dimension. */
export type Sizes = number | readonly number[];

/** Options that every layer with parameters takes. */
export interface Factory {
  dtype?: DType | null;
  device?: unknown;
}

/**
 * Constructor arguments by name: positional ones in the order of `names`, then one options object.
 * Throws a TypeError for unknown and missing ones, in Python's words.
 */
export function settings<T extends object>(
  layer: string,
  names: readonly (keyof T & string)[],
  required: number,
  args: readonly unknown[],
): T {
  const last = args[args.length - 1];
  const named = isOptions(last) ? (last as T) : null;
  const positional = named === null ? args : args.slice(0, -1);
  if (positional.length > names.length) {
    throw new ArgumentTypeError(
      `${layer}.__init__() takes at most ${names.length} arguments (${names.join(', ')}) but ${positional.length} were given`,
    );
  }
  const out: Record<string, unknown> = {};
  positional.forEach((v, i) => {
    if (v !== undefined) out[names[i]] = v;
  });
  for (const [key, value] of Object.entries(named ?? {})) {
    if (!names.includes(key as keyof T & string)) {
      throw new ArgumentTypeError(
        `${layer}.__init__() got an unexpected keyword argument '${key}'; it takes ${names.join(', ')}`,
      );
    }
    if (value !== undefined) out[key] = value;
  }
  for (const name of names.slice(0, required)) {
    if (out[name] === undefined) {
      throw new ArgumentTypeError(`${layer}.__init__() missing 1 required positional argument: '${name}'`);
    }
  }
  return out as T;
}

/** One size per dimension. */
export function repeat(size: Sizes, count: number): number[] {
  return typeof size === 'number' ? new Array<number>(count).fill(size) : [...size];
}

/** Python's repr of settings: True, None, (2, 2), 'zeros', 1e-05. */
export function show(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value === 'number') return showNumber(value);
  if (Array.isArray(value))
    return value.length === 1 ? `(${show(value[0])},)` : `(${value.map(show).join(', ')})`;
  return String(value);
}
