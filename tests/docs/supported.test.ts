/** The page of what is supported says what the op table says. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { supported } from '../../scripts/supported.ts';

test('docs/supported.md is up to date', () => {
  const page = readFileSync(new URL('../../docs/supported.md', import.meta.url), 'utf8').split('\n');
  const expected = supported().split('\n');
  const at = expected.findIndex((line, i) => line !== page[i]);
  const first = at < 0 ? '' : `; line ${at + 1} would be ${expected[at].slice(0, 200)}`;
  assert.ok(at < 0 && page.length === expected.length, `npm run docs:supported brings it up to date${first}`);
});
