/**
 * `npm run check:docs [-- WORD…]`: compiles and runs the examples of all docstrings and pages, or of those whose path contains one of the
 * words, and compares what they print with what their comments say.
 *
 * Each example starts from the same state: seed 0, PyTorch's defaults, an empty folder as working directory.
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { format } from 'node:util';
import * as torch from 'typetorch';
import {
  type Example,
  examplesOfModule,
  examplesOfPage,
  moduleOf,
  oneLine,
  PRINT,
  promises,
} from './examples.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
/** The modules are compiled here, where imports resolve as in the sources. */
const workshop = join(root, '.cache', `docs-${process.pid}`);
const words = process.argv.slice(2);

function filesBelow(folder: string, extension: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(extension))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}

function collect(): Example[] {
  const pages = ['README.md', ...filesBelow('docs', '.md'), ...filesBelow('examples', '.md')];
  const files = [...filesBelow('src', '.ts'), ...pages.filter((file) => existsSync(join(root, file)))];
  return files
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
    .flatMap((file) => {
      const text = readFileSync(join(root, file), 'utf8');
      return file.endsWith('.ts') ? examplesOfModule(file, text) : examplesOfPage(file, text);
    });
}

const place = (example: Example, line = 1): string => `${example.file}:${example.line + line - 1}`;
const moduleName = (i: number): string => `example${i}.ts`;

/** Problems that the compiler sees, at the lines of the documents. */
function compile(examples: readonly Example[]): string[] {
  mkdirSync(workshop, { recursive: true });
  examples.forEach((example, i) => {
    writeFileSync(join(workshop, moduleName(i)), moduleOf(example));
  });
  const config = { extends: '../../tsconfig.json', include: ['*.ts'], exclude: [] };
  writeFileSync(join(workshop, 'tsconfig.json'), JSON.stringify(config));
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { stdout } = spawnSync(process.execPath, [tsc, '--noEmit', '-p', workshop], {
    cwd: workshop,
    encoding: 'utf8',
  });
  return stdout
    .split('\n')
    .filter((line) => line.trim() !== '')
    .flatMap((line) => {
      const found = /^example(\d+)\.ts\((\d+),\d+\): (.*)$/.exec(line);
      // Errors elsewhere are those of the sources: `npm run types` tells them.
      if (found === null) return [];
      return [`${place(examples[Number(found[1])], Number(found[2]) - 1)}: ${found[3]}`];
    });
}

function reset(): void {
  torch.manualSeed(0);
  torch.setDefaultDtype(torch.float32);
  torch.setPrintoptions({ profile: 'default' });
}

let outputs = 0;

/** Runs an example; what went wrong, one entry each. */
async function run(example: Example, i: number): Promise<string[]> {
  const printed = new Map<number, string[]>();
  const print = (line: number, ...values: unknown[]): void => {
    printed.set(line, [...(printed.get(line) ?? []), format(...values)]);
  };
  (globalThis as Record<string, unknown>)[PRINT] = print;
  reset();
  try {
    await import(pathToFileURL(join(workshop, moduleName(i))).href);
  } catch (error) {
    return [`${place(example)}: ${error instanceof Error ? error.stack : String(error)}`];
  }
  return promises(example).flatMap(({ line, output }) => {
    outputs++;
    const got = oneLine((printed.get(line) ?? []).join('\n'));
    return got === output ? [] : [`${place(example, line)}:\n  expected ${output}\n  got      ${got}`];
  });
}

const examples = collect();
const problems: string[] = [];
const folder = mkdtempSync(join(tmpdir(), 'typetorch-docs-'));
try {
  problems.push(...compile(examples));
  process.chdir(folder);
  for (const [i, example] of examples.entries()) problems.push(...(await run(example, i)));
} finally {
  process.chdir(root);
  rmSync(workshop, { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
}
for (const problem of problems) console.error(problem);
console.log(`${examples.length} examples, ${outputs} outputs compared, ${problems.length} problems`);
process.exit(problems.length === 0 ? 0 : 1);
