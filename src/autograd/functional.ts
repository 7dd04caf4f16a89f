/**
 * `torch.autograd.functional`: whole Jacobians and Hessians, and their products with vectors.
 * https://pytorch.org/docs/stable/autograd.html#functional-higher-level-api
 */
import { ArgumentTypeError, RuntimeError } from '../base/errors.ts';
import { sameSizes, showSizes } from '../base/shape.ts';
import { isTensor } from '../ops/isTensor.ts';
import { stack } from '../ops/movement/joining.ts';
import { runtime } from '../ops/runtime.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { grad } from './api.ts';
import { enableGrad } from './mode.ts';

type Many = Tensor | readonly Tensor[];
// biome-ignore lint/suspicious/noExplicitAny: called with as many tensors as there are inputs
type Func = (...inputs: any[]) => Many;

export interface FunctionalOptions {
  createGraph?: boolean;
  /** Throw where an output does not depend on an input, instead of giving zeros. */
  strict?: boolean;
  vectorize?: boolean;
  outerJacobianStrategy?: string;
  strategy?: string;
  v?: Many | null;
}

function tuple(x: unknown, what: string, name: string): Tensor[] {
  const list = Array.isArray(x) ? x : [x];
  list.forEach((t, i) => {
    if (!isTensor(t)) {
      throw new ArgumentTypeError(
        Array.isArray(x)
          ? `The ${what} given to ${name} must be either a Tensor or a tuple of Tensors but the value at index ${i} has type ${typeof t}.`
          : `The ${what} given to ${name} must be either a Tensor or a tuple of Tensors but the given ${what} has type ${typeof t}.`,
      );
    }
  });
  return list as Tensor[];
}

/** Inputs as leaves of a graph of their own; with createGraph they stay connected to the caller's. */
function prepare(inputs: readonly Tensor[], createGraph: boolean): Tensor[] {
  return inputs.map((t) => {
    if (createGraph && t.requiresGrad) return t.viewAs(t);
    return t.detach().requiresGrad_();
  });
}

function result(values: readonly Tensor[], isTuple: boolean, createGraph: boolean): Many {
  const out = createGraph ? values : values.map((t) => t.detach());
  return isTuple ? [...out] : out[0];
}

/** The gradients with null for unused inputs replaced by zeros. Throws where `strict` forbids it. */
function gradients(
  outputs: readonly Tensor[],
  inputs: readonly Tensor[],
  gradOutputs: readonly (Tensor | null)[] | null,
  createGraph: boolean,
): (Tensor | null)[] {
  const used = outputs
    .map((o, i) => ({ output: o, gradOutput: gradOutputs === null ? null : gradOutputs[i] }))
    .filter((p) => p.output.requiresGrad);
  if (used.length === 0) return inputs.map(() => null);
  return grad(
    used.map((p) => p.output),
    inputs,
    {
      ...(gradOutputs === null ? {} : { gradOutputs: used.map((p) => p.gradOutput) }),
      allowUnused: true,
      createGraph,
      retainGraph: true,
    },
  );
}

function zerosFor(t: Tensor): Tensor {
  return runtime.full(t.sizes, 0, t.dtype, t);
}

function checkOutputs(outputs: readonly Tensor[], strict: boolean): void {
  if (!strict) return;
  outputs.forEach((o, i) => {
    if (!o.requiresGrad) {
      throw new RuntimeError(
        `Output ${i} of the user-provided function does not require gradients. The outputs must be computed in a differentiable manner from the input when running in strict mode.`,
      );
    }
  });
}

function fill(
  grads: readonly (Tensor | null)[],
  like: readonly Tensor[],
  strict: boolean,
  createGraph: boolean,
  message: (i: number) => string,
): Tensor[] {
  return grads.map((g, i) => {
    if (g === null) {
      if (strict) throw new RuntimeError(message(i));
      return zerosFor(like[i]);
    }
    if (strict && createGraph && !g.requiresGrad) {
      throw new RuntimeError(
        `The jacobian of the user-provided function with respect to input ${i} is independent of the input. This is not allowed in strict mode when create_graph=True.`,
      );
    }
    return g;
  });
}

/** Checks that `v` has the shapes of `other`. Throws PyTorch's RuntimeErrors. */
function checkVector(v: readonly Tensor[], other: readonly Tensor[], isTuple: boolean): void {
  if (v.length !== other.length) {
    throw new RuntimeError(
      isTuple
        ? `v is a tuple of invalid length: should be ${other.length} but got ${v.length}.`
        : 'The given v should contain a single Tensor.',
    );
  }
  v.forEach((t, i) => {
    if (!sameSizes(t.sizes, other[i].sizes)) {
      const prefix = isTuple ? `Entry ${i} in ` : '';
      throw new RuntimeError(
        `${prefix}v has invalid size: should be torch.Size(${showSizes(other[i].sizes)}) but got torch.Size(${showSizes(t.sizes)}).`,
      );
    }
  });
}

/**
 * The Jacobian of `func` at `inputs`: for output shape O and input shape I a tensor of shape O + I; nested arrays for several outputs or
 * inputs. https://pytorch.org/docs/stable/generated/torch.autograd.functional.jacobian.html
 *
 * @example
 * ```ts
 * const x = torch.tensor([1, 2]);
 * const J = torch.autograd.functional.jacobian((t: torch.Tensor) => t.mul(t), x);
 * console.log(J); // => tensor([[2., 0.], [0., 4.]])
 * ```
 */
// biome-ignore lint/suspicious/noExplicitAny: the nesting follows the number of outputs and inputs
export function jacobian(func: Func, inputs: Many, options: FunctionalOptions = {}): any {
  const { createGraph = false, strict = false } = options;
  return enableGrad(() => {
    const manyInputs = Array.isArray(inputs);
    const xs = prepare(tuple(inputs, 'inputs', 'jacobian'), createGraph);
    const produced = func(...xs);
    const manyOutputs = Array.isArray(produced);
    const outputs = tuple(produced, 'outputs of the user-provided function', 'jacobian');
    checkOutputs(outputs, strict);
    const rows = outputs.map((output, o) => {
      const flat = output.reshape([-1]);
      const perInput: Tensor[][] = xs.map(() => []);
      for (let j = 0; j < flat.sizes[0]; j++) {
        const grads = fill(gradients([flat.select(0, j)], xs, null, createGraph), xs, strict, createGraph, (i) =>
          `Output ${o} of the user-provided function is independent of input ${i}. This is not allowed in strict mode.`,
        );
        grads.forEach((g, i) => {
          perInput[i].push(g);
        });
      }
      return perInput.map((parts, i) => {
        const shape = [...output.sizes, ...xs[i].sizes];
        const whole = parts.length === 0 ? runtime.full(shape, 0, xs[i].dtype, xs[i]) : stack(parts).reshape(shape);
        return createGraph ? whole : whole.detach();
      });
    });
    const perOutput = rows.map((r) => (manyInputs ? r : r[0]));
    return manyOutputs ? perOutput : perOutput[0];
  });
}

/**
 * The Hessian of a scalar function: for inputs of shapes I and J blocks of shape I + J.
 * https://pytorch.org/docs/stable/generated/torch.autograd.functional.hessian.html
 */
// biome-ignore lint/suspicious/noExplicitAny: a tensor for one input, nested arrays for several
export function hessian(func: Func, inputs: Many, options: FunctionalOptions = {}): any {
  const { createGraph = false, strict = false } = options;
  const manyInputs = Array.isArray(inputs);
  const xs = tuple(inputs, 'inputs', 'hessian');
  const gradient = (...at: Tensor[]): Many => {
    const output = scalarOutput(func(...at), 'hessian');
    checkOutputs([output], strict);
    const grads = fill(gradients([output], at, null, true), at, strict, false, (i) =>
      `Output 0 of the user-provided function is independent of input ${i}. This is not allowed in strict mode.`,
    );
    return grads.map((g) => (g.requiresGrad ? g : g.clone()));
  };
  const blocks = jacobian(gradient, xs, { createGraph, strict }) as Tensor[][];
  return manyInputs ? blocks : blocks[0][0];
}

function scalarOutput(produced: Many, name: string): Tensor {
  if (Array.isArray(produced)) {
    if (produced.length !== 1) {
      throw new RuntimeError('The Tensor returned by the function given to hessian should contain a single element'.replace('hessian', name));
    }
    return produced[0] as Tensor;
  }
  const output = tuple(produced, 'outputs of the user-provided function', name)[0];
  if (output.numel() !== 1) {
    throw new RuntimeError(`The Tensor returned by the function given to ${name} should contain a single element`);
  }
  if (output.dim() !== 0) return output.reshape([]);
  return output;
}

function vectorFor(
  v: Many | null | undefined,
  like: readonly Tensor[],
  isTuple: boolean,
  missing: string,
): Tensor[] {
  if (v === null || v === undefined) {
    if (like.length !== 1 || like[0].numel() !== 1) throw new RuntimeError(missing);
    return [runtime.full(like[0].sizes, 1, like[0].dtype, like[0])];
  }
  const list = tuple(v, 'v', 'the function');
  checkVector(list, like, isTuple);
  return list;
}

/** [func(inputs), vᵀ·J]. https://pytorch.org/docs/stable/generated/torch.autograd.functional.vjp.html */
// biome-ignore lint/suspicious/noExplicitAny: tensors or arrays of them, as func and inputs are
export function vjp(func: Func, inputs: Many, v?: Many | null | FunctionalOptions, given: FunctionalOptions = {}): [any, any] {
  const options = optionsOf(v, given);
  const { createGraph = false, strict = false } = options;
  const manyInputs = Array.isArray(inputs);
  return enableGrad(() => {
    const xs = prepare(tuple(inputs, 'inputs', 'vjp'), createGraph);
    const produced = func(...xs);
    const outputs = tuple(produced, 'outputs of the user-provided function', 'vjp');
    checkOutputs(outputs, strict);
    const vs = vectorFor(options.v, outputs, Array.isArray(produced),
      'The vector v can only be None if the user-provided function returns a single Tensor with a single element.',
    );
    const grads = fill(gradients(outputs, xs, vs, createGraph), xs, strict, createGraph, (i) =>
      `The output of the user-provided function is independent of input ${i}. This is not allowed in strict mode.`,
    );
    return [result(outputs, Array.isArray(produced), createGraph), result(grads, manyInputs, createGraph)];
  });
}

function optionsOf(v: Many | null | undefined | FunctionalOptions, given: FunctionalOptions): FunctionalOptions {
  if (v === null || v === undefined) return given;
  if (isTensor(v) || Array.isArray(v)) return { ...given, v: v as Many };
  return { ...given, ...(v as FunctionalOptions) };
}

/**
 * [func(inputs), J·v], by differentiating the vector–Jacobian product with respect to its vector.
 * https://pytorch.org/docs/stable/generated/torch.autograd.functional.jvp.html
 */
// biome-ignore lint/suspicious/noExplicitAny: tensors or arrays of them, as func and inputs are
export function jvp(func: Func, inputs: Many, v?: Many | null | FunctionalOptions, given: FunctionalOptions = {}): [any, any] {
  const options = optionsOf(v, given);
  const { createGraph = false, strict = false } = options;
  const manyInputs = Array.isArray(inputs);
  return enableGrad(() => {
    const xs = prepare(tuple(inputs, 'inputs', 'jvp'), createGraph);
    const vs = vectorFor(options.v, xs, manyInputs,
      'The vector v can only be None if the input to the user-provided function is a single Tensor with a single element.',
    );
    const produced = func(...xs);
    const outputs = tuple(produced, 'outputs of the user-provided function', 'jvp');
    checkOutputs(outputs, strict);
    const us = outputs.map((o) => zerosFor(o).requiresGrad_());
    const pulled = fill(gradients(outputs, xs, us, true), xs, strict, false, (i) =>
      `The output of the user-provided function is independent of input ${i}. This is not allowed in strict mode.`,
    );
    const pushed = fill(gradients(pulled, us, vs, createGraph), us, strict, createGraph, (i) =>
      `The output ${i} of the user-provided function is independent of the input. This is not allowed in strict mode.`,
    );
    const many = Array.isArray(produced);
    return [result(outputs, many, createGraph), result(pushed, many, createGraph)];
  });
}

/** [func(inputs), vᵀ·H] of a scalar function. https://pytorch.org/docs/stable/generated/torch.autograd.functional.vhp.html */
// biome-ignore lint/suspicious/noExplicitAny: tensors or arrays of them, as inputs are
export function vhp(func: Func, inputs: Many, v?: Many | null | FunctionalOptions, given: FunctionalOptions = {}): [any, any] {
  const options = optionsOf(v, given);
  const { createGraph = false, strict = false } = options;
  const manyInputs = Array.isArray(inputs);
  return enableGrad(() => {
    const xs = prepare(tuple(inputs, 'inputs', 'vhp'), createGraph);
    const vs = vectorFor(options.v, xs, manyInputs,
      'The vector v can only be None if the input to the user-provided function is a single Tensor with a single element.',
    );
    const output = scalarOutput(func(...xs), 'vhp');
    checkOutputs([output], strict);
    const slopes = fill(gradients([output], xs, null, true), xs, strict, false, (i) =>
      `The output of the user-provided function is independent of input ${i}. This is not allowed in strict mode.`,
    );
    const grads = fill(gradients(slopes, xs, vs, createGraph), xs, strict, createGraph, (i) =>
      `The output of the user-provided function is independent of input ${i} up to the second order. This is not allowed in strict mode.`,
    );
    return [result([output], false, createGraph), result(grads, manyInputs, createGraph)];
  });
}

/** [func(inputs), H·v] of a scalar function. https://pytorch.org/docs/stable/generated/torch.autograd.functional.hvp.html */
// biome-ignore lint/suspicious/noExplicitAny: tensors or arrays of them, as inputs are
export function hvp(func: Func, inputs: Many, v?: Many | null | FunctionalOptions, given: FunctionalOptions = {}): [any, any] {
  // The Hessian is symmetric.
  return vhp(func, inputs, v, given);
}
