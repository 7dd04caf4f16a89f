/** The profiler: what it records, its table and trace, and that it is gone when it stops. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import * as torch from 'typetorch';

function work(): void {
  const w = torch.ones(3, 4, { requiresGrad: true });
  torch.ones(2, 3).mm(w).relu().sum().backward();
  torch.noGrad(() => w.sub_(w.grad as torch.Tensor, { alpha: 0.1 }));
}

test('ops, their backward, kernels, sizes and memory are recorded', () => {
  const prof = torch.profiler.profile(work, { recordShapes: true });
  const events = prof.events();
  const mm = events.find((e) => e.kind === 'op' && e.name === 'mm');
  assert.deepEqual(mm?.sizes, [
    [2, 3],
    [3, 4],
  ]);
  assert.ok((mm?.bytes ?? 0) >= 2 * 4 * 4, 'the result of mm takes memory');
  const names = new Set(events.map((e) => `${e.kind} ${e.name}`));
  for (const name of [
    'backward MmBackward0',
    'backward SumBackward0',
    'kernel contract',
    'op sub_',
    'op sum',
  ]) {
    assert.ok(names.has(name), `${name} among ${[...names].join(', ')}`);
  }
  const kernel = events.find((e) => e.kind === 'kernel' && e.name === 'contract');
  assert.ok((kernel?.depth ?? 0) > (mm?.depth ?? 0), 'the kernel lies inside the op');
});

test('averages: self time leaves out what is inside, and the table is sorted', () => {
  const prof = torch.profiler.profile(() => {
    for (let i = 0; i < 3; i++) work();
  });
  const list = prof.keyAverages();
  const mm = list.find((e) => e.key === 'mm');
  assert.equal(mm?.count, 3 + 0);
  assert.ok((mm?.selfCpuTimeTotal ?? 0) <= (mm?.cpuTimeTotal ?? 0));
  const rows = list
    .table({ sortBy: 'count', rowLimit: 2 })
    .split('\n')
    .slice(3, 5)
    .map((line) => Number(line.trim().split(/\s+/).at(-1)));
  assert.ok(rows[0] >= rows[1]);
  assert.throws(() => list.table({ sortBy: 'nothing' as 'count' }), /sort_by should be one of/);
});

test('a trace is what Chrome reads', () => {
  const folder = mkdtempSync(join(tmpdir(), 'profiler-'));
  try {
    const prof = torch.profiler.profile(() => torch.profiler.recordFunction('my part', work));
    prof.exportChromeTrace(join(folder, 'trace.json'));
    const { traceEvents } = JSON.parse(readFileSync(join(folder, 'trace.json'), 'utf8')) as {
      traceEvents: { name: string; ph: string; ts: number; dur: number }[];
    };
    const part = traceEvents.find((e) => e.name === 'my part');
    assert.ok(part !== undefined && part.ph === 'X');
    for (const e of traceEvents) {
      assert.ok(e.ts >= part.ts && e.ts + e.dur <= part.ts + part.dur + 1, `${e.name} lies inside`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('nothing is recorded after it stops, also by disposal', () => {
  const prof = new torch.profiler.Profile().start();
  work();
  prof[Symbol.dispose]();
  const { length } = prof.events();
  assert.ok(length > 0);
  work();
  assert.equal(prof.events().length, length);
});
