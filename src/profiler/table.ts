/** Averages of events, as a table. */
import { ValueError } from '../base/errors.ts';
import type { EventKind } from '../base/observer.ts';
import type { ProfilerEvent } from './events.ts';

/** All events of one name (and, where asked for, of the same sizes). Times are in milliseconds. */
export interface EventAverage {
  readonly key: string;
  readonly kind: EventKind;
  /** The sizes of the tensors, as `[[2, 3], [3]]`; empty where not recorded. */
  readonly inputShapes: string;
  count: number;
  /** Time with everything inside. */
  cpuTimeTotal: number;
  /** Time without what is recorded inside. */
  selfCpuTimeTotal: number;
  cpuMemoryUsage: number;
}

export type SortKey = 'cpu_time_total' | 'self_cpu_time_total' | 'cpu_memory_usage' | 'count';

export function averages(events: readonly ProfilerEvent[], byShape: boolean): EventAverage[] {
  const found = new Map<string, EventAverage>();
  for (const e of events) {
    const inputShapes =
      byShape && e.sizes !== null ? `[${e.sizes.map((s) => `[${s.join(', ')}]`).join(', ')}]` : '';
    const key = `${e.kind}:${e.name}:${inputShapes}`;
    let average = found.get(key);
    if (average === undefined) {
      average = {
        key: e.name,
        kind: e.kind,
        inputShapes,
        count: 0,
        cpuTimeTotal: 0,
        selfCpuTimeTotal: 0,
        cpuMemoryUsage: 0,
      };
      found.set(key, average);
    }
    average.count++;
    average.cpuTimeTotal += e.end - e.start;
    average.selfCpuTimeTotal += e.end - e.start - e.inner;
    average.cpuMemoryUsage += e.bytes;
  }
  return [...found.values()];
}

const values: Readonly<Record<SortKey, (a: EventAverage) => number>> = {
  cpu_time_total: (a) => a.cpuTimeTotal,
  self_cpu_time_total: (a) => a.selfCpuTimeTotal,
  cpu_memory_usage: (a) => a.cpuMemoryUsage,
  count: (a) => a.count,
};

function showTime(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(3)} s`;
  return ms >= 1 ? `${ms.toFixed(3)} ms` : `${(ms * 1000).toFixed(3)} us`;
}

function showBytes(n: number): string {
  if (n >= 2 ** 20) return `${(n / 2 ** 20).toFixed(2)} MiB`;
  return n >= 1024 ? `${(n / 1024).toFixed(2)} KiB` : `${n} B`;
}

/** The averages as text, most expensive first. */
export function formatTable(list: readonly EventAverage[], sortBy: SortKey, rowLimit: number): string {
  const value = values[sortBy];
  if (value === undefined)
    throw new ValueError(`sort_by should be one of ${Object.keys(values).join(', ')}, but got ${sortBy}`);
  const total = list.reduce((sum, a) => sum + a.selfCpuTimeTotal, 0);
  const sorted = [...list].sort((a, b) => value(b) - value(a));
  const shown = rowLimit < 0 ? sorted : sorted.slice(0, rowLimit);
  const withShapes = shown.some((a) => a.inputShapes !== '');
  const header = [
    'Name',
    'Kind',
    'Self CPU %',
    'Self CPU',
    'CPU total',
    'CPU time avg',
    'CPU Mem',
    '# of Calls',
  ];
  if (withShapes) header.push('Input Shapes');
  const rows = shown.map((a) => {
    const row = [
      a.key,
      a.kind,
      `${((100 * a.selfCpuTimeTotal) / Math.max(total, 1e-12)).toFixed(2)}%`,
      showTime(a.selfCpuTimeTotal),
      showTime(a.cpuTimeTotal),
      showTime(a.cpuTimeTotal / a.count),
      showBytes(a.cpuMemoryUsage),
      String(a.count),
    ];
    return withShapes ? [...row, a.inputShapes] : row;
  });
  const widths = header.map((h, i) => Math.max(h.length, ...rows.map((r) => r[i].length)));
  const line = (cells: readonly string[]): string => cells.map((c, i) => c.padStart(widths[i])).join('  ');
  const rule = widths.map((w) => '-'.repeat(w)).join('  ');
  return [rule, line(header), rule, ...rows.map(line), rule, `Self CPU time total: ${showTime(total)}`].join(
    '\n',
  );
}
