/** Counts of a conformance run as text: per suite, per tier, per op, and the most frequent causes of failure. */
import { isSetApart, type Result } from './runner.ts';

interface Count {
  passed: number;
  failed: number;
  unsupported: number;
  setApart: number;
}

function tally(results: readonly Result[], key: (r: Result) => string): Map<string, Count> {
  const counts = new Map<string, Count>();
  for (const result of results) {
    const name = key(result);
    let count = counts.get(name);
    if (count === undefined) {
      count = { passed: 0, failed: 0, unsupported: 0, setApart: 0 };
      counts.set(name, count);
    }
    if (isSetApart(result)) count.setApart++;
    else count[result.status]++;
  }
  return counts;
}

const columns = ['passed', 'failed', 'unsupported', 'setApart'] as const;

/** A table of counts; what is set apart (complex arithmetic, calls that TypeScript cannot express) is not part of the rate. */
function table(title: string, counts: ReadonlyMap<string, Count>): string {
  const width = Math.max(title.length, ...[...counts.keys()].map((n) => n.length));
  const header = [
    title.padEnd(width),
    ...columns.map((c) => (c === 'setApart' ? 'set apart' : c).padStart(12)),
    'rate'.padStart(9),
  ].join('');
  const rows = [...counts].map(([name, count]) => {
    const counted = count.passed + count.failed + count.unsupported;
    const rate = counted === 0 ? '' : `${((100 * count.passed) / counted).toFixed(1)} %`;
    return [name.padEnd(width), ...columns.map((c) => String(count[c]).padStart(12)), rate.padStart(9)].join(
      '',
    );
  });
  return [header, ...rows].join('\n');
}

/** Numbers and quoted parts differ from case to case; what is left names the cause. */
function cause(message: string): string {
  return message
    .split('\n')[0]
    .replace(/-?\d+(\.\d+)?(e[+-]?\d+)?n?/g, '#')
    .replace(/\[[#, ]*\]/g, '[#]')
    .slice(0, 160);
}

function causes(results: readonly Result[], limit: number): string {
  const groups = new Map<string, { count: number; example: Result }>();
  for (const result of results) {
    const key = `${result.suite}: ${cause(result.message)}`;
    const found = groups.get(key);
    if (found === undefined) groups.set(key, { count: 1, example: result });
    else found.count++;
  }
  const sorted = [...groups].sort((a, b) => b[1].count - a[1].count).slice(0, limit);
  return sorted
    .map(([key, { count, example }]) => `${String(count).padStart(5)}  ${key}  e.g. ${example.id}`)
    .join('\n');
}

export interface ReportOptions {
  /** Also the ops without a failure. */
  readonly verbose: boolean;
  /** How many failures to list with their messages. */
  readonly show: number;
  /** How many causes to list. */
  readonly causes: number;
}

export function formatReport(results: readonly Result[], options: ReportOptions): string {
  const parts: string[] = [];
  const byOp = tally(results, (r) => `${r.suite} ${r.op}`);
  const notable = [...byOp].filter(([, c]) => options.verbose || c.failed + c.unsupported > 0);
  if (notable.length > 0) parts.push(table('op', new Map(notable)));
  const tiered = results.filter((r) => r.tier !== null);
  if (tiered.length > 0) parts.push(table('tier', sorted(tally(tiered, (r) => `${r.suite} tier ${r.tier}`))));
  const bySuite = tally(results, (r) => r.suite);
  for (const [, total] of tally(results, () => 'all')) bySuite.set('all', total);
  parts.push(table('suite', bySuite));
  const failed = results.filter((r) => r.status === 'failed');
  const missing = results.filter((r) => r.status === 'unsupported' && !isSetApart(r));
  if (options.causes > 0 && failed.length > 0)
    parts.push(`failed because\n${causes(failed, options.causes)}`);
  if (options.causes > 0 && missing.length > 0) {
    parts.push(`unsupported because\n${causes(missing, options.causes)}`);
  }
  if (options.show > 0 && failed.length > 0) {
    parts.push(
      failed
        .slice(0, options.show)
        .map((r) => `${r.id}: ${r.message}`)
        .join('\n'),
    );
  }
  return parts.join('\n\n');
}

const sorted = (counts: Map<string, Count>): Map<string, Count> =>
  new Map([...counts].sort(([a], [b]) => a.localeCompare(b)));
