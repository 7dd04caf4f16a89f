/**
 * `npm run bench`: TypeTorch beside PyTorch, jax-js and TensorFlow.js on this machine.
 *
 *     npm ci --prefix bench          once: the peers
 *     npm run build                  the package that is measured
 *     npm run bench                  all workloads, about half an hour: bench/RESULTS.md
 *     npm run bench -- --quick       the same with short rounds, about ten minutes; noisy
 *     npm run bench -- --only 1,3    some workloads; with --case TEXT only the cases whose name holds TEXT
 *     npm run bench -- --columns typetorch,pytorch    without the peers
 *
 * Every column of a table is a process of its own. A case is prepared and warmed up in each; then they take short turns, one at a time, so that a
 * disturbance of the machine hits all alike; the next one begins when the process before it rests. A turn gives the mean time of a step in it; the
 * tables show the median of the turns.
 * Nothing else should run on the machine; where something does, `--clock cpu --columns "wasm 1,BLAS 1,PyTorch 1,1"` compares processor time on one thread.
 * PyTorch is the system's (`TYPETORCH_PYTHON` names another Python).
 */
import { parseArgs } from 'node:util';
import { readdirSync, writeFileSync } from 'node:fs';
import { available, bench, type Column, columns, Runner } from './harness/columns.ts';
import { live, type Life } from './harness/process.ts';
import { longText, report, type Row, type Table, tableText } from './harness/report.ts';
import type { Workload } from './harness/workload.ts';
import * as wholeProcess from './workloads/8-process.ts';
import { type Interval, longRun } from './workloads/11-long.ts';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    case: { type: 'string', default: '' },
    columns: { type: 'string', default: '' },
    clock: { type: 'string', default: 'wall' },
    quick: { type: 'boolean', default: false },
    out: { type: 'string' },
  },
});

// Milliseconds, but for the numbers of rounds, of lives and of steps. Compilers of JavaScript reach their best only after some thousand operations:
// warming up ends once nothing has become faster for a while.
const plan = options.quick
  ? { rounds: 5, turn: 30, warm: 300, steady: 3, lives: 3, steps: 5_000 }
  : { rounds: 9, turn: 80, warm: 4000, steady: 5, lives: 9, steps: 100_000 };
/** A step that takes longer than this, in microseconds, gets fewer turns. */
const SLOW = 500_000;

/** Names of libraries or of columns; a name may itself hold a comma. */
const wanted = options.columns === '' ? null : `,${options.columns},`;
const chosen = columns.filter(
  ({ name, library }) => wanted === null || wanted.includes(`,${library},`) || wanted.includes(`,${name},`),
);
const number = (file: string): number => Number.parseInt(file, 10);
const files = readdirSync(`${bench}workloads`)
  .filter((file) => options.only === undefined || options.only.split(',').includes(String(number(file))))
  .sort((a, b) => number(a) - number(b));

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${text.padEnd(70)}\r`);
}

/** Runs a case until `plan.steady` windows in a row bring less than two per cent, for `plan.warm` at most. */
async function warmUp(runner: Runner, name: string): Promise<void> {
  const window = plan.warm / 32;
  const end = performance.now() + plan.warm;
  let fastest = Number.POSITIVE_INFINITY;
  for (let same = 0; same < plan.steady && performance.now() < end; same++) {
    const { us } = await runner.time(name, window);
    if (us < fastest * 0.98) same = -1;
    fastest = Math.min(fastest, us);
  }
}

async function timeCase(name: string, runners: readonly Runner[], notes: Map<string, string>): Promise<Row> {
  const turns = new Map<Column, number[]>();
  for (const runner of runners) {
    if (!runner.cases.includes(name)) continue;
    try {
      await warmUp(runner, name);
      turns.set(runner.column, []);
    } catch (error) {
      notes.set(`${runner.column.name}: ${(error as Error).message}`, name);
    }
  }
  for (let round = 0; round < plan.rounds; round++) {
    for (const runner of runners) {
      const times = turns.get(runner.column);
      if (times === undefined || (times.length >= 2 && times[0] > SLOW)) continue;
      const { us, cpu } = await runner.time(name, plan.turn);
      times.push(options.clock === 'cpu' ? cpu : us);
    }
  }
  return { name, times: new Map([...turns].map(([column, times]) => [column.name, times])) };
}

async function timeWorkload(file: string, workload: Workload): Promise<Table> {
  const notes = new Map<string, string>();
  const runners: Runner[] = [];
  for (const column of chosen) {
    const reason = available(workload, column);
    if (reason === true) {
      try {
        runners.push(await Runner.start(column, workload, `${bench}workloads/${file}`));
      } catch (error) {
        notes.set(`${column.name}: ${(error as Error).message}`, '');
      }
    } else if (workload.pytorch !== null && (column.library === 'jax' || column.library === 'tfjs')) {
      notes.set(`${column.name}: ${reason}`, '');
    }
  }
  const rows: Row[] = [];
  for (const name of new Set(runners.flatMap(({ cases }) => cases))) {
    if (!name.includes(options.case)) continue;
    rows.push(await timeCase(name, runners, notes));
    progress(`${file}: ${name}`);
  }
  progress('');
  for (const runner of runners) runner.stop();
  return { number: number(file), title: workload.title, unit: 'us', workload, rows, notes: notesOf(notes) };
}

const notesOf = (notes: ReadonlyMap<string, string>): string[] =>
  [...notes].map(([text, name]) => (name === '' ? text : `${text} (${name})`));

async function timeProcesses(): Promise<Table> {
  const lives = new Map<string, Life[]>();
  const notes = new Map<string, string>();
  for (let round = 0; round < plan.lives; round++) {
    for (const column of chosen) {
      if (column.library === 'openblas' || column.library === 'probe' || notes.has(column.name)) continue;
      try {
        const life = await live(column, wholeProcess);
        lives.set(column.name, [...(lives.get(column.name) ?? []), life]);
      } catch (error) {
        notes.set(column.name, (error as Error).message);
      }
    }
  }
  const row = (name: string, of: (life: Life) => number): Row => ({
    name,
    times: new Map([...lives].map(([column, list]) => [column, list.map(of)])),
  });
  const limit = (name: string) => (name === 'time' ? wholeProcess.target.time : wholeProcess.target.memory);
  return {
    number: 8,
    title: wholeProcess.title,
    unit: 'ms, MiB',
    workload: { target: (name) => ({ wasm: limit(name), blas: limit(name) }) },
    rows: [row('time', ({ ms }) => ms), row('peak memory', ({ mib }) => mib)],
    notes: [...notes].map(([column, text]) => `${column}: ${text}`),
  };
}

const tables: Table[] = [];
let intervals: readonly Interval[] = [];
for (const file of files) {
  const module = (await import(`./workloads/${file}`)) as { default?: Workload; longRun?: unknown };
  if (module.longRun !== undefined) {
    intervals = longRun(plan.steps);
    console.log(longText(intervals));
    continue;
  }
  const table =
    module.default === undefined ? await timeProcesses() : await timeWorkload(file, module.default);
  tables.push(table);
  console.log(tableText(table));
}
const complete =
  options.only === undefined && options.case === '' && wanted === null && options.clock === 'wall';
const out = options.out ?? (complete ? `${bench}RESULTS.md` : null);
if (out !== null) {
  writeFileSync(out, report(tables, intervals, options.quick, plan));
  console.log(`Written: ${out}`);
}
