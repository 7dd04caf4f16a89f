/**
 * Where the time of a workload goes: `npx tsx bench/profile.ts 2-lenet "batch 1"`, in the environment that is to be looked at (`TYPETORCH_BLAS=off`,
 * `TYPETORCH_NUM_THREADS=1`). Two lists: functions by their own time, and operations by the time in and under them, with the part in WebAssembly.
 * Native calls through koffi appear under changing names.
 */
import { Session } from 'node:inspector/promises';
import type { Profiler } from 'node:inspector';
import * as torch from 'typetorch';
import type { Workload } from './harness/workload.ts';

const [file, name] = process.argv.slice(2);
const { default: workload } = (await import(`./workloads/${file}.ts`)) as { default: Workload };
const cases = workload.typetorch(torch);
if (cases[name] === undefined) {
  console.error(`Cases: ${Object.keys(cases).join(' | ')}`);
  process.exit(1);
}
torch.manualSeed(0);
const step = await cases[name]();

function repeat(ms: number): number {
  const start = performance.now();
  let count = 0;
  for (; performance.now() - start < ms; count++) step();
  return count;
}

repeat(1000);
const session = new Session();
session.connect();
await session.post('Profiler.enable');
await session.post('Profiler.setSamplingInterval', { interval: 200 });
await session.post('Profiler.start');
const before = process.cpuUsage();
const steps = repeat(3000);
const { user, system } = process.cpuUsage(before);
const { profile } = await session.post('Profiler.stop');

const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
const parents = new Map(
  profile.nodes.flatMap(({ id, children }) => (children ?? []).map((child) => [child, id])),
);
const place = ({ callFrame: { url } }: Profiler.ProfileNode): string => url.replace(/^.*\/(dist|src)\//, '');
const isWasm = ({ callFrame: { url } }: Profiler.ProfileNode): boolean => url.startsWith('wasm');
const label = (node: Profiler.ProfileNode): string =>
  isWasm(node) ? 'WebAssembly' : `${node.callFrame.functionName || '(anonymous)'} ${place(node)}`;

/** The innermost two functions of the op table, nn or optim on the stack, and whether it is a backward pass. */
function operation(node: Profiler.ProfileNode): string {
  const frames: string[] = [];
  let backward = '';
  for (
    let at: Profiler.ProfileNode | undefined = node;
    at !== undefined;
    at = nodes.get(parents.get(at.id) ?? -1)
  ) {
    const where = place(at);
    if (where.startsWith('autograd/engine')) backward = 'backward: ';
    if (!/^(ops|nn|optim)\//.test(where) || /define|runtime|nn\/module/.test(where)) continue;
    frames.push(`${at.callFrame.functionName || '(anonymous)'} ${where}:${at.callFrame.lineNumber + 1}`);
  }
  return backward + (frames.slice(0, 2).join(' < ') || label(node));
}

const own = new Map<string, number>();
const operations = new Map<string, { all: number; wasm: number }>();
const total = profile.timeDeltas!.reduce((sum, us) => sum + us, 0);
profile.samples!.forEach((id, i) => {
  const node = nodes.get(id)!;
  const us = profile.timeDeltas![i];
  own.set(label(node), (own.get(label(node)) ?? 0) + us);
  const entry = operations.get(operation(node)) ?? { all: 0, wasm: 0 };
  operations.set(operation(node), entry);
  entry.all += us;
  if (isWasm(node)) entry.wasm += us;
});

const percent = (us: number): string => `${((100 * us) / total).toFixed(1)} %`.padStart(7);
console.log(`${file}, ${name}: ${((user + system) / steps).toFixed(0)} µs of processor time a step`);
console.log('\nown time');
for (const [text, us] of [...own].sort((a, b) => b[1] - a[1]).slice(0, 16)) console.log(percent(us), text);
console.log('\noperations     in WebAssembly');
for (const [text, { all, wasm }] of [...operations].sort((a, b) => b[1].all - a[1].all).slice(0, 24)) {
  console.log(percent(all), percent(wasm), text);
}
process.exit(0);
