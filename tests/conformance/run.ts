/**
 * `npm run conformance -- DIR [--suite S] [--op NAME] [--tier N] [--case ID] [--device D] [--json FILE]
 *   [--jobs N] [--timeout SECONDS] [--show N] [--causes N] [--verbose] [--strict]`
 *
 * Runs every case of a conformance folder against the sources and prints how many passed, failed and are unsupported, per suite,
 * tier and op. `--json` writes all results. `--op` takes a group's name or its Python path. `--jobs 0` runs in this process.
 * `--strict` makes failures the exit status.
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { type GroupFile, listGroups, readGroup, suites } from './cases.ts';
import { Library } from './library.ts';
import { runGroups } from './pool.ts';
import { formatReport } from './report.ts';
import { type Result, resultOf, runCase } from './runner.ts';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    suite: { type: 'string' },
    op: { type: 'string' },
    tier: { type: 'string' },
    case: { type: 'string' },
    device: { type: 'string' },
    json: { type: 'string' },
    jobs: { type: 'string' },
    timeout: { type: 'string', default: '120' },
    show: { type: 'string', default: '0' },
    causes: { type: 'string', default: '20' },
    verbose: { type: 'boolean', default: false },
    strict: { type: 'boolean', default: false },
  },
});

function usage(message: string): never {
  console.error(
    `${message}\nusage: npm run conformance -- DIR [--suite S] [--op NAME] [--tier N] [--json FILE]`,
  );
  process.exit(2);
}

const optional = (text: string | undefined): number | null => (text === undefined ? null : Number(text));

/** Does a group match `--op`: `add`, `nn.functional.relu`, `torch.add`? */
function matchesOp(file: GroupFile, op: string): boolean {
  const names = [op, op.replace(/^torch\./, ''), op.replace(/^Tensor\./, '')];
  return names.includes(file.name);
}

function select(folder: string): GroupFile[] {
  let files = listGroups(folder);
  if (files.length === 0) usage(`there are no conformance cases in ${folder}`);
  if (flags.suite !== undefined) {
    const wanted = flags.suite.split(',');
    const unknown = wanted.find((s) => !(suites as readonly string[]).includes(s));
    if (unknown !== undefined) usage(`unknown suite ${unknown}; suites are ${suites.join(', ')}`);
    files = files.filter((f) => wanted.includes(f.suite));
  }
  if (flags.tier !== undefined) files = files.filter((f) => f.suite === 'ops');
  if (flags.case !== undefined) files = files.filter((f) => matchesCase(f, flags.case as string));
  if (flags.op !== undefined) {
    const op = flags.op;
    files = files.filter((f) => matchesOp(f, op));
    if (files.length === 0) usage(`there is no group ${op}`);
  }
  return files;
}

/** Case ids begin with the suite and the group; those of `serialization` with the suite alone. */
function matchesCase(file: GroupFile, id: string): boolean {
  const [group] = id.split('#');
  return file.suite === 'serialization'
    ? group.startsWith('serialization/')
    : group === `${file.suite}/${file.name}`;
}

async function runHere(files: readonly GroupFile[], folder: string): Promise<Result[]> {
  const library = await Library.load(flags.device ?? null);
  const tier = optional(flags.tier);
  return files.flatMap((file) => {
    const group = readGroup(file.path);
    if (tier !== null && group.tier !== tier) return [];
    const cases = group.cases.filter((c) => flags.case === undefined || c.id === flags.case);
    return cases.map((testCase) => {
      const { status, message } = runCase(library, group.suite, testCase, folder);
      return resultOf(group, testCase, status, message);
    });
  });
}

async function main(): Promise<void> {
  const [folder] = positionals;
  if (folder === undefined) usage('which folder?');
  const files = select(folder);
  const jobs = Number(flags.jobs ?? Math.min(2, availableParallelism()));
  const start = performance.now();
  let results: Result[] = [];
  if (jobs === 0) results = await runHere(files, folder);
  else {
    await runGroups(files, {
      folder,
      jobs,
      timeout: 1000 * Number(flags.timeout),
      device: flags.device ?? null,
      tier: optional(flags.tier),
      only: flags.case ?? null,
      onResult: (result) => results.push(result),
    });
    const order = new Map(files.map((f, i) => [`${f.suite}/${f.name}`, i]));
    const position = (r: Result): number => order.get(r.id.split('#')[0]) ?? 0;
    results.sort((a, b) => position(a) - position(b));
  }
  if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(results, null, 1)}\n`);
  const show = Number(flags.show);
  console.log(formatReport(results, { verbose: flags.verbose, show, causes: Number(flags.causes) }));
  console.log(`\n${results.length} cases in ${((performance.now() - start) / 1000).toFixed(1)} s`);
  if (flags.strict && results.some((r) => r.status === 'failed')) process.exitCode = 1;
}

await main();
