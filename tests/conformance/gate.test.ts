/** The gate over conformance results: what breaks a promise, and what does not. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { broken, PROMISES } from './gate.ts';
import type { Result } from './runner.ts';

type Status = Result['status'];

/** A run in which every promise is kept, but for the changes. */
function results(changes: readonly (readonly [suite: string, status: Status, message?: string])[]): Result[] {
  const suites = [...PROMISES.map((p) => p.name).filter((name) => !name.startsWith('ops')), 'ops'];
  const of = (suite: string, i: number, status: Status, message: string): Result => ({
    suite,
    op: 'torch.f',
    tier: suite === 'ops' ? 1 : null,
    dtype: 'float32',
    id: `${suite}/f#${i}`,
    status,
    message,
  });
  return [
    ...suites.flatMap((suite) => Array.from({ length: 100 }, (_, i) => of(suite, i, 'passed', ''))),
    ...changes.map(([suite, status, message = ''], i) => of(suite, 1000 + i, status, message)),
  ];
}

describe('conformance gate', () => {
  test('promises that are kept', () => {
    assert.deepEqual(broken(results([])), []);
    assert.deepEqual(
      broken(
        results([
          ['autograd', 'unsupported', 'complex'],
          ['ops', 'failed'],
        ]),
      ),
      [],
    );
  });

  test('a wrong answer, a missing one', () => {
    assert.deepEqual(broken(results([['indexing', 'failed', 'Expected 1\nmore']])), [
      'indexing: 100 of 101 cases pass, fewer than 100 %',
      'indexing: 1 cases fail, more than 0\n  indexing/f#1000: Expected 1',
    ]);
    assert.deepEqual(broken(results([['autograd', 'unsupported']])), [
      'autograd: 100 of 101 cases pass, fewer than 100 %',
    ]);
  });

  test('a suite that was not run', () => {
    const some = results([]).filter((r) => r.suite !== 'printing');
    assert.deepEqual(broken(some), ['printing: no cases were run']);
  });
});
