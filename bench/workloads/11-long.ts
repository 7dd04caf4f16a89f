/** A long run: many steps of the two-layer network in a plain synchronous loop, where nothing is disposed and the event loop never turns. */
import { execFileSync } from 'node:child_process';
import { bench, columns, environment, writeProgram } from '../harness/columns.ts';

/** What a part of the run took, and the memory at its end in MiB. */
export interface Interval {
  readonly steps: number;
  readonly us: number;
  readonly rss: number;
  readonly heap: number;
  readonly objects: number;
}

const program = (steps: number): string => `
import * as torch from 'typetorch';

torch.manualSeed(0);
const x = torch.randn(100, 1000);
const y = torch.randn(100, 10);
const w1 = torch.randn(1000, 100, { requiresGrad: true });
const w2 = torch.randn(100, 10, { requiresGrad: true });
const learningRate = 1e-7;
const intervals = [];
let last = performance.now();
for (let t = 1; t <= ${steps}; t++) {
  const loss = x.mm(w1).clamp({ min: 0 }).mm(w2).sub(y).pow(2).sum();
  loss.backward();
  torch.noGrad(() => {
    w1.sub_(w1.grad.mul(learningRate));
    w2.sub_(w2.grad.mul(learningRate));
    w1.grad.zero_();
    w2.grad.zero_();
  });
  if (t % ${steps / 10} === 0) {
    const now = performance.now();
    const { rss, heapUsed } = process.memoryUsage();
    const mib = (bytes) => bytes / 2 ** 20;
    intervals.push({ steps: t, us: ((now - last) / ${steps / 10}) * 1000, rss: mib(rss), heap: mib(torch.memoryStats().heapBytes), objects: mib(heapUsed) });
    last = performance.now();
  }
}
console.log(JSON.stringify(intervals));
`;

/** Runs it without BLAS on all threads. */
export function longRun(steps: number): Interval[] {
  const column = columns.find(({ name }) => name === 'wasm 2')!;
  const file = writeProgram('long.mjs', program(steps));
  const output = execFileSync(process.execPath, [file], {
    cwd: bench,
    env: environment(column),
    encoding: 'utf8',
  });
  return JSON.parse(output) as Interval[];
}
