/** Limited-memory BFGS. https://pytorch.org/docs/stable/generated/torch.optim.LBFGS.html */
import { enableGrad, noGrad } from '../autograd/mode.ts';
import { RuntimeError, ValueError } from '../base/errors.ts';
import { tidy } from '../tensor/scopes.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { addFlat, dot, flatGrad } from './flat.ts';
import { type Closure, Optimizer, type Params, type ParamState } from './optimizer.ts';
import { type Evaluation, strongWolfe } from './wolfe.ts';

export interface LBFGSOptions {
  lr?: number;
  /** Iterations per step. */
  maxIter?: number;
  /** Function evaluations per step; 1.25 times the iterations by default. */
  maxEval?: number | null;
  toleranceGrad?: number;
  toleranceChange?: number;
  historySize?: number;
  lineSearchFn?: 'strong_wolfe' | null;
}

interface Settings extends Required<LBFGSOptions> {
  maxEval: number;
}

/** What one call of `step` carries from iteration to iteration; saved in the state under PyTorch's names. */
interface Memory {
  d: Tensor | null;
  t: number;
  oldDirs: Tensor[];
  oldSteps: Tensor[];
  ro: Tensor[];
  diagonal: number | Tensor;
  previousGrad: Tensor | null;
  previousLoss: number;
  al: (Tensor | null)[];
}

function largest(x: Tensor): number {
  return tidy(() => x.abs().max().item());
}

/**
 * Limited-memory BFGS (Liu and Nocedal 1989), with the strong Wolfe line search (Nocedal and Wright, "Numerical Optimization", algorithms 3.5 and
 * 3.6) where `lineSearchFn` asks for it. `step` needs a closure that clears the gradients, evaluates the loss, calls `backward` and returns
 * the loss. One parameter group only.
 *
 * @example
 * ```ts
 * const x = torch.tensor([3], { requiresGrad: true });
 * const optimizer = new torch.optim.LBFGS([x], { lineSearchFn: 'strong_wolfe' });
 * optimizer.step(() => {
 *   optimizer.zeroGrad();
 *   const loss = x.sub(1).pow(2).sum();
 *   loss.backward();
 *   return loss;
 * });
 * console.log(x.item().toFixed(4)); // => 1.0000
 * ```
 */
export class LBFGS extends Optimizer {
  constructor(params: Params, options: LBFGSOptions = {}) {
    const {
      lr = 1,
      maxIter = 20,
      maxEval = null,
      toleranceGrad = 1e-7,
      toleranceChange = 1e-9,
      historySize = 100,
      lineSearchFn = null,
    } = options;
    if (lineSearchFn !== null && lineSearchFn !== 'strong_wolfe') {
      throw new RuntimeError("only 'strong_wolfe' is supported");
    }
    super(params, {
      lr,
      maxIter,
      maxEval: maxEval ?? Math.floor((maxIter * 5) / 4),
      toleranceGrad,
      toleranceChange,
      historySize,
      lineSearchFn,
    });
    if (this.paramGroups.length !== 1) {
      throw new ValueError("LBFGS doesn't support per-parameter options (parameter groups)");
    }
  }

  protected override update(): void {
    throw new RuntimeError('LBFGS changes all parameters at once');
  }

  override step(closure: Closure | null = null): Tensor | number {
    this.stepCount++;
    if (closure === null)
      throw new RuntimeError('LBFGS needs a closure that evaluates the loss: optimizer.step(() => …)');
    const group = this.paramGroups[0] as unknown as Settings;
    const { params } = this.paramGroups[0];
    const state = this.stateOf(params[0]);
    const loss = noGrad(() => minimize(params, state, group, () => enableGrad(closure)));
    this.keepState();
    return loss;
  }
}

function absoluteSum(x: Tensor): number {
  return tidy(() => x.abs().sum().item());
}

function value(loss: Tensor | number): number {
  return typeof loss === 'number' ? loss : loss.item();
}

function recall(state: ParamState): Memory {
  return {
    d: (state.get('d') ?? null) as Tensor | null,
    t: Number(state.get('t') ?? 0),
    oldDirs: [...((state.get('old_dirs') ?? []) as Tensor[])],
    oldSteps: [...((state.get('old_stps') ?? []) as Tensor[])],
    ro: [...((state.get('ro') ?? []) as Tensor[])],
    diagonal: (state.get('H_diag') ?? 1) as number | Tensor,
    previousGrad: (state.get('prev_flat_grad') ?? null) as Tensor | null,
    previousLoss: Number(state.get('prev_loss') ?? 0),
    al: [...((state.get('al') ?? []) as (Tensor | null)[])],
  };
}

function remember(state: ParamState, memory: Memory): void {
  state.set('d', memory.d);
  state.set('t', memory.t);
  state.set('old_dirs', memory.oldDirs);
  state.set('old_stps', memory.oldSteps);
  state.set('ro', memory.ro);
  state.set('H_diag', memory.diagonal);
  state.set('prev_flat_grad', memory.previousGrad);
  state.set('prev_loss', memory.previousLoss);
}

/** The direction −H·g by the two-loop recursion, and the coefficients of its first loop. */
function quasiNewton(memory: Memory, grad: Tensor): { d: Tensor; al: (Tensor | null)[] } {
  const { oldDirs, oldSteps, ro } = memory;
  const al = [...memory.al];
  let q = grad.neg();
  for (let i = oldDirs.length - 1; i >= 0; i--) {
    const a = oldSteps[i].dot(q).mul(ro[i]);
    al[i] = a;
    q = q.sub(oldDirs[i].mul(a));
  }
  let d = q.mul(memory.diagonal);
  for (let i = 0; i < oldDirs.length; i++) {
    const b = oldDirs[i].dot(d).mul(ro[i]);
    d = d.add(oldSteps[i].mul((al[i] as Tensor).sub(b)));
  }
  return { d, al };
}

/** Takes the last step into the approximation of the Hessian, where the curvature along it is positive. */
function learn(memory: Memory, grad: Tensor, historySize: number): void {
  const pair = tidy(() => {
    const y = grad.sub(memory.previousGrad as Tensor);
    const s = (memory.d as Tensor).mul(memory.t);
    const ys = y.dot(s);
    return ys.item() > 1e-10 ? { y, s, ro: ys.reciprocal(), diagonal: ys.div(y.dot(y)) } : null;
  });
  if (pair === null) return;
  if (memory.oldDirs.length === historySize) {
    memory.oldDirs.shift();
    memory.oldSteps.shift();
    memory.ro.shift();
  }
  memory.oldDirs.push(pair.y);
  memory.oldSteps.push(pair.s);
  memory.ro.push(pair.ro);
  memory.diagonal = pair.diagonal;
}

function minimize(
  params: readonly Tensor[],
  state: ParamState,
  settings: Settings,
  closure: Closure,
): Tensor | number {
  const { lr, maxIter, maxEval, toleranceGrad, toleranceChange, historySize, lineSearchFn } = settings;
  const count = (name: string, by: number): number => {
    const total = Number(state.get(name) ?? 0) + by;
    state.set(name, total);
    return total;
  };
  const original = closure();
  let loss = value(original);
  let evaluations = 1;
  count('func_evals', 1);
  count('n_iter', 0);
  let grad = flatGrad(params);
  if (largest(grad) <= toleranceGrad) return original;
  const memory = recall(state);
  for (let iteration = 1; ; iteration++) {
    const total = count('n_iter', 1);
    if (total === 1) {
      memory.d = grad.neg();
      memory.diagonal = 1;
    } else {
      learn(memory, grad, historySize);
      // As long as the history may become, as in PyTorch.
      while (memory.al.length < historySize) memory.al.push(null);
      const { d, al } = tidy(() => quasiNewton(memory, grad));
      memory.d = d;
      memory.al = al;
      state.set('al', al);
    }
    const d = memory.d;
    memory.previousGrad = grad.clone();
    memory.previousLoss = loss;
    memory.t = total === 1 ? Math.min(1, 1 / absoluteSum(grad)) * lr : lr;
    const slope = dot(grad, d);
    if (slope > -toleranceChange) break;
    let used = 0;
    let converged = false;
    if (lineSearchFn !== null) {
      const start = params.map((p) => p.detach().clone());
      const evaluate = (t: number): Evaluation => {
        addFlat(params, t, d);
        const f = value(closure());
        const g = flatGrad(params);
        params.forEach((p, i) => {
          p.copy_(start[i]);
        });
        return { f, g };
      };
      const found = strongWolfe(evaluate, memory.t, d, loss, grad, slope, largest(d));
      loss = found.f;
      grad = found.g;
      memory.t = found.t;
      used = found.evaluations;
      for (const copy of start) copy.dispose();
      addFlat(params, memory.t, d);
      converged = largest(grad) <= toleranceGrad;
    } else {
      addFlat(params, memory.t, d);
      if (iteration !== maxIter) {
        loss = value(closure());
        grad = flatGrad(params);
        converged = largest(grad) <= toleranceGrad;
        used = 1;
      }
    }
    evaluations += used;
    count('func_evals', used);
    if (iteration === maxIter || evaluations >= maxEval || converged) break;
    if (largest(d) * Math.abs(memory.t) <= toleranceChange) break;
    if (Math.abs(loss - memory.previousLoss) < toleranceChange) break;
  }
  remember(state, memory);
  return original;
}
