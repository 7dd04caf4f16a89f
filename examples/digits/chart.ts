/** Line charts as inline SVG. Colours come from the page's CSS. */

export interface Series {
  readonly name: string;
  /** The CSS class that gives the colour. */
  readonly style: string;
  /** One value an epoch. */
  readonly values: readonly number[];
}

export interface Scale {
  /** 0 (bottom) to 1 (top). */
  place(value: number): number;
  readonly ticks: readonly number[];
  show(value: number): string;
}

const WIDTH = 520;
const HEIGHT = 260;
const LEFT = 46;
const RIGHT = 92;
const TOP = 14;
const BOTTOM = 34;

/** 1, 2, 5, 10, 20, … per power of ten. */
function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((m) => m * power).find((step) => step >= rough) ?? 10 * power;
}

/** From a round number below the values to `top`. */
export function linearScale(values: readonly number[], top: number, show: (value: number) => string): Scale {
  const least = Math.min(...values.filter(Number.isFinite), top);
  const step = roundStep(Math.max(top - least, top * 0.01) / 5);
  const count = Math.max(1, Math.ceil((top - least) / step - 1e-9));
  const bottom = top - count * step;
  const ticks = Array.from({ length: count + 1 }, (_, i) => bottom + i * step);
  const place = (v: number) => (Number.isFinite(v) ? (v - bottom) / (top - bottom) : 1);
  return { place, ticks, show };
}

/** Equal ratios are equally far apart. */
export function logScale(values: readonly number[], show: (value: number) => string): Scale {
  const positive = values.filter((v) => v > 0 && Number.isFinite(v));
  const low = Math.log10(Math.min(...positive, 1)) - 0.05;
  const high = Math.log10(Math.max(...positive, 1)) + 0.05;
  const ticks: number[] = [];
  for (let power = Math.floor(low); power <= high; power++) {
    for (const digit of high - low > 2 ? [1, 3] : [1, 2, 5]) {
      const tick = digit * 10 ** power;
      if (Math.log10(tick) >= low && Math.log10(tick) <= high) ticks.push(tick);
    }
  }
  const place = (v: number) =>
    Number.isFinite(v) ? (Math.log10(Math.max(v, 10 ** low)) - low) / (high - low) : 1;
  return { place, ticks, show };
}

const round = (x: number): string => x.toFixed(1);

/** At most about eight epochs to name below the chart. */
function epochTicks(count: number): number[] {
  const step = Math.max(1, roundStep(count / 8));
  const ticks = Array.from({ length: count }, (_, i) => i + 1).filter((e) => e % step === 0);
  return ticks[0] === 1 ? ticks : [1, ...ticks];
}

/** Names at the ends of the lines, moved apart where they would overlap. */
function endLabels(ends: readonly { y: number; text: string; style: string }[]): string {
  const sorted = [...ends].sort((a, b) => a.y - b.y);
  const gap = 15;
  let last = Number.NEGATIVE_INFINITY;
  return sorted
    .map(({ y, text, style }) => {
      last = Math.max(y, last + gap);
      return `<text class="name ${style}" x="${WIDTH - RIGHT + 10}" y="${round(last + 4)}">${text}</text>`;
    })
    .join('');
}

/** One line per series over the epochs, with a grid, the names at the ends, and the value of each point on hover. */
export function lineChart(title: string, series: readonly Series[], scale: Scale): string {
  const count = Math.max(...series.map((s) => s.values.length));
  const x = (epoch: number): number =>
    LEFT + (count === 1 ? 0.5 : (epoch - 1) / (count - 1)) * (WIDTH - LEFT - RIGHT);
  const y = (value: number): number => TOP + (1 - scale.place(value)) * (HEIGHT - TOP - BOTTOM);
  const grid = scale.ticks.map(
    (tick) =>
      `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${round(y(tick))}" y2="${round(y(tick))}"/>` +
      `<text class="tick" text-anchor="end" x="${LEFT - 8}" y="${round(y(tick) + 4)}">${scale.show(tick)}</text>`,
  );
  const epochs = epochTicks(count).map(
    (e) =>
      `<text class="tick" text-anchor="middle" x="${round(x(e))}" y="${HEIGHT - BOTTOM + 18}">${e}</text>`,
  );
  const lines = series.map(({ name, style, values }) => {
    const points = values.map((v, i) => `${round(x(i + 1))},${round(y(v))}`).join(' ');
    const dots = values.map(
      (v, i) =>
        `<circle class="${style}" cx="${round(x(i + 1))}" cy="${round(y(v))}" r="${values.length > 60 ? 1.5 : 3}">` +
        `<title>epoch ${i + 1}, ${name}: ${scale.show(v)}</title></circle>`,
    );
    return `<polyline class="${style}" points="${points}"/>${dots.join('')}`;
  });
  const ends = series.map((s) => ({ y: y(s.values[s.values.length - 1]), text: s.name, style: s.style }));
  return (
    `<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}">` +
    `${grid.join('')}${epochs.join('')}` +
    `<text class="tick" text-anchor="middle" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 2}">epoch</text>` +
    `${lines.join('')}${endLabels(ends)}</svg>`
  );
}
