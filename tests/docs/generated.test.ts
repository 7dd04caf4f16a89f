/** What is generated from the op table says what the op table says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generated, staleLine } from '../../scripts/generate.ts';

for (const path of Object.keys(generated)) {
  test(`${path} is up to date`, () => {
    const stale = staleLine(path);
    assert.ok(stale === null, `npm run generate brings it up to date: ${stale}`);
  });
}
