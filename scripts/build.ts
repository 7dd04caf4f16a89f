/**
 * `npm run build`: the package in `dist/`.
 *
 * The compiler rewrites `./x.ts` to `./x.js` in JavaScript, but leaves it in declarations; there it is done here, so that
 * every version of TypeScript resolves them. `dist/bundle/` is the same code once more, joined for Node (`scripts/bundle.ts`).
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
const dist = join(root, 'dist');

rmSync(dist, { recursive: true, force: true });
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
});
if (status !== 0) process.exit(status ?? 1);

/** `[Symbol.dispose]` in a declaration needs a library that users may not have in their `lib`. */
const disposable = '/// <reference lib="esnext.disposable" />';
const specifier = /(\bfrom |\bimport |\bimport\(|\bmodule )(['"])(\.[^'"\n]*)\.ts\2/g;
for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
  if (!entry.name.endsWith('.d.ts')) continue;
  const path = join(entry.parentPath, entry.name);
  const text = readFileSync(path, 'utf8');
  const rewritten = text.replace(specifier, '$1$2$3.js$2');
  writeFileSync(path, /\[Symbol\.(asyncD|d)ispose\]/.test(text) ? `${disposable}\n${rewritten}` : rewritten);
}

await bundle(dist);
