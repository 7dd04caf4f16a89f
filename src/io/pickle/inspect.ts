/** Looking at pickled values: their Python types, what is inside them, how deeply they nest. */
import { UnpicklingError } from '../../base/errors.ts';
import { PyFloat } from '../../tensor/pyfloat.ts';
import {
  OrderedDict,
  PickleFrozenSet,
  PickleGlobal,
  PickleObject,
  PickleTuple,
  type PickleValue,
} from './values.ts';

/** What Python would call the type of a value, for messages. */
export function describe(value: PickleValue): string {
  if (value === null) return 'None';
  if (value instanceof PickleGlobal) return value.path;
  return `<class '${typeName(value)}'>`;
}

function typeName(value: PickleValue): string {
  if (typeof value === 'string') return 'str';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'bigint') return 'int';
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'int' : 'float';
  if (value instanceof PyFloat) return 'float';
  if (value instanceof PickleObject) return value.type.path;
  if (value instanceof PickleTuple) return 'tuple';
  if (Array.isArray(value)) return 'list';
  if (value instanceof OrderedDict) return 'collections.OrderedDict';
  if (value instanceof Map) return 'dict';
  if (value instanceof Set) return 'set';
  if (value instanceof Uint8Array) return 'bytes';
  return (value as object).constructor.name;
}

/** Refuses keys of dicts and members of sets that Python could not hash. */
export function checkHashable(key: PickleValue): PickleValue {
  if (Array.isArray(key) || key instanceof Map || key instanceof Set) {
    throw new UnpicklingError(`unhashable type: ${describe(key)}`);
  }
  return key;
}

/** The values directly inside a container; null for what contains none. */
export function contents(value: PickleValue): PickleValue[] | null {
  if (typeof value !== 'object' || value === null) return null;
  if (Array.isArray(value)) return value;
  if (value instanceof PickleTuple) return value.items as PickleValue[];
  if (value instanceof Map) {
    const attributes =
      value instanceof OrderedDict && value.attributes !== null ? value.attributes.values() : [];
    return [...value.keys(), ...value.values(), ...attributes];
  }
  if (value instanceof Set) return [...value];
  if (value instanceof PickleFrozenSet) return [...value.items];
  if (value instanceof PickleObject) return [value.args, value.state];
  return null;
}

/** Refuses what a recursive walk could not get through. Every container is visited once, so shared ones cost nothing extra. */
export function checkDepth(root: PickleValue, limit: number): void {
  const seen = new Set<PickleValue>();
  const path: Iterator<PickleValue>[] = [];
  const enter = (value: PickleValue) => {
    const inside = contents(value);
    if (inside === null || inside.length === 0 || seen.has(value)) return;
    if (path.length >= limit) {
      throw new UnpicklingError(`the pickle nests containers more than ${limit} deep (limits.depth)`);
    }
    seen.add(value);
    path.push(inside[Symbol.iterator]());
  };
  enter(root);
  while (path.length > 0) {
    const next = path[path.length - 1].next();
    if (next.done === true) path.pop();
    else enter(next.value);
  }
}
