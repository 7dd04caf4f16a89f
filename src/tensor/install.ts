/** Makes methods of Tensor out of the op table: `x.add(y)` from `add(x, y)`, `x.add_(y)` from its in-place form. */
import { bind, isOptions } from '../base/arguments.ts';
import { observer } from '../base/observer.ts';
import { canCast } from '../base/dtype.ts';
import { RuntimeError } from '../base/errors.ts';
import { sameSizes, showSizes } from '../base/shape.ts';
import { checkTensors, definitionOf, watched } from '../ops/define.ts';
import { planOf } from '../ops/pointwise/family.ts';
import { runtime } from '../ops/runtime.ts';
import { before } from './pointwise.ts';
import { Tensor } from './tensor.ts';

type Fn = (...args: unknown[]) => unknown;

function method(fn: Fn): Fn {
  return function (this: Tensor, ...args: unknown[]): unknown {
    return fn(this, ...args);
  };
}

/** `x.name_(…)` of a pointwise op: its plan, run into the first operand. */
function pointwiseInplace(fn: Fn): Fn | null {
  const plan = planOf(fn);
  const definition = definitionOf(fn);
  if (plan === undefined || definition === undefined) return null;
  return function (this: Tensor, ...args: unknown[]): Tensor {
    const last = args[args.length - 1];
    const given = [this, ...args];
    const bound = isOptions(last) || args.length === 0 ? bind(definition.signature, given, 1) : given;
    checkTensors(definition.signature, bound, 1);
    const [op, operands, attributes] = plan(...bound);
    if (operands[0] !== this) {
      // The plan made another operand of it: compute, then copy.
      return writeInto(this, runtime.pointwise(op, operands, attributes));
    }
    return runtime.pointwiseInplace(op, operands, attributes);
  };
}

/** `x.name_(…)` of any other op: compute from the values before, then take over the result and its history. */
function generalInplace(fn: Fn): Fn {
  return function (this: Tensor, ...args: unknown[]): Tensor {
    runtime.checkInplace(this, args);
    if (!recordsWith(this, args)) return writeInto(this, fn(this, ...args) as Tensor);
    const result = fn(before(this), ...args) as Tensor;
    writeInto(this, result);
    // A view reaches its base through the copy that was recorded.
    if (this.base === null && result.dtype === this.dtype)
      this.setHistory(result.gradFn, result.outputNumber);
    return this;
  };
}

/** Is a gradient to be recorded for a call with these? */
function recordsWith(self: Tensor, args: readonly unknown[]): boolean {
  return runtime.needsGrad([self, self.base, ...args.filter((a) => a instanceof Tensor)]);
}

function writeInto(target: Tensor, result: Tensor): Tensor {
  if (!canCast(result.dtype, target.dtype)) {
    throw new RuntimeError(
      `result type ${result.dtype.scalarName} can't be cast to the desired output type ${target.dtype.scalarName}`,
    );
  }
  if (!sameSizes(result.sizes, target.sizes)) {
    throw new RuntimeError(
      `output with shape ${showSizes(target.sizes)} doesn't match the broadcast shape ${showSizes(result.sizes)}`,
    );
  }
  return target.copy_(result);
}

/** `x.name_(…)` of a view op: the tensor itself becomes that view. */
function viewInplace(fn: Fn): Fn {
  return function (this: Tensor, ...args: unknown[]): Tensor {
    const view = fn(this, ...args) as Tensor;
    const node = view.gradFn;
    this.rebind(view.storage, view.sizes, view.strides, view.offset);
    if (node !== null) this.setHistory(node, view.outputNumber);
    return this;
  };
}

/** An in-place method that a profiler sees. */
function observable(name: string, fn: Fn): Fn {
  return function (this: Tensor, ...args: unknown[]): unknown {
    if (observer === null) return fn.apply(this, args);
    return watched(observer, name, [this, ...args], () => fn.apply(this, args));
  };
}

/** Installs every definition of `table` as a method under its exported name. */
export function installMethods(table: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(table)) {
    const definition = definitionOf(value);
    if (definition === undefined) continue;
    const { method: fn, traits } = definition;
    if (traits.functionOnly) continue;
    define(name, method(fn));
    if (!traits.inplace) continue;
    if (traits.view) define(`${name}_`, viewInplace(fn));
    else if (definition.takesInput) {
      define(
        `${name}_`,
        observable(`${definition.name}_`, pointwiseInplace(value as Fn) ?? generalInplace(fn)),
      );
    }
  }
}

function define(name: string, value: Fn): void {
  Object.defineProperty(Tensor.prototype, name, { value, writable: true, configurable: true });
}
