/**
 * The child process of a conformance run: takes groups from its parent and reports case by case, so that a crash or an
 * endless loop costs one case and not the run.
 */
import { readGroup } from './cases.ts';
import { Library } from './library.ts';
import { type Result, resultOf, runCase } from './runner.ts';

/** From the parent: run this group from its `skip`-th selected case on. */
export interface Task {
  path: string;
  folder: string;
  skip: number;
  tier: number | null;
  only: string | null;
}

/** To the parent. */
export type Report =
  | { kind: 'ready' }
  | { kind: 'broken'; message: string }
  | { kind: 'cases'; results: Result[] }
  | { kind: 'result'; result: Result }
  | { kind: 'done' };

const send = (report: Report): void => {
  process.send?.(report);
};

function runGroup(library: Library, task: Task): void {
  const group = readGroup(task.path);
  const cases = group.cases.filter((c) => task.only === null || c.id === task.only);
  const selected = task.tier === null || group.tier === task.tier ? cases : [];
  // What each case is counted as if it takes the process down.
  const remaining = selected.slice(task.skip);
  send({ kind: 'cases', results: remaining.map((c) => resultOf(group, c, 'failed', 'the process died')) });
  for (const testCase of remaining) {
    const { status, message } = runCase(library, group.suite, testCase, task.folder);
    send({ kind: 'result', result: resultOf(group, testCase, status, message) });
  }
  send({ kind: 'done' });
}

export async function serve(device: string | null): Promise<void> {
  let library: Library;
  try {
    library = await Library.load(device);
  } catch (error) {
    send({ kind: 'broken', message: (error as Error).stack ?? String(error) });
    return;
  }
  process.on('message', (task: Task) => runGroup(library, task));
  process.on('disconnect', () => process.exit(0));
  send({ kind: 'ready' });
}

if (process.send !== undefined && process.argv.includes('--serve')) {
  await serve(process.env.CONFORMANCE_DEVICE ?? null);
}
