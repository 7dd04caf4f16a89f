/** What PyTorch's optimizers and schedulers do (optim.fixtures.json, written by optim.fixtures.py), and how the tests make the same. */
import { readFileSync } from 'node:fs';
import * as torch from 'typetorch';

type Options = Readonly<Record<string, unknown>>;

export interface OptimizerFixture {
  readonly type: string;
  readonly options: Options;
  /** Options of the second parameter, where it has a group of its own. */
  readonly second: Options | null;
  readonly dtype: 'float32' | 'float64';
  readonly repr: string;
  readonly params: readonly (readonly number[])[];
  readonly state: readonly (readonly (readonly [string, null | number | readonly number[]])[])[];
  /** The names of the options in the saved groups. */
  readonly groups: readonly (readonly string[])[];
}

export interface SchedulerFixture {
  readonly type: string;
  readonly options: Options;
  readonly optimizer: string;
  readonly settings: Options;
  /** Learning rate and momentum of both groups, epoch by epoch. */
  readonly rows: readonly (readonly (readonly [number, number])[])[];
}

export const fixtures = JSON.parse(
  readFileSync(new URL('./optim.fixtures.json', import.meta.url), 'utf8'),
) as {
  readonly steps: number;
  readonly optimizers: readonly OptimizerFixture[];
  readonly schedulers: readonly SchedulerFixture[];
};

/** As `smooth` in the script that wrote the fixtures. */
export function smooth(
  shape: readonly number[],
  shift: number,
  options: { dtype?: torch.DType; device?: string } = {},
): torch.Tensor {
  const n = shape.reduce((a, b) => a * b, 1);
  const data = Array.from({ length: n }, (_, i) => Math.sin(1.3 * i + shift) + 0.1);
  return torch
    .tensor(data, { dtype: torch.float64 })
    .to(options.dtype ?? torch.float32)
    .to(options.device ?? 'cpu')
    .reshape([...shape])
    .clone();
}

/** The two parameters of the fixtures. */
export function parameters(options: { dtype?: torch.DType; device?: string } = {}): torch.Tensor[] {
  return [smooth([2, 3], 0.2, options).requiresGrad_(), smooth([4], 0.5, options).requiresGrad_()];
}

/** Sets the gradients of step `k`. */
export function setGradients(params: readonly torch.Tensor[], k: number): void {
  params.forEach((p, i) => {
    p.grad = smooth(p.shape, 0.9 * k + i, { dtype: p.dtype, device: String(p.device) });
  });
}

type Make = new (params: unknown, options?: Options) => torch.optim.Optimizer;

/** The optimizer of a fixture on the given parameters. */
export function makeOptimizer(
  { type, options, second }: Pick<OptimizerFixture, 'type' | 'options' | 'second'>,
  params: readonly torch.Tensor[],
): torch.optim.Optimizer {
  const Optimizer = (torch.optim as unknown as Record<string, Make>)[type];
  const target = second === null ? params : [{ params: [params[0]] }, { params: [params[1]], ...second }];
  return new Optimizer(target, options);
}

export interface AnyScheduler {
  step(metric?: number): void;
  getLastLr(): number[];
  stateDict(): Map<string, unknown>;
  loadStateDict(state: Map<string, unknown>): void;
}

/** An optimizer of two groups, and the scheduler of a fixture on it. */
export function makeScheduler(fixture: SchedulerFixture): [torch.optim.Optimizer, AnyScheduler] {
  const [a, b] = parameters();
  const Optimizer = (torch.optim as unknown as Record<string, Make>)[fixture.optimizer];
  const groups = [{ params: [a] }, { params: [b], lr: 0.5 }];
  const optimizer = new Optimizer(groups, { lr: 0.1, ...fixture.settings });
  const kinds = torch.optim.lrScheduler as unknown as Record<
    string,
    new (
      o: torch.optim.Optimizer,
      options: Options,
    ) => AnyScheduler
  >;
  return [optimizer, new kinds[fixture.type](optimizer, fixture.options)];
}
