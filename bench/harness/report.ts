/** Medians, ratios and the page that shows them. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { bench, python } from './columns.ts';
import type { Interval } from '../workloads/11-long.ts';
import type { Target, Workload } from './workload.ts';

export interface Row {
  readonly name: string;
  /** Column to the time of a step in each turn. */
  readonly times: ReadonlyMap<string, readonly number[]>;
}

export interface Table {
  readonly number: number;
  readonly title: string;
  readonly unit: string;
  readonly workload: Pick<Workload, 'target' | 'operations' | 'rateTarget'>;
  readonly rows: readonly Row[];
  readonly notes: readonly string[];
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

type Statistic = (values: readonly number[]) => number;
const minimum: Statistic = (values) => Math.min(...values);

/** The best of the columns whose name starts with `prefix`: each library is used in the way that suits it. */
function best(row: Row, prefix: string, of: Statistic = median): { name: string; value: number } | null {
  let found: { name: string; value: number } | null = null;
  for (const [name, times] of row.times) {
    if (!name.startsWith(prefix) || times.length === 0) continue;
    const value = of(times);
    if (found === null || value < found.value) found = { name, value };
  }
  return found;
}

/** Three digits. */
const short = (x: number): string =>
  x >= 100 ? Math.round(x).toLocaleString('en') : x >= 10 ? x.toFixed(1) : x.toFixed(2);

function ratio(row: Row, prefix: string, of: Statistic): number | null {
  const ours = best(row, prefix, of);
  const theirs = best(row, 'PyTorch', of);
  return ours === null || theirs === null ? null : ours.value / theirs.value;
}

const cell = (x: number | null | undefined): string => (x === null || x === undefined ? '' : short(x));

/** One workload: the medians of all columns, and the ratios to PyTorch's best. */
export function tableText(table: Table): string {
  const { rows, workload } = table;
  const names = [...new Set(rows.flatMap(({ times }) => [...times.keys()]))].filter(
    (name) => name !== 'probe',
  );
  const group = (name: string): number =>
    ['wasm', 'BLAS', 'PyTorch', 'jax', 'tfjs', 'OpenBLAS'].findIndex((prefix) => name.startsWith(prefix));
  names.sort((a, b) => group(a) - group(b) || (a < b ? -1 : 1));
  const compared = rows.some((row) => best(row, 'PyTorch') !== null);
  const head = [
    `${table.unit}`,
    ...names,
    ...(compared ? ['wasm ÷ PyTorch', 'BLAS ÷ PyTorch', 'target'] : []),
  ];
  const lines = [head, head.map((_, i) => (i === 0 ? '---' : '---:'))];
  for (const row of rows) {
    if (row.times.has('probe')) continue;
    const value = (name: string): string => {
      const times = row.times.get(name);
      return times === undefined ? '' : short(median(times));
    };
    const line = [row.name, ...names.map(value)];
    if (compared) {
      const target = workload.target?.(row.name) ?? null;
      const judged = (prefix: string, limit: number | undefined): string => {
        const r = ratio(row, prefix, median);
        const least = ratio(row, prefix, minimum);
        if (r === null || least === null) return '';
        const mark = limit === undefined ? '' : r <= limit ? ' ✓' : ' ✗';
        return `${r.toFixed(2)} (${least.toFixed(2)})${mark}`;
      };
      line.push(judged('wasm', target?.wasm), judged('BLAS', target?.blas));
      line.push(
        target === null
          ? ''
          : target.wasm === target.blas
            ? `${target.wasm}`
            : `${target.wasm} / ${target.blas}`,
      );
    }
    lines.push(line);
  }
  const text = [
    `## ${table.number}. ${table.title}`,
    '',
    ...lines.map((line) => `| ${line.join(' | ')} |`),
    '',
  ];
  const rates = ratesText(table);
  if (rates !== '') text.push(rates, '');
  if (table.notes.length > 0) text.push('Left blank:', '', ...table.notes.map((note) => `- ${note}`), '');
  return text.join('\n');
}

interface Rates {
  readonly name: string;
  /** GFLOP/s of a column, or of the best of those that start so. */
  of(prefix: string): number | null;
  /** Of twice the rate of one core. */
  readonly share: number | null;
  /** Of OpenBLAS called directly. */
  readonly near: number | null;
  readonly target: Target | null;
}

/** Matrix products: how near to the machine's rate, and to OpenBLAS called directly. */
function ratesOf({ rows, workload }: Table): { limit: number | null; rates: readonly Rates[] } {
  const gigaflops = (row: Row, prefix: string): number | null => {
    const found = best(row, prefix);
    const count = workload.operations?.(row.name) ?? null;
    return found === null || count === null ? null : count / found.value / 1000;
  };
  const quotient = (a: number | null, b: number | null): number | null =>
    a === null || b === null ? null : a / b;
  const probeRow = rows.find((row) => row.times.has('probe'));
  const limit = probeRow === undefined ? null : gigaflops(probeRow, 'probe');
  const rates = rows
    .filter((row) => row !== probeRow && gigaflops(row, '') !== null)
    .map((row) => ({
      name: row.name,
      of: (prefix: string) => gigaflops(row, prefix),
      share: quotient(gigaflops(row, 'wasm 2'), limit === null ? null : 2 * limit),
      near: quotient(gigaflops(row, 'BLAS'), gigaflops(row, 'OpenBLAS')),
      target: workload.rateTarget?.(row.name) ?? null,
    }));
  return { limit, rates };
}

function ratesText(table: Table): string {
  const { limit, rates } = ratesOf(table);
  if (rates.length === 0) return '';
  const names = ['wasm 1', 'wasm 2', 'BLAS 1', 'BLAS 2', 'PyTorch', 'OpenBLAS 1', 'OpenBLAS 2'];
  const head = ['GFLOP/s', ...names, 'wasm 2 ÷ twice the probe', 'BLAS ÷ OpenBLAS'];
  const lines = [head, head.map((_, i) => (i === 0 ? '---' : '---:'))];
  for (const { name, of, share, near, target } of rates) {
    lines.push([
      name,
      ...names.map((column) => cell(of(column))),
      percent(share, target?.wasm),
      percent(near, target?.blas),
    ]);
  }
  const probeLine =
    limit === null
      ? ''
      : `128-bit multiply-add on one core, measured in the same run: ${short(limit)} GFLOP/s.\n\n`;
  return probeLine + lines.map((line) => `| ${line.join(' | ')} |`).join('\n');
}

function percent(share: number | null, least?: number): string {
  if (share === null) return '';
  const mark = least === undefined ? '' : share >= least ? ' ✓' : ' ✗';
  return `${Math.round(100 * share)} %${mark}`;
}

/** How much longer the other libraries in JavaScript take, from the least to the greatest ratio of a workload. */
function peersText(tables: readonly Table[]): string {
  const lines = tables.flatMap(({ number, title, rows }) => {
    const cells = ['jax-js', 'tfjs'].flatMap((peer) =>
      ['wasm', 'BLAS'].map((ours) => {
        const ratios = rows.flatMap((row) => {
          const [a, b] = [best(row, peer), best(row, ours)];
          return a === null || b === null ? [] : [a.value / b.value];
        });
        if (ratios.length === 0) return '';
        const [least, greatest] = [Math.min(...ratios), Math.max(...ratios)];
        return ratios.length === 1 ? short(least) : `${short(least)} – ${short(greatest)}`;
      }),
    );
    return cells.every((text) => text === '') ? [] : [`| ${[`${number}. ${title}`, ...cells].join(' | ')} |`];
  });
  if (lines.length === 0) return '';
  const head = '| workload | jax-js ÷ wasm | jax-js ÷ BLAS | tfjs ÷ wasm | tfjs ÷ BLAS |';
  const aim = 'Target: workload 1 at least 8 times as fast as both.';
  return [
    '## Peers in JavaScript',
    '',
    aim,
    '',
    head,
    '| --- | ---: | ---: | ---: | ---: |',
    ...lines,
    '',
  ].join('\n');
}

/** How the time of a case grows with its size: the exponent between neighbours, 1 for linear. */
export function growthText(tables: readonly Table[]): string {
  const rows = (number: number): readonly Row[] =>
    tables.find((table) => table.number === number)?.rows ?? [];
  const series: Array<readonly [string, number, string, (name: string) => number | null]> = [];
  const after =
    (prefix: string, suffix = '') =>
    (name: string): number | null => {
      if (!name.startsWith(prefix) || !name.endsWith(suffix)) return null;
      const size = Number(name.slice(prefix.length, name.length - suffix.length));
      return Number.isFinite(size) && size > 0 ? size : null;
    };
  for (const column of ['wasm 1', 'BLAS 1']) series.push([`matmul n (${column})`, 3, column, after('')]);
  for (const op of ['add', 'exp', 'softmax']) series.push([`${op} n (wasm 1)`, 4, 'wasm 1', after(`${op} `)]);
  for (const what of ['batch', 'depth']) series.push([`${what} (wasm 1)`, 10, 'wasm 1', after(`${what} `)]);
  const lines = ['| grows with | time of a step (µs) | exponents | expected |', '| --- | --- | --- | ---: |'];
  for (const [name, number, column, sizeOf] of series) {
    const points = rows(number).flatMap((row) => {
      const size = sizeOf(row.name);
      const times = row.times.get(column);
      return size === null || times === undefined ? [] : [{ size, us: median(times) }];
    });
    if (points.length < 2) continue;
    const exponents = points.slice(1).map((b, i) => {
      const a = points[i];
      return (Math.log(b.us / a.us) / Math.log(b.size / a.size)).toFixed(2);
    });
    const times = points.map(({ size, us }) => `${size}: ${short(us)}`).join(', ');
    lines.push(`| ${name} | ${times} | ${exponents.join(', ')} | ${name.startsWith('matmul') ? 3 : 1} |`);
  }
  return lines.length === 2 ? '' : ['## Growth', '', ...lines, ''].join('\n');
}

/** All cases that have a target, worst first. */
function summary(tables: readonly Table[]): string {
  const found = tables.flatMap((table) =>
    table.rows.flatMap((row) => {
      const target = table.workload.target?.(row.name) ?? null;
      const [wasm, blas] = [ratio(row, 'wasm', median), ratio(row, 'BLAS', median)];
      if (target === null || wasm === null || blas === null) return [];
      const excess = Math.max(wasm / target.wasm, blas / target.blas);
      return [
        {
          name: `${table.number}. ${row.name}`,
          wasm,
          blas,
          target,
          excess,
          pytorch: best(row, 'PyTorch')!.name,
        },
      ];
    }),
  );
  const reached = found.filter(({ excess }) => excess <= 1).length;
  found.sort((a, b) => b.excess - a.excess);
  const lines = found.map(
    ({ name, wasm, blas, target, pytorch }) =>
      `| ${name} | ${wasm.toFixed(2)} | ${blas.toFixed(2)} | ${target.wasm} / ${target.blas} | ${wasm <= target.wasm && blas <= target.blas ? '✓' : '✗'} | ${pytorch} |`,
  );
  const head = [
    '| case | wasm ÷ PyTorch | BLAS ÷ PyTorch | target | | fastest PyTorch |',
    '| --- | ---: | ---: | ---: | --- | --- |',
  ];
  return [`## Targets: ${reached} of ${found.length} reached (worst first)`, '', ...head, ...lines, ''].join(
    '\n',
  );
}

function version(name: string): string {
  const text = readFileSync(`${bench}node_modules/${name}/package.json`, 'utf8');
  return `${name} ${(JSON.parse(text) as { version: string }).version}`;
}

function said(command: string, args: readonly string[]): string {
  try {
    return execFileSync(command, args, { cwd: bench, encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

/** A long run: does a step take as long, and need as much memory, at the end as at the start? */
export function longText(intervals: readonly Interval[]): string {
  if (intervals.length === 0) return '';
  const lines = intervals.map(
    ({ steps, us, rss, heap, objects }) =>
      `| ${steps.toLocaleString('en')} | ${us.toFixed(0)} | ${rss.toFixed(0)} | ${heap.toFixed(0)} | ${objects.toFixed(1)} |`,
  );
  return [
    '## A long run: the two-layer network in a plain loop, nothing disposed',
    '',
    '| after steps | µs a step since the line before | process, MiB | wasm heap, MiB | JavaScript objects, MiB |',
    '| ---: | ---: | ---: | ---: | ---: |',
    ...lines,
    '',
  ].join('\n');
}

export function report(
  tables: readonly Table[],
  intervals: readonly Interval[],
  quick: boolean,
  plan: Readonly<{ rounds: number; turn: number; warm: number }>,
): string {
  const peers = ['@jax-js/jax', '@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm', 'koffi'].map(version);
  const pytorch = said(python, ['-c', 'import torch; print(torch.__version__)']);
  const head = [
    '# Benchmarks',
    '',
    ...(quick ? ['**From a quick run (`--quick`), with few and short rounds: noisy.**', ''] : []),
    `Machine: ${cpus()[0].model}, ${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB; load at the end ${loadavg()[0].toFixed(1)}.`,
    `Versions: TypeTorch ${said('git', ['rev-parse', '--short', 'HEAD'])}, Node ${process.versions.node}, PyTorch ${pytorch}, ${peers.join(', ')}.`,
    '',
    `Made by \`npm run bench\`: ${plan.rounds} alternating turns of ${plan.turn} ms for each column, after a warm-up that ends when nothing becomes faster (at most ${plan.warm} ms); a cell is the median of the turns, in microseconds a step unless said.`,
    '*wasm* is TypeTorch without BLAS, *BLAS* with OpenBLAS through koffi; the number is that of threads. *PyTorch t,b* has t threads of its own and b of its BLAS.',
    'A ratio compares the fastest setting of TypeTorch with the fastest of PyTorch; in parentheses, the ratio of their fastest turns. ✓ and ✗ say whether the target is reached.',
    '',
  ];
  return [
    ...head,
    summary(tables),
    peersText(tables),
    growthText(tables),
    longText(intervals),
    ...tables.map(tableText),
  ].join('\n');
}
