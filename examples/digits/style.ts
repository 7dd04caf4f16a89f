/** The look of the report, in light and in dark. */
export const style: string = `
:root {
  color-scheme: light dark;
  --page: #f6f6f4; --card: #ffffff; --ink: #1c1d21; --soft: #666a73; --line: #e3e3df;
  --train: #2f6fd0; --test: #c2570c; --good: 47 111 208; --bad: 194 87 12;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #16171a; --card: #1f2125; --ink: #e9eaec; --soft: #9a9faa; --line: #34373d;
    --train: #7aaef8; --test: #f2a063; --good: 122 174 248; --bad: 242 160 99;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 40px 24px 64px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 6px; letter-spacing: -0.01em; }
h2 { font-size: 17px; margin: 0 0 4px; }
p { margin: 0; }
.soft, figcaption, .note { color: var(--soft); }
.note { font-size: 14px; margin-bottom: 14px; }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); gap: 16px; margin: 28px 0 16px; }
.grid2 { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(440px, 100%), 1fr)); gap: 16px; margin-bottom: 16px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 20px 22px; min-width: 0; }
.numbers .card { padding: 14px 18px; }
.numbers b { display: block; font-size: 26px; line-height: 1.25; font-weight: 650; font-variant-numeric: tabular-nums; }
.numbers span { color: var(--soft); font-size: 14px; }
.chart { display: block; width: 100%; height: auto; overflow: visible; }
.chart text { font: 12px system-ui, sans-serif; }
.chart .tick { fill: var(--soft); font-variant-numeric: tabular-nums; }
.chart .grid { stroke: var(--line); stroke-width: 1; }
.chart polyline { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.chart polyline.train { stroke: var(--train); } .chart circle.train, .chart .name.train { fill: var(--train); }
.chart polyline.test { stroke: var(--test); } .chart circle.test, .chart .name.test { fill: var(--test); }
.chart .name { font-weight: 600; }
.matrix { border-collapse: separate; border-spacing: 2px; width: 100%; table-layout: fixed; font-variant-numeric: tabular-nums; font-size: 14px; text-align: center; }
.matrix th { font-weight: 500; color: var(--soft); padding: 3px 0; }
.matrix td { height: 32px; border-radius: 5px; background: rgb(var(--tint) / calc(0.1 + 0.55 * var(--k))); }
.matrix td.none { color: rgb(from var(--soft) r g b / 0.45); background: none; }
.matrix td.right { --tint: var(--good); } .matrix td.wrong { --tint: var(--bad); font-weight: 650; }
.misread { display: grid; grid-template-columns: repeat(auto-fill, minmax(108px, 1fr)); gap: 14px; }
figure { margin: 0; font-size: 13px; line-height: 1.35; }
figure img { display: block; width: 100%; aspect-ratio: 1; border: 1px solid var(--line); border-radius: 8px; margin-bottom: 6px; }
@media (prefers-color-scheme: dark) { figure img { filter: invert(1); border-color: #cbc8c2; } }
figure strong { color: var(--ink); font-weight: 650; } figure em { color: var(--test); font-style: normal; font-weight: 650; }
pre { margin: 0; overflow-x: auto; font: 13px/1.5 ui-monospace, monospace; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 18px; margin: 0 0 18px; font-size: 14px; }
dt { color: var(--soft); } dd { margin: 0; font-variant-numeric: tabular-nums; }
`;
