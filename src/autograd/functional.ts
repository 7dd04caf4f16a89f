/**
 * `torch.autograd.functional`: whole Jacobians and Hessians, and their products with vectors.
 * https://pytorch.org/docs/stable/autograd.html#functional-higher-level-api
 */
import { bind, parseSignature, pythonType, type Signature } from '../base/arguments.ts';
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

/** A tensor, or arrays of them: the nesting follows what the function takes and gives. */
// biome-ignore lint/suspicious/noExplicitAny: known to the caller, not to the compiler
type Nested = any;

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
          ? `The ${what} given to ${name} must be either a Tensor or a tuple of Tensors but the value at index ${i} has type <class '${pythonType(t)}'>.`
          : `The ${what} given to ${name} must be either a Tensor or a tuple of Tensors but the given ${what} has type <class '${pythonType(t)}'>.`,
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
  what = 'jacobian',
): Tensor[] {
  return grads.map((g, i) => {
    if (g === null) {
      if (strict) throw new RuntimeError(message(i));
      return zerosFor(like[i]);
    }
    if (strict && createGraph && !g.requiresGrad) {
      throw new RuntimeError(
        `The ${what} of the user-provided function is independent of input ${i}. This is not allowed in strict mode when create_graph=True.`,
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

/** `(func, inputs, createGraph, strict)`, or with the last ones by name. */
type MatrixCall = (
  func: Func,
  inputs: Many,
  ...rest: [createGraph?: boolean, strict?: boolean] | [options: FunctionalOptions]
) => Nested;

const jacobianSignature = parseSignature(
  'jacobian(func, inputs, createGraph=False, strict=False, vectorize=False, strategy=None)',
);
const hessianSignature = parseSignature(
  'hessian(func, inputs, createGraph=False, strict=False, vectorize=False, outerJacobianStrategy=None)',
);

function matrixArguments(
  signature: Signature,
  args: readonly unknown[],
): { func: Func; inputs: Many; createGraph: boolean; strict: boolean } {
  const [func, inputs, createGraph, strict] = bind(signature, args) as [
    Func,
    Many,
    boolean | undefined,
    boolean | undefined,
  ];
  return { func, inputs, createGraph: createGraph ?? false, strict: strict ?? false };
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
export const jacobian: MatrixCall = (...args) => {
  const { func, inputs, createGraph, strict } = matrixArguments(jacobianSignature, args);
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
        const grads = fill(
          gradients([flat.select(0, j)], xs, null, createGraph),
          xs,
          strict,
          createGraph,
          (i) =>
            `Output ${o} of the user-provided function is independent of input ${i}. This is not allowed in strict mode.`,
        );
        grads.forEach((g, i) => {
          perInput[i].push(g);
        });
      }
      return perInput.map((parts, i) => {
        const shape = [...output.sizes, ...xs[i].sizes];
        const whole =
          parts.length === 0 ? runtime.full(shape, 0, xs[i].dtype, xs[i]) : stack(parts).reshape(shape);
        return createGraph ? whole : whole.detach();
      });
    });
    const perOutput = rows.map((r) => (manyInputs ? r : r[0]));
    return manyOutputs ? perOutput : perOutput[0];
  });
};

/**
 * The Hessian of a scalar function: for inputs of shapes I and J blocks of shape I + J.
 * https://pytorch.org/docs/stable/generated/torch.autograd.functional.hessian.html
 */
export const hessian: MatrixCall = (...args) => {
  const { func, inputs, createGraph, strict } = matrixArguments(hessianSignature, args);
  const manyInputs = Array.isArray(inputs);
  const xs = tuple(inputs, 'inputs', 'hessian');
  const gradient = (...at: Tensor[]): Many => {
    const output = scalarOutput(func(...at), 'hessian');
    checkOutputs([output], strict);
    const grads = slopesOf(output, at, strict);
    return grads.map((g) => (g.requiresGrad ? g : g.clone()));
  };
  const blocks = jacobian(gradient, xs, { createGraph, strict }) as Tensor[][];
  return manyInputs ? blocks : blocks[0][0];
};

/** The single number that a function given to `name` must return. Throws PyTorch's errors. */
function scalarOutput(produced: Many, name: string): Tensor {
  if (Array.isArray(produced))
    throw new RuntimeError(`The function given to ${name} should return a single Tensor`);
  const [output] = tuple(produced, 'outputs of the user-provided function', name);
  if (output.numel() !== 1) {
    throw new RuntimeError(
      `The Tensor returned by the function given to ${name} should contain a single element`,
    );
  }
  return output.dim() === 0 ? output : output.reshape([]);
}

/** First derivatives that will be differentiated again: zeros for unused inputs; `strict` wants every one to depend on the inputs. */
function slopesOf(output: Tensor, inputs: readonly Tensor[], strict: boolean): Tensor[] {
  return gradients([output], inputs, null, true).map((g, i) => {
    if (strict && !g?.requiresGrad) {
      throw new RuntimeError(
        `While computing the hessian, found that the jacobian of the user-provided function with respect to input ${i} is independent of the input. This is not allowed in strict mode. You should ensure that your function is twice differentiable and that the jacobian depends on the inputs (this would be violated by a linear function for example).`,
      );
    }
    return g ?? zerosFor(inputs[i]);
  });
}

/** The vector of a product: the given one, checked, or 1 where `like` is a single number. */
function vectorFor(
  v: Many | null,
  like: readonly Tensor[],
  isTuple: boolean,
  name: string,
  missing: string,
): Tensor[] {
  if (v === null) {
    if (like.length !== 1 || like[0].numel() !== 1) throw new RuntimeError(missing);
    return [runtime.full(like[0].sizes, 1, like[0].dtype, like[0])];
  }
  const list = tuple(v, 'v', name);
  checkVector(list, like, isTuple);
  return list;
}

/** `(func, inputs, v, createGraph, strict)`, or with the last ones by name. */
type ProductCall = (
  func: Func,
  inputs: Many,
  ...rest:
    | [v?: Many | null, createGraph?: boolean, strict?: boolean]
    | [v: Many | null, options: FunctionalOptions]
    | [options: FunctionalOptions]
) => [Nested, Nested];

interface ProductArguments {
  readonly func: Func;
  readonly xs: Tensor[];
  readonly manyInputs: boolean;
  readonly v: Many | null;
  readonly createGraph: boolean;
  readonly strict: boolean;
}

function product(name: string, compute: (a: ProductArguments) => [Nested, Nested]): ProductCall {
  const signature = parseSignature(`${name}(func, inputs, v=None, createGraph=False, strict=False)`);
  return (...args) => {
    const [func, inputs, v, createGraph, strict] = bind(signature, args) as [
      Func,
      Many,
      Many | null,
      boolean,
      boolean,
    ];
    return enableGrad(() =>
      compute({
        func,
        xs: prepare(tuple(inputs, 'inputs', name), createGraph ?? false),
        manyInputs: Array.isArray(inputs),
        v: v ?? null,
        createGraph: createGraph ?? false,
        strict: strict ?? false,
      }),
    );
  };
}

const NO_OUTPUT_VECTOR =
  'The vector v can only be None if the user-provided function returns a single Tensor with a single element.';
const NO_INPUT_VECTOR =
  'The vector v can only be None if the input to the user-provided function is a single Tensor with a single element.';

const unusedInput = (i: number): string =>
  `The output of the user-provided function is independent of input ${i}. This is not allowed in strict mode.`;

/** [func(inputs), vᵀ·J]. https://pytorch.org/docs/stable/generated/torch.autograd.functional.vjp.html */
export const vjp: ProductCall = product('vjp', ({ func, xs, manyInputs, v, createGraph, strict }) => {
  const produced = func(...xs);
  const many = Array.isArray(produced);
  const outputs = tuple(produced, 'outputs of the user-provided function', 'vjp');
  checkOutputs(outputs, strict);
  const vs = vectorFor(v, outputs, many, 'vjp', NO_OUTPUT_VECTOR);
  const grads = fill(gradients(outputs, xs, vs, createGraph), xs, strict, createGraph, unusedInput);
  return [result(outputs, many, createGraph), result(grads, manyInputs, createGraph)];
});

/**
 * [func(inputs), J·v], by differentiating the vector–Jacobian product with respect to its vector.
 * https://pytorch.org/docs/stable/generated/torch.autograd.functional.jvp.html
 */
export const jvp: ProductCall = product('jvp', ({ func, xs, manyInputs, v, createGraph, strict }) => {
  const vs = vectorFor(v, xs, manyInputs, 'jvp', NO_INPUT_VECTOR);
  const produced = func(...xs);
  const many = Array.isArray(produced);
  const outputs = tuple(produced, 'outputs of the user-provided function', 'jvp');
  checkOutputs(outputs, strict);
  const us = outputs.map((o) => zerosFor(o).requiresGrad_());
  const pulled = fill(gradients(outputs, xs, us, true), xs, strict, false, unusedInput);
  const pushed = fill(
    gradients(pulled, us, vs, createGraph),
    us,
    strict,
    createGraph,
    (i) =>
      `The gradient with respect to the input is independent of entry ${i} in the grad_outputs when using the double backward trick to compute forward mode gradients. This is not allowed in strict mode.`,
  );
  return [result(outputs, many, createGraph), result(pushed, many, createGraph)];
});

/** vᵀ·H and H·v are the same: the Hessian is symmetric. */
function hessianProduct(name: string): ProductCall {
  return product(name, ({ func, xs, manyInputs, v, createGraph, strict }) => {
    const vs = vectorFor(v, xs, manyInputs, name, NO_INPUT_VECTOR);
    const output = scalarOutput(func(...xs), name);
    checkOutputs([output], strict);
    const grads = fill(
      gradients(slopesOf(output, xs, strict), xs, vs, createGraph),
      xs,
      strict,
      createGraph,
      (i) =>
        `The jacobian of the user-provided function is independent of input ${i}. This is not allowed in strict mode.`,
      'hessian',
    );
    return [result([output], false, createGraph), result(grads, manyInputs, createGraph)];
  });
}

/** [func(inputs), vᵀ·H] of a scalar function. https://pytorch.org/docs/stable/generated/torch.autograd.functional.vhp.html */
export const vhp: ProductCall = hessianProduct('vhp');
/** [func(inputs), H·v] of a scalar function. https://pytorch.org/docs/stable/generated/torch.autograd.functional.hvp.html */
export const hvp: ProductCall = hessianProduct('hvp');
