/**
 * `npm run docs:supported [-- --check]`: writes `docs/supported.md` from the op table, or only tells whether it is up to date.
 *
 * What an op takes is found out, not declared: the samples of its tests are called in every dtype on the reference device, whose agreement
 * with the other devices those tests check.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { supported } from './supported.ts';

const path = fileURLToPath(new URL('../docs/supported.md', import.meta.url));
const text = supported();

if (!process.argv.includes('--check')) writeFileSync(path, text);
else if (!existsSync(path) || readFileSync(path, 'utf8') !== text) {
  console.error('docs/supported.md is not up to date: npm run docs:supported');
  process.exitCode = 1;
}
