/** Newton's method, with the Hessian by autograd. */
import { grad as gradOf } from '../autograd/api.ts';
import { enableGrad, noGrad } from '../autograd/mode.ts';
import { LinAlgError, RuntimeError, ValueError } from '../base/errors.ts';
import { float64 } from '../base/dtype.ts';
import { product } from '../base/shape.ts';
import { finfo } from '../base/typeinfo.ts';
import { cat } from '../ops/index.ts';
import { Factors } from '../ops/linalg/solve.ts';
import { runtime } from '../ops/runtime.ts';
import { zerosLike } from '../tensor/create.ts';
import { tidy } from '../tensor/scopes.ts';
import { Tensor } from '../tensor/tensor.ts';
import { addFlat } from './flat.ts';
import { check, type Closure, Optimizer, type Params } from './optimizer.ts';

export interface NewtonOptions {
  /** The step length η. */
  lr?: number;
  /** Added to the diagonal of the Hessian: above 0 it makes steps shorter and more like gradient descent. */
  damping?: number;
  /** The largest number of parameters: the Hessian has the square of it as elements. */
  maxParameters?: number;
}

/**
 * Newton's method: w ← w − η·(H + damping·I)⁻¹·∇L (Nocedal and Wright, "Numerical Optimization", 2006, chapter 3.3). `step` needs a closure that
 * returns the loss; it computes the derivatives itself, so the closure should not call `backward`. All parameters are one vector; one group only.
 *
 * Throws a LinAlgError where the Hessian is singular or not finite, and a ValueError where there are too many parameters.
 *
 * @example
 * ```ts
 * const x = torch.tensor([3, -1], { requiresGrad: true });
 * const optimizer = new torch.optim.Newton([x]);
 * // A quadratic function: one step leads to its minimum.
 * optimizer.step(() => x.sub(1).pow(2).sum());
 * console.log(x.detach()); // => tensor([1., 1.])
 * ```
 */
export class Newton extends Optimizer {
  constructor(params: Params, options: NewtonOptions = {}) {
    const { lr = 1, damping = 0, maxParameters = 4096 } = options;
    check(lr >= 0, 'learning rate', lr);
    check(damping >= 0, 'damping value', damping);
    super(params, { lr, damping, maxParameters });
    if (this.paramGroups.length !== 1) {
      throw new ValueError("Newton doesn't support per-parameter options (parameter groups)");
    }
  }

  protected override update(): void {
    throw new RuntimeError('Newton changes all parameters at once');
  }

  override step(closure: Closure | null = null): Tensor {
    this.stepCount++;
    if (closure === null)
      throw new RuntimeError('Newton needs a closure that returns the loss: optimizer.step(() => …)');
    const { params, lr, ...rest } = this.paramGroups[0];
    const { damping, maxParameters } = rest as unknown as Required<NewtonOptions>;
    const count = params.reduce((n, p) => n + product(p.sizes), 0);
    if (count > maxParameters) {
      throw new ValueError(
        `Newton: the Hessian of ${count} parameters would have ${count} x ${count} elements; use LBFGS, or raise maxParameters (${maxParameters})`,
      );
    }
    const loss = enableGrad(closure);
    if (!(loss instanceof Tensor))
      throw new RuntimeError('Newton: the closure must return the loss as a tensor');
    const { gradient, hessian } = tidy(() => enableGrad(() => derivatives(loss, params)));
    const epsilon = Math.max(...params.map((p) => finfo(p.dtype).eps));
    const direction = tidy(() => noGrad(() => solve(hessian, gradient, damping, epsilon, params[0])));
    noGrad(() => {
      tidy(() => addFlat(params, -lr, runtime.fromArray(direction, [count], float64, params[0])));
    });
    return loss;
  }
}

/** The gradient and the Hessian (row-major) of the loss over all parameters, in double precision. */
function derivatives(
  loss: Tensor,
  params: readonly Tensor[],
): { gradient: Float64Array; hessian: Float64Array } {
  let first: (Tensor | null)[];
  try {
    first = gradOf(loss, [...params], { createGraph: true, allowUnused: true });
  } catch (error) {
    if (error instanceof Error && error.message.includes('backward through the graph a second time')) {
      throw new RuntimeError(
        'Newton computes the derivatives itself: the closure should return the loss without calling backward()',
      );
    }
    throw error;
  }
  const flat = (parts: readonly (Tensor | null)[]): Tensor =>
    cat(parts.map((g, i) => (g ?? zerosLike(params[i])).reshape(-1)));
  const gradient = flat(first);
  const n = gradient.numel();
  const hessian = new Float64Array(n * n);
  // A gradient that depends on no parameter (of a linear loss) has no graph: its rows are zero.
  if (gradient.requiresGrad) {
    for (let i = 0; i < n; i++) {
      const row = gradOf(gradient.select(0, i), [...params], { retainGraph: true, allowUnused: true });
      hessian.set(numbers(flat(row)), i * n);
    }
  }
  return { gradient: numbers(gradient), hessian };
}

function numbers(x: Tensor): Float64Array {
  return Float64Array.from(x.detach().to(float64).toTypedArray() as Float64Array);
}

/**
 * Solves (H + damping·I)·x = b in double precision. Rows and columns are first divided by the roots of the diagonal, so that parameters of very different
 * sizes do not look singular; a pivot below n·ε, the usual limit of the numerical rank, does (ε of the dtype in which H was computed). The work is done on the device of `like`.
 */
function solve(
  hessian: Float64Array,
  b: Float64Array,
  damping: number,
  epsilon: number,
  like: Tensor,
): Float64Array {
  const n = b.length;
  const a = Float64Array.from(hessian);
  for (let i = 0; i < n; i++) a[i * n + i] += damping;
  if (!a.every(Number.isFinite) || !b.every(Number.isFinite)) {
    throw new LinAlgError(
      'Newton: the gradient or the Hessian has elements that are not finite; the loss may have diverged (try a smaller lr)',
    );
  }
  const scale = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const row = a.subarray(i * n, (i + 1) * n);
    const size = Math.abs(row[i]) || row.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    scale[i] = Math.sqrt(size) || 1;
  }
  let largest = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      a[i * n + j] /= scale[i] * scale[j];
      largest = Math.max(largest, Math.abs(a[i * n + j]));
    }
  }
  const factors = new Factors(runtime.fromArray(a, [n, n], float64, like));
  const pivots = numbers(factors.lu.diagonal());
  for (let i = 0; i < n; i++) {
    if (!(Math.abs(pivots[i]) > n * epsilon * largest)) {
      throw new LinAlgError(
        `Newton: the Hessian (${n} x ${n}) is singular, so that there is no Newton step; give a damping above 0 (now ${damping})`,
      );
    }
  }
  const right = runtime.fromArray(
    b.map((value, i) => value / scale[i]),
    [n, 1],
    float64,
    like,
  );
  return numbers(factors.solve(right, false)).map((value, i) => value / scale[i]);
}
