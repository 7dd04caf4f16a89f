/** A plain synchronous training loop stays in bounded memory, with the system's BLAS and without. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { LoopReport } from './loop.ts';

const run = promisify(execFile);
const program = fileURLToPath(new URL('loop.ts', import.meta.url));

/** Trains in a process of its own, whose peak memory is that of the loop. */
async function train(iterations: number, blas: string): Promise<LoopReport> {
  const { stdout } = await run(process.execPath, ['--import', 'tsx', program, String(iterations)], {
    env: { ...process.env, TYPETORCH_BLAS: blas },
  });
  return JSON.parse(stdout) as LoopReport;
}

describe('memory of a synchronous training loop', () => {
  for (const blas of ['off', 'auto']) {
    test(`is bounded (BLAS ${blas})`, async () => {
      const report = await train(1200, blas);
      const text = JSON.stringify(report);
      assert.ok(report.lastLoss < report.firstLoss / 5, text);
      // An iteration leaves half a megabyte of garbage: unreclaimed, 600 MB on top of the process's own 150.
      assert.ok(report.peakRss < 600, text);
      assert.ok(report.peakLive < 400, text);
      const [, half, , end] = report.points;
      assert.ok(end.objects - half.objects < 30, `JavaScript objects grow: ${text}`);
      assert.ok(end.heap < 400, text);
    });
  }
});
