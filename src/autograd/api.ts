/** `torch.autograd.grad`, `torch.autograd.backward` and `x.backward()`. https://pytorch.org/docs/stable/autograd.html */
import { isOptions } from '../base/arguments.ts';
import { RuntimeError } from '../base/errors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { rootEdges, rootGradients, run } from './engine.ts';
import { gradientEdge } from './node.ts';

export interface BackwardOptions {
  gradient?: Tensor | null;
  retainGraph?: boolean | null;
  createGraph?: boolean;
  /** Accumulate into these tensors only. */
  inputs?: Tensor | readonly Tensor[] | null;
}

type OneOrMany = Tensor | readonly Tensor[];
type GradientList = Tensor | null | undefined | readonly (Tensor | null | undefined)[];

function list<T>(x: T | readonly T[] | null | undefined): readonly T[] {
  if (x === null || x === undefined) return [];
  return Array.isArray(x) ? (x as readonly T[]) : [x as T];
}

/**
 * Adds the gradients of `tensors` to the `.grad` of the leaves they were computed from.
 * https://pytorch.org/docs/stable/generated/torch.autograd.backward.html
 */
export function backward(
  tensors: OneOrMany,
  gradTensors?: GradientList,
  options: Omit<BackwardOptions, 'gradient'> = {},
): void {
  const outputs = list(tensors);
  const edges = rootEdges(outputs);
  const grads = rootGradients(outputs, list(gradTensors as Tensor | null));
  const createGraph = options.createGraph ?? false;
  const retainGraph = options.retainGraph ?? createGraph;
  const inputs = options.inputs === null || options.inputs === undefined ? null : list(options.inputs);
  if (inputs !== null && inputs.length === 0) {
    throw new RuntimeError("'inputs' argument to backward() cannot be empty.");
  }
  run(edges, grads, {
    retainGraph,
    createGraph,
    capture: inputs === null ? null : inputs.map(requiredEdge),
    ...(inputs === null ? {} : { captureAccumulates: inputs }),
  });
}

function requiredEdge(tensor: Tensor): ReturnType<typeof gradientEdge> {
  const edge = gradientEdge(tensor);
  if (edge === null) throw new RuntimeError('One of the differentiated Tensors does not require grad');
  return edge;
}

export interface GradOptions {
  gradOutputs?: GradientList;
  retainGraph?: boolean | null;
  createGraph?: boolean;
  allowUnused?: boolean;
}

/**
 * The gradients of `outputs` with respect to `inputs`; nothing is accumulated. With `allowUnused`, null for inputs that were not used.
 * https://pytorch.org/docs/stable/generated/torch.autograd.grad.html
 *
 * @example
 * ```ts
 * const x = torch.tensor([1, 2], { requiresGrad: true });
 * const [g] = torch.autograd.grad(x.mul(x).sum(), x);
 * console.log(g); // => tensor([2., 4.])
 * ```
 */
export function grad(outputs: OneOrMany, inputs: OneOrMany, options: GradOptions): (Tensor | null)[];
export function grad(
  outputs: OneOrMany,
  inputs: OneOrMany,
  gradOutputs?: GradientList,
  retainGraph?: boolean | null | GradOptions,
  createGraph?: boolean | GradOptions,
  onlyInputs?: boolean | GradOptions,
  allowUnused?: boolean | GradOptions,
): Tensor[];
export function grad(outputs: OneOrMany, inputs: OneOrMany, ...rest: unknown[]): (Tensor | null)[] {
  const last = rest[rest.length - 1];
  const options: GradOptions = isOptions(last) ? (rest.pop() as GradOptions) : {};
  const [gradOutputs, retain, create, , unused] = rest as [
    GradientList,
    boolean | null,
    boolean,
    boolean,
    boolean,
  ];
  const roots = list(outputs);
  const wanted = list(inputs);
  const edges = rootEdges(roots);
  const grads = rootGradients(roots, list((options.gradOutputs ?? gradOutputs) as Tensor | null));
  const createGraph = options.createGraph ?? create ?? false;
  const retainGraph = options.retainGraph ?? retain ?? createGraph;
  const allowUnused = options.allowUnused ?? unused ?? false;
  const captured = run(edges, grads, { retainGraph, createGraph, capture: wanted.map(requiredEdge) });
  if (!allowUnused && captured.some((g) => g === null)) {
    throw new RuntimeError(
      'One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True if this is the desired behavior.',
    );
  }
  return captured;
}
