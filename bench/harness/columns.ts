/** The columns of the tables: which library, with which settings, in which process. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Workload } from './workload.ts';

export const bench: string = fileURLToPath(new URL('../', import.meta.url));
const cache = `${bench}.cache/`;
export const python: string = process.env['TYPETORCH_PYTHON'] ?? '/usr/bin/python3';

export interface Column {
  readonly name: string;
  readonly library: 'typetorch' | 'pytorch' | 'jax' | 'tfjs' | 'openblas' | 'probe';
  readonly env: Readonly<Record<string, string>>;
}

const typetorch = (blas: boolean, threads: number): Column => ({
  name: `${blas ? 'BLAS' : 'wasm'} ${threads}`,
  library: 'typetorch',
  env: { ...(blas ? {} : { TYPETORCH_BLAS: 'off' }), TYPETORCH_NUM_THREADS: String(threads) },
});
const pytorch = (threads: number, blas: number): Column => ({
  name: `PyTorch ${threads},${blas}`,
  library: 'pytorch',
  env: {
    TORCH_THREADS: String(threads),
    OMP_NUM_THREADS: String(threads),
    OPENBLAS_NUM_THREADS: String(blas),
  },
});

export const columns: readonly Column[] = [
  typetorch(false, 1),
  pytorch(1, 1),
  typetorch(true, 1),
  pytorch(1, 2),
  typetorch(false, 2),
  pytorch(2, 2),
  typetorch(true, 2),
  { name: 'jax-js', library: 'jax', env: {} },
  { name: 'tfjs', library: 'tfjs', env: {} },
  { name: 'OpenBLAS 1', library: 'openblas', env: { OPENBLAS_NUM_THREADS: '1' } },
  { name: 'OpenBLAS 2', library: 'openblas', env: { OPENBLAS_NUM_THREADS: '2' } },
  { name: 'probe', library: 'probe', env: {} },
];

/** The environment of a column, without settings that would change a library behind its back. */
export function environment(column: Column): NodeJS.ProcessEnv {
  const env = { ...process.env };
  for (const name of Object.keys(env)) {
    if (/^(OPENBLAS|OMP|MKL|GOTO|TYPETORCH|TSX|NODE)_/.test(name)) delete env[name];
  }
  // The package as its users get it: `typetorch` means node_modules, not the sources.
  // The package lies outside of `bench/`, where koffi is: it must be found all the same.
  return {
    ...env,
    ...column.env,
    NODE_PATH: `${bench}node_modules`,
    TSX_TSCONFIG_PATH: `${bench}tsconfig.json`,
  };
}

/** Writes a program where it finds the packages of `bench/`. */
export function writeProgram(name: string, text: string): string {
  mkdirSync(cache, { recursive: true });
  writeFileSync(cache + name, text);
  return cache + name;
}

export interface Timing {
  /** Microseconds a step. */
  readonly us: number;
  /** The same in processor time, all threads together. */
  readonly cpu: number;
}

/** Is there a program for this column, or the reason why not? */
export function available(workload: Workload, column: Column): true | string {
  switch (column.library) {
    case 'pytorch':
      return workload.pytorch !== null || 'not compared';
    case 'jax':
      return typeof workload.jax === 'string' ? workload.jax : true;
    case 'tfjs':
      return typeof workload.tfjs === 'string' ? workload.tfjs : true;
    case 'openblas':
    case 'probe':
      return workload[column.library] !== undefined || 'not measured';
    default:
      return true;
  }
}

/** A process is at rest when in so many milliseconds it takes less than this share of a core; that is waited for so many times. */
const REST_MS = 5;
const REST_SHARE = 0.2;
const REST_TRIES = 40;

/** A process that times the cases of a workload in one column. */
export class Runner {
  readonly column: Column;
  cases: readonly string[] = [];
  version = '';
  private readonly process: ChildProcess;
  private readonly answers: AsyncIterator<string>;
  private errors = '';

  private constructor(column: Column, command: readonly string[]) {
    this.column = column;
    this.process = spawn(command[0], command.slice(1), {
      cwd: bench,
      env: environment(column),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.process.stderr!.on('data', (text) => {
      this.errors = (this.errors + text).slice(-2000);
    });
    // A process that has ended says so by its missing answer.
    this.process.stdin!.on('error', () => {});
    this.answers = createInterface({ input: this.process.stdout! })[Symbol.asyncIterator]();
  }

  /** Throws with the reason when the library or its program cannot be loaded. */
  static async start(column: Column, workload: Workload, path: string): Promise<Runner> {
    const name = path.slice(path.lastIndexOf('/') + 1, -3);
    const command =
      column.library === 'pytorch'
        ? [python, `${bench}harness/child.py`, writeProgram(`${name}.py`, workload.pytorch!)]
        : [process.execPath, '--import', 'tsx', `${bench}harness/child.ts`, column.library, path];
    const runner = new Runner(column, command);
    const { cases, version } = (await runner.answer()) as { cases: string[]; version: string };
    runner.cases = cases;
    runner.version = version;
    return runner;
  }

  /**
   * Repeats a case for about `ms` milliseconds, at least once, and waits until the process has come to rest: threads of OpenBLAS look for more work
   * for about 100 ms, and would take a core from whoever has the next turn.
   */
  async time(name: string, ms: number): Promise<Timing> {
    this.process.stdin!.write(`${JSON.stringify({ case: name, ms })}\n`);
    const timing = (await this.answer()) as Timing;
    await this.rest();
    return timing;
  }

  private async rest(): Promise<void> {
    for (let before = this.used(), tries = 0; tries < REST_TRIES; tries++) {
      await pause(REST_MS);
      const now = this.used();
      if (now - before < REST_MS * REST_SHARE) return;
      before = now;
    }
  }

  /** Milliseconds that all threads of the process have run; ever more where the system does not tell. */
  private used(): number {
    const tasks = `/proc/${this.process.pid}/task/`;
    try {
      return readdirSync(tasks).reduce((sum, task) => {
        return sum + Number(readFileSync(`${tasks}${task}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
      }, 0);
    } catch {
      return performance.now();
    }
  }

  private async answer(): Promise<unknown> {
    for (;;) {
      const { value, done } = await this.answers.next();
      if (done) {
        const lines = this.errors.trim().split('\n');
        throw new Error(lines.find((line) => /Error/.test(line)) ?? lines[lines.length - 1]);
      }
      if (!value.startsWith('@')) continue;
      const answer = JSON.parse(value.slice(1)) as { error?: string };
      if (answer.error !== undefined) throw new Error(answer.error);
      return answer;
    }
  }

  stop(): void {
    this.process.stdin!.end();
    this.process.kill();
  }
}
