/**
 * The tutorial's two-layer network, trained by hand in a plain synchronous loop: nothing is disposed, no tidy, the event
 * loop never turns. `tsx tests/memory/loop.ts 20000` prints a line of JSON: time, peak memory, heap at the quarters.
 */
import * as torch from 'typetorch';

/** Memory at one point of the run, in megabytes. */
export interface Point {
  readonly iteration: number;
  readonly rss: number;
  /** The wasm heap, and what of it is in use (garbage that was not found yet included). */
  readonly heap: number;
  readonly live: number;
  /** JavaScript objects. */
  readonly objects: number;
}

export interface LoopReport {
  readonly iterations: number;
  readonly seconds: number;
  readonly microsecondsPerIteration: number;
  readonly firstLoss: number;
  readonly lastLoss: number;
  readonly peakRss: number;
  readonly peakLive: number;
  readonly points: readonly Point[];
}

const megabytes = (bytes: number): number => Math.round((bytes / 2 ** 20) * 10) / 10;

function measure(iteration: number): Point {
  const { rss, heapUsed } = process.memoryUsage();
  const { heapBytes, liveBytes } = torch.memoryStats();
  return {
    iteration,
    rss: megabytes(rss),
    heap: megabytes(heapBytes),
    live: megabytes(liveBytes),
    objects: megabytes(heapUsed),
  };
}

export function train(iterations: number): LoopReport {
  torch.manualSeed(0);
  const [batch, inputs, hidden, outputs] = [100, 1000, 100, 10];
  const x = torch.randn(batch, inputs);
  const y = torch.randn(batch, outputs);
  const w1 = torch.randn(inputs, hidden, { requiresGrad: true });
  const w2 = torch.randn(hidden, outputs, { requiresGrad: true });
  const learningRate = 1e-7;
  const points: Point[] = [];
  let firstLoss = 0;
  let lastLoss = 0;
  const start = performance.now();
  for (let t = 0; t < iterations; t++) {
    const prediction = x.mm(w1).clamp({ min: 0 }).mm(w2);
    const loss = prediction.sub(y).pow(2).sum();
    if (t === 0) firstLoss = loss.item();
    if (t === iterations - 1) lastLoss = loss.item();
    loss.backward();
    torch.noGrad(() => {
      w1.sub_((w1.grad as torch.Tensor).mul(learningRate));
      w2.sub_((w2.grad as torch.Tensor).mul(learningRate));
      w1.grad?.zero_();
      w2.grad?.zero_();
    });
    if ((t + 1) % Math.ceil(iterations / 4) === 0) points.push(measure(t + 1));
  }
  const seconds = (performance.now() - start) / 1000;
  return {
    iterations,
    seconds: Math.round(seconds * 100) / 100,
    microsecondsPerIteration: Math.round((seconds / iterations) * 1e6),
    firstLoss,
    lastLoss,
    // kilobytes on every platform that Node reports it for
    peakRss: megabytes(process.resourceUsage().maxRSS * 1024),
    peakLive: megabytes(torch.memoryStats().peakBytes),
    points,
  };
}

if (process.argv[1]?.endsWith('loop.ts')) {
  console.log(JSON.stringify(train(Number(process.argv[2] ?? 20_000))));
}
