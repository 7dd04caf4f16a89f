/**
 * A process that times one library in JavaScript: `child.ts LIBRARY WORKLOAD`. The parent names a case and a duration, one JSON line each;
 * the answer is a line that starts with '@'.
 */
import { createInterface } from 'node:readline';
import { openblas } from './openblas.ts';
import type { Cases, Step, Workload } from './workload.ts';

const [library, path] = process.argv.slice(2);
const answer = (value: unknown): void => void process.stdout.write(`@${JSON.stringify(value)}\n`);

async function load(workload: Workload): Promise<{ cases: Cases; version: string }> {
  switch (library) {
    case 'typetorch': {
      const torch = await import('typetorch');
      torch.manualSeed(0);
      return { cases: workload.typetorch(torch), version: torch.config.show() };
    }
    case 'jax': {
      if (typeof workload.jax === 'string') throw new Error(workload.jax);
      const jax = await import('@jax-js/jax');
      await jax.init('wasm');
      jax.defaultDevice('wasm');
      return { cases: workload.jax(jax), version: 'wasm' };
    }
    case 'tfjs': {
      if (typeof workload.tfjs === 'string') throw new Error(workload.tfjs);
      const tf = await import('@tensorflow/tfjs');
      await import('@tensorflow/tfjs-backend-wasm');
      await tf.setBackend(workload.tfjsBackend ?? 'wasm');
      await tf.ready();
      return { cases: workload.tfjs(tf), version: tf.getBackend() };
    }
    case 'openblas':
      return { cases: workload.openblas?.(openblas()) ?? {}, version: '' };
    case 'probe':
      return { cases: workload.probe?.() ?? {}, version: '' };
    default:
      throw new Error(`unknown library ${library}`);
  }
}

async function run(step: Step, ms: number): Promise<{ us: number; cpu: number }> {
  const start = performance.now();
  const before = process.cpuUsage();
  for (let count = 1; ; count++) {
    const result = step();
    if (result instanceof Promise) await result;
    const elapsed = performance.now() - start;
    if (elapsed >= ms) {
      const { user, system } = process.cpuUsage(before);
      return { us: (elapsed / count) * 1000, cpu: (user + system) / count };
    }
  }
}

const { default: workload } = (await import(path)) as { default: Workload };
const { cases, version } = await load(workload);
answer({ cases: Object.keys(cases), version });

let current: string | null = null;
let step: Step | null = null;
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line) as { case: string; ms: number };
  try {
    if (request.case !== current || step === null) {
      step = null;
      current = request.case;
      step = await cases[current]();
    }
    answer(await run(step, request.ms));
  } catch (error) {
    step = null;
    answer({
      error: error instanceof Error ? `${error.name}: ${error.message.split('\n')[0]}` : String(error),
    });
  }
}
process.exit(0);
