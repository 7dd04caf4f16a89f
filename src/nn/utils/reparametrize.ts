/**
 * What weight and spectral normalization share: a parameter gives its place to a tensor that is computed anew before every forward.
 */
import { AttributeError, RuntimeError, ValueError } from '../../base/errors.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { HookHandle } from '../hooks.ts';
import type { Module } from '../module.ts';
import { Parameter } from '../parameter.ts';

type Slots = Record<string, unknown>;

/** By module the parameters that are computed: how, and the hook that does it. */
const computed = new WeakMap<Module, Map<string, { kind: string; handle: HookHandle }>>();

function slotsOf(module: Module): Slots {
  return module as unknown as Slots;
}

/** The parameter `name` of this very module. Throws an AttributeError. */
function ownParameter(module: Module, name: string): Parameter {
  const found = Object.hasOwn(module, name) ? slotsOf(module)[name] : undefined;
  if (!(found instanceof Parameter))
    throw new AttributeError(`'${module.typeName()}' object has no attribute '${name}'`);
  return found;
}

/**
 * Takes the parameter `name` out of the module, lets `register` put others in, and has `compute` make the tensor in its place, now and before
 * every forward.
 */
export function computeParameter(
  kind: string,
  module: Module,
  name: string,
  register: (parameter: Parameter) => void,
  compute: (module: Module) => Tensor,
): void {
  const known = computed.get(module) ?? new Map();
  if (known.has(name)) {
    throw new RuntimeError(`Cannot register two ${kind} hooks on the same parameter ${name}`);
  }
  const parameter = ownParameter(module, name);
  delete slotsOf(module)[name];
  register(parameter);
  slotsOf(module)[name] = compute(module);
  // The hook works on the module it is called for, which may be a copy.
  const handle = module.registerForwardPreHook((self) => {
    slotsOf(self)[name] = compute(self);
  });
  known.set(name, { kind, handle });
  computed.set(module, known);
}

/** Makes the computed tensor a parameter again; `parts` are the names that stood for it. */
export function restoreParameter(
  kind: string,
  module: Module,
  name: string,
  parts: readonly string[],
  value: (module: Module) => Tensor,
): void {
  const entry = computed.get(module)?.get(name);
  if (entry === undefined || entry.kind !== kind) {
    throw new ValueError(`${kind} of '${name}' not found in ${String(module)}`);
  }
  const weight = value(module).detach();
  entry.handle.remove();
  computed.get(module)?.delete(name);
  for (const part of [name, ...parts]) {
    delete slotsOf(module)[part];
    module.internals.buffers.delete(part);
  }
  module.registerParameter(name, new Parameter(weight));
}

/** A parameter or buffer of the module by name. */
export function tensorOf(module: Module, name: string): Tensor {
  return slotsOf(module)[name] as Tensor;
}
