/**
 * Gradient checks: analytical gradients against central differences in double precision.
 * https://pytorch.org/docs/stable/generated/torch.autograd.gradcheck.html
 */
import { bind, parseSignature } from '../base/arguments.ts';
import { float64 } from '../base/dtype.ts';
import { GradcheckError, ValueError } from '../base/errors.ts';
import { isTensor } from '../ops/isTensor.ts';
import { runtime } from '../ops/runtime.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { grad } from './api.ts';
import { enableGrad, noGrad } from './mode.ts';

// biome-ignore lint/suspicious/noExplicitAny: called with the given inputs
type Func = (...inputs: any[]) => Tensor | readonly Tensor[];

export interface GradcheckOptions {
  /** Step of the finite differences. */
  eps?: number;
  atol?: number;
  rtol?: number;
  /** Throw a GradcheckError instead of returning false. */
  raiseException?: boolean;
}

function outputsOf(func: Func, inputs: readonly unknown[]): Tensor[] {
  const out = func(...inputs);
  return (isTensor(out) ? [out] : [...out]).filter((t) => isTensor(t) && t.dtype.isFloatingPoint);
}

function values(t: Tensor): number[] {
  return Array.from(runtime.toArray(t) as Float64Array);
}

/** d(outputs)/d(input) by central differences: [output][input element] → flat column. */
function numerical(func: Func, inputs: readonly unknown[], at: number, eps: number): number[][][] {
  const x = inputs[at] as Tensor;
  const columns: number[][][] = [];
  const original = values(x);
  for (let i = 0; i < original.length; i++) {
    const shifted = (by: number): number[][] => {
      const data = Float64Array.from(original);
      data[i] += by;
      const moved = runtime.fromArray(data, x.sizes, x.dtype, x);
      const args = inputs.map((a, k) => (k === at ? moved : a));
      return noGrad(() => outputsOf(func, args).map(values));
    };
    const up = shifted(eps);
    const down = shifted(-eps);
    columns.push(up.map((o, k) => o.map((v, j) => (v - down[k][j]) / (2 * eps))));
  }
  return columns;
}

interface Checked {
  readonly eps: number;
  readonly atol: number;
  readonly rtol: number;
  readonly raiseException: boolean;
}

/** `(func, inputs, eps, atol, rtol, raiseException)`, or with the last ones by name. */
type CheckCall = (
  func: Func,
  inputs: readonly unknown[] | Tensor,
  ...rest:
    | [eps?: number, atol?: number, rtol?: number, raiseException?: boolean]
    | [options: GradcheckOptions]
) => boolean;

const NUMBERS = 'eps=1e-06, atol=1e-05, rtol=0.001, raiseException=True';
const gradcheckSignature = parseSignature(`gradcheck(func, inputs, ${NUMBERS})`);
const gradgradcheckSignature = parseSignature(`gradgradcheck(func, inputs, gradOutputs=None, ${NUMBERS})`);

function checked(given: readonly unknown[]): Checked {
  const [eps = 1e-6, atol = 1e-5, rtol = 1e-3, raiseException = true] = given as [
    number,
    number,
    number,
    boolean,
  ];
  return { eps, atol, rtol, raiseException };
}

/** The places of the inputs that are differentiated. Throws a ValueError where there are none. */
function differentiated(inputs: readonly unknown[]): number[] {
  const wanted = inputs.flatMap((x, i) => (isTensor(x) && x.requiresGrad ? [i] : []));
  if (wanted.length === 0) {
    throw new ValueError(
      'gradcheck expects at least one input tensor to require gradient, but none of the them have requires_grad=True.',
    );
  }
  for (const i of wanted) {
    if ((inputs[i] as Tensor).dtype.name !== 'float64') {
      console.warn(
        `Input #${i} requires gradient and is not a double precision floating point or complex. This check will likely fail if all the inputs are not of double precision floating point or complex.`,
      );
    }
  }
  return wanted;
}

/** d(output)/d(leaf) by backward passes: one row per element of the output, one column per element of the leaf. */
function analytical(output: Tensor, leaves: readonly Tensor[]): number[][][] {
  const count = output.numel();
  const rows: number[][][] = leaves.map(() => []);
  for (let j = 0; j < count; j++) {
    const seed = new Float64Array(count);
    seed[j] = 1;
    const gradOutput = runtime.fromArray(seed, output.sizes, output.dtype, output);
    const grads = output.requiresGrad
      ? grad(output, leaves, { gradOutputs: gradOutput, retainGraph: true, allowUnused: true })
      : leaves.map(() => null);
    leaves.forEach((leaf, a) => {
      const g = grads[a];
      rows[a].push(g === null ? new Array<number>(leaf.numel()).fill(0) : values(g));
    });
  }
  return rows;
}

function compare(func: Func, inputs: readonly unknown[], options: Checked): boolean {
  const { eps, atol, rtol, raiseException } = options;
  const wanted = differentiated(inputs);
  const leaves = wanted.map((i) => inputs[i] as Tensor);
  const columns = wanted.map((i) => numerical(func, inputs, i, eps));
  return outputsOf(func, inputs).every((output, k) => {
    const rows = analytical(output, leaves);
    return leaves.every((leaf, a) => {
      const expected = rows[a].map((_, j) =>
        Array.from({ length: leaf.numel() }, (_, i) => columns[a][i][k][j]),
      );
      const same = rows[a].every((row, j) => row.every((x, i) => isClose(x, expected[j][i], atol, rtol)));
      if (same || !raiseException) return same;
      throw new GradcheckError(
        `Jacobian mismatch for output ${k} with respect to input ${wanted[a]},\n` +
          `numerical:${showJacobian(expected, leaf)}\nanalytical:${showJacobian(rows[a], leaf)}\n`,
      );
    });
  });
}

/** As PyTorch shows it: a row per element of the input. */
function showJacobian(rows: readonly (readonly number[])[], leaf: Tensor): string {
  const [height, width] = [leaf.numel(), rows.length];
  const flat = Float64Array.from(
    { length: height * width },
    (_, at) => rows[at % width][Math.floor(at / width)],
  );
  return String(runtime.fromArray(flat, [height, width], float64, leaf));
}

function isClose(x: number, expected: number, atol: number, rtol: number): boolean {
  if (Number.isNaN(x) || Number.isNaN(expected)) return Number.isNaN(x) && Number.isNaN(expected);
  return x === expected || Math.abs(x - expected) <= atol + rtol * Math.abs(expected);
}

/**
 * Do the gradients of `func` agree with finite differences at `inputs` (of which those that require gradients should be float64)?
 * Throws a GradcheckError where they do not (or returns false, with `raiseException: false`).
 * https://pytorch.org/docs/stable/generated/torch.autograd.gradcheck.html
 *
 * @example
 * ```ts
 * const x = torch.tensor([0.5, 2], { dtype: torch.float64, requiresGrad: true });
 * console.log(torch.autograd.gradcheck((t: torch.Tensor) => t.exp().mul(t), x)); // => true
 * ```
 */
export const gradcheck: CheckCall = (...args) => {
  const [func, inputs, ...numbers] = bind(gradcheckSignature, args) as [
    Func,
    readonly unknown[] | Tensor,
    ...unknown[],
  ];
  return compare(func, isTensor(inputs) ? [inputs] : [...inputs], checked(numbers));
};

/**
 * As `gradcheck`, for the gradients of the gradients.
 * https://pytorch.org/docs/stable/generated/torch.autograd.gradgradcheck.html
 */
export const gradgradcheck: (
  func: Func,
  inputs: readonly unknown[] | Tensor,
  ...rest:
    | [
        gradOutputs?: readonly Tensor[] | Tensor | null,
        eps?: number,
        atol?: number,
        rtol?: number,
        raiseException?: boolean,
      ]
    | [gradOutputs: readonly Tensor[] | Tensor | null, options: GradcheckOptions]
    | [options: GradcheckOptions & { gradOutputs?: readonly Tensor[] | Tensor | null }]
) => boolean = (...args) => {
  const [func, inputs, given, ...numbers] = bind(gradgradcheckSignature, args) as [
    Func,
    readonly unknown[] | Tensor,
    readonly Tensor[] | Tensor | null | undefined,
    ...unknown[],
  ];
  const list = isTensor(inputs) ? [inputs] : [...inputs];
  const wanted = differentiated(list);
  const outputs = outputsOf(func, list);
  // Directions without pattern, so that errors do not cancel.
  const directions = isTensor(given)
    ? [given]
    : (given ??
      outputs.map((o, k) => {
        const data = Float64Array.from({ length: o.numel() }, (_, i) => Math.sin(i * 1.7 + k + 0.5) + 0.3);
        return runtime.fromArray(data, o.sizes, o.dtype, o).requiresGrad_();
      }));
  const firstOrder: Func = (...args: unknown[]) => {
    const xs = args.slice(0, list.length);
    const vs = args.slice(list.length) as Tensor[];
    const targets = wanted.map((i) => xs[i] as Tensor);
    return gradientsOf(func, xs, targets, vs);
  };
  return compare(firstOrder, [...list, ...directions], checked(numbers));
};

/**
 * The gradients of `func` along `vs`, themselves differentiable. Under finite differences the inputs are plain tensors: then they are made
 * leaves first, and recording is on whatever the mode around is.
 */
function gradientsOf(
  func: Func,
  inputs: readonly unknown[],
  targets: readonly Tensor[],
  vs: readonly Tensor[],
): Tensor[] {
  const live = targets.map((t) => (t.requiresGrad ? t : t.detach().requiresGrad_()));
  const args = inputs.map((x) => {
    const at = targets.indexOf(x as Tensor);
    return at < 0 ? x : live[at];
  });
  return enableGrad(() => {
    const outs = outputsOf(func, args);
    const used = outs.map((o, i) => ({ o, v: vs[i] })).filter((p) => p.o.requiresGrad);
    const grads = grad(
      used.map((p) => p.o),
      live,
      { gradOutputs: used.map((p) => p.v), createGraph: true, allowUnused: true },
    );
    return grads.filter((g): g is Tensor => g !== null);
  });
}
