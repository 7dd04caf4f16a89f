/**
 * Gradient checks: analytical gradients against central differences in double precision.
 * https://pytorch.org/docs/stable/generated/torch.autograd.gradcheck.html
 */
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

/**
 * Do the gradients of `func` agree with finite differences? Inputs that require gradients must be float64.
 * Throws GradcheckError (or returns false with `raiseException: false`).
 */
export function gradcheck(func: Func, inputs: readonly unknown[] | Tensor, options: GradcheckOptions = {}): boolean {
  const { eps = 1e-6, atol = 1e-5, rtol = 1e-3, raiseException = true } = options;
  const list = isTensor(inputs) ? [inputs] : [...inputs];
  const wanted = list.flatMap((x, i) => (isTensor(x) && x.requiresGrad ? [i] : []));
  if (wanted.length === 0) {
    throw new ValueError(
      'gradcheck expects at least one input tensor to require gradient, but none of the them have requires_grad=True.',
    );
  }
  for (const i of wanted) {
    if ((list[i] as Tensor).dtype.name !== 'float64') {
      throw new ValueError(`gradcheck: input ${i} requires gradient and is not a double precision floating point`);
    }
  }
  const outputs = outputsOf(func, list);
  const leaves = wanted.map((i) => list[i] as Tensor);
  const expected = wanted.map((i) => numerical(func, list, i, eps));
  for (let k = 0; k < outputs.length; k++) {
    const output = outputs[k];
    const count = output.numel();
    for (let j = 0; j < count; j++) {
      const seed = new Float64Array(count);
      seed[j] = 1;
      const gradOutput = runtime.fromArray(seed, output.sizes, output.dtype, output);
      const grads = output.requiresGrad
        ? grad(output, leaves, { gradOutputs: gradOutput, retainGraph: true, allowUnused: true })
        : leaves.map(() => null);
      for (let a = 0; a < leaves.length; a++) {
        const got = grads[a] === null ? null : values(grads[a] as Tensor);
        for (let i = 0; i < leaves[a].numel(); i++) {
          const analytical = got === null ? 0 : got[i];
          const numeric = expected[a][i][k][j];
          if (Math.abs(analytical - numeric) <= atol + rtol * Math.abs(numeric)) continue;
          if (!raiseException) return false;
          throw new GradcheckError(
            `Jacobian mismatch for output ${k} with respect to input ${wanted[a]}, at output element ${j}, input element ${i}: ` +
              `numerical ${numeric}, analytical ${analytical}`,
          );
        }
      }
    }
  }
  return true;
}

/**
 * As `gradcheck`, for the gradients of the gradients.
 * https://pytorch.org/docs/stable/generated/torch.autograd.gradgradcheck.html
 */
export function gradgradcheck(
  func: Func,
  inputs: readonly unknown[] | Tensor,
  gradOutputs: readonly Tensor[] | null = null,
  options: GradcheckOptions = {},
): boolean {
  const list = isTensor(inputs) ? [inputs] : [...inputs];
  const wanted = list.flatMap((x, i) => (isTensor(x) && x.requiresGrad ? [i] : []));
  const outputs = outputsOf(func, list);
  // Directions without pattern, so that errors do not cancel.
  const directions =
    gradOutputs ??
    outputs.map((o, k) => {
      const data = Float64Array.from({ length: o.numel() }, (_, i) => Math.sin(i * 1.7 + k + 0.5) + 0.3);
      return runtime.fromArray(data, o.sizes, o.dtype, o).requiresGrad_();
    });
  const firstOrder: Func = (...args: unknown[]) => {
    const xs = args.slice(0, list.length);
    const vs = args.slice(list.length) as Tensor[];
    const targets = wanted.map((i) => xs[i] as Tensor);
    return gradientsOf(func, xs, targets, vs);
  };
  return gradcheck(firstOrder, [...list, ...directions], options);
}

/**
 * The gradients of `func` along `vs`, themselves differentiable. Under finite differences the inputs are plain tensors: then they are made
 * leaves first, and recording is on whatever the mode around is.
 */
function gradientsOf(func: Func, inputs: readonly unknown[], targets: readonly Tensor[], vs: readonly Tensor[]): Tensor[] {
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
