/** Times whole processes. */
import { spawn } from 'node:child_process';
import { bench, type Column, environment, python, writeProgram } from './columns.ts';

export interface Life {
  readonly ms: number;
  readonly mib: number;
}

export type Programs = Readonly<Record<'typetorch' | 'pytorch' | 'jax' | 'tfjs', string>>;

/** Runs a program to its end. Throws when it fails. */
export async function live(column: Column, programs: Programs): Promise<Life> {
  const { library } = column;
  if (library === 'openblas' || library === 'probe') throw new Error('no program');
  const isPython = library === 'pytorch';
  const file = writeProgram(`process-${library}.${isPython ? 'py' : 'mjs'}`, programs[library]);
  const start = performance.now();
  const child = spawn(isPython ? python : process.execPath, [file], { cwd: bench, env: environment(column) });
  let output = '';
  let errors = '';
  child.stdout.on('data', (text) => {
    output += text;
  });
  child.stderr.on('data', (text) => {
    errors += text;
  });
  const status = await new Promise((resolve) => child.on('close', resolve));
  const ms = performance.now() - start;
  const [loss, kib] = output.trim().split('\n').pop()!.split(' ').map(Number);
  if (status !== 0 || !Number.isFinite(loss) || !(kib > 0)) {
    throw new Error(errors.split('\n').find((line) => /Error/.test(line)) ?? `exit status ${status}`);
  }
  return { ms, mib: kib / 1024 };
}
