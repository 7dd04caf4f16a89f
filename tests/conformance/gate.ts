/**
 * `npx tsx tests/conformance/gate.ts RESULTS.json`: does a conformance run (`--json`) keep what the project promises?
 *
 * Rates are of the cases that count: those set apart (complex numbers, calls that TypeScript has no way to write) do not. An answer that
 * differs from PyTorch's is worse than none: no suite but `ops` may have any, and there they are few and listed.
 */
import { readFileSync } from 'node:fs';
import { isSetApart, type Result } from './runner.ts';

export interface Promised {
  readonly name: string;
  readonly cases: (result: Result) => boolean;
  /** The least share of cases that pass. */
  readonly passed: number;
  /** The greatest number of cases with another result than PyTorch's. */
  readonly failed: number;
}

const suite = (name: string, passed: number): Promised => ({
  name,
  cases: (result) => result.suite === name,
  passed,
  failed: 0,
});

export const PROMISES: readonly Promised[] = [
  suite('autograd', 1),
  suite('indexing', 1),
  suite('promotion', 1),
  suite('printing', 1),
  suite('serialization', 1),
  suite('training', 1),
  suite('optim', 1),
  suite('random', 1),
  suite('modules', 0.99),
  { name: 'ops of tier 1', cases: (r) => r.suite === 'ops' && r.tier === 1, passed: 0.99, failed: 5 },
  { name: 'ops', cases: (r) => r.suite === 'ops', passed: 0.85, failed: 15 },
];

/** What is not kept, one line each. */
export function broken(results: readonly Result[]): string[] {
  const counted = results.filter((result) => !isSetApart(result));
  return PROMISES.flatMap(({ name, cases, passed, failed }) => {
    const chosen = counted.filter(cases);
    if (chosen.length === 0) return [`${name}: no cases were run`];
    const good = chosen.filter((r) => r.status === 'passed').length;
    const wrong = chosen.filter((r) => r.status === 'failed');
    const problems: string[] = [];
    if (good < passed * chosen.length) {
      problems.push(`${name}: ${good} of ${chosen.length} cases pass, fewer than ${100 * passed} %`);
    }
    if (wrong.length > failed) {
      const list = wrong.map((r) => `  ${r.id}: ${r.message.split('\n')[0]}`).join('\n');
      problems.push(`${name}: ${wrong.length} cases fail, more than ${failed}\n${list}`);
    }
    return problems;
  });
}

const [path] = process.argv.slice(2);
if (path !== undefined && import.meta.url === new URL(process.argv[1], 'file:').href) {
  const problems = broken(JSON.parse(readFileSync(path, 'utf8')) as Result[]);
  for (const problem of problems) console.error(problem);
  console.log(
    problems.length === 0 ? 'conformance: all promises are kept' : 'conformance: promises are broken',
  );
  process.exitCode = problems.length === 0 ? 0 : 1;
}
