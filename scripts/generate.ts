/**
 * `npm run generate [-- --check]`: writes what is generated from the op table, or only tells whether it is up to date: the page
 * `docs/supported.md`, and the type `src/tensor/withoutInplace.ts`. Run it after adding an op.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { withoutInplace } from './inplace.ts';
import { supported } from './supported.ts';

/** Generated files, by their path from the root, and how each is made. */
export const generated: Readonly<Record<string, () => string>> = {
  'docs/supported.md': supported,
  'src/tensor/withoutInplace.ts': withoutInplace,
};

/** The first line in which a generated file is not what it should be, or null. */
export function staleLine(path: string): string | null {
  const url = new URL(`../${path}`, import.meta.url);
  const found = existsSync(url) ? readFileSync(url, 'utf8').split('\n') : [];
  const expected = generated[path]().split('\n');
  const length = Math.max(found.length, expected.length);
  const at = Array.from({ length }, (_, i) => i).find((i) => expected[i] !== found[i]);
  return at === undefined ? null : `line ${at + 1} should be ${(expected[at] ?? 'the end').slice(0, 200)}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const check = process.argv.includes('--check');
  for (const [path, make] of Object.entries(generated)) {
    if (!check) writeFileSync(new URL(`../${path}`, import.meta.url), make());
    else {
      const stale = staleLine(path);
      if (stale === null) continue;
      console.error(`${path} is not up to date: ${stale}`);
      process.exitCode = 1;
    }
  }
}
