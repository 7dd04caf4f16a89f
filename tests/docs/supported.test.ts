/** The page of what is supported says what the op table says. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { supported } from '../../scripts/supported.ts';

test('docs/supported.md is up to date', () => {
  const page = readFileSync(new URL('../../docs/supported.md', import.meta.url), 'utf8');
  const lines = page.split('\n');
  const stale = supported()
    .split('\n')
    .filter((line) => !lines.includes(line));
  assert.deepEqual(stale, [], 'run npm run docs:supported');
  assert.ok(page === supported(), 'run npm run docs:supported');
});
