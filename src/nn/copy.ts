/** Deep copies of modules: what Python's `copy.deepcopy` does. */
import { Tensor } from '../tensor/tensor.ts';
import { Module } from './module.ts';
import { Parameter } from './parameter.ts';

/**
 * A module of the same class with copies of all parameters, buffers and submodules; other properties are shared. Nothing random is drawn. A tensor
 * or module that occurs twice occurs twice in the copy.
 */
export function copyModule<M extends Module>(module: M, made: Map<object, object> = new Map()): M {
  const known = made.get(module);
  if (known !== undefined) return known as M;
  // Module's own constructor, without that of the subclass.
  const copy = Reflect.construct(Module, [], module.constructor as new () => Module) as Module;
  made.set(module, copy);
  for (const name of module.internals.buffers) copy.internals.buffers.add(name);
  for (const name of module.internals.nonPersistent) copy.internals.nonPersistent.add(name);
  for (const name of module.internals.emptySlots) copy.internals.emptySlots.add(name);
  for (const [name, value] of Object.entries(module)) {
    (copy as unknown as Record<string, unknown>)[name] = copyValue(value, made);
  }
  return copy as M;
}

function copyValue(value: unknown, made: Map<object, object>): unknown {
  if (value instanceof Module) return copyModule(value, made);
  if (!(value instanceof Tensor)) return value;
  const known = made.get(value);
  if (known !== undefined) return known;
  const data = value.detach().clone();
  const copy =
    value instanceof Parameter
      ? new Parameter(data, value.requiresGrad)
      : data.requiresGrad_(value.requiresGrad);
  made.set(value, copy);
  return copy;
}
