/** Distributes groups over child processes; replaces a child that dies or hangs and goes on after the case it died in. */
import { type ChildProcess, fork } from 'node:child_process';
import type { GroupFile } from './cases.ts';
import type { Result } from './runner.ts';
import type { Report, Task } from './worker.ts';

export interface PoolOptions {
  readonly folder: string;
  readonly jobs: number;
  /** Milliseconds after which a silent child counts as hung. */
  readonly timeout: number;
  readonly device: string | null;
  readonly tier: number | null;
  readonly only: string | null;
  readonly onResult: (result: Result) => void;
}

interface Work {
  readonly file: GroupFile;
  readonly skip: number;
}

/** Runs every group; resolves when all are done, rejects when the library cannot be imported at all. */
export async function runGroups(files: readonly GroupFile[], options: PoolOptions): Promise<void> {
  const queue: Work[] = files.map((file) => ({ file, skip: 0 }));
  const lanes = Array.from({ length: Math.max(1, options.jobs) }, () => runLane(queue, options));
  await Promise.all(lanes);
}

async function runLane(queue: Work[], options: PoolOptions): Promise<void> {
  while (queue.length > 0) await runChild(queue, options);
}

/** One child's life: until the queue is empty or it dies. */
function runChild(queue: Work[], options: PoolOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const child: ChildProcess = fork(new URL('./worker.ts', import.meta.url), ['--serve'], {
      env: { ...process.env, ...(options.device === null ? {} : { CONFORMANCE_DEVICE: options.device }) },
      serialization: 'advanced',
    });
    let work: Work | undefined;
    let expected: Result[] = [];
    let finished = 0;
    let hung = false;
    let timer: NodeJS.Timeout | undefined;

    const watch = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        hung = true;
        child.kill('SIGKILL');
      }, options.timeout);
    };
    const next = (): void => {
      work = queue.shift();
      expected = [];
      finished = 0;
      if (work === undefined) {
        clearTimeout(timer);
        child.disconnect();
        return;
      }
      const { folder, tier, only } = options;
      child.send({ path: work.file.path, folder, skip: work.skip, tier, only } satisfies Task);
    };

    child.on('message', (report: Report) => {
      watch();
      if (report.kind === 'broken') {
        clearTimeout(timer);
        queue.length = 0;
        child.disconnect();
        reject(new Error(`the library cannot be imported: ${report.message}`));
      } else if (report.kind === 'cases') expected = report.results;
      else if (report.kind === 'result') {
        finished++;
        options.onResult(report.result);
      } else next();
    });
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      if (work !== undefined) {
        const guilty = expected[finished];
        const cause = hung
          ? `no answer within ${options.timeout / 1000} s`
          : `code ${code}, signal ${signal}`;
        if (guilty !== undefined) {
          options.onResult({ ...guilty, message: `${guilty.message}: ${cause}` });
          queue.unshift({ file: work.file, skip: work.skip + finished + 1 });
        }
      }
      resolve();
    });
    watch();
  });
}
