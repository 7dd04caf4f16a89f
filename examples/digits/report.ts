/** The report: one HTML file with everything in it. */
import type { Tensor } from 'typetorch';
import { linearScale, lineChart, logScale, type Series } from './chart.ts';
import { inkImage } from './png.ts';
import { style } from './style.ts';
import type { Score } from './training.ts';

export interface Epoch {
  readonly train: Score;
  readonly test: Score;
}

export interface Run {
  readonly network: string;
  readonly parameters: number;
  readonly trainSize: number;
  readonly seconds: number;
  /** Name and value of everything that was chosen. */
  readonly settings: readonly (readonly [string, string])[];
  readonly history: readonly Epoch[];
  /** The held-out images (N, 1, 32, 32), the digits they show and the probabilities (N, 10) the network gives. */
  readonly images: Tensor;
  readonly labels: readonly number[];
  readonly probabilities: readonly (readonly number[])[];
}

const percent = (x: number): string => `${(100 * x).toFixed(1)} %`;
const count = (n: number): string => n.toLocaleString('en');

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
}

function argmax(values: readonly number[]): number {
  return values.indexOf(Math.max(...values));
}

function card(title: string, note: string, content: string): string {
  return `<section class="card"><h2>${title}</h2><p class="note">${note}</p>${content}</section>`;
}

function number(value: string, label: string): string {
  return `<div class="card"><b>${value}</b><span>${label}</span></div>`;
}

function curves(history: readonly Epoch[]): string {
  const series = (read: (score: Score) => number): Series[] => [
    { name: 'training', style: 'train', values: history.map((e) => read(e.train)) },
    { name: 'held out', style: 'test', values: history.map((e) => read(e.test)) },
  ];
  const [losses, accuracies] = [series((s) => s.loss), series((s) => s.accuracy)];
  const all = (lines: readonly Series[]) => lines.flatMap((line) => line.values);
  const loss = lineChart(
    'Loss by epoch',
    losses,
    logScale(all(losses), (v) => String(Number(v.toPrecision(2)))),
  );
  const whole = (v: number) => `${Number((100 * v).toFixed(1))} %`;
  const accuracy = lineChart('Accuracy by epoch', accuracies, linearScale(all(accuracies), 1, whole));
  return (
    card('Loss', 'cross-entropy, mean over the digits; logarithmic scale', loss) +
    card('Accuracy', 'share of digits read correctly', accuracy)
  );
}

/** Rows: what the digit is. Columns: what it was read as. */
function confusion(labels: readonly number[], read: readonly number[]): string {
  const counts = Array.from({ length: 10 }, () => new Array<number>(10).fill(0));
  labels.forEach((label, i) => {
    counts[label][read[i]]++;
  });
  const most = Math.max(1, ...counts.flat());
  const cell = (n: number, label: number, digit: number): string => {
    if (n === 0) return '<td class="none">·</td>';
    const kind = label === digit ? 'right' : 'wrong';
    // A single misread digit has to be seen beside dozens of right ones.
    const strength = label === digit ? n / most : Math.min(1, 0.5 + n / 10);
    const title = `${n} × ${label} read as ${digit}`;
    return `<td class="${kind}" style="--k:${strength.toFixed(2)}" title="${title}">${n}</td>`;
  };
  const digits = Array.from({ length: 10 }, (_, d) => `<th scope="col">${d}</th>`).join('');
  const rows = counts.map(
    (row, label) => `<tr><th scope="row">${label}</th>${row.map((n, d) => cell(n, label, d)).join('')}</tr>`,
  );
  return `<table class="matrix"><thead><tr><th></th>${digits}</tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

const MOST_PICTURES = 48;

function misread(run: Run, read: readonly number[]): string {
  const wrong = run.labels.flatMap((label, i) => (read[i] === label ? [] : [i]));
  const shown = wrong.slice(0, MOST_PICTURES);
  const figures = shown.map((i) => {
    const [label, digit] = [run.labels[i], read[i]];
    const pixels = run.images.select(0, i).select(0, 0).tolist() as number[][];
    const sure = `${Math.round(100 * run.probabilities[i][digit])} % sure`;
    const caption = `a <strong>${label}</strong> read as <em>${digit}</em><br>${sure}`;
    return `<figure><img src="${inkImage(pixels)}" alt="A ${label}, read as ${digit}"><figcaption>${caption}</figcaption></figure>`;
  });
  const note =
    wrong.length === 0
      ? 'none: every held-out digit was read correctly'
      : `${wrong.length} of ${count(run.labels.length)} held-out digits` +
        (wrong.length > shown.length ? `, the first ${shown.length} of them` : '');
  return card('Misread digits', note, `<div class="misread">${figures.join('')}</div>`);
}

/** The whole page. */
export function report(run: Run): string {
  const read = run.probabilities.map(argmax);
  const last = run.history[run.history.length - 1];
  const settings = run.settings.map(([name, value]) => `<dt>${escape(name)}</dt><dd>${escape(value)}</dd>`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Reading digits with TypeTorch</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>Reading handwritten digits</h1>
<p class="soft">LeNet, trained by TypeTorch on ${count(run.trainSize)} digits and tested on ${count(run.labels.length)} others.</p>
<div class="numbers">
${number(percent(last.test.accuracy), 'of the held-out digits read correctly')}
${number(last.test.loss.toFixed(3), 'loss on the held-out digits')}
${number(count(run.parameters), 'parameters')}
${number(`${run.seconds.toFixed(1)} s`, `for ${run.history.length} epoch${run.history.length === 1 ? '' : 's'}`)}
</div>
<div class="grid2">
${curves(run.history)}
${card('Confusion matrix', 'rows: what the digit is; columns: what it was read as', confusion(run.labels, read))}
<section class="card"><h2>Network</h2><p class="note">as it prints itself</p><dl>${settings.join('')}</dl><pre>${escape(run.network)}</pre></section>
</div>
${misread(run, read)}
</main>
</body>
</html>
`;
}
