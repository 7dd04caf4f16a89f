/**
 * `npm test [-- WORD…]`: runs all tests, or those whose path contains one of the words.
 *
 * Two files run at a time, each in a process of its own. The checks of the layers, of generated pages and the like are tests too.
 * Nothing here needs Python, a browser or the network. The output ends with the closing lines of Node's test runner.
 */
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { fileURLToPath } from 'node:url';
import report from './reporter.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
const words = process.argv.slice(2);

const files = readdirSync(join(root, 'tests'), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.test.ts'))
  .map((entry) => join(entry.parentPath, entry.name))
  .filter((path) => words.length === 0 || words.some((word) => relative(root, path).includes(word)))
  .sort();

if (files.length === 0) {
  console.error(`no test has ${words.map((w) => `'${w}'`).join(' or ')} in its path`);
  process.exit(1);
}

/** What no file takes, in milliseconds: one that does is stuck. */
const STUCK = 600_000;

// The options that load TypeScript are those of this process; the runner hands them on.
process.chdir(root);
run({ files, concurrency: 2, timeout: STUCK })
  .on('test:fail', ({ todo }) => {
    if (todo === undefined) process.exitCode = 1;
  })
  .compose(report)
  .pipe(process.stdout);
